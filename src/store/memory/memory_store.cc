#include "store/memory/memory_store.h"

#include <algorithm>
#include <unordered_set>

#include "base/check.h"
#include "model/flow.h"
#include "store/shown.h"
#include "store/shown_bytes.h"

namespace rhooks::store {
namespace {

constexpr std::size_t kPageBytesMax = 8u << 20;  // about, as JSON
constexpr std::size_t kDropMax = 1'000;          // tasks that a claim deletes

Error not_found(const TaskKey& key) {
  return Error{
      ErrorCode::kNotFound, "there is no task '" + key.id + "' in namespace '" + key.ns + "'", {}};
}

bool in_range(TimePoint at, const std::optional<TimePoint>& from,
              const std::optional<TimePoint>& to) {
  return (!from || at >= *from) && (!to || at <= *to);
}

bool leaves_out(const FlowGate& gate, Leave leave, const Flow& flow) {
  if (leave == Leave::kWaiting) return !gate.passes(flow);
  return gate.closed(Lane::of(flow)) ||
         (flow.endpoint != 0 && gate.closed(Lane::of_endpoint_of(flow)));
}

}  // namespace

void MemoryStore::index(const Task& task) {
  if (task.status == Status::kActive) due_.emplace(model::place_of(task), task.key);
  if (task.expires_at) ends_.emplace(*task.expires_at, task.key);
}

void MemoryStore::unindex(const Task& task) {
  if (task.status == Status::kActive) due_.erase({model::place_of(task), task.key});
  if (task.expires_at) ends_.erase({*task.expires_at, task.key});
}

void MemoryStore::erase(Tasks::iterator it) {
  unindex(it->second.task);
  leases_.erase(it->first);
  tasks_.erase(it);
}

bool MemoryStore::add(const TaskRecord& record) {
  const auto old = tasks_.find(record.task.key);
  if (old != tasks_.end() && model::expired(old->second.task, record.task.created_at)) erase(old);
  const bool added = tasks_.try_emplace(record.task.key, record).second;
  if (added) index(record.task);
  return added;
}

MemoryStore::Tasks::iterator MemoryStore::find(const TaskKey& key, TimePoint now) {
  const auto it = tasks_.find(key);
  return it != tasks_.end() && model::expired(it->second.task, now) ? tasks_.end() : it;
}

bool MemoryStore::leased(const TaskKey& key, TimePoint now) const {
  const auto it = leases_.find(key);
  return it != leases_.end() && it->second.until > now;
}

std::vector<Result<PutResult>> MemoryStore::do_put(std::span<const TaskRecord> records) {
  MutexLock lock(mutex_);
  std::vector<Result<PutResult>> results;
  results.reserve(records.size());
  for (const TaskRecord& record : records) {
    RHOOKS_CHECK(record.task.status != Status::kProcessing);
    if (add(record)) {
      results.push_back(PutResult{});
    } else {
      results.push_back(PutResult{.created = false, .existing = tasks_.at(record.task.key)});
    }
  }
  return results;
}

Result<Task> MemoryStore::do_get(const TaskKey& key, TimePoint now) {
  MutexLock lock(mutex_);
  const auto it = find(key, now);
  if (it == tasks_.end()) return fail(not_found(key));
  return as_shown(it->second.task, leased(key, now));
}

Result<TaskPage> MemoryStore::do_query_tasks(const TaskQuery& query) {
  MutexLock lock(mutex_);
  const bool by_id = query.id_prefix.has_value();
  const auto position_of = [&](const Task& task) {
    return std::pair(by_id ? TimePoint{} : task.scheduled_date, std::string_view(task.key.id));
  };

  std::vector<const Task*> found;
  for (auto it = tasks_.lower_bound({query.ns, ""}); it != tasks_.end(); ++it) {
    if (it->first.ns != query.ns) break;
    const Task& task = it->second.task;
    if (by_id && !task.key.id.starts_with(*query.id_prefix)) continue;
    if (!in_range(task.scheduled_date, query.from, query.to)) continue;
    const Status shown = task.status == Status::kActive && leased(task.key, query.now)
                             ? Status::kProcessing
                             : task.status;
    if (query.status && shown != *query.status) continue;
    if (!matches(query, task)) continue;
    if (query.after) {
      const auto after = std::pair(by_id ? TimePoint{} : query.after->scheduled_date,
                                   std::string_view(query.after->id));
      if (query.desc ? position_of(task) >= after : position_of(task) <= after) continue;
    }
    found.push_back(&task);
  }
  std::sort(found.begin(), found.end(), [&](const Task* a, const Task* b) {
    return query.desc ? position_of(*b) < position_of(*a) : position_of(*a) < position_of(*b);
  });

  TaskPage page;
  std::size_t bytes = 0;
  for (const Task* task : found) {
    if (page.items.size() == query.limit || bytes >= kPageBytesMax) {
      if (!page.items.empty()) {
        const Task& last = page.items.back();
        page.next = TaskPosition{last.scheduled_date, last.key.id};
      }
      break;
    }
    page.items.push_back(as_shown(*task, leased(task->key, query.now)));
    bytes += shown_bytes(*task);
  }
  return page;
}

Result<LogPage> MemoryStore::do_query_logs(const LogQuery& query) {
  MutexLock lock(mutex_);
  const auto matches = [&](const Log& log) {
    if (query.task_id && log.task.id != *query.task_id) return false;
    if (query.status && log.status != *query.status) return false;
    if (!in_range(log.started_at, query.from, query.to)) return false;
    if (log.expires_at && *log.expires_at <= query.now) return false;
    if (!query.after) return true;
    const auto at = std::tie(log.started_at, log.id);
    const auto after = std::tie(query.after->started_at, query.after->id);
    return query.desc ? at < after : at > after;
  };

  const auto first = logs_.lower_bound({query.ns, TimePoint::min(), ""});
  std::vector<const Log*> found;
  for (auto it = first; it != logs_.end() && std::get<0>(it->first) == query.ns; ++it) {
    if (matches(it->second)) found.push_back(&it->second);
  }
  if (query.desc) std::reverse(found.begin(), found.end());

  LogPage page;
  std::size_t bytes = 0;
  for (const Log* log : found) {
    if (page.items.size() == query.limit || bytes >= kPageBytesMax) {
      if (!page.items.empty()) {
        page.next = LogPosition{page.items.back().started_at, page.items.back().id};
      }
      break;
    }
    page.items.push_back(*log);
    bytes += shown_bytes(*log);
  }
  return page;
}

Result<NamespacePage> MemoryStore::do_namespaces(const NamespaceQuery& query) {
  MutexLock lock(mutex_);
  NamespacePage page;
  // Nothing sorts between a text and the same text with a zero byte behind it.
  const auto past = [&](const std::string& ns) RHOOKS_REQUIRES(mutex_) {
    return tasks_.lower_bound({ns + std::string(1, '\0'), ""});
  };
  auto it = tasks_.lower_bound({query.prefix, ""});
  if (query.after && *query.after >= query.prefix) it = past(*query.after);
  for (; it != tasks_.end() && it->first.ns.starts_with(query.prefix); it = past(it->first.ns)) {
    if (page.items.size() == query.limit) {
      if (!page.items.empty()) page.next = page.items.back();
      break;
    }
    page.items.push_back(it->first.ns);
  }
  return page;
}

std::vector<Result<Task>> MemoryStore::do_change(std::span<const TaskKey> keys, const Edit& edit,
                                                 TimePoint now) {
  MutexLock lock(mutex_);
  std::vector<Result<Task>> results;
  results.reserve(keys.size());
  for (const TaskKey& key : keys) {
    const auto it = find(key, now);
    if (it == tasks_.end()) {
      results.push_back(fail(not_found(key)));
      continue;
    }
    Result<Task> changed = edit(as_shown(it->second.task, leased(key, now)));
    if (changed) {
      RHOOKS_CHECK(changed->key == key);
      unindex(it->second.task);
      it->second.task = as_stored(*changed);
      index(it->second.task);
      // Whoever held the lease does not know of this change and must not undo it.
      leases_.erase(key);
      changed = it->second.task;
    }
    results.push_back(std::move(changed));
  }
  return results;
}

std::vector<Result<Task>> MemoryStore::do_remove(std::span<const TaskKey> keys, TimePoint now) {
  MutexLock lock(mutex_);
  std::vector<Result<Task>> results;
  results.reserve(keys.size());
  for (const TaskKey& key : keys) {
    const auto it = find(key, now);
    if (it == tasks_.end()) {
      results.push_back(fail(not_found(key)));
      continue;
    }
    results.push_back(as_shown(it->second.task, leased(key, now)));
    erase(it);
  }
  return results;
}

Result<std::size_t> MemoryStore::do_clear(const std::string& ns, std::size_t limit) {
  MutexLock lock(mutex_);
  std::size_t count = 0;
  auto it = tasks_.lower_bound({ns, ""});
  while (it != tasks_.end() && it->first.ns == ns && count < limit) {
    erase(it++);
    ++count;
  }
  if (it == tasks_.end() || it->first.ns != ns) {
    auto log = logs_.lower_bound({ns, TimePoint::min(), ""});
    while (log != logs_.end() && std::get<0>(log->first) == ns) {
      if (log->second.expires_at) log_expiries_.erase({*log->second.expires_at, log->first});
      log = logs_.erase(log);
    }
  }
  return count;
}

Result<ClaimResult> MemoryStore::do_claim_due(const ClaimRequest& request) {
  MutexLock lock(mutex_);
  drop_expired(request.now);
  ClaimResult result;
  if (request.gate) request.gate->empty_all();  // every task is asked for
  // Flows in order of which one waits: the gate may open at any time.
  std::unordered_set<Flow, model::HashOfFlow> waiting;
  for (const auto& [due_at, key] : due_) {
    if (due_at > request.due_by) break;
    if (leased(key, request.now)) continue;
    if (result.claims.size() == request.limit) {
      result.more = true;
      break;
    }
    const Task& task = tasks_.at(key).task;
    const Flow flow = model::flow_of(task);
    if (request.gate && (waiting.contains(flow) || request.gate->refuse(flow))) {
      if (request.gate->in_order(flow)) waiting.insert(flow);
      result.waits = true;
      continue;
    }
    const Lease lease{key, tokens_.v7(request.now), request.now + request.lease_for};
    leases_[key] = lease;
    result.claims.push_back(Claim{lease, task, due_at});
  }
  return result;
}

std::vector<Result<CommitOutcome>> MemoryStore::do_commit(std::span<const Commit> commits) {
  MutexLock lock(mutex_);
  std::vector<Result<CommitOutcome>> results;
  results.reserve(commits.size());
  for (const Commit& commit : commits) {
    const TaskKey& key = commit.lease.key;
    RHOOKS_CHECK(commit.task.key == key && (!commit.log || commit.log->task == key));
    RHOOKS_CHECK(commit.task.status != Status::kProcessing);
    if (commit.log) write_log(*commit.log);

    const auto it = tasks_.find(key);
    const auto lease = leases_.find(key);
    if (it == tasks_.end()) {
      results.push_back(CommitOutcome::kGone);
    } else if (lease != leases_.end() && lease->second.token == commit.lease.token) {
      unindex(it->second.task);
      static_cast<State&>(it->second.task) = commit.task;
      it->second.last_token = commit.lease.token;
      index(it->second.task);
      leases_.erase(lease);
      for (const TaskRecord& record : commit.follow_ups) add(record);
      results.push_back(CommitOutcome::kApplied);
    } else if (it->second.last_token == commit.lease.token) {
      results.push_back(CommitOutcome::kApplied);
    } else {
      results.push_back(CommitOutcome::kLeaseLost);
    }
  }
  return results;
}

Result<void> MemoryStore::do_release(std::span<const Lease> leases) {
  MutexLock lock(mutex_);
  for (const Lease& lease : leases) {
    const auto it = leases_.find(lease.key);
    if (it != leases_.end() && it->second.token == lease.token) leases_.erase(it);
  }
  return {};
}

Result<std::optional<TimePoint>> MemoryStore::do_next_due(TimePoint now, Scope /*scope*/,
                                                          const FlowGate* gate, Leave leave) {
  MutexLock lock(mutex_);
  std::optional<TimePoint> next;
  for (const auto& [due_at, key] : due_) {
    if (leased(key, now)) continue;
    if (gate && due_at <= now && leaves_out(*gate, leave, model::flow_of(tasks_.at(key).task))) {
      continue;
    }
    next = due_at;
    break;
  }
  for (const auto& [key, lease] : leases_) {
    if (lease.until > now) next = std::min(next.value_or(lease.until), lease.until);
  }
  return next;
}

Result<DuePage> MemoryStore::do_peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                                         const std::optional<DuePosition>& after) {
  MutexLock lock(mutex_);
  DuePage page;
  auto it = after ? due_.upper_bound({after->due_at, after->key}) : due_.begin();
  for (; it != due_.end() && it->first <= due_by; ++it) {
    const auto& [due_at, key] = *it;
    if (leased(key, now)) continue;
    if (page.items.size() == limit) {
      if (limit > 0) page.next = DuePosition{page.items.back().due_at, page.items.back().key};
      break;
    }
    page.items.push_back(DueEntry{key, due_at, tasks_.at(key).task.scheduled_date});
  }
  return page;
}

