#pragma once

#include <rhooks/log.h>
#include <rhooks/schedule.h>
#include <rhooks/task.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "model/headers.h"
#include "model/limits.h"
#include "model/rules.h"
#include "model/url.h"

// The fields of a task, a row each. From the rows follow its public JSON in and out, its stored
// bytes, its fingerprint, the checks of a registration, its schemas in OpenAPI, the plain options
// of `rhooks register`, lines of the card of `rhooks get`, and the tables of docs/semantics.md.
//
// To add an optional field, add the member (rhooks/task.h) and its row. Rows stand in the order in
// which they are shown. docs_test prints the row of docs/semantics.md.
//
// A field that nobody gave has the default of its member. A default has no stored bytes and no part
// in the fingerprint, so the default of a stored member must never change.
//
// The next free numbers: of a spec 36, of a state 31, of a log 24. A number that is not used any
// more is never used again.
namespace rhooks::model {

struct FieldWords {
  std::string_view name;  // in JSON
  // In the stored bytes (codec/stored.cc), for ever; a body also has the next one. Of an object it
  // is added to the numbers of its fields. 0: it is not stored by itself.
  std::uint32_t number = 0;
  // A caller must give it, and answers always have it. In an optional object the stored field with
  // the lowest number must be required, or in all answers and never empty: its presence says that
  // the object is there.
  bool required = false;
  bool read_only = false;       // the scheduler sets it: what a caller gives is passed over
  bool in_answers = false;      // a caller may leave it out, and answers always have it
  const char* flag = nullptr;   // of `rhooks register`, for text, numbers, times and lists of text
  const char* value = nullptr;  // what the help of that flag calls the value
  const char* help = nullptr;   // and what it says; none: `doc`
  const char* card = nullptr;   // its title in the card of `rhooks get`, for text and lists of it
  const char* doc = "";         // one sentence, Markdown without links
  const char* instead = nullptr;  // of what is read-only: what to do rather than to give it
};

template <typename M>
struct MemberOf;
template <typename O, typename V>
struct MemberOf<V O::*> {
  using Owner = O;
  using Value = V;
};

template <auto M, typename R = AnyValue>
struct Field : FieldWords {
  static constexpr auto kMember = M;
  using Owner = typename MemberOf<decltype(M)>::Owner;
  using Value = typename MemberOf<decltype(M)>::Value;
  R rule;
};

template <auto M, typename R = AnyValue>
constexpr Field<M, R> field(FieldWords words, R rule = {}) {
  return {words, rule};
}

// Whether the row `F` is that of the member `M`.
template <typename F, auto M>
inline constexpr bool kIs = false;
template <auto M, typename R>
inline constexpr bool kIs<Field<M, R>, M> = true;

template <typename T>
inline constexpr bool kIsOptional = false;
template <typename T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

template <typename T>
struct WithoutOptional {
  using Type = T;
};
template <typename T>
struct WithoutOptional<std::optional<T>> {
  using Type = T;
};
// T of an optional T.
template <typename T>
using Bare = typename WithoutOptional<T>::Type;

// FieldsOf<T>::kAll is the table of T's fields, a tuple; T is an object in JSON then.
template <typename T>
struct FieldsOf;

template <typename T>
concept HasFields = requires {
  FieldsOf<T>::kAll;
};

template <>
struct FieldsOf<Request> {
  static constexpr std::tuple kAll{
      field<&Request::method>(
          {.name = "method",
           .number = 1,
           .in_answers = true,
           .doc = "`GET` (default), `POST`, `PUT`, `PATCH`, `DELETE` or `HEAD`"}),
      field<&Request::url>(
          {.name = "url",
           .number = 2,
           .doc = "`http` or `https`; required, unless there is an `endpoint`: then what comes "
                  "behind its URL, from `/` or `?` on, if anything does"},
          By<validate_target>{}),
      field<&Request::headers>(
          {.name = "headers",
           .number = 3,
           .doc = "an object of names and values; a list gives a name several values"},
          By<validate_headers>{}),
      field<&Request::body>(
          {.name = "body",
           .number = 4,
           .doc = "any JSON value, sent as it is given, white space within it "
                  "included; a string is text and goes as it is; `null` is no "
                  "body. At most 256 KiB, as given and as the form that it "
                  "becomes, 64 KiB with the URL as a query string; nested 64 deep"},
          By<check_body>{}),
  };
};

template <>
struct FieldsOf<Repeat> {
  static constexpr std::tuple kAll{
      field<&Repeat::interval>(
          {.name = "interval", .number = 10, .required = true, .doc = "in units"}, Range{1}),
      field<&Repeat::max>({.name = "max",
                           .number = 11,
                           .doc = "executions in all, but for extra ones; 0 is for ever"},
                          Range{.min = 0, .least = "0 (for ever)"}),
      field<&Repeat::unit>(
          {.name = "unit", .number = 12, .doc = "`seconds`, `minutes`, `hours` or `days`"}),
  };
};

template <>
struct FieldsOf<Schedule> {
  static constexpr std::tuple kAll{
      field<&Schedule::cron>(
          {.name = "cron",
           .number = 22,
           .doc = "an expression of cron of 5, 6 (seconds first) or 7 fields (year last), or an "
                  "array of up to 8: what any of them matches happens, once"},
          Texts{.count_max = 8, .bytes_max = 256, .one_alone = true}),
      field<&Schedule::every>(
          {.name = "every",
           .number = 23,
           .doc = "a length from one occurrence to the next: `30s`, `10m`, `6h`, `1h30m` of "
                  "elapsed time, `3d`, `2w`, `1mo`, `1y` on the clock of `timezone`; from `start` "
                  "on, else from the registration on"},
          Text{kScheduleTextBytesMax}),
      field<&Schedule::at>({.name = "at",
                            .number = 24,
                            .doc = "an array of 1 to 100 times, each of which happens once"},
                           Texts{.count_max = 100, .bytes_max = kScheduleTextBytesMax}),
      field<&Schedule::timezone>(
          {.name = "timezone",
           .number = 21,
           .in_answers = true,
           .doc = "a name of the time zone database, `UTC` (default), or an offset such as "
                  "`+02:00`"},
          Text{kScheduleTextBytesMax}),
      field<&Schedule::start>(
          {.name = "start",
           .number = 25,
           .doc = "the first moment at which it may happen; without an offset it is on the clock "
                  "of `timezone`, as are those of `end` and `at`"},
          Text{kScheduleTextBytesMax}),
      field<&Schedule::end>(
          {.name = "end", .number = 26, .doc = "the last moment at which it may happen"},
          Text{kScheduleTextBytesMax}),
      field<&Schedule::max>(
          {.name = "max",
           .number = 27,
           .doc = "executions in all, but for extra ones; 0, the default, is no limit"},
          Range{.min = 0, .least = "0 (no limit)"}),
      field<&Schedule::exclude>(
          {.name = "exclude",
           .number = 28,
           .doc = "an array of what does not happen, by local time: `2027-12-24`, "
                  "`2027-12-24/2028-01-02`, `--12-25` of each year, or `{\"cron\": EXPRESSION}`, "
                  "whole minutes"},
          Texts{.count_max = 64, .bytes_max = 4096}),
      field<&Schedule::jitter>(
          {.name = "jitter",
           .number = 29,
           .doc = "each occurrence is due up to this much later, such as `10m`, and never after "
                  "the next one; at most 24 h"},
          Span{std::chrono::milliseconds{0}, std::chrono::hours{24}}),
      field<&Schedule::missed>(
          {.name = "missed",
           .number = 30,
           .doc = "what becomes of occurrences that were missed: the `latest` of them runs "
                  "(default); `skip`: the same within a `grace` of 1 min; `all` of them run, the "
                  "latest 100"}),
      field<&Schedule::grace>(
          {.name = "grace",
           .number = 31,
           .doc = "how late an occurrence may begin, 1 s to 365 days (`1h`); what is later is "
                  "skipped. Default: however late, with `skip` 1 min"},
          Span{std::chrono::seconds{1}, std::chrono::days{365}}),
      field<&Schedule::overlap>(
          {.name = "overlap",
           .number = 32,
           .doc =
               "what becomes of an occurrence whose time comes before an earlier one is over: "
               "it has to `wait` (default); `skip`; `cutRetries`: the earlier one is not retried "
               "then or later"}),
      field<&Schedule::since>({.name = "since",
                               .number = 33,
                               .read_only = true,
                               .doc = "when it was registered: it has no occurrence before"}),
  };
};

template <>
struct FieldsOf<Errors> {
  static constexpr std::tuple kAll{
      field<&Errors::count>({.name = "count", .number = 9, .doc = "failed executions"}),
      field<&Errors::consecutive>(
          {.name = "consecutive", .number = 10, .doc = "failed executions since the last success"}),
      field<&Errors::first_error_date>(
          {.name = "firstErrorDate", .number = 11, .doc = "of the first failed attempt"}),
      field<&Errors::last_error_date>(
          {.name = "lastErrorDate", .number = 12, .doc = "of the latest failed attempt"}),
      field<&Errors::last_error>(
          {.name = "lastError", .number = 13, .doc = "why the latest failed attempt failed"}),
  };
};

template <>
struct FieldsOf<Execution> {
  static constexpr std::tuple kAll{
      field<&Execution::count>({.name = "count", .number = 14, .doc = "executions that ended"}),
      field<&Execution::failed>({.name = "failed", .number = 15, .doc = "those that failed"}),
      field<&Execution::successful>(
          {.name = "successful", .number = 16, .doc = "those that succeeded"}),
      field<&Execution::skipped>(
          {.name = "skipped", .number = 17, .doc = "occurrences that were not attempted"}),
      field<&Execution::extra>({.name = "extra",
                                .number = 18,
                                .doc = "of `count`, the extra occurrences that run now added to a "
                                       "series; they do not count for its `max`"}),
      field<&Execution::first_execution_date>(
          {.name = "firstExecutionDate", .number = 19, .doc = "when the first attempt began"}),
      field<&Execution::first_scheduled_date>(
          {.name = "firstScheduledDate",
           .number = 20,
           .doc = "nominal time of the first occurrence that was attempted"}),
      field<&Execution::last_execution_date>(
          {.name = "lastExecutionDate", .number = 21, .doc = "when the latest attempt began"}),
      field<&Execution::last_response_body>(
          {.name = "lastResponseBody",
           .number = 24,
           .doc = "of the latest attempt that was answered; its first 64 KiB"}),
      field<&Execution::last_response_headers>({.name = "lastResponseHeaders",
                                                .number = 23,
                                                .doc = "of the latest attempt that was answered"}),
      field<&Execution::last_response_status>({.name = "lastResponseStatus",
                                               .number = 22,
                                               .doc = "of the latest attempt that was answered"}),
  };
};

template <>
struct FieldsOf<Skipped> {
  static constexpr std::tuple kAll{
      field<&Skipped::first>({.name = "first",
                              .number = 1,
                              .required = true,
                              .doc = "nominal time of the first of them"}),
      field<&Skipped::late>({.name = "late", .number = 2, .doc = "those that were missed"}),
      field<&Skipped::overlap>(
          {.name = "overlap",
           .number = 3,
           .doc = "those that came while an earlier one was under way (`overlap`: `skip`)"}),
  };
};

template <>
struct FieldsOf<Held> {
  static constexpr std::tuple kAll{
      field<&Held::by>(
          {.name = "by",
           .required = true,
           .doc = "`paused`: the endpoint of the task is; `secret`: one that it names is not "
                  "there, or "
                  "cannot be opened; `breaker`: it does not answer; "
                  "`endpoint`: it cannot be read; `order`: the one before it is being attempted; "
                  "`retry`: that one waits for its retry; `concurrency`: as many attempts of its "
                  "flow are under way as may be; `rate`: as many of them began as may until then"}),
      field<&Held::until>(
          {.name = "until",
           .doc = "when that ends; not given: when somebody acts, or an attempt ends"}),
      field<&Held::status>({.name = "status",
                            .doc = "by `breaker`: the status that it answers with, such as 503; "
                                   "not given: nothing comes back"}),
  };
};

// What a caller registers and what is kept of it and shown: a row belongs to whichever of NewTask
// and Task has its member. The key of a Task (namespace, id) is no field of it.
struct TaskFields {
  static constexpr std::tuple kAll{
      field<&NewTask::ns>({.name = "namespace",
                           .required = true,
                           .doc = "the group that the task belongs to; over REST it stands in the "
                                  "path"},
                          Name{kNamespaceBytesMax}),
      field<&NewTask::id>({.name = "id",
                           .flag = "--id",
                           .value = "ID",
                           .help = "id of your own [a UUIDv7 is made]",
                           .doc = "your own id; otherwise one is made: a UUIDv7, behind `idPrefix` "
                                  "and `#` where a prefix is given"},
                          Name{kIdBytesMax}),
      field<&Spec::id_prefix>({.name = "idPrefix",
                               .number = 3,
                               .flag = "--id-prefix",
                               .value = "PREFIX",
                               .help = "put before the id that is made, with '#'",
                               .doc = "put before a generated id; tasks can be fetched by the "
                                      "beginning of their ids"},
                              Name{kIdPrefixBytesMax}),
      field<&NewTask::idempotency_key>(
          {.name = "idempotencyKey",
           .doc = "makes a retry safe: the id derives from it, so that registering again finds the "
                  "first task (200), or is a conflict if the content differs (409). Excludes `id`; "
                  "of a single task it may be the header `Idempotency-Key`"},
          Name{kIdempotencyKeyBytesMax}),
      field<&Spec::description>({.name = "description",
                                 .number = 13,
                                 .flag = "--description",
                                 .value = "TEXT",
                                 .card = "description",
                                 .doc = "what it is for, in your own words; at most 1 KiB"},
                                Text{1024}),
      field<&Spec::endpoint>({.name = "endpoint",
                              .number = 15,
                              .flag = "--endpoint",
                              .value = "NAME",
                              .help = "where and how it is sent; the URL is then what comes behind "
                                      "that of the endpoint, from / or ? on, or is left out",
                              .card = "endpoint",
                              .doc = "the name of an endpoint of the namespace, which says where "
                                     "the task is sent, and how"},
                             EndpointName{}),
      field<&Spec::flow_key>({.name = "flowKey",
                              .number = 16,
                              .flag = "--flow-key",
                              .value = "KEY",
                              .help = "tasks of the endpoint with one key are a receiver of their "
                                      "own",
                              .card = "flow key",
                              .doc = "only with `endpoint`: its tasks with one key count as a "
                                     "receiver of their own, and wait for no others"},
                             Name{kFlowKeyBytesMax}),
      field<&Spec::request>({.name = "request",
                             .number = 3,
                             .doc = "`{url, method, headers, body}`: these four may also stand in "
                                    "here; what is given at both places has to agree"}),
      field<&NewTask::scheduled_date>(
          {.name = "scheduledDate", .doc = "when; default now. One in the past is due at once"},
          ShownTime{}),
      field<&State::scheduled_date>({.name = "scheduledDate",
                                     .number = 2,
                                     .required = true,
                                     .doc = "nominal time of the current occurrence; while there "
                                            "is an `extraDate`, of the series' next"}),
      field<&State::extra_date>(
          {.name = "extraDate",
           .number = 7,
           .doc = "while an extra occurrence is the current one (\"run now\"): its nominal time. "
                  "`attempt` and `nextAttemptDate` are of it then, and `scheduledDate` is when the "
                  "series goes on, or the same, where nothing is left of it"}),
      field<&Spec::repeat>(
          {.name = "repeat",
           .doc = "`{interval, max, unit}`: every `interval` `seconds`, `minutes` (default), "
                  "`hours` or `days`, `max` executions in all, but for extra ones; `max` is 1 if "
                  "not given, 0 is for ever"},
          By<check_repeat>{}),
      field<&Spec::schedule>(
          {.name = "schedule",
           .doc = "`cron`, `every` or `at`, and `timezone`, `start`, `end`, `max`, `exclude`, "
                  "`jitter`: when, on the clock of a time zone. Excludes `scheduledDate` and "
                  "`repeat`"},
          By<check_schedule>{}),
      field<&Spec::retry_limit>({.name = "retryLimit",
                                 .number = 9,
                                 .flag = "--retry-limit",
                                 .value = "N",
                                 .help = "attempts of an occurrence after the first one [its "
                                         "endpoint's, or 3]",
                                 .doc = "default that of its endpoint, else 3: an occurrence gets "
                                        "up to 1 + `retryLimit` attempts"},
                                Range{0, kRetryLimitMax}),
      field<&Spec::timeout>({.name = "timeout",
                             .number = 14,
                             .flag = "--timeout",
                             .value = "TIME",
                             .help = "the longest that one attempt may take: 20s, 1m30s [its "
                                     "endpoint's; at most request_timeout of the worker]",
                             .doc = "the longest that one attempt may take, such as `20s`, `1m30s` "
                                    "or `500ms`; default that of its endpoint, and in any case at "
                                    "most the `request_timeout` of the worker"},
                            Span{std::chrono::milliseconds{1}, kTimeoutMax}),
      field<&Spec::deliver_before>(
          {.name = "deliverBefore",
           .number = 17,
           .flag = "--deliver-before",
           .value = "WHEN",
           .help = "no attempt begins at that time or later: ISO-8601 with an offset, or from now "
                   "on (+5m)",
           .doc = "no attempt begins at that time or later: what is not delivered by then is "
                  "FAILED. Excludes `repeat` and `schedule`"},
          ShownTime{}),
      field<&Spec::callback>(
          {.name = "callback",
           .number = 18,
           .flag = "--callback",
           .value = "NAME",
           .help = "an endpoint that is told of the end of each execution [that of its endpoint]",
           .card = "callback",
           .doc = "the name of an endpoint of the namespace that is told of the end of each "
                  "execution; default that of its endpoint, if it has one"},
          EndpointName{}),
      field<&Spec::callback_on>(
          {.name = "callbackOn",
           .number = 19,
           .flag = "--callback-on",
           .value = "EVENTS",
           .help = "the ends that are told: task.succeeded,task.failed [both]",
           .card = "callback on",
           .doc = "only with `callback`: an array of the ends that are told, `task.succeeded` and "
                  "`task.failed`; default both"},
          Events{events::kOfTask}),
      field<&Spec::max_errors>(
          {.name = "maxErrors",
           .number = 34,
           .flag = "--max-errors",
           .value = "N",
           .help = "failed executions in a row that end it, 0: never [max_errors of the worker]",
           .doc = "so many failed executions in a row make a recurring task FAILED; 0: they never "
                  "do. Default `max_errors` of the worker"},
          Range{.min = 0, .max = 1'000'000, .least = "0 (never)"}),
      field<&Spec::pause_on_failure>(
          {.name = "pauseOnFailure",
           .number = 35,
           .flag = "--pause-on-failure",
           .help = "suspend it after so many failures, rather than end it",
           .doc =
               "`true`: a recurring task is SUSPENDED then rather than FAILED, with a `note`, and "
               "again after as many more"}),
      field<&Task::origin>({.name = "origin",
                            .number = 20,
                            .card = "tells of",
                            .doc =
                                "of a task that was made by a `callback`: the id of the task, or "
                                "the name of the endpoint, of which it tells. It has no "
                                "callback itself"}),
      field<&State::status>({.name = "status",
                             .number = 1,
                             .required = true,
                             .doc = "`ACTIVE`, `PROCESSING`, `DONE`, `FAILED` or `SUSPENDED`"}),
      field<&Task::held>(
          {.name = "held",
           .doc = "`{by, until, status}`: why an ACTIVE task that is due waits for its "
                  "endpoint, as far as the process that answers knows; `by` is `paused`, "
                  "`secret` (one that the endpoint names is not there, or cannot be "
                  "opened), `breaker` (the endpoint does not answer), `retry-after` (its receiver "
                  "asked for that), `order`, `concurrency`, `retry` or `rate` (what the "
                  "endpoint says of its tasks), or `endpoint` where that cannot be read, "
                  "and `until` the time at which that ends at the earliest, if it is "
                  "known; `status` is what an endpoint that does not answer as it should "
                  "did answer, if anything"}),
      field<&State::failure_reason>(
          {.name = "failureReason",
           .number = 25,
           .doc = "why it is FAILED: `exhausted` (its attempts are used up), `gone` (the receiver "
                  "answered 410), `non_retryable` (it answered what its endpoint does not retry), "
                  "`expired` (see `deliverBefore`), `cancelled`, `max_errors` (too "
                  "many executions in a row have failed), `endpoint_missing` or `unbuildable` (no "
                  "request can be made of it)"}),
      field<&State::note>({.name = "note",
                           .number = 30,
                           .card = "note",
                           .doc = "why the scheduler has suspended it (see `pauseOnFailure`)"}),
      field<&State::errors>(
          {.name = "errors",
           .doc = "`{count, consecutive}`: failed executions, in all and since the last success; "
                  "`firstErrorDate`, `lastErrorDate`, `lastError`: of failed attempts"}),
      field<&State::execution>(
          {.name = "execution",
           .doc = "`{count, failed, successful, skipped, extra}`: executions that ended, "
                  "occurrences passed over, and how many of `count` were extra; "
                  "`firstExecutionDate`, `lastExecutionDate`: when attempts began; "
                  "`firstScheduledDate`; `lastResponseStatus`, `lastResponseHeaders`, "
                  "`lastResponseBody` of the latest attempt that was answered"}),
      field<&State::skipped_before>(
          {.name = "skippedBefore",
           .number = 26,
           .doc = "`{first, late, overlap}`: the occurrences that were skipped right before the "
                  "current one, or before the end: the nominal time of the first, and how many, by "
                  "why"}),
      field<&State::attempt>({.name = "attempt",
                              .number = 3,
                              .doc = "attempts made for the current occurrence; 0 unless a retry "
                                     "is pending"}),
      field<&State::next_attempt_date>(
          {.name = "nextAttemptDate",
           .number = 4,
           .doc = "when the next attempt is made, if not at `scheduledDate` or `extraDate`: a "
                  "pending retry, \"run now\", or the `jitter` of a schedule"}),
      field<&State::in_order>(
          {.name = "inOrder",
           .number = 26,
           .doc = "`true` while a retry is pending behind which others wait, since its endpoint is "
                  "`ordered`"}),
      field<&State::expires_at>(
          {.name = "expiresAt",
           .number = 8,
           .doc =
               "when a DONE or FAILED task is deleted; from then on it is as if it were not there. "
               "Only where there is a `done_ttl` or `failed_ttl`"}),
      field<&Task::created_at>(
          {.name = "__createdAt", .number = 1, .required = true, .doc = "when it was registered"}),
      field<&State::updated_at>({.name = "__updatedAt",
                                 .number = 5,
                                 .required = true,
                                 .doc = "when an attempt or a call changed it last"}),
  };
};
template <>
struct FieldsOf<Task> : TaskFields {};
template <>
struct FieldsOf<NewTask> : TaskFields {};

template <>
struct FieldsOf<Response> {
  static constexpr std::tuple kAll{
      field<&Response::status>({.name = "status", .number = 10, .required = true}),
      field<&Response::headers>({.name = "headers", .number = 11}),
      field<&Response::body>({.name = "body", .number = 12, .doc = "its first 64 KiB"}),
      field<&Response::body_truncated>(
          {.name = "bodyTruncated",
           .number = 13,
           .doc = "there was more, or the rest could not be decompressed"}),
  };
};

template <>
struct FieldsOf<TaskKey> {
  static constexpr std::tuple kAll{
      field<&TaskKey::ns>({.name = "namespace", .required = true}),
      field<&TaskKey::id>({.name = "taskId", .number = 2, .required = true}),
  };
};

template <>
struct FieldsOf<Log> {
  static constexpr std::tuple kAll{
      field<&Log::id>({.name = "id", .required = true}),
      field<&Log::task>({.name = "task"}),  // in JSON its fields stand beside the others
      field<&Log::attempt>({.name = "attempt", .number = 3, .doc = "1 for the first"}, Range{1}),
      field<&Log::retry_limit>({.name = "retryLimit", .number = 4}),
      field<&Log::request>({.name = "request", .number = 4, .doc = "as it was sent"}),
      field<&Log::response>({.name = "response", .doc = "if one arrived"}),
      field<&Log::error>({.name = "error", .number = 14, .doc = "why the attempt failed"}),
      field<&Log::status>({.name = "status", .number = 15, .required = true}),
      field<&Log::probe>(
          {.name = "probe",
           .number = 20,
           .doc = "it did not count for the task, since its endpoint answered nobody"}),
      field<&Log::scheduled_date>({.name = "scheduledDate",
                                   .number = 16,
                                   .required = true,
                                   .doc = "nominal time of the occurrence"}),
      field<&Log::skipped_before>(
          {.name = "skippedBefore",
           .number = 20,
           .doc = "`{first, late}`: the occurrences that were skipped right before this one"}),
      field<&Log::due_date>({.name = "dueDate",
                             .number = 17,
                             .required = true,
                             .doc = "when this attempt was due: for a retry its own time, for a "
                                    "task that was registered for the past the registration"}),
      field<&Log::started_at>({.name = "startedAt", .required = true}),
      field<&Log::duration>({.name = "durationMs",
                             .number = 18,
                             .required = true,
                             .doc = "from the start of the request to the end of its answer, to "
                                    "the microsecond"}),
      // First of the stored bytes, for codec::log_expiry().
      field<&Log::expires_at>(
          {.name = "ttl", .number = 1, .doc = "the second since 1970 at which the log expires"}),
      field<&Log::created_at>({.name = "__createdAt", .number = 19, .required = true}),
  };
};

template <typename T, typename F, typename Visit>
constexpr void visit_if_of(const F& field, Visit& visit) {
  if constexpr (std::derived_from<T, typename F::Owner>) visit(field);
}

// Calls visit(row) for each field of T, in the order of the table.
template <HasFields T, typename Visit>
constexpr void for_each_field(Visit visit) {
  std::apply([&](const auto&... row) { (visit_if_of<T>(row, visit), ...); }, FieldsOf<T>::kAll);
}

// The places of T's rows, by their names: an order that no new row changes among the others.
template <HasFields T>
inline constexpr auto kPlacesByName = [] {
  constexpr std::size_t kCount =
      std::tuple_size_v<std::remove_cvref_t<decltype(FieldsOf<T>::kAll)>>;
  std::array<std::string_view, kCount> names{};
  std::array<std::size_t, kCount> places{};
  std::apply(
      [&](const auto&... row) {
        std::size_t i = 0;
        ((names[i] = row.name, places[i] = i, ++i), ...);
      },
      FieldsOf<T>::kAll);
  std::sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) {
    return names[a] != names[b] ? names[a] < names[b] : a < b;
  });
  return places;
}();

