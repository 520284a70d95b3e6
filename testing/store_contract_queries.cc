// The contract of query_tasks and query_logs: order, filters, paging, expiry.

#include <algorithm>
#include <iostream>
#include <map>
#include <random>

#include "testing/store_contract.h"
#include "testing/test_seed.h"

namespace rhooks::testing {

using namespace store;
using std::chrono::milliseconds;
using std::chrono::seconds;

void link_store_contract_queries() {}

namespace {

using Rng = std::mt19937_64;

std::size_t below(Rng& rng, std::size_t n) {
  return std::uniform_int_distribution<std::size_t>(0, n - 1)(rng);
}

// Few letters and short ids, so that prefixes, ties and equal dates are common.
std::string random_text(Rng& rng, std::size_t letters) {
  static const std::vector<std::string> kLetters{"a", "b", "#", std::string("\0", 1),
                                                 "\xf4\x8f\xbf\xbf"};
  std::string text;
  for (; letters > 0; --letters) text += kLetters[below(rng, kLetters.size())];
  return text;
}

std::string random_id(Rng& rng) {
  return random_text(rng, 1 + below(rng, 4));
}

std::vector<Task> expected_tasks(const std::vector<Task>& all, const TaskQuery& query) {
  std::vector<Task> found;
  for (const Task& task : all) {
    if (task.key.ns != query.ns) continue;
    if (query.id_prefix && task.key.id.substr(0, query.id_prefix->size()) != *query.id_prefix) {
      continue;
    }
    if (query.status && task.status != *query.status) continue;
    const bool ended = task.status == Status::kDone || task.status == Status::kFailed;
    if (query.not_ended && ended) continue;
    if (query.from && task.scheduled_date < *query.from) continue;
    if (query.to && task.scheduled_date > *query.to) continue;
    if (query.endpoint && task.endpoint != *query.endpoint) continue;
    if (query.reason && task.failure_reason != *query.reason) continue;
    if (query.last_status && task.execution.last_response_status != *query.last_status) continue;
    found.push_back(task);
  }
  std::sort(found.begin(), found.end(), [&](const Task& a, const Task& b) {
    if (query.id_prefix || a.scheduled_date == b.scheduled_date) return a.key.id < b.key.id;
    return a.scheduled_date < b.scheduled_date;
  });
  if (query.desc) std::reverse(found.begin(), found.end());
  return found;
}

std::vector<Log> expected_logs(const std::vector<Log>& all, const LogQuery& query) {
  std::vector<Log> found;
  for (const Log& log : all) {
    if (log.task.ns != query.ns) continue;
    if (query.task_id && log.task.id != *query.task_id) continue;
    if (query.status && log.status != *query.status) continue;
    if (query.from && log.started_at < *query.from) continue;
    if (query.to && log.started_at > *query.to) continue;
    if (log.expires_at && *log.expires_at <= query.now) continue;
    found.push_back(log);
  }
  std::sort(found.begin(), found.end(), [](const Log& a, const Log& b) {
    return a.started_at == b.started_at ? a.id < b.id : a.started_at < b.started_at;
  });
  if (query.desc) std::reverse(found.begin(), found.end());
  return found;
}

}  // namespace

// A store may remember how far the beginning of an order is empty.
TEST_P(StoreContractTest, APageFromTheBeginningShowsWhatCameBeforeTheLastOne) {
  const auto add = [&](const std::string& id, seconds after) {
    put(make_record("ns", id, kT0 + after));
  };
  const auto change = [&](const std::string& id, const Edit& edit) {
    const TaskKey key{"ns", id};
    ASSERT_TRUE(store().change(std::span(&key, 1), edit, kT0).at(0)) << id;
  };
  TaskQuery query;
  query.ns = "ns";
  query.now = kT0;
  query.status = Status::kActive;
  const auto shown = [&] { return ids(all_tasks(store(), query)); };
  using Ids = std::vector<std::string>;
  for (int i = 1; i <= 5; ++i) add(std::to_string(i), seconds{10 * i});
  EXPECT_EQ(shown(), (Ids{"1", "2", "3", "4", "5"}));
  const std::vector<TaskKey> first{{"ns", "1"}, {"ns", "2"}};
  for (const auto& removed : store().remove(first, kT0)) ASSERT_TRUE(removed);
  change("3", suspend_edit);
  EXPECT_EQ(shown(), (Ids{"4", "5"}));
  EXPECT_EQ(shown(), (Ids{"4", "5"}));
  add("new", seconds{15});
  EXPECT_EQ(shown(), (Ids{"new", "4", "5"}));
  change("3", unsuspend_edit);
  EXPECT_EQ(shown(), (Ids{"new", "3", "4", "5"}));
  change("new", suspend_edit);
  EXPECT_EQ(shown(), (Ids{"3", "4", "5"}));

  // A retry of one that was shown keeps its place, and an occurrence may come to an earlier one.
  const auto claimed = store().claim_due({.now = kT0 + seconds{30},
                                          .due_by = kT0 + seconds{30},
                                          .limit = 10,
                                          .lease_for = seconds{60}});
  ASSERT_TRUE(claimed);
  ASSERT_EQ(claimed->claims.size(), 1u);
  EXPECT_EQ(shown(), (Ids{"4", "5"}));
  Commit commit = retried(claimed->claims[0], kT0 + seconds{31}, kT0 + seconds{90});
  commit.task.scheduled_date = kT0 + seconds{5};
  ASSERT_EQ(*store().commit(std::span(&commit, 1)).at(0), CommitOutcome::kApplied);
  EXPECT_EQ(shown(), (Ids{"3", "4", "5"}));
  query.to = kT0 + seconds{39};
  EXPECT_EQ(shown(), (Ids{"3"}));
  query.to.reset();
  query.status.reset();
  EXPECT_EQ(shown(), (Ids{"3", "new", "4", "5"}));
}

TEST_P(StoreContractTest, TaskQueriesAgreeWithBruteForce) {
  Rng rng(test_seed());
  std::map<TaskKey, Task> tasks;
  const std::vector<std::string> namespaces{"a", "ab"};
  const std::vector<std::string> endpoints{"", "acme", "acme2"};
  const std::vector<std::string> reasons{"", "exhausted", "gone"};
  while (tasks.size() < 150) {
    auto record = make_record(namespaces[below(rng, 2)], random_id(rng),
                              kT0 + seconds{static_cast<long>(below(rng, 20))});
    const Status statuses[] = {Status::kActive, Status::kActive, Status::kDone, Status::kFailed,
                               Status::kSuspended};
    record.task.status = statuses[below(rng, 5)];
    record.task.endpoint = endpoints[below(rng, 3)];
    record.task.failure_reason = reasons[below(rng, 3)];
    if (below(rng, 2) == 0) record.task.execution.last_response_status = below(rng, 2) ? 503 : 410;
    if (tasks.emplace(record.task.key, record.task).second) put(record);
  }
  for (const Claim& c : claim(kT0 + seconds{20}, 20)) {
    tasks.at(c.lease.key).status = Status::kProcessing;
  }
  std::vector<Task> all;
  for (const auto& [key, task] : tasks) all.push_back(task);

  for (int round = 0; round < (subject().remote() ? 60 : 300); ++round) {
    TaskQuery query;
    query.ns = namespaces[below(rng, 2)];
    query.now = kT0 + seconds{20};
    query.limit = 1 + below(rng, 12);
    query.desc = below(rng, 2) == 0;
    if (below(rng, 3) == 0) query.id_prefix = random_text(rng, below(rng, 3));
    if (below(rng, 2) == 0) query.status = static_cast<Status>(below(rng, 5));
    query.not_ended = below(rng, 4) == 0;
    if (below(rng, 2) == 0) query.from = kT0 + seconds{static_cast<long>(below(rng, 20))};
    if (below(rng, 2) == 0) query.to = kT0 + seconds{static_cast<long>(below(rng, 20))};
    if (below(rng, 3) == 0) query.endpoint = endpoints[below(rng, 3)];
    if (below(rng, 4) == 0) query.reason = reasons[below(rng, 3)];
    if (below(rng, 4) == 0) query.last_status = below(rng, 2) ? 503 : 410;
    ASSERT_EQ(all_tasks(store(), query), expected_tasks(all, query)) << "round " << round;
  }
}

TEST_P(StoreContractTest, LogQueriesAgreeWithBruteForce) {
  Rng rng(test_seed());
  std::vector<Log> all;
  std::vector<Commit> commits;
  const std::vector<std::string> namespaces{"a", "ab"};
  const std::vector<std::string> task_ids{"t", "t#", "tt", std::string("t\0", 2)};
  for (int i = 0; i < 150; ++i) {
    Log log = make_log({namespaces[below(rng, 2)], task_ids[below(rng, task_ids.size())]},
                       kT0 + seconds{static_cast<long>(below(rng, 20))},
                       random_id(rng) + std::to_string(i),
                       below(rng, 3) == 0 ? LogStatus::kFail : LogStatus::kSuccess);
    if (below(rng, 2) == 0) log.expires_at = kT0 + seconds{static_cast<long>(below(rng, 40))};
    all.push_back(log);
    // Of tasks that do not exist: a log is written whatever became of the task.
    const Commit orphan{Lease{log.task, {1}, kT0}, make_record(log.task.ns, log.task.id, kT0).task,
                        log};
    ASSERT_EQ(commit(orphan), CommitOutcome::kGone);
  }
  for (int round = 0; round < (subject().remote() ? 60 : 300); ++round) {
    LogQuery query;
    query.ns = namespaces[below(rng, 2)];
    query.now = kT0 + seconds{static_cast<long>(below(rng, 40))};
    query.limit = 1 + below(rng, 12);
    query.desc = below(rng, 2) == 0;
    if (below(rng, 2) == 0) query.task_id = task_ids[below(rng, task_ids.size())];
    if (below(rng, 2) == 0) query.status = static_cast<LogStatus>(below(rng, 2));
    if (below(rng, 2) == 0) query.from = kT0 + seconds{static_cast<long>(below(rng, 20))};
    if (below(rng, 2) == 0) query.to = kT0 + seconds{static_cast<long>(below(rng, 20))};
    ASSERT_EQ(all_logs(store(), query), expected_logs(all, query)) << "round " << round;
  }
}

TEST_P(StoreContractTest, FromAndToAreInclusiveToTheMillisecond) {
  for (int i = 0; i < 5; ++i) {
    put("ns", std::to_string(i), kT0 + milliseconds{i});
    const Log log = make_log({"ns", "gone"}, kT0 + milliseconds{i}, std::to_string(i));
    ASSERT_EQ(commit({Lease{log.task, {1}, kT0}, make_record("ns", "gone", kT0).task, log}),
              CommitOutcome::kGone);
  }
  TaskQuery tasks;
  tasks.ns = "ns";
  tasks.from = kT0 + milliseconds{1};
  tasks.to = kT0 + milliseconds{3};
  tasks.now = kT0;
  EXPECT_EQ(ids(all_tasks(store(), tasks)), (std::vector<std::string>{"1", "2", "3"}));
  tasks.to = *tasks.from;
  EXPECT_EQ(ids(all_tasks(store(), tasks)), std::vector<std::string>{"1"});
  tasks.to = *tasks.from - milliseconds{1};
  EXPECT_TRUE(all_tasks(store(), tasks).empty());
  LogQuery logs_query;
  logs_query.ns = "ns";
  logs_query.from = kT0 + milliseconds{1};
  logs_query.to = kT0 + milliseconds{3};
  logs_query.now = kT0;
  EXPECT_EQ(all_logs(store(), logs_query).size(), 3u);
}

TEST_P(StoreContractTest, PagingSeesEachItemOnceWhileOthersAreAddedAndRemoved) {
  for (const bool by_id : {false, true}) {
    for (const bool desc : {false, true}) {
      const std::string ns = std::string("ns") + (by_id ? "i" : "d") + (desc ? "d" : "a");
      const auto name = [](int i) { return "t" + std::to_string(100 + i); };
      for (int i = 0; i < 60; i += 2) put(ns, name(i), kT0 + milliseconds{i / 4});
      TaskQuery query;
      query.ns = ns;
      query.now = kT0;
      query.limit = 3;
      query.desc = desc;
      if (by_id) query.id_prefix = "t";
      std::map<std::string, int> seen;
      std::optional<std::string> removed;
      int extra = 1;
      for (int pages = 0;; ++pages) {
        ASSERT_LT(pages, 1000);
        const auto page = store().query_tasks(query);
        ASSERT_TRUE(page);
        for (const Task& task : page->items) ++seen[task.key.id];
        if (!page->next) break;
        query.after = page->next;
        // One added on each side of the position; the task at the position is deleted.
        if (extra < 60) {
          put(ns, name(extra), kT0 + milliseconds{extra / 4});
          put(ns, name(60 - extra) + "x", kT0 + milliseconds{(60 - extra) / 4});
          extra += 2;
        }
        if (!removed && pages == 3) {
          removed = page->items.back().key.id;
          ASSERT_TRUE(remove({ns, *removed}));
        }
      }
      for (const auto& [id, times] : seen) EXPECT_EQ(times, 1) << id;
      for (int i = 0; i < 60; i += 2) EXPECT_EQ(seen[name(i)], 1) << name(i);
    }
  }
}

TEST_P(StoreContractTest, APageGoesOnAfterAPositionThatNoTaskHas) {
  put("ns", "a", kT0);
  put("ns", "c", kT0);
  TaskQuery query;
  query.ns = "ns";
  query.now = kT0;
  query.after = TaskPosition{kT0, "b"};
  EXPECT_EQ(ids(all_tasks(store(), query)), std::vector<std::string>{"c"});
  query.desc = true;
  EXPECT_EQ(ids(all_tasks(store(), query)), std::vector<std::string>{"a"});
  query.after = TaskPosition{kT0 + seconds{1}, ""};
  EXPECT_EQ(ids(all_tasks(store(), query)), (std::vector<std::string>{"c", "a"}));
  query.desc = false;
  EXPECT_TRUE(all_tasks(store(), query).empty());
}

TEST_P(StoreContractTest, ALogThatIsWrittenAgainExpiresAsItWasWrittenLast) {
  put("a", "kept");
  put("a", "other", kT0 + seconds{30});
  Commit committed = done(claim_one(kT0), kT0);
  committed.log->expires_at = kT0 + seconds{10};
  commit(committed);
  committed.log->expires_at.reset();
  commit(committed);
  claim_one(kT0 + seconds{40});  // where a store drops what expired while it works
  EXPECT_EQ(logs("a", kT0 + seconds{40}).size(), 1u);
}

TEST_P(StoreContractTest, ExpiredLogsAreNeverShownToTheMillisecond) {
  put("ns", "id");
  Commit committed = done(claim_one(kT0), kT0);
  committed.log->expires_at = kT0 + seconds{10};
  ASSERT_EQ(commit(committed), CommitOutcome::kApplied);
  LogQuery query;
  query.ns = "ns";
  const auto shown = [&](TimePoint now) {
    std::size_t count = 0;
    for (const std::optional<std::string>& task : {std::optional<std::string>(), {"id"}}) {
      for (const std::optional<LogStatus>& status :
           {std::optional<LogStatus>(), {LogStatus::kSuccess}}) {
        query.task_id = task;
        query.status = status;
        query.now = now;
        count += all_logs(store(), query).size();
      }
    }
    return count;
  };
  EXPECT_EQ(shown(kT0 + seconds{10} - milliseconds{1}), 4u);
  EXPECT_EQ(shown(kT0 + seconds{10}), 0u);
  claim(kT0 + seconds{10});
  EXPECT_EQ(shown(kT0 + seconds{11}), 0u);
}

namespace {

std::vector<std::string> all_namespaces(Store& store, const std::string& prefix = {},
                                        std::size_t limit = 100) {
  NamespaceQuery query{prefix, limit, {}};
  std::vector<std::string> all;
  for (int pages = 0; pages < 100; ++pages) {
    const auto page = store.namespaces(query);
    if (!page) {
      ADD_FAILURE() << page.error().message;
      return all;
    }
    EXPECT_LE(page->items.size(), limit);
    all.insert(all.end(), page->items.begin(), page->items.end());
    if (!page->next) return all;
    EXPECT_TRUE(!query.after || *page->next > *query.after) << *page->next;
    query.after = page->next;
  }
  ADD_FAILURE() << "the pages do not end";
  return all;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_P(StoreContractTest, NamespacesAreThoseThatHoldATask) {
  EXPECT_EQ(all_namespaces(store()), Names{});
  put("b", "1");
  put("b", "2");
  EXPECT_EQ(all_namespaces(store()), Names{"b"});
  put("a", "waits", kT0 + seconds{60});
  put("c", "suspended", kT0 + seconds{60});
  ASSERT_TRUE(change({"c", "suspended"}, suspend_edit, kT0));
  EXPECT_EQ(all_namespaces(store()), (Names{"a", "b", "c"}));

  // Its logs alone make no namespace.
  ASSERT_TRUE(remove({"b", "1"}));
  commit(done(claim_one(kT0), kT0));
  EXPECT_EQ(all_namespaces(store()), (Names{"a", "b", "c"}));
  ASSERT_TRUE(remove({"b", "2"}));
  EXPECT_EQ(logs("b").size(), 1u);
  EXPECT_EQ(all_namespaces(store()), (Names{"a", "c"}));
  ASSERT_TRUE(store().clear("c", 100));
  EXPECT_EQ(all_namespaces(store()), Names{"a"});
  // It comes back with a task, also of a process that knew it before.
  put("b", "3");
  EXPECT_EQ(all_namespaces(store()), (Names{"a", "b"}));

  if (!subject().durable()) return;
  subject().reopen();
  EXPECT_EQ(all_namespaces(store()), (Names{"a", "b"}));
  put("c", "new");
  ASSERT_TRUE(remove({"b", "3"}));
  EXPECT_EQ(all_namespaces(store()), (Names{"a", "c"}));
}

TEST_P(StoreContractTest, NamespacesOfABatchAreAllListed) {
  std::vector<TaskRecord> records;
  Names expected;
  for (int i = 10; i < 40; ++i) {
    expected.push_back("customer-" + std::to_string(i));
    records.push_back(make_record(expected.back(), "id", kT0));
  }
  for (const auto& result : store().put(records)) ASSERT_TRUE(result && result->created);
  EXPECT_EQ(all_namespaces(store()), expected);
  EXPECT_EQ(all_namespaces(store(), "customer-3", 3), Names(expected.begin() + 20, expected.end()));
}

TEST_P(StoreContractTest, NamespacesPageInTheOrderOfTheirBytes) {
  const std::string zero("a\0b", 3);
  const Names sorted{"A", "a", zero, "a#", "a-b", "ab", "a\xf4\x8f\xbf\xbf", "b", "\xc3\xa4"};
  for (auto name = sorted.rbegin(); name != sorted.rend(); ++name) {
    put(*name, "1");
    put(*name, "2");
  }
  for (std::size_t limit = 1; limit <= sorted.size() + 1; ++limit) {
    EXPECT_EQ(all_namespaces(store(), "", limit), sorted) << limit;
  }
  EXPECT_EQ(all_namespaces(store(), "a", 2), Names(sorted.begin() + 1, sorted.begin() + 7));
  EXPECT_EQ(all_namespaces(store(), "ab"), Names{"ab"});
  EXPECT_EQ(all_namespaces(store(), "none"), Names{});

  // After one that is gone, before the first, after the last.
  ASSERT_TRUE(store().clear("a#", 100));
  EXPECT_EQ(store().namespaces({"", 2, "a#"})->items, (Names{"a-b", "ab"}));
  EXPECT_EQ(store().namespaces({"a", 1, "0"})->items, Names{"a"});
  EXPECT_EQ(store().namespaces({"a", 9, "b"})->items, Names{});
  const auto none = store().namespaces({"", 0, {}});
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->items.empty() && !none->next);
}

}  // namespace rhooks::testing
