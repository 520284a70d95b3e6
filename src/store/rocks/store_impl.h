#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"
#include "base/uuid.h"
#include "store/rocks/cleared_marks.h"
#include "store/rocks/database.h"
#include "store/rocks/first_end.h"
#include "store/rocks/index_heads.h"
#include "store/rocks/lease_table.h"
#include "store/rocks/rocks_store.h"
#include "store/store.h"

namespace rhooks::store::rocks {

// The store `rocksdb:PATH`. keys.h documents the bytes, lease_table.h how writers and claims
// keep out of each other's way.
//
// A write call is: hold the keys; read; decide; one synced WriteBatch; let the keys go with
// what it means for leases. Writes of different callers are made durable together by
// RocksDB's write group, since no lock of ours is held across Write() but the keys.
//
// Threads and contract: see Store. Blocking: disk.
class RocksStore final : public Store {
 public:
  RocksStore(std::unique_ptr<Database> database, const RocksOptions& options);

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

  // The two values of a task as read; a status of each.
  struct Stored {
    rocksdb::Status state_status;
    rocksdb::Status spec_status;
    rocksdb::PinnableSlice state;
    rocksdb::PinnableSlice spec;
    bool spec_beside = false;  // it was found beside the state

    bool missing() const { return state_status.IsNotFound() && spec_status.IsNotFound(); }
    std::size_t bytes() const { return state.size() + spec.size(); }
  };
  struct Candidate;
  struct CommitPlan;
  struct FollowUps;

  rocksdb::DB& db() { return database_->db(); }
  rocksdb::ColumnFamilyHandle* family(Family which) const { return (*database_)[which]; }

  Result<std::size_t> clear_listed(const std::string& ns, std::size_t limit, bool& more);
  Result<void> list_keys(const std::string& begin, const std::string& end, std::size_t limit,
                         std::vector<std::string>& keys, bool& more);

  // Writes what the holder of `lock` decided, and lets the lease table know of its effects:
  // that they took place or, where it failed, that they may.
  Result<void> write(rocksdb::WriteBatch& batch, LeaseTable::Lock& lock,
                     LeaseTable::Effects effects);

  // stored_records.cc: reading, decoding and indexing tasks.
  std::vector<Stored> read(const std::vector<std::string>& keys,
                           const rocksdb::ReadOptions& options = {});
  // As read(), for keys most of which are expected to be free.
  std::vector<Stored> read_expecting_none(const std::vector<std::string>& keys);
  // The states, and the specs that lie beside them: large ones read as not found.
  std::vector<Stored> read_rows(const std::vector<std::string>& keys,
                                const rocksdb::ReadOptions& options = {});
  struct Values {
    std::vector<rocksdb::PinnableSlice> values;
    std::vector<rocksdb::Status> statuses;
  };
  Values look_up(Family which, const std::vector<rocksdb::Slice>& keys,
                 const rocksdb::ReadOptions& options);
  // Errors: kNotFound; kCorrupt (missing in part or not readable); kUnavailable (the disk).
  Result<TaskRecord> decode(const TaskKey& key, const Stored& stored) const;
  // kNotFound also where it has expired.
  Result<TaskRecord> decode(const TaskKey& key, const Stored& stored, TimePoint now) const;
  // The fields of the state alone; the others have their defaults.
  static Result<TaskRecord> decode_state(const TaskKey& key, std::string_view state);
  // Errors: as decode().
  Result<TaskRecord> decode_state(const TaskKey& key, const Stored& stored) const;
  struct New {
    const TaskRecord* record = nullptr;
    const std::string* key = nullptr;
  };
  // Tasks that are new, and what becomes claimable with them. Family by family: neighbours of one
  // family are found faster than those of another.
  void put_new(rocksdb::WriteBatch& batch, std::span<const New> tasks,
               LeaseTable::Effects& effects) const;
  void put_spec(rocksdb::WriteBatch& batch, const std::string& key, const std::string& spec) const;
  void delete_spec(rocksdb::WriteBatch& batch, const std::string& key, bool beside) const;
  void put_index(rocksdb::WriteBatch& batch, const Task& task, const std::string& key) const;
  void delete_index(rocksdb::WriteBatch& batch, const Task& task, const std::string& key) const;
  void put_log(rocksdb::WriteBatch& batch, const Log& log) const;
  Result<bool> was_set_aside(const std::string& key);
  void report_unreadable(const TaskKey& key, const Error& error);

  // expiry.cc: deletes tasks that have expired, a bounded number of them. To be called now and
  // then.
  void drop_expired(TimePoint now);
  Result<std::vector<std::string>> list_ends(TimePoint from, TimePoint now, bool& more);
  bool drop(const std::vector<std::string>& ends);
  void note_end(const Task& task) {
    if (task.expires_at) first_end_.lower(*task.expires_at);
  }

  // claims.cc
  LeaseTable::OpenIndex open_due(const std::string& end, rocksdb::Slice& bound);
  struct ClaimRead {
    std::optional<Error> error;  // why a task could not be read
    bool gave_back = false;      // some were not looked at: they are due as before
  };
  ClaimRead read_claims(std::vector<LeaseTable::Taken>&& taken, TimePoint now, std::size_t& bytes,
                        ClaimResult& result);
  std::optional<SetAside> set_aside(const LeaseTable::Taken& taken, TimePoint now);
  std::vector<CommitPlan> plan_commits(std::span<const Commit> commits,
                                       const std::vector<std::string>& keys,
                                       LeaseTable::Effects& effects);
  void put_outcome(rocksdb::WriteBatch& batch, const Commit& commit, const std::string& key,
                   const HeldLease& lease, std::vector<std::string>& new_dates,
                   LeaseTable::Effects& effects) const;
  FollowUps plan_follow_ups(std::span<const Commit> commits, const std::vector<std::string>& keys,
                            std::vector<CommitPlan>& plans);
  void put_follow_ups(rocksdb::WriteBatch& batch, const FollowUps& follow_ups,
                      IndexHeads::Adding& adding, LeaseTable::Effects& effects) const;

  // task_queries.cc
  class PageBuilder;
  Result<bool> add_chunk(PageBuilder& builder, const std::string& ns,
                         const std::vector<Candidate>& candidates,
                         const std::vector<std::string>& keys, const rocksdb::ReadOptions& options);
  Result<TaskPage> query_by_date(const TaskQuery& query);
  Result<TaskPage> query_by_id(const TaskQuery& query);
  Result<TaskPage> query_leased(const TaskQuery& query);

  // documents.cc: the stored bytes of one; none: there is no such document.
  Result<std::optional<std::string>> read_document(const std::string& key);

  const RocksOptions options_;
  const std::unique_ptr<Database> database_;
  LeaseTable leases_;
  ClearedMarks cleared_;
  IndexHeads heads_;  // of by_date
  FirstEnd first_end_;
  Mutex drop_mutex_;                                             // held by the one that drops
  TimePoint drop_at_ RHOOKS_GUARDED_BY(drop_mutex_) = kTimeMin;  // not before
  std::atomic<bool> drops_left_{false};                          // to be dropped at once
  Mutex documents_mutex_;  // held from the look at a document until it is written
  Random random_;
  UuidGenerator tokens_;

  Mutex reported_mutex_;
  // Unreadable tasks that were logged; bounded.
  std::set<std::string> reported_ RHOOKS_GUARDED_BY(reported_mutex_);
};

Error not_found(const TaskKey& key);

}  // namespace rhooks::store::rocks
