#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "egress/ip.h"

namespace rhooks::egress {

// What stands between "//" and the path of a URL, without user name and password (RFC 3986, section
// 3.2); empty: there is no such thing.
std::string_view authority_of(std::string_view url);

// Where a URL leads.
struct Target {
  std::string host;  // in lower case, without percent-encoding and a dot at its end
  std::uint16_t port = 0;
  bool https = false;
  // Those of the host, where nobody has to be asked for them: it is an address, in any spelling
  // that libcurl takes (127.1, 2130706433, 0x7f.0.0.1, [::1]), or localhost (RFC 6761,
  // section 6.3).
  std::vector<Ip> addresses;
};

// Of a URL that model::validate_url() accepts. Of another text it may name no host, or port 0.
Target target_of(std::string_view url);

}  // namespace rhooks::egress
