#include "signing/webhook.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/clock.h"

namespace rhooks::signing {
namespace {

using std::chrono::seconds;

// Each is worth a computation over the whole body, so that nobody may ask for as many as fit into a
// header. A sender in the middle of a rotation has two or three.
constexpr std::size_t kSignaturesMax = 16;

tl::unexpected<Error> refuse(std::string_view header, std::string why) {
  return fail(ErrorCode::kInvalidArgument, std::move(why), std::string(header));
}

std::string signed_content(std::string_view id, std::string_view timestamp, std::string_view body) {
  std::string content;
  content.reserve(id.size() + timestamp.size() + body.size() + 2);
  content.append(id).append(1, '.').append(timestamp).append(1, '.').append(body);
  return content;
}

// With a dot in it, one signed text could be read as that of another id, time and body.
Result<void> check_id(std::string_view id) {
  const bool fine = !id.empty() && std::all_of(id.begin(), id.end(), [](char c) {
    return c > ' ' && c < '\x7f' && c != '.';
  });
  if (fine) return {};
  return refuse(kIdHeader, "webhook-id is not of visible ASCII characters without a dot");
}

Result<std::string_view> only_one(const std::vector<Header>& headers, std::string_view name) {
  const Header* found = nullptr;
  for (const Header& header : headers) {
    if (!equal_in_any_case(header.name, name)) continue;
    if (found != nullptr)
      return refuse(name, "the header " + std::string(name) + " is given twice");
    found = &header;
  }
  if (found == nullptr) return refuse(name, "the header " + std::string(name) + " is missing");
  return std::string_view(found->value);
}

Result<void> check_time(std::string_view timestamp, const VerifyOptions& options) {
  const auto at = read_timestamp(timestamp);
  if (!at) return refuse(kTimestampHeader, "webhook-timestamp is no number of seconds since 1970");
  const TimePoint now = options.now ? *options.now : SystemClock().now();
  const seconds age = std::chrono::floor<seconds>(now.time_since_epoch()) - *at;
  if (std::chrono::abs(age) <= options.tolerance) return {};
  return refuse(kTimestampHeader, "it was signed " + std::to_string(std::chrono::abs(age).count()) +
                                      " s " + (age.count() > 0 ? "ago" : "in the future") +
                                      ", and " + std::to_string(options.tolerance.count()) +
                                      " s are allowed; it is sent again, or a clock is wrong");
}

// Those that can be verified. One that is garbled is none; those of other versions may look like
// anything.
std::vector<Signature> signatures_in(std::string_view value) {
  std::vector<Signature> found;
  while (!value.empty()) {
    const std::string_view one = value.substr(0, value.find(' '));
    value.remove_prefix(std::min(one.size() + 1, value.size()));
    const std::size_t comma = std::min(one.find(','), one.size());
    const std::string_view version = one.substr(0, comma);
    if (version != "v1" && version != "v1a") continue;
    auto bytes = from_base64(one.substr(std::min(comma + 1, one.size())));
    if (bytes) found.push_back({version, std::move(*bytes)});
  }
  return found;
}

}  // namespace

std::optional<seconds> read_timestamp(std::string_view text) {
  const bool digits =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (text.empty() || text.size() > 11 || !digits) return std::nullopt;
  std::int64_t number = 0;
  for (const char c : text) number = 10 * number + (c - '0');
  return seconds{number};
}

Result<void> verify(const std::vector<Key>& keys, const std::vector<Header>& headers,
                    std::string_view body, const VerifyOptions& options) {
  const auto id = only_one(headers, kIdHeader);
  if (!id) return fail(id.error());
  if (auto checked = check_id(*id); !checked) return checked;
  const auto timestamp = only_one(headers, kTimestampHeader);
  if (!timestamp) return fail(timestamp.error());
  const auto value = only_one(headers, kSignatureHeader);
  if (!value) return fail(value.error());
  if (auto checked = check_time(*timestamp, options); !checked) return checked;

  const std::vector<Signature> signatures = signatures_in(*value);
  if (signatures.empty()) {
    return refuse(kSignatureHeader, "webhook-signature has no signature of version v1 or v1a");
  }
  if (signatures.size() > kSignaturesMax) {
    return refuse(kSignatureHeader, "webhook-signature has more than " +
                                        std::to_string(kSignaturesMax) + " signatures");
  }
  const std::string content = signed_content(*id, *timestamp, body);
  bool fits = false;
  for (const Key& key : keys) fits = key.made_one_of(signatures, content) || fits;
  if (fits) return {};
  return refuse(kSignatureHeader,
                "no signature fits: it was made with another secret, or the id, the time or a byte "
                "of the body is not what was signed");
}

std::string signatures(std::span<const Key> keys, std::string_view id, std::string_view timestamp,
                       std::string_view body) {
  const std::string content = signed_content(id, timestamp, body);
  std::string made;
  for (const Key& key : keys) made += (made.empty() ? "" : " ") + key.sign(content);
  return made;
}

std::string to_timestamp(TimePoint t) {
  return std::to_string(std::chrono::floor<seconds>(t.time_since_epoch()).count());
}

Result<std::vector<Header>> sign(const std::vector<Key>& keys, std::string_view id,
                                 TimePoint timestamp, std::string_view body) {
  if (auto checked = check_id(id); !checked) return fail(checked.error());
  const std::string at = to_timestamp(timestamp);
  if (!read_timestamp(at)) return refuse(kTimestampHeader, "the time is before 1970");
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!keys[i].can_sign()) {
      return refuse("secrets[" + std::to_string(i) + "]",
                    "secret " + std::to_string(i + 1) +
                        ": it is a public key, which signs nothing; the key to sign with begins "
                        "with whsk_");
    }
  }
  return std::vector<Header>{{std::string(kIdHeader), std::string(id)},
                             {std::string(kTimestampHeader), at},
                             {std::string(kSignatureHeader), signatures(keys, id, at, body)}};
}

}  // namespace rhooks::signing

namespace rhooks {

Result<void> verify_webhook(const std::vector<std::string>& secrets,
                            const std::vector<Header>& headers, std::string_view body,
                            const VerifyOptions& options) {
  const auto keys = signing::parse_keys(secrets);
  if (!keys) return fail(keys.error());
  return signing::verify(*keys, headers, body, options);
}

Result<std::vector<Header>> sign_webhook(const std::vector<std::string>& secrets,
                                         std::string_view id, TimePoint timestamp,
                                         std::string_view body) {
  const auto keys = signing::parse_keys(secrets);
  if (!keys) return fail(keys.error());
  return signing::sign(*keys, id, timestamp, body);
}

}  // namespace rhooks
