// How the sender takes receivers that misbehave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "delivery/curl_sender_fixture.h"
#include "model/limits.h"
#include "net/own_listeners.h"
#include "testing/closed_port.h"
#include "testing/patience.h"
#include "testing/test_receiver.h"

namespace rhooks::delivery {
namespace {

using namespace std::chrono_literals;
using rhooks::testing::TestReceiver;
using rhooks::testing::TestRequest;
using rhooks::testing::TestResponse;
using rhooks::testing::with_more_time;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Fault = TestResponse::Fault;

CurlSenderOptions with_timeout(std::chrono::milliseconds timeout) {
  CurlSenderOptions options;
  options.request_timeout = timeout;
  return options;
}

std::string address(const TestReceiver& receiver) {
  return "127.0.0.1:" + std::to_string(receiver.port());
}

// Nothing that a URL may hide is in an error.
void expect_failure(const model::AttemptOutcome& outcome, const std::string& text) {
  EXPECT_FALSE(outcome.ok());
  EXPECT_FALSE(outcome.response);
  EXPECT_THAT(outcome.error, HasSubstr(text));
  EXPECT_THAT(outcome.error, Not(HasSubstr("secret")));
}

// Within the limit, having come so far.
bool timed_out(const model::AttemptOutcome& outcome, std::chrono::milliseconds limit,
               const std::string& stage) {
  const std::string how =
      "timed out after " + std::to_string(limit.count()) + " ms (" + stage + ")";
  return outcome.error.find(how) != std::string::npos;
}

TEST(CurlSenderFaultsTest, ConnectionRefused) {
  const rhooks::testing::ClosedPort nobody;
  const std::string where = "127.0.0.1:" + std::to_string(nobody.port());
  CurlSenderFixture fixture;
  const auto url = "http://user:secret1@" + where + "/secret2?t=secret3";
  const auto outcome = fixture.get(url);
  expect_failure(outcome, "could not connect to " + where + ": connection refused");
  EXPECT_EQ(outcome.sent.url, url);
}

TEST(CurlSenderFaultsTest, NoResponseInTime) {
  TestReceiver receiver([](const TestRequest&) {
    TestResponse response;
    response.hold = true;
    return response;
  });
  model::AttemptOutcome outcome;
  EXPECT_TRUE(with_more_time(150ms, [&](std::chrono::milliseconds limit) {
    CurlSenderFixture fixture(with_timeout(limit));
    outcome = fixture.get(receiver.url("/?t=secret"));
    EXPECT_GE(outcome.duration, limit);
    EXPECT_TRUE(receiver.wait_open_connections_at_most(0)) << "the connection is closed";
    return timed_out(outcome, limit, "no response");
  }));
  expect_failure(outcome, "(no response)");

  // Also on a connection that was used before.
  TestReceiver other([](const TestRequest& request) {
    TestResponse response;
    response.hold = request.target == "/hang";
    return response;
  });
  EXPECT_TRUE(with_more_time(150ms, [&](std::chrono::milliseconds limit) {
    CurlSenderFixture fixture(with_timeout(limit));
    const std::size_t before = other.connections();
    if (!fixture.get(other.url()).ok()) return false;
    outcome = fixture.get(other.url("/hang"));
    EXPECT_EQ(other.connections(), before + 1);
    return timed_out(outcome, limit, "no response");
  }));
  expect_failure(outcome, "(no response)");
}

TEST(CurlSenderFaultsTest, ARequestMayHaveLessTimeAndNotMore) {
  TestReceiver receiver([](const TestRequest& request) {
    TestResponse response;
    response.hold = request.target == "/hang";
    return response;
  });
  const auto send = [&](CurlSenderFixture& fixture, std::chrono::milliseconds timeout) {
    HttpRequest http = CurlSenderFixture::request(Method::kGet, receiver.url("/hang"));
    http.timeout = timeout;
    return fixture.send(std::move(http));
  };
  EXPECT_TRUE(with_more_time(150ms, [&](std::chrono::milliseconds limit) {
    CurlSenderFixture fixture;
    const auto outcome = send(fixture, limit);
    EXPECT_GE(outcome.duration, limit);
    EXPECT_TRUE(fixture.get(receiver.url()).ok()) << "the next one has its time";
    return timed_out(outcome, limit, "no response");
  }));
  EXPECT_TRUE(with_more_time(150ms, [&](std::chrono::milliseconds limit) {
    CurlSenderFixture fixture(with_timeout(limit));
    return timed_out(send(fixture, rhooks::testing::kPatience), limit, "no response");
  }));
}

TEST(CurlSenderFaultsTest, AReceiverThatNeverBeginsTls) {
  // The system accepts connections to a listening socket; here nobody takes them from it.
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(listener, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&name), size), 0);
  ASSERT_EQ(::listen(listener, 16), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&name), &size), 0);
  const auto where = "127.0.0.1:" + std::to_string(ntohs(name.sin_port));

  CurlSenderOptions options;
  options.connect_timeout = 150ms;
  CurlSenderFixture fixture(options);
  expect_failure(fixture.get("https://" + where + "/secret"),
                 "could not connect to " + where + ": timed out after 150 ms (no TLS connection)");
  // Plain HTTP has connected by then, so that the longer limit holds.
  model::AttemptOutcome outcome;
  EXPECT_TRUE(with_more_time(200ms, [&](std::chrono::milliseconds limit) {
    options.connect_timeout = limit * 3 / 4;
    options.request_timeout = limit;
    CurlSenderFixture plain(options);
    outcome = plain.get("http://" + where);
    return timed_out(outcome, limit, "no response");
  }));
  expect_failure(outcome, "(no response)");
  ::close(listener);
}

