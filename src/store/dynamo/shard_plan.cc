#include "store/dynamo/shard_plan.h"

#include <algorithm>

namespace rhooks::store::dynamo {
namespace {

// A heartbeat up to this is that of a worker which has just joined.
constexpr std::int64_t kNewHeartbeat = 3;

struct Sharer {
  std::string id;
  int owns = 0;
  int share = 0;

  int lacks() const { return std::max(share - owns, 0); }
};

// The workers that shards are divided among, by id.
std::vector<Sharer> sharers(const MembershipSnapshot& snapshot,
                            const std::vector<ShardItem>& shards, const std::string& me,
                            const WorkerWatch& watch, SteadyTime failure_timeout) {
  std::map<std::string, int> owned;
  for (const ShardItem& shard : shards) ++owned[shard.owner];
  std::vector<Sharer> all = {{.id = me, .owns = owned[me]}};
  for (const WorkerItem& worker : snapshot.workers) {
    if (worker.id == me || worker.leaving ||
        watch.since_last_heartbeat(worker.id) >= failure_timeout)
      continue;
    const int owns = owned[worker.id];
    if (owns == 0 && !watch.seen_alive(worker.id) && worker.heartbeat > kNewHeartbeat) continue;
    all.push_back({.id = worker.id, .owns = owns});
  }
  return all;
}

void divide(std::vector<Sharer>& sharers, int shards) {
  std::sort(sharers.begin(), sharers.end(), [](const Sharer& a, const Sharer& b) {
    return a.owns != b.owns ? a.owns > b.owns : a.id < b.id;
  });
  const int count = static_cast<int>(sharers.size());
  int larger = shards % count;
  for (Sharer& sharer : sharers) {
    sharer.share = shards / count + (larger > 0 ? 1 : 0);
    --larger;
  }
  // An order that does not change while shards change hands.
  std::sort(sharers.begin(), sharers.end(),
            [](const Sharer& a, const Sharer& b) { return a.id < b.id; });
}

}  // namespace

std::vector<ShardItem> all_shards(const MembershipSnapshot& snapshot, int count) {
  std::vector<ShardItem> shards(static_cast<std::size_t>(count));
  for (int shard = 0; shard < count; ++shard) shards[static_cast<std::size_t>(shard)].shard = shard;
  for (const ShardItem& stored : snapshot.shards) {
    if (stored.shard < 0 || stored.shard >= count) continue;
    shards[static_cast<std::size_t>(stored.shard)] = stored;
  }
  return shards;
}

void WorkerWatch::see(const std::vector<WorkerItem>& workers, SteadyTime asked_at,
                      SteadyTime answered_at) {
  std::map<std::string, Entry> seen;
  for (const WorkerItem& worker : workers) {
    Entry& entry = seen[worker.id];
    const auto known = entries_.find(worker.id);
    if (known == entries_.end()) {
      entry = {.heartbeat = worker.heartbeat, .changed_at = answered_at};
    } else if (known->second.heartbeat != worker.heartbeat) {
      entry = {.heartbeat = worker.heartbeat, .changed_at = answered_at, .seen_alive = true};
    } else {
      entry = known->second;
      entry.since_last_heartbeat = std::max(asked_at - entry.changed_at, SteadyTime{0});
    }
  }
  entries_ = std::move(seen);
}

void WorkerWatch::restart(SteadyTime now) {
  for (auto& [id, entry] : entries_) {
    entry.changed_at = now;
    entry.since_last_heartbeat = SteadyTime{0};
  }
}

SteadyTime WorkerWatch::since_last_heartbeat(const std::string& worker) const {
  const auto entry = entries_.find(worker);
  return entry == entries_.end() ? SteadyTime{0} : entry->second.since_last_heartbeat;
}

bool WorkerWatch::seen_alive(const std::string& worker) const {
  const auto entry = entries_.find(worker);
  return entry != entries_.end() && entry->second.seen_alive;
}

ShardPlan plan_shards(const MembershipSnapshot& snapshot, const std::string& me,
                      const std::map<int, std::int64_t>& held, const WorkerWatch& watch,
                      const PlanOptions& options) {
  ShardPlan plan;
  const std::vector<ShardItem> shards = all_shards(snapshot, options.shards);
  std::map<std::string, bool> owns = {{me, true}};  // what is stored as its own
  for (const WorkerItem& worker : snapshot.workers) {
    if (worker.id == me) continue;
    const SteadyTime since_last_heartbeat = watch.since_last_heartbeat(worker.id);
    const bool dead = since_last_heartbeat >= options.failure_timeout;
    owns[worker.id] = !dead && !worker.leaving;
    if (!dead) {
      plan.longest_since_heartbeat = std::max(plan.longest_since_heartbeat, since_last_heartbeat);
    } else {
      plan.dead.push_back(worker);
    }
    if (since_last_heartbeat >= options.remove_after) plan.remove.push_back(worker);
  }

  std::vector<Sharer> sharing = sharers(snapshot, shards, me, watch, options.failure_timeout);
  divide(sharing, options.shards);
  const auto self = std::find_if(sharing.begin(), sharing.end(),
                                 [&](const Sharer& sharer) { return sharer.id == me; });

  // Those with the highest numbers, so that a share stays in one piece where it can.
  int excess = std::max(self->owns - self->share, 0);
  for (auto shard = shards.rbegin(); shard != shards.rend(); ++shard) {
    if (shard->owner != me) continue;
    const auto fence = held.find(shard->shard);
    const bool fenced = fence != held.end() && fence->second == shard->epoch;
    if (excess > 0) {
      plan.give_up.push_back(*shard);
      --excess;
    } else if (!fenced) {
      plan.take.push_back(*shard);
    }
  }

  // Everyone who is short has a stretch of what can be taken. An owner without an item has
  // finished, or is dead for long.
  std::vector<ShardItem> to_take;
  for (const ShardItem& shard : shards) {
    const auto owner = owns.find(shard.owner);
    if (owner == owns.end() || !owner->second) to_take.push_back(shard);
  }
  std::size_t mine_from = 0;
  for (auto sharer = sharing.begin(); sharer != self; ++sharer) {
    mine_from += static_cast<std::size_t>(sharer->lacks());
  }
  const std::size_t from = std::min(mine_from, to_take.size());
  const std::size_t to = std::min(from + static_cast<std::size_t>(self->lacks()), to_take.size());
  const auto at = [&](std::size_t i) { return to_take.begin() + static_cast<std::ptrdiff_t>(i); };
  plan.take.insert(plan.take.end(), at(from), at(to));
  const bool is_short = to - from < static_cast<std::size_t>(self->lacks());
  plan.unsettled = is_short || to - from < to_take.size();
  return plan;
}

}  // namespace rhooks::store::dynamo
