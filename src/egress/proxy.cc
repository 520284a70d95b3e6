#include "egress/proxy.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "egress/target.h"

namespace rhooks::egress {
namespace {

constexpr std::string_view kHttp = "http://";
constexpr std::string_view kSocks = "socks5://";

tl::unexpected<Error> no_proxy(const char* why) {
  return fail(ErrorCode::kInvalidArgument, std::string("egress_proxy ") + why, "egress_proxy");
}

bool may_be_in_authority(char c) {
  return is_alphanumeric(c) || std::string_view("-._~:[]").find(c) != std::string_view::npos;
}

}  // namespace

Result<Proxy> parse_proxy(std::string_view text, std::string password) {
  if (text.empty()) {
    if (password.empty()) return Proxy{};
    return fail(ErrorCode::kInvalidArgument,
                "egress_proxy_password belongs to a user of egress_proxy, which is not set",
                "egress_proxy_password");
  }
  const bool socks = text.starts_with(kSocks);
  if (!socks && !text.starts_with(kHttp)) {
    return no_proxy(
        "must begin with http:// or socks5://; proxies that speak TLS are not supported");
  }
  std::string_view rest = text.substr(socks ? kSocks.size() : kHttp.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  Proxy proxy;
  if (const auto at = rest.find('@'); at != rest.npos) {
    proxy.user = rest.substr(0, at);
    rest.remove_prefix(at + 1);
    if (proxy.user.find(':') != proxy.user.npos) {
      return no_proxy(
          "holds a password, which others can see; give it by RHOOKS_EGRESS_PROXY_PASSWORD");
    }
    if (proxy.user.empty() || !std::all_of(proxy.user.begin(), proxy.user.end(),
                                           [](char c) { return c > ' ' && c < 0x7f; })) {
      return no_proxy("has a user name that is empty or holds other than visible ASCII");
    }
  } else if (!password.empty()) {
    return no_proxy("names no user that egress_proxy_password belongs to: http://USER@HOST:PORT");
  }
  const std::string url = (socks ? "socks5h://" : "http://") + std::string(rest);
  const Target target = target_of(url);
  const bool has_port = rest.find(':', rest.starts_with('[') ? rest.find(']') : 0) != rest.npos;
  if (target.host.empty() || target.port == 0 || !has_port ||
      !std::all_of(rest.begin(), rest.end(), may_be_in_authority)) {
    return no_proxy("must name a host and a port, as in http://proxy.internal:3128");
  }
  proxy.url = url;
  proxy.password = std::move(password);
  return proxy;
}

}  // namespace rhooks::egress
