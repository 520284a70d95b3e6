#pragma once

#include <rhooks/log.h>
#include <rhooks/options.h>
#include <rhooks/result.h>
#include <rhooks/store_description.h>
#include <rhooks/task.h>

#include <functional>
#include <memory>
#include <stdexcept>

namespace rhooks {

// Which tasks of a namespace. Empty members do not restrict.
struct TaskFilter {
  std::string ns;  // required
  std::string id;  // a prefix; given, results are ordered by id
  std::optional<Status> status;
  std::optional<TimePoint> from;  // scheduled_date >= from
  std::optional<TimePoint> to;    // scheduled_date <= to
};

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

// Thrown by the constructor only.
class HooksError : public std::runtime_error {
 public:
  explicit HooksError(Error error) : std::runtime_error(error.message), error_(std::move(error)) {}
  const Error& error() const { return error_; }

 private:
  Error error_;
};

// The scheduler: registers tasks and delivers them.
//
// Threads: every method may be called from any thread.
// Blocking: every method waits for the store; trigger() and stop() also for deliveries.
// Promise: a task is on disk (synced) before register_task returns it, and is then
// delivered at least once, whatever crashes.
class Hooks {
 public:
  // Opens the store. Errors: kInvalidArgument (an option; `field` names it), kUnavailable
  // (a store that another process has locked, no permission), kCorrupt, kUnsupported.
  static Result<std::unique_ptr<Hooks>> open(Options options);
  // The same; throws HooksError.
  explicit Hooks(Options options = {});
  // Stops the worker as stop() does.
  ~Hooks();

  Hooks(const Hooks&) = delete;
  Hooks& operator=(const Hooks&) = delete;

  // Stores a task. Errors: kInvalidArgument; kConflict where the id exists, or where the
  // idempotency key was used with other content. With an idempotency key or an id of your
  // own a retry is safe; otherwise a retry after kUnknownOutcome may register twice.
  Result<Task> register_task(NewTask task);
  // The same for those who do not wait: calls `done` with the result, once, on this thread or
  // another one. It must not throw, or wait for another call of the scheduler. Calls that wait at
  // the same time, of either kind, share one sync. With a dynamodb: store this waits all the same.
  // kOverloaded: some 16,000 of them wait already.
  void register_task(NewTask task, std::function<void(Result<Registration>)> done);
  // The same for up to 1000 at once, durable together: a result for each, in their order.
  std::vector<Result<Registration>> register_many(std::vector<NewTask> tasks);

  // Errors: kNotFound.
  Result<Task> get(const TaskKey& key);
  // A page of tasks. Errors: kInvalidArgument, also for a start_key that is not of this query.
  Result<TaskPage> fetch(const FetchQuery& query);
  // A page of logs. Expired logs are never shown.
  Result<LogPage> fetch_logs(const FetchLogsQuery& query);

  // A page of the namespaces that have tasks, in whatever status. Logs alone make no namespace.
  Result<NamespacePage> namespaces(const NamespacesQuery& query);

  // Deletes a task and returns it. One that is being attempted: the attempt ends and is
  // logged, and the task does not come back. Errors: kNotFound. Safe to retry.
  Result<Task> remove(const TaskKey& key);
  // Deletes a chunk of the tasks that match. Safe to retry.
  Result<ManyResult> remove_many(const ManyQuery& query);
  // Deletes all tasks and logs of a namespace; returns how many tasks. Safe to retry.
  Result<std::int64_t> clear(const std::string& ns);

  // ACTIVE -> SUSPENDED. Once it returns, no attempt is begun. Errors: kNotFound, kConflict
  // (another status). Safe to retry, the second answer being kConflict.
  Result<Task> suspend(const TaskKey& key);
  // Suspends a chunk of the ACTIVE tasks that match. filter.status must be empty or kActive.
  Result<ManyResult> suspend_many(const ManyQuery& query);
  // SUSPENDED -> ACTIVE. Errors: kNotFound, kConflict.
  Result<Task> unsuspend(const TaskKey& key);
  // Makes a chunk of the SUSPENDED tasks that match ACTIVE again: those whose time is past are
  // due at once. filter.status must be empty or kSuspended. Safe to retry.
  Result<ManyResult> unsuspend_many(const ManyQuery& query);

  // Run now: makes the occurrence of an ACTIVE task due at once; a series whose next one is yet
  // to come gets an extra one (Task::extra_date) and goes on as if there were none. Gives a DONE
  // or FAILED task one more occurrence. A worker delivers it. Errors: kNotFound, kConflict. Safe
  // to retry while what was asked for is still due; afterwards it asks for one more.
  Result<Task> trigger(const TaskKey& key);

  // Attempts everything that is due at the time of the call, whatever the number, and
  // returns when the outcomes are stored. With a running worker it waits for that worker;
  // `concurrency` holds either way. `progress`, if given, is called from this thread about
  // four times a second. Errors: kUnavailable.
  Result<TriggerResult> trigger(const std::function<void(const TriggerResult&)>& progress = {});
  // What trigger() would attempt now; stops counting at 10,000. Changes nothing.
  Result<DryrunResult> trigger_dryrun(int limit = 1000);

  // Starts the background worker, which delivers each task on its millisecond. Idempotent.
  Result<void> start();
  // Claims no more, lets attempts end until drain_timeout, releases what was not sent.
  // Idempotent.
  void stop();
  // Makes a stop() that is under way, or the next one, not wait for attempts.
  void stop_now();

  // Whether the store can be used now.
  Result<void> check();
  // What the store is made of and what state it is in, for people. Changes nothing.
  Result<StoreDescription> describe_store();
  // Metrics in the Prometheus text format 0.0.4.
  std::string metrics() const;

  struct Parts;  // other parts than Options opens, for tests (src/hooks/hooks_parts.h)
  explicit Hooks(Parts parts);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rhooks
