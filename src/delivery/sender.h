#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/record.h"

namespace rhooks::delivery {

// A request ready for the wire.
struct HttpRequest {
  std::uint64_t slot_id = 0;  // of the caller; comes back with the result
  Request request;            // final URL and headers; `body` as logged
  // Of headers whose values nobody else is to see: sent in the place of those of their names in
  // `request`, which is logged.
  std::vector<Header> secret_headers;
  std::string wire_body;  // the bytes to send
  bool has_body = false;
  // Of the whole attempt, where it is less than the sender's own; none: that.
  std::optional<std::chrono::milliseconds> timeout;
};

// Where the policy of egress, or a proxy, lets nothing be sent. (How it reads for users is the
// outcome's error.)
struct Refused {
  std::string_view why;  // egress::refusal, or the name of an egress::AddressClass; "proxy"
  std::string address;   // that it is about, if it is one: for the server's owner only
};

struct HttpResult {
  std::uint64_t slot_id = 0;
  model::AttemptOutcome outcome;
  // The attempt was cut off by cancel_all(): nothing is known about it.
  bool cancelled = false;
  // Nothing was sent, and the receiver has no part in that.
  std::optional<Refused> refused = {};
  // Likewise: the proxy by way of which all is sent is away, or does not take its user.
  bool no_way_out = false;
};

// Makes HTTP requests, many at a time.
//
// Threads: wake() from any thread; everything else from one. Blocking: poll() only.
// Each request that is started gives exactly one result, whatever happens to it.
class Sender {
 public:
  virtual ~Sender() = default;

  // Begins a request. Never fails: what is wrong with it becomes its result.
  virtual void start(HttpRequest request) = 0;

  // Moves requests on and returns those that ended, waiting up to `max_wait` for the first.
  // Returns early, perhaps with nothing, when wake() is called.
  virtual std::vector<HttpResult> poll(std::chrono::milliseconds max_wait) = 0;

  // Makes the poll() that is under way, or the next one, return.
  virtual void wake() = 0;

  // Cuts all requests off; the next poll() returns them as cancelled.
  virtual void cancel_all() = 0;

  virtual std::size_t in_flight() const = 0;
};

}  // namespace rhooks::delivery
