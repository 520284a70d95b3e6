// The store where answers are lost: the write was applied, and nobody was told.

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <memory>
#include <thread>

#include "model/transitions.h"
#include "store/dynamo/test_gate.h"
#include "store/dynamo/test_tables.h"
#include "testing/dynamo_proxy.h"
#include "testing/patience.h"
#include "testing/store_contract.h"

namespace rhooks::store::dynamo {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::done;
using testing::DynamoFault;
using testing::kT0;
using testing::make_record;

const TaskKey kTask{"ns", "task"};

TaskRecord large_record(const std::string& id, std::size_t bytes = 5'000) {
  auto record = make_record("ns", id, kT0);
  record.task.request.body = Body::text(std::string(bytes, 'x'));
  return record;
}

TaskRecord record_for(const std::string& receiver, const std::string& id) {
  auto record = make_record("ns", id, kT0);
  record.task.request.url = "http://" + receiver + "/hook";
  return record;
}

// `faulty_` is on a proxy that fails when told to; `other_` is another process on the same
// tables, which sees the index as it is.
class DynamoStoreTest : public ::testing::Test {
 protected:
  DynamoStoreTest() : proxy_(testing::dynalite_endpoint()), tables_(proxy_.endpoint(), 2) {
    proxy_.accept_key("test", "test-secret");
    auto options = tables_.client_options();
    options.backoff_base = options.throttle_base = milliseconds{1};
    faulty_ = tables_.open({}, options);
    options.tries_max = 1;
    hasty_ = tables_.open({}, options);
    other_ = tables_.open({.read_every = milliseconds{0}});
    probe_ = std::move(*Client::create(tables_.client_options(), credentials_, tables_.metrics(),
                                       clock_, random_));
  }

  void lose_answer(const std::string& operation, std::size_t times = 1) {
    proxy_.inject_next(operation, DynamoFault::kDropAfter, times);
  }
  // The same for a store that tries once: libcurl would try again on a new connection.
  void fail_after(const std::string& operation) {
    proxy_.inject_next(operation, DynamoFault::kErrorAfter);
  }
  static PutResult put(DynamoStore& store, const TaskRecord& record) {
    auto results = store.put({&record, 1});
    EXPECT_TRUE(results[0]) << results[0].error().message;
    return results[0] ? *results[0] : PutResult{};
  }
  static std::vector<Claim> claim(DynamoStore& store, TimePoint now = kT0) {
    auto claimed = store.claim_due({.now = now, .due_by = now, .limit = 100});
    EXPECT_TRUE(claimed) << claimed.error().message;
    return claimed ? claimed->claims : std::vector<Claim>{};
  }
  // Tries again until the first tick of its share has given it one.
  static Claim claim_as_worker(DynamoStore& store) {
    Claim claim;
    EXPECT_TRUE(testing::eventually([&] {
      const auto claimed =
          store.claim_due({.now = kT0, .due_by = kT0, .limit = 1, .scope = Scope::kAssigned});
      if (!claimed || claimed->claims.empty()) return false;
      claim = claimed->claims.front();
      return true;
    })) << "nothing could be claimed";
    return claim;
  }
  std::size_t workers() {
    const auto found = items(std::string(kControl));
    return static_cast<std::size_t>(
        std::count_if(found.begin(), found.end(), [](const boost::json::value& item) {
          return key_of(item.as_object()).id.starts_with("worker#");
        }));
  }
  static std::size_t logs(DynamoStore& store) {
    return store.query_logs({.ns = "ns", .limit = 100, .now = kT0})->items.size();
  }
  static Result<Task> longer(Task task) {
    const Body& body = task.request.body;
    task.request.body = Body(body.kind(), body.data() + "y");
    return task;
  }

  boost::json::array items(const std::string& ns) {
    const auto reply = probe_->call({Operation::kQuery,
                                     {{"TableName", tables_.names().tasks},
                                      {"ConsistentRead", true},
                                      {"KeyConditionExpression", "ns = :ns"},
                                      {"ExpressionAttributeValues", {{":ns", text_value(ns)}}}}});
    EXPECT_TRUE(reply && reply->ok());
    return reply->body.at("Items").as_array();
  }
  std::size_t payloads() { return items(std::string(kPayloads) + "ns").size(); }
  void write(Operation operation, boost::json::object body) {
    body["TableName"] = tables_.names().tasks;
    const auto reply = probe_->call({operation, std::move(body)});
    EXPECT_TRUE(reply && reply->ok());
  }

