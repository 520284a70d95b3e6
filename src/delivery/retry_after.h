#pragma once

#include <rhooks/log.h>

#include <chrono>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace rhooks::delivery {

// The most that is understood; past any wait that the scheduler grants.
inline constexpr std::chrono::hours kRetryAfterMax{366 * 24};

// How long a Retry-After header asks to wait (RFC 9110, section 10.2.3): seconds, also with a
// fraction, which some receivers send; or an HTTP date in any of the three forms of section
// 5.6.7. None where it is neither, or asks for no wait.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value, TimePoint now);

// That of a response; none where it has none. Of several, the longest wait.
std::optional<std::chrono::milliseconds> retry_after_of(const Response& response, TimePoint now);

}  // namespace rhooks::delivery
