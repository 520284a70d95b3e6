#include "testing/simulator/fiber_runtime.h"

#include <list>
#include <utility>

namespace rhooks::simulator {
namespace {

Moment moment_of(engine::Steady steady) {
  return Moment(std::chrono::ceil<Duration>(steady.time_since_epoch()));
}

class FiberCondition final : public engine::Condition {
 public:
  explicit FiberCondition(Timeline& timeline) : timeline_(timeline) {}

  // Not analysed: the lock is its caller's.
  void wait_until(MutexLock& lock,
                  engine::Steady deadline) override RHOOKS_NO_THREAD_SAFETY_ANALYSIS {
    Waiting self(waiting_);
    lock.unlock();
    timeline_.wait(self.news, moment_of(deadline));
    lock.lock();
  }
  void notify_all() override {
    for (Signal* const news : waiting_) news->ring();
  }

 private:
  // A signal has one who waits for it, so each who does has one.
  struct Waiting {
    explicit Waiting(std::list<Signal*>& list) : all(list), place(all.insert(all.end(), &news)) {}
    ~Waiting() { all.erase(place); }
    Waiting(const Waiting&) = delete;

    Signal news;
    std::list<Signal*>& all;
    const std::list<Signal*>::iterator place;
  };

  Timeline& timeline_;
  std::list<Signal*> waiting_;
};

struct End {
  bool reached = false;
  Signal news;
};

class FiberThread final : public engine::Thread {
 public:
  FiberThread(Timeline& timeline, std::shared_ptr<End> end)
      : timeline_(timeline), end_(std::move(end)) {}
  void join() override {
    while (!end_->reached) timeline_.wait(end_->news, Moment::max());
  }

 private:
  Timeline& timeline_;
  const std::shared_ptr<End> end_;
};

}  // namespace

std::unique_ptr<engine::Condition> FiberRuntime::condition() {
  return std::make_unique<FiberCondition>(timeline_);
}

std::unique_ptr<engine::Thread> FiberRuntime::spawn(const char* /*name*/,
                                                    std::function<void()> body) {
  const auto end = std::make_shared<End>();
  timeline_.spawn(owner_, [body = std::move(body), end] {
    body();
    end->reached = true;
    end->news.ring();
  });
  return std::make_unique<FiberThread>(timeline_, end);
}

}  // namespace rhooks::simulator
