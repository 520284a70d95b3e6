// The contract of claim_due, commit, release, next_due and peek_due.

#include <algorithm>

#include "model/transitions.h"
#include "testing/store_contract.h"

namespace rhooks::testing {

using namespace store;
using std::chrono::milliseconds;
using std::chrono::seconds;

void link_store_contract_leases() {}

namespace {
const TaskKey kKey{"ns", "id"};
}  // namespace

TEST_P(StoreContractTest, ClaimGivesTheTaskAsStoredWithItsLease) {
  const auto record = make_record("ns", "id", kT0);
  put(record);
  const Claim c = claim_one(kT0 + seconds{1}, seconds{30});
  EXPECT_EQ(c.task, record.task);
  EXPECT_EQ(c.task.status, Status::kActive);
  EXPECT_EQ(c.due_at, kT0);
  EXPECT_EQ(c.lease.key, kKey);
  EXPECT_EQ(c.lease.until, kT0 + seconds{31});
  EXPECT_NE(c.lease.token, model::LeaseToken{});
}

TEST_P(StoreContractTest, ClaimTakesOnlyWhatIsDueToTheMillisecond) {
  put("ns", "id", kT0);
  EXPECT_TRUE(claim(kT0 - milliseconds{1}).empty());
  EXPECT_EQ(claim(kT0).size(), 1u);
}

TEST_P(StoreContractTest, ClaimMayReachAhead) {
  put("ns", "id", kT0 + seconds{2});
  const auto result = store().claim_due(
      {.now = kT0, .due_by = kT0 + seconds{2}, .limit = 5, .lease_for = seconds{60}});
  ASSERT_TRUE(result);
  ASSERT_EQ(result->claims.size(), 1u);
  EXPECT_EQ(result->claims[0].due_at, kT0 + seconds{2});
  EXPECT_EQ(result->claims[0].lease.until, kT0 + seconds{60});
}

TEST_P(StoreContractTest, ClaimGoesByDueTimeAcrossNamespaces) {
  put("b", "3", kT0 - seconds{3});
  put("a", "1", kT0 - seconds{1});
  put("c", "2", kT0 - seconds{2});
  auto retry = make_record("a", "4", kT0 - seconds{50});
  retry.task.next_attempt_date = kT0;
  put(retry);
  std::vector<std::string> order;
  for (const Claim& c : claim(kT0)) order.push_back(c.lease.key.id);
  EXPECT_EQ(order, (std::vector<std::string>{"3", "2", "1", "4"}));
}

TEST_P(StoreContractTest, ClaimHonoursItsLimitAndTellsWhetherThereIsMore) {
  for (int i = 0; i < 10; ++i) put("ns", std::to_string(i), kT0 + milliseconds{i});
  std::vector<std::string> order;
  for (int round = 0; round < 4; ++round) {
    const auto result = store().claim_due(
        {.now = kT0 + seconds{1}, .due_by = kT0 + seconds{1}, .limit = 3, .lease_for = seconds{9}});
    ASSERT_TRUE(result);
    EXPECT_EQ(result->claims.size(), round < 3 ? 3u : 1u);
    EXPECT_EQ(result->more, round < 3);
    for (const Claim& c : result->claims) order.push_back(c.lease.key.id);
  }
  EXPECT_EQ(order, (std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}));
  EXPECT_TRUE(claim(kT0 + seconds{1}).empty());
}

TEST_P(StoreContractTest, OnlyActiveTasksAreDue) {
  for (const Status status : {Status::kDone, Status::kFailed, Status::kSuspended}) {
    auto record = make_record("ns", to_string(status), kT0);
    record.task.status = status;
    put(record);
  }
  EXPECT_TRUE(claim(kT0 + seconds{1}).empty());
  EXPECT_EQ(*store().next_due(kT0), std::nullopt);
}

TEST_P(StoreContractTest, TokensAreNeverRepeated) {
  put("ns", "id");
  std::vector<model::LeaseToken> tokens;
  for (int i = 0; i < 50; ++i) {
    const Claim c = claim_one(kT0);
    tokens.push_back(c.lease.token);
    ASSERT_TRUE(store().release(std::span(&c.lease, 1)));
  }
  std::sort(tokens.begin(), tokens.end());
  EXPECT_EQ(std::unique(tokens.begin(), tokens.end()), tokens.end());
}

