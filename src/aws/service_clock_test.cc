#include "aws/service_clock.h"

#include <gtest/gtest.h>

namespace rhooks::aws {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ServiceClockTest, LearnsFromDatesAndPassesOverWhatIsNone) {
  const TimePoint now{milliseconds{1'893'456'000'000}};  // 2030-01-01T00:00:00Z
  ServiceClock clock("DynamoDB");
  for (const char* bad : {"", "yesterday", "Thu, 99 Foo 2030 00:00:00 GMT", "\x01\xff"}) {
    clock.learn(bad, now, now);
    EXPECT_EQ(clock.offset(), milliseconds{0}) << bad;
  }
  // Taken for written in the middle between request and answer, and half a second old.
  clock.learn("Tue, 01 Jan 2030 00:10:00 GMT", now, now + seconds{2});
  EXPECT_EQ(clock.offset(), seconds{599} + milliseconds{500});
  // Noise.
  clock.learn("Tue, 01 Jan 2030 00:10:00 GMT", now, now);
  EXPECT_EQ(clock.offset(), seconds{599} + milliseconds{500});
  // An answer that took so long says nothing.
  clock.learn("Tue, 01 Jan 2030 00:15:00 GMT", now, now + seconds{8});
  EXPECT_EQ(clock.offset(), seconds{599} + milliseconds{500});
  // Right again.
  clock.learn("Tue, 01 Jan 2030 00:00:00 GMT", now, now);
  EXPECT_EQ(clock.offset(), milliseconds{0});
}

}  // namespace
}  // namespace rhooks::aws
