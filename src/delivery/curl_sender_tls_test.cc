// TLS: what is trusted, and what is offered.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <string>

#include "delivery/curl_sender_fixture.h"
#include "testing/temp_dir.h"
#include "testing/test_http2_receiver.h"
#include "testing/test_receiver.h"

namespace rhooks::delivery {
namespace {

using rhooks::testing::http2_answer;
using rhooks::testing::http2_frame;
using rhooks::testing::http2_goaway;
using rhooks::testing::TestHttp2Receiver;
using rhooks::testing::TestReceiver;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TestReceiver::Options tls(std::vector<std::string> names = {"127.0.0.1", "localhost"}) {
  TestReceiver::Options options;
  options.tls = true;
  options.tls_names = std::move(names);
  return options;
}

CurlSenderOptions trusting(const TestReceiver& receiver) {
  CurlSenderOptions options = CurlSenderFixture::patient();
  options.ca_file = receiver.ca_file();
  return options;
}

TEST(CurlSenderTlsTest, AnUnknownCertificateIsRefused) {
  TestReceiver receiver(tls());
  CurlSenderFixture fixture;
  const auto outcome = fixture.get(receiver.url());
  EXPECT_FALSE(outcome.response);
  EXPECT_THAT(outcome.error,
              HasSubstr("TLS with 127.0.0.1:" + std::to_string(receiver.port()) + " failed: "));
  EXPECT_THAT(outcome.error, HasSubstr("self-signed certificate"));
  EXPECT_EQ(receiver.request_count(), 0u) << "nothing was sent";
}

TEST(CurlSenderTlsTest, ACertificateOfTheCaFileIsTrusted) {
  TestReceiver receiver(tls());
  CurlSenderFixture fixture(trusting(receiver));
  const auto outcome = fixture.send(fixture.request(Method::kPost, receiver.url("/x"), "{}"));
  ASSERT_TRUE(outcome.ok()) << outcome.error;
  ASSERT_EQ(receiver.request_count(), 1u);
  EXPECT_EQ(receiver.requests()[0].body, "{}");
}

TEST(CurlSenderTlsTest, AnotherHostsCertificateIsRefused) {
  TestReceiver receiver(tls({"example.test"}));
  CurlSenderFixture fixture(trusting(receiver));
  const auto outcome = fixture.get(receiver.url());
  EXPECT_FALSE(outcome.response);
  EXPECT_THAT(outcome.error, HasSubstr("TLS with 127.0.0.1:"));
  EXPECT_THAT(outcome.error, HasSubstr("no alternative certificate subject name matches"));
  EXPECT_EQ(receiver.request_count(), 0u);
}

TEST(CurlSenderTlsTest, PlainHttpBehindHttpsIsATlsError) {
  TestReceiver receiver(
      [](const rhooks::testing::TestRequest&) { return rhooks::testing::TestResponse{}; });
  CurlSenderOptions options;
  options.connect_timeout = std::chrono::milliseconds{500};
  CurlSenderFixture fixture(options);
  const auto outcome = fixture.get("https://127.0.0.1:" + std::to_string(receiver.port()));
  EXPECT_FALSE(outcome.response);
  EXPECT_THAT(outcome.error, HasSubstr("127.0.0.1:" + std::to_string(receiver.port())));
  EXPECT_EQ(receiver.request_count(), 0u);
}

TEST(CurlSenderTlsTest, Http2IsOfferedAndConnectionsAreReused) {
  TestReceiver receiver(tls());
  CurlSenderFixture fixture(trusting(receiver));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(fixture.get(receiver.url()).ok());
  EXPECT_THAT(receiver.alpn_offered(), ElementsAre("h2", "http/1.1"));
  EXPECT_EQ(receiver.connections(), 1u);

  for (std::uint64_t i = 0; i < 50; ++i)
    fixture.start(fixture.request(Method::kGet, receiver.url()), i);
  for (const auto& result : fixture.wait(50))
    EXPECT_TRUE(result.outcome.ok()) << result.outcome.error;
}

// What one attempt may take in counts for each of those that share a connection.
TEST(CurlSenderTlsTest, ManyAnswersOnOneConnectionAreNotTooMuchForOne) {
  constexpr std::uint64_t kRequests = 30;
  constexpr std::size_t kFrames = 60, kFrameBytes = 16'000;  // together more than 4 MiB
  constexpr std::uint8_t kData = 0, kHeaders = 1, kEndStream = 1, kEndHeaders = 4;
  TestHttp2Receiver receiver([&](std::uint32_t stream) {
    constexpr std::string_view kStatus200 = "\x88";  // of the static table
    std::string bytes = http2_frame(kHeaders, kEndHeaders, stream, kStatus200);
    for (std::size_t i = 1; i <= kFrames; ++i) {
      bytes +=
          http2_frame(kData, i == kFrames ? kEndStream : 0, stream, std::string(kFrameBytes, 'x'));
    }
    return TestHttp2Receiver::Answer{std::move(bytes), false};
  });
  CurlSenderOptions options = CurlSenderFixture::patient();
  options.ca_file = receiver.ca_file();
  CurlSenderFixture fixture(options);
  ASSERT_TRUE(fixture.get(receiver.url()).ok());
  for (std::uint64_t i = 0; i < kRequests; ++i) {
    fixture.start(fixture.request(Method::kGet, receiver.url()), i);
  }
  for (const auto& result : fixture.wait(kRequests)) {
    ASSERT_TRUE(result.outcome.ok()) << result.outcome.error;
    EXPECT_EQ(result.outcome.response->body.size(), 64u << 10);
  }
  EXPECT_EQ(receiver.connections(), 1u);
}

// Whether it says so before or not.
// What is refused was not looked at, so it may be asked again, but not six times in one attempt.
TEST(CurlSenderTlsTest, AStreamThatIsRefusedIsAskedForOnceMore) {
  constexpr std::uint8_t kRstStream = 3;
  const std::string refused("\0\0\0\x07", 4);
  for (const std::size_t refusals : {std::size_t{1}, std::size_t{100}}) {
    std::atomic<std::size_t> seen = 0;
    TestHttp2Receiver receiver([&](std::uint32_t stream) {
      return TestHttp2Receiver::Answer{
          ++seen <= refusals ? http2_frame(kRstStream, 0, stream, refused) : http2_answer(stream),
          false};
    });
    CurlSenderOptions options = CurlSenderFixture::patient();
    options.ca_file = receiver.ca_file();
    CurlSenderFixture fixture(options);
    const auto outcome = fixture.get(receiver.url());
    EXPECT_EQ(outcome.ok(), refusals == 1) << outcome.error;
    EXPECT_EQ(receiver.request_count(), 2u);
    if (refusals > 1) {
      EXPECT_THAT(outcome.error, HasSubstr("REFUSED_STREAM"));
    }
  }
}

TEST(CurlSenderTlsTest, AnHttp2SessionThatEndsIsNoResponse) {
  for (const bool says_so : {false, true}) {
    TestHttp2Receiver receiver([says_so](std::uint32_t stream) {
      return TestHttp2Receiver::Answer{says_so ? http2_goaway(stream) : "", true};
    });
    CurlSenderOptions options = CurlSenderFixture::patient();
    options.ca_file = receiver.ca_file();
    CurlSenderFixture fixture(options);
    const auto outcome = fixture.get(receiver.url("/secret"));
    EXPECT_FALSE(outcome.response);
    EXPECT_THAT(outcome.error, AllOf(HasSubstr("127.0.0.1:"), HasSubstr("without a response"),
                                     Not(HasSubstr("secret"))));
  }
}

TEST(CurlSenderTlsTest, ACaFileThatCanNotBeReadIsAnError) {
  CurlSenderOptions options;
  options.ca_file = "/nowhere/ca.pem";
  SystemClock clock;
  const auto sender = CurlSender::create(options, clock);
  ASSERT_FALSE(sender);
  EXPECT_EQ(sender.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(sender.error().field, "caFile");
  EXPECT_THAT(sender.error().message, HasSubstr("/nowhere/ca.pem"));
}

TEST(CurlSenderTlsTest, ACaFileWithoutACertificateIsAnError) {
  const rhooks::testing::TempDir dir;
  std::ofstream(dir.sub("ca.pem")) << "no certificate\n";
  SystemClock clock;
  for (const std::string& path : {dir.sub("ca.pem"), dir.path().string()}) {
    CurlSenderOptions options;
    options.ca_file = path;
    const auto sender = CurlSender::create(options, clock);
    ASSERT_FALSE(sender) << path;
    EXPECT_EQ(sender.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(sender.error().field, "caFile");
    EXPECT_THAT(sender.error().message, HasSubstr(path));
  }
}

}  // namespace
}  // namespace rhooks::delivery
