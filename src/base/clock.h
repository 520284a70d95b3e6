#pragma once

#include <rhooks/task.h>

#include <chrono>

namespace rhooks {

// Tells the time. Production reads the system's clock; tests move one by hand.
// Threads: now() may be called from any thread.
class Clock {
 public:
  using Micros = std::chrono::sys_time<std::chrono::microseconds>;

  virtual ~Clock() = default;
  virtual Micros now_micros() const = 0;

  TimePoint now() const { return std::chrono::floor<std::chrono::milliseconds>(now_micros()); }
};

class SystemClock final : public Clock {
 public:
  Micros now_micros() const override {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  }
};

inline std::int64_t to_millis(TimePoint t) {
  return t.time_since_epoch().count();
}
inline TimePoint from_millis(std::int64_t ms) {
  return TimePoint{std::chrono::milliseconds{ms}};
}

// The range of times that the scheduler accepts: years 1970 to 9999, so that every one can
// be written as ISO-8601 and arithmetic on them cannot overflow.
inline constexpr TimePoint kTimeMin{std::chrono::milliseconds{0}};
inline constexpr TimePoint kTimeMax{std::chrono::milliseconds{253'402'300'799'999}};

}  // namespace rhooks
