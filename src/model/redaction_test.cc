// What stands in the place of credentials, and that they are found again.

#include "model/redaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/headers.h"

namespace rhooks::model {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr const char* kKey = "0123456789abcdef0123456789abcdef";
constexpr const char* kHush = "Bearer hush";

Spec spec_with(std::vector<Header> headers, const std::string& url = "https://a.example/in") {
  Spec spec;
  spec.request.url = url;
  spec.request.headers = std::move(headers);
  return spec;
}

Spec shown(Spec spec) {
  redact(spec.request.headers, kKey);
  return spec;
}

void expect_no_place(const Result<void>& done) {
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(done.error().field, "headers");
  EXPECT_THAT(done.error().message, HasSubstr("placeholder"));
  EXPECT_THAT(done.error().message, Not(HasSubstr("hush")));
}

// RFC 4231, test case 2: the digest begins 5bdcc146bf60754e.
TEST(RedactionTest, APlaceholderIsOfTheFirstBytesOfAnHmac) {
  EXPECT_EQ(placeholder_of("what do ya want for nothing?", "Jefe"), "[redacted 5bdcc146bf60754e]");
}

TEST(RedactionTest, EqualValuesHaveOnePlaceholderUnderOneKey) {
  const std::string one = placeholder_of(kHush, kKey);
  EXPECT_THAT(one, MatchesRegex("\\[redacted [0-9a-f]{16}\\]"));
  EXPECT_EQ(placeholder_of(" Bearer hush\t", kKey), one);  // as it is sent
  EXPECT_NE(placeholder_of("Bearer hush!", kKey), one);
  EXPECT_NE(placeholder_of(kHush, "another"), one);
  EXPECT_EQ(placeholder_of(kHush, ""), "[redacted]");
}

TEST(RedactionTest, KnowsPlaceholders) {
  EXPECT_TRUE(is_placeholder("[redacted]"));
  EXPECT_TRUE(is_placeholder(placeholder_of(kHush, kKey)));
  for (const char* other :
       {"", "redacted", "[redacted ]", "[redacted 0123456789abcde]", "[redacted 0123456789abcdeg]",
        "[redacted 0123456789ABCDEF]", "[redacted 0123456789abcdef] ", "Bearer [redacted]"}) {
    EXPECT_FALSE(is_placeholder(other)) << other;
  }
}

TEST(RedactionTest, RedactsCredentialsInAnyCaseAndNothingElse) {
  std::vector<Header> headers = {{"AUTHORIZATION", kHush}, {"Proxy-Authorization", kHush},
                                 {"cookie", "sid=hush"},   {"Set-Cookie", "sid=hush; Path=/"},
                                 {"Set-Cookie", "b=hush"}, {"webhook-signature", "v1,hush"},
                                 {"X-Api-Key", "hush"},    {"x-auth-token", "hush"},
                                 {"x-team", "billing"},    {"www-authenticate", "Bearer"}};
  EXPECT_TRUE(has_credentials(headers));
  EXPECT_FALSE(has_placeholders(headers));
  redact(headers, kKey);
  EXPECT_FALSE(has_credentials(headers));
  EXPECT_TRUE(has_placeholders(headers));
  for (std::size_t i = 0; i < 8; ++i) EXPECT_TRUE(is_placeholder(headers[i].value)) << i;
  EXPECT_EQ(headers[8].value, "billing");
  EXPECT_EQ(headers[9].value, "Bearer");
  const auto once = headers;
  redact(headers, "another");
  EXPECT_EQ(headers, once);
}

TEST(RedactionTest, WhatWasShownIsRestored) {
  const Spec stored = spec_with({{"authorization", kHush}, {"x-team", "billing"}});
  Spec edited = shown(stored);
  edited.request.url = "https://A.example/elsewhere?x=1";
  edited.request.headers[0].name = "Authorization";
  ASSERT_TRUE(restore_redacted(edited, stored, kKey));
  EXPECT_EQ(edited.request.headers[0].value, kHush);
  EXPECT_EQ(edited.request.headers[1].value, "billing");
}

TEST(RedactionTest, OfSeveralOfANameEachIsFound) {
  const Spec stored = spec_with({{"x-api-key", "one"}, {"x-api-key", "two"}});
  Spec edited = shown(stored);
  std::swap(edited.request.headers[0], edited.request.headers[1]);
  ASSERT_TRUE(restore_redacted(edited, stored, kKey));
  EXPECT_EQ(edited.request.headers[0].value, "two");
  EXPECT_EQ(edited.request.headers[1].value, "one");
}

TEST(RedactionTest, APlaceholderOfSomethingElseIsRefused) {
  const Spec stored = spec_with({{"authorization", kHush}});
  Spec old = shown(spec_with({{"authorization", "Bearer hush-before"}}));
  expect_no_place(restore_redacted(old, stored, kKey));
  Spec moved = shown(stored);
  moved.request.headers[0].name = "x-seen";
  expect_no_place(restore_redacted(moved, stored, kKey));
  expect_no_place(refuse_redacted(shown(stored).request.headers));
  EXPECT_TRUE(refuse_redacted(stored.request.headers));
}

TEST(RedactionTest, AValueIsNotSentToAnotherReceiver) {
  const Spec stored = spec_with({{"authorization", kHush}});
  for (const char* url : {"https://b.example/in", "http://a.example/in",
                          "https://a.example:8443/in", "https://a.example.evil.example/in"}) {
    Spec edited = shown(stored);
    edited.request.url = url;
    expect_no_place(restore_redacted(edited, stored, kKey));
  }
  Spec with_endpoint = shown(stored);
  with_endpoint.endpoint = "acme";
  expect_no_place(restore_redacted(with_endpoint, stored, kKey));

  Endpoint endpoint;
  endpoint.url = "https://a.example";
  endpoint.headers = {{"authorization", kHush}};
  Endpoint edited = endpoint;
  redact(edited.headers, kKey);
  Endpoint elsewhere = edited;
  elsewhere.url = "https://b.example";
  expect_no_place(restore_redacted(elsewhere, endpoint, kKey));
  ASSERT_TRUE(restore_redacted(edited, endpoint, kKey));
  EXPECT_EQ(edited, endpoint);
}

}  // namespace
}  // namespace rhooks::model
