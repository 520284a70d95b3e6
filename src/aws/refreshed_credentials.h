#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

#include "aws/credentials.h"

namespace rhooks::aws {

// Fetches credentials, blocking. Errors: as those of CredentialsSource::get().
using FetchCredentials = std::function<Result<Credentials>(TimePoint now)>;

// Keeps credentials, and fetches new ones before they expire or when they were refused.
//
// One caller at a time fetches; the others go on with those that are still valid, or wait for
// the outcome. A failure is remembered for a while, so that an outage of what gives credentials
// is not answered with a storm of requests.
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

  Result<Credentials> get(TimePoint now) override;
  void refused(const Credentials& credentials) override;

 private:
  bool valid(TimePoint now) const;
  bool wanting(TimePoint now) const;
  void take(Result<Credentials> fetched, TimePoint now);

  const FetchCredentials fetch_;
  const std::chrono::milliseconds jitter_;

  std::mutex mutex_;
  std::condition_variable fetched_;
  bool fetching_ = false;
  std::uint64_t fetches_ = 0;
  std::optional<Credentials> current_;
  TimePoint refresh_at_ = TimePoint::max();
  bool refused_ = false;          // the service did not take current_
  std::optional<Error> failure_;  // of the latest fetch
  TimePoint paused_at_;
  std::chrono::milliseconds pause_{0};  // no fetch for so long from paused_at_
};

}  // namespace rhooks::aws
