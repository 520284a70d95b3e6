#include <openssl/ssl.h>

#include <thread>

#include "rest/test_server.h"
#include "rest/test_tls.h"
#include "testing/tls_client.h"

namespace rhooks::rest::test {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::make_test_certificate;
using testing::TlsClient;
using testing::TlsClientOptions;

class HttpServerTlsTest : public HttpServerTest {
 protected:
  std::uint16_t start_tls(HttpServerOptions options = {}, HttpHandler handler = echo) {
    options.tls = of_.load();
    options.on_handshake_failed = [this] { ++failed_handshakes_; };
    return start(std::move(options), std::move(handler));
  }
  TlsClientOptions trusting() const { return {.trusted_pem = of_.certificate_pem()}; }

  CertificateFiles of_;
  std::atomic<int> failed_handshakes_{0};
};

const std::string kGet = text_of({.target = "/a"});

TEST_F(HttpServerTlsTest, ServesOverTls) {
  const auto port = start_tls();
  TlsClient client(port, trusting());
  ASSERT_TRUE(client.connected()) << client.error();
  EXPECT_EQ(client.version(), "TLSv1.3");
  EXPECT_TRUE(client.ok(kGet));
  // Kept alive, and requests that come at once are answered in their order.
  ASSERT_TRUE(client.send(text_of({"POST", "/b", "one"}) + text_of({"POST", "/c", "two"})));
  EXPECT_THAT(client.receive(), ::testing::EndsWith("POST|b\none"));
  EXPECT_THAT(client.receive(), ::testing::EndsWith("POST|c\ntwo"));
  EXPECT_EQ(failed_handshakes_, 0);
}

TEST_F(HttpServerTlsTest, LongBodiesGoBothWays) {
  const auto port = start_tls();
  TlsClient client(port, trusting());
  const std::string body(3'000'000, 'x');
  ASSERT_TRUE(client.send(text_of({"POST", "/", body})));
  const std::string response = client.receive();
  EXPECT_THAT(response, ::testing::StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(response.ends_with("POST\n" + body)) << response.size();
  EXPECT_TRUE(client.ok(kGet));
}

TEST_F(HttpServerTlsTest, SpeaksNoOldTls) {
  const auto port = start_tls();
  TlsClientOptions options = trusting();
  options.version_max = TLS1_2_VERSION;
  TlsClient older(port, options);
  EXPECT_TRUE(older.ok(kGet)) << older.error();
  EXPECT_EQ(older.version(), "TLSv1.2");
  EXPECT_THAT(older.cipher(), ::testing::MatchesRegex("ECDHE-ECDSA-.*(GCM|POLY1305).*"));
  options.version_max = TLS1_1_VERSION;
  EXPECT_FALSE(TlsClient(port, options).connected());
  EXPECT_TRUE(eventually([&] { return failed_handshakes_ == 1; }));
}

TEST_F(HttpServerTlsTest, SpeaksTheNewestOnlyWhereThatIsAskedFor) {
  TlsFiles files = of_.files();
  files.version_1_3_only = true;
  HttpServerOptions options;
  options.tls = TlsContext::load(files).value();
  const auto port = start(options);
  EXPECT_TRUE(TlsClient(port, trusting()).ok(kGet));
  TlsClientOptions old = trusting();
  old.version_max = TLS1_2_VERSION;
  EXPECT_FALSE(TlsClient(port, old).connected());
}

TEST_F(HttpServerTlsTest, ChoosesHttp11) {
  const auto port = start_tls();
  TlsClientOptions options = trusting();
  options.offers = "http/1.1";
  TlsClient client(port, options);
  EXPECT_EQ(client.protocol(), "http/1.1");
  EXPECT_TRUE(client.ok(kGet));
  options.offers = "h2";
  EXPECT_FALSE(TlsClient(port, options).connected());
}

TEST_F(HttpServerTlsTest, SaysItsEndAfterTheLastResponse) {
  HttpServerOptions options;
  options.body_bytes_max = 1'000;
  const auto port = start_tls(options);
  TlsClient refused(port, trusting());
  // What is not read is thrown away, so that no reset overtakes the response.
  ASSERT_TRUE(refused.send(text_of({"POST", "/", std::string(200'000, 'x')})));
  EXPECT_THAT(refused.receive(), ::testing::StartsWith("HTTP/1.1 413 "));
  EXPECT_TRUE(refused.ended_by_server());
  TlsClient last(port, trusting());
  EXPECT_TRUE(last.ok(text_of({.headers = {{"Connection", "close"}}})));
  EXPECT_TRUE(last.ended_by_server());
}

TEST_F(HttpServerTlsTest, PlainHttpIsToldWhatIsSpoken) {
  const auto port = start_tls();
  for (const char* method : {"GET", "DELETE", "PATCH"}) {
    expect_refused(port, text_of({.method = method}), 400);
  }
  Client client(port);
  client.send(kGet);
  EXPECT_THAT(client.receive().body, ::testing::HasSubstr("https://"));
}

TEST_F(HttpServerTlsTest, TlsOnAPlainPortIsRefused) {
  const auto port = start();
  EXPECT_FALSE(TlsClient(port, trusting()).connected());
  EXPECT_EQ(last_refusal_, 400);
  EXPECT_TRUE(eventually([&] { return server_->connections() == 0; }));
}

TEST_F(HttpServerTlsTest, HandshakesEndInTime) {
  const auto port = start_tls(quick_options());
  Client silent(port);
  Client halfway(port);
  halfway.send("\x16\x03\x01");
  Client broken(port);
  broken.send("\x16\x03\x01\x02" + std::string(700, 'x'));
  EXPECT_TRUE(silent.closed_by_server());
  EXPECT_TRUE(halfway.closed_by_server());
  EXPECT_EQ(broken.receive().status, 0);  // an alert
  EXPECT_EQ(failed_handshakes_, 3);
}

TEST_F(HttpServerTlsTest, TrickledHandshakesDoNotMoveTheDeadline) {
  const auto port = start_tls(quick_options());
  Client client(port);
  client.send("\x16\x03\x01\x01\xff");
  EXPECT_TRUE(eventually([&] { return !client.send("\x01"); }, 5ms));
  EXPECT_EQ(failed_handshakes_, 1);
}

// The time is up while the record arrives, between two reads of the socket with luck.
TEST_F(HttpServerTlsTest, TrickledRecordsDoNotOutliveTheDeadline) {
  const HttpServerOptions options = quick_options();
  const auto port = start_tls(options);
  std::vector<std::unique_ptr<TlsClient>> clients;
  for (int i = 0; i < 12; ++i) {
    auto& client = clients.emplace_back(std::make_unique<TlsClient>(port, trusting()));
    const auto from = std::chrono::steady_clock::now();
    const bool in_body = i % 2 == 1;
    client->send(in_body ? "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n"
                         : "GET / HTTP/1.1\r\nHost: a\r\nX-A: ");
    std::this_thread::sleep_until(from + options.header_timeout - 5ms);
    client->trickle(std::string(16'000, 'a'));
  }
  EXPECT_TRUE(eventually([&] { return server_->connections() == 0; }));
}

TEST_F(HttpServerTlsTest, HalfOpenHandshakesKeepNobodyOut) {
  HttpServerOptions options;
  options.connections_max = 8;
  options.head_patience = 100ms;
  const auto port = start_tls(options);
  std::vector<Client> crowd;
  for (int i = 0; i < 40; ++i) {
    crowd.push_back(Client::from("127.0.0.2", port));
    crowd.back().send("\x16\x03\x01");
  }
  TlsClient client(port, trusting());
  EXPECT_TRUE(client.ok(kGet)) << client.error();
  EXPECT_LE(server_->connections(), 8u);
}

TEST_F(HttpServerTlsTest, AHandshakeKeepsNoServerFromStopping) {
  const auto port = start_tls();
  Client halfway(port);
  halfway.send("\x16\x03\x01");
  Client silent(port);
  EXPECT_TRUE(eventually([&] { return server_->connections() == 2; }));
  const auto from = std::chrono::steady_clock::now();
  server_->stop(testing::kPatience);
  EXPECT_LT(std::chrono::steady_clock::now() - from, testing::kPatience / 2);
  EXPECT_TRUE(halfway.closed_by_server());
}

TEST_F(HttpServerTlsTest, ANewCertificateIsForNewConnectionsAndFailsNone) {
  const auto port = start_tls();
  const auto first = of_.load();
  const std::string first_pem = of_.certificate_pem();
  TlsClient before(port, {.trusted_pem = first_pem});
  ASSERT_TRUE(before.ok(kGet));

  std::atomic<bool> done{false};
  std::atomic<int> asked{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back([&] {
      while (!done) {
        if (!TlsClient(port).ok(kGet)) ++failed;
        ++asked;
      }
    });
  }
  of_.write(make_test_certificate({"127.0.0.1"}));
  const auto second = of_.load();
  for (int i = 0; i < 50; ++i) {
    server_->set_tls(i % 2 == 0 ? second : first);
    const int so_far = asked;
    EXPECT_TRUE(eventually([&] { return asked > so_far; }));
  }
  server_->set_tls(second);
  done = true;
  for (auto& caller : callers) caller.join();

  EXPECT_EQ(failed, 0);
  EXPECT_TRUE(before.ok(kGet)) << "what began with the old certificate goes on";
  TlsClient after(port, trusting());
  EXPECT_TRUE(after.ok(kGet)) << after.error();
  EXPECT_TRUE(after.shown(of_.certificate_pem()));
  EXPECT_FALSE(TlsClient(port, {.trusted_pem = first_pem}).connected());
}

}  // namespace
}  // namespace rhooks::rest::test
