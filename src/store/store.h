#pragma once

#include <rhooks/log.h>
#include <rhooks/result.h>
#include <rhooks/task.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/record.h"
#include "observe/metrics.h"
#include "store/description.h"
#include "store/document.h"
#include "store/flow_gate.h"

namespace rhooks::store {

using model::Lease;
using model::LeaseToken;
using model::TaskRecord;

struct PutResult {
  bool created = true;
  std::optional<TaskRecord> existing;  // the record under that key, where not created
};

// Where a page of tasks goes on: after this task. Ordered by id, only `id` counts.
struct TaskPosition {
  TimePoint scheduled_date{};
  std::string id;

  friend bool operator==(const TaskPosition&, const TaskPosition&) = default;
};

// Ordered by (scheduled_date, id), or by id where `id_prefix` is given.
struct TaskQuery {
  std::string ns;
  std::optional<std::string> id_prefix;
  std::optional<Status> status;         // PROCESSING = with a live lease, ACTIVE = without
  bool not_ended = false;               // neither DONE nor FAILED, whether there is a lease or not
  std::optional<TimePoint> from;        // inclusive
  std::optional<TimePoint> to;          // inclusive
  std::optional<std::string> endpoint;  // the one that the task names
  std::optional<std::string> reason;    // State::failure_reason
  std::optional<int> last_status;       // Execution::last_response_status
  bool desc = false;
  std::size_t limit = 100;
  std::optional<TaskPosition> after;
  TimePoint now{};
};

// `next` set: there may be more. A page may be shorter than the limit (even empty) and have
// a `next`: stores bound what one call reads, by bytes and by rows looked at.
struct TaskPage {
  std::vector<Task> items;  // status as shown
  std::optional<TaskPosition> next;
};

struct LogPosition {
  TimePoint started_at{};
  std::string id;

  friend bool operator==(const LogPosition&, const LogPosition&) = default;
};

// Ordered by (started_at, id).
struct LogQuery {
  std::string ns;
  std::optional<std::string> task_id;
  std::optional<LogStatus> status;
  std::optional<TimePoint> from;  // inclusive
  std::optional<TimePoint> to;    // inclusive
  bool desc = false;
  std::size_t limit = 100;
  std::optional<LogPosition> after;
  TimePoint now{};  // logs that expire at or before it are not shown
};

struct LogPage {
  std::vector<Log> items;
  std::optional<LogPosition> next;
};

// Ordered by their bytes.
struct NamespaceQuery {
  std::string prefix;
  std::size_t limit = 100;
  std::optional<std::string> after;  // a namespace; those up to it are passed over
};

// As of TaskPage.
struct NamespacePage {
  std::vector<std::string> items;
  std::optional<std::string> next;
};

// Which due tasks a call is about, where several processes share one store.
enum class Scope {
  kAll,
  // Those that fall to this process; which ones that are is settled among the processes that
  // ask so, from the first such claim until resign(). In a store of one process: all.
  kAssigned,
};

struct ClaimRequest {
  TimePoint now{};     // leases that end at or before it are over
  TimePoint due_by{};  // claim what is due at or before it
  std::size_t limit = 0;
  std::chrono::milliseconds lease_for{60'000};
  Scope scope = Scope::kAll;
  // Says what may be claimed; none: everything. A place that it gave for a claim is the caller's to
  // give back, also where this call failed or the task was not handed out. Where processes share
  // a store, each has a gate of its own.
  FlowGate* gate = nullptr;
};

struct Claim {
  Lease lease;
  Task task;           // as stored: ACTIVE
  TimePoint due_at{};  // its place among what is due (model::place_of)
};

// A task whose stored bytes cannot be read. It is out of the way of the others, and its
// bytes are kept for inspection.
struct SetAside {
  TaskKey key;
  std::string reason;
};

struct ClaimResult {
  std::vector<Claim> claims;        // earliest due first, as far as the store can tell
  std::vector<SetAside> set_aside;  // found unreadable by this call
  // False: nothing else that is due by due_by could be claimed. True: something may be left,
  // and where nothing is, the next claim says so.
  bool more = false;
  // Something that is due by then waits until the gate lets it pass; it does not count for `more`.
  bool waits = false;
};

struct DueEntry {
  TaskKey key;
  TimePoint due_at{};  // as of a Claim
  TimePoint scheduled_date{};
};

struct DuePosition {
  TimePoint due_at{};
  TaskKey key;
};

struct DuePage {
  std::vector<DueEntry> items;
  std::optional<DuePosition> next;
};

// The outcome of one attempt. `task` is the whole task after it (status ACTIVE, DONE or
// FAILED); only what an attempt may change is written: rhooks::State.
struct Commit {
  Lease lease;
  Task task;
  std::optional<Log> log;  // none: of this attempt none is kept
  // Tasks that are to be stored with the outcome: ACTIVE, in the namespace of `task`, at most two.
  std::vector<TaskRecord> follow_ups = {};
};

enum class CommitOutcome {
  kApplied,    // now, or by an earlier try of the same commit
  kLeaseLost,  // another claim or change came between: the task is as they left it
  kGone,       // the task was deleted
};

// Changes a task; pure, may be called more than once. An Error leaves the task as it is.
using Edit = std::function<Result<Task>(Task)>;

// Keeps tasks and logs, lends due tasks out under a lease and takes their outcomes back; and keeps
// documents.
//
// Threads: every method may be called from any thread.
// Blocking: every method may wait for I/O; never call one from a network loop.
// Durability: what a method reports as done survives a crash of the process and of the
// machine.
// Names: namespaces and ids are valid UTF-8, as registration checks; they sort by their bytes.
// Batches: items succeed or fail one by one, and a crash may leave any subset applied,
// because DynamoDB promises no more. Results follow input order. A batch holds no key twice
// unless a method says otherwise, and at most 1000 items.
// Time: passed in, so that a store needs no clock.
// Documents are apart from tasks: calls that are about tasks or namespaces neither see nor change
// them.
// Expiry: a task whose expires_at has come is not there for get, query_tasks, change and remove at
// that `now`, and a task created since takes its place. The store deletes it by itself some time
// after, while tasks are claimed; until then clear() and namespaces() count it.
// Errors: kUnavailable (nothing was applied; retry), kUnknownOutcome (it may have been
// applied; retry what is safe to repeat), kCorrupt. A call for which there is no memory fails with
// kOverloaded, or with kUnknownOutcome where it may have changed something; the next one may find
// some.
class Store {
 public:
  virtual ~Store() = default;

