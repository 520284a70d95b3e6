// What a delivery costs on DynamoDB: the budget of docs/dynamodb.md, by AWS's documented rules.
// The figures that stand there are those that this test prints.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>

#include "store/dynamo/store_impl.h"
#include "testing/manual_clock.h"
#include "testing/patience.h"
#include "testing/test_receiver.h"
#include "tests/dynamo_fixture.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;

constexpr int kConcurrency = 250;

class DynamoBudgetTest : public ::testing::Test {
 protected:
  // The clock of tasks and leases; signatures are made by the machine's.
  std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>(SystemClock().now());
  DynamoFixture fixture_;
  TestReceiver receiver_{TestReceiver::Options{.handler = [this](const TestRequest&) {
    auto response = TestResponse::with_status(status_, R"({"received":true})");
    // Without it one retry in a thousand is due at once, and the clock stands still.
    if (status_ == 503) response.headers.push_back({"Retry-After", "1"});
    response.delay = std::chrono::milliseconds{delay_ms_.load()};
    return response;
  }}};
  std::atomic<int> status_{200};
  std::atomic<int> delay_ms_{0};

  // Shards are read anew every second, whatever there is to do: what a delivery costs must not
  // depend on how many seconds a slow machine takes. AWorkerAtRest has what that costs.
  std::unique_ptr<Hooks> hooks(int concurrency = kConcurrency) {
    auto hooks = fixture_.hooks({.concurrency = concurrency}, clock_, {.read_every = 1h});
    show_a_credential(*hooks);
    return hooks;
  }
  // With the first one that a process shows it reads the key of placeholders, or makes it.
  void show_a_credential(Hooks& hooks) const {
    NewTask task = typical();
    task.ns = "another";
    task.id = "shown";
    task.scheduled_date = clock_->now() + 1h;
    ASSERT_TRUE(hooks.register_task(task));
    ASSERT_TRUE(hooks.remove({task.ns, task.id}));
  }

