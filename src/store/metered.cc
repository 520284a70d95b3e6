#include "store/metered.h"

#include <algorithm>
#include <chrono>

namespace rhooks::store {
namespace {

// Whether the store did its work; see MeteredStore.
template <typename T>
bool worked(const Result<T>& result) {
  if (result) return true;
  switch (result.error().code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kConflict:
      return true;
    default:
      return false;
  }
}

template <typename T>
bool worked(const std::vector<Result<T>>& results) {
  return std::all_of(results.begin(), results.end(),
                     [](const Result<T>& result) { return worked(result); });
}

}  // namespace

template <typename Call>
auto MeteredStore::measure(std::string_view method, const Call& call) {
  const auto start = std::chrono::steady_clock::now();
  auto result = call();
  metrics_.store_call(
      method, worked(result),
      std::chrono::duration_cast<Metrics::Micros>(std::chrono::steady_clock::now() - start));
  return result;
}

std::vector<Result<PutResult>> MeteredStore::put(std::span<const TaskRecord> records) {
  return measure("put", [&] { return inner_->put(records); });
}

Result<Task> MeteredStore::get(const TaskKey& key, TimePoint now) {
  return measure("get", [&] { return inner_->get(key, now); });
}

Result<TaskPage> MeteredStore::query_tasks(const TaskQuery& query) {
  return measure("query_tasks", [&] { return inner_->query_tasks(query); });
}

Result<LogPage> MeteredStore::query_logs(const LogQuery& query) {
  return measure("query_logs", [&] { return inner_->query_logs(query); });
}

Result<NamespacePage> MeteredStore::namespaces(const NamespaceQuery& query) {
  return measure("namespaces", [&] { return inner_->namespaces(query); });
}

std::vector<Result<Task>> MeteredStore::change(std::span<const TaskKey> keys, const Edit& edit,
                                               TimePoint now) {
  return measure("change", [&] { return inner_->change(keys, edit, now); });
}

std::vector<Result<Task>> MeteredStore::remove(std::span<const TaskKey> keys, TimePoint now) {
  return measure("remove", [&] { return inner_->remove(keys, now); });
}

Result<std::size_t> MeteredStore::clear(const std::string& ns, std::size_t limit) {
  return measure("clear", [&] { return inner_->clear(ns, limit); });
}

Result<ClaimResult> MeteredStore::claim_due(const ClaimRequest& request) {
  return measure("claim_due", [&] { return inner_->claim_due(request); });
}

std::vector<Result<CommitOutcome>> MeteredStore::commit(std::span<const Commit> commits) {
  return measure("commit", [&] { return inner_->commit(commits); });
}

Result<void> MeteredStore::release(std::span<const Lease> leases) {
  return measure("release", [&] { return inner_->release(leases); });
}

Result<std::optional<TimePoint>> MeteredStore::next_due(TimePoint now, Scope scope) {
  return measure("next_due", [&] { return inner_->next_due(now, scope); });
}

Result<DuePage> MeteredStore::peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                                       const std::optional<DuePosition>& after) {
  return measure("peek_due", [&] { return inner_->peek_due(now, due_by, limit, after); });
}

Result<void> MeteredStore::check() {
  return measure("check", [&] { return inner_->check(); });
}

}  // namespace rhooks::store