TEST(CurlSenderFaultsTest, ResetAndCloseBeforeTheResponse) {
  for (const auto fault : {Fault::kResetBeforeResponse, Fault::kCloseBeforeResponse}) {
    TestReceiver receiver([&](const TestRequest&) { return TestResponse::with_fault(fault); });
    CurlSenderFixture fixture;
    const auto outcome = fixture.get(receiver.url("/secret"));
    expect_failure(
        outcome, fault == Fault::kResetBeforeResponse
                     ? "the connection to " + address(receiver) + " broke: connection reset by peer"
                     : address(receiver) + " closed the connection without a response");
    EXPECT_EQ(receiver.request_count(), 1u) << "a new connection is not tried again";
  }
}

// As docs/semantics.md says: such a receiver has the request twice, for one attempt.
TEST(CurlSenderFaultsTest, AConnectionThatBreaksWhenItIsUsedAgainIsReplacedWithinTheAttempt) {
  for (const auto fault : {Fault::kResetBeforeResponse, Fault::kCloseBeforeResponse}) {
    std::atomic<int> seen = 0;
    TestReceiver receiver([&](const TestRequest&) {
      return ++seen == 2 ? TestResponse::with_fault(fault) : TestResponse::with_status(200);
    });
    CurlSenderFixture fixture;
    EXPECT_TRUE(fixture.get(receiver.url()).ok());
    fixture.start(fixture.request(Method::kPost, receiver.url(), "once"), 2);
    const auto results = fixture.wait(1);
    ASSERT_EQ(results.size(), 1u);
    EXPECT_TRUE(results[0].outcome.ok()) << results[0].outcome.error;
    ASSERT_EQ(receiver.request_count(), 3u);
    EXPECT_EQ(receiver.requests()[1].body, "once");
    EXPECT_EQ(receiver.requests()[2].body, "once");
  }
}

TEST(CurlSenderFaultsTest, AResponseWithoutItsEndIsNoResponse) {
  for (const auto fault : {Fault::kCloseMidBody, Fault::kResetMidBody}) {
    TestReceiver receiver(
        [&](const TestRequest&) { return TestResponse::with_fault(fault, "begin"); });
    CurlSenderFixture fixture;
    expect_failure(fixture.get(receiver.url()), "status 200 had arrived");
  }
  TestReceiver chunked([](const TestRequest&) {
    TestResponse response;
    response.raw = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc";
    return response;
  });
  CurlSenderFixture fixture;
  expect_failure(fixture.get(chunked.url()), "status 200 had arrived");
}

TEST(CurlSenderFaultsTest, HeadersWithoutTheirEnd) {
  TestReceiver receiver([](const TestRequest&) {
    TestResponse response;
    response.raw = "HTTP/1.1 200 OK\r\nx: 1\r\n";
    return response;
  });
  CurlSenderFixture fixture;
  expect_failure(fixture.get(receiver.url()),
                 address(receiver) + " closed the connection within the headers of its response");
}

TEST(CurlSenderFaultsTest, AnEndlessBodyIsCut) {
  TestReceiver receiver(
      [](const TestRequest&) { return TestResponse::with_fault(Fault::kEndlessBody); });
  CurlSenderFixture fixture;
  const auto outcome = fixture.get(receiver.url());
  ASSERT_TRUE(outcome.ok()) << "the status is known: " << outcome.error;
  EXPECT_EQ(outcome.error, "");
  EXPECT_TRUE(outcome.response->body_truncated);
  EXPECT_EQ(outcome.response->body, std::string(model::kResponseBodyBytesMax, 'x'));
  EXPECT_TRUE(receiver.wait_open_connections_at_most(0)) << "the rest is not read";
}

