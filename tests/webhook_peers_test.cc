// Signatures of `rhooks sign` before another receiver, and those of another sender before
// `rhooks verify` (testing/webhook_peers/).

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/base64.h"
#include "signing/key.h"
#include "testing/child_process.h"
#include "tests/webhook_peer.h"

namespace rhooks::testing {
namespace {

namespace json = boost::json;
using signing::Key;

const std::vector<std::string>& bodies() {
  static const std::vector<std::string> all = {
      "",
      "{}",
      R"({"test": 2432232314})",
      "text\r\nwith \"lines\"\t\\ and a zero" + std::string(1, '\0'),
      "h\xc3\xa9llo \xf0\x9f\x8e\xa3 \xe2\x80\xa8",
      std::string(100'000, 'x'),
  };
  return all;
}

std::vector<std::string> answers_of_receiver(const std::vector<json::object>& questions) {
  std::string input;
  for (const json::object& one : questions) input += json::serialize(one) + "\n";
  return node_answers(input);
}

// The headers that `rhooks sign` prints.
json::object signed_by_us(const std::string& secrets, const std::string& body) {
  const Finished done =
      run_program({RHOOKS_BINARY, "sign", "--json"}, {"RHOOKS_SIGNING_SECRET=" + secrets}, body);
  EXPECT_EQ(done.exit, 0) << done.errors;
  return json::parse(done.output).as_object();
}

json::object question(const std::string& secret, const json::object& headers,
                      const std::string& body) {
  json::object one;
  one.emplace("secret", secret);
  one.emplace("headers", headers);
  one.emplace("body", body);
  return one;
}

TEST(WebhookPeersTest, AnotherReceiverVerifiesWhatWeSign) {
  const std::string before = Key::generate_hmac().text();
  const Key pair = Key::generate_ed25519();
  std::vector<json::object> questions;
  std::vector<std::string> expected;
  const auto ask = [&](const std::string& secret, const json::object& headers,
                       const std::string& body) {
    questions.push_back(question(secret, headers, body));
    expected.push_back("good");
    questions.push_back(question(secret, headers, body + "x"));
    expected.push_back("refused: No matching signature found");
  };
  for (const std::string& body : bodies()) {
    // In a rotation each of the three signs, and a receiver may know any of them.
    const std::string after = Key::generate_hmac().text();
    const json::object headers = signed_by_us(after + "\n" + before + "\n" + pair.text(), body);
    ask(after, headers, body);
    ask(before, headers, body);
    ask(*pair.public_text(), headers, body);
  }
  // Secrets with each length of padding, and the shortest and longest.
  for (const std::size_t size : {24, 25, 26, 64}) {
    const std::string secret = "whsec_" + to_base64(std::string(size, 's'));
    ask(secret, signed_by_us(secret, "{}"), "{}");
  }
  EXPECT_EQ(answers_of_receiver(questions), expected);
}

TEST(WebhookPeersTest, WeVerifyWhatAnotherSenderSigns) {
  const std::string secret = Key::generate_hmac().text();
  const std::int64_t seconds = 1'700'000'000;
  std::vector<json::object> questions;
  for (const std::string& body : bodies()) {
    json::object& one = questions.emplace_back();
    one.emplace("secret", secret);
    one.emplace("id", "msg_1");
    one.emplace("seconds", seconds);
    one.emplace("body", body);
  }
  const std::vector<std::string> signatures = answers_of_receiver(questions);
  ASSERT_EQ(signatures.size(), bodies().size());
  for (std::size_t i = 0; i < signatures.size(); ++i) {
    const auto verify = [&](const std::string& body) {
      return run_program(
          {RHOOKS_BINARY, "verify", "--id", "msg_1", "--timestamp", std::to_string(seconds),
           "--signature", signatures[i], "--tolerance", "36500d"},
          {"RHOOKS_SIGNING_SECRET=" + secret}, body);
    };
    const Finished good = verify(bodies()[i]);
    EXPECT_EQ(good.exit, 0) << good.errors;
    EXPECT_EQ(verify(bodies()[i] + "x").exit, 1);
  }
}

}  // namespace
}  // namespace rhooks::testing