std::optional<Revision> MemoryStore::revision_of(Documents::const_iterator it) const {
  return it == documents_.end() ? std::nullopt : std::optional(it->second.revision);
}

Result<Revision> MemoryStore::do_put_document(const Document& document, const Replaces& replaces,
                                              TimePoint now) {
  MutexLock lock(mutex_);
  const auto found = revision_of(documents_.find(document.key));
  if (auto refused = why_refused(document.key, replaces, found)) return fail(std::move(*refused));
  const StoredDocument stored{document, tokens_.v7(now), now};
  documents_.insert_or_assign(document.key, stored);
  return stored.revision;
}

Result<StoredDocument> MemoryStore::do_get_document(const DocumentKey& key) {
  MutexLock lock(mutex_);
  const auto it = documents_.find(key);
  if (it == documents_.end()) return fail(no_document(key));
  return it->second;
}

Result<void> MemoryStore::do_remove_document(const DocumentKey& key,
                                             const std::optional<Revision>& revision) {
  MutexLock lock(mutex_);
  const auto it = documents_.find(key);
  if (it == documents_.end()) return fail(no_document(key));
  if (revision) {
    if (auto refused = why_refused(key, *revision, revision_of(it))) return fail(*refused);
  }
  documents_.erase(it);
  return {};
}

