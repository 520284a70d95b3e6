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
constexpr std::size_t kGroupBytesMax = 1024 * 1024;  // a single one may be longer
constexpr std::size_t kWaitingMax = 16 * 1024;
constexpr std::size_t kWaitingBytesMax = 64 * 1024 * 1024;

// Of what is long where anything is.
std::size_t bytes_of(const NewTask& task) {
  std::size_t bytes = task.request.url.size() + task.request.body.data().size();
  for (const Header& header : task.request.headers) {
    bytes += header.name.size() + header.value.size();
  }
  return bytes;
}

}  // namespace

RegistrationBatcher::RegistrationBatcher(Write write)
    : write_(std::move(write)), thread_([this] { run(); }) {}

RegistrationBatcher::~RegistrationBatcher() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void RegistrationBatcher::add(NewTask task, Done done) {
  const std::size_t bytes = bytes_of(task);
  Waiting one{std::move(task), std::move(done)};
  MutexLock lock(mutex_);
  if (waiting_.size() < kWaitingMax && waiting_bytes_ + bytes <= kWaitingBytesMax) {
    waiting_.push_back(std::move(one));
    waiting_bytes_ += bytes;
    if (writer_ == Writer::kNone) wake_own_thread();
    return;
  }
  lock.unlock();
  one.done(fail(ErrorCode::kOverloaded, "too many registrations wait for the store; try again"));
}

Result<Registration> RegistrationBatcher::add(NewTask task) {
  MutexLock lock(mutex_);
  if (writer_ == Writer::kNone) {
    writer_ = Writer::kCaller;
    lock.unlock();
    Waiting alone{std::move(task), nullptr};
    auto results = write({&alone, 1});
    hand_over();
    if (!results) return fail(std::move(results.error()));
    return std::move(results->front());
  }
  lock.unlock();
  const auto result = std::make_shared<std::promise<Result<Registration>>>();
  auto future = result->get_future();
  add(std::move(task), [result](Result<Registration> r) { result->set_value(std::move(r)); });
  return future.get();
}

// How many of the first are written together.
std::size_t RegistrationBatcher::group_of(std::span<const Waiting> waiting) {
  std::size_t count = 1;
  std::size_t bytes = bytes_of(waiting.front().task);
  while (count < std::min(waiting.size(), kGroupMax)) {
    bytes += bytes_of(waiting[count].task);
    if (bytes > kGroupBytesMax) break;
    ++count;
  }
  return count;
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

void RegistrationBatcher::wake_own_thread() {
  writer_ = Writer::kOwnThread;
  changed_.notify_one();
}

void RegistrationBatcher::hand_over() {
  MutexLock lock(mutex_);
  writer_ = Writer::kNone;
  if (!waiting_.empty()) wake_own_thread();
}

void RegistrationBatcher::run() {
  name_this_thread("rh-register");
  std::vector<Waiting> taken;
  MutexLock lock(mutex_);
  while (true) {
    while (writer_ != Writer::kOwnThread && !ending_) changed_.wait(lock);
    if (writer_ != Writer::kOwnThread) return;
    taken.swap(waiting_);
    waiting_bytes_ = 0;
    lock.unlock();
    for (std::span<Waiting> rest(taken); !rest.empty();) {
      const auto group = rest.first(group_of(rest));
      give(group, write(group));
      rest = rest.subspan(group.size());
    }
    taken.clear();
    lock.lock();
    if (waiting_.empty()) writer_ = Writer::kNone;
  }
}

}  // namespace rhooks
