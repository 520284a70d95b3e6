#pragma once

#include <rhooks/endpoint.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "model/limits.h"

namespace rhooks::model {

// A rate, by the generic cell rate algorithm (ITU-T I.371): `burst` may begin at once, and one more
// each `interval`. So in each time as long as the rate's begin at most its limit, and `burst` - 1
// more.
//
// What is kept of those that began is one time, the TAT ("theoretical arrival time"): how far they
// reach, an interval each. One that lies in the past is as good as any other that does.
struct Gcra {
  using Time = Clock::Micros;

  std::chrono::microseconds interval{1};   // longer than zero
  std::chrono::microseconds tolerance{0};  // `burst` - 1 intervals

  // Within what the rules of an endpoint allow. Without `burst`: what the rate allows in a second,
  // at least 1.
  static Gcra of(const Rate& rate, std::optional<int> burst) {
    using std::chrono::microseconds;
    const std::int64_t limit = std::clamp<std::int64_t>(rate.limit, 1, kRateLimitMax);
    const microseconds period = std::clamp(rate.period, kRatePeriodMin, kRatePeriodMax);
    const microseconds interval{(period.count() - 1) / limit + 1};
    const std::int64_t in_a_second = limit * 1'000'000 / period.count();
    const std::int64_t at_once =
        std::clamp<std::int64_t>(burst ? std::int64_t{*burst} : in_a_second, 1, kBurstMax);
    return {interval, (at_once - 1) * interval};
  }

  // How many may begin.
  std::int64_t allowed(Time tat, Time now) const {
    const auto left = now + tolerance - std::max(tat, now);
    return left.count() < 0 ? 0 : left / interval + 1;
  }
  // The TAT once one more began.
  Time after(Time tat, Time now) const { return std::max(tat, now) + interval; }
  // When one may begin, where none may before.
  Time opens(Time tat) const { return tat - tolerance; }
  // The latest that a TAT can be: of a burst that began just now.
  Time latest(Time now) const { return now + tolerance + interval; }

  friend bool operator==(const Gcra&, const Gcra&) = default;
};

}  // namespace rhooks::model
