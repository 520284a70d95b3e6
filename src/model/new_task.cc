#include "model/new_task.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json_space.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "model/headers.h"
#include "model/limits.h"
#include "model/numbers.h"
#include "model/refusal.h"
#include "model/transitions.h"
#include "model/url.h"

namespace rhooks::model {
namespace {

constexpr std::size_t kUuidBytes = 36;
// Far past any use; near enough that no arithmetic on it overflows.
constexpr std::chrono::milliseconds kIntervalMax = std::chrono::days{36'525};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

// A name that goes into keys, URLs and logs.
Result<void> check_name(std::string_view name, std::size_t bytes_max, std::string_view field) {
  if (name.empty()) return invalid(field, "must not be empty");
  if (name.size() > bytes_max) return invalid(field, past_limit(name.size(), bytes_max, "bytes"));
  if (!is_utf8(name)) return invalid(field, "must be valid UTF-8");
  if (has_control(name)) return invalid(field, "must not contain control characters");
  // As a segment of a URL's path these would be taken out on the way, however encoded.
  if (name == "." || name == "..") return invalid(field, "must not be " + quoted(name));
  return {};
}

Result<void> check_body(const Body& body) {
  constexpr std::string_view field = "request.body";
  if (body.data.size() > kBodyBytesMax) {
    return invalid(field, past_limit(body.data.size(), kBodyBytesMax, "bytes"));
  }
  switch (body.kind) {
    case Body::Kind::kNone:
      if (!body.data.empty()) {
        return invalid(field, "has data but no kind; make it with Body::json or Body::text");
      }
      return {};
    case Body::Kind::kJson:
      if (body.data.empty()) return invalid(field, "must be a JSON value, not empty text");
      break;
    case Body::Kind::kText:
      break;
  }
  // It is shown in JSON, by get and in logs.
  if (!is_utf8(body.data)) return invalid(field, "must be valid UTF-8");
  return {};
}

Result<void> check_repeat(const Repeat& repeat) {
  if (repeat.interval < 1) {
    return invalid("repeat.interval", "must be at least 1, not " + std::to_string(repeat.interval));
  }
  if (interval_of(repeat) > kIntervalMax) {
    return invalid("repeat.interval", "must not be longer than 100 years (36525 days)");
  }
  if (repeat.max < 0) {
    return invalid("repeat.max", "must be 0 (for ever) or more, not " + std::to_string(repeat.max));
  }
  return {};
}

Result<void> check_ids(const NewTask& task) {
  if (!task.id.empty()) {
    if (auto ok = validate_id(task.id); !ok) return ok;
    if (!task.id_prefix.empty()) {
      return invalid("idPrefix", "excludes id: it is put before a generated id");
    }
    if (!task.idempotency_key.empty()) {
      return invalid("idempotencyKey",
                     "excludes id, since the id is derived from it; a task registered again "
                     "under its own id is a conflict already");
    }
  }
  if (!task.id_prefix.empty()) {
    constexpr std::size_t bytes_max = kIdBytesMax - 1 - kUuidBytes;
    if (auto ok = check_name(task.id_prefix, bytes_max, "idPrefix"); !ok) return ok;
  }
  if (!task.idempotency_key.empty()) {
    return check_name(task.idempotency_key, kIdempotencyKeyBytesMax, "idempotencyKey");
  }
  return {};
}

std::string with_prefix(const NewTask& task, const Uuid& uuid) {
  const std::string text = to_string(uuid);
  return task.id_prefix.empty() ? text : task.id_prefix + "#" + text;
}

}  // namespace

Result<void> validate_namespace(std::string_view ns) {
  return check_name(ns, kNamespaceBytesMax, "namespace");
}

Result<void> validate_id(std::string_view id, std::string_view field) {
  return check_name(id, kIdBytesMax, field);
}

Result<void> validate(const NewTask& task) {
  if (auto ok = validate_namespace(task.ns); !ok) return ok;
  if (auto ok = check_ids(task); !ok) return ok;
  if (auto ok = validate_url(task.request.url); !ok) return ok;
  if (auto ok = validate_headers(task.request.headers); !ok) return ok;
  if (auto ok = check_body(task.request.body); !ok) return ok;
  if (task.retry_limit < 0 || task.retry_limit > kRetryLimitMax) {
    return invalid("retryLimit", "must be between 0 and " + std::to_string(kRetryLimitMax) +
                                     ", not " + std::to_string(task.retry_limit));
  }
  if (task.repeat) {
    if (auto ok = check_repeat(*task.repeat); !ok) return ok;
  }
  if (task.scheduled_date && (*task.scheduled_date < kTimeMin || *task.scheduled_date > kTimeMax)) {
    return invalid("scheduledDate", "must lie in the years 1970 to 9999");
  }
  return {};
}

TaskRecord make_record(NewTask task, TimePoint now, const Uuid& uuid) {
  TaskRecord record;
  record.fingerprint = fingerprint(task);
  Task& made = record.task;
  if (!task.id.empty()) {
    made.key.id = std::move(task.id);
  } else if (!task.idempotency_key.empty()) {
    made.key.id = id_from_idempotency_key(task);
  } else {
    made.key.id = with_prefix(task, uuid);
  }
  made.key.ns = std::move(task.ns);
  static_cast<Spec&>(made) = static_cast<Spec&&>(task);
  made.scheduled_date = task.scheduled_date.value_or(now);
  made.created_at = now;
  made.updated_at = now;
  return record;
}

Fingerprint fingerprint(const NewTask& task) {
  // Names in any case and order mean the same request; the order of values under one name
  // means something.
  std::vector<std::pair<std::string, std::string_view>> sorted;
  sorted.reserve(task.request.headers.size());
  for (const Header& header : task.request.headers) {
    sorted.emplace_back(lower(header.name), header.value);
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string headers;
  for (const auto& [name, value] : sorted) {
    headers += std::to_string(name.size()) + ":" + name;
    headers += std::to_string(value.size()) + ":";
    headers += value;
  }

  const std::string when =
      task.scheduled_date ? std::to_string(to_millis(*task.scheduled_date)) : "";
  const std::string repeat = task.repeat ? std::to_string(task.repeat->interval) + " " +
                                               to_string(task.repeat->unit) + " " +
                                               std::to_string(task.repeat->max)
                                         : "";
  const Body& body = task.request.body;
  const std::string compact =
      body.kind == Body::Kind::kJson ? without_json_space(body.data) : std::string();
  const std::string kind = std::to_string(number_of(body.kind));
  // A field that comes later is added behind these by its name and value, and only where it is
  // used.
  const Sha256 digest =
      sha256({"rhooks task 1", task.ns, task.id, task.id_prefix, task.idempotency_key,
              to_string(task.request.method), task.request.url, headers, kind,
              body.kind == Body::Kind::kJson ? std::string_view(compact) : body.data, when, repeat,
              std::to_string(task.retry_limit)});
  Fingerprint result;
  std::copy_n(digest.begin(), result.size(), result.begin());
  return result;
}

std::string id_from_idempotency_key(const NewTask& task) {
  const Sha256 digest = sha256({"rhooks idempotency key 1", task.ns, task.idempotency_key});
  Uuid uuid;
  std::copy_n(digest.begin(), uuid.size(), uuid.begin());
  uuid[6] = static_cast<std::uint8_t>(0x80 | (uuid[6] & 0x0f));  // version 8: RFC 9562, 5.8
  uuid[8] = static_cast<std::uint8_t>(0x80 | (uuid[8] & 0x3f));
  return with_prefix(task, uuid);
}

}  // namespace rhooks::model
