// The library's calls on one task, on a memory store, a clock by hand and a sender by script.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rhooks/hooks.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <thread>

#include "hooks/test_hooks.h"
#include "json/text.h"
#include "testing/faulty_store.h"
#include "testing/held_puts.h"

namespace rhooks {
namespace {

using ::testing::ElementsAre;

TEST(HooksTest, ARegisteredTaskIsShownAsRegistered) {
  TestHooks t;
  NewTask given = t.post("a");
  given.request.headers = {{"X-Key", "v"}};
  given.request.body = Body::json("{ \"key\" : [1, 2.50] }");
  given.repeat = Repeat{2, 7, RepeatUnit::kHours};
  given.retry_limit = 9;
  given.scheduled_date = t.clock->now() + 1h;
  const auto registered = t.hooks->register_task(given);
  ASSERT_TRUE(registered) << registered.error().message;

  const auto got = t.hooks->get({"ns", "a"});
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, registered->task);
  EXPECT_EQ(got->request.body.data(), "{ \"key\" : [1, 2.50] }");
  EXPECT_EQ(got->request.headers, given.request.headers);
  EXPECT_EQ(got->repeat, given.repeat);
  EXPECT_EQ(got->retry_limit, 9);
  EXPECT_EQ(got->scheduled_date, t.clock->now() + 1h);
  EXPECT_EQ(got->status, Status::kActive);
  EXPECT_EQ(got->created_at, t.clock->now());
}

TEST(HooksTest, JsonIsStoredAndSentAsItWasGiven) {
  TestHooks t;
  NewTask given = t.post("a");
  const std::string json = "{\n  \"n\": [ 1.10, -0, 1e400 ],\t\"n2\": null\r\n}";
  given.request.body = Body::json(" \n" + json + "\n");
  ASSERT_TRUE(t.hooks->register_task(given));
  EXPECT_EQ(t.hooks->get({"ns", "a"})->request.body, Body::json(json));
  ASSERT_TRUE(t.hooks->trigger());
  const auto logs = t.hooks->fetch_logs({.ns = "ns"});
  ASSERT_TRUE(logs);
  ASSERT_EQ(logs->items.size(), 1u);
  EXPECT_EQ(logs->items[0].request.body, Body::json(json));
}

// What its reader has checked is handed on to the writer of the answer: the very text, which has
// memory of its own. Of what a program gives a copy is checked, and goes the same way from there.
TEST(HooksTest, JsonThatIsCheckedIsTakenAsItIs) {
  TestHooks t;
  const std::string json = R"({ "a text": "that is not short" })";
  NewTask read = t.post("read");
  read.request.body = check_body_json(json)->body();
  NewTask given = t.post("given");
  given.request.body = Body::json(json);
  const void* const text_read = read.request.body.data().data();
  const void* const text_given = given.request.body.data().data();

  const auto first = t.hooks->register_task(std::move(read));
  const auto second = t.hooks->register_task(std::move(given));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->task.request.body.data().data(), text_read);
  EXPECT_NE(second->task.request.body.data().data(), text_given);
  EXPECT_TRUE(first->task.request.body.is_checked());
  EXPECT_TRUE(second->task.request.body.is_checked());
}

// A task that was read may get another body, and that is looked at.
TEST(HooksTest, ABodyInThePlaceOfACheckedOneIsChecked) {
  TestHooks t;
  NewTask task = t.post("a");
  task.request.body = check_body_json("[1]")->body();
  task.request.body = Body(Body::Kind::kJson, task.request.body.data() + "]");
  const auto refused = t.hooks->register_task(task);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field, "body");
}

TEST(HooksTest, NullIsNoBody) {
  TestHooks t;
  NewTask given = t.post("a");
  given.request.body = Body::json(" null\n");
  const auto registered = t.hooks->register_task(given);
  ASSERT_TRUE(registered) << registered.error().message;
  EXPECT_EQ(registered->task.request.body, Body{});
  given.request.method = Method::kGet;
  given.id = "b";
  EXPECT_TRUE(t.hooks->register_task(given));
}

