#pragma once

#include <atomic>
#include <cstddef>

namespace rhooks::rest {

// What one connection holds of the memory that all of them may hold together. It is counted
// as bytes arrive, not as they are announced: a client that announces much and sends little
// takes nothing away from the others.
//
// Threads: one at a time for each share; the counter is shared.
class MemoryShare {
 public:
  MemoryShare(std::atomic<std::size_t>& used, std::size_t max) : used_(used), max_(max) {}
  ~MemoryShare() { release(); }
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

  // Whether so much more than what all hold now would fit.
  bool fits(std::size_t more) const { return more <= max_ && used_.load() <= max_ - more; }

  // Holds this many bytes from now on; false: they do not fit, and nothing is changed.
  bool resize(std::size_t bytes) {
    if (bytes <= held_) {
      used_.fetch_sub(held_ - bytes);
    } else {
      const std::size_t more = bytes - held_;
      if (used_.fetch_add(more) + more > max_) {
        used_.fetch_sub(more);
        return false;
      }
    }
    held_ = bytes;
    return true;
  }

  void release() {
    used_.fetch_sub(held_);
    held_ = 0;
  }

 private:
  std::atomic<std::size_t>& used_;
  const std::size_t max_;
  std::size_t held_ = 0;
};

}  // namespace rhooks::rest
