#include "testing/fake_clock.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace rhooks::testing {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitizer = true;
#else
constexpr bool kAddressSanitizer = false;
#endif

Clock::Micros true_time() {
  return SystemClock().now_micros();
}

}  // namespace

FakeClock::FakeClock() {
  const int fd = ::open(dir_.sub("offset").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const bool sized = fd >= 0 && ::ftruncate(fd, sizeof(std::int64_t)) == 0;
  void* const page =
      sized ? ::mmap(nullptr, sizeof(std::int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
            : MAP_FAILED;
  if (fd >= 0) ::close(fd);
  if (page == MAP_FAILED) throw std::runtime_error("FakeClock: cannot make " + dir_.sub("offset"));
  file_ = static_cast<std::int64_t*>(page);
}

FakeClock::~FakeClock() {
  ::munmap(file_, sizeof(std::int64_t));
}

std::vector<std::string> FakeClock::environment(std::vector<std::string> others) const {
  others.push_back(std::string("LD_PRELOAD=") + RHOOKS_FAKE_CLOCK_LIBRARY);
  others.push_back("FAKE_CLOCK_FILE=" + dir_.sub("offset"));
  if (kAddressSanitizer) {
    // It wants to be loaded first, which is of no matter here: see fake_clock/fake_clock.cc.
    const char* const options = std::getenv("ASAN_OPTIONS");
    others.push_back(std::string("ASAN_OPTIONS=") + (options ? options : "") +
                     (options && *options ? ":" : "") + "verify_asan_link_order=0");
  }
  return others;
}

void FakeClock::step(Offset by) {
  std::lock_guard lock(mutex_);
  const Offset offset = steps_.back().offset + by;
  steps_.push_back({true_time(), offset});
  __atomic_store_n(file_, offset.count(), __ATOMIC_RELEASE);
}

FakeClock::Offset FakeClock::offset() const {
  std::lock_guard lock(mutex_);
  return steps_.back().offset;
}

Clock::Micros FakeClock::now() const {
  return true_time() + std::chrono::floor<std::chrono::microseconds>(offset());
}

Clock::Micros FakeClock::latest_at(Clock::Micros at, std::chrono::microseconds before) const {
  std::lock_guard lock(mutex_);
  Offset most = Offset::min();
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const bool ended = i + 1 < steps_.size() && steps_[i + 1].at < at - before;
    if (!ended && steps_[i].at <= at) most = std::max(most, steps_[i].offset);
  }
  return at + std::chrono::floor<std::chrono::microseconds>(most);
}

}  // namespace rhooks::testing
