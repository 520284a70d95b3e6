// Endpoints, on a memory store that fails as told and a clock by hand.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rhooks/hooks.h>

#include <atomic>
#include <thread>

#include "hooks/change_endpoint.h"
#include "hooks/test_hooks.h"
#include "model/endpoint.h"
#include "model/limits.h"
#include "testing/faulty_store.h"
#include "testing/forwarding_store.h"
#include "testing/patience.h"

namespace rhooks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Endpoint endpoint_named(const std::string& name) {
  Endpoint endpoint;
  endpoint.ns = "ns";
  endpoint.name = name;
  endpoint.url = "http://127.0.0.1:9/in";
  return endpoint;
}

class EndpointsTest : public ::testing::Test {
 protected:
  Endpoint put(const Endpoint& endpoint, const std::string& if_revision = {}) {
    const auto result = hooks_.put_endpoint(endpoint, if_revision);
    EXPECT_TRUE(result) << result.error().message;
    return result ? result->endpoint : Endpoint{};
  }
  std::vector<std::string> names(const EndpointsQuery& query) {
    std::vector<std::string> found;
    const auto page = hooks_.endpoints(query);
    EXPECT_TRUE(page) << page.error().message;
    if (!page) return found;
    for (const Endpoint& endpoint : page->items) found.push_back(endpoint.name);
    return found;
  }
  static testing::StoreFault lost_answer() {
    return {.error = {ErrorCode::kUnknownOutcome, "lost", {}}, .after_applying = true};
  }
  static testing::StoreFault lost_call() {
    return {.error = {ErrorCode::kUnknownOutcome, "lost", {}}};
  }

  store::MemoryStore memory_{1};
  testing::FaultyStore* store_ = new testing::FaultyStore(memory_);  // test_ owns it
  TestHooks test_{{}, std::unique_ptr<store::Store>(store_)};
  Hooks& hooks_ = *test_.hooks;
};

TEST_F(EndpointsTest, OneIsKeptAsItWasPut) {
  Endpoint given = endpoint_named("acme");
  given.description = "the warehouse";
  given.headers = {{"X-Shop", "7"}};
  given.timeout = 15s;
  given.retry_limit = 0;
  given.paused = true;
  given.revision = "whatever";
  const TimePoint at = test_.clock->now();
  const auto made = hooks_.put_endpoint(given);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(made->created);
  EXPECT_NE(made->endpoint.revision, "whatever");
  given.paused = false;
  given.revision = made->endpoint.revision;
  given.created_at = given.updated_at = at;
  EXPECT_EQ(made->endpoint, given);
  EXPECT_EQ(hooks_.endpoint("ns", "acme"), given);
}

TEST_F(EndpointsTest, PuttingReplacesAllButTheDateOfTheFirst) {
  Endpoint given = endpoint_named("acme");
  given.timeout = 15s;
  const Endpoint first = put(given);
  test_.clock->advance(1s);
  given.timeout.reset();
  given.url = "http://127.0.0.1:9/other";
  const auto second = hooks_.put_endpoint(given);
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->created);
  EXPECT_EQ(second->endpoint.created_at, first.created_at);
  EXPECT_EQ(second->endpoint.updated_at, first.updated_at + 1s);
  EXPECT_EQ(second->endpoint.timeout, std::nullopt);
  EXPECT_NE(second->endpoint.revision, first.revision);
  EXPECT_EQ(hooks_.endpoint("ns", "acme"), second->endpoint);
}

TEST_F(EndpointsTest, WhatIsRegisteredForNowIsDatedInOrderWhereItsEndpointIsOrdered) {
  Endpoint ordered = endpoint_named("ordered");
  ordered.ordered = true;
  put(ordered);
  put(endpoint_named("other"));
  const auto task = [](const std::string& endpoint, const std::string& id) {
    NewTask made;
    made.ns = "ns";
    made.id = id;
    made.endpoint = endpoint;
    return made;
  };
  NewTask dated = task("ordered", "6");
  const TimePoint now = test_.clock->now();
  dated.scheduled_date = now - 1h;
  NewTask keyed = task("ordered", "5");
  keyed.flow_key = "key";
  const auto many = hooks_.register_many(
      {task("ordered", "9"), task("other", "8"), task("ordered", "7"), dated, keyed});
  ASSERT_TRUE(many);
  const auto date = [&](std::size_t i) { return many->at(i)->task.scheduled_date; };
  EXPECT_EQ(date(0), now);
  EXPECT_EQ(date(1), now);
  EXPECT_EQ(date(2), now + 1ms);
  EXPECT_EQ(date(3), now - 1h);
  EXPECT_EQ(date(4), now) << "each flow by itself";
  test_.clock->advance(-5s);
  const auto one = hooks_.register_task(task("ordered", "4"));
  ASSERT_TRUE(one);
  EXPECT_EQ(one->task.scheduled_date, now + 2ms) << "the clock was set back";
  EXPECT_EQ(one->task.created_at, now - 5s);
}

