#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>

#include "aws/credentials.h"
#include "base/mutex.h"

namespace rhooks::aws {

// Fetches credentials, blocking. Errors: as those of CredentialsSource::get().
using FetchCredentials = std::function<Result<Credentials>(TimePoint now)>;

// Keeps credentials, and fetches new ones before they expire or when they were refused.
//
// One fetch at a time: by a thread of its own while there are valid ones, which all callers go on
// with (a heartbeat bears no wait); else by a caller, and the others wait for the outcome. A
// failure is remembered for a while, so that an outage of what gives credentials is not answered
// with a storm of requests. Its end waits for a fetch that is under way.
class RefreshedCredentials final : public CredentialsSource {
 public:
  // Fetched anew so long before they expire, or in the last half of a shorter life.
  static constexpr std::chrono::minutes kMargin{5};
  // Until the next fetch after a failed one, or one after a refusal: without valid credentials,
  // and with them.
  static constexpr std::chrono::seconds kPauseWithout{1};
  static constexpr std::chrono::seconds kPauseWith{15};
  // Until the next fetch after one that brought what was there before.
  static constexpr std::chrono::seconds kPauseUnchanged{10};

  // `jitter` is added to the margin, so that many workers do not refresh in one moment.
  RefreshedCredentials(FetchCredentials fetch, std::chrono::milliseconds jitter);
  ~RefreshedCredentials() override;

  RefreshedCredentials(const RefreshedCredentials&) = delete;
  RefreshedCredentials& operator=(const RefreshedCredentials&) = delete;

  Result<Credentials> get(TimePoint now) override;
  void refused(const Credentials& credentials) override;

 private:
  bool valid(TimePoint now) const RHOOKS_REQUIRES(mutex_);
  bool wanting(TimePoint now) const RHOOKS_REQUIRES(mutex_);
  void begin_refresh(TimePoint now) RHOOKS_REQUIRES(mutex_);
  void fetch_anew(TimePoint now) RHOOKS_EXCLUDES(mutex_);
  void take(Result<Credentials> fetched, TimePoint now) RHOOKS_REQUIRES(mutex_);

  const FetchCredentials fetch_;
  const std::chrono::milliseconds jitter_;

  Mutex mutex_;
  ConditionVariable fetched_;
  std::thread refresh_ RHOOKS_GUARDED_BY(mutex_);
  bool fetching_ RHOOKS_GUARDED_BY(mutex_) = false;
  std::uint64_t fetches_ RHOOKS_GUARDED_BY(mutex_) = 0;
  std::optional<Credentials> current_ RHOOKS_GUARDED_BY(mutex_);
  TimePoint refresh_at_ RHOOKS_GUARDED_BY(mutex_) = TimePoint::max();
  bool refused_ RHOOKS_GUARDED_BY(mutex_) = false;          // the service did not take current_
  std::optional<Error> failure_ RHOOKS_GUARDED_BY(mutex_);  // of the latest fetch
  TimePoint paused_at_ RHOOKS_GUARDED_BY(mutex_);
  // No fetch for so long from paused_at_.
  std::chrono::milliseconds pause_ RHOOKS_GUARDED_BY(mutex_){0};
};

}  // namespace rhooks::aws
