// A request or a response that there is no memory for fails alone.
#include <gtest/gtest.h>

#include <string>

#include "delivery/curl_sender_fixture.h"
#include "testing/no_memory.h"

namespace rhooks::delivery {
namespace {

using rhooks::testing::NoMemory;
using rhooks::testing::TestReceiver;
using rhooks::testing::TestRequest;
using rhooks::testing::TestResponse;

constexpr std::size_t kMuch = 40'000;

// On this thread, which is the sender's.
model::AttemptOutcome send_without_memory(CurlSenderFixture& fixture, HttpRequest request) {
  const NoMemory none(kMuch);
  fixture.start(std::move(request));
  return std::move(fixture.wait(1)[0].outcome);
}

TEST(CurlSenderMemoryTest, ARequestThatThereIsNoneFor) {
  TestReceiver receiver;
  CurlSenderFixture fixture;
  auto request = CurlSenderFixture::request(Method::kGet, receiver.url(), {},
                                            {{"Long", std::string(kMuch, 'x')}});
  EXPECT_EQ(send_without_memory(fixture, std::move(request)).error, "out of memory");
  EXPECT_EQ(receiver.request_count(), 0u);
  EXPECT_TRUE(fixture.get(receiver.url()).ok());
}

TEST(CurlSenderMemoryTest, AResponseThatThereIsNoneFor) {
  TestReceiver receiver([](const TestRequest&) {
    return TestResponse::with_status(200, std::string(kMuch + 1'000, 'x'));
  });
  CurlSenderFixture fixture;
  const auto without =
      send_without_memory(fixture, CurlSenderFixture::request(Method::kGet, receiver.url()));
  EXPECT_EQ(without.error, "out of memory");
  EXPECT_FALSE(without.response);
  EXPECT_EQ(without.sent.url, receiver.url());
  const auto with = fixture.get(receiver.url());
  ASSERT_TRUE(with.ok()) << with.error;
  EXPECT_EQ(with.response->body.size(), kMuch + 1'000);
}

}  // namespace
}  // namespace rhooks::delivery