TEST_P(StoreContractTest, ALeasedTaskIsProcessingUntilTheLeaseEndsToTheMillisecond) {
  put("ns", "id");
  const Claim c = claim_one(kT0, seconds{60});
  const TimePoint last = c.lease.until - milliseconds{1};
  EXPECT_EQ(status_of(kKey, last), Status::kProcessing);
  EXPECT_EQ(status_of(kKey, c.lease.until), Status::kActive);
  EXPECT_TRUE(claim(last).empty());
  EXPECT_EQ(claim(c.lease.until).size(), 1u);
}

TEST_P(StoreContractTest, QueriesShowProcessingUnderALiveLeaseOnly) {
  put("ns", "a");
  put("ns", "b", kT0 + seconds{500});
  const Claim c = claim_one(kT0, seconds{60});
  const auto shown = [&](Status status, TimePoint now, bool by_id) {
    TaskQuery query;
    query.ns = "ns";
    query.status = status;
    query.now = now;
    if (by_id) query.id_prefix = "";
    const auto tasks = all_tasks(store(), query);
    for (const Task& task : tasks) EXPECT_EQ(task.status, status);
    return ids(tasks);
  };
  using Ids = std::vector<std::string>;
  for (const bool by_id : {false, true}) {
    EXPECT_EQ(shown(Status::kProcessing, kT0, by_id), Ids{"a"});
    EXPECT_EQ(shown(Status::kActive, kT0, by_id), Ids{"b"});
    EXPECT_EQ(shown(Status::kProcessing, c.lease.until, by_id), Ids{});
    EXPECT_EQ(shown(Status::kActive, c.lease.until, by_id), (Ids{"a", "b"}));
  }
}

TEST_P(StoreContractTest, CommitWritesTheStateAndTheLog) {
  put("ns", "id");
  const Claim c = claim_one(kT0);
  Commit commit_done = done(c, kT0 + seconds{1});
  commit_done.task.execution.last_response_body = "answer";
  commit_done.task.errors.last_error = "earlier";
  ASSERT_EQ(commit(commit_done), CommitOutcome::kApplied);
  EXPECT_EQ(*store().get(kKey, kT0), commit_done.task);
  const auto found = logs("ns");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0], commit_done.log);
  EXPECT_TRUE(claim(kT0 + seconds{99}).empty());
}

TEST_P(StoreContractTest, CommitsWithoutALogStoreNone) {
  for (const char* id : {"a", "b", "c"}) put("ns", id);
  std::vector<Commit> commits;
  for (const Claim& c : claim(kT0)) commits.push_back(done(c, kT0));
  ASSERT_EQ(commits.size(), 3u);
  commits[0].log.reset();
  commits[2].log.reset();
  for (const auto& result : store().commit(commits)) EXPECT_EQ(result, CommitOutcome::kApplied);
  const auto found = logs("ns");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0], commits[1].log);
  EXPECT_TRUE(claim(kT0 + seconds{99}).empty());
}

TEST_P(StoreContractTest, CommitChangesOnlyWhatAnAttemptMayChange) {
  const auto record = make_record("ns", "id", kT0);
  put(record);
  Commit commit_done = done(claim_one(kT0), kT0);
  commit_done.task.request.url = "http://127.0.0.1:2/other";
  commit_done.task.retry_limit = 50;
  commit_done.task.created_at = kT0 + seconds{9};
  ASSERT_EQ(commit(commit_done), CommitOutcome::kApplied);
  const auto task = store().get(kKey, kT0);
  ASSERT_TRUE(task);
  EXPECT_EQ(task->request, record.task.request);
  EXPECT_EQ(task->retry_limit, record.task.retry_limit);
  EXPECT_EQ(task->created_at, record.task.created_at);
  EXPECT_EQ(task->status, Status::kDone);
}

