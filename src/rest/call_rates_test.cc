#include "rest/call_rates.h"

#include <gtest/gtest.h>

namespace rhooks::rest {
namespace {

using namespace std::chrono_literals;

ApiKey with_rate(const std::string& id, std::optional<Rate> rate) {
  ApiKey key;
  key.id = id;
  key.rate = rate;
  return key;
}

TEST(CallRatesTest, SoManyAtOnceAndThenOneByOne) {
  CallRates rates;
  const ApiKey key = with_rate("a", Rate{3, 60s});
  const std::chrono::steady_clock::time_point start{1h};
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(rates.too_early(key, start)) << i;
  EXPECT_EQ(rates.too_early(key, start), 20s);
  EXPECT_EQ(rates.too_early(key, start + 15s), 5s) << "one that was refused counted";
  EXPECT_FALSE(rates.too_early(key, start + 20s));
  EXPECT_EQ(rates.too_early(key, start + 20s), 20s);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(rates.too_early(key, start + 1h)) << i;
  EXPECT_TRUE(rates.too_early(key, start + 1h));
}

TEST(CallRatesTest, EachKeyHasItsOwn) {
  CallRates rates;
  const std::chrono::steady_clock::time_point now{1h};
  EXPECT_FALSE(rates.too_early(with_rate("a", Rate{1, 60s}), now));
  EXPECT_TRUE(rates.too_early(with_rate("a", Rate{1, 60s}), now));
  EXPECT_FALSE(rates.too_early(with_rate("b", Rate{1, 60s}), now));
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(rates.too_early(with_rate("c", {}), now));
  // A rate that was raised since holds from now on.
  EXPECT_EQ(rates.too_early(with_rate("b", Rate{1, 1s}), now), 1s);
}

}  // namespace
}  // namespace rhooks::rest
