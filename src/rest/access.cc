#include "rest/access.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cctype>
#include <charconv>

#include "base/ascii.h"

namespace rhooks::rest {

namespace {

bool is_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_digit);
}

}  // namespace

Result<ListenAddress> parse_listen(std::string_view text) {
  const auto bad = [&](const char* why) {
    return fail(ErrorCode::kInvalidArgument,
                "\"" + std::string(text) + "\" is no address to listen on: " + why +
                    "; write for example 127.0.0.1:8090 or [::1]:8090",
                "listen");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad("it has no port");
  const std::string_view port_text = text.substr(colon + 1);
  ListenAddress listen;
  const char* end = port_text.data() + port_text.size();
  const auto [at, ec] = std::from_chars(port_text.data(), end, listen.port);
  if (port_text.empty() || ec != std::errc() || at != end) {
    return bad("the port is not a number from 0 to 65535");
  }
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty()) return bad("it has no address before the port");
  if (!equal_in_any_case(host, "localhost")) {
    boost::system::error_code address_ec;
    const auto address = boost::asio::ip::make_address(std::string(host), address_ec);
    if (address_ec) return bad("it must begin with an IP address or localhost");
    if (address.is_v6() != bracketed)
      return bad("an IPv6 address, and no other, stands in brackets");
    listen.address = std::string(host);
  } else {
    listen.address = "localhost";
  }
  return listen;
}

bool is_loopback(std::string_view address) {
  if (equal_in_any_case(address, "localhost")) return true;
  boost::system::error_code ec;
  const auto parsed = boost::asio::ip::make_address(std::string(address), ec);
  return !ec && parsed.is_loopback();
}

bool names_this_machine(std::string_view authority) {
  const bool bracketed = authority.starts_with('[');
  const auto end = bracketed ? authority.find(']') : authority.find(':');
  if (bracketed && end == std::string_view::npos) return false;
  const std::string_view host = authority.substr(bracketed ? 1 : 0, bracketed ? end - 1 : end);
  std::string_view port = end == std::string_view::npos
                              ? std::string_view()
                              : authority.substr(end + (bracketed ? 1 : 0));
  if (!port.empty()) {
    if (port.front() != ':' || !is_digits(port.substr(1))) return false;
  }
  if (bracketed) return host.find(':') != std::string_view::npos && is_loopback(host);
  // RFC 6761 section 6.3: names under localhost never leave the machine.
  constexpr std::string_view kUnder = ".localhost";
  if (host.size() > kUnder.size() &&
      equal_in_any_case(host.substr(host.size() - kUnder.size()), kUnder)) {
    return std::all_of(host.begin(), host.end(), [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_';
    });
  }
  return is_loopback(host);
}

Result<void> validate_listen(std::string_view address, bool has_key) {
  if (has_key || is_loopback(address)) return {};
  return fail(ErrorCode::kInvalidArgument,
              "listening on " + std::string(address) +
                  " lets other machines in, so an API key is needed: set RHOOKS_API_KEY, make one "
                  "with `rhooks key create`, or listen on 127.0.0.1",
              "listen");
}

Result<void> validate_api_key(std::string_view key) {
  if (!key.empty() && key.size() < kApiKeyBytesMin) {
    return fail(ErrorCode::kInvalidArgument,
                "the API key is shorter than " + std::to_string(kApiKeyBytesMin) +
                    " characters, which somebody could guess; make one with: openssl rand -hex 32",
                "api_key");
  }
  if (key.starts_with("rhk_")) {
    return fail(ErrorCode::kInvalidArgument,
                "the API key is one that clients send, of those in a store, and would open "
                "everything here whatever it is for; start the server without it: keys of its "
                "store it knows",
                "api_key");
  }
  const bool clean =
      std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (clean) return {};
  return fail(ErrorCode::kInvalidArgument,
              "the API key has spaces, control characters or characters beyond ASCII, which a "
              "header cannot carry",
              "api_key");
}

std::optional<HttpResponse> check_local(const HttpRequest& request) {
  const std::string* host = request.authority.empty() ? request.header("Host") : &request.authority;
  if (host && !names_this_machine(*host)) {
    return problem(421, ErrorCode::kInvalidArgument,
                   "without an API key this server answers requests for localhost only, so that "
                   "web pages cannot reach it under a name of their own",
                   "Host");
  }
  const std::string* origin = request.header("Origin");
  if (origin) {
    const std::string_view text = *origin;
    const auto scheme_end = text.find("://");
    const std::string_view scheme = text.substr(0, scheme_end);
    if (scheme_end == std::string_view::npos ||
        (!equal_in_any_case(scheme, "http") && !equal_in_any_case(scheme, "https")) ||
        !names_this_machine(text.substr(scheme_end + 3))) {
      return problem(403, ErrorCode::kInvalidArgument,
                     "without an API key this server takes no requests from pages of other sites",
                     "Origin");
    }
  }
  return std::nullopt;
}

}  // namespace rhooks::rest