TEST_F(EndpointsTest, WhatIsWrongIsRefused) {
  const auto refused = [](const auto& result) {
    EXPECT_FALSE(result);
    if (result) return std::string("none");
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    return result.error().field;
  };
  EXPECT_EQ(refused(hooks_.put_endpoint(endpoint_named("a b"))), "name");
  Endpoint no_url = endpoint_named("a");
  no_url.url.clear();
  EXPECT_EQ(refused(hooks_.put_endpoint(no_url)), "url");
  EXPECT_EQ(refused(hooks_.put_endpoint(endpoint_named("a"), "7")), "revision");
  EXPECT_EQ(refused(hooks_.endpoint("", "a")), "namespace");
  EXPECT_EQ(refused(hooks_.endpoint("ns", "a/b")), "name");
  EXPECT_EQ(refused(hooks_.remove_endpoint("ns", "")), "name");
  EXPECT_EQ(refused(hooks_.remove_endpoint("ns", "a", "7")), "revision");
  EXPECT_EQ(refused(hooks_.pause_endpoint("", "a")), "namespace");
  EXPECT_EQ(refused(hooks_.resume_endpoint("ns", "a b")), "name");
  EXPECT_EQ(refused(hooks_.endpoints({.ns = ""})), "namespace");
  EXPECT_EQ(refused(hooks_.endpoints({.ns = "ns", .limit = 0})), "limit");
  EXPECT_EQ(refused(hooks_.endpoints({.ns = "ns", .prefix = "\xff"})), "prefix");
  EXPECT_EQ(refused(hooks_.endpoints({.ns = "ns", .start_key = "x"})), "startKey");
  Endpoint large = endpoint_named("a");
  for (int i = 0; i < 4; ++i) {
    large.headers.push_back({"X-" + std::to_string(i), std::string(4'096, 'h')});
  }
  const auto too_large = hooks_.put_endpoint(large);
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(too_large.error().message, HasSubstr("at most 16384 are allowed"));
  EXPECT_EQ(names({.ns = "ns"}), std::vector<std::string>{});
}

// Names are judged when they are sent to.
TEST(EgressTest, UrlsThatNoAttemptMayGoToAreRefused) {
  Options options;
  options.egress = "public";
  options.egress_deny = {"*.internal"};
  TestHooks test(options);
  const auto register_with = [&](const std::string& url) {
    NewTask task = TestHooks::post(url.substr(url.find("//") + 2, 3));
    task.request.url = url;
    const auto made = test.hooks->register_task(std::move(task));
    return made ? "made" : made.error().field + ": " + made.error().message;
  };
  const auto put_with = [&](const std::string& url) {
    Endpoint endpoint;
    endpoint.ns = "ns";
    endpoint.name = "acme";
    endpoint.url = url;
    const auto put = test.hooks->put_endpoint(std::move(endpoint));
    return put ? "put" : put.error().field + ": " + put.error().message;
  };
  for (const char* url : {"http://127.0.0.1/", "http://2130706433/", "http://localhost:9/",
                          "http://[::ffff:10.0.0.1]/", "https://db.internal/"}) {
    EXPECT_TRUE(register_with(url).starts_with("url: url: ")) << register_with(url);
    EXPECT_NE(register_with(url).find("not allowed by the egress policy"), std::string::npos);
    EXPECT_TRUE(put_with(url).starts_with("url: url: ")) << put_with(url);
  }
  EXPECT_EQ(register_with("https://api.example/"), "made");
  EXPECT_EQ(put_with("https://8.8.8.8/"), "put");
  EXPECT_NE(test.hooks->metrics().find(
                "rhooks_egress_refused_total{class=\"denied\",stage=\"register\"} 3\n"),
            std::string::npos)
      << test.hooks->metrics();
}

// It was stored before the policy was made stricter.
TEST(EgressTest, WhatIsThereAlreadyIsNotRefused) {
  store::MemoryStore memory{1};
  TestHooks before({}, std::make_unique<testing::ForwardingStore>(memory));
  Options options;
  options.egress = "public";
  TestHooks test(options, std::make_unique<testing::ForwardingStore>(memory));

  NewTask task = TestHooks::post("");
  task.idempotency_key = "once";
  EXPECT_FALSE(test.hooks->register_task(task));
  const auto first = before.hooks->register_task(task);
  ASSERT_TRUE(first) << first.error().message;
  const auto again = test.hooks->register_task(task);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->created);
  EXPECT_EQ(again->task.key, first->task.key);
  task.request.url += "/other";
  const auto other = test.hooks->register_task(task);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kConflict);

  Endpoint endpoint = endpoint_named("acme");
  EXPECT_FALSE(test.hooks->put_endpoint(endpoint));
  ASSERT_TRUE(before.hooks->put_endpoint(endpoint));
  endpoint.retry_limit = 3;
  const auto put = test.hooks->put_endpoint(endpoint);
  ASSERT_TRUE(put) << put.error().message;
  EXPECT_EQ(put->endpoint.retry_limit, 3);
  endpoint.url += "/other";
  const auto moved = test.hooks->put_endpoint(endpoint);
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().field, "url");
}

TEST_F(EndpointsTest, WithARevisionOnlyThatOneIsReplacedOrDeleted) {
  const auto missing = hooks_.put_endpoint(endpoint_named("acme"), to_string(Uuid{}));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message, "there is no endpoint 'acme' in namespace 'ns'");

  const Endpoint first = put(endpoint_named("acme"));
  const Endpoint second = put(endpoint_named("acme"), first.revision);
  const auto late = hooks_.put_endpoint(endpoint_named("acme"), first.revision);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kConflict);
  EXPECT_EQ(late.error().field, "revision");
  EXPECT_THAT(late.error().message, HasSubstr("read it again"));
  const auto kept = hooks_.remove_endpoint("ns", "acme", first.revision);
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, ErrorCode::kConflict);
  EXPECT_EQ(hooks_.remove_endpoint("ns", "acme", second.revision), second);
  EXPECT_EQ(hooks_.endpoint("ns", "acme").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(hooks_.remove_endpoint("ns", "acme").error().code, ErrorCode::kNotFound);
}

TEST_F(EndpointsTest, WhereThereMustBeNoneNothingIsReplaced) {
  const Endpoint first = put(endpoint_named("acme"), kIfNone);
  const auto second = hooks_.put_endpoint(endpoint_named("acme"), kIfNone);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_EQ(second.error().field, "revision");
  EXPECT_THAT(second.error().message,
              HasSubstr("endpoint 'acme' in namespace 'ns' is there already"));
  EXPECT_EQ(hooks_.endpoint("ns", "acme"), first);
}

TEST_F(EndpointsTest, PagesAreOrderedByName) {
  for (const char* name : {"b", "a1", "c", "a2", "A"}) put(endpoint_named(name));
  Endpoint other = endpoint_named("a3");
  other.ns = "other";
  put(other);
  EXPECT_THAT(names({.ns = "ns"}), ElementsAre("A", "a1", "a2", "b", "c"));
  EXPECT_THAT(names({.ns = "ns", .prefix = "a"}), ElementsAre("a1", "a2"));

  const auto first = hooks_.endpoints({.ns = "ns", .limit = 3});
  ASSERT_TRUE(first);
  ASSERT_EQ(first->items.size(), 3u);
  EXPECT_THAT(names({.ns = "ns", .limit = 3, .start_key = first->last_evaluated_key}),
              ElementsAre("b", "c"));
  // The key is of that query.
  const auto foreign =
      hooks_.endpoints({.ns = "other", .limit = 3, .start_key = first->last_evaluated_key});
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().field, "startKey");
}

TEST_F(EndpointsTest, TheyAreNoTasks) {
  put(endpoint_named("acme"));
  EXPECT_TRUE(hooks_.namespaces({})->items.empty());
  ASSERT_TRUE(hooks_.register_task(TestHooks::post("a")));
  EXPECT_EQ(hooks_.clear("ns"), 1);
  EXPECT_TRUE(hooks_.endpoint("ns", "acme"));
}

