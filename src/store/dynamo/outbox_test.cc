#include "store/dynamo/outbox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "codec/test_records.h"
#include "model/flow.h"
#include "store/dynamo/items.h"
#include "store/dynamo/test_tables.h"
#include "testing/dynamo_proxy.h"
#include "testing/store_contract.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;

TEST(OutboxBytesTest, ComeBackAsTheyWere) {
  codec::TestRecords random(1);
  for (const std::size_t count : {0u, 1u, 2u, 5u}) {
    std::vector<model::TaskRecord> records(count);
    for (auto& record : records) {
      record = random.record();
      record.task.key = {"ns", "id" + std::string(random.below(300), 'x')};
    }
    const std::string bytes = store::dynamo::encode_outbox(records);
    EXPECT_EQ(store::dynamo::decode_outbox({"ns", "source"}, bytes), records);
    // A part of them is no others, but for whole records.
    for (std::size_t size = 1; size < bytes.size(); ++size) {
      const auto part = store::dynamo::decode_outbox({"ns", "source"}, bytes.substr(0, size));
      if (part) {
        EXPECT_LT(part->size(), count);
      } else {
        EXPECT_EQ(part.error().code, ErrorCode::kCorrupt);
      }
    }
  }
}

TEST(OutboxBytesTest, AnyBytesAreBorne) {
  codec::TestRecords random(2);
  for (int i = 0; i < 2'000; ++i) {
    std::string bytes(random.below(60), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.below(random.coin() ? 256u : 8u));
    const auto read = store::dynamo::decode_outbox({"ns", "source"}, bytes);
    if (!read) {
      EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
    }
  }
}

// What goes wrong for the caller after it has claimed. The requests of its commit are a batch with
// the log, the update with the outcome, a batch that lists the namespace and a put, which are tried
// once, and the update that empties the outbox.
struct Trouble {
  const char* name;
  void (*inject)(DynamoProxy& proxy);
  bool waits;  // the outbox is left as it is
};

void PrintTo(const Trouble& trouble, std::ostream* out) {
  *out << trouble.name;
}

// Of the UpdateItems of a commit the second.
void fail_emptying(DynamoProxy& proxy, DynamoFault fault, std::size_t times) {
  proxy.inject_next("UpdateItem", DynamoFault::kDelay);
  proxy.inject_next("UpdateItem", fault, times);
}

constexpr std::size_t kTries = 2;

// However often it is sent, also by libcurl, which does so once where a connection was used before.
void never_answer(DynamoProxy& proxy, const std::string& operation) {
  proxy.faults({.of_operation = {{operation, {{DynamoFault::kDropAfter, 1.0}}}}});
}

const Trouble kTroubles[] = {
    {"None", [](DynamoProxy&) {}, false},
    {"OutcomeUnanswered",
     [](DynamoProxy& proxy) { proxy.inject_next("UpdateItem", DynamoFault::kDropAfter); }, false},
    {"PutRefused", [](DynamoProxy& proxy) { proxy.deny("PutItem"); }, true},
    {"PutThrottled",
     [](DynamoProxy& proxy) { proxy.inject_next("PutItem", DynamoFault::kThrottle); }, true},
    {"NamespaceThrottled",
     [](DynamoProxy& proxy) {
       proxy.inject_next("BatchWriteItem", DynamoFault::kDelay);  // the log
       proxy.inject_next("BatchWriteItem", DynamoFault::kThrottle);
     },
     true},
    {"PutUnanswered",
     [](DynamoProxy& proxy) { proxy.inject_next("PutItem", DynamoFault::kDropAfter); }, false},
    {"PutNeverAnswered", [](DynamoProxy& proxy) { never_answer(proxy, "PutItem"); }, true},
    {"NotEmptied",
     [](DynamoProxy& proxy) { fail_emptying(proxy, DynamoFault::kErrorBefore, kTries); }, true},
    {"EmptyingUnanswered",
     [](DynamoProxy& proxy) { fail_emptying(proxy, DynamoFault::kDropAfter, 1); }, false},
    {"EmptyingNeverAnswered",
     [](DynamoProxy& proxy) {
       proxy.inject_next("UpdateItem", DynamoFault::kDelay);
       never_answer(proxy, "UpdateItem");
     },
     false},
};

class OutboxTest : public ::testing::Test {
 protected:
  OutboxTest() {
    proxy_.accept_key("test", "test-secret");
    auto options = tables_.client_options();
    options.tries_max = static_cast<int>(kTries);
    caller_ = tables_.open({.read_every = 1ms}, options);
    options = tables_.client_options();
    options.endpoint = dynalite_endpoint();  // past all trouble
    other_ = tables_.open({.read_every = 1ms}, options);
    auto client =
        store::dynamo::Client::create(options, credentials_, tables_.metrics(), clock_, random_);
    if (!client) throw std::runtime_error(client.error().message);
    client_ = std::move(*client);
  }

