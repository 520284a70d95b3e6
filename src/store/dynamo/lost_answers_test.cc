// Writes that were applied and whose answer was lost, while a worker takes up what they wrote
// before they are tried again.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "store/dynamo/test_tables.h"
#include "testing/dynamo_proxy.h"
#include "testing/store_contract.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;

class LostAnswersTest : public ::testing::Test {
 protected:
  LostAnswersTest() {
    proxy_.accept_key("test", "test-secret");
    auto slow = tables_.client_options();
    // The worker has its turn during these waits.
    slow.backoff_base = slow.throttle_base = 1s;
    caller_ = tables_.open({}, slow);
    worker_ = tables_.open({.read_every = 1ms}, tables_.client_options());
  }

  // The answer is lost, and the try after it comes late.
  void lose_answer_of(const std::string& operation) {
    proxy_.inject_next(operation, DynamoFault::kDropAfter);
    proxy_.inject_next(operation, DynamoFault::kThrottle, 2);
  }

  // Runs `call` while the worker waits to do `work` once.
  template <typename Call, typename Work>
  void during(Call call, Work work) {
    std::atomic<bool> done{false};
    std::thread worker([&] {
      while (!done && !work()) {
      }
    });
    call();
    done = true;
    worker.join();
  }
  bool claims_one() {
    auto claimed = worker_->claim_due({.now = kT0, .due_by = kT0, .limit = 1});
    if (!claimed || claimed->claims.empty()) return false;
    claims_.push_back(std::move(claimed->claims.front()));
    return true;
  }

  DynamoProxy proxy_{dynalite_endpoint()};
  TestTables tables_{proxy_.endpoint()};
  std::unique_ptr<store::dynamo::DynamoStore> caller_;
  std::unique_ptr<store::dynamo::DynamoStore> worker_;
  std::vector<store::Claim> claims_;
};

