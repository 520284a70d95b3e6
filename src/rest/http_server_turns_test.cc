// That no client, and no kind of request, takes the server from the others.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

#include "rest/http_server.h"
#include "rest/peers.h"
#include "rest/test_client.h"
#include "rest/test_server.h"
#include "testing/patience.h"

namespace rhooks::rest {
namespace {

using namespace std::chrono_literals;
using rhooks::testing::eventually;
using test::call;
using test::Client;
using test::echo;
using test::Gate;
using test::HttpServerTest;

class HttpServerTurnsTest : public HttpServerTest {
 protected:
  // Requests for /many are that; /now is answered by the network thread.
  HttpServerOptions with_work(int handler_threads) {
    HttpServerOptions options;
    options.handler_threads = handler_threads;
    options.admit = [this](const HttpRequest& head) {
      Admission admission;
      const std::string path = head.path.empty() ? std::string() : head.path[0];
      if (path == "many") admission.work = Work::kMany;
      if (path == "now") {
        admission.response = HttpResponse{};
      } else {
        ++admitted_;
      }
      return admission;
    };
    return options;
  }

  // Until so many requests were handed over. There is one network thread: once it answers another
  // one, it is done with those before.
  void await_admitted(int requests) {
    ASSERT_TRUE(eventually([&] { return admitted_ == requests; })) << admitted_;
    EXPECT_EQ(call(server_->port(), {"GET", "/now"}).status, 200);
  }

