#include "store/dynamo/due_cache.h"

#include <algorithm>
#include <utility>

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

// A lane that was put off is looked into again so soon, where nothing is claimed before.
constexpr std::chrono::milliseconds kLookAgain{250};

}  // namespace

DueCache::DueCache(int shards, std::chrono::milliseconds order_lag)
    : order_lag_(order_lag),
      of_others_(static_cast<std::size_t>(shards)),
      shards_(static_cast<std::size_t>(shards)) {
  for (int i = 0; i < shards; ++i) shard_at(i).reads = ShardReads(i);
}

DueCache::Rows& DueCache::rows_of(const Entry& entry) {
  return entry.lane ? lanes_[*entry.lane].rows : shard_at(entry.shard).order;
}

void DueCache::put_in(Rows& rows, Known& known, Rows::node_type node) {
  if (node) {
    rows.insert(std::move(node));
  } else {
    rows.insert(&known);
  }
  if (!known.second.lane) return;
  ++shard_at(known.second.shard).waiting;
  ++waiting_;
}

DueCache::Rows::node_type DueCache::take_out(Known& known) {
  const Entry& entry = known.second;
  if (!entry.lane) return shard_at(entry.shard).order.extract(&known);
  const auto it = lanes_.find(*entry.lane);
  auto node = it->second.rows.extract(&known);
  --shard_at(entry.shard).waiting;
  --waiting_;
  // The gate is told when it opens it.
  const Waiting& left = it->second;
  if (left.rows.empty() && !left.visit && !left.left_out) lanes_.erase(it);
  return node;
}

DueCache::Rows::node_type DueCache::leave_flow(Known& known) {
  if (known.second.flow.endpoint == 0) return {};
  const auto it = by_flow_.find(known.second.flow);
  if (it == by_flow_.end()) return {};
  auto node = it->second.extract(&known);
  if (it->second.empty()) by_flow_.erase(it);
  const auto put_off = put_off_.find(Lane::of(known.second.flow));
  if (put_off != put_off_.end()) put_off->second.look_again = true;
  return node;
}

void DueCache::join_flow(Known& known, Rows::node_type node) {
  if (known.second.flow.endpoint == 0) return;
  Rows& rows = by_flow_[known.second.flow];
  if (node) {
    rows.insert(std::move(node));
  } else {
    rows.insert(&known);
  }
}

void DueCache::set(const TaskKey& key, Entry entry, Steady now) {
  entry.known_since = now;
  Entries& entries = shard_at(entry.shard).entries;
  const auto [it, added] = entries.try_emplace(key, entry);
  if (added) {
    try {
      join_flow(*it, {});
      return put_in(rows_of(entry), *it, {});
    } catch (...) {  // no memory
      leave_flow(*it);
      entries.erase(it);
      throw;
    }
  }
  Entry& known = it->second;
  if (known.due_at == entry.due_at) {
    entry.known_since = known.known_since;
    if (known.lane == entry.lane && known.flow == entry.flow) {
      known = entry;
      return;
    }
  }
  Rows& rows = rows_of(entry);
  auto in_flow = leave_flow(*it);
  auto node = take_out(*it);
  known = entry;
  put_in(rows, *it, std::move(node));
  join_flow(*it, std::move(in_flow));
}

DueCache::Entries::iterator DueCache::erase(Entries::iterator it) {
  leave_flow(*it);
  take_out(*it);
  return shard_at(it->second.shard).entries.erase(it);
}

