// Secrets, with the real binary: what a receiver gets, and that no value is to be found anywhere
// else.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rhooks/verify.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

#include "base/base64.h"
#include "codec/public_json.h"
#include "rest/test_client.h"
#include "testing/child_process.h"
#include "testing/patience.h"
#include "testing/temp_dir.h"
#include "testing/test_receiver.h"
#include "tests/test_store.h"
#include "tests/webhook_peer.h"

namespace rhooks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using Args = std::vector<std::string>;

constexpr const char* kToken = "canary-token-7d1f0a93";
constexpr const char* kPassword = "canary-password-5b82ce46";
// "canary-hmac-of-24-bytes!" and "canary-hmac-after-that!!" in base64.
constexpr const char* kHmac = "whsec_Y2FuYXJ5LWhtYWMtb2YtMjQtYnl0ZXMh";
constexpr const char* kHmacAfter = "whsec_Y2FuYXJ5LWhtYWMtYWZ0ZXItdGhhdCEh";
constexpr const char* kPair =
    "whsk_6Xb/dCcHpPea21PS1N9VY/"
    "NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
constexpr const char* kPublic = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";

// In a header that carries credentials: it is stored as it is to be sent, and shown nowhere.
constexpr const char* kInHeader = "canary-header-e0b47f12";

// What stands for a value, in any of the forms in which it could be found.
std::vector<std::string> traces() {
  return {kToken,
          kPassword,
          "canary-hmac",
          "Y2FuYXJ5LWhtYWMt",
          "6Xb/dCcHpPea21PS1N9VY",
          from_base64("6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=").value(),
          to_base64("user:" + std::string(kPassword))};
}

void expect_no_trace(const std::string& text, const std::string& where) {
  for (const std::string& trace : traces()) {
    EXPECT_EQ(text.find(trace), std::string::npos) << where << " holds \"" << trace << "\"";
  }
}

class SecretsE2eTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    write("keys", to_base64(std::string(32, 'k')) + "\n");
    start();
  }
  void TearDown() override {
    stop();
    expect_no_trace(logged_, "what the server logged");
    expect_no_trace(shown_, "what was shown");
    EXPECT_EQ((logged_ + shown_).find(kInHeader), std::string::npos);
    for (const auto& entry : fs::recursive_directory_iterator(dir_.path())) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      expect_no_trace({std::istreambuf_iterator<char>(file), {}}, entry.path());
    }
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_.sub(name), std::ios::binary) << text;
    fs::permissions(dir_.sub(name), fs::perms::owner_read | fs::perms::owner_write);
  }
  void start(const std::string& keys = "keys") {
    Args args{RHOOKS_BINARY, "serve",       "--store", store_.url,          "--listen",
              "127.0.0.1:0", "--log-level", "debug",   "--secret-key-file", dir_.sub(keys)};
    server_ = std::make_unique<ChildProcess>(std::move(args), store_.environment);
    const std::string ready = server_->read_line().value_or("");
    std::smatch match;
    ASSERT_TRUE(std::regex_search(ready, match, std::regex(R"(http://127\.0\.0\.1:\d+)"))) << ready;
    url_ = match[0];
  }
  void stop() {
    if (!server_) return;
    server_->signal(SIGTERM);
    EXPECT_EQ(server_->wait(), 0);
    logged_ += server_->errors() + server_->output();
    server_.reset();
  }

  // A command through the server.
  Finished run(Args args, const std::string& input = {}) {
    args.insert(args.begin(), RHOOKS_BINARY);
    const Finished done = run_program(std::move(args), {"RHOOKS_SERVER=" + url_}, input);
    shown_ += done.output + done.errors;
    return done;
  }
  std::string done(Args args, const std::string& input = {}) {
    const Finished finished = run(std::move(args), input);
    EXPECT_EQ(finished.exit, 0) << finished.errors;
    return finished.output;
  }
  void put_secret(const std::string& name, const std::string& type, const std::string& value) {
    done({"secret", "put", name, "-n", "shop", "--type", type}, value);
  }
  void put_endpoint(Args more) {
    Args args{"endpoint", "put", "acme", "-n", "shop", "--url", receiver_.url("/in")};
    args.insert(args.end(), more.begin(), more.end());
    done(std::move(args));
  }
  // Has a task delivered, and returns what the receiver got of it.
  TestRequest delivered(const std::string& id, Args more = {}) {
    Args args{"register", "-n", "shop", "--id", id, "--endpoint", "acme"};
    args.insert(args.end(), more.begin(), more.end());
    done(std::move(args));
    EXPECT_TRUE(eventually([&] { return status_of(id) == Status::kDone; })) << id;
    const auto requests = receiver_.requests();
    EXPECT_FALSE(requests.empty());
    return requests.empty() ? TestRequest{} : requests.back();
  }
  Task task(const std::string& id) {
    return codec::parse_task(done({"get", "-n", "shop", "--id", id, "--json"})).value_or(Task{});
  }
  Status status_of(const std::string& id) { return task(id).status; }
  static std::string verified(const std::string& secret, const TestRequest& request) {
    const auto good = verify_webhook({secret}, request.headers, request.body);
    return good ? "good" : good.error().message;
  }
  void look_at_everything() {
    for (Args args : {Args{"secret", "list", "--all", "--json"}, Args{"endpoint", "list", "--json"},
                      Args{"logs", "--all", "--json"}, Args{"fetch", "--all", "--json"}}) {
      args.insert(args.end(), {"-n", "shop"});
      done(std::move(args));
    }
    done({"store", "describe"});
    shown_ += fetch_metrics();
  }
  std::string fetch_metrics() {
    const auto port = static_cast<std::uint16_t>(std::stoi(url_.substr(url_.rfind(':') + 1)));
    return rest::test::call(port, {.target = "/metrics"}).body;
  }

  TempDir dir_{"rhooks-secrets"};
  const TestStore store_ = make_test_store(GetParam(), dir_);
  TestReceiver receiver_{[](const TestRequest&) {
    TestResponse answer;
    answer.headers = {{"Set-Cookie", std::string("sid=") + kInHeader}};
    return answer;
  }};
  std::unique_ptr<ChildProcess> server_;
  std::string url_;
  std::string logged_;
  std::string shown_;
};

