#include "egress/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>

#include "base/utf8.h"

namespace rhooks::egress {
namespace {

constexpr Ip kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};
constexpr std::size_t kV4Begin = 12;
constexpr int kV4Bits = 8 * kV4Begin;
constexpr std::size_t kQuotedBytesMax = 64;

std::optional<int> parse_bits(std::string_view text, int most) {
  int bits = -1;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (wrong != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return bits >= 0 && bits <= most ? std::optional(bits) : std::nullopt;
}

// Those of the byte at `index` that are among the first `bits` of all.
std::uint8_t mask_of(std::size_t index, int bits) {
  const int left = std::clamp(bits - 8 * static_cast<int>(index), 0, 8);
  return static_cast<std::uint8_t>(0xff00 >> left);
}

tl::unexpected<Error> no_network(std::string_view text, const char* why) {
  return fail(ErrorCode::kInvalidArgument,
              "\"" + one_line(std::string(text), kQuotedBytesMax) + "\" " + why);
}

}  // namespace

bool is_v4(const Ip& ip) {
  return std::equal(kMapped.begin(), kMapped.begin() + kV4Begin, ip.begin());
}

Ip ip_of_v4(std::uint32_t v4) {
  Ip ip = kMapped;
  for (std::size_t i = 0; i < 4; ++i) {
    ip[kV4Begin + i] = static_cast<std::uint8_t>(v4 >> (24 - 8 * i));
  }
  return ip;
}

std::uint32_t v4_of(const Ip& ip) {
  std::uint32_t v4 = 0;
  for (std::size_t i = kV4Begin; i < ip.size(); ++i) v4 = v4 << 8 | ip[i];
  return v4;
}

std::optional<Ip> parse_ip(std::string_view text) {
  const std::string copy(text);  // inet_pton() wants its end marked
  if (copy.size() != std::char_traits<char>::length(copy.c_str())) return std::nullopt;
  in_addr v4{};
  if (::inet_pton(AF_INET, copy.c_str(), &v4) == 1) return ip_of_v4(ntohl(v4.s_addr));
  Ip ip{};
  if (::inet_pton(AF_INET6, copy.c_str(), ip.data()) == 1) return ip;
  return std::nullopt;
}

std::string to_text(const Ip& ip) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = is_v4(ip);
  ::inet_ntop(v4 ? AF_INET : AF_INET6, ip.data() + (v4 ? kV4Begin : 0), text.data(), text.size());
  return text.data();
}

std::optional<End> end_of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return End{ip_of_v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
  }
  if (address.sa_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    End end{.ip = {}, .port = ntohs(v6.sin6_port)};
    std::copy_n(v6.sin6_addr.s6_addr, end.ip.size(), end.ip.begin());
    return end;
  }
  return std::nullopt;
}

bool Network::contains(const Ip& ip) const {
  if (bits < kV4Bits && is_v4(ip)) return false;
  for (std::size_t i = 0; i < ip.size(); ++i) {
    if (((ip[i] ^ base[i]) & mask_of(i, bits)) != 0) return false;
  }
  return true;
}

Result<Network> parse_network(std::string_view text) {
  const auto slash = text.find('/');
  const auto base = parse_ip(text.substr(0, slash));
  if (!base) return no_network(text, "is neither an IP address nor a network such as 10.0.0.0/8");
  Network network{*base, 128};
  if (slash == std::string_view::npos) return network;
  // "::ffff:0:0/96" is written as IPv6 is, and so are its bits.
  const bool v4 = text.find(':') == std::string_view::npos;
  const auto bits = parse_bits(text.substr(slash + 1), v4 ? 32 : 128);
  if (!bits) return no_network(text, v4 ? "has no length of 0 to 32" : "has no length of 0 to 128");
  network.bits = *bits + (v4 ? kV4Bits : 0);
  for (std::size_t i = 0; i < network.base.size(); ++i) {
    if ((network.base[i] & ~mask_of(i, network.bits)) != 0) {
      return no_network(text, "has bits set behind its length; name the network's first address");
    }
  }
  return network;
}

std::string to_text(const Network& network) {
  const bool v4 = is_v4(network.base) && network.bits >= kV4Bits;
  return to_text(network.base) + "/" + std::to_string(network.bits - (v4 ? kV4Bits : 0));
}

}  // namespace rhooks::egress