  std::atomic<int> admitted_{0};
  Gate gate_;
};

TEST_F(HttpServerTurnsTest, WhatAsksForMuchHasPlacesOfItsOwn) {
  std::atomic<int> at_work{0};
  std::atomic<int> most{0};
  const auto port = start(with_work(8), [&](const HttpRequest& request) {
    if (request.path[0] == "many") {
      const int now = ++at_work;
      for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
      }
      gate_.pass();
      --at_work;
    }
    return echo(request);
  });
  std::vector<Client> many;
  for (int i = 0; i < 50; ++i) {
    many.emplace_back(port).send(test::text_of({"POST", "/many"}));
  }
  ASSERT_TRUE(gate_.wait_for(2));
  // All of its places are taken, and none of the others'.
  for (int i = 0; i < 20; ++i) EXPECT_EQ(call(port, {"GET", "/one"}).status, 200);
  gate_.open();
  for (Client& client : many) EXPECT_EQ(client.receive().status, 200);
  EXPECT_EQ(most, 2);
}

TEST_F(HttpServerTurnsTest, ClientsOfDifferentAddressesTakeTurns) {
  std::mutex mutex;
  std::vector<std::string> order;
  const auto port = start(with_work(1), [&](const HttpRequest& request) {
    gate_.pass();
    std::lock_guard lock(mutex);
    order.push_back(request.path[0]);
    return echo(request);
  });
  std::vector<Client> clients;
  const auto send = [&](const char* from, const std::string& path) {
    clients.push_back(Client::from(from, port));
    ASSERT_TRUE(clients.back().send(test::text_of({"GET", "/" + path})));
  };
  send("127.0.0.1", "first");
  ASSERT_TRUE(gate_.wait_for(1));
  for (int i = 0; i < 100; ++i) send("127.0.0.1", "greedy");
  send("127.0.0.2", "other");
  await_admitted(102);
  gate_.open();
  for (Client& client : clients) EXPECT_EQ(client.receive().status, 200);
  std::lock_guard lock(mutex);
  const auto other = std::find(order.begin(), order.end(), "other");
  ASSERT_NE(other, order.end());
  EXPECT_LE(other - order.begin(), 2) << "of " << order.size();
}

TEST_F(HttpServerTurnsTest, OneAddressDoesNotTakeAllPlacesOfTheQueue) {
  HttpServerOptions options = with_work(1);
  options.queue_max = 9;
  const auto port = start(options, [&](const HttpRequest& request) {
    gate_.pass();
    return echo(request);
  });
  std::vector<Client> greedy;
  for (int i = 0; i < 20; ++i) greedy.emplace_back(port).send(test::text_of({"GET", "/"}));
  await_admitted(20);
  Client other = Client::from("127.0.0.2", port);
  other.send(test::text_of({"GET", "/other"}));
  await_admitted(21);
  gate_.open();
  EXPECT_EQ(other.receive().status, 200);
  int refused = 0;
  for (Client& client : greedy) refused += client.receive().status == 503;
  EXPECT_EQ(refused, 20 - 6);
}

TEST_F(HttpServerTurnsTest, WorkOfClientsThatAreGoneIsNotDone) {
  const auto port = start(with_work(1), [&](const HttpRequest& request) {
    ++handled_;
    gate_.pass();
    return echo(request);
  });
  Client running(port);
  running.send(test::text_of({"GET", "/"}));
  ASSERT_TRUE(gate_.wait_for(1));
  // The same of one that has only sent all that it had to say.
  Client half(port);
  half.send(test::text_of({"GET", "/half"}));
  half.finish_sending();
  {
    std::vector<Client> gone;
    for (int i = 0; i < 100; ++i) gone.emplace_back(port).send(test::text_of({"GET", "/"}));
    await_admitted(102);
    for (Client& client : gone) client.reset();
  }
  // Only what waited for some time is asked whether anybody waits for it.
  std::this_thread::sleep_for(50ms);
  gate_.open();
  EXPECT_EQ(running.receive().status, 200);
  EXPECT_EQ(half.receive().status, 200);
  EXPECT_TRUE(eventually([this] { return server_->connections() <= 2; }));
  EXPECT_EQ(handled_, 2);
  EXPECT_EQ(last_refusal_, 499);
}

TEST_F(HttpServerTurnsTest, HeadsThatDoNotEndMakeRoomWhereItIsCrowded) {
  std::atomic<std::size_t> ended{0};
  HttpServerOptions options;
  options.connections_max = 20;
  options.head_patience = 500ms;
  options.header_timeout = 1h;  // so that the time of a head is not what ends one
  options.on_room_made = [&](std::size_t connections) { ended += connections; };
  const auto port = start(options);
  Client kept = Client::from("127.0.0.2", port);
  EXPECT_EQ(call(kept, {"GET", "/"}).status, 200);  // idle for longer than any of the others
  std::vector<Client> half;
  for (int i = 0; i < 19; ++i) {
    half.emplace_back(port).send("GET / HTTP/1.1\r\nHost: x\r\nSlow: ");
  }
  ASSERT_TRUE(eventually([this] { return server_->connections() == 20; }));
  EXPECT_EQ(call(port, {"GET", "/"}).status, 200);
  EXPECT_GE(ended, 1u);
  // Those of the address that has most of the connections went first.
  EXPECT_EQ(call(kept, {"GET", "/"}).status, 200);
  // One whose head is still coming in time is served.
  EXPECT_TRUE(half.front().closed_by_server());
}

TEST(PeersTest, AreAddressesAndNetworks) {
  Peers peers;
  const auto of = [&](const char* address) {
    return peers.of(boost::asio::ip::make_address(address));
  };
  const auto v4 = of("192.0.2.1");
  EXPECT_EQ(of("192.0.2.1"), v4);
  EXPECT_EQ(of("::ffff:192.0.2.1"), v4);
  EXPECT_NE(of("192.0.2.2"), v4);
  const auto v6 = of("2001:db8:0:1::1");
  EXPECT_EQ(of("2001:db8:0:1:ffff::2"), v6);
  EXPECT_NE(of("2001:db8:0:2::1"), v6);
  EXPECT_NE(of("::1"), of("0.0.0.0"));
}

TEST(PeersTest, AreForgottenWithTheLastConnection) {
  Peers peers;
  const auto address = boost::asio::ip::make_address("192.0.2.1");
  {
    const auto first = peers.of(address);
    first->connections = 7;
    EXPECT_EQ(peers.of(address)->connections, 7u);
  }
  EXPECT_EQ(peers.of(address)->connections, 0u);
}

}  // namespace
}  // namespace rhooks::rest
