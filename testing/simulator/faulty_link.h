#pragma once

#include <deque>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "store/store.h"
#include "testing/simulator/faults.h"
#include "testing/simulator/store_observer.h"
#include "testing/simulator/timeline.h"

namespace rhooks::simulator {

// A call that changes something, begun by a process that crashed before it was applied.
struct Interrupted {
  std::vector<TaskKey> keys;           // that it may change
  std::vector<store::Commit> commits;  // of these the logs, too
  std::function<void(store::Store&)> apply;
  std::string cleared;  // a namespace whose logs may go
};

struct LinkOptions {
  // The store is in the process itself: claims and releases are things of its memory. Their answers
  // do not get lost, and a lease can always be given back.
  bool local = false;
  // After each call of the inner store.
  std::function<void()> applied;
  // While the process that crashed is unwound: whether and how far the call is applied after
  // all. The observer is told nothing of it.
  std::function<void(const Interrupted&)> interrupted;
  // When the link is destroyed.
  std::function<void()> closed;
};

// A store as a process has it through something slow and unreliable. Each call waits in simulated
// time, is applied, and its answer takes time again; faults as StoreFaults says. What the inner
// store did is told to the observer at the moment that it did it, whether or not the caller hears
// of it. Where the process cannot wait (it has crashed, or there is none) a call fails at once,
// and nothing is applied.
//
// Works with any inner store, also with one that several links share. Does not own it. Threads:
// one.
class FaultyLink final : public store::Store {
 public:
  FaultyLink(store::Store& inner, Timeline& timeline, const StoreFaults& faults,
             StoreObserver& observer, LinkOptions options = {});
  ~FaultyLink() override;
  FaultyLink(const FaultyLink&) = delete;
  FaultyLink& operator=(const FaultyLink&) = delete;

 private:
  std::vector<Result<store::PutResult>> do_put(std::span<const store::TaskRecord> records) override;
  Result<Task> do_get(const TaskKey& key, TimePoint now) override;
  Result<store::TaskPage> do_query_tasks(const store::TaskQuery& query) override;
  Result<store::LogPage> do_query_logs(const store::LogQuery& query) override;
  Result<store::NamespacePage> do_namespaces(const store::NamespaceQuery& query) override;
  std::vector<Result<Task>> do_change(std::span<const TaskKey> keys, const store::Edit& edit,
                                      TimePoint now) override;
  std::vector<Result<Task>> do_remove(std::span<const TaskKey> keys, TimePoint now) override;
  Result<std::size_t> do_clear(const std::string& ns, std::size_t limit) override;
  Result<store::ClaimResult> do_claim_due(const store::ClaimRequest& request) override;
  std::vector<Result<store::CommitOutcome>> do_commit(
      std::span<const store::Commit> commits) override;
  Result<void> do_release(std::span<const store::Lease> leases) override;
  Result<std::optional<TimePoint>> do_next_due(TimePoint now, store::Scope scope,
                                               const store::FlowGate* gate,
                                               store::Leave leave) override;
  Result<store::DuePage> do_peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                                     const std::optional<store::DuePosition>& after) override;
  Result<store::Revision> do_put_document(const store::Document& document,
                                          const store::Replaces& replaces, TimePoint now) override;
  Result<store::StoredDocument> do_get_document(const store::DocumentKey& key) override;
  Result<void> do_remove_document(const store::DocumentKey& key,
                                  const std::optional<store::Revision>& revision) override;
  Result<store::DocumentPage> do_list_documents(const store::DocumentQuery& query) override;
  void do_resign() override;
  Result<void> do_check() override;
  Result<store::Description> do_describe() override;

  enum class Kind { kRead, kChange, kClaim, kRelease };
  enum class Fate { kAnswered, kRefused, kLost, kSplit };
  using MakeInterrupted = std::function<Interrupted()>;

  Fate draw(const char* name, Kind kind, std::size_t items);
  void travel();  // the way there or back
  void travel_or(const MakeInterrupted& interrupted);
  void applied();

  template <typename Call>
  auto one(const char* name, Kind kind, const Call& call, const MakeInterrupted& interrupted = {})
      -> decltype(call());
  template <typename T, typename Item, typename Call, typename Rest>
  std::vector<Result<T>> batch(const char* name, std::span<const Item> items, const Call& call,
                               const Rest& interrupted);

  std::set<TaskKey> keys_of(const std::string& ns);
  std::set<TaskKey> taken_by_others(std::span<const store::Commit> commits);
  bool first_time(const model::LeaseToken& token);

  store::Store& inner_;
  Timeline& timeline_;
  const StoreFaults& faults_;
  StoreObserver& observer_;
  const LinkOptions options_;
  // Commits that were told, so that a repeat is not; the latest of them.
  std::set<model::LeaseToken> told_;
  std::deque<model::LeaseToken> told_order_;
};

}  // namespace rhooks::simulator
