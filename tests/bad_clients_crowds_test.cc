// Many clients that are slow, idle, greedy or rude at the same time, against the real server:
// those that mean well are served in time.
#include <random>

#include "testing/crowd.h"
#include "tests/bad_clients_fixture.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;

std::vector<Client> connected(std::uint16_t port, std::size_t count) {
  std::vector<Client> clients;
  clients.reserve(count);
  for (std::size_t i = 0; i < count; ++i) clients.emplace_back(port);
  return clients;
}

// One byte of `text` on each connection, round after round.
void drip(std::vector<Client>& clients, const std::string& text, std::chrono::milliseconds pause) {
  for (const char c : text) {
    for (Client& client : clients) client.send_some({&c, 1});
    std::this_thread::sleep_for(pause);
  }
}

TEST_F(BadClientsTest, FiveHundredDripTheirHeads) {
  std::vector<Client> slow = connected(port(), crowd(500));
  while_served([&] {
    for (Client& client : slow) client.send(kRegisterLine + " HTTP/1.1\r\nHost: localhost\r\nX: ");
    // A byte now and then does not move the deadline, which is 10 s. Who sends on for long after
    // the answer may lose it.
    EXPECT_TRUE(eventually(
        [&] {
          bool all = true;
          for (Client& client : slow) {
            if (client.readable()) continue;
            client.send_some("x");
            all = false;
          }
          return all;
        },
        1s));
  });
  for (Client& client : slow) {
    EXPECT_EQ(client.receive().status, 408);
    EXPECT_TRUE(client.closed_by_server());
  }
}

TEST_F(BadClientsTest, FiveHundredDripTheirBodies) {
  // They announce 8 GiB together, the half of them without a length.
  std::vector<Client> slow = connected(port(), crowd(500));
  while_served([&] {
    for (std::size_t i = 0; i < slow.size(); ++i) {
      slow[i].send(request_text("POST /v1/tasks/batch", i % 2 ? "Content-Length: 16777216\r\n"
                                                              : "Transfer-Encoding: chunked\r\n"));
      if (i % 2 == 0) slow[i].send("fffff0\r\n");
    }
    drip(slow, R"({"items":[{"url":")", 100ms);
    // A batch of somebody else's has room.
    std::string batch = R"({"items":[)";
    for (int i = 0; i < 1'000; ++i) {
      batch +=
          std::string(i ? "," : "") + R"({"namespace":"batch","id":")" + std::to_string(i) +
          R"(","url":"http://127.0.0.1:9/","method":"POST","scheduledDate":"2099-01-01T00:00:00Z",)" +
          R"("body":")" + std::string(2'000, 'x') + "\"}";
    }
    expect_answer(request_text("POST /v1/tasks/batch", {}, batch + "]}"), {200});
  });
  slow.clear();
}

