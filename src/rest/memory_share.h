#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

namespace rhooks::rest {

// Memory that all connections together may hold for one purpose. The clients of one address get
// half of it, and a quarter more for those of them who hold little; the last eighth of all is for
// those who hold little, too.
struct MemoryPool {
  static constexpr std::size_t kLittleBytes = 64 * 1024;

  // The most that all may hold once somebody holds so much.
  std::size_t max_for(std::size_t bytes) const {
    return bytes > kLittleBytes ? max - max / 8 : max;
  }
  // And the clients of one address.
  std::size_t peer_max_for(std::size_t bytes) const {
    return bytes > kLittleBytes ? max / 2 : max - max / 4;
  }

  std::size_t max = 0;
  std::atomic<std::size_t> used{0};
};

// What one connection holds of such a pool. It is counted as bytes arrive, not as they are
// announced: a client that announces much and sends little takes nothing away from the others.
//
// Threads: one at a time for each share; pool and peer are shared.
class MemoryShare {
 public:
  // `peer_used`: what all of its peer hold of the pool.
  MemoryShare(MemoryPool& pool, std::atomic<std::size_t>& peer_used)
      : pool_(pool), peer_used_(peer_used) {}
  ~MemoryShare() { release(); }
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

  // Whether it could hold so many bytes now.
  bool fits(std::size_t bytes) const {
    if (bytes <= held_) return true;
    const std::size_t more = bytes - held_;
    return fits_in(pool_.used, more, pool_.max_for(bytes)) &&
           fits_in(peer_used_, more, pool_.peer_max_for(bytes));
  }

  // Holds this many bytes from now on; false: they do not fit, and nothing is changed.
  bool resize(std::size_t bytes) {
    if (bytes > held_) {
      const std::size_t more = bytes - held_;
      if (!take(pool_.used, more, pool_.max_for(bytes))) return false;
      if (!take(peer_used_, more, pool_.peer_max_for(bytes))) {
        pool_.used.fetch_sub(more);
        return false;
      }
      held_ = bytes;
    } else {
      shrink(bytes);
    }
    return true;
  }

  // The same of bytes that are there already: they count, whether they fit or not.
  void hold(std::size_t bytes) {
    if (bytes > held_) {
      pool_.used.fetch_add(bytes - held_);
      peer_used_.fetch_add(bytes - held_);
      held_ = bytes;
    } else {
      shrink(bytes);
    }
  }

  void release() { shrink(0); }

 private:
  static bool fits_in(const std::atomic<std::size_t>& used, std::size_t more, std::size_t max) {
    return more <= max && used.load() <= max - more;
  }
  static bool take(std::atomic<std::size_t>& used, std::size_t more, std::size_t max) {
    if (more <= max && used.fetch_add(more) <= max - more) return true;
    if (more <= max) used.fetch_sub(more);
    return false;
  }
  void shrink(std::size_t bytes) {
    if (bytes == held_) return;
    pool_.used.fetch_sub(held_ - bytes);
    peer_used_.fetch_sub(held_ - bytes);
    held_ = bytes;
  }

  MemoryPool& pool_;
  std::atomic<std::size_t>& peer_used_;
  std::size_t held_ = 0;
};

}  // namespace rhooks::rest
