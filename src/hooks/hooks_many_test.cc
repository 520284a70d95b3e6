// Pages, bulk operations, the dry run.
#include <gtest/gtest.h>
#include <rhooks/hooks.h>

#include <set>
#include <thread>

#include "hooks/test_hooks.h"
#include "testing/faulty_store.h"

namespace rhooks {
namespace {

void register_numbered(TestHooks& t, int count, const std::string& prefix = "t") {
  std::vector<NewTask> tasks;
  for (int i = 0; i < count; ++i) {
    NewTask task = t.post(prefix + std::to_string(1000 + i));
    task.scheduled_date = t.clock->now() + std::chrono::seconds{i};
    tasks.push_back(task);
  }
  const auto results = t.hooks->register_many(tasks).value();
  for (const auto& result : results) ASSERT_TRUE(result);
}

FetchQuery query_of(int limit = 100) {
  FetchQuery query;
  query.filter.ns = "ns";
  query.limit = limit;
  return query;
}

TEST(HooksManyTest, PagesFollowOneAnotherInBothDirections) {
  for (const bool desc : {false, true}) {
    TestHooks t;
    register_numbered(t, 25);
    FetchQuery query = query_of(10);
    query.desc = desc;
    std::vector<std::string> ids;
    int pages = 0;
    do {
      const auto page = t.hooks->fetch(query);
      ASSERT_TRUE(page) << page.error().message;
      for (const Task& task : page->items) ids.push_back(task.key.id);
      query.start_key = page->last_evaluated_key;
      ++pages;
    } while (!query.start_key.empty());
    EXPECT_EQ(pages, 3);
    EXPECT_EQ(ids.size(), 25u);
    EXPECT_TRUE(desc ? std::is_sorted(ids.rbegin(), ids.rend())
                     : std::is_sorted(ids.begin(), ids.end()));
  }
}

TEST(HooksManyTest, AStartKeyOfAnotherQueryOrAChangedOneIsRefused) {
  TestHooks t;
  register_numbered(t, 5);
  FetchQuery query = query_of(2);
  const std::string key = t.hooks->fetch(query)->last_evaluated_key;
  ASSERT_FALSE(key.empty());

  const auto field_of = [&](const FetchQuery& q) {
    const auto page = t.hooks->fetch(q);
    return page ? std::string("accepted") : page.error().field;
  };
  query.start_key = key;
  EXPECT_EQ(field_of(query), "accepted");
  for (std::size_t i = 0; i < key.size(); ++i) {
    query.start_key = key;
    query.start_key[i] = key[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(field_of(query), "startKey") << i;
  }
  query.start_key = key;
  query.filter.ns = "other";
  EXPECT_EQ(field_of(query), "startKey");
  query = query_of(2);
  query.start_key = key;
  query.desc = true;
  EXPECT_EQ(field_of(query), "startKey");
}

TEST(HooksManyTest, QueriesAreChecked) {
  TestHooks t;
  FetchQuery query = query_of(0);
  EXPECT_EQ(t.hooks->fetch(query).error().field, "limit");
  query.limit = 1001;
  EXPECT_EQ(t.hooks->fetch(query).error().field, "limit");
  query = query_of();
  query.filter.ns = "";
  EXPECT_EQ(t.hooks->fetch(query).error().field, "namespace");
  query = query_of();
  query.filter.from = t.clock->now();
  query.filter.to = t.clock->now() - 1ms;
  EXPECT_EQ(t.hooks->fetch(query).error().field, "from");
  query = query_of();
  query.filter.id = std::string(513, 'x');
  EXPECT_EQ(t.hooks->fetch(query).error().field, "id");
  query.filter.id = "\xff";
  ASSERT_FALSE(t.hooks->fetch(query));
  EXPECT_EQ(t.hooks->fetch(query).error().field, "id");

  FetchLogsQuery logs;
  logs.ns = "ns";
  logs.limit = 0;
  EXPECT_EQ(t.hooks->fetch_logs(logs).error().field, "limit");
  logs.limit = 1;
  logs.start_key = "nonsense";
  EXPECT_EQ(t.hooks->fetch_logs(logs).error().field, "startKey");
}

TEST(HooksManyTest, LogsArePagedAndFiltered) {
  TestHooks t;
  t.sender->set_script([](const delivery::HttpRequest& request) {
    return request.request.url.ends_with("bad") ? Reply::status(500) : Reply::status(200);
  });
  for (int i = 0; i < 4; ++i) {
    NewTask task = t.post("t" + std::to_string(i));
    if (i == 3) task.request.url = "http://127.0.0.1:9/bad";
    ASSERT_TRUE(t.hooks->register_task(task));
    ASSERT_TRUE(t.hooks->trigger());
    t.clock->advance(1ms);
  }
  FetchLogsQuery query;
  query.ns = "ns";
  query.limit = 3;
  const auto first = t.hooks->fetch_logs(query);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->items.size(), 3u);
  query.start_key = first->last_evaluated_key;
  const auto second = t.hooks->fetch_logs(query);
  ASSERT_TRUE(second);
  ASSERT_EQ(second->items.size(), 1u);
  EXPECT_EQ(second->items[0].task.id, "t3");
  EXPECT_TRUE(second->last_evaluated_key.empty());

  query = {};
  query.ns = "ns";
  query.status = LogStatus::kFail;
  EXPECT_EQ(t.hooks->fetch_logs(query)->items.size(), 1u);
  query.status.reset();
  query.task_id = "t1";
  EXPECT_EQ(t.hooks->fetch_logs(query)->items.size(), 1u);
}

TEST(HooksManyTest, RemoveManyActsOnAChunkAndSaysWhetherToGoOn) {
  TestHooks t;
  register_numbered(t, 25);
  register_numbered(t, 3, "other");
  ManyQuery query;
  query.filter = {.ns = "ns", .id = "t"};
  query.chunk_limit = 10;
  std::vector<std::int64_t> counts;
  std::set<std::string> ids;
  while (true) {
    const auto result = t.hooks->remove_many(query);
    ASSERT_TRUE(result);
    counts.push_back(result->count);
    EXPECT_EQ(result->items.size(), static_cast<std::size_t>(result->count));
    for (const TaskKey& key : result->items) ids.insert(key.id);
    if (!result->more) break;
  }
  EXPECT_EQ(counts, (std::vector<std::int64_t>{10, 10, 5}));
  EXPECT_EQ(ids.size(), 25u);
  EXPECT_EQ(t.hooks->fetch(query_of())->items.size(), 3u);
}

TEST(HooksManyTest, SuspendManySuspendsActiveTasksOnly) {
  TestHooks t;
  register_numbered(t, 12);
  ASSERT_EQ(t.hooks->trigger()->processed, 1);  // t1000 is DONE now
  ManyQuery query;
  query.filter.ns = "ns";
  query.chunk_limit = 5;
  std::int64_t count = 0;
  for (int calls = 1;; ++calls) {
    const auto result = t.hooks->suspend_many(query);
    ASSERT_TRUE(result);
    count += result->count;
    if (!result->more) break;
    ASSERT_LT(calls, 10);
  }
  EXPECT_EQ(count, 11);
  EXPECT_EQ(t.hooks->suspend_many(query)->count, 0);
  query.filter.status = Status::kDone;
  EXPECT_EQ(t.hooks->suspend_many(query).error().field, "status");
  FetchQuery suspended = query_of();
  suspended.filter.status = Status::kSuspended;
  EXPECT_EQ(t.hooks->fetch(suspended)->items.size(), 11u);
}

TEST(HooksManyTest, UnsuspendManyTakesWhatIsSuspendedAndWhatIsPastIsDueAtOnce) {
  TestHooks t;
  register_numbered(t, 11);
  ManyQuery query;
  query.filter.ns = "ns";
  ASSERT_EQ(t.hooks->suspend_many(query)->count, 11);
  t.clock->advance(1h);
  query.chunk_limit = 4;
  query.filter.id = "t";
  std::int64_t count = 0;
  for (int calls = 1;; ++calls) {
    const auto result = t.hooks->unsuspend_many(query);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_LE(result->count, 4);
    count += result->count;
    if (!result->more) break;
    ASSERT_LT(calls, 10);
  }
  EXPECT_EQ(count, 11);
  EXPECT_EQ(t.hooks->unsuspend_many(query)->count, 0);
  EXPECT_EQ(t.hooks->trigger_dryrun()->count, 11);

  query.filter.status = Status::kActive;
  EXPECT_EQ(t.hooks->unsuspend_many(query).error().field, "status");
  query.filter.status = Status::kSuspended;
  query.chunk_limit = 0;
  EXPECT_EQ(t.hooks->unsuspend_many(query).error().field, "chunkLimit");
}

TEST(HooksManyTest, CancelManyTakesWhatMayStillRun) {
  TestHooks t;
  register_numbered(t, 5);
  ASSERT_TRUE(t.hooks->suspend({"ns", "t1003"}));
  ManyQuery query;
  query.filter.ns = "ns";
  EXPECT_EQ(t.hooks->cancel_many(query)->count, 4);
  EXPECT_EQ(t.hooks->cancel_many(query)->count, 0);
  query.filter.status = Status::kSuspended;
  EXPECT_EQ(t.hooks->cancel_many(query)->count, 1);
  EXPECT_EQ(t.hooks->trigger()->processed, 0);
  for (const Status status : {Status::kDone, Status::kFailed}) {
    query.filter.status = status;
    EXPECT_EQ(t.hooks->cancel_many(query).error().field, "status");
  }
  FetchQuery failed = query_of();
  failed.filter.status = Status::kFailed;
  EXPECT_EQ(t.hooks->fetch(failed)->items.size(), 5u);
}

TEST(HooksManyTest, TasksAreFoundByHowTheyFailed) {
  TestHooks t;
  t.sender->set_script([](const delivery::HttpRequest& request) {
    return Reply::status(request.request.url.ends_with("/gone") ? 410 : 503);
  });
  for (const char* id : {"a", "b", "c"}) {
    NewTask task = t.post(id);
    task.retry_limit = 0;
    if (*id == 'b') task.request.url = "http://127.0.0.1:9/gone";
    ASSERT_TRUE(t.hooks->register_task(task));
  }
  NewTask waits = t.post("d");
  waits.scheduled_date = t.clock->now() + 1h;
  ASSERT_TRUE(t.hooks->register_task(waits));
  ASSERT_TRUE(t.hooks->trigger());

  FetchQuery query = query_of();
  query.filter.reason = "gone";
  ASSERT_EQ(t.hooks->fetch(query)->items.size(), 1u);
  EXPECT_EQ(t.hooks->fetch(query)->items[0].key.id, "b");
  query.filter.reason.clear();
  query.filter.last_status = 503;
  query.limit = 1;
  const auto first = t.hooks->fetch(query);
  ASSERT_TRUE(first);
  query.start_key = first->last_evaluated_key;
  EXPECT_EQ(t.hooks->fetch(query)->items[0].key.id, "c");
  query.filter.last_status = 410;
  EXPECT_EQ(t.hooks->fetch(query).error().field, "startKey") << "it is of another query";

  query.start_key.clear();
  query.filter.last_status = 600;
  EXPECT_EQ(t.hooks->fetch(query).error().field, "lastStatus");
  query.filter.last_status.reset();
  query.filter.reason = "tired";
  EXPECT_EQ(t.hooks->fetch(query).error().field, "reason");

  ManyQuery many;
  many.filter.ns = "ns";
  many.filter.reason = "exhausted";
  // Nothing could match: only FAILED tasks have one.
  for (const auto call : {&Hooks::suspend_many, &Hooks::unsuspend_many, &Hooks::cancel_many}) {
    EXPECT_EQ(((*t.hooks).*call)(many).error().field, "reason");
  }
  query.filter.reason = "exhausted";
  query.filter.status = Status::kDone;
  EXPECT_EQ(t.hooks->fetch(query).error().message, "reason: only FAILED tasks have one, not DONE");
  query.filter.status = Status::kFailed;
  EXPECT_EQ(t.hooks->fetch(query)->items.size(), 1u);
  EXPECT_EQ(t.hooks->remove_many(many)->count, 2);
  EXPECT_TRUE(t.hooks->get({"ns", "b"}));
}

// The worker sleeps until the next time that it knows of: it has to be told of these.
TEST(HooksManyTest, TheWorkerDeliversWhatIsUnsuspended) {
  TestHooks t;
  register_numbered(t, 3);
  ManyQuery query;
  query.filter.ns = "ns";
  ASSERT_EQ(t.hooks->suspend_many(query)->count, 3);
  ASSERT_TRUE(t.hooks->start());
  t.clock->advance(1h);
  ASSERT_EQ(t.hooks->unsuspend_many(query)->count, 3);
  FetchQuery done = query_of();
  done.filter.status = Status::kDone;
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (t.hooks->fetch(done)->items.size() < 3) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::sleep_for(1ms);
  }
  t.hooks->stop();
}

TEST(HooksManyTest, NamespacesPageAndRefuse) {
  TestHooks t;
  for (const char* ns : {"my-app", "a/b", "customer-2", "customer-1"}) {
    NewTask task = t.post("id");
    task.ns = ns;
    ASSERT_TRUE(t.hooks->register_task(task));
  }
  NamespacesQuery query;
  query.limit = 3;
  const auto first = t.hooks->namespaces(query);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->items.size(), 3u);
  EXPECT_EQ(first->items[0].name, "a/b");
  query.start_key = first->last_evaluated_key;
  const auto second = t.hooks->namespaces(query);
  ASSERT_TRUE(second);
  ASSERT_EQ(second->items.size(), 1u);
  EXPECT_EQ(second->items[0].name, "my-app");
  EXPECT_EQ(second->last_evaluated_key, "");