TEST(HooksTest, IdsAreGeneratedInOrderWithThePrefix) {
  TestHooks t;
  NewTask given = t.post("");
  given.id_prefix = "order";
  const auto first = t.hooks->register_task(given);
  const auto second = t.hooks->register_task(given);
  ASSERT_TRUE(first && second);
  const std::string& id = first->task.key.id;
  EXPECT_TRUE(id.starts_with("order#"));
  EXPECT_EQ(id.size(), 6u + 36u);
  EXPECT_LT(id, second->task.key.id);
}

TEST(HooksTest, WhatIsWrongIsRefusedAndNamed) {
  TestHooks t;
  const auto field_of = [&](auto change) {
    NewTask task = t.post("a");
    change(task);
    const auto result = t.hooks->register_task(task);
    EXPECT_FALSE(result);
    if (result) return std::string("accepted");
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    EXPECT_FALSE(result.error().message.empty());
    return result.error().field;
  };
  EXPECT_EQ(field_of([](NewTask& n) { n.ns = ""; }), "namespace");
  EXPECT_EQ(field_of([](NewTask& n) { n.request.url = "ftp://127.0.0.1/x"; }), "url");
  EXPECT_EQ(field_of([](NewTask& n) { n.request.body = Body::json("{"); }), "body");
  EXPECT_EQ(field_of([](NewTask& n) { n.request.body = Body::json("\"text\""); }), "body");
  EXPECT_EQ(field_of([](NewTask& n) { n.request.body = Body::json(R"({"a":1,"a":2})"); }), "body");
  EXPECT_EQ(field_of([](NewTask& n) {
              n.request.body = Body::json(std::string(65, '[') + std::string(65, ']'));
            }),
            "body");
  EXPECT_EQ(field_of([](NewTask& n) { n.retry_limit = 101; }), "retryLimit");
  EXPECT_EQ(field_of([](NewTask& n) {
              n.repeat = Repeat{0, 1, RepeatUnit::kDays};
            }),
            "repeat.interval");
  // What could not be sent is refused at once, not at its time.
  EXPECT_EQ(field_of([](NewTask& n) {
              n.request.method = Method::kGet;
              n.request.body = Body::json("[1]");
            }),
            "body");
  EXPECT_EQ(t.hooks->get({"ns", "a"}).error().code, ErrorCode::kNotFound);
}

TEST(HooksTest, AnIdThatIsTakenIsAConflict) {
  TestHooks t;
  ASSERT_TRUE(t.hooks->register_task(t.post("a")));
  const auto again = t.hooks->register_task(t.post("a"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
  EXPECT_EQ(again.error().field, "id");
}

TEST(HooksTest, AReplayedIdempotencyKeyFindsTheFirstTaskAsItIsNow) {
  TestHooks t;
  NewTask given = t.post("");
  given.idempotency_key = "order-17";
  const auto first = t.hooks->register_task(given);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->created);
  ASSERT_TRUE(t.hooks->trigger());
  t.clock->advance(1h);

  const auto replay = t.hooks->register_task(given);
  ASSERT_TRUE(replay) << replay.error().message;
  EXPECT_FALSE(replay->created);
  EXPECT_EQ(replay->task.key, first->task.key);
  EXPECT_EQ(replay->task.status, Status::kDone);
  EXPECT_EQ(t.sender->started_count(), 1u);

  given.request.url += "/other";
  const auto other = t.hooks->register_task(given);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kConflict);
  EXPECT_EQ(other.error().field, "idempotencyKey");
}