TEST_P(StoreContractTest, CommitMakesTheTaskDueAgainAtItsNextTime) {
  put("ns", "id");
  ASSERT_EQ(commit(retried(claim_one(kT0), kT0, kT0 + seconds{5})), CommitOutcome::kApplied);
  EXPECT_EQ(status_of(kKey, kT0), Status::kActive);
  EXPECT_TRUE(claim(kT0 + seconds{4}).empty());
  Claim c = claim_one(kT0 + seconds{5});
  EXPECT_EQ(c.task.attempt, 1);
  EXPECT_EQ(c.task.scheduled_date, kT0);
  // The next occurrence: another date.
  Commit next = done(c, kT0 + seconds{5});
  next.task.status = Status::kActive;
  next.task.attempt = 0;
  next.task.next_attempt_date.reset();
  next.task.scheduled_date = kT0 + seconds{60};
  ASSERT_EQ(commit(next), CommitOutcome::kApplied);
  EXPECT_TRUE(claim(kT0 + seconds{59}).empty());
  c = claim_one(kT0 + seconds{60});
  EXPECT_EQ(c.due_at, kT0 + seconds{60});
  EXPECT_EQ(logs("ns").size(), 2u);
}

// It is met before what is due after its occurrence, though it is not to be attempted yet.
TEST_P(StoreContractTest, ARetryMayKeepThePlaceOfItsOccurrence) {
  put("ns", "id");
  Commit retry = retried(claim_one(kT0), kT0, kT0 + seconds{9});
  retry.task.in_order = true;
  ASSERT_EQ(commit(retry), CommitOutcome::kApplied);
  if (subject().durable()) subject().reopen();
  put("ns", "later", kT0 + seconds{1});
  EXPECT_EQ(*store().next_due(kT0 + seconds{1}), kT0);
  EXPECT_EQ(all_due(store(), kT0, kT0, 10).size(), 1u);
  auto claims = claim(kT0 + seconds{1});
  ASSERT_EQ(claims.size(), 2u);
  EXPECT_EQ(claims[0].task, retry.task);
  EXPECT_EQ(claims[0].due_at, kT0);
  EXPECT_EQ(claims[1].lease.key.id, "later");
  ASSERT_TRUE(store().release({&claims[0].lease, 1}));
  const Claim again = claim_one(kT0 + seconds{1});
  EXPECT_EQ(again.task, retry.task);

  Commit other = retried(again, kT0 + seconds{1}, kT0 + seconds{20});
  other.task.in_order = false;
  ASSERT_EQ(commit(other), CommitOutcome::kApplied);
  EXPECT_TRUE(claim(kT0 + seconds{19}).empty());
  EXPECT_EQ(claim_one(kT0 + seconds{20}).due_at, kT0 + seconds{20});
}

// Run now, of a series: due at a time of its own, in front of the series' next.
TEST_P(StoreContractTest, AnExtraOccurrenceIsDueAtItsOwnTimeAndListedAtTheSeries) {
  auto record = make_record("ns", "id", kT0 + seconds{60});
  record.task.repeat = Repeat{1, 2, RepeatUnit::kMinutes};
  put(record);
  put("ns", "between", kT0 + seconds{30});
  const auto asked = change(
      kKey, [](Task task) { return model::run_now(std::move(task), kT0); }, kT0);
  ASSERT_TRUE(asked);
  ASSERT_EQ(asked->extra_date, kT0);
  EXPECT_EQ(*store().next_due(kT0), kT0);
  const auto due = all_due(store(), kT0, kT0, 10);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].due_at, kT0);
  EXPECT_EQ(due[0].scheduled_date, kT0 + seconds{60});
  TaskQuery by_date;
  by_date.ns = "ns";
  by_date.now = kT0;
  EXPECT_EQ(ids(all_tasks(store(), by_date)), (std::vector<std::string>{"between", "id"}));

  // Its attempt, a retry of it, and a crash in between leave it what it is.
  Claim c = claim_one(kT0, seconds{10});
  EXPECT_EQ(c.task, *asked);
  EXPECT_EQ(c.due_at, kT0);
  EXPECT_EQ(ids(all_tasks(store(), by_date)), (std::vector<std::string>{"between", "id"}));
  ASSERT_EQ(commit(retried(c, kT0, kT0 + seconds{5})), CommitOutcome::kApplied);
  if (subject().durable()) subject().reopen();
  c = claim_one(kT0 + seconds{5}, seconds{10});
  EXPECT_EQ(c.task.extra_date, kT0);
  EXPECT_EQ(c.task.attempt, 1);
  const Claim crashed = c;
  c = claim_one(kT0 + seconds{15}, seconds{10});
  EXPECT_EQ(c.task, crashed.task);

  Commit ended = done(c, kT0 + seconds{15});
  ended.task.status = Status::kActive;
  ended.task.attempt = 0;
  ended.task.next_attempt_date.reset();
  ended.task.extra_date.reset();
  ended.task.execution.extra = 1;
  EXPECT_EQ(commit(done(crashed, kT0 + seconds{15})), CommitOutcome::kLeaseLost);
  ASSERT_EQ(commit(ended), CommitOutcome::kApplied);
  EXPECT_EQ(*store().get(kKey, kT0 + seconds{15}), ended.task);
  EXPECT_EQ(ids(all_tasks(store(), by_date)), (std::vector<std::string>{"between", "id"}));
  EXPECT_TRUE(claim(kT0 + seconds{29}).empty());
  EXPECT_EQ(claim_one(kT0 + seconds{30}).lease.key.id, "between");
  c = claim_one(kT0 + seconds{60});
  EXPECT_EQ(c.due_at, kT0 + seconds{60});
  EXPECT_EQ(c.task.execution.extra, 1);
}