void DueCache::merge(int number, std::span<const Row> rows, const ReadTo& to, Steady read_started,
                     const ToRead& read, std::optional<Steady> answered) {
  MutexLock lock(mutex_);
  Shard& shard = shard_at(number);
  if (!shard.reads.fits(read)) return;
  const Steady trusted = read_started - kIndexLag;
  std::erase_if(shard.dropped, [&](const auto& item) {
    return item.second.learned_at < read_started - kDroppedKept;
  });

  std::set<TaskKey> seen;
  bool new_kept = false;  // of those that were not known one has room
  for (const Row& row : rows) {
    seen.insert(row.key);
    const auto dropped = shard.dropped.find(row.key);
    if (dropped != shard.dropped.end()) {
      if (dropped->second.learned_at >= trusted) continue;
      shard.dropped.erase(dropped);
    }
    const auto known = shard.entries.find(row.key);
    new_kept = new_kept || (known == shard.entries.end() && has_room(row.flow));
    Entry entry = known == shard.entries.end() ? Entry{.shard = number} : known->second;
    if (entry.picked || entry.learned_at >= trusted) continue;
    // A lease lasts as long as nothing is written: what changes the due time ends it.
    // Another's may have ended without that.
    if (entry.due_at != row.due_at || entry.elsewhere) {
      entry = Entry{.shard = number, .due_at = row.due_at};
    }
    if (entry.flow != row.flow) entry.lane.reset();
    entry.flow = row.flow;
    set(row.key, entry, answered.value_or(read_started));
  }

  // What the index does not show is gone; what lies beyond this read is read when its turn
  // comes. Leases are remembered in any case: the index does not know them.
  const bool head = read.part == Part::kHead;
  for (auto it = shard.entries.begin(); it != shard.entries.end();) {
    const auto& [key, entry] = *it;
    const bool before = entry.due_at < read.from || (read.after && entry.due_at == read.from);
    const bool beyond = entry.due_at > to.through || (to.cut_after && entry.due_at == to.through);
    const bool keep = before || entry.picked || seen.contains(key) || entry.learned_at >= trusted ||
                      (beyond && (!head || entry.leased_until > kTimeMin));
    it = keep ? std::next(it) : erase(it);
  }

  if (head) {
    shard.left_out = 0;
  } else if (read.part == Part::kAgain && read.from <= kTimeMin && shard.left_out > 0) {
    --shard.left_out;
  }
  shard.reads.note(read, to, read_started);
  for (auto& [lane, put_off] : put_off_) {
    if (put_off.shard == number) put_off.look_again = true;
  }
  if (read.part == Part::kLeftOut && !new_kept) shard.reads.give_up_left_out();
}

void DueCache::own(const std::optional<std::vector<int>>& shards) {
  MutexLock lock(mutex_);
  of_others_.assign(shards_.size(), shards.has_value());
  if (!shards) return;
  for (const int number : *shards) of_others_[static_cast<std::size_t>(number)] = false;
}

std::optional<DueCache::ToRead> DueCache::to_read(int number, TimePoint now, TimePoint due_by,
                                                  std::chrono::milliseconds read_every,
                                                  Steady steady, bool hurry) const {
  MutexLock lock(mutex_);
  const Shard& shard = shard_at(number);
  auto read = shard.reads.next(now, due_by, read_every, steady, shard.is_long());
  if (!read && hurry && hungry_) read = shard.reads.next_left_out();
  if (!read || !shard.reads.can_wait(*read)) return read;
  const TimePoint known_to = std::min(shard.reads.complete_through(), due_by);
  for (const Known* const known : shard.order) {
    if (known->second.due_at > known_to) break;
    if (free(known->second, now)) return std::nullopt;
  }
  return read;
}

bool DueCache::hungry(std::span<const int> numbers) const {
  MutexLock lock(mutex_);
  return hungry_ &&
         std::any_of(numbers.begin(), numbers.end(), [&](int number) RHOOKS_REQUIRES(mutex_) {
           return shard_at(number).reads.left_out_from().has_value();
         });
}

bool DueCache::incomplete(std::span<const int> numbers, TimePoint due_by) const {
  MutexLock lock(mutex_);
  return std::any_of(numbers.begin(), numbers.end(), [&](int number) RHOOKS_REQUIRES(mutex_) {
    return !shard_at(number).reads.complete(due_by);
  });
}