TEST(HooksTest, AReplayWhoseFirstTaskGoesMeanwhileIsToBeTriedAgain) {
  store::MemoryStore memory(1);
  auto faulty = std::make_unique<testing::FaultyStore>(memory);
  testing::FaultyStore& faults = *faulty;
  TestHooks t({}, std::move(faulty));
  NewTask given = t.post("");
  given.idempotency_key = "order-17";
  const auto first = t.hooks->register_task(given);
  ASSERT_TRUE(first);
  // It was there when the replay was put, and is not when it is looked at.
  faults.fail_next("get", {.error = {ErrorCode::kNotFound, "there is no task", {}}});
  const auto replay = t.hooks->register_task(given);
  ASSERT_FALSE(replay);
  EXPECT_EQ(replay.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(replay.error().message.find("try again"), std::string::npos) << replay.error().message;
  EXPECT_EQ(t.hooks->register_task(given)->task.key, first->task.key);
}

TEST(HooksTest, AReplayWithOtherWhiteSpaceFindsTheFirstTask) {
  TestHooks t;
  NewTask given = t.post("");
  given.idempotency_key = "order-17";
  given.request.body = Body::json("{ \"a\": [1, 2] }");
  NewTask again = given;
  again.request.body = Body::json("{\"a\":[1,2]}");
  // Also in one batch.
  const auto both = t.hooks->register_many({given, again}).value();
  ASSERT_TRUE(both[0] && both[1]);
  EXPECT_TRUE(both[0]->created);
  EXPECT_FALSE(both[1]->created);
  EXPECT_EQ(both[1]->task, both[0]->task);
  EXPECT_EQ(both[1]->task.request.body, given.request.body);
}

TEST(HooksTest, ABatchGivesAResultForEach) {
  TestHooks t;
  NewTask bad = t.post("bad");
  bad.request.url = "";
  const auto results = t.hooks->register_many({t.post("a"), bad, t.post("b"), t.post("a")}).value();
  ASSERT_EQ(results.size(), 4u);
  EXPECT_TRUE(results[0]);
  EXPECT_EQ(results[1].error().field, "url");
  EXPECT_TRUE(results[2]);
  EXPECT_EQ(results[3].error().code, ErrorCode::kConflict);
  EXPECT_TRUE(t.hooks->get({"ns", "b"}));

  const auto too_many = t.hooks->register_many(std::vector<NewTask>(1001, t.post("")));
  ASSERT_FALSE(too_many);
  EXPECT_EQ(too_many.error().field, "items");
}

TEST(HooksTest, SuspendKeepsATaskFromFiringUntilUnsuspend) {
  TestHooks t;
  ASSERT_TRUE(t.hooks->register_task(t.post("a")));
  EXPECT_EQ(t.hooks->suspend({"ns", "a"})->status, Status::kSuspended);
  EXPECT_EQ(t.hooks->trigger()->processed, 0);
  EXPECT_EQ(t.hooks->suspend({"ns", "a"}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(t.hooks->unsuspend({"ns", "a"})->status, Status::kActive);
  EXPECT_EQ(t.hooks->unsuspend({"ns", "a"}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(t.hooks->trigger()->processed, 1);
  EXPECT_EQ(t.hooks->suspend({"ns", "a"}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(t.hooks->suspend({"ns", "none"}).error().code, ErrorCode::kNotFound);
}

TEST(HooksTest, CancelEndsATaskUntilItIsRunAgain) {
  Options options;
  options.failed_ttl = 60s;
  TestHooks t(options);
  ASSERT_TRUE(t.hooks->register_task(t.post("a")));
  const auto cancelled = t.hooks->cancel({"ns", "a"});
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->status, Status::kFailed);
  EXPECT_EQ(cancelled->failure_reason, "cancelled");
  EXPECT_EQ(cancelled->expires_at, t.clock->now() + 60s);
  EXPECT_EQ(t.hooks->trigger()->processed, 0);
  const auto again = t.hooks->cancel({"ns", "a"});
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
  EXPECT_EQ(again.error().message, "task is FAILED; only what may still run can be cancelled");
  EXPECT_EQ(t.hooks->cancel({"ns", "none"}).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(t.hooks->trigger({"ns", "a"}));
  EXPECT_EQ(t.hooks->trigger()->processed, 1);
  EXPECT_EQ(t.hooks->get({"ns", "a"})->status, Status::kDone);
}

TEST(HooksTest, RunNowFiresAFutureTaskAndGivesADoneOneAnotherOccurrence) {
  TestHooks t;
  NewTask later = t.post("a");
  later.scheduled_date = t.clock->now() + 24h;
  ASSERT_TRUE(t.hooks->register_task(later));
  EXPECT_EQ(t.hooks->trigger()->processed, 0);
  ASSERT_TRUE(t.hooks->trigger({"ns", "a"}));
  EXPECT_EQ(t.hooks->trigger()->processed, 1);
  EXPECT_EQ(t.hooks->get({"ns", "a"})->status, Status::kDone);

  t.clock->advance(1s);
  ASSERT_TRUE(t.hooks->trigger({"ns", "a"}));
  EXPECT_EQ(t.hooks->trigger()->processed, 1);
  const auto task = t.hooks->get({"ns", "a"});
  EXPECT_EQ(task->status, Status::kDone);
  EXPECT_EQ(task->execution.count, 2);

  // Another occurrence, so another webhook-id.
  const auto sent = t.sender->started();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_NE(webhook_id_of(sent[0]), webhook_id_of(sent[1]));
}

// An hourly task that is run by hand at 23:50 runs at 00:00 as well.
TEST(HooksTest, RunNowOfASeriesIsOneMoreOccurrenceThatLeavesItsOwnAlone) {
  TestHooks t;
  NewTask hourly = t.post("a");
  const TimePoint midnight = t.clock->now() + 10min;
  hourly.scheduled_date = midnight;
  hourly.repeat = Repeat{1, 2, RepeatUnit::kHours};
  ASSERT_TRUE(t.hooks->register_task(hourly));
  const TimePoint asked = t.clock->now();
  const auto answer = t.hooks->trigger({"ns", "a"});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->extra_date, asked);
  EXPECT_EQ(answer->scheduled_date, midnight);
  EXPECT_EQ(t.hooks->trigger_dryrun()->count, 1);
  EXPECT_EQ(t.hooks->trigger()->processed, 1);
  EXPECT_EQ(t.hooks->trigger()->processed, 0);
  EXPECT_EQ(t.hooks->get({"ns", "a"})->scheduled_date, midnight);

  t.clock->advance(10min);
  EXPECT_EQ(t.hooks->trigger()->processed, 1);
  t.clock->advance(1h);
  EXPECT_EQ(t.hooks->trigger()->processed, 1);
  const auto task = t.hooks->get({"ns", "a"});
  EXPECT_EQ(task->status, Status::kDone) << "two of two, and one more";
  EXPECT_EQ(task->execution.count, 3);
  EXPECT_EQ(task->execution.extra, 1);
  EXPECT_EQ(task->execution.skipped, 0);

  FetchLogsQuery query;
  query.ns = "ns";
  std::vector<TimePoint> nominal;
  const auto logs = t.hooks->fetch_logs(query);
  ASSERT_TRUE(logs);
  for (const Log& log : logs->items) nominal.push_back(log.scheduled_date);
  std::sort(nominal.begin(), nominal.end());
  EXPECT_EQ(nominal, (std::vector<TimePoint>{asked, midnight, midnight + 1h}));
  std::set<std::string> ids;
  for (const auto& sent : t.sender->started()) ids.insert(webhook_id_of(sent));
  EXPECT_EQ(ids.size(), 3u);
}

TEST(HooksTest, EveryAttemptOfOneOccurrenceCarriesTheSameWebhookId) {
  TestHooks t;
  t.sender->set_script([](const auto&) { return Reply::status(503); });
  NewTask given = t.post("a");
  given.retry_limit = 2;
  ASSERT_TRUE(t.hooks->register_task(given));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(t.hooks->trigger()->errors, 1);
    t.clock->advance(1h);
  }
  const auto sent = t.sender->started();
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(webhook_id_of(sent[0]), webhook_id_of(sent[1]));
  EXPECT_EQ(webhook_id_of(sent[0]), webhook_id_of(sent[2]));
  const auto task = t.hooks->get({"ns", "a"});
  EXPECT_EQ(task->status, Status::kFailed);
  EXPECT_EQ(task->execution.count, 1);
  EXPECT_EQ(task->errors.count, 1);
  EXPECT_EQ(task->errors.last_error, "HTTP 503 Service Unavailable");
}

TEST(HooksTest, TheRunningWorkerDeliversWhatIsRegistered) {
  TestHooks t;
  ASSERT_TRUE(t.hooks->start());
  ASSERT_TRUE(t.hooks->register_task(t.post("a")));
  ASSERT_TRUE(t.sender->wait_started(1));
  t.hooks->stop();
  EXPECT_EQ(t.hooks->get({"ns", "a"})->status, Status::kDone);
}

// As after a machine was suspended: a lease that ran out would have it sent a second time.
TEST(HooksTest, AJumpOfTheClockDoesNotRepeatAttemptsInFlight) {
  TestHooks t;
  t.sender->set_script([](const auto&) { return Reply::hold(); });
  ASSERT_TRUE(t.hooks->start());
  ASSERT_TRUE(t.hooks->register_task(t.post("a")));
  ASSERT_TRUE(t.sender->wait_started(1));
  t.clock->advance(8h);
  ASSERT_TRUE(t.hooks->register_task(t.post("b")));
  ASSERT_TRUE(t.sender->wait_started(2));
  t.sender->set_script({});
  t.sender->release_all(Reply::status(200));
  t.hooks->stop();
  EXPECT_EQ(t.sender->started_count(), 2u);
  EXPECT_EQ(t.hooks->get({"ns", "a"})->status, Status::kDone);
  EXPECT_EQ(t.hooks->get({"ns", "b"})->status, Status::kDone);
}

TEST(HooksTest, MetricsCountWhatHappened) {
  TestHooks t;
  ASSERT_TRUE(t.hooks->register_task(t.post("a")));
  ASSERT_TRUE(t.hooks->trigger());
  const std::string text = t.hooks->metrics();
  EXPECT_NE(text.find("rhooks_registered_total 1"), std::string::npos) << text;
  EXPECT_NE(text.find("rhooks_attempts_total{result=\"success\"} 1"), std::string::npos) << text;
}

TEST(HooksTest, OptionsAreCheckedAndNamed) {
  const auto field_of = [](auto change) {
    Options options;
    options.store = "memory:";
    change(options);
    const auto hooks = Hooks::open(options);
    EXPECT_FALSE(hooks);
    return hooks ? std::string("accepted") : hooks.error().field;
  };
  EXPECT_EQ(field_of([](Options& o) { o.concurrency = 0; }), "concurrency");
  EXPECT_EQ(field_of([](Options& o) { o.concurrency = 10'001; }), "concurrency");
  EXPECT_EQ(field_of([](Options& o) { o.max_errors = 0; }), "max_errors");
  EXPECT_EQ(field_of([](Options& o) { o.logs_ttl = -1s; }), "logs_ttl");
  EXPECT_EQ(field_of([](Options& o) { o.done_ttl = -1s; }), "done_ttl");
  EXPECT_EQ(field_of([](Options& o) { o.failed_ttl = -1s; }), "failed_ttl");
  EXPECT_EQ(field_of([](Options& o) { o.request_timeout = 0ms; }), "request_timeout");
  EXPECT_EQ(field_of([](Options& o) { o.region = "eu-west-1"; }), "region");
  EXPECT_EQ(field_of([](Options& o) { o.store = "postgres://"; }), "store");
  EXPECT_THROW(Hooks(Options{.store = "nonsense"}), HooksError);
}

TEST(HooksTest, SingleRegistrationsThatWaitShareAWriteAndEachGetsItsResult) {
  store::MemoryStore memory(1);
  auto held = std::make_unique<testing::HeldPuts>(memory);
  testing::HeldPuts& puts = *held;
  TestHooks t({}, std::move(held));
  std::thread first([&] { EXPECT_TRUE(t.hooks->register_task(t.post("first"))); });
  EXPECT_TRUE(puts.wait_for_one());

  std::mutex mutex;
  std::vector<std::string> told;
  const auto tell = [&](const std::string& name) {
    return [&, name](const Result<Registration>& result) {
      std::lock_guard lock(mutex);
      told.push_back(name + (result ? result->created ? " created" : " found"
                                    : std::string(" ") + to_string(result.error().code)));
    };
  };
  NewTask keyed = t.post("");
  keyed.idempotency_key = "key";
  NewTask wrong = t.post("wrong");
  wrong.retry_limit = -1;
  t.hooks->register_task(t.post("a"), tell("a"));
  t.hooks->register_task(t.post("a"), tell("a again"));
  t.hooks->register_task(keyed, tell("keyed"));
  t.hooks->register_task(keyed, tell("keyed again"));
  t.hooks->register_task(wrong, tell("wrong"));
  EXPECT_THAT(told, ElementsAre("wrong invalid_argument"));  // at once: nothing of it is written

  std::thread last([&] { EXPECT_TRUE(t.hooks->register_task(t.post("last"))); });
  puts.open();
  first.join();
  last.join();  // all that came before it were told before it
  EXPECT_THAT(told, ElementsAre("wrong invalid_argument", "a created", "a again conflict",
                                "keyed created", "keyed again found"));
  ASSERT_GE(puts.sizes().size(), 2u);
  EXPECT_GE(puts.sizes()[1], 4u);
}

}  // namespace
}  // namespace rhooks
