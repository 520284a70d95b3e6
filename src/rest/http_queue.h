#pragma once

// Private to http_server.cc and http_session*.cc: it includes Boost.Asio.

#include <array>
#include <boost/asio/thread_pool.hpp>
#include <cstddef>
#include <memory>
#include <mutex>

#include "rest/http_server.h"
#include "rest/peers.h"
#include "rest/turns.h"

namespace rhooks::rest {

class HttpSession;

// Requests that wait for a thread of the pool. Those that ask for much have few places of their
// own, so that they never take the place of one that asks for little; the clients of different
// addresses take turns; and what nobody waits for any more is not begun.
//
// Threads: add() from any, clear() once no thread of the pool or of the network runs.
class HttpQueue {
 public:
  // All of them must outlive it.
  void use(const HttpHandler& handler, boost::asio::thread_pool& pool, int threads);

  // The session has a request, and gets its response.
  void add(std::shared_ptr<HttpSession> session, Work work);
  // Drops the requests that were not begun.
  void clear();

 private:
  struct Line {
    Turns<const Peer*, std::shared_ptr<HttpSession>> waiting;
    int places = 1;
    int at_work = 0;  // threads of the pool
  };

  void run(Line& line);
  void answer(std::shared_ptr<HttpSession> session) const;
  // The next request; null: nobody waits, and the caller is no longer at work.
  std::shared_ptr<HttpSession> take(Line& line);

  const HttpHandler* handler_ = nullptr;
  boost::asio::thread_pool* pool_ = nullptr;
  std::mutex mutex_;
  std::array<Line, 2> lines_;  // by Work
};

}  // namespace rhooks::rest
