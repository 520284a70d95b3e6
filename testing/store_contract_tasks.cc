// The contract of put, get, change, remove, clear and check.

#include <algorithm>

#include "testing/store_contract.h"

namespace rhooks::testing {

using namespace store;
using std::chrono::milliseconds;
using std::chrono::seconds;

void link_store_contract_tasks() {}

namespace {

// Ids and namespaces that a store with composed keys could mix up. All are UTF-8, as
// registration demands; control characters are refused there, and are here for good measure.
// The longest code point, U+10FFFF, sorts last.
const std::vector<std::string> kTrickyNames{"a",
                                            "aa",
                                            "ab",
                                            "a#1",
                                            "a#",
                                            "a/b",
                                            "a:b",
                                            "a|b",
                                            " ",
                                            "%",
                                            std::string("a\0b", 3),
                                            std::string("a\0", 2),
                                            std::string("\0", 1),
                                            std::string("\0\0", 2),
                                            std::string("a\0\x01", 3),
                                            std::string("a\0\xf4\x8f\xbf\xbf", 6),
                                            "a\x01",
                                            "a\xf4\x8f\xbf\xbf",
                                            "\xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbf",
                                            "ü",
                                            "日本",
                                            "😀",
                                            std::string(200, 'x')};

}  // namespace

TEST_P(StoreContractTest, PutThenGetGivesTheWholeTask) {
  model::TaskRecord record = make_record("ns", "id", kT0 + seconds{5});
  record.task.id_prefix = "pre";
  record.task.repeat = Repeat{2, 0, RepeatUnit::kHours};
  record.task.retry_limit = 7;
  record.task.request.body = Body::text(std::string("zero\0byte", 9));
  record.task.errors = {3, 2, kT0, kT0 + seconds{1}, "boom"};
  record.task.execution.count = 9;
  record.task.execution.skipped = 4;
  record.task.execution.extra = 2;
  record.task.skipped_before = Skipped{kT0 - seconds{5}, 4};
  record.task.max_errors = 2;
  record.task.pause_on_failure = true;
  record.task.note = "paused";
  record.task.extra_date = kT0 + seconds{3};
  record.task.execution.last_response_status = 503;
  record.task.execution.last_response_headers = {{"a", "b"}, {"a", "c"}};
  record.task.execution.last_response_body = "body";
  record.task.attempt = 1;
  record.task.next_attempt_date = kT0 + seconds{6};
  record.task.in_order = true;
  put(record);
  const auto got = store().get(record.task.key, kT0);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, record.task);
}

TEST_P(StoreContractTest, AScheduleIsStoredAndStays) {
  model::TaskRecord record = make_record("ns", "id", kT0);
  Schedule& schedule = record.task.schedule.emplace();
  schedule.cron = {"0 9 * * MON-FRI", "0 12 * * SAT"};
  schedule.timezone = "Europe/Berlin";
  schedule.end = "2031-01-01T00:00";
  schedule.max = 7;
  schedule.exclude = {"--12-25", "cron:* * * * SUN"};
  schedule.jitter = std::chrono::minutes{10};
  schedule.since = kT0 - seconds{5};
  put(record);
  ASSERT_EQ(store().get(record.task.key, kT0)->schedule, schedule);
  const auto claim = claim_one(kT0);
  EXPECT_EQ(claim.task.schedule, schedule);
  store::Commit outcome = done(claim, kT0);
  outcome.task.status = Status::kActive;
  outcome.task.scheduled_date = kT0 + seconds{60};
  EXPECT_EQ(commit(outcome), CommitOutcome::kApplied);
  EXPECT_EQ(store().get(record.task.key, kT0)->schedule, schedule);
}

