#include "store/dynamo/due_cache.h"

#include <algorithm>
#include <tuple>

namespace rhooks::store::dynamo {
namespace {

// A read takes a few tries of some seconds: what was dropped so long ago hardly comes back by a
// read that was begun before (and would cost one refused claim).
constexpr std::chrono::seconds kDroppedKept{30};
constexpr std::size_t kDroppedMax = 20'000;

// Who claims from a shard reads it every second or so. What this process writes to a shard
// that it has not read for so long is for others to claim.
constexpr std::chrono::seconds kReadKept{30};
constexpr std::size_t kRoomMin = 1'000;

constexpr std::chrono::milliseconds kMoment{1};  // times have no finer parts

// The first page of a read. One of an idle shard costs half a read unit: 25 rows hardly pass
// 4 KB. Where the page before was cut short there is a backlog, and one read serves many claims.
constexpr std::size_t kRowsIdle = 25;
constexpr std::size_t kRowsBusy = 200;

}  // namespace

DueCache::DueCache(int shards) : shards_(static_cast<std::size_t>(shards)) {}

void DueCache::set(Shard& shard, const TaskKey& key, const Entry& entry) {
  const auto [it, added] = shard.entries.try_emplace(key, entry);
  if (!added) {
    shard.order.erase({it->second.due_at, key});
    it->second = entry;
  }
  shard.order.emplace(entry.due_at, key);
}

void DueCache::erase(Shard& shard, const TaskKey& key) {
  const auto it = shard.entries.find(key);
  if (it == shard.entries.end()) return;
  shard.order.erase({it->second.due_at, key});
  shard.entries.erase(it);
}

void DueCache::merge(int number, std::span<const Row> rows, TimePoint complete_through,
                     Steady read_started) {
  MutexLock lock(mutex_);
  Shard& shard = shards_.at(static_cast<std::size_t>(number));
  const Steady trusted = read_started - kIndexLag;
  std::erase_if(shard.dropped, [&](const auto& item) {
    return item.second.learned_at < read_started - kDroppedKept;
  });

  std::set<TaskKey> seen;
  for (const Row& row : rows) {
    seen.insert(row.key);
    const auto dropped = shard.dropped.find(row.key);
    if (dropped != shard.dropped.end()) {
      if (dropped->second.learned_at >= trusted) continue;
      shard.dropped.erase(dropped);
    }
    const auto known = shard.entries.find(row.key);
    Entry entry = known == shard.entries.end() ? Entry{} : known->second;
    if (entry.picked || entry.learned_at >= trusted) continue;
    // A lease lasts as long as nothing is written: what changes the due time ends it.
    // Another's may have ended without that.
    if (entry.due_at != row.due_at || entry.elsewhere) entry = Entry{.due_at = row.due_at};
    set(shard, row.key, entry);
  }

  // What the index does not show is gone; what lies beyond this read is read when its turn
  // comes. Leases are remembered in any case: the index does not know them.
  for (auto it = shard.entries.begin(); it != shard.entries.end();) {
    const auto& [key, entry] = *it;
    const bool beyond = entry.due_at > complete_through;
    const bool keep = entry.picked || seen.contains(key) || entry.learned_at >= trusted ||
                      (beyond && entry.leased_until > kTimeMin);
    if (keep) {
      ++it;
      continue;
    }
    shard.order.erase({entry.due_at, key});
    it = shard.entries.erase(it);
  }
  shard.complete_through = complete_through;
  shard.read_at = read_started;
}

std::optional<std::size_t> DueCache::rows_to_read(int number, TimePoint now, TimePoint due_by,
                                                  std::chrono::milliseconds read_every,
                                                  Steady steady) const {
  MutexLock lock(mutex_);
  const Shard& shard = shards_.at(static_cast<std::size_t>(number));
  if (!shard.read_at) return kRowsIdle;
  const bool complete = shard.complete_through >= due_by;
  if (steady - *shard.read_at >= read_every) return complete ? kRowsIdle : kRowsBusy;
  if (complete) return std::nullopt;
  for (const auto& [due_at, key] : shard.order) {
    if (due_at > shard.complete_through) break;
    if (free(shard.entries.at(key), now)) return std::nullopt;
  }
  return kRowsBusy;
}

bool DueCache::incomplete(std::span<const int> numbers, TimePoint due_by) const {
  MutexLock lock(mutex_);
  return std::any_of(numbers.begin(), numbers.end(), [&](int number) RHOOKS_REQUIRES(mutex_) {
    return shards_.at(static_cast<std::size_t>(number)).complete_through < due_by;
  });
}

std::size_t DueCache::claimable(int number, std::span<const Row> rows, TimePoint now) const {
  MutexLock lock(mutex_);
  const Shard& shard = shards_.at(static_cast<std::size_t>(number));
  return static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), [&](const Row& row) {
    if (shard.dropped.contains(row.key)) return false;
    const auto known = shard.entries.find(row.key);
    return known == shard.entries.end() || free(known->second, now);
  }));
}

