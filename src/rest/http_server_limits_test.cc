// What the HTTP server refuses, bounds and cuts off, so that no client takes it from the others.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>
#include <thread>
#include <vector>

#include "rest/http_server.h"
#include "rest/test_client.h"
#include "rest/test_server.h"
#include "testing/patience.h"
#include "testing/process_facts.h"

namespace rhooks::rest {
namespace {

using namespace std::chrono_literals;
using rhooks::testing::eventually;
using rhooks::testing::with_more_time;
using test::call;
using test::Client;
using test::echo;
using test::Gate;
using test::HttpServerTest;
using test::quick_options;
using test::Reply;

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
  // A trailer that goes on over several lines, as a header must not either.
  const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
  expect_refused(port, chunked + "0\r\nA: b\r\n c\r\n\r\n", 400);
  expect_refused(port, chunked + "3\r\nabc\r\n0;x=y\r\nA: b\r\nC: d\r\n\te\r\n\r\n", 400);
  Client client(port);
  client.send(chunked + "5\r\na\r\n b\r\n0\r\nA: b\r\nC: d\r\n\r\n" +
              test::text_of({"GET", "/next"}));
  EXPECT_EQ(client.receive().body, "POST\na\r\n b");
  EXPECT_EQ(client.receive().body, "GET|next\n");
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
  options.request_bytes_total_max = 2400;  // of which one address has three quarters
  const auto port = start(options);
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
  Client first(port);
  first.send(head + std::string(900, 'x'));
  // Bytes that are there count, and only those.
  EXPECT_TRUE(eventually([&] {
    return call(port, {"POST", "/", std::string(1000, 'x')}).status == 503;
  }));
  expect_refused(port, head, 503);
  EXPECT_EQ(call(port, {"POST", "/", std::string(500, 'x')}).status, 200);
  first.send(std::string(100, 'x'));
  EXPECT_EQ(first.receive().status, 200);
  EXPECT_EQ(call(port, {"POST", "/", std::string(1000, 'x')}).status, 200);
}

TEST_F(HttpServerTest, BodiesThatWereOnlyAnnouncedTakeNoMemoryFromOthers) {
  HttpServerOptions options;
  options.body_bytes_max = 1000;
  options.request_bytes_total_max = 3000;
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
  options.response_bytes_total_max = 80u << 20;  // of which one address has half
  options.write_timeout = 10min;                 // they are not read for as long as the test takes
  const auto port = start(options, [this](const HttpRequest& request) {
    ++handled_;
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
  Client changed(port);
  changed.send(test::text_of({"POST", "/long"}));
  ASSERT_TRUE(changed.wait_readable());
  // It counts, too. Now nothing more is begun for this address, and others are served.
  const int handled = handled_;
  for (const char* method : {"GET", "POST", "DELETE"}) {
    EXPECT_EQ(call(port, {method, "/short"}).status, 503) << method;
  }
  EXPECT_EQ(handled_, handled);
  Client other = Client::from("127.0.0.2", port);
  EXPECT_EQ(call(other, {"POST", "/short"}).status, 200);
  EXPECT_EQ(changed.receive().body.size(), 30u << 20);
  EXPECT_EQ(greedy.receive().body.size(), 30u << 20);
  EXPECT_EQ(call(port, {"POST", "/short"}).status, 200);
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
  EXPECT_TRUE(eventually([&] { return rhooks::testing::allocated_bytes() < before + kBytes / 2; }));
  for (Client& client : idle) EXPECT_EQ(call(client, {"POST", "/", "x"}).status, 200);
}

TEST_F(HttpServerTest, TimesOutSlowClients) {
  const auto port = start(quick_options());
  expect_refused(port, "GET / HTTP/1.1\r\nHost: x\r\nSlow: ", 408);
  expect_refused(port, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe", 408);
  expect_refused(port, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
                 408);
  Client silent(port);
  EXPECT_TRUE(silent.closed_by_server());
  std::optional<Client> idle;
  // A busy machine may hold it up for longer than it has for its request.
  EXPECT_TRUE(eventually([&] {
    idle.emplace(port);
    return call(*idle, {"GET", "/"}).status == 200;
  }));
  EXPECT_TRUE(idle->closed_by_server());
}

TEST_F(HttpServerTest, ABodyThatHardlyArrivesEndsBeforeItsTime) {
  HttpServerOptions options;
  options.body_window = 150ms;
  options.body_window_bytes_min = 100;
  const auto port = start(options);
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n";
  // Much at once, and then nothing.
  expect_refused(port, head + std::string(3'000, 'x'), 408);
  // Slow, but not too slow, for more than three windows.
  options.body_timeout = 10min;
  EXPECT_TRUE(with_more_time(options.body_window, [&](std::chrono::milliseconds window) {
    options.body_window = window;
    Client slow(start(options));
    slow.send(head);
    for (int i = 0; i < 50 && slow.send(std::string(100, 'x')); ++i) {
      std::this_thread::sleep_for(window / 15);
    }
    return slow.receive().status == 200;
  }));
}

TEST_F(HttpServerTest, TrickledHeadersDoNotMoveTheDeadline) {
  const auto port = start(quick_options());
  int status = 0;
  // A busy machine may hold it up for longer than it has for its first byte.
  EXPECT_TRUE(eventually([&] {
    Client client(port);
    client.send("GET / HTTP/1.1\r\nHost: x\r\n");
    std::atomic<bool> done{false};
    std::thread trickle([&] {
      while (!done && client.send("A: b\r\n")) std::this_thread::sleep_for(10ms);
    });
    status = client.receive().status;
    done = true;
    trickle.join();
    return status != 0;
  }));
  EXPECT_EQ(status, 408);
}

TEST_F(HttpServerTest, AClientThatDoesNotReadIsDropped) {
  HttpServerOptions options;
  options.write_timeout = 200ms;
  const auto port = start(options, [this](const HttpRequest&) {
    ++handled_;
    HttpResponse response;
    response.body = std::string(64u << 20, 'x');
    return response;
  });
  Client client(port);
  client.send(test::text_of({"GET", "/"}));
  EXPECT_TRUE(eventually([&] { return handled_ > 0; }));
  EXPECT_TRUE(eventually([&] { return server_->connections() == 0; }));
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
  EXPECT_TRUE(eventually([&] { return last_refusal_ == 503; }));
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

// A connection is chosen to make room, and before it is closed a request comes in.
TEST_F(HttpServerTest, AConnectionWhoseRequestIsYetToBeReadMakesNoRoom) {
  HttpServerOptions options;
  options.connections_max = 1;
  options.io_threads = 1;
  std::optional<Client> idle;
  std::promise<void> sent;
  std::atomic<bool> chosen{false};
  options.on_room_made = [&](std::size_t) {
    if (chosen.exchange(true)) return;
    idle->send(test::text_of({"GET", "/late"}));
    sent.set_value();
  };
  const auto port = start(options);
  idle.emplace(port);
  EXPECT_EQ(call(*idle, {"GET", "/"}).status, 200);
  Client other(port);
  other.send(test::text_of({"GET", "/other"}));
  sent.get_future().wait();
  EXPECT_EQ(idle->receive().body, "GET|late\n");
  idle.reset();
  EXPECT_EQ(other.receive().body, "GET|other\n");
}

TEST_F(HttpServerTest, AConnectionThatIsToldARefusalMakesNoRoom) {
  HttpServerOptions options;
  options.connections_max = 1;
  options.head_patience = std::chrono::milliseconds{0};
  options.linger_timeout = std::chrono::milliseconds{300};
  std::atomic<int> rooms_made{0};
  options.on_room_made = [&](std::size_t) { ++rooms_made; };
  const auto port = start(options);
  Client refused(port);
  refused.send("no request\r\n\r\n");
  EXPECT_EQ(refused.receive().status, 400);
  EXPECT_EQ(call(port, {"GET", "/other"}).body, "GET|other\n");
  EXPECT_EQ(rooms_made, 0);
}

// Between a client's connecting and its sending there is time, on a busy machine much of it.
TEST_F(HttpServerTest, AConnectionThatIsNewMakesNoRoomAtOnce) {
  HttpServerOptions options;
  options.connections_max = 1;
  options.head_patience = std::chrono::milliseconds{3'000};  // a tenth: it has all there are
  const auto port = start(options);
  const auto from = std::chrono::steady_clock::now();
  Client quiet(port);
  EXPECT_EQ(call(port, {"GET", "/other"}).body, "GET|other\n");
  EXPECT_GE(std::chrono::steady_clock::now() - from, options.head_patience / 10);
  EXPECT_TRUE(quiet.closed_by_server());
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

}  // namespace
}  // namespace rhooks::rest