std::size_t DueCache::claimable(int number, std::span<const Row> rows, TimePoint now) const {
  MutexLock lock(mutex_);
  const Shard& shard = shard_at(number);
  return static_cast<std::size_t>(
      std::count_if(rows.begin(), rows.end(), [&](const Row& row) RHOOKS_REQUIRES(mutex_) {
        if (shard.dropped.contains(row.key) || queues(row.flow)) return false;
        const auto known = shard.entries.find(row.key);
        if (known == shard.entries.end()) return true;
        return !known->second.lane && free(known->second, now);
      }));
}

DueCache::Asked DueCache::asking() const {
  MutexLock lock(mutex_);
  return Asked{learned_};
}

void DueCache::leased(const Candidate& candidate, TimePoint until, Asked asked, Steady steady) {
  MutexLock lock(mutex_);
  learn(candidate.shard, candidate.key,
        Entry{.due_at = candidate.due_at, .flow = candidate.flow, .leased_until = until}, asked,
        steady);
}

void DueCache::leased_elsewhere(const Candidate& candidate, TimePoint until, Asked asked,
                                Steady steady) {
  MutexLock lock(mutex_);
  learn(candidate.shard, candidate.key,
        Entry{.due_at = candidate.due_at,
              .flow = candidate.flow,
              .leased_until = until,
              .elsewhere = true},
        asked, steady);
}

void DueCache::put_back(std::span<const Candidate> candidates) {
  MutexLock lock(mutex_);
  for (const Candidate& candidate : candidates) {
    Entries& entries = shard_at(candidate.shard).entries;
    const auto it = entries.find(candidate.key);
    if (it != entries.end()) it->second.picked = false;
  }
}

void DueCache::stored(int number, const TaskKey& key, const std::optional<Due>& due, Asked asked,
                      Steady steady) {
  MutexLock lock(mutex_);
  std::optional<Entry> is;
  if (due) is = Entry{.due_at = due->at, .flow = due->flow};
  learn(number, key, is, asked, steady);
}

std::optional<int> DueCache::shard_with(const TaskKey& key) const {
  MutexLock lock(mutex_);
  for (std::size_t number = 0; number < shards_.size(); ++number) {
    if (shards_[number].entries.contains(key)) return static_cast<int>(number);
  }
  return std::nullopt;
}

void DueCache::learn(int number, const TaskKey& key, std::optional<Entry> is, Asked asked,
                     Steady steady) {
  Shard& shard = shard_at(number);
  const std::uint64_t order = ++learned_;
  const bool unread = !shard.reads.read_within(kReadKept, steady);
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
    either.shard = number;
    if (!same) {
      either.due_at = std::min(either.due_at, entry.due_at);
      either.leased_until = kTimeMin;
    }
    either.picked = entry.picked;
    either.sure = same;
    either.learned_at = steady;
    either.order = order;
    set(key, either, steady);
    return;
  }
  if (!is) {
    if (known != shard.entries.end()) erase(known);
    if (unread) return;
    if (shard.dropped.size() >= kDroppedMax) shard.dropped.clear();
    shard.dropped[key] = {steady, order};
    return;
  }
  is->shard = number;
  is->picked = known != shard.entries.end() && known->second.picked;
  is->sure = dropped == shard.dropped.end() || !crossed(dropped->second.order);
  if (!is->sure) is->leased_until = kTimeMin;
  is->learned_at = steady;
  is->order = order;
  if (dropped != shard.dropped.end()) shard.dropped.erase(dropped);
  if (shard.entries.size() >= shard.room) make_room(shard, unread, steady);
  // Also beyond what was read: the read that gets there may not see it yet.
  set(key, *is, steady);
}

// Forgets what a read will tell, so that what is stored and never read here takes no memory.
void DueCache::make_room(Shard& shard, bool unread, Steady steady) {
  if (unread) {
    shard.reads.forget();
    shard.dropped.clear();
  }
  for (auto it = shard.entries.begin(); it != shard.entries.end();) {
    const auto& [key, entry] = *it;
    const bool readable =
        unread || (entry.due_at > shard.reads.complete_through() && entry.leased_until == kTimeMin);
    const bool keep = entry.picked || !readable || entry.learned_at >= steady - kIndexLag;
    it = keep ? std::next(it) : erase(it);
  }
  shard.room = std::max(kRoomMin, 2 * shard.entries.size());
}