Result<DocumentPage> MemoryStore::do_list_documents(const DocumentQuery& query) {
  MutexLock lock(mutex_);
  const auto matches = [&](const DocumentKey& key) {
    return key.kind == query.kind && (!query.ns || key.ns == *query.ns) &&
           key.name.starts_with(query.name_prefix);
  };
  const DocumentKey first{query.kind, query.ns.value_or(""), query.name_prefix};
  auto it = documents_.lower_bound(first);
  if (query.after) {
    const DocumentKey after{query.kind, query.after->ns, query.after->name};
    if (after >= first) it = documents_.upper_bound(after);
  }
  DocumentPageBuilder page(query.limit, kPageBytesMax);
  for (; it != documents_.end() && matches(it->first); ++it) {
    if (page.full()) return page.take(true);
    page.add(it->second);
  }
  return page.take(false);
}

Result<void> MemoryStore::do_check() {
  return {};
}

Result<Description> MemoryStore::do_describe() {
  const MutexLock lock(mutex_);
  return Description{.kind = "memory",
                     .facts = {{"tasks", std::to_string(tasks_.size())},
                               {"active tasks", std::to_string(due_.size())},
                               {"leases", std::to_string(leases_.size())},
                               {"logs", std::to_string(logs_.size())}},
                     .sections = {}};
}

void MemoryStore::write_log(const Log& log) {
  const LogKey key{log.task.ns, log.started_at, log.id};
  if (const auto old = logs_.find(key); old != logs_.end() && old->second.expires_at) {
    log_expiries_.erase({*old->second.expires_at, key});
  }
  logs_.insert_or_assign(key, log);
  if (log.expires_at) log_expiries_.emplace(*log.expires_at, key);
}

void MemoryStore::drop_expired(TimePoint now) {
  for (std::size_t n = 0; n < kDropMax && !ends_.empty() && ends_.begin()->first <= now; ++n) {
    erase(tasks_.find(ends_.begin()->second));
  }
  while (!log_expiries_.empty() && log_expiries_.begin()->first <= now) {
    logs_.erase(log_expiries_.begin()->second);
    log_expiries_.erase(log_expiries_.begin());
  }
}

}  // namespace rhooks::store
