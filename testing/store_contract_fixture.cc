#include "testing/store_contract.h"

namespace rhooks::testing {

using namespace store;
using std::chrono::milliseconds;

// A static library drops what nobody refers to: these pull the files of the suite in.
void link_store_contract_documents();
void link_store_contract_flows();
void link_store_contract_tasks();
void link_store_contract_leases();
void link_store_contract_queries();
void link_store_contract_races();

void StoreContractTest::SetUp() {
  link_store_contract_documents();
  link_store_contract_flows();
  link_store_contract_tasks();
  link_store_contract_leases();
  link_store_contract_queries();
  link_store_contract_races();
  subject_ = GetParam().make();
  ASSERT_NE(subject_, nullptr);
}

void StoreContractTest::put(const model::TaskRecord& record) {
  const auto results = store().put(std::span(&record, 1));
  ASSERT_EQ(results.size(), 1u);
  ASSERT_TRUE(results[0]) << results[0].error().message;
  ASSERT_TRUE(results[0]->created);
}

std::vector<Claim> StoreContractTest::claim(TimePoint now, std::size_t limit,
                                            milliseconds lease_for) {
  auto result =
      store().claim_due({.now = now, .due_by = now, .limit = limit, .lease_for = lease_for});
  if (!result) {
    ADD_FAILURE() << result.error().message;
    return {};
  }
  EXPECT_TRUE(result->set_aside.empty());
  return std::move(result->claims);
}

Claim StoreContractTest::claim_one(TimePoint now, milliseconds lease_for) {
  auto claims = claim(now, 2, lease_for);
  if (claims.size() != 1) {
    ADD_FAILURE() << "claimed " << claims.size() << " tasks instead of one";
    return {};
  }
  return std::move(claims[0]);
}

CommitOutcome StoreContractTest::commit(const Commit& commit) {
  const auto results = store().commit(std::span(&commit, 1));
  if (results.size() != 1 || !results[0]) {
    ADD_FAILURE() << "commit failed: "
                  << (results.empty() ? "no result" : results[0].error().message);
    return CommitOutcome::kGone;
  }
  return *results[0];
}

Result<Task> StoreContractTest::change(const TaskKey& key, const Edit& edit, TimePoint now) {
  auto results = store().change(std::span(&key, 1), edit, now);
  if (results.size() != 1) return fail(ErrorCode::kInternal, "not one result");
  return std::move(results[0]);
}

Result<Task> StoreContractTest::remove(const TaskKey& key, TimePoint now) {
  auto results = store().remove(std::span(&key, 1), now);
  if (results.size() != 1) return fail(ErrorCode::kInternal, "not one result");
  return std::move(results[0]);
}

Status StoreContractTest::status_of(const TaskKey& key, TimePoint now) {
  const auto task = store().get(key, now);
  if (!task) {
    ADD_FAILURE() << task.error().message;
    return Status::kFailed;
  }
  return task->status;
}

std::vector<Log> StoreContractTest::logs(const std::string& ns, TimePoint now) {
  LogQuery query;
  query.ns = ns;
  query.now = now;
  return all_logs(store(), query);
}

}  // namespace rhooks::testing
