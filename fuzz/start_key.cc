// Page positions as users hand them back. Text that is accepted is the only spelling of its
// key; a key made here is read again, and by no other query. Behind a right checksum, which
// the fuzzer would not find by itself, any bytes may stand.

#include "codec/start_key.h"

#include <optional>

#include "base/clock.h"
#include "base/sha256.h"
#include "fuzz/fuzz.h"

using namespace rhooks;

namespace {

constexpr std::string_view kScope = "a query";

void check(std::string_view text) {
  const auto key = codec::decode_start_key(text, kScope);
  if (key) {
    FUZZ_EXPECT(codec::encode_start_key(*key, kScope) == text);
  } else {
    FUZZ_EXPECT(key.error().code == ErrorCode::kInvalidArgument);
    FUZZ_EXPECT(key.error().field == "startKey");
  }
}

std::string base64url(std::string_view bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 6) {
    const auto at = [&](std::size_t i) {
      return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u;
    };
    const unsigned pair = at(bit / 8) << 8 | at(bit / 8 + 1);
    text += kAlphabet[pair >> (10 - bit % 8) & 0x3f];
  }
  return text;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::to_text(data, size);
  check(bytes);

  const Sha256 digest = sha256({"start key", bytes, kScope});
  check(base64url(std::string(bytes) + std::string(digest.begin(), digest.begin() + 8)));

  fuzz::Input input(data, size);
  codec::StartKey key;
  key.at = std::clamp(from_millis(static_cast<std::int64_t>(input.number(8))), kTimeMin, kTimeMax);
  const std::size_t changed = input.number(2);
  key.id = input.text(512);  // the longest that a task may have
  std::string text = codec::encode_start_key(key, kScope);
  FUZZ_EXPECT(codec::decode_start_key(text, kScope) == key);
  FUZZ_EXPECT(!codec::decode_start_key(text, "another query"));
  char& c = text[changed % text.size()];
  c = c == 'A' ? 'B' : 'A';
  FUZZ_EXPECT(!codec::decode_start_key(text, kScope));
  return 0;
}
