// The stored bytes: fields by number. tagged.h defines their form.
//
//   spec    1 created_at, 2 fingerprint (16 bytes), 3 id_prefix,
//           4 method, 5 url, 6 headers (repeated), 7 body kind, 8 body data,
//           9 retry_limit, 10 repeat interval, 11 repeat max, 12 repeat unit
//   state   1 status, 2 scheduled_date, 3 attempt, 4 next_attempt_date (optional), 5 updated_at,
//           6 last_token (16 bytes), 7 extra_date (optional), 8 expires_at (optional),
//           errors: 9 count, 10 consecutive, 11 first (optional), 12 last (optional), 13 text,
//           execution: 14 count, 15 failed, 16 successful, 17 skipped, 18 extra,
//             19 first (optional), 20 first_scheduled (optional), 21 last (optional),
//             22 response status (optional), 23 response headers (repeated), 24 response body
//   log     1 expires_at (optional; first, for log_expiry), 2 task id, 3 attempt, 4 retry_limit,
//           5 method, 6 url, 7 headers (repeated), 8 body kind, 9 body data,
//           10 response status (optional; there is a response where there is one),
//           11 response headers (repeated), 12 response body, 13 response body truncated,
//           14 error, 15 status, 16 scheduled_date, 17 due_date, 18 duration in us, 19 created_at
//
// Enumerators are the numbers of model/numbers.h; the first of each has no field.
//
// To add a field: take the next number, write it, read it, and name it here. Older builds keep it.
// A number that is not used any more is never used again. Another enumerator, or a field more of a
// header, is what older builds can not read: it needs a new format (rocks/keys.h,
// dynamo/tables.cc).

#include "codec/stored.h"

#include <algorithm>

#include "codec/tagged.h"
#include "model/numbers.h"

