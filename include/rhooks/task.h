#pragma once

#include <rhooks/schedule.h>
#include <rhooks/time.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rhooks {

enum class Method { kGet, kPost, kPut, kPatch, kDelete, kHead };

// ACTIVE      waits for its time (or for the next attempt).
// PROCESSING  a worker holds its lease and is making an attempt.
// DONE        its last occurrence succeeded.
// FAILED      its last occurrence failed, or too many in a row did, or it was cancelled.
// SUSPENDED   set aside until unsuspend(): by suspend(), or since too many failed in a row
//             (Spec::pause_on_failure), or since its next time cannot be told.
enum class Status { kActive, kProcessing, kDone, kFailed, kSuspended };

enum class RepeatUnit { kSeconds, kMinutes, kHours, kDays };

// "GET", "ACTIVE", "minutes": the names of the public JSON.
const char* to_string(Method method);
const char* to_string(Status status);
const char* to_string(RepeatUnit unit);

// Runs once unless `max` is given; the n-th occurrence is at scheduled_date + n * interval.
struct Repeat {
  std::int64_t interval = 1;  // in `unit`s; at least 1
  std::int64_t max = 1;       // executions in all, without extra ones; 0 = for ever
  RepeatUnit unit = RepeatUnit::kMinutes;

  friend bool operator==(const Repeat&, const Repeat&) = default;
};

struct Header {
  std::string name;
  std::string value;

  friend bool operator==(const Header&, const Header&) = default;
};

// The body of a request: nothing, a JSON value other than a string, or text.
//
// JSON is checked when it is registered and sent as it was given, numbers and white space
// included, but for white space around it. null stands for no body, as it does in the JSON of the
// API; to send those four letters give them as text, with a Content-Type of your own.
class Body {
 public:
  enum class Kind { kNone, kJson, kText };

  Body() = default;
  Body(Kind kind, std::string data) : data_(std::move(data)), kind_(kind) {}
  static Body json(std::string text) { return {Kind::kJson, std::move(text)}; }
  static Body text(std::string text) { return {Kind::kText, std::move(text)}; }

  Kind kind() const { return kind_; }
  // kJson: JSON text, nested at most 64 deep; kText: sent as it is.
  const std::string& data() const { return data_; }
  // Whether it is JSON that rhooks has checked already, and need not check again. What json() makes
  // is not checked before it is registered. Equality does not ask for it.
  bool is_checked() const { return is_checked_ && !data_.empty(); }  // moved from, it is empty

  friend bool operator==(const Body& a, const Body& b) {
    return a.kind_ == b.kind_ && a.data_ == b.data_;
  }

 private:
  friend class BodyJson;  // src/json/text.h: JSON that was checked

  // First: if there is no memory for a copy of it, the others stay as they are.
  std::string data_;
  Kind kind_ = Kind::kNone;
  bool is_checked_ = false;
};

// The HTTP request of a task.
//
// POST, PUT and PATCH send the body: JSON unless the task's own Content-Type says
// application/x-www-form-urlencoded or multipart/form-data; text goes as it is.
// GET, DELETE and HEAD turn a JSON object into the query string, merged with the URL's own.
struct Request {
  Method method = Method::kGet;
  // http or https; at most 8 KiB. Of a task with an endpoint what comes behind the endpoint's URL:
  // from "/" or "?" on, or nothing.
  std::string url;
  std::vector<Header> headers;  // at most 64, and 32 KiB together
  Body body;                    // at most 256 KiB

  friend bool operator==(const Request&, const Request&) = default;
};

// The failures of a task. An execution fails when the attempts of its occurrence are used up.
struct Errors {
  std::int64_t count = 0;                     // failed executions
  std::int64_t consecutive = 0;               // failed executions since the last success
  std::optional<TimePoint> first_error_date;  // of the first failed attempt
  std::optional<TimePoint> last_error_date;   // of the latest failed attempt
  std::string last_error;                     // why that attempt failed

  friend bool operator==(const Errors&, const Errors&) = default;
};

// The executions of a task and its latest response.
struct Execution {
  std::int64_t count = 0;  // executions that ended; successful + failed
  std::int64_t failed = 0;
  std::int64_t successful = 0;
  std::int64_t skipped = 0;  // occurrences that were not attempted; not in `count`
  std::int64_t extra = 0;    // of `count`, those that run now added to a series; not in its `max`
  std::optional<TimePoint> first_execution_date;  // start of the first attempt
  std::optional<TimePoint> first_scheduled_date;  // nominal time of the first occurrence tried
  std::optional<TimePoint> last_execution_date;   // start of the latest attempt
  std::optional<int> last_response_status;        // of the latest attempt that got a response
  std::vector<Header> last_response_headers;
  std::string last_response_body;  // its first 64 KiB

  friend bool operator==(const Execution&, const Execution&) = default;
};

// Occurrences of a series that were not attempted, and will not be: those from `first` up to the
// one that followed them.
struct Skipped {
  TimePoint first{};         // nominal time of the first of them
  std::int64_t late = 0;     // missed, and a later one ran, or none (Schedule::missed, grace)
  std::int64_t overlap = 0;  // came while an earlier one was under way (Overlap::kSkip)

  friend bool operator==(const Skipped&, const Skipped&) = default;
};

// Identifies a task. Ids are unique within a namespace.
struct TaskKey {
  std::string ns;  // the namespace: 1 to 256 bytes
  std::string id;  // 1 to 512 bytes

