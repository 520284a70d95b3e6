#include "rest/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "rest/test_client.h"
#include "testing/process_facts.h"

namespace rhooks::rest {
namespace {

using namespace std::chrono_literals;
using test::call;
using test::Client;
using test::Reply;
using ::testing::HasSubstr;

// Lets handlers wait until the test opens it, and the test until handlers came.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait_for(lock, 20s, [this] { return open_; });
  }
  bool wait_for(int handlers) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] { return waiting_ >= handlers; });
  }
  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
};

// Answers what it got: method, path and body.
HttpResponse echo(const HttpRequest& request) {
  HttpResponse response;
  response.content_type = "text/plain";
  response.body = request.method;
  for (const auto& segment : request.path) response.body += "|" + segment;
  for (const auto& [name, value] : request.query) response.body += "?" + name + "=" + value;
  response.body += "\n" + request.body;
  return response;
}

HttpServerOptions quick_options() {
  HttpServerOptions options;
  options.header_timeout = 150ms;
  options.body_timeout = 150ms;
  options.idle_timeout = 150ms;
  options.linger_timeout = 1'000ms;
  return options;
}

class HttpServerTest : public ::testing::Test {
 protected:
  std::uint16_t start(HttpServerOptions options = {}, HttpHandler handler = echo) {
    options.on_refusal = [this](int status) { last_refusal_ = status; };
    server_ = std::make_unique<HttpServer>(std::move(options), std::move(handler));
    const auto started = server_->start();
    EXPECT_TRUE(started) << started.error().message;
    return server_->port();
  }

  // Sends bytes, expects this status and that the server closes the connection.
  void expect_refused(std::uint16_t port, std::string_view bytes, int status,
                      bool finish_sending = false) {
    SCOPED_TRACE(std::string(bytes.substr(0, 80)));
    Client client(port);
    client.send(bytes);
    if (finish_sending) client.finish_sending();
    const Reply reply = client.receive();
    EXPECT_EQ(reply.status, status) << reply.body;
    EXPECT_EQ(reply.header("content-type"), "application/problem+json");
    EXPECT_EQ(reply.header("connection"), "close");
    EXPECT_THAT(reply.body, HasSubstr("\"status\":" + std::to_string(status)));
    EXPECT_THAT(reply.body, ::testing::Not(HasSubstr("\"title\":\"Error\"")));
    EXPECT_TRUE(client.closed_by_server());
    EXPECT_EQ(last_refusal_.load(), status);
  }

  std::atomic<int> last_refusal_{0};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersOnOneConnectionAgainAndAgain) {
  Client client(start());
  for (int i = 0; i < 3; ++i) {
    const Reply reply =
        call(client, {"POST", "/a/b%2Fc?x=1%202&y=p+q", "hello " + std::to_string(i)});
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "POST|a|b/c?x=1 2?y=p q\nhello " + std::to_string(i));
    EXPECT_EQ(reply.header("connection"), "keep-alive");
    EXPECT_THAT(reply.header("date"), HasSubstr(" GMT"));
  }
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  Client client(start());
  std::string text;
  for (int i = 0; i < 20; ++i) text += test::text_of({"POST", "/" + std::to_string(i), "body"});
  ASSERT_TRUE(client.send(text));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(client.receive().body, "POST|" + std::to_string(i) + "\nbody");
  }
}

TEST_F(HttpServerTest, TakesRequestsInPieces) {
  const auto port = start();
  const std::string text = test::text_of({"PUT", "/piecemeal", "0123456789"});
  Client client(port);
  for (char c : text) ASSERT_TRUE(client.send({&c, 1}));
  EXPECT_EQ(client.receive().body, "PUT|piecemeal\n0123456789");
}

TEST_F(HttpServerTest, TakesChunkedBodiesWithExtensionsAndTrailers) {
  Client client(start());
  client.send(
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nTrailer-Field: x\r\n\r\n");
  EXPECT_EQ(client.receive().body, "POST\nhello world");
  EXPECT_EQ(call(client, {"GET", "/next"}).body, "GET|next\n");
}

TEST_F(HttpServerTest, HeadHasTheLengthButNoBody) {
  Client client(start());
  const Reply head = call(client, {"HEAD", "/x"});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), "7");
  EXPECT_EQ(call(client, {"GET", "/y"}).body, "GET|y\n");
}

