#include "aws/wire.h"

#include <gtest/gtest.h>

namespace rhooks::aws {
namespace {

TEST(WireTest, NamesTheHostAsItIsSent) {
  SystemClock clock;
  const auto host_of = [&](const std::string& endpoint) {
    auto wire = Wire::create({.endpoint = endpoint, .ca_file = {}}, clock);
    EXPECT_TRUE(wire) << wire.error().message;
    return wire ? (*wire)->host() : std::string();
  };
  EXPECT_EQ(host_of("https://dynamodb.eu-west-1.amazonaws.com"),
            "dynamodb.eu-west-1.amazonaws.com");
  EXPECT_EQ(host_of("https://dynamodb.eu-west-1.amazonaws.com:443/"),
            "dynamodb.eu-west-1.amazonaws.com");
  EXPECT_EQ(host_of("http://127.0.0.1:8000/"), "127.0.0.1:8000");
  EXPECT_EQ(host_of("http://[::1]:443"), "[::1]:443");
  EXPECT_EQ(host_of("https://[::1]:80"), "[::1]:80");
}

}  // namespace
}  // namespace rhooks::aws
