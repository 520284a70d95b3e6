#include "store/dynamo/shard_reads.h"

#include <gtest/gtest.h>

#include "testing/store_contract.h"

namespace rhooks::store::dynamo {
namespace {

using Part = ShardReads::Part;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::kT0;

class ShardReadsTest : public ::testing::Test {
 protected:
  std::optional<ShardReads::ToRead> next(bool is_long) const {
    return reads_.next(now_, now_, seconds{1}, steady_, is_long);
  }
  // What it asks for, and that this much is told.
  Part read(bool is_long, const ShardReads::ReadTo& to = {}) {
    const auto what = next(is_long);
    if (!what) {
      ADD_FAILURE() << "nothing is to be read";
      return Part::kHead;
    }
    EXPECT_TRUE(reads_.fits(*what));
    reads_.note(*what, to, steady_);
    return what->part;
  }
  void read_left_out(const ShardReads::ReadTo& to) {
    const auto what = reads_.next_left_out();
    ASSERT_TRUE(what && what->part == Part::kLeftOut);
    EXPECT_TRUE(reads_.fits(*what));
    reads_.note(*what, to, steady_);
  }
  void pass(milliseconds time) {
    now_ += time;
    steady_ += time;
  }

  TimePoint now_ = kT0;
  ShardReads::Steady steady_{seconds{1'000}};
  ShardReads reads_;
};

TEST_F(ShardReadsTest, AShortHeadIsReadAgainAndAgain) {
  EXPECT_FALSE(reads_.complete(kTimeMin));
  EXPECT_EQ(read(false), Part::kHead);
  EXPECT_TRUE(reads_.complete(kTimeMax));
  EXPECT_FALSE(next(false));
  pass(milliseconds{999});
  EXPECT_FALSE(next(false));
  pass(milliseconds{1});
  EXPECT_EQ(read(false, {now_ - seconds{1}}), Part::kHead);
  EXPECT_EQ(reads_.complete_through(), now_ - seconds{1});
  const auto behind = next(false);
  ASSERT_TRUE(behind && behind->part == Part::kBehind);
  EXPECT_EQ(behind->from, now_ - milliseconds{999});
  EXPECT_EQ(read(false), Part::kBehind);
  EXPECT_FALSE(next(false));
}

TEST_F(ShardReadsTest, OfALongHeadNewsAreReadAndPieces) {
  read(false);
  int news = 0, pieces = 0;
  for (int i = 0; i < 100; ++i) {
    pass(seconds{1});
    while (const auto what = next(true)) {
      if (what->part == Part::kNews) {
        ++news;
        EXPECT_EQ(what->from, now_ - seconds{11}) << "10 s before the read before";
        read(true);
      } else {
        EXPECT_TRUE(what->part == Part::kAgain);
        EXPECT_EQ(what->from, pieces == 0 ? kTimeMin : kT0 - seconds{100 - pieces});
        ++pieces;
        read(true, {kT0 - seconds{100 - pieces} - milliseconds{1}});
      }
      ASSERT_LT(news + pieces, 200);
    }
  }
  EXPECT_EQ(news, 100);
  EXPECT_EQ(pieces, 20);
  EXPECT_TRUE(reads_.complete(kTimeMax)) << "a piece takes nothing from what is known";
}

// More than one read takes is new, or waits and was due lately.
TEST_F(ShardReadsTest, NewsAreReadOnUntilAllIsKnown) {
  read(false);
  pass(seconds{1});
  EXPECT_EQ(read(true, {now_ - seconds{9}}), Part::kNews);
  EXPECT_FALSE(reads_.complete(now_));
  EXPECT_EQ(reads_.complete_through(), kTimeMax) << "what was known stays so";
  EXPECT_EQ(next(true)->from, now_ - seconds{9} + milliseconds{1});
  EXPECT_EQ(read(true, {now_ - seconds{5}, TaskKey{"ns", "a"}}), Part::kNews);
  EXPECT_EQ(next(true)->from, now_ - seconds{5});
  EXPECT_EQ(next(true)->after, (TaskKey{"ns", "a"}));
  EXPECT_EQ(read(true), Part::kNews);
  EXPECT_TRUE(reads_.complete(now_));
  EXPECT_FALSE(next(true));
}

TEST_F(ShardReadsTest, NewsThatAreReadOnAreAsOldAsTheirBeginning) {
  read(false);
  pass(seconds{1});
  EXPECT_EQ(read(true, {now_ - seconds{9}}), Part::kNews);
  pass(seconds{30});
  EXPECT_EQ(next(true)->from, now_ - seconds{39} + milliseconds{1});
  EXPECT_EQ(read(true), Part::kNews);
  EXPECT_EQ(read(true), Part::kAgain);
  EXPECT_EQ(next(true)->from, now_ - seconds{40});
  EXPECT_EQ(read(true), Part::kNews);
  EXPECT_FALSE(reads_.fits({Part::kBehind, 0, kTimeMax + seconds{1}}));
  pass(seconds{1});
  EXPECT_EQ(next(true)->from, now_ - seconds{11});
}

TEST_F(ShardReadsTest, WhatIsKnownOfATimeIsNotReadAgain) {
  const TaskKey a{"ns", "a"};
  read(false, {kT0, a});
  reads_.note({Part::kNews, 0, kT0 - seconds{5}}, {kT0 - milliseconds{1}}, steady_);
  EXPECT_FALSE(reads_.complete(kT0));
  const auto behind = next(true);
  ASSERT_TRUE(behind && behind->part == Part::kBehind);
  EXPECT_EQ(behind->after, a);
  EXPECT_TRUE(reads_.fits({Part::kAgain, 0, kT0}));
}

TEST_F(ShardReadsTest, PiecesOfShardsAreReadOneAfterTheOther) {
  for (int number = 0; number < 12; ++number) {
    ShardReads reads(number);
    reads.note({}, {}, steady_);
    const auto at = [&](int after) {
      const auto steady = steady_ + seconds{after};
      const TimePoint now = now_ + seconds{after};
      reads.note({Part::kNews, 0, now}, {}, steady);
      return reads.next(now, now, seconds{1}, steady, true).has_value();
    };
    const int due = 5 + number % 5;
    EXPECT_FALSE(at(due - 1)) << number;
    EXPECT_TRUE(at(due)) << number;
  }
}

TEST_F(ShardReadsTest, PiecesBeginAgainWhereNothingMoreIsDueOrKnown) {
  read(false, {now_ - seconds{3}});
  pass(seconds{5});
  read(true, {now_ - seconds{3}});
  EXPECT_EQ(read(true, {now_ - seconds{9}}), Part::kAgain);
  pass(seconds{5});
  read(true, {now_ - seconds{3}});
  EXPECT_EQ(next(true)->from, now_ - seconds{14} + milliseconds{1});
  EXPECT_EQ(read(true, {now_ + seconds{1}}), Part::kAgain);
  EXPECT_EQ(reads_.complete_through(), now_ + seconds{1});
  pass(seconds{5});
  read(true);
  EXPECT_EQ(next(true)->from, now_ - seconds{4} + milliseconds{1});
  EXPECT_EQ(read(true), Part::kAgain);
  pass(seconds{5});
  read(true);
  EXPECT_EQ(next(true)->from, kTimeMin);
}

TEST_F(ShardReadsTest, WhatHadNoRoomIsReadWithoutAWait) {
  read(false);
  EXPECT_FALSE(reads_.next_left_out());
  reads_.note_left_out(now_ - seconds{9}, now_);
  for (int i = 9; i > 0; --i) {
    EXPECT_EQ(reads_.left_out_from(), now_ - seconds{i});
    read_left_out({now_ - seconds{i - 1} - milliseconds{1}});
  }
  EXPECT_EQ(reads_.left_out_from(), now_);
  read_left_out({now_});
  EXPECT_FALSE(reads_.next_left_out()) << "what is due later had not been looked at";
  EXPECT_TRUE(reads_.complete(kTimeMax));

  pass(seconds{5});
  EXPECT_EQ(read(true), Part::kNews);
  EXPECT_EQ(next(true)->from, kTimeMin) << "the pieces have their own turn";
}

TEST_F(ShardReadsTest, WhatHadNoRoomIsReadFromTheFirstOfIt) {
  const TaskKey a{"ns", "a"};
  read(false);
  reads_.note_left_out(now_ - seconds{9}, now_);
  read_left_out({now_ - seconds{5}, a});
  EXPECT_EQ(reads_.left_out_from(), now_ - seconds{5});
  EXPECT_EQ(reads_.next_left_out()->after, a);
  reads_.note_left_out(now_ - seconds{3}, now_);
  EXPECT_EQ(reads_.next_left_out()->after, a) << "that is still to come";
  reads_.note_left_out(now_ - seconds{5}, now_);
  EXPECT_EQ(reads_.left_out_from(), now_ - seconds{5});
  EXPECT_FALSE(reads_.next_left_out()->after);
  const auto late = reads_.next_left_out();
  reads_.note_left_out(now_ - seconds{7}, now_);
  reads_.note(*late, {}, steady_);
  EXPECT_EQ(reads_.left_out_from(), now_ - seconds{7}) << "a read that was begun before";
}

TEST_F(ShardReadsTest, WhatOthersWaitForIsNotGivenUp) {
  read(false);
  reads_.note_left_out(now_ - seconds{9}, now_);
  reads_.give_up_left_out();
  EXPECT_FALSE(reads_.left_out_from());
  reads_.note_left_out(now_ - seconds{9}, now_, true);
  reads_.note_left_out(now_ - seconds{5}, now_);
  reads_.give_up_left_out();
  EXPECT_EQ(reads_.left_out_from(), now_ - seconds{9});
  read_left_out({});
  EXPECT_FALSE(reads_.left_out_from());
  reads_.note_left_out(now_ - seconds{9}, now_);
  reads_.give_up_left_out();
  EXPECT_FALSE(reads_.left_out_from()) << "nobody waits for that";
}

TEST_F(ShardReadsTest, APieceThatPassesWhatHadNoRoomCounts) {
  read(false);
  reads_.note_left_out(now_ - seconds{9}, now_, true);
  reads_.note({Part::kAgain}, {now_ - seconds{10}}, steady_);
  EXPECT_EQ(reads_.left_out_from(), now_ - seconds{9});
  reads_.note({Part::kAgain, 0, now_ - seconds{8}}, {now_ - seconds{6}}, steady_);
  EXPECT_EQ(reads_.left_out_from(), now_ - seconds{9}) << "it began behind it";
  reads_.note({Part::kAgain, 0, now_ - seconds{10}}, {now_ - seconds{7}}, steady_);
  EXPECT_EQ(reads_.left_out_from(), now_ - seconds{7} + milliseconds{1});
  reads_.note({Part::kNews, 0, now_ - seconds{10}}, {}, steady_);
  EXPECT_FALSE(reads_.left_out_from());
  EXPECT_TRUE(reads_.complete(kTimeMax));
}

TEST_F(ShardReadsTest, WhatHadNoRoomEndsWhereNothingIsKnown) {
  read(false, {now_ - seconds{3}});
  reads_.note_left_out(now_ - seconds{2}, now_);
  EXPECT_FALSE(reads_.next_left_out()) << "it is read on there in any case";
  reads_.note_left_out(now_ - seconds{6}, now_);
  read_left_out({now_ - seconds{2}});
  EXPECT_FALSE(reads_.next_left_out());
  EXPECT_EQ(reads_.complete_through(), now_ - seconds{2});
  reads_.note_left_out(now_ - seconds{6}, now_);
  pass(seconds{1});
  EXPECT_EQ(read(false), Part::kHead);
  EXPECT_FALSE(reads_.next_left_out()) << "all was read from the beginning";
  reads_.note_left_out(now_ - seconds{6}, now_);
  reads_.forget();
  EXPECT_FALSE(reads_.next_left_out());
}

// Also where the pace asks for both all the time, and after a time in which nothing could be read.
TEST_F(ShardReadsTest, NewsAndPiecesTakeTurns) {
  reads_.note({}, {}, steady_);
  for (int i = 0; i < 10; ++i) {
    const auto what = reads_.next(now_, now_, seconds{0}, steady_, true);
    ASSERT_TRUE(what);
    EXPECT_TRUE(what->part == (i % 2 == 0 ? Part::kNews : Part::kAgain)) << i;
    pass(milliseconds{1});
    reads_.note(*what, {}, steady_);
  }
  pass(seconds{60});
  EXPECT_EQ(next(true)->from, now_ - seconds{70} - milliseconds{1});
}

TEST_F(ShardReadsTest, AReadGoesOnInsideATime) {
  const TaskKey a{"ns", "a"}, b{"ns", "b"};
  read(false, {kT0, a});
  EXPECT_EQ(reads_.complete_through(), kT0);
  EXPECT_FALSE(reads_.complete(kT0));
  EXPECT_TRUE(reads_.complete(kT0 - milliseconds{1}));
  const auto behind = next(false);
  EXPECT_EQ(behind->from, kT0);
  EXPECT_EQ(behind->after, a);
  EXPECT_EQ(read(false, {kT0, b}), Part::kBehind);
  EXPECT_FALSE(reads_.fits(*behind)) << "others read it meanwhile";
  EXPECT_EQ(next(false)->after, b);
  EXPECT_EQ(read(false), Part::kBehind);
  EXPECT_TRUE(reads_.complete(kT0));
}

TEST_F(ShardReadsTest, WhatWasForgottenIsReadFromTheHead) {
  read(false, {now_ - seconds{1}});
  const auto behind = next(false);
  reads_.read_head();
  EXPECT_FALSE(reads_.fits(*behind));
  EXPECT_EQ(reads_.complete_through(), now_ - seconds{1});
  EXPECT_EQ(read(false), Part::kHead);
  reads_.forget();
  EXPECT_FALSE(reads_.complete(kTimeMin));
  EXPECT_EQ(read(true), Part::kHead);
}

}  // namespace
}  // namespace rhooks::store::dynamo