  // As users register them: some 60 bytes of URL, some headers, 200 bytes of JSON.
  NewTask typical() const {
    NewTask task;
    task.ns = "customer-4711";
    task.request.method = Method::kPost;
    task.request.url = receiver_.url("/v1/webhooks/orders/payment-received");
    task.request.headers = {{"Authorization", "Bearer 0123456789abcdef0123456789abcdef"},
                            {"X-Tenant", "customer-4711"},
                            {"X-Request-Source", "billing"}};
    task.request.body = Body::json(R"({"order":"2f0b7f0c-9a54-4a49-8f3e-6f0a3d1c2b1e","text":")" +
                                   std::string(140, 'x') + R"("})");
    return task;
  }
  // The same through an endpoint, which has what is the same for all of a partner's.
  NewTask typical_for(const std::string& endpoint) const {
    NewTask task = typical();
    task.endpoint = endpoint;
    task.request.url = "/orders/payment-received";
    task.request.headers = {{"X-Request-Source", "billing"}};
    return task;
  }
  // Some 400 bytes as an item.
  void put_endpoint(Hooks& hooks, const std::string& name, bool ordered = false) const {
    Endpoint endpoint;
    endpoint.ns = typical().ns;
    endpoint.name = name;
    endpoint.description = std::string(70, 'x');
    endpoint.url = receiver_.url("/v1/webhooks");
    endpoint.headers = {{"Authorization", "Bearer 0123456789abcdef0123456789abcdef"},
                        {"X-Tenant", "customer-4711"}};
    endpoint.timeout = 15s;
    endpoint.retry_limit = 10;
    endpoint.ordered = ordered;
    endpoint.breaker = !ordered;  // where all of a round are to fail
    const auto put = hooks.put_endpoint(std::move(endpoint));
    ASSERT_TRUE(put) << put.error().message;
  }
  static void register_all(Hooks& hooks, const NewTask& task, int count) {
    for (int left = count; left > 0; left -= 1'000) {
      const std::vector<NewTask> batch(static_cast<std::size_t>(std::min(left, 1'000)), task);
      const auto results = hooks.register_many(batch).value();
      for (const auto& result : results) ASSERT_TRUE(result) << result.error().message;
    }
  }

  struct PerPiece {
    double requests = 0;  // without those that write logs
    // How many logs share a request depends on what ends meanwhile, and so on the machine's speed.
    double log_requests = 0;
    double wcu = 0;
    double rcu = 0;
  };
  // What any machine keeps to: at least two logs share a request, and mostly tens of them.
  static constexpr double kLogRequests = 0.5;
  // What was used since the last reset, for each of `count` things; printed by operation.
  PerPiece spent(const std::string& what, std::int64_t count) {
    const DynamoUsage usage = fixture_.proxy.usage();
    const auto each = [count](double of_all) { return of_all / static_cast<double>(count); };
    std::printf("%s (%lld)\n", what.c_str(), static_cast<long long>(count));
    const auto line = [&](const std::string& name, const DynamoUse& use) {
      std::printf("  %-24s %8.3f requests %8.3f WCU (%.3f in indexes) %8.3f RCU\n", name.c_str(),
                  each(static_cast<double>(use.requests)), each(use.wcu), each(use.index_wcu),
                  each(use.rcu));
    };
    for (const auto& [where, use] : usage.uses) {
      line(where.first + (where.second == fixture_.tables.names().logs ? " logs" : " tasks"), use);
    }
    const DynamoUse all = usage.total();
    line("together", all);
    fixture_.proxy.reset_usage();
    const auto logs = usage.uses.find({"BatchWriteItem", fixture_.tables.names().logs});
    const std::size_t log_requests = logs == usage.uses.end() ? 0 : logs->second.requests;
    return {each(static_cast<double>(all.requests - log_requests)),
            each(static_cast<double>(log_requests)), each(all.wcu), each(all.rcu)};
  }

  void expect_cost_of_one_shot(Hooks& scheduler, const NewTask& task, const std::string& which) {
    constexpr int kTasks = 750;
    fixture_.proxy.reset_usage();
    register_all(scheduler, task, kTasks);
    const auto registered = spent("register" + which, kTasks);
    // And one more in all, which lists the namespace before its first task.
    EXPECT_EQ(std::lround(registered.wcu * kTasks), 3 * kTasks + 1);
    EXPECT_EQ(std::lround(registered.requests * kTasks), kTasks + 1);

    const auto result = scheduler.trigger();
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->processed, kTasks);
    EXPECT_EQ(result->errors, 0);
    EXPECT_EQ(receiver_.request_count(), static_cast<std::size_t>(kTasks));
    const auto delivered = spent("one-shot delivery" + which, kTasks);
    EXPECT_LE(delivered.wcu, 5);
    EXPECT_LE(delivered.requests, 2.1);
    EXPECT_LE(delivered.log_requests, kLogRequests);
    EXPECT_LE(delivered.rcu, 0.1);
  }
};

TEST_F(DynamoBudgetTest, AOneShotTask) {
  expect_cost_of_one_shot(*hooks(), typical(), "");
}

// The endpoint is known already: see EndpointsInUse.
TEST_F(DynamoBudgetTest, AOneShotTaskWithAnEndpoint) {
  auto scheduler = hooks();
  put_endpoint(*scheduler, "warehouse");
  expect_cost_of_one_shot(*scheduler, typical_for("warehouse"), " with an endpoint");
  const auto requests = receiver_.requests();
  ASSERT_FALSE(requests.empty());
  EXPECT_EQ(requests.front().target, "/v1/webhooks/orders/payment-received");
  EXPECT_TRUE(requests.front().has_header("X-Tenant"));
}

TEST_F(DynamoBudgetTest, EndpointsInUse) {
  constexpr int kEndpoints = 100;
  constexpr int kSeconds = 50;
  auto scheduler = hooks();
  fixture_.proxy.reset_usage();
  for (int i = 0; i < kEndpoints; ++i) put_endpoint(*scheduler, "partner-" + std::to_string(i));
  const auto put = spent("put an endpoint", kEndpoints);
  EXPECT_EQ(put.wcu, 1);
  // It is looked up before and afterwards; and all are counted once.
  EXPECT_LE(put.rcu, 2 + 1.01 / kEndpoints);

  // Nothing but a list of them is a query here: no worker runs.
  const auto use_each_second = [&](const NewTask& task) {
    fixture_.proxy.reset_usage();
    for (int second = 0; second < kSeconds; ++second) {
      clock_->advance(1s);
      register_all(*scheduler, task, 1);
    }
    return fixture_.proxy.usage().of_operation("Query");
  };
  const DynamoUse lists = use_each_second(typical_for("partner-7"));
  spent("a second with 100 endpoints in use, and a registration", kSeconds);
  EXPECT_EQ(lists.requests, static_cast<std::size_t>(kSeconds / 5));
  EXPECT_LE(lists.rcu, kSeconds / 5 * std::ceil(kEndpoints * 400 / 4096.0));
  EXPECT_EQ(use_each_second(typical()).requests, 0u) << "none is in use";
}

TEST_F(DynamoBudgetTest, ATaskThatExpires) {
  constexpr int kFew = 50;
  Options options{.concurrency = kConcurrency};
  options.done_ttl = 1h;
  auto scheduler = fixture_.hooks(options, clock_, {.read_every = 1h});
  const auto deliver = [&](const NewTask& task, const char* what) {
    register_all(*scheduler, task, kFew);
    fixture_.proxy.reset_usage();
    const auto result = scheduler->trigger();
    EXPECT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->processed, kFew);
    return spent(what, kFew);
  };
  EXPECT_LE(deliver(typical(), "one-shot delivery of a task that expires").wcu, 5);
  NewTask large = typical();
  large.request.body = Body::text(std::string(10'000, 'x'));
  // The item of the large request is written once more.
  EXPECT_LE(deliver(large, "the same, of a body of 10 KB").wcu, 4 + 11 + 11);
}

TEST_F(DynamoBudgetTest, ATaskWithACallback) {
  constexpr int kTold = 500;
  auto scheduler = hooks();
  Endpoint audit;
  audit.ns = typical().ns;
  audit.name = "audit";
  audit.url = receiver_.url("/audit");
  ASSERT_TRUE(scheduler->put_endpoint(audit));
  NewTask task = typical();
  task.callback = "audit";
  register_all(*scheduler, task, kTold);
  fixture_.proxy.reset_usage();
  delay_ms_ = 20;  // what follows is due after the trigger, then
  auto result = scheduler->trigger();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, kTold);
  // Beside what others take: the task that tells (3), and the update that empties the outbox (1);
  // and while it is there the item is larger than 1 KB (1 each time it is written).
  const auto delivered = spent("one-shot delivery with a callback", kTold);
  EXPECT_LE(delivered.wcu, 5 + 3 + 1 + 2);
  EXPECT_LE(delivered.requests, 2.1 + 2);
  EXPECT_LE(delivered.log_requests, kLogRequests);
  clock_->advance(1s);
  result = scheduler->trigger();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, kTold);
  EXPECT_LE(spent("and that of the callback", kTold).wcu, 5);
}

