#include "net/named_host.h"

#include <algorithm>

#include "base/ascii.h"
#include "egress/target.h"

namespace rhooks::net {
namespace {

constexpr std::string_view kLocalhost = "localhost";

// RFC 952, RFC 1123 section 2.1; and "_", which is met in practice.
bool may_be_in_name(char c) {
  return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '.' || c == '_';
}

}  // namespace

std::optional<NamedHost> named_host(std::string_view url) {
  const std::string_view authority = egress::authority_of(url);
  const std::string_view host = authority.substr(0, authority.find(':'));
  if (host.empty() || host.front() == '[') return std::nullopt;
  // What ends in a number is an address to all who parse URLs, in one spelling or another.
  const auto last_label = host.rfind('.') + 1;  // 0 where there is no dot
  if (last_label == host.size() || is_digit(host[last_label])) return std::nullopt;

  NamedHost found;
  found.name = lower_case(host);
  if (!std::all_of(found.name.begin(), found.name.end(), may_be_in_name)) return std::nullopt;
  if (std::string_view(found.name).substr(last_label) == kLocalhost) return std::nullopt;

  const std::string_view port = authority.substr(std::min(host.size() + 1, authority.size()));
  found.port = !port.empty() ? port : lower_case(url[4]) == 's' ? "443" : "80";
  return found;
}

}  // namespace rhooks::net
