#include "delivery/flatten.h"

#include <boost/json/basic_parser_impl.hpp>
#include <functional>
#include <string>
#include <utility>

#include "base/utf8.h"

namespace rhooks::delivery {
namespace {

namespace json = boost::json;

// Takes a part and answers how large all of them are by now, as they are sent.
using Sink = std::function<std::size_t(const std::string& name, std::string&& value)>;

// Hands on the parts while the text is parsed. The values of a parsed tree would not do:
// they round long numbers, and a receiver should get the digits that were registered.
// NOLINTBEGIN(readability-identifier-naming): the names are Boost's
class Flattener {
 public:
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  Flattener(std::string_view use, std::size_t bytes_max, Sink sink)
      : use_(use), bytes_max_(bytes_max), sink_(std::move(sink)) {}

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }

  bool on_object_begin(json::error_code& ec) {
    if (in_object_) return refuse_nested(ec);
    in_object_ = true;
    return true;
  }
  bool on_object_end(std::size_t, json::error_code&) { return true; }

  bool on_array_begin(json::error_code& ec) {
    if (!in_object_) return refuse_value(ec);
    if (in_array_) return refuse_nested(ec);
    in_array_ = true;
    return true;
  }
  bool on_array_end(std::size_t, json::error_code&) {
    in_array_ = false;
    return true;
  }

  bool on_key_part(json::string_view s, std::size_t, json::error_code&) {
    text_.append(s.data(), s.size());
    return true;
  }
  bool on_key(json::string_view s, std::size_t, json::error_code&) {
    text_.append(s.data(), s.size());
    key_ = std::exchange(text_, {});
    return true;
  }

  bool on_string_part(json::string_view s, std::size_t, json::error_code&) {
    text_.append(s.data(), s.size());
    return true;
  }
  bool on_string(json::string_view s, std::size_t, json::error_code& ec) { return add(s, ec); }

  bool on_number_part(json::string_view s, json::error_code&) {
    text_.append(s.data(), s.size());
    return true;
  }
  bool on_int64(std::int64_t, json::string_view s, json::error_code& ec) { return add(s, ec); }
  bool on_uint64(std::uint64_t, json::string_view s, json::error_code& ec) { return add(s, ec); }
  bool on_double(double, json::string_view s, json::error_code& ec) { return add(s, ec); }

  bool on_bool(bool b, json::error_code& ec) { return add(b ? "true" : "false", ec); }
  bool on_null(json::error_code& ec) { return add("", ec); }

  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

  const std::string& error() const { return error_; }

 private:
  bool add(json::string_view s, json::error_code& ec) {
    if (!in_object_) return refuse_value(ec);
    text_.append(s.data(), s.size());
    return sink_(key_, std::exchange(text_, {})) <= bytes_max_ || refuse_size(ec);
  }

  bool refuse_value(json::error_code& ec) {
    error_ = std::string(use_) + " is made from a JSON object; this body is another JSON value";
    ec = json::make_error_code(json::error::syntax);
    return false;
  }

  bool refuse_nested(json::error_code& ec) {
    error_ = "the body's member \"" + one_line(key_, 64) + "\" is nested; " + std::string(use_) +
             " can only hold text, numbers, true, false, null and lists of those";
    ec = json::make_error_code(json::error::syntax);
    return false;
  }

  bool refuse_size(json::error_code& ec) {
    error_ = "the body becomes " + std::string(use_) + " of more than " +
             std::to_string(bytes_max_) + " bytes, at its member \"" + one_line(key_, 64) +
             "\" (a list repeats its name for each element)";
    ec = json::make_error_code(json::error::syntax);
    return false;
  }

  const std::string_view use_;
  const std::size_t bytes_max_;
  const Sink sink_;
  bool in_object_ = false;
  bool in_array_ = false;
  std::string key_;
  std::string text_;
  std::string error_;
};
// NOLINTEND(readability-identifier-naming)

enum class Encoding { kQuery, kForm };

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_';
}

void append_encoded(std::string& out, std::string_view text, Encoding encoding) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : text) {
    // The two standards agree but for these: '~' is reserved in forms, and '*' in queries.
    if (is_unreserved(c) || c == (encoding == Encoding::kForm ? '*' : '~')) {
      out += c;
    } else if (c == ' ' && encoding == Encoding::kForm) {
      out += '+';
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
}

// Hands the parts to `sink`, until they are larger than `bytes_max`.
Result<void> flatten(std::string_view json, std::string_view use, std::size_t bytes_max,
                     Sink sink) {
  json::parse_options options;
  options.max_depth = 64;
  json::basic_parser<Flattener> parser(options, use, bytes_max, std::move(sink));
  json::error_code ec;
  const auto read = parser.write_some(false, json.data(), json.size(), ec);
  if (!parser.handler().error().empty()) {
    return fail(ErrorCode::kInvalidArgument, parser.handler().error(), "request.body");
  }
  if (ec || read != json.size()) {
    return fail(ErrorCode::kInvalidArgument,
                "the body is not valid JSON (at byte " + std::to_string(read) + ")",
                "request.body");
  }
  return {};
}

Result<std::string> encode(std::string_view json, std::string_view use, std::size_t bytes_max,
                           Encoding encoding) {
  std::string out;
  auto flat = flatten(json, use, bytes_max, [&](const std::string& name, std::string&& value) {
    if (!out.empty()) out += '&';
    append_encoded(out, name, encoding);
    out += '=';
    append_encoded(out, value, encoding);
    return out.size();
  });
  if (!flat) return tl::make_unexpected(std::move(flat.error()));
  return out;
}

// About what stands around a field: a boundary, and the line "Content-Disposition" (RFC 7578).
constexpr std::size_t kFieldOverhead = 100;

}  // namespace

Result<std::string> query_of_json(std::string_view json, std::size_t bytes_max) {
  return encode(json, "a query string", bytes_max, Encoding::kQuery);
}

Result<std::string> form_of_json(std::string_view json, std::size_t bytes_max) {
  return encode(json, "a form", bytes_max, Encoding::kForm);
}

Result<std::vector<FormPart>> fields_of_json(std::string_view json, std::size_t bytes_max) {
  std::vector<FormPart> fields;
  std::size_t size = 0;
  auto flat = flatten(json, "a form", bytes_max, [&](const std::string& name, std::string&& value) {
    size += name.size() + value.size() + kFieldOverhead;
    fields.push_back({name, std::move(value)});
    return size;
  });
  if (!flat) return tl::make_unexpected(std::move(flat.error()));
  return fields;
}

}  // namespace rhooks::delivery
