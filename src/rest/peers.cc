#include "rest/peers.h"

#include <algorithm>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>

namespace rhooks::rest {

namespace ip = boost::asio::ip;

Peers::Key Peers::key_of(const ip::address& address) {
  Key key{};
  if (address.is_v6() && !address.to_v6().is_v4_mapped()) {
    const auto bytes = address.to_v6().to_bytes();
    std::copy_n(bytes.begin(), key.size(), key.begin());
  } else {
    // No IPv6 network begins so: RFC 4291 section 2.5.5.2 has it mapped from IPv4.
    const auto bytes = address.is_v4()
                           ? address.to_v4().to_bytes()
                           : ip::make_address_v4(ip::v4_mapped, address.to_v6()).to_bytes();
    key[2] = key[3] = 0xff;
    std::copy(bytes.begin(), bytes.end(), key.begin() + 4);
  }
  return key;
}

std::shared_ptr<Peer> Peers::of(const ip::address& address) {
  const Key key = key_of(address);
  MutexLock lock(mutex_);
  std::weak_ptr<Peer>& known = peers_[key];
  if (auto peer = known.lock()) return peer;
  // The last one who holds it takes it out of the table.
  std::shared_ptr<Peer> peer(new Peer, [this, key](Peer* gone) {
    delete gone;
    MutexLock also(mutex_);
    const auto entry = peers_.find(key);
    if (entry != peers_.end() && entry->second.expired()) peers_.erase(entry);
  });
  known = peer;
  return peer;
}

}  // namespace rhooks::rest
