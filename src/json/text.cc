#include "json/text.h"

#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "base/utf8.h"
#include "json/space.h"
#include "json/string_end.h"

namespace rhooks {
namespace {

namespace json = boost::json;

constexpr std::size_t kNameBytesMax = 64;  // of a name in a path
constexpr std::size_t kMembersUsual = 8;   // of an object

// Takes part in parsing only to let it go on: what it finds is looked up in the text later.
struct IgnoringHandler {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return true; }
  bool on_object_end(std::size_t, json::error_code&) { return true; }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t, json::error_code&) { return true; }
  bool on_key_part(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_key(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_string_part(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_string(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, json::error_code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code&) { return true; }
  bool on_double(double, json::string_view, json::error_code&) { return true; }
  bool on_bool(bool, json::error_code&) { return true; }
  bool on_null(json::error_code&) { return true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
};

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string place_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return "line " + std::to_string(lines + 1) + ", column " +
         std::to_string(offset - line_start + 1);
}

tl::unexpected<Error> no_json(std::string_view text, std::size_t offset, const std::string& why) {
  return fail(ErrorCode::kInvalidArgument,
              "this is not valid JSON: " + why + " (" + place_of(text, offset) + ")");
}

// Of four hexadecimal digits.
std::uint32_t hex4(std::string_view digits) {
  std::uint32_t value = 0;
  std::from_chars(digits.data(), digits.data() + 4, value, 16);
  return value;
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | (c >> 6));
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3f));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

// What has to be looked at on the way to the end of an array or object.
bool is_structure(char c) {
  static constexpr auto kTable = [] {
    std::array<bool, 256> table{};
    for (const char structure : {'"', '{', '[', '}', ']'}) {
      table[static_cast<unsigned char>(structure)] = true;
    }
    return table;
  }();
  return kTable[static_cast<unsigned char>(c)];
}

// The end of the value that begins at `at`. The text is known to be valid, so brackets
// balance and strings end.
std::size_t value_end(std::string_view text, std::size_t at) {
  if (text[at] == '"') return json_string_end(text, at);
  if (text[at] != '{' && text[at] != '[') {
    while (at < text.size() && !is_space(text[at]) && text[at] != ',' && text[at] != ']' &&
           text[at] != '}') {
      ++at;
    }
    return at;
  }
  std::size_t depth = 0;
  do {
    while (!is_structure(text[at])) ++at;
    switch (text[at]) {
      case '"':
        at = json_string_end(text, at);
        continue;
      case '{':
      case '[':
        ++depth;
        break;
      default:
        --depth;
    }
    ++at;
  } while (depth > 0);
  return at;
}

// The text that a string stands for: without its quotes, escapes resolved.
std::string unquoted(std::string_view raw) {
  std::string_view rest = raw.substr(1, raw.size() - 2);
  if (rest.find('\\') == std::string_view::npos) return std::string(rest);
  std::string out;
  out.reserve(rest.size());
  while (!rest.empty()) {
    const std::size_t plain = std::min(rest.find('\\'), rest.size());
    out += rest.substr(0, plain);
    rest.remove_prefix(plain);
    if (rest.empty()) break;
    const char escape = rest[1];
    std::size_t used = 2;
    switch (escape) {
      case 'b':
        out.push_back('\b');
        break;
      case 'f':
        out.push_back('\f');
        break;
      case 'n':
        out.push_back('\n');
        break;
      case 'r':
        out.push_back('\r');
        break;
      case 't':
        out.push_back('\t');
        break;
      case 'u': {
        std::uint32_t c = hex4(rest.substr(2));
        used = 6;
        if (c >= 0xd800 && c < 0xdc00) {  // the other half follows: the parser saw to it
          c = 0x10000 + ((c - 0xd800) << 10) + (hex4(rest.substr(8)) - 0xdc00);
          used = 12;
        }
        append_utf8(out, c);
        break;
      }
      default:  // quote, backslash, slash
        out.push_back(escape);
    }
    rest.remove_prefix(used);
  }
  return out;
}

// Looks for a name that an object has twice, and for nesting past kBodyDepthMax, in one pass over
// the text. Recursion is as deep as the value is nested, and ends at that bound.
class BodyChecker {
 public:
  explicit BodyChecker(std::string_view text) : text_(text) {}

