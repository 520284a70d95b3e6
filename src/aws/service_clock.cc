#include "aws/service_clock.h"

#include <curl/curl.h>

#include <cstdint>

#include "observe/logging.h"

namespace rhooks::aws {
namespace {

using std::chrono::milliseconds;

// A Date without its fraction is on the average half a second old.
constexpr milliseconds kHalfSecond{500};
// What an offset may differ from the known one without being news: offsets that go up and down
// with every answer help nobody.
constexpr milliseconds kNoise{1'500};
// The log says again that the clock is off when it is off by so much more or less.
constexpr std::chrono::minutes kLogStep{1};

milliseconds distance(milliseconds a, milliseconds b) {
  return a < b ? b - a : a - b;
}

}  // namespace

milliseconds ServiceClock::offset() const {
  const MutexLock lock(mutex_);
  return offset_;
}

void ServiceClock::learn(const std::string& date, TimePoint sent_at, TimePoint answered_at) {
  const std::time_t seconds = date.empty() ? -1 : curl_getdate(date.c_str(), nullptr);
  if (seconds <= 0) return;
  // An answer that took long says little about when its Date was written, and one that came
  // before it was asked for only that the clock was set back.
  if (answered_at < sent_at || answered_at - sent_at >= kTolerance) return;
  const TimePoint service{milliseconds{static_cast<std::int64_t>(seconds) * 1'000} + kHalfSecond};
  const milliseconds ahead = service - (sent_at + (answered_at - sent_at) / 2);

  milliseconds found = ahead;
  bool news = false;
  {
    const MutexLock lock(mutex_);
    // What is corrected stays so until it is clearly right again: a clock that is off by just
    // about kTolerance must not jump with every answer.
    const milliseconds enough = offset_.count() == 0 ? kTolerance : kTolerance - 2 * kNoise;
    if (distance(ahead, milliseconds{0}) < enough) found = milliseconds{0};
    if (distance(found, offset_) < kNoise) return;
    offset_ = found;
    news = found.count() != 0 && (!logged_ || distance(*logged_, found) >= kLogStep);
    if (news) logged_ = found;
  }
  if (news) {
    log::warn(
        "this machine's clock differs from " + service_ + "'s; requests are signed with theirs",
        {{"service_ahead_seconds",
          std::int64_t{std::chrono::round<std::chrono::seconds>(found).count()}}});
  }
}

}  // namespace rhooks::aws
