#pragma once

#include <rhooks/log.h>
#include <rhooks/task.h>

#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "codec/tagged.h"
#include "model/record.h"

// Random tasks and logs for the codec's tests: every field, optional or not, in and out.
namespace rhooks::codec {

// A field as a build that knows it writes it.
inline std::string newer_field(std::uint32_t number, std::string_view text) {
  FieldWriter out;
  out.put_text(number, text);
  std::string record = out.take();
  record.pop_back();
  return record;
}

class TestRecords {
 public:
  explicit TestRecords(std::uint64_t seed) : engine_(seed) {}

  // Keeps to what the public JSON can show again: valid UTF-8, and nothing that is not known.
  bool utf8_only = false;

  std::uint64_t below(std::uint64_t end) { return engine_() % end; }
  bool coin() { return below(2) == 1; }

  TimePoint time() {
    switch (below(8)) {
      case 0:
        return kTimeMin;
      case 1:
        return kTimeMax;
      default:
        return from_millis(static_cast<std::int64_t>(below(253'402'300'800'000)));
    }
  }

  std::optional<TimePoint> maybe_time() {
    if (coin()) return std::nullopt;
    return time();
  }

  std::int64_t number() {
    // As many small ones as large ones: every length of a varint.
    return static_cast<std::int64_t>(engine_() >> (1 + below(63)));
  }

  int small_number() { return static_cast<int>(engine_() >> (33 + below(31))); }

  std::string text(std::size_t size_max) {
    static const std::vector<std::string> kCharacters{"a",    "Z",    "0",
                                                      " ",    "\"",   "\\",
                                                      "/",    "\n",   "\t",
                                                      "\x01", "\x7f", std::string(1, '\0'),
                                                      "é",    "€",    "\xef\xbf\xbf",
                                                      "😀",    "{",    "}"};
    std::string out;
    for (std::uint64_t n = below(size_max + 1); n > 0; --n) {
      if (utf8_only || below(8) != 0) {
        out += kCharacters[below(kCharacters.size())];
      } else {
        out.push_back(static_cast<char>(below(256)));
      }
    }
    return out;
  }

  std::vector<Header> headers() {
    std::vector<Header> headers;
    for (std::uint64_t n = below(5); n > 0; --n) {
      // Some repeat, next to each other as the public JSON shows them again.
      headers.push_back({"x-" + std::to_string(n / 2), text(20)});
    }
    return headers;
  }

  Body body() {
    switch (below(3)) {
      case 0:
        return {};
      case 1:
        return Body::text(text(300));
      default:
        return Body::json(
            "{\"n\" : 12345678901234567890.10,\n\"list\":[1, null,true,\"x\\u0000\"]}");
    }
  }

  Request request() {
    Request request;
    request.method = static_cast<Method>(below(6));
    request.url = "https://example.com/" + text(30);
    request.headers = headers();
    request.body = body();
    return request;
  }

  std::optional<Repeat> repeat() {
    if (coin()) return std::nullopt;
    return Repeat{1 + number() / 2, number(), static_cast<RepeatUnit>(below(4))};
  }

  template <std::size_t N>
  void fill(std::array<std::uint8_t, N>& bytes) {
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(below(256));
  }

  model::TaskRecord record() {
    model::TaskRecord record;
    fill(record.fingerprint);
    fill(record.last_token);
    Task& task = record.task;
    task.key = {"ns-" + text(10), "id-" + text(20)};
    if (coin()) task.id_prefix = "p" + text(10);
    task.request = request();
    task.scheduled_date = time();
    if (below(3) == 0) task.extra_date = time();
    task.repeat = repeat();
    task.retry_limit = small_number();
    constexpr Status kStored[] = {Status::kActive, Status::kDone, Status::kFailed,
                                  Status::kSuspended};
    task.status = kStored[below(4)];
    task.attempt = small_number();
    task.next_attempt_date = maybe_time();
    if (below(3) == 0) task.expires_at = time();
    task.created_at = time();
    task.updated_at = time();
    task.errors = {number(), number(), maybe_time(), maybe_time(), text(100)};
    const std::int64_t extra = coin() ? 0 : number();
    task.execution = {number(),     number(),     number(),     number(),  extra,    maybe_time(),
                      maybe_time(), maybe_time(), std::nullopt, headers(), text(200)};
    if (coin()) task.execution.last_response_status = small_number();
    if (!utf8_only && coin()) record.newer_spec_fields = newer_field(100, text(10));
    if (!utf8_only && coin()) task.newer_fields = newer_field(100, text(10));
    return record;
  }

  Log log() {
    Log log;
    log.id = "log-" + text(10);
    log.task = {"ns-" + text(10), "id-" + text(20)};
    log.attempt = small_number();
    log.retry_limit = small_number();
    log.request = request();
    if (coin()) log.response = Response{small_number(), headers(), text(300), coin()};
    if (coin()) log.error = "e" + text(50);
    log.status = coin() ? LogStatus::kSuccess : LogStatus::kFail;
    log.scheduled_date = time();
    log.due_date = time();
    log.started_at = time();
    log.duration = std::chrono::microseconds{number() >> 12};
    log.expires_at = maybe_time();
    log.created_at = time();
    return log;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace rhooks::codec
