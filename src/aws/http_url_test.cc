#include "aws/http_url.h"

#include <gtest/gtest.h>

namespace rhooks::aws {
namespace {

TEST(HttpUrlTest, TakesUrlsApart) {
  struct Case {
    const char *text, *origin, *host, *rest;
    bool tls, loopback;
  };
  for (const Case& c : {
           Case{"https://Example.COM", "https://example.com", "example.com", "", true, false},
           Case{"HTTP://localhost:8000/", "http://localhost:8000", "localhost", "/", false, true},
           Case{"http://127.9.9.9?a=b", "http://127.9.9.9", "127.9.9.9", "?a=b", false, true},
           Case{"http://[::1]:80/a/b?c", "http://[::1]:80", "::1", "/a/b?c", false, true},
           Case{"http://[FD00:EC2::23]/x", "http://[fd00:ec2::23]", "fd00:ec2::23", "/x", false,
                false},
           // What only looks like this machine.
           Case{"http://127.0.0.1.example.com", "http://127.0.0.1.example.com",
                "127.0.0.1.example.com", "", false, false},
           Case{"http://localhost.example.com", "http://localhost.example.com",
                "localhost.example.com", "", false, false},
           Case{"http://169.254.170.2/v2", "http://169.254.170.2", "169.254.170.2", "/v2", false,
                false},
       }) {
    SCOPED_TRACE(c.text);
    const auto url = parse_http_url(c.text);
    ASSERT_TRUE(url) << url.error().message;
    EXPECT_EQ(url->origin(), c.origin);
    EXPECT_EQ(url->host, c.host);
    EXPECT_EQ(url->rest, c.rest);
    EXPECT_EQ(url->tls, c.tls);
    EXPECT_EQ(url->is_loopback(), c.loopback);
  }
}

TEST(HttpUrlTest, RefusesWhatOthersMightReadOtherwise) {
  for (const char* text : {"",
                           "localhost:8000",
                           "ftp://example.com",
                           "file:///etc/passwd",
                           "http://",
                           "http:///x",
                           "http://:80",
                           "http://a b",
                           "http://a\r\nb",
                           "http://user@example.com",
                           "http://127.0.0.1:80@example.com/",
                           "http://example.com\\@127.0.0.1",
                           "http://a#b",
                           "http://a:",
                           "http://a:0",
                           "http://a:65536",
                           "http://a:8x",
                           "http://a:80:81",
                           "http://[::1",
                           "http://[::1]x",
                           "http://[]",
                           "http://[1.2.3.4]",
                           "http://\xc3\xa4.example",
                           "http://a%2e"}) {
    const auto url = parse_http_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace rhooks::aws
