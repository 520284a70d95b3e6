#pragma once

// Private to http_server.cc and http_session*.cc: it includes Boost.Asio.

#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <mutex>
#include <vector>

#include "rest/http_server.h"
#include "rest/peers.h"
#include "rest/turns.h"

namespace rhooks::rest {

class HttpSession;

// Requests that are handled together: those that arrive while a group of them is under way are
// the next group, in which clients of different addresses take turns. One that arrives alone waits
// for nobody. One group at a time: a second one would wait for the first one's write, and spin
// while it does.
//
// Threads: add() from any, clear() once no thread of the pool or of the network runs.
class HttpGroups {
 public:
  // Both must outlive it.
  void use(const HttpGroupHandler& handler, boost::asio::thread_pool& pool) {
    handler_ = &handler;
    pool_ = &pool;
  }

  // The session has a request, and gets its response.
  void add(std::shared_ptr<HttpSession> session);
  // Drops the requests that were not begun.
  void clear();

 private:
  using Sessions = std::vector<std::shared_ptr<HttpSession>>;

  void run();
  // The next group; empty: nobody waits, and the caller is no longer at work.
  Sessions take();
  static void answer(Sessions group);
  // Gives each its response.
  void handle(const Sessions& group) const;
  std::vector<HttpResponse> responses_to(const Sessions& group) const;

  const HttpGroupHandler* handler_ = nullptr;
  boost::asio::thread_pool* pool_ = nullptr;
  std::mutex mutex_;
  Turns<const Peer*, std::shared_ptr<HttpSession>> waiting_;
  bool at_work_ = false;  // a thread of the pool
};

}  // namespace rhooks::rest
