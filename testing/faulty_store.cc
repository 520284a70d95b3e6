#include "testing/faulty_store.h"

namespace rhooks::testing {

FaultyStore::Fault FaultyStore::before_applying() {
  return {false, {ErrorCode::kUnavailable, "injected: the store can not be used", {}}};
}

FaultyStore::Fault FaultyStore::after_applying() {
  return {true, {ErrorCode::kUnknownOutcome, "injected: the answer was lost", {}}};
}

void FaultyStore::set_script(Script script) {
  std::lock_guard lock(mutex_);
  script_ = std::move(script);
}

std::optional<FaultyStore::Fault> FaultyStore::fault_of(std::string_view method) {
  std::lock_guard lock(mutex_);
  return script_ ? script_(method) : std::nullopt;
}

template <typename Call>
auto FaultyStore::one(std::string_view method, const Call& call) -> decltype(call()) {
  const auto fault = fault_of(method);
  if (!fault) return call();
  if (fault->applied) static_cast<void>(call());
  return fail(fault->error);
}

template <typename Call>
auto FaultyStore::many(std::string_view method, std::size_t size, const Call& call)
    -> decltype(call()) {
  const auto fault = fault_of(method);
  if (!fault) return call();
  if (fault->applied) static_cast<void>(call());
  using Item = typename decltype(call())::value_type;
  return std::vector<Item>(size, fail(fault->error));
}

std::vector<Result<store::PutResult>> FaultyStore::put(std::span<const store::TaskRecord> records) {
  return many("put", records.size(), [&] { return real_.put(records); });
}

Result<Task> FaultyStore::get(const TaskKey& key, TimePoint now) {
  return one("get", [&] { return real_.get(key, now); });
}

Result<store::TaskPage> FaultyStore::query_tasks(const store::TaskQuery& query) {
  return one("query_tasks", [&] { return real_.query_tasks(query); });
}

Result<store::LogPage> FaultyStore::query_logs(const store::LogQuery& query) {
  return one("query_logs", [&] { return real_.query_logs(query); });
}

std::vector<Result<Task>> FaultyStore::change(std::span<const TaskKey> keys,
                                              const store::Edit& edit, TimePoint now) {
  return many("change", keys.size(), [&] { return real_.change(keys, edit, now); });
}

std::vector<Result<Task>> FaultyStore::remove(std::span<const TaskKey> keys, TimePoint now) {
  return many("remove", keys.size(), [&] { return real_.remove(keys, now); });
}

Result<std::size_t> FaultyStore::clear(const std::string& ns, std::size_t limit) {
  return one("clear", [&] { return real_.clear(ns, limit); });
}

Result<store::ClaimResult> FaultyStore::claim_due(const store::ClaimRequest& request) {
  return one("claim_due", [&] { return real_.claim_due(request); });
}

std::vector<Result<store::CommitOutcome>> FaultyStore::commit(
    std::span<const store::Commit> commits) {
  return many("commit", commits.size(), [&] { return real_.commit(commits); });
}

Result<void> FaultyStore::release(std::span<const store::Lease> leases) {
  return one("release", [&] { return real_.release(leases); });
}

Result<std::optional<TimePoint>> FaultyStore::next_due(TimePoint now) {
  return one("next_due", [&] { return real_.next_due(now); });
}

Result<store::DuePage> FaultyStore::peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                                             const std::optional<store::DuePosition>& after) {
  return one("peek_due", [&] { return real_.peek_due(now, due_by, limit, after); });
}

Result<void> FaultyStore::check() {
  return one("check", [&] { return real_.check(); });
}

}  // namespace rhooks::testing