  // Counts and times every call from now on. A call of a batch counts as failed when an item could
  // not be stored or read; an item that is not found, or that an edit refused, is an answer. To be
  // called by whoever opens the store, before others use it; `metrics` must outlive it.
  void measure_by(Metrics& metrics) { metrics_ = &metrics; }

  // Adds tasks whose keys are free, or held by a task that had expired when the new one was created
  // (created_at). A key that is taken (also by an earlier item of the same batch) is no error:
  // `created` is false and the record is given. Safe to repeat.
  std::vector<Result<PutResult>> put(std::span<const TaskRecord> records);

  // Errors: kNotFound, kCorrupt. Status as shown.
  Result<Task> get(const TaskKey& key, TimePoint now);

  Result<TaskPage> query_tasks(const TaskQuery& query);
  Result<LogPage> query_logs(const LogQuery& query);

  // The namespaces that hold a task, each once. One whose first task was put, or whose last task
  // was removed, before the call is in the answer, or is not. Its cost goes by the number of
  // namespaces, not of tasks.
  Result<NamespacePage> namespaces(const NamespaceQuery& query);

  // Applies `edit` to each task, atomically against every other method. The edit sees the
  // status as shown and must refuse PROCESSING itself, unless the attempt is to come to nothing: a
  // lease ends with the change, live or not, and a commit under it is refused. Errors of an item:
  // kNotFound, and what `edit` returned. Returns the tasks as changed. Safe to repeat if the edit
  // is.
  std::vector<Result<Task>> change(std::span<const TaskKey> keys, const Edit& edit, TimePoint now);

  // Deletes tasks, leased or not, and returns them. Errors of an item: kNotFound. Their logs
  // stay.
  std::vector<Result<Task>> remove(std::span<const TaskKey> keys, TimePoint now);

  // Deletes up to `limit` tasks of a namespace and, when none is left, its logs. Returns how
  // many tasks; 0 = the namespace is empty.
  Result<std::size_t> clear(const std::string& ns, std::size_t limit);

  // Leases up to `limit` due tasks that nobody has a live lease on. No task is handed out
  // twice while its lease lives. A lease lives until its end; where processes share the store, no
  // longer than the worker that has it, as far as the others know (Lease::life). What the gate does
  // not let pass holds nothing up that is due later.
  Result<ClaimResult> claim_due(const ClaimRequest& request);

  // Whether others cannot have taken this lease before its end: not where this process could not
  // show for a while that it lives, or has left. Its attempt must not be begun then; the outcome of
  // one that was counts as long as nothing replaced the lease. Does not wait.
  bool holds(const Lease& lease) const { return do_holds(lease); }

  // Writes outcomes. The log of an attempt is always written, once, whatever becomes of the
  // task: an attempt that was made is a fact. The task is changed only while `lease` is its
  // current one. Safe to repeat: an applied item answers kApplied again. A lease that has
  // run out but that nothing else replaced still counts.
  //
  // Follow-ups are stored where the outcome takes effect, and nowhere else: with it, or by nobody;
  // not again where the commit is repeated. One whose key is taken, as of put(), is passed over. A
  // store in a network that dies, or is not answered, after the outcome keeps what is still to be
  // stored with the task, and stores it before anything else becomes of that: soon, by who claims
  // the task, which is due until then; or by who changes or removes it. clear() drops it.
  std::vector<Result<CommitOutcome>> commit(std::span<const Commit> commits);

