#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/text.h"

// Reads objects field by field.
namespace rhooks {

enum class From {
  // What a user sent: unknown and repeated names are refused, kInvalidArgument.
  kUser,
  // What a server answered: unknown names are passed over, and what cannot be read is no fault
  // of the caller's: kInternal.
  kServer,
};

// The first error of a document. Reading goes on after it with empty values, and the error
// is looked at once, at the end.
class JsonErrors {
 public:
  explicit JsonErrors(From from) : from_(from) {}

  From from() const { return from_; }
  bool any() const { return first_.has_value(); }
  const Error& first() const { return *first_; }

  // `path` is empty for the whole document.
  // What a user sent is a fault of theirs, unless `code` says otherwise.
  void add(const std::string& path, const std::string& message,
           ErrorCode code = ErrorCode::kInvalidArgument);

 private:
  From from_;
  std::optional<Error> first_;
};

// What a whole number may be, as a message about one that cannot be read tells it. One that can is
// left to the rules of its field.
struct IntegerLimits {
  std::int64_t min;
  std::int64_t max;
};
template <typename N>
inline constexpr IntegerLimits kLimitsOf{std::numeric_limits<N>::min(),
                                         std::numeric_limits<N>::max()};

// One object being read. Names that are asked for are known; finish() refuses the others.
class ObjectReader {
 public:
  ObjectReader(JsonErrors& errors, const JsonValue& value, std::string path);

  std::string path_of(std::string_view name) const { return json_path(path_, name); }
  const std::string& path() const { return path_; }
  From from() const { return errors_->from(); }
  JsonErrors& errors() { return *errors_; }
  // Adds an error about a field.
  void refuse(std::string_view name, const std::string& message);

  // For filters: null, as an unset variable becomes it, must not stand for "no restriction".
  void refuse_nulls();

  // The field, if it is there; null stands for absence. A field of another type is refused, and
  // is then not there.
  std::optional<JsonValue> value(std::string_view name);
  // Whether it is there, null or not. Does not make it known.
  bool has(std::string_view name) const;
  // Whether it is there, and null.
  bool is_null(std::string_view name) const;
  std::optional<std::string> string(std::string_view name);
  // Of a field whose absence says something else than an empty text would.
  std::optional<std::string> filled_string(std::string_view name);
  std::optional<bool> boolean(std::string_view name);
  std::optional<std::int64_t> integer(std::string_view name,
                                      IntegerLimits limits = kLimitsOf<std::int64_t>);
  std::optional<int> small_integer(std::string_view name, IntegerLimits limits = kLimitsOf<int>);
  // A number of milliseconds from 0 on, with a fraction or without, to the microsecond.
  std::optional<std::chrono::microseconds> milliseconds(std::string_view name);
  std::optional<TimePoint> time(std::string_view name);
  std::optional<ObjectReader> object(std::string_view name);
  std::optional<std::vector<JsonValue>> array(std::string_view name,
                                              std::size_t count_max = static_cast<std::size_t>(-1));

  // A string that `parse` makes a value of.
  template <typename T>
  std::optional<T> named(std::string_view name, Result<T> (*parse)(std::string_view)) {
    const auto text = string(name);
    if (!text) return std::nullopt;
    Result<T> parsed = parse(*text);
    if (parsed) return *parsed;
    refuse(name, parsed.error().message);
    return std::nullopt;
  }

  // Refuses the absence of a field: required("url", reader.string("url")).
  template <typename T>
  T required(std::string_view name, std::optional<T> value) {
    if (value) return std::move(*value);
    // A field that is there but wrong has been refused before, and the first error stays.
    refuse(name, "is required");
    return T{};
  }

  // The members in order, all of them known: for objects used as a map.
  const std::vector<JsonMember>& all();

  void finish();

 private:
  std::optional<JsonValue> value_of(std::string_view name, JsonKind kind, const char* expected);
  std::optional<std::int64_t> integer_in(std::string_view name, IntegerLimits type,
                                         IntegerLimits limits);

  JsonErrors* errors_;
  std::string path_;
  std::vector<JsonMember> members_;
  std::vector<std::string_view> known_;
  bool all_known_ = false;
};

// Reads a whole document with `read(errors, value)`.
template <typename T, typename Read>
Result<T> read_json(std::string_view text, From from, Read read) {
  const auto document = check_json(text);
  JsonErrors errors(from);
  if (!document) {
    errors.add("", document.error().message);
    return fail(errors.first());
  }
  T result = read(errors, *document);
  if (errors.any()) return fail(errors.first());
  return result;
}

}  // namespace rhooks
