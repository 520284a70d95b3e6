#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rhooks::net {

// The host of a URL, where it is a name that has to be looked up.
struct NamedHost {
  std::string name;  // in lower case
  std::string port;
};

// None where there is nothing to look up: an address, localhost (RFC 6761 section 6.3), or a host
// that libcurl is better asked about (with percent-encoding, or in another script).
std::optional<NamedHost> named_host(std::string_view url);

}  // namespace rhooks::net
