#pragma once

#include <rhooks/api_key.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "model/gcra.h"

namespace rhooks::rest {

// How fast those call whose API keys have a rate, in this process. A key that rested has all calls
// of its rate at once.
//
// Threads: any.
class CallRates {
 public:
  // Counts a call with that key. One that is too many is not counted: how long until there may be
  // one.
  std::optional<std::chrono::microseconds> too_early(const ApiKey& key,
                                                     std::chrono::steady_clock::time_point now);

 private:
  using Time = model::Gcra::Time;

  Mutex mutex_;
  std::map<std::string, Time> tats_ RHOOKS_GUARDED_BY(mutex_);  // by id
};

}  // namespace rhooks::rest
