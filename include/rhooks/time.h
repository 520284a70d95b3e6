#pragma once

#include <chrono>

namespace rhooks {

// Every time of the public API: UTC, milliseconds since the Unix epoch.
using TimePoint = std::chrono::sys_time<std::chrono::milliseconds>;

}  // namespace rhooks