  friend bool operator==(const TaskKey&, const TaskKey&) = default;
  friend auto operator<=>(const TaskKey&, const TaskKey&) = default;
};

// What is registered and stays: the request, and when and how often it is made.
struct Spec {
  std::string id_prefix;    // as registered; empty if none
  std::string description;  // for people; at most 1 KiB
  std::string endpoint;     // by its name; empty: the request says all
  // Its tasks with one key are shared out apart from those with another. At most 128 bytes; only
  // with `endpoint`.
  std::string flow_key;
  Request request;
  std::optional<Repeat> repeat;
  // Says when, in place of `repeat` and NewTask::scheduled_date. None of both: one-shot.
  std::optional<Schedule> schedule;
  // An occurrence gets up to 1 + retry_limit attempts; at most 100. None: that of the endpoint, or
  // as many as its retry_schedule has, else 3.
  std::optional<int> retry_limit;
  // The longest that one attempt may take, 1 ms to 24 h. None: that of the endpoint. None, or more
  // than Options::request_timeout: that.
  std::optional<std::chrono::milliseconds> timeout;
  // No attempt begins at that time or later: the task is FAILED then. Excludes `repeat` and
  // `schedule`.
  std::optional<TimePoint> deliver_before;
  // An endpoint of the namespace to which a task is sent at the end of each execution, to tell of
  // it. Empty: that of its endpoint, if it has one.
  std::string callback;
  // The ends that are told, "task.succeeded" and "task.failed"; empty: both. Only with `callback`.
  std::vector<std::string> callback_on;
  // So many failed executions in a row end a series: it is FAILED. 0: they never do; at most
  // 1,000,000. None: Options::max_errors of the worker.
  std::optional<int> max_errors;
  // It is SUSPENDED then rather than FAILED, with its next occurrence, and so after each as many
  // more in a row.
  bool pause_on_failure = false;

  friend bool operator==(const Spec&, const Spec&) = default;
};

// What attempts and edits change.
struct State {
  // Nominal time of the current occurrence; while an extra one is, of the series' next, or the
  // same, where nothing is left of it.
  TimePoint scheduled_date{};
  // Nominal time of the extra occurrence of a series, while it is the current one: it was asked
  // for then by run now (Hooks::trigger(key)), and has not ended.
  std::optional<TimePoint> extra_date;
  Status status = Status::kActive;
  // Why it is FAILED; empty where it is not:
  //   exhausted         the attempts of its last occurrence are used up
  //   gone              the receiver answered 410
  //   non_retryable     it answered what its endpoint does not retry (Endpoint::stop_on)
  //   expired           it was not delivered before `deliver_before`
  //   cancelled         by Hooks::cancel() or cancel_many()
  //   max_errors        too many executions in a row have failed (Spec::max_errors)
  //   endpoint_missing  its endpoint is not there
  //   unbuildable       no request can be made of it
  std::string failure_reason;
  std::string note;  // why the scheduler has suspended it (Spec::pause_on_failure)
  Errors errors;
  Execution execution;
  // What was skipped right before the current occurrence of the series; before its end, where it
  // has ended so.
  std::optional<Skipped> skipped_before;
  int attempt = 0;  // attempts made for the current occurrence; 0 unless a retry is pending
  // When the next attempt is made if not at the nominal time: a pending retry, run now, or the
  // jitter of a schedule.
  std::optional<TimePoint> next_attempt_date;
  // Whether it keeps its place while the retry is pending: others of its flow, which are due after
  // its nominal time, wait behind it (Endpoint::ordered).
  bool in_order = false;
  // When a DONE or FAILED task is deleted (Options::done_ttl, Options::failed_ttl). From then on it
  // is as if it were not there. None: it is kept.
  std::optional<TimePoint> expires_at;
  TimePoint updated_at{};
  // What a newer version stored with it and this one does not know: kept as it is.
  std::string newer_fields;

  friend bool operator==(const State&, const State&) = default;
};

// Why a task that is due waits, as far as the process that answers knows.
struct Held {
  // Of its endpoint: "paused"; "breaker": it does not answer; "retry-after": its receiver asked for
  // that by such a header (RFC 9110, section 10.2.3); "concurrency" or "rate", by that
  // limit; "endpoint": it cannot be read. Of the task before it in order: "order": that is being
  // attempted; "retry": that waits for its retry.
  std::string by;
  std::optional<TimePoint> until;  // none: until somebody acts, or an attempt ends
  // By "breaker": the status that it answers with; none: nothing comes back.
  std::optional<int> status;

  friend bool operator==(const Held&, const Held&) = default;
};

// A registered webhook, one-shot or recurring.
struct Task : Spec, State {
  TaskKey key;
  TimePoint created_at{};
  // Of a task that was made to tell of another one (Spec::callback): the id of that one. Of one
  // that tells of an endpoint: its name.
  std::string origin;
  // Of an ACTIVE task that is due, in answers that show one; never stored.
  std::optional<Held> held;

  friend bool operator==(const Task&, const Task&) = default;
};

// What register_task takes. Only ns is required, and request.url or endpoint.
struct NewTask : Spec {
  std::string ns;
  std::string id;                           // chosen by the caller; empty: [id_prefix#]UUIDv7
  std::optional<TimePoint> scheduled_date;  // default: now; one in the past is due at once
  // Derives the id, so that registering again with the same key finds the first task.
  // At most 256 bytes; excludes `id`. White space between the tokens of a JSON body does not
  // make another content.
  std::string idempotency_key;

  friend bool operator==(const NewTask&, const NewTask&) = default;
};

}  // namespace rhooks
