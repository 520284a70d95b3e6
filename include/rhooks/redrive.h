#pragma once

#include <rhooks/endpoint.h>
#include <rhooks/task_filter.h>

#include <chrono>
#include <cstdint>
#include <optional>

namespace rhooks {

enum class RedriveState { kRunning, kDone, kCancelled };

const char* to_string(RedriveState state);  // "RUNNING"

// FAILED tasks of a namespace that are run again, a few at a time, each as by
// HooksApi::trigger(key). It takes those that match and were FAILED when it began; without a
// `reason` all but the cancelled ones. What fails again is not run again.
struct Redrive : TaskFilter {              // its `status`: none, or kFailed
  Rate rate{50, std::chrono::seconds{1}};  // at most 10,000 a second
  std::int64_t max = 0;                    // so many at most; 0: all

  // Set by the scheduler.
  RedriveState state = RedriveState::kRunning;
  std::int64_t redriven = 0;  // tasks that run again, but for those of the step under way
  std::int64_t skipped = 0;   // tasks that were deleted just before
  TimePoint started_at{};
  std::optional<TimePoint> ended_at;

  friend bool operator==(const Redrive&, const Redrive&) = default;
};

}  // namespace rhooks
