#include "aws/refreshed_credentials.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/iso8601.h"
#include "observe/logging.h"

namespace rhooks::aws {
namespace {

bool same(const Credentials& a, const Credentials& b) {
  return a.access_key_id == b.access_key_id && a.secret_access_key == b.secret_access_key &&
         a.session_token == b.session_token;
}

}  // namespace

RefreshedCredentials::RefreshedCredentials(FetchCredentials fetch, std::chrono::milliseconds jitter)
    : fetch_(std::move(fetch)), jitter_(jitter) {}

RefreshedCredentials::~RefreshedCredentials() {
  if (refresh_.joinable()) refresh_.join();
}

bool RefreshedCredentials::valid(TimePoint now) const {
  return current_ && (!current_->expires_at || now < *current_->expires_at);
}

bool RefreshedCredentials::wanting(TimePoint now) const {
  if (valid(now) && !refused_ && now < refresh_at_) return false;
  const auto pause =
      valid(now) ? pause_ : std::min<std::chrono::milliseconds>(pause_, kPauseWithout);
  // A clock that was set back ends the pause: it would else last as long as it was set back.
  return now < paused_at_ || now >= paused_at_ + pause;
}

Result<Credentials> RefreshedCredentials::get(TimePoint now) {
  MutexLock lock(mutex_);
  const bool usable = valid(now) && !refused_;
  if (fetching_ && !usable) {
    const std::uint64_t awaited = fetches_ + 1;
    while (fetches_ < awaited) fetched_.wait(lock);
  } else if (!fetching_ && wanting(now)) {
    fetching_ = true;
    if (usable) {
      begin_refresh(now);
    } else {
      lock.unlock();
      fetch_anew(now);
      lock.lock();
    }
  }
  if (valid(now)) return *current_;
  if (failure_) return fail(*failure_);
  return fail(ErrorCode::kUnavailable,
              "the AWS credentials have expired and could not be fetched anew");
}

void RefreshedCredentials::begin_refresh(TimePoint now) {
  if (refresh_.joinable()) refresh_.join();  // it has fetched, and needs no lock any more
  try {
    refresh_ = std::thread([this, now] { fetch_anew(now); });
  } catch (const std::exception& no_thread) {
    fetching_ = false;
    take(fail(ErrorCode::kUnavailable, no_thread.what()), now);
  }
}

void RefreshedCredentials::fetch_anew(TimePoint now) {
  Result<Credentials> fetched;
  try {
    fetched = fetch_(now);
  } catch (const std::exception& thrown) {
    fetched = fail(ErrorCode::kUnavailable, thrown.what());
  }
  MutexLock lock(mutex_);
  fetching_ = false;
  ++fetches_;
  take(std::move(fetched), now);
  fetched_.notify_all();
}

void RefreshedCredentials::take(Result<Credentials> fetched, TimePoint now) {
  paused_at_ = now;
  if (!fetched) {
    failure_ = fetched.error();
    pause_ = valid(now) ? kPauseWith : kPauseWithout;
    if (valid(now)) {
      log::warn("AWS credentials could not be fetched anew; the old ones are used on",
                {{"reason", failure_->message},
                 {"expires", current_->expires_at ? format_time(*current_->expires_at)
                                                  : std::string("never")}});
    }
    return;
  }
  failure_.reset();
  if (current_ && same(*current_, *fetched)) {
    pause_ = kPauseUnchanged;
  } else {
    pause_ = refused_ ? kPauseWithout : std::chrono::seconds{0};
  }
  refused_ = false;
  refresh_at_ = TimePoint::max();
  if (fetched->expires_at) {
    const auto left = *fetched->expires_at - now;
    const auto margin = std::min<std::chrono::milliseconds>(kMargin + jitter_, left / 2);
    refresh_at_ = *fetched->expires_at - margin;
  }
  current_ = std::move(*fetched);
}

void RefreshedCredentials::refused(const Credentials& credentials) {
  MutexLock lock(mutex_);
  // Those of a request that began before the latest fetch tell nothing of the new ones.
  if (current_ && same(*current_, credentials)) refused_ = true;
}

}  // namespace rhooks::aws
