#include "store/dynamo/shard_reads.h"

#include <algorithm>

namespace rhooks::store::dynamo {
namespace {

constexpr std::chrono::milliseconds kMoment{1};  // times have no finer parts

// Of what is due for longer than this, and was not read, nothing is new, or it was registered for a
// time that had passed: the pieces tell.
constexpr std::chrono::milliseconds kNewsDue = 2 * ShardReads::kIndexLag;
// A piece is read once in so many reads of what is new.
constexpr int kNewsOfPiece = 5;

// The first page of a read. One of an idle shard costs half a read unit: 25 rows hardly pass
// 4 KB. Where the page before was cut short there is a backlog, and one read serves many claims.
constexpr std::size_t kRowsIdle = 25;
constexpr std::size_t kRowsBusy = 200;
constexpr std::size_t kRowsAgain = 500;

}  // namespace

ShardReads::ShardReads(int number) : delay_of_pieces_(number % kNewsOfPiece) {}

std::optional<ShardReads::ToRead> ShardReads::next(TimePoint now, TimePoint due_by,
                                                   std::chrono::milliseconds read_every,
                                                   Steady steady, bool is_long) const {
  if (!read_at_) return ToRead{Part::kHead, kRowsIdle};
  const std::size_t rows = complete(due_by) ? kRowsIdle : kRowsBusy;
  if (!is_long && steady - head_read_at_ >= read_every) return ToRead{Part::kHead, rows};
  if (news_ && news_->from <= due_by) {
    return ToRead{Part::kNews, kRowsBusy, news_->from, news_->after};
  }
  if (is_long) {
    const bool again = steady - again_at_ >= kNewsOfPiece * read_every;
    const bool news = steady - *read_at_ >= read_every;
    // By turns, where both are due all the time.
    if (news && (!again || *read_at_ <= again_at_)) {
      const auto unread = std::chrono::ceil<std::chrono::milliseconds>(steady - *read_at_);
      const TimePoint from = std::max(now - kNewsDue - unread, kTimeMin);
      if (from < unknown_.from) return ToRead{Part::kNews, rows, from};
      return ToRead{Part::kNews, rows, unknown_.from, unknown_.after};
    }
    if (again) {
      const bool passed = again_.from > due_by || again_.from >= unknown_.from;
      const Place place = passed ? Place{} : again_;
      return ToRead{Part::kAgain, kRowsAgain, place.from, place.after};
    }
  }
  if (complete(due_by)) return std::nullopt;
  return ToRead{Part::kBehind, kRowsBusy, unknown_.from, unknown_.after};
}

std::optional<ShardReads::ToRead> ShardReads::next_left_out() const {
  if (!left_out_) return std::nullopt;
  return ToRead{Part::kLeftOut, kRowsAgain, left_out_->from, left_out_->after};
}

bool ShardReads::fits(const ToRead& read) const {
  if (read.part == Part::kHead) return true;
  if (!read_at_ || read.from > unknown_.from) return false;
  return read.from < unknown_.from || !read.after || read.after == unknown_.after;
}

void ShardReads::note(const ToRead& read, const ReadTo& to, Steady started) {
  const Place end = to.cut_after ? Place{to.through, to.cut_after} : Place{to.through + kMoment};
  last_read_at_ = started;
  switch (read.part) {
    case Part::kHead:
      read_at_ = head_read_at_ = started;
      again_at_ = started + delay_of_pieces_;
      unknown_ = end;
      again_ = {};
      news_.reset();
      left_out_.reset();
      return;
    case Part::kNews:
      if (!news_ || !begins_at(read, *news_)) read_at_ = started;
      news_ = unknown_.from <= end.from ? std::nullopt : std::optional(end);
      break;
    case Part::kAgain:
      again_at_ = started;
      again_ = end;
      break;
    case Part::kLeftOut:
    case Part::kBehind:
      break;
  }
  note_of_left_out(read, end);
  if (unknown_.from < end.from || begins_at(read, unknown_)) unknown_ = end;
}

// Others may have asked for what lies before it meanwhile.
void ShardReads::note_of_left_out(const ToRead& read, const Place& end) {
  if (!left_out_) return;
  const bool passes =
      begins_at(read, *left_out_) || (begins_by(read, *left_out_) && left_out_->from < end.from);
  if (!passes) return;
  left_out_ =
      end.from <= left_out_to_ && end.from < unknown_.from ? std::optional(end) : std::nullopt;
}

TimePoint ShardReads::complete_through() const {
  return unknown_.after ? unknown_.from : unknown_.from - kMoment;
}

void ShardReads::forget() {
  read_at_.reset();
  unknown_ = {};
  news_.reset();
  left_out_.reset();
}

void ShardReads::note_left_out(TimePoint from, TimePoint due_by, bool in_order) {
  if (from > unknown_.from) return;
  left_out_in_order_ = in_order || (left_out_ && left_out_in_order_);
  if (!left_out_ || from <= left_out_->from) left_out_ = Place{from};
  left_out_to_ = std::max(left_out_to_, due_by);
}

}  // namespace rhooks::store::dynamo