// Outcomes share the requests of their logs with what ends meanwhile: with fewer attempts at a
// time that is less. The units are the same.
TEST_F(DynamoBudgetTest, AOneShotTaskWithFewAttemptsAtATime) {
  constexpr int kFewer = 250;
  auto scheduler = hooks(25);
  register_all(*scheduler, typical(), kFewer);
  fixture_.proxy.reset_usage();
  const auto result = scheduler->trigger();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, kFewer);
  const auto delivered = spent("one-shot delivery, 25 at a time", kFewer);
  EXPECT_LE(delivered.wcu, 5);
  EXPECT_LE(delivered.requests, 2.2);
  EXPECT_LE(delivered.log_requests, 1);
}

TEST_F(DynamoBudgetTest, ARecurringTask) {
  constexpr int kTasks = 160;
  auto scheduler = hooks();
  NewTask task = typical();
  task.repeat = Repeat{.interval = 1, .max = 0, .unit = RepeatUnit::kHours};
  register_all(*scheduler, task, kTasks);
  // The second delivery has the answer of the first in its item.
  for (int round = 0; round < 2; ++round) {
    fixture_.proxy.reset_usage();
    const auto result = scheduler->trigger();
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->processed, kTasks);
    const auto delivered =
        spent(round == 0 ? "recurring delivery, the first" : "recurring delivery", kTasks);
    EXPECT_LE(delivered.wcu, 7);
    // The index is read shard by shard: with so few tasks that shows the first time.
    EXPECT_LE(delivered.requests, round == 0 ? 2.2 : 2.1);
    EXPECT_LE(delivered.log_requests, kLogRequests);
    EXPECT_LE(delivered.rcu, 0.1);
    clock_->advance(1h);
  }
}

