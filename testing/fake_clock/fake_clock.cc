// Preloaded into a program (LD_PRELOAD) it moves the program's system clock by what the file
// says that FAKE_CLOCK_FILE names: eight bytes, nanoseconds, which may change at any time
// (testing/fake_clock.h writes them). Steady clocks stay as they are.
//
// The time itself comes straight from the kernel: neither a sanitizer's functions of these names
// nor the C library's are asked, so that it makes no difference which of them is loaded first.
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

const std::int64_t* mapped() {
  const char* const path = std::getenv("FAKE_CLOCK_FILE");
  const int fd = path ? ::open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return nullptr;
  void* const page = ::mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, fd, 0);
  ::close(fd);
  return page == MAP_FAILED ? nullptr : static_cast<const std::int64_t*>(page);
}

std::int64_t offset() {
  static const std::int64_t* const file = mapped();
  return file ? __atomic_load_n(file, __ATOMIC_ACQUIRE) : 0;
}

timespec moved(const timespec& time, std::int64_t by) {
  const std::int64_t ns = time.tv_sec * kSecond + time.tv_nsec + by;
  return {ns / kSecond, ns % kSecond};
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const long failed = ::syscall(SYS_clock_gettime, clock, time);
  if (failed) return -1;
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) *time = moved(*time, offset());
  return 0;
}

int gettimeofday(timeval* time, void*) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  *time = {now.tv_sec, now.tv_nsec / 1'000};
  return 0;
}

time_t time(time_t* into) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (into) *into = now.tv_sec;
  return now.tv_sec;
}

// Waits until a moment of the system clock, which the kernel knows by its true time only. (One
// that a step of the clock would end early ends at its time all the same.)
int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                           const timespec* until) {
  const timespec real = moved(*until, -offset());
  return ::pthread_cond_clockwait(condition, mutex, CLOCK_REALTIME, &real);
}
}
