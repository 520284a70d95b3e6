#include "base/uuid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>
#include <thread>
#include <vector>

namespace rhooks {
namespace {

std::int64_t millis_of(const Uuid& uuid) {
  std::int64_t ms = 0;
  for (int i = 0; i < 6; ++i) ms = ms << 8 | uuid[static_cast<std::size_t>(i)];
  return ms;
}

class UuidTest : public ::testing::Test {
 protected:
  Random random_{20261122};
  UuidGenerator make_{random_};
};

TEST(UuidTextTest, IsTheCanonicalForm) {
  // The example of RFC 9562, appendix A.6.
  const Uuid uuid{0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3,
                  0x98, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
  EXPECT_EQ(to_string(uuid), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
  EXPECT_EQ(to_string(Uuid{}), "00000000-0000-0000-0000-000000000000");
}

TEST(UuidTextTest, IsReadBackAndNothingElseIs) {
  const std::string text = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
  const auto uuid = parse_uuid(text);
  ASSERT_TRUE(uuid);
  EXPECT_EQ(to_string(*uuid), text);
  EXPECT_EQ(parse_uuid("017F22E2-79B0-7cc3-98c4-dc0c0c07398f"), uuid);
  EXPECT_EQ(parse_uuid("00000000-0000-0000-0000-000000000000"), Uuid{});
  for (const std::string wrong :
       {"", "-", "017f22e2", "017f22e279b07cc398c4dc0c0c07398f",
        " 017f22e2-79b0-7cc3-98c4-dc0c0c07398", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f ",
        "{017f22e2-79b0-7cc3-98c4-dc0c0c0739}", "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "017f22e2-79b0-7cc3-98c4-dc0c0c0739-f", "017f22e20-79b-7cc3-98c4-dc0c0c07398f",
        "+17f22e2-79b0-7cc3-98c4-dc0c0c07398f", "------------------------------------"}) {
    EXPECT_FALSE(parse_uuid(wrong)) << wrong;
  }
}

TEST_F(UuidTest, HasTheTimeTheVersionAndTheVariant) {
  // The time of the same example: 2022-02-22T19:22:22Z.
  const TimePoint at = from_millis(0x017f22e279b0);
  const std::regex form("017f22e2-79b0-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  for (int i = 0; i < 1000; ++i) {
    const std::string text = to_string(make_.v7(at));
    ASSERT_TRUE(std::regex_match(text, form)) << text;
  }
}

TEST_F(UuidTest, ManyAreThoseOfOneAfterTheOther) {
  Random same(20261122);
  UuidGenerator one_by_one(same);
  // More than fit in one millisecond, and a time that lies before.
  for (const std::int64_t ms : {1'000, 2'000, 1'500}) {
    for (const Uuid& uuid : make_.v7(from_millis(ms), 5'000)) {
      ASSERT_EQ(to_string(uuid), to_string(one_by_one.v7(from_millis(ms))));
    }
  }
  EXPECT_TRUE(make_.v7(from_millis(3'000), 0).empty());
}

TEST_F(UuidTest, CarriesTheEdgesOfTime) {
  EXPECT_EQ(millis_of(make_.v7(kTimeMin)), 0);
  EXPECT_EQ(millis_of(make_.v7(kTimeMax)), to_millis(kTimeMax));
  // A clock before 1970 has no place in a UUID.
  EXPECT_EQ(millis_of(make_.v7(from_millis(-1))), 0);
}

TEST_F(UuidTest, SortsByTimeAsBytesAndAsText) {
  std::string before;
  Uuid bytes_before{};
  for (std::int64_t ms = 1; ms < 1'000'000'000'000; ms = ms * 3 + 1) {
    const Uuid uuid = make_.v7(from_millis(ms));
    EXPECT_LT(before, to_string(uuid));
    EXPECT_LT(bytes_before, uuid);
    before = to_string(uuid);
    bytes_before = uuid;
  }
}

TEST_F(UuidTest, SortsByTheOrderMadeWithinOneMillisecondAndPastTheCounter) {
  const TimePoint at = from_millis(1'700'000'000'000);
  Uuid before = make_.v7(at);
  for (int i = 0; i < 20'000; ++i) {
    const Uuid uuid = make_.v7(at);
    ASSERT_LT(before, uuid) << i;
    before = uuid;
  }
  // 20,001 ids need more than 4 and at most 10 counters of 2048 to 4096 ids.
  EXPECT_GE(millis_of(before), to_millis(at) + 4);
  EXPECT_LE(millis_of(before), to_millis(at) + 9);
}

TEST_F(UuidTest, GoesOnInOrderWhereTimeCatchesUpWithASpill) {
  std::int64_t ms = 1'700'000'000'000;
  Uuid before = make_.v7(from_millis(ms));
  for (int step = 0; step < 20; ++step, ++ms) {
    for (int i = 0; i < 5'000; ++i) {
      const Uuid uuid = make_.v7(from_millis(ms));
      ASSERT_LT(before, uuid) << "step " << step << ", id " << i;
      before = uuid;
    }
  }
}

TEST_F(UuidTest, GivesATimeBeforeTheLatestItsOwnPlace) {
  const TimePoint late = from_millis(1'700'000'000'500);
  const TimePoint early = from_millis(1'700'000'000'400);
  const Uuid first = make_.v7(late);
  const Uuid past = make_.v7(early);
  EXPECT_EQ(millis_of(past), to_millis(early));
  const Uuid second = make_.v7(late);
  EXPECT_LT(first, second);
  EXPECT_LT(past, first);
}

TEST_F(UuidTest, StartsAMillisecondInTheLowerHalfOfTheCounter) {
  for (std::int64_t ms = 1'000; ms < 2'000; ++ms) {
    const Uuid uuid = make_.v7(from_millis(ms));
    EXPECT_LT((uuid[6] & 0x0f) << 8 | uuid[7], 2048);
  }
}

TEST_F(UuidTest, ThreadsGetIdsThatDifferAndAreOrderedForEach) {
  constexpr int kThreads = 4;
  constexpr int kEach = 10'000;
  std::vector<std::vector<Uuid>> made(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      auto& mine = made[static_cast<std::size_t>(t)];
      for (int i = 0; i < kEach; ++i) mine.push_back(make_.v7(from_millis(1'700'000'000'000)));
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<Uuid> all;
  for (const auto& mine : made) {
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kThreads * kEach));
}

TEST(UuidGeneratorTest, GeneratorsWithOtherSeedsDoNotMeet) {
  std::set<Uuid> all;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Random random(seed);
    UuidGenerator make(random);
    for (int i = 0; i < 10; ++i) all.insert(make.v7(from_millis(1'700'000'000'000)));
  }
  EXPECT_EQ(all.size(), 10'000u);
}

}  // namespace
}  // namespace rhooks
