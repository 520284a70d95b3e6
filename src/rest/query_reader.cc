#include "rest/query_reader.h"

#include <charconv>

#include "base/iso8601.h"
#include "codec/public_json.h"

namespace rhooks::rest {

const std::string* QueryReader::find(std::string_view name) {
  if (error_) return nullptr;
  for (const auto& [n, value] : request_.query) {
    if (n != name) continue;
    if (!value.empty()) return &value;
    refuse(name, "is empty; leave it out or give it a value");
    return nullptr;
  }
  return nullptr;
}

void QueryReader::refuse(std::string_view name, const std::string& message) {
  error_ =
      Error{ErrorCode::kInvalidArgument, std::string(name) + ": " + message, std::string(name)};
}

template <typename T>
std::optional<T> QueryReader::take(std::string_view name, Result<T> (*parse)(std::string_view)) {
  const std::string* text = find(name);
  if (!text) return std::nullopt;
  auto value = parse(*text);
  if (!value) {
    refuse(name, value.error().message);
    return std::nullopt;
  }
  return *value;
}

std::string QueryReader::text(std::string_view name) {
  const std::string* value = find(name);
  return value ? *value : std::string();
}

std::string QueryReader::start_key() {
  for (const auto& [name, value] : request_.query) {
    if (name == "startKey") return value;
  }
  return {};
}

std::optional<int> QueryReader::integer(std::string_view name, int min, int max) {
  const std::string* text = find(name);
  if (!text) return std::nullopt;
  int value = 0;
  const char* end = text->data() + text->size();
  const auto [at, ec] = std::from_chars(text->data(), end, value);
  if (ec == std::errc() && at == end && value >= min && value <= max) return value;
  refuse(name, "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  return std::nullopt;
}

int QueryReader::limit(std::string_view name, int standard, int max) {
  return integer(name, 1, max).value_or(standard);
}

bool QueryReader::flag(std::string_view name) {
  const std::string* text = find(name);
  if (!text) return false;
  if (*text == "true" || *text == "1") return true;
  if (*text != "false" && *text != "0") refuse(name, "must be true or false");
  return false;
}

std::optional<TimePoint> QueryReader::time(std::string_view name) {
  const std::string* text = find(name);
  if (!text) return std::nullopt;
  auto parsed = parse_time(*text);
  // In a query '+' means a space, and people forget to write the one of "+02:00" as %2B. A
  // time without an offset is never valid, so a space before a last "02:00" can only be that.
  if (!parsed && text->size() > 6 && (*text)[text->size() - 6] == ' ') {
    std::string repaired = *text;
    repaired[repaired.size() - 6] = '+';
    if (auto second = parse_time(repaired)) parsed = second;
  }
  if (!parsed) {
    refuse(name, parsed.error().message);
    return std::nullopt;
  }
  return *parsed;
}

std::optional<Status> QueryReader::status(std::string_view name) {
  return take<Status>(name, codec::parse_status);
}

std::optional<LogStatus> QueryReader::log_status(std::string_view name) {
  return take<LogStatus>(name, codec::parse_log_status);
}

}  // namespace rhooks::rest