TEST(CurlSenderFaultsTest, NothingIsSentToWhatThisProcessListensOn) {
  static TestReceiver receiver;  // its port is its own for as long as it counts as a listener
  net::add_own_listener("127.0.0.1", receiver.port());
  CurlSenderFixture fixture;
  const std::string port = std::to_string(receiver.port());
  for (const char* host : {"127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]"}) {
    const auto outcome = fixture.get("http://" + std::string(host) + ":" + port + "/");
    EXPECT_FALSE(outcome.response);
    EXPECT_THAT(outcome.error, HasSubstr("leads to the scheduler itself")) << host;
  }
  EXPECT_EQ(receiver.connections(), 0u);
  TestReceiver other;
  EXPECT_TRUE(fixture.get(other.url()).ok());
}

// An extension of a chunk is no part of the body, and libcurl counts it nowhere: an attempt took in
// some hundred MiB until its time was over.
TEST(CurlSenderFaultsTest, WhatIsNoPartOfTheResponseIsBounded) {
  TestReceiver receiver([](const TestRequest& request) {
    if (request.target == "/fine") {
      return TestResponse::with_status(200, std::string(model::kResponseReadBytesMax, 'x'));
    }
    TestResponse response;
    response.raw =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=" + std::string(64u << 20, 'x');
    return response;
  });
  CurlSenderFixture fixture;
  for (int i = 0; i < 2; ++i) {
    const auto outcome = fixture.get(receiver.url());
    EXPECT_FALSE(outcome.response);
    EXPECT_THAT(outcome.error, HasSubstr("more than 4 MiB"));
    EXPECT_TRUE(receiver.wait_open_connections_at_most(0)) << "the rest is not read";
    // The next ones on a connection that is kept are whole.
    for (int n = 0; n < 20; ++n) {
      EXPECT_TRUE(fixture.get(receiver.url("/fine")).ok());
    }
  }
}

TEST(CurlSenderFaultsTest, BodiesAreStoredTo64KiB) {
  std::size_t size = 0;
  TestReceiver receiver(
      [&](const TestRequest&) { return TestResponse::with_status(500, std::string(size, 'y')); });
  CurlSenderFixture fixture;
  for (const auto bytes : {model::kResponseBodyBytesMax, model::kResponseBodyBytesMax + 1,
                           model::kResponseReadBytesMax, model::kResponseReadBytesMax + 1}) {
    size = bytes;
    const auto outcome = fixture.get(receiver.url());
    ASSERT_TRUE(outcome.response) << outcome.error;
    EXPECT_EQ(outcome.response->status, 500);
    EXPECT_EQ(outcome.response->body.size(), model::kResponseBodyBytesMax);
    EXPECT_EQ(outcome.response->body_truncated, bytes > model::kResponseBodyBytesMax);
    EXPECT_EQ(outcome.error, "");
  }
}

TEST(CurlSenderFaultsTest, EndlessHeadersAreGivenUp) {
  for (const auto fault : {Fault::kEndlessHeaders, Fault::kEndlessInterim}) {
    TestReceiver receiver([&](const TestRequest&) { return TestResponse::with_fault(fault); });
    CurlSenderFixture fixture;
    const auto outcome = fixture.get(receiver.url());
    EXPECT_FALSE(outcome.ok());
    EXPECT_FALSE(outcome.response);
    EXPECT_NE(outcome.error, "");
    EXPECT_THAT(outcome.error, Not(HasSubstr("timed out")));
    EXPECT_TRUE(receiver.wait_open_connections_at_most(0));
  }
}

// libcurl gives it up by itself, and calls it out of memory.
TEST(CurlSenderFaultsTest, AHeaderLineThatIsTooLongIsCalledThat) {
  TestReceiver receiver([](const TestRequest&) {
    auto response = TestResponse::with_status(200, "ok");
    response.headers = {{"x-long", std::string(101 * 1024, 'h')}};
    return response;
  });
  CurlSenderFixture fixture;
  expect_failure(fixture.get(receiver.url("/secret")),
                 address(receiver) + " answered with a header line longer than 100 KiB");
}

TEST(CurlSenderFaultsTest, AMalformedBodyIsCalledThat) {
  TestReceiver receiver([](const TestRequest&) {
    TestResponse response;
    response.raw = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nno length\r\n";
    return response;
  });
  CurlSenderFixture fixture;
  expect_failure(fixture.get(receiver.url("/secret")), "chunked-encoding (status 200 had arrived)");
}

TEST(CurlSenderFaultsTest, ManyHeadersAreKeptTo64KiB) {
  TestReceiver receiver([](const TestRequest&) {
    auto response = TestResponse::with_status(200, "ok");
    for (int i = 0; i < 100; ++i) {
      response.headers.push_back({"x-" + std::to_string(i), std::string(1000, 'h')});
    }
    return response;
  });
  CurlSenderFixture fixture;
  const auto outcome = fixture.get(receiver.url());
  ASSERT_TRUE(outcome.ok()) << outcome.error;
  std::size_t bytes = 0;
  for (const auto& header : outcome.response->headers) {
    bytes += header.name.size() + header.value.size();
  }
  EXPECT_LE(bytes, model::kResponseHeaderBytesMax);
  EXPECT_GT(bytes, model::kResponseHeaderBytesMax - 1100);
  EXPECT_EQ(outcome.response->body, "ok");
}

