#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

// Annotations say which mutex guards a member, and which one a call needs. clang checks them
// (-Wthread-safety, https://clang.llvm.org/docs/ThreadSafetyAnalysis.html), GCC does not see them.
#ifdef __clang__
#define RHOOKS_THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define RHOOKS_THREAD_SAFETY(attribute)
#endif

// Of a member: it is read and written with that mutex held only.
#define RHOOKS_GUARDED_BY(mutex) RHOOKS_THREAD_SAFETY(guarded_by(mutex))
// Of a function or a lambda: the caller holds these, or holds none of them.
#define RHOOKS_REQUIRES(...) RHOOKS_THREAD_SAFETY(requires_capability(__VA_ARGS__))
#define RHOOKS_EXCLUDES(...) RHOOKS_THREAD_SAFETY(locks_excluded(__VA_ARGS__))
// Of a function: the mutex that it returns a reference to.
#define RHOOKS_RETURN_CAPABILITY(mutex) RHOOKS_THREAD_SAFETY(lock_returned(mutex))
// Of a function whose body the analysis cannot follow; a comment says why. Its calls are checked.
#define RHOOKS_NO_THREAD_SAFETY_ANALYSIS RHOOKS_THREAD_SAFETY(no_thread_safety_analysis)
// Of mutexes and locks.
#define RHOOKS_CAPABILITY(name) RHOOKS_THREAD_SAFETY(capability(name))
#define RHOOKS_SCOPED_CAPABILITY RHOOKS_THREAD_SAFETY(scoped_lockable)
#define RHOOKS_ACQUIRE(...) RHOOKS_THREAD_SAFETY(acquire_capability(__VA_ARGS__))
#define RHOOKS_TRY_ACQUIRE(...) RHOOKS_THREAD_SAFETY(try_acquire_capability(__VA_ARGS__))
#define RHOOKS_RELEASE(...) RHOOKS_THREAD_SAFETY(release_capability(__VA_ARGS__))

namespace rhooks {

// A std::mutex that the analysis knows.
class RHOOKS_CAPABILITY("mutex") Mutex {
 public:
  void lock() RHOOKS_ACQUIRE() { mutex_.lock(); }
  void unlock() RHOOKS_RELEASE() { mutex_.unlock(); }
  bool try_lock() RHOOKS_TRY_ACQUIRE(true) { return mutex_.try_lock(); }

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

// Holds a mutex for as long as it lives, but from unlock() to lock().
// Threads: one.
class RHOOKS_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) RHOOKS_ACQUIRE(mutex) : lock_(mutex.mutex_) {}
  // Of a mutex that this thread holds.
  MutexLock(Mutex& mutex, std::adopt_lock_t held) RHOOKS_REQUIRES(mutex)
      : lock_(mutex.mutex_, held) {}
  ~MutexLock() RHOOKS_RELEASE() {}
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void lock() RHOOKS_ACQUIRE() { lock_.lock(); }
  void unlock() RHOOKS_RELEASE() { lock_.unlock(); }

 private:
  friend class ConditionVariable;
  std::unique_lock<std::mutex> lock_;
};

// Lets threads wait until others tell them, with the mutex free meanwhile. A wait may return for
// nothing, so each stands in a loop. (None takes a predicate: the analysis does not see in a lambda
// that the mutex is held.)
// Threads: every method may be called from any thread.
class ConditionVariable {
 public:
  void wait(MutexLock& lock) { changed_.wait(lock.lock_); }
  // False: it is that time.
  bool wait_until(MutexLock& lock, std::chrono::steady_clock::time_point time) {
    return changed_.wait_until(lock.lock_, time) == std::cv_status::no_timeout;
  }
  void notify_one() { changed_.notify_one(); }
  void notify_all() { changed_.notify_all(); }

 private:
  std::condition_variable changed_;
};

}  // namespace rhooks