TEST_P(StoreContractTest, CommitUnderALeaseThatAnotherReplacedIsRefused) {
  put("ns", "id");
  const Claim old = claim_one(kT0, seconds{10});
  const Claim current = claim_one(kT0 + seconds{10}, seconds{10});
  ASSERT_NE(old.lease.token, current.lease.token);
  const auto before = store().get(kKey, kT0 + seconds{11});
  EXPECT_EQ(commit(done(old, kT0 + seconds{11})), CommitOutcome::kLeaseLost);
  EXPECT_EQ(*store().get(kKey, kT0 + seconds{11}), *before);
  EXPECT_EQ(before->status, Status::kProcessing);
  // The attempt was made, so it is logged; and the current lease is untouched.
  EXPECT_EQ(logs("ns").size(), 1u);
  EXPECT_EQ(commit(retried(current, kT0 + seconds{12}, kT0 + seconds{99})),
            CommitOutcome::kApplied);
  EXPECT_EQ(commit(done(old, kT0 + seconds{11})), CommitOutcome::kLeaseLost);
  EXPECT_EQ(status_of(kKey, kT0 + seconds{13}), Status::kActive);
  EXPECT_EQ(logs("ns").size(), 2u);
}

TEST_P(StoreContractTest, CommitUnderAnExpiredLeaseThatNothingReplacedCounts) {
  put("ns", "id");
  const Claim c = claim_one(kT0, seconds{10});
  EXPECT_EQ(status_of(kKey, kT0 + seconds{100}), Status::kActive);
  EXPECT_EQ(commit(done(c, kT0 + seconds{100})), CommitOutcome::kApplied);
  EXPECT_EQ(status_of(kKey, kT0 + seconds{100}), Status::kDone);
}

TEST_P(StoreContractTest, ARepeatedCommitIsHarmless) {
  put("ns", "id");
  const Commit committed = retried(claim_one(kT0), kT0, kT0 + seconds{5});
  ASSERT_EQ(commit(committed), CommitOutcome::kApplied);
  const auto before = store().get(kKey, kT0);
  EXPECT_EQ(commit(committed), CommitOutcome::kApplied);
  EXPECT_EQ(*store().get(kKey, kT0), *before);
  EXPECT_EQ(logs("ns").size(), 1u);
  // Also after an edit: what was applied stays applied, and the edit stays.
  ASSERT_TRUE(change(kKey, suspend_edit, kT0));
  EXPECT_EQ(commit(committed), CommitOutcome::kApplied);
  EXPECT_EQ(status_of(kKey, kT0), Status::kSuspended);
  // And while the next attempt is under way.
  ASSERT_TRUE(change(kKey, unsuspend_edit, kT0));
  const Claim next = claim_one(kT0 + seconds{5});
  EXPECT_EQ(commit(committed), CommitOutcome::kApplied);
  EXPECT_EQ(status_of(kKey, kT0 + seconds{5}), Status::kProcessing);
  EXPECT_EQ(commit(done(next, kT0 + seconds{5})), CommitOutcome::kApplied);
  EXPECT_EQ(logs("ns").size(), 2u);
}

