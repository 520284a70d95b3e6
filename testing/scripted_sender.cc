#include "testing/scripted_sender.h"

#include <algorithm>
#include <tuple>

namespace rhooks::testing {

using delivery::HttpRequest;
using delivery::HttpResult;

ScriptedSender::Reply ScriptedSender::Reply::status(int status, std::chrono::milliseconds delay,
                                                    std::string body) {
  Reply reply;
  reply.response = Response{status, {}, std::move(body), false};
  reply.delay = delay;
  return reply;
}

ScriptedSender::Reply ScriptedSender::Reply::failure(std::string error,
                                                     std::chrono::milliseconds delay) {
  Reply reply;
  reply.error = std::move(error);
  reply.delay = delay;
  return reply;
}

ScriptedSender::Reply ScriptedSender::Reply::hold() {
  Reply reply;
  reply.held = true;
  return reply;
}

ScriptedSender::ScriptedSender(ManualClock& clock, Script script)
    : ScriptedSender(static_cast<Clock&>(clock), std::move(script)) {
  manual_ = &clock;
  subscription_ = clock.subscribe([this] {
    {
      std::lock_guard lock(mutex_);
      ++moves_;
    }
    changed_.notify_all();
  });
}

ScriptedSender::ScriptedSender(Clock& clock, Script script)
    : clock_(clock), script_(std::move(script)) {}

ScriptedSender::~ScriptedSender() {
  if (manual_) manual_->unsubscribe(subscription_);
}

void ScriptedSender::start(HttpRequest request) {
  Script script;
  {
    std::lock_guard lock(mutex_);
    script = script_;
  }
  Reply reply = script ? script(request) : Reply::status(200);
  const auto now = clock_.now_micros();
  {
    std::lock_guard lock(mutex_);
    started_.push_back(request);
    Transfer transfer;
    transfer.request = std::move(request);
    transfer.started_at = now;
    settle(transfer, std::move(reply), now);
    transfers_.emplace(next_order_++, std::move(transfer));
    max_in_flight_ = std::max(max_in_flight_, transfers_.size() + cancelled_.size());
  }
  changed_.notify_all();
}

std::vector<HttpResult> ScriptedSender::poll(std::chrono::milliseconds max_wait) {
  using Steady = std::chrono::steady_clock;
  // A day at most, so that no caller's "for ever" overflows.
  const auto deadline =
      Steady::now() + std::min<std::chrono::milliseconds>(max_wait, std::chrono::hours{24});
  while (true) {
    std::unique_lock lock(mutex_);
    // Read under the lock, so that a move of the clock after it is seen as one below.
    const auto now = clock_.now_micros();
    auto ended = std::move(cancelled_);
    cancelled_.clear();
    std::vector<std::uint64_t> orders;
    auto next = Clock::Micros::max();
    for (const auto& [order, transfer] : transfers_) {
      if (transfer.reply.held) continue;
      if (transfer.ends_at <= now) orders.push_back(order);
      next = std::min(next, transfer.ends_at);
    }
    std::sort(orders.begin(), orders.end(), [this](auto a, auto b) {
      return std::tuple(transfers_.at(a).ends_at, a) < std::tuple(transfers_.at(b).ends_at, b);
    });
    for (const auto order : orders) {
      auto node = transfers_.extract(order);
      const auto end = node.mapped().ends_at;
      ended.push_back(to_result(std::move(node.mapped()), false, end));
    }
    const auto real_now = Steady::now();
    if (!ended.empty() || woken_ || real_now >= deadline) {
      woken_ = false;
      return ended;
    }
    auto until = deadline;
    // Bounded by an hour, so that an end far away does not overflow.
    if (!manual_ && next - now < std::chrono::hours{1}) {
      until = std::min(until, real_now + std::chrono::duration_cast<Steady::duration>(next - now));
    }
    const auto moves = moves_;
    const auto running = transfers_.size();
    changed_.wait_until(lock, until, [&] {
      return woken_ || moves_ != moves || !cancelled_.empty() || released_ ||
             transfers_.size() != running;
    });
    released_ = false;
  }
}

void ScriptedSender::wake() {
  {
    std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void ScriptedSender::cancel_all() {
  const auto now = clock_.now_micros();
  {
    std::lock_guard lock(mutex_);
    for (auto it = transfers_.begin(); it != transfers_.end();) {
      if (!it->second.reply.held && it->second.ends_at <= now) {
        ++it;  // it has ended: its outcome is known
        continue;
      }
      cancelled_.push_back(to_result(std::move(it->second), true, now));
      it = transfers_.erase(it);
    }
  }
  changed_.notify_all();
}

std::size_t ScriptedSender::in_flight() const {
  std::lock_guard lock(mutex_);
  return transfers_.size() + cancelled_.size();
}

void ScriptedSender::set_script(Script script) {
  std::lock_guard lock(mutex_);
  script_ = std::move(script);
}

bool ScriptedSender::release(std::uint64_t slot_id, Reply reply) {
  const auto now = clock_.now_micros();
  {
    std::lock_guard lock(mutex_);
    const auto it = std::find_if(transfers_.begin(), transfers_.end(), [&](const auto& entry) {
      return entry.second.reply.held && entry.second.request.slot_id == slot_id;
    });
    if (it == transfers_.end()) return false;
    settle(it->second, std::move(reply), now);
    released_ = true;
  }
  changed_.notify_all();
  return true;
}

std::size_t ScriptedSender::release_all(const Reply& reply) {
  const auto now = clock_.now_micros();
  std::size_t count = 0;
  {
    std::lock_guard lock(mutex_);
    for (auto& [order, transfer] : transfers_) {
      if (!transfer.reply.held) continue;
      settle(transfer, reply, now);
      ++count;
    }
    released_ = count > 0;
  }
  changed_.notify_all();
  return count;
}

std::vector<HttpRequest> ScriptedSender::started() const {
  std::lock_guard lock(mutex_);
  return started_;
}

std::size_t ScriptedSender::started_count() const {
  std::lock_guard lock(mutex_);
  return started_.size();
}

std::optional<TimePoint> ScriptedSender::next_end() const {
  std::lock_guard lock(mutex_);
  std::optional<TimePoint> next;
  for (const auto& [order, transfer] : transfers_) {
    if (transfer.reply.held) continue;
    const auto end = std::chrono::ceil<std::chrono::milliseconds>(transfer.ends_at);
    if (!next || end < *next) next = end;
  }
  return next;
}

std::size_t ScriptedSender::max_in_flight() const {
  std::lock_guard lock(mutex_);
  return max_in_flight_;
}

bool ScriptedSender::wait_started(std::size_t count, std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return started_.size() >= count; });
}

void ScriptedSender::settle(Transfer& transfer, Reply reply, Clock::Micros from) {
  if (!reply.response && !reply.held && reply.error.empty()) reply.error = "scripted failure";
  transfer.ends_at = from + reply.delay;
  transfer.reply = std::move(reply);
}

HttpResult ScriptedSender::to_result(Transfer transfer, bool cancelled, Clock::Micros end) const {
  HttpResult result;
  result.slot_id = transfer.request.slot_id;
  result.cancelled = cancelled;
  auto& outcome = result.outcome;
  outcome.sent = std::move(transfer.request.request);
  outcome.started_at = std::chrono::floor<std::chrono::milliseconds>(transfer.started_at);
  outcome.duration = std::chrono::floor<std::chrono::microseconds>(end - transfer.started_at);
  if (cancelled) {
    outcome.error = "the attempt was cut off";
  } else {
    outcome.response = std::move(transfer.reply.response);
    outcome.error = std::move(transfer.reply.error);
    outcome.retry_after = transfer.reply.retry_after;
    result.refused = std::move(transfer.reply.refused);
    result.no_way_out = transfer.reply.no_way_out;
  }
  return result;
}

}  // namespace rhooks::testing
