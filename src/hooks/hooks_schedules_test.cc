// Tasks with schedules, from the registration to the request.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/iso8601.h"
#include "hooks/test_hooks.h"
#include "testing/faulty_store.h"
#include "testing/forwarding_store.h"
#include "testing/zone_files.h"

namespace rhooks {
namespace {

Options in_test_zones() {
  static const testing::ZoneFiles files;
  Options options;
  options.zone_dir = files.directory();
  return options;
}

TimePoint at(const std::string& text) {
  return parse_time(text).value();
}

NewTask scheduled(const std::string& id, const std::string& cron,
                  const std::string& timezone = "UTC") {
  NewTask task = TestHooks::post(id);
  task.schedule.emplace();
  task.schedule->cron = {cron};
  task.schedule->timezone = timezone;
  return task;
}

std::string header_of(const delivery::HttpRequest& request, const std::string& name) {
  for (const Header& header : request.request.headers) {
    if (header.name == name) return header.value;
  }
  return "";
}

TEST(HooksSchedulesTest, AtNineInBerlinWhateverTheClocksAre) {
  TestHooks t(in_test_zones());
  t.clock->set(at("2030-03-29T12:00:00Z"));  // a Friday; the clocks go forward on Sunday
  const auto made = t.hooks->register_task(scheduled("a", "0 9 * * MON-FRI", "Europe/Berlin"));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->task.scheduled_date, at("2030-04-01T07:00:00Z"));
  EXPECT_EQ(made->task.schedule->since, t.clock->now());
  EXPECT_EQ(t.hooks->get({"ns", "a"})->schedule, made->task.schedule);

