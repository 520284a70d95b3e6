#include "egress/ip.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <string>

namespace rhooks::egress {
namespace {

std::string network_error(std::string_view text) {
  const auto network = parse_network(text);
  return network ? "" : network.error().message;
}

TEST(IpTest, OneOfIpv4IsTheSameHoweverItIsWritten) {
  EXPECT_EQ(parse_ip("127.0.0.1"), parse_ip("::ffff:127.0.0.1"));
  EXPECT_EQ(to_text(*parse_ip("::ffff:7f00:1")), "127.0.0.1");
  EXPECT_TRUE(is_v4(*parse_ip("127.0.0.1")));
  EXPECT_FALSE(is_v4(*parse_ip("::127.0.0.1")));
  EXPECT_EQ(v4_of(*parse_ip("1.2.3.4")), 0x01020304u);
  EXPECT_EQ(ip_of_v4(0x01020304), parse_ip("1.2.3.4"));
  EXPECT_EQ(to_text(*parse_ip("2001:DB8::0:1")), "2001:db8::1");
}

TEST(IpTest, WhatIsNoAddressIsNone) {
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "01.2.3.256", "0x7f.1", "::g", "[::1]", "a",
                           "fe80::1%lo", "1.2.3.4 ", "::1/128"}) {
    EXPECT_FALSE(parse_ip(text)) << text;
  }
  EXPECT_FALSE(parse_ip(std::string_view("1.2.3.4\0", 8)));
}

TEST(IpTest, OfSocketAddresses) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(80);
  v4.sin_addr.s_addr = htonl(0x01020304);
  EXPECT_EQ(end_of(reinterpret_cast<const sockaddr&>(v4)), (End{*parse_ip("1.2.3.4"), 80}));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(443);
  v6.sin6_scope_id = 1;
  ASSERT_EQ(::inet_pton(AF_INET6, "fe80::1", &v6.sin6_addr), 1);
  EXPECT_EQ(end_of(reinterpret_cast<const sockaddr&>(v6)), (End{*parse_ip("fe80::1"), 443}));
  sockaddr_un file{};
  file.sun_family = AF_UNIX;
  EXPECT_FALSE(end_of(reinterpret_cast<const sockaddr&>(file)));
}

TEST(IpTest, NetworksHoldTheirFirstAndLastAddress) {
  struct Case {
    const char* network;
    const char* before;
    const char* first;
    const char* last;
    const char* after;
  };
  for (const auto& [text, before, first, last, after] : {
           Case{"10.0.0.0/8", "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"},
           Case{"172.16.0.0/12", "172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"},
           Case{"192.0.2.128/25", "192.0.2.127", "192.0.2.128", "192.0.2.255", "192.0.3.0"},
           Case{"192.0.2.1/32", "192.0.2.0", "192.0.2.1", "192.0.2.1", "192.0.2.2"},
           Case{"192.0.2.1", "192.0.2.0", "192.0.2.1", "192.0.2.1", "192.0.2.2"},
           Case{"2001:db8::/33",
                "2001:db7::", "2001:db8::", "2001:db8:7fff:ffff::", "2001:db8:8000::"},
           Case{"::/1", "8000::", "::", "7fff::", "ffff::"},
       }) {
    const auto network = parse_network(text);
    ASSERT_TRUE(network) << text << network.error().message;
    EXPECT_FALSE(network->contains(*parse_ip(before))) << text;
    EXPECT_TRUE(network->contains(*parse_ip(first))) << text;
    EXPECT_TRUE(network->contains(*parse_ip(last))) << text;
    EXPECT_FALSE(network->contains(*parse_ip(after))) << text;
    EXPECT_EQ(parse_network(to_text(*network)), *network) << text;
  }
}

TEST(IpTest, AllOfOneFamilyIsNothingOfTheOther) {
  EXPECT_TRUE(parse_network("0.0.0.0/0")->contains(*parse_ip("255.1.2.3")));
  EXPECT_FALSE(parse_network("0.0.0.0/0")->contains(*parse_ip("2001:db8::1")));
  EXPECT_TRUE(parse_network("::/0")->contains(*parse_ip("2001:db8::1")));
  EXPECT_FALSE(parse_network("::/0")->contains(*parse_ip("1.2.3.4")));
  EXPECT_EQ(to_text(*parse_network("0.0.0.0/0")), "0.0.0.0/0");
  EXPECT_EQ(to_text(*parse_network("::/0")), "::/0");
}

TEST(IpTest, SaysWhatIsWrongWithANetwork) {
  EXPECT_NE(network_error("10.0.0.1/8").find("first address"), std::string::npos);
  EXPECT_NE(network_error("2001:db8::1/64").find("first address"), std::string::npos);
  EXPECT_NE(network_error("10.0.0.0/33").find("0 to 32"), std::string::npos);
  EXPECT_NE(network_error("::/129").find("0 to 128"), std::string::npos);
  for (const char* text : {"10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0/8", "/8", "host/8"}) {
    EXPECT_NE(network_error(text), "") << text;
  }
}

}  // namespace
}  // namespace rhooks::egress
