#include "rest/http_queue.h"

#include <algorithm>
#include <atomic>
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

// A request that was begun and is answered later. If nobody answers it, its end does.
class HttpQueue::Answer {
 public:
  Answer(HttpQueue& queue, std::shared_ptr<HttpSession> session)
      : queue_(queue), session_(std::move(session)) {}
  Answer(Answer&& other) noexcept : queue_(other.queue_), session_(std::move(other.session_)) {}
  ~Answer() {
    if (!session_) return;
    session_->end_work_without_memory();
    send();
  }

  HttpSession& session() const { return *session_; }

  void give(HttpResponse response) {
    if (given_.exchange(true)) return;
    try {
      session_->end_work(std::move(response));
    } catch (const std::bad_alloc&) {
      session_->end_work_without_memory();
    }
    send();
  }

 private:
  void send() {
    const std::size_t body_bytes = session_->request().body.size();
    HttpSession::respond_soon(std::move(session_));
    queue_.answered(body_bytes);  // last: from then on the server may be gone
  }

  HttpQueue& queue_;
  std::shared_ptr<HttpSession> session_;
  std::atomic<bool> given_{false};
};

void HttpQueue::use(const HttpHandler& handler, const HttpServerOptions& options,
                    asio::thread_pool& pool) {
  handler_ = &handler;
  options_ = &options;
  pool_ = &pool;
  const int threads = std::max(1, options.handler_threads);
  Line& many = lines_[static_cast<std::size_t>(Work::kMany)];
  many.places = std::max(1, threads / 4);
  lines_[static_cast<std::size_t>(Work::kOne)].places = std::max(1, threads - many.places);
}

void HttpQueue::add(std::shared_ptr<HttpSession> session, Work work) {
  Line& line = lines_[static_cast<std::size_t>(work)];
  MutexLock lock(mutex_);
  const Peer* const peer = session->peer();
  line.waiting.push(peer, std::move(session));
  if (line.at_work < line.places && may_begin_next(line)) start(line);
}

void HttpQueue::start(Line& line) {
  asio::post(*pool_, [this, &line] { run(line); });
  ++line.at_work;
}

void HttpQueue::wait_until_answered() {
  MutexLock lock(mutex_);
  while (unanswered_ > 0) all_answered_.wait(lock);
}

void HttpQueue::clear() {
  decltype(lines_) dropped;
  MutexLock lock(mutex_);
  for (std::size_t i = 0; i < lines_.size(); ++i) std::swap(dropped[i].waiting, lines_[i].waiting);
}

bool HttpQueue::may_begin_next(const Line& line) const {
  const auto* const next = line.waiting.front();
  if (!next || &line != &later()) return next != nullptr;
  return unanswered_ == 0 ||
         (unanswered_ < options_->unanswered_max &&
          unanswered_bytes_ + (*next)->request().body.size() <= options_->unanswered_bytes_max);
}

std::shared_ptr<HttpSession> HttpQueue::take(Line& line) {
  MutexLock lock(mutex_);
  if (!may_begin_next(line)) {
    --line.at_work;
    return nullptr;
  }
  std::shared_ptr<HttpSession> session;
  try {
    session = std::move(*line.waiting.pop());
  } catch (const std::bad_alloc&) {
    --line.at_work;  // see start()
    return nullptr;
  }
  if (&line == &later()) {
    ++unanswered_;
    unanswered_bytes_ += session->request().body.size();
  }
  return session;
}

void HttpQueue::answered(std::size_t body_bytes) {
  MutexLock lock(mutex_);
  --unanswered_;
  unanswered_bytes_ -= body_bytes;
  if (unanswered_ == 0) all_answered_.notify_all();
  // A thread is woken for many rather than for each.
  Line& line = lines_[static_cast<std::size_t>(Work::kLater)];
  if (unanswered_ > options_->unanswered_max / 2 || line.at_work == line.places ||
      !may_begin_next(line)) {
    return;
  }
  try {
    start(line);
  } catch (const std::bad_alloc&) {  // see start()
  }
}

void HttpQueue::run(Line& line) {
  while (std::shared_ptr<HttpSession> session = take(line)) {
    if (&line == &later()) {
      begin(std::move(session));
    } else {
      answer(std::move(session));
    }
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

void HttpQueue::begin(std::shared_ptr<HttpSession> session) {
  Answer begun(*this, std::move(session));
  try {
    if (auto refused = begun.session().begin_work()) {
      begun.give(std::move(*refused));
      return;
    }
    const HttpRequest& request = begun.session().request();
    const auto later = std::make_shared<Answer>(std::move(begun));
    try {
      options_->handle_later(request,
                             [later](HttpResponse response) { later->give(std::move(response)); });
    } catch (...) {
      later->give(handler_failed());
    }
  } catch (const std::bad_alloc&) {  // its end answers
  }
}

}  // namespace rhooks::rest