  testing::DynamoProxy proxy_;
  testing::TestTables tables_;
  testing::TestCredentials credentials_;
  SystemClock clock_;
  Random random_{1};
  std::unique_ptr<Client> probe_;
  std::unique_ptr<DynamoStore> faulty_, hasty_, other_;
};

TEST_F(DynamoStoreTest, PutWhoseAnswerWasLostCreatedTheTask) {
  for (const auto& record : {make_record("ns", "small", kT0), large_record("large")}) {
    lose_answer("PutItem");
    EXPECT_TRUE(put(*faulty_, record).created);
    EXPECT_EQ(*other_->get(record.task.key, kT0), record.task);
    EXPECT_FALSE(put(*faulty_, record).created);
  }
  EXPECT_EQ(payloads(), 1u);
}

// Claimed by another worker before the put was sent again: the payload is the task's all the same.
TEST_F(DynamoStoreTest, TaskThatWasClaimedBeforeItsPutWasRepeatedKeepsItsPayload) {
  auto options = tables_.client_options();
  options.backoff_base = milliseconds{3'000};
  for (const auto& record : {make_record("ns", "small", kT0), large_record("large")}) {
    auto slow = tables_.open({}, options);
    // Unlucky draws make the wait too short for a claim: then the test shows nothing, but passes.
    lose_answer("PutItem", 2);
    std::optional<PutResult> result;
    std::thread putting([&] { result = put(*slow, record); });
    std::vector<Claim> claims;
    for (int tries = 0; tries < 1'000 && claims.empty(); ++tries) claims = claim(*other_);
    putting.join();
    ASSERT_EQ(claims.size(), 1u);
    EXPECT_TRUE(result->created);
    EXPECT_EQ(other_->get(record.task.key, kT0)->request, record.task.request);
    EXPECT_EQ(**other_->commit(std::vector{done(claims[0], kT0)}).begin(), CommitOutcome::kApplied);
  }
}

TEST_F(DynamoStoreTest, PutThatWasNotDoneLeavesNoPayload) {
  const auto record = large_record("large");
  proxy_.inject_next("PutItem", DynamoFault::kThrottle);
  EXPECT_EQ(hasty_->put({&record, 1})[0].error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(payloads(), 0u);
  fail_after("BatchWriteItem");
  EXPECT_EQ(hasty_->put({&record, 1})[0].error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(payloads(), 0u);
  EXPECT_TRUE(put(*faulty_, record).created);
  EXPECT_FALSE(put(*faulty_, record).created);
  EXPECT_EQ(payloads(), 1u) << "of the task that is there";
  // What may have been done keeps it.
  const auto second = large_record("second");
  fail_after("PutItem");
  EXPECT_EQ(hasty_->put({&second, 1})[0].error().code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(*other_->get(second.task.key, kT0), second.task);
}

// No task is ever in a namespace that is not listed; what lists it is written once by a process.
TEST_F(DynamoStoreTest, ANamespaceIsListedBeforeItsFirstTask) {
  const auto record = make_record("ns", "task", kT0);
  proxy_.inject_next("BatchWriteItem", DynamoFault::kThrottle);
  EXPECT_EQ(hasty_->put({&record, 1})[0].error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(other_->get(record.task.key, kT0).error().code, ErrorCode::kNotFound);
  fail_after("BatchWriteItem");
  EXPECT_EQ(hasty_->put({&record, 1})[0].error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(other_->get(record.task.key, kT0).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(items(std::string(kNamespaces)).size(), 1u);
  EXPECT_TRUE(other_->namespaces({})->items.empty()) << "it is empty";

  const auto writes = [&] { return proxy_.usage().of_operation("BatchWriteItem").requests; };
  proxy_.reset_usage();
  EXPECT_TRUE(put(*hasty_, record).created);
  EXPECT_EQ(writes(), 1u);
  EXPECT_EQ(other_->namespaces({})->items, std::vector<std::string>{"ns"});
  put(*hasty_, make_record("ns", "second", kT0));
  EXPECT_FALSE(put(*hasty_, record).created);
  EXPECT_EQ(writes(), 1u);
  put(*other_, make_record("ns", "third", kT0));
  put(*other_, make_record("elsewhere", "first", kT0));
  EXPECT_EQ(writes(), 3u);
  EXPECT_EQ(hasty_->namespaces({})->items, (std::vector<std::string>{"elsewhere", "ns"}));
}

// TimeToLive deletes a task and its payload, in any order and at any time after; and never the
// payload of a task that was brought back.
TEST_F(DynamoStoreTest, WhatExpiresIsLeftToTimeToLive) {
  const auto record = large_record("task");
  const TimePoint end = kT0 + std::chrono::milliseconds{10'500};
  const std::string payload_ns = std::string(kPayloads) + "ns";
  put(*other_, record);
  Commit outcome = testing::done(claim(*other_).at(0), kT0);
  outcome.task.expires_at = end;
  lose_answer("UpdateItem");
  ASSERT_EQ(*faulty_->commit({&outcome, 1})[0], CommitOutcome::kApplied);
  const std::int64_t ttl = to_millis(kT0) / 1'000 + 11;
  for (const std::string& ns : {std::string("ns"), payload_ns}) {
    const auto found = items(ns);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(number_of(found[0].as_object(), "ttl"), ttl);
  }

  const std::string first = key_of(items(payload_ns)[0].as_object()).id;
  const auto back = other_->change(
      std::vector{kTask},
      [&](Task task) -> Result<Task> {
        task.status = Status::kActive;
        task.expires_at.reset();
        return task;
      },
      kT0);
  ASSERT_TRUE(back[0]) << back[0].error().message;
  for (const std::string& ns : {std::string("ns"), payload_ns}) {
    const auto found = items(ns);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_FALSE(found[0].as_object().contains("ttl"));
    EXPECT_NE(key_of(found[0].as_object()).id, first);
  }
  // A worker that marks the payload of before comes too late, and makes no new one.
  EXPECT_EQ(*other_->commit({&outcome, 1})[0], CommitOutcome::kApplied);
  EXPECT_EQ(payloads(), 1u);

  outcome = testing::done(claim(*other_).at(0), kT0);
  outcome.task.expires_at = end;
  ASSERT_EQ(*other_->commit({&outcome, 1})[0], CommitOutcome::kApplied);
  // The payload first, as the service may.
  const TaskKey payload = key_of(items(payload_ns)[0].as_object());
  write(Operation::kDeleteItem, {{"Key", key_item(payload)}});
  EXPECT_EQ(other_->get(kTask, end).error().code, ErrorCode::kNotFound);
  auto next = record;
  next.task.created_at = end;
  EXPECT_TRUE(put(*other_, next).created);
  EXPECT_EQ(*other_->get(kTask, end), next.task);
}

TEST_F(DynamoStoreTest, ACancelledTaskExpiresWithItsPayload) {
  put(*other_, large_record("task"));
  const auto cancel = [](Task task) {
    return model::cancel(std::move(task), kT0, std::chrono::seconds{10});
  };
  const auto cancelled = other_->change(std::vector{kTask}, cancel, kT0);
  ASSERT_TRUE(cancelled[0]) << cancelled[0].error().message;
  for (const std::string& ns : {std::string("ns"), std::string(kPayloads) + "ns"}) {
    const auto found = items(ns);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(number_of(found[0].as_object(), "ttl"), to_millis(kT0) / 1'000 + 10);
  }
}

// Who read the task with its old payload's name, and then did not find that payload, reads again.
TEST_F(DynamoStoreTest, ATaskThatIsBroughtBackIsNeverGone) {
  auto record = large_record("task");
  record.task.status = Status::kDone;
  record.task.expires_at = kT0 + std::chrono::hours{1};
  for (int round = 0; round < 10; ++round) {
    put(*other_, record);
    proxy_.inject_next("BatchGetItem", DynamoFault::kDelay);
    proxy_.reset_usage();
    auto got = std::async(std::launch::async, [&] { return faulty_->get(kTask, kT0); });
    for (int i = 0; i < 5'000 && proxy_.usage().of_operation("GetItem").requests == 0; ++i) {
      std::this_thread::sleep_for(milliseconds{1});
    }
    const auto back = other_->change(
        std::vector{kTask},
        [](Task task) -> Result<Task> {
          task.status = Status::kActive;
          task.expires_at.reset();
          return task;
        },
        kT0);
    ASSERT_TRUE(back[0]) << back[0].error().message;
    const auto task = got.get();
    ASSERT_TRUE(task) << task.error().message;
    EXPECT_EQ(task->request, record.task.request);
    ASSERT_TRUE(other_->remove(std::vector{kTask}, kT0)[0]);
  }
}

// Until the service deletes them, which takes days, there may be many more of them than of others.
TEST_F(DynamoStoreTest, TasksThatHaveExpiredCostAPageFewRequests) {
  constexpr int kExpired = 400;
  const TimePoint end = kT0 + std::chrono::seconds{1};
  std::vector<TaskRecord> records;
  for (int i = 0; i < kExpired; ++i) {
    records.push_back(make_record("ns", std::to_string(1'000 + i), kT0));
    records.back().task.status = Status::kDone;
    records.back().task.expires_at = end;
  }
  records.push_back(make_record("ns", "9", kT0 + std::chrono::seconds{9}));
  for (const auto& result : other_->put(records)) ASSERT_TRUE(result);
  for (const bool by_id : {false, true}) {
    TaskQuery query;
    query.ns = "ns";
    query.limit = 1;
    query.now = end;
    if (by_id) query.id_prefix = "";
    for (const bool desc : {false, true}) {
      query.desc = desc;
      proxy_.reset_usage();
      const auto page = faulty_->query_tasks(query);
      ASSERT_TRUE(page) << page.error().message;
      ASSERT_EQ(page->items.size(), 1u);
      EXPECT_LE(proxy_.usage().of_operation("Query").requests, 8u);
      EXPECT_LE(proxy_.usage().of_operation("BatchGetItem").requests, 8u);
    }
  }
}

TEST_F(DynamoStoreTest, EditWhoseAnswerWasLostIsDoneOnce) {
  put(*other_, large_record("task"));
  int edits = 0;
  const Edit edit = [&](Task task) {
    ++edits;
    return longer(std::move(task));
  };
  lose_answer("UpdateItem");
  const auto changed = faulty_->change(std::vector{kTask}, edit, kT0);
  ASSERT_TRUE(changed[0]) << changed[0].error().message;
  EXPECT_EQ(edits, 1);
  EXPECT_EQ(*other_->get(kTask, kT0), *changed[0]);
  EXPECT_EQ(payloads(), 1u) << "the former one is gone";
  fail_after("UpdateItem");
  EXPECT_EQ(hasty_->change(std::vector{kTask}, longer, kT0)[0].error().code,
            ErrorCode::kUnknownOutcome);
  EXPECT_TRUE(other_->get(kTask, kT0));
  proxy_.inject_next("UpdateItem", DynamoFault::kThrottle);
  const auto before = payloads();
  EXPECT_EQ(hasty_->change(std::vector{kTask}, longer, kT0)[0].error().code,
            ErrorCode::kUnavailable);
  EXPECT_EQ(payloads(), before);
}

TEST_F(DynamoStoreTest, EditThatShrinksOrGrowsMovesTheSpec) {
  put(*other_, large_record("task"));
  const auto resized = [](std::size_t bytes) {
    return [bytes](Task task) -> Result<Task> {
      task.request.body = Body::text(std::string(bytes, 'z'));
      return task;
    };
  };
  for (const std::size_t bytes : {10u, 5'000u, 6'000u, 0u}) {
    ASSERT_TRUE(faulty_->change(std::vector{kTask}, resized(bytes), kT0)[0]);
    EXPECT_EQ(other_->get(kTask, kT0)->request.body.data().size(), bytes);
    EXPECT_EQ(payloads(), bytes > 1'000 ? 1u : 0u);
  }
  EXPECT_EQ(faulty_->change(std::vector{kTask}, resized(kItemBytesMax), kT0)[0].error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(other_->get(kTask, kT0)->request.body.data().size(), 0u);
}

TEST_F(DynamoStoreTest, RemovalWhoseAnswerWasLostGivesTheTask) {
  put(*other_, large_record("task"));
  lose_answer("DeleteItem");
  const auto removed = faulty_->remove(std::vector{kTask}, kT0);
  ASSERT_TRUE(removed[0]) << removed[0].error().message;
  EXPECT_EQ(removed[0]->request.body.data().size(), 5'000u);
  EXPECT_EQ(payloads(), 0u);
  EXPECT_EQ(faulty_->remove(std::vector{kTask}, kT0)[0].error().code, ErrorCode::kNotFound);
}

TEST_F(DynamoStoreTest, PayloadsGoWithTheirTasks) {
  for (int i = 0; i < 4; ++i) put(*faulty_, large_record(std::to_string(i)));
  EXPECT_EQ(payloads(), 4u);
  const auto removed = other_->remove(std::vector<TaskKey>{{"ns", "0"}}, kT0);
  ASSERT_TRUE(removed[0]);
  EXPECT_EQ(removed[0]->request.body.data().size(), 5'000u);
  EXPECT_EQ(payloads(), 3u);
  EXPECT_EQ(*other_->clear("ns", 100), 3u);
  EXPECT_EQ(payloads(), 0u);
}

TEST_F(DynamoStoreTest, ClaimWhoseAnswerWasLostIsHandedOut) {
  put(*other_, large_record("task"));
  lose_answer("UpdateItem");
  const auto claims = claim(*faulty_);
  ASSERT_EQ(claims.size(), 1u);
  EXPECT_EQ(claim(*other_).size(), 0u);
  EXPECT_EQ(**other_->commit(std::vector{done(claims[0], kT0)}).begin(), CommitOutcome::kApplied);
}

TEST_F(DynamoStoreTest, CommitWhoseAnswerWasLostIsApplied) {
  for (const std::string operation : {"UpdateItem", "BatchWriteItem"}) {
    put(*faulty_, large_record(operation));
    const auto claims = claim(*faulty_);
    ASSERT_EQ(claims.size(), 1u);
    lose_answer(operation);
    const std::vector commits{done(claims[0], kT0)};
    EXPECT_EQ(*faulty_->commit(commits)[0], CommitOutcome::kApplied);
    EXPECT_EQ(*other_->commit(commits)[0], CommitOutcome::kApplied) << "repeated";
    EXPECT_EQ(other_->get({"ns", operation}, kT0)->status, Status::kDone);
  }
  EXPECT_EQ(logs(*other_), 2u) << "each once";
}

TEST_F(DynamoStoreTest, CommitOfWhatWasRegisteredAnewIsRefusedAndLogged) {
  put(*other_, large_record("task"));
  const auto claims = claim(*faulty_);
  ASSERT_EQ(claims.size(), 1u);
  ASSERT_TRUE(other_->remove(std::vector{kTask}, kT0)[0]);
  EXPECT_EQ(*faulty_->commit(std::vector{done(claims[0], kT0)})[0], CommitOutcome::kGone);
  put(*other_, large_record("task", 6'000));
  EXPECT_EQ(*faulty_->commit(std::vector{done(claims[0], kT0)})[0], CommitOutcome::kLeaseLost);
  EXPECT_EQ(other_->get(kTask, kT0)->request.body.data().size(), 6'000u);
  EXPECT_EQ(logs(*other_), 1u);
}

TEST_F(DynamoStoreTest, ReleasedIsDueAtOnceAlsoWhereTheAnswerWasLost) {
  put(*faulty_, make_record("ns", "task", kT0));
  auto claims = claim(*faulty_);
  ASSERT_EQ(claims.size(), 1u);
  lose_answer("UpdateItem");
  ASSERT_TRUE(faulty_->release(std::vector{claims[0].lease}));
  EXPECT_EQ(claim(*faulty_).size(), 1u);
}

TEST_F(DynamoStoreTest, ALeaseSaysWhoseItIsAsLongAsItLasts) {
  put(*other_, make_record("ns", "task", kT0));
  const auto as_worker = [&] { return claim_as_worker(*other_).lease; };
  const auto life = [&] { return uuid_of(items("ns").at(0).as_object(), "wl"); };
  const Lease released = as_worker();
  EXPECT_NE(released.life, Uuid{});
  EXPECT_EQ(life(), released.life);
  EXPECT_TRUE(other_->holds(released));
  ASSERT_TRUE(other_->release(std::vector{released}));
  EXPECT_FALSE(life());

  const Lease ended = as_worker();
  EXPECT_EQ(ended.life, released.life);
  const auto claims = claim(*faulty_, kT0 + seconds{61});
  ASSERT_EQ(claims.size(), 1u);
  EXPECT_EQ(claims[0].lease.life, Uuid{}) << "it is no worker";
  EXPECT_FALSE(life());
  EXPECT_TRUE(faulty_->holds(claims[0].lease));
  other_->resign();
  EXPECT_FALSE(other_->holds(ended));
}

// Nobody would call its life dead.
TEST_F(DynamoStoreTest, AWorkerWhoseLeaseMayRemainDoesNotVanish) {
  const auto fail_all_updates = [&](DynamoFault fault) {
    proxy_.faults({.of_operation = {{"UpdateItem", {{fault, 1.0}}}}});
  };
  const auto end = [&] {
    hasty_->resign();
    hasty_->finished();
    return workers();
  };
  put(*other_, make_record("ns", "task", kT0));
  const Claim held = claim_as_worker(*hasty_);
  EXPECT_EQ(workers(), 1u);
  ASSERT_TRUE(hasty_->release(std::vector{held.lease}));
  EXPECT_EQ(end(), 0u);

  // A beat that fails meanwhile is followed by others.
  const Claim kept = claim_as_worker(*hasty_);
  fail_all_updates(DynamoFault::kErrorBefore);
  EXPECT_FALSE(hasty_->release(std::vector{kept.lease}));
  proxy_.faults({});
  EXPECT_EQ(end(), 1u);
  ASSERT_TRUE(hasty_->release(std::vector{kept.lease}));

  ASSERT_TRUE(hasty_->release(std::vector{claim_as_worker(*hasty_).lease}));
  fail_all_updates(DynamoFault::kErrorAfter);
  EXPECT_FALSE(
      hasty_->claim_due({.now = kT0, .due_by = kT0, .limit = 1, .scope = Scope::kAssigned}));
  proxy_.faults({});
  EXPECT_EQ(end(), 2u);
}

TEST_F(DynamoStoreTest, ADocumentThatCannotBeReadIsListedByItsKey) {
  for (const char* name : {"a", "b"}) {
    ASSERT_TRUE(other_->put_document({{"kind", "ns", name}, name, {}}, Whatever{}, kT0));
  }
  write(
      Operation::kUpdateItem,
      {{"Key", key_item(std::string(kDocuments) + "kind", std::string("ns") + kNamespaceEnd + "a")},
       {"UpdateExpression", "SET dv = :junk"},
       {"ExpressionAttributeValues", {{":junk", bytes_value("junk")}}}});
  const auto page = other_->list_documents({.kind = "kind"});
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->items.size(), 1u);
  EXPECT_EQ(page->items[0].data, "b");
  EXPECT_EQ(page->damaged, (std::vector<DocumentKey>{{"kind", "ns", "a"}}));
  EXPECT_EQ(other_->get_document({"kind", "ns", "a"}).error().code, ErrorCode::kCorrupt);
}

TEST_F(DynamoStoreTest, UnreadableTaskIsSetAsideAndPassedOver) {
  for (const std::string lost : {"", "UpdateItem"}) {
    const std::string bad = "bad" + lost;
    put(*faulty_, make_record("ns", "good" + lost, kT0));
    put(*faulty_, make_record("ns", bad, kT0));
    write(Operation::kUpdateItem,
          {{"Key", key_item("ns", bad)},
           {"UpdateExpression", "SET sv = :junk"},
           {"ExpressionAttributeValues", {{":junk", bytes_value("junk")}}}});
    EXPECT_EQ(other_->get({"ns", bad}, kT0).error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(other_->query_tasks({.ns = "ns", .limit = 10, .now = kT0})->items.size(), 1u);
    EXPECT_EQ(
        other_->query_tasks({.ns = "ns", .id_prefix = "", .limit = 10, .now = kT0})->items.size(),
        1u);
    // Two claims, then the write that sets aside.
    if (!lost.empty()) {
      proxy_.inject_next(lost, DynamoFault::kDelay, 2);
      lose_answer(lost);
    }
    const auto claimed = faulty_->claim_due({.now = kT0, .due_by = kT0, .limit = 10});
    ASSERT_TRUE(claimed) << claimed.error().message;
    EXPECT_EQ(claimed->claims.size(), 1u);
    ASSERT_EQ(claimed->set_aside.size(), 1u);
    EXPECT_EQ(claimed->set_aside[0].key.id, bad);
    EXPECT_FALSE(claimed->more);
    EXPECT_EQ(claim(*other_, kT0 + seconds{61}).size(), 1u) << "only the good one is due again";
    EXPECT_EQ(items("ns").size(), 2u) << "its bytes are kept";
    EXPECT_EQ(*other_->clear("ns", 10), 2u);
  }
}

TEST_F(DynamoStoreTest, TaskWhosePayloadIsGoneIsSetAside) {
  put(*other_, large_record("task"));
  const auto found = items(std::string(kPayloads) + "ns");
  write(Operation::kDeleteItem, {{"Key", key_item(key_of(found.at(0).as_object()))}});
  const auto claimed = faulty_->claim_due({.now = kT0, .due_by = kT0, .limit = 10});
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->set_aside.size(), 1u);
  EXPECT_EQ(claimed->claims.size(), 0u);
}

TEST_F(DynamoStoreTest, TooLargeIsRefusedAndTheRestOfTheBatchStored) {
  const std::vector records{large_record("a"), large_record("b", kItemBytesMax),
                            large_record("c", kItemBytesMax - 1'000)};
  const auto results = faulty_->put(records);
  EXPECT_TRUE(results[0]);
  EXPECT_EQ(results[1].error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(results[2]) << results[2].error().message;
  EXPECT_EQ(payloads(), 2u);
  EXPECT_EQ(*other_->get({"ns", "c"}, kT0), records[2].task);
}

TEST_F(DynamoStoreTest, BatchOfAThousand) {
  std::vector<TaskRecord> records;
  std::vector<TaskKey> keys;
  for (int i = 0; i < 1'000; ++i) {
    records.push_back(i % 10 == 0 ? large_record(std::to_string(i))
                                  : make_record("ns", std::to_string(i), kT0));
    keys.push_back(records.back().task.key);
  }
  proxy_.inject_next("BatchWriteItem", DynamoFault::kUnprocessed, 2);
  for (const auto& result : faulty_->put(records)) ASSERT_TRUE(result && result->created);
  proxy_.inject_next("BatchGetItem", DynamoFault::kUnprocessed, 3);
  const auto claimed = faulty_->claim_due({.now = kT0, .due_by = kT0, .limit = 1'000});
  ASSERT_TRUE(claimed) << claimed.error().message;
  ASSERT_EQ(claimed->claims.size(), 1'000u);
  std::vector<Commit> commits;
  for (const auto& one : claimed->claims) commits.push_back(done(one, kT0));
  proxy_.inject_next("BatchWriteItem", DynamoFault::kUnprocessed, 2);
  for (const auto& outcome : faulty_->commit(commits)) {
    ASSERT_TRUE(outcome) << outcome.error().message;
    ASSERT_EQ(*outcome, CommitOutcome::kApplied);
  }
  EXPECT_EQ(logs(*other_), 100u);
  const auto removed = other_->remove(keys, kT0);
  for (std::size_t i = 0; i < removed.size(); ++i) {
    ASSERT_TRUE(removed[i]);
    EXPECT_EQ(removed[i]->request, records[i].task.request);
  }
  EXPECT_EQ(payloads(), 0u);
}

TEST_F(DynamoStoreTest, HugeLogsDoNotKeepOthersFromBeingCommitted) {
  put(*other_, make_record("ns", "huge", kT0));
  put(*other_, make_record("ns", "small", kT0));
  std::vector<Commit> commits;
  for (const auto& one : claim(*faulty_)) commits.push_back(done(one, kT0));
  ASSERT_EQ(commits.size(), 2u);
  commits[0].log->request.body = Body::text(std::string(768 << 10, 'x'));
  for (const auto& outcome : faulty_->commit(commits)) {
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(*outcome, CommitOutcome::kApplied);
  }
  EXPECT_EQ(logs(*other_), 2u);
}

TEST_F(DynamoStoreTest, WhatTheGateRefusesCostsNoWriteAndHoldsNothingUp) {
  for (int i = 0; i < 5; ++i) put(*other_, record_for("slow.example", "slow" + std::to_string(i)));
  put(*other_, record_for("fast.example", "fast"));
  WindowGate gate(1);
  proxy_.reset_usage();
  const auto claim_through = [&] {
    auto claimed = faulty_->claim_due({.now = kT0, .due_by = kT0, .limit = 100, .gate = &gate});
    EXPECT_TRUE(claimed) << claimed.error().message;
    EXPECT_TRUE(claimed->waits);
    EXPECT_FALSE(claimed->more);
    return claimed->claims.size();
  };
  EXPECT_EQ(claim_through(), 2u);
  EXPECT_EQ(claim_through(), 0u);
  EXPECT_EQ(proxy_.usage().of_operation("UpdateItem").requests, 2u);
  EXPECT_EQ(*faulty_->next_due(kT0, Scope::kAll, &gate), kT0 + seconds{60});
  EXPECT_EQ(*faulty_->next_due(kT0, Scope::kAll), kT0);
  gate.all_done();
  EXPECT_EQ(claim_through(), 1u);
}

// What a refused write has of its flow's places is free only after the claim.
TEST_F(DynamoStoreTest, WhatOthersLeasedKeepsNoPlaceOfItsFlow) {
  for (int i = 0; i < 5; ++i) put(*other_, record_for("slow.example", std::to_string(i)));
  EXPECT_EQ(claim(*other_).size(), 5u);
  WindowGate gate(2);
  bool waits = true;
  for (int claims = 0; waits && claims < 5; ++claims) {
    const auto claimed =
        faulty_->claim_due({.now = kT0, .due_by = kT0, .limit = 100, .gate = &gate});
    ASSERT_TRUE(claimed) << claimed.error().message;
    EXPECT_EQ(claimed->claims.size(), 0u);
    waits = claimed->waits;
    gate.all_done();
  }
  EXPECT_FALSE(waits);
}

TEST_F(DynamoStoreTest, ATaskTellsItsReceiverAsItIsNow) {
  put(*other_, record_for("one.example", "task"));
  const auto flow = [&] { return flow_of(items("ns").at(0).as_object()); };
  EXPECT_EQ(flow(), model::flow_of(record_for("one.example", "task").task));
  const auto changed = other_->change(
      std::vector{kTask},
      [](Task task) -> Result<Task> {
        task.request.url = "http://two.example/hook";
        return task;
      },
      kT0);
  ASSERT_TRUE(changed[0]) << changed[0].error().message;
  EXPECT_EQ(flow(), model::flow_of(record_for("two.example", "task").task));
  const auto claims = claim(*faulty_);
  ASSERT_EQ(claims.size(), 1u);
  EXPECT_EQ(*faulty_->commit(std::vector{testing::retried(claims[0], kT0, kT0)})[0],
            CommitOutcome::kApplied);
  EXPECT_EQ(flow(), model::flow_of(record_for("two.example", "task").task));
}

TEST_F(DynamoStoreTest, ATaskLiesInTheShardOfItsFlowAsItIsNow) {
  put(*other_, make_record("ns", "task", kT0));
  for (int i = 0; i < 8; ++i) {
    const auto changed = other_->change(
        std::vector{kTask},
        [i](Task task) -> Result<Task> {
          task.endpoint = "e" + std::to_string(i);
          return task;
        },
        kT0);
    ASSERT_TRUE(changed[0]) << changed[0].error().message;
    EXPECT_EQ(number_of(items("ns").at(0).as_object(), "sh"),
              shard_of(kTask, model::flow_of(*changed[0]), 2));
    const auto claims = claim(*other_);
    ASSERT_EQ(claims.size(), 1u) << "and in no other one";
    ASSERT_TRUE(other_->release({&claims[0].lease, 1}));
  }
}

// One shard of two cannot be read.
TEST_F(DynamoStoreTest, ShardThatCanNotBeReadDoesNotHoldUpTheOthers) {
  for (int i = 0; i < 20; ++i) put(*other_, make_record("ns", std::to_string(i), kT0));
  proxy_.inject_next("Query", DynamoFault::kThrottle);
  const auto some = hasty_->claim_due({.now = kT0, .due_by = kT0, .limit = 100});
  ASSERT_TRUE(some) << some.error().message;
  EXPECT_GT(some->claims.size(), 0u);
  EXPECT_LT(some->claims.size(), 20u);
  EXPECT_TRUE(some->more);
  EXPECT_EQ(claim(*hasty_).size(), 20 - some->claims.size());
}

TEST_F(DynamoStoreTest, WhatOthersLeasedIsLearntAtOnce) {
  for (int i = 0; i < 10; ++i) put(*other_, make_record("ns", std::to_string(i), kT0));
  EXPECT_EQ(claim(*other_).size(), 10u);
  const auto none = faulty_->claim_due({.now = kT0, .due_by = kT0, .limit = 100});
  ASSERT_TRUE(none);
  EXPECT_EQ(none->claims.size(), 0u);
  EXPECT_FALSE(none->more);
  EXPECT_EQ(*faulty_->next_due(kT0, Scope::kAll), kT0 + seconds{60});
}

}  // namespace
}  // namespace rhooks::store::dynamo
