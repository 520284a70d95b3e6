#pragma once

// Private to http_*.cc: it includes Boost.Asio.

#include <array>
#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <map>
#include <memory>

#include "base/mutex.h"

namespace rhooks::rest {

// What the clients of one address hold together. No one address gets everything that there is:
// the rest is for the others.
struct Peer {
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> requests{0};  // handed over, not yet answered
  std::atomic<std::size_t> request_bytes{0};
  std::atomic<std::size_t> response_bytes{0};
};

// The peers that have a connection.
//
// Threads: any. Ownership: it outlives what it gave.
class Peers {
 public:
  // The one of this address. Of IPv6 all that share the first 64 bits are one: so much is assigned
  // to a single network (RFC 7421), and a client there can be any of its addresses.
  std::shared_ptr<Peer> of(const boost::asio::ip::address& address);

 private:
  using Key = std::array<unsigned char, 8>;
  static Key key_of(const boost::asio::ip::address& address);

  Mutex mutex_;
  std::map<Key, std::weak_ptr<Peer>> peers_ RHOOKS_GUARDED_BY(mutex_);
};

}  // namespace rhooks::rest
