#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace rhooks {

// The counters, gauges and histograms of one scheduler, kept by prometheus-cpp.
// docs/metrics.md lists their names and meaning.
// Threads: every method may be called from any thread. Blocking: none for long.
class Metrics {
 public:
  using Micros = std::chrono::microseconds;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  enum class Attempt { kSuccess, kHttpStatus, kNoResponse, kCancelled, kBlocked, kNoWayOut };
  // An attempt ended: `lateness` is its start after its due time, `duration` the HTTP time.
  void attempt(Attempt result, Micros lateness, Micros duration);
  void registered(std::int64_t tasks);
  void redriven(std::int64_t tasks);
  void lease_lost();
  void set_aside();
  void writes_dropped(std::int64_t writes);
  void skipped(std::int64_t occurrences);
  // A task became FAILED, for that `failureReason`.
  void failed(std::string_view reason);
  // What something that is due came to wait for, so often: what `held` says of it.
  void held(std::string_view by, std::size_t times);
  // Of how many endpoints something waits since their receivers ask for that.
  void asking_to_wait(std::size_t endpoints);
  // How many endpoints do not answer.
  void open_breakers(std::size_t endpoints);
  // Endpoints ceased to answer, or are taken for such that do again.
  enum class Breaker { kOpen, kClosed };
  void breakers_turned(Breaker to, std::size_t endpoints);
  void callbacks(std::int64_t tasks);  // that were to be stored, to tell of others
  void event_lost();                   // of an endpoint: it is not told
  // The policy of egress refused a registration, or an attempt; `why`: delivery::Refused has it.
  enum class Egress { kRegister, kAttempt };
  void egress_refused(Egress stage, std::string_view why);

  // How long ago the most overdue task that nobody attempts was due; 0 when none is.
  void due_lag(Micros lag);
  enum class Queue { kToSend, kInFlight, kToCommit };
  void queue_depth(Queue queue, std::size_t items);

  // How old the endpoints were by which the latest attempt or registration went (Endpoints::age()).
  void endpoints_age(Micros age);

  // One call of the store contract, by method name ("claim_due"), and of the REST API.
  void store_call(std::string_view method, bool ok, Micros duration);
  void http_call(std::string_view route, std::string_view method, int status, Micros duration);
  void http_connections_ended(std::size_t connections);  // to make room for others
  // TLS of the server's port: of a handshake that came to nothing, of its files when they were read
  // anew, and of when the certificate that is shown ends.
  void tls_handshake_failed();
  void tls_reloaded(bool ok);
  void tls_certificate(std::chrono::sys_seconds not_after);

  // A request to DynamoDB ended, each try of a call by itself: kNoAnswer where none arrived,
  // kRefused where credentials or signature were not taken.
  enum class DynamoDb {
    kOk,
    kConditionFailed,
    kThrottled,
    kServerError,
    kNoAnswer,
    kRefused,
    kFailed
  };
  void dynamodb_request(std::string_view operation, DynamoDb result, Micros duration);
  // What a request consumed of a table, in read or write units.
  void dynamodb_capacity(std::string_view operation, std::string_view table, bool write,
                         double units);
  enum class DynamoDbRetry { kThrottled, kServerError, kNoAnswer, kCredentials, kClock };
  void dynamodb_retry(DynamoDbRetry reason);
  // What is left of the tokens that retries take from.
  void dynamodb_retry_quota(int tokens);

  // Prometheus text format 0.0.4.
  std::string expose() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rhooks
