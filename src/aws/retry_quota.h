#pragma once

#include <chrono>

#include "base/mutex.h"
#include "base/random.h"

namespace rhooks::aws {

// How many retries all calls together may still make: a bucket of tokens that retries take from
// and successes give back to. While the service is well it is full and stops nobody; in an
// outage it runs dry, and each call is tried once instead of tries_max times. First tries are
// always free.
// Threads: every method may be called from any thread. Blocking: none.
class RetryQuota {
 public:
  static constexpr int kTokens = 500;
  static constexpr int kRetryCost = 5;
  static constexpr int kTimeoutCost = 10;  // a retry after a time-out: it took much from others
  static constexpr int kFirstTryGain = 1;

  // Takes `cost` tokens; false: there are not so many, and none was taken.
  bool take(int cost);
  // A call succeeded: what its last retry took comes back, or a little if it needed none.
  void succeeded(int last_cost);
  int left() const;

 private:
  mutable Mutex mutex_;
  int tokens_ RHOOKS_GUARDED_BY(mutex_) = kTokens;
};

// How long to wait before retry number `retry` (0 is the first): drawn evenly from nothing to
// the base doubled each time, at most `max`.
std::chrono::microseconds backoff(std::chrono::milliseconds base, std::chrono::milliseconds max,
                                  int retry, Random& random);

}  // namespace rhooks::aws
