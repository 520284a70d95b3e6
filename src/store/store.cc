#include "store/store.h"

#include <algorithm>
#include <chrono>
#include <new>

namespace rhooks::store {
namespace {

// Whether the store did its work; see Store::measure_by().
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

template <typename Call>
auto answered(std::size_t items, const Call& call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return no_memory<decltype(call())>(items);
  }
}

// `items`: how many a call that changes something is about; each has a result in a batch.
template <typename Call>
auto measured(Metrics* metrics, std::string_view method, std::size_t items, const Call& call) {
  if (metrics == nullptr) return answered(items, call);
  const auto start = std::chrono::steady_clock::now();
  auto result = answered(items, call);
  metrics->store_call(
      method, worked(result),
      std::chrono::duration_cast<Metrics::Micros>(std::chrono::steady_clock::now() - start));
  return result;
}

template <typename Call>
auto if_valid(Result<void> valid, const Call& call) -> decltype(call()) {
  if (!valid) return fail(std::move(valid.error()));
  return call();
}

}  // namespace

std::vector<Result<PutResult>> Store::put(std::span<const TaskRecord> records) {
  return measured(metrics_, "put", records.size(), [&] { return do_put(records); });
}

Result<Task> Store::get(const TaskKey& key, TimePoint now) {
  return measured(metrics_, "get", 0, [&] { return do_get(key, now); });
}

Result<TaskPage> Store::query_tasks(const TaskQuery& query) {
  return measured(metrics_, "query_tasks", 0, [&] { return do_query_tasks(query); });
}

Result<LogPage> Store::query_logs(const LogQuery& query) {
  return measured(metrics_, "query_logs", 0, [&] { return do_query_logs(query); });
}

Result<NamespacePage> Store::namespaces(const NamespaceQuery& query) {
  return measured(metrics_, "namespaces", 0, [&] { return do_namespaces(query); });
}

std::vector<Result<Task>> Store::change(std::span<const TaskKey> keys, const Edit& edit,
                                        TimePoint now) {
  return measured(metrics_, "change", keys.size(), [&] { return do_change(keys, edit, now); });
}

std::vector<Result<Task>> Store::remove(std::span<const TaskKey> keys, TimePoint now) {
  return measured(metrics_, "remove", keys.size(), [&] { return do_remove(keys, now); });
}

Result<std::size_t> Store::clear(const std::string& ns, std::size_t limit) {
  return measured(metrics_, "clear", 1, [&] { return do_clear(ns, limit); });
}

Result<ClaimResult> Store::claim_due(const ClaimRequest& request) {
  return measured(metrics_, "claim_due", 1, [&] { return do_claim_due(request); });
}

std::vector<Result<CommitOutcome>> Store::commit(std::span<const Commit> commits) {
  return measured(metrics_, "commit", commits.size(), [&] { return do_commit(commits); });
}

Result<void> Store::release(std::span<const Lease> leases) {
  return measured(metrics_, "release", 1, [&] { return do_release(leases); });
}

Result<std::optional<TimePoint>> Store::next_due(TimePoint now, Scope scope, const FlowGate* gate,
                                                 Leave leave) {
  return measured(metrics_, "next_due", 0, [&] { return do_next_due(now, scope, gate, leave); });
}

Result<DuePage> Store::peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                                const std::optional<DuePosition>& after) {
  return measured(metrics_, "peek_due", 0, [&] { return do_peek_due(now, due_by, limit, after); });
}

Result<Revision> Store::put_document(const Document& document, const Replaces& replaces,
                                     TimePoint now) {
  return measured(metrics_, "put_document", 1, [&] {
    return if_valid(model::check_document(document),
                    [&] { return do_put_document(document, replaces, now); });
  });
}

Result<StoredDocument> Store::get_document(const DocumentKey& key) {
  return measured(metrics_, "get_document", 0, [&] {
    return if_valid(model::check_document_key(key), [&] { return do_get_document(key); });
  });
}

Result<void> Store::remove_document(const DocumentKey& key,
                                    const std::optional<Revision>& revision) {
  return measured(metrics_, "remove_document", 1, [&] {
    return if_valid(model::check_document_key(key),
                    [&] { return do_remove_document(key, revision); });
  });
}

Result<DocumentPage> Store::list_documents(const DocumentQuery& query) {
  return measured(metrics_, "list_documents", 0, [&] {
    return if_valid(check_query(query), [&] { return do_list_documents(query); });
  });
}

void Store::resign() {
  do_resign();
}

void Store::finished() {
  do_finished();
}

Result<void> Store::check() {
  return measured(metrics_, "check", 0, [&] { return do_check(); });
}

Result<Description> Store::describe() {
  return do_describe();
}

}  // namespace rhooks::store
