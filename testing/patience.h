#pragma once

#include <chrono>
#include <thread>

namespace rhooks::testing {

// How long a test waits for what surely comes. It costs nothing where all is well, and on a machine
// that has much else to do a program may get a twentieth of a core.
inline constexpr std::chrono::seconds kPatience{120};

// Waits until the condition holds, and looks again after each pause; false: it did not in time.
template <typename Condition>
bool eventually(Condition condition,
                std::chrono::milliseconds pause = std::chrono::milliseconds{1}) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

// For what has to come far within a limit of time that is its subject: on a busy machine it may
// not. Tries with this limit, and with longer ones until `attempt` says that it came far enough.
template <typename Attempt>
bool with_more_time(std::chrono::milliseconds limit, Attempt attempt) {
  for (int tries = 0; tries < 3; ++tries, limit *= 8) {
    if (attempt(limit)) return true;
  }
  return false;
}

}  // namespace rhooks::testing