  // Whether there is nothing to find.
  bool check() { return !find_in_value(); }

  bool too_deep() const { return too_deep_; }
  // Of the repeated name.
  std::string path_below(std::string path) const {
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
      path = step->is_index ? json_path(path, step->index) : json_path(path, step->name);
    }
    return path;
  }

 private:
  struct Step {
    bool is_index = false;
    std::size_t index = 0;
    std::string name;
  };

  // Leaves the cursor behind the value, unless it found something.
  bool find_in_value() {
    if (text_[at_] != '[' && text_[at_] != '{') {
      at_ = value_end(text_, at_);
      return false;
    }
    if (depth_ == kBodyDepthMax) return too_deep_ = true;
    ++depth_;
    const bool is_found = text_[at_] == '[' ? find_in_array() : find_in_object();
    --depth_;
    return is_found;
  }

  bool find_in_array() {
    ++at_;
    for (std::size_t index = 0; next(']'); ++index) {
      if (find_in_value()) return found({true, index, {}});
    }
    return false;
  }

  bool find_in_object() {
    ++at_;
    std::vector<std::string> names;
    names.reserve(kMembersUsual);
    while (next('}')) {
      names.push_back(take_string());
      skip_space();
      ++at_;  // the colon
      skip_space();
      if (find_in_value()) return found({false, 0, std::move(names.back())});
    }
    if (names.size() < 2) return false;
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    return twice != names.end() && found({false, 0, std::move(*twice)});
  }

  // Steps are noted on the way back, so the innermost comes first.
  bool found(Step step) {
    if (!too_deep_) steps_.push_back(std::move(step));
    return true;
  }

  bool next(char closing) {
    skip_space();
    if (text_[at_] == ',') {
      ++at_;
      skip_space();
    }
    if (text_[at_] != closing) return true;
    ++at_;
    return false;
  }

  std::string take_string() {
    const std::size_t begin = at_;
    at_ = json_string_end(text_, begin);
    return unquoted(text_.substr(begin, at_ - begin));
  }

  void skip_space() {
    while (is_space(text_[at_])) ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  bool too_deep_ = false;
  std::vector<Step> steps_;
};

std::string deeper_than(std::size_t levels) {
  return "nested deeper than " + std::to_string(levels) + " levels";
}

}  // namespace

JsonItems::JsonItems(const JsonValue& value) : text_(value.raw().substr(1)) {
  RHOOKS_CHECK(value.kind() == JsonKind::kArray || value.kind() == JsonKind::kObject);
}

bool JsonItems::next() {
  skip_space();
  if (text_[at_] == ',') {
    ++at_;
    skip_space();
  }
  return text_[at_] != ']' && text_[at_] != '}';
}

JsonValue JsonItems::take() {
  const std::size_t end = value_end(text_, at_);
  const JsonValue value(text_.substr(at_, end - at_));
  at_ = end;
  return value;
}

JsonMember JsonItems::take_member() {
  std::string name = take().string();
  return {std::move(name), take_after_colon()};
}

JsonValue JsonItems::take_after_colon() {
  skip_space();
  ++at_;
  skip_space();
  return take();
}

void JsonItems::skip_space() {
  while (is_space(text_[at_])) ++at_;
}

JsonKind JsonValue::kind() const {
  switch (raw_.front()) {
    case '{':
      return JsonKind::kObject;
    case '[':
      return JsonKind::kArray;
    case '"':
      return JsonKind::kString;
    case 't':
    case 'f':
      return JsonKind::kBool;
    case 'n':
      return JsonKind::kNull;
    default:
      return JsonKind::kNumber;
  }
}

std::string JsonValue::string() const {
  RHOOKS_CHECK(kind() == JsonKind::kString);
  return unquoted(raw_);
}

std::optional<std::int64_t> JsonValue::integer() const {
  RHOOKS_CHECK(kind() == JsonKind::kNumber);
  const char* const end = raw_.data() + raw_.size();
  std::int64_t value = 0;
  const auto whole = std::from_chars(raw_.data(), end, value);
  if (whole.ec == std::errc{} && whole.ptr == end) return value;
  // 3.0 and 1e3 are whole numbers too; some programs write all their numbers so.
  double number = 0;
  const auto parsed = std::from_chars(raw_.data(), end, number);
  constexpr double kExactMax = 9'007'199'254'740'992.0;  // 2^53
  if (parsed.ec != std::errc{} || parsed.ptr != end || std::abs(number) > kExactMax ||
      std::trunc(number) != number || whole.ec == std::errc::result_out_of_range) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(number);
}

