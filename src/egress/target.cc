#include "egress/target.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/ascii.h"

namespace rhooks::egress {
namespace {

constexpr std::string_view kLocalhost = "localhost";

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size()) {
      const char* const end = text.data() + i + 3;
      const auto [stop, wrong] = std::from_chars(text.data() + i + 1, end, byte, 16);
      if (wrong == std::errc() && stop == end) {
        decoded += static_cast<char>(byte);
        i += 2;
        continue;
      }
    }
    decoded += text[i];
  }
  return decoded;
}

// One to four numbers in bases of C, as libcurl and the system's resolver take them.
std::optional<Ip> ip_of_numbers(const std::string& host) {
  if (host.empty() || host.find_first_not_of("0123456789abcdefx.") != host.npos)
    return std::nullopt;
  in_addr v4{};
  if (::inet_aton(host.c_str(), &v4) == 0) return std::nullopt;
  return ip_of_v4(ntohl(v4.s_addr));
}

std::vector<Ip> addresses_of(const std::string& host) {
  const std::string_view last_label = std::string_view(host).substr(host.rfind('.') + 1);
  if (last_label == kLocalhost) return {kLoopbackV4, kLoopbackV6};
  if (const auto ip = ip_of_numbers(host)) return {*ip};
  return {};
}

std::uint16_t port_of(std::string_view text, bool https) {
  if (text.empty()) return https ? 443 : 80;
  std::uint16_t port = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), port);
  return wrong == std::errc() && end == text.data() + text.size() ? port : std::uint16_t{0};
}

}  // namespace

std::string_view authority_of(std::string_view url) {
  const auto scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return {};
  std::string_view authority = url.substr(scheme_end + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  const auto user_end = authority.rfind('@');
  return user_end == std::string_view::npos ? authority : authority.substr(user_end + 1);
}

Target target_of(std::string_view url) {
  Target target;
  target.https = equal_in_any_case(url.substr(0, url.find(':')), "https");
  const std::string_view authority = authority_of(url);
  std::size_t host_size = 0;
  if (authority.starts_with('[')) {
    host_size = std::min(authority.find(']'), authority.size() - 1) + 1;
    const std::string_view inner = authority.substr(1, std::max<std::size_t>(host_size, 2) - 2);
    target.host = lower_case(inner);
    // A zone is no part of the address.
    if (const auto ip = parse_ip(inner.substr(0, inner.find('%')))) target.addresses = {*ip};
  } else {
    host_size = std::min(authority.find(':'), authority.size());
    target.host = lower_case(percent_decoded(authority.substr(0, host_size)));
    if (target.host.ends_with('.')) target.host.pop_back();
    target.addresses = addresses_of(target.host);
  }
  target.port = port_of(authority.substr(std::min(host_size + 1, authority.size())), target.https);
  return target;
}

}  // namespace rhooks::egress
