// All kinds of bad clients at random, from several threads, for as long as asked, while good
// clients register tasks and get their deliveries.
#include <random>

#include "testing/soak.h"
#include "tests/bad_clients_fixture.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;
using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t count) {
  return random() % count;
}

template <typename T, std::size_t N>
const T& one_of(Random& random, const T (&values)[N]) {
  return values[below(random, N)];
}

// A request that may be fine, but often is not.
std::string some_request(Random& random) {
  static constexpr const char* kLines[] = {"GET /healthz",
                                           "GET /metrics",
                                           "GET /v1/namespaces/good/tasks?limit=1000",
                                           "POST /v1/tasks/batch",
                                           "POST /v1/namespaces/bad/tasks",
                                           "DELETE /v1/namespaces/%ff",
                                           "TRACE /",
                                           "CONNECT a:1",
                                           "GET http://localhost/openapi.json",
                                           "HEAD /openapi.json",
                                           "OPTIONS *",
                                           "POST /v1/namespaces/bad/tasks/x/trigger"};
  static constexpr const char* kHeaders[] = {"",
                                             "Content-Length: 5\r\n",
                                             "Content-Length: 1000000\r\n",
                                             "Content-Length: -1\r\n",
                                             "Transfer-Encoding: chunked\r\n",
                                             "Transfer-Encoding: gzip, chunked\r\n",
                                             "Expect: 100-continue\r\nContent-Length: 3\r\n",
                                             "Expect: tea\r\n",
                                             "Upgrade: h2c\r\nConnection: Upgrade\r\n",
                                             "Connection: close\r\n",
                                             "A: b\r\n c\r\n",
                                             "Host: localhost\r\n"};
  static constexpr const char* kBodies[] = {"",
                                            "{}",
                                            "[[[[[[[[",
                                            "5\r\nhello\r\n0\r\n\r\n",
                                            "0\r\n\r\n",
                                            "ffffffff\r\n",
                                            "-1\r\n",
                                            "{\"url\":\"\xff\"}",
                                            R"({"items":[{},{},1,"x"]})"};
  std::string headers = one_of(random, kHeaders);
  if (below(random, 8) == 0) headers += one_of(random, kHeaders);
  if (below(random, 16) == 0) headers += "X: " + std::string(below(random, 100'000), 'x') + "\r\n";
  std::string body = one_of(random, kBodies);
  if (below(random, 16) == 0) body += std::string(below(random, 1u << 20), '[');
  return request_text(one_of(random, kLines), headers) + body;
}

// One connection, or a small crowd of them, that does harm as it can. `held` outlives the call:
// slow and idle clients stay, up to a number.
void misbehave(Random& random, std::uint16_t port, std::vector<Client>& held) {
  const auto hold = [&](Client client) {
    if (held.size() < 400) {
      held.push_back(std::move(client));
    } else {
      held[below(random, held.size())] = std::move(client);
    }
  };
  Client client(port, 2s, below(random, 4) == 0 ? 4096 : 0);
  const std::string text = some_request(random);
  switch (below(random, 10)) {
    case 0:  // cut off
      client.send(text.substr(0, below(random, text.size())));
      if (below(random, 2)) client.reset();
      break;
    case 1:  // half-closed
      client.send(text.substr(0, below(random, text.size())));
      client.finish_sending();
      client.receive();
      break;
    case 2:  // idle from the beginning
      hold(std::move(client));
      break;
    case 3:  // slow
      client.send(text.substr(0, below(random, text.size())));
      hold(std::move(client));
      break;
    case 4: {  // pipelined, in part never read
      std::string many;
      for (std::size_t i = below(random, 100); i > 0; --i) many += some_request(random);
      client.send_some(many);
      hold(std::move(client));
      break;
    }
    case 5: {  // noise
      std::string noise(below(random, 5'000), '\0');
      for (char& c : noise) c = static_cast<char>(random());
      client.send(noise);
      break;
    }
    case 6: {  // a request with bytes changed
      std::string changed = text;
      for (std::size_t i = 1 + below(random, 4); i > 0; --i) {
        changed[below(random, changed.size())] = static_cast<char>(random());
      }
      client.send(changed);
      client.finish_sending();
      client.receive();
      break;
    }
    case 7:  // byte by byte
      for (const char c : text.substr(0, 300)) client.send({&c, 1});
      client.reset();
      break;
    case 8:  // answered, and then idle
      client.send(text);
      client.finish_sending();
      hold(std::move(client));
      break;
    default:  // those that were slow send a byte more
      for (Client& slow : held) slow.send_some("x");
      break;
  }
}

TEST_F(BadClientsTest, SoakOfAllKindsAtRandom) {
  constexpr std::size_t kThreads = 3;
  Soak soak("bad clients");
  std::size_t round = 0;
  while (soak.more()) {
    ++round;
    const auto end = std::chrono::steady_clock::now() + 4s;
    std::vector<std::thread> bad;
    for (std::size_t i = 0; i < kThreads; ++i) {
      bad.emplace_back([&, i] {
        Random random(soak.seed() + i);
        std::vector<Client> held;
        while (std::chrono::steady_clock::now() < end) misbehave(random, port(), held);
      });
    }
    GoodClient good(port(), receiver_url(), "round" + std::to_string(round));
    while (std::chrono::steady_clock::now() < end) {
      good.register_task();
      good.health();
    }
    for (std::thread& thread : bad) thread.join();
    soak.count().stuck += good.failed();
    good.expect_in_time();
    const std::size_t lost = undelivered(good);
    soak.count().lost += lost;
    EXPECT_EQ(lost, 0u);
    EXPECT_FALSE(good.acknowledged().empty());
    expect_bounded();
    forget_deliveries();
  }
}

}  // namespace
}  // namespace rhooks::testing
