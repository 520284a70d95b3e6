#include "hooks/ordered_dates.h"

#include <gtest/gtest.h>

namespace rhooks {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kAtNoon{std::chrono::hours{500'004}};
constexpr model::Flow kOneFlow{1, 2, 3};
constexpr model::Flow kOtherFlow{1, 4, 3};

TEST(OrderedDatesTest, EachIsLaterThanTheOneBefore) {
  OrderedDates dates;
  EXPECT_EQ(dates.next(kOneFlow, kAtNoon), kAtNoon);
  EXPECT_EQ(dates.next(kOneFlow, kAtNoon), kAtNoon + 1ms);
  EXPECT_EQ(dates.next(kOtherFlow, kAtNoon), kAtNoon) << "each flow by itself";
  EXPECT_EQ(dates.next(kOneFlow, kAtNoon + 5ms), kAtNoon + 5ms);
  EXPECT_EQ(dates.next(kOneFlow, kAtNoon - 1h), kAtNoon + 6ms) << "the clock was set back";
  EXPECT_EQ(dates.next(kOneFlow, kAtNoon + 1h), kAtNoon + 1h);
}

TEST(OrderedDatesTest, WhatIsPastIsForgotten) {
  OrderedDates dates;
  const auto next_of_all = [&](TimePoint now) {
    for (std::uint64_t i = 1; i <= OrderedDates::kForgetAt; ++i) dates.next({1, i, 3}, now);
  };
  next_of_all(kAtNoon);
  EXPECT_EQ(dates.size(), OrderedDates::kForgetAt);
  EXPECT_EQ(dates.next({2, 1, 3}, kAtNoon), kAtNoon);
  EXPECT_EQ(dates.size(), OrderedDates::kForgetAt + 1) << "they may be needed yet";
  next_of_all(kAtNoon + 1s);
  for (std::uint64_t i = 1; i <= OrderedDates::kForgetAt; ++i) {
    dates.next({3, i, 3}, kAtNoon + 2s);
  }
  EXPECT_LE(dates.size(), OrderedDates::kForgetAt + 1);
}

}  // namespace
}  // namespace rhooks
