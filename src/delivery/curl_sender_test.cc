#include "delivery/curl_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>
#include <thread>

#include "delivery/curl_sender_fixture.h"
#include "delivery/request_builder.h"
#include "model/limits.h"
#include "testing/manual_clock.h"
#include "testing/test_receiver.h"

namespace rhooks::delivery {
namespace {

using namespace std::chrono_literals;
using rhooks::testing::TestReceiver;
using rhooks::testing::TestRequest;
using rhooks::testing::TestResponse;

TEST(CurlSenderTest, SendsEveryMethod) {
  TestReceiver receiver([](const TestRequest&) {
    auto response = TestResponse::with_status(201, "made");
    response.headers = {{"X-Answer", "yes"}};
    return response;
  });
  CurlSenderFixture fixture;
  for (const auto method : {Method::kGet, Method::kPost, Method::kPut, Method::kPatch,
                            Method::kDelete, Method::kHead}) {
    SCOPED_TRACE(to_string(method));
    receiver.clear_requests();
    const bool posts =
        method == Method::kPost || method == Method::kPut || method == Method::kPatch;
    auto http = fixture.request(method, receiver.url("/a/../b?q=%20"), posts ? "{\"a\":1}" : "",
                                {{"X-One", "1"}, {"x-empty", ""}});
    const auto request = http.request;
    const auto outcome = fixture.send(std::move(http));
    ASSERT_TRUE(outcome.ok()) << outcome.error;
    EXPECT_EQ(outcome.error, "");
    EXPECT_EQ(outcome.sent, request);
    EXPECT_EQ(outcome.response->status, 201);
    EXPECT_EQ(outcome.response->body, method == Method::kHead ? "" : "made");
    EXPECT_THAT(outcome.response->headers, ::testing::Contains(Header{"X-Answer", "yes"}));
    EXPECT_LE(outcome.started_at, fixture.clock.now());
    EXPECT_GE(outcome.started_at, fixture.clock.now() - 1min);

    const auto seen = receiver.requests();
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].method, to_string(method));
    EXPECT_EQ(seen[0].target, "/a/../b?q=%20");
    EXPECT_EQ(seen[0].body, posts ? "{\"a\":1}" : "");
    EXPECT_EQ(seen[0].header("x-one"), "1");
    EXPECT_TRUE(seen[0].has_header("x-empty"));
    EXPECT_EQ(seen[0].header("content-length"), posts ? "7" : "");
    for (const char* name : {"accept", "accept-encoding", "expect", "content-type", "user-agent",
                             "transfer-encoding", "cookie", "referer"}) {
      EXPECT_FALSE(seen[0].has_header(name)) << name;
    }
  }
}

TEST(CurlSenderTest, SendsWhatTheBuilderMakes) {
  TestReceiver receiver;
  CurlSenderFixture fixture;
  Task task;
  task.key = {"ns", "id"};
  task.request = {Method::kGet, receiver.url("/x?a=1#f"), {}, Body::json(R"({"b":"ä ö"})")};
  auto http = build_request(task, fixture.clock.now());
  ASSERT_TRUE(http);
  const auto outcome = fixture.send(std::move(*http));
  ASSERT_TRUE(outcome.ok());
  const auto seen = receiver.requests();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].target, "/x?a=1&b=%C3%A4%20%C3%B6");
  // The log shows the headers that were sent, all but those of the connection.
  ASSERT_EQ(seen[0].headers.size(), outcome.sent.headers.size() + 1);
  EXPECT_EQ(seen[0].headers[0].name, "Host");
  for (const auto& header : outcome.sent.headers) {
    EXPECT_EQ(seen[0].header(header.name), header.value);
  }
}

TEST(CurlSenderTest, RefusesHeadersThatWouldBreakOut) {
  TestReceiver receiver;
  CurlSenderFixture fixture;
  for (const auto& header : {Header{"X-A", "1\r\nX-Injected: 1"}, Header{"X A", "1"},
                             Header{"X-A:", "1"}, Header{"", "1"}, Header{"X;", ""},
                             Header{"X-A", std::string("a\0b", 3)}, Header{"X-A", "1\n"}}) {
    const auto outcome = fixture.send(fixture.request(Method::kGet, receiver.url(), "", {header}));
    EXPECT_FALSE(outcome.ok());
    EXPECT_FALSE(outcome.response);
    EXPECT_EQ(outcome.error, "a header of the request is malformed");
  }
  EXPECT_EQ(receiver.request_count(), 0u);
}

