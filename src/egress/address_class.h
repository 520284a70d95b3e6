#pragma once

#include <optional>
#include <span>

#include "egress/ip.h"

namespace rhooks::egress {

// What an address is for, by IANA's registries of special-purpose addresses (RFC 6890):
// https://www.iana.org/assignments/iana-ipv4-special-registry and …-ipv6-special-registry.
enum class AddressClass {
  kPublic,  // IPv6: of 2000::/3, all that IANA has given out for use
  kLoopback,
  kPrivate,    // RFC 1918; fc00::/7, and fec0::/10, which came before it
  kLinkLocal,  // 169.254.0.0/16, fe80::/10
  kMetadata,   // where clouds give their machines credentials
  kCgnat,      // 100.64.0.0/10, shared by the customers of a provider (RFC 6598)
  kMulticast,
  kReserved,  // documentation, benchmarks, protocols, and what is not given out
  kEmbedded,  // IPv6 with an IPv4 address in it that a tunnel or translator would go by
};

std::string_view to_string(AddressClass is);  // "public", "link_local"

// Where a connection to the address arrives: NAT64 of 64:ff9b::/96 (RFC 6052) and of these prefixes
// is taken off, each of which has 32, 40, 48, 56, 64 or 96 bits. From 0.0.0.0 and :: that is this
// machine (Linux).
Ip reached_by(const Ip& ip, std::span<const Network> nat64 = {});

// Of the address that reached_by() gave. One with a metadata service's address in it is kMetadata.
AddressClass classify(const Ip& ip);

// The IPv4 address in one of kEmbedded, where a tunnel or translator of the network may lead to;
// none in those of Teredo, whose tunnels end at clients.
std::optional<Ip> embedded_in(const Ip& ip);

// Whether a prefix of NAT64 may be so long.
bool is_nat64_length(int bits);

}  // namespace rhooks::egress