// As for_each_field(), in the order of names.
template <HasFields T, typename Visit>
constexpr void for_each_field_by_name(Visit visit) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (visit_if_of<T>(std::get<kPlacesByName<T>[I]>(FieldsOf<T>::kAll), visit), ...);
  }
  (std::make_index_sequence<kPlacesByName<T>.size()>{});
}

template <typename T>
constexpr bool options_and_cards_fit() {
  bool fit = true;
  for_each_field<T>([&]<typename F>(const F& field) {
    constexpr bool kText = std::is_same_v<typename F::Value, std::string>;
    using Value = Bare<typename F::Value>;
    constexpr bool kTexts = std::is_same_v<Value, std::vector<std::string>>;
    constexpr bool kPlain = kText || kTexts || std::is_integral_v<Value> ||
                            std::is_same_v<Value, TimePoint> ||
                            std::is_same_v<Value, std::chrono::milliseconds>;
    const bool valued = field.flag != nullptr && !std::is_same_v<Value, bool>;
    fit = fit && valued == (field.value != nullptr);
    fit = fit && (kPlain || field.flag == nullptr);
    fit = fit && (kText || kTexts || field.card == nullptr);
  });
  return fit;
}
static_assert(options_and_cards_fit<NewTask>() && options_and_cards_fit<Task>());

