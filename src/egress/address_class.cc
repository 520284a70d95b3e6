#include "egress/address_class.h"

#include <algorithm>
#include <array>
#include <initializer_list>

namespace rhooks::egress {
namespace {

using enum AddressClass;

struct Row {
  Network network;
  AddressClass is;
};

constexpr Row v4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d, int bits,
                 AddressClass is) {
  Ip ip{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  ip[12] = static_cast<std::uint8_t>(a);
  ip[13] = static_cast<std::uint8_t>(b);
  ip[14] = static_cast<std::uint8_t>(c);
  ip[15] = static_cast<std::uint8_t>(d);
  return {{ip, 96 + bits}, is};
}

// By its groups, as it is written; those left out are 0. `last` stands behind "::".
constexpr Row v6(std::initializer_list<std::uint16_t> first,
                 std::initializer_list<std::uint16_t> last, int bits, AddressClass is) {
  Ip ip{};
  const auto put = [&ip](std::size_t at, std::uint16_t group) {
    ip[2 * at] = static_cast<std::uint8_t>(group >> 8);
    ip[2 * at + 1] = static_cast<std::uint8_t>(group);
  };
  std::size_t at = 0;
  for (const std::uint16_t group : first) put(at++, group);
  at = 8 - last.size();
  for (const std::uint16_t group : last) put(at++, group);
  return {{ip, bits}, is};
}

// The first row that holds an address decides.
constexpr std::array kV4{
    v4(169, 254, 169, 254, 32, kMetadata),  // AWS, Azure, Google Cloud and most others
    v4(169, 254, 170, 2, 32, kMetadata),    // AWS: credentials of containers (ECS)
    v4(169, 254, 170, 23, 32, kMetadata),   // the same in Kubernetes (EKS Pod Identity)
    v4(169, 254, 0, 23, 32, kMetadata),     // Tencent Cloud
    v4(169, 254, 42, 42, 32, kMetadata),    // Scaleway
    v4(168, 63, 129, 16, 32, kMetadata),    // Azure's wire server, a public address
    v4(100, 100, 100, 200, 32, kMetadata),  // Alibaba Cloud
    v4(192, 0, 0, 192, 32, kMetadata),      // Oracle Cloud, earlier
    v4(0, 0, 0, 0, 8, kReserved),
    v4(10, 0, 0, 0, 8, kPrivate),
    v4(100, 64, 0, 0, 10, kCgnat),
    v4(127, 0, 0, 0, 8, kLoopback),
    v4(169, 254, 0, 0, 16, kLinkLocal),
    v4(172, 16, 0, 0, 12, kPrivate),
    v4(192, 0, 0, 0, 24, kReserved),
    v4(192, 0, 2, 0, 24, kReserved),
    v4(192, 88, 99, 0, 24, kReserved),  // relays of 6to4, given up by RFC 7526
    v4(192, 168, 0, 0, 16, kPrivate),
    v4(198, 18, 0, 0, 15, kReserved),
    v4(198, 51, 100, 0, 24, kReserved),
    v4(203, 0, 113, 0, 24, kReserved),
    v4(224, 0, 0, 0, 4, kMulticast),
    v4(240, 0, 0, 0, 4, kReserved),  // with the broadcast address
    v4(0, 0, 0, 0, 0, kPublic),
};

constexpr std::array kV6{
    v6({0xfd00, 0xec2}, {0x254}, 128, kMetadata),          // AWS
    v6({0xfd00, 0xec2}, {0x23}, 128, kMetadata),           // EKS Pod Identity
    v6({0xfd20, 0xce}, {0x254}, 128, kMetadata),           // Google Cloud
    v6({0xfd00, 0xc1}, {0xa9fe, 0xa9fe}, 128, kMetadata),  // Oracle Cloud
    v6({0xfd00, 0x42}, {0x42}, 128, kMetadata),            // Scaleway
    v6({0xfe80}, {0xa9fe, 0xa9fe}, 128, kMetadata),        // OpenStack
    v6({}, {1}, 128, kLoopback),
    v6({}, {}, 96, kEmbedded),                 // IPv4-compatible, RFC 4291 section 2.5.5.1
    v6({0x64, 0xff9b, 1}, {}, 48, kEmbedded),  // NAT64 of a network's own, RFC 8215
    v6({0x2001}, {}, 32, kEmbedded),           // Teredo, RFC 4380
    v6({0x2001}, {}, 23, kReserved),           // for protocols, RFC 2928
    v6({0x2001, 0xdb8}, {}, 32, kReserved),    // documentation
    v6({0x2002}, {}, 16, kEmbedded),           // 6to4, RFC 3056
    v6({0x3fff}, {}, 20, kReserved),           // documentation, RFC 9637
    v6({0x2000}, {}, 3, kPublic),
    v6({0xfc00}, {}, 7, kPrivate),
    v6({0xfe80}, {}, 10, kLinkLocal),
    v6({0xfec0}, {}, 10, kPrivate),
    v6({0xff00}, {}, 8, kMulticast),
    v6({}, {}, 0, kReserved),
};

// Where addresses of kEmbedded have their IPv4 address: behind so many bits.
struct Embedding {
  Network network;
  int bits;
};
constexpr std::array kEmbeddings{
    Embedding{v6({}, {}, 96, kEmbedded).network, 96},
    // With a prefix of 96 bits, as most have. Others are told by their owners.
    Embedding{v6({0x64, 0xff9b, 1}, {}, 48, kEmbedded).network, 96},
    Embedding{v6({0x2002}, {}, 16, kEmbedded).network, 16},
};

constexpr Network kWellKnownNat64 = v6({0x64, 0xff9b}, {}, 96, kEmbedded).network;

constexpr Ip kAnyV4 = v4(0, 0, 0, 0, 32, kReserved).network.base;
constexpr Ip kAnyV6{};

// Where RFC 6052, section 2.2, puts the four bytes behind a prefix: byte 8 is left out.
Ip taken_off(const Ip& ip, int prefix_bits) {
  std::uint32_t v4 = 0;
  std::size_t at = static_cast<std::size_t>(prefix_bits) / 8;
  for (int i = 0; i < 4; ++i, ++at) {
    if (at == 8) ++at;
    v4 = v4 << 8 | ip[at];
  }
  return ip_of_v4(v4);
}

AddressClass listed(const Ip& ip) {
  const auto holds = [&ip](const Row& row) { return row.network.contains(ip); };
  if (is_v4(ip)) return std::find_if(kV4.begin(), kV4.end() - 1, holds)->is;
  return std::find_if(kV6.begin(), kV6.end() - 1, holds)->is;
}

}  // namespace

bool is_nat64_length(int bits) {
  return bits == 96 || (bits >= 32 && bits <= 64 && bits % 8 == 0);
}

Ip reached_by(const Ip& ip, std::span<const Network> nat64) {
  if (ip == kAnyV4) return kLoopbackV4;
  if (ip == kAnyV6) return kLoopbackV6;
  if (is_v4(ip)) return ip;
  if (kWellKnownNat64.contains(ip)) return taken_off(ip, kWellKnownNat64.bits);
  for (const Network& prefix : nat64) {
    if (prefix.contains(ip)) return taken_off(ip, prefix.bits);
  }
  return ip;
}

std::string_view to_string(AddressClass is) {
  switch (is) {
    case kPublic:
      return "public";
    case kLoopback:
      return "loopback";
    case kPrivate:
      return "private";
    case kLinkLocal:
      return "link_local";
    case kMetadata:
      return "metadata";
    case kCgnat:
      return "cgnat";
    case kMulticast:
      return "multicast";
    case kReserved:
      return "reserved";
    case kEmbedded:
      return "embedded";
  }
  return "reserved";
}

std::optional<Ip> embedded_in(const Ip& ip) {
  if (listed(ip) != kEmbedded) return std::nullopt;
  for (const Embedding& embedding : kEmbeddings) {
    if (embedding.network.contains(ip)) return taken_off(ip, embedding.bits);
  }
  return std::nullopt;
}

AddressClass classify(const Ip& ip) {
  const auto v4 = embedded_in(ip);
  return v4 && listed(*v4) == kMetadata ? kMetadata : listed(ip);
}

}  // namespace rhooks::egress