INSTANTIATE_TEST_SUITE_P(Stores, SecretsE2eTest, ::testing::ValuesIn(store_kinds()),
                         [](const auto& store) { return store.param; });

TEST_P(SecretsE2eTest, AReceiverVerifiesWhatItGets) {
  put_secret("hmac", "hmac", kHmac);
  put_secret("pair", "ed25519", kPair);
  put_endpoint({"--signing", "hmac"});
  std::vector<PeerQuestion> questions;
  const std::vector<Args> bodies = {
      {"-X", "POST", "--body", R"({"key" : "v\u00e4lue"})"},
      {"-X", "POST", "--body", "plain", "--text"},
      {"-X", "POST", "--body", R"({"a":[1,2]})", "-H",
       "content-type: application/x-www-form-urlencoded"},
      {"-X", "POST", "--body", R"({"a":"b"})", "-H", "content-type: multipart/form-data"},
      {"-X", "PUT"},
      {"-X", "DELETE"},
  };
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    const TestRequest request = delivered("of-hmac-" + std::to_string(i), bodies[i]);
    EXPECT_EQ(verified(kHmac, request), "good") << i;
    questions.push_back({kHmac, request.headers, request.body});
  }
  // During a rotation either secret verifies it, and after it the new one alone.
  done({"secret", "rotate", "hmac", "-n", "shop", "--overlap", "1h"}, kHmacAfter);
  const TestRequest during = delivered("during", {"-X", "POST"});
  EXPECT_EQ(verified(kHmac, during), "good");
  EXPECT_EQ(verified(kHmacAfter, during), "good");
  done({"secret", "rotate", "hmac", "-n", "shop", "--overlap", "0"}, kHmacAfter);
  const TestRequest after = delivered("after", {"-X", "POST"});
  EXPECT_NE(verified(kHmac, after), "good");
  EXPECT_EQ(verified(kHmacAfter, after), "good");

  done({"endpoint", "set", "acme", "-n", "shop", "--signing", "pair"});
  const TestRequest of_pair = delivered("of-pair", {"-X", "POST", "--body", "{}"});
  EXPECT_EQ(verified(kPublic, of_pair), "good");
  for (const TestRequest* one : {&during, &after}) {
    questions.push_back({kHmacAfter, one->headers, one->body});
  }
  questions.push_back({kPublic, of_pair.headers, of_pair.body});
  EXPECT_EQ(peer_answers(questions), std::vector<std::string>(questions.size(), "good"));
  look_at_everything();
}

TEST_P(SecretsE2eTest, AReceiverGetsItsTokenAndNobodyElseSeesIt) {
  put_secret("token", "token", kToken);
  put_secret("basic", "basic", "user:" + std::string(kPassword));
  put_endpoint({"--auth", "token"});
  const TestRequest bearer =
      delivered("bearer", {"-X", "POST", "-H", "Authorization: Bearer of-the-task"});
  EXPECT_EQ(bearer.header("authorization"), std::string("Bearer ") + kToken);
  done({"endpoint", "set", "acme", "-n", "shop", "--auth", "basic"});
  const TestRequest basic = delivered("basic");
  EXPECT_EQ(basic.header("authorization"), "Basic " + to_base64("user:" + std::string(kPassword)));
  EXPECT_THAT(done({"logs", "-n", "shop", "--json", "--id", "bearer"}),
              HasSubstr(R"("authorization":"[redacted]")"));
  done({"endpoint", "test", "acme", "-n", "shop", "--json"});
  EXPECT_EQ(receiver_.requests().back().header("authorization"), basic.header("authorization"));
  look_at_everything();
}