TEST(CurlSenderTest, AStatusOutside2xxIsAFailureWithAResponse) {
  TestReceiver receiver([](const TestRequest& request) {
    auto response = TestResponse::with_status(std::stoi(request.target.substr(1)), "why");
    response.headers = {{"Location", "/elsewhere"}};
    return response;
  });
  CurlSenderFixture fixture;
  for (const int status : {300, 301, 302, 304, 307, 308, 400, 401, 404, 407, 410, 429, 500, 503}) {
    const auto outcome = fixture.get(receiver.url("/" + std::to_string(status)));
    ASSERT_TRUE(outcome.response) << status << outcome.error;
    EXPECT_EQ(outcome.response->status, status);
    EXPECT_EQ(outcome.error, "") << "the status says it";
    EXPECT_FALSE(outcome.ok());
  }
  EXPECT_EQ(receiver.request_count(), 14u) << "redirects are not followed";
  for (const int status : {200, 202, 204, 299}) {
    const auto outcome = fixture.get(receiver.url("/" + std::to_string(status)));
    EXPECT_TRUE(outcome.ok()) << status;
    EXPECT_EQ(outcome.error, "");
  }
}

TEST(CurlSenderTest, ReadsRetryAfter) {
  std::string value;
  int status = 429;
  TestReceiver receiver([&](const TestRequest&) {
    auto response = TestResponse::with_status(status);
    if (!value.empty()) response.headers = {{"Retry-After", value}};
    return response;
  });
  CurlSenderFixture fixture;
  const auto retry_after = [&](int s, std::string v) {
    status = s;
    value = std::move(v);
    return fixture.get(receiver.url()).retry_after;
  };
  EXPECT_EQ(retry_after(429, "120"), 120s);
  EXPECT_EQ(retry_after(503, "1"), 1s);
  EXPECT_EQ(retry_after(429, ""), std::nullopt) << "not that of the response before";
  EXPECT_EQ(retry_after(200, "120"), std::nullopt);
  EXPECT_EQ(retry_after(429, "soon"), std::nullopt);
  EXPECT_EQ(retry_after(429, "-5"), std::nullopt);
  EXPECT_EQ(retry_after(429, "Fri, 31 Dec 1999 23:59:59 GMT"), std::nullopt) << "in the past";

  const std::time_t then = std::time(nullptr) + 3600;
  char date[64];
  std::tm utc{};
  std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", ::gmtime_r(&then, &utc));
  const auto by_date = retry_after(503, date);
  ASSERT_TRUE(by_date);
  EXPECT_LE(*by_date, 3600s);
  EXPECT_GE(*by_date, 3500s);

  const auto huge = retry_after(503, "9223372036854775807");
  EXPECT_TRUE(!huge || *huge <= 366 * 24h);
}

TEST(CurlSenderTest, RetryAfterOfAnInterimResponseIsNotTheFinalOnes) {
  TestReceiver receiver([](const TestRequest&) {
    TestResponse response;
    response.raw =
        "HTTP/1.1 103 Early Hints\r\nRetry-After: 3600\r\n\r\n"
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    return response;
  });
  CurlSenderFixture fixture;
  const auto outcome = fixture.get(receiver.url());
  ASSERT_TRUE(outcome.response) << outcome.error;
  EXPECT_EQ(outcome.response->status, 503);
  EXPECT_EQ(outcome.retry_after, std::nullopt);
}

TEST(CurlSenderTest, ARetryAfterDateIsReadByTheSchedulersClock) {
  // The machine's clock may be wrong where the scheduler goes by another one.
  const TimePoint now{std::chrono::milliseconds{1'893'456'000'000}};  // 2030-01-01
  testing::ManualClock clock(now);
  TestReceiver receiver([](const TestRequest&) {
    auto response = TestResponse::with_status(503);
    response.headers = {{"Retry-After", "Tue, 01 Jan 2030 00:02:00 GMT"}};
    return response;
  });
  auto sender = CurlSender::create({}, clock);
  ASSERT_TRUE(sender) << sender.error().message;
  (*sender)->start(CurlSenderFixture::request(Method::kGet, receiver.url()));
  std::vector<HttpResult> results;
  for (int i = 0; i < 300 && results.empty(); ++i) results = (*sender)->poll(200ms);
  ASSERT_EQ(results.size(), 1u);
  ASSERT_TRUE(results[0].outcome.retry_after);
  EXPECT_LE(*results[0].outcome.retry_after, 120s);
  EXPECT_GE(*results[0].outcome.retry_after, 60s);
}

