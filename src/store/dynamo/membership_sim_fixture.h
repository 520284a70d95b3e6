#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "store/dynamo/member.h"

namespace rhooks::testing {

// Workers that share shards through a table in memory, in simulated time. Each has a thread, so
// that it can wait in the middle of a tick while others go on; but only one of them runs at a
// time, the one whose time it is, so that a seed tells all that happens. Every worker's clock
// begins somewhere else: none can be compared with another's.
class MembershipWorld {
 public:
  using Time = store::dynamo::SteadyTime;

  struct Faults {
    double pause = 0;         // a worker stops in the middle of a tick, for up to a minute
    double lost_request = 0;  // not applied, and answered by an error
    double lost_answer = 0;   // applied, and answered by an error
    double late_write = 0;    // answered by an error, and applied up to a minute later
  };

  MembershipWorld(int shards, std::uint32_t seed) : shards_(shards), random_(seed) {}
  ~MembershipWorld() {
    for (const auto& worker : workers_) {
      worker->gone = true;
      finish(*worker);
    }
  }
  MembershipWorld(const MembershipWorld&) = delete;
  MembershipWorld& operator=(const MembershipWorld&) = delete;

  void set_faults(Faults faults) { faults_ = faults; }
  // Of workers that are added from now on.
  void set_remove_after(Time time) { remove_after_ = time; }

  // A new worker, which begins within one tick.
  int add() {
    const int index = static_cast<int>(workers_.size());
    auto worker = std::make_unique<Worker>(*this);
    worker->offset = std::chrono::hours(random_() % 1'000);
    store::dynamo::MemberOptions options;
    options.shards = shards_;
    options.remove_after = remove_after_;
    Worker& its = *worker;
    options.steady = [this, &its] { return now_ + its.offset - its.unseen; };
    options.wall = [this, &its] {
      return TimePoint(std::chrono::floor<std::chrono::milliseconds>(now_ - its.unseen));
    };
    options.new_life = [this] { return number_life(++lives_); };
    worker->member = std::make_unique<store::dynamo::Member>(
        *worker,
        store::dynamo::WorkerItem{.id = "w" + std::to_string(index), .host = "sim", .pid = index},
        options);
    worker->wake_at = now_ + drawn(std::chrono::seconds(3));
    workers_.push_back(std::move(worker));
    Worker& added = *workers_.back();
    added.thread = std::thread([this, &added] { work(added); });
    return index;
  }

  // From now on nothing of what it does reaches the table.
  void crash(int index) { at(index).gone = true; }

  // As one that ends in good order: no tick is under way when it gives up its shards.
  void leave(int index) {
    Worker& worker = at(index);
    worker.member->stop();
    worker.stopping = true;
    while (worker.in_tick && !::testing::Test::HasFailure()) step();
    finish(worker);
    worker.member->leave();
    worker.member->finish();
    worker.gone = true;
  }

  // It does nothing for so long.
  void pause(int index, Time time) { at(index).wake_at = std::max(at(index).wake_at, now_ + time); }

  // The machine that it is on does nothing for so long, and its clocks stand still meanwhile. With
  // the next heartbeat that is answered it is told by the service's clock, or else by the next
  // reading.
  // Not before its first heartbeat was answered: it has nothing to compare with.
  void suspend(int index, std::chrono::milliseconds time, bool told = true) {
    Worker& worker = at(index);
    if (!worker.has_beaten) return;
    worker.wake_at = std::max(worker.wake_at, now_) + time;
    worker.unseen += time;
    if (told) worker.service_is_ahead += time;
    worker.unaware = told ? Unaware::kUntilBeat : Unaware::kUntilReading;
  }

  void run_for(Time time) { run_until(now_ + time); }
  Time now() const { return now_; }

  std::vector<int> live() const {
    std::vector<int> all;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      if (!workers_[i]->gone) all.push_back(static_cast<int>(i));
    }
    return all;
  }
  std::vector<int> owned(int index) const {
    return at(index).gone ? std::vector<int>() : at(index).member->owned();
  }
  Uuid life(int index) const { return at(index).member->life(); }
  // Whether one holds this life for over.
  bool calls_dead(int index, const Uuid& life) const { return at(index).member->dead(life); }
  // Shards that a live worker believes in.
  std::size_t owned_shards() const {
    std::set<int> all;
    for (const int worker : live()) {
      for (const int shard : owned(worker)) all.insert(shard);
    }
    return all.size();
  }
  // Of the table, without heartbeats.
  int writes() const { return writes_; }
  std::size_t worker_items() const { return heartbeats_.size(); }

  void expect_fair() const {
    const int count = static_cast<int>(live().size());
    EXPECT_EQ(owned_shards(), static_cast<std::size_t>(shards_));
    for (const int worker : live()) {
      const int owns = static_cast<int>(owned(worker).size());
      EXPECT_GE(owns, shards_ / count) << "worker " << worker;
      EXPECT_LE(owns, (shards_ + count - 1) / count) << "worker " << worker;
    }
  }

