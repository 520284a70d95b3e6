#include "aws/sigv4.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "base/iso8601.h"
#include "base/sha256.h"

namespace rhooks::aws {
namespace {

const Credentials kCredentials{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "",
                               std::nullopt};
constexpr char kSuiteTime[] = "2015-08-30T12:36:00Z";

TimePoint at(const char* text) {
  return *parse_time(text);
}

std::string header(const std::vector<Header>& headers, std::string_view name) {
  for (const Header& h : headers) {
    if (h.name == name) return h.value;
  }
  return "(none)";
}

std::string signature_of(const std::vector<Header>& headers) {
  const std::string authorization = header(headers, "Authorization");
  const auto found = authorization.rfind("Signature=");
  return found == authorization.npos ? authorization : authorization.substr(found + 10);
}

struct Vector {
  const char* name;
  const char* method;
  const char* path;
  const char* query;
  std::vector<Header> headers;  // besides Host
  const char* body;
  const char* signed_headers;
  const char* signature;
};

// From AWS's Signature Version 4 test suite (aws-sig-v4-test-suite), which the documentation
// published as a download; paths are given as the suite's canonical requests have them.
const std::vector<Vector>& suite() {
  static const std::vector<Vector> vectors = {
      {"get-vanilla",
       "GET",
       "/",
       "",
       {},
       "",
       "host;x-amz-date",
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-header-key-duplicate",
       "GET",
       "/",
       "",
       {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
       "",
       "host;my-header1;x-amz-date",
       "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
      {"get-header-value-order",
       "GET",
       "/",
       "",
       {{"My-Header1", "value4"},
        {"My-Header1", "value1"},
        {"My-Header1", "value3"},
        {"My-Header1", "value2"}},
       "",
       "host;my-header1;x-amz-date",
       "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
      {"get-header-value-trim",
       "GET",
       "/",
       "",
       {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
       "",
       "host;my-header1;my-header2;x-amz-date",
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"get-vanilla-empty-query-key",
       "GET",
       "/",
       "Param1=value1",
       {},
       "",
       "host;x-amz-date",
       "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
      {"get-vanilla-query-order-key-case",
       "GET",
       "/",
       "Param2=value2&Param1=value1",
       {},
       "",
       "host;x-amz-date",
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-vanilla-query-order-key",
       "GET",
       "/",
       "Param1=value2&Param1=Value1",
       {},
       "",
       "host;x-amz-date",
       "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"},
      {"get-vanilla-query-order-value",
       "GET",
       "/",
       "Param1=value2&Param1=value1",
       {},
       "",
       "host;x-amz-date",
       "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
      {"get-vanilla-query-unreserved",
       "GET",
       "/",
       "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz="
       "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
       {},
       "",
       "host;x-amz-date",
       "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
      {"get-space",
       "GET",
       "/example%20space/",
       "",
       {},
       "",
       "host;x-amz-date",
       "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
      {"get-utf8",
       "GET",
       "/%E1%88%B4",
       "",
       {},
       "",
       "host;x-amz-date",
       "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
      {"post-vanilla",
       "POST",
       "/",
       "",
       {},
       "",
       "host;x-amz-date",
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"post-vanilla-empty-query-value",
       "POST",
       "/",
       "Param1=value1",
       {},
       "",
       "host;x-amz-date",
       "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
      {"post-header-key-sort",
       "POST",
       "/",
       "",
       {{"My-Header1", "value1"}},
       "",
       "host;my-header1;x-amz-date",
       "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
      {"post-header-value-case",
       "POST",
       "/",
       "",
       {{"My-Header1", "VALUE1"}},
       "",
       "host;my-header1;x-amz-date",
       "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
      {"post-x-www-form-urlencoded",
       "POST",
       "/",
       "",
       {{"Content-Type", "application/x-www-form-urlencoded"}},
       "Param1=value1",
       "content-type;host;x-amz-date",
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
      {"post-x-www-form-urlencoded-parameters",
       "POST",
       "/",
       "",
       {{"Content-Type", "application/x-www-form-urlencoded; charset=utf8"}},
       "Param1=value1",
       "content-type;host;x-amz-date",
       "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
  };
  return vectors;
}

TEST(SigV4Test, SignsTheRequestsOfTheTestSuite) {
  Signer signer("us-east-1", "service");
  for (const Vector& vector : suite()) {
    SCOPED_TRACE(vector.name);
    std::vector<Header> headers = {{"Host", "example.amazonaws.com"}};
    headers.insert(headers.end(), vector.headers.begin(), vector.headers.end());
    const auto added = signer.sign({.method = vector.method,
                                    .path = vector.path,
                                    .query = vector.query,
                                    .headers = headers,
                                    .body = vector.body},
                                   kCredentials, at(kSuiteTime));
    ASSERT_EQ(added.size(), 2u);
    EXPECT_EQ(header(added, "X-Amz-Date"), "20150830T123600Z");
    EXPECT_EQ(header(added, "Authorization"),
              "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
              "SignedHeaders=" +
                  std::string(vector.signed_headers) + ", Signature=" + vector.signature);
  }
}

// post-sts-header-before of the suite: the token is signed too.
TEST(SigV4Test, SignsTheSessionToken) {
  Credentials credentials = kCredentials;
  credentials.session_token =
      "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSP"
      "fIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT"
      "7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlz"
      "m8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
  const std::vector<Header> headers = {{"Host", "example.amazonaws.com"}};
  Signer signer("us-east-1", "service");
  const auto added =
      signer.sign({.method = "POST", .headers = headers, .body = ""}, credentials, at(kSuiteTime));
  EXPECT_EQ(header(added, "X-Amz-Security-Token"), credentials.session_token);
  EXPECT_EQ(header(added, "Authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            "SignedHeaders=host;x-amz-date;x-amz-security-token, "
            "Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead");
}

// The worked example of the General Reference, "Calculate the signature".
TEST(SigV4Test, DerivesTheDocumentedKey) {
  const auto key = derive_signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830",
                                      "us-east-1", "iam");
  EXPECT_EQ(to_hex(key.data(), key.size()),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
}

// The request of that same example: ListUsers.
TEST(SigV4Test, SignsTheDocumentedRequest) {
  Signer signer("us-east-1", "iam");
  const std::vector<Header> headers = {
      {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"},
      {"Host", "iam.amazonaws.com"}};
  const auto added = signer.sign({.method = "GET",
                                  .query = "Version=2010-05-08&Action=ListUsers",
                                  .headers = headers,
                                  .body = ""},
                                 kCredentials, at(kSuiteTime));
  EXPECT_EQ(signature_of(added),
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

TEST(SigV4Test, CanonicalFormsAreEqual) {
  Signer signer("us-east-1", "service");
  const auto signature = [&](std::vector<Header> headers, std::string_view path,
                             std::string_view query) {
    return signature_of(
        signer.sign({.method = "GET", .path = path, .query = query, .headers = headers, .body = ""},
                    kCredentials, at(kSuiteTime)));
  };
  const std::string plain = signature({{"host", "h"}, {"x-a", "b c"}}, "/", "a=1&b=");
  EXPECT_EQ(signature({{"X-A", " \tb \t c "}, {"HOST", "h"}}, "", "b&a=1"), plain);
  EXPECT_EQ(signature({{"X-A", "b c"}, {"Host", "h"}}, "/", "&b=&&a=1&"), plain);
  EXPECT_NE(signature({{"host", "h"}, {"x-a", "bc"}}, "/", "a=1&b="), plain);
  EXPECT_NE(signature({{"host", "h"}, {"x-a", "b c"}}, "/", "a=1"), plain);
}

TEST(SigV4Test, TheKeptKeyFollowsDateAndSecret) {
  Credentials other = kCredentials;
  other.secret_access_key += "2";
  const std::vector<Header> headers = {{"Host", "example.amazonaws.com"}};
  const SigningInput input{.method = "GET", .headers = headers, .body = ""};
  struct Step {
    const Credentials* credentials;
    const char* time;
  };
  Signer kept("us-east-1", "service");
  for (const Step& step : std::vector<Step>{{&kCredentials, "2015-08-30T23:59:59.999Z"},
                                            {&kCredentials, "2015-08-31T00:00:00Z"},
                                            {&other, "2015-08-31T00:00:00Z"},
                                            {&kCredentials, "2015-08-31T00:00:01Z"},
                                            {&kCredentials, kSuiteTime}}) {
    SCOPED_TRACE(step.time);
    Signer fresh("us-east-1", "service");
    EXPECT_EQ(signature_of(kept.sign(input, *step.credentials, at(step.time))),
              signature_of(fresh.sign(input, *step.credentials, at(step.time))));
  }
  EXPECT_EQ(signature_of(kept.sign(input, kCredentials, at(kSuiteTime))), suite()[0].signature);
}

TEST(SigV4Test, WritesTheDateOfTheEdges) {
  const std::vector<Header> headers = {{"Host", "h"}};
  Signer signer("us-east-1", "service");
  const auto date = [&](TimePoint now) {
    return header(signer.sign({.headers = headers, .body = ""}, kCredentials, now), "X-Amz-Date");
  };
  EXPECT_EQ(date(at("1970-01-01T00:00:00Z")), "19700101T000000Z");
  EXPECT_EQ(date(at("2024-02-29T23:59:59.999Z")), "20240229T235959Z");
  EXPECT_EQ(date(at("9999-12-31T23:59:59Z")), "99991231T235959Z");
}

TEST(SigV4Test, ManyThreadsMaySign) {
  Signer signer("us-east-1", "service");
  Credentials other = kCredentials;
  other.secret_access_key += "2";
  const std::vector<Header> headers = {{"Host", "example.amazonaws.com"}};
  const SigningInput input{.method = "GET", .headers = headers, .body = ""};
  const std::string expected_other =
      signature_of(Signer("us-east-1", "service").sign(input, other, at(kSuiteTime)));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const bool first = (t + i) % 2 == 0;
        EXPECT_EQ(signature_of(signer.sign(input, first ? kCredentials : other, at(kSuiteTime))),
                  first ? suite()[0].signature : expected_other);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace rhooks::aws