  // Gives leases back unused: the tasks are due again at once. Leases that are not current
  // are passed over. Safe to repeat.
  Result<void> release(std::span<const Lease> leases);

  // When a claim may next find something: the earliest due time of a task without a live
  // lease or the earliest end of a lease, in the past where something can be claimed now.
  // None: not until something is written. Where a store has not read what lies behind leased
  // tasks, it may name an earlier time after `now`; asked again then, it knows more. With a gate:
  // of what waits for it `leave` is left out.
  Result<std::optional<TimePoint>> next_due(TimePoint now, Scope scope = Scope::kAll,
                                            const FlowGate* gate = nullptr,
                                            Leave leave = Leave::kWaiting);

  // What claim_due would find without a gate, in its order, without claiming it.
  Result<DuePage> peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                           const std::optional<DuePosition>& after);

  // Stores a document as of `now`, in the place of what `replaces` says, and returns the revision
  // that it has from then on. Errors: kInvalidArgument (model::check_document); where something
  // else is there than was to be replaced, and nothing was written: kConflict (there is one
  // already, or it has another revision), kNotFound (a revision was given, and there is no such
  // document). After kUnknownOutcome, try again and compare: until that try is answered, the one
  // before may still take effect. What replaces a revision does so once, however often it is tried;
  // so where the try answers kConflict or kNotFound, read the document: if it has these data, it
  // was stored. The same goes for what replaces nothing, unless somebody removes the document in
  // between. What replaces whatever is there may undo what others wrote since.
  Result<Revision> put_document(const Document& document, const Replaces& replaces, TimePoint now);

  // As of the last write. Errors: kInvalidArgument, kNotFound, kCorrupt.
  Result<StoredDocument> get_document(const DocumentKey& key);

  // Removes a document: that revision of it, if one is given. Errors: kInvalidArgument, kNotFound
  // (there is none), kConflict (it has another revision). After kUnknownOutcome, try again:
  // kNotFound then says that it is gone. Where an answer of a store in a network was lost, two
  // who remove one revision may both be told that they did.
  Result<void> remove_document(const DocumentKey& key, const std::optional<Revision>& revision);

  // One whose bytes cannot be read is named by its key. Errors: kInvalidArgument, kCorrupt (where
  // not even a key can be read).
  Result<DocumentPage> list_documents(const DocumentQuery& query);

  // This process claims no more (with Scope::kAssigned, that is): what fell to it falls to others
  // now. What it has claimed stays its own, and is others' if it dies, until finished(). Both are
  // without effect where nothing is shared.
  void resign();
  // After resign(): nothing that it claimed is under way any more.
  void finished();

  // Whether the store can be read and written now; the message says what is wrong.
  Result<void> check();

  // What it is made of and what state it is in, for people. Changes nothing.
  Result<Description> describe();

 private:
  // How a store does each of these. What the calls of documents are given was checked.
  virtual std::vector<Result<PutResult>> do_put(std::span<const TaskRecord> records) = 0;
  virtual Result<Task> do_get(const TaskKey& key, TimePoint now) = 0;
  virtual Result<TaskPage> do_query_tasks(const TaskQuery& query) = 0;
  virtual Result<LogPage> do_query_logs(const LogQuery& query) = 0;
  virtual Result<NamespacePage> do_namespaces(const NamespaceQuery& query) = 0;
  virtual std::vector<Result<Task>> do_change(std::span<const TaskKey> keys, const Edit& edit,
                                              TimePoint now) = 0;
  virtual std::vector<Result<Task>> do_remove(std::span<const TaskKey> keys, TimePoint now) = 0;
  virtual Result<std::size_t> do_clear(const std::string& ns, std::size_t limit) = 0;
  virtual Result<ClaimResult> do_claim_due(const ClaimRequest& request) = 0;
  virtual std::vector<Result<CommitOutcome>> do_commit(std::span<const Commit> commits) = 0;
  virtual Result<void> do_release(std::span<const Lease> leases) = 0;
  virtual Result<std::optional<TimePoint>> do_next_due(TimePoint now, Scope scope,
                                                       const FlowGate* gate, Leave leave) = 0;
  virtual Result<DuePage> do_peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                                      const std::optional<DuePosition>& after) = 0;
  virtual Result<Revision> do_put_document(const Document& document, const Replaces& replaces,
                                           TimePoint now) = 0;
  virtual Result<StoredDocument> do_get_document(const DocumentKey& key) = 0;
  virtual Result<void> do_remove_document(const DocumentKey& key,
                                          const std::optional<Revision>& revision) = 0;
  virtual Result<DocumentPage> do_list_documents(const DocumentQuery& query) = 0;
  virtual bool do_holds(const Lease&) const { return true; }
  virtual void do_resign() {}
  virtual void do_finished() {}
  virtual Result<void> do_check() = 0;
  virtual Result<Description> do_describe() = 0;

  Metrics* metrics_ = nullptr;
};

}  // namespace rhooks::store