TEST_P(StoreContractTest, CommitOfADeletedTaskWritesItsLogAndTheTaskDoesNotComeBack) {
  put("ns", "id");
  const Claim c = claim_one(kT0);
  const auto removed = remove(kKey);
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->status, Status::kProcessing);
  EXPECT_EQ(commit(retried(c, kT0, kT0 + seconds{1})), CommitOutcome::kGone);
  EXPECT_EQ(logs("ns").size(), 1u);
  EXPECT_EQ(store().get(kKey, kT0).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(claim(kT0 + seconds{100}).empty());
  EXPECT_EQ(*store().next_due(kT0), std::nullopt);
  TaskQuery query;
  query.ns = "ns";
  EXPECT_TRUE(all_tasks(store(), query).empty());
}

TEST_P(StoreContractTest, CommitOfATaskThatWasDeletedAndRegisteredAgainIsRefused) {
  put("ns", "id");
  const Claim c = claim_one(kT0);
  ASSERT_TRUE(remove(kKey));
  put("ns", "id", kT0 + seconds{50});
  EXPECT_EQ(status_of(kKey, kT0), Status::kActive);
  EXPECT_EQ(commit(done(c, kT0)), CommitOutcome::kLeaseLost);
  EXPECT_EQ(status_of(kKey, kT0), Status::kActive);
  EXPECT_EQ(claim_one(kT0 + seconds{50}).due_at, kT0 + seconds{50});
  EXPECT_EQ(logs("ns").size(), 1u);
}

TEST_P(StoreContractTest, ChangeOfATaskWithAnExpiredLeaseEndsTheLease) {
  put("ns", "id");
  const Claim c = claim_one(kT0, seconds{10});
  ASSERT_FALSE(change(kKey, suspend_edit, kT0 + seconds{9}));
  ASSERT_TRUE(change(kKey, suspend_edit, kT0 + seconds{10}));
  EXPECT_EQ(commit(done(c, kT0 + seconds{11})), CommitOutcome::kLeaseLost);
  EXPECT_EQ(status_of(kKey, kT0 + seconds{11}), Status::kSuspended);
  ASSERT_TRUE(change(kKey, unsuspend_edit, kT0 + seconds{12}));
  EXPECT_EQ(claim(kT0 + seconds{12}).size(), 1u);
}

TEST_P(StoreContractTest, ACancelledAttemptIsLoggedAndChangesNothing) {
  put("ns", "id");
  const Claim c = claim_one(kT0, seconds{60});
  const TimePoint at = kT0 + seconds{1};
  const auto cancel = [&](Task task) { return model::cancel(std::move(task), at, seconds{0}); };
  const auto cancelled = change(kKey, cancel, at);
  ASSERT_TRUE(cancelled) << cancelled.error().message;
  EXPECT_EQ(cancelled->status, Status::kFailed);
  EXPECT_EQ(cancelled->failure_reason, model::failure::kCancelled);
  EXPECT_EQ(*store().get(kKey, at), *cancelled);

  EXPECT_EQ(commit(retried(c, kT0 + seconds{2}, kT0 + seconds{7})), CommitOutcome::kLeaseLost);
  EXPECT_EQ(*store().get(kKey, kT0 + seconds{2}), *cancelled);
  EXPECT_EQ(logs("ns").size(), 1u);
  const TimePoint later = kT0 + seconds{100};
  EXPECT_TRUE(claim(later).empty());
  EXPECT_EQ(*store().next_due(later), std::nullopt);

  // Run again, it is still none of that attempt's business.
  const auto run = [&](Task task) { return model::run_now(std::move(task), later); };
  ASSERT_TRUE(change(kKey, run, later));
  EXPECT_EQ(commit(done(c, later)), CommitOutcome::kLeaseLost);
  const Claim next = claim_one(later);
  EXPECT_EQ(next.task.failure_reason, "");
  EXPECT_EQ(commit(done(next, later)), CommitOutcome::kApplied);
  EXPECT_EQ(status_of(kKey, later), Status::kDone);
}

