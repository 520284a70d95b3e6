#pragma once

#include <rhooks/api_key.h>
#include <rhooks/endpoint.h>
#include <rhooks/log.h>
#include <rhooks/redrive.h>
#include <rhooks/result.h>
#include <rhooks/schedule.h>
#include <rhooks/secret.h>
#include <rhooks/store_description.h>
#include <rhooks/task.h>
#include <rhooks/task_filter.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace rhooks {

struct FetchQuery {
  TaskFilter filter;
  bool desc = false;      // descending order
  int limit = 100;        // 1 to 1000
  std::string start_key;  // last_evaluated_key of the page before
};

struct TaskPage {
  // Ordered by scheduled_date, then id; by id where filter.id is given.
  std::vector<Task> items;
  // Not empty: there may be more. A page may be shorter than `limit` and still have a
  // key, where pages are cut by size or few of the tasks looked at match.
  std::string last_evaluated_key;
};

struct FetchLogsQuery {
  std::string ns;       // required
  std::string task_id;  // logs of this task only
  std::optional<LogStatus> status;
  std::optional<TimePoint> from;  // started_at >= from
  std::optional<TimePoint> to;    // started_at <= to
  bool desc = false;
  int limit = 100;  // 1 to 1000
  std::string start_key;
};

struct LogPage {
  std::vector<Log> items;  // ordered by started_at
  std::string last_evaluated_key;
};

struct NamespacesQuery {
  std::string prefix;     // of their names; empty: all
  int limit = 100;        // 1 to 1000
  std::string start_key;  // last_evaluated_key of the page before
};

struct Namespace {
  std::string name;
};

struct NamespacePage {
  std::vector<Namespace> items;  // ordered by the bytes of their names
  // Not empty: there may be more. A page may be shorter than `limit`, even empty, and have one.
  std::string last_evaluated_key;
};

// Bulk operations act on one chunk a call and look at a bounded number of tasks for it, so that no
// call takes long. Call again with last_evaluated_key while `more`; a count may be 0 meanwhile.
struct ManyQuery {
  TaskFilter filter;
  int chunk_limit = 1000;  // the most tasks that one call acts on: 1 to 1000
  // last_evaluated_key of the call before, of the same operation and filter, or kInvalidArgument;
  // empty: from the first task that matches.
  std::string start_key;
};

struct ManyResult {
  std::int64_t count = 0;
  std::vector<TaskKey> items;  // those acted on, `count` of them
  bool more = false;           // others may match: call again, also where the count is 0
  // Set where there is more: goes on after the tasks that were looked at, or before them where
  // some could not be acted on.
  std::string last_evaluated_key;
};

struct Registration {
  Task task;
  bool created = true;  // false: an idempotency key was replayed, and this is the first task
};

struct TriggerResult {
  std::int64_t processed = 0;  // attempts made and recorded
  std::int64_t errors = 0;     // those of them that failed
  // Tasks that were due when it began and that it left, since they wait for their endpoints
  // (Task::held), or other processes of a shared store are to attempt them. Counting stops at
  // 1,000; then there may be more.
  std::int64_t held = 0;
};

struct DueTask {
  TaskKey key;
  TimePoint scheduled_date{};
};

struct DryrunResult {
  std::int64_t count = 0;      // what is due: all of it, unless there is more
  std::vector<DueTask> items;  // the first of them, at most 1000, earliest first
  bool more = false;           // counting stopped at `count`; more may be due
};

// Which occurrences a preview shows.
struct PreviewRange {
  std::optional<TimePoint> from;  // those at this time or later; none: now
  int count = 10;                 // the first of them, 1 to 1000

  friend bool operator==(const PreviewRange&, const PreviewRange&) = default;
};

// What a preview is of: when a task would run that was registered now, or at `range.from`, if that
// is past. Either `schedule`, or at least one of `scheduled_date` and `repeat`.
struct PreviewQuery {
  std::optional<Schedule> schedule;  // its `since` is passed over
  std::optional<TimePoint> scheduled_date;
  std::optional<Repeat> repeat;
  // Of the task: what its jitter depends on. None: occurrences with jitter have no `due`.
  std::optional<TaskKey> key;
  PreviewRange range;

  friend bool operator==(const PreviewQuery&, const PreviewQuery&) = default;
};

// Which occurrences of a series are made up for.
struct BackfillQuery {
  TaskKey key;  // of the series, in whatever status it is
  // Those whose nominal time is from here on up to `to`, both included; `to` may be now at the
  // latest.
  TimePoint from{};
  TimePoint to{};
  int chunk_limit = 1000;  // the most that one call makes up for: 1 to 1000
  bool dry_run = false;    // only says which they are

