// The real server as others reach it: by TLS, with a certificate that is renewed while it runs, and
// with an address of its own for metrics.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <memory>
#include <regex>
#include <thread>

#include "rest/test_client.h"
#include "rest/test_tls.h"
#include "testing/crowd.h"
#include "testing/patience.h"
#include "testing/process_facts.h"
#include "testing/slowdown.h"
#include "testing/test_certificate.h"
#include "testing/tls_client.h"
#include "tests/running_server.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;
using rest::test::CertificateFiles;
using rest::test::Client;
using ::testing::HasSubstr;

const std::string kHealth = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

std::uint16_t port_of(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

class TlsE2eTest : public ::testing::Test {
 protected:
  void start(std::vector<std::string> flags = {}, std::vector<std::string> environment = {}) {
    flags.insert(flags.end(),
                 {"--tls-cert", of_.files().certificate, "--tls-key", of_.files().key});
    start_plain(std::move(flags), std::move(environment));
  }
  void start_plain(std::vector<std::string> flags = {}, std::vector<std::string> environment = {}) {
    server_ =
        std::make_unique<RunningServer>(dir_, store_, std::move(flags), std::move(environment));
  }
  std::uint16_t port() const { return port_of(server_->url()); }
  // Of the line that the server prints.
  std::uint16_t admin_port() const {
    std::smatch match;
    const std::string line = server_->process().output();
    if (std::regex_search(line, match, std::regex(R"(metrics on \S+:(\d+)\))"))) {
      return static_cast<std::uint16_t>(std::stoi(match[1]));
    }
    ADD_FAILURE() << line;
    return 0;
  }
  std::string metrics() const {
    TlsClient client(port());
    client.send("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    return client.receive();
  }
  void reload() const { server_->process().signal(SIGHUP); }
  bool reloaded(const std::string& result, int times) const {
    const std::string line =
        "rhooks_tls_reload_total{result=\"" + result + "\"} " + std::to_string(times) + "\n";
    return eventually([&] { return metrics().find(line) != std::string::npos; }, 10ms);
  }
  void expect_end() const {
    server_->process().signal(SIGTERM);
    EXPECT_EQ(server_->process().wait(), 0) << server_->process().errors();
  }
  Finished serve(std::vector<std::string> flags) const {
    std::vector<std::string> args{RHOOKS_BINARY, "serve",    "--store",
                                  "memory:",     "--listen", "127.0.0.1:0"};
    args.insert(args.end(), flags.begin(), flags.end());
    return run_program(std::move(args));
  }

  TempDir dir_{"rhooks-tls"};
  const std::string store_ = "rocksdb:" + dir_.sub("store");
  CertificateFiles of_;
  std::unique_ptr<RunningServer> server_;
};

TEST_F(TlsE2eTest, CommandsWorkThroughAServerThatTheyTrust) {
  start();
  ASSERT_THAT(server_->url(), ::testing::StartsWith("https://"));
  const std::vector<std::string> add{"register",
                                     "-n",
                                     "my-app",
                                     "--id",
                                     "a",
                                     "--url",
                                     "http://127.0.0.1:9/",
                                     "--at",
                                     "2099-01-01T00:00:00Z"};
  // Its certificate is none that the system trusts.
  const Finished untrusted = server_->run(add);
  EXPECT_NE(untrusted.exit, 0);
  EXPECT_THAT(untrusted.errors, HasSubstr("no trusted TLS connection"));
  EXPECT_THAT(untrusted.errors, HasSubstr("--ca-file"));

  std::vector<std::string> trusting = add;
  trusting.insert(trusting.end(), {"--ca-file", of_.files().certificate});
  EXPECT_EQ(server_->run(trusting).exit, 0);
  const Finished shown = server_->run(
      {"get", "-n", "my-app", "--id", "a", "--json", "--ca-file", of_.files().certificate});
  EXPECT_EQ(shown.exit, 0) << shown.errors;
  EXPECT_THAT(shown.output, HasSubstr("2099-01-01"));
  expect_end();
}

TEST_F(TlsE2eTest, CommandsThatSpeakPlainHttpAreToldSo) {
  start();
  const Finished plain = run_program(
      {RHOOKS_BINARY, "namespaces", "--server", "http://127.0.0.1:" + std::to_string(port())});
  EXPECT_NE(plain.exit, 0);
  EXPECT_THAT(plain.errors, HasSubstr("https://"));
}

TEST_F(TlsE2eTest, CommandsRefuseACertificateThatEndedOrIsOfAnother) {
  of_.write(make_test_certificate({"127.0.0.1"}, -1h));
  start();
  EXPECT_TRUE(server_->process().wait_for_errors("ended at"));
  const std::vector<std::string> list{"namespaces", "--ca-file", of_.files().certificate};
  const Finished expired = server_->run(list);
  EXPECT_NE(expired.exit, 0);
  EXPECT_THAT(expired.errors, HasSubstr("no trusted TLS connection"));
  EXPECT_THAT(expired.errors, HasSubstr("expired"));

  of_.write(make_test_certificate({"other.test"}));
  reload();
  ASSERT_TRUE(reloaded("ok", 1));
  const Finished of_another = server_->run(list);
  EXPECT_NE(of_another.exit, 0);
  EXPECT_THAT(of_another.errors, HasSubstr("no trusted TLS connection"));
}

TEST_F(TlsE2eTest, AServerStartsWithFilesThatFitOnly) {
  const CertificateFiles other;
  const Finished no_match =
      serve({"--tls-cert", of_.files().certificate, "--tls-key", other.files().key});
  EXPECT_EQ(no_match.exit, 2);
  EXPECT_THAT(no_match.errors, HasSubstr(other.files().key));
  EXPECT_THAT(no_match.errors, HasSubstr("does not belong to the certificate"));
  const Finished half = serve({"--tls-cert", of_.files().certificate});
  EXPECT_EQ(half.exit, 2);
  EXPECT_THAT(half.errors, HasSubstr("tls_key is missing"));
  const Finished none = serve({"--tls-key", of_.files().key, "--tls-cert", dir_.sub("none")});
  EXPECT_EQ(none.exit, 2);
  EXPECT_THAT(none.errors, HasSubstr(dir_.sub("none")));
}

// Callers on new connections and on one that is kept, while certificates come and go.
TEST_F(TlsE2eTest, AReloadUnderLoadFailsNoRequest) {
  start();
  const std::string first = of_.certificate_pem();
  std::atomic<bool> done{false};
  std::atomic<int> failed{0};
  std::atomic<int> asked{0};
  TlsClient kept(port(), {.trusted_pem = first});
  ASSERT_TRUE(kept.ok(kHealth)) << kept.error();
  std::vector<std::thread> callers;
  for (int i = 0; i < 2; ++i) {
    callers.emplace_back([&] {
      while (!done) {
        TlsClient client(port());
        for (int of_each = 0; of_each < 3; ++of_each) failed += client.ok(kHealth) ? 0 : 1;
        ++asked;
      }
    });
  }
  constexpr int kReloads = 10;
  for (int i = 1; i <= kReloads; ++i) {
    of_.write(make_test_certificate({"127.0.0.1"}));
    reload();
    EXPECT_TRUE(reloaded("ok", i));
    EXPECT_TRUE(kept.ok(kHealth));
  }
  done = true;
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(asked, 0);
  EXPECT_TRUE(TlsClient(port(), {.trusted_pem = of_.certificate_pem()}).ok(kHealth));
  EXPECT_FALSE(TlsClient(port(), {.trusted_pem = first}).connected());
  expect_end();
}

TEST_F(TlsE2eTest, FilesThatCannotBeUsedChangeNothing) {
  start();
  const std::string first = of_.certificate_pem();
  int times = 0;
  const auto expect_kept = [&] {
    reload();
    EXPECT_TRUE(reloaded("failed", ++times));
    EXPECT_TRUE(TlsClient(port(), {.trusted_pem = first}).ok(kHealth));
  };
  of_.write_certificate("nothing");
  expect_kept();
  EXPECT_TRUE(server_->process().wait_for_errors("the certificate stays the one"));
  EXPECT_TRUE(server_->process().wait_for_errors("-----BEGIN CERTIFICATE-----"));
  std::filesystem::remove(of_.files().certificate);
  expect_kept();
  // As whoever replaces one file after the other leaves them for a moment.
  of_.write_certificate(make_test_certificate({"127.0.0.1"}).certificate_pem);
  expect_kept();
  EXPECT_TRUE(server_->process().wait_for_errors("does not belong to the certificate"));
  of_.write(make_test_certificate({"127.0.0.1"}));
  reload();
  EXPECT_TRUE(reloaded("ok", 1));
  EXPECT_TRUE(TlsClient(port(), {.trusted_pem = of_.certificate_pem()}).ok(kHealth));
  expect_end();
}

TEST_F(TlsE2eTest, WithoutTlsAHangUpEndsNothing) {
  start_plain();
  reload();
  EXPECT_TRUE(server_->process().wait_for_errors("nothing to read anew"));
  EXPECT_EQ(rest::test::call(port(), {.target = "/healthz"}).status, 200);
  expect_end();
}

TEST_F(TlsE2eTest, MetricsAndHealthHaveAnAddressOfTheirOwn) {
  const std::string key = "sixteen-or-more-characters";
  start_plain({"--admin-listen", "127.0.0.1:0"}, {"RHOOKS_API_KEY=" + key});
  const std::vector<std::pair<std::string, std::string>> headers{
      {"Authorization", "Bearer " + key}};
  const auto status = [&](std::uint16_t of, const char* target, bool with_key) {
    return rest::test::call(of,
                            {.target = target, .headers = with_key ? headers : decltype(headers){}})
        .status;
  };
  const std::uint16_t admin = admin_port();
  for (const std::uint16_t of : {port(), admin}) {
    EXPECT_EQ(status(of, "/healthz", false), 200);
    EXPECT_EQ(status(of, "/readyz", false), 200);
    EXPECT_EQ(status(of, "/metrics", false), 401);
  }
  EXPECT_EQ(status(port(), "/metrics", true), 404);
  EXPECT_EQ(status(port(), "/v1/namespaces", true), 200);
  EXPECT_EQ(status(admin, "/metrics", true), 200);
  for (const char* target : {"/v1/namespaces", "/v1/store", "/v1/namespaces/a/tasks"}) {
    EXPECT_EQ(status(admin, target, true), 404) << target;
  }
  expect_end();
}

TEST_F(TlsE2eTest, TheAddressOfMetricsSpeaksTlsAsTheOtherDoes) {
  start({"--admin-listen", "127.0.0.1:0"});
  EXPECT_TRUE(TlsClient(admin_port(), {.trusted_pem = of_.certificate_pem()}).ok(kHealth));
  EXPECT_EQ(rest::test::call(admin_port(), {.target = "/healthz"}).status, 400);
  of_.write(make_test_certificate({"127.0.0.1"}));
  reload();
  EXPECT_TRUE(eventually(
      [&] { return TlsClient(admin_port(), {.trusted_pem = of_.certificate_pem()}).connected(); }));
  expect_end();
}

TEST_F(TlsE2eTest, AnAddressForMetricsHasTheRulesOfTheOther) {
  const Finished open = serve({"--admin-listen", "0.0.0.0:0"});
  EXPECT_EQ(open.exit, 2);
  EXPECT_THAT(open.errors, HasSubstr("admin_listen"));
  EXPECT_THAT(open.errors, HasSubstr("RHOOKS_API_KEY"));
}

// Each sends a byte a second of what could be a handshake.
TEST_F(TlsE2eTest, TenThousandHalfHandshakes) {
  if (raise_open_files() < 13'000) GTEST_SKIP() << "the limit of open files is too low";
  start({"--log-level", "warn"});
  const std::size_t before = resident_bytes(server_->process().pid());
  std::vector<Client> crowd_of_clients;
  std::atomic<bool> done{false};
  int asked = 0;
  int failed = 0;
  auto slowest = std::chrono::steady_clock::duration::zero();
  Slowdown slowdown;
  std::thread good([&] {
    do {
      const auto from = std::chrono::steady_clock::now();
      if (!TlsClient(port(), {.trusted_pem = of_.certificate_pem()}).ok(kHealth)) ++failed;
      ++asked;
      slowest = std::max(slowest, std::chrono::steady_clock::now() - from);
      std::this_thread::sleep_for(5ms);
    } while (!done);
  });
  const std::size_t count = crowd(10'000);
  for (std::size_t i = 0; i < count; ++i) {
    crowd_of_clients.emplace_back(port(), 50ms, 0, "127.0.0.2");
    crowd_of_clients.back().send("\x16\x03\x01\x02");
  }
  for (int second = 0; second < 3; ++second) {
    std::this_thread::sleep_for(1s);
    for (Client& client : crowd_of_clients) client.send_some("\x01");
  }
  done = true;
  good.join();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(asked, 0);
  EXPECT_LT(slowest, slowdown.stop() * 10s);
  const std::size_t most = resident_bytes_max(server_->process().pid());
  EXPECT_LT(most, before + (std::size_t{1'200} << 20));
  std::cout << asked << " good calls, the slowest took "
            << std::chrono::duration_cast<std::chrono::milliseconds>(slowest).count() << " ms; "
            << (before >> 20) << " MiB at rest, " << (most >> 20) << " MiB at most\n";
  EXPECT_TRUE(eventually([&] {
    return metrics().find("rhooks_http_connections_ended_total 0\n") == std::string::npos;
  }));
  expect_end();
}

}  // namespace
}  // namespace rhooks::testing
