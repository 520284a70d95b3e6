#include "observe/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <map>
#include <sstream>
#include <tuple>

#include "base/mutex.h"
#include "observe/logging.h"

namespace rhooks {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;
using Buckets = Histogram::BucketBoundaries;

// From a healthy timer's half millisecond to a backlog of a minute.
const Buckets kLatenessBuckets{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                               0.25,   0.5,   1,      2.5,   5,    10,    30,   60};
// A receiver may take up to the time-out of an attempt, 30 s by default.
const Buckets kAttemptBuckets{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                              0.5,   1,      2.5,   5,    10,    20,   30,  60};
// From a read in memory to a disk that does not answer.
const Buckets kCallBuckets{0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                           0.005,   0.01,     0.025,   0.05,   0.1,     0.25,   1,     10};

// Methods of the store contract. Anything else is counted as "other", so that the number of
// time series stays bounded.
constexpr std::array<std::string_view, 19> kStoreMethods{
    "put",      "get",          "query_tasks",  "query_logs",      "namespaces",     "change",
    "remove",   "clear",        "claim_due",    "commit",          "release",        "next_due",
    "peek_due", "put_document", "get_document", "remove_document", "list_documents", "check",
    "other"};
constexpr std::array<std::string_view, 8> kFailures{"exhausted",   "gone",       "non_retryable",
                                                    "expired",     "max_errors", "endpoint_missing",
                                                    "unbuildable", "other"};
constexpr std::array<std::string_view, 8> kHeldBy{"paused", "secret",      "retry-after", "breaker",
                                                  "order",  "concurrency", "retry",       "rate"};
constexpr std::array<std::string_view, 14> kRefusals{
    "loopback", "private", "link_local", "metadata", "cgnat",        "multicast", "reserved",
    "embedded", "denied",  "port",       "scheme",   "own_listener", "proxy",     "other"};
constexpr std::array<std::string_view, 8> kHttpMethods{"GET",    "POST", "PUT",     "PATCH",
                                                       "DELETE", "HEAD", "OPTIONS", "other"};
// Combinations of route, method and status that get a series of their own; far more than a
// server with fixed routes makes.
constexpr std::size_t kHttpSeriesMax = 1000;

// From a service next door to the time-out of a request.
const Buckets kDynamoDbBuckets{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                               0.1,    0.25,  0.5,    1,     2.5,  5,     10};
constexpr std::array<const char*, 7> kDynamoDbResults{
    "ok", "condition_failed", "throttled", "server_error", "no_answer", "refused", "failed"};
constexpr std::array<const char*, 5> kDynamoDbRetries{"throttled", "server_error", "no_answer",
                                                      "credentials", "clock"};
// Far more than the operations and tables of a store.
constexpr std::size_t kDynamoDbSeriesMax = 200;

template <std::size_t N>
std::size_t index_of(const std::array<std::string_view, N>& names, std::string_view name) {
  for (std::size_t i = 0; i + 1 < N; ++i) {
    if (names[i] == name) return i;
  }
  return N - 1;
}

// Clocks may step back and timers may be early by less than a tick: never below zero.
double seconds(Metrics::Micros duration) {
  return duration.count() <= 0 ? 0.0 : static_cast<double>(duration.count()) / 1e6;
}

}  // namespace

// Every handle is made here, once, and kept: adding to a metric looks nothing up. Only
// http_call(), whose routes other modules choose, has a map.
struct Metrics::Impl {
  prometheus::Registry registry;