TEST_F(EndpointsTest, APutWhoseAnswerIsLostIsFoundAgain) {
  store_->fail_next("put_document", lost_answer());
  const auto made = hooks_.put_endpoint(endpoint_named("acme"));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(made->created);
  EXPECT_EQ(hooks_.endpoint("ns", "acme"), made->endpoint);
  EXPECT_EQ(store_->calls("put_document"), 1);

  test_.clock->advance(1s);
  store_->fail_next("put_document", lost_answer());
  const auto changed = hooks_.put_endpoint(endpoint_named("acme"), made->endpoint.revision);
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_FALSE(changed->created);
  EXPECT_NE(changed->endpoint.revision, made->endpoint.revision);
  EXPECT_EQ(changed->endpoint.updated_at, made->endpoint.updated_at + 1s);

  // One that did not arrive is made again.
  store_->fail_next("put_document", lost_call());
  EXPECT_NE(put(endpoint_named("acme"), changed->endpoint.revision).revision,
            changed->endpoint.revision);
}

TEST_F(EndpointsTest, WhatIsNotKnownIsSaid) {
  store_->fail_always("put_document", lost_call());
  EXPECT_EQ(hooks_.put_endpoint(endpoint_named("acme")).error().code, ErrorCode::kUnknownOutcome);
  store_->heal();
  store_->fail_next("put_document", lost_call());
  store_->fail_next("put_document");
  EXPECT_EQ(hooks_.put_endpoint(endpoint_named("acme")).error().code, ErrorCode::kUnknownOutcome);
  store_->fail_next("put_document");
  EXPECT_EQ(hooks_.put_endpoint(endpoint_named("acme")).error().code, ErrorCode::kUnavailable);
  store_->fail_next("get_document");
  EXPECT_EQ(hooks_.put_endpoint(endpoint_named("acme")).error().code, ErrorCode::kUnavailable);
}

TEST_F(EndpointsTest, ADeletionWhoseAnswerIsLostIsFoundOut) {
  const Endpoint made = put(endpoint_named("acme"));
  store_->fail_next("remove_document", lost_answer());
  EXPECT_EQ(hooks_.remove_endpoint("ns", "acme"), made);
  EXPECT_FALSE(hooks_.endpoint("ns", "acme"));

  const Endpoint again = put(endpoint_named("acme"));
  store_->fail_next("remove_document", lost_call());
  EXPECT_EQ(hooks_.remove_endpoint("ns", "acme"), again);
  EXPECT_FALSE(hooks_.endpoint("ns", "acme"));
}

TEST_F(EndpointsTest, OneIsPausedUntilItIsResumed) {
  const auto missing = hooks_.pause_endpoint("ns", "acme");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message, "there is no endpoint 'acme' in namespace 'ns'");

  Endpoint given = endpoint_named("acme");
  given.timeout = 15s;
  const Endpoint made = put(given);
  test_.clock->advance(1s);
  const auto paused = hooks_.pause_endpoint("ns", "acme");
  ASSERT_TRUE(paused) << paused.error().message;
  Endpoint wanted = made;
  wanted.paused = true;
  wanted.revision = paused->revision;
  wanted.updated_at = made.updated_at + 1s;
  EXPECT_EQ(*paused, wanted);
  EXPECT_NE(paused->revision, made.revision);
  EXPECT_EQ(hooks_.endpoint("ns", "acme"), wanted);

  const auto resumed = hooks_.resume_endpoint("ns", "acme");
  ASSERT_TRUE(resumed) << resumed.error().message;
  EXPECT_FALSE(resumed->paused);
  EXPECT_EQ(hooks_.endpoint("ns", "acme"), *resumed);
}

TEST_F(EndpointsTest, WhatIsSoAlreadyIsNotWritten) {
  put(endpoint_named("acme"));
  const auto paused = hooks_.pause_endpoint("ns", "acme");
  ASSERT_TRUE(paused);
  const auto writes = store_->calls("put_document");
  test_.clock->advance(1s);
  EXPECT_EQ(hooks_.pause_endpoint("ns", "acme"), *paused);
  EXPECT_EQ(store_->calls("put_document"), writes);
  const auto resumed = hooks_.resume_endpoint("ns", "acme");
  ASSERT_TRUE(resumed);
  EXPECT_EQ(hooks_.resume_endpoint("ns", "acme"), *resumed);
  EXPECT_EQ(store_->calls("put_document"), writes + 1);
}

TEST_F(EndpointsTest, PuttingLeavesAPauseAsItIs) {
  put(endpoint_named("acme"));
  const auto paused = hooks_.pause_endpoint("ns", "acme");
  ASSERT_TRUE(paused);
  Endpoint given = endpoint_named("acme");
  given.url = "http://127.0.0.1:9/other";
  EXPECT_TRUE(put(given).paused);
  const auto changed =
      change_endpoint(hooks_, "ns", "acme", {}, [](Endpoint endpoint) -> Result<Endpoint> {
        endpoint.paused = false;
        endpoint.retry_limit = 1;
        return endpoint;
      });
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_TRUE(changed->paused);
  EXPECT_TRUE(hooks_.endpoint("ns", "acme")->paused);
  // Made anew it is as new.
  ASSERT_TRUE(hooks_.remove_endpoint("ns", "acme"));
  EXPECT_FALSE(put(*changed).paused);
}