TEST_P(StoreContractTest, ChangeSeesAndMayRefuseProcessing) {
  put("ns", "id");
  const Claim c = claim_one(kT0);
  std::optional<Status> seen;
  const auto refused = change(
      kKey,
      [&](const Task& task) -> Result<Task> {
        seen = task.status;
        return suspend_edit(task);
      },
      kT0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_EQ(seen, Status::kProcessing);
  EXPECT_EQ(commit(done(c, kT0)), CommitOutcome::kApplied);
}

TEST_P(StoreContractTest, ABatchOfCommitsAnswersEachItem) {
  for (const char* id : {"applied", "gone", "lost"}) put("ns", id);
  std::vector<Commit> commits;
  for (const Claim& c : claim(kT0, 10, seconds{10})) commits.push_back(done(c, kT0));
  ASSERT_EQ(commits.size(), 3u);
  ASSERT_TRUE(remove({"ns", "gone"}));
  ASSERT_TRUE(change({"ns", "lost"}, suspend_edit, kT0 + seconds{10}));
  const auto results = store().commit(commits);
  ASSERT_EQ(results.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(results[i]);
    const std::string& id = commits[i].lease.key.id;
    EXPECT_EQ(*results[i], id == "applied" ? CommitOutcome::kApplied
                           : id == "gone"  ? CommitOutcome::kGone
                                           : CommitOutcome::kLeaseLost);
  }
  EXPECT_EQ(logs("ns").size(), 3u);
}

TEST_P(StoreContractTest, AFollowUpIsWrittenWithItsOutcomeOnly) {
  const TimePoint at = kT0 + seconds{20};
  const auto there = [&](const char* id) { return store().get({"ns", id}, at).has_value(); };

  put("ns", "applied");
  const Commit applied = followed_by(done(claim_one(kT0), at), "f", at);
  ASSERT_EQ(commit(applied), CommitOutcome::kApplied);
  if (subject().durable()) subject().reopen();
  EXPECT_EQ(status_of({"ns", "applied"}, at), Status::kDone);
  const Claim next = claim_one(at);
  EXPECT_EQ(next.task, applied.follow_ups.front().task);
  ASSERT_EQ(commit(done(next, at)), CommitOutcome::kApplied);
  // Once, however often the outcome is told.
  ASSERT_TRUE(remove({"ns", "f"}, at));
  EXPECT_EQ(commit(applied), CommitOutcome::kApplied);
  EXPECT_FALSE(there("f"));

  put("ns", "lost");
  const Claim old = claim_one(kT0, seconds{10});
  const Claim current = claim_one(kT0 + seconds{10}, seconds{10});
  EXPECT_EQ(commit(followed_by(done(old, at), "g", at)), CommitOutcome::kLeaseLost);
  EXPECT_FALSE(there("g"));
  ASSERT_TRUE(remove({"ns", "lost"}, at));
  EXPECT_EQ(commit(followed_by(done(current, at), "g", at)), CommitOutcome::kGone);
  EXPECT_FALSE(there("g"));
  EXPECT_TRUE(claim(at + seconds{100}).empty());
  EXPECT_EQ(*store().next_due(at), std::nullopt);
}

TEST_P(StoreContractTest, AFollowUpLeavesAloneWhatHasItsKey) {
  put("ns", "id");
  const auto taken = make_record("ns", "taken", kT0 + seconds{500});
  put(taken);
  EXPECT_EQ(commit(followed_by(done(claim_one(kT0), kT0), "taken", kT0)), CommitOutcome::kApplied);
  EXPECT_EQ(*store().get({"ns", "taken"}, kT0), taken.task);
  EXPECT_TRUE(claim(kT0 + seconds{1}).empty());

  // But what had expired when it was made.
  auto expired = make_record("ns", "expired", kT0);
  expired.task.status = Status::kDone;
  expired.task.expires_at = kT0 + seconds{1};
  put(expired);
  put("ns", "other");
  const TimePoint at = kT0 + seconds{1};
  const Commit other = followed_by(done(claim_one(kT0), at), "expired", at);
  EXPECT_EQ(commit(other), CommitOutcome::kApplied);
  EXPECT_EQ(claim_one(at).task, other.follow_ups.front().task);
}

TEST_P(StoreContractTest, FollowUpsOfASeriesLeaveItDueAtItsTime) {
  put("ns", "id");
  Commit ended = followed_by(followed_by(done(claim_one(kT0), kT0), "f", kT0), "g", kT0);
  ended.task.status = Status::kActive;
  ended.task.scheduled_date = kT0 + seconds{60};
  ended.follow_ups.front().task.request.body = Body::text(std::string(40'000, 'x'));
  ASSERT_EQ(commit(ended), CommitOutcome::kApplied);
  const auto claims = claim(kT0 + seconds{59});
  ASSERT_EQ(claims.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(claims[i].task, ended.follow_ups[i].task);
    EXPECT_EQ(commit(done(claims[i], kT0 + seconds{59})), CommitOutcome::kApplied);
  }
  EXPECT_EQ(*store().next_due(kT0 + seconds{59}), kT0 + seconds{60});
  EXPECT_EQ(claim_one(kT0 + seconds{60}).task, ended.task);
}

TEST_P(StoreContractTest, ABatchOfCommitsWritesTheFollowUpsOfThoseThatAreApplied) {
  for (const char* id : {"applied", "gone", "lost"}) put("ns", id);
  std::vector<Commit> commits;
  for (const Claim& c : claim(kT0, 10, seconds{10})) {
    commits.push_back(followed_by(done(c, kT0), "f-" + c.lease.key.id, kT0));
  }
  ASSERT_EQ(commits.size(), 3u);
  ASSERT_TRUE(remove({"ns", "gone"}));
  ASSERT_TRUE(change({"ns", "lost"}, suspend_edit, kT0 + seconds{10}));
  const auto results = store().commit(commits);
  ASSERT_EQ(results.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(results[i]);
    const std::string& id = commits[i].lease.key.id;
    EXPECT_EQ(*results[i], id == "applied" ? CommitOutcome::kApplied
                           : id == "gone"  ? CommitOutcome::kGone
                                           : CommitOutcome::kLeaseLost);
  }
  TaskQuery query;
  query.ns = "ns";
  query.id_prefix = "f-";
  query.now = kT0;
  EXPECT_EQ(ids(all_tasks(store(), query)), std::vector<std::string>{"f-applied"});
}

// As of an event that several attempts make within a minute, and that end no execution.
TEST_P(StoreContractTest, AFollowUpThatOutcomesShareIsWrittenOnce) {
  for (const char* id : {"a", "b"}) put("ns", id);
  const TimePoint later = kT0 + seconds{60};
  std::vector<Commit> commits;
  for (const Claim& c : claim(kT0, 10, seconds{10})) {
    commits.push_back(followed_by(retried(c, kT0, later), "event", kT0));
  }
  ASSERT_EQ(commits.size(), 2u);
  for (const auto& result : store().commit(commits)) {
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(*result, CommitOutcome::kApplied);
  }
  const Claim event = claim_one(kT0);
  EXPECT_EQ(event.task.key.id, "event");
  ASSERT_EQ(commit(done(event, kT0)), CommitOutcome::kApplied);
  EXPECT_TRUE(claim(later - seconds{1}).empty());

  const auto again = claim(later);
  ASSERT_EQ(again.size(), 2u);
  for (const Claim& c : again) {
    EXPECT_EQ(c.task.attempt, 1);
    EXPECT_EQ(commit(followed_by(done(c, later), "event", later)), CommitOutcome::kApplied);
  }
  EXPECT_EQ(status_of({"ns", "event"}, later), Status::kDone);
  EXPECT_TRUE(claim(later).empty());
}

TEST_P(StoreContractTest, ReleaseMakesTheTaskDueAtOnce) {
  put("ns", "id");
  const Claim c = claim_one(kT0);
  ASSERT_TRUE(store().release(std::span(&c.lease, 1)));
  EXPECT_EQ(status_of(kKey, kT0), Status::kActive);
  EXPECT_EQ(*store().next_due(kT0), kT0);
  const Claim next = claim_one(kT0);
  // The old lease is void: it neither releases nor commits.
  ASSERT_TRUE(store().release(std::span(&c.lease, 1)));
  EXPECT_EQ(status_of(kKey, kT0), Status::kProcessing);
  EXPECT_EQ(commit(done(c, kT0)), CommitOutcome::kLeaseLost);
  EXPECT_EQ(commit(done(next, kT0)), CommitOutcome::kApplied);
  ASSERT_TRUE(store().release(std::span(&next.lease, 1)));
  EXPECT_EQ(status_of(kKey, kT0), Status::kDone);
}

TEST_P(StoreContractTest, NextDueIsTheEarliestDueTimeOrEndOfALease) {
  EXPECT_EQ(*store().next_due(kT0), std::nullopt);
  put("ns", "late", kT0 + seconds{500});
  EXPECT_EQ(*store().next_due(kT0), kT0 + seconds{500});
  put("ns", "early", kT0 - seconds{5});
  EXPECT_EQ(*store().next_due(kT0), kT0 - seconds{5});
  const Claim c = claim_one(kT0, seconds{60});
  EXPECT_EQ(*store().next_due(kT0), kT0 + seconds{60});
  EXPECT_EQ(*store().next_due(kT0 + seconds{60}), kT0 - seconds{5});
  EXPECT_EQ(commit(done(c, kT0)), CommitOutcome::kApplied);
  EXPECT_EQ(*store().next_due(kT0), kT0 + seconds{500});
  ASSERT_TRUE(change({"ns", "late"}, suspend_edit, kT0));
  EXPECT_EQ(*store().next_due(kT0), std::nullopt);
}

TEST_P(StoreContractTest, PeekShowsWhatAClaimWouldFindAndChangesNothing) {
  for (int i = 0; i < 7; ++i) put("ns", std::to_string(i), kT0 + milliseconds{i});
  put("ns", "later", kT0 + seconds{50});
  const auto leased = claim(kT0 + milliseconds{6}, 2, seconds{10});
  ASSERT_EQ(leased.size(), 2u);
  const auto peek = [&](TimePoint now) {
    std::vector<std::string> found;
    for (const DueEntry& entry : all_due(store(), now, kT0 + seconds{20}, 2)) {
      EXPECT_EQ(entry.due_at, entry.scheduled_date);
      found.push_back(entry.key.id);
    }
    return found;
  };
  EXPECT_EQ(peek(kT0 + seconds{1}), (std::vector<std::string>{"2", "3", "4", "5", "6"}));
  EXPECT_EQ(peek(kT0 + seconds{1}).size(), 5u);
  EXPECT_EQ(peek(leased[0].lease.until),
            (std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6"}));
  EXPECT_EQ(claim(kT0 + seconds{1}).size(), 5u);
}

TEST_P(StoreContractTest, PeekTellsTheNominalDateOfARetry) {
  auto record = make_record("ns", "id", kT0 - seconds{30});
  record.task.next_attempt_date = kT0;
  put(record);
  const auto due = all_due(store(), kT0, kT0, 10);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].due_at, kT0);
  EXPECT_EQ(due[0].scheduled_date, kT0 - seconds{30});
}

TEST_P(StoreContractTest, ATaskThatBecomesDueEarlierThanThoseClaimedIsFound) {
  put("ns", "b", kT0);
  EXPECT_EQ(claim(kT0).size(), 1u);
  put("ns", "a", kT0 - seconds{100});
  EXPECT_EQ(claim_one(kT0).lease.key.id, "a");
  put("ns", "s", kT0 - seconds{200});
  ASSERT_TRUE(change({"ns", "s"}, suspend_edit, kT0));
  EXPECT_TRUE(claim(kT0).empty());
  ASSERT_TRUE(change({"ns", "s"}, unsuspend_edit, kT0));
  EXPECT_EQ(claim_one(kT0).lease.key.id, "s");
}

TEST_P(StoreContractTest, AClockThatGoesBackHandsNothingOutTwiceAndLosesNothing) {
  put("ns", "id");
  const Claim first = claim_one(kT0, seconds{10});
  EXPECT_EQ(*store().next_due(kT0 + seconds{20}), kT0);  // sees the lease as run out
  EXPECT_TRUE(claim(kT0 + seconds{5}).empty());          // and here it lives again
  EXPECT_EQ(*store().next_due(kT0 + seconds{5}), first.lease.until);
  EXPECT_EQ(claim(kT0 + seconds{20}).size(), 1u);
}

}  // namespace rhooks::testing
