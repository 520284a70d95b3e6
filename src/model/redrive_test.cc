#include "model/redrive.h"

#include <gtest/gtest.h>

#include "model/transitions.h"

namespace rhooks::model {
namespace {

using namespace std::chrono_literals;

const TimePoint kBegan{1'700'000'000'000ms};

Redrive of_namespace() {
  Redrive redrive;
  redrive.ns = "ns";
  redrive.started_at = kBegan;
  return redrive;
}

Task failed_task() {
  Task task;
  task.key = {"ns", "a"};
  task.status = Status::kFailed;
  task.failure_reason = failure::kExhausted;
  task.updated_at = kBegan;
  return task;
}

std::string field_refused(const Redrive& redrive) {
  const auto valid = validate(redrive);
  return valid ? "none" : valid.error().field;
}

TEST(RedriveTest, WhatIsWrongIsRefused) {
  EXPECT_EQ(field_refused(of_namespace()), "none");
  EXPECT_EQ(field_refused({}), "namespace");
  const auto with = [](auto change) {
    Redrive redrive = of_namespace();
    change(redrive);
    return field_refused(redrive);
  };
  EXPECT_EQ(with([](Redrive& r) { r.id = std::string(513, 'i'); }), "id");
  EXPECT_EQ(with([](Redrive& r) { r.id = "\xff"; }), "id");
  EXPECT_EQ(with([](Redrive& r) { r.endpoint = "a b"; }), "endpoint");
  EXPECT_EQ(with([](Redrive& r) { r.reason = "tired"; }), "reason");
  EXPECT_EQ(with([](Redrive& r) { r.last_status = 99; }), "lastStatus");
  EXPECT_EQ(with([](Redrive& r) { r.max = -1; }), "max");
  EXPECT_EQ(with([](Redrive& r) { r.status = Status::kDone; }), "status");
  EXPECT_EQ(with([](Redrive& r) { r.status = Status::kFailed; }), "none");
  EXPECT_EQ(with([](Redrive& r) {
              r.from = kBegan;
              r.to = kBegan - 1ms;
            }),
            "from");
  for (const Rate& rate : {Rate{0, 1s}, Rate{-1, 1s}, Rate{1, 0s}, Rate{1, 999ms}, Rate{1, 169h},
                           Rate{10'001, 1s}, Rate{600'001, 1min}}) {
    EXPECT_EQ(with([&](Redrive& r) { r.rate = rate; }), "rate") << rate.limit;
  }
  for (const Rate& rate : {Rate{1, 1s}, Rate{1, 168h}, Rate{10'000, 1s}, Rate{600'000, 1min}}) {
    EXPECT_EQ(with([&](Redrive& r) { r.rate = rate; }), "none") << rate.limit;
  }
}

TEST(RedriveTest, TakesWhatHadFailedWhenItBegan) {
  EXPECT_TRUE(takes(of_namespace(), failed_task()));
  Task late = failed_task();
  late.updated_at = kBegan + 1ms;
  EXPECT_FALSE(takes(of_namespace(), late));
  Task active = failed_task();
  active.status = Status::kActive;
  EXPECT_FALSE(takes(of_namespace(), active));
  Task cancelled = failed_task();
  cancelled.failure_reason = failure::kCancelled;
  EXPECT_FALSE(takes(of_namespace(), cancelled));
  Redrive asked = of_namespace();
  asked.reason = failure::kCancelled;
  EXPECT_TRUE(takes(asked, cancelled));
}

TEST(RedriveTest, WhatIsRunAgainIsNotTakenOnceMore) {
  // By a clock that is behind that of the beginning, too.
  for (const TimePoint at : {kBegan - 1h, kBegan, kBegan + 1h}) {
    const StoredRedrive::Step step{at, {"a"}};
    const auto again = redriven(failed_task(), of_namespace(), step);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->status, Status::kActive);
    EXPECT_EQ(again->scheduled_date, std::max(at, kBegan + 1ms));
    Task failed_once_more = *again;
    failed_once_more.status = Status::kFailed;
    EXPECT_FALSE(takes(of_namespace(), failed_once_more));
    EXPECT_EQ(redriven(*again, of_namespace(), step).error().code, ErrorCode::kConflict);
  }
}

TEST(RedriveTest, StepsAreAsLargeAsTheRateGivesInASecond) {
  const auto size = [](Rate rate, std::int64_t max = 0, std::int64_t redriven_so_far = 0) {
    StoredRedrive redrive;
    redrive.rate = rate;
    redrive.max = max;
    redrive.redriven = redriven_so_far;
    return step_max(redrive);
  };
  EXPECT_EQ(size({50, 1s}), 50u);
  EXPECT_EQ(size({10'000, 1s}), 100u);
  EXPECT_EQ(size({100, 1min}), 1u);
  EXPECT_EQ(size({1, 168h}), 1u);
  EXPECT_EQ(size({50, 1s}, 70, 40), 30u);
  EXPECT_EQ(size({50, 1s}, 70, 70), 0u);
  const StoredRedrive::Step two{kBegan, {"a", "b"}};
  EXPECT_EQ(length_of(two, {50, 1s}), 40ms);
  EXPECT_EQ(length_of(two, {3, 1s}), 667ms);
  EXPECT_EQ(length_of(two, {1, 168h}), 336h);
}

}  // namespace
}  // namespace rhooks::model
