#include "store/metered.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <type_traits>

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

template <typename T>
constexpr bool kIsBatch = false;
template <typename T>
constexpr bool kIsBatch<std::vector<T>> = true;

// What a call comes to for which there is no memory. Of one that changes something nobody knows how
// far it came.
template <typename Answer>
Answer no_memory(std::size_t items) {
  const auto error =
      items == 0
          ? fail(ErrorCode::kOverloaded, "there is no memory left for this call; try again")
          : fail(ErrorCode::kUnknownOutcome,
                 "there was no memory left for this call; it is not known whether it was stored");
  if constexpr (kIsBatch<Answer>) {
    return Answer(items, error);
  } else {
    return error;
  }
}

}  // namespace

template <typename Call>
auto MeteredStore::measure(std::string_view method, const Call& call, std::size_t items) {
  const auto start = std::chrono::steady_clock::now();
  const auto answered = [&]() -> decltype(call()) {
    try {
      return call();
    } catch (const std::bad_alloc&) {
      return no_memory<decltype(call())>(items);
    }
  };
  auto result = answered();
  metrics_.store_call(
      method, worked(result),
      std::chrono::duration_cast<Metrics::Micros>(std::chrono::steady_clock::now() - start));
  return result;
}

std::vector<Result<PutResult>> MeteredStore::put(std::span<const TaskRecord> records) {
  return measure(
      "put", [&] { return inner_->put(records); }, records.size());
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
  return measure(
      "change", [&] { return inner_->change(keys, edit, now); }, keys.size());
}

std::vector<Result<Task>> MeteredStore::remove(std::span<const TaskKey> keys, TimePoint now) {
  return measure(
      "remove", [&] { return inner_->remove(keys, now); }, keys.size());
}

Result<std::size_t> MeteredStore::clear(const std::string& ns, std::size_t limit) {
  return measure(
      "clear", [&] { return inner_->clear(ns, limit); }, 1);
}

Result<ClaimResult> MeteredStore::claim_due(const ClaimRequest& request) {
  return measure(
      "claim_due", [&] { return inner_->claim_due(request); }, 1);
}

std::vector<Result<CommitOutcome>> MeteredStore::commit(std::span<const Commit> commits) {
  return measure(
      "commit", [&] { return inner_->commit(commits); }, commits.size());
}

Result<void> MeteredStore::release(std::span<const Lease> leases) {
  return measure(
      "release", [&] { return inner_->release(leases); }, 1);
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
