#include "model/url.h"

#include <algorithm>
#include <array>
#include <boost/url/ipv6_address.hpp>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/utf8.h"
#include "model/headers.h"
#include "model/limits.h"
#include "model/refusal.h"

namespace rhooks::model {
namespace {

constexpr std::string_view kField = "url";

using Characters = std::array<bool, 256>;

constexpr Characters only(std::string_view marks) {
  Characters set{};
  for (const char c : marks) set[static_cast<unsigned char>(c)] = true;
  return set;
}

constexpr Characters alphanumeric_and(std::string_view marks) {
  Characters set = only(marks);
  for (char c = '0'; c <= '9'; ++c) set[static_cast<unsigned char>(c)] = true;
  for (char c = 'a'; c <= 'z'; ++c) set[static_cast<unsigned char>(c)] = true;
  for (char c = 'A'; c <= 'Z'; ++c) set[static_cast<unsigned char>(c)] = true;
  return set;
}

// RFC 3986, sections 3.3 and 3.4. A percent sign is looked at apart from these.
constexpr Characters kInPath = alphanumeric_and("-._~!$&'()*+,;=:@/");
constexpr Characters kInQuery = alphanumeric_and("-._~!$&'()*+,;=:@/?[]");
constexpr Characters kInHost = alphanumeric_and("-._");
constexpr Characters kAuthorityEnds = only("/?#");
constexpr Characters kPathEnds = only("?#");

bool in(const Characters& set, char c) {
  return set[static_cast<unsigned char>(c)];
}

// The first of these at `begin` or behind it; the end of the URL, if there is none.
std::size_t first_of(const Characters& set, std::string_view url, std::size_t begin) {
  while (begin < url.size() && !in(set, url[begin])) ++begin;
  return begin;
}

std::optional<unsigned> hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

// The byte that text[i], a percent sign, and two hexadecimal digits after it stand for.
std::optional<char> escaped_at(std::string_view text, std::size_t i) {
  if (i + 2 >= text.size()) return std::nullopt;
  const auto high = hex_value(text[i + 1]);
  const auto low = hex_value(text[i + 2]);
  if (!high || !low) return std::nullopt;
  return static_cast<char>(*high << 4 | *low);
}

std::string escaped(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) append_percent(text, c);
  return text;
}

// What begins at a byte of the text: a character, or a byte that is none.
std::string_view character_at(std::string_view text, std::size_t byte) {
  return text.substr(byte, std::max<std::size_t>(utf8_length(text.substr(byte)), 1));
}

// `"ü" at character 9`: what stands at a byte of the URL, for a message.
std::string at_place(std::string_view url, std::size_t byte) {
  const auto is_first_byte = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  const auto before = std::count_if(url.begin(), url.begin() + byte, is_first_byte);
  const std::string_view character = character_at(url, byte);
  std::string what = "the byte " + escaped(character.substr(0, 1)).substr(1);
  if (character == " ") {
    what = "a space";
  } else if (character == "\xEF\xBB\xBF") {
    what = "a byte order mark";
  } else if (is_utf8(character) && !has_control(character)) {
    what = quoted(character);
  }
  return what + " at character " + std::to_string(before + 1);
}

// The first byte of [begin, end) that may not stand there, if there is one.
std::optional<std::size_t> first_outside(std::string_view url, std::size_t begin, std::size_t end,
                                         const Characters& allowed) {
  for (std::size_t i = begin; i < end; ++i) {
    if (url[i] == '%' && escaped_at(url.substr(0, end), i)) {
      i += 2;
    } else if (!in(allowed, url[i])) {
      return i;
    }
  }
  return std::nullopt;
}

Result<void> check_part(std::string_view url, std::size_t begin, std::size_t end,
                        const Characters& allowed, const char* part) {
  const auto at = first_outside(url, begin, end, allowed);
  if (!at) return {};
  if (url[*at] == '%') {
    return invalid(kField, "has " + at_place(url, *at) +
                               " without two hexadecimal digits after it; a percent sign "
                               "itself is written %25");
  }
  return invalid(kField, "has " + at_place(url, *at) + ", which a " + part +
                             " cannot have as it is; write it " + escaped(character_at(url, *at)));
}

// A number as inet_aton(3) and libcurl read it: 0x before hexadecimal digits, 0 before octal.
std::optional<std::uint64_t> number_of(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
  }
  std::uint64_t number = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (wrong != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool looks_like_number(std::string_view label) {
  if (label.starts_with("0x") || label.starts_with("0X")) {
    label.remove_prefix(2);
    return std::all_of(label.begin(), label.end(), [](char c) { return hex_value(c).has_value(); });
  }
  return std::all_of(label.begin(), label.end(), is_digit);
}

// One to four numbers; the last one fills the bytes that are left.
bool is_ipv4(const std::vector<std::string_view>& labels) {
  if (labels.empty() || labels.size() > 4) return false;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto number = number_of(labels[i]);
    const std::size_t bytes = i + 1 < labels.size() ? 1 : 5 - labels.size();
    if (!number || *number >> (8 * bytes) != 0) return false;
  }
  return true;
}

Result<void> check_host_name(const std::string& host) {
  constexpr std::size_t kLabelBytesMax = 63;
  constexpr std::size_t kNameBytesMax = 253;
  std::string_view rest = host;
  const bool ends_with_dot = rest.ends_with('.');
  if (ends_with_dot) rest.remove_suffix(1);
  if (rest.size() > kNameBytesMax) {
    return invalid(kField, "names a host of " + std::to_string(rest.size()) +
                               " characters; names have at most 253");
  }
  std::vector<std::string_view> labels;
  for (std::size_t begin = 0; begin <= rest.size();) {
    const std::size_t end = std::min(rest.find('.', begin), rest.size());
    labels.push_back(rest.substr(begin, end - begin));
    begin = end + 1;
  }
  for (const std::string_view label : labels) {
    if (label.empty()) {
      return invalid(
          kField, "names the host " + quoted(host) + ", with nothing before or between its dots");
    }
    if (label.size() > kLabelBytesMax) {
      return invalid(kField, "names a host with " + std::to_string(label.size()) +
                                 " characters in a row without a dot; at most 63 are possible");
    }
  }
  // A single number that is too large can be the name of a machine: containers have such.
  if (labels.size() > 1 && std::all_of(labels.begin(), labels.end(), looks_like_number) &&
      (ends_with_dot || !is_ipv4(labels))) {
    return invalid(kField, "names the host " + quoted(host) + ", which is no IPv4 address");
  }
  return {};
}

Result<void> check_host(std::string_view url, std::size_t begin, std::size_t end) {
  std::string host;
  for (std::size_t i = begin; i < end; ++i) {
    const std::optional<char> escaped =
        url[i] == '%' ? escaped_at(url.substr(0, end), i) : std::nullopt;
    const char c = escaped.value_or(url[i]);
    if (!in(kInHost, c)) {
      const std::string what =
          escaped ? quoted(url.substr(i, 3)) + " at character " + std::to_string(i + 1)
                  : at_place(url, i);
      // Percent-encoded it would be sent as it is, and no resolver knows it.
      const char* const instead =
          static_cast<unsigned char>(c) >= 0x80
              ? "write a name beyond ASCII in punycode, as xn--bcher-kva.example for "
                "b\xC3\xBC"
                "cher.example"
              : "a host has letters, digits, \"-\", \"_\" and \".\", or is an IPv6 address in "
                "brackets";
      return invalid(kField, "has " + what + ", in the host: " + instead);
    }
    host += c;
    if (escaped) i += 2;
  }
  return check_host_name(host);
}

Result<void> check_address(std::string_view address) {
  if (address.find('%') != std::string_view::npos) {
    return invalid(kField,
                   "names an IPv6 address with a zone, which means something on one machine "
                   "only; name an address without one");
  }
  if (boost::urls::parse_ipv6_address({address.data(), address.size()})) return {};
  return invalid(kField, "names the host " + quoted("[" + std::string(address) + "]") +
                             ", which is no IPv6 address");
}

Result<void> check_port(std::string_view port) {
  if (port.empty()) return {};  // the default
  std::uint32_t number = 0;
  const auto [end, wrong] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (wrong == std::errc() && end == port.data() + port.size() && number >= 1 && number <= 65'535) {
    return {};
  }
  return invalid(kField, "has a port that is not a number between 1 and 65535");
}

// [begin, end): what stands between "//" and the path.
Result<void> check_authority(std::string_view url, std::size_t begin, std::size_t end) {
  const std::string_view authority = url.substr(begin, end - begin);
  // The URL is shown in lists and logs, where a password has no place.
  if (authority.find('@') != std::string_view::npos) {
    return invalid(kField,
                   "must not contain a user name or password; send an Authorization header "
                   "instead");
  }
  std::size_t host_size = authority.find(':');
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) {
      return invalid(kField, "has \"[\" at character " + std::to_string(begin + 1) +
                                 ", in the host, without the \"]\" that ends an IPv6 address");
    }
    if (auto ok = check_address(authority.substr(1, close - 1)); !ok) return ok;
    host_size = close + 1;
    if (host_size < authority.size() && authority[host_size] != ':') {
      return invalid(kField, "has " + at_place(url, begin + host_size) +
                                 " after the IPv6 address, where a port or a path begins");
    }
  } else {
    host_size = std::min(host_size, authority.size());
    if (std::count(authority.begin(), authority.end(), ':') > 1) {
      return invalid(kField,
                     "has more than one \":\" in the host; an IPv6 address stands in brackets, "
                     "as in http://[::1]:8080/");
    }
    if (host_size == 0) return invalid(kField, "must name a host");
    if (auto ok = check_host(url, begin, begin + host_size); !ok) return ok;
  }
  return check_port(host_size < authority.size() ? authority.substr(host_size + 1)
                                                 : std::string_view());
}

