#include "model/url.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "base/utf8.h"

namespace rhooks::model {
namespace {

void expect_accepted(const std::string& url) {
  const auto ok = validate_url(url);
  EXPECT_TRUE(ok) << url << ": " << ok.error().message;
}

// It is refused, and the message is fit to be shown: it says `part`, and holds nothing raw.
void expect_refused(const std::string& url, const std::string& part) {
  SCOPED_TRACE(url);
  const auto ok = validate_url(url);
  ASSERT_FALSE(ok) << "accepted; expected: " << part;
  EXPECT_EQ(ok.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ok.error().field, "url");
  EXPECT_TRUE(ok.error().message.starts_with("url: ")) << ok.error().message;
  EXPECT_NE(ok.error().message.find(part), std::string::npos) << ok.error().message;
  EXPECT_TRUE(is_utf8(ok.error().message));
  EXPECT_FALSE(has_control(ok.error().message));
  EXPECT_LE(ok.error().message.size(), 400u);
}

TEST(UrlTest, EveryFormOfAbsoluteHttpUrlIsAccepted) {
  for (const char* url : {"http://a",
                          "HTTPS://EXAMPLE.COM/",
                          "http://127.0.0.1:9000/hook",
                          "http://[::1]:80/",
                          "http://[2001:db8::1]/x",
                          "http://[::ffff:1.2.3.4]",
                          "https://example.com:65535/a/b?c=d&e=%20#part",
                          "http://example.com:/",
                          "http://localhost?x=1",
                          "http://localhost#x",
                          "http://xn--bcher-kva.example/",
                          "http://a_b.internal/",
                          "http://_a.-b/",
                          "http://example.com/a//b/../c",
                          "http://example.com:1",
                          "http://example.com:00080/",
                          "http://example.com./",
                          "http://%65xample.com/",
                          "http://web.1/",
                          "http://123456789012/",
                          "http://3com.example/",
                          "http://1.2.3.4.example/",
                          "http://a/%00",
                          "http://a/-._~!$&'()*+,;=:@/"}) {
    expect_accepted(url);
  }
}

TEST(UrlTest, Ipv4AddressesAreAcceptedInEveryFormThatIsOne) {
  for (const char* host : {"1.2.3.4", "0x7f.1", "0177.0.0.1", "127.1", "2130706433", "0x7f000001",
                           "1.2.65535", "1.16777215", "255.255.255.255", "0.0.0.0"}) {
    expect_accepted("http://" + std::string(host) + "/");
  }
  for (const char* host : {"256.1.1.1", "1.2.3.4.5", "1.2.3.256", "1.2.65536", "1.16777216",
                           "127.0.0.1.", "08.1.1.1", "0x.1", "0x100.1.1.1"}) {
    expect_refused("http://" + std::string(host) + "/", "which is no IPv4 address");
  }
}

TEST(UrlTest, WhatIsNoUrlIsRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "is required"},
      {"example.com/hook", "must begin with http:// or https://"},
      {"/hook", "must begin with http"},
      {"//example.com/hook", "must begin with http"},
      {" http://example.com/",
       "must begin with http:// or https://, as in "
       "https://example.com/hook; it has a space at character 1"},
      {"\xef\xbb\xbfhttp://example.com/", "it has a byte order mark at character 1"},
      {"ftp://example.com/", "must begin with http"},
      {"file:///etc/passwd", "must begin with http"},
      {"javascript:alert(1)", "must begin with http"},
      {"mailto:a@example.com", "must begin with http"},
      {"httpx://example.com/", "must begin with http"},
      {"http", "must name a host"},
      {"http:", "must name a host"},
      {"http:hook", "must name a host"},
      {"http:/hook", "must name a host"},
      {"http://", "must name a host"},
      {"http:///hook", "must name a host"},
      {"http://:80/hook", "must name a host"},
      {"http://?a", "must name a host"},
      {"http://example.com:65536/", "port"},
      {"http://example.com:131071/", "port"},
      {"http://example.com:0/", "port"},
      {"http://example.com:99999999999999999999/", "port"},
      {"http://example.com:80a/", "port"},
      {"http://example.com:a/", "port"},
      {"http://example.com:-1/", "port"},
      {"http://example.com:+1/", "port"},
      {"http://example.com: 80/", "port"},
      {"http://example.com:80%41/", "port"},
      {"http://example.com:80:90/", "more than one \":\""},
      {"http://::1/", "an IPv6 address stands in brackets"},
      {"http://[::1/", "has \"[\" at character 8, in the host, without the \"]\""},
      {"http://[::g]/", "names the host \"[::g]\", which is no IPv6 address"},
      {"http://[]/", "no IPv6 address"},
      {"http://[v1.x]/", "no IPv6 address"},
      {"http://[fe80::1%25eth0]/", "with a zone"},
      {"http://[fe80::1%eth0]/", "with a zone"},
      {"http://[::1]example.com/", "has \"e\" at character 13 after the IPv6 address"},
      {"http://[::1]:8x@example.com/", "Authorization"},
      {"http://user@example.com/", "Authorization"},
      {"http://user:secret@example.com/", "Authorization"},
      {"http://@example.com/", "Authorization"},
      {"http://a..b/", "nothing before or between its dots"},
      {"http://.a/", "nothing before or between its dots"},
      {"http://./", "nothing before or between its dots"},
      {"http://a../", "nothing before or between its dots"},
      {"http://a%2e%2Eb/", "nothing before or between its dots"},
  };
  for (const auto& [url, part] : cases) expect_refused(url, part);
}

