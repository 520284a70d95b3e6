#pragma once

#include <rhooks/result.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/uuid.h"
#include "store/description.h"
#include "store/dynamo/member.h"

namespace rhooks::store::dynamo {

// Time since the machine started, with the time that it slept: a worker on a machine that
// wakes up has to know that it was away.
SteadyTime boot_clock();

struct CoordinatorOptions {
  SteadyTime tick = std::chrono::seconds(3);
  SteadyTime failure_timeout = std::chrono::seconds(9);
  SteadyTime remove_after = MemberOptions().remove_after;
  // For how long join() waits for the first tick.
  std::chrono::milliseconds join_timeout{3'000};
  std::function<SteadyTime()> steady = boot_clock;
  // Told that owned() is another now, or that a worker is dead, by the coordinator's thread or
  // the one that leaves; without locks. It must not join, leave or end the coordinator.
  std::function<void()> on_change;
  // Empty: no thread; the test calls tick().
  std::function<std::thread(std::function<void()>)> start_thread = [](std::function<void()> body) {
    return std::thread(std::move(body));
  };
};

// What the table says of who claims from where.
struct MembershipView {
  struct Worker {
    WorkerItem item;
    std::optional<SteadyTime> since_last_heartbeat;  // where this process takes part, and saw it
    bool self = false;
  };
  std::vector<Worker> workers;
  std::vector<ShardItem> shards;  // all, also those that were never taken
};

// Divides the shards of the due tasks among the workers that live, so that they do not fight
// for the same claims: fairly within one; a crashed worker's shards are with others within 15 s,
// or within 15 s of the start of those that start after the crash.
// And tells whose leases are over before their end.
//
// That no task is lent out twice does not depend on it. Claims are conditional writes under
// leases, and a worker may claim from any shard at any time (a trigger does): where shards are
// in doubt, that costs refused writes and nothing else. Where a life is, an attempt may be made
// twice, and one of its outcomes is refused.
//
// Threads: every method may be called from any thread; one of its own, from join() to finish().
// Blocking: join(), leave(), finish() and view(); owned() not.
// Outages: each is logged once and tried again every tick. A worker that cannot show for
// `failure_timeout` that it lives owns nothing until it can.
// Cost: one write of 1 KB a tick and worker, and one reading of the control items.
class Coordinator {
 public:
  // `random` and `clock` must outlive it, and so must what `table` works on.
  Coordinator(std::unique_ptr<MembershipTable> table, int shards, Random& random,
              const Clock& clock, CoordinatorOptions options = {});
  ~Coordinator() {
    leave();
    finish();
  }

  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;

  // Takes part from now, as a new worker, after a finish(); waits for the first tick, at most for
  // join_timeout, so that a worker that is alone can claim at once. Idempotent. Throws, without
  // effect, where there is no thread or memory to be had.
  void join();
  bool joined() const;

  // The shards to claim from now, in order; none before join() and after leave().
  std::vector<int> owned() const;

  // See Member; zero and false where it takes no part.
  Uuid life() const;
  bool dead(const Uuid& life) const;

  // Gives up all and takes part no more: the others go on at their next look. But it shows that it
  // lives, since it still attempts what it had claimed; where it cannot, for want of a thread, that
  // is logged, and others take over. Idempotent. Waits, as finish() does, for a
  // tick that is under way, thus for a few requests at most.
  void leave();
  // After leave(): nothing that it claimed is under way any more. Idempotent.
  void finish();
  // A task may be leased by this worker though it does not know, or could not give it back. So
  // finish() does not take its item away: others call it dead, and take over. Does not block.
  void note_left_lease() { left_lease_ = true; }

  // Reads the table anew, joined or not.
  Result<MembershipView> view();

  // One tick by hand, where there is no thread; nothing before join() and after finish().
  std::optional<Member::Step> tick();

 private:
  std::shared_ptr<Member> member() const;
  std::shared_ptr<Member> new_member();
  Member::Step tick(Member& member);
  // The thread, if there is to be one; `pause`: until its first tick.
  void run(const std::shared_ptr<Member>& member, SteadyTime pause);
  void begin_ticks(const std::shared_ptr<Member>& member, SteadyTime pause)
      RHOOKS_REQUIRES(control_);
  void end_ticks() RHOOKS_REQUIRES(control_);
  void end_leaving() RHOOKS_REQUIRES(control_);
  void note(const std::optional<Error>& error);

  const std::unique_ptr<MembershipTable> table_;
  const int shards_;
  const Clock& clock_;
  const CoordinatorOptions options_;
  UuidGenerator ids_;

  Mutex control_;  // held by join(), leave() and finish() from beginning to end
  std::thread thread_ RHOOKS_GUARDED_BY(control_);
  bool failing_ = false;  // of the one who ticks
  std::atomic<bool> left_lease_ = false;

  mutable Mutex mutex_;
  ConditionVariable wake_;
  std::shared_ptr<Member> member_ RHOOKS_GUARDED_BY(mutex_);
  std::shared_ptr<Member> leaving_ RHOOKS_GUARDED_BY(mutex_);  // from leave() to finish()
  bool ticked_ RHOOKS_GUARDED_BY(mutex_) = false;
};

// The view as tables for people.
std::vector<Description::Section> describe_membership(const MembershipView& view);

}  // namespace rhooks::store::dynamo
