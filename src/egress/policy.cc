#include "egress/policy.h"

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "base/utf8.h"

namespace rhooks::egress {
namespace {

constexpr std::size_t kShownBytesMax = 64;

tl::unexpected<Error> no_rule(std::string_view text, const std::string& why) {
  return fail(ErrorCode::kInvalidArgument,
              "\"" + one_line(std::string(text), kShownBytesMax) + "\" " + why);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (wrong != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

// "api.example.com", or what stands behind the "*" of "*.example.com".
bool is_host(std::string_view text) {
  const auto may_stand = [](char c) {
    return is_alphanumeric(c) || c == '-' || c == '.' || c == '_';
  };
  if (text.starts_with('.')) text.remove_prefix(1);
  if (text.empty() || text.size() > 253 || text.find("..") != text.npos) return false;
  if (text.front() == '.' || text.back() == '.') return false;
  // What ends in a number is an address to all who parse URLs.
  return !is_digit(text[text.rfind('.') + 1]) && std::all_of(text.begin(), text.end(), may_stand);
}

Error about(const char* field, const Error& error) {
  return {error.code, std::string(field) + ": " + error.message, field};
}

Result<void> check_count(const std::vector<std::string>& texts, const char* field) {
  if (texts.size() <= Policy::kRulesMax) return {};
  return fail(ErrorCode::kInvalidArgument,
              std::string(field) + " has " + std::to_string(texts.size()) + " entries; at most " +
                  std::to_string(Policy::kRulesMax) + " are possible",
              field);
}

}  // namespace

std::optional<Policy::Ports> Policy::parse_ports(std::string_view text) {
  const auto dash = text.find('-');
  const auto first = parse_port(text.substr(0, dash));
  if (!first) return std::nullopt;
  if (dash == std::string_view::npos) return Ports{*first, *first};
  const auto last = parse_port(text.substr(dash + 1));
  if (!last || *last < *first) return std::nullopt;
  return Ports{*first, *last};
}

Result<Policy::Rule> Policy::parse_rule(std::string_view text) {
  std::string_view place = text;
  std::string_view ports;
  const bool in_brackets = text.starts_with('[');
  const auto close = text.find(']');
  // Without brackets a network of IPv6 is all of it.
  const auto colon = in_brackets ? text.find(':', close) : text.find(':');
  if (in_brackets || text.find(':', colon + 1) == text.npos) {
    place = text.substr(0, colon);
    if (colon != text.npos) ports = text.substr(colon + 1);
  }
  Rule rule;
  if (place.size() < text.size()) {
    const auto some = parse_ports(ports);
    if (!some)
      return no_rule(text, "has a port that is neither a number nor a range such as 80-90");
    rule.ports = *some;
  }
  if (in_brackets) {
    if (!place.ends_with(']')) return no_rule(text, "has no \"]\" behind its address");
    place = place.substr(1, place.size() - 2);
  }
  const std::string_view host = place.starts_with("*.") ? place.substr(1) : place;
  if (!in_brackets && !host.starts_with('.') == !place.starts_with('*') && is_host(host)) {
    rule.host = lower_case(host);
    return rule;
  }
  auto network = parse_network(place);
  if (!network) {
    if (place.find('/') != place.npos) return fail(std::move(network.error()));
    return no_rule(text,
                   "is neither a network such as 10.0.0.0/8, nor an address, nor a name such "
                   "as api.example.com or *.example.com");
  }
  rule.network = *network;
  return rule;
}

Result<std::vector<Policy::Rule>> Policy::parse_rules(const std::vector<std::string>& texts,
                                                      const char* field) {
  if (auto ok = check_count(texts, field); !ok) return fail(std::move(ok.error()));
  std::vector<Rule> rules;
  for (const std::string& text : texts) {
    auto rule = parse_rule(text);
    if (!rule) return fail(about(field, rule.error()));
    rules.push_back(std::move(*rule));
  }
  return rules;
}

Result<void> Policy::take_ports(const std::vector<std::string>& texts) {
  constexpr const char* kField = "egress_ports";
  if (auto ok = check_count(texts, kField); !ok) return ok;
  for (const std::string& text : texts) {
    const auto ports = parse_ports(text);
    if (!ports) {
      const auto error = no_rule(text, "is neither a port nor a range such as 8000-8999");
      return fail(about(kField, error.value()));
    }
    ports_.push_back(*ports);
  }
  return {};
}

Result<void> Policy::take_nat64(const std::vector<std::string>& texts) {
  constexpr const char* kField = "egress_nat64";
  if (auto ok = check_count(texts, kField); !ok) return ok;
  for (const std::string& text : texts) {
    const auto prefix = parse_network(text);
    if (!prefix) return fail(about(kField, prefix.error()));
    if (is_v4(prefix->base) || !is_nat64_length(prefix->bits)) {
      const auto error =
          no_rule(text, "is no IPv6 network of /32, /40, /48, /56, /64 or /96 (RFC 6052)");
      return fail(about(kField, error.value()));
    }
    nat64_.push_back(*prefix);
  }
  return {};
}

Result<Policy> Policy::create(const PolicyOptions& options) {
  Policy policy;
  if (options.mode != "open" && options.mode != "public") {
    return fail(
        ErrorCode::kInvalidArgument,
        "egress is \"" + one_line(options.mode, kShownBytesMax) + "\"; it must be open or public",
        "egress");
  }
  policy.public_only_ = options.mode == "public";
  policy.https_only_ = options.https_only;
  auto allow = parse_rules(options.allow, "egress_allow");
  if (!allow) return fail(std::move(allow.error()));
  auto deny = parse_rules(options.deny, "egress_deny");
  if (!deny) return fail(std::move(deny.error()));
  policy.allow_ = std::move(*allow);
  policy.deny_ = std::move(*deny);
  if (auto ok = policy.take_ports(options.ports); !ok) return fail(std::move(ok.error()));
  if (auto ok = policy.take_nat64(options.nat64); !ok) return fail(std::move(ok.error()));
  return policy;
}

bool Policy::Rule::names(const Target& target) const {
  if (network || !ports.contain(target.port)) return false;
  return host.starts_with('.') ? target.host.ends_with(host) : target.host == host;
}

bool Policy::Rule::holds(const Target& target, const Ip& address, const Ip& reached) const {
  if (!network) return names(target);
  return ports.contain(target.port) && (network->contains(address) || network->contains(reached));
}

std::optional<std::string_view> Policy::refuses(const Target& target) const {
  if (https_only_ && !target.https) return refusal::kScheme;
  const auto has_port = [&](const Ports& ports) { return ports.contain(target.port); };
  if (!ports_.empty() && std::none_of(ports_.begin(), ports_.end(), has_port)) {
    return refusal::kPort;
  }
  const auto names = [&](const Rule& rule) { return rule.names(target); };
  if (std::any_of(deny_.begin(), deny_.end(), names)) return refusal::kDenied;
  std::optional<std::string_view> refusal;
  for (const Ip& address : target.addresses) {
    refusal = refuses(target, address);
    if (!refusal) return std::nullopt;
  }
  return refusal;
}

std::optional<std::string_view> Policy::refuses(const Target& target, const Ip& address) const {
  const Ip reached = reached_by(address, nat64_);
  const AddressClass is = classify(reached);
  if (is == AddressClass::kMetadata) return to_string(is);
  const auto holds = [&](const Rule& rule) { return rule.holds(target, address, reached); };
  const auto embedded = embedded_in(reached);
  const auto denies = [&](const Rule& rule) {
    return holds(rule) || (embedded && rule.holds(target, *embedded, *embedded));
  };
  if (std::any_of(deny_.begin(), deny_.end(), denies)) return refusal::kDenied;
  if (!public_only_ || is == AddressClass::kPublic) return std::nullopt;
  if (std::any_of(allow_.begin(), allow_.end(), holds)) return std::nullopt;
  return to_string(is);
}

AddressClass Policy::class_of(const Ip& address) const {
  return classify(reached_by(address, nat64_));
}

std::string describe(std::string_view refusal, const Target& target) {
  const std::string host = one_line(target.host, kShownBytesMax * 4);
  if (refusal == refusal::kOwnListener) {
    return "the URL leads to the scheduler itself, to which nothing is sent";
  }
  if (refusal == refusal::kScheme) {
    return "http:// is not allowed by the egress policy, https:// is (setting egress_https_only)";
  }
  if (refusal == refusal::kPort) {
    return "port " + std::to_string(target.port) +
           " is not allowed by the egress policy (setting egress_ports)";
  }
  if (refusal == to_string(AddressClass::kMetadata) && !target.addresses.empty()) {
    return host + " is where clouds give their machines credentials, to which nothing is sent";
  }
  return "the address of " + host +
         " is not allowed by the egress policy (settings egress, egress_allow and egress_deny)";
}

}  // namespace rhooks::egress
