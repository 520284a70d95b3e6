#include "rest/readiness.h"

namespace rhooks::rest {

using std::chrono::steady_clock;

Result<void> Readiness::ask() {
  MutexLock lock(mutex_);
  if (last_ && steady_clock::now() - last_at_ < age_) return *last_;
  if (asked_at_) {
    if (last_ && steady_clock::now() < *asked_at_ + kStuckAfter) return *last_;
    const Time until = *asked_at_ + kStuckAfter;
    while (asked_at_ && answered_.wait_until(lock, until)) {
    }
    if (!asked_at_) return *last_;
    return fail(ErrorCode::kUnavailable, "the store has not answered for " +
                                             std::to_string(kStuckAfter.count()) + " seconds");
  }
  asked_at_ = steady_clock::now();
  lock.unlock();
  Result<void> answer = hooks_.check();
  lock.lock();
  last_at_ = steady_clock::now();
  last_ = answer;
  asked_at_.reset();
  answered_.notify_all();
  return answer;
}

}  // namespace rhooks::rest
