#include "model/new_task.h"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "model/limits.h"
#include "model/transitions.h"

namespace rhooks::model {
namespace {

constexpr std::size_t kUuidBytes = 36;
// Far past any use; near enough that no arithmetic on it overflows.
constexpr std::chrono::milliseconds kIntervalMax = std::chrono::days{36'525};

tl::unexpected<Error> invalid(std::string_view field, std::string message) {
  return fail(ErrorCode::kInvalidArgument, std::string(field) + ": " + std::move(message),
              std::string(field));
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

// What a caller sent, fit to be shown in a message.
std::string quoted(std::string_view text) {
  return "\"" + one_line(text, 64) + "\"";
}

std::string past_limit(std::size_t size, std::size_t max, std::string_view what) {
  return "has " + std::to_string(size) + " " + std::string(what) + "; at most " +
         std::to_string(max) + " are allowed";
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

Result<void> check_url(std::string_view url) {
  constexpr std::string_view field = "url";
  if (url.empty()) return invalid(field, "is required");
  if (url.size() > kUrlBytesMax) {
    return invalid(field, past_limit(url.size(), kUrlBytesMax, "bytes"));
  }
  const auto parsed = boost::urls::parse_uri(url);
  if (!parsed) {
    return invalid(field,
                   "must be an absolute URL such as https://example.com/hook, with spaces and "
                   "characters beyond ASCII percent-encoded");
  }
  const boost::urls::url_view& view = *parsed;
  if (view.scheme_id() != boost::urls::scheme::http &&
      view.scheme_id() != boost::urls::scheme::https) {
    return invalid(field, "must begin with http:// or https://");
  }
  // Boost 1.81 takes what follows a port or an address for a path even without its slash
  // ("http://a:80b"), where other parsers read another host.
  if (!view.encoded_path().empty() && !view.encoded_path().starts_with('/')) {
    return invalid(field, "must have a host, perhaps a port, and then a path that begins with /");
  }
  // The URL is shown in lists and logs, where a password has no place.
  if (view.has_userinfo()) {
    return invalid(field,
                   "must not contain a user name or password; send an Authorization header "
                   "instead");
  }
  const std::string host = view.host();
  if (host.empty()) return invalid(field, "must name a host");
  if (view.host_type() == boost::urls::host_type::ipvfuture) {
    return invalid(field, "names a host in an unknown form of IP address");
  }
  const bool odd = std::any_of(host.begin(), host.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '/' || c == '?' || c == '#' ||
           c == '@' || c == '\\' || c == '%';
  });
  if (odd || !is_utf8(host)) return invalid(field, "names a host that can not exist");
  // Not port_number(), which wraps round for some numbers past 65535 (Boost.URL 1.81). No
  // digits at all mean the default.
  const std::string port(view.port());
  if (!port.empty()) {
    std::uint32_t number = 0;
    const auto [end, wrong] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (wrong != std::errc() || number < 1 || number > 65'535) {
      return invalid(field, "has a port that is not between 1 and 65535");
    }
  }
  return {};
}

// RFC 9110, section 5.6.2.
bool is_token(std::string_view text) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

// Why a header is not the caller's to set; nullptr where it is.
const char* reserved_because(std::string_view lower_name) {
  if (lower_name == "host") return "it is taken from the URL";
  if (lower_name == "content-length") return "it is computed from the body";
  if (lower_name == "webhook-id" || lower_name == "webhook-timestamp") {
    return "it is set for every attempt, so that receivers can recognise repeats";
  }
  if (lower_name == "webhook-signature") return "it is reserved for signatures of the scheduler";
  constexpr std::string_view kConnection[] = {
      "connection", "expect",  "http2-settings",    "keep-alive", "proxy-connection",
      "te",         "trailer", "transfer-encoding", "upgrade"};
  if (std::find(std::begin(kConnection), std::end(kConnection), lower_name) !=
      std::end(kConnection)) {
    return "it belongs to the connection, which the sender manages";
  }
  return nullptr;
}

Result<void> check_headers(const std::vector<Header>& headers) {
  constexpr std::string_view field = "request.headers";
  if (headers.size() > kHeadersMax) {
    return invalid(field, past_limit(headers.size(), kHeadersMax, "headers"));
  }
  std::size_t bytes = 0;
  for (const Header& header : headers) bytes += header.name.size() + header.value.size();
  if (bytes > kHeaderBytesMax) {
    return invalid(field, past_limit(bytes, kHeaderBytesMax, "bytes in names and values"));
  }
  for (const Header& header : headers) {
    if (!is_token(header.name)) {
      return invalid(field, "the name " + quoted(header.name) +
                                " is not a header name (letters, digits and !#$%&'*+-.^_`|~)");
    }
    if (const char* reason = reserved_because(lower(header.name))) {
      return invalid(field, quoted(header.name) + " must not be set: " + reason);
    }
    if (!is_utf8(header.value)) {
      return invalid(field, "the value of " + quoted(header.name) + " must be valid UTF-8");
    }
    std::string without_tabs = header.value;
    std::replace(without_tabs.begin(), without_tabs.end(), '\t', ' ');
    if (has_control(without_tabs)) {
      return invalid(field, "the value of " + quoted(header.name) +
                                " must not contain line breaks or other control characters");
    }
  }
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
      return invalid("Idempotency-Key",
                     "excludes id, since the id is derived from it; a task registered again "
                     "under its own id is a conflict already");
    }
  }
  if (!task.id_prefix.empty()) {
    constexpr std::size_t bytes_max = kIdBytesMax - 1 - kUuidBytes;
    if (auto ok = check_name(task.id_prefix, bytes_max, "idPrefix"); !ok) return ok;
  }
  if (!task.idempotency_key.empty()) {
    return check_name(task.idempotency_key, kIdempotencyKeyBytesMax, "Idempotency-Key");
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
  if (auto ok = check_url(task.request.url); !ok) return ok;
  if (auto ok = check_headers(task.request.headers); !ok) return ok;
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
  made.id_prefix = std::move(task.id_prefix);
  made.request = std::move(task.request);
  made.scheduled_date = task.scheduled_date.value_or(now);
  made.repeat = task.repeat;
  made.retry_limit = task.retry_limit;
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
  const std::string kind = std::to_string(static_cast<int>(task.request.body.kind));
  const Sha256 digest =
      sha256({"rhooks task 1", task.ns, task.id, task.id_prefix, task.idempotency_key,
              to_string(task.request.method), task.request.url, headers, kind,
              task.request.body.data, when, repeat, std::to_string(task.retry_limit)});
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