// Whether what it is by default is not shown: of a flag, and in a schedule.
template <typename F>
inline constexpr bool kHidesDefault =
    std::is_same_v<typename F::Value, bool> || std::is_same_v<typename F::Owner, Schedule>;

// The numbers that a field of whole numbers may have; all, where its rule says nothing of them.
template <typename F>
constexpr Range range_of(const F& field) {
  using Number = Bare<typename F::Value>;
  if constexpr (std::is_same_v<decltype(field.rule), Range>) {
    return field.rule;
  } else {
    return {std::numeric_limits<Number>::min(), std::numeric_limits<Number>::max()};
  }
}

// The default of a member that is a number, an enumerator or a time.
template <typename F>
inline const typename F::Value kDefault = typename F::Owner{}.*F::kMember;

// Whether a value is what the member is by default. An object always counts as given.
template <typename F>
bool is_default(const F&, const typename F::Value& value) {
  using Value = typename F::Value;
  if constexpr (kIsOptional<Value>) {
    return !value;
  } else if constexpr (HasFields<Value>) {
    return false;
  } else if constexpr (std::is_same_v<Value, Body>) {
    return value == Body();
  } else if constexpr (requires { value.empty(); }) {
    return value.empty();
  } else {
    return value == kDefault<F>;
  }
}

}  // namespace rhooks::model