TEST_F(DynamoBudgetTest, ATaskWithASchedule) {
  constexpr int kTasks = 160;
  auto scheduler = hooks();
  NewTask task = typical();
  task.schedule.emplace().every = "1h";
  task.schedule->exclude = {"--12-25", "2031-08-01/2031-08-14"};
  fixture_.proxy.reset_usage();
  register_all(*scheduler, task, kTasks);
  EXPECT_LE(spent("register with a schedule", kTasks).wcu, 3 + 1.01 / kTasks);
  for (int round = 0; round < 2; ++round) {
    const auto result = scheduler->trigger();
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->processed, kTasks);
    EXPECT_LE(spent("delivery by a schedule", kTasks).wcu, 7) << "as of any recurring task";
    clock_->advance(1h);
  }
}

// No log, whatever the number of occurrences.
TEST_F(DynamoBudgetTest, APassOver) {
  constexpr int kTasks = 160;
  auto scheduler = hooks();
  NewTask task = typical();
  task.schedule.emplace().every = "1h";
  task.schedule->missed = Missed::kSkip;
  register_all(*scheduler, task, kTasks);
  clock_->advance(5h + 30min);
  fixture_.proxy.reset_usage();
  const auto result = scheduler->trigger();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 0);
  const auto passed = spent("occurrences passed over", kTasks);
  EXPECT_LE(passed.wcu, 6);
  EXPECT_EQ(passed.log_requests, 0);
}

TEST_F(DynamoBudgetTest, AFailedAttempt) {
  constexpr int kTasks = 125;
  auto scheduler = hooks();
  register_all(*scheduler, typical(), kTasks);
  status_ = 503;
  fixture_.proxy.reset_usage();
  auto result = scheduler->trigger();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, kTasks);
  EXPECT_EQ(result->errors, kTasks);
  const auto failed = spent("failed attempt, to be tried again", kTasks);
  EXPECT_LE(failed.wcu, 6);
  status_ = 200;
  clock_->advance(3s);
  result = scheduler->trigger();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, kTasks);
  EXPECT_LE(spent("second attempt, which succeeds", kTasks).wcu, 5);
}

// Each with a flow key of its own, and without the wait for what the index may still hide.
TEST_F(DynamoBudgetTest, ATaskInOrder) {
  constexpr int kFlows = 125;
  auto scheduler =
      fixture_.hooks({.concurrency = kConcurrency}, clock_, {.read_every = 1h, .order_lag = 0ms});
  put_endpoint(*scheduler, "warehouse", true);
  fixture_.proxy.reset_usage();
  const auto attempt_each = [&](const std::string& what, int errors) {
    const auto result = scheduler->trigger();
    EXPECT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->processed, kFlows);
    EXPECT_EQ(result->errors, errors);
    return spent(what, kFlows);
  };
  const auto register_each = [&] {
    std::vector<NewTask> tasks(kFlows, typical_for("warehouse"));
    for (int i = 0; i < kFlows; ++i) tasks[i].flow_key = "customer-" + std::to_string(i);
    const auto results = scheduler->register_many(tasks).value();
    for (const auto& result : results) ASSERT_TRUE(result) << result.error().message;
  };
  register_each();
  EXPECT_LE(spent("register in order", kFlows).wcu, 3 + 1.01 / kFlows) << "nothing is numbered";
  EXPECT_LE(attempt_each("one-shot delivery in order", 0).wcu, 5);

  clock_->advance(1s);  // of what is registered in one moment the later is due later
  register_each();
  fixture_.proxy.reset_usage();
  status_ = 503;
  // Its row in the index stays where it is.
  EXPECT_LE(attempt_each("failed attempt in order, to be tried again", kFlows).wcu, 4);
  status_ = 200;
  clock_->advance(3s);
  EXPECT_LE(attempt_each("second attempt in order, which succeeds", 0).wcu, 5);
}

