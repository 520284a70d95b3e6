#include "rest/http_queue.h"

#include <algorithm>
#include <boost/asio/defer.hpp>
#include <boost/asio/post.hpp>
#include <new>

#include "rest/http_session.h"

namespace rhooks::rest {

namespace asio = boost::asio;

namespace {

HttpResponse handle(const HttpHandler& handler, const HttpRequest& request) {
  try {
    return handler(request);
  } catch (...) {
    return handler_failed();
  }
}

}  // namespace

void HttpQueue::use(const HttpHandler& handler, asio::thread_pool& pool, int threads) {
  handler_ = &handler;
  pool_ = &pool;
  Line& many = lines_[static_cast<std::size_t>(Work::kMany)];
  many.places = std::max(1, threads / 4);
  lines_[static_cast<std::size_t>(Work::kOne)].places = std::max(1, threads - many.places);
}

void HttpQueue::add(std::shared_ptr<HttpSession> session, Work work) {
  Line& line = lines_[static_cast<std::size_t>(work)];
  {
    std::lock_guard lock(mutex_);
    const Peer* const peer = session->peer();
    line.waiting.push(peer, std::move(session));
    if (line.at_work == line.places) return;
    ++line.at_work;
  }
  try {
    asio::post(*pool_, [this, &line] { run(line); });
  } catch (...) {
    // Out of memory. What waits is handled with the next one that comes.
    std::lock_guard lock(mutex_);
    --line.at_work;
    throw;
  }
}

void HttpQueue::clear() {
  std::array<Line, 2> dropped;
  std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < lines_.size(); ++i) std::swap(dropped[i].waiting, lines_[i].waiting);
}

std::shared_ptr<HttpSession> HttpQueue::take(Line& line) {
  std::lock_guard lock(mutex_);
  if (auto session = line.waiting.pop()) return std::move(*session);
  --line.at_work;
  return nullptr;
}

void HttpQueue::run(Line& line) {
  while (std::shared_ptr<HttpSession> session = take(line)) {
    answer(std::move(session));
    try {
      // Behind what else waits for this thread, and not at all once the pool is stopped.
      asio::defer(*pool_, [this, &line] { run(line); });
      return;
    } catch (const std::bad_alloc&) {  // then at once
    }
  }
}

void HttpQueue::answer(std::shared_ptr<HttpSession> session) const {
  try {
    std::optional<HttpResponse> response = session->begin_work();
    if (!response) response = handle(*handler_, session->request());
    session->end_work(std::move(*response));
  } catch (const std::bad_alloc&) {
    session->end_work_without_memory();
  }
  HttpSession::respond_soon(std::move(session));
}

}  // namespace rhooks::rest
