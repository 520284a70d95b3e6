// base64url (RFC 4648, section 5, without padding) of
// a record (tagged.h) of the fields 1 at and 2 id, and 8 bytes of checksum: the head of SHA-256
// over the record and the scope.

#include "codec/start_key.h"

#include <algorithm>
#include <array>

#include "base/sha256.h"
#include "codec/tagged.h"

namespace rhooks::codec {
namespace {

constexpr std::size_t kChecksumBytes = 8;
// The longest id is 512 bytes; what is far longer is no key of ours.
constexpr std::size_t kTextBytesMax = 1024;
constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string to_base64url(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << 8 | static_cast<unsigned char>(c)) & 0xffff;
    for (count += 8; count >= 6; count -= 6) {
      text.push_back(kAlphabet[(bits >> (count - 6)) & 0x3f]);
    }
  }
  if (count > 0) text.push_back(kAlphabet[(bits << (6 - count)) & 0x3f]);
  return text;
}

// None unless the text is just what to_base64url makes: one key has one spelling.
std::optional<std::string> from_base64url(std::string_view text) {
  const std::string_view alphabet(kAlphabet);
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t value = alphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6 | static_cast<std::uint32_t>(value)) & 0xffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<char>(bits >> count));
    }
  }
  const std::uint32_t rest = bits & ((1u << count) - 1);
  if (count == 6 || rest != 0) return std::nullopt;
  return bytes;
}

std::string checksum_of(std::string_view payload, std::string_view scope) {
  const Sha256 digest = sha256({"start key", payload, scope});
  return std::string(digest.begin(), digest.begin() + kChecksumBytes);
}

tl::unexpected<Error> no_start_key() {
  return fail(ErrorCode::kInvalidArgument,
              "startKey: is not a key of this query; pass the lastEvaluatedKey of its page "
              "before, unchanged, with the same filters and order",
              "startKey");
}

}  // namespace

std::string encode_start_key(const StartKey& key, std::string_view scope) {
  FieldWriter out;
  out.time(1, key.at);
  out.text(2, key.id);
  std::string bytes = out.take();
  bytes += checksum_of(bytes, scope);
  return to_base64url(bytes);
}

Result<StartKey> decode_start_key(std::string_view text, std::string_view scope) {
  if (text.size() > kTextBytesMax) return no_start_key();
  const auto bytes = from_base64url(text);
  if (!bytes || bytes->size() <= kChecksumBytes) return no_start_key();
  const std::string_view payload(bytes->data(), bytes->size() - kChecksumBytes);
  if (!equal_in_constant_time(checksum_of(payload, scope),
                              std::string_view(*bytes).substr(payload.size()))) {
    return no_start_key();
  }
  StartKey key;
  FieldReader in(payload);
  while (const std::uint32_t field = in.next()) {
    if (field == 1) {
      key.at = in.time();
    } else if (field == 2) {
      key.id = in.text();
    } else {
      in.refuse("a field is not known");
    }
  }
  if (!in.ok()) return no_start_key();
  return key;
}

}  // namespace rhooks::codec
