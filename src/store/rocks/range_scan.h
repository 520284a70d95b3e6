#pragma once

#include <rocksdb/db.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace rhooks::store::rocks {

// The keys of one column family from `begin` up to, not including, `end`.
struct KeyRange {
  std::string prefix;  // that they share; left away in Scan::suffix()
  std::string begin;
  std::string end;
};

// Walks several ranges of a column family as one, in the order of what follows their
// prefixes, up or down. Reads from one snapshot.
// Not for use by several threads at once.
class Scan {
 public:
  Scan(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, const rocksdb::Snapshot* snapshot,
       std::vector<KeyRange> ranges, bool desc)
      : desc_(desc) {
    cursors_.reserve(ranges.size());
    for (KeyRange& range : ranges) {
      if (range.begin >= range.end) continue;
      cursors_.push_back(std::make_unique<Cursor>(std::move(range)));
      Cursor& cursor = *cursors_.back();
      rocksdb::ReadOptions options;
      options.snapshot = snapshot;
      options.iterate_lower_bound = &cursor.begin;
      options.iterate_upper_bound = &cursor.end;
      cursor.it.reset(db.NewIterator(options, family));
      desc ? cursor.it->SeekToLast() : cursor.it->SeekToFirst();
    }
    choose();
  }

  // Before the first next(): calls `tell` for each range with the key that it begins with, which is
  // its end where it has none.
  template <typename Tell>
  void tell_first(const Tell& tell) const {
    for (const auto& cursor : cursors_) {
      if (!cursor->it->status().ok()) continue;
      tell(cursor->range, cursor->it->Valid() ? cursor->it->key().ToString() : cursor->range.end);
    }
  }

  bool valid() const { return current_ != nullptr; }
  void next() {
    desc_ ? current_->it->Prev() : current_->it->Next();
    choose();
  }
  // What follows the prefix of its range.
  std::string_view suffix() const { return current_->suffix(); }
  std::string_view value() const { return current_->it->value().ToStringView(); }

  // Not ok: the walk ended too early.
  rocksdb::Status status() const {
    for (const auto& cursor : cursors_) {
      if (!cursor->it->status().ok()) return cursor->it->status();
    }
    return rocksdb::Status::OK();
  }

 private:
  struct Cursor {
    explicit Cursor(KeyRange r) : range(std::move(r)), begin(range.begin), end(range.end) {}
    std::string_view suffix() const { return it->key().ToStringView().substr(range.prefix.size()); }

    const KeyRange range;
    const rocksdb::Slice begin;
    const rocksdb::Slice end;
    std::unique_ptr<rocksdb::Iterator> it;
  };

  void choose() {
    current_ = nullptr;
    for (const auto& cursor : cursors_) {
      if (!cursor->it->Valid()) continue;
      if (current_ == nullptr ||
          (desc_ ? cursor->suffix() > current_->suffix() : cursor->suffix() < current_->suffix())) {
        current_ = cursor.get();
      }
    }
  }

  const bool desc_;
  std::vector<std::unique_ptr<Cursor>> cursors_;
  Cursor* current_ = nullptr;
};

// A snapshot for the length of a scope.
class ScopedSnapshot {
 public:
  explicit ScopedSnapshot(rocksdb::DB& db) : db_(db), snapshot_(db.GetSnapshot()) {}
  ~ScopedSnapshot() { db_.ReleaseSnapshot(snapshot_); }
  ScopedSnapshot(const ScopedSnapshot&) = delete;
  ScopedSnapshot& operator=(const ScopedSnapshot&) = delete;

  const rocksdb::Snapshot* get() const { return snapshot_; }

 private:
  rocksdb::DB& db_;
  const rocksdb::Snapshot* const snapshot_;
};

// The part of `prefix` + time + id within [from, to], and after (before, where desc) the
// position `after`, itself prefix-less. Empty strings of `after` do not restrict.
KeyRange time_range(std::string prefix, std::optional<TimePoint> from, std::optional<TimePoint> to,
                    const std::string& after, bool desc);

}  // namespace rhooks::store::rocks
