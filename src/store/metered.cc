#include "store/metered.h"

#include <algorithm>
#include <chrono>

namespace rhooks::store {
namespace {

// What callers ask for that is not there, or forbidden, is no failure of the store.
bool is_store_failure(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kOverloaded:
    case ErrorCode::kUnknownOutcome:
    case ErrorCode::kCorrupt:
    case ErrorCode::kInternal:
      return true;
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kConflict:
    case ErrorCode::kUnsupported:
      return false;
  }
  return true;
}

template <typename T>
bool succeeded(const Result<T>& result) {
  return result || !is_store_failure(result.error());
}

// A batch counts as failed when any of its items did.
template <typename T>
bool succeeded(const std::vector<Result<T>>& results) {
  return std::all_of(results.begin(), results.end(), [](const auto& r) { return succeeded(r); });
}

template <typename Call>
auto measured(Metrics& metrics, std::string_view method, const Call& call) {
  const auto begin = std::chrono::steady_clock::now();
  auto result = call();
  const auto duration = std::chrono::steady_clock::now() - begin;
  metrics.store_call(method, succeeded(result),
                     std::chrono::duration_cast<Metrics::Micros>(duration));
  return result;
}

}  // namespace

std::vector<Result<PutResult>> MeteredStore::put(std::span<const TaskRecord> records) {
  return measured(metrics_, "put", [&] { return store_->put(records); });
}

Result<Task> MeteredStore::get(const TaskKey& key, TimePoint now) {
  return measured(metrics_, "get", [&] { return store_->get(key, now); });
}

Result<TaskPage> MeteredStore::query_tasks(const TaskQuery& query) {
  return measured(metrics_, "query_tasks", [&] { return store_->query_tasks(query); });
}

Result<LogPage> MeteredStore::query_logs(const LogQuery& query) {
  return measured(metrics_, "query_logs", [&] { return store_->query_logs(query); });
}

std::vector<Result<Task>> MeteredStore::change(std::span<const TaskKey> keys, const Edit& edit,
                                               TimePoint now) {
  return measured(metrics_, "change", [&] { return store_->change(keys, edit, now); });
}

std::vector<Result<Task>> MeteredStore::remove(std::span<const TaskKey> keys, TimePoint now) {
  return measured(metrics_, "remove", [&] { return store_->remove(keys, now); });
}

Result<std::size_t> MeteredStore::clear(const std::string& ns, std::size_t limit) {
  return measured(metrics_, "clear", [&] { return store_->clear(ns, limit); });
}

Result<ClaimResult> MeteredStore::claim_due(const ClaimRequest& request) {
  return measured(metrics_, "claim_due", [&] { return store_->claim_due(request); });
}

std::vector<Result<CommitOutcome>> MeteredStore::commit(std::span<const Commit> commits) {
  return measured(metrics_, "commit", [&] { return store_->commit(commits); });
}

Result<void> MeteredStore::release(std::span<const Lease> leases) {
  return measured(metrics_, "release", [&] { return store_->release(leases); });
}

Result<std::optional<TimePoint>> MeteredStore::next_due(TimePoint now) {
  return measured(metrics_, "next_due", [&] { return store_->next_due(now); });
}

Result<DuePage> MeteredStore::peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                                       const std::optional<DuePosition>& after) {
  return measured(metrics_, "peek_due",
                  [&] { return store_->peek_due(now, due_by, limit, after); });
}

Result<void> MeteredStore::check() {
  return measured(metrics_, "check", [&] { return store_->check(); });
}

}  // namespace rhooks::store
