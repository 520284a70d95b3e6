#include "net/own_listeners.h"

#include <gtest/gtest.h>

#include <string>

namespace rhooks::net {
namespace {

bool is_own(const std::string& address, std::uint16_t port) {
  return is_own_listener({egress::parse_ip(address).value(), port});
}

// They stay for the life of the process, so each test has ports of its own, which nobody listens
// on.
TEST(OwnListenersTest, OfOneAddress) {
  add_own_listener("127.0.0.1", 11);
  EXPECT_TRUE(is_own("127.0.0.1", 11));
  EXPECT_TRUE(is_own("::ffff:127.0.0.1", 11));
  EXPECT_TRUE(is_own("0.0.0.0", 11)) << "it is where a connection to it arrives";
  EXPECT_TRUE(is_own("::", 11));
  EXPECT_FALSE(is_own("127.0.0.1", 12));
  EXPECT_FALSE(is_own("127.0.0.2", 11));
  EXPECT_FALSE(is_own("::1", 11));
  EXPECT_FALSE(is_own("192.0.2.1", 11));
}

TEST(OwnListenersTest, OfEveryAddress) {
  add_own_listener("0.0.0.0", 21);
  add_own_listener("::", 22);
  for (const std::uint16_t port : {std::uint16_t{21}, std::uint16_t{22}}) {
    EXPECT_TRUE(is_own("127.0.0.1", port));
    EXPECT_TRUE(is_own("127.8.9.10", port));
    EXPECT_TRUE(is_own("0.0.0.0", port));
    EXPECT_FALSE(is_own("192.0.2.1", port)) << "an address for documentation, RFC 5737";
    EXPECT_FALSE(is_own("2001:db8::1", port));
  }
}

TEST(OwnListenersTest, WhatIsNoAddressIsNone) {
  add_own_listener("localhost", 31);
  EXPECT_FALSE(is_own("127.0.0.1", 31));
}

}  // namespace
}  // namespace rhooks::net
