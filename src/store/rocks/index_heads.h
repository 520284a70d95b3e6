#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/mutex.h"

namespace rhooks::store::rocks {

// How far the beginnings of an index are known to be empty, by prefix. What deliveries took out of
// the index stays there as tombstones until RocksDB merges its files, and a page from the very
// beginning would walk over all of them, 0.2 µs each.
//
// A reader asks look(), takes its snapshot, asks begin(), and says by found() what it came to
// first. A writer has an Adding from before its write until after it. So begin() is never behind an
// entry that the snapshot has: one that was being written when the reader looked, or since, keeps
// found() from being noted; and of what others found since, whose snapshots may lack an entry that
// this one has, begin() says nothing.
//
// Threads: any.
class IndexHeads {
 public:
  // A write that may add entries.
  class Adding {
   public:
    explicit Adding(IndexHeads& heads) : heads_(heads) {
      MutexLock lock(heads_.mutex_);
      ++heads_.writers_;
      ++heads_.version_;
      any_ = !heads_.begins_.empty();
    }
    Adding(const Adding&) = delete;
    Adding& operator=(const Adding&) = delete;
    ~Adding() {
      MutexLock lock(heads_.mutex_);
      --heads_.writers_;
    }

    // Whether it matters what is added. It does not begin to meanwhile.
    bool any() const { return any_; }
    // Before the write.
    void add(std::string_view key) {
      if (any_) heads_.lower(key);
    }

   private:
    IndexHeads& heads_;
    bool any_ = false;
  };

  struct Look {
    std::uint64_t version = 0;
    std::uint64_t founds = 0;
    bool quiet = false;  // nobody was writing
  };
  Look look() const {
    MutexLock lock(mutex_);
    return {version_, founds_, writers_ == 0};
  }

  // No entry with this prefix that a snapshot taken since the look has is before it.
  std::string begin(const Look& look, const std::string& prefix) const {
    MutexLock lock(mutex_);
    const auto known = begins_.find(prefix);
    return known == begins_.end() || look.founds != founds_ ? prefix : known->second;
  }

  // There was none before `key`.
  void found(const Look& look, const std::string& prefix, std::string key) {
    MutexLock lock(mutex_);
    if (!look.quiet || look.version != version_) return;
    if (begins_.size() >= kPrefixesMax && !begins_.contains(prefix)) begins_.clear();
    begins_[prefix] = std::move(key);
    ++founds_;
  }

  // Writes that were reported as failed may be there by now.
  void forget() {
    MutexLock lock(mutex_);
    ++version_;
    begins_.clear();
  }

 private:
  static constexpr std::size_t kPrefixesMax = 1'024;

  void lower(std::string_view key) {
    MutexLock lock(mutex_);
    // The prefix of a key is before it in the order, and no prefix begins with another one.
    auto above = begins_.upper_bound(key);
    if (above == begins_.begin()) return;
    auto& [prefix, begin] = *--above;
    if (key.starts_with(prefix) && key < begin) begin = key;
  }

  mutable Mutex mutex_;
  std::uint64_t version_ RHOOKS_GUARDED_BY(mutex_) = 0;  // grows with each writer
  std::uint64_t founds_ RHOOKS_GUARDED_BY(mutex_) = 0;   // grows with each key that is noted
  int writers_ RHOOKS_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::string, std::less<>> begins_ RHOOKS_GUARDED_BY(mutex_);
};

}  // namespace rhooks::store::rocks