TEST(CurlSenderTest, IgnoresProxiesOfTheEnvironment) {
  TestReceiver receiver;
  ::setenv("http_proxy", "http://127.0.0.1:9", 1);
  ::setenv("ALL_PROXY", "http://127.0.0.1:9", 1);
  CurlSenderFixture fixture;
  const auto outcome = fixture.get(receiver.url());
  ::unsetenv("http_proxy");
  ::unsetenv("ALL_PROXY");
  EXPECT_TRUE(outcome.ok()) << outcome.error;
}

TEST(CurlSenderTest, ResolvesNames) {
  TestReceiver receiver;
  CurlSenderFixture fixture;
  const auto outcome = fixture.get("http://localhost:" + std::to_string(receiver.port()) + "/");
  ASSERT_TRUE(outcome.ok()) << outcome.error;
  EXPECT_EQ(receiver.requests()[0].header("host"), "localhost:" + std::to_string(receiver.port()));
}

TEST(CurlSenderTest, IgnoresInterimResponses) {
  TestReceiver receiver([](const TestRequest&) {
    TestResponse response;
    response.raw =
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        "HTTP/1.1 200 OK\r\nx-final: 1\r\ncontent-length: 2\r\n\r\nok";
    return response;
  });
  CurlSenderFixture fixture;
  const auto outcome = fixture.get(receiver.url());
  ASSERT_TRUE(outcome.ok()) << outcome.error;
  EXPECT_EQ(outcome.response->headers,
            (std::vector<Header>{{"x-final", "1"}, {"content-length", "2"}}));
  EXPECT_EQ(outcome.response->body, "ok");
}

TEST(CurlSenderTest, ReusesConnections) {
  TestReceiver receiver;
  CurlSenderFixture fixture;
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(fixture.get(receiver.url()).ok());
  EXPECT_EQ(receiver.connections(), 1u);

  for (int round = 0; round < 10; ++round) {
    for (std::uint64_t i = 0; i < 10; ++i) {
      fixture.start(fixture.request(Method::kPost, receiver.url(), "x"), i);
    }
    for (const auto& result : fixture.wait(10)) EXPECT_TRUE(result.outcome.ok());
  }
  EXPECT_EQ(receiver.request_count(), 150u);
  EXPECT_LE(receiver.connections(), 10u);
}

TEST(CurlSenderTest, KeepsABoundedNumberOfIdleConnections) {
  TestReceiver receiver([](const TestRequest&) {
    TestResponse response;
    response.hold = true;
    return response;
  });
  CurlSenderOptions options = CurlSenderFixture::patient();
  options.max_in_flight = 5;
  CurlSenderFixture fixture(options);
  for (std::uint64_t i = 0; i < 100; ++i)
    fixture.start(fixture.request(Method::kGet, receiver.url()), i);
  // The receiver holds all answers, so that there are 100 connections at once.
  while (receiver.held() < 100) ASSERT_TRUE(fixture.sender->poll(10ms).empty());
  receiver.release_held();
  for (const auto& result : fixture.wait(100)) EXPECT_TRUE(result.outcome.ok());
  EXPECT_TRUE(receiver.wait_open_connections_at_most(20));
}

TEST(CurlSenderTest, ReplacesAConnectionThatTheReceiverClosed) {
  TestReceiver receiver([](const TestRequest&) {
    TestResponse response;
    response.raw = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";  // and then it closes
    return response;
  });
  CurlSenderFixture fixture;
  for (int i = 0; i < 10; ++i) {
    const auto outcome = fixture.get(receiver.url());
    EXPECT_TRUE(outcome.ok()) << outcome.error;
  }
  EXPECT_GE(receiver.request_count(), 10u);
}

TEST(CurlSenderTest, SlotIdsComeBackOnceEach) {
  TestReceiver receiver([](const TestRequest& request) {
    auto response = TestResponse::with_status(200, request.target);
    response.delay = std::chrono::milliseconds{std::stoi(request.target.substr(1)) % 7};
    return response;
  });
  CurlSenderFixture fixture;
  constexpr std::size_t kCount = 300;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    fixture.start(fixture.request(Method::kGet, receiver.url("/" + std::to_string(i))), i);
  }
  EXPECT_EQ(fixture.sender->in_flight(), kCount);
  std::set<std::uint64_t> slot_ids;
  for (const auto& result : fixture.wait(kCount)) {
    EXPECT_TRUE(slot_ids.insert(result.slot_id).second);
    EXPECT_FALSE(result.cancelled);
    ASSERT_TRUE(result.outcome.ok()) << result.outcome.error;
    EXPECT_EQ(result.outcome.response->body, "/" + std::to_string(result.slot_id));
  }
  EXPECT_EQ(fixture.sender->in_flight(), 0u);
  EXPECT_TRUE(fixture.sender->poll(0ms).empty());
}

