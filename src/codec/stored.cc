// The stored bytes. bytes.h defines the primitives.
//
//   spec    u8 version = 1
//           time created_at, 16 bytes fingerprint, string id_prefix,
//           request, int retry_limit,
//           opt(int interval, int max, u8 unit) repeat
//   state   u8 version = 1; 2 where the task has or had an extra occurrence; 3 where it expires
//           u8 status, time scheduled_date, int attempt, opt(time) next_attempt_date,
//           time updated_at, 16 bytes last_token,
//           errors: int count, int consecutive, opt(time) first, opt(time) last, string text,
//           execution: int count, int failed, int successful, int skipped,
//             opt(time) first, opt(time) first_scheduled, opt(time) last,
//             opt(int) response status, headers, string response body
//           from version 2: opt(time) extra_date, int executions that were extra
//           from version 3: time expires_at
//   log     u8 version = 2, opt(time) expires_at (both at the head, for log_expiry),
//           string task_id, int attempt, int retry_limit, request,
//           opt(int status, headers, string body, flag body_truncated) response,
//           string error, u8 status, time scheduled_date, time due_date, int duration in us,
//           time created_at
//           version 1 had no due_date, and the duration in ms
//
//   request u8 method, string url, headers, u8 body kind, string body data
//   headers varint count, then string name, string value of each
//
// The numbers of enumerators are part of the format: they are those of the tables below,
// and are never used again for something else. A reader knows every version up to its own;
// what it does not know was written by a newer build.

#include "codec/stored.h"

#include <algorithm>
#include <array>
#include <limits>

#include "codec/bytes.h"

