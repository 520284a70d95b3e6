#include "net/named_host.h"

#include <gtest/gtest.h>

namespace rhooks::net {
namespace {

std::string of(std::string_view url) {
  const auto host = named_host(url);
  return host ? host->name + " " + host->port : "none";
}

TEST(NamedHostTest, IsThatOfTheUrl) {
  EXPECT_EQ(of("http://example.com"), "example.com 80");
  EXPECT_EQ(of("https://example.com/a:b@c"), "example.com 443");
  EXPECT_EQ(of("HTTPS://Example.COM:8443?a"), "example.com 8443");
  EXPECT_EQ(of("http://user:pass@word@host_1.internal:81/#x"), "host_1.internal 81");
  EXPECT_EQ(of("http://single/"), "single 80");
  EXPECT_EQ(of("http://127.0.0.1.example/"), "127.0.0.1.example 80");
}

TEST(NamedHostTest, IsNoneWhereNothingHasToBeLookedUp) {
  for (const char* const url :
       {"http://127.0.0.1/", "http://127.1:80", "http://0x7f000001", "http://[::1]:8090/",
        "http://localhost:1/", "http://api.localhost", "http://example.com./",
        "http://ex%61mple.com", "http://b\u00fccher.example", "http:///path", "example.com", ""}) {
    EXPECT_EQ(of(url), "none") << url;
  }
}

}  // namespace
}  // namespace rhooks::net