  friend bool operator==(const BackfillQuery&, const BackfillQuery&) = default;
};

struct Backfilled {
  std::string id;              // of the task that stands for the occurrence
  TimePoint scheduled_date{};  // its nominal time
  bool created = false;        // whether this call registered it

  friend bool operator==(const Backfilled&, const Backfilled&) = default;
};

struct BackfillResult {
  std::vector<Backfilled> items;  // earliest first
  // Not none: there are more, and this is the `from` of the next call.
  std::optional<TimePoint> next;

  friend bool operator==(const BackfillResult&, const BackfillResult&) = default;
};

// The calls of the scheduler, wherever it runs: Hooks is the one in this process.
//
// Threads: one at a time, unless the implementation allows more.
// Blocking: every method waits for the store; trigger() of all that is due and test_endpoint() also
// for deliveries.
// Promise: a task is on disk (synced) before register_task returns it, and is then
// delivered at least once, whatever crashes.
class HooksApi {
 public:
  virtual ~HooksApi() = default;

  // Stores a task, or finds the one of its idempotency key. Errors: kInvalidArgument; kConflict
  // where the id exists, or where the idempotency key was used with other content; kUnsupported,
  // of a schedule, or of its time zone where there is no time zone database. With an
  // idempotency key or an id of your own a retry is safe; otherwise a retry after
  // kUnknownOutcome may register twice.
  virtual Result<Registration> register_task(NewTask task) = 0;
  // The same for up to 1000 at once, durable together: a result for each, in their order. An
  // error of the whole call holds for each of them.
  virtual Result<std::vector<Result<Registration>>> register_many(std::vector<NewTask> tasks) = 0;

  // Errors: kNotFound.
  virtual Result<Task> get(const TaskKey& key) = 0;
  // A page of tasks. Errors: kInvalidArgument, also for a start_key that is not of this query.
  virtual Result<TaskPage> fetch(const FetchQuery& query) = 0;
  // A page of logs. Expired logs are never shown.
  virtual Result<LogPage> fetch_logs(const FetchLogsQuery& query) = 0;
  // A page of the namespaces that have tasks, in whatever status. Logs alone make no namespace.
  virtual Result<NamespacePage> namespaces(const NamespacesQuery& query) = 0;

  // Deletes a task and returns it. One that is being attempted: the attempt ends and is
  // logged, and the task does not come back. Errors: kNotFound. Safe to retry.
  virtual Result<Task> remove(const TaskKey& key) = 0;
  // Deletes a chunk of the tasks that match. Safe to retry.
  virtual Result<ManyResult> remove_many(const ManyQuery& query) = 0;
  // Deletes all tasks and logs of a namespace; returns how many tasks. Safe to retry.
  virtual Result<std::int64_t> clear(const std::string& ns) = 0;

  // ACTIVE -> SUSPENDED. Once it returns, no attempt is begun. Errors: kNotFound, kConflict
  // (another status). Safe to retry, the second answer being kConflict.
  virtual Result<Task> suspend(const TaskKey& key) = 0;
  // Suspends a chunk of the ACTIVE tasks that match. filter.status must be empty or kActive.
  virtual Result<ManyResult> suspend_many(const ManyQuery& query) = 0;
  // SUSPENDED -> ACTIVE. One that was set aside since the time zone of its schedule could not be
  // read goes on behind its last occurrence, or is DONE or FAILED as that was, where none follows.
  // Errors: kNotFound, kConflict; kUnsupported and kInvalidArgument where the time zone of its
  // schedule cannot be read, kUnavailable where it cannot for now, here and in trigger().
  virtual Result<Task> unsuspend(const TaskKey& key) = 0;
  // Makes a chunk of the SUSPENDED tasks that match ACTIVE again: those whose time is past are
  // due at once. Passes over those whose schedule cannot be read here, with a warning in the log.
  // filter.status must be empty or kSuspended. Safe to retry.
  virtual Result<ManyResult> unsuspend_many(const ManyQuery& query) = 0;

  // ACTIVE, PROCESSING, SUSPENDED -> FAILED, its failure_reason being "cancelled". No other attempt
  // follows. One that is under way, or about to begin, ends and is logged, and changes nothing.
  // trigger(key) runs the task again. Errors: kNotFound, kConflict (DONE, FAILED). Safe to retry,
  // the second answer being kConflict.
  virtual Result<Task> cancel(const TaskKey& key) = 0;
  // Cancels a chunk of the tasks that match. filter.status: kActive (also if empty), kProcessing or
  // kSuspended.
  virtual Result<ManyResult> cancel_many(const ManyQuery& query) = 0;