TEST_F(DynamoBudgetTest, ALargeBody) {
  constexpr int kLarge = 100;
  auto scheduler = hooks();
  NewTask task = typical();
  task.request.body = Body::text(std::string(10'000, 'x'));
  fixture_.proxy.reset_usage();
  register_all(*scheduler, task, kLarge);
  // 10 KB and the rest of the request begin 11 units; the task's own item is as any other.
  EXPECT_LE(spent("register with a body of 10 KB", kLarge).wcu, 3 + 11 + 1.01 / kLarge);
  const auto result = scheduler->trigger();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, kLarge);
  // The log holds the request as it was sent.
  const auto delivered = spent("one-shot delivery of a body of 10 KB", kLarge);
  EXPECT_LE(delivered.wcu, 4 + 11);
  EXPECT_LE(delivered.rcu, 3 + 0.1);
}

TEST_F(DynamoBudgetTest, EditsAndLeasesGivenBack) {
  constexpr int kFew = 100;
  auto scheduler = hooks();
  NewTask task = typical();
  task.scheduled_date = clock_->now() + 1h;
  register_all(*scheduler, task, kFew);
  fixture_.proxy.reset_usage();
  ManyQuery many;
  many.filter.ns = task.ns;
  many.chunk_limit = kFew / 2;
  ASSERT_EQ(scheduler->suspend_many(many)->count, kFew / 2);
  EXPECT_LE(spent("suspend", kFew / 2).wcu, 3);
  many.filter.status = Status::kActive;
  ASSERT_EQ(scheduler->remove_many(many)->count, kFew / 2);
  EXPECT_LE(spent("delete", kFew / 2).wcu, 3);

  register_all(*scheduler, typical(), kFew);
  const auto store = fixture_.tables.open();
  fixture_.proxy.reset_usage();
  const auto claimed = store->claim_due({.now = clock_->now(),
                                         .due_by = clock_->now(),
                                         .limit = kFew,
                                         .lease_for = 1min,
                                         .scope = store::Scope::kAll});
  ASSERT_TRUE(claimed) << claimed.error().message;
  ASSERT_EQ(claimed->claims.size(), static_cast<std::size_t>(kFew));
  EXPECT_EQ(spent("claim", kFew).wcu, 1);
  std::vector<store::Lease> leases;
  for (const store::Claim& claim : claimed->claims) leases.push_back(claim.lease);
  ASSERT_TRUE(store->release(leases));
  const auto released = spent("lease given back", kFew);
  EXPECT_EQ(released.wcu, 1);
  EXPECT_EQ(released.requests, 1);
}

TEST_F(DynamoBudgetTest, ARedrive) {
  constexpr int kFew = 100;
  auto scheduler = hooks();
  NewTask task = typical();
  task.scheduled_date = clock_->now() + 1h;
  register_all(*scheduler, task, kFew);
  ManyQuery many;
  many.filter.ns = task.ns;
  ASSERT_EQ(scheduler->cancel_many(many)->count, kFew);
  fixture_.proxy.reset_usage();
  Redrive redrive;
  redrive.ns = task.ns;
  redrive.reason = "cancelled";
  redrive.rate = {10'000, 1s};
  ASSERT_TRUE(scheduler->start_redrive(redrive));
  EXPECT_TRUE(eventually(
      [&] {
        clock_->advance(10ms);
        return scheduler->redrive(task.ns)->state == RedriveState::kDone;
      },
      50ms));
  EXPECT_EQ(scheduler->redrive(task.ns)->redriven, kFew);
  // As run now, which moves the row of the index by date. Its document: three writes.
  EXPECT_LE(spent("redriven, a hundred in a step", kFew).wcu, 4.2);
}

TEST_F(DynamoBudgetTest, AWorkerAtRest) {
  auto scheduler = fixture_.hooks();
  ASSERT_TRUE(scheduler->start());
  // It is at rest once it has taken its shards and delivered what there was.
  register_all(*scheduler, typical(), 1);
  const auto observer = fixture_.observer();
  FetchQuery done;
  done.filter = {.ns = typical().ns, .id = {}, .status = Status::kDone, .from = {}, .to = {}};
  EXPECT_TRUE(eventually([&] { return !observer->fetch(done)->items.empty(); }, 20ms));
  fixture_.proxy.reset_usage();
  const auto begin = std::chrono::steady_clock::now();
  // Two heartbeats and six readings; what is measured is a rate, whatever the time.
  std::this_thread::sleep_for(6s);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const DynamoUse all = fixture_.proxy.usage().total();
  spent("a worker at rest with 16 shards", 1);
  const auto rate = [&](double units) { return units / took.count(); };
  std::printf("  a second: %.2f requests, %.2f WCU, %.2f RCU\n",
              rate(static_cast<double>(all.requests)), rate(all.wcu), rate(all.rcu));
  // 16 readings a second, and two requests every 3 s; one more of each at the edges.
  EXPECT_LE(static_cast<double>(all.requests),
            16 * (took.count() + 1) + 2 * (took.count() / 3 + 1));
  EXPECT_LE(all.wcu, took.count() / 3 + 1);
  EXPECT_LE(all.rcu, 8 * (took.count() + 1) + took.count() / 3 + 1);
  scheduler->stop();
}

}  // namespace
}  // namespace rhooks::testing
