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

void respond(std::shared_ptr<HttpSession> session) {
  const auto strand = session->strand();
  try {
    asio::dispatch(strand, [self = std::move(session)] { self->respond(); });
  } catch (const std::exception& e) {
    // As it is with one connection alone: it is gone, the others go on.
    log::error("a connection failed", {{"error", e.what()}});
  }
}

}  // namespace

void HttpGroups::add(std::shared_ptr<HttpSession> session) {
  {
    std::lock_guard lock(mutex_);
    const Peer* const peer = session->peer();
    waiting_.push(peer, std::move(session));
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
  decltype(waiting_) dropped;
  std::lock_guard lock(mutex_);
  std::swap(dropped, waiting_);
}

HttpGroups::Sessions HttpGroups::take() {
  Sessions group;
  std::size_t bytes = 0;
  std::lock_guard lock(mutex_);
  while (group.size() < kGroupRequestsMax) {
    const auto* const next = waiting_.front();
    if (!next) break;
    bytes += (*next)->request().body.size();
    if (bytes > kGroupBytesMax && !group.empty()) break;
    group.push_back(*waiting_.pop());
  }
  if (group.empty()) at_work_ = false;
  return group;
}

void HttpGroups::handle(const Sessions& group) const {
  Sessions begun;
  begun.reserve(group.size());
  for (const auto& session : group) {
    if (auto response = session->begin_work()) {
      session->end_work(std::move(*response));
    } else {
      begun.push_back(session);
    }
  }
  if (begun.empty()) return;
  std::vector<HttpResponse> responses = responses_to(begun);
  for (std::size_t i = 0; i < begun.size(); ++i) begun[i]->end_work(std::move(responses[i]));
}

std::vector<HttpResponse> HttpGroups::responses_to(const Sessions& group) const {
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
  handle(group);
  // The loop is woken once for all of them.
  auto loop = group.front()->strand().get_inner_executor();
  asio::post(loop, [group = std::move(group)]() mutable {
    for (auto& session : group) respond(std::move(session));
  });
  // Behind what else waits for this thread, and not at all once the pool is stopped.
  asio::defer(*pool_, [this] { run(); });
}

}  // namespace rhooks::rest