  std::array<Counter*, 6> attempts{};
  Histogram* attempt_duration = nullptr;
  Histogram* lateness = nullptr;
  Counter* registered = nullptr;
  Counter* redriven = nullptr;
  Counter* lease_lost = nullptr;
  Counter* set_aside = nullptr;
  Counter* writes_dropped = nullptr;
  Counter* connections_ended = nullptr;
  Counter* tls_handshakes_failed = nullptr;
  std::array<Counter*, 2> tls_reloads{};
  prometheus::Family<Gauge>* tls_not_after = nullptr;  // where there is a certificate
  Counter* skipped = nullptr;
  std::array<Counter*, kFailures.size()> failed{};
  std::array<Counter*, kHeldBy.size()> held{};
  Gauge* asking_to_wait = nullptr;
  Gauge* open_breakers = nullptr;
  std::array<Counter*, 2> breakers_turned{};
  Counter* callbacks = nullptr;
  Counter* events_lost = nullptr;
  std::array<std::array<Counter*, kRefusals.size()>, 2> egress_refused{};  // by stage
  Counter* log_lines_dropped = nullptr;
  Mutex log_mutex;  // held while that is brought up to date
  Gauge* due_lag = nullptr;
  std::array<Gauge*, 3> queue_depth{};
  Gauge* endpoints_age = nullptr;
  std::array<Histogram*, kStoreMethods.size()> store_duration{};
  std::array<Counter*, kStoreMethods.size()> store_errors{};

  using HttpKey = std::tuple<std::string, std::size_t, int>;
  using HttpKeyView = std::tuple<std::string_view, std::size_t, int>;
  struct HttpLess {
    using is_transparent = void;
    static HttpKeyView view(const HttpKey& k) {
      return {std::get<0>(k), std::get<1>(k), std::get<2>(k)};
    }
    static HttpKeyView view(const HttpKeyView& k) { return k; }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return view(a) < view(b);
    }
  };
  prometheus::Family<Histogram>* http_family = nullptr;
  Mutex http_mutex;
  std::map<HttpKey, Histogram*, HttpLess> http_duration RHOOKS_GUARDED_BY(http_mutex);

  // The series of DynamoDB are made by its first request: other stores have none.
  struct DynamoDbOperation {
    std::array<Counter*, kDynamoDbResults.size()> requests{};
    Histogram* duration = nullptr;
  };
  struct DynamoDbSeries {
    explicit DynamoDbSeries(prometheus::Registry& registry);

    prometheus::Family<Counter>& requests;
    prometheus::Family<Histogram>& duration;
    prometheus::Family<Counter>& capacity;
    std::array<Counter*, kDynamoDbRetries.size()> retries{};
    Gauge* retry_quota = nullptr;
    std::map<std::string, DynamoDbOperation, std::less<>> by_operation;
    std::map<std::tuple<std::string, std::string, bool>, Counter*> units;
  };
  Mutex dynamodb_mutex;
  std::unique_ptr<DynamoDbSeries> dynamodb_series RHOOKS_GUARDED_BY(dynamodb_mutex);
  DynamoDbSeries& dynamodb() RHOOKS_REQUIRES(dynamodb_mutex) {
    if (!dynamodb_series) dynamodb_series = std::make_unique<DynamoDbSeries>(registry);
    return *dynamodb_series;
  }

  Impl();
  void add_those_of_endpoints();

  Counter* counter(const std::string& name, const std::string& help) {
    return &prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
  }

  // One for each value of a label.
  template <typename Text, std::size_t N>
  std::array<Counter*, N> counters(const std::string& name, const std::string& help,
                                   const std::string& label, const std::array<Text, N>& values) {
    auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(registry);
    std::array<Counter*, N> made{};
    for (std::size_t i = 0; i < N; ++i) made[i] = &family.Add({{label, std::string(values[i])}});
    return made;
  }

  Gauge* gauge(const std::string& name, const std::string& help) {
    return &prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
  }

  Histogram* histogram(const std::string& name, const std::string& help, const Buckets& buckets) {
    auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
    return &family.Add({}, buckets);
  }

  Histogram* http_handle(std::string_view route, std::size_t method, int status);
};

