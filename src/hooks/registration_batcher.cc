#include "hooks/registration_batcher.h"

#include <algorithm>
#include <future>
#include <memory>
#include <new>
#include <utility>

#include "base/thread_name.h"

namespace rhooks {
namespace {

// The first of a group waits for the last one, so a group is not as long as a batch may be.
constexpr std::size_t kGroupMax = 256;
constexpr std::size_t kWaitingMax = 16 * 1024;

}  // namespace

RegistrationBatcher::RegistrationBatcher(Write write)
    : write_(std::move(write)), thread_([this] { run(); }) {}

RegistrationBatcher::~RegistrationBatcher() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void RegistrationBatcher::add(NewTask task, Done done) {
  Waiting one{std::move(task), std::move(done)};
  {
    std::unique_lock lock(mutex_);
    if (writer_ != Writer::kNone) {
      if (waiting_.size() < kWaitingMax) {
        waiting_.push_back(std::move(one));
        return;
      }
      lock.unlock();
      one.done(
          fail(ErrorCode::kOverloaded, "too many registrations wait for the store; try again"));
      return;
    }
    writer_ = Writer::kCaller;
  }
  auto results = write({&one, 1});
  hand_over();  // before the result is told: the others wait for the store only
  give({&one, 1}, std::move(results));
}

Result<Registration> RegistrationBatcher::add(NewTask task) {
  const auto result = std::make_shared<std::promise<Result<Registration>>>();
  auto future = result->get_future();
  add(std::move(task), [result](Result<Registration> r) { result->set_value(std::move(r)); });
  return future.get();
}

RegistrationBatcher::Results RegistrationBatcher::write(std::span<Waiting> group) const noexcept {
  // These texts are so short that they need no memory of their own.
  try {
    std::vector<NewTask> tasks;
    tasks.reserve(group.size());
    for (Waiting& one : group) tasks.push_back(std::move(one.task));
    return write_(std::move(tasks));
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kUnknownOutcome, "out of memory");
  } catch (...) {
    return fail(ErrorCode::kUnknownOutcome, "internal error");
  }
}

void RegistrationBatcher::give(std::span<Waiting> group, Results results) {
  for (std::size_t i = 0; i < group.size(); ++i) {
    group[i].done(results ? std::move((*results)[i]) : fail(results.error()));
  }
}

void RegistrationBatcher::hand_over() {
  std::lock_guard lock(mutex_);
  writer_ = waiting_.empty() ? Writer::kNone : Writer::kOwnThread;
  if (writer_ == Writer::kOwnThread) changed_.notify_one();
}

void RegistrationBatcher::run() {
  name_this_thread("rh-register");
  std::vector<Waiting> taken;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return writer_ == Writer::kOwnThread || ending_; });
    if (writer_ != Writer::kOwnThread) return;
    taken.swap(waiting_);
    lock.unlock();
    for (std::size_t at = 0; at < taken.size(); at += kGroupMax) {
      const auto group = std::span(taken).subspan(at, std::min(kGroupMax, taken.size() - at));
      give(group, write(group));
    }
    taken.clear();
    lock.lock();
    if (waiting_.empty()) writer_ = Writer::kNone;
  }
}

}  // namespace rhooks
