// How the client takes a service, or a proxy before it, that writes on connections that are idle.
#include <gtest/gtest.h>

#include <string>

#include "store/dynamo/client_fixture.h"
#include "testing/late_bytes.h"

namespace rhooks::store::dynamo {
namespace {

using testing::late_case_name;
using testing::late_cases;
using testing::LateCase;
using testing::LateKind;
using testing::TestReceiver;

// Those that the service's answers, which are 200 all, can have.
std::vector<LateCase> cases() {
  std::vector<LateCase> cases = late_cases();
  std::erase_if(cases,
                [](const LateCase& one) { return one.kind.head || one.kind.answer.status != 200; });
  return cases;
}

class ClientIdleTest : public ClientFixture, public ::testing::WithParamInterface<LateCase> {};

TEST_P(ClientIdleTest, LateBytesAreNoAnswerToTheNextCall) {
  const LateKind kind = GetParam().kind;
  TestReceiver::Options service;
  service.tls = GetParam().tls;
  service.handler = [&kind](const TestRequest& request) {
    TestResponse answer = kind.answer;
    answer.body = request.body;  // so that each answer is known for its own
    return answer;
  };
  TestReceiver receiver(service);
  auto with = options();
  with.endpoint = receiver.url("");
  with.ca_file = receiver.ca_file();
  make_client(with);
  for (std::size_t i = 1; i <= 4; ++i) {
    const std::string id = "task-" + std::to_string(i);
    const auto reply = client_->call(call(Operation::kPutItem, id));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_NE(boost::json::serialize(reply->body).find(id), std::string::npos);
    EXPECT_FALSE(reply->maybe_applied_before);
    EXPECT_EQ(receiver.request_count(), i);
    EXPECT_EQ(receiver.write_late(), 1u);
  }
  EXPECT_EQ(metric("rhooks_dynamodb_retries_total"), 0);
  client_.reset();  // before what it speaks to
}

INSTANTIATE_TEST_SUITE_P(Kinds, ClientIdleTest, ::testing::ValuesIn(cases()), late_case_name);

}  // namespace
}  // namespace rhooks::store::dynamo
