#include "testing/faulty_store.h"

namespace rhooks::testing {

using namespace store;

void FaultyStore::fail_next(const std::string& method, StoreFault fault, int times) {
  std::lock_guard lock(mutex_);
  for (int i = 0; i < times; ++i) next_[method].push_back(fault);
}

void FaultyStore::fail_always(const std::string& method, StoreFault fault) {
  std::lock_guard lock(mutex_);
  always_[method] = std::move(fault);
}

void FaultyStore::heal() {
  std::lock_guard lock(mutex_);
  next_.clear();
  always_.clear();
}

int FaultyStore::calls(const std::string& method) const {
  std::lock_guard lock(mutex_);
  const auto it = calls_.find(method);
  return it == calls_.end() ? 0 : it->second;
}

std::optional<StoreFault> FaultyStore::take(const std::string& method) {
  std::lock_guard lock(mutex_);
  ++calls_[method];
  if (auto& scripted = next_[method]; !scripted.empty()) {
    StoreFault fault = std::move(scripted.front());
    scripted.pop_front();
    return fault;
  }
  for (const std::string& name : {method, std::string("*")}) {
    const auto it = always_.find(name);
    if (it != always_.end()) return it->second;
  }
  return std::nullopt;
}

template <typename Call>
auto FaultyStore::one(const std::string& method, const Call& call) -> decltype(call()) {
  const auto fault = take(method);
  if (!fault) return call();
  if (fault->after_applying) (void)call();
  return fail(fault->error);
}

template <typename T, typename Item, typename KeyOf, typename Call>
std::vector<Result<T>> FaultyStore::batch(const std::string& method, std::span<const Item> items,
                                          const KeyOf& key_of, const Call& call) {
  const auto fault = take(method);
  if (!fault) return call(items);
  // Those that do not fail, and those that fail after they were applied, go through.
  std::vector<Item> passed;
  std::vector<bool> fails;
  for (const Item& item : items) {
    fails.push_back(fault->keys.empty() || fault->keys.contains(key_of(item)));
    if (!fails.back() || fault->after_applying) passed.push_back(item);
  }
  auto answers = passed.empty() ? std::vector<Result<T>>{} : call(std::span<const Item>(passed));
  std::vector<Result<T>> results;
  std::size_t next = 0;
  for (const bool failed : fails) {
    if (failed) {
      results.push_back(fail(fault->error));
      if (fault->after_applying) ++next;
    } else {
      results.push_back(std::move(answers.at(next++)));
    }
  }
  return results;
}

std::vector<Result<PutResult>> FaultyStore::do_put(std::span<const TaskRecord> records) {
  return batch<PutResult>(
      "put", records, [](const TaskRecord& record) { return record.task.key; },
      [&](std::span<const TaskRecord> passed) { return inner_.put(passed); });
}

Result<Task> FaultyStore::do_get(const TaskKey& key, TimePoint now) {
  return one("get", [&] { return inner_.get(key, now); });
}

Result<TaskPage> FaultyStore::do_query_tasks(const TaskQuery& query) {
  return one("query_tasks", [&] { return inner_.query_tasks(query); });
}

Result<LogPage> FaultyStore::do_query_logs(const LogQuery& query) {
  return one("query_logs", [&] { return inner_.query_logs(query); });
}

Result<NamespacePage> FaultyStore::do_namespaces(const NamespaceQuery& query) {
  return one("namespaces", [&] { return inner_.namespaces(query); });
}

std::vector<Result<Task>> FaultyStore::do_change(std::span<const TaskKey> keys, const Edit& edit,
                                                 TimePoint now) {
  return batch<Task>(
      "change", keys, [](const TaskKey& key) { return key; },
      [&](std::span<const TaskKey> passed) { return inner_.change(passed, edit, now); });
}

std::vector<Result<Task>> FaultyStore::do_remove(std::span<const TaskKey> keys, TimePoint now) {
  return batch<Task>(
      "remove", keys, [](const TaskKey& key) { return key; },
      [&](std::span<const TaskKey> passed) { return inner_.remove(passed, now); });
}

Result<std::size_t> FaultyStore::do_clear(const std::string& ns, std::size_t limit) {
  return one("clear", [&] { return inner_.clear(ns, limit); });
}

Result<ClaimResult> FaultyStore::do_claim_due(const ClaimRequest& request) {
  if (request.scope == Scope::kAssigned) {
    std::lock_guard lock(mutex_);
    ++calls_["claim_due of a share"];
  }
  return one("claim_due", [&] { return inner_.claim_due(request); });
}

std::vector<Result<CommitOutcome>> FaultyStore::do_commit(std::span<const Commit> commits) {
  return batch<CommitOutcome>(
      "commit", commits, [](const Commit& commit) { return commit.lease.key; },
      [&](std::span<const Commit> passed) { return inner_.commit(passed); });
}

Result<void> FaultyStore::do_release(std::span<const Lease> leases) {
  return one("release", [&] { return inner_.release(leases); });
}

Result<std::optional<TimePoint>> FaultyStore::do_next_due(TimePoint now, Scope scope,
                                                          const FlowGate* gate, Leave leave) {
  return one("next_due", [&] { return inner_.next_due(now, scope, gate, leave); });
}

Result<DuePage> FaultyStore::do_peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                                         const std::optional<DuePosition>& after) {
  return one("peek_due", [&] { return inner_.peek_due(now, due_by, limit, after); });
}

Result<Revision> FaultyStore::do_put_document(const Document& document, const Replaces& replaces,
                                              TimePoint now) {
  return one("put_document", [&] { return inner_.put_document(document, replaces, now); });
}

Result<StoredDocument> FaultyStore::do_get_document(const DocumentKey& key) {
  return one("get_document", [&] { return inner_.get_document(key); });
}

Result<void> FaultyStore::do_remove_document(const DocumentKey& key,
                                             const std::optional<Revision>& revision) {
  return one("remove_document", [&] { return inner_.remove_document(key, revision); });
}

Result<DocumentPage> FaultyStore::do_list_documents(const DocumentQuery& query) {
  return one("list_documents", [&] { return inner_.list_documents(query); });
}

Result<void> FaultyStore::do_check() {
  return one("check", [&] { return inner_.check(); });
}

Result<Description> FaultyStore::do_describe() {
  return one("describe", [&] { return inner_.describe(); });
}

void FaultyStore::do_resign() {
  {
    std::lock_guard lock(mutex_);
    ++calls_["resign"];
  }
  inner_.resign();
}

void FaultyStore::do_finished() {
  {
    std::lock_guard lock(mutex_);
    ++calls_["finished"];
  }
  inner_.finished();
}

}  // namespace rhooks::testing