TEST_F(EndpointsTest, APauseWhoseAnswerIsLostIsFoundOut) {
  put(endpoint_named("acme"));
  store_->fail_next("put_document", lost_answer());
  const auto paused = hooks_.pause_endpoint("ns", "acme");
  ASSERT_TRUE(paused) << paused.error().message;
  EXPECT_EQ(hooks_.endpoint("ns", "acme"), *paused);
  store_->fail_next("put_document", lost_call());
  const auto resumed = hooks_.resume_endpoint("ns", "acme");
  ASSERT_TRUE(resumed) << resumed.error().message;
  EXPECT_FALSE(hooks_.endpoint("ns", "acme")->paused);

  store_->fail_always("put_document", lost_call());
  EXPECT_EQ(hooks_.pause_endpoint("ns", "acme").error().code, ErrorCode::kUnknownOutcome);
  store_->heal();
  store_->fail_next("put_document");
  EXPECT_EQ(hooks_.pause_endpoint("ns", "acme").error().code, ErrorCode::kUnavailable);
  store_->fail_next("get_document");
  EXPECT_EQ(hooks_.pause_endpoint("ns", "acme").error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(hooks_.endpoint("ns", "acme")->paused);
}

TEST_F(EndpointsTest, OneThatCannotBeReadCanBePutAnew) {
  ASSERT_TRUE(memory_.put_document({{"endpoint", "ns", "acme"}, "{", {}}, store::Nothing{},
                                   test_.clock->now()));
  const auto read = hooks_.endpoint("ns", "acme");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(read.error().message, HasSubstr("endpoint 'acme' in namespace 'ns' cannot be read"));
  EXPECT_EQ(hooks_.endpoints({.ns = "ns"}).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(hooks_.pause_endpoint("ns", "acme").error().code, ErrorCode::kCorrupt);
  EXPECT_FALSE(hooks_.put_endpoint(endpoint_named("acme"))->created);
  EXPECT_TRUE(hooks_.endpoint("ns", "acme"));
}

NewTask task_to(const std::string& endpoint, const std::string& id) {
  NewTask task = TestHooks::post(id);
  task.endpoint = endpoint;
  task.request.url = "/orders";
  return task;
}

TEST_F(EndpointsTest, ATaskIsRegisteredForOneThatIsThere) {
  const auto refused = hooks_.register_task(task_to("acme", "a"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(refused.error().field, "endpoint");
  put(endpoint_named("acme"));
  const auto made = hooks_.register_task(task_to("acme", "a"));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->task.endpoint, "acme");
  EXPECT_EQ(hooks_.get({"ns", "a"})->endpoint, "acme");

  auto elsewhere = task_to("acme", "b");
  elsewhere.ns = "other";
  const auto many = hooks_.register_many({task_to("acme", "c"), elsewhere, TestHooks::post("d")});
  ASSERT_TRUE(many);
  EXPECT_TRUE((*many)[0]);
  EXPECT_EQ((*many)[1].error().code, ErrorCode::kNotFound);
  EXPECT_TRUE((*many)[2]);

  std::optional<Result<Registration>> answer;
  hooks_.register_task(task_to("none", "e"), [&](auto result) { answer = std::move(result); });
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error().code, ErrorCode::kNotFound);

  ASSERT_TRUE(hooks_.remove_endpoint("ns", "acme", {}, true));
  EXPECT_EQ(hooks_.register_task(task_to("acme", "f")).error().code, ErrorCode::kNotFound);
}

TEST_F(EndpointsTest, AReplayFindsItsTaskAlsoWhereTheEndpointIsGone) {
  put(endpoint_named("acme"));
  NewTask given = task_to("acme", "");
  given.idempotency_key = "order-17";
  const auto first = hooks_.register_task(given);
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(hooks_.remove_endpoint("ns", "acme", {}, true));

  const auto replay = hooks_.register_task(given);
  ASSERT_TRUE(replay) << replay.error().message;
  EXPECT_FALSE(replay->created);
  EXPECT_EQ(replay->task.key, first->task.key);
  const auto many = hooks_.register_many({given});
  ASSERT_TRUE(many);
  EXPECT_TRUE(many->front());
  NewTask changed = given;
  changed.request.url = "/other";
  EXPECT_EQ(hooks_.register_task(changed).error().code, ErrorCode::kConflict);

  NewTask another = given;
  another.idempotency_key = "order-18";
  EXPECT_EQ(hooks_.register_task(another).error().code, ErrorCode::kNotFound);
  // While the task can be found: it would be registered anew.
  ASSERT_TRUE(hooks_.remove(first->task.key));
  EXPECT_EQ(hooks_.register_task(given).error().code, ErrorCode::kNotFound);
}

TEST_F(EndpointsTest, ItsTasksGoWhereItSays) {
  Endpoint endpoint = endpoint_named("acme");
  endpoint.headers = {{"X-Shop", "7"}};
  put(endpoint);
  ASSERT_TRUE(hooks_.register_task(task_to("acme", "a")));
  ASSERT_TRUE(hooks_.trigger());
  ASSERT_EQ(test_.sender->started_count(), 1u);
  EXPECT_EQ(test_.sender->started()[0].request.url, "http://127.0.0.1:9/in/orders");
  EXPECT_EQ(test_.sender->started()[0].request.headers.front().name, "X-Shop");

  // One that is put anew holds at once, and one that is gone fails what is due.
  endpoint.url = "http://127.0.0.1:8/";
  put(endpoint);
  ASSERT_TRUE(hooks_.register_task(task_to("acme", "b")));
  ASSERT_TRUE(hooks_.trigger());
  EXPECT_EQ(test_.sender->started().back().request.url, "http://127.0.0.1:8/orders");
  ASSERT_TRUE(hooks_.register_task(task_to("acme", "c")));
  ASSERT_TRUE(hooks_.remove_endpoint("ns", "acme", {}, true));
  ASSERT_TRUE(hooks_.trigger());
  EXPECT_EQ(test_.sender->started_count(), 2u);
  EXPECT_EQ(hooks_.get({"ns", "c"})->status, Status::kFailed);
}

TEST_F(EndpointsTest, ATriggerCountsWhatEndpointsHold) {
  put(endpoint_named("acme"));
  ASSERT_TRUE(hooks_.pause_endpoint("ns", "acme"));
  for (const char* id : {"a", "b"}) ASSERT_TRUE(hooks_.register_task(task_to("acme", id)));
  ASSERT_TRUE(hooks_.register_task(TestHooks::post("c")));
  NewTask later = task_to("acme", "later");
  later.scheduled_date = test_.clock->now() + 1h;
  ASSERT_TRUE(hooks_.register_task(later));
  const auto held = hooks_.trigger();
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_EQ(held->processed, 1);
  EXPECT_EQ(held->held, 2);

  ASSERT_TRUE(hooks_.resume_endpoint("ns", "acme"));
  const auto free = hooks_.trigger();
  ASSERT_TRUE(free) << free.error().message;
  EXPECT_EQ(free->processed, 2);
  EXPECT_EQ(free->held, 0);
}

TEST_F(EndpointsTest, ATaskThatIsHeldSaysSo) {
  const Held by_pause{"paused", std::nullopt};
  const auto held = [&](const char* id) { return hooks_.get({"ns", id})->held; };
  put(endpoint_named("acme"));
  put(endpoint_named("other"));
  ASSERT_TRUE(hooks_.register_task(task_to("acme", "a")));
  ASSERT_TRUE(hooks_.register_task(task_to("other", "b")));
  ASSERT_TRUE(hooks_.register_task(TestHooks::post("c")));
  NewTask later = task_to("acme", "later");
  later.scheduled_date = test_.clock->now() + 1h;
  ASSERT_TRUE(hooks_.register_task(later));
  EXPECT_EQ(held("a"), std::nullopt);
  ASSERT_TRUE(hooks_.pause_endpoint("ns", "acme"));
  EXPECT_EQ(held("a"), by_pause);
  for (const char* id : {"b", "c", "later"}) EXPECT_EQ(held(id), std::nullopt) << id;

  FetchQuery query;
  query.filter.ns = "ns";
  query.filter.endpoint = "acme";
  const auto page = hooks_.fetch(query);
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->items.size(), 2u);
  EXPECT_EQ(page->items[0].held, by_pause);
  EXPECT_EQ(page->items[1].held, std::nullopt);

  EXPECT_EQ(hooks_.register_task(task_to("acme", "d"))->task.held, by_pause);
  const auto many = hooks_.register_many({task_to("acme", "e"), TestHooks::post("f")});
  ASSERT_TRUE(many);
  EXPECT_EQ((*many)[0]->task.held, by_pause);
  EXPECT_EQ((*many)[1]->task.held, std::nullopt);
  EXPECT_EQ(hooks_.suspend(TaskKey{"ns", "d"})->held, std::nullopt);
  EXPECT_EQ(held("d"), std::nullopt);
  EXPECT_EQ(hooks_.unsuspend(TaskKey{"ns", "d"})->held, by_pause);
  test_.clock->advance(1h);
  EXPECT_EQ(held("later"), by_pause);

  ASSERT_TRUE(hooks_.resume_endpoint("ns", "acme"));
  for (const char* id : {"a", "d", "later"}) EXPECT_EQ(held(id), std::nullopt) << id;
}

TEST_F(EndpointsTest, OneThatDoesNotAnswerSaysSo) {
  put(endpoint_named("acme"));
  const auto held = [&] { return hooks_.endpoint("ns", "acme")->held; };
  EXPECT_EQ(held(), std::nullopt);
  for (const char* id : {"a", "b", "c", "d", "e"}) {
    ASSERT_TRUE(hooks_.register_task(task_to("acme", id)));
  }
  test_.sender->set_script(
      [](const auto&) { return testing::ScriptedSender::Reply::failure("refused"); });
  ASSERT_TRUE(hooks_.trigger());
  test_.clock->advance(2s);  // their retries are due
  ASSERT_TRUE(held());
  EXPECT_EQ(held()->by, "breaker");
  ASSERT_TRUE(held()->until);
  EXPECT_GT(*held()->until, test_.clock->now());
  EXPECT_EQ(hooks_.endpoints({.ns = "ns"})->items[0].held, held());
  EXPECT_EQ(hooks_.get({"ns", "a"})->held, held());

  // What was read can be put, and says nothing of that.
  const auto changed = change_endpoint(hooks_, "ns", "acme", {}, [](Endpoint endpoint) {
    endpoint.description = "away";
    return Result<Endpoint>(std::move(endpoint));
  });
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(changed->held, std::nullopt);
  EXPECT_EQ(memory_.get_document(store::endpoint_key("ns", "acme"))->data.find("held"),
            std::string::npos);
  ASSERT_TRUE(held());

  // A pause takes its place, and once it is resumed it is tried at once.
  ASSERT_TRUE(hooks_.pause_endpoint("ns", "acme"));
  EXPECT_EQ(held(), std::nullopt);
  EXPECT_EQ(hooks_.get({"ns", "a"})->held, (Held{"paused", std::nullopt}));
  ASSERT_TRUE(hooks_.resume_endpoint("ns", "acme"));
  EXPECT_EQ(held(), std::nullopt);
  test_.sender->set_script({});
  const auto done = hooks_.trigger();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->processed, 5);
  EXPECT_EQ(hooks_.get({"ns", "a"})->status, Status::kDone);
}

