#include "model/headers.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>

#include "base/ascii.h"
#include "base/utf8.h"
#include "model/limits.h"
#include "model/refusal.h"

namespace rhooks::model {
namespace {

constexpr auto kTokenCharacters = [] {
  std::array<bool, 256> is{};
  for (char c = '0'; c <= '9'; ++c) is[static_cast<unsigned char>(c)] = true;
  for (char c = 'a'; c <= 'z'; ++c) is[static_cast<unsigned char>(c)] = true;
  for (char c = 'A'; c <= 'Z'; ++c) is[static_cast<unsigned char>(c)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) is[static_cast<unsigned char>(c)] = true;
  return is;
}();

// Whether a request has this header once at most: its value is no list, so receivers would take
// one of several, each another one. Those of RFC 9110; cookie of RFC 6265, section 5.4; origin
// of RFC 6454, section 7.3; content-disposition of RFC 6266.
bool is_single(std::string_view name) {
  static constexpr std::string_view kSingle[] = {"authorization",
                                                 "content-disposition",
                                                 "content-location",
                                                 "content-range",
                                                 "content-type",
                                                 "cookie",
                                                 "date",
                                                 "from",
                                                 "if-modified-since",
                                                 "if-range",
                                                 "if-unmodified-since",
                                                 "max-forwards",
                                                 "origin",
                                                 "proxy-authorization",
                                                 "range",
                                                 "referer",
                                                 "user-agent"};
  return std::any_of(std::begin(kSingle), std::end(kSingle),
                     [&](std::string_view single) { return equal_in_any_case(name, single); });
}

Result<void> check_header(const Header& header, std::string_view field) {
  if (!is_token(header.name)) {
    return invalid(field, "the name " + quoted(header.name) +
                              " is not a header name (letters, digits and !#$%&'*+-.^_`|~)");
  }
  if (const char* reason = reserved_because(header.name)) {
    return invalid(field, quoted(header.name) + " must not be set: " + reason);
  }
  if (!is_utf8(header.value)) {
    return invalid(field, "the value of " + quoted(header.name) + " must be valid UTF-8");
  }
  std::string without_tabs = header.value;
  std::replace(without_tabs.begin(), without_tabs.end(), '\t', ' ');
  if (has_control(without_tabs)) {
    return invalid(field, "the value of " + quoted(header.name) +
                              " must not contain line breaks or other control characters");
  }
  return {};
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return kTokenCharacters[static_cast<unsigned char>(c)];
  });
}

const char* reserved_because(std::string_view name) {
  struct Reserved {
    std::string_view name;
    const char* because;
  };
  static constexpr const char* kRepeats =
      "it is set for every attempt, so that receivers can recognise repeats";
  static constexpr const char* kConnection =
      "it belongs to the connection, which the sender manages";
  static constexpr Reserved kReserved[] = {
      {"host", "it is taken from the URL"},
      {"content-length", "it is computed from the body"},
      {"webhook-id", kRepeats},
      {"webhook-timestamp", kRepeats},
      {"webhook-signature", "it is reserved for signatures of the scheduler"},
      {"rhooks-scheduled-at", "it is set for every attempt, to the time of its occurrence"},
      {"connection", kConnection},
      {"expect", kConnection},
      {"http2-settings", kConnection},
      {"keep-alive", kConnection},
      {"proxy-connection", kConnection},
      {"te", kConnection},
      {"trailer", kConnection},
      {"transfer-encoding", kConnection},
      {"upgrade", kConnection}};
  for (const Reserved& reserved : kReserved) {
    if (equal_in_any_case(name, reserved.name)) return reserved.because;
  }
  return nullptr;
}

Result<void> validate_headers(const std::vector<Header>& headers) {
  return check_headers(headers, "headers");
}

Result<void> check_headers(const std::vector<Header>& headers, std::string_view field) {
  if (headers.size() > kHeadersMax) {
    return invalid(field, past_limit(headers.size(), kHeadersMax, "headers"));
  }
  std::size_t bytes = 0;
  for (const Header& header : headers) bytes += header.name.size() + header.value.size();
  if (bytes > kHeaderBytesMax) {
    return invalid(field, past_limit(bytes, kHeaderBytesMax, "bytes in names and values"));
  }
  for (auto it = headers.begin(); it != headers.end(); ++it) {
    if (auto ok = check_header(*it, field); !ok) return ok;
    const bool again = is_single(it->name) && std::any_of(headers.begin(), it, [&](auto& before) {
                         return equal_in_any_case(before.name, it->name);
                       });
    if (again) {
      return invalid(
          field, quoted(it->name) + " is given more than once: a request has one, with one value");
    }
  }
  return {};
}

void remove_header(std::vector<Header>& headers, std::string_view name) {
  std::erase_if(headers,
                [&](const Header& header) { return equal_in_any_case(header.name, name); });
}

std::vector<Header> merged(std::vector<Header> headers, const std::vector<Header>& over) {
  for (const Header& header : over) remove_header(headers, header.name);
  headers.insert(headers.end(), over.begin(), over.end());
  return headers;
}

}  // namespace rhooks::model
