#pragma once

#include <algorithm>
#include <string>

#include "store/store.h"
#include "testing/simulator/ledger.h"

namespace rhooks::simulator {

// The store as one life of a worker has it: what the worker is told of its leases, the ledger is
// told too. Does not own the inner store.
class WatchedStore final : public store::Store {
 public:
  struct Options {
    Life life = 0;
    std::size_t concurrency = 0;
    std::chrono::milliseconds lease_for{0};
  };
  // `clock` is that of the worker.
  WatchedStore(store::Store& inner, Timeline& timeline, Ledger& ledger, const Clock& clock,
               Options options)
      : inner_(inner), timeline_(timeline), ledger_(ledger), clock_(clock), options_(options) {}

  Result<store::ClaimResult> claim_due(const store::ClaimRequest& request) override {
    // Nothing is judged by the times that a worker says it is, but by its clock.
    if (request.now != clock_.now() || request.due_by > request.now) {
      timeline_.violation("a worker claims by another time than its clock shows");
    }
    if (request.lease_for != options_.lease_for) {
      timeline_.violation("a worker claims for another time than leases last");
    }
    auto result = inner_.claim_due(request);
    if (!result) return result;
    for (const store::SetAside& aside : result->set_aside) {
      timeline_.violation("task '" + aside.key.id + "' can not be read: " + aside.reason);
    }
    for (const store::Claim& claim : result->claims) {
      ledger_.holds(options_.life, claim.lease);
      if (claim.lease.until != request.now + request.lease_for) {
        timeline_.violation("a lease lasts longer or shorter than was asked for");
      }
    }
    if (ledger_.held_by(options_.life) > options_.concurrency) {
      timeline_.violation("life " + std::to_string(options_.life) + " holds " +
                          std::to_string(ledger_.held_by(options_.life)) +
                          " leases, concurrency is " + std::to_string(options_.concurrency));
    }
    return result;
  }

  std::vector<Result<store::CommitOutcome>> commit(
      std::span<const store::Commit> commits) override {
    auto results = inner_.commit(commits);
    for (std::size_t i = 0; i < commits.size(); ++i) {
      if (!results[i]) continue;
      if (*results[i] == store::CommitOutcome::kApplied) {
        ledger_.settled(options_.life, commits[i].lease.token);
      } else {
        ledger_.lost(options_.life, commits[i].lease.token);
      }
    }
    return results;
  }

  Result<void> release(std::span<const store::Lease> leases) override {
    auto released = inner_.release(leases);
    for (const store::Lease& lease : leases) {
      if (released) ledger_.returned(options_.life, lease.token);
    }
    return released;
  }

  std::vector<Result<store::PutResult>> put(std::span<const store::TaskRecord> records) override {
    return inner_.put(records);
  }
  Result<Task> get(const TaskKey& key, TimePoint now) override { return inner_.get(key, now); }
  Result<store::TaskPage> query_tasks(const store::TaskQuery& query) override {
    return inner_.query_tasks(query);
  }
  Result<store::LogPage> query_logs(const store::LogQuery& query) override {
    return inner_.query_logs(query);
  }
  std::vector<Result<Task>> change(std::span<const TaskKey> keys, const store::Edit& edit,
                                   TimePoint now) override {
    return inner_.change(keys, edit, now);
  }
  std::vector<Result<Task>> remove(std::span<const TaskKey> keys, TimePoint now) override {
    return inner_.remove(keys, now);
  }
  Result<std::size_t> clear(const std::string& ns, std::size_t limit) override {
    return inner_.clear(ns, limit);
  }
  Result<std::optional<TimePoint>> next_due(TimePoint now, store::Scope scope) override {
    return inner_.next_due(now, scope);
  }
  Result<store::DuePage> peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                                  const std::optional<store::DuePosition>& after) override {
    return inner_.peek_due(now, due_by, limit, after);
  }
  void leave() override { inner_.leave(); }
  Result<void> check() override { return inner_.check(); }
  Result<store::Description> describe() override { return inner_.describe(); }

 private:
  store::Store& inner_;
  Timeline& timeline_;
  Ledger& ledger_;
  const Clock& clock_;
  const Options options_;
};

}  // namespace rhooks::simulator
