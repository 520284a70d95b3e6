// What the HTTP server does for clients that behave.

#include "rest/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "rest/test_client.h"
#include "rest/test_server.h"

namespace rhooks::rest {
namespace {

using namespace std::chrono_literals;
using test::call;
using test::Client;
using test::echo;
using test::Gate;
using test::HttpServerTest;
using test::Reply;
using ::testing::HasSubstr;

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

TEST_F(HttpServerTest, AnExceptionIsAnAnswer) {
  const auto port = start({}, [](const HttpRequest& request) -> HttpResponse {
    if (request.path[0] == "int") throw 1;
    if (request.path[0] == "memory") throw std::bad_alloc();
    throw std::runtime_error("secret detail");
  });
  for (const char* target : {"/std", "/int"}) {
    const Reply reply = call(port, {"GET", target});
    EXPECT_EQ(reply.status, 500);
    EXPECT_THAT(reply.body, HasSubstr("\"code\":\"internal\""));
    EXPECT_THAT(reply.body, ::testing::Not(HasSubstr("secret")));
  }
  const Reply reply = call(port, {"GET", "/memory"});
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.header("retry-after"), "1");
  EXPECT_THAT(reply.body, HasSubstr("no memory"));
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
  // The body stays unread, so the connection cannot be used again.
  client.send("POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_EQ(client.receive().status, 401);
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_EQ(call(port, {"POST", "/small", "12345"}).status, 413);
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
  std::thread stopper([&] { server_->stop(10min); });
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
