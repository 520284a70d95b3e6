#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"
#include "base/uuid.h"
#include "store/store.h"

namespace rhooks::store {

// The store `memory:`, gone with the process, and the oracle that other stores are tested
// against: it is written to be obviously right, not fast. Claims are O(claimed + leased);
// queries sort the tasks of their namespace. Claims through a gate ask it for all
// that is due.
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
  Result<std::optional<TimePoint>> do_next_due(TimePoint now, Scope scope, const FlowGate* gate,
                                               Leave leave) override;
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

  void index(const Task& task) RHOOKS_REQUIRES(mutex_);
  void unindex(const Task& task) RHOOKS_REQUIRES(mutex_);
  void erase(Tasks::iterator it) RHOOKS_REQUIRES(mutex_);
  // False: its key is taken.
  bool add(const TaskRecord& record) RHOOKS_REQUIRES(mutex_);
  // None: also where it has expired.
  Tasks::iterator find(const TaskKey& key, TimePoint now) RHOOKS_REQUIRES(mutex_);
  bool leased(const TaskKey& key, TimePoint now) const RHOOKS_REQUIRES(mutex_);
  // None: at the end.
  std::optional<Revision> revision_of(Documents::const_iterator it) const RHOOKS_REQUIRES(mutex_);
  void write_log(const Log& log) RHOOKS_REQUIRES(mutex_);
  void drop_expired(TimePoint now) RHOOKS_REQUIRES(mutex_);

  Mutex mutex_;
  Random random_;
  UuidGenerator tokens_;
  Tasks tasks_ RHOOKS_GUARDED_BY(mutex_);
  std::set<std::pair<TimePoint, TaskKey>> due_ RHOOKS_GUARDED_BY(mutex_);   // of the ACTIVE tasks
  std::set<std::pair<TimePoint, TaskKey>> ends_ RHOOKS_GUARDED_BY(mutex_);  // of those that expire
  // At most one lease a task. One that ran out stays until something replaces it.
  std::map<TaskKey, Lease> leases_ RHOOKS_GUARDED_BY(mutex_);
  std::map<LogKey, Log> logs_ RHOOKS_GUARDED_BY(mutex_);
  std::set<std::pair<TimePoint, LogKey>> log_expiries_ RHOOKS_GUARDED_BY(mutex_);
  Documents documents_ RHOOKS_GUARDED_BY(mutex_);
};

}  // namespace rhooks::store
