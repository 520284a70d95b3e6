// How the sender takes receivers that write on connections that are idle.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "delivery/curl_sender_fixture.h"
#include "testing/late_bytes.h"
#include "testing/test_receiver.h"

namespace rhooks::delivery {
namespace {

using namespace std::chrono_literals;
using rhooks::testing::late_case_name;
using rhooks::testing::late_cases;
using rhooks::testing::LateCase;
using rhooks::testing::LateKind;
using rhooks::testing::TestReceiver;
using rhooks::testing::TestRequest;
using rhooks::testing::TestResponse;

class CurlSenderIdleTest : public ::testing::TestWithParam<LateCase> {
 protected:
  CurlSenderIdleTest() : receiver_(options()), fixture_(trusting(receiver_)) {}

  TestReceiver::Options options() {
    TestReceiver::Options options;
    options.tls = GetParam().tls;
    options.handler = [this](const TestRequest& request) {
      TestResponse answer = kind_.answer;
      if (!kind_.head && answer.status == 200) answer.body = request.target;
      return answer;
    };
    return options;
  }
  static CurlSenderOptions trusting(const TestReceiver& receiver) {
    CurlSenderOptions options = CurlSenderFixture::patient();
    options.ca_file = receiver.ca_file();
    return options;
  }

  // Each is an attempt that is over, with the answer to its own request and no other.
  void expect_own_answer(const model::AttemptOutcome& outcome, const std::string& target) {
    ASSERT_TRUE(outcome.ok()) << outcome.error << (outcome.response ? outcome.response->status : 0);
    EXPECT_EQ(outcome.response->status, kind_.answer.status);
    EXPECT_EQ(outcome.response->body, kind_.head || kind_.answer.status == 204 ? "" : target);
    EXPECT_FALSE(outcome.retry_after);
  }

  const LateKind kind_ = GetParam().kind;
  TestReceiver receiver_;
  CurlSenderFixture fixture_;
};

TEST_P(CurlSenderIdleTest, WhatIsDeliveredWasReadByTheReceiver) {
  const std::string body(100'000, 'b');
  for (std::size_t i = 0; i < 6; ++i) {
    SCOPED_TRACE(i);
    const std::string target = "/" + std::to_string(i);
    HttpRequest http = fixture_.request(kind_.head ? Method::kHead : Method::kPost,
                                        receiver_.url(target), kind_.head ? "" : body);
    expect_own_answer(fixture_.send(std::move(http)), target);
    const auto requests = receiver_.requests();
    ASSERT_EQ(requests.size(), i + 1) << "once, and by one attempt";
    EXPECT_EQ(requests[i].target, target);
    EXPECT_GE(requests[i].body.size(), kind_.head ? 0 : body.size());
    EXPECT_EQ(receiver_.write_late(), 1u);
  }
}

TEST_P(CurlSenderIdleTest, ManyAtOnceAreNotChargedForIt) {
  constexpr std::uint64_t kAtOnce = 30;
  std::size_t late = 0;
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t i = 0; i < kAtOnce; ++i) {
      fixture_.start(fixture_.request(kind_.head ? Method::kHead : Method::kGet,
                                      receiver_.url("/" + std::to_string(i))),
                     i);
    }
    for (const auto& result : fixture_.wait(kAtOnce)) {
      expect_own_answer(result.outcome, "/" + std::to_string(result.slot_id));
    }
    EXPECT_EQ(receiver_.request_count(), kAtOnce * static_cast<std::size_t>(round + 1));
    late += receiver_.write_late();
  }
  EXPECT_GE(late, 3u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, CurlSenderIdleTest, ::testing::ValuesIn(late_cases()),
                         late_case_name);

}  // namespace
}  // namespace rhooks::delivery
