#pragma once

// Private to http_server.cc and http_session*.cc: it includes Boost.Asio.

#include <array>
#include <boost/asio/thread_pool.hpp>
#include <cstddef>
#include <memory>

#include "base/mutex.h"
#include "rest/http_server.h"
#include "rest/peers.h"
#include "rest/turns.h"

namespace rhooks::rest {

class HttpSession;

// Requests that wait for a thread of the pool. Those that ask for much have few places of their
// own, so that they never take the place of one that asks for little; those that are answered later
// have one, and so many may be begun and not answered. The clients of different addresses take
// turns; and what nobody waits for any more is not begun.
//
// Threads: add() from any, clear() once no thread of the pool or of the network runs.
class HttpQueue {
 public:
  // All of them must outlive it. It takes one thread of the pool besides those of the options.
  void use(const HttpHandler& handler, const HttpServerOptions& options,
           boost::asio::thread_pool& pool);

  // The session has a request, and gets its response.
  void add(std::shared_ptr<HttpSession> session, Work work);
  // Waits until nothing is to be answered later; once no thread of the pool runs.
  void wait_until_answered();
  // Drops the requests that were not begun.
  void clear();

 private:
  class Answer;
  struct Line {
    Turns<const Peer*, std::shared_ptr<HttpSession>> waiting;
    int places = 1;
    int at_work = 0;  // threads of the pool
  };

  const Line& later() const { return lines_[static_cast<std::size_t>(Work::kLater)]; }
  bool may_begin_next(const Line& line) const RHOOKS_REQUIRES(mutex_);
  // If there is no memory, what waits is handled with the next one that comes.
  void start(Line& line) RHOOKS_REQUIRES(mutex_);
  void run(Line& line);
  // The next request; null: none may be begun, and the caller is no longer at work.
  std::shared_ptr<HttpSession> take(Line& line);
  void answer(std::shared_ptr<HttpSession> session) const;
  void begin(std::shared_ptr<HttpSession> session);
  // One that was begun has been answered.
  void answered(std::size_t body_bytes);

  const HttpHandler* handler_ = nullptr;
  const HttpServerOptions* options_ = nullptr;
  boost::asio::thread_pool* pool_ = nullptr;
  Mutex mutex_;
  ConditionVariable all_answered_;
  std::array<Line, 3> lines_;  // by Work
  // Begun, and to be answered later.
  std::size_t unanswered_ RHOOKS_GUARDED_BY(mutex_) = 0;
  std::size_t unanswered_bytes_ RHOOKS_GUARDED_BY(mutex_) = 0;
};

}  // namespace rhooks::rest
