#include "egress/proxy.h"

#include <gtest/gtest.h>

namespace rhooks::egress {
namespace {

std::string proxy_error(std::string_view text, std::string password = {}) {
  const auto proxy = parse_proxy(text, std::move(password));
  return proxy ? "" : proxy.error().message;
}

TEST(ProxyTest, IsReadWithItsUser) {
  EXPECT_TRUE(parse_proxy("", "")->empty());
  EXPECT_EQ(parse_proxy("http://proxy.internal:3128", "")->url, "http://proxy.internal:3128");
  EXPECT_EQ(parse_proxy("http://[::1]:3128/", "")->url, "http://[::1]:3128");
  const auto socks = parse_proxy("socks5://hooks@10.0.0.1:1080", "hush");
  ASSERT_TRUE(socks);
  EXPECT_EQ(socks->url, "socks5h://10.0.0.1:1080") << "it looks names up by itself";
  EXPECT_EQ(socks->user, "hooks");
  EXPECT_EQ(socks->password, "hush");
}

TEST(ProxyTest, SaysWhatIsWrong) {
  for (const char* text :
       {"proxy:3128", "https://proxy:3128", "http://proxy", "http://:3128", "http://",
        "http://proxy:0", "http://proxy:70000", "http://proxy:80/path", "http://@proxy:80",
        "http://a b@proxy:80", "http://pro xy:80", "http://[::1]", "socks5h://proxy:80",
        "http://proxy:80?x"}) {
    EXPECT_TRUE(proxy_error(text).starts_with("egress_proxy ")) << text;
  }
  EXPECT_NE(proxy_error("http://u:hush@proxy:80").find("PROXY_PASSWORD"), std::string::npos);
  EXPECT_EQ(proxy_error("http://u:hush@proxy:80").find("hush"), std::string::npos);
  EXPECT_NE(proxy_error("http://proxy:80", "hush").find("names no user"), std::string::npos);
  EXPECT_NE(proxy_error("", "hush").find("not set"), std::string::npos);
}

}  // namespace
}  // namespace rhooks::egress
