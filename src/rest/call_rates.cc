#include "rest/call_rates.h"

#include <algorithm>

#include "model/limits.h"

namespace rhooks::rest {

std::optional<std::chrono::microseconds> CallRates::too_early(
    const ApiKey& key, std::chrono::steady_clock::time_point at) {
  if (!key.rate) return std::nullopt;
  const Time now(std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()));
  const auto gcra = model::Gcra::of(*key.rate, static_cast<int>(key.rate->limit));
  MutexLock lock(mutex_);
  // Of keys that are no more; one that lies in the past is as good as none.
  if (tats_.size() >= model::kApiKeysMax) {
    std::erase_if(tats_, [&](const auto& entry) { return entry.second <= now; });
  }
  // Its rate may be another one since.
  Time& tat = tats_[key.id];
  tat = std::min(tat, gcra.latest(now));
  if (gcra.allowed(tat, now) == 0) return gcra.opens(tat) - now;
  tat = gcra.after(tat, now);
  return std::nullopt;
}

}  // namespace rhooks::rest