DueCache::Picked DueCache::pick(std::span<const int> numbers, TimePoint now, TimePoint due_by,
                                std::size_t limit) {
  MutexLock lock(mutex_);
  // Where a shard is not known to its end, others may hold what is due later than it is known,
  // but not before it: the earliest go first.
  TimePoint known = due_by;
  for (const int number : numbers) {
    known = std::min(known, shards_.at(static_cast<std::size_t>(number)).complete_through);
  }
  // Of each shard as many as could be needed, and one that tells of more.
  std::vector<Candidate> found;
  for (const int number : numbers) {
    const Shard& shard = shards_.at(static_cast<std::size_t>(number));
    std::size_t taken = 0;
    for (const auto& [due_at, key] : shard.order) {
      if (due_at > known || taken > limit) break;
      if (!free(shard.entries.at(key), now)) continue;
      found.push_back({number, key, due_at});
      ++taken;
    }
  }
  std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(a.due_at, a.key) < std::tie(b.due_at, b.key);
  });
  Picked picked;
  picked.more = found.size() > limit;
  if (picked.more) found.resize(limit);
  for (const Candidate& candidate : found) {
    shards_[static_cast<std::size_t>(candidate.shard)].entries.at(candidate.key).picked = true;
  }
  picked.candidates = std::move(found);
  return picked;
}

DueCache::Asked DueCache::asking() const {
  MutexLock lock(mutex_);
  return Asked{learned_};
}

void DueCache::leased(const Candidate& candidate, TimePoint until, Asked asked, Steady steady) {
  MutexLock lock(mutex_);
  learn(candidate.shard, candidate.key, Entry{.due_at = candidate.due_at, .leased_until = until},
        asked, steady);
}

void DueCache::leased_elsewhere(const Candidate& candidate, TimePoint until, Asked asked,
                                Steady steady) {
  MutexLock lock(mutex_);
  learn(candidate.shard, candidate.key,
        Entry{.due_at = candidate.due_at, .leased_until = until, .elsewhere = true}, asked, steady);
}

void DueCache::put_back(const Candidate& candidate) {
  MutexLock lock(mutex_);
  Shard& shard = shards_[static_cast<std::size_t>(candidate.shard)];
  const auto it = shard.entries.find(candidate.key);
  if (it != shard.entries.end()) it->second.picked = false;
}

void DueCache::stored(int number, const TaskKey& key, std::optional<TimePoint> due_at, Asked asked,
                      Steady steady) {
  MutexLock lock(mutex_);
  learn(number, key, due_at ? std::optional(Entry{.due_at = *due_at}) : std::nullopt, asked,
        steady);
}

void DueCache::learn(int number, const TaskKey& key, std::optional<Entry> is, Asked asked,
                     Steady steady) {
  Shard& shard = shards_.at(static_cast<std::size_t>(number));
  const std::uint64_t order = ++learned_;
  const bool unread = !shard.read_at || steady - *shard.read_at > kReadKept;
  const auto known = shard.entries.find(key);
  const auto dropped = shard.dropped.find(key);
  const auto crossed = [&](std::uint64_t learned) {
    return learned > static_cast<std::uint64_t>(asked);
  };

  if (known != shard.entries.end() && crossed(known->second.order)) {
    // Told in between, so that this may be older. What both say is so.
    Entry& entry = known->second;
    const bool same =
        is && entry.sure && is->due_at == entry.due_at && is->leased_until == entry.leased_until;
    Entry either = is.value_or(entry);
    if (!same) {
      either.due_at = std::min(either.due_at, entry.due_at);
      either.leased_until = kTimeMin;
    }
    either.picked = entry.picked;
    either.sure = same;
    either.learned_at = steady;
    either.order = order;
    set(shard, key, either);
    return;
  }
  if (!is) {
    erase(shard, key);
    if (unread) return;
    if (shard.dropped.size() >= kDroppedMax) shard.dropped.clear();
    shard.dropped[key] = {steady, order};
    return;
  }
  is->sure = dropped == shard.dropped.end() || !crossed(dropped->second.order);
  if (!is->sure) is->leased_until = kTimeMin;
  is->learned_at = steady;
  is->order = order;
  if (dropped != shard.dropped.end()) shard.dropped.erase(dropped);
  if (shard.entries.size() >= shard.room) make_room(shard, unread, steady);
  // Also beyond what was read: the read that gets there may not see it yet.
  set(shard, key, *is);
}

