#pragma once

#include <rocksdb/compaction_filter.h>

#include <atomic>
#include <memory>
#include <string_view>

#include "base/clock.h"

namespace rhooks::store::rocks {

// Tells the compaction filters what has expired. They keep everything until the directory's
// format is known to be ours, so that bytes of a newer version are never judged.
//
// Threads: used by RocksDB's background threads; may outlive the store that made it.
struct ExpiryPolicy {
  const Clock* clock = nullptr;
  std::atomic<bool> enabled{false};
};

enum class LogFamily { kLogs, kRefs };

// Whether this value has expired at `now`. What cannot be read is kept.
bool is_expired(LogFamily family, std::string_view value, TimePoint now);

// Drops expired logs, or references to them, as RocksDB rewrites its files.
std::shared_ptr<rocksdb::CompactionFilterFactory> make_log_filter(
    LogFamily family, std::shared_ptr<const ExpiryPolicy> policy);

}  // namespace rhooks::store::rocks