 private:
  using ShardItem = store::dynamo::ShardItem;
  using WorkerItem = store::dynamo::WorkerItem;

  enum class Unaware { kNo, kUntilBeat, kUntilReading };

  struct Worker final : store::dynamo::MembershipTable {
    explicit Worker(MembershipWorld& w) : world(w) {}

    Result<void> write_heartbeat(const WorkerItem& self) override {
      const auto written = write([this, self] {
        WorkerItem& item = world.heartbeats_[self.id];
        if (item.heartbeat < self.heartbeat) item = self;
      });
      has_beaten = has_beaten || written;
      if (written && unaware == Unaware::kUntilBeat) unaware = Unaware::kNo;
      return written;
    }
    Result<store::dynamo::MembershipSnapshot> read() override {
      store::dynamo::MembershipSnapshot snapshot;
      if (auto sent = world.send(*this); !sent) return fail(sent.error());
      for (const auto& [number, shard] : world.table_) snapshot.shards.push_back(shard);
      world.pass(*this, world.latency());  // the next page
      for (const auto& [id, item] : world.heartbeats_) snapshot.workers.push_back(item);
      world.pass(*this, world.latency());
      if (unaware == Unaware::kUntilReading) unaware = Unaware::kNo;
      return snapshot;
    }
    std::vector<Result<bool>> take(const std::string& me,
                                   std::span<const ShardItem> seen) override {
      std::vector<Result<bool>> results;
      for (const ShardItem& shard : seen) {
        results.push_back(swap(shard, {shard.shard, me, shard.epoch + 1}));
      }
      return results;
    }
    std::vector<Result<bool>> give_up(std::span<const ShardItem> seen) override {
      std::vector<Result<bool>> results;
      for (const ShardItem& shard : seen) {
        results.push_back(swap(shard, {shard.shard, "", shard.epoch}));
      }
      return results;
    }
    Result<void> remove(std::span<const WorkerItem> seen) override {
      for (const WorkerItem& item : seen) {
        const auto removed = write([this, item] {
          const auto found = world.heartbeats_.find(item.id);
          if (found == world.heartbeats_.end() || found->second.heartbeat != item.heartbeat) return;
          world.heartbeats_.erase(found);
          ++world.writes_;
        });
        if (!removed) return removed;
      }
      return {};
    }
    Result<void> finish(const WorkerItem& self) override {
      return write([this, self] {
        const auto found = world.heartbeats_.find(self.id);
        if (found != world.heartbeats_.end() && found->second.heartbeat <= self.heartbeat) {
          world.heartbeats_.erase(found);
        }
      });
    }
    Result<void> leave(const WorkerItem& self, std::span<const ShardItem> held) override {
      for (const ShardItem& shard : held) (void)swap(shard, {shard.shard, "", shard.epoch});
      return write_heartbeat(self);
    }
    std::chrono::milliseconds service_ahead() const override { return service_is_ahead; }

    Result<bool> swap(const ShardItem& seen, const ShardItem& next) {
      bool swapped = false;
      // By value: it may be applied when this call is over.
      const auto answered = write([this, seen, next, result = &swapped](bool in_time) {
        const auto found = world.table_.find(seen.shard);
        const ShardItem now =
            found == world.table_.end() ? ShardItem{seen.shard, "", 0} : found->second;
        if (now != seen) return;
        world.table_[seen.shard] = next;
        ++world.writes_;
        if (in_time) *result = true;
      });
      if (!answered) return fail(answered.error());
      return swapped;
    }

    Result<void> write(const std::function<void()>& apply) {
      return write([apply](bool) { apply(); });
    }
    Result<void> write(const std::function<void(bool)>& apply) {
      if (!gone && world.chance(world.faults_.late_write)) {
        const Time at = world.now_ + world.drawn(std::chrono::minutes(1));
        world.late_.emplace(at, [apply] { apply(false); });
        return fail(ErrorCode::kUnknownOutcome, "late");
      }
      if (auto sent = world.send(*this); !sent) return sent;
      apply(true);
      world.pass(*this, world.chance(world.faults_.pause) ? world.drawn(std::chrono::minutes(1))
                                                          : world.latency());
      if (world.chance(world.faults_.lost_answer)) {
        return fail(ErrorCode::kUnknownOutcome, "lost answer");
      }
      return {};
    }

    MembershipWorld& world;
    std::unique_ptr<store::dynamo::Member> member;
    Time offset{};
    Time unseen{};  // for how long its clocks stood still
    std::chrono::milliseconds service_is_ahead{0};
    Unaware unaware = Unaware::kNo;  // that they did
    bool has_beaten = false;         // and was answered
    Time wake_at{};
    bool in_tick = false;
    bool stopping = false;
    bool gone = false;
    bool ended = false;
    std::condition_variable turn;
    std::thread thread;
  };

  Worker& at(int index) { return *workers_.at(static_cast<std::size_t>(index)); }
  const Worker& at(int index) const { return *workers_.at(static_cast<std::size_t>(index)); }

