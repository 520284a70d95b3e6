#include "hooks/ordered_dates.h"

#include <gtest/gtest.h>

#include <string>

namespace rhooks {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kAtNoon{std::chrono::hours{500'004}};
constexpr model::Flow kOneFlow{1, 2, 3};
constexpr model::Flow kOtherFlow{1, 4, 3};

TEST(OrderedDatesTest, EachIsLaterThanTheOneBefore) {
  OrderedDates dates;
  EXPECT_EQ(dates.next(kOneFlow, "b", kAtNoon), kAtNoon);
  EXPECT_EQ(dates.next(kOneFlow, "c", kAtNoon), kAtNoon + 1ms);
  EXPECT_EQ(dates.next(kOtherFlow, "a", kAtNoon), kAtNoon) << "each flow by itself";
  EXPECT_EQ(dates.next(kOneFlow, "d", kAtNoon + 5ms), kAtNoon + 5ms);
  EXPECT_EQ(dates.next(kOneFlow, "a", kAtNoon - 1h), kAtNoon + 6ms) << "the clock was set back";
  EXPECT_EQ(dates.next(kOneFlow, "a", kAtNoon + 1h), kAtNoon + 1h);
}

TEST(OrderedDatesTest, FarAheadTheIdsDecideWhereTheySort) {
  OrderedDates dates;
  const auto next = [&](int id) { return dates.next(kOneFlow, std::to_string(id), kAtNoon); };
  for (int i = 0; i <= 1'000; ++i) EXPECT_EQ(next(10'000 + i), kAtNoon + i * 1ms);
  for (int i = 0; i < 50'000; ++i) ASSERT_EQ(next(20'000 + i), kAtNoon + 1s);
  EXPECT_EQ(next(15'000), kAtNoon + 1s + 1ms);
  EXPECT_EQ(next(15'000), kAtNoon + 1s + 2ms);
  EXPECT_EQ(next(15'001), kAtNoon + 1s + 2ms);
  EXPECT_EQ(dates.next(kOneFlow, "9", kAtNoon + 3ms), kAtNoon + 1s + 3ms) << "not as far ahead";
}

TEST(OrderedDatesTest, WhatIsPastIsForgotten) {
  OrderedDates dates;
  const auto next_of_all = [&](TimePoint now) {
    for (std::uint64_t i = 1; i <= OrderedDates::kForgetAt; ++i) dates.next({1, i, 3}, "a", now);
  };
  next_of_all(kAtNoon);
  EXPECT_EQ(dates.size(), OrderedDates::kForgetAt);
  EXPECT_EQ(dates.next({2, 1, 3}, "a", kAtNoon), kAtNoon);
  EXPECT_EQ(dates.size(), OrderedDates::kForgetAt + 1) << "they may be needed yet";
  next_of_all(kAtNoon + 1s);
  for (std::uint64_t i = 1; i <= OrderedDates::kForgetAt; ++i) {
    dates.next({3, i, 3}, "a", kAtNoon + 2s);
  }
  EXPECT_LE(dates.size(), OrderedDates::kForgetAt + 1);
}

}  // namespace
}  // namespace rhooks
