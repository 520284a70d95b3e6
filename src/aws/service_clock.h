#pragma once

#include <rhooks/task.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "base/mutex.h"

namespace rhooks::aws {

// The service's time, as far as its answers tell: the machine's clock may be off by more than
// the five minutes that a signature bears.
// Threads: every method may be called from any thread. Blocking: none (but a log line when the
// machine's clock is found off).
class ServiceClock {
 public:
  // A Date says whole seconds, and an answer takes its time: less is no difference.
  static constexpr std::chrono::milliseconds kTolerance{5'000};

  // `service`: its name, for the log: "DynamoDB".
  explicit ServiceClock(std::string service) : service_(std::move(service)) {}

  // How far the service is ahead of the machine; 0 where it is less than kTolerance.
  std::chrono::milliseconds offset() const;

  // Takes in the Date of an answer to a request that was sent and answered at these times of
  // the machine's clock. One that cannot be read is passed over.
  void learn(const std::string& date, TimePoint sent_at, TimePoint answered_at);

 private:
  const std::string service_;
  mutable Mutex mutex_;
  std::chrono::milliseconds offset_ RHOOKS_GUARDED_BY(mutex_){0};
  std::optional<std::chrono::milliseconds> logged_ RHOOKS_GUARDED_BY(mutex_);
};

}  // namespace rhooks::aws