TEST_F(EndpointsTest, OneThatAsksToWaitSaysSo) {
  put(endpoint_named("acme"));
  const auto held = [&] { return hooks_.endpoint("ns", "acme")->held; };
  ASSERT_TRUE(hooks_.register_task(task_to("acme", "a")));
  test_.sender->set_script([](const auto&) {
    auto reply = testing::ScriptedSender::Reply::status(429);
    reply.retry_after = 30s;
    return reply;
  });
  ASSERT_TRUE(hooks_.trigger());
  const Held until{"retry-after", test_.clock->now() + 30s};
  EXPECT_EQ(held(), until);
  EXPECT_EQ(hooks_.endpoints({.ns = "ns"})->items[0].held, until);
  EXPECT_EQ(hooks_.register_task(task_to("acme", "b"))->task.held, until);
  EXPECT_EQ(hooks_.get({"ns", "b"})->held, until);

  // A test that succeeds does not take it back.
  test_.sender->set_script({});
  ASSERT_TRUE(hooks_.test_endpoint("ns", "acme", model::default_test_request()));
  EXPECT_EQ(held(), until);
  EXPECT_EQ(hooks_.trigger()->processed, 0);

  test_.clock->advance(30s);
  EXPECT_EQ(held(), std::nullopt);
  EXPECT_EQ(hooks_.get({"ns", "b"})->held, std::nullopt);
  ASSERT_TRUE(hooks_.trigger());
  EXPECT_EQ(hooks_.get({"ns", "b"})->status, Status::kDone);
}

TEST_F(EndpointsTest, OneThatAsksToWaitIsTriedOnceItIsResumed) {
  put(endpoint_named("acme"));
  ASSERT_TRUE(hooks_.register_task(task_to("acme", "a")));
  test_.sender->set_script([](const auto&) {
    auto reply = testing::ScriptedSender::Reply::status(429);
    reply.retry_after = 30s;
    return reply;
  });
  ASSERT_TRUE(hooks_.trigger());
  test_.sender->set_script({});
  ASSERT_TRUE(hooks_.register_task(task_to("acme", "b")));
  ASSERT_TRUE(hooks_.pause_endpoint("ns", "acme"));
  EXPECT_EQ(hooks_.endpoint("ns", "acme")->held, std::nullopt);
  EXPECT_EQ(hooks_.get({"ns", "b"})->held, (Held{"paused", std::nullopt}));
  ASSERT_TRUE(hooks_.resume_endpoint("ns", "acme"));
  EXPECT_EQ(hooks_.endpoint("ns", "acme")->held, std::nullopt);
  EXPECT_EQ(hooks_.trigger()->processed, 1);
  EXPECT_EQ(hooks_.get({"ns", "b"})->status, Status::kDone);
}

TEST_F(EndpointsTest, TasksOfOneThatIsPausedWait) {
  put(endpoint_named("acme"));
  ASSERT_TRUE(hooks_.pause_endpoint("ns", "acme"));
  ASSERT_TRUE(hooks_.register_task(task_to("acme", "a")));
  ASSERT_TRUE(hooks_.register_task(TestHooks::post("b")));
  const auto first = hooks_.trigger();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->processed, 1);
  EXPECT_EQ(hooks_.get({"ns", "a"})->status, Status::kActive);
  EXPECT_EQ(hooks_.get({"ns", "a"})->attempt, 0);
  EXPECT_EQ(hooks_.trigger_dryrun()->count, 1);

  ASSERT_TRUE(hooks_.resume_endpoint("ns", "acme"));
  EXPECT_EQ(hooks_.trigger()->processed, 1);
  EXPECT_EQ(hooks_.get({"ns", "a"})->status, Status::kDone);
}

