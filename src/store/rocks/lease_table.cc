#include "store/rocks/lease_table.h"

#include <algorithm>

#include "store/rocks/keys.h"

namespace rhooks::store::rocks {
namespace {

constexpr std::size_t kTimeBytes = 8;

// The first key after `key`.
std::string just_after(std::string_view key) {
  std::string next(key);
  next.push_back('\0');
  return next;
}

}  // namespace

LeaseTable::Walk LeaseTable::take(TimePoint now, std::size_t limit, TimePoint until,
                                  const std::string& end, const OpenIndex& open,
                                  const std::function<model::LeaseToken()>& make_token) {
  Walk walk;
  MutexLock lock(mutex_);
  note_ended(now);
  if (scan_from_ >= end) return walk;
  const auto it = open(scan_from_);
  // Whether every entry so far is leased and none was passed over, so that scan_from_ may
  // rise past them.
  bool solid = true;
  std::string rise_to = scan_from_;
  for (; it->Valid(); it->Next()) {
    const std::string_view entry = it->key().ToStringView();
    if (entry.size() < kTimeBytes) continue;
    std::string key(entry.substr(kTimeBytes));
    const auto held_lease = leases_.find(key);
    if (held_lease != leases_.end() && held_lease->second.until > now) {
      // Seen as over before, by a clock that was ahead: its end is awaited again.
      ends_.emplace(held_lease->second.until, key);
    } else if (held_.contains(key)) {
      walk.more = true;
      solid = false;
      continue;
    } else if (walk.taken.size() == limit) {
      walk.more = true;
      solid = false;
      break;
    } else {
      // An entry whose value is broken is taken too: its task says the date (correct_date()).
      const std::string_view value = it->value().ToStringView();
      const HeldLease lease{make_token(), until, read_time(entry),
                            value.size() < kTimeBytes ? TimePoint::min() : read_time(value)};
      walk.taken.push_back(Taken{std::move(key), lease});
    }
    if (solid) rise_to = just_after(entry);
  }
  walk.status = it->status();
  if (!walk.status.ok()) {
    walk.taken.clear();
    return walk;
  }
  for (const Taken& taken : walk.taken) {
    const auto old = leases_.find(taken.key);
    if (old != leases_.end()) ends_.erase({old->second.until, taken.key});
    leases_.insert_or_assign(taken.key, taken.lease);
    ends_.emplace(taken.lease.until, taken.key);
  }
  if (solid) rise_to = end;
  scan_from_ = std::move(rise_to);
  return walk;
}

LeaseTable::FirstDue LeaseTable::first_due(TimePoint now, const OpenIndex& open) {
  FirstDue first;
  MutexLock lock(mutex_);
  note_ended(now);
  const auto it = open(scan_from_);
  for (; it->Valid(); it->Next()) {
    const std::string_view entry = it->key().ToStringView();
    if (entry.size() < kTimeBytes) continue;
    const std::string key(entry.substr(kTimeBytes));
    const auto lease = leases_.find(key);
    if (lease != leases_.end() && lease->second.until > now) {
      ends_.emplace(lease->second.until, key);
      continue;
    }
    first.at = read_time(entry);
    break;
  }
  first.status = it->status();
  if (!ends_.empty()) {
    const TimePoint ends = ends_.begin()->first;
    first.at = std::min(first.at.value_or(ends), ends);
  }
  return first;
}

std::vector<bool> LeaseTable::confirm(const std::vector<Taken>& taken) const {
  std::vector<bool> current;
  current.reserve(taken.size());
  MutexLock lock(mutex_);
  for (const Taken& one : taken) {
    const auto it = leases_.find(one.key);
    current.push_back(it != leases_.end() && it->second.token == one.lease.token);
  }
  return current;
}

void LeaseTable::give_back(const std::string& key, const model::LeaseToken& token) {
  MutexLock lock(mutex_);
  const auto it = leases_.find(key);
  if (it == leases_.end() || it->second.token != token) return;
  lower_to(key, it->second);
  end(key);
}

void LeaseTable::shorten(const Taken& taken, TimePoint until) {
  MutexLock lock(mutex_);
  const auto it = leases_.find(taken.key);
  if (it == leases_.end() || it->second.token != taken.lease.token) return;
  if (it->second.until <= until) return;
  ends_.erase({it->second.until, taken.key});
  it->second.until = until;
  ends_.emplace(until, taken.key);
}

void LeaseTable::correct_date(const Taken& taken, TimePoint scheduled_date) {
  MutexLock lock(mutex_);
  const auto it = leases_.find(taken.key);
  if (it == leases_.end() || it->second.token != taken.lease.token) return;
  it->second.scheduled_date = scheduled_date;
}

std::optional<HeldLease> LeaseTable::find(const std::string& key) const {
  MutexLock lock(mutex_);
  const auto it = leases_.find(key);
  if (it == leases_.end()) return std::nullopt;
  return it->second;
}

bool LeaseTable::is_live(const std::string& key, TimePoint now) const {
  const auto lease = find(key);
  return lease && lease->until > now;
}

std::unordered_map<std::string, HeldLease> LeaseTable::live(std::string_view prefix,
                                                            TimePoint now) const {
  std::unordered_map<std::string, HeldLease> found;
  MutexLock lock(mutex_);
  for (const auto& [key, lease] : leases_) {
    if (lease.until > now && key.starts_with(prefix)) found.emplace(key, lease);
  }
  return found;
}

void LeaseTable::reopened() {
  MutexLock lock(mutex_);
  scan_from_.clear();
  for (auto& [key, lease] : leases_) lease.doubtful = true;
}

LeaseTable::Lock::Lock(LeaseTable& table, const std::vector<std::string>& keys)
    : table_(table), keys_(keys.begin(), keys.end()) {
  std::sort(keys_.begin(), keys_.end());
  keys_.erase(std::unique(keys_.begin(), keys_.end()), keys_.end());
  MutexLock lock(table_.mutex_);
  while (table_.any_held(keys_)) table_.freed_.wait(lock);
  try {
    table_.held_.insert(keys_.begin(), keys_.end());
  } catch (...) {  // no memory: none of them stays held
    for (const std::string_view key : keys_) table_.held_.erase(key);
    throw;
  }
}

LeaseTable::Lock::~Lock() {
  {
    MutexLock lock(table_.mutex_);
    for (const std::string& key : effects.ended) table_.end(key);
    if (effects.failed) {
      for (const std::string_view key : keys_) {
        const auto it = table_.leases_.find(key);
        if (it != table_.leases_.end()) it->second.doubtful = true;
      }
    }
    if (effects.lowest) table_.lower(*effects.lowest);
    for (const std::string_view key : keys_) table_.held_.erase(key);
  }
  table_.freed_.notify_all();
}

bool LeaseTable::any_held(const std::vector<std::string_view>& keys) const {
  for (const std::string_view key : keys) {
    if (held_.contains(key)) return true;
  }
  return false;
}

void LeaseTable::end(const std::string& key) {
  const auto it = leases_.find(key);
  if (it == leases_.end()) return;
  ends_.erase({it->second.until, key});
  leases_.erase(it);
}

void LeaseTable::lower(const std::string& due_key) {
  if (due_key < scan_from_) scan_from_ = due_key;
}

void LeaseTable::lower_to(const std::string& key, const HeldLease& lease) {
  if (lease.doubtful) {
    scan_from_.clear();  // its task may be due earlier than the lease knows
  } else {
    lower(due_key(lease.due, key));
  }
}

void LeaseTable::note_ended(TimePoint now) {
  while (!ends_.empty() && ends_.begin()->first <= now) {
    const std::string& key = ends_.begin()->second;
    lower_to(key, leases_.at(key));
    ends_.erase(ends_.begin());
  }
}

}  // namespace rhooks::store::rocks