void DueCache::released(int number, const TaskKey& key, Asked asked, Steady steady) {
  MutexLock lock(mutex_);
  Shard& shard = shard_at(number);
  const auto it = shard.entries.find(key);
  if (it == shard.entries.end()) return;
  Entry free = it->second;
  free.leased_until = kTimeMin;
  free.elsewhere = false;
  free.lane.reset();
  learn(number, key, free, asked, steady);
}

std::vector<DueCache::Candidate> DueCache::unconfirmed(std::span<const int> numbers, TimePoint now,
                                                       TimePoint due_by, std::size_t limit) const {
  MutexLock lock(mutex_);
  std::vector<Candidate> found;
  TimePoint confirmed = kTimeMax;
  for (const int number : numbers) {
    const Shard& shard = shard_at(number);
    std::size_t taken = 0;
    for (const Known* const known : shard.order) {
      const Entry& entry = known->second;
      if (entry.due_at > due_by || entry.due_at > confirmed || taken == limit) break;
      if (!free(entry, now)) continue;
      if (entry.sure) {
        confirmed = entry.due_at;
        break;
      }
      found.push_back(candidate_of(*known));
      ++taken;
    }
  }
  std::erase_if(found, [&](const Candidate& candidate) { return candidate.due_at >= confirmed; });
  sort_by_time(found);
  if (found.size() > limit) found.resize(limit);
  return found;
}

std::optional<TimePoint> DueCache::next(std::span<const int> numbers, TimePoint now,
                                        const FlowGate* gate, Leave leave) const {
  MutexLock lock(mutex_);
  std::optional<TimePoint> next;
  const FlowGate* const refused = gate && gate->id() == gate_id_ ? gate : nullptr;
  const auto consider = [&](TimePoint at) { next = std::min(next.value_or(at), at); };
  for (const int number : numbers) {
    const Shard& shard = shard_at(number);
    // What lies beyond is not known; it is not earlier than this.
    TimePoint first =
        shard.reads.complete(kTimeMax) ? TimePoint::max() : shard.reads.unknown_from();
    for (const Known* const known : shard.order) {
      if (is_for_others(known->second)) continue;
      // Also what is picked: a claim that fails puts it back.
      if (known->second.leased_until > now) {
        consider(known->second.leased_until);
      } else {
        first = std::min(first, known->second.due_at);
      }
    }
    if (first < TimePoint::max()) consider(first);
    const auto left_out = shard.reads.left_out_from();
    if (left_out && (!refused || hungry_)) consider(*left_out);
  }
  const auto consider_lane = [&](const Waiting& waiting) {
    const auto row = std::find_if(waiting.rows.begin(), waiting.rows.end(), [&](const auto* one) {
      return std::find(numbers.begin(), numbers.end(), one->second.shard) != numbers.end();
    });
    if (row != waiting.rows.end()) consider((*row)->second.due_at);
    if (waiting.left_out) consider(*waiting.left_out);
  };
  if (refused) {
    for (const Lane& lane : visits_) consider_lane(lanes_.at(lane));
    if (!put_off_.empty()) consider(now + kLookAgain);
    if (leave == Leave::kWaiting) return next;
  }
  for (const auto& [lane, waiting] : lanes_) {
    if (!refused || !refused->closed(lane)) consider_lane(waiting);
  }
  return next;
}

void DueCache::invalidate() {
  MutexLock lock(mutex_);
  for (Shard& shard : shards_) {
    shard.reads.read_head();
    for (auto& [key, entry] : shard.entries) {
      if (!entry.elsewhere) continue;
      entry.leased_until = kTimeMin;
      entry.elsewhere = entry.sure = false;
    }
  }
  forget_lanes();
}

std::size_t DueCache::size() const {
  MutexLock lock(mutex_);
  std::size_t size = 0;
  for (const Shard& shard : shards_) size += shard.entries.size();
  return size;
}

}  // namespace rhooks::store::dynamo