class OrderedEndpointTest : public EndpointsTest {
 protected:
  // "a" waits for its retry, and "b" for that.
  OrderedEndpointTest() {
    Endpoint acme = endpoint_named("acme");
    acme.ordered = true;
    acme.retry_schedule = {1h};
    put(acme);
    test_.sender->set_script([](const auto&) { return Reply::status(500); });
    EXPECT_TRUE(hooks_.register_task(task_to("acme", "a")));
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(hooks_.trigger());
    test_.clock->advance(1ms);
    EXPECT_TRUE(hooks_.register_task(task_to("acme", "b")));
    EXPECT_EQ(held_by("b"), "retry");
    test_.sender->set_script({});
  }
  std::string held_by(const std::string& id) {
    const auto task = hooks_.get({"ns", id});
    EXPECT_TRUE(task);
    return task && task->held ? task->held->by : "";
  }
};

TEST_F(OrderedEndpointTest, WhatComesAfterItsTasksWereClearedWaitsForNone) {
  EXPECT_EQ(*hooks_.clear("ns"), 2);
  test_.clock->advance(1ms);
  ASSERT_TRUE(hooks_.register_task(task_to("acme", "c")));
  EXPECT_EQ(held_by("c"), "");
  EXPECT_EQ(hooks_.trigger()->processed, 1);
  EXPECT_EQ(hooks_.get({"ns", "c"})->status, Status::kDone);
}

TEST_F(OrderedEndpointTest, WhatIsDatedBeforeItsFirstTaskWaitsForNone) {
  NewTask early = task_to("acme", "early");
  early.scheduled_date = test_.clock->now() - 1h;
  ASSERT_TRUE(hooks_.register_task(early));
  EXPECT_EQ(held_by("early"), "");
  EXPECT_EQ(hooks_.trigger()->processed, 1);
  EXPECT_EQ(hooks_.get({"ns", "early"})->status, Status::kDone);
  EXPECT_EQ(hooks_.get({"ns", "b"})->status, Status::kActive);
}

TEST_F(EndpointsTest, TheEndsOfItsTasksAreTold) {
  put(endpoint_named("ops"));
  Endpoint acme = endpoint_named("acme");
  acme.callback = "ops";
  put(acme);
  ASSERT_TRUE(hooks_.register_task(task_to("acme", "a")));
  ASSERT_TRUE(hooks_.trigger());
  test_.clock->advance(1s);
  ASSERT_TRUE(hooks_.trigger());
  EXPECT_EQ(test_.sender->started_count(), 2u);
  FetchQuery query;
  query.filter.ns = "ns";
  query.filter.endpoint = "ops";
  const auto page = hooks_.fetch(query);
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->items.size(), 1u);
  EXPECT_EQ(page->items[0].origin, "a");
  EXPECT_EQ(page->items[0].status, Status::kDone);
  // It can be run again as any other, and is not told of.
  ASSERT_TRUE(hooks_.trigger(page->items[0].key));
  ASSERT_TRUE(hooks_.trigger());
  EXPECT_EQ(test_.sender->started_count(), 3u);
  EXPECT_EQ(test_.sender->started()[2].wire_body, test_.sender->started()[1].wire_body);
  EXPECT_EQ(hooks_.fetch(query)->items.size(), 1u);
}

TEST_F(EndpointsTest, ATaskThatIsRegisteredAnewForTheSameDateIsToldOfAgain) {
  put(endpoint_named("ops"));
  Endpoint acme = endpoint_named("acme");
  acme.callback = "ops";
  put(acme);
  NewTask task = task_to("acme", "a");
  task.scheduled_date = test_.clock->now();
  for (const std::size_t sent : {2u, 4u}) {
    ASSERT_TRUE(hooks_.register_task(task));
    ASSERT_TRUE(hooks_.trigger());
    test_.clock->advance(1s);
    ASSERT_TRUE(hooks_.trigger());
    EXPECT_EQ(test_.sender->started_count(), sent);
    ASSERT_TRUE(hooks_.remove(TaskKey{"ns", "a"}));
  }
  EXPECT_EQ(webhook_id_of(test_.sender->started()[0]), webhook_id_of(test_.sender->started()[2]));
  EXPECT_NE(webhook_id_of(test_.sender->started()[1]), webhook_id_of(test_.sender->started()[3]));
}

TEST_F(EndpointsTest, OneThatATaskNamesIsNotDeleted) {
  const Endpoint made = put(endpoint_named("acme"));
  put(endpoint_named("other"));
  ASSERT_TRUE(hooks_.register_task(task_to("acme", "a")));
  ASSERT_TRUE(hooks_.register_task(TestHooks::post("b")));
  const auto refused = hooks_.remove_endpoint("ns", "acme");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_THAT(
      refused.error().message,
      HasSubstr(
          "endpoint 'acme' is in use: task 'a' names it; delete or cancel its tasks, or force"));
  EXPECT_EQ(hooks_.endpoint("ns", "acme"), made);
  ASSERT_TRUE(hooks_.suspend(TaskKey{"ns", "a"}));
  EXPECT_EQ(hooks_.remove_endpoint("ns", "acme").error().code, ErrorCode::kConflict);
  EXPECT_TRUE(hooks_.remove_endpoint("ns", "other"));

  // One that has ended needs it no more.
  ASSERT_TRUE(hooks_.unsuspend(TaskKey{"ns", "a"}));
  ASSERT_TRUE(hooks_.trigger());
  EXPECT_EQ(hooks_.remove_endpoint("ns", "acme"), made);
}

TEST_F(EndpointsTest, ItsTasksAreFound) {
  put(endpoint_named("acme"));
  put(endpoint_named("other"));
  for (const char* id : {"a", "b", "c"}) {
    ASSERT_TRUE(hooks_.register_task(task_to(*id == 'b' ? "other" : "acme", id)));
  }
  ASSERT_TRUE(hooks_.register_task(TestHooks::post("d")));
  FetchQuery query;
  query.filter.ns = "ns";
  query.filter.endpoint = "acme";
  query.limit = 1;
  std::vector<std::string> ids;
  while (true) {
    const auto page = hooks_.fetch(query);
    ASSERT_TRUE(page) << page.error().message;
    for (const Task& task : page->items) ids.push_back(task.key.id);
    if (page->last_evaluated_key.empty()) break;
    query.start_key = page->last_evaluated_key;
  }
  EXPECT_THAT(ids, ElementsAre("a", "c"));
  query.filter.endpoint = "other";
  EXPECT_EQ(hooks_.fetch(query).error().field, "startKey") << "it is of another query";
  query.start_key.clear();
  query.filter.endpoint = "a b";
  EXPECT_EQ(hooks_.fetch(query).error().field, "endpoint");

  ManyQuery many;
  many.filter.ns = "ns";
  many.filter.endpoint = "acme";
  EXPECT_EQ(hooks_.remove_many(many)->count, 2);
  EXPECT_TRUE(hooks_.get({"ns", "b"}));
  EXPECT_TRUE(hooks_.get({"ns", "d"}));
}