TEST_F(LostAnswersTest, ATaskThatWasClaimedMeanwhileIsStillTheOneThatWasPut) {
  auto record = make_record("ns", "id", kT0);
  record.task.request.method = Method::kPost;
  record.task.request.body = Body::text(std::string(5'000, 'x'));  // in a payload item
  lose_answer_of("PutItem");
  during(
      [&] {
        const auto put = caller_->put({&record, 1});
        ASSERT_TRUE(put[0]) << put[0].error().message;
        EXPECT_TRUE(put[0]->created);
      },
      [&] { return claims_one(); });
  // Whether or not it was claimed in between: its payload is there.
  if (claims_.empty()) {
    EXPECT_TRUE(claims_one());
  }
  ASSERT_EQ(claims_.size(), 1u);
  EXPECT_EQ(claims_[0].task.request, record.task.request);
  const auto task = caller_->get({"ns", "id"}, kT0);
  ASSERT_TRUE(task) << task.error().message;
  EXPECT_EQ(task->request, record.task.request);
}

TEST_F(LostAnswersTest, AnotherTaskOfThatIdIsNotTakenForTheOneThatWasPut) {
  const auto first = make_record("ns", "id", kT0);
  ASSERT_TRUE(worker_->put({&first, 1})[0]->created);
  auto second = make_record("ns", "id", kT0);
  second.task.created_at += 1ms;
  lose_answer_of("PutItem");
  const auto put = caller_->put({&second, 1});
  ASSERT_TRUE(put[0]) << put[0].error().message;
  EXPECT_FALSE(put[0]->created);
}

TEST_F(LostAnswersTest, ATaskThatWasPutMeanwhileIsNotRemoved) {
  const auto first = make_record("ns", "id", kT0 + 1h);
  ASSERT_TRUE(worker_->put({&first, 1})[0]->created);
  auto second = first;
  second.task.created_at += 1s;
  const TaskKey key = first.task.key;
  lose_answer_of("DeleteItem");
  bool put = false;
  during(
      [&] {
        const auto removed = caller_->remove({&key, 1}, kT0);
        ASSERT_TRUE(removed[0]) << removed[0].error().message;
        EXPECT_EQ(removed[0]->created_at, first.task.created_at);
      },
      [&] {
        const auto result = std::move(worker_->put({&second, 1})[0]);
        return put = result && result->created;
      });
  if (!put) return;
  const auto there = worker_->get(key, kT0);
  ASSERT_TRUE(there) << there.error().message;
  EXPECT_EQ(there->created_at, second.task.created_at);
}

TEST_F(LostAnswersTest, AChangeIsNotMadeTwice) {
  auto record = make_record("ns", "id", kT0 + 1h);
  ASSERT_TRUE(caller_->put({&record, 1})[0]->created);
  const TaskKey key = record.task.key;
  lose_answer_of("UpdateItem");
  int edits = 0;
  during(
      [&] {
        const auto changed = caller_->change(
            {&key, 1},
            [&](Task task) -> Result<Task> {
              ++edits;
              task.next_attempt_date = kT0;
              return task;
            },
            kT0);
        if (changed[0]) return;
        EXPECT_EQ(changed[0].error().code, ErrorCode::kUnknownOutcome)
            << changed[0].error().message;
      },
      [&] { return claims_one(); });
  EXPECT_EQ(edits, 1);
}

class LostAnswersOfDocumentsTest : public LostAnswersTest {
 protected:
  const store::Document first_{{"kind", "ns", "name"}, "first", {}};
  const store::Document second_{{"kind", "ns", "name"}, "second", {}};
  const store::DocumentKey& key_ = first_.key;
};

TEST_F(LostAnswersOfDocumentsTest, ADocumentThatWasWrittenIsTheCallersOwn) {
  lose_answer_of("PutItem");
  const auto made = caller_->put_document(first_, store::Nothing{}, kT0);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(worker_->get_document(key_)->revision, *made);
  for (const store::Replaces& replaces :
       {store::Replaces(*made), store::Replaces(store::Whatever{})}) {
    lose_answer_of("PutItem");
    const auto put = caller_->put_document(second_, replaces, kT0);
    ASSERT_TRUE(put) << put.error().message;
    const auto read = worker_->get_document(key_);
    EXPECT_EQ(*read, (store::StoredDocument{second_, *put, kT0}));
  }
}

TEST_F(LostAnswersOfDocumentsTest, ADocumentOfOthersIsNotTakenForTheCallersOwn) {
  const auto there = worker_->put_document(first_, store::Nothing{}, kT0);
  ASSERT_TRUE(there);
  for (const store::Replaces& replaces :
       {store::Replaces(store::Nothing{}), store::Replaces(store::Revision{1})}) {
    lose_answer_of("PutItem");
    const auto put = caller_->put_document(second_, replaces, kT0);
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().code, ErrorCode::kUnknownOutcome) << put.error().message;
    EXPECT_EQ(*worker_->get_document(key_), (store::StoredDocument{first_, *there, kT0}));
  }
}

TEST_F(LostAnswersOfDocumentsTest, ADocumentThatWasRemovedIsGone) {
  for (const bool by_revision : {true, false}) {
    const auto there = worker_->put_document(first_, store::Nothing{}, kT0);
    ASSERT_TRUE(there);
    lose_answer_of("DeleteItem");
    const auto removed = caller_->remove_document(
        key_, by_revision ? std::optional(*there) : std::optional<store::Revision>());
    EXPECT_TRUE(removed) << removed.error().message;
    EXPECT_EQ(worker_->get_document(key_).error().code, ErrorCode::kNotFound);
  }
}

// What refuses the next try is the removal itself, and reading what is there fails.
TEST_F(LostAnswersOfDocumentsTest, ARemovalThatCannotBeCheckedIsNotSaidToHaveDoneNothing) {
  const auto there = worker_->put_document(first_, store::Nothing{}, kT0);
  ASSERT_TRUE(there);
  const auto caller = tables_.open({}, tables_.client_options());
  proxy_.inject_next("DeleteItem", DynamoFault::kDropAfter);
  proxy_.inject_next("GetItem", DynamoFault::kErrorBefore, 50);
  const auto removed = caller->remove_document(key_, *there);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, ErrorCode::kUnknownOutcome) << removed.error().message;
}

TEST_F(LostAnswersOfDocumentsTest, ADocumentThatWasMadeMeanwhileIsNotRemoved) {
  const auto there = worker_->put_document(first_, store::Nothing{}, kT0);
  ASSERT_TRUE(there);
  lose_answer_of("DeleteItem");
  std::optional<store::Revision> anew;
  Result<void> removed;
  during([&] { removed = caller_->remove_document(key_, *there); },
         [&] {
           if (const auto put = worker_->put_document(second_, store::Nothing{}, kT0)) anew = *put;
           return anew.has_value();
         });
  if (!anew) return;
  EXPECT_EQ(worker_->get_document(key_)->revision, *anew);
  // Unless the call was done before it was made.
  if (!removed) {
    EXPECT_EQ(removed.error().code, ErrorCode::kUnknownOutcome) << removed.error().message;
  }
}

}  // namespace
}  // namespace rhooks::testing