TEST(UrlTest, ACharacterThatAHostCanNotHaveIsNamedWithItsPlace) {
  for (const char* c : {"!",  "$", "&", "'",  "(", ")", "*", "+", ",", ";", "=", "~",
                        "\"", "<", ">", "\\", "^", "`", "{", "}", "|", "[", "]", "%"}) {
    expect_refused(
        "http://a" + std::string(c) + "b/",
        "has \"" + std::string(c) + "\" at character 9, in the host: a host has letters");
  }
  for (const char* c :
       {"%00", "%0a", "%20", "%21", "%22", "%23", "%24", "%25", "%26", "%27", "%28",
        "%29", "%2A", "%2b", "%2c", "%2f", "%3A", "%3b", "%3c", "%3d", "%3e", "%3f",
        "%40", "%5b", "%5c", "%5d", "%5e", "%60", "%7b", "%7c", "%7d", "%7e", "%7F"}) {
    expect_refused(
        "http://a" + std::string(c) + "b/",
        "has \"" + std::string(c) + "\" at character 9, in the host: a host has letters");
  }
  expect_refused("http://exa mple.com/", "has a space at character 11, in the host");
  expect_refused("http://a\tb/", "has the byte 09 at character 9, in the host");
}

TEST(UrlTest, ANameBeyondAsciiIsToldOfPunycode) {
  const std::string hint =
      "in punycode, as xn--bcher-kva.example for b\xC3\xBC"
      "cher.example";
  expect_refused(
      "http://b\xC3\xBC"
      "cher.example/",
      "has \"\xC3\xBC\" at character 9, in the host");
  expect_refused(
      "http://b\xC3\xBC"
      "cher.example/",
      hint);
  expect_refused("http://b%C3%BCcher.example/", "has \"%C3\" at character 9, in the host");
  expect_refused("http://b%C3%BCcher.example/", hint);
  expect_refused("http://%ff/", hint);
  expect_refused("http://\xff/", "has the byte FF at character 8, in the host");
}

