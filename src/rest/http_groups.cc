#include "rest/http_groups.h"

#include <boost/asio/defer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include "base/check.h"
#include "observe/logging.h"
#include "rest/http_session.h"

namespace rhooks::rest {

namespace asio = boost::asio;

namespace {

// All of a group are in memory in several forms at the same time, and the first of them waits
// for the last one. A single request may be longer.
constexpr std::size_t kGroupRequestsMax = 256;
constexpr std::size_t kGroupBytesMax = 1024 * 1024;

void respond(std::shared_ptr<HttpSession> session, HttpResponse& response) {
  const auto strand = session->strand();
  try {
    asio::dispatch(strand, [self = std::move(session), response = std::move(response)]() mutable {
      self->respond(std::move(response));
    });
  } catch (const std::exception& e) {
    // As it is with one connection alone: it is gone, the others go on.
    log::error("a connection failed", {{"error", e.what()}});
  }
}

}  // namespace

void HttpGroups::add(std::shared_ptr<HttpSession> session) {
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(session));
    if (at_work_) return;
    at_work_ = true;
  }
  try {
    asio::post(*pool_, [this] { run(); });
  } catch (...) {
    // Out of memory. What waits is handled with the next one that comes.
    std::lock_guard lock(mutex_);
    at_work_ = false;
    throw;
  }
}

void HttpGroups::clear() {
  std::deque<std::shared_ptr<HttpSession>> dropped;
  std::lock_guard lock(mutex_);
  dropped.swap(waiting_);
}

HttpGroups::Sessions HttpGroups::take() {
  Sessions group;
  std::size_t bytes = 0;
  std::lock_guard lock(mutex_);
  while (!waiting_.empty() && group.size() < kGroupRequestsMax) {
    bytes += waiting_.front()->request().body.size();
    if (bytes > kGroupBytesMax && !group.empty()) break;
    group.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  if (group.empty()) at_work_ = false;
  return group;
}

std::vector<HttpResponse> HttpGroups::handle(const Sessions& group) const {
  try {
    std::vector<const HttpRequest*> requests;
    requests.reserve(group.size());
    for (const auto& session : group) requests.push_back(&session->request());
    auto responses = (*handler_)(requests);
    RHOOKS_CHECK(responses.size() == group.size());
    return responses;
  } catch (const std::exception& e) {
    log::error("request handler failed",
               {{"requests", static_cast<std::int64_t>(group.size())}, {"error", e.what()}});
  } catch (...) {
    log::error("request handler failed",
               {{"requests", static_cast<std::int64_t>(group.size())}, {"error", "unknown"}});
  }
  return std::vector<HttpResponse>(group.size(), handler_failed());
}

void HttpGroups::run() {
  Sessions group = take();
  if (group.empty()) return;
  auto responses = handle(group);
  queued_->fetch_sub(group.size());
  // The loop is woken once for all of them.
  auto loop = group.front()->strand().get_inner_executor();
  asio::post(loop, [group = std::move(group), responses = std::move(responses)]() mutable {
    for (std::size_t i = 0; i < group.size(); ++i) respond(std::move(group[i]), responses[i]);
  });
  // Behind what else waits for this thread, and not at all once the pool is stopped.
  asio::defer(*pool_, [this] { run(); });
}

}  // namespace rhooks::rest
