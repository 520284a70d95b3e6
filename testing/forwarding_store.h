#pragma once

#include <string>

#include "store/store.h"

namespace rhooks::testing {

// Another store, call by call: for decorators that change only some of them. Does not own it.
class ForwardingStore : public store::Store {
 public:
  explicit ForwardingStore(store::Store& inner) : inner_(inner) {}

  std::vector<Result<store::PutResult>> put(std::span<const store::TaskRecord> records) override {
    return inner_.put(records);
  }
  Result<Task> get(const TaskKey& key, TimePoint now) override { return inner_.get(key, now); }
  Result<store::TaskPage> query_tasks(const store::TaskQuery& query) override {
    return inner_.query_tasks(query);
  }
  Result<store::LogPage> query_logs(const store::LogQuery& query) override {
    return inner_.query_logs(query);
  }
  Result<store::NamespacePage> namespaces(const store::NamespaceQuery& query) override {
    return inner_.namespaces(query);
  }
  std::vector<Result<Task>> change(std::span<const TaskKey> keys, const store::Edit& edit,
                                   TimePoint now) override {
    return inner_.change(keys, edit, now);
  }
  std::vector<Result<Task>> remove(std::span<const TaskKey> keys, TimePoint now) override {
    return inner_.remove(keys, now);
  }
  Result<std::size_t> clear(const std::string& ns, std::size_t limit) override {
    return inner_.clear(ns, limit);
  }
  Result<store::ClaimResult> claim_due(const store::ClaimRequest& request) override {
    return inner_.claim_due(request);
  }
  std::vector<Result<store::CommitOutcome>> commit(
      std::span<const store::Commit> commits) override {
    return inner_.commit(commits);
  }
  Result<void> release(std::span<const store::Lease> leases) override {
    return inner_.release(leases);
  }
  Result<std::optional<TimePoint>> next_due(TimePoint now, store::Scope scope) override {
    return inner_.next_due(now, scope);
  }
  Result<store::DuePage> peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                                  const std::optional<store::DuePosition>& after) override {
    return inner_.peek_due(now, due_by, limit, after);
  }
  void leave() override { inner_.leave(); }
  Result<void> check() override { return inner_.check(); }
  Result<store::Description> describe() override { return inner_.describe(); }

 private:
  store::Store& inner_;
};

}  // namespace rhooks::testing
