#include "net/own_listeners.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "base/mutex.h"

namespace rhooks::net {
namespace {

using Ip =
    std::array<std::uint8_t, 16>;  // IPv4 as it is mapped into IPv6, RFC 4291 section 2.5.5.2

struct End {
  Ip ip{};
  std::uint16_t port = 0;
};

Ip mapped(const in_addr& v4) {
  Ip ip{};
  ip[10] = ip[11] = 0xff;
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(&v4);
  std::copy_n(bytes, 4, ip.begin() + 12);
  return ip;
}

Ip mapped(const in6_addr& v6) {
  Ip ip{};
  std::copy_n(v6.s6_addr, ip.size(), ip.begin());
  return ip;
}

std::optional<End> end_of(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    const auto& v4 = *reinterpret_cast<const sockaddr_in*>(address);
    return End{mapped(v4.sin_addr), ntohs(v4.sin_port)};
  }
  if (address->sa_family == AF_INET6) {
    const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(address);
    return End{mapped(v6.sin6_addr), ntohs(v6.sin6_port)};
  }
  return std::nullopt;
}

const Ip kAnyV4 = mapped(in_addr{INADDR_ANY});
const Ip kAnyV6{};

bool is_any(const Ip& ip) {
  return ip == kAnyV4 || ip == kAnyV6;
}

bool is_loopback_v4(const Ip& ip) {
  return std::equal(kAnyV4.begin(), kAnyV4.begin() + 12, ip.begin()) && ip[12] == 127;
}

bool is_of_this_machine(const Ip& ip) {
  if (is_any(ip) || is_loopback_v4(ip)) return true;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return false;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(all, &::freeifaddrs);
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    const auto own = end_of(one->ifa_addr);
    if (own && own->ip == ip) return true;
  }
  return false;
}

struct Listeners {
  Mutex mutex;
  std::vector<End> all RHOOKS_GUARDED_BY(mutex);
};

Listeners& listeners() {
  static Listeners one;
  return one;
}

}  // namespace

void add_own_listener(const std::string& address, std::uint16_t port) {
  End end{.ip = {}, .port = port};
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) {
    end.ip = mapped(v4);
  } else if (::inet_pton(AF_INET6, address.c_str(), &v6) == 1) {
    end.ip = mapped(v6);
  } else {
    return;
  }
  MutexLock lock(listeners().mutex);
  listeners().all.push_back(end);
}

bool is_own_listener(const sockaddr* address) {
  const auto end = end_of(address);
  if (!end) return false;
  MutexLock lock(listeners().mutex);
  return std::any_of(listeners().all.begin(), listeners().all.end(), [&](const End& own) {
    if (own.port != end->port) return false;
    // A connection to no address at all is one to loopback.
    return own.ip == end->ip || is_any(end->ip) || (is_any(own.ip) && is_of_this_machine(end->ip));
  });
}

}  // namespace rhooks::net
