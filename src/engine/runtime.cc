#include "engine/runtime.h"

#include <thread>

#include "base/thread_name.h"

namespace rhooks::engine {
namespace {

class SystemCondition final : public Condition {
 public:
  void wait_until(MutexLock& lock, Steady deadline) override {
    if (deadline == Steady::max()) return changed_.wait(lock);
    changed_.wait_until(lock, deadline);
  }
  void notify_all() override { changed_.notify_all(); }

 private:
  ConditionVariable changed_;
};

class SystemThread final : public Thread {
 public:
  SystemThread(const char* name, std::function<void()> body)
      : thread_([name, body = std::move(body)] {
          name_this_thread(name);
          body();
        }) {}
  void join() override { thread_.join(); }

 private:
  std::thread thread_;
};

class ThreadRuntime final : public Runtime {
 public:
  Steady now() const override { return std::chrono::steady_clock::now(); }
  std::unique_ptr<Condition> condition() override { return std::make_unique<SystemCondition>(); }
  std::unique_ptr<Thread> spawn(const char* name, std::function<void()> body) override {
    return std::make_unique<SystemThread>(name, std::move(body));
  }
};

}  // namespace

Runtime& thread_runtime() {
  static ThreadRuntime runtime;
  return runtime;
}

}  // namespace rhooks::engine