Metrics::Impl::Impl() {
  attempts = counters("rhooks_attempts_total", "Attempts that ended, by result", "result",
                      std::array<const char*, 6>{"success", "http_status", "no_response",
                                                 "cancelled", "blocked", "no_way_out"});
  attempt_duration =
      histogram("rhooks_attempt_duration_seconds",
                "Time from the start of a request to the end of its response", kAttemptBuckets);
  lateness = histogram("rhooks_lateness_seconds", "Start of an attempt after its due time",
                       kLatenessBuckets);
  registered = counter("rhooks_registered_total", "Tasks registered");
  redriven = counter("rhooks_redriven_total", "FAILED tasks that redrives ran again");
  lease_lost = counter("rhooks_lease_lost_total",
                       "Outcomes refused because another worker or change had taken the task");
  set_aside = counter("rhooks_set_aside_total",
                      "Tasks set aside because their stored bytes cannot be read");
  writes_dropped = counter("rhooks_store_writes_dropped_total",
                           "Stored writes dropped because the log before them is damaged");
  connections_ended =
      counter("rhooks_http_connections_ended_total", "Connections ended to make room for others");
  tls_handshakes_failed = counter("rhooks_tls_handshakes_failed_total",
                                  "Handshakes of TLS that failed or took too long");
  tls_reloads = counters("rhooks_tls_reload_total",
                         "How often certificate and key were read anew, by what came of it",
                         "result", std::array<const char*, 2>{"failed", "ok"});
  tls_not_after = &prometheus::BuildGauge()
                       .Name("rhooks_tls_certificate_not_after_seconds")
                       .Help("When the certificate that is shown ends, in seconds since 1970")
                       .Register(registry);
  skipped = counter("rhooks_skipped_occurrences_total",
                    "Occurrences that were skipped: missed, or while an earlier one was under way");
  failed = counters("rhooks_failed_total", "Tasks that became FAILED, by why", "reason", kFailures);
  add_those_of_endpoints();
  log_lines_dropped =
      counter("rhooks_log_lines_dropped_total", "Log lines that standard error did not take");
  due_lag = gauge("rhooks_due_lag_seconds", "How long ago the most overdue waiting task was due");
  endpoints_age =
      gauge("rhooks_endpoints_age_seconds", "How old the endpoints were that were used last");
  auto& queue_family = prometheus::BuildGauge()
                           .Name("rhooks_queue_depth")
                           .Help("Tasks between the steps of the worker")
                           .Register(registry);
  constexpr std::array<const char*, 3> kQueues{"to_send", "in_flight", "to_commit"};
  for (std::size_t i = 0; i < kQueues.size(); ++i) {
    queue_depth[i] = &queue_family.Add({{"queue", kQueues[i]}});
  }
  auto& store_family = prometheus::BuildHistogram()
                           .Name("rhooks_store_call_duration_seconds")
                           .Help("Time of a call of the store, failed ones too")
                           .Register(registry);
  auto& store_error_family = prometheus::BuildCounter()
                                 .Name("rhooks_store_errors_total")
                                 .Help("Calls of the store that failed")
                                 .Register(registry);
  for (std::size_t i = 0; i < kStoreMethods.size(); ++i) {
    const std::string method(kStoreMethods[i]);
    store_duration[i] = &store_family.Add({{"method", method}}, kCallBuckets);
    store_errors[i] = &store_error_family.Add({{"method", method}});
  }
  http_family = &prometheus::BuildHistogram()
                     .Name("rhooks_http_request_duration_seconds")
                     .Help("Time of a request to the REST API")
                     .Register(registry);
}

// Who waits, who is told, and where nothing may go.
void Metrics::Impl::add_those_of_endpoints() {
  held = counters("rhooks_held_total",
                  "Endpoints and flows that came to wait, by what they wait for", "by", kHeldBy);
  asking_to_wait =
      gauge("rhooks_endpoints_asking_to_wait", "Endpoints whose receivers ask that nothing comes");
  open_breakers = gauge("rhooks_breakers_open", "Endpoints that do not answer");
  breakers_turned = counters("rhooks_breaker_transitions_total",
                             "How often endpoints ceased to answer, and did again", "to",
                             std::array<const char*, 2>{"open", "closed"});
  callbacks = counter("rhooks_callbacks_total", "Tasks that were to be made to tell of other ones");
  events_lost = counter("rhooks_events_lost_total",
                        "Events of endpoints that are not told, since an outcome was not stored");
  auto& refused_family = prometheus::BuildCounter()
                             .Name("rhooks_egress_refused_total")
                             .Help("Registrations and attempts that the egress policy refused")
                             .Register(registry);
  constexpr std::array<const char*, 2> kStages{"register", "attempt"};
  for (std::size_t stage = 0; stage < kStages.size(); ++stage) {
    for (std::size_t i = 0; i < kRefusals.size(); ++i) {
      egress_refused[stage][i] =
          &refused_family.Add({{"class", std::string(kRefusals[i])}, {"stage", kStages[stage]}});
    }
  }
}

