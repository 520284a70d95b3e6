#include "egress/target.h"

#include <gtest/gtest.h>

#include <string>

namespace rhooks::egress {
namespace {

// "host:port addresses"
std::string shown_target(std::string_view url) {
  const Target target = target_of(url);
  std::string text = target.host + ":" + std::to_string(target.port);
  for (const Ip& ip : target.addresses) text += " " + to_text(ip);
  return text;
}

TEST(TargetTest, OfAName) {
  EXPECT_EQ(shown_target("https://API.example.com/x?y#z"), "api.example.com:443");
  EXPECT_EQ(shown_target("http://api.example.com."), "api.example.com:80");
  EXPECT_EQ(shown_target("http://user:pass@host:8080/@x"), "host:8080");
  EXPECT_EQ(shown_target("http://host:/"), "host:80");
  EXPECT_EQ(shown_target("http://h%6Fst%2eexample/"), "host.example:80");
  EXPECT_EQ(shown_target("http://1.example.2x/"), "1.example.2x:80");
  EXPECT_TRUE(target_of("HTTPS://host/").https);
  EXPECT_FALSE(target_of("http://https/").https);
}

TEST(TargetTest, EverySpellingOfAnAddressIsThatAddress) {
  for (const char* host : {"127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f.1", "0x7F000001",
                           "017700000001", "0177.0.0.1", "%31%32%37.0.0.1", "127.0.0.1.",
                           "[::ffff:127.0.0.1]", "[::FFFF:7f00:1]", "127.0.0.%31"}) {
    const Target target = target_of("http://" + std::string(host) + ":81/");
    ASSERT_EQ(target.addresses.size(), 1u) << host;
    EXPECT_EQ(to_text(target.addresses[0]), "127.0.0.1") << host;
    EXPECT_EQ(target.port, 81) << host;
  }
  EXPECT_EQ(shown_target("http://0/"), "0:80 0.0.0.0");
  EXPECT_EQ(shown_target("https://[2001:DB8::1]:8443/"), "2001:db8::1:8443 2001:db8::1");
  EXPECT_EQ(shown_target("https://[2001:db8::1]"), "2001:db8::1:443 2001:db8::1");
  EXPECT_EQ(shown_target("http://[fe80::1%25eth0]/"), "fe80::1%25eth0:80 fe80::1");
}

TEST(TargetTest, LocalhostIsThisMachine) {
  for (const char* host : {"localhost", "LOCALHOST", "a.b.localhost", "localhost."}) {
    const Target target = target_of("http://" + std::string(host) + "/");
    ASSERT_EQ(target.addresses.size(), 2u) << host;
    EXPECT_EQ(to_text(target.addresses[0]), "127.0.0.1");
    EXPECT_EQ(to_text(target.addresses[1]), "::1");
  }
  for (const char* host : {"localhost.example", "notlocalhost", "localhost1"}) {
    EXPECT_TRUE(target_of("http://" + std::string(host) + "/").addresses.empty()) << host;
  }
}

TEST(TargetTest, OfTextThatIsNoUrlItNamesNothing) {
  for (const char* url : {"", "host", "http:/host", "http://", "http://[", "http://]", "://",
                          "http://%", "http://%4"}) {
    EXPECT_TRUE(target_of(url).addresses.empty()) << url;
  }
  EXPECT_EQ(target_of("http://host:65536/").port, 0);
  EXPECT_EQ(target_of("http://host:8x/").port, 0);
}

}  // namespace
}  // namespace rhooks::egress