namespace rhooks::codec {
namespace {

constexpr std::uint8_t kSpecVersion = 1;
constexpr std::uint8_t kStateVersion = 3;
constexpr std::uint8_t kLogVersion = 2;

// The position of an enumerator is its stored number.
constexpr std::array kMethods{Method::kGet,   Method::kPost,   Method::kPut,
                              Method::kPatch, Method::kDelete, Method::kHead};
// PROCESSING is not among them: it is ACTIVE with a live lease, and is stored so.
constexpr std::array kStatuses{Status::kActive, Status::kDone, Status::kFailed, Status::kSuspended};
constexpr std::array kRepeatUnits{RepeatUnit::kSeconds, RepeatUnit::kMinutes, RepeatUnit::kHours,
                                  RepeatUnit::kDays};
constexpr std::array kBodyKinds{Body::Kind::kNone, Body::Kind::kJson, Body::Kind::kText};
constexpr std::array kLogStatuses{LogStatus::kSuccess, LogStatus::kFail};

// What a value has in fixed parts and lengths, at most but for rare extremes: room is made once.
constexpr std::size_t kFixedBytes = 128;

// The longest that microseconds can tell.
constexpr std::int64_t kMillisMax = std::numeric_limits<std::int64_t>::max() / 1000;

std::size_t bytes_of(const std::vector<Header>& headers) {
  std::size_t bytes = 0;
  for (const Header& header : headers) bytes += header.name.size() + header.value.size() + 4;
  return bytes;
}

std::size_t bytes_of(const Request& request) {
  return request.url.size() + bytes_of(request.headers) + request.body.data.size();
}

template <typename E, std::size_t N>
void write_enum(ByteWriter& out, const std::array<E, N>& table, E value) {
  const auto found = std::find(table.begin(), table.end(), value);
  out.u8(static_cast<std::uint8_t>(found - table.begin()));
}

template <typename E, std::size_t N>
E read_enum(ByteReader& in, const std::array<E, N>& table) {
  const std::uint8_t number = in.u8();
  if (number < N) return table[number];
  in.refuse("an enumerator is unknown");
  return table[0];
}

void write_headers(ByteWriter& out, const std::vector<Header>& headers) {
  out.varint(headers.size());
  for (const Header& header : headers) {
    out.string(header.name);
    out.string(header.value);
  }
}

std::vector<Header> read_headers(ByteReader& in) {
  std::vector<Header> headers;
  const std::uint64_t count = in.varint();
  // Each takes at least the bytes of its two lengths, so a false count allocates nothing.
  if (count > in.left() / 2) {
    in.refuse("there are fewer headers than it says");
    return headers;
  }
  headers.reserve(count);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    std::string name = in.string();
    headers.push_back({std::move(name), in.string()});
  }
  return headers;
}

void write_request(ByteWriter& out, const Request& request) {
  write_enum(out, kMethods, request.method);
  out.string(request.url);
  write_headers(out, request.headers);
  write_enum(out, kBodyKinds, request.body.kind);
  out.string(request.body.data);
}

Request read_request(ByteReader& in) {
  Request request;
  request.method = read_enum(in, kMethods);
  request.url = in.string();
  request.headers = read_headers(in);
  request.body.kind = read_enum(in, kBodyKinds);
  request.body.data = in.string();
  return request;
}

// Any up to `known`.
std::uint8_t read_version(ByteReader& in, std::uint8_t known) {
  const std::uint8_t version = in.u8();
  if (in.ok() && (version == 0 || version > known)) {
    in.refuse("its format version is not known to this build (a newer one may have written it)");
  }
  return version;
}

tl::unexpected<Error> corrupt(const ByteReader& in, const std::string& what) {
  return fail(ErrorCode::kCorrupt, what + " can not be read: " + in.reason() + " (at byte " +
                                       std::to_string(in.position()) + ")");
}

void read_spec(ByteReader& in, model::TaskRecord& record) {
  Task& task = record.task;
  read_version(in, kSpecVersion);
  task.created_at = in.time();
  record.fingerprint = in.array<16>();
  task.id_prefix = in.string();
  task.request = read_request(in);
  task.retry_limit = in.count_int();
  if (in.flag()) {
    Repeat repeat;
    repeat.interval = in.integer_in(1, std::numeric_limits<std::int64_t>::max());
    repeat.max = in.count();
    repeat.unit = read_enum(in, kRepeatUnits);
    task.repeat = repeat;
  }
  in.end();
}

// Tasks are stored as they were before there was what they do not have.
std::uint8_t state_version(const Task& task) {
  if (task.expires_at) return 3;
  return task.extra_date || task.execution.extra > 0 ? 2 : 1;
}

void read_state(ByteReader& in, model::TaskRecord& record) {
  Task& task = record.task;
  const std::uint8_t version = read_version(in, kStateVersion);
  task.status = read_enum(in, kStatuses);
  task.scheduled_date = in.time();
  task.attempt = in.count_int();
  task.next_attempt_date = in.optional_time();
  task.updated_at = in.time();
  record.last_token = in.array<16>();

  task.errors.count = in.count();
  task.errors.consecutive = in.count();
  task.errors.first_error_date = in.optional_time();
  task.errors.last_error_date = in.optional_time();
  task.errors.last_error = in.string();

  Execution& execution = task.execution;
  execution.count = in.count();
  execution.failed = in.count();
  execution.successful = in.count();
  execution.skipped = in.count();
  execution.first_execution_date = in.optional_time();
  execution.first_scheduled_date = in.optional_time();
  execution.last_execution_date = in.optional_time();
  if (in.flag()) execution.last_response_status = in.count_int();
  execution.last_response_headers = read_headers(in);
  execution.last_response_body = in.string();
  if (version >= 2) {
    task.extra_date = in.optional_time();
    execution.extra = in.count();
  }
  if (version >= 3) task.expires_at = in.time();
  // Each task has one form, so that bytes that changed are seen.
  if (in.ok() && version != state_version(task)) {
    in.refuse("it has nothing of the version that it says");
  }
  in.end();
}

}  // namespace

std::string encode_spec(const model::TaskRecord& record) {
  const Task& task = record.task;
  ByteWriter out(kFixedBytes + task.id_prefix.size() + bytes_of(task.request));
  out.u8(kSpecVersion);
  out.time(task.created_at);
  out.array(record.fingerprint);
  out.string(task.id_prefix);
  write_request(out, task.request);
  out.integer(task.retry_limit);
  out.flag(task.repeat.has_value());
  if (task.repeat) {
    out.integer(task.repeat->interval);
    out.integer(task.repeat->max);
    write_enum(out, kRepeatUnits, task.repeat->unit);
  }
  return out.take();
}

