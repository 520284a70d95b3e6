#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "store/store.h"

namespace rhooks::testing {

// A failure that a test scripts for one call of one method.
struct StoreFault {
  Error error{ErrorCode::kUnavailable, "scripted failure", {}};
  // The inner store is called and what it answered is thrown away: the outcome is in the
  // store, but the caller does not know. Use it with kUnknownOutcome.
  bool after_applying = false;
  // Batches only: just these tasks fail; empty: all.
  std::set<TaskKey> keys;
};

// A store that fails as told, and otherwise is the inner one. The calls of a method meet its
// faults in the order that they were scripted, one each.
//
//   FaultyStore faulty(memory);
//   faulty.fail_next("commit", {.error = {ErrorCode::kUnknownOutcome, "gone", {}},
//                               .after_applying = true});
//
// Threads: every method may be called from any thread. Does not own the inner store.
class FaultyStore final : public store::Store {
 public:
  explicit FaultyStore(store::Store& inner) : inner_(inner) {}

  // Methods by name: "put", "claim_due", … . `times` calls in a row.
  void fail_next(const std::string& method, StoreFault fault = {}, int times = 1);
  // Until heal(): every call of the method, or of all methods for "*".
  void fail_always(const std::string& method, StoreFault fault = {});
  void heal();  // drops all faults
  // How often a method was called, faults included. Claims of a share count as "claim_due" and
  // as "claim_due of a share".
  int calls(const std::string& method) const;

 private:
  std::vector<Result<store::PutResult>> do_put(std::span<const store::TaskRecord> records) override;
  Result<Task> do_get(const TaskKey& key, TimePoint now) override;
  Result<store::TaskPage> do_query_tasks(const store::TaskQuery& query) override;
  Result<store::LogPage> do_query_logs(const store::LogQuery& query) override;
  Result<store::NamespacePage> do_namespaces(const store::NamespaceQuery& query) override;
  std::vector<Result<Task>> do_change(std::span<const TaskKey> keys, const store::Edit& edit,
                                      TimePoint now) override;
  std::vector<Result<Task>> do_remove(std::span<const TaskKey> keys, TimePoint now) override;
  Result<std::size_t> do_clear(const std::string& ns, std::size_t limit) override;
  Result<store::ClaimResult> do_claim_due(const store::ClaimRequest& request) override;
  bool do_holds(const store::Lease& lease) const override { return inner_.holds(lease); }
  std::vector<Result<store::CommitOutcome>> do_commit(
      std::span<const store::Commit> commits) override;
  Result<void> do_release(std::span<const store::Lease> leases) override;
  Result<std::optional<TimePoint>> do_next_due(TimePoint now, store::Scope scope,
                                               const store::FlowGate* gate,
                                               store::Leave leave) override;
  Result<store::DuePage> do_peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                                     const std::optional<store::DuePosition>& after) override;
  Result<store::Revision> do_put_document(const store::Document& document,
                                          const store::Replaces& replaces, TimePoint now) override;
  Result<store::StoredDocument> do_get_document(const store::DocumentKey& key) override;
  Result<void> do_remove_document(const store::DocumentKey& key,
                                  const std::optional<store::Revision>& revision) override;
  Result<store::DocumentPage> do_list_documents(const store::DocumentQuery& query) override;
  void do_resign() override;
  void do_finished() override;
  Result<void> do_check() override;
  Result<store::Description> do_describe() override;

  std::optional<StoreFault> take(const std::string& method);
  template <typename Call>
  auto one(const std::string& method, const Call& call) -> decltype(call());
  template <typename T, typename Item, typename KeyOf, typename Call>
  std::vector<Result<T>> batch(const std::string& method, std::span<const Item> items,
                               const KeyOf& key_of, const Call& call);

  store::Store& inner_;
  mutable std::mutex mutex_;
  std::map<std::string, std::deque<StoreFault>> next_;
  std::map<std::string, StoreFault> always_;
  std::map<std::string, int> calls_;
};

}  // namespace rhooks::testing
