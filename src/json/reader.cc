#include "json/reader.h"

#include <algorithm>
#include <cmath>

#include "base/iso8601.h"

namespace rhooks {
namespace {

constexpr std::size_t kNamesUsual = 24;  // that an object may have

}  // namespace

void JsonErrors::add(const std::string& path, const std::string& message, ErrorCode code) {
  if (first_) return;
  Error error;
  error.code = from_ == From::kUser ? code : ErrorCode::kInternal;
  if (from_ == From::kServer) error.message = "the server's answer cannot be read: ";
  error.message += path.empty() ? message : path + ": " + message;
  error.field = path;
  first_ = std::move(error);
}

ObjectReader::ObjectReader(JsonErrors& errors, const JsonValue& value, std::string path)
    : errors_(&errors), path_(std::move(path)) {
  if (value.kind() != JsonKind::kObject) {
    errors_->add(path_, path_.empty() ? "the JSON text must be an object" : "must be an object");
    return;
  }
  // No object of a request has nearly so many; task bodies are not read member by member.
  constexpr std::size_t kMembersMax = 1'000;
  members_ = errors.from() == From::kUser ? value.members(kMembersMax + 1) : value.members();
  if (errors.from() == From::kUser && members_.size() > kMembersMax) {
    errors_->add(path_, "the object has more than " + std::to_string(kMembersMax) + " names");
    members_.clear();
    return;
  }
  known_.reserve(kNamesUsual);
  if (const auto name = repeated_name(members_)) refuse(*name, "is given twice");
}

void ObjectReader::refuse(std::string_view name, const std::string& message) {
  errors_->add(path_of(name), message);
}

void ObjectReader::refuse_nulls() {
  for (const JsonMember& member : members_) {
    if (member.value.kind() != JsonKind::kNull) continue;
    refuse(member.name, "must not be null; leave it out instead");
  }
}

std::optional<JsonValue> ObjectReader::value(std::string_view name) {
  known_.push_back(name);
  const auto found = std::find_if(members_.begin(), members_.end(),
                                  [&](const JsonMember& member) { return member.name == name; });
  if (found == members_.end() || found->value.kind() == JsonKind::kNull) return std::nullopt;
  return found->value;
}

bool ObjectReader::has(std::string_view name) const {
  return std::any_of(members_.begin(), members_.end(),
                     [&](const JsonMember& member) { return member.name == name; });
}

bool ObjectReader::is_null(std::string_view name) const {
  return std::any_of(members_.begin(), members_.end(), [&](const JsonMember& member) {
    return member.name == name && member.value.kind() == JsonKind::kNull;
  });
}

std::optional<JsonValue> ObjectReader::value_of(std::string_view name, JsonKind kind,
                                                const char* expected) {
  const auto found = value(name);
  if (!found || found->kind() == kind) return found;
  refuse(name, std::string("must be ") + expected);
  return std::nullopt;
}

std::optional<std::string> ObjectReader::string(std::string_view name) {
  const auto found = value_of(name, JsonKind::kString, "a string");
  if (!found) return std::nullopt;
  return found->string();
}

std::optional<std::string> ObjectReader::filled_string(std::string_view name) {
  auto text = string(name);
  if (!text || !text->empty()) return text;
  refuse(name, "must not be empty; leave it out instead");
  return std::nullopt;
}

std::optional<bool> ObjectReader::boolean(std::string_view name) {
  const auto found = value_of(name, JsonKind::kBool, "true or false");
  if (!found) return std::nullopt;
  return found->boolean();
}

std::optional<std::int64_t> ObjectReader::integer_in(std::string_view name, IntegerLimits type,
                                                     IntegerLimits limits) {
  const auto found = value_of(name, JsonKind::kNumber, "a whole number");
  if (!found) return std::nullopt;
  const auto number = found->integer();
  if (number && *number >= type.min && *number <= type.max) return number;
  refuse(name, "must be a whole number from " + std::to_string(limits.min) + " to " +
                   std::to_string(std::min(limits.max, type.max)));
  return std::nullopt;
}

std::optional<std::int64_t> ObjectReader::integer(std::string_view name, IntegerLimits limits) {
  return integer_in(name, kLimitsOf<std::int64_t>, limits);
}

std::optional<int> ObjectReader::small_integer(std::string_view name, IntegerLimits limits) {
  const auto number = integer_in(name, kLimitsOf<int>, limits);
  if (!number) return std::nullopt;
  return static_cast<int>(*number);
}

std::optional<std::chrono::microseconds> ObjectReader::milliseconds(std::string_view name) {
  const auto found = value_of(name, JsonKind::kNumber, "a number");
  if (!found) return std::nullopt;
  constexpr double kMicrosMax = 9'007'199'254'740'992.0;  // 2^53, 285 years
  const double micros = found->number() * 1000;
  if (micros >= 0 && micros <= kMicrosMax) {
    return std::chrono::microseconds{std::llround(micros)};
  }
  refuse(name, "is out of range");
  return std::nullopt;
}

std::optional<TimePoint> ObjectReader::time(std::string_view name) {
  const auto text = value_of(name, JsonKind::kString, "a date and time as an ISO-8601 string");
  if (!text) return std::nullopt;
  const auto t = parse_time(text->string());
  if (t) return *t;
  refuse(name, t.error().message);
  return std::nullopt;
}

std::optional<ObjectReader> ObjectReader::object(std::string_view name) {
  const auto found = value_of(name, JsonKind::kObject, "an object");
  if (!found) return std::nullopt;
  return ObjectReader(*errors_, *found, path_of(name));
}

std::optional<std::vector<JsonValue>> ObjectReader::array(std::string_view name,
                                                          std::size_t count_max) {
  const auto found = value_of(name, JsonKind::kArray, "an array");
  if (!found) return std::nullopt;
  const bool bounded = count_max < static_cast<std::size_t>(-1);
  auto elements = found->elements(bounded ? count_max + 1 : count_max);
  if (elements.size() > count_max) {
    refuse(name, "has " + std::to_string(found->count()) + " items; at most " +
                     std::to_string(count_max) + " are allowed");
    return std::nullopt;
  }
  return elements;
}

const std::vector<JsonMember>& ObjectReader::all() {
  all_known_ = true;
  return members_;
}

void ObjectReader::finish() {
  if (all_known_ || errors_->from() == From::kServer) return;
  for (const JsonMember& member : members_) {
    if (std::find(known_.begin(), known_.end(), member.name) != known_.end()) continue;
    std::string names;
    for (const std::string_view name : known_) {
      if (!names.empty()) names += ", ";
      names += name;
    }
    refuse(member.name, "is not known here; the fields are " + names);
    return;
  }
}

}  // namespace rhooks