std::string encode_state(const model::TaskRecord& record) {
  const Task& task = record.task;
  const Execution& execution = task.execution;
  ByteWriter out(kFixedBytes + task.errors.last_error.size() +
                 bytes_of(execution.last_response_headers) + execution.last_response_body.size());
  const std::uint8_t version = state_version(task);
  out.u8(version);
  const bool processing = task.status == Status::kProcessing;
  write_enum(out, kStatuses, processing ? Status::kActive : task.status);
  out.time(task.scheduled_date);
  out.integer(task.attempt);
  out.optional_time(task.next_attempt_date);
  out.time(task.updated_at);
  out.array(record.last_token);

  out.integer(task.errors.count);
  out.integer(task.errors.consecutive);
  out.optional_time(task.errors.first_error_date);
  out.optional_time(task.errors.last_error_date);
  out.string(task.errors.last_error);

  out.integer(execution.count);
  out.integer(execution.failed);
  out.integer(execution.successful);
  out.integer(execution.skipped);
  out.optional_time(execution.first_execution_date);
  out.optional_time(execution.first_scheduled_date);
  out.optional_time(execution.last_execution_date);
  out.flag(execution.last_response_status.has_value());
  if (execution.last_response_status) out.integer(*execution.last_response_status);
  write_headers(out, execution.last_response_headers);
  out.string(execution.last_response_body);
  if (version >= 2) {
    out.optional_time(task.extra_date);
    out.integer(execution.extra);
  }
  if (version >= 3) out.time(*task.expires_at);
  return out.take();
}

Result<model::TaskRecord> decode_record(const TaskKey& key, std::string_view spec,
                                        std::string_view state) {
  model::TaskRecord record;
  record.task.key = key;
  if (ByteReader in(spec); read_spec(in, record), !in.ok()) {
    return corrupt(in, "the stored spec of task \"" + key.id + "\" in \"" + key.ns + "\"");
  }
  if (ByteReader in(state); read_state(in, record), !in.ok()) {
    return corrupt(in, "the stored state of task \"" + key.id + "\" in \"" + key.ns + "\"");
  }
  return record;
}

std::string encode_log(const Log& log) {
  std::size_t response = 0;
  if (log.response) response = bytes_of(log.response->headers) + log.response->body.size();
  ByteWriter out(kFixedBytes + log.task.id.size() + bytes_of(log.request) + response +
                 log.error.size());
  out.u8(kLogVersion);
  out.optional_time(log.expires_at);
  out.string(log.task.id);
  out.integer(log.attempt);
  out.integer(log.retry_limit);
  write_request(out, log.request);
  out.flag(log.response.has_value());
  if (log.response) {
    out.integer(log.response->status);
    write_headers(out, log.response->headers);
    out.string(log.response->body);
    out.flag(log.response->body_truncated);
  }
  out.string(log.error);
  write_enum(out, kLogStatuses, log.status);
  out.time(log.scheduled_date);
  out.time(log.due_date);
  // A clock that was set back can make it negative.
  out.integer(std::max<std::int64_t>(log.duration.count(), 0));
  out.time(log.created_at);
  return out.take();
}

Result<Log> decode_log(std::string_view ns, TimePoint started_at, std::string_view id,
                       std::string_view bytes) {
  Log log;
  log.id = id;
  log.task.ns = ns;
  log.started_at = started_at;

  ByteReader in(bytes);
  const std::uint8_t version = read_version(in, kLogVersion);
  log.expires_at = in.optional_time();
  log.task.id = in.string();
  log.attempt = in.count_int();
  log.retry_limit = in.count_int();
  log.request = read_request(in);
  if (in.flag()) {
    Response response;
    response.status = in.count_int();
    response.headers = read_headers(in);
    response.body = in.string();
    response.body_truncated = in.flag();
    log.response = std::move(response);
  }
  log.error = in.string();
  log.status = read_enum(in, kLogStatuses);
  log.scheduled_date = in.time();
  if (version == 1) {
    // The time of a retry was not noted; its start is the nearest that is known.
    log.due_date = log.attempt == 1 ? log.scheduled_date : started_at;
    log.duration = std::chrono::milliseconds{in.integer_in(0, kMillisMax)};
  } else {
    log.due_date = in.time();
    log.duration = std::chrono::microseconds{in.count()};
  }
  log.created_at = in.time();
  in.end();
  if (!in.ok()) return corrupt(in, "the stored log \"" + log.id + "\" in \"" + log.task.ns + "\"");
  return log;
}

Result<std::optional<TimePoint>> log_expiry(std::string_view bytes) {
  ByteReader in(bytes);
  read_version(in, kLogVersion);
  const std::optional<TimePoint> expires_at = in.optional_time();
  if (!in.ok()) return corrupt(in, "the head of a stored log");
  return expires_at;
}

}  // namespace rhooks::codec
