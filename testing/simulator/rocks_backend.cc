#include "testing/simulator/rocks_backend.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "store/rocks/rocks_store.h"
#include "testing/power_loss_env.h"
#include "testing/simulator/faulty_link.h"
#include "testing/temp_dir.h"

namespace rhooks::simulator {

using namespace store;
using rhooks::testing::PowerLoss;
using rhooks::testing::PowerLossEnv;

namespace {

constexpr Duration kOpeningMax{200'000};
// From now on: no lease lasts so long, and nothing that has ended expires as soon.
constexpr std::chrono::hours kPastLeases{100};
// A call makes about so many changes of the disk: it appends, and syncs. An opening makes more.
constexpr std::size_t kCallChanges = 3;
constexpr std::size_t kOpeningChanges = 60;

// What a store holds, of the namespaces that were told.
struct Contents {
  std::map<TaskKey, Task> tasks;
  std::map<std::pair<TaskKey, std::string>, Log> logs;
};

}  // namespace

// The machine with its disk, and the one process that may have the store open. It hears what the
// link tells, to know the namespaces.
class RocksBackend::Machine final : public StoreObserver {
 public:
  Machine(Timeline& timeline, const StoreFaults& faults, StoreObserver& observer)
      : timeline_(timeline), faults_(faults), observer_(&observer) {}

  void put(const Task& task) override {
    namespaces_.insert(task.key.ns);
    if (observer_ != nullptr) observer_->put(task);
  }
  void claimed(const model::Lease& lease, const Task& task, TimePoint now) override {
    if (observer_ != nullptr) observer_->claimed(lease, task, now);
  }
  void released(const model::Lease& lease) override {
    if (observer_ != nullptr) observer_->released(lease);
  }
  void committed(const TaskKey& key, const model::LeaseToken& token, const Task& after) override {
    if (observer_ != nullptr) observer_->committed(key, token, after);
  }
  void logged(const Log& log) override {
    if (observer_ != nullptr) observer_->logged(log);
  }
  void edited(const Task& after) override {
    if (observer_ != nullptr) observer_->edited(after);
  }
  void removed(const TaskKey& key) override {
    if (observer_ != nullptr) observer_->removed(key);
  }
  void leases_ended() override {
    if (observer_ != nullptr) observer_->leases_ended();
  }

  static Result<std::unique_ptr<Store>> open(const std::shared_ptr<Machine>& self,
                                             const Clock& clock);
  void lose_power();
  Store& inspect();
  void forget_observer() {
    look_.reset();
    observer_ = nullptr;
  }
  std::uint64_t broken_off() const { return broken_off_; }

 private:
  // A process that has the store open.
  struct Session {
    std::unique_ptr<PowerLossEnv> env;
    std::unique_ptr<Store> store;
  };

  Result<Session> open_session(const Clock* clock);
  void wait_for_opening(const Clock& clock);
  void interrupted(const Interrupted& call);
  void close();
  void end(Session& session);
  std::optional<Contents> read(Store& store);
  void settle(Store& store, const Clock& clock);

  Timeline& timeline_;
  const StoreFaults& faults_;
  StoreObserver* observer_;
  rhooks::testing::TempDir lock_directory_;  // the lock of the directory is a real one
  const std::shared_ptr<PowerLoss> disk_ = std::make_shared<PowerLoss>();
  std::set<std::string> namespaces_;
  std::optional<Session> session_;
  std::optional<Session> look_;  // of inspect(), while no process has it open

