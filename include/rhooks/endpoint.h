#pragma once

#include <rhooks/task.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rhooks {

// So many in that time.
struct Rate {
  std::int64_t limit = 1;                   // 1 to 1,000,000
  std::chrono::milliseconds period{1'000};  // 1 s to 7 d

  friend bool operator==(const Rate&, const Rate&) = default;
};

// HTTP statuses, both ends included.
struct StatusRange {
  int first = 0;
  int last = 0;

  friend bool operator==(const StatusRange&, const StatusRange&) = default;
};
using StatusSet = std::vector<StatusRange>;

// Where webhooks go, and how: one place for what is the same for all that go to one receiver.
struct Endpoint {
  std::string ns;    // the namespace: 1 to 256 bytes
  std::string name;  // 1 to 128 letters, digits, ".", "_" and "-", the first a letter or digit
  std::string description;                           // for people; at most 1 KiB
  std::string url;                                   // http or https, without a fragment
  std::vector<Header> headers;                       // as of a request, without content-type
  std::optional<std::chrono::milliseconds> timeout;  // of one attempt: 1 ms to 24 h
  std::optional<int> retry_limit;                    // as Spec::retry_limit
  // Waits after the first, second, … failed attempt of an occurrence, each shorter or longer by up
  // to a fifth, by chance: 1 to 100 of up to 30 days. How many there are is the retry limit.
  // Excludes retry_limit and retry_max.
  std::vector<std::chrono::milliseconds> retry_schedule;
  // The longest that the back-off waits, 1 s to 30 days. None: Options::backoff_max.
  std::optional<std::chrono::milliseconds> retry_max;
  // Answers after which an occurrence is not retried: up to 100 ranges within 100 to 599, without
  // those of a success.
  StatusSet stop_on;
  // While nothing answers its tasks wait, one attempt at a time tries it, and what is not answered
  // does not count for its task. False: attempts count, and are made, whatever it answers.
  bool breaker = true;
  // Of its tasks with one flow key, and of those without one:
  std::optional<int> concurrency;  // attempts at once: 1 to 10,000
  std::optional<Rate> rate;        // attempts that begin
  // How many of these may begin at once, and be that many more than the rate: 1 to 1,000,000. None:
  // what the rate allows in a second, at least 1.
  std::optional<int> burst;
  // Attempts are one at a time, and in the order of the dates: a task waits until the one before it
  // is DONE, FAILED, SUSPENDED or gone, its retries included. Excludes a concurrency of more
  // than 1.
  bool ordered = false;
  // Of tasks that have no callback of their own: as Spec::callback and Spec::callback_on. These may
  // also name "endpoint.opened", its tasks wait since it does not answer, and "endpoint.closed", it
  // answers again; neither can go to the endpoint itself.
  std::string callback;
  std::vector<std::string> callback_on;

  // Names of secrets of the namespace (rhooks/secret.h). Its requests are signed by the first, of
  // type kHmac or kEd25519, as Standard Webhooks has it, and have what the second, of type kToken
  // or kBasic, says as Authorization. While one of them is not there, or cannot be opened, its
  // tasks wait.
  std::string signing;
  std::string auth;

  // Set by the scheduler; put_endpoint() takes no notice of them.
  bool paused = false;  // its tasks wait until it is resumed
  // As far as the process knows that tells of it. By "secret": one that it names is not there, or
  // cannot be opened. By "breaker": it does not answer; by "retry-after": its receiver asked that
  // nothing comes (RFC 9110, section 10.2.3). `until` is when it is tried again; none: it is being
  // tried, or will be by its next task that is due.
  std::optional<Held> held;
  std::string revision;  // names this state of it, and no other
  TimePoint created_at{};
  TimePoint updated_at{};

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// As the `if_revision` of put_endpoint() and put_secret(): only where there is none of that name.
inline constexpr char kIfNone[] = "none";

struct EndpointPut {
  Endpoint endpoint;    // as it is stored
  bool created = true;  // false: it was there, and is replaced
};

struct EndpointsQuery {
  std::string ns;         // required
  std::string prefix;     // of their names; empty: all
  int limit = 100;        // 1 to 1000
  std::string start_key;  // last_evaluated_key of the page before
};

struct EndpointPage {
  std::vector<Endpoint> items;  // ordered by name
  // Not empty: there may be more. A page may be shorter than `limit` and have one.
  std::string last_evaluated_key;
};

}  // namespace rhooks
