#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// JSON text looked at in place.
//
// Boost.JSON checks a document, and the values are then spans of its text, not a tree of
// its own: the body of a request must keep its numbers as they were written
// (12345678901234567890.10 is no double), and most of a document is passed on, not looked into.
namespace rhooks {

// How deep a request's body may be nested, wherever it stands.
inline constexpr std::size_t kBodyDepthMax = 64;
// How deep a whole document may be. It has room for bodies that are too deep, so that each of
// them is refused by name, and not the thousand good tasks beside it.
inline constexpr std::size_t kDocumentDepthMax = 512;

enum class JsonKind { kNull, kBool, kNumber, kString, kArray, kObject };

struct JsonMember;

// One value of a checked document. Valid as long as the document's text.
class JsonValue {
 public:
  JsonKind kind() const;
  // As written, without white space around it.
  std::string_view raw() const { return raw_; }

  bool boolean() const { return raw_ == "true"; }  // of a kBool
  std::string string() const;                      // of a kString, escapes resolved
  std::optional<std::int64_t> integer() const;     // of a kNumber; none: no int64
  double number() const;                           // of a kNumber, the nearest
  std::size_t count() const;                       // of a kArray
  // Of a kArray, and of a kObject as written; what follows `max` of them is left out. A list of
  // them takes many times the memory of the text: where a stranger wrote it, bound it.
  std::vector<JsonValue> elements(std::size_t max = static_cast<std::size_t>(-1)) const;
  std::vector<JsonMember> members(std::size_t max = static_cast<std::size_t>(-1)) const;

 private:
  friend Result<JsonValue> check_json(std::string_view text);
  friend Result<JsonValue> check_json(const Body& body);
  friend class JsonItems;
  explicit JsonValue(std::string_view raw) : raw_(raw) {}

  std::string_view raw_;
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

// Steps through the elements or members of an array or object without making a list of them:
//
//   for (JsonItems in(value); in.next();) use(in.take_member());
//
// Each that next() found has to be taken.
class JsonItems {
 public:
  explicit JsonItems(const JsonValue& value);  // a kArray or a kObject

  // Moves to the next element or member; false at the end.
  bool next();
  JsonValue take();
  JsonMember take_member();
  // take() gives the name of a member, as written; this then gives its value.
  JsonValue take_after_colon();

 private:
  void skip_space();

  std::string_view text_;
  std::size_t at_ = 0;
};

// Errors: kInvalidArgument with line and column: no JSON, deeper than kDocumentDepthMax, not
// UTF-8, something after the value.
Result<JsonValue> check_json(std::string_view text);
// The same for the text of a body, which must outlive the value. What is checked already is not
// looked through again.
Result<JsonValue> check_json(const Body& body);

// The name that `members` has twice, if any.
std::optional<std::string> repeated_name(const std::vector<JsonMember>& members);

struct JsonFault {
  std::string path;
  std::string message;  // "is given twice"
};

// A value that can be a request's body: nested at most kBodyDepthMax deep, and no object in it has
// a name twice. Only check_as_body() makes one.
class BodyJson : public JsonValue {
 public:
  // null is no body, and a string is text. Other JSON is as it was written, and is checked.
  Body body() const;

 private:
  friend tl::expected<BodyJson, JsonFault> check_as_body(const JsonValue& value,
                                                         const std::string& path);
  explicit BodyJson(const JsonValue& value) : JsonValue(value) {}
};

// `path`: of the value, for a fault in it.
tl::expected<BodyJson, JsonFault> check_as_body(const JsonValue& value, const std::string& path);

// Checks text that is to be a request's body. Errors: those of check_json(), and what keeps the
// value from being one.
Result<BodyJson> check_body_json(std::string_view json);

// The same without white space between its tokens, numbers and key order kept.
Result<std::string> compact_json(std::string_view json);

// "path.name", fit for an error: what a caller sent as a name may be of any length.
std::string json_path(const std::string& path, std::string_view name);
std::string json_path(const std::string& path, std::size_t index);

}  // namespace rhooks
