#include "cli/rest_client.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "testing/closed_port.h"
#include "testing/late_bytes.h"
#include "testing/test_receiver.h"

namespace rhooks::cli {
namespace {

using testing::late_case_name;
using testing::late_cases;
using testing::LateCase;
using testing::LateKind;
using testing::TestReceiver;
using testing::TestRequest;
using testing::TestResponse;

TEST(RestClientTest, KeepsItsConnection) {
  TestReceiver server;
  RestClient client({.base = server.url("")});
  for (int i = 0; i < 5; ++i) {
    const auto answer = client.call({.path = "/"});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
  }
  EXPECT_EQ(server.connections(), 1u);
}

TEST(RestClientTest, SaysWhetherAnythingMayHaveBeenDone) {
  const testing::ClosedPort closed;
  RestClient nobody({.base = closed.url("")});
  const auto refused = nobody.call({.path = "/"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);

  TestReceiver rude([](const TestRequest&) {
    return TestResponse::with_fault(TestResponse::Fault::kCloseMidBody);
  });
  RestClient client({.base = rude.url("")});
  const auto lost = client.call({.path = "/"});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::kUnknownOutcome);
}

// A proxy would read the key. And it is asked for every name that is not of this machine, however
// it begins; ".invalid" has no address (RFC 6761, section 6.4).
TEST(RestClientTest, NoProxySeesTheKey) {
  TestReceiver proxy;
  const std::string address = proxy.url("");
  ASSERT_EQ(::setenv("http_proxy", address.c_str(), 1), 0);
  for (const char* host : {"http://127.0.0.1.invalid", "http://localhost.invalid:8090"}) {
    RestClient without({.base = host});
    const auto answer = without.call({.path = "/x"});
    EXPECT_TRUE(answer) << host << ": " << answer.error().message;
    RestClient with_key({.base = host, .api_key = "0123456789abcdef"});
    const auto refused = with_key.call({.path = "/x"});
    ASSERT_FALSE(refused) << host;
    EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable) << refused.error().message;
  }
  EXPECT_EQ(::unsetenv("http_proxy"), 0);
  EXPECT_EQ(proxy.request_count(), 2u);
  for (const TestRequest& request : proxy.requests()) {
    EXPECT_FALSE(request.has_header("authorization"));
  }
}

// No command asks by HEAD.
std::vector<LateCase> cases() {
  std::vector<LateCase> cases = late_cases();
  std::erase_if(cases, [](const LateCase& one) { return one.kind.head; });
  return cases;
}

class RestClientIdleTest : public ::testing::TestWithParam<LateCase> {};

// A second answer must not be shown as the next page, or as that of a registration.
TEST_P(RestClientIdleTest, LateBytesAreNoAnswerToTheNextCall) {
  const LateKind kind = GetParam().kind;
  TestReceiver::Options options;
  options.tls = GetParam().tls;
  options.handler = [&kind](const TestRequest& request) {
    TestResponse answer = kind.answer;
    if (answer.status == 200) answer.body = request.target;
    return answer;
  };
  TestReceiver server(options);
  RestClient client({.base = server.url(""), .ca_file = server.ca_file()});
  for (std::size_t i = 1; i <= 4; ++i) {
    const std::string path = "/" + std::to_string(i);
    const auto answer = client.call({.method = "POST", .path = path, .body = "{}"});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, kind.answer.status);
    EXPECT_EQ(answer->body, kind.answer.status == 204 ? "" : path);
    EXPECT_EQ(server.request_count(), i);
    EXPECT_EQ(server.write_late(), 1u);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, RestClientIdleTest, ::testing::ValuesIn(cases()), late_case_name);

}  // namespace
}  // namespace rhooks::cli
