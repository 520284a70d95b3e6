#include "net/own_listeners.h"

#include <ifaddrs.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/mutex.h"

namespace rhooks::net {
namespace {

using egress::End;
using egress::Ip;

bool is_any(const Ip& ip) {
  return ip == Ip{} || ip == egress::ip_of_v4(0);
}

bool is_loopback_v4(const Ip& ip) {
  return egress::is_v4(ip) && egress::v4_of(ip) >> 24 == 127;
}

bool is_of_this_machine(const Ip& ip) {
  if (is_any(ip) || is_loopback_v4(ip)) return true;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return false;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(all, &::freeifaddrs);
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    const auto own = egress::end_of(*one->ifa_addr);
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
  const auto ip = egress::parse_ip(address);
  if (!ip) return;
  MutexLock lock(listeners().mutex);
  listeners().all.push_back({*ip, port});
}

bool is_own_listener(const End& end) {
  MutexLock lock(listeners().mutex);
  return std::any_of(listeners().all.begin(), listeners().all.end(), [&](const End& own) {
    if (own.port != end.port) return false;
    // A connection to no address at all is one to loopback.
    return own.ip == end.ip || is_any(end.ip) || (is_any(own.ip) && is_of_this_machine(end.ip));
  });
}

}  // namespace rhooks::net
