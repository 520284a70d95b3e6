#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "observe/logging.h"
#include "rest/http_message.h"

namespace rhooks::rest {

// Tells of requests that were refused, once a second: who tries keys must not be able to fill a
// disk. Threads: any.
class RefusalLog {
 public:
  explicit RefusalLog(std::string words) : words_(std::move(words)) {}

  void note(const HttpRequest& head) {
    ++refused_;
    const auto now = head.received_at.time_since_epoch();
    auto logged = logged_.load();
    if (logged != 0 && now - Clock::duration(logged) < std::chrono::seconds{1}) return;
    if (!logged_.compare_exchange_strong(logged, now.count())) return;
    log::warn(words_, {{"count", refused_.exchange(0)}, {"last_peer", head.peer}});
  }

 private:
  using Clock = std::chrono::steady_clock;

  const std::string words_;
  std::atomic<std::int64_t> refused_{0};  // since the last line
  std::atomic<Clock::rep> logged_{0};
};

}  // namespace rhooks::rest