TEST(UrlTest, ACharacterOfPathQueryOrFragmentIsNamedWithItsPlace) {
  expect_refused("http://a/b c",
                 "has a space at character 11, which a path cannot have as it is; "
                 "write it %20");
  expect_refused("http://a/\xC3\xA4\xC3\xBC|",
                 "has \"\xC3\xA4\" at character 10, which a path cannot "
                 "have as it is; write it %C3%A4");
  expect_refused("http://a/?\xF0\x9F\x98\x80",
                 "has \"\xF0\x9F\x98\x80\" at character 11, which a "
                 "query cannot have as it is; write it %F0%9F%98%80");
  expect_refused("http://a/?n=%C3%A4&x=1|2", "has \"|\" at character 23, which a query");
  expect_refused("http://a/{id}",
                 "has \"{\" at character 10, which a path cannot have as it is; "
                 "write it %7B");
  expect_refused("http://a/ids[]", "has \"[\" at character 13, which a path");
  expect_refused("http://a/#x y", "has a space at character 12, which a fragment");
  expect_refused("http://a/##", "has \"#\" at character 11, which a fragment");
  expect_refused("http://a/\n",
                 "has the byte 0A at character 10, which a path cannot have as it "
                 "is; write it %0A");
  expect_refused("http://a/\x7f", "the byte 7F");
  expect_refused("http://a/\xff",
                 "the byte FF at character 10, which a path cannot have as it is; "
                 "write it %FF");
  expect_refused(std::string("http://a/\0b", 11), "the byte 00 at character 10");
  for (const char* c : {"\"", "<", ">", "\\", "^", "`", "{", "}", "|"}) {
    for (const char* before : {"http://a/", "http://a/?", "http://a/#"}) {
      expect_refused(before + std::string(c), "has \"" + std::string(c) + "\" at character");
    }
  }
  for (const char* url :
       {"http://a/%zz", "http://a/?%", "http://a/?%2", "http://a/%?20", "http://a/?a%#20"}) {
    expect_refused(url,
                   "without two hexadecimal digits after it; a percent sign itself is written "
                   "%25");
  }
}

TEST(UrlTest, AQueryTakesBracketsAsBrowsersSendThem) {
  expect_accepted("http://a/?ids[]=1&ids[]=2");
  expect_accepted("http://a?filter[name]=x");
  expect_accepted("http://a/?a[b][c]=[1]#[x]");
}

TEST(UrlTest, NoSecretOfTheUrlIsShown) {
  for (const char* url : {"http://user:hunter2@example.com/?token=hunter2",
                          "http://example.com/hunter2?token=hunter2|",
                          "http://example.com:80x/hunter2?token=hunter2"}) {
    const auto ok = validate_url(url);
    ASSERT_FALSE(ok);
    EXPECT_EQ(ok.error().message.find("hunter2"), std::string::npos) << ok.error().message;
  }
}

TEST(UrlTest, LengthsAreBounded) {
  const std::string base = "http://example.com/";
  expect_accepted(base + std::string(8192 - base.size(), 'a'));
  expect_refused(base + std::string(8193 - base.size(), 'a'), "has 8193 bytes; at most 8192");

  expect_accepted("http://" + std::string(63, 'a') + "/");
  expect_refused("http://" + std::string(64, 'a') + "/", "64 characters in a row");
  std::string name;
  for (int i = 0; i < 63; ++i) name += "abc.";  // 252
  expect_accepted("http://" + name + "a/");
  expect_accepted("http://" + name + "a./");
  expect_refused("http://" + name + "ab/", "names a host of 254 characters");
}

TEST(UrlTest, WhatComesBehindAUrlIsAccepted) {
  for (const char* rest : {"", "/", "/orders", "/orders/7?x=2", "?x=2", "?", "/a#part", "//a/b"}) {
    EXPECT_TRUE(validate_url_rest(rest)) << rest;
    EXPECT_TRUE(validate_target(rest)) << rest;
  }
  EXPECT_TRUE(validate_target("https://example.com/hook"));
  EXPECT_FALSE(validate_url_rest("https://example.com/hook"));
  EXPECT_TRUE(is_url_rest("/") && is_url_rest("?x"));
  EXPECT_FALSE(is_url_rest("") || is_url_rest("http://a/") || is_url_rest("#a"));

  const std::pair<const char*, const char*> cases[] = {
      {"/a b", "a space at character 3"},
      {"?a=<", "\"<\" at character 4"},
      {"/%4", "without two hexadecimal digits"},
  };
  for (const auto& [rest, part] : cases) {
    for (const auto& refused : {validate_url_rest(rest), validate_target(rest)}) {
      ASSERT_FALSE(refused) << rest;
      EXPECT_EQ(refused.error().field, "url");
      EXPECT_NE(refused.error().message.find(part), std::string::npos) << refused.error().message;
    }
  }
  for (const char* wrong : {"example.com/hook", "#a", "ftp://a/"}) {
    const auto refused = validate_target(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_NE(refused.error().message.find("http://"), std::string::npos);
  }
  EXPECT_FALSE(validate_url_rest("/" + std::string(8 * 1024, 'a')));
}

}  // namespace
}  // namespace rhooks::model