  static constexpr store::ClaimRequest kAll{.now = kT0, .due_by = kT0, .limit = 10};
  static constexpr TimePoint kLeaseOver = kT0 + kAll.lease_for;

  // The task "id" has ended, as `change` makes of it, and "told" follows.
  store::Commit ended(const std::function<void(Task&)>& change = [](Task&) {}) {
    const auto record = make_record("ns", "id", kT0);
    EXPECT_TRUE(other_->put({&record, 1})[0]->created);
    const auto claimed = caller_->claim_due({.now = kT0, .due_by = kT0, .limit = 1});
    if (!claimed || claimed->claims.size() != 1) throw std::runtime_error("nothing was claimed");
    store::Commit commit = followed_by(done(claimed->claims[0], kT0), "told", kT0);
    change(commit.task);
    return commit;
  }
  // Whose outcome is stored, while what follows from it waits.
  void leave_outbox(const std::function<void(Task&)>& change = [](Task&) {}) {
    const auto commit = ended(change);
    proxy_.deny("PutItem");
    EXPECT_EQ(caller_->commit({&commit, 1})[0], store::CommitOutcome::kApplied);
    EXPECT_TRUE(has_outbox());
    EXPECT_FALSE(is_there("told"));
  }
  store::dynamo::Item item(const std::string& id = "id") {
    const auto reply = client_->call({store::dynamo::Operation::kGetItem,
                                      {{"TableName", tables_.names().tasks},
                                       {"Key", store::dynamo::key_item("ns", id)},
                                       {"ConsistentRead", true}}});
    EXPECT_TRUE(reply && reply->ok());
    const auto* found = reply ? reply->body.if_contains("Item") : nullptr;
    return found ? found->as_object() : store::dynamo::Item();
  }
  bool has_outbox() { return item().contains("ob"); }
  bool is_there(const std::string& id) { return other_->get({"ns", id}, kT0).has_value(); }
  // What a store claims until there is nothing more.
  std::vector<std::string> claims(store::Store& by, TimePoint now = kT0) {
    std::vector<std::string> ids;
    for (bool more = true; more;) {
      const auto claimed = by.claim_due({.now = now, .due_by = now, .limit = 10});
      EXPECT_TRUE(claimed) << claimed.error().message;
      if (!claimed) break;
      for (const auto& claim : claimed->claims) {
        ids.push_back(claim.lease.key.id);
        const auto commit = done(claim, now);
        EXPECT_EQ(by.commit({&commit, 1})[0], store::CommitOutcome::kApplied);
      }
      more = claimed->more || !claimed->claims.empty();
    }
    return ids;
  }

  using Ids = std::vector<std::string>;
  DynamoProxy proxy_{dynalite_endpoint()};
  TestTables tables_{proxy_.endpoint()};
  TestCredentials credentials_;
  SystemClock clock_;
  Random random_;
  std::unique_ptr<store::dynamo::DynamoStore> caller_;
  std::unique_ptr<store::dynamo::DynamoStore> other_;
  std::unique_ptr<store::dynamo::Client> client_;
};

class OutboxTroubleTest : public OutboxTest, public ::testing::WithParamInterface<Trouble> {};

INSTANTIATE_TEST_SUITE_P(Troubles, OutboxTroubleTest, ::testing::ValuesIn(kTroubles),
                         [](const auto& one) { return std::string(one.param.name); });

TEST_P(OutboxTroubleTest, WhatFollowsIsStoredOnce) {
  const auto commit = ended();
  GetParam().inject(proxy_);
  EXPECT_EQ(caller_->commit({&commit, 1})[0], store::CommitOutcome::kApplied);
  EXPECT_EQ(has_outbox(), GetParam().waits);
  EXPECT_EQ(other_->get({"ns", "id"}, kT0)->status, Status::kDone);

  EXPECT_EQ(claims(*other_), Ids{"told"});
  EXPECT_FALSE(has_outbox());
  EXPECT_FALSE(item().contains("due"));
  EXPECT_EQ(*other_->next_due(kT0), std::nullopt);
  // Told again, by a commit that was not answered, it does not come back.
  const TaskKey told{"ns", "told"};
  EXPECT_TRUE(other_->remove({&told, 1}, kT0)[0]);
  EXPECT_EQ(other_->commit({&commit, 1})[0], store::CommitOutcome::kApplied);
  EXPECT_EQ(claims(*other_), Ids{});
}