  query.prefix = "customer-";
  EXPECT_EQ(t.hooks->namespaces(query).error().field, "startKey");
  query.start_key.clear();
  EXPECT_EQ(t.hooks->namespaces(query)->items.size(), 2u);
  query.limit = 1001;
  EXPECT_EQ(t.hooks->namespaces(query).error().field, "limit");
  query.limit = 1;
  query.prefix = "\xff";
  EXPECT_EQ(t.hooks->namespaces(query).error().field, "prefix");
  query.prefix = std::string(257, 'a');
  EXPECT_EQ(t.hooks->namespaces(query).error().field, "prefix");
}

TEST(HooksManyTest, ClearEmptiesOneNamespaceOfTasksAndLogs) {
  TestHooks t;
  register_numbered(t, 1000);
  register_numbered(t, 500, "u");
  NewTask other = t.post("x");
  other.ns = "other";
  ASSERT_TRUE(t.hooks->register_task(other));
  ASSERT_TRUE(t.hooks->trigger());
  EXPECT_EQ(*t.hooks->clear("ns"), 1500);
  EXPECT_EQ(*t.hooks->clear("ns"), 0);
  EXPECT_TRUE(t.hooks->fetch(query_of())->items.empty());
  FetchLogsQuery logs;
  logs.ns = "ns";
  EXPECT_TRUE(t.hooks->fetch_logs(logs)->items.empty());
  logs.ns = "other";
  EXPECT_EQ(t.hooks->fetch_logs(logs)->items.size(), 1u);
}