TEST(CurlSenderTest, AThousandAtOnce) {
  TestReceiver receiver([](const TestRequest&) {
    TestResponse response;
    response.hold = true;
    return response;
  });
  CurlSenderOptions options = CurlSenderFixture::patient();
  options.max_in_flight = 1000;
  CurlSenderFixture fixture(options);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    fixture.start(fixture.request(Method::kPost, receiver.url(), "{}"), i);
  }
  while (receiver.held() < 1000) ASSERT_TRUE(fixture.sender->poll(10ms).empty());
  EXPECT_EQ(receiver.open_connections(), 1000u);
  EXPECT_EQ(fixture.sender->in_flight(), 1000u);
  receiver.release_held();
  for (const auto& result : fixture.wait(1000)) {
    EXPECT_TRUE(result.outcome.ok()) << result.outcome.error;
  }
}

TEST(CurlSenderTest, WakeEndsAPoll) {
  CurlSenderFixture fixture;
  // Before the poll, ...
  fixture.sender->wake();
  EXPECT_TRUE(fixture.sender->poll(10min).empty());
  // ... and during it, from another thread, with a request in flight.
  TestReceiver receiver([](const TestRequest&) {
    TestResponse response;
    response.hold = true;
    return response;
  });
  fixture.start(fixture.request(Method::kGet, receiver.url()));
  std::thread waker([&] {
    EXPECT_TRUE(receiver.wait_held(1));
    fixture.sender->wake();
  });
  EXPECT_TRUE(fixture.sender->poll(10min).empty());
  waker.join();
  receiver.release_held();
  EXPECT_TRUE(fixture.wait(1)[0].outcome.ok());
}

TEST(CurlSenderTest, PollWaitsNoLongerThanItIsTold) {
  CurlSenderFixture fixture;
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(fixture.sender->poll(30ms).empty());
  EXPECT_GE(std::chrono::steady_clock::now() - before, 30ms);
  EXPECT_TRUE(fixture.sender->poll(0ms).empty());
}

TEST(CurlSenderTest, CancelAllGivesEachOneResult) {
  TestReceiver receiver([](const TestRequest& request) {
    TestResponse response;
    response.hold = request.target != "/quick";
    return response;
  });
  CurlSenderFixture fixture;
  for (std::uint64_t i = 0; i < 20; ++i) {
    fixture.start(fixture.request(Method::kPost, receiver.url(), "body"), i);
  }
  while (receiver.held() < 20) ASSERT_TRUE(fixture.sender->poll(10ms).empty());
  fixture.start(fixture.request(Method::kGet, receiver.url()),
                20);  // never got as far as the network
  fixture.sender->cancel_all();
  EXPECT_EQ(fixture.sender->in_flight(), 21u);
  std::set<std::uint64_t> slot_ids;
  for (const auto& result : fixture.wait(21)) {
    EXPECT_TRUE(result.cancelled);
    EXPECT_FALSE(result.outcome.response);
    EXPECT_EQ(result.outcome.sent.url, receiver.url());
    EXPECT_TRUE(slot_ids.insert(result.slot_id).second);
  }
  EXPECT_EQ(fixture.sender->in_flight(), 0u);
  EXPECT_TRUE(receiver.wait_open_connections_at_most(0)) << "the connections are closed";
  EXPECT_EQ(receiver.request_count(), 20u);

  fixture.sender->cancel_all();
  EXPECT_TRUE(fixture.sender->poll(0ms).empty());
  EXPECT_TRUE(fixture.get(receiver.url("/quick")).ok()) << "the sender goes on";
}

TEST(CurlSenderTest, CanBeDestroyedWithRequestsInFlight) {
  TestReceiver receiver([](const TestRequest&) {
    TestResponse response;
    response.hold = true;
    return response;
  });
  {
    CurlSenderFixture fixture;
    for (std::uint64_t i = 0; i < 10; ++i) {
      fixture.start(fixture.request(Method::kPost, receiver.url(), "body"), i);
    }
    while (receiver.held() < 10) ASSERT_TRUE(fixture.sender->poll(10ms).empty());
    fixture.start(fixture.request(Method::kGet, "http:///"), 10);  // a result that nobody fetches
  }
  EXPECT_TRUE(receiver.wait_open_connections_at_most(0));
}

}  // namespace
}  // namespace rhooks::delivery
