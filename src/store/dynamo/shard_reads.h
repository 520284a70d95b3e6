#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>

#include "base/clock.h"
#include "store/store.h"

namespace rhooks::store::dynamo {

// Which part of a shard's due index is to be read next, and how far it is known completely.
//
// Where little is due the head is read again and again, to its end. Where much is due and stays
// there, since it waits for its receivers, that would be dear: then only what may be new is read so
// often, and the others piece by piece.
//
// What was read and had no room in memory comes back with the pieces. Where the caller has room
// again and nothing else to do, it is read on from the first of that without a wait
// (next_left_out()). Neither news nor pieces come later by that. A piece that passes it counts,
// too.
//
// Threads: the caller's mutex.
class ShardReads {
 public:
  using Steady = std::chrono::steady_clock::time_point;
  // How long the index may show what was there before a write. AWS names no bound; it is
  // "usually within a fraction of a second".
  static constexpr std::chrono::milliseconds kIndexLag{5'000};

  enum class Part {
    kHead,     // from the beginning
    kBehind,   // on from where nothing is known
    kNews,     // what is due since a while before now: others may have registered it lately
    kAgain,    // the next piece of what is known
    kLeftOut,  // the next of what was known and had no room
  };
  struct ToRead {
    Part part = Part::kHead;
    std::size_t rows = 0;  // with the first request
    // No rows that are due earlier; of those due then, where it is set, only those behind that key,
    // in the order that the index has among them.
    TimePoint from = kTimeMin;
    std::optional<TaskKey> after = {};
  };
  // How far a read came: from its beginning on, all that is due then or before was read; of what is
  // due at that very time, where it is set, only up to that key. kTimeMax: all there is.
  struct ReadTo {
    TimePoint through = kTimeMax;
    std::optional<TaskKey> cut_after = {};
  };

  // `number`: those of different shards read their pieces at different times, since what is claimed
  // next waits for them.
  explicit ShardReads(int number = 0);

  // None: what is known will do. `is_long`: so much is due that the head is not to be read at once.
  std::optional<ToRead> next(TimePoint now, TimePoint due_by, std::chrono::milliseconds read_every,
                             Steady steady, bool is_long) const;
  // What had no room, piece by piece; for where next() has nothing.
  std::optional<ToRead> next_left_out() const;
  // Whether what that read told can be put beside what is known. It cannot where others read
  // meanwhile, or forgot.
  bool fits(const ToRead& read) const;
  void note(const ToRead& read, const ReadTo& to, Steady started);

  // Whether all that is due by then was read.
  bool complete(TimePoint due_by) const {
    return unknown_.from > due_by && !(news_ && news_->from <= due_by);
  }
  TimePoint complete_through() const;
  // The first time at which something that was not read may be due.
  TimePoint unknown_from() const {
    return news_ ? std::min(unknown_.from, news_->from) : unknown_.from;
  }
  // Whether it is made only where nothing is left to claim of what is known.
  bool can_wait(const ToRead& read) const {
    return read.part == Part::kBehind || read.part == Part::kLeftOut ||
           (read.part == Part::kNews && read.from >= unknown_.from);
  }
  // Whether any part was read in that time.
  bool read_within(std::chrono::milliseconds time, Steady steady) const {
    return read_at_ && steady - last_read_at_ <= time;
  }

  // Whether what is new was read by a read that began at that time or later.
  bool read_since(Steady time) const { return read_at_ && *read_at_ >= time; }

  // The head is read before anything else; what is known stays known until then.
  void read_head() { read_at_.reset(); }
  // Nothing is known.
  void forget();
  // Some of what is known and due from then on, up to `due_by`, had no room. `in_order`: others
  // have to wait until it was read, whatever comes of that.
  void note_left_out(TimePoint from, TimePoint due_by, bool in_order = false);
  // It is left to the pieces, unless others wait for it.
  void give_up_left_out() {
    if (!left_out_in_order_) left_out_.reset();
  }
  // When the first of that is due which is still to be read for it; none: nothing is.
  std::optional<TimePoint> left_out_from() const {
    return left_out_ ? std::optional(left_out_->from) : std::nullopt;
  }

 private:
  // All that lies before it, in the order of the index.
  struct Place {
    TimePoint from = kTimeMin;
    std::optional<TaskKey> after = {};
  };

  bool begins_at(const ToRead& read, const Place& place) const {
    return read.from == place.from && read.after == place.after;
  }
  bool begins_by(const ToRead& read, const Place& place) const {
    return read.from < place.from || (read.from == place.from && !read.after);
  }
  void note_of_left_out(const ToRead& read, const Place& end);

  std::chrono::seconds delay_of_pieces_;
  Place unknown_;                  // what lies before it is known
  std::optional<Place> news_;      // those from there on are still to be read, to unknown_
  std::optional<Steady> read_at_;  // the head, or the first of the news
  Steady last_read_at_{};
  Steady head_read_at_{};
  Place again_;  // the next piece
  Steady again_at_{};
  std::optional<Place> left_out_;     // the next piece of what had no room
  TimePoint left_out_to_ = kTimeMin;  // its last is due by then
  bool left_out_in_order_ = false;
};

}  // namespace rhooks::store::dynamo
