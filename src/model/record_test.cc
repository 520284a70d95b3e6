#include <gtest/gtest.h>

#include <functional>
#include <regex>
#include <set>

#include "base/clock.h"
#include "base/sha256.h"
#include "model/limits.h"
#include "model/new_task.h"

// What a valid new task becomes: its record, its id, its fingerprint.
namespace rhooks::model {
namespace {

const Uuid kUuid{0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3,
                 0x98, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
constexpr TimePoint kNow{std::chrono::milliseconds{1'900'000'000'000}};

NewTask full_task() {
  NewTask task;
  task.ns = "my-app";
  task.request.method = Method::kPut;
  task.request.url = "https://example.com/hook";
  task.request.headers = {{"Content-Type", "text/plain"}, {"X-A", "1"}, {"x-a", "2"}};
  task.request.body = Body::text("hello");
  task.id_prefix = "orders";
  task.scheduled_date = TimePoint{std::chrono::milliseconds{1'950'000'000'123}};
  task.repeat = Repeat{5, 7, RepeatUnit::kHours};
  task.retry_limit = 9;
  return task;
}

TEST(MakeRecordTest, KeepsWhatWasRegistered) {
  const NewTask task = full_task();
  const TaskRecord record = make_record(task, kNow, kUuid);
  EXPECT_EQ(record.task.key, (TaskKey{"my-app", "orders#017f22e2-79b0-7cc3-98c4-dc0c0c07398f"}));
  EXPECT_EQ(record.task.id_prefix, "orders");
  EXPECT_EQ(record.task.request, task.request);
  EXPECT_EQ(record.task.scheduled_date, task.scheduled_date);
  EXPECT_EQ(record.task.repeat, task.repeat);
  EXPECT_EQ(record.task.retry_limit, 9);
  EXPECT_EQ(record.task.created_at, kNow);
  EXPECT_EQ(record.task.updated_at, kNow);
  EXPECT_EQ(record.fingerprint, fingerprint(task));
}

// So that its stored bytes are those that they always were.
TEST(MakeRecordTest, KeepsNoRetryLimitThatHoldsAnyway) {
  NewTask task = full_task();
  task.retry_limit = kRetryLimitDefault;
  const TaskRecord given = make_record(task, kNow, kUuid);
  EXPECT_EQ(given.task.retry_limit, std::nullopt);
  task.retry_limit.reset();
  EXPECT_EQ(make_record(task, kNow, kUuid), given);
}

TEST(MakeRecordTest, StartsActiveWithNothingBehindIt) {
  const TaskRecord record = make_record(full_task(), kNow, kUuid);
  EXPECT_EQ(record.task.status, Status::kActive);
  EXPECT_EQ(record.task.errors, Errors{});
  EXPECT_EQ(record.task.execution, Execution{});
  EXPECT_EQ(record.task.attempt, 0);
  EXPECT_EQ(record.task.next_attempt_date, std::nullopt);
  EXPECT_EQ(record.last_token, LeaseToken{});
}

TEST(MakeRecordTest, IsDueNowWhereNoDateIsGiven) {
  NewTask task = full_task();
  task.scheduled_date.reset();
  EXPECT_EQ(make_record(task, kNow, kUuid).task.scheduled_date, kNow);
}

TEST(MakeRecordTest, TakesTheIdFromItsOneSource) {
  NewTask task = full_task();
  task.id_prefix.clear();
  EXPECT_EQ(make_record(task, kNow, kUuid).task.key.id, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
  task.id = "mine";
  EXPECT_EQ(make_record(task, kNow, kUuid).task.key.id, "mine");
  task.id.clear();
  task.idempotency_key = "k";
  EXPECT_EQ(make_record(task, kNow, kUuid).task.key.id, id_from_idempotency_key(task));
}

TEST(IdFromIdempotencyKeyTest, IsAUuidOfVersion8) {
  const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  NewTask task = full_task();
  task.id_prefix.clear();
  for (int i = 0; i < 1000; ++i) {
    task.idempotency_key = "key " + std::to_string(i);
    const std::string id = id_from_idempotency_key(task);
    ASSERT_TRUE(std::regex_match(id, form)) << id;
  }
}

TEST(IdFromIdempotencyKeyTest, NeverChangesFromVersionToVersion) {
  // Keys in use must go on finding their tasks.
  NewTask task;
  task.ns = "my-app";
  task.idempotency_key = "order-42";
  EXPECT_EQ(id_from_idempotency_key(task), "544334ee-70b5-88ae-ac43-5510b7ac1ac6");
  task.id_prefix = "orders";
  EXPECT_EQ(id_from_idempotency_key(task), "orders#544334ee-70b5-88ae-ac43-5510b7ac1ac6");
}

TEST(IdFromIdempotencyKeyTest, DependsOnNamespaceKeyAndPrefixOnly) {
  NewTask task = full_task();
  task.idempotency_key = "k";
  const std::string id = id_from_idempotency_key(task);
  NewTask replay = task;
  replay.request.url = "http://elsewhere/";
  replay.retry_limit = 1;
  EXPECT_EQ(id_from_idempotency_key(replay), id);

  std::set<std::string> ids{id};
  const auto add = [&](const std::function<void(NewTask&)>& change) {
    NewTask other = task;
    change(other);
    EXPECT_TRUE(ids.insert(id_from_idempotency_key(other)).second);
  };
  add([](NewTask& t) { t.ns = "other"; });
  add([](NewTask& t) { t.idempotency_key = "K"; });
  add([](NewTask& t) { t.id_prefix = "x"; });
  add([](NewTask& t) {
    t.ns = "my-ap";
    t.idempotency_key = "pk";  // the same bytes, cut elsewhere
  });
}

TEST(FingerprintTest, TellsEveryDifferenceApart) {
  const NewTask task = full_task();
  std::set<Fingerprint> prints{fingerprint(task)};
  int changes = 0;
  const auto add = [&](const std::function<void(NewTask&)>& change) {
    NewTask other = task;
    change(other);
    ++changes;
    EXPECT_TRUE(prints.insert(fingerprint(other)).second) << "change " << changes;
  };
  add([](NewTask& t) { t.ns = "other"; });
  add([](NewTask& t) { t.id_prefix = "o"; });
  add([](NewTask& t) { t.id = "orders"; });
  add([](NewTask& t) { t.idempotency_key = "k"; });
  add([](NewTask& t) { t.request.method = Method::kPost; });
  add([](NewTask& t) { t.request.url += "?"; });
  add([](NewTask& t) { t.request.headers.pop_back(); });
  add([](NewTask& t) { t.request.headers.clear(); });
  add([](NewTask& t) { t.request.headers[0].value = "text/html"; });
  add([](NewTask& t) { t.request.headers[0].name = "content-typ"; });
  add([](NewTask& t) { std::swap(t.request.headers[1].value, t.request.headers[2].value); });
  add([](NewTask& t) { t.request.headers.push_back({"x-a", "2"}); });
  add([](NewTask& t) { t.request.headers[1] = {"X-", "A1"}; });
  add([](NewTask& t) { t.request.body = Body::json("hello"); });
  add([](NewTask& t) { t.request.body = Body::text("hello "); });
  add([](NewTask& t) { t.request.body = Body::text(""); });
  add([](NewTask& t) { t.request.body = Body{}; });
  add([](NewTask& t) { *t.scheduled_date += std::chrono::milliseconds{1}; });
  add([](NewTask& t) { t.scheduled_date = kTimeMin; });
  add([](NewTask& t) { t.scheduled_date.reset(); });
  add([](NewTask& t) { t.repeat->interval = 6; });
  add([](NewTask& t) { t.repeat->max = 8; });
  add([](NewTask& t) { t.repeat->unit = RepeatUnit::kDays; });
  add([](NewTask& t) { t.repeat = Repeat{7, 5, RepeatUnit::kHours}; });
  add([](NewTask& t) { t.repeat.reset(); });
  add([](NewTask& t) { t.retry_limit = 10; });
  add([](NewTask& t) { t.description = "what for"; });
  add([](NewTask& t) { t.timeout = std::chrono::seconds{20}; });
  add([](NewTask& t) { t.timeout = std::chrono::milliseconds{20}; });
  add([](NewTask& t) { t.endpoint = "acme"; });
  add([](NewTask& t) { t.endpoint = "other"; });
  add([](NewTask& t) {
    t.endpoint = "acme";
    t.flow_key = "k";
  });
  add([](NewTask& t) {
    t.endpoint = "acme";
    t.retry_limit.reset();
  });
  // An endpoint may have another default.
  add([](NewTask& t) {
    t.endpoint = "acme";
    t.retry_limit = kRetryLimitDefault;
  });
  add([](NewTask& t) { t.max_errors = 0; });
  add([](NewTask& t) { t.max_errors = 5; });
  add([](NewTask& t) { t.pause_on_failure = true; });
  add([](NewTask& t) { t.deliver_before = kNow; });
  add([](NewTask& t) { t.deliver_before = kNow + std::chrono::milliseconds{1}; });
}

// Replays are told by it across upgrades: a new field may be a part of it only where it is used.
TEST(FingerprintTest, StaysAsItIs) {
  const auto hex = [](const NewTask& task) {
    const Fingerprint print = fingerprint(task);
    return to_hex(print.data(), print.size());
  };
  NewTask least;
  least.ns = "my-app";
  least.request.url = "https://example.com/hook";
  EXPECT_EQ(hex(least), "5647bbcef63796a835e102ab4297970d");
  least.retry_limit = 3;
  EXPECT_EQ(hex(least), "5647bbcef63796a835e102ab4297970d");
  EXPECT_EQ(hex(full_task()), "305c178128a33b01338b0b78fef29e0e");
  NewTask to_endpoint;
  to_endpoint.ns = "my-app";
  to_endpoint.endpoint = "acme";
  EXPECT_EQ(hex(to_endpoint), "1b4f55971eed8c039f063bc841a9279a");
  to_endpoint.request.url = "/orders";
  to_endpoint.flow_key = "k";
  to_endpoint.timeout = std::chrono::seconds{20};
  to_endpoint.retry_limit = 3;
  EXPECT_EQ(hex(to_endpoint), "53c4d619d63bb0ee88eae167b171c771");
}

TEST(FingerprintTest, IsTheSameForTheSameRequestWrittenOtherwise) {
  const NewTask task = full_task();
  NewTask other = task;
  other.request.headers = {{"x-a", "1"}, {"CONTENT-TYPE", "text/plain"}, {"X-A", "2"}};
  EXPECT_EQ(fingerprint(other), fingerprint(task));
}

TEST(FingerprintTest, IsTheSameForJsonWithOtherWhiteSpace) {
  NewTask task = full_task();
  task.request.body = Body::json("{ \"a b\" : [1,\n 2] }");
  NewTask other = task;
  other.request.body = Body::json(R"({"a b":[1,2]})");
  EXPECT_EQ(fingerprint(other), fingerprint(task));
  other.request.body = Body::json(R"({"ab":[1,2]})");
  EXPECT_NE(fingerprint(other), fingerprint(task));
  // White space is what a text is made of.
  task.request.body = Body::text("a b");
  other.request.body = Body::text("ab");
  EXPECT_NE(fingerprint(other), fingerprint(task));
}

TEST(FingerprintTest, DoesNotDependOnWhenATaskIsRegistered) {
  NewTask task = full_task();
  task.scheduled_date.reset();
  const TaskRecord first = make_record(task, kNow, kUuid);
  const TaskRecord replay = make_record(task, kNow + std::chrono::hours{1}, Uuid{});
  EXPECT_EQ(first.fingerprint, replay.fingerprint);
}

TEST(DueAtTest, IsTheNextAttemptWhereOneIsPending) {
  Task task;
  task.scheduled_date = kNow;
  EXPECT_EQ(due_at(task), kNow);
  task.next_attempt_date = kNow - std::chrono::hours{1};
  EXPECT_EQ(due_at(task), kNow - std::chrono::hours{1});
}

TEST(PlaceOfTest, IsThatOfTheOccurrenceWhereARetryKeepsIt) {
  Task task;
  task.scheduled_date = kNow;
  task.next_attempt_date = kNow + std::chrono::hours{1};
  EXPECT_EQ(place_of(task), due_at(task));
  task.in_order = true;
  EXPECT_EQ(place_of(task), kNow);
  EXPECT_EQ(due_at(task), kNow + std::chrono::hours{1});
  task.extra_date = kNow - std::chrono::hours{1};
  EXPECT_EQ(place_of(task), kNow - std::chrono::hours{1});
}

}  // namespace
}  // namespace rhooks::model