Request ping() {
  Request request;
  request.method = Method::kPut;
  request.url = "/ping";
  request.headers = {{"X-Own", "1"}};
  request.body = Body::json(R"({"hello":1})");
  return request;
}

TEST_F(EndpointsTest, ATestIsOneRequestAsOfATask) {
  Endpoint endpoint = endpoint_named("acme");
  endpoint.headers = {{"X-Shop", "7"}, {"X-Own", "2"}};
  endpoint.timeout = 15s;
  put(endpoint);
  std::vector<delivery::HttpRequest> sent;
  test_.test_script = [&](const delivery::HttpRequest& request) {
    sent.push_back(request);
    return Reply::status(200, 0ms, "pong");
  };
  const auto log = hooks_.test_endpoint("ns", "acme", ping());
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_EQ(log->task, (TaskKey{"ns", "test"}));
  EXPECT_EQ(log->status, LogStatus::kSuccess);
  EXPECT_EQ(log->attempt, 1);
  EXPECT_EQ(log->retry_limit, 0);
  EXPECT_EQ(log->request.method, Method::kPut);
  EXPECT_EQ(log->request.url, "http://127.0.0.1:9/in/ping");
  ASSERT_TRUE(log->response);
  EXPECT_EQ(log->response->body, "pong");
  EXPECT_EQ(log->scheduled_date, test_.clock->now());
  EXPECT_EQ(log->due_date, test_.clock->now());
  EXPECT_EQ(log->expires_at, std::nullopt);

  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].timeout, 15s);
  EXPECT_EQ(sent[0].wire_body, R"({"hello":1})");
  EXPECT_EQ(sent[0].request.headers[0], (Header{"X-Own", "1"}));
  EXPECT_EQ(sent[0].request.headers[1], (Header{"X-Shop", "7"}));
  EXPECT_TRUE(webhook_id_of(sent[0]).starts_with("msg_"));

  // Another one is another message.
  const auto again = hooks_.test_endpoint("ns", "acme", ping());
  ASSERT_TRUE(again);
  EXPECT_NE(again->id, log->id);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_NE(webhook_id_of(sent[1]), webhook_id_of(sent[0]));
}

TEST_F(EndpointsTest, ATestLeavesNothingBehind) {
  put(endpoint_named("acme"));
  ASSERT_TRUE(hooks_.test_endpoint("ns", "acme", ping()));
  EXPECT_TRUE(hooks_.namespaces({})->items.empty());
  FetchLogsQuery logs;
  logs.ns = "ns";
  EXPECT_TRUE(hooks_.fetch_logs(logs)->items.empty());
  EXPECT_EQ(test_.sender->started_count(), 0u) << "it has a sender of its own";
  EXPECT_EQ(store_->calls("put"), 0);
}

TEST_F(EndpointsTest, ATestThatFailedIsTold) {
  put(endpoint_named("acme"));
  test_.test_script = [](const delivery::HttpRequest&) {
    return Reply::failure("connection refused");
  };
  const auto refused = hooks_.test_endpoint("ns", "acme", ping());
  ASSERT_TRUE(refused) << refused.error().message;
  EXPECT_EQ(refused->status, LogStatus::kFail);
  EXPECT_EQ(refused->error, "connection refused");
  EXPECT_FALSE(refused->response);
  test_.test_script = [](const delivery::HttpRequest&) { return Reply::status(503); };
  // While it is paused as well.
  ASSERT_TRUE(hooks_.pause_endpoint("ns", "acme"));
  const auto busy = hooks_.test_endpoint("ns", "acme", ping());
  ASSERT_TRUE(busy);
  EXPECT_EQ(busy->status, LogStatus::kFail);
  EXPECT_EQ(busy->error, "HTTP 503 Service Unavailable");
}

TEST_F(EndpointsTest, WhatATestIsToSendIsCheckedAsOfATask) {
  put(endpoint_named("acme"));
  const auto refused = [&](const std::function<void(Request&)>& change) {
    Request request = ping();
    change(request);
    const auto log = hooks_.test_endpoint("ns", "acme", request);
    if (log) return std::string("none");
    EXPECT_EQ(log.error().code, ErrorCode::kInvalidArgument);
    return log.error().field;
  };
  EXPECT_EQ(refused([](Request& r) { r.url = "https://elsewhere.example/"; }), "url");
  EXPECT_EQ(refused([](Request& r) { r.url = "/a b"; }), "url");
  EXPECT_EQ(refused([](Request& r) { r.headers = {{"webhook-id", "1"}}; }), "headers");
  EXPECT_EQ(refused([](Request& r) { r.body = Body::json("{"); }), "body");
  EXPECT_EQ(refused([](Request& r) {
              r.method = Method::kGet;
              r.body = Body::text("a");
            }),
            "body");
  EXPECT_EQ(refused([](Request&) {}), "none");
  EXPECT_EQ(hooks_.test_endpoint("ns", "a b", ping()).error().field, "name");
  const auto missing = hooks_.test_endpoint("ns", "none", ping());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message, "there is no endpoint 'none' in namespace 'ns'");
}

TEST_F(EndpointsTest, AStopEndsATest) {
  put(endpoint_named("acme"));
  std::atomic<bool> begun{false};
  test_.test_script = [&](const delivery::HttpRequest&) {
    begun = true;
    return Reply::hold();
  };
  std::optional<Result<Log>> log;
  std::thread tester([&] { log = hooks_.test_endpoint("ns", "acme", ping()); });
  EXPECT_TRUE(testing::eventually([&] { return begun.load(); }));
  hooks_.stop();
  tester.join();
  ASSERT_TRUE(log && !*log);
  EXPECT_EQ(log->error().code, ErrorCode::kUnknownOutcome);
  // The next one is not of that stop.
  test_.test_script = nullptr;
  EXPECT_TRUE(hooks_.test_endpoint("ns", "acme", ping()));
}

