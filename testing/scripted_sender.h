#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "delivery/sender.h"
#include "testing/manual_clock.h"
#include "testing/patience.h"

namespace rhooks::testing {

// A Sender that makes no requests: a script says how each one ends, and when.
//
//   ManualClock clock;
//   ScriptedSender sender(clock, [](const delivery::HttpRequest& request) {
//     if (request.request.url.ends_with("/slow")) return Reply::status(200, 250ms);
//     if (request.request.url.ends_with("/held")) return Reply::hold();
//     return Reply::failure("could not connect to 127.0.0.1:9: connection refused");
//   });
//   sender.start(request);               // asks the script, once
//   clock.advance(250ms);
//   auto results = sender.poll(0ms);     // what has ended by now, by end, then by start
//   sender.release(slot_id, Reply::status(500));  // ends a held request
//
// Deterministic: the same script, starts and clock moves give the same results. poll(0ms)
// never waits. Driven by a real thread, poll() waits on a condition until a request ends,
// the clock moves far enough, wake() is called or `max_wait` of real time is over.
//
// Threads: start, poll and cancel_all belong to one thread, as Sender says (the script is
// called by it, outside the lock); everything else may be called from any thread.
class ScriptedSender final : public delivery::Sender {
 public:
  struct Reply {
    std::optional<Response> response;  // none: the attempt failed with `error`
    std::string error;                 // why there is no response
    std::optional<std::chrono::milliseconds> retry_after;
    std::optional<delivery::Refused> refused = {};
    bool no_way_out = false;
    std::chrono::milliseconds delay{0};  // on the clock, from the start
    bool held = false;                   // until release()

    static Reply status(int status, std::chrono::milliseconds delay = {}, std::string body = {});
    static Reply failure(std::string error, std::chrono::milliseconds delay = {});
    static Reply hold();
  };
  using Script = std::function<Reply(const delivery::HttpRequest&)>;

  // Without a script everything is answered 200 at once. A ManualClock wakes poll() when it
  // moves; with any other clock poll() sleeps until the next end.
  explicit ScriptedSender(ManualClock& clock, Script script = {});
  explicit ScriptedSender(Clock& clock, Script script = {});
  ~ScriptedSender() override;

  ScriptedSender(const ScriptedSender&) = delete;
  ScriptedSender& operator=(const ScriptedSender&) = delete;

  void start(delivery::HttpRequest request) override;
  std::vector<delivery::HttpResult> poll(std::chrono::milliseconds max_wait) override;
  void wake() override;
  void cancel_all() override;
  std::size_t in_flight() const override;

  // Replaces the script for the requests that are started from now on.
  void set_script(Script script);

  // Ends a held request (its delay counts from now); false if there is none of that slot_id.
  bool release(std::uint64_t slot_id, Reply reply);
  // Ends all held requests the same way; returns how many.
  std::size_t release_all(const Reply& reply);

  // What was started, in order, since the beginning.
  std::vector<delivery::HttpRequest> started() const;
  std::size_t started_count() const;
  // When the next request that is not held ends; none if there is none.
  std::optional<TimePoint> next_end() const;
  // The most requests that were in flight at once: started, and not yet returned by poll().
  std::size_t max_in_flight() const;
  // Waits in real time until at least `count` were started; false when `timeout` is over.
  bool wait_started(std::size_t count, std::chrono::milliseconds timeout = kPatience) const;

 private:
  struct Transfer {
    delivery::HttpRequest request;
    Reply reply;
    Clock::Micros started_at{};
    Clock::Micros ends_at{};
  };

  void settle(Transfer& transfer, Reply reply, Clock::Micros from);
  delivery::HttpResult to_result(Transfer transfer, bool cancelled, Clock::Micros end) const;

  Clock& clock_;
  ManualClock* manual_ = nullptr;
  int subscription_ = 0;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  Script script_;
  std::map<std::uint64_t, Transfer> transfers_;  // by order of start
  std::vector<delivery::HttpResult> cancelled_;
  std::uint64_t next_order_ = 0;
  std::uint64_t moves_ = 0;  // of the manual clock
  bool woken_ = false;
  bool released_ = false;
  std::vector<delivery::HttpRequest> started_;
  std::size_t max_in_flight_ = 0;
};

}  // namespace rhooks::testing
