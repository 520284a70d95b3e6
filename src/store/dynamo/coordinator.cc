#include "store/dynamo/coordinator.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <exception>

#include "base/iso8601.h"
#include "observe/logging.h"

namespace rhooks::store::dynamo {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

std::string seconds_text(SteadyTime time) {
  const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(time).count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

SteadyTime boot_clock() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

Coordinator::Coordinator(std::unique_ptr<MembershipTable> table, int shards, Random& random,
                         const Clock& clock, CoordinatorOptions options)
    : table_(std::move(table)),
      shards_(shards),
      clock_(clock),
      options_(std::move(options)),
      ids_(random) {}

std::shared_ptr<Member> Coordinator::member() const {
  MutexLock lock(mutex_);
  return member_;
}

std::shared_ptr<Member> Coordinator::new_member() {
  const TimePoint now = clock_.now();
  WorkerItem self;
  self.id = rhooks::to_string(ids_.v7(now));
  self.host = host_name();
  self.pid = ::getpid();
  self.since_ms = to_millis(now);
  return std::make_shared<Member>(
      *table_, std::move(self),
      MemberOptions{.shards = shards_,
                    .tick = options_.tick,
                    .failure_timeout = options_.failure_timeout,
                    .remove_after = options_.remove_after,
                    .steady = options_.steady,
                    .wall = [this] { return clock_.now(); },
                    .new_life = [this] { return ids_.v7(clock_.now()); }});
}

void Coordinator::join() {
  MutexLock control(control_);
  if (joined()) return;
  end_leaving();
  const auto member = new_member();
  MutexLock lock(mutex_);
  ticked_ = false;
  failing_ = false;
  begin_ticks(member, SteadyTime{0});
  member_ = member;  // which the thread waits for the mutex to see
  if (!thread_.joinable()) return;
  const auto until = std::chrono::steady_clock::now() + options_.join_timeout;
  while (!ticked_ && wake_.wait_until(lock, until)) {
  }
}

bool Coordinator::joined() const {
  return member() != nullptr;
}

std::vector<int> Coordinator::owned() const {
  const auto current = member();
  return current ? current->owned() : std::vector<int>();
}

Uuid Coordinator::life() const {
  const auto current = member();
  return current ? current->life() : Uuid{};
}

bool Coordinator::dead(const Uuid& life) const {
  const auto current = member();
  return current && current->dead(life);
}

void Coordinator::leave() {
  MutexLock control(control_);
  std::shared_ptr<Member> leaving;
  {
    MutexLock lock(mutex_);
    leaving.swap(member_);
  }
  if (!leaving) return;
  const bool owned_some = !leaving->owned().empty();
  leaving->stop();
  end_ticks();
  {
    MutexLock lock(mutex_);
    leaving_ = leaving;
  }
  try {
    leaving->leave();
    begin_ticks(leaving, options_.tick);
  } catch (const std::exception& error) {
    log::warn("this worker cannot show that it lives; others attempt what it has in flight",
              {{"worker", leaving->id()}, {"reason", error.what()}});
  }
  if (owned_some && options_.on_change) options_.on_change();
}

void Coordinator::finish() {
  MutexLock control(control_);
  end_leaving();
}

void Coordinator::end_leaving() {
  std::shared_ptr<Member> finished;
  {
    MutexLock lock(mutex_);
    finished.swap(leaving_);
  }
  if (!finished) return;
  end_ticks();
  if (!left_lease_.exchange(false)) finished->finish();
}

void Coordinator::begin_ticks(const std::shared_ptr<Member>& member, SteadyTime pause) {
  if (!options_.start_thread) return;
  thread_ = options_.start_thread([this, member, pause] { run(member, pause); });
}

void Coordinator::end_ticks() {
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Coordinator::run(const std::shared_ptr<Member>& member, SteadyTime pause) {
  MutexLock lock(mutex_);
  for (;;) {
    const auto until =
        std::chrono::steady_clock::now() + std::clamp(pause, SteadyTime{0}, options_.tick);
    while ((member_ == member || leaving_ == member) && wake_.wait_until(lock, until)) {
    }
    if (member_ != member && leaving_ != member) return;
    lock.unlock();
    const Member::Step step = tick(*member);
    pause = step.again_at - options_.steady();
    lock.lock();
    ticked_ = true;
    wake_.notify_all();
  }
}

std::optional<Member::Step> Coordinator::tick() {
  std::shared_ptr<Member> current;
  {
    MutexLock lock(mutex_);
    current = member_ ? member_ : leaving_;
  }
  if (!current) return std::nullopt;
  return tick(*current);
}

Member::Step Coordinator::tick(Member& member) {
  Member::Step step = member.tick();
  note(step.error);
  if (step.changed) {
    log::info("this worker's share of the due tasks changed",
              {{"worker", member.id()},
               {"shards", static_cast<std::int64_t>(member.owned().size())},
               {"of", static_cast<std::int64_t>(shards_)}});
  }
  for (const std::string& worker : step.died) {
    log::warn("a worker does not show that it lives; others attempt what it had in flight",
              {{"worker", worker}});
  }
  if ((step.changed || !step.died.empty()) && options_.on_change) options_.on_change();
  return step;
}

void Coordinator::note(const std::optional<Error>& error) {
  if (error && !failing_) {
    log::warn("sharing work with other workers fails; it is tried again",
              {{"reason", error->message}});
  } else if (!error && failing_) {
    log::info("sharing work with other workers goes on");
  }
  failing_ = error.has_value();
}

Result<MembershipView> Coordinator::view() {
  auto snapshot = table_->read();
  if (!snapshot) return fail(std::move(snapshot.error()));
  const auto current = member();
  MembershipView view;
  for (WorkerItem& worker : snapshot->workers) {
    MembershipView::Worker shown;
    if (current) {
      shown.since_last_heartbeat = current->since_last_heartbeat(worker.id);
      shown.self = current->id() == worker.id;
    }
    shown.item = std::move(worker);
    view.workers.push_back(std::move(shown));
  }
  view.shards = all_shards(*snapshot, shards_);
  return view;
}

std::vector<Description::Section> describe_membership(const MembershipView& view) {
  Description::Section workers{
      .title = "Workers", .columns = {"worker", "host", "pid", "since", "shards", "silent for"}};
  for (const MembershipView::Worker& worker : view.workers) {
    const auto owns =
        std::count_if(view.shards.begin(), view.shards.end(),
                      [&](const ShardItem& shard) { return shard.owner == worker.item.id; });
    workers.rows.push_back(
        {worker.item.id + (worker.self ? " (this one)" : ""), worker.item.host,
         std::to_string(worker.item.pid),
         format_time(std::clamp(from_millis(worker.item.since_ms), kTimeMin, kTimeMax)),
         std::to_string(owns),
         worker.since_last_heartbeat ? seconds_text(*worker.since_last_heartbeat) : "not known"});
  }
  Description::Section shards{.title = "Shards", .columns = {"shard", "worker", "epoch"}};
  for (const ShardItem& shard : view.shards) {
    shards.rows.push_back({std::to_string(shard.shard), shard.owner.empty() ? "none" : shard.owner,
                           std::to_string(shard.epoch)});
  }
  return {workers, shards};
}

}  // namespace rhooks::store::dynamo