// What begins at `path`: that, a query and a fragment.
Result<void> check_from_path(std::string_view url, std::size_t path) {
  const std::size_t query = first_of(kPathEnds, url, path);
  const std::size_t fragment = std::min(url.find('#', query), url.size());
  if (auto ok = check_part(url, path, query, kInPath, "path"); !ok) return ok;
  if (query < fragment) {
    if (auto ok = check_part(url, query + 1, fragment, kInQuery, "query"); !ok) return ok;
  }
  if (fragment < url.size()) {
    return check_part(url, fragment + 1, url.size(), kInQuery, "fragment");
  }
  return {};
}

Result<void> check_size(std::string_view url) {
  if (url.size() <= kUrlBytesMax) return {};
  return invalid(kField, past_limit(url.size(), kUrlBytesMax, "bytes"));
}

}  // namespace

Result<void> validate_url(std::string_view url) {
  if (url.empty()) return invalid(kField, "is required");
  if (auto ok = check_size(url); !ok) return ok;
  const std::size_t scheme_size = std::min(url.find(':'), url.size());
  const std::string_view scheme = url.substr(0, scheme_size);
  if (!equal_in_any_case(scheme, "http") && !equal_in_any_case(scheme, "https")) {
    // A space or a byte order mark is easily overlooked.
    const auto first = static_cast<unsigned char>(url[0]);
    const std::string found =
        first <= ' ' || first >= 0x7f ? "; it has " + at_place(url, 0) : std::string();
    return invalid(kField,
                   "must begin with http:// or https://, as in https://example.com/hook" + found);
  }
  const std::size_t authority = scheme_size + 3;
  if (url.substr(scheme_size, 3) != "://") return invalid(kField, "must name a host after \"//\"");
  const std::size_t path = first_of(kAuthorityEnds, url, authority);
  if (auto ok = check_authority(url, authority, path); !ok) return ok;
  return check_from_path(url, path);
}

bool is_url_rest(std::string_view url) {
  return url.starts_with('/') || url.starts_with('?');
}

Result<void> validate_url_rest(std::string_view rest) {
  if (rest.empty()) return {};
  if (auto ok = check_size(rest); !ok) return ok;
  if (!is_url_rest(rest)) return invalid(kField, "must begin with \"/\" or \"?\"");
  return check_from_path(rest, 0);
}

Result<void> validate_target(std::string_view url) {
  return url.empty() || is_url_rest(url) ? validate_url_rest(url) : validate_url(url);
}

}  // namespace rhooks::model