  t.clock->set(at("2030-04-01T07:00:00Z"));
  EXPECT_EQ(t.hooks->trigger()->processed, 1);
  EXPECT_EQ(t.hooks->get({"ns", "a"})->scheduled_date, at("2030-04-02T07:00:00Z"));
  ASSERT_EQ(t.sender->started().size(), 1u);
  EXPECT_EQ(header_of(t.sender->started()[0], "rhooks-scheduled-at"), "2030-04-01T07:00:00.000Z");
}

TEST(HooksSchedulesTest, WhatIsWrongIsRefusedAndNamed) {
  TestHooks t(in_test_zones());
  const auto refusal = [&](const NewTask& task) {
    const auto made = t.hooks->register_task(task);
    EXPECT_FALSE(made);
    if (made) return std::string();
    EXPECT_EQ(made.error().message.rfind(made.error().field + ": ", 0), 0u) << made.error().message;
    return made.error().field;
  };
  EXPECT_EQ(refusal(scheduled("a", "0 9 31 2 *")), "schedule.cron");
  EXPECT_EQ(refusal(scheduled("a", "0 9 * * *", "Europe/Berlni")), "schedule.timezone");
  NewTask task = scheduled("a", "0 9 * * *");
  task.schedule->cron.push_back("0 25 * * *");
  EXPECT_EQ(refusal(task), "schedule.cron[1]");
  task = scheduled("a", "0 9 * * *");
  task.schedule->every = "1h";
  EXPECT_EQ(refusal(task), "schedule");
  task = scheduled("a", "0 9 * * *");
  task.schedule->exclude = {"--12-25", "Christmas"};
  EXPECT_EQ(refusal(task), "schedule.exclude[1]");
  task = scheduled("a", "0 9 * * *");
  task.schedule->end = "2029-12-31";
  EXPECT_EQ(refusal(task), "schedule.end");
  task = TestHooks::post("a");
  task.schedule.emplace().at = {"2029-01-01T00:00Z"};
  EXPECT_EQ(refusal(task), "schedule.at");

  const auto many =
      t.hooks->register_many({scheduled("a", "0 9 30 2 *"), scheduled("b", "0 9 * * *")});
  ASSERT_TRUE(many);
  EXPECT_FALSE((*many)[0]);
  EXPECT_TRUE((*many)[1]);
}

TEST(HooksSchedulesTest, WithoutZonesThereAreUtcAndOffsets) {
  Options options;
  options.zone_dir = "/nowhere";
  TestHooks t(options);
  const auto refused = t.hooks->register_task(scheduled("a", "0 9 * * *", "Europe/Berlin"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(refused.error().message.find("tzdata"), std::string::npos) << refused.error().message;
  EXPECT_TRUE(t.hooks->register_task(scheduled("b", "0 9 * * *", "+05:30")));
  EXPECT_EQ(t.hooks->get({"ns", "b"})->scheduled_date, at("2030-01-01T03:30:00Z"));
  EXPECT_EQ(Hooks::open(options).error().field, "zone_dir");
}

TEST(HooksSchedulesTest, AReplayFindsTheFirstTaskWhenItHappensNoMore) {
  TestHooks t;
  NewTask given = TestHooks::post("");
  given.idempotency_key = "order-17";
  given.schedule.emplace().at = {"2030-01-01T01:00Z"};
  const auto first = t.hooks->register_task(given);
  ASSERT_TRUE(first) << first.error().message;
  t.clock->advance(2h);
  EXPECT_EQ(t.hooks->trigger()->processed, 1);

  const auto replay = t.hooks->register_task(given);
  ASSERT_TRUE(replay) << replay.error().message;
  EXPECT_FALSE(replay->created);
  EXPECT_EQ(replay->task.status, Status::kDone);
  EXPECT_EQ(replay->task.schedule->since, first->task.schedule->since);

  NewTask other = given;
  other.schedule->max = 1;
  EXPECT_EQ(t.hooks->register_task(other).error().code, ErrorCode::kConflict);
  given.idempotency_key = "order-18";
  EXPECT_EQ(t.hooks->register_task(given).error().field, "schedule.at");
}

// That it happens no more would be final.
TEST(HooksSchedulesTest, AReplayWhoseFirstTaskCannotBeLookedUpIsToBeTriedAgain) {
  store::MemoryStore memory(1);
  auto faulty = std::make_unique<testing::FaultyStore>(memory);
  testing::FaultyStore& faults = *faulty;
  TestHooks t({}, std::move(faulty));
  NewTask given = TestHooks::post("");
  given.idempotency_key = "order-17";
  given.schedule.emplace().at = {"2030-01-01T01:00Z"};
  ASSERT_TRUE(t.hooks->register_task(given));
  t.clock->advance(2h);
  faults.fail_next("get");
  EXPECT_EQ(t.hooks->register_task(given).error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(t.hooks->register_task(given));
}

TEST(HooksSchedulesTest, RunNowIsOneMoreAndTheSeriesKeepsItsTime) {
  TestHooks t;
  ASSERT_TRUE(t.hooks->register_task(scheduled("a", "0 * * * *")));
  t.clock->advance(50min);
  const TimePoint asked = t.clock->now();
  const auto answer = t.hooks->trigger({"ns", "a"});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->extra_date, asked);
  EXPECT_EQ(t.hooks->trigger()->processed, 1);
  t.clock->advance(10min);
  EXPECT_EQ(t.hooks->trigger()->processed, 1);
  const auto task = t.hooks->get({"ns", "a"});
  EXPECT_EQ(task->scheduled_date, asked + 70min);
  EXPECT_EQ(task->execution.extra, 1);
  ASSERT_EQ(t.sender->started().size(), 2u);
  EXPECT_EQ(header_of(t.sender->started()[0], "rhooks-scheduled-at"), format_time(asked));
  EXPECT_NE(webhook_id_of(t.sender->started()[0]), webhook_id_of(t.sender->started()[1]));
}

TEST(HooksSchedulesTest, SuspendedItMissesAllButTheLatest) {
  TestHooks t;
  ASSERT_TRUE(t.hooks->register_task(scheduled("a", "0 * * * *")));
  ASSERT_TRUE(t.hooks->suspend({"ns", "a"}));
  t.clock->advance(5h + 1min);
  EXPECT_EQ(t.hooks->trigger()->processed, 0);
  ASSERT_TRUE(t.hooks->unsuspend({"ns", "a"}));
  EXPECT_EQ(t.hooks->trigger()->processed, 1);
  const auto task = t.hooks->get({"ns", "a"});
  EXPECT_EQ(task->execution.skipped, 4);
  EXPECT_EQ(task->scheduled_date, at("2030-01-01T06:00:00Z"));
}

TEST(HooksSchedulesTest, WhatIsTooLateIsPassedOverAndToldByTheNextLog) {
  TestHooks t;
  NewTask given = scheduled("a", "0 * * * *");
  given.schedule->missed = Missed::kSkip;
  given.schedule->grace = 5min;
  ASSERT_TRUE(t.hooks->register_task(given));
  t.clock->advance(3h + 30min);
  const auto passed = t.hooks->trigger();
  ASSERT_TRUE(passed) << passed.error().message;
  EXPECT_EQ(passed->processed, 0) << "nothing was attempted";
  EXPECT_TRUE(t.sender->started().empty());
  auto task = t.hooks->get({"ns", "a"});
  EXPECT_EQ(task->status, Status::kActive);
  EXPECT_EQ(task->scheduled_date, at("2030-01-01T04:00:00Z"));
  EXPECT_EQ(task->execution.skipped, 3);
  EXPECT_EQ(task->execution.count, 0);
  const Skipped skipped{at("2030-01-01T01:00:00Z"), 3};
  EXPECT_EQ(task->skipped_before, skipped);
  EXPECT_TRUE(t.hooks->fetch_logs({.ns = "ns"})->items.empty());

  t.clock->advance(35min);
  EXPECT_EQ(t.hooks->trigger()->processed, 1) << "within its grace";
  const auto logs = t.hooks->fetch_logs({.ns = "ns"});
  ASSERT_EQ(logs->items.size(), 1u);
  EXPECT_EQ(logs->items[0].scheduled_date, at("2030-01-01T04:00:00Z"));
  EXPECT_EQ(logs->items[0].skipped_before, skipped);
  task = t.hooks->get({"ns", "a"});
  EXPECT_EQ(task->skipped_before, std::nullopt);
  EXPECT_EQ(task->execution.skipped, 3);
}

TEST(HooksSchedulesTest, AllThatWasMissedRuns) {
  TestHooks t;
  NewTask given = scheduled("a", "0 * * * *");
  given.schedule->missed = Missed::kAll;
  ASSERT_TRUE(t.hooks->register_task(given));
  t.clock->advance(3h + 30min);
  // A trigger is for what is due when it is called: those behind it may have to wait for another.
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(t.hooks->trigger());
  EXPECT_EQ(t.hooks->trigger()->processed, 0);
  ASSERT_EQ(t.sender->started().size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(header_of(t.sender->started()[i], "rhooks-scheduled-at"),
              "2030-01-01T0" + std::to_string(i + 1) + ":00:00.000Z");
  }
  EXPECT_EQ(t.hooks->get({"ns", "a"})->execution.skipped, 0);
}

TEST(HooksSchedulesTest, WhatOverlapsIsSkipped) {
  TestHooks t;
  NewTask given = scheduled("a", "0 * * * *");
  given.schedule->overlap = Overlap::kSkip;
  given.schedule->grace = 5min;
  ASSERT_TRUE(t.hooks->register_task(given));
  t.clock->advance(1h);
  t.sender->set_script([](const auto&) {
    auto reply = testing::ScriptedSender::Reply::status(503);
    reply.retry_after = 1s;
    return reply;
  });
  EXPECT_EQ(t.hooks->trigger()->processed, 1);
  t.sender->set_script({});
  t.clock->advance(2h + 30min);
  EXPECT_EQ(t.hooks->trigger()->processed, 1) << "its retry, however late";
  const auto task = t.hooks->get({"ns", "a"});
  EXPECT_EQ(task->execution.count, 1);
  EXPECT_EQ(task->scheduled_date, at("2030-01-01T04:00:00Z"));
  EXPECT_EQ(task->skipped_before, (Skipped{at("2030-01-01T02:00:00Z"), 0, 2}));
}

TEST(HooksSchedulesTest, AfterSoManyFailuresItIsPausedUntilSomebodyLooks) {
  TestHooks t;
  NewTask given = scheduled("a", "0 * * * *");
  given.max_errors = 2;
  given.pause_on_failure = true;
  ASSERT_TRUE(t.hooks->register_task(given));
  t.sender->set_script([](const auto&) { return testing::ScriptedSender::Reply::status(410); });
  for (int i = 0; i < 2; ++i) {
    t.clock->advance(1h);
    EXPECT_EQ(t.hooks->trigger()->processed, 1);
  }
  auto task = t.hooks->get({"ns", "a"});
  EXPECT_EQ(task->status, Status::kSuspended);
  EXPECT_EQ(task->note, "paused: 2 executions in a row have failed");
  EXPECT_EQ(task->scheduled_date, at("2030-01-01T03:00:00Z"));
  t.clock->advance(1h);
  EXPECT_EQ(t.hooks->trigger()->processed, 0);
  task = t.hooks->unsuspend({"ns", "a"});
  ASSERT_TRUE(task) << task.error().message;
  EXPECT_EQ(task->note, "");
  t.sender->set_script({});
  EXPECT_EQ(t.hooks->trigger()->processed, 1);
  EXPECT_EQ(t.hooks->get({"ns", "a"})->errors.consecutive, 0);
}

TEST(HooksSchedulesTest, PassedOverToItsEndItIsDone) {
  TestHooks t;
  NewTask given = TestHooks::post("a");
  given.schedule.emplace().at = {"2030-01-01T01:00Z", "2030-01-01T02:00Z"};
  given.schedule->missed = Missed::kSkip;
  ASSERT_TRUE(t.hooks->register_task(given));
  t.clock->advance(9h);
  EXPECT_EQ(t.hooks->trigger()->processed, 0);
  const auto task = t.hooks->get({"ns", "a"});
  EXPECT_EQ(task->status, Status::kDone);
  EXPECT_EQ(task->scheduled_date, at("2030-01-01T02:00Z"));
  EXPECT_EQ(task->skipped_before, (Skipped{at("2030-01-01T01:00Z"), 2}));
}

// By a process that does not know their zone; the one that does shares its store.
TEST(HooksSchedulesTest, WhatWasSetAsideGoesOnOrEndsWhereItsZoneIsKnown) {
  store::MemoryStore store(1);
  Options options = in_test_zones();
  options.done_ttl = 1h;
  TestHooks knows(options, std::make_unique<testing::ForwardingStore>(store));
  options.zone_dir = "/nowhere";
  TestHooks other(options, std::make_unique<testing::ForwardingStore>(store));
  NewTask once = TestHooks::post("once");
  once.schedule.emplace().at = {"2030-01-02T09:00"};
  once.schedule->timezone = "Europe/Berlin";
  ASSERT_TRUE(knows.hooks->register_task(once));
  ASSERT_TRUE(knows.hooks->register_task(scheduled("daily", "0 9 * * *", "Europe/Berlin")));
  ASSERT_TRUE(knows.hooks->register_task(scheduled("utc", "0 9 * * *")));
  ASSERT_TRUE(knows.hooks->suspend({"ns", "utc"}));
  for (const TestHooks* const hooks : {&knows, &other}) hooks->clock->set(at("2030-01-02T10:00Z"));
  EXPECT_EQ(other.hooks->trigger()->processed, 2);
  EXPECT_EQ(other.hooks->get({"ns", "once"})->status, Status::kSuspended);
  EXPECT_EQ(other.hooks->get({"ns", "daily"})->status, Status::kSuspended);

  ManyQuery query;
  query.filter.ns = "ns";
  const auto theirs = other.hooks->unsuspend_many(query);
  ASSERT_TRUE(theirs) << theirs.error().message;
  EXPECT_FALSE(theirs->more);
  ASSERT_EQ(theirs->count, 1);
  EXPECT_EQ(theirs->items[0].id, "utc");

  EXPECT_EQ(knows.hooks->unsuspend_many(query)->count, 2);
  EXPECT_EQ(knows.hooks->get({"ns", "daily"})->scheduled_date, at("2030-01-02T08:00Z"));
  const auto ended = knows.hooks->get({"ns", "once"});
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->status, Status::kDone);
  EXPECT_EQ(ended->scheduled_date, at("2030-01-02T08:00Z"));
  EXPECT_EQ(ended->expires_at, knows.clock->now() + 1h);
}

TEST(HooksSchedulesTest, ToAnOrderedEndpointItKeepsItsTimes) {
  TestHooks t;
  Endpoint endpoint;
  endpoint.ns = "ns";
  endpoint.name = "ordered";
  endpoint.url = "http://127.0.0.1:9/hook";
  endpoint.ordered = true;
  ASSERT_TRUE(t.hooks->put_endpoint(endpoint));
  NewTask task = scheduled("a", "0 * * * *");
  task.endpoint = "ordered";
  task.request.url.clear();
  const auto made = t.hooks->register_task(task);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->task.scheduled_date, at("2030-01-01T01:00:00Z"));
}

}  // namespace
}  // namespace rhooks
