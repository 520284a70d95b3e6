// What a receiver is sent, and secrets as people give them. A webhook is believed only where one of
// its signatures is the one that this secret makes; one that was signed here is believed whatever
// stands beside its signature; and a secret has one spelling.
//
// An input is an id, a time, signatures and a secret, a line each, and the body.

#include "fuzz/fuzz.h"
#include "signing/test_keys.h"
#include "signing/webhook.h"

using namespace rhooks;
using signing::Key;

namespace {

std::vector<Header> headers_of(std::string_view id, std::string_view timestamp,
                               std::string_view signatures) {
  return {{"webhook-id", std::string(id)},
          {"Webhook-Timestamp", std::string(timestamp)},
          {"webhook-signature", std::string(signatures)}};
}

VerifyOptions at(std::chrono::seconds time) {
  VerifyOptions options;
  options.now = TimePoint{time};
  return options;
}

std::vector<Key> keys_of(std::string_view secret) {
  return signing::parse_keys({std::string(secret)}).value();
}

void check_secret(std::string_view text) {
  const auto key = Key::parse(text);
  if (!key) return;
  FUZZ_EXPECT(key->text() == text || key->text() == "whsec_" + std::string(text));
  FUZZ_EXPECT(Key::parse(key->text()).value().text() == key->text());
  if (key->can_sign()) {
    const auto headers = signing::sign(keys_of(text), "msg_1", TimePoint{}, text).value();
    FUZZ_EXPECT(signing::verify(keys_of(text), headers, text, at(std::chrono::seconds{0})));
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string_view id = input.line();
  const std::string_view timestamp = input.line();
  const std::string_view signatures = input.line();
  check_secret(input.line());
  const std::string_view body = input.rest();

  static const std::vector<Key> keys = keys_of(signing::kSpecHmac);
  const auto time = signing::read_timestamp(timestamp);
  const auto now = time.value_or(std::chrono::seconds{0});
  const bool believed =
      signing::verify(keys, headers_of(id, timestamp, signatures), body, at(now)).has_value();
  const auto ours = signing::sign(keys, id, TimePoint{now}, body);
  FUZZ_EXPECT(!believed || (time && ours));
  if (!ours) return 0;
  const std::string signature = ours->at(2).value;
  if (believed && ours->at(1).value == timestamp) {
    FUZZ_EXPECT(signatures.find(signature) != std::string_view::npos);
  }
  if (std::count(signatures.begin(), signatures.end(), ' ') < 15) {
    const std::string beside = std::string(signatures) + " " + signature;
    FUZZ_EXPECT(signing::verify(keys, headers_of(id, ours->at(1).value, beside), body, at(now)));
  }
  return 0;
}