namespace rhooks::codec {
namespace {

// What a value has in fixed parts and lengths, at most but for rare extremes: room is made once.
constexpr std::size_t kFixedBytes = 192;

std::size_t bytes_of(const std::vector<Header>& headers) {
  std::size_t bytes = 0;
  for (const Header& header : headers) bytes += header.name.size() + header.value.size() + 8;
  return bytes;
}

std::size_t bytes_of(const Request& request) {
  return request.url.size() + bytes_of(request.headers) + request.body.data.size();
}

void write_headers(FieldWriter& out, std::uint32_t field, const std::vector<Header>& headers) {
  for (const Header& header : headers) out.header(field, header);
}

void read_header(FieldReader& in, std::vector<Header>& headers) {
  if (headers.empty()) headers.reserve(4);
  headers.push_back(in.header());
}

template <typename E>
E read_enum(FieldReader& in) {
  const std::uint64_t number = in.number(0xff);
  const auto value = model::from_number<E>(number);
  if (!value) in.refuse("an enumerator is unknown");
  return value.value_or(E{});
}

// The fields of a request have the numbers from `first` on.
void write_request(FieldWriter& out, std::uint32_t first, const Request& request) {
  out.number(first, model::number_of(request.method));
  out.text(first + 1, request.url);
  write_headers(out, first + 2, request.headers);
  out.number(first + 3, model::number_of(request.body.kind));
  out.text(first + 4, request.body.data);
}

void read_request(FieldReader& in, std::uint32_t field, Request& request) {
  switch (field) {
    case 0:
      request.method = read_enum<Method>(in);
      break;
    case 1:
      request.url = in.text();
      break;
    case 2:
      read_header(in, request.headers);
      break;
    case 3:
      request.body.kind = read_enum<Body::Kind>(in);
      break;
    default:
      request.body.data = in.text();
  }
}

constexpr std::uint32_t kSpecRequest = 4;
constexpr std::uint32_t kLogRequest = 5;

tl::unexpected<Error> corrupt(const FieldReader& in, const std::string& what) {
  return fail(ErrorCode::kCorrupt, what + " can not be read: " + in.reason() + " (at byte " +
                                       std::to_string(in.position()) + ")");
}

Repeat& repeat_of(Task& task) {
  if (!task.repeat) task.repeat = Repeat{.interval = 0, .max = 0, .unit = {}};
  return *task.repeat;
}

void read_spec(FieldReader& in, model::TaskRecord& record) {
  Task& task = record.task;
  task.retry_limit = 0;
  while (const std::uint32_t field = in.next()) {
    switch (field) {
      case 1:
        task.created_at = in.time();
        break;
      case 2:
        record.fingerprint = in.array<16>();
        break;
      case 3:
        task.id_prefix = in.text();
        break;
      case kSpecRequest:
      case kSpecRequest + 1:
      case kSpecRequest + 2:
      case kSpecRequest + 3:
      case kSpecRequest + 4:
        read_request(in, field - kSpecRequest, task.request);
        break;
      case 9:
        task.retry_limit = in.count_int();
        break;
      case 10:
        repeat_of(task).interval = in.count();
        break;
      case 11:
        repeat_of(task).max = in.count();
        break;
      case 12:
        repeat_of(task).unit = read_enum<RepeatUnit>(in);
        break;
      default:
        in.keep(record.newer_spec_fields);
    }
  }
  if (in.ok() && task.repeat && task.repeat->interval == 0)
    in.refuse("it repeats without an interval");
}

bool read_error_field(FieldReader& in, std::uint32_t field, Errors& errors) {
  switch (field) {
    case 9:
      errors.count = in.count();
      return true;
    case 10:
      errors.consecutive = in.count();
      return true;
    case 11:
      errors.first_error_date = in.optional_time();
      return true;
    case 12:
      errors.last_error_date = in.optional_time();
      return true;
    case 13:
      errors.last_error = in.text();
      return true;
    default:
      return false;
  }
}

bool read_execution_field(FieldReader& in, std::uint32_t field, Execution& execution) {
  switch (field) {
    case 14:
      execution.count = in.count();
      return true;
    case 15:
      execution.failed = in.count();
      return true;
    case 16:
      execution.successful = in.count();
      return true;
    case 17:
      execution.skipped = in.count();
      return true;
    case 18:
      execution.extra = in.count();
      return true;
    case 19:
      execution.first_execution_date = in.optional_time();
      return true;
    case 20:
      execution.first_scheduled_date = in.optional_time();
      return true;
    case 21:
      execution.last_execution_date = in.optional_time();
      return true;
    case 22:
      execution.last_response_status = in.optional_int();
      return true;
    case 23:
      read_header(in, execution.last_response_headers);
      return true;
    case 24:
      execution.last_response_body = in.text();
      return true;
    default:
      return false;
  }
}

void read_state(FieldReader& in, model::TaskRecord& record) {
  Task& task = record.task;
  while (const std::uint32_t field = in.next()) {
    switch (field) {
      case 1:
        task.status = read_enum<Status>(in);
        break;
      case 2:
        task.scheduled_date = in.time();
        break;
      case 3:
        task.attempt = in.count_int();
        break;
      case 4:
        task.next_attempt_date = in.optional_time();
        break;
      case 5:
        task.updated_at = in.time();
        break;
      case 6:
        record.last_token = in.array<16>();
        break;
      case 7:
        task.extra_date = in.optional_time();
        break;
      case 8:
        task.expires_at = in.optional_time();
        break;
      default:
        if (!read_error_field(in, field, task.errors) &&
            !read_execution_field(in, field, task.execution)) {
          in.keep(task.newer_fields);
        }
    }
  }
}

void write_state(FieldWriter& out, const State& state, const model::LeaseToken& last_token) {
  const bool processing = state.status == Status::kProcessing;
  out.number(1, model::number_of(processing ? Status::kActive : state.status));
  out.time(2, state.scheduled_date);
  out.number(3, static_cast<std::uint64_t>(state.attempt));
  out.optional_time(4, state.next_attempt_date);
  out.time(5, state.updated_at);
  out.array(6, last_token);
  out.optional_time(7, state.extra_date);
  out.optional_time(8, state.expires_at);

  const Errors& errors = state.errors;
  out.number(9, static_cast<std::uint64_t>(errors.count));
  out.number(10, static_cast<std::uint64_t>(errors.consecutive));
  out.optional_time(11, errors.first_error_date);
  out.optional_time(12, errors.last_error_date);
  out.text(13, errors.last_error);

  const Execution& execution = state.execution;
  out.number(14, static_cast<std::uint64_t>(execution.count));
  out.number(15, static_cast<std::uint64_t>(execution.failed));
  out.number(16, static_cast<std::uint64_t>(execution.successful));
  out.number(17, static_cast<std::uint64_t>(execution.skipped));
  out.number(18, static_cast<std::uint64_t>(execution.extra));
  out.optional_time(19, execution.first_execution_date);
  out.optional_time(20, execution.first_scheduled_date);
  out.optional_time(21, execution.last_execution_date);
  out.optional_int(22, execution.last_response_status);
  write_headers(out, 23, execution.last_response_headers);
  out.text(24, execution.last_response_body);
}

}  // namespace

std::string encode_spec(const model::TaskRecord& record) {
  const Task& task = record.task;
  FieldWriter out(kFixedBytes + task.id_prefix.size() + bytes_of(task.request),
                  record.newer_spec_fields);
  out.time(1, task.created_at);
  out.array(2, record.fingerprint);
  out.text(3, task.id_prefix);
  write_request(out, kSpecRequest, task.request);
  out.number(9, static_cast<std::uint64_t>(task.retry_limit));
  if (task.repeat) {
    out.number(10, static_cast<std::uint64_t>(task.repeat->interval));
    out.number(11, static_cast<std::uint64_t>(task.repeat->max));
    out.number(12, model::number_of(task.repeat->unit));
  }
  return out.take();
}

std::string encode_state(const State& state, const model::LeaseToken& last_token) {
  const Execution& execution = state.execution;
  FieldWriter out(kFixedBytes + state.errors.last_error.size() +
                      bytes_of(execution.last_response_headers) +
                      execution.last_response_body.size(),
                  state.newer_fields);
  write_state(out, state, last_token);
  return out.take();
}

std::string encode_state(const model::TaskRecord& record) {
  return encode_state(record.task, record.last_token);
}

Result<void> decode_state(std::string_view state, model::TaskRecord& record) {
  static_cast<State&>(record.task) = {};
  record.last_token = {};
  FieldReader in(state);
  read_state(in, record);
  if (in.ok()) return {};
  const TaskKey& key = record.task.key;
  return corrupt(in, "the stored state of task \"" + key.id + "\" in \"" + key.ns + "\"");
}

Result<model::TaskRecord> decode_record(const TaskKey& key, std::string_view spec,
                                        std::string_view state) {
  model::TaskRecord record;
  record.task.key = key;
  FieldReader in(spec);
  read_spec(in, record);
  if (!in.ok()) {
    return corrupt(in, "the stored spec of task \"" + key.id + "\" in \"" + key.ns + "\"");
  }
  if (auto read = decode_state(state, record); !read) return fail(std::move(read.error()));
  return record;
}

namespace {

Response& response_of(Log& log, FieldReader& in) {
  if (!log.response) in.refuse("it has parts of a response and no status");
  if (!log.response) log.response.emplace();
  return *log.response;
}

void read_log_fields(FieldReader& in, Log& log) {
  std::string unknown;  // of a log that is never written again
  while (const std::uint32_t field = in.next()) {
    switch (field) {
      case 1:
        log.expires_at = in.optional_time();
        break;
      case 2:
        log.task.id = in.text();
        break;
      case 3:
        log.attempt = in.count_int();
        break;
      case 4:
        log.retry_limit = in.count_int();
        break;
      case kLogRequest:
      case kLogRequest + 1:
      case kLogRequest + 2:
      case kLogRequest + 3:
      case kLogRequest + 4:
        read_request(in, field - kLogRequest, log.request);
        break;
      case 10:
        log.response.emplace().status = in.optional_int();
        break;
      case 11:
        read_header(in, response_of(log, in).headers);
        break;
      case 12:
        response_of(log, in).body = in.text();
        break;
      case 13:
        response_of(log, in).body_truncated = in.flag();
        break;
      case 14:
        log.error = in.text();
        break;
      case 15:
        log.status = read_enum<LogStatus>(in);
        break;
      case 16:
        log.scheduled_date = in.time();
        break;
      case 17:
        log.due_date = in.time();
        break;
      case 18:
        log.duration = std::chrono::microseconds{in.count()};
        break;
      case 19:
        log.created_at = in.time();
        break;
      default:
        in.keep(unknown);
    }
  }
}

}  // namespace

std::string encode_log(const Log& log) {
  std::size_t response = 0;
  if (log.response) response = bytes_of(log.response->headers) + log.response->body.size();
  FieldWriter out(kFixedBytes + log.task.id.size() + bytes_of(log.request) + response +
                  log.error.size());
  out.optional_time(1, log.expires_at);
  out.text(2, log.task.id);
  out.number(3, static_cast<std::uint64_t>(log.attempt));
  out.number(4, static_cast<std::uint64_t>(log.retry_limit));
  write_request(out, kLogRequest, log.request);
  if (log.response) {
    out.optional_int(10, log.response->status);
    write_headers(out, 11, log.response->headers);
    out.text(12, log.response->body);
    out.number(13, log.response->body_truncated ? 1 : 0);
  }
  out.text(14, log.error);
  out.number(15, model::number_of(log.status));
  out.time(16, log.scheduled_date);
  out.time(17, log.due_date);
  // A clock that was set back can make it negative.
  out.number(18, static_cast<std::uint64_t>(std::max<std::int64_t>(log.duration.count(), 0)));
  out.time(19, log.created_at);
  return out.take();
}

Result<Log> decode_log(std::string_view ns, TimePoint started_at, std::string_view id,
                       std::string_view bytes) {
  Log log;
  log.id = id;
  log.task.ns = ns;
  log.started_at = started_at;
  log.attempt = 0;
  log.status = LogStatus::kSuccess;
  FieldReader in(bytes);
  read_log_fields(in, log);
  if (!in.ok()) return corrupt(in, "the stored log \"" + log.id + "\" in \"" + log.task.ns + "\"");
  return log;
}

Result<std::optional<TimePoint>> log_expiry(std::string_view bytes) {
  FieldReader in(bytes);
  std::optional<TimePoint> expires_at;
  if (in.next() == 1) expires_at = in.optional_time();
  if (!in.ok()) return corrupt(in, "the head of a stored log");
  return expires_at;
}

}  // namespace rhooks::codec