TEST(CurlSenderFaultsTest, ASlowBodyRunsIntoTheTimeout) {
  TestReceiver receiver([](const TestRequest&) {
    auto response = TestResponse::with_fault(Fault::kDripBody, std::string(10'000, 'd'));
    response.drip = 5ms;
    return response;
  });
  const std::string stage = "status 200 arrived, but not the end of the response";
  model::AttemptOutcome dripped;
  EXPECT_TRUE(with_more_time(200ms, [&](std::chrono::milliseconds limit) {
    CurlSenderFixture fixture(with_timeout(limit));
    dripped = fixture.get(receiver.url());
    return timed_out(dripped, limit, stage);
  }));
  expect_failure(dripped, stage);

  TestReceiver quick([](const TestRequest&) {
    auto response = TestResponse::with_fault(Fault::kDripBody, "slow");
    response.drip = 1ms;
    return response;
  });
  CurlSenderFixture patient;
  const auto outcome = patient.get(quick.url());
  ASSERT_TRUE(outcome.ok()) << outcome.error;
  EXPECT_EQ(outcome.response->body, "slow");
}

TEST(CurlSenderFaultsTest, WrongContentLength) {
  std::string raw;
  TestReceiver receiver([&](const TestRequest&) {
    TestResponse response;
    response.raw = raw;
    return response;
  });
  CurlSenderFixture fixture;
  raw = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort";
  expect_failure(fixture.get(receiver.url()), "before the end of its response (status 200");
  raw = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello, and more";
  const auto outcome = fixture.get(receiver.url());
  ASSERT_TRUE(outcome.ok()) << outcome.error;
  EXPECT_EQ(outcome.response->body, "hello");
  raw = "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\nhello";
  expect_failure(fixture.get(receiver.url()), address(receiver));
}

TEST(CurlSenderFaultsTest, NotHttpAtAll) {
  std::string raw;
  TestReceiver receiver([&](const TestRequest&) {
    TestResponse response;
    response.raw = raw;
    return response;
  });
  CurlSenderFixture fixture;
  for (const std::string& text :
       {std::string("220 smtp.example ESMTP\r\n"), std::string("\x00\x01\x02garbage\xFF", 11),
        std::string("HTTP/9.9 banana\r\n\r\n"), std::string("HTTP/1.1\r\n\r\n")}) {
    raw = text;
    const auto outcome = fixture.get(receiver.url("/secret"));
    expect_failure(outcome, address(receiver));
    for (const char c : outcome.error) EXPECT_TRUE(c >= ' ' && c <= '~') << outcome.error;
  }
}

TEST(CurlSenderFaultsTest, UrlsThatCanNotBeSent) {
  CurlSenderFixture fixture;
  for (const char* url : {"", "http:///", "ftp://127.0.0.1/", "file:///etc/passwd", "no url"}) {
    const auto outcome = fixture.get(url);
    EXPECT_FALSE(outcome.response) << url;
    EXPECT_NE(outcome.error, "") << url;
  }
}

TEST(CurlSenderFaultsTest, AFailureDoesNotTouchTheOthers) {
  TestReceiver receiver([](const TestRequest& request) {
    if (request.target == "/reset") return TestResponse::with_fault(Fault::kResetBeforeResponse);
    if (request.target == "/endless") return TestResponse::with_fault(Fault::kEndlessBody);
    if (request.target == "/garbage") {
      TestResponse response;
      response.raw = "?";
      return response;
    }
    return TestResponse::with_status(200, request.target);
  });
  CurlSenderFixture fixture;
  constexpr std::size_t kCount = 200;
  const char* const targets[] = {"/reset", "/ok", "/endless", "/fine", "/garbage"};
  for (std::uint64_t i = 0; i < kCount; ++i) {
    fixture.start(fixture.request(Method::kGet, receiver.url(targets[i % 5])), i);
  }
  for (const auto& result : fixture.wait(kCount)) {
    switch (result.slot_id % 5) {
      case 1:
      case 3:
        ASSERT_TRUE(result.outcome.ok()) << result.outcome.error;
        EXPECT_EQ(result.outcome.response->body, targets[result.slot_id % 5]);
        break;
      case 2:
        ASSERT_TRUE(result.outcome.ok()) << result.outcome.error;
        EXPECT_TRUE(result.outcome.response->body_truncated);
        break;
      default:
        EXPECT_FALSE(result.outcome.ok());
        EXPECT_NE(result.outcome.error, "");
    }
  }
}

}  // namespace
}  // namespace rhooks::delivery