// A newer program may share the store, or have had it before.
TEST_P(StoreContractTest, WhatANewerBuildStoredOutlivesEveryChange) {
  // Of a store that keeps large requests elsewhere, both kinds.
  for (const std::size_t body : {10, 5'000}) {
    auto record = make_record("ns", "id" + std::to_string(body), kT0);
    record.task.request.body = Body::text(std::string(body, 'x'));
    // The field 1000, a text, as stores write it (codec/tagged.h).
    const std::string newer = "\xc2\x3e\x08of state";
    record.task.newer_fields = newer;
    record.newer_spec_fields = "\xc2\x3e\x07of spec";
    const TaskKey& key = record.task.key;
    put(record);
    EXPECT_EQ(*store().get(key, kT0), record.task);
    ASSERT_TRUE(change(key, suspend_edit, kT0));
    ASSERT_TRUE(change(key, unsuspend_edit, kT0));
    const Claim first = claim_one(kT0);
    EXPECT_EQ(first.task.newer_fields, newer);
    EXPECT_EQ(commit(retried(first, kT0, kT0 + seconds{1})), CommitOutcome::kApplied);
    const Claim second = claim_one(kT0 + seconds{1});
    EXPECT_EQ(commit(done(second, kT0 + seconds{1})), CommitOutcome::kApplied);
    EXPECT_EQ(store().get(key, kT0)->newer_fields, newer);
    // A replay is told by what the spec has.
    EXPECT_EQ(store().put({&record, 1}).front()->existing->newer_spec_fields,
              record.newer_spec_fields);
  }
}

TEST_P(StoreContractTest, WhatHasExpiredIsNotThere) {
  const TimePoint end = kT0 + seconds{10};
  const TimePoint before = end - milliseconds{1};
  // Of a store that keeps large requests elsewhere, both kinds.
  for (const std::size_t body : {10, 5'000}) {
    SCOPED_TRACE("a body of " + std::to_string(body));
    auto record = make_record("ns", "id" + std::to_string(body), kT0);
    record.task.request.body = Body::text(std::string(body, 'x'));
    const TaskKey& key = record.task.key;
    put(record);
    const Claim claim = claim_one(kT0);
    Commit outcome = done(claim, kT0 + seconds{1});
    outcome.task.expires_at = end;
    EXPECT_EQ(commit(outcome), CommitOutcome::kApplied);
    EXPECT_EQ(commit(outcome), CommitOutcome::kApplied) << "it is safe to repeat";
    EXPECT_EQ(*store().get(key, before), outcome.task);

    for (const bool by_id : {false, true}) {
      TaskQuery query;
      query.ns = "ns";
      if (by_id) query.id_prefix = key.id;
      for (const auto status : {std::optional<Status>(), std::optional(Status::kDone)}) {
        query.status = status;
        query.now = before;
        EXPECT_EQ(all_tasks(store(), query), std::vector{outcome.task});
        query.now = end;
        EXPECT_TRUE(all_tasks(store(), query).empty());
      }
    }
    EXPECT_EQ(store().get(key, end).error().code, ErrorCode::kNotFound);
    const Edit edit = [](Task task) -> Result<Task> { return task; };
    EXPECT_EQ(change(key, edit, end).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(remove(key, end).error().code, ErrorCode::kNotFound);

    // Its place is taken by one that was created since, and by no other.
    auto next = make_record("ns", key.id, kT0 + seconds{100});
    next.task.created_at = before;
    auto results = store().put({&next, 1});
    ASSERT_TRUE(results[0]);
    ASSERT_FALSE(results[0]->created);
    EXPECT_EQ(results[0]->existing->task, outcome.task);
    next.task.created_at = end;
    const std::vector<model::TaskRecord> twice{next, next};
    results = store().put(twice);
    ASSERT_TRUE(results[0] && results[1]);
    EXPECT_TRUE(results[0]->created);
    EXPECT_FALSE(results[1]->created);
    EXPECT_EQ(*store().get(key, end), next.task);
    EXPECT_EQ(commit(outcome), CommitOutcome::kLeaseLost) << "that lease was of another task";
    EXPECT_TRUE(this->claim(end).empty());
    EXPECT_EQ(claim_one(kT0 + seconds{100}).task, next.task);
    EXPECT_TRUE(remove(key));
  }
}

TEST_P(StoreContractTest, WhatIsBroughtBackBeforeItExpiresStays) {
  for (const std::size_t body : {10, 5'000}) {
    SCOPED_TRACE("a body of " + std::to_string(body));
    auto record = make_record("ns", "id" + std::to_string(body), kT0);
    record.task.request.body = Body::text(std::string(body, 'x'));
    put(record);
    Commit outcome = done(claim_one(kT0), kT0);
    outcome.task.expires_at = kT0 + seconds{10};
    EXPECT_EQ(commit(outcome), CommitOutcome::kApplied);
    const TimePoint again = kT0 + seconds{9};
    const Edit edit = [&](Task task) -> Result<Task> {
      task.status = Status::kActive;
      task.scheduled_date = again;
      task.expires_at.reset();
      return task;
    };
    ASSERT_TRUE(change(record.task.key, edit, again));
    const TimePoint late = kT0 + seconds{100};
    for (int claims = 0; claims < 3; ++claims) {
      const Claim claim = claim_one(late);
      EXPECT_EQ(claim.task.request, record.task.request);
      EXPECT_TRUE(store().release({&claim.lease, 1}));
    }
    EXPECT_TRUE(remove(record.task.key, late));
  }
}

TEST_P(StoreContractTest, GetOfAMissingTaskIsNotFound) {
  put("ns", "id");
  for (const TaskKey& key : {TaskKey{"ns", "other"}, TaskKey{"other", "id"}, TaskKey{"ns", "i"},
                             TaskKey{"n", "sid"}, TaskKey{"ns", "idd"}}) {
    const auto got = store().get(key, kT0);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, ErrorCode::kNotFound);
    EXPECT_FALSE(got.error().message.empty());
  }
}

TEST_P(StoreContractTest, PutOfATakenKeyGivesTheFirstRecordAndChangesNothing) {
  const auto first = make_record("ns", "id", kT0);
  put(first);
  auto second = make_record("ns", "id", kT0 + seconds{9});
  second.fingerprint = {9};
  const auto results = store().put(std::span(&second, 1));
  ASSERT_EQ(results.size(), 1u);
  ASSERT_TRUE(results[0]);
  EXPECT_FALSE(results[0]->created);
  ASSERT_TRUE(results[0]->existing);
  EXPECT_EQ(*results[0]->existing, first);
  EXPECT_EQ(*store().get({"ns", "id"}, kT0), first.task);
}

TEST_P(StoreContractTest, PutGivesTheRecordOfALeasedTaskAsStored) {
  put("ns", "id");
  claim_one(kT0);
  const auto again = make_record("ns", "id", kT0);
  const auto results = store().put(std::span(&again, 1));
  ASSERT_TRUE(results[0]);
  ASSERT_TRUE(results[0]->existing);
  EXPECT_EQ(results[0]->existing->task.status, Status::kActive);
}

TEST_P(StoreContractTest, PutBatchAnswersEachItemInOrderAlsoForAKeyGivenTwice) {
  put("ns", "taken");
  const std::vector<model::TaskRecord> batch{
      make_record("ns", "new1", kT0), make_record("ns", "taken", kT0 + seconds{1}),
      make_record("ns", "new1", kT0 + seconds{2}), make_record("ns2", "new1", kT0)};
  const auto results = store().put(batch);
  ASSERT_EQ(results.size(), 4u);
  for (const auto& result : results) ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(results[0]->created);
  EXPECT_FALSE(results[1]->created);
  EXPECT_EQ(results[1]->existing->task.scheduled_date, kT0);
  EXPECT_FALSE(results[2]->created);
  EXPECT_EQ(*results[2]->existing, batch[0]);
  EXPECT_TRUE(results[3]->created);
}

TEST_P(StoreContractTest, EmptyBatchesAreFine) {
  EXPECT_TRUE(store().put({}).empty());
  EXPECT_TRUE(store().change({}, suspend_edit, kT0).empty());
  EXPECT_TRUE(store().remove({}, kT0).empty());
  EXPECT_TRUE(store().commit({}).empty());
  EXPECT_TRUE(store().release({}));
}

TEST_P(StoreContractTest, FullBatchOfAThousand) {
  std::vector<model::TaskRecord> batch;
  std::vector<TaskKey> keys;
  for (int i = 0; i < 1000; ++i) {
    batch.push_back(make_record("ns", "t" + std::to_string(i), kT0 + milliseconds{i}));
    keys.push_back(batch.back().task.key);
  }
  for (const auto& result : store().put(batch)) ASSERT_TRUE(result && result->created);
  for (const auto& result : store().change(keys, suspend_edit, kT0)) ASSERT_TRUE(result);
  EXPECT_TRUE(claim(kT0 + seconds{2}, 1000).empty());
  for (const auto& result : store().change(keys, unsuspend_edit, kT0)) ASSERT_TRUE(result);
  const auto claims = claim(kT0 + seconds{2}, 1000);
  ASSERT_EQ(claims.size(), 1000u);
  std::vector<Commit> commits;
  for (const Claim& c : claims) commits.push_back(done(c, kT0 + seconds{2}));
  for (const auto& result : store().commit(commits)) {
    ASSERT_TRUE(result);
    EXPECT_EQ(*result, CommitOutcome::kApplied);
  }
  for (const auto& result : store().remove(keys, kT0)) {
    ASSERT_TRUE(result);
    EXPECT_EQ(result->status, Status::kDone);
  }
  EXPECT_EQ(logs("ns").size(), 1000u);
}

TEST_P(StoreContractTest, NamesThatComposedKeysCouldMixUp) {
  // Each has a moment of its own: dynalite keeps one of two index rows with one key whose
  // namespace and id join to the same text.
  TimePoint at = kT0;
  for (const std::string& ns : kTrickyNames) {
    for (const std::string& id : kTrickyNames) {
      auto record = make_record(ns, id, kT0);
      record.task.next_attempt_date = at -= milliseconds{1};
      put(record);
    }
  }
  std::vector<std::string> sorted = kTrickyNames;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < kTrickyNames.size(); i += subject().remote() ? 2 : 1) {
    TaskQuery query;
    query.ns = kTrickyNames[i];
    query.now = kT0;
    query.limit = 5;
    EXPECT_EQ(ids(all_tasks(store(), query)), sorted);
    query.desc = true;
    auto reversed = sorted;
    std::reverse(reversed.begin(), reversed.end());
    EXPECT_EQ(ids(all_tasks(store(), query)), reversed);
    query.desc = false;
    for (const std::string& prefix : kTrickyNames) {
      query.id_prefix = prefix;
      std::vector<std::string> expected;
      for (const std::string& id : sorted) {
        if (id.starts_with(prefix)) expected.push_back(id);
      }
      EXPECT_EQ(ids(all_tasks(store(), query)), expected);
    }
  }
  // Each is claimed once, committed, and its log is its own.
  const auto claims = claim(kT0, 1000);
  ASSERT_EQ(claims.size(), kTrickyNames.size() * kTrickyNames.size());
  for (const Claim& c : claims) ASSERT_EQ(commit(done(c, kT0)), CommitOutcome::kApplied);
  for (const std::string& ns : kTrickyNames) {
    EXPECT_EQ(logs(ns).size(), kTrickyNames.size());
    for (const std::string& id : kTrickyNames) {
      LogQuery query;
      query.ns = ns;
      query.task_id = id;
      query.now = kT0;
      const auto found = all_logs(store(), query);
      ASSERT_EQ(found.size(), 1u);
      EXPECT_EQ(found[0].task, (TaskKey{ns, id}));
    }
  }
  // Clearing one namespace leaves those whose names begin alike.
  const auto count = store().clear("a", 1000);
  ASSERT_TRUE(count);
  EXPECT_EQ(*count, kTrickyNames.size());
  EXPECT_EQ(*store().clear("a", 1000), 0u);
  EXPECT_TRUE(logs("a").empty());
  for (const std::string& ns : kTrickyNames) {
    if (ns == "a") continue;
    EXPECT_EQ(logs(ns).size(), kTrickyNames.size());
    EXPECT_TRUE(store().get({ns, "a"}, kT0));
  }
}

TEST_P(StoreContractTest, ChangeAppliesTheEditAndReturnsTheTask) {
  put("ns", "id");
  const auto changed = change({"ns", "id"}, suspend_edit, kT0);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->status, Status::kSuspended);
  EXPECT_EQ(*store().get({"ns", "id"}, kT0), *changed);
  EXPECT_TRUE(claim(kT0).empty());
  ASSERT_TRUE(change({"ns", "id"}, unsuspend_edit, kT0));
  EXPECT_EQ(claim(kT0).size(), 1u);
}

TEST_P(StoreContractTest, ChangeMovesTheDueTimeAndTheDate) {
  put("ns", "id", kT0 + seconds{100});
  ASSERT_TRUE(change(
      {"ns", "id"},
      [](Task task) -> Result<Task> {
        task.scheduled_date = kT0 + seconds{50};
        return task;
      },
      kT0));
  EXPECT_TRUE(claim(kT0 + seconds{49}).empty());
  EXPECT_EQ(claim_one(kT0 + seconds{50}).due_at, kT0 + seconds{50});
  TaskQuery query;
  query.ns = "ns";
  query.from = query.to = kT0 + seconds{50};
  query.now = kT0;
  EXPECT_EQ(all_tasks(store(), query).size(), 1u);
  query.from = query.to = kT0 + seconds{100};
  EXPECT_TRUE(all_tasks(store(), query).empty());
}

TEST_P(StoreContractTest, ChangeRunsATaskNowAndThenByItsDate) {
  put("ns", "id", kT0 + seconds{100});
  ASSERT_TRUE(change(
      {"ns", "id"},
      [](Task task) -> Result<Task> {
        task.next_attempt_date = kT0 + seconds{1};
        return task;
      },
      kT0));
  const Claim c = claim_one(kT0 + seconds{1});
  EXPECT_EQ(c.due_at, kT0 + seconds{1});
  EXPECT_EQ(c.task.scheduled_date, kT0 + seconds{100});
}

TEST_P(StoreContractTest, ChangeMayChangeWhatWasRegistered) {
  put("ns", "id");
  ASSERT_TRUE(change(
      {"ns", "id"},
      [](Task task) -> Result<Task> {
        task.request.url = "http://127.0.0.1:2/moved";
        task.retry_limit = 9;
        return task;
      },
      kT0));
  const Claim c = claim_one(kT0);
  EXPECT_EQ(c.task.request.url, "http://127.0.0.1:2/moved");
  EXPECT_EQ(c.task.retry_limit, 9);
}

TEST_P(StoreContractTest, ChangeThatIsRefusedLeavesTheTaskAndAnswersEachItem) {
  put("ns", "a");
  put("ns", "b");
  put("ns", "c");
  ASSERT_TRUE(change({"ns", "b"}, suspend_edit, kT0));
  const std::vector<TaskKey> keys{{"ns", "a"}, {"ns", "missing"}, {"ns", "b"}, {"ns", "c"}};
  const auto results = store().change(keys, suspend_edit, kT0);
  ASSERT_EQ(results.size(), 4u);
  ASSERT_TRUE(results[0]);
  EXPECT_EQ(results[0]->key.id, "a");
  EXPECT_EQ(results[1].error().code, ErrorCode::kNotFound);
  EXPECT_EQ(results[2].error().code, ErrorCode::kConflict);
  EXPECT_EQ(results[2].error().message, "the task is not ACTIVE");
  ASSERT_TRUE(results[3]);
  EXPECT_EQ(results[3]->key.id, "c");
}

TEST_P(StoreContractTest, RemoveReturnsTheTaskAndItsLogsStay) {
  put("ns", "id");
  const Claim c = claim_one(kT0);
  ASSERT_EQ(commit(done(c, kT0)), CommitOutcome::kApplied);
  const auto removed = remove({"ns", "id"});
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->status, Status::kDone);
  EXPECT_EQ(store().get({"ns", "id"}, kT0).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(remove({"ns", "id"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(logs("ns").size(), 1u);
  TaskQuery query;
  query.ns = "ns";
  query.now = kT0;
  EXPECT_TRUE(all_tasks(store(), query).empty());
}

TEST_P(StoreContractTest, RemoveAnswersEachItem) {
  put("ns", "a");
  put("ns", "c");
  const std::vector<TaskKey> keys{{"ns", "a"}, {"ns", "b"}, {"ns", "c"}};
  const auto results = store().remove(keys, kT0);
  ASSERT_EQ(results.size(), 3u);
  EXPECT_TRUE(results[0]);
  EXPECT_EQ(results[1].error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(results[2]);
  EXPECT_TRUE(claim(kT0).empty());
  EXPECT_EQ(*store().next_due(kT0), std::nullopt);
}

TEST_P(StoreContractTest, ClearGoesByChunksAndTakesTheLogsLast) {
  for (int i = 0; i < 25; ++i) put("ns", "t" + std::to_string(i));
  put("other", "t");
  const auto claims = claim(kT0, 5);
  for (const Claim& c : claims) {
    if (c.lease.key.ns == "ns") {
      ASSERT_EQ(commit(done(c, kT0)), CommitOutcome::kApplied);
    }
  }
  ASSERT_FALSE(logs("ns").empty());
  EXPECT_EQ(*store().clear("ns", 10), 10u);
  EXPECT_FALSE(logs("ns").empty());
  EXPECT_EQ(*store().clear("ns", 10), 10u);
  EXPECT_EQ(*store().clear("ns", 10), 5u);
  EXPECT_EQ(*store().clear("ns", 10), 0u);
  EXPECT_TRUE(logs("ns").empty());
  EXPECT_TRUE(store().get({"other", "t"}, kT0));
  // The namespace can be used again.
  put("ns", "t1");
  EXPECT_TRUE(store().get({"ns", "t1"}, kT0));
}

TEST_P(StoreContractTest, ClearFindsWhatIsPutBehindIt) {
  for (int i = 10; i < 35; ++i) put("ns", "t" + std::to_string(i));
  EXPECT_EQ(*store().clear("ns", 10), 10u);
  put("ns", "a");
  put("ns", "z");
  put("ns", "t10");
  put("other", "a");
  std::size_t count = 0;
  while (const std::size_t now = *store().clear("ns", 7)) count += now;
  EXPECT_EQ(count, 18u);
  for (const char* id : {"a", "z", "t10"}) {
    EXPECT_EQ(store().get({"ns", id}, kT0).error().code, ErrorCode::kNotFound) << id;
  }
  EXPECT_TRUE(store().get({"other", "a"}, kT0));
}

TEST_P(StoreContractTest, ClearEndsLeases) {
  put("ns", "id");
  const Claim c = claim_one(kT0);
  EXPECT_EQ(*store().clear("ns", 10), 1u);
  EXPECT_EQ(commit(done(c, kT0)), CommitOutcome::kGone);
  EXPECT_EQ(store().get({"ns", "id"}, kT0).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(*store().next_due(kT0), std::nullopt);
}

TEST_P(StoreContractTest, CheckIsFineForAHealthyStore) {
  const auto checked = store().check();
  EXPECT_TRUE(checked) << checked.error().message;
}

TEST_P(StoreContractTest, DescribesItselfInWholeTables) {
  put("ns", "id");
  const auto description = store().describe();
  ASSERT_TRUE(description) << description.error().message;
  EXPECT_NE(description->kind, "");
  EXPECT_FALSE(description->facts.empty());
  for (const auto& section : description->sections) {
    EXPECT_NE(section.title, "");
    EXPECT_FALSE(section.columns.empty()) << section.title;
    for (const auto& row : section.rows) {
      EXPECT_EQ(row.size(), section.columns.size()) << section.title;
    }
  }
  EXPECT_EQ(ids(all_tasks(store(), {.ns = "ns", .now = kT0})), std::vector<std::string>{"id"});
}

TEST_P(StoreContractTest, WhatWasAcknowledgedSurvivesAReopen) {
  if (!subject().durable()) GTEST_SKIP() << "not a durable store";
  put("ns", "waiting", kT0 + seconds{10});
  put("ns", "suspended");
  ASSERT_TRUE(change({"ns", "suspended"}, suspend_edit, kT0));
  put("ns", "removed");
  ASSERT_TRUE(remove({"ns", "removed"}));
  put("ns", "done");
  const Commit committed = done(claim_one(kT0), kT0);
  ASSERT_EQ(commit(committed), CommitOutcome::kApplied);
  put("ns", "leased");
  const Claim lost = claim_one(kT0);

  subject().reopen();
  EXPECT_EQ(status_of({"ns", "waiting"}, kT0), Status::kActive);
  EXPECT_EQ(status_of({"ns", "suspended"}, kT0), Status::kSuspended);
  EXPECT_EQ(status_of({"ns", "done"}, kT0), Status::kDone);
  EXPECT_EQ(store().get({"ns", "removed"}, kT0).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(logs("ns").size(), 1u);
  // A commit repeated across the reopen is recognised.
  EXPECT_EQ(commit(committed), CommitOutcome::kApplied);
  EXPECT_EQ(logs("ns").size(), 1u);
  // A lease ends by a reopen or by its time; either way the task is due again.
  EXPECT_EQ(claim(kT0 + seconds{61}, 1).at(0).lease.key.id, "leased");
  EXPECT_EQ(commit(done(lost, kT0)), CommitOutcome::kLeaseLost);
}

}  // namespace rhooks::testing
