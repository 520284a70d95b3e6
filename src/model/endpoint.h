#pragma once

#include <rhooks/endpoint.h>
#include <rhooks/result.h>

#include <string_view>
#include <tuple>
#include <vector>

#include "model/fields.h"
#include "model/flow.h"
#include "model/limits.h"
#include "model/rules.h"

namespace rhooks::model {

// Errors: kInvalidArgument, field "url" or "headers".
Result<void> validate_endpoint_url(std::string_view url);
Result<void> validate_endpoint_headers(const std::vector<Header>& headers);

// The fields of an endpoint. They have no numbers: it is stored as JSON. docs_test prints the rows
// of docs/endpoints.md.
template <>
struct FieldsOf<Endpoint> {
  static constexpr std::tuple kAll{
      field<&Endpoint::ns>(
          {.name = "namespace",
           .required = true,
           .doc = "the group of tasks that it is for; over REST it stands in the path"},
          Name{kNamespaceBytesMax}),
      field<&Endpoint::name>(
          {.name = "name",
           .required = true,
           .doc = "1 to 128 letters, digits, `.`, `_` and `-`, the first a letter or digit; over "
                  "REST it stands in the path"},
          EndpointName{}),
      field<&Endpoint::description>({.name = "description",
                                     .flag = "--description",
                                     .value = "TEXT",
                                     .doc = "what it is for, in your own words; at most 1 KiB"},
                                    Text{1024}),
      field<&Endpoint::url>({.name = "url",
                             .required = true,
                             .flag = "--url",
                             .value = "URL",
                             .help = "where webhooks go (http or https, without a fragment); of a "
                                     "test what comes behind it",
                             .doc = "required; `http` or `https`, without a fragment (`#`)"},
                            By<validate_endpoint_url>{}),
      field<&Endpoint::headers>(
          {.name = "headers",
           .doc = "an object of names and values, as of a task, but for `content-type`, which "
                  "belongs to a task's body"},
          By<validate_endpoint_headers>{}),
      field<&Endpoint::timeout>({.name = "timeout",
                                 .flag = "--timeout",
                                 .value = "TIME",
                                 .doc = "the longest that one attempt may take, as in `15s` or "
                                        "`1m30s`; 1 ms to 24 h"},
                                Span{std::chrono::milliseconds{1}, kTimeoutMax}),
      field<&Endpoint::retry_limit>({.name = "retryLimit",
                                     .flag = "--retry-limit",
                                     .value = "N",
                                     .doc = "attempts of an occurrence after the first one; 0 to "
                                            "100"},
                                    Range{0, kRetryLimitMax}),
      field<&Endpoint::retry_schedule>(
          {.name = "retrySchedule",
           .flag = "--retry-schedule",
           .value = "TIMES",
           .help = "waits after the first, second, third failed attempt, and so on: 5s,1m,1h",
           .doc =
               "an array of the waits after the first, second, third failed attempt, and so on, as "
               "in `[\"5s\", \"1m\", \"1h\"]`, each shorter or longer by up to a fifth, by chance; "
               "1 to 100 of up to 30 d. There are as many retries as waits. Excludes "
               "`retryLimit` and `retryMax`"},
          Waits{}),
      field<&Endpoint::retry_max>({.name = "retryMax",
                                   .flag = "--retry-max",
                                   .value = "TIME",
                                   .help = "the longest that the back-off waits [backoff_max of "
                                           "the worker]",
                                   .doc = "the longest that the back-off waits between attempts, "
                                          "in the place of the worker's `backoff_max`; 1 s to "
                                          "30 d"},
                                  Span{std::chrono::seconds{1}, kRetryWaitLongest}),
      field<&Endpoint::stop_on>({.name = "stopOn",
                                 .flag = "--stop-on",
                                 .value = "STATUSES",
                                 .help = "answers that are not retried: 400-403,405,422",
                                 .doc = "answers after which an occurrence is not retried, as in "
                                        "`400-403,405,422`; 410 never is"},
                                FailedStatuses{}),
      field<&Endpoint::breaker>(
          {.name = "breaker",
           .flag = "--breaker",
           .help = "while nothing answers let its tasks wait, and one at a time try it [that]",
           .doc = "`false`: its tasks are attempted, and use up their attempts, also while it does "
                  "not answer; default `true`: they wait, and one at a time tries it"}),
      field<&Endpoint::concurrency>({.name = "concurrency",
                                     .flag = "--concurrency",
                                     .value = "N",
                                     .help = "attempts that may be under way at once",
                                     .doc = "attempts that may be under way at once, of tasks with "
                                            "one `flowKey`, and of those without one; 1 to 10,000"},
                                    Range{1, kConcurrencyMax}),
      field<&Endpoint::rate>({.name = "rate",
                              .flag = "--rate",
                              .value = "N/TIME",
                              .help = "attempts that may begin in a time, as in 100/1m or 50/s",
                              .doc = "attempts that may begin in a time, as in `100/1m` or `50/s`, "
                                     "of tasks with one `flowKey`, and of those without one; 1 to "
                                     "1,000,000 in a time of 1 s to 7 d, and at least one in a "
                                     "minute"},
                             RateRange{}),
      field<&Endpoint::burst>(
          {.name = "burst",
           .flag = "--burst",
           .value = "N",
           .help = "of the rate, attempts that may begin at once",
           .doc = "only with `rate`: how many of them may begin at once, where "
                  "none did for a while; at most what it allows in a minute, "
                  "and 1,000,000; default what it allows in a second, at least 1"},
          Range{1, kBurstMax}),
      field<&Endpoint::ordered>(
          {.name = "ordered",
           .flag = "--ordered",
           .help = "attempts are one at a time, in the order of the dates",
           .doc = "`true`: tasks with one `flowKey`, and those without one, are attempted one at a "
                  "time, in the order of their dates; each waits for the end of the one before it, "
                  "its retries included"}),
      field<&Endpoint::callback>(
          {.name = "callback",
           .flag = "--callback",
           .value = "NAME",
           .help = "an endpoint that is told of the ends of its tasks' executions",
           .doc = "the name of an endpoint of the namespace that is told of the end of each "
                  "execution of its tasks, but for those that have a `callback` of their own"},
          EndpointName{}),
      field<&Endpoint::callback_on>(
          {.name = "callbackOn",
           .flag = "--callback-on",
           .value = "EVENTS",
           .help = "what is told [task.succeeded,task.failed]; also endpoint.opened and "
                   "endpoint.closed",
           .doc = "only with `callback`: an array of what is told: the ends `task.succeeded` and "
                  "`task.failed`, which are the default; `endpoint.opened`, its tasks wait since "
                  "it does not answer; and `endpoint.closed`, it answers again"},
          Events{events::kOfEndpoint}),
      field<&Endpoint::signing>(
          {.name = "signing",
           .flag = "--signing",
           .value = "SECRET",
           .help = "sign requests by this secret, of type hmac or ed25519",
           .doc =
               "the name of a secret of the namespace, of type `hmac` or `ed25519`: requests are "
               "signed by it"},
          EndpointName{}),
      field<&Endpoint::auth>(
          {.name = "auth",
           .flag = "--auth",
           .value = "SECRET",
           .help = "send what this secret, of type token or basic, says as Authorization",
           .doc =
               "the name of a secret of the namespace, of type `token` or "
               "`basic`: requests have `Authorization: Bearer` or `Basic` of it, in the place of "
               "what a task gives. Excludes that header"},
          EndpointName{}),
      field<&Endpoint::paused>({.name = "paused",
                                .read_only = true,
                                .doc = "`true` while it is paused: its tasks wait until it is "
                                       "resumed",
                                .instead = "POST to its .../pause or .../resume instead"}),
      field<&Endpoint::held>(
          {.name = "held",
           .read_only = true,
           .doc = "`{by, until, status}`: it does not answer (`by` is `breaker`), or its "
                  "receiver asked by a `Retry-After` that nothing comes (`retry-after`), "
                  "as far as the process that answers knows, and is tried again at "
                  "`until`; without that it is being tried, or will be by its next task "
                  "that is due. `status` is what one that does not answer as it should "
                  "did answer, such as 503, if anything. Or a secret that it names is not there, "
                  "or cannot be opened (`secret`)"}),
      field<&Endpoint::revision>({.name = "revision",
                                  .read_only = true,
                                  .in_answers = true,
                                  .doc = "names this state of it; also its `ETag`",
                                  .instead = "give it as If-Match to change that one only"}),
      field<&Endpoint::created_at>({.name = "__createdAt",
                                    .read_only = true,
                                    .in_answers = true,
                                    .doc = "when it was put first"}),
      field<&Endpoint::updated_at>({.name = "__updatedAt",
                                    .read_only = true,
                                    .in_answers = true,
                                    .doc = "when it was put last"}),
  };
};

// Errors: kInvalidArgument with the field, which also begins the message.
Result<void> validate(const Endpoint& endpoint);

// Whether it names one.
bool needs_secret(const Endpoint& endpoint);

// Of each of its flows.
Limits limits_of(const Endpoint& endpoint);

// What a test of an endpoint sends where nothing else is said.
Request default_test_request();

}  // namespace rhooks::model