TEST(HooksManyTest, DryrunCountsAllAndListsTheFirstWithoutChangingAnything) {
  TestHooks t;
  register_numbered(t, 1000);
  t.clock->advance(699s);
  const auto dry = t.hooks->trigger_dryrun(3);
  ASSERT_TRUE(dry);
  EXPECT_EQ(dry->count, 700);
  ASSERT_EQ(dry->items.size(), 3u);
  EXPECT_EQ(dry->items[0].key.id, "t1000");
  EXPECT_EQ(dry->items[0].scheduled_date, t.clock->now() - 699s);
  EXPECT_EQ(t.hooks->trigger_dryrun()->count, 700);
  EXPECT_FALSE(t.hooks->trigger_dryrun()->more);
  EXPECT_EQ(t.sender->started_count(), 0u);
  EXPECT_EQ(t.hooks->trigger_dryrun(0).error().field, "limit");
}

// Counting a million would keep the store busy for seconds.
TEST(HooksManyTest, DryrunStopsCountingAndSaysSo) {
  store::MemoryStore memory(1);
  auto counted = std::make_unique<testing::FaultyStore>(memory);
  const testing::FaultyStore& calls = *counted;
  TestHooks t({}, std::move(counted));
  for (int i = 0; i < 10; ++i) register_numbered(t, 1000, "t" + std::to_string(i) + "-");
  t.clock->advance(1000s);
  const auto all = t.hooks->trigger_dryrun(3);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->count, 10'000);
  EXPECT_FALSE(all->more);
  EXPECT_EQ(calls.calls("peek_due"), 10);

  register_numbered(t, 1000, "u");
  t.clock->advance(1000s);
  const auto some = t.hooks->trigger_dryrun(3);
  ASSERT_TRUE(some);
  EXPECT_EQ(some->count, 10'000);
  EXPECT_TRUE(some->more);
  EXPECT_EQ(some->items.size(), 3u);
  EXPECT_EQ(calls.calls("peek_due"), 20);
}

}  // namespace
}  // namespace rhooks
