#pragma once

#include <rhooks/result.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rest/http_message.h"

// Who may call the REST API.
//
// With API keys, those who have one (access_control.h). Without, programs of this machine: the
// server then listens on loopback only. A browser on the machine is such a program, too, and runs
// pages of strangers, so without a key two more things are asked for:
//   - Host names this machine. Otherwise a page of evil.example, whose name is made to point
//     to 127.0.0.1 once the page is loaded (DNS rebinding), could read and change everything:
//     to the browser it would be the page's own server.
//   - Origin, which browsers send with every request that another site's page makes and that
//     could change something, is of this machine. Otherwise such a page could register and
//     delete without reading the answers (cross-site request forgery).
namespace rhooks::rest {

struct ListenAddress {
  std::string address;  // without brackets
  std::uint16_t port = 0;
};

// Reads "127.0.0.1:8090", "localhost:8090", "[::1]:8090". Errors: kInvalidArgument, field "listen".
Result<ListenAddress> parse_listen(std::string_view text);

// "localhost", 127.0.0.0/8, ::1.
bool is_loopback(std::string_view address);

// Whether "host", "host:port" or "[v6]:port" is this machine: a loopback address, localhost, or a
// name under it. What is no such text is not.
bool names_this_machine(std::string_view authority);

// Refuses what is not a loopback address where there is no API key, and says what to do.
Result<void> validate_listen(std::string_view address, bool has_key);

inline constexpr std::size_t kApiKeyBytesMin = 16;

// Refuses keys that no Authorization header can carry, short ones, and such as a store has. Empty
// stands for no key, and is fine.
Result<void> validate_api_key(std::string_view key);

// Why this request may not be served where no key is asked for: 403 or 421; nothing if it may.
std::optional<HttpResponse> check_local(const HttpRequest& request);

}  // namespace rhooks::rest
