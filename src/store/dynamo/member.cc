#include "store/dynamo/member.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"

namespace rhooks::store::dynamo {

Member::Member(MembershipTable& table, WorkerItem self, MemberOptions options)
    : table_(table), self_(std::move(self)), options_(std::move(options)) {
  RHOOKS_CHECK(options_.shards > 0);
  RHOOKS_CHECK(options_.steady && options_.wall && options_.new_life);
  RHOOKS_CHECK(options_.tick > SteadyTime{0} && options_.failure_timeout >= 2 * options_.tick);
}

Member::Step Member::tick() {
  const SteadyTime started = options_.steady();
  const std::vector<int> before = owned();
  Step step;
  step.again_at = started + options_.tick;
  const auto run = [&]() -> Result<void> {
    if (auto shown = show_life(); !shown) return shown;
    if (stopped_) return {};
    const auto plan = look();
    if (!plan) return fail(plan.error());
    if (stopped_) return {};
    // The dead are to be noticed when they are dead, not a tick later.
    if (plan->unsettled) step.again_at = started + options_.tick / 3;
    const SteadyTime dead_at =
        looked_at_ + options_.failure_timeout - plan->longest_since_heartbeat;
    step.again_at = std::min(step.again_at, dead_at);
    step.died = call_dead(plan->dead);
    const auto all_taken = carry_out(*plan);
    if (!all_taken) return fail(all_taken.error());
    // Somebody was faster: what that one left is to be found before others wait for it.
    if (!*all_taken) step.again_at = std::min(step.again_at, started + options_.tick / 3);
    return {};
  };
  if (auto ran = run(); !ran) step.error = std::move(ran.error());
  // Neither without a pause after a tick that took long, nor in a storm where all fails.
  step.again_at =
      std::max(step.again_at, options_.steady() + options_.tick / (step.error ? 2 : 10));
  step.changed = owned() != before;
  return step;
}

Result<void> Member::show_life() {
  const SteadyTime started = options_.steady();
  {
    MutexLock lock(mutex_);
    if (!unbroken(started)) begin_life(started);
  }
  ++self_.heartbeat;
  self_.ttl =
      std::chrono::floor<std::chrono::seconds>(service_time() + 2 * options_.remove_after).count();
  if (auto written = table_.write_heartbeat(self_); !written) return written;
  const SteadyTime ended = options_.steady();
  const SteadyTime unseen = unseen_pause(ended);

  MutexLock lock(mutex_);
  // Wherever in between it was: as if before all of it.
  *shown_at_ -= unseen;
  if (!unbroken(ended)) return {};  // it came too late: the next one shows another life
  shown_ = true;
  shown_at_ = started - unseen;
  return {};
}

SteadyTime Member::service_time() const {
  return (options_.wall() + table_.service_ahead()).time_since_epoch();
}

// For how long this process's clock stood still since the last heartbeat.
SteadyTime Member::unseen_pause(SteadyTime now) {
  const SteadyTime ahead = service_time() - now;
  const SteadyTime before = std::exchange(service_ahead_, ahead).value_or(ahead);
  return std::max(ahead - before, SteadyTime{0});
}

void Member::begin_life(SteadyTime now) {
  self_.life = options_.new_life();
  shown_at_ = now;
  shown_ = false;
  held_.clear();
  restart_watch_ = true;
}

bool Member::unbroken(SteadyTime now) const {
  return shown_at_ && now - *shown_at_ < options_.failure_timeout;
}

Result<ShardPlan> Member::look() {
  const SteadyTime asked_at = options_.steady();
  const auto snapshot = table_.read();
  if (!snapshot) return fail(snapshot.error());
  const SteadyTime answered_at = options_.steady();
  looked_at_ = asked_at;
  watch_.see(snapshot->workers, asked_at, answered_at);
  if (restart_watch_) watch_.restart(answered_at);
  restart_watch_ = false;

  MutexLock lock(mutex_);
  since_last_heartbeat_.clear();
  for (const WorkerItem& worker : snapshot->workers) {
    since_last_heartbeat_[worker.id] = watch_.since_last_heartbeat(worker.id);
  }
  // What others have taken they took from a life that they call dead.
  std::size_t still_held = 0;
  for (const ShardItem& shard : snapshot->shards) {
    const auto held = held_.find(shard.shard);
    if (held == held_.end() || shard.owner != self_.id || shard.epoch != held->second) continue;
    ++still_held;
  }
  if (still_held < held_.size()) begin_life(answered_at);
  return plan_shards(*snapshot, self_.id, held_, watch_,
                     {.shards = options_.shards,
                      .failure_timeout = options_.failure_timeout,
                      .remove_after = options_.remove_after});
}

std::vector<std::string> Member::call_dead(const std::vector<WorkerItem>& dead) {
  MutexLock lock(mutex_);
  const std::set<Uuid> before = std::exchange(dead_, {});
  std::vector<std::string> died;
  // Where this process was away, the others may have been so as well.
  if (!believes(options_.steady())) return died;
  for (const WorkerItem& worker : dead) {
    dead_.insert(worker.life);
    if (!before.contains(worker.life)) died.push_back(worker.id);
  }
  return died;
}

Result<bool> Member::carry_out(const ShardPlan& plan) {
  {
    MutexLock lock(mutex_);
    // The table was so slow that what is taken now would lie idle.
    if (!believes(options_.steady())) return false;
    // First it stops to believe, then others may begin to.
    for (const ShardItem& shard : plan.give_up) held_.erase(shard.shard);
  }
  std::optional<Error> error;
  bool all_taken = true;
  if (!plan.give_up.empty()) {
    for (auto& given : table_.give_up(plan.give_up)) {
      if (!given) error = std::move(given.error());
    }
  }
  if (!plan.take.empty() && !stopped_) {
    const auto taken = table_.take(self_.id, plan.take);
    MutexLock lock(mutex_);
    for (std::size_t i = 0; i < taken.size(); ++i) {
      if (!taken[i]) {
        error = taken[i].error();
      } else if (*taken[i] && !stopped_) {
        held_[plan.take[i].shard] = plan.take[i].epoch + 1;
      } else {
        all_taken = false;
      }
    }
  }
  if (!plan.remove.empty()) {
    if (auto removed = table_.remove(plan.remove); !removed) error = std::move(removed.error());
  }
  if (error) return fail(std::move(*error));
  return all_taken;
}

bool Member::believes(SteadyTime now) const {
  return !stopped_ && shown_ && unbroken(now);
}

Uuid Member::life() const {
  MutexLock lock(mutex_);
  return believes(options_.steady()) ? self_.life : Uuid{};
}

bool Member::dead(const Uuid& life) const {
  MutexLock lock(mutex_);
  return believes(options_.steady()) && dead_.contains(life);
}

std::vector<int> Member::owned() const {
  MutexLock lock(mutex_);
  std::vector<int> shards;
  if (!believes(options_.steady())) return shards;
  for (const auto& [shard, epoch] : held_) shards.push_back(shard);
  return shards;
}

std::optional<SteadyTime> Member::since_last_heartbeat(const std::string& worker) const {
  MutexLock lock(mutex_);
  const auto found = since_last_heartbeat_.find(worker);
  return found == since_last_heartbeat_.end() ? std::nullopt : std::optional(found->second);
}

void Member::stop() {
  stopped_ = true;
}

void Member::leave() {
  stop();
  self_.leaving = true;
  ++self_.heartbeat;
  std::vector<ShardItem> items;
  {
    MutexLock lock(mutex_);
    if (!shown_ || !unbroken(options_.steady())) return;
    for (const auto& [shard, epoch] : held_) {
      items.push_back({.shard = shard, .owner = self_.id, .epoch = epoch});
    }
    held_.clear();
  }
  // What is not given up now is free when the others see that it leaves, or do not hear of it.
  (void)table_.leave(self_, items);
}

void Member::finish() {
  {
    MutexLock lock(mutex_);
    if (!shown_ || !unbroken(options_.steady())) return;
  }
  (void)table_.finish(self_);
}

}  // namespace rhooks::store::dynamo
