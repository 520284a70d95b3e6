// What is checked once all has come to an end; what is heard until then is in invariant_checker.cc.
#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "testing/simulator/invariant_checker.h"

namespace rhooks::simulator {

void InvariantChecker::check_end(store::Store& store, TimePoint now) {
  check_tasks(store, now);
  check_namespaces(store, now);
  check_namespaces(store, kTimeMax);
  check_logs(store, now);
  check_repeats();
}

void InvariantChecker::check_tasks(store::Store& store, TimePoint now) {
  for (const TaskKey& key : acknowledged_) {
    if (find(key)) continue;
    ++lost_;
    violation(key, "acknowledged and lost");
  }
  for (const auto& [key, entry] : entries_) {
    const auto stored = store.get(key, now);
    if (!stored) {
      ++lost_;
      violation(key, "lost: " + stored.error().message);
    } else if (*stored != entry.task) {
      violation(key, "is stored in another state than it was left in");
    } else if (stored->expires_at && store.get(key, *stored->expires_at)) {
      violation(key, "is there though it has expired");
    }
  }
  for (const TaskKey& key : removed_) {
    if (store.get(key, now)) violation(key, "deleted and back again");
  }
}

// What lists tasks tells the same as what reads one.
void InvariantChecker::check_namespaces(store::Store& store, TimePoint now) {
  std::set<std::string> namespaces;
  for (const auto& [key, entry] : entries_) namespaces.insert(key.ns);
  for (const TaskKey& key : removed_) namespaces.insert(key.ns);
  for (const std::string& ns : namespaces) {
    store::TaskQuery query;
    query.ns = ns;
    query.limit = 7;
    query.now = now;
    std::size_t listed = 0;
    std::optional<std::pair<TimePoint, std::string>> last;
    for (int page = 0; page < 1000; ++page) {
      const auto found = store.query_tasks(query);
      if (!found) return timeline_.violation(ns + " cannot be listed: " + found.error().message);
      for (const Task& task : found->items) {
        ++listed;
        const Entry* const entry = find(task.key);
        if (!entry || entry->task != task) violation(task.key, "is listed, and is not so");
        const auto position = std::pair(task.scheduled_date, task.key.id);
        if (last && *last >= position) violation(task.key, "is listed twice or out of order");
        last = position;
      }
      if (!found->next) break;
      query.after = found->next;
    }
    const auto there = static_cast<std::size_t>(
        std::count_if(entries_.begin(), entries_.end(), [&](const auto& one) {
          return one.first.ns == ns && !model::expired(one.second.task, now);
        }));
    if (listed != there) {
      timeline_.violation(ns + " has " + std::to_string(there) + " tasks, and " +
                          std::to_string(listed) + " are listed");
    }
  }
  const auto due = store.peek_due(now, kTimeMax, 10, std::nullopt);
  if (!due) return timeline_.violation("what is due cannot be listed: " + due.error().message);
  for (const store::DueEntry& entry : due->items) violation(entry.key, "is due, though it is done");
}

// Every attempt that was made has one log, but those whose worker did not live to write it.
void InvariantChecker::check_logs(store::Store& store, TimePoint now) {
  for (const Attempt& attempt : attempts_) {
    if (!attempt.logged && !attempt.at_crash && !attempt.given_up) {
      violation(attempt.key, "an attempt without a log");
    }
  }
  for (const auto& [key, logs] : logs_) {
    if (cleared_.contains(key.ns)) continue;
    std::size_t there = 0;
    store::LogQuery query;
    query.ns = key.ns;
    query.task_id = key.id;
    query.limit = 1000;
    query.now = now;
    for (int page = 0; page < 1000; ++page) {
      const auto found = store.query_logs(query);
      if (!found) return violation(key, "its logs cannot be read: " + found.error().message);
      for (const Log& log : found->items) {
        ++there;
        const auto written = logs.find(log.id);
        if (written == logs.end() || written->second != log) {
          violation(key, "a log is there that was not written so");
        }
      }
      if (!found->next) break;
      query.after = found->next;
    }
    if (there != logs.size()) {
      violation(key, std::to_string(logs.size()) + " logs were written, and " +
                         std::to_string(there) + " are there");
    }
  }
}

// An occurrence that succeeded is attempted again only where the outcome could not be known or
// kept, and each such case is on record.
void InvariantChecker::check_repeats() {
  std::map<std::string, const Attempt*> previous;  // by webhook id, which names the occurrence
  for (const Attempt& attempt : attempts_) {
    const auto [it, first] = previous.emplace(attempt.webhook_id, &attempt);
    if (first) continue;
    const Attempt& before = *std::exchange(it->second, &attempt);
    const bool failed = before.answer && (!before.answer->ok || before.answer->cancelled);
    if (before.key != attempt.key) {
      violation(attempt.key, "shares its webhook-id with " + before.key.ns + "/" + before.key.id);
    }
    if (failed && before.committed) continue;
    if (!failed) ++repeats_;
    const bool crashed = before.at_crash && !before.committed;
    if (!crashed && !before.lease_lost && !before.given_up && !attempt.stale) {
      violation(attempt.key, before.committed ? "delivered again after its success was stored"
                                              : "delivered again without a cause");
    }
  }
}

}  // namespace rhooks::simulator
