#include "base/clock.h"

#include <gtest/gtest.h>

namespace rhooks {
namespace {

class FixedClock final : public Clock {
 public:
  explicit FixedClock(std::int64_t micros) : micros_(micros) {}
  Micros now_micros() const override { return Micros{std::chrono::microseconds{micros_}}; }

 private:
  std::int64_t micros_;
};

TEST(ClockTest, NowIsTheMillisecondThatHasBegun) {
  EXPECT_EQ(to_millis(FixedClock(1'999).now()), 1);
  EXPECT_EQ(to_millis(FixedClock(2'000).now()), 2);
  EXPECT_EQ(to_millis(FixedClock(-1).now()), -1);
}

TEST(SystemClockTest, ReadsTheTimeOfTheSystem) {
  const SystemClock clock;
  const auto before = std::chrono::system_clock::now();
  const auto seen = clock.now_micros();
  const auto after = std::chrono::system_clock::now();
  EXPECT_GE(seen, std::chrono::floor<std::chrono::microseconds>(before));
  EXPECT_LE(seen, after);
}

TEST(ClockTest, MillisecondsGoBothWays) {
  for (std::int64_t ms : {std::int64_t{-5}, std::int64_t{0}, std::int64_t{1'700'000'000'123}}) {
    EXPECT_EQ(to_millis(from_millis(ms)), ms);
  }
}

TEST(ClockTest, AcceptedTimesAreTheYears1970To9999) {
  using namespace std::chrono;
  EXPECT_EQ(kTimeMin, sys_days{year{1970} / 1 / 1});
  EXPECT_EQ(kTimeMax + milliseconds{1}, sys_days{year{10000} / 1 / 1});
}

}  // namespace
}  // namespace rhooks