TEST_P(OutboxTroubleTest, ASeriesGoesOnAtItsTime) {
  const TimePoint next = kT0 + 1h;
  const auto commit = ended([&](Task& task) {
    task.status = Status::kActive;
    task.scheduled_date = next;
  });
  GetParam().inject(proxy_);
  EXPECT_EQ(caller_->commit({&commit, 1})[0], store::CommitOutcome::kApplied);
  EXPECT_EQ(claims(*other_), Ids{"told"});
  EXPECT_FALSE(has_outbox());
  EXPECT_EQ(*other_->next_due(kT0), next);
  EXPECT_EQ(claims(*other_, next), Ids{"id"});
}

TEST_F(OutboxTest, AnOutcomeThatWasNeverAnsweredIsToldAgain) {
  const auto commit = ended();
  never_answer(proxy_, "UpdateItem");
  const auto unknown = caller_->commit({&commit, 1});
  proxy_.faults({});
  ASSERT_FALSE(unknown[0]);
  EXPECT_EQ(unknown[0].error().code, ErrorCode::kUnknownOutcome) << unknown[0].error().message;
  EXPECT_TRUE(has_outbox());
  EXPECT_EQ(caller_->commit({&commit, 1})[0], store::CommitOutcome::kApplied);
  EXPECT_FALSE(has_outbox());
  EXPECT_EQ(claims(*other_), Ids{"told"});
}

TEST_F(OutboxTest, WhoClaimsTheTaskGoesOn) {
  leave_outbox();
  proxy_.allow("PutItem");
  EXPECT_EQ(claims(*caller_), Ids{"told"});
  EXPECT_FALSE(has_outbox());
}

// The end of the lease is when it is tried again: nobody is told of an error, and nobody spins.
TEST_F(OutboxTest, WhoCannotGoOnKeepsTheLease) {
  leave_outbox();
  proxy_.allow("PutItem");
  const auto waiting = make_record("ns", "waiting", kT0);
  ASSERT_TRUE(caller_->put({&waiting, 1})[0]);
  proxy_.deny("PutItem");
  EXPECT_EQ(claims(*caller_), Ids{"waiting"});
  EXPECT_TRUE(has_outbox());
  EXPECT_EQ(claims(*caller_), Ids{});
  EXPECT_EQ(*caller_->next_due(kT0), kLeaseOver);
  EXPECT_EQ(claims(*other_), Ids{});
  EXPECT_EQ(*other_->next_due(kT0), kLeaseOver);
  EXPECT_EQ(other_->peek_due(kT0, kT0, 10, std::nullopt)->items.size(), 0u);
  proxy_.allow("PutItem");
  EXPECT_EQ(claims(*caller_), Ids{});
  EXPECT_EQ(claims(*caller_, kLeaseOver), Ids{"told"});
  EXPECT_FALSE(has_outbox());
}

TEST_F(OutboxTest, WhoDiesWithTheLeaseLeavesItToOthers) {
  leave_outbox();
  ASSERT_TRUE(caller_->claim_due(kAll));
  EXPECT_EQ(claims(*other_), Ids{});
  EXPECT_EQ(claims(*other_, kLeaseOver), Ids{"told"});
  EXPECT_FALSE(has_outbox());
}

