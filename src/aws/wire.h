#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace rhooks::aws {

struct WireOptions {
  std::string endpoint;  // "http://127.0.0.1:8000"
  std::string ca_file;
  std::size_t max_in_flight = 128;
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds request_timeout{10'000};
};

// One POST to the endpoint.
struct WireRequest {
  std::string_view body;  // must live until `done` is called
  // Gives all the headers, Host too. Called by the I/O thread right before the request goes
  // out, so that a signature is fresh however long the request waited. Must not block.
  std::function<std::vector<Header>()> headers;
  std::chrono::microseconds delay{0};  // it is not sent before that is over
};

// What a request came to.
struct WireResult {
  enum class End {
    kAnswered,  // the answer arrived in full
    kFailed,    // no connection, or it broke; `failure` has it in words
    kTimedOut,  // likewise
    kTooLong,   // the answer is longer than kAnswerBytesMax
    kStopped,   // the wire was stopped
  };
  static constexpr std::size_t kAnswerBytesMax = 32 * 1024 * 1024;

  End end = End::kStopped;
  std::string failure;  // for people; shows nothing secret
  int status = 0;
  std::string date;   // the header Date; empty: there was none
  std::string crc32;  // the header x-amz-crc32, likewise
  std::string body;
  // How often the request was put on a connection, as net::CurlLoop::sends() has it: each time but
  // the last it may have arrived, and its answer been lost.
  int sends = 0;
  TimePoint sent_at{};  // the machine's clock
  TimePoint ended_at{};
  std::chrono::microseconds duration{0};
};

// Sends requests to one endpoint over connections that it keeps, up to max_in_flight at once;
// the others wait in order. HTTP/1.1.
//
// Threads: every method may be called from any thread; one thread of its own does the I/O and
// calls `done`, which must not block.
// Blocking: stop() only.
// Bound: the caller bounds how many requests wait.
class Wire {
 public:
  using Done = std::function<void(WireResult)>;

  // Errors: kInvalidArgument (field "endpoint": not http or https, or with more than host and
  // port; field "caFile"), kUnavailable (no descriptors).
  static Result<std::unique_ptr<Wire>> create(WireOptions options, const Clock& clock);
  ~Wire();

  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // "http://127.0.0.1:8000", without anything after the port.
  const std::string& endpoint() const;
  // What the header Host has to say.
  const std::string& host() const;

  // `done` is called exactly once; after stop() by this very call.
  void send(WireRequest request, Done done);
  // Ends what waits and what is in flight with kStopped. Idempotent.
  void stop();

 private:
  class Impl;
  explicit Wire(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace rhooks::aws
