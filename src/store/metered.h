#pragma once

#include <memory>

#include "observe/metrics.h"
#include "store/store.h"

namespace rhooks::store {

// A store that counts and times every call of another. A call of a batch counts as failed
// when an item could not be stored or read; an item that is not found, or that an edit
// refused, is an answer. A call for which there is no memory fails as others do, with kOverloaded,
// or with kUnknownOutcome where it may have changed something; the next one may find some.
//
// Threads, blocking and contract: those of the inner store. `metrics` must outlive it.
class MeteredStore final : public Store {
 public:
  MeteredStore(std::unique_ptr<Store> inner, Metrics& metrics)
      : inner_(std::move(inner)), metrics_(metrics) {}

  std::vector<Result<PutResult>> put(std::span<const TaskRecord> records) override;
  Result<Task> get(const TaskKey& key, TimePoint now) override;
  Result<TaskPage> query_tasks(const TaskQuery& query) override;
  Result<LogPage> query_logs(const LogQuery& query) override;
  Result<NamespacePage> namespaces(const NamespaceQuery& query) override;
  std::vector<Result<Task>> change(std::span<const TaskKey> keys, const Edit& edit,
                                   TimePoint now) override;
  std::vector<Result<Task>> remove(std::span<const TaskKey> keys, TimePoint now) override;
  Result<std::size_t> clear(const std::string& ns, std::size_t limit) override;
  Result<ClaimResult> claim_due(const ClaimRequest& request) override;
  std::vector<Result<CommitOutcome>> commit(std::span<const Commit> commits) override;
  Result<void> release(std::span<const Lease> leases) override;
  Result<std::optional<TimePoint>> next_due(TimePoint now, Scope scope) override;
  Result<DuePage> peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                           const std::optional<DuePosition>& after) override;
  void leave() override { inner_->leave(); }
  Result<void> check() override;
  Result<Description> describe() override { return inner_->describe(); }

 private:
  // `items`: how many a call that changes something is about; each has a result in a batch.
  template <typename Call>
  auto measure(std::string_view method, const Call& call, std::size_t items = 0);

  const std::unique_ptr<Store> inner_;
  Metrics& metrics_;
};

}  // namespace rhooks::store