// Also one with a payload of its own, which is put before it.
TEST_F(OutboxTest, WhatIsThrottledIsTriedOnceByACommitAndOnceByAClaim) {
  auto commit = ended();
  commit.follow_ups.front().task.request.body = Body::text(std::string(40'000, 'x'));
  proxy_.inject_next("BatchWriteItem", DynamoFault::kDelay, 2);  // the log, and the namespace
  proxy_.inject_next("BatchWriteItem", DynamoFault::kThrottle);
  proxy_.inject_next("PutItem", DynamoFault::kThrottle);
  EXPECT_EQ(caller_->commit({&commit, 1})[0], store::CommitOutcome::kApplied);
  EXPECT_EQ(proxy_.counts().of(DynamoFault::kThrottle), 1u);
  EXPECT_EQ(claims(*caller_), Ids{});
  EXPECT_EQ(proxy_.counts().of(DynamoFault::kThrottle), 2u);
  EXPECT_TRUE(has_outbox());
  EXPECT_EQ(claims(*caller_, kLeaseOver), Ids{"told"});
  EXPECT_FALSE(has_outbox());
}

// As one of a later version may be. Its task goes on, and the bytes are kept.
TEST_F(OutboxTest, WhatCannotBeReadIsKeptAside) {
  const TimePoint next = kT0 + 1h;
  leave_outbox([&](Task& task) {
    task.status = Status::kActive;
    task.scheduled_date = next;
  });
  const auto written = client_->call(
      {store::dynamo::Operation::kUpdateItem,
       {{"TableName", tables_.names().tasks},
        {"Key", store::dynamo::key_item("ns", "id")},
        {"UpdateExpression", "SET ob = :ob"},
        {"ExpressionAttributeValues", {{":ob", store::dynamo::bytes_value("unreadable")}}}}});
  ASSERT_TRUE(written && written->ok());
  EXPECT_EQ(claims(*other_), Ids{});
  EXPECT_FALSE(has_outbox());
  EXPECT_EQ(store::dynamo::bytes_of(item(), "ou"), "unreadable");
  EXPECT_EQ(*other_->next_due(kT0), next);
  EXPECT_EQ(claims(*other_, next), Ids{"id"});
}

TEST_F(OutboxTest, WhoChangesTheTaskStoresWhatFollowsFirst) {
  leave_outbox();
  const TaskKey key{"ns", "id"};
  const store::Edit again = [](Task task) -> Result<Task> {
    task.status = Status::kActive;
    return task;
  };
  const auto refused = caller_->change({&key, 1}, again, kT0);
  ASSERT_FALSE(refused[0]);
  EXPECT_EQ(refused[0].error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(has_outbox());
  ASSERT_TRUE(other_->change({&key, 1}, again, kT0)[0]);
  EXPECT_FALSE(has_outbox());
  EXPECT_TRUE(is_there("told"));
  auto both = claims(*other_);
  std::sort(both.begin(), both.end());
  EXPECT_EQ(both, (Ids{"id", "told"}));
}

TEST_F(OutboxTest, WhoRemovesTheTaskStoresWhatFollowsFirst) {
  leave_outbox();
  const TaskKey key{"ns", "id"};
  const auto refused = caller_->remove({&key, 1}, kT0);
  ASSERT_FALSE(refused[0]);
  EXPECT_EQ(refused[0].error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(is_there("id"));
  ASSERT_TRUE(other_->remove({&key, 1}, kT0)[0]);
  EXPECT_FALSE(is_there("id"));
  EXPECT_EQ(claims(*other_), Ids{"told"});
}

TEST_F(OutboxTest, ATaskExpiresOnlyOnceWhatFollowsIsStored) {
  const auto expires = [](Task& task) { task.expires_at = kT0 + 1s; };
  leave_outbox(expires);
  EXPECT_FALSE(item().contains("ttl")) << "the service could delete it";
  auto anew = make_record("ns", "id", kT0 + 1h);
  anew.task.created_at = kT0 + 2s;
  const auto put = other_->put({&anew, 1});
  ASSERT_TRUE(put[0]) << put[0].error().message;
  EXPECT_TRUE(put[0]->created);
  EXPECT_EQ(claims(*other_), Ids{"told"});
}

TEST_F(OutboxTest, WhoClaimsATaskThatExpiresLetsItExpire) {
  leave_outbox([](Task& task) { task.expires_at = kT0 + 1h; });
  EXPECT_EQ(claims(*other_), Ids{"told"});
  EXPECT_EQ(
      store::dynamo::number_of(item(), "ttl"),
      std::chrono::duration_cast<std::chrono::seconds>((kT0 + 1h).time_since_epoch()).count());
}

// As what is registered does: who has that shard has all of the flow.
TEST_F(OutboxTest, WhatFollowsLiesInTheShardOfItsFlow) {
  auto commit = ended();
  Task& told = commit.follow_ups.front().task;
  told.endpoint = "audit";
  told.flow_key = "customer 42";
  EXPECT_EQ(caller_->commit({&commit, 1})[0], store::CommitOutcome::kApplied);
  const model::Flow flow = model::flow_of(told);
  EXPECT_NE(flow.endpoint, 0u);
  const auto stored = item("told");
  EXPECT_EQ(store::dynamo::flow_of(stored), flow);
  EXPECT_EQ(store::dynamo::flow_of(stored).endpoint, flow.endpoint);
  EXPECT_EQ(store::dynamo::number_of(stored, "sh"),
            store::dynamo::shard_of(told.key, flow, store::dynamo::kShardsDefault));
  EXPECT_EQ(claims(*other_), Ids{"told"});
}

TEST_F(OutboxTest, AClearDropsIt) {
  leave_outbox();
  EXPECT_EQ(*other_->clear("ns", 10), 1u);
  EXPECT_EQ(claims(*other_), Ids{});
}

}  // namespace
}  // namespace rhooks::testing
