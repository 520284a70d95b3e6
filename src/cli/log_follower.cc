#include "cli/log_follower.h"

#include <algorithm>
#include <iterator>

namespace rhooks::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBack{5'000};
constexpr milliseconds kFarBack{120'000};
constexpr int kFarBackEvery = 10;
constexpr int kPageLimit = 200;
constexpr int kFirstPagesMax = 25;
constexpr std::size_t kToldMax = 100'000;

}  // namespace

LogFollower::LogFollower(Fetch fetch, FetchLogsQuery query)
    : fetch_(std::move(fetch)), query_(std::move(query)) {
  query_.desc = false;
  query_.to.reset();
  query_.start_key.clear();
}

Result<std::vector<Log>> LogFollower::next() {
  if (!begun_) {
    if (!query_.from) return latest();
    floor_ = query_.from;
    query_.limit = kPageLimit;
    begun_ = true;
  }
  if (query_.start_key.empty()) {  // a round begins
    query_.from = floor_;
    if (newest_) {
      const bool far = rounds_ % kFarBackEvery == kFarBackEvery - 1;
      const TimePoint back = *newest_ - (far ? kFarBack : kBack);
      query_.from = floor_ ? std::max(*floor_, back) : back;
    }
  }
  auto page = fetch_(query_);
  if (!page) return fail(std::move(page.error()));
  query_.start_key = std::move(page->last_evaluated_key);
  std::vector<Log> fresh;
  for (Log& log : page->items) {
    if (told_.contains({log.started_at, log.id})) continue;
    remember(log);
    fresh.push_back(std::move(log));
  }
  if (query_.start_key.empty()) {
    ++rounds_;
    forget_old();
  }
  return fresh;
}

// From the latest one back, for as long as they may come again or are to be shown.
Result<std::vector<Log>> LogFollower::latest() {
  const auto shown_max = static_cast<std::size_t>(query_.limit);
  FetchLogsQuery back = query_;
  back.desc = true;
  back.limit = std::max(query_.limit, kPageLimit);
  std::vector<Log> all;
  bool far_enough = false;
  for (int pages = 0; pages < kFirstPagesMax && !far_enough; ++pages) {
    auto page = fetch_(back);
    if (!page) return fail(std::move(page.error()));
    std::move(page->items.begin(), page->items.end(), std::back_inserter(all));
    back.start_key = std::move(page->last_evaluated_key);
    far_enough =
        back.start_key.empty() ||
        (all.size() >= shown_max && all.back().started_at < all.front().started_at - kFarBack);
  }
  // Others that started with the last one may not have been read.
  if (!far_enough && !all.empty()) floor_ = all.back().started_at + milliseconds{1};
  for (const Log& log : all) remember(log);
  query_.limit = kPageLimit;
  begun_ = true;
  forget_old();
  all.resize(std::min(all.size(), shown_max));
  std::reverse(all.begin(), all.end());
  return all;
}

void LogFollower::remember(const Log& log) {
  told_.emplace(log.started_at, log.id);
  newest_ = newest_ ? std::max(*newest_, log.started_at) : log.started_at;
}

void LogFollower::forget_old() {
  if (!newest_) return;
  const TimePoint oldest = *newest_ - kFarBack;
  floor_ = floor_ ? std::max(*floor_, oldest) : oldest;
  while (told_.size() > kToldMax) {
    floor_ = std::max(*floor_, told_.begin()->first + milliseconds{1});
    told_.erase(told_.begin());
  }
  while (!told_.empty() && told_.begin()->first < *floor_) told_.erase(told_.begin());
}

}  // namespace rhooks::cli
