#pragma once

#include <rhooks/result.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;  // <sys/socket.h>

namespace rhooks::egress {

// An address. One of IPv4 is kept as it is mapped into IPv6 (RFC 4291, section 2.5.5.2), so that
// 127.0.0.1 and ::ffff:127.0.0.1, which lead to the same place, are the same.
using Ip = std::array<std::uint8_t, 16>;

inline constexpr Ip kLoopbackV4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
inline constexpr Ip kLoopbackV6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

bool is_v4(const Ip& ip);
// Of its four bytes, the first one highest.
Ip ip_of_v4(std::uint32_t v4);
std::uint32_t v4_of(const Ip& ip);

// "192.0.2.1", "2001:db8::1"; none: it is neither.
std::optional<Ip> parse_ip(std::string_view text);
// A mapped one as IPv4.
std::string to_text(const Ip& ip);

struct End {
  Ip ip{};
  std::uint16_t port = 0;

  friend bool operator==(const End&, const End&) = default;
};
// None: it is of another family than IPv4 and IPv6. A zone (fe80::1%eth0) is left out.
std::optional<End> end_of(const sockaddr& address);

// All addresses that begin with the first `bits` of `base`; those behind them are 0. Those of IPv4
// are in networks of IPv4 only: ::/0 is all of IPv6.
struct Network {
  Ip base{};
  int bits = 128;  // of all 128: 8 of an IPv4 network are 104

  bool contains(const Ip& ip) const;
  friend bool operator==(const Network&, const Network&) = default;
};

// "10.0.0.0/8", "2001:db8::/32", or one address. Errors: kInvalidArgument, also where bits are set
// behind those that count.
Result<Network> parse_network(std::string_view text);
std::string to_text(const Network& network);

}  // namespace rhooks::egress
