#pragma once

#include <rhooks/result.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "egress/address_class.h"
#include "egress/ip.h"
#include "egress/target.h"

namespace rhooks::egress {

// Why a request may not go somewhere: the name of an AddressClass, or one of these.
namespace refusal {
inline constexpr std::string_view kDenied = "denied";             // by egress_deny
inline constexpr std::string_view kPort = "port";                 // not one of egress_ports
inline constexpr std::string_view kScheme = "scheme";             // egress_https_only
inline constexpr std::string_view kNoIp = "no_ip";                // no address of IPv4 or IPv6
inline constexpr std::string_view kOwnListener = "own_listener";  // this process listens there
}  // namespace refusal

// What a server's owner sets; its members are named as its settings are.
struct PolicyOptions {
  // "open": every address but those of metadata services. "public": addresses of the public
  // internet only.
  std::string mode = "open";
  // Each is NETWORK, NAME or *.SUFFIX, for all ports or with :PORT or :FIRST-LAST behind it; a
  // network of IPv6 stands in brackets then. Names are those of URLs. `deny` goes before `allow`,
  // and both before the mode; metadata services no rule allows.
  std::vector<std::string> allow;
  std::vector<std::string> deny;
  std::vector<std::string> ports;  // each PORT or FIRST-LAST; none: all
  bool https_only = false;
  std::vector<std::string> nat64;  // prefixes beside 64:ff9b::/96
};

// Says where requests of webhooks may go. It cannot change.
// Threads: any. Blocking: never.
class Policy {
 public:
  // As many rules as a list may have: all of them are looked at for each request.
  static constexpr std::size_t kRulesMax = 1'000;

  // All but metadata services.
  Policy() = default;
  // Errors: kInvalidArgument, with the setting ("egress_allow") as field.
  static Result<Policy> create(const PolicyOptions& options);

  // Why no request may go there, as far as the URL tells; none: that is up to the addresses of its
  // host, or it may. A host of several addresses is refused where all of them are.
  std::optional<std::string_view> refuses(const Target& target) const;
  // The same of one address to which a request for that target would be sent.
  std::optional<std::string_view> refuses(const Target& target, const Ip& address) const;

  // What the address is for, or the one behind NAT64 that it leads to.
  AddressClass class_of(const Ip& address) const;

 private:
  struct Ports {
    std::uint16_t first = 0;
    std::uint16_t last = 65'535;

    bool contain(std::uint16_t port) const { return first <= port && port <= last; }
  };
  struct Rule {
    std::optional<Network> network;
    std::string host;  // ".example.com": all names below that one
    Ports ports;

    bool names(const Target& target) const;
    bool holds(const Target& target, const Ip& address, const Ip& reached) const;
  };

  static std::optional<Ports> parse_ports(std::string_view text);
  static Result<Rule> parse_rule(std::string_view text);
  static Result<std::vector<Rule>> parse_rules(const std::vector<std::string>& texts,
                                               const char* field);
  Result<void> take_ports(const std::vector<std::string>& texts);
  Result<void> take_nat64(const std::vector<std::string>& texts);

  bool public_only_ = false;
  std::vector<Rule> allow_;
  std::vector<Rule> deny_;
  std::vector<Ports> ports_;
  bool https_only_ = false;
  std::vector<Network> nat64_;
};

// Why nothing is sent to that target, for whoever asked for it: no address that its name has, which
// would tell of the network behind the server.
std::string describe(std::string_view refusal, const Target& target);

}  // namespace rhooks::egress