  // Run now: makes the occurrence of an ACTIVE task due at once; a series whose next one is yet
  // to come gets an extra one (Task::extra_date) and goes on as if there were none. Gives a DONE
  // or FAILED task one more occurrence. A worker delivers it. Errors: kNotFound, kConflict. Safe
  // to retry while what was asked for is still due; afterwards it asks for one more.
  virtual Result<Task> trigger(const TaskKey& key) = 0;

  // Called with the counts so far, as far as they are known: 0 where they are not.
  using Progress = std::function<void(const TriggerResult&)>;
  // Attempts everything that is due at the time of the call, whatever the number, and
  // returns when the outcomes are stored. What its endpoint holds stays: while that is paused, does
  // not answer or is damaged, for its rate, or behind a retry; it is counted. With a running worker
  // it waits for that worker; `concurrency` holds either way, shared out among receivers: many
  // tasks for one that does not answer take long. `progress`, if given, is called from this thread,
  // two to four times a second. Errors: kUnavailable.
  virtual Result<TriggerResult> trigger(const Progress& progress = {}) = 0;
  // What trigger() would attempt now, and what endpoints hold; stops counting at 10,000. Changes
  // nothing.
  virtual Result<DryrunResult> trigger_dryrun(int limit = 1000) = 0;

  // When a task would run, in words and in times, before it is registered. Changes nothing, and
  // asks no store. Errors: kInvalidArgument, with the field and what to write instead;
  // kUnsupported: there are no time zones on this machine.
  virtual Result<Preview> preview(const PreviewQuery& query) = 0;
  // When a task will run, from its current occurrence on, if all goes as planned. Of one that is
  // DONE or FAILED nothing is left. Errors: also kNotFound.
  virtual Result<Preview> preview(const TaskKey& key, const PreviewRange& range = {}) = 0;

  // Makes up for occurrences of a series that are past, whether they were delivered, failed or were
  // skipped: registers for each a one-shot task of the namespace, which has the request and
  // settings of the series as they are now, is due at once, and leaves the series as it is. Its id
  // is that of the series, "@" and the nominal time: ID@2027-01-01T08:00:00.000Z. The nominal times
  // are those of the schedule as it is now, without what it excludes, also before its `start` and
  // behind its `end` and `max` if it is one of cron; other series have none before their first.
  // Errors: kInvalidArgument; kNotFound; kConflict (it is no series); those of register_task(),
  // with which some may be registered. Safe to retry: a task that is there stays as it is.
  virtual Result<BackfillResult> backfill(const BackfillQuery& query) = 0;

  // Endpoints. They are no tasks: a namespace that has nothing else has no tasks, and clear()
  // leaves them.

  // Stores an endpoint, in the place of the one of its name if there is one; created_at and paused
  // stay. With `if_revision` it replaces that revision only, or with kIfNone nothing. Errors:
  // kInvalidArgument; kNotFound (there is no secret that it names, its field being the error's);
  // with `if_revision` kNotFound (there is none of that name) and kConflict, field "revision" (it
  // has another revision, or with kIfNone one at all). Safe to retry; with kIfNone the second
  // answer may be kConflict.
  virtual Result<EndpointPut> put_endpoint(Endpoint endpoint,
                                           const std::string& if_revision = {}) = 0;
  // To change one, read it, and put it with the revision that was read; read it again where that is
  // kConflict. `held` is what this process knows, here and in a page. Errors: kNotFound.
  virtual Result<Endpoint> endpoint(const std::string& ns, const std::string& name) = 0;
  // A page of the endpoints of a namespace.
  virtual Result<EndpointPage> endpoints(const EndpointsQuery& query) = 0;
  // Deletes an endpoint and returns it, with `if_revision` that revision only. Errors: kNotFound;
  // kConflict (it has another revision; or a task that is not DONE or FAILED names it, unless that
  // is passed over by `force`: such tasks are FAILED when they are due). Looks at all such tasks of
  // the namespace, without `force`. One that is registered or run again meanwhile may be missed; on
  // DynamoDB also one that was just before, or whose occurrence ends then. Safe to retry.
  virtual Result<Endpoint> remove_endpoint(const std::string& ns, const std::string& name,
                                           const std::string& if_revision = {},
                                           bool force = false) = 0;

  // Pauses an endpoint: its tasks wait until it is resumed, in this process from the return on, in
  // others that share the store from 5 s later on. Attempts under way end. One that is paused
  // already stays as it is, and so does one that is not, where it is resumed. Errors: kNotFound.
  // Safe to retry.
  virtual Result<Endpoint> pause_endpoint(const std::string& ns, const std::string& name) = 0;
  virtual Result<Endpoint> resume_endpoint(const std::string& ns, const std::string& name) = 0;
  // Makes one request to an endpoint at once, also while it is paused, as it would be made for a
  // task that has `request`, and tells what it came to. Nothing is stored or counted, and it is not
  // repeated: `task.id` of the log is "test". Waits for the answer, or the end of its time limit.
  // Errors: kNotFound; kInvalidArgument, as of a task; kConflict (a secret that it names is not
  // there, or cannot be opened); kUnknownOutcome (a stop() came between). An
  // attempt that failed is none.
  virtual Result<Log> test_endpoint(const std::string& ns, const std::string& name,
                                    Request request) = 0;