TEST_F(BadClientsTest, TenThousandIdleConnections) {
  if (raise_open_files() < 13'000) GTEST_SKIP() << "the limit of open files is too low";
  const auto idle = [this](std::size_t count, bool with_request) {
    std::vector<Client> clients;
    for (std::size_t i = 0; i < count; ++i) {
      clients.emplace_back(port());
      EXPECT_TRUE(clients.back().connected()) << i;
      if (with_request) clients.back().send(request_text("GET /healthz"));
    }
    return clients;
  };
  // Those that were answered and stay, and those that never say a word, for which they have less
  // time.
  std::vector<Client> answered = idle(5'000, true);
  std::vector<Client> silent = idle(5'000, false);
  EXPECT_TRUE(eventually([this] { return open_files(pid()) > 9'000; })) << open_files(pid());
  while_served([&] {
    std::vector<Client> more = idle(1'000, false);
    std::this_thread::sleep_for(1s);
  });
  EXPECT_LT(open_files(pid()), 10'500u);
  for (Client& client : answered) client.close();
  // The silent ones are closed by the server: within 10 s.
  for (Client& client : silent) ASSERT_TRUE(client.closed_by_server());
}

TEST_F(BadClientsTest, TenThousandHalfHeads) {
  if (raise_open_files() < 13'000) GTEST_SKIP() << "the limit of open files is too low";
  // None of them is idle, so good clients wait until their time is over, and no longer: 10 s.
  std::vector<Client> half;
  for (int i = 0; i < 10'000; ++i) {
    half.emplace_back(port());
    ASSERT_TRUE(half.back().connected()) << i;
    half.back().send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nCookie: " +
                     std::string(4'000, 'x'));
  }
  Client patient(port());
  ASSERT_TRUE(patient.send(request_text("GET /healthz")));
  EXPECT_EQ(patient.receive().status, 200);
  std::size_t told = 0;
  for (Client& client : half) told += client.receive().status == 408;
  EXPECT_GT(told, 9'000u);
}

TEST_F(BadClientsTest, NobodyReads) {
  // A page of tasks is 8 MiB; sixty-four of them would be 512 MiB.
  const std::string filler(250'000, 'x');
  for (int i = 0; i < 32; ++i) {
    expect_answer(request_text("POST /v1/namespaces/large/tasks", {},
                               R"({"url":"http://127.0.0.1:9/","method":"POST","body":")" + filler +
                                   R"(","scheduledDate":"2099-01-01T00:00:00Z"})"),
                  {201});
  }
  std::vector<Client> greedy;
  while_served([&] {
    for (std::size_t i = 0; i < crowd(64); ++i) {
      greedy.emplace_back(port(), Client::kPatience, 4096)
          .send(request_text("GET /v1/namespaces/large/tasks"));
    }
    std::this_thread::sleep_for(5s);
  });
  greedy.clear();
  EXPECT_TRUE(eventually([this] { return read("/v1/namespaces/large/tasks").size() > 7'000'000; }));
}

TEST_F(BadClientsTest, PipelinesThatAreNeverRead) {
  std::vector<Client> greedy;
  for (std::size_t i = 0; i < crowd(20); ++i) greedy.emplace_back(port(), Client::kPatience, 4096);
  std::string many;
  for (int i = 0; i < 1'000; ++i) many += request_text("GET /openapi.json");
  while_served([&] {
    std::vector<std::size_t> taken(greedy.size());
    const auto end = std::chrono::steady_clock::now() + 4s;
    while (std::chrono::steady_clock::now() < end) {
      for (std::size_t i = 0; i < greedy.size(); ++i) {
        // From where the last call ended, so that requests stay whole.
        taken[i] += greedy[i].send_some(std::string_view(many).substr(taken[i] % many.size()));
      }
      std::this_thread::sleep_for(1ms);
    }
    for (const std::size_t bytes : taken) {
      // What fits into the buffers of the kernel, but not what would fit into memory.
      EXPECT_LT(bytes, 16u << 20);
    }
  });
}

TEST_F(BadClientsTest, ThousandsConnectAndReset) {
  while_served([&] {
    for (int i = 0; i < 5'000; ++i) {
      Client client(port());
      if (i % 3 == 1) client.send("GET /healthz HTTP/1.1\r\n");
      if (i % 3 == 2) client.send(request_text("GET /v1/namespaces/none/tasks"));
      client.reset();
    }
  });
}

TEST_F(BadClientsTest, RandomBytes) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  while_served([&] {
    for (int i = 0; i < 500; ++i) {
      std::string bytes(random() % 4'000, '\0');
      for (char& c : bytes) c = static_cast<char>(random());
      Client client(port());
      client.send((random() % 2 ? "POST /v1/tasks/batch HTTP/1.1\r\n" : "") + bytes);
      client.finish_sending();
      const Reply reply = client.receive();
      EXPECT_TRUE(reply.status == 0 || (reply.status >= 400 && reply.status < 500) ||
                  reply.status == 505)
          << reply.status;
    }
  });
}

TEST_F(BadClientsTest, LargeBatchesAtTheSameTime) {
  // Each is read into many times its size.
  while_served([&] {
    std::vector<Client> clients = connected(port(), crowd(24));
    std::string items = R"({"items":[[])";
    while (items.size() < (16u << 20) - 16) items += ",[]";
    const std::string text = request_text("POST /v1/tasks/batch", {}, items + "]}");
    std::vector<std::thread> threads;
    for (Client& client : clients) {
      threads.emplace_back([&] {
        client.send(text);
        const int status = client.receive().status;
        EXPECT_TRUE(status == 400 || status == 503) << status;
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
}

// With few open files the store and the deliveries keep theirs, whatever clients do.
TEST(BadClientsFewFilesTest, ClientsLeaveFilesToTheStore) {
  raise_open_files();
  TempDir dir;
  TestReceiver receiver;
  // The shell lowers the limit for the server, which may not raise it again.
  const std::string port_file = dir.sub("port");
  ChildProcess server({"/bin/sh", "-c", "ulimit -n 800; exec \"$0\" \"$@\"", RHOOKS_BINARY, "serve",
                       "--store", "rocksdb:" + dir.sub("store"), "--listen", "127.0.0.1:0",
                       "--port-file", port_file, "--concurrency", "25"});
  ASSERT_TRUE(server.wait_for_output("listening on")) << server.errors();
  std::uint16_t port = 0;
  std::ifstream(port_file) >> port;
  std::vector<Client> idle = connected(port, 1'500);
  std::vector<Client> half = connected(port, 1'500);
  for (Client& client : half) client.send("GET / HTTP/1.1\r\n");
  EXPECT_TRUE(eventually([&] { return open_files(server.pid()) > 250; }));
  EXPECT_LT(open_files(server.pid()), 500u);
  idle.clear();
  half.clear();
  GoodClient good(port, receiver.url("/"), "good");
  for (int i = 0; i < 50; ++i) good.register_task();
  good.expect_in_time();
  EXPECT_TRUE(receiver.wait_requests(50));
  EXPECT_EQ(server.errors().find("Too many open files"), std::string::npos) << server.errors();
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

}  // namespace
}  // namespace rhooks::testing
