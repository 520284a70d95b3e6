#include "rest/http_groups.h"

#include <algorithm>
#include <boost/asio/defer.hpp>
#include <boost/asio/post.hpp>
#include <new>

#include "base/check.h"
#include "rest/http_session.h"

namespace rhooks::rest {

namespace asio = boost::asio;

namespace {

// All of a group are in memory in several forms at the same time, and the first of them waits
// for the last one. A single request may be longer.
constexpr std::size_t kGroupRequestsMax = 256;
constexpr std::size_t kGroupBytesMax = 1024 * 1024;

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
  try {
    group.reserve(std::min(waiting_.size(), kGroupRequestsMax));
  } catch (const std::bad_alloc&) {
    while (auto session = waiting_.pop()) {
      (*session)->end_work_without_memory();
      HttpSession::respond_soon(std::move(*session));
    }
    at_work_ = false;
    return group;
  }
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
  } catch (...) {
    return std::vector<HttpResponse>(group.size(), handler_failed());
  }
}

void HttpGroups::run() {
  while (true) {
    Sessions group = take();
    if (group.empty()) return;
    try {
      handle(group);
    } catch (const std::bad_alloc&) {
      for (auto& session : group) session->end_work_without_memory();
    }
    answer(std::move(group));
    try {
      // Behind what else waits for this thread, and not at all once the pool is stopped.
      asio::defer(*pool_, [this] { run(); });
      return;
    } catch (const std::bad_alloc&) {  // then at once
    }
  }
}

// The loop is woken once for all of them.
void HttpGroups::answer(Sessions group) {
  auto loop = group.front()->strand().get_inner_executor();
  try {
    asio::post(loop, [group = std::move(group)]() mutable {
      for (auto& session : group) HttpSession::respond_soon(std::move(session));
    });
  } catch (const std::bad_alloc& e) {
    connection_failed(e);
  }
}

}  // namespace rhooks::rest
