#pragma once

#include <string>

#include "store/store.h"

namespace rhooks::testing {

// Another store, call by call: for decorators that change only some of them. Does not own it.
class ForwardingStore : public store::Store {
 public:
  explicit ForwardingStore(store::Store& inner) : inner_(inner) {}

 protected:
  std::vector<Result<store::PutResult>> do_put(
      std::span<const store::TaskRecord> records) override {
    return inner_.put(records);
  }
  Result<Task> do_get(const TaskKey& key, TimePoint now) override { return inner_.get(key, now); }
  Result<store::TaskPage> do_query_tasks(const store::TaskQuery& query) override {
    return inner_.query_tasks(query);
  }
  Result<store::LogPage> do_query_logs(const store::LogQuery& query) override {
    return inner_.query_logs(query);
  }
  Result<store::NamespacePage> do_namespaces(const store::NamespaceQuery& query) override {
    return inner_.namespaces(query);
  }
  std::vector<Result<Task>> do_change(std::span<const TaskKey> keys, const store::Edit& edit,
                                      TimePoint now) override {
    return inner_.change(keys, edit, now);
  }
  std::vector<Result<Task>> do_remove(std::span<const TaskKey> keys, TimePoint now) override {
    return inner_.remove(keys, now);
  }
  Result<std::size_t> do_clear(const std::string& ns, std::size_t limit) override {
    return inner_.clear(ns, limit);
  }
  Result<store::ClaimResult> do_claim_due(const store::ClaimRequest& request) override {
    return inner_.claim_due(request);
  }
  bool do_holds(const store::Lease& lease) const override { return inner_.holds(lease); }
  std::vector<Result<store::CommitOutcome>> do_commit(
      std::span<const store::Commit> commits) override {
    return inner_.commit(commits);
  }
  Result<void> do_release(std::span<const store::Lease> leases) override {
    return inner_.release(leases);
  }
  Result<std::optional<TimePoint>> do_next_due(TimePoint now, store::Scope scope,
                                               const store::FlowGate* gate,
                                               store::Leave leave) override {
    return inner_.next_due(now, scope, gate, leave);
  }
  Result<store::DuePage> do_peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                                     const std::optional<store::DuePosition>& after) override {
    return inner_.peek_due(now, due_by, limit, after);
  }
  Result<store::Revision> do_put_document(const store::Document& document,
                                          const store::Replaces& replaces, TimePoint now) override {
    return inner_.put_document(document, replaces, now);
  }
  Result<store::StoredDocument> do_get_document(const store::DocumentKey& key) override {
    return inner_.get_document(key);
  }
  Result<void> do_remove_document(const store::DocumentKey& key,
                                  const std::optional<store::Revision>& revision) override {
    return inner_.remove_document(key, revision);
  }
  Result<store::DocumentPage> do_list_documents(const store::DocumentQuery& query) override {
    return inner_.list_documents(query);
  }
  void do_resign() override { inner_.resign(); }
  void do_finished() override { inner_.finished(); }
  Result<void> do_check() override { return inner_.check(); }
  Result<store::Description> do_describe() override { return inner_.describe(); }

 private:
  store::Store& inner_;
};

}  // namespace rhooks::testing
