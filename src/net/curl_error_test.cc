#include "net/curl_error.h"

#include <gtest/gtest.h>

namespace rhooks::net {
namespace {

TEST(HostAndPortTest, ShowsNothingElse) {
  EXPECT_EQ(host_and_port("http://user:secret@example.com/secret?secret#secret"), "example.com:80");
  EXPECT_EQ(host_and_port("https://[::1]/x"), "[::1]:443");
  EXPECT_EQ(host_and_port("http://127.0.0.1:8080"), "127.0.0.1:8080");
  EXPECT_EQ(host_and_port("not a url"), "");
}

}  // namespace
}  // namespace rhooks::net
