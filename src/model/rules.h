#pragma once

#include <rhooks/endpoint.h>
#include <rhooks/result.h>
#include <rhooks/task.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What a field of a task may be. A rule checks one value and words what it refuses:
// kInvalidArgument, the message begins with `field`. Its limits also stand in the schemas of
// OpenAPI.
namespace rhooks::model {

struct AnyValue {
  template <typename T>
  Result<void> check(const T&) const {
    return {};
  }
};

// A name that goes into keys, URLs and logs: UTF-8 without control characters.
struct Name {
  std::size_t bytes_max;
  Result<void> check(std::string_view name, std::string_view field) const;
};

// The name of an endpoint.
struct EndpointName {
  Result<void> check(std::string_view name, std::string_view field) const;
};

// Text for people: UTF-8, on one line or several.
struct Text {
  std::size_t bytes_max;
  Result<void> check(std::string_view text, std::string_view field) const;
};

struct Range {
  std::int64_t min;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  const char* least = nullptr;  // what stands for `min` in messages, if not its digits
  Result<void> check(std::int64_t value, std::string_view field) const;
};

// A length of time, both ends included.
struct Span {
  std::chrono::milliseconds min;
  std::chrono::milliseconds max;
  Result<void> check(std::chrono::milliseconds length, std::string_view field) const;
};

struct RateRange {
  Result<void> check(const Rate& rate, std::string_view field) const;
};

// The waits before retries; none: they follow from something else.
struct Waits {
  Result<void> check(const std::vector<std::chrono::milliseconds>& waits,
                     std::string_view field) const;
};

// Statuses of answers that are no success.
struct FailedStatuses {
  Result<void> check(const StatusSet& statuses, std::string_view field) const;
};

// What State::failure_reason says of a task that is FAILED.
struct FailureReason {
  Result<void> check(std::string_view reason, std::string_view field) const;
};

// What callbacks tell of (model/callback.h).
namespace events {
inline constexpr std::string_view kTaskSucceeded = "task.succeeded";
inline constexpr std::string_view kTaskFailed = "task.failed";
inline constexpr std::string_view kEndpointOpened = "endpoint.opened";  // its breaker
inline constexpr std::string_view kEndpointClosed = "endpoint.closed";
inline constexpr std::array kOfTask{kTaskSucceeded, kTaskFailed};
inline constexpr std::array kOfEndpoint{kTaskSucceeded, kTaskFailed, kEndpointOpened,
                                        kEndpointClosed};
}  // namespace events

// Some of these, each once.
struct Events {
  std::span<const std::string_view> known;
  Result<void> check(const std::vector<std::string>& names, std::string_view field) const;
};

// Texts of a schedule, whose form the compiler of schedules checks (schedule/timetable.h). One may
// stand by itself, where `one_alone` says so.
struct Texts {
  std::size_t count_max;
  std::size_t bytes_max;  // of each
  bool one_alone = false;
  Result<void> check(const std::vector<std::string>& texts, std::string_view field) const;
};

// The years 1970 to 9999.
struct ShownTime {
  Result<void> check(TimePoint t, std::string_view field) const;
};

// A function that knows its field.
template <auto Check>
struct By {
  template <typename T>
  Result<void> check(const T& value) const {
    return Check(value);
  }
};

// Of a task or an endpoint.
Result<void> check_callback(std::string_view callback, const std::vector<std::string>& on);

// Of By: what needs more than one field, or knows more of a value than its size.
Result<void> check_body(const Body& body);
Result<void> check_repeat(const Repeat& repeat);
Result<void> check_schedule(const Schedule& schedule);

}  // namespace rhooks::model
