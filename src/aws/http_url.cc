#include "aws/http_url.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/ascii.h"

namespace rhooks::aws {
namespace {

tl::unexpected<Error> no_url(const char* why) {
  return fail(ErrorCode::kInvalidArgument, why);
}

bool is_name(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '.' || c == '-' || c == '_';
  });
}

bool is_ipv6(const std::string& host) {
  in6_addr address;
  return ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool is_port(std::string_view port) {
  if (port.empty() || port.size() > 5 || !std::all_of(port.begin(), port.end(), is_digit)) {
    return false;
  }
  const int number = std::stoi(std::string(port));
  return number >= 1 && number <= 65535;
}

}  // namespace

std::string HttpUrl::origin() const {
  std::string text = tls ? "https://" : "http://";
  text += host.find(':') == host.npos ? host : "[" + host + "]";
  if (!port.empty()) text += ":" + port;
  return text;
}

bool HttpUrl::is_loopback() const {
  in_addr v4;
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6;
  if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return host == "localhost";
}

Result<HttpUrl> parse_http_url(std::string_view text) {
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return c <= ' ' || c >= 0x7f || c == '\\' || c == '#'; })) {
    return no_url("no URL: it holds blanks, a fragment or other characters that do not belong");
  }
  HttpUrl url;
  const auto slashes = text.find("://");
  const std::string scheme = lower_case(text.substr(0, slashes));
  if (slashes == text.npos || (scheme != "http" && scheme != "https")) {
    return no_url("no URL that begins with https:// or http://");
  }
  url.tls = scheme == "https";
  text.remove_prefix(slashes + 3);

  std::string_view authority = text.substr(0, text.find_first_of("/?"));
  url.rest = text.substr(authority.size());
  if (authority.find('@') != authority.npos) {
    return no_url("a URL with user info, which is not supported");
  }
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    url.host = lower_case(authority.substr(1, end == authority.npos ? end : end - 1));
    if (end == authority.npos || !is_ipv6(url.host)) return no_url("a URL without a valid host");
    authority.remove_prefix(end + 1);
  } else {
    url.host = lower_case(authority.substr(0, authority.find(':')));
    if (!is_name(url.host)) return no_url("a URL without a valid host");
    authority.remove_prefix(url.host.size());
  }
  if (!authority.empty()) {
    if (authority.front() != ':' || !is_port(authority.substr(1))) {
      return no_url("a URL without a valid port");
    }
    url.port = authority.substr(1);
  }
  return url;
}

}  // namespace rhooks::aws
