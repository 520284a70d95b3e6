#include "egress/policy.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rhooks::egress {
namespace {

Policy policy(const PolicyOptions& options) {
  auto made = Policy::create(options);
  EXPECT_TRUE(made) << made.error().message;
  return made ? *made : Policy();
}

std::string shown(const std::optional<std::string_view>& refusal) {
  return std::string(refusal.value_or("may"));
}

// What becomes of a URL whose host has this address.
std::string judged(const Policy& policy, const std::string& url, const std::string& address) {
  const Target target = target_of(url);
  if (const auto refusal = policy.refuses(target)) return std::string(*refusal);
  return shown(policy.refuses(target, *parse_ip(address)));
}

// Of a URL by itself.
std::string judged(const Policy& policy, const std::string& url) {
  return shown(policy.refuses(target_of(url)));
}

std::string error_of(const PolicyOptions& options) {
  const auto made = Policy::create(options);
  return made ? "" : made.error().field + ": " + made.error().message;
}

constexpr const char* kName = "https://api.example/";

TEST(PolicyTest, OpenIsAllButMetadata) {
  for (const Policy& open : {Policy(), policy({})}) {
    for (const char* address : {"127.0.0.1", "10.1.2.3", "169.254.1.1", "fe80::1", "::1", "8.8.8.8",
                                "224.0.0.1", "2002::1"}) {
      EXPECT_EQ(judged(open, kName, address), "may") << address;
    }
    for (const char* address :
         {"169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "fd00:ec2::254",
          "168.63.129.16", "2002:a9fe:a9fe::", "64:ff9b:1::a9fe:a9fe"}) {
      EXPECT_EQ(judged(open, kName, address), "metadata") << address;
    }
  }
}

TEST(PolicyTest, PublicIsTheInternet) {
  const Policy closed = policy({.mode = "public"});
  EXPECT_EQ(judged(closed, kName, "8.8.8.8"), "may");
  EXPECT_EQ(judged(closed, kName, "2606:4700::1"), "may");
  EXPECT_EQ(judged(closed, kName, "64:ff9b::8.8.8.8"), "may");
  EXPECT_EQ(judged(closed, kName, "10.1.2.3"), "private");
  EXPECT_EQ(judged(closed, kName, "64:ff9b::10.1.2.3"), "private");
  EXPECT_EQ(judged(closed, kName, "::1"), "loopback");
  EXPECT_EQ(judged(closed, kName, "0.0.0.0"), "loopback");
  EXPECT_EQ(judged(closed, kName, "169.254.169.254"), "metadata");
  EXPECT_EQ(judged(closed, kName, "2002:808:808::1"), "embedded");
  EXPECT_EQ(judged(policy({.mode = "public", .allow = {"10.0.0.0/8"}}), kName, "2002:a00:1::1"),
            "embedded")
      << "an allowed network is allowed by its own addresses";
}

TEST(PolicyTest, WhatAUrlTellsIsJudgedWithoutAnAddress) {
  const Policy closed = policy({.mode = "public"});
  EXPECT_EQ(judged(closed, kName), "may") << "its name may lead anywhere";
  for (const char* host : {"localhost", "a.localhost", "127.1", "2130706433", "0x7f.1", "0",
                           "%31%32%37.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::]"}) {
    EXPECT_EQ(judged(closed, "http://" + std::string(host) + "/"), "loopback") << host;
  }
  EXPECT_EQ(judged(closed, "http://[64:ff9b::10.0.0.1]/"), "private");
  EXPECT_EQ(judged(policy({.deny = {"127.0.0.0/8"}}), "http://localhost/"), "may")
      << "::1 is left of it";
  EXPECT_EQ(judged(policy({.deny = {"127.0.0.0/8", "::1"}}), "http://localhost/"), "denied");
}

TEST(PolicyTest, AllowedNetworks) {
  const Policy some = policy(
      {.mode = "public",
       .allow = {"10.1.0.0/16", "192.168.1.7:8000-8999", "[fd00:1::/32]:443", "fd00:2::/32"}});
  EXPECT_EQ(judged(some, kName, "10.1.255.255"), "may");
  EXPECT_EQ(judged(some, kName, "10.2.0.0"), "private");
  EXPECT_EQ(judged(some, kName, "64:ff9b::10.1.0.1"), "may");
  EXPECT_EQ(judged(some, "http://x.example:8000/", "192.168.1.7"), "may");
  EXPECT_EQ(judged(some, "http://x.example:8999/", "192.168.1.7"), "may");
  EXPECT_EQ(judged(some, "http://x.example:9000/", "192.168.1.7"), "private");
  EXPECT_EQ(judged(some, kName, "fd00:1::1"), "may");
  EXPECT_EQ(judged(some, "http://x.example/", "fd00:1::1"), "private");
  EXPECT_EQ(judged(some, "http://x.example/", "fd00:2::1"), "may");
}

TEST(PolicyTest, AllowedNames) {
  const Policy some =
      policy({.mode = "public", .allow = {"API.internal", "*.svc.local:80", "localhost"}});
  EXPECT_EQ(judged(some, "https://api.internal/", "10.0.0.1"), "may");
  EXPECT_EQ(judged(some, "https://API.internal./", "127.0.0.1"), "may");
  EXPECT_EQ(judged(some, "https://x.api.internal/", "10.0.0.1"), "private");
  EXPECT_EQ(judged(some, "http://a.b.svc.local/", "10.0.0.1"), "may");
  EXPECT_EQ(judged(some, "http://svc.local/", "10.0.0.1"), "private");
  EXPECT_EQ(judged(some, "http://evilsvc.local/", "10.0.0.1"), "private");
  EXPECT_EQ(judged(some, "http://a.svc.local:81/", "10.0.0.1"), "private");
  EXPECT_EQ(judged(some, "http://localhost:9000/"), "may");
  EXPECT_EQ(judged(some, "https://api.internal/", "169.254.169.254"), "metadata");
}

TEST(PolicyTest, DenyGoesFirst) {
  const Policy some = policy({.allow = {"10.0.0.0/8", "*.example"},
                              .deny = {"10.0.0.0/24", "bad.example", "203.0.113.9:25"}});
  EXPECT_EQ(judged(some, kName, "10.0.0.1"), "denied");
  EXPECT_EQ(judged(some, kName, "64:ff9b::10.0.0.1"), "denied");
  EXPECT_EQ(judged(some, kName, "2002:a00:1::1"), "denied") << "6to4 may lead there";
  EXPECT_EQ(judged(some, kName, "2002:a00:101::1"), "may");
  EXPECT_EQ(judged(some, kName, "10.0.1.1"), "may");
  EXPECT_EQ(judged(some, "https://BAD.example/"), "denied") << "nobody has to look it up";
  EXPECT_EQ(judged(some, "http://203.0.113.9:25/"), "denied");
  EXPECT_EQ(judged(some, "http://203.0.113.9:26/"), "may");
  EXPECT_EQ(judged(policy({.deny = {"127.0.0.0/8"}}), "http://0/"), "denied");
}

TEST(PolicyTest, NothingAllowsMetadata) {
  const Policy all = policy({.mode = "public", .allow = {"0.0.0.0/0", "::/0", "169.254.169.254"}});
  EXPECT_EQ(judged(all, kName, "169.254.169.254"), "metadata");
  EXPECT_EQ(judged(all, kName, "fd00:ec2::254"), "metadata");
  EXPECT_EQ(judged(all, kName, "169.254.169.253"), "may");
}

TEST(PolicyTest, PortsAndHttpsOnly) {
  const Policy some = policy({.ports = {"443", "8000-8001"}});
  EXPECT_EQ(judged(some, "https://a.example/"), "may");
  EXPECT_EQ(judged(some, "http://a.example:8001/"), "may");
  EXPECT_EQ(judged(some, "http://a.example/"), "port");
  EXPECT_EQ(judged(some, "http://a.example:8002/"), "port");
  const Policy tls = policy({.https_only = true});
  EXPECT_EQ(judged(tls, "http://a.example:443/"), "scheme");
  EXPECT_EQ(judged(tls, "https://a.example:80/"), "may");
}

TEST(PolicyTest, PrefixesOfNat64) {
  const Policy own = policy({.mode = "public", .nat64 = {"64:ff9b:1::/96", "2001:200::/32"}});
  EXPECT_EQ(judged(own, kName, "64:ff9b:1::8.8.8.8"), "may");
  EXPECT_EQ(judged(own, kName, "64:ff9b:1::10.0.0.1"), "private");
  EXPECT_EQ(judged(own, kName, "64:ff9b:1::169.254.169.254"), "metadata");
  EXPECT_EQ(judged(own, kName, "2001:200:a00:1::"), "private");
  EXPECT_EQ(own.class_of(*parse_ip("64:ff9b:1::10.0.0.1")), AddressClass::kPrivate);
}

TEST(PolicyTest, SaysWhichSettingIsWrongAndWhy) {
  EXPECT_EQ(error_of({.mode = "auto"}), "egress: egress is \"auto\"; it must be open or public");
  for (const char* rule :
       {"",          "*",          "*.",          "*.1",        "1.2.3",      "a b",
        "a/8",       "10.0.0.1/8", "host:0",      "host:65536", "host:2-1",   "host:",
        "host:http", "[::1",       "[::1]x",      "[host]",     ".host",      "host.",
        "a..b",      "::1:80-90x", "10.0.0.0/8:", "*.*.x",      "h\xc3\xb6st"}) {
    EXPECT_TRUE(error_of({.allow = {"ok", rule}}).starts_with("egress_allow: egress_allow: \""))
        << rule << " " << error_of({.allow = {"ok", rule}});
    EXPECT_TRUE(error_of({.deny = {rule}}).starts_with("egress_deny: egress_deny: \"")) << rule;
  }
  EXPECT_TRUE(error_of({.ports = {"80-"}}).starts_with("egress_ports: egress_ports: \"80-\""));
  EXPECT_TRUE(error_of({.nat64 = {"10.0.0.0/8"}}).starts_with("egress_nat64: egress_nat64: "));
  EXPECT_TRUE(error_of({.nat64 = {"2001:db8::/33"}}).starts_with("egress_nat64: egress_nat64: "));
  EXPECT_TRUE(
      error_of({.allow = std::vector<std::string>(1'001, "a")}).starts_with("egress_allow: "));
  EXPECT_EQ(error_of({.allow = std::vector<std::string>(1'000, "a")}), "");
}

// A tenant must not learn where a name leads inside.
TEST(PolicyTest, WhatUsersReadTellsNoMoreThanTheyKnow) {
  const Target name = target_of("https://db.internal/");
  const std::string of_private = describe("private", name);
  EXPECT_EQ(of_private,
            "the address of db.internal is not allowed by the egress policy (settings egress, "
            "egress_allow and egress_deny)");
  for (const char* refusal : {"loopback", "metadata", "denied", "link_local"}) {
    EXPECT_EQ(describe(refusal, name), of_private) << refusal;
  }
  EXPECT_NE(describe("metadata", target_of("http://169.254.169.254/")).find("credentials"),
            std::string::npos);
  EXPECT_NE(describe(refusal::kPort, target_of("http://a:25/")).find("port 25"), std::string::npos);
  EXPECT_NE(describe(refusal::kScheme, name).find("egress_https_only"), std::string::npos);
  EXPECT_NE(describe(refusal::kOwnListener, name).find("scheduler itself"), std::string::npos);
}

}  // namespace
}  // namespace rhooks::egress
