#pragma once

#include <rocksdb/env.h>

#include <deque>
#include <memory>
#include <mutex>

#include "testing/power_loss.h"

namespace rhooks::testing {

// Env for RocksOptions over a PowerLoss, which runs what RocksDB does in the background
// (flushes, compactions) when it is told to, in the thread that tells it. So one seed tells all
// that happens. To be told after every call of the store: a store waits for its background in
// the call after at most, and when it is closed.
//
// One for each process that opens the store. Once the power is off or the process has ended,
// the jobs run in threads of RocksDB's, where nothing is left for them to change: so a dead
// store can be closed.
// Threads: every method may be called from any thread.
class PowerLossEnv final : public rocksdb::EnvWrapper {
 public:
  explicit PowerLossEnv(std::shared_ptr<PowerLoss> disk);
  ~PowerLossEnv() override;
  PowerLossEnv(const PowerLossEnv&) = delete;
  PowerLossEnv& operator=(const PowerLossEnv&) = delete;

  PowerLoss& disk() { return *disk_; }
  void run_background();

  void Schedule(void (*function)(void*), void* argument, Priority priority, void* tag,
                void (*unschedule)(void*)) override;
  int UnSchedule(void* tag, Priority priority) override;
  unsigned int GetThreadPoolQueueLen(Priority priority) const override;

 private:
  struct Job {
    void (*function)(void*);
    void* argument;
    Priority priority;
    void* tag;
    void (*unschedule)(void*);
  };

  void hand_over();

  const std::shared_ptr<PowerLoss> disk_;
  mutable std::mutex mutex_;
  std::deque<Job> jobs_;
  bool dead_ = false;
};

}  // namespace rhooks::testing