Histogram* Metrics::Impl::http_handle(std::string_view route, std::size_t method, int status) {
  const MutexLock lock(http_mutex);
  const auto found = http_duration.find(HttpKeyView{route, method, status});
  if (found != http_duration.end()) return found->second;
  if (http_duration.size() >= kHttpSeriesMax) {
    route = "other";
    method = kHttpMethods.size() - 1;
  }
  Histogram*& handle = http_duration[HttpKey{std::string(route), method, status}];
  if (handle == nullptr) {
    handle = &http_family->Add({{"route", std::string(route)},
                                {"method", std::string(kHttpMethods[method])},
                                {"status", status == 0 ? "other" : std::to_string(status)}},
                               kCallBuckets);
  }
  return handle;
}

Metrics::Impl::DynamoDbSeries::DynamoDbSeries(prometheus::Registry& registry)
    : requests(prometheus::BuildCounter()
                   .Name("rhooks_dynamodb_requests_total")
                   .Help("Requests to DynamoDB, every try by itself, by result")
                   .Register(registry)),
      duration(prometheus::BuildHistogram()
                   .Name("rhooks_dynamodb_request_duration_seconds")
                   .Help("Time of a request to DynamoDB, every try by itself")
                   .Register(registry)),
      capacity(prometheus::BuildCounter()
                   .Name("rhooks_dynamodb_capacity_units_total")
                   .Help("Capacity units that requests to DynamoDB consumed")
                   .Register(registry)) {
  auto& retry_family = prometheus::BuildCounter()
                           .Name("rhooks_dynamodb_retries_total")
                           .Help("Requests to DynamoDB that were sent again, by reason")
                           .Register(registry);
  for (std::size_t i = 0; i < kDynamoDbRetries.size(); ++i) {
    retries[i] = &retry_family.Add({{"reason", kDynamoDbRetries[i]}});
  }
  retry_quota = &prometheus::BuildGauge()
                     .Name("rhooks_dynamodb_retry_quota")
                     .Help("Tokens left that retries to DynamoDB take from")
                     .Register(registry)
                     .Add({});
}

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::attempt(Attempt result, Micros lateness, Micros duration) {
  impl_->attempts[static_cast<std::size_t>(result)]->Increment();
  impl_->lateness->Observe(seconds(lateness));
  // A request that was cut off says nothing about its receiver.
  if (result != Attempt::kCancelled) impl_->attempt_duration->Observe(seconds(duration));
}

void Metrics::registered(std::int64_t tasks) {
  impl_->registered->Increment(static_cast<double>(tasks));
}

void Metrics::redriven(std::int64_t tasks) {
  impl_->redriven->Increment(static_cast<double>(tasks));
}

void Metrics::lease_lost() {
  impl_->lease_lost->Increment();
}

void Metrics::set_aside() {
  impl_->set_aside->Increment();
}

void Metrics::writes_dropped(std::int64_t writes) {
  impl_->writes_dropped->Increment(static_cast<double>(writes));
}

void Metrics::skipped(std::int64_t occurrences) {
  impl_->skipped->Increment(static_cast<double>(occurrences));
}

void Metrics::failed(std::string_view reason) {
  impl_->failed[index_of(kFailures, reason)]->Increment();
}

void Metrics::held(std::string_view by, std::size_t times) {
  Counter* const held = impl_->held[index_of(kHeldBy, by)];
  if (times > 0) held->Increment(static_cast<double>(times));
}

void Metrics::asking_to_wait(std::size_t endpoints) {
  impl_->asking_to_wait->Set(static_cast<double>(endpoints));
}

void Metrics::open_breakers(std::size_t endpoints) {
  impl_->open_breakers->Set(static_cast<double>(endpoints));
}

void Metrics::breakers_turned(Breaker to, std::size_t endpoints) {
  if (endpoints > 0) {
    impl_->breakers_turned[static_cast<std::size_t>(to)]->Increment(static_cast<double>(endpoints));
  }
}

void Metrics::callbacks(std::int64_t tasks) {
  impl_->callbacks->Increment(static_cast<double>(tasks));
}