  // Secrets: what webhooks are signed with, and what receivers ask for. They are sealed by the
  // master key of the process (Options::secret_keys), and no call gives a value back. As endpoints,
  // they are no tasks.

  // Stores a secret, in the place of the one of its name if there is one: no value of that is used
  // from then on. With `if_revision` it replaces that revision only, or with kIfNone nothing.
  // Errors: kInvalidArgument; kUnsupported (there is no master key); kConflict (the one of that
  // name has another type); with `if_revision` as put_endpoint(). Safe to retry; with kIfNone the
  // second answer may be kConflict.
  virtual Result<SecretPut> put_secret(NewSecret secret, const std::string& if_revision = {}) = 0;
  // Errors: kNotFound.
  virtual Result<Secret> secret(const std::string& ns, const std::string& name) = 0;
  // A page of the secrets of a namespace.
  virtual Result<SecretPage> secrets(const SecretsQuery& query) = 0;
  // Gives a secret another value, and lets the one before sign as well for a while. Errors:
  // kInvalidArgument; kNotFound; kUnsupported (there is no master key); kConflict (it has another
  // revision; or the one before still signs, and overlap is not 0). To retry it safely give the
  // revision that was read.
  virtual Result<Secret> rotate_secret(const std::string& ns, const std::string& name,
                                       SecretRotation rotation,
                                       const std::string& if_revision = {}) = 0;
  // Deletes a secret and returns it, with `if_revision` that revision only. Errors: kNotFound;
  // kConflict (it has another revision; or an endpoint names it, unless that is passed over by
  // `force`: its tasks wait then). Looks at all endpoints of the namespace, without `force`; one
  // that is put meanwhile may be missed. Safe to retry.
  virtual Result<Secret> remove_secret(const std::string& ns, const std::string& name,
                                       const std::string& if_revision = {}, bool force = false) = 0;

  // Redrives: FAILED tasks of a namespace are run again, a few at a time. A namespace has one,
  // which stays as it ended until the next one.

  // Begins one, and returns at once. The process that was asked carries it on, with a worker or
  // without; stopped or killed in between, the next one that start()s on the store goes on, or is
  // asked for it, and counts no task twice. Errors: kInvalidArgument; kConflict (one is under way).
  // Safe to retry: what failed before the first one and was run again is not FAILED any more.
  virtual Result<Redrive> start_redrive(Redrive redrive) = 0;
  // As far as it has come. Errors: kNotFound.
  virtual Result<Redrive> redrive(const std::string& ns) = 0;
  // Ends one, and returns how far it had come. The tasks of its last step, a second's worth or 100,
  // may yet run again. One that has ended stays as it is. Errors: kNotFound. Safe to retry.
  virtual Result<Redrive> cancel_redrive(const std::string& ns) = 0;

  // API keys: what the holders of each may do over the REST API, and in which namespaces. To calls
  // of this interface they mean nothing.

  // Makes one; no other call tells the key itself. Errors: kInvalidArgument, also where it expires
  // in the past; kConflict (there are 10,000). A retry makes another one.
  virtual Result<CreatedApiKey> create_api_key(ApiKeySpec key) = 0;
  // Errors: kNotFound.
  virtual Result<ApiKey> api_key(const std::string& id) = 0;
  // A page of them.
  virtual Result<ApiKeyPage> api_keys(const ApiKeysQuery& query) = 0;
  // Lets its holder do this from now on, in other processes that share the store within 5 s; with
  // `if_revision` it changes that revision only. Errors: kInvalidArgument; kNotFound; kConflict,
  // field "revision" (it has another revision). Safe to retry.
  virtual Result<ApiKey> change_api_key(const std::string& id, ApiKeySpec key,
                                        const std::string& if_revision = {}) = 0;
  // Deletes a key and returns it, with `if_revision` that revision only: it opens nothing from the
  // return on, in other processes that share the store from 5 s later on. Errors: kNotFound;
  // kConflict, as above. Safe to retry.
  virtual Result<ApiKey> revoke_api_key(const std::string& id,
                                        const std::string& if_revision = {}) = 0;

  // What the store is made of and what state it is in, for people. Changes nothing.
  virtual Result<StoreDescription> describe_store() = 0;
};

}  // namespace rhooks
