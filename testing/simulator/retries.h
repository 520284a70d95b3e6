#pragma once

#include <rhooks/endpoint.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/sha256.h"

namespace rhooks::simulator {

// What an endpoint says of retries. In every world those of one name say the same, so that who
// knows a task knows it, too.
struct Retries {
  std::vector<std::chrono::milliseconds> schedule;
  std::optional<std::chrono::milliseconds> longest;
  StatusSet stop_on;
  bool breaker = true;
};

// The endpoint to which callbacks go.
inline constexpr const char* kToldEndpoint = "cb";

// Who is told of the ends of executions, and of which; empty: nobody, and all.
struct Callback {
  std::string to;
  std::vector<std::string> on;
};

// Also in every world. That of kToldEndpoint says that what tells is not told of.
inline Callback callback_of(const std::string& endpoint) {
  if (endpoint == kToldEndpoint) return {kToldEndpoint, {}};
  if (endpoint == "e3") return {kToldEndpoint, {"task.failed"}};
  return {};
}

// The endpoint of whose state that one is told, where it is there when this one is put.
inline constexpr const char* kWatchedEndpoint = "e2";

// The id of what tells of an endpoint at that time: one in a minute.
inline std::string event_id(const std::string& endpoint, const std::string& type, TimePoint at) {
  const auto minute = std::chrono::floor<std::chrono::minutes>(at).time_since_epoch().count();
  const Sha256 hash = sha256({endpoint, type, std::to_string(minute)});
  return "ev_" + to_hex(hash.data(), 16);
}

inline Retries retries_of(const std::string& endpoint) {
  using namespace std::chrono_literals;
  Retries retries;
  if (endpoint == "e1") retries.stop_on = {{400, 400}, {500, 599}};
  if (endpoint == "e2") retries.schedule = {1s, 4s};
  if (endpoint == "e3") {
    retries.longest = 1s;
    retries.breaker = false;
  }
  return retries;
}

}  // namespace rhooks::simulator
