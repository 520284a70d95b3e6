#include "store/rocks/due_ranges.h"

#include <iterator>
#include <new>
#include <utility>

namespace rhooks::store::rocks {

void DueRanges::add_unseen(const std::string& from, const std::string& to) noexcept {
  if (from >= rest) return;
  try {
    // Where nothing waits, there is little between that would be looked at in vain.
    if (lanes.empty() || to >= rest) return begin_rest(from);
    // Too many: the later half joins the rest.
    if (islands.size() >= kIslandsMax) {
      begin_rest(std::next(islands.begin(), kIslandsMax / 2)->first);
      if (from >= rest) return;
    }
    auto& end = islands[from];
    if (end < to) end = to;
  } catch (const std::bad_alloc&) {
    look_at_all();
  }
}

void DueRanges::begin_rest(const std::string& from) {
  rest = from;
  islands.erase(islands.lower_bound(rest), islands.end());
}

void DueRanges::wait_in(const Lane& lane, std::string_view entry) {
  Range& range = lanes[lane];
  if (range.entries.contains(entry)) return;
  const bool is_next = range.to.empty() || entry < range.from;
  if (!lane.is_of_flow() || !is_next) return extend(range, entry, entry);
  if (range.entries.size() < kEntriesOfLaneMax && entries_ < kEntriesMax) {
    range.entries.emplace(entry);
    ++entries_;
  } else if (range.entries.empty() || entry > *range.entries.rbegin()) {
    extend(range, entry, entry);
  } else {  // those that are kept one by one stay the first
    auto last = range.entries.extract(std::prev(range.entries.end()));
    extend(range, last.value(), last.value());
    last.value() = entry;
    range.entries.insert(std::move(last));
  }
}

void DueRanges::extend(Range& range, std::string_view from, std::string_view to) {
  const bool is_first = range.to.empty();
  if (is_first || from < range.from) range.from = from;
  if (is_first || to > range.to) range.to = to;
  if (range.visit && (is_first || from < range.visit->at)) range.visit->at = from;
}

void DueRanges::drop_first(Range& lane) {
  lane.entries.erase(lane.entries.begin());
  --entries_;
}

bool DueRanges::visit(const Lane& lane) {
  const auto found = lanes.find(lane);
  if (found == lanes.end()) return false;
  Range& range = found->second;
  if (!range.visit || range.visit->paused) visits.push_back(lane);
  if (range.visit && range.visit->paused) {
    range.visit->paused = false;
  } else {
    range.visit = Visit{range.from};
  }
  return true;
}

void DueRanges::pause(const Lane& lane) {
  const auto found = lanes.find(lane);
  if (found == lanes.end() || !found->second.visit) return;
  found->second.visit->paused = true;
  std::erase(visits, lane);
}

void DueRanges::move(const Lane& from, const Lane& to) {
  const auto old = lanes.find(from);
  if (old == lanes.end()) return;
  const Range range = std::move(old->second);
  lanes.erase(old);
  entries_ -= range.entries.size();
  for (const std::string& entry : range.entries) wait_in(to, entry);
  if (!range.to.empty()) extend(lanes[to], range.from, range.to);
}

void DueRanges::forget_lanes() noexcept {
  for (auto& [lane, range] : lanes) {
    if (!range.to.empty() && range.from < rest) rest.swap(range.from);
    if (!range.entries.empty() && *range.entries.begin() < rest) {
      rest.swap(range.entries.extract(range.entries.begin()).value());
    }
  }
  if (!islands.empty() && islands.begin()->first < rest) {
    rest.swap(islands.extract(islands.begin()).key());
  }
  islands.clear();
  lanes.clear();
  visits.clear();
  entries_ = 0;
}

void DueRanges::look_at_all() noexcept {
  rest.clear();
  islands.clear();
}

}  // namespace rhooks::store::rocks
