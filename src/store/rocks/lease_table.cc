#include "store/rocks/lease_table.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "store/rocks/keys.h"

namespace rhooks::store::rocks {

void LeaseTable::Effects::claimable(std::string due_key) {
  constexpr std::chrono::seconds kNear{1};
  const TimePoint due = read_time(due_key);
  if (unseen.empty() || due < read_time(unseen.back().from) - kNear ||
      due > read_time(unseen.back().to) + kNear) {
    unseen.push_back({due_key, due_key});
    return;
  }
  Span& last = unseen.back();
  if (due_key < last.from) {
    last.from = std::move(due_key);
  } else if (due_key > last.to) {
    last.to = std::move(due_key);
  }
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
  add_unseen(key, it->second);
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
  ranges_.look_at_all();
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
    for (const auto& [from, to] : effects.unseen) table_.ranges_.add_unseen(from, to);
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

void LeaseTable::add_unseen(const std::string& key, const HeldLease& lease) {
  if (lease.doubtful) {
    ranges_.look_at_all();  // its task may be due earlier than the lease knows
  } else {
    const std::string entry = due_key(lease.due, key);
    ranges_.add_unseen(entry, entry);
  }
}

void LeaseTable::note_ended(TimePoint now) {
  while (!ends_.empty() && ends_.begin()->first <= now) {
    const std::string& key = ends_.begin()->second;
    add_unseen(key, leases_.at(key));
    ends_.erase(ends_.begin());
  }
}

}  // namespace rhooks::store::rocks