double JsonValue::number() const {
  RHOOKS_CHECK(kind() == JsonKind::kNumber);
  double value = std::numeric_limits<double>::infinity();  // what is out of range stays so
  std::from_chars(raw_.data(), raw_.data() + raw_.size(), value);
  return value;
}

std::size_t JsonValue::count() const {
  RHOOKS_CHECK(kind() == JsonKind::kArray);
  std::size_t count = 0;
  for (JsonItems in(*this); in.next(); ++count) in.take();
  return count;
}

std::vector<JsonValue> JsonValue::elements(std::size_t max) const {
  RHOOKS_CHECK(kind() == JsonKind::kArray);
  std::vector<JsonValue> elements;
  for (JsonItems in(*this); in.next() && elements.size() < max;) elements.push_back(in.take());
  return elements;
}

std::vector<JsonMember> JsonValue::members(std::size_t max) const {
  RHOOKS_CHECK(kind() == JsonKind::kObject);
  std::vector<JsonMember> members;
  members.reserve(std::min<std::size_t>(max, kMembersUsual));
  for (JsonItems in(*this); in.next() && members.size() < max;) {
    members.push_back(in.take_member());
  }
  return members;
}

Result<JsonValue> check_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = kDocumentDepthMax;
  json::basic_parser<IgnoringHandler> parser(options);
  json::error_code error;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
  if (error == json::error::too_deep) {
    return no_json(text, used, "it is " + deeper_than(kDocumentDepthMax));
  }
  if (error == json::error::incomplete) return no_json(text, used, "it ends too early");
  if (error) return no_json(text, used, error.message());
  if (used < text.size()) return no_json(text, used, "something follows the value");

  std::size_t begin = 0;
  while (is_space(text[begin])) ++begin;
  std::size_t end = text.size();
  while (is_space(text[end - 1])) --end;
  return JsonValue(text.substr(begin, end - begin));
}

Result<JsonValue> check_json(const Body& body) {
  if (body.is_checked()) return JsonValue(body.data());
  return check_json(std::string_view(body.data()));
}

std::optional<std::string> repeated_name(const std::vector<JsonMember>& members) {
  if (members.size() < 2) return std::nullopt;
  std::vector<std::string_view> names;
  names.reserve(members.size());
  for (const JsonMember& member : members) names.push_back(member.name);
  std::sort(names.begin(), names.end());
  const auto found = std::adjacent_find(names.begin(), names.end());
  if (found == names.end()) return std::nullopt;
  return std::string(*found);
}

Body BodyJson::body() const {
  if (kind() == JsonKind::kNull) return {};
  if (kind() == JsonKind::kString) return Body::text(string());
  Body checked = Body::json(std::string(raw()));
  checked.is_checked_ = true;
  return checked;
}

tl::expected<BodyJson, JsonFault> check_as_body(const JsonValue& value, const std::string& path) {
  BodyChecker checker(value.raw());
  if (checker.check()) return BodyJson(value);
  return tl::make_unexpected(checker.too_deep()
                                 ? JsonFault{path, "is " + deeper_than(kBodyDepthMax)}
                                 : JsonFault{checker.path_below(path), "is given twice"});
}

std::string json_path(const std::string& path, std::string_view name) {
  const std::string shown = one_line(name, kNameBytesMax);
  return path.empty() ? shown : path + '.' + shown;
}

std::string json_path(const std::string& path, std::size_t index) {
  return path + '[' + std::to_string(index) + ']';
}

Result<BodyJson> check_body_json(std::string_view text) {
  const auto value = check_json(text);
  if (!value) return fail(value.error());
  const auto body = check_as_body(*value, "");
  if (body) return *body;
  const auto& [path, message] = body.error();
  const std::string what = path.empty() ? "it" : "\"" + path + "\"";
  return fail(ErrorCode::kInvalidArgument, what + ' ' + message, path);
}

Result<std::string> compact_json(std::string_view text) {
  const auto value = check_body_json(text);
  if (!value) return fail(value.error());
  return without_json_space(value->raw());
}

}  // namespace rhooks
