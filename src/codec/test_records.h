#pragma once

#include <rhooks/log.h>
#include <rhooks/task.h>

#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "codec/tagged.h"
#include "model/api_key.h"
#include "model/document.h"
#include "model/fields.h"
#include "model/numbers.h"
#include "model/record.h"
#include "model/secret.h"

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

  Repeat repeat() { return Repeat{1 + number() / 2, number(), static_cast<RepeatUnit>(below(4))}; }

  void fill(bool& value) { value = coin(); }
  void fill(int& value) { value = small_number(); }
  void fill(std::int64_t& value) { value = number(); }
  void fill(TimePoint& value) { value = time(); }
  void fill(std::chrono::milliseconds& value) {
    value = std::chrono::milliseconds{below(86'400'001)};
  }
  void fill(std::chrono::microseconds& value) { value = std::chrono::microseconds{number() >> 12}; }
  void fill(std::string& value) { value = coin() ? "" : text(100); }
  void fill(std::vector<Header>& value) { value = headers(); }
  void fill(std::vector<std::string>& value) {
    value.resize(below(3));
    for (std::string& one : value) fill(one);
  }
  void fill(Request& value) { value = request(); }
  void fill(Missed& value) { value = static_cast<Missed>(below(3)); }
  void fill(Overlap& value) { value = static_cast<Overlap>(below(3)); }
  void fill(Schedule& value) {
    fill<Schedule>(value);
    value.timezone = coin() ? "UTC" : "Europe/Berlin";
  }
  void fill(Repeat& value) { value = repeat(); }
  void fill(TaskKey& value) { value = {"ns-" + text(10), "id-" + text(20)}; }
  void fill(SecretType& value) {
    value = model::Numbers<SecretType>::kAll[static_cast<std::size_t>(small_number()) % 4];
  }
  void fill(Rate& value) {
    value = {1 + static_cast<std::int64_t>(below(1000)), std::chrono::seconds{1 + below(3600)}};
  }
  void fill(Role& value) { value = model::from_number<Role>(below(3)).value(); }
  void fill(LogStatus& value) { value = coin() ? LogStatus::kSuccess : LogStatus::kFail; }
  void fill(Status& value) {
    constexpr Status kStored[] = {Status::kActive, Status::kDone, Status::kFailed,
                                  Status::kSuspended};
    value = kStored[below(4)];
  }
  template <typename T>
  void fill(std::optional<T>& value) {
    value.reset();
    if (coin()) fill(value.emplace());
  }
  template <std::size_t N>
  void fill(std::array<std::uint8_t, N>& bytes) {
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(below(256));
  }
  template <model::HasFields T>
  void fill(T& object) {
    model::for_each_field<T>([&]<typename F>(const F&) { fill(object.*F::kMember); });
  }

  model::TaskRecord record() {
    model::TaskRecord record;
    fill(record.fingerprint);
    fill(record.last_token);
    fill(record.task.key);
    fill(record.task);
    // As model::make_record() leaves it.
    Task& task = record.task;
    if (task.endpoint.empty() && task.retry_limit == model::kRetryLimitDefault) {
      task.retry_limit.reset();
    }
    // It is shown, and not stored.
    if (!utf8_only) task.held.reset();
    if (!utf8_only && coin()) record.newer_spec_fields = newer_field(100, text(10));
    if (!utf8_only && coin()) record.task.newer_fields = newer_field(100, text(10));
    return record;
  }

  model::StoredDocument document() {
    model::StoredDocument document;
    document.key = {"kind", "ns-" + text(10), "name-" + text(20)};
    document.data = text(200);
    fill(document.revision);
    document.updated_at = time();
    if (coin()) document.newer_fields = newer_field(100, text(10));
    return document;
  }

  model::StoredSecret secret() {
    model::StoredSecret secret;
    fill(static_cast<Secret&>(secret));
    secret.ns = "ns-" + text(10);
    secret.name = "name-" + text(20);
    secret.updated_at = TimePoint{};  // of its document, as its revision is
    secret.revision.clear();
    fill(secret.id);
    secret.sealed = "sealed-" + text(100);
    if (secret.previous_until) {
      fill(secret.previous_id);
      secret.previous_sealed = "sealed-" + text(100);
    }
    if (coin()) secret.newer_fields = newer_field(100, text(10));
    return secret;
  }

  model::StoredApiKey api_key() {
    model::StoredApiKey key;
    fill(static_cast<ApiKey&>(key));
    key.id = "id-" + text(10);
    key.namespaces.push_back("ns-" + text(10));
    key.updated_at = TimePoint{};  // of its document, as its revision is
    key.revision.clear();
    fill(key.hash);
    if (coin()) key.newer_fields = newer_field(100, text(10));
    return key;
  }

  Log log() {
    Log log;
    fill(log);
    log.id = "log-" + text(10);
    return log;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace rhooks::codec
