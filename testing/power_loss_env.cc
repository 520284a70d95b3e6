#include "testing/power_loss_env.h"

#include <rocksdb/system_clock.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace rhooks::testing {

PowerLossEnv::PowerLossEnv(std::shared_ptr<PowerLoss> disk)
    : EnvWrapper(rocksdb::NewCompositeEnv(disk)), disk_(std::move(disk)) {
  file_system_ = disk_;
  system_clock_ = rocksdb::SystemClock::Default();
  disk_->on_dead(this, [this] { hand_over(); });
}

PowerLossEnv::~PowerLossEnv() {
  disk_->on_dead(this, {});
}

void PowerLossEnv::run_background() {
  for (;;) {
    Job job{};
    {
      std::lock_guard lock(mutex_);
      if (jobs_.empty()) return;
      job = jobs_.front();
      jobs_.pop_front();
    }
    job.function(job.argument);
  }
}

void PowerLossEnv::Schedule(void (*function)(void*), void* argument, Priority priority, void* tag,
                            void (*unschedule)(void*)) {
  {
    std::lock_guard lock(mutex_);
    if (!dead_) {
      jobs_.push_back({function, argument, priority, tag, unschedule});
      return;
    }
  }
  target()->Schedule(function, argument, priority, tag, unschedule);
}

int PowerLossEnv::UnSchedule(void* tag, Priority priority) {
  std::deque<Job> dropped;
  {
    std::lock_guard lock(mutex_);
    const auto match = [&](const Job& job) { return job.tag == tag && job.priority == priority; };
    std::copy_if(jobs_.begin(), jobs_.end(), std::back_inserter(dropped), match);
    std::erase_if(jobs_, match);
  }
  for (const Job& job : dropped) {
    if (job.unschedule != nullptr) job.unschedule(job.argument);
  }
  return static_cast<int>(dropped.size()) + target()->UnSchedule(tag, priority);
}

unsigned int PowerLossEnv::GetThreadPoolQueueLen(Priority priority) const {
  std::lock_guard lock(mutex_);
  return static_cast<unsigned int>(std::count_if(
      jobs_.begin(), jobs_.end(), [&](const Job& job) { return job.priority == priority; }));
}

void PowerLossEnv::hand_over() {
  std::deque<Job> jobs;
  {
    std::lock_guard lock(mutex_);
    dead_ = true;
    jobs.swap(jobs_);
  }
  for (const Job& job : jobs) {
    target()->Schedule(job.function, job.argument, job.priority, job.tag, job.unschedule);
  }
}

}  // namespace rhooks::testing
