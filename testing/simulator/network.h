#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "delivery/sender.h"
#include "testing/simulator/invariant_checker.h"
#include "testing/simulator/timeline.h"

namespace rhooks::simulator {

// How receivers, and the way to them, behave; each a probability. Read anew at each request.
struct HttpFaults {
  double unreachable = 0;     // refused at once
  double server_error = 0;    // 500
  double too_many = 0;        // 429 or 503 with Retry-After
  double gone = 0;            // 410
  double unsent_timeout = 0;  // nothing arrives, nothing comes back
  double late_timeout = 0;    // received, and never answered
  double reset = 0;           // received, and the connection is cut
  double endless = 0;         // 200 with a body that never ends
  double slow = 0;            // answered after up to the time-out
  // Hosts whose name begins with "dead" never answer, those with "down" refuse, and those with
  // "slow" do not answer within a second.
  bool by_host = false;
};

// Processes of nobody: what is on its way arrives, whoever crashed meanwhile.
inline constexpr Owner kNetwork = 1;

// Makes the requests of one incarnation of a worker; a seed says how each one ends. A request names
// its task as PATH = /NAMESPACE/ID/BEHAVIOUR; one whose behaviour is "bad" is always answered 400.
// That of a callback has no path, and its body names it.
// Threads: one; poll() waits in simulated time.
class SimulatedSender final : public delivery::Sender {
 public:
  struct Options {
    Incarnation incarnation = 0;
    std::size_t concurrency = 1;
    std::chrono::milliseconds time_out{10'000};
  };
  SimulatedSender(Timeline& timeline, const Clock& clock, InvariantChecker& checker,
                  const HttpFaults& faults, Options options)
      : timeline_(timeline), clock_(clock), checker_(checker), faults_(faults), options_(options) {}

  void start(delivery::HttpRequest request) override;
  std::vector<delivery::HttpResult> poll(std::chrono::milliseconds max_wait) override;
  void wake() override { signal_.ring(); }
  void cancel_all() override;
  std::size_t in_flight() const override { return transfers_.size(); }

 private:
  struct Transfer {
    AttemptNumber attempt = 0;
    Moment started;
    Moment ends;
    std::chrono::milliseconds longest{0};
    delivery::HttpResult result;
  };

  void draw(Transfer& transfer, const std::string& host, bool bad);
  void arrive_at(Moment at, AttemptNumber attempt);

  Timeline& timeline_;
  const Clock& clock_;
  InvariantChecker& checker_;
  const HttpFaults& faults_;
  const Options options_;
  Signal signal_;
  std::vector<Transfer> transfers_;  // in the order of their starts
};

}  // namespace rhooks::simulator