TEST_F(EndpointsTest, ThereMayBeSoMany) {
  for (std::size_t i = 0; i < model::kEndpointsMax; ++i) {
    ASSERT_TRUE(memory_.put_document({{"endpoint", "ns" + std::to_string(i % 3), std::to_string(i)},
                                      R"({"url":"http://a/"})",
                                      {}},
                                     store::Nothing{}, test_.clock->now()));
  }
  const auto refused = hooks_.put_endpoint(endpoint_named("acme"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_EQ(refused.error().message, "there are 10000 endpoints already; delete some first");
  Endpoint there = endpoint_named("0");
  there.ns = "ns0";
  EXPECT_FALSE(hooks_.put_endpoint(there)->created);
  ASSERT_TRUE(hooks_.remove_endpoint("ns0", "0"));
  EXPECT_TRUE(hooks_.put_endpoint(endpoint_named("acme")));
  EXPECT_FALSE(hooks_.put_endpoint(there));
}

TEST_F(EndpointsTest, WhatANewerVersionStoredBesideItStays) {
  ASSERT_TRUE(memory_.put_document({{"endpoint", "ns", "acme"}, R"({"url":"http://a/"})", "newer"},
                                   store::Nothing{}, test_.clock->now()));
  put(endpoint_named("acme"));
  EXPECT_EQ(memory_.get_document({"endpoint", "ns", "acme"})->newer_fields, "newer");
}

TEST(SharedEndpointsTest, TheMetricsTellHowOldTheyAre) {
  store::MemoryStore memory{1};
  auto owned = std::make_unique<testing::FaultyStore>(memory);
  testing::FaultyStore& store = *owned;
  TestHooks test{{}, std::move(owned), 5s};
  const auto shows = [](const char* seconds) {
    return HasSubstr("\nrhooks_endpoints_age_seconds " + std::string(seconds) + "\n");
  };
  EXPECT_THAT(test.hooks->metrics(), shows("0"));
  ASSERT_TRUE(test.hooks->put_endpoint(endpoint_named("acme")));
  store.fail_always("list_documents");
  test.clock->advance(30s);
  ASSERT_TRUE(test.hooks->register_task(task_to("acme", "a")));
  EXPECT_THAT(test.hooks->metrics(), shows("30"));
  store.heal();
  test.clock->advance(1s);
  ASSERT_TRUE(test.hooks->trigger());
  EXPECT_THAT(test.hooks->metrics(), shows("0"));
}

// Others change an endpoint between each look at it and the write.
class BusyStore final : public testing::ForwardingStore {
 public:
  explicit BusyStore(store::Store& inner) : ForwardingStore(inner), inner_(inner) {}
  int changes_left = 0;

 private:
  Result<store::Revision> do_put_document(const store::Document& document,
                                          const store::Replaces& replaces, TimePoint now) override {
    if (changes_left > 0) {
      --changes_left;
      EXPECT_TRUE(inner_.put_document(document, store::Whatever{}, now));
    }
    return inner_.put_document(document, replaces, now);
  }

  store::Store& inner_;
};

// A worker claims what is due, or gives it back, before each look at tasks.
class ClaimingStore final : public testing::ForwardingStore {
 public:
  explicit ClaimingStore(store::Store& inner) : ForwardingStore(inner), inner_(inner) {}

 private:
  Result<store::TaskPage> do_query_tasks(const store::TaskQuery& query) override {
    if (leases_.empty()) {
      const auto claimed =
          inner_.claim_due({.now = query.now, .due_by = query.now, .limit = 10, .lease_for = 1min});
      EXPECT_TRUE(claimed);
      if (!claimed) return fail(claimed.error());
      for (const store::Claim& claim : claimed->claims) leases_.push_back(claim.lease);
    } else {
      EXPECT_TRUE(inner_.release(leases_));
      leases_.clear();
    }
    return inner_.query_tasks(query);
  }

  store::Store& inner_;
  std::vector<store::Lease> leases_;
};

TEST(BusyEndpointsTest, OneWhoseTaskIsClaimedMeanwhileIsNotDeleted) {
  store::MemoryStore memory{1};
  TestHooks test{{}, std::make_unique<ClaimingStore>(memory)};
  ASSERT_TRUE(test.hooks->put_endpoint(endpoint_named("acme")));
  ASSERT_TRUE(test.hooks->register_task(task_to("acme", "a")));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(test.hooks->remove_endpoint("ns", "acme").error().code, ErrorCode::kConflict);
  }
}

TEST(BusyEndpointsTest, APutIsTriedAgainWhereOthersComeBetween) {
  store::MemoryStore memory{1};
  auto owned = std::make_unique<BusyStore>(memory);
  BusyStore& store = *owned;
  TestHooks test{{}, std::move(owned)};
  store.changes_left = 3;
  EXPECT_TRUE(test.hooks->put_endpoint(endpoint_named("acme")));
  store.changes_left = 100;
  const auto never = test.hooks->put_endpoint(endpoint_named("acme"));
  ASSERT_FALSE(never);
  EXPECT_EQ(never.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(never.error().message, HasSubstr("being changed all the time"));
}

TEST(BusyEndpointsTest, APauseIsTriedAgainWhereOthersComeBetween) {
  store::MemoryStore memory{1};
  auto owned = std::make_unique<BusyStore>(memory);
  BusyStore& store = *owned;
  TestHooks test{{}, std::move(owned)};
  ASSERT_TRUE(test.hooks->put_endpoint(endpoint_named("acme")));
  // The other one writes what was about to be written.
  store.changes_left = 1;
  const auto paused = test.hooks->pause_endpoint("ns", "acme");
  ASSERT_TRUE(paused) << paused.error().message;
  EXPECT_TRUE(paused->paused);
  EXPECT_EQ(test.hooks->endpoint("ns", "acme"), *paused);
}

TEST(BusyEndpointsTest, AChangeIsMadeOfWhatIsThere) {
  store::MemoryStore memory{1};
  auto owned = std::make_unique<BusyStore>(memory);
  BusyStore& store = *owned;
  TestHooks test{{}, std::move(owned)};
  const auto made = test.hooks->put_endpoint(endpoint_named("acme"));
  ASSERT_TRUE(made);
  int edits = 0;
  const EndpointEdit edit = [&](Endpoint endpoint) -> Result<Endpoint> {
    ++edits;
    endpoint.retry_limit = endpoint.retry_limit.value_or(0) + 1;
    return endpoint;
  };
  // Each of the others wrote what was about to be written, and each edit is of what they wrote.
  store.changes_left = 2;
  const auto changed = change_endpoint(*test.hooks, "ns", "acme", {}, edit);
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(edits, 3);
  EXPECT_EQ(changed->retry_limit, 3);
  EXPECT_EQ(test.hooks->endpoint("ns", "acme"), *changed);

  // With a revision there is one try.
  edits = 0;
  const auto late = change_endpoint(*test.hooks, "ns", "acme", made->endpoint.revision, edit);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kConflict);
  EXPECT_EQ(edits, 1);
  const auto refused = change_endpoint(*test.hooks, "ns", "acme", {}, [](const Endpoint&) {
    return Result<Endpoint>(fail(ErrorCode::kInvalidArgument, "no", "url"));
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field, "url");
  store.changes_left = 100;
  EXPECT_EQ(change_endpoint(*test.hooks, "ns", "acme", {}, edit).error().code,
            ErrorCode::kConflict);
  EXPECT_EQ(change_endpoint(*test.hooks, "ns", "none", {}, edit).error().code,
            ErrorCode::kNotFound);
}

}  // namespace
}  // namespace rhooks