  std::optional<Contents> before_;  // as the last process left it
  std::vector<Interrupted> begun_;  // what it may have changed besides
  std::uint64_t broken_off_ = 0;
};

Result<RocksBackend::Machine::Session> RocksBackend::Machine::open_session(const Clock* clock) {
  Session session;
  session.env = std::make_unique<PowerLossEnv>(disk_);
  RocksOptions options;
  options.env = session.env.get();
  options.clock = clock;
  options.resume_interval = std::chrono::milliseconds{0};
  options.token_seed = timeline_.dice().random().next();
  auto opened = open_rocks(lock_directory_.sub("store"), options);
  if (!opened) return fail(opened.error());
  session.store = std::move(*opened);
  session.env->run_background();
  return session;
}

// A process that crashes while it waits may have begun to open it.
void RocksBackend::Machine::wait_for_opening(const Clock& clock) {
  try {
    timeline_.sleep(timeline_.dice().between(Duration{0}, kOpeningMax));
  } catch (const Crashed&) {
    Dice& dice = timeline_.dice();
    if (observer_ != nullptr && !session_ && dice.chance(0.5)) {
      look_.reset();
      disk_->cut_power_after(dice.below(kOpeningChanges), dice.random().next());
      auto session = open_session(&clock);
      if (disk_->cut()) ++broken_off_;
      timeline_.note("rocks: a crash broke off an opening");
      disk_->end_process();
      if (session) end(*session);
    }
    throw;
  }
}

Result<std::unique_ptr<Store>> RocksBackend::Machine::open(const std::shared_ptr<Machine>& self,
                                                           const Clock& clock) {
  Machine& m = *self;
  m.wait_for_opening(clock);
  if (m.look_) {
    m.end(*m.look_);
    m.look_.reset();
  }
  auto session = m.open_session(&clock);
  if (!session) {
    if (!m.session_) {
      m.timeline_.violation("the embedded store does not open: " + session.error().message);
    }
    return fail(session.error());
  }
  RHOOKS_CHECK(!m.session_);
  m.session_ = std::move(*session);
  m.settle(*m.session_->store, clock);
  // Not before: what a call that was broken off has come to, it did under its lease.
  m.leases_ended();
  LinkOptions options;
  options.local = true;
  options.applied = [self] { self->session_->env->run_background(); };
  options.interrupted = [self](const Interrupted& call) { self->interrupted(call); };
  options.closed = [self] { self->close(); };
  return std::make_unique<FaultyLink>(*m.session_->store, m.timeline_, m.faults_, m,
                                      std::move(options));
}

void RocksBackend::Machine::interrupted(const Interrupted& call) {
  if (observer_ == nullptr || !begun_.empty()) return;
  Dice& dice = timeline_.dice();
  if (!dice.chance(0.7)) return;
  before_ = read(*session_->store);
  disk_->cut_power_after(dice.below(kCallChanges), dice.random().next());
  call.apply(*session_->store);
  if (disk_->cut()) ++broken_off_;
  begun_.push_back({call.keys, call.commits, {}, call.cleared});
  timeline_.note("rocks: a crash broke off a call");
}

// The process closes the store, or is gone.
void RocksBackend::Machine::close() {
  if (observer_ != nullptr && begun_.empty()) before_ = read(*session_->store);
  if (timeline_.can_wait()) {
    session_->env->run_background();
  } else {
    disk_->end_process();
  }
  end(*session_);
  session_.reset();
}

void RocksBackend::Machine::end(Session& session) {
  session.env->run_background();
  session.store.reset();
}

void RocksBackend::Machine::lose_power() {
  RHOOKS_CHECK(!session_);
  disk_->lose_power(timeline_.dice().random().next());
  if (look_) {
    end(*look_);
    look_.reset();
  }
  timeline_.note("rocks: the machine lost power");
}

Store& RocksBackend::Machine::inspect() {
  if (session_) return *session_->store;
  if (!look_) {
    auto session = open_session(nullptr);
    RHOOKS_CHECK(session.has_value());
    look_ = std::move(*session);
  }
  return *look_->store;
}

std::optional<Contents> RocksBackend::Machine::read(Store& store) {
  Contents contents;
  for (const std::string& ns : namespaces_) {
    TaskQuery tasks;
    tasks.ns = ns;
    tasks.id_prefix = "";
    tasks.limit = 1000;
    tasks.now = std::chrono::floor<std::chrono::milliseconds>(timeline_.now()) + kPastLeases;
    for (;;) {
      const auto page = store.query_tasks(tasks);
      if (!page) {
        timeline_.violation("the embedded store cannot be read: " + page.error().message);
        return std::nullopt;
      }
      for (const Task& task : page->items) contents.tasks.emplace(task.key, task);
      if (!page->next) break;
      tasks.after = page->next;
    }
    LogQuery logs;
    logs.ns = ns;
    logs.limit = 1000;
    for (;;) {
      const auto page = store.query_logs(logs);
      if (!page) {
        timeline_.violation("the embedded store cannot be read: " + page.error().message);
        return std::nullopt;
      }
      for (const Log& log : page->items) contents.logs.emplace(std::pair(log.task, log.id), log);
      if (!page->next) break;
      logs.after = page->next;
    }
  }
  return contents;
}

// Compares what is there with what was, and tells the observer what a call that was broken off
// came to.
void RocksBackend::Machine::settle(Store& store, const Clock& clock) {
  const auto before = std::exchange(before_, std::nullopt);
  const auto begun = std::exchange(begun_, {});
  if (!before) return;
  std::set<TaskKey> open_keys;
  std::map<TaskKey, const Commit*> commits;
  std::set<std::pair<TaskKey, std::string>> open_logs;
  std::set<std::string> cleared;
  for (const Interrupted& call : begun) {
    open_keys.insert(call.keys.begin(), call.keys.end());
    cleared.insert(call.cleared);
    for (const TaskKey& key : call.keys) namespaces_.insert(key.ns);
    for (const Commit& commit : call.commits) {
      commits[commit.lease.key] = &commit;
      if (commit.log) open_logs.emplace(commit.log->task, commit.log->id);
    }
  }
  const auto now = read(store);
  if (!now) return;

  for (const auto& [key, log] : now->logs) {
    const auto old = before->logs.find(key);
    if (old != before->logs.end() && old->second == log) continue;
    if (old != before->logs.end() || !open_logs.contains(key)) {
      timeline_.violation("after a crash the log '" + key.second + "' of task '" + key.first.id +
                          "' is not as it was");
    }
    logged(log);
  }
  for (const auto& [key, log] : before->logs) {
    const bool expired = log.expires_at && *log.expires_at <= clock.now();
    if (!now->logs.contains(key) && !expired && !cleared.contains(key.first.ns)) {
      timeline_.violation("after a crash the log '" + key.second + "' of task '" + key.first.id +
                          "' is gone");
    }
  }
  for (const auto& [key, task] : now->tasks) {
    const auto old = before->tasks.find(key);
    if (old != before->tasks.end() && old->second == task) continue;
    if (!open_keys.contains(key)) {
      timeline_.violation("after a crash task '" + key.id + "' is not as it was");
    } else if (old == before->tasks.end()) {
      put(task);
    } else if (const auto commit = commits.find(key); commit == commits.end()) {
      edited(task);
    } else if (task.failure_reason != "cancelled") {
      committed(key, commit->second->lease.token, task);
    } else {
      // The one edit that waits for no attempt. An outcome may have come before it, or none.
      const bool was_attempted = task.execution != old->second.execution;
      if (was_attempted) committed(key, commit->second->lease.token, commit->second->task);
      edited(task);
    }
  }
  for (const auto& [key, task] : before->tasks) {
    if (now->tasks.contains(key)) continue;
    if (!open_keys.contains(key) || commits.contains(key)) {
      timeline_.violation("after a crash task '" + key.id + "' is gone");
    }
    removed(key);
  }
}

RocksBackend::RocksBackend(Timeline& timeline, const StoreFaults& faults, StoreObserver& observer)
    : machine_(std::make_shared<Machine>(timeline, faults, observer)) {}

RocksBackend::~RocksBackend() {
  machine_->forget_observer();
}

Result<std::unique_ptr<Store>> RocksBackend::open(const Clock& clock) {
  return Machine::open(machine_, clock);
}

void RocksBackend::lose_power() {
  machine_->lose_power();
}

Store& RocksBackend::inspect() {
  return machine_->inspect();
}

std::uint64_t RocksBackend::broken_off() const {
  return machine_->broken_off();
}

}  // namespace rhooks::simulator