TEST_F(HttpServerTest, ContinuesAnExpectedBody) {
  Client client(start());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.receive().status, 100);
  client.send("abc");
  EXPECT_EQ(client.receive().body, "POST\nabc");
}

TEST_F(HttpServerTest, OldClientsGetOneAnswer) {
  Client client(start());
  client.send("GET /old HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.receive().body, "GET|old\n");
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(HttpServerTest, RefusesWhatIsNotHttp) {
  const auto port = start();
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\n";
  expect_refused(port, "\x16\x03\x01\x02 not http at all\r\n\r\n", 400);
  expect_refused(port, "GARBAGE\r\n\r\n", 400);
  expect_refused(port, "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400);
  expect_refused(port, "GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505);
  expect_refused(port, "GET / HTTP/1.1\r\n\r\n", 400);
  expect_refused(port, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400);
  expect_refused(port, "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400);
  // Folded lines: to some proxies the second one is a header of its own.
  expect_refused(port, "POST / HTTP/1.1\r\nHost: a\r\n Content-Length: 3\r\n\r\nabc", 400);
  expect_refused(port, "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\tc\r\n\r\n", 400);
  expect_refused(port, "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_refused(port, "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_refused(port, "GET /?a=%f HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_refused(port, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_refused(port, "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_refused(port, head + "Expect: tea\r\n\r\n", 417);
}

TEST_F(HttpServerTest, RefusesBodiesWhoseEndIsNotClear) {
  const auto port = start();
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\n";
  expect_refused(port, head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                 400);
  expect_refused(port, head + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
                 400);
  expect_refused(port, head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400);
  expect_refused(port, head + "Content-Length: -5\r\n\r\nhello", 400);
  expect_refused(port, head + "Content-Length: 0x5\r\n\r\nhello", 400);
  expect_refused(port, head + "Transfer-Encoding: gzip\r\n\r\nhello", 400);
  expect_refused(port, head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501);
  expect_refused(port, head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400);
  expect_refused(port, head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello world\r\n0\r\n\r\n",
                 400);
  expect_refused(port, head + "Transfer-Encoding: chunked\r\n\r\n5;" + std::string(40'000, 'x'),
                 400);
  expect_refused(port, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
}

TEST_F(HttpServerTest, RefusesTruncatedRequests) {
  const auto port = start();
  expect_refused(port, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello", 400, true);
  expect_refused(port, "POST / HTTP/1.1\r\nHo", 400, true);
  expect_refused(port, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
                 400, true);
}

TEST_F(HttpServerTest, RefusesWhatIsTooLong) {
  HttpServerOptions options;
  options.header_bytes_max = 4096;
  options.body_bytes_max = 1000;
  const auto port = start(options);
  expect_refused(port, "GET /" + std::string(5000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", 431);
  expect_refused(port, "GET / HTTP/1.1\r\nHost: x\r\nBig: " + std::string(5000, 'a') + "\r\n\r\n",
                 431);
  // Many short headers, each of them fine, in pieces.
  std::string many = "GET / HTTP/1.1\r\nHost: x\r\n";
  while (many.size() < 3'000'000) many += "N: v\r\n";
  expect_refused(port, many, 431);
  expect_refused(port, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", 413);
  expect_refused(port, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615\r\n\r\n",
                 413);
  expect_refused(port,
                 "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" +
                     std::string(1001, 'x'),
                 413);
  // Few bytes, but memory for each line.
  std::string lines = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 130; ++i) lines += "N: v\r\n";
  expect_refused(port, lines + "\r\n", 431);
  // A client that sends all of a large body still reads the answer.
  expect_refused(
      port,
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n" + std::string(4'000'000, 'x'),
      413);
  EXPECT_EQ(call(port, {"POST", "/", std::string(1000, 'x')}).status, 200);
}

TEST_F(HttpServerTest, BoundsTheMemoryOfAllBodies) {
  HttpServerOptions options;
  options.body_bytes_max = 1000;
  options.request_bytes_total_max = 1700;
  const auto port = start(options);
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
  Client first(port);
  first.send(head + std::string(900, 'x'));
  // Bytes that are there count, and only those.
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  for (int status = 200; status != 503 && std::chrono::steady_clock::now() < deadline;) {
    status = call(port, {"POST", "/", std::string(1000, 'x')}).status;
  }
  expect_refused(port, head, 503);
  EXPECT_EQ(call(port, {"POST", "/", std::string(500, 'x')}).status, 200);
  first.send(std::string(100, 'x'));
  EXPECT_EQ(first.receive().status, 200);
  EXPECT_EQ(call(port, {"POST", "/", std::string(1000, 'x')}).status, 200);
}

TEST_F(HttpServerTest, BodiesThatWereOnlyAnnouncedTakeNoMemoryFromOthers) {
  HttpServerOptions options;
  options.body_bytes_max = 1000;
  options.request_bytes_total_max = 1500;
  const auto port = start(options);
  std::vector<Client> announcers;
  for (int i = 0; i < 10; ++i) {
    const char* framing = i % 2 ? "Content-Length: 1000" : "Transfer-Encoding: chunked";
    announcers.emplace_back(port).send(std::string("POST / HTTP/1.1\r\nHost: x\r\n") +
                                       "Expect: 100-continue\r\n" + framing + "\r\n\r\n");
    ASSERT_EQ(announcers.back().receive().status, 100);
  }
  EXPECT_EQ(call(port, {"POST", "/", std::string(1000, 'x')}).status, 200);
}

TEST_F(HttpServerTest, BoundsTheMemoryOfResponsesThatAreNotRead) {
  HttpServerOptions options;
  options.response_bytes_total_max = 40u << 20;
  const auto port = start(options, [](const HttpRequest& request) {
    HttpResponse response;
    response.body = std::string(request.path[0] == "long" ? 30u << 20 : 1'000u, 'x');
    return response;
  });
  Client greedy(port);
  greedy.send(test::text_of({"GET", "/long"}));
  ASSERT_TRUE(greedy.wait_readable());
  const Reply reply = call(port, {"GET", "/long"});
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.header("retry-after"), "1");
  EXPECT_EQ(call(port, {"GET", "/short"}).status, 200);
  // Something was changed: that is told, whatever it takes.
  EXPECT_EQ(call(port, {"POST", "/long"}).status, 200);
  EXPECT_EQ(greedy.receive().body.size(), 30u << 20);
}

TEST_F(HttpServerTest, AnIdleConnectionKeepsNoLongBody) {
  constexpr std::size_t kBytes = 5u << 20;
  const auto port = start();
  ASSERT_EQ(call(port, {"POST", "/", "x"}).status, 200);
  const std::size_t before = rhooks::testing::allocated_bytes();
  std::vector<Client> idle;
  for (int i = 0; i < 4; ++i) {
    // It comes back, so that both the request and the response are long.
    const Reply reply = call(idle.emplace_back(port), {"POST", "/", std::string(kBytes, 'x')});
    ASSERT_GT(reply.body.size(), kBytes);
  }
  // The server may still be about to let go of the last one.
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (rhooks::testing::allocated_bytes() > before + kBytes / 2 &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_LT(rhooks::testing::allocated_bytes(), before + kBytes / 2);
  for (Client& client : idle) EXPECT_EQ(call(client, {"POST", "/", "x"}).status, 200);
}

TEST_F(HttpServerTest, AChunkedBodyMayComeByteByByte) {
  // A debug build of Beast ended the process at the fourth byte of "0\r\n\r\n".
  const auto port = start();
  for (const std::string body : {"0\r\n\r\n", "2\r\nab\r\n0\r\nA: b\r\n\r\n"}) {
    Client client(port);
    client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const char c : body) {
      client.send({&c, 1});
      std::this_thread::sleep_for(2ms);
    }
    EXPECT_EQ(client.receive().body, body.size() > 5 ? "POST\nab" : "POST\n");
  }
}

TEST_F(HttpServerTest, TimesOutSlowClients) {
  const auto port = start(quick_options());
  expect_refused(port, "GET / HTTP/1.1\r\nHost: x\r\nSlow: ", 408);
  expect_refused(port, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe", 408);
  expect_refused(port, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
                 408);
  Client silent(port);
  EXPECT_TRUE(silent.closed_by_server());
  Client idle(port);
  EXPECT_EQ(call(idle, {"GET", "/"}).status, 200);
  EXPECT_TRUE(idle.closed_by_server());
}

TEST_F(HttpServerTest, TrickledHeadersDoNotMoveTheDeadline) {
  const auto port = start(quick_options());
  Client client(port);
  ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nHost: x\r\n"));
  std::atomic<bool> done{false};
  std::thread trickle([&] {
    while (!done && client.send("A: b\r\n")) std::this_thread::sleep_for(10ms);
  });
  EXPECT_EQ(client.receive().status, 408);
  done = true;
  trickle.join();
}

TEST_F(HttpServerTest, AClientThatDoesNotReadIsDropped) {
  HttpServerOptions options;
  options.write_timeout = 200ms;
  const auto port = start(options, [](const HttpRequest&) {
    HttpResponse response;
    response.body = std::string(64u << 20, 'x');
    return response;
  });
  Client client(port);
  client.send(test::text_of({"GET", "/"}));
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (server_->connections() == 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  while (server_->connections() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(HttpServerTest, AnExceptionIsAnAnswer) {
  const auto port = start({}, [](const HttpRequest& request) -> HttpResponse {
    if (request.path[0] == "int") throw 1;
    throw std::runtime_error("secret detail");
  });
  for (const char* target : {"/std", "/int"}) {
    const Reply reply = call(port, {"GET", target});
    EXPECT_EQ(reply.status, 500);
    EXPECT_THAT(reply.body, HasSubstr("\"code\":\"internal\""));
    EXPECT_THAT(reply.body, ::testing::Not(HasSubstr("secret")));
  }
}

TEST_F(HttpServerTest, AdmissionAnswersBeforeTheBody) {
  HttpServerOptions options;
  options.admit = [](const HttpRequest& head) {
    Admission admission;
    if (head.path[0] == "early")
      admission.response = problem(401, ErrorCode::kInvalidArgument, "no");
    if (head.path[0] == "small") admission.body_bytes_max = 4;
    return admission;
  };
  const auto port = start(options);
  Client client(port);
  EXPECT_EQ(call(client, {"GET", "/early"}).status, 401);
  EXPECT_EQ(call(client, {"POST", "/small", "1234"}).status, 200);
  // The body stays unread, so the connection can not be used again.
  client.send("POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_EQ(client.receive().status, 401);
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_EQ(call(port, {"POST", "/small", "12345"}).status, 413);
}

TEST_F(HttpServerTest, ShedsLoadPastTheQueue) {
  Gate gate;
  HttpServerOptions options;
  options.handler_threads = 1;
  options.queue_max = 1;
  const auto port = start(options, [&](const HttpRequest& request) {
    gate.pass();
    return echo(request);
  });
  Client running(port);
  running.send(test::text_of({"GET", "/running"}));
  ASSERT_TRUE(gate.wait_for(1));
  // One of these two waits, the other one is refused, whichever comes first.
  Client a(port);
  Client b(port);
  a.send(test::text_of({"GET", "/a"}));
  b.send(test::text_of({"GET", "/b"}));
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (last_refusal_ == 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(last_refusal_.load(), 503);
  gate.open();
  EXPECT_EQ(running.receive().status, 200);
  const Reply ra = a.receive();
  const Reply rb = b.receive();
  EXPECT_EQ(ra.status + rb.status, 200 + 503);
  EXPECT_EQ((ra.status == 503 ? ra : rb).header("retry-after"), "1");
  // The refused connection is still good.
  EXPECT_EQ(call(ra.status == 503 ? a : b, {"GET", "/again"}).status, 200);
}

TEST_F(HttpServerTest, ConnectionsPastTheLimitWait) {
  HttpServerOptions options;
  options.connections_max = 2;
  const auto port = start(options);
  Client a(port);
  Client b(port);
  for (Client* client : {&a, &b}) {
    EXPECT_EQ(call(*client, {"GET", "/"}).status, 200);
    client->send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
    EXPECT_EQ(client->receive().status, 100);  // a request is under way
  }
  Client c(port);
  c.send(test::text_of({"GET", "/c"}));
  EXPECT_EQ(server_->connections(), 2u);
  a.close();
  EXPECT_EQ(c.receive().body, "GET|c\n");
}

TEST_F(HttpServerTest, IdleConnectionsMakeRoomForOthers) {
  HttpServerOptions options;
  options.connections_max = 3;
  const auto port = start(options);
  Client busy(port);
  busy.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  ASSERT_EQ(busy.receive().status, 100);
  Client longest(port);
  EXPECT_EQ(call(longest, {"GET", "/"}).status, 200);
  Client shorter(port);
  EXPECT_EQ(call(shorter, {"GET", "/"}).status, 200);
  // Full, and nobody waits: all stay.
  EXPECT_EQ(call(longest, {"GET", "/"}).status, 200);
  EXPECT_EQ(call(shorter, {"GET", "/"}).status, 200);
  EXPECT_EQ(call(port, {"GET", "/new"}).body, "GET|new\n");
  EXPECT_TRUE(longest.closed_by_server());
  EXPECT_EQ(call(shorter, {"GET", "/"}).status, 200);
  busy.send("x");
  EXPECT_EQ(busy.receive().body, "POST\nx");
}

TEST_F(HttpServerTest, ServesManyConnectionsAtOnce) {
  HttpServerOptions options;
  options.io_threads = 2;
  const auto port = start(options);
  std::vector<Client> clients;
  for (int i = 0; i < 200; ++i) clients.emplace_back(port);
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE(clients[static_cast<std::size_t>(i)].send(
          test::text_of({"POST", "/" + std::to_string(i), std::to_string(round)})));
    }
    for (int i = 0; i < 200; ++i) {
      EXPECT_EQ(clients[static_cast<std::size_t>(i)].receive().body,
                "POST|" + std::to_string(i) + "\n" + std::to_string(round));
    }
  }
  EXPECT_EQ(server_->connections(), 200u);
}

TEST_F(HttpServerTest, StopLetsARunningRequestEnd) {
  Gate gate;
  const auto port = start({}, [&](const HttpRequest& request) {
    gate.pass();
    return echo(request);
  });
  Client idle(port);
  Client running(port);
  running.send(test::text_of({"GET", "/running"}));
  ASSERT_TRUE(gate.wait_for(1));
  std::thread stopper([&] { server_->stop(20s); });
  EXPECT_TRUE(idle.closed_by_server());
  gate.open();
  const Reply reply = running.receive();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("connection"), "close");
  running.close();
  stopper.join();
  EXPECT_FALSE(Client(port).connected());
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(HttpServerTest, StopCutsOffAtTheDeadline) {
  Gate gate;
  const auto port = start({}, [&](const HttpRequest& request) {
    gate.pass();
    return echo(request);
  });
  Client running(port);
  running.send(test::text_of({"GET", "/running"}));
  Client half(port);
  half.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe");
  ASSERT_TRUE(gate.wait_for(1));
  std::thread stopper([&] { server_->stop(50ms); });
  EXPECT_TRUE(running.closed_by_server());
  EXPECT_TRUE(half.closed_by_server());
  gate.open();  // stop() waits for the handler itself
  stopper.join();
}

TEST_F(HttpServerTest, SaysWhatHoldsThePort) {
  const auto port = start();
  HttpServerOptions options;
  options.port = port;
  HttpServer second(options, echo);
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(started.error().message, HasSubstr("127.0.0.1:" + std::to_string(port)));
  EXPECT_THAT(started.error().message, HasSubstr("another program"));
  HttpServerOptions wrong;
  wrong.address = "no-address";
  HttpServer third(wrong, echo);
  EXPECT_EQ(third.start().error().code, ErrorCode::kInvalidArgument);
  wrong.address = "192.0.2.1";
  HttpServer fourth(wrong, echo);
  EXPECT_THAT(fourth.start().error().message, HasSubstr("does not have that address"));
}

}  // namespace
}  // namespace rhooks::rest
