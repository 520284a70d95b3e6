#pragma once

#include <string>

#include "testing/forwarding_store.h"
#include "testing/simulator/invariant_checker.h"

namespace rhooks::simulator {

// The store as one incarnation of a worker has it: what the worker is told of its leases, the
// checker is told too. Does not own the inner store.
class WatchedStore final : public testing::ForwardingStore {
 public:
  struct Options {
    Incarnation incarnation = 0;
    std::size_t concurrency = 0;
    std::chrono::milliseconds lease_for{0};
  };
  // `clock` is that of the worker.
  WatchedStore(store::Store& inner, Timeline& timeline, InvariantChecker& checker,
               const Clock& clock, Options options)
      : ForwardingStore(inner),
        timeline_(timeline),
        checker_(checker),
        clock_(clock),
        options_(options) {}

  // Whether one of these calls is under way.
  bool waits() const { return calls_ > 0; }
  // For how long, altogether, one of them at least was.
  Duration waited() const {
    return calls_ > 0 ? waited_ + (timeline_.now() - waiting_since_) : waited_;
  }

 private:
  Result<store::ClaimResult> do_claim_due(const store::ClaimRequest& request) override {
    const Call call(*this);
    // Nothing is judged by the times that a worker says it is, but by its clock.
    if (request.now != clock_.now() || request.due_by > request.now) {
      timeline_.violation("a worker claims by another time than its clock shows");
    }
    if (request.lease_for != options_.lease_for) {
      timeline_.violation("a worker claims for another time than leases last");
    }
    const Moment begun = timeline_.now();
    auto result = ForwardingStore::do_claim_due(request);
    if (!result) return result;
    for (const store::SetAside& aside : result->set_aside) {
      timeline_.violation("task '" + aside.key.id + "' cannot be read: " + aside.reason);
    }
    for (const store::Claim& claim : result->claims) {
      checker_.holds(options_.incarnation, claim.lease, claim.task, begun);
      if (claim.lease.until != request.now + request.lease_for) {
        timeline_.violation("a lease lasts longer or shorter than was asked for");
      }
    }
    if (checker_.held_by(options_.incarnation) > options_.concurrency) {
      timeline_.violation("incarnation " + std::to_string(options_.incarnation) + " holds " +
                          std::to_string(checker_.held_by(options_.incarnation)) +
                          " leases, concurrency is " + std::to_string(options_.concurrency));
    }
    checker_.claim_ended(options_.incarnation, request, *result);
    return result;
  }

  std::vector<Result<store::CommitOutcome>> do_commit(
      std::span<const store::Commit> commits) override {
    const Call call(*this);
    auto results = ForwardingStore::do_commit(commits);
    for (std::size_t i = 0; i < commits.size(); ++i) {
      if (!results[i]) continue;
      if (*results[i] == store::CommitOutcome::kApplied) {
        checker_.settled(options_.incarnation, commits[i].lease.token);
      } else {
        checker_.lost(options_.incarnation, commits[i].lease.token);
      }
    }
    return results;
  }

  Result<void> do_release(std::span<const store::Lease> leases) override {
    const Call call(*this);
    auto released = ForwardingStore::do_release(leases);
    for (const store::Lease& lease : leases) {
      if (released) checker_.returned(options_.incarnation, lease.token);
    }
    return released;
  }

  Result<std::optional<TimePoint>> do_next_due(TimePoint now, store::Scope scope,
                                               const store::FlowGate* gate,
                                               store::Leave leave) override {
    const Call call(*this);
    return ForwardingStore::do_next_due(now, scope, gate, leave);
  }

  Result<store::StoredDocument> do_get_document(const store::DocumentKey& key) override {
    const Call call(*this);
    return ForwardingStore::do_get_document(key);
  }

  Result<store::DocumentPage> do_list_documents(const store::DocumentQuery& query) override {
    const Call call(*this);
    return ForwardingStore::do_list_documents(query);
  }

  void do_resign() override {
    const Call call(*this);
    ForwardingStore::do_resign();
  }

  void do_finished() override {
    const Call call(*this);
    ForwardingStore::do_finished();
  }

  // A call of the worker's that is under way.
  class Call {
   public:
    explicit Call(WatchedStore& store) : store_(store) {
      if (store_.calls_++ == 0) store_.waiting_since_ = store_.timeline_.now();
    }
    ~Call() {
      if (--store_.calls_ == 0) {
        store_.waited_ += store_.timeline_.now() - store_.waiting_since_;
      }
    }
    Call(const Call&) = delete;

   private:
    WatchedStore& store_;
  };

  Timeline& timeline_;
  InvariantChecker& checker_;
  const Clock& clock_;
  const Options options_;
  int calls_ = 0;
  Moment waiting_since_{};
  Duration waited_{0};
};

}  // namespace rhooks::simulator
