#include "net/own_listeners.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

namespace rhooks::net {
namespace {

bool is_own(const std::string& address, std::uint16_t port) {
  sockaddr_storage storage{};
  if (address.find(':') == std::string::npos) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    EXPECT_EQ(::inet_pton(AF_INET, address.c_str(), &v4.sin_addr), 1);
    std::memcpy(&storage, &v4, sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    EXPECT_EQ(::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr), 1);
    std::memcpy(&storage, &v6, sizeof v6);
  }
  return is_own_listener(reinterpret_cast<const sockaddr*>(&storage));
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