  static Uuid number_life(int number) {
    return {static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)};
  }

  bool chance(double probability) {
    return std::uniform_real_distribution<>(0, 1)(random_) < probability;
  }
  Time drawn(Time below) {
    return Time(std::uniform_int_distribution<Time::rep>(0, below.count())(random_));
  }
  Time latency() { return std::chrono::milliseconds(2) + drawn(std::chrono::milliseconds(40)); }

  // The way of a request to the table.
  Result<void> send(Worker& from) {
    if (chance(faults_.pause)) pass(from, drawn(std::chrono::minutes(1)));
    pass(from, latency());
    if (from.gone || chance(faults_.lost_request)) {
      return fail(ErrorCode::kUnavailable, "lost request");
    }
    return {};
  }

  // Time goes by while a worker waits. Where it is the test that calls (to leave), it does not.
  void pass(Worker& waiting, Time time) {
    if (waiting.gone || running_ != &waiting) return;
    waiting.wake_at = now_ + time;
    hand_back(waiting);
  }

  // A worker's thread.
  void work(Worker& worker) {
    await(&worker);
    while (!worker.gone && !worker.stopping) {
      worker.in_tick = true;
      const auto step = worker.member->tick();
      worker.in_tick = false;
      if (worker.gone || worker.stopping) break;
      worker.wake_at = step.again_at - worker.offset + worker.unseen;
      EXPECT_GT(worker.wake_at, now_) << "a tick without a pause after it";
      hand_back(worker);
    }
    worker.ended = true;
    hand_over(nullptr);
  }

  void hand_over(Worker* to) {
    std::lock_guard lock(mutex_);
    running_ = to;
    (to ? to->turn : turn_).notify_one();
  }
  void await(Worker* worker) {
    std::unique_lock lock(mutex_);
    (worker ? worker->turn : turn_).wait(lock, [&] { return running_ == worker; });
  }
  void hand_back(Worker& worker) {
    hand_over(nullptr);
    await(&worker);
  }
  void let_run(Worker& worker) {
    hand_over(&worker);
    await(nullptr);
  }
  // Ends the thread of a worker that is gone or stopping.
  void finish(Worker& worker) {
    while (!worker.ended) let_run(worker);
    if (worker.thread.joinable()) worker.thread.join();
  }

  // Lets happen what is next, if it is before `end`.
  bool step(Time end = Time::max()) {
    Worker* next = nullptr;
    for (const auto& worker : workers_) {
      if (worker->gone || worker->ended) continue;
      if (!next || worker->wake_at < next->wake_at) next = worker.get();
    }
    const bool late_is_next = !late_.empty() && (!next || late_.begin()->first <= next->wake_at);
    if (!late_is_next && !next) return false;
    const Time at = late_is_next ? late_.begin()->first : next->wake_at;
    if (at >= end) return false;
    now_ = std::max(now_, at);
    if (late_is_next) {
      const auto apply = late_.begin()->second;
      late_.erase(late_.begin());
      apply();
    } else {
      let_run(*next);
    }
    expect_no_two_owners();
    expect_nobody_who_lives_is_called_dead();
    return true;
  }

  void run_until(Time end) {
    while (!::testing::Test::HasFailure() && step(end)) {
    }
    now_ = std::max(now_, end);
  }

  // Those that know all that they can.
  std::vector<int> aware() const {
    auto all = live();
    std::erase_if(all, [this](int worker) { return at(worker).unaware != Unaware::kNo; });
    return all;
  }

  void expect_no_two_owners() const {
    std::map<int, int> owner;
    for (const int worker : aware()) {
      for (const int shard : owned(worker)) {
        const auto [other, first] = owner.emplace(shard, worker);
        ASSERT_TRUE(first) << "shard " << shard << " is with workers " << other->second << " and "
                           << worker << " at "
                           << std::chrono::duration_cast<std::chrono::milliseconds>(now_).count()
                           << " ms";
      }
    }
  }

  void expect_nobody_who_lives_is_called_dead() const {
    for (const int worker : aware()) {
      const Uuid its = life(worker);
      for (const int other : live()) {
        ASSERT_FALSE(calls_dead(other, its))
            << "worker " << other << " calls worker " << worker << " dead at "
            << std::chrono::duration_cast<std::chrono::milliseconds>(now_).count() << " ms";
      }
    }
  }

  const int shards_;
  std::mt19937 random_;
  Faults faults_;
  Time remove_after_ = store::dynamo::MemberOptions().remove_after;
  Time now_{};
  std::map<int, ShardItem> table_;
  std::map<std::string, WorkerItem> heartbeats_;
  std::multimap<Time, std::function<void()>> late_;
  int writes_ = 0;
  int lives_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::mutex mutex_;
  std::condition_variable turn_;  // of the test itself,
  Worker* running_ = nullptr;     // which runs where no worker does
};

}  // namespace rhooks::testing