TEST_P(SecretsE2eTest, CredentialsInHeadersAreSentAndNotShown) {
  put_endpoint({"-H", "Authorization: Bearer " + std::string(kInHeader)});
  const TestRequest first =
      delivered("first", {"-X", "POST", "-H", "Cookie: sid=" + std::string(kInHeader)});
  EXPECT_EQ(first.header("authorization"), std::string("Bearer ") + kInHeader);
  EXPECT_EQ(first.header("cookie"), std::string("sid=") + kInHeader);
  EXPECT_THAT(done({"logs", "-n", "shop", "--json", "--id", "first"}),
              ContainsRegex(R"("Set-Cookie":"\[redacted [0-9a-f]{16}\]")"));
  // What was shown of an endpoint can be put again, and its tasks are sent as before.
  done({"endpoint", "set", "acme", "-n", "shop", "--description", "the warehouse"});
  EXPECT_EQ(delivered("second").header("authorization"), std::string("Bearer ") + kInHeader);
  const Finished again = run({"register", "-n", "shop", "--endpoint", "acme", "-H",
                              "Cookie: [redacted 0123456789abcdef]"});
  EXPECT_NE(again.exit, 0);
  EXPECT_THAT(again.errors, HasSubstr("placeholder"));
  done({"endpoint", "test", "acme", "-n", "shop", "--json"});
  for (Args args : {Args{"get", "--id", "first"}, Args{"logs", "--id", "first"},
                    Args{"endpoint", "get", "acme"}, Args{"delete", "--id", "first"}}) {
    args.insert(args.end(), {"-n", "shop"});
    done(std::move(args));
  }
  look_at_everything();
}

TEST_P(SecretsE2eTest, WithAnotherMasterKeyNothingIsSentUnsigned) {
  put_secret("hmac", "hmac", kHmac);
  put_endpoint({"--signing", "hmac"});
  stop();
  write("other-keys", to_base64(std::string(32, 'o')) + "\n");
  start("other-keys");
  done({"register", "-n", "shop", "--id", "waits", "--endpoint", "acme"});
  const auto held_by = [&] {
    const Task shown = task("waits");
    return shown.held ? shown.held->by : "";
  };
  EXPECT_TRUE(eventually([&] { return held_by() == "secret"; }));
  EXPECT_TRUE(receiver_.requests().empty());
  EXPECT_THAT(fetch_metrics(), HasSubstr("rhooks_held_total{by=\"secret\"}"));
  const Finished test = run({"endpoint", "test", "acme", "-n", "shop"});
  EXPECT_EQ(test.exit, 1);
  EXPECT_THAT(test.errors, HasSubstr("which is not given"));
  stop();
  EXPECT_THAT(logged_, HasSubstr("which is not given"));

  write("both-keys", to_base64(std::string(32, 'o')) + "\n" + to_base64(std::string(32, 'k')));
  start("both-keys");
  EXPECT_TRUE(eventually([&] { return status_of("waits") == Status::kDone; }));
  EXPECT_EQ(verified(kHmac, receiver_.requests().back()), "good");
}

TEST_P(SecretsE2eTest, OneInUseIsNotDeletedUnasked) {
  put_secret("hmac", "hmac", kHmac);
  put_endpoint({"--signing", "hmac"});
  const Finished refused = run({"secret", "delete", "hmac", "-n", "shop"});
  EXPECT_EQ(refused.exit, 1);
  EXPECT_THAT(refused.errors, HasSubstr("endpoint 'acme' names it"));
  EXPECT_EQ(done({"secret", "delete", "hmac", "-n", "shop", "--force"}), "deleted hmac\n");
  done({"register", "-n", "shop", "--id", "waits", "--endpoint", "acme"});
  EXPECT_TRUE(eventually([&] {
    const Task shown = task("waits");
    return shown.held && shown.held->by == "secret";
  }));
  put_secret("hmac", "hmac", kHmac);
  EXPECT_TRUE(eventually([&] { return status_of("waits") == Status::kDone; }));
  EXPECT_EQ(verified(kHmac, receiver_.requests().back()), "good");
}

}  // namespace
}  // namespace rhooks::testing