// Forgets what a read will tell, so that what is stored and never read here takes no memory.
void DueCache::make_room(Shard& shard, bool unread, Steady steady) {
  if (unread) {
    shard.read_at.reset();
    shard.complete_through = TimePoint::min();
    shard.dropped.clear();
  }
  for (auto it = shard.entries.begin(); it != shard.entries.end();) {
    const auto& [key, entry] = *it;
    const bool readable =
        unread || (entry.due_at > shard.complete_through && entry.leased_until == kTimeMin);
    if (entry.picked || !readable || entry.learned_at >= steady - kIndexLag) {
      ++it;
      continue;
    }
    shard.order.erase({entry.due_at, key});
    it = shard.entries.erase(it);
  }
  shard.room = std::max(kRoomMin, 2 * shard.entries.size());
}

void DueCache::released(int number, const TaskKey& key, Asked asked, Steady steady) {
  MutexLock lock(mutex_);
  Shard& shard = shards_.at(static_cast<std::size_t>(number));
  const auto it = shard.entries.find(key);
  if (it == shard.entries.end()) return;
  Entry free = it->second;
  free.leased_until = kTimeMin;
  free.elsewhere = false;
  learn(number, key, free, asked, steady);
}

std::vector<DueCache::Candidate> DueCache::unconfirmed(std::span<const int> numbers, TimePoint now,
                                                       TimePoint due_by, std::size_t limit) const {
  MutexLock lock(mutex_);
  std::vector<Candidate> found;
  TimePoint confirmed = kTimeMax;
  for (const int number : numbers) {
    const Shard& shard = shards_.at(static_cast<std::size_t>(number));
    std::size_t taken = 0;
    for (const auto& [due_at, key] : shard.order) {
      if (due_at > due_by || due_at > confirmed || taken == limit) break;
      const Entry& entry = shard.entries.at(key);
      if (!free(entry, now)) continue;
      if (entry.sure) {
        confirmed = due_at;
        break;
      }
      found.push_back({number, key, due_at});
      ++taken;
    }
  }
  std::erase_if(found, [&](const Candidate& candidate) { return candidate.due_at >= confirmed; });
  std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(a.due_at, a.key) < std::tie(b.due_at, b.key);
  });
  if (found.size() > limit) found.resize(limit);
  return found;
}

std::optional<TimePoint> DueCache::next(std::span<const int> numbers, TimePoint now) const {
  MutexLock lock(mutex_);
  std::optional<TimePoint> next;
  const auto consider = [&](TimePoint at) { next = std::min(next.value_or(at), at); };
  for (const int number : numbers) {
    const Shard& shard = shards_.at(static_cast<std::size_t>(number));
    // What lies beyond is not known; it is not earlier than this.
    const TimePoint beyond = shard.complete_through >= kTimeMax
                                 ? TimePoint::max()
                                 : std::max(shard.complete_through + kMoment, kTimeMin);
    TimePoint first = beyond;
    for (const auto& [due_at, key] : shard.order) {
      const Entry& entry = shard.entries.at(key);
      // Also what is picked: a claim that fails puts it back.
      if (entry.leased_until > now) {
        consider(entry.leased_until);
      } else {
        first = std::min(first, due_at);
      }
    }
    if (first < TimePoint::max()) consider(first);
  }
  return next;
}

void DueCache::invalidate() {
  MutexLock lock(mutex_);
  for (Shard& shard : shards_) {
    shard.read_at.reset();
    for (auto& [key, entry] : shard.entries) {
      if (!entry.elsewhere) continue;
      entry.leased_until = kTimeMin;
      entry.elsewhere = entry.sure = false;
    }
  }
}

std::size_t DueCache::size() const {
  MutexLock lock(mutex_);
  std::size_t size = 0;
  for (const Shard& shard : shards_) size += shard.entries.size();
  return size;
}

}  // namespace rhooks::store::dynamo