void Metrics::egress_refused(Egress stage, std::string_view why) {
  impl_->egress_refused[static_cast<std::size_t>(stage)][index_of(kRefusals, why)]->Increment();
}
void Metrics::event_lost() {
  impl_->events_lost->Increment();
}

void Metrics::due_lag(Micros lag) {
  impl_->due_lag->Set(seconds(lag));
}

void Metrics::queue_depth(Queue queue, std::size_t items) {
  impl_->queue_depth[static_cast<std::size_t>(queue)]->Set(static_cast<double>(items));
}

void Metrics::endpoints_age(Micros age) {
  impl_->endpoints_age->Set(seconds(age));
}

void Metrics::store_call(std::string_view method, bool ok, Micros duration) {
  const std::size_t index = index_of(kStoreMethods, method);
  impl_->store_duration[index]->Observe(seconds(duration));
  if (!ok) impl_->store_errors[index]->Increment();
}

void Metrics::http_connections_ended(std::size_t connections) {
  impl_->connections_ended->Increment(static_cast<double>(connections));
}

void Metrics::tls_handshake_failed() {
  impl_->tls_handshakes_failed->Increment();
}

void Metrics::tls_reloaded(bool ok) {
  impl_->tls_reloads[ok ? 1 : 0]->Increment();
}

void Metrics::tls_certificate(std::chrono::sys_seconds not_after) {
  impl_->tls_not_after->Add({}).Set(static_cast<double>(not_after.time_since_epoch().count()));
}

void Metrics::http_call(std::string_view route, std::string_view method, int status,
                        Micros duration) {
  const int known_status = status >= 100 && status <= 599 ? status : 0;
  impl_->http_handle(route, index_of(kHttpMethods, method), known_status)
      ->Observe(seconds(duration));
}

void Metrics::dynamodb_request(std::string_view operation, DynamoDb result, Micros duration) {
  const MutexLock lock(impl_->dynamodb_mutex);
  auto& series = impl_->dynamodb();
  auto found = series.by_operation.find(operation);
  if (found == series.by_operation.end()) {
    const std::string name(series.by_operation.size() < kDynamoDbSeriesMax ? operation : "other");
    found = series.by_operation.try_emplace(name).first;
    for (std::size_t i = 0; i < kDynamoDbResults.size(); ++i) {
      found->second.requests[i] =
          &series.requests.Add({{"operation", name}, {"result", kDynamoDbResults[i]}});
    }
    found->second.duration = &series.duration.Add({{"operation", name}}, kDynamoDbBuckets);
  }
  found->second.requests[static_cast<std::size_t>(result)]->Increment();
  found->second.duration->Observe(seconds(duration));
}

void Metrics::dynamodb_capacity(std::string_view operation, std::string_view table, bool write,
                                double units) {
  const MutexLock lock(impl_->dynamodb_mutex);
  auto& series = impl_->dynamodb();
  std::tuple key(std::string(operation), std::string(table), write);
  if (series.units.size() >= kDynamoDbSeriesMax && !series.units.contains(key)) {
    table = operation = "other";
    key = {"other", "other", write};
  }
  Counter*& handle = series.units[key];
  if (handle == nullptr) {
    handle = &series.capacity.Add({{"operation", std::string(operation)},
                                   {"table", std::string(table)},
                                   {"kind", write ? "write" : "read"}});
  }
  handle->Increment(units);
}

void Metrics::dynamodb_retry(DynamoDbRetry reason) {
  const MutexLock lock(impl_->dynamodb_mutex);
  impl_->dynamodb().retries[static_cast<std::size_t>(reason)]->Increment();
}

void Metrics::dynamodb_retry_quota(int tokens) {
  const MutexLock lock(impl_->dynamodb_mutex);
  impl_->dynamodb().retry_quota->Set(tokens);
}

std::string Metrics::expose() const {
  {
    // Kept by the log, which is the process's.
    const MutexLock lock(impl_->log_mutex);
    Counter& dropped = *impl_->log_lines_dropped;
    dropped.Increment(static_cast<double>(log::lines_dropped()) - dropped.Value());
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, impl_->registry.Collect());
  return out.str();
}

}  // namespace rhooks
