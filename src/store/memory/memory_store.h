#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/uuid.h"
#include "store/store.h"

namespace rhooks::store {

// The store `memory:`, gone with the process, and the oracle that other stores are tested
// against: it is written to be obviously right, not fast. Claims are O(claimed + leased);
// queries sort the tasks of their namespace.
//
// Threads and contract: see Store. Blocking: one mutex, no I/O.
class MemoryStore final : public Store {
 public:
  MemoryStore() : tokens_(random_) {}
  // Claims draw their tokens from this seed, so that a simulation can be repeated.
  explicit MemoryStore(std::uint64_t seed) : random_(seed), tokens_(random_) {}

 private:
  std::vector<Result<PutResult>> do_put(std::span<const TaskRecord> records) override;
  Result<Task> do_get(const TaskKey& key, TimePoint now) override;
  Result<TaskPage> do_query_tasks(const TaskQuery& query) override;
  Result<LogPage> do_query_logs(const LogQuery& query) override;
  Result<NamespacePage> do_namespaces(const NamespaceQuery& query) override;
  std::vector<Result<Task>> do_change(std::span<const TaskKey> keys, const Edit& edit,
                                      TimePoint now) override;
  std::vector<Result<Task>> do_remove(std::span<const TaskKey> keys, TimePoint now) override;
  Result<std::size_t> do_clear(const std::string& ns, std::size_t limit) override;
  Result<ClaimResult> do_claim_due(const ClaimRequest& request) override;
  std::vector<Result<CommitOutcome>> do_commit(std::span<const Commit> commits) override;
  Result<void> do_release(std::span<const Lease> leases) override;
  Result<std::optional<TimePoint>> do_next_due(TimePoint now, Scope scope) override;
  Result<DuePage> do_peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                              const std::optional<DuePosition>& after) override;
  Result<Revision> do_put_document(const Document& document, const Replaces& replaces,
                                   TimePoint now) override;
  Result<StoredDocument> do_get_document(const DocumentKey& key) override;
  Result<void> do_remove_document(const DocumentKey& key,
                                  const std::optional<Revision>& revision) override;
  Result<DocumentPage> do_list_documents(const DocumentQuery& query) override;
  Result<void> do_check() override;
  Result<Description> do_describe() override;

  using Tasks = std::map<TaskKey, TaskRecord>;
  using Documents = std::map<DocumentKey, StoredDocument>;
  using LogKey = std::tuple<std::string, TimePoint, std::string>;  // namespace, start, id

  // All of these expect mutex_ to be held.
  void index(const Task& task);
  void unindex(const Task& task);
  void erase(Tasks::iterator it);
  Tasks::iterator find(const TaskKey& key, TimePoint now);  // none: also where it has expired
  bool leased(const TaskKey& key, TimePoint now) const;
  std::optional<Revision> revision_of(Documents::const_iterator it) const;  // none: at the end
  void write_log(const Log& log);
  void drop_expired(TimePoint now);

  std::mutex mutex_;
  Random random_;
  UuidGenerator tokens_;
  Tasks tasks_;
  std::set<std::pair<TimePoint, TaskKey>> due_;   // of the ACTIVE tasks
  std::set<std::pair<TimePoint, TaskKey>> ends_;  // of those that expire
  // At most one lease a task. One that ran out stays until something replaces it.
  std::map<TaskKey, Lease> leases_;
  std::map<LogKey, Log> logs_;
  std::set<std::pair<TimePoint, LogKey>> log_expiries_;
  Documents documents_;
};

}  // namespace rhooks::store
