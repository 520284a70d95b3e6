#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace rhooks::testing {

// What the receiver makes of the requests of a task.
enum class ReceiverBehavior {
  kGood,
  kSlow,        // answers late, within the time limit
  kFailsFirst,  // 500 to the first one or two of an occurrence
  kRetryAfter,  // 503 to the first, with Retry-After
  kResets,      // the first is reset after it was received
  kBreaksOff,   // likewise, in the middle of the answer
  kHangs,       // no answer to the first within the time limit
  kBad,         // always 500
  kLate,        // 200, and more on the connection once it is idle
};
inline constexpr int kReceiverBehaviors = 9;
inline constexpr std::chrono::seconds kRetryAfter{1};

// A task of the load, and what was acknowledged of it. All moments are true ones.
struct LoadTask {
  struct Window {
    Clock::Micros from, to;
  };

  std::size_t number = 0;
  std::string id;  // empty: registered with an Idempotency-Key and not answered
  ReceiverBehavior behavior = ReceiverBehavior::kGood;
  std::int64_t executions = 1;  // that it is to come to
  std::chrono::milliseconds interval{0};
  std::optional<TimePoint> scheduled;  // none: at once
  int retry_limit = 0;
  bool acknowledged = false;
  bool delete_sent = false;
  std::optional<Clock::Micros> deleted;  // when that was acknowledged
  bool attempt_at_delete = false;        // one may have been under way
  std::vector<Window> suspended;         // for sure
  // Nobody asked since then that it goes on: set at the end where the store has forgotten it.
  std::optional<Clock::Micros> suspended_since;
};

// A request that arrived.
struct Delivery {
  std::size_t number = 0;  // of the task
  std::string webhook_id;
  Clock::Micros at{};
  // It was reset on a connection that had served before: libcurl takes that for one that had been
  // closed meanwhile, and sends the request again within the attempt.
  bool may_be_sent_again = false;
  // It came on a connection with late bytes, which cannot be told from its answer where the two
  // cross; and how long they had been there when it was sent, where that is known.
  bool crossed = false;
  std::optional<std::chrono::milliseconds> late_waited;
};

// All that is known of a load once nothing is left to do.
struct CrashHistory {
  std::vector<LoadTask> tasks;          // each at the place of its number
  std::vector<std::string> complaints;  // answers that should not have been given, in words
  std::vector<Delivery> deliveries;
  std::size_t late = 0;  // how often late bytes were written on a connection
  // As the servers show them.
  std::vector<boost::json::object> stored_tasks;
  std::vector<boost::json::object> stored_logs;
};

}  // namespace rhooks::testing
