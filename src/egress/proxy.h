#pragma once

#include <rhooks/result.h>

#include <string>
#include <string_view>

namespace rhooks::egress {

// By way of which all webhooks are sent, so that they come from one address.
struct Proxy {
  std::string url;       // "http://HOST:PORT", "socks5h://HOST:PORT", or empty: none
  std::string user;      // empty: it asks for none
  std::string password;  // of that user

  bool empty() const { return url.empty(); }
};

// Of "http://HOST:PORT" or "socks5://HOST:PORT", with "USER@" before the host where it asks for
// one. Errors: kInvalidArgument, field "egress_proxy"; nothing of the password is quoted.
Result<Proxy> parse_proxy(std::string_view text, std::string password);

}  // namespace rhooks::egress
