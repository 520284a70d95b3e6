#include "delivery/flatten.h"

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/ascii.h"
#include "base/utf8.h"
#include "json/text.h"

namespace rhooks::delivery {
namespace {

// Takes a part and answers how large all of them are by now, as they are sent.
using Sink = std::function<std::size_t(const std::string& name, std::string&& value)>;

enum class Encoding { kQuery, kForm };

void append_encoded(std::string& out, std::string_view text, Encoding encoding) {
  for (const char c : text) {
    // The two standards agree but for these: '~' is reserved in forms, and '*' in queries.
    if (is_alphanumeric(c) || c == '-' || c == '.' || c == '_' ||
        c == (encoding == Encoding::kForm ? '*' : '~')) {
      out += c;
    } else if (c == ' ' && encoding == Encoding::kForm) {
      out += '+';
    } else {
      append_percent(out, c);
    }
  }
}

Result<void> refuse(const std::string& why) {
  return fail(ErrorCode::kInvalidArgument, why, "body");
}

// Hands the parts to `sink`, until they are larger than `bytes_max`. Numbers keep the digits that
// were registered.
Result<void> flatten(const Body& body, const std::string& use, std::size_t bytes_max,
                     const Sink& sink) {
  const auto object = check_json(body);
  if (!object) return refuse("the body cannot become " + use + ": " + object.error().message);
  if (object->kind() != JsonKind::kObject) {
    return refuse(use + " is made from a JSON object; this body is another JSON value");
  }
  const auto add = [&](const std::string& name, const JsonValue& value) -> Result<void> {
    std::string text;
    switch (value.kind()) {
      case JsonKind::kObject:
      case JsonKind::kArray:
        return refuse("the body's member \"" + one_line(name, 64) + "\" is nested; " + use +
                      " can only hold text, numbers, true, false, null and lists of those");
      case JsonKind::kString:
        text = value.string();
        break;
      case JsonKind::kNull:
        break;
      case JsonKind::kBool:
      case JsonKind::kNumber:
        text = value.raw();
        break;
    }
    if (sink(name, std::move(text)) <= bytes_max) return {};
    return refuse("the body becomes " + use + " of more than " + std::to_string(bytes_max) +
                  " bytes, at its member \"" + one_line(name, 64) +
                  "\" (a list repeats its name for each element)");
  };
  for (JsonItems in(*object); in.next();) {
    const JsonMember member = in.take_member();
    if (member.value.kind() != JsonKind::kArray) {
      if (auto added = add(member.name, member.value); !added) return added;
      continue;
    }
    for (JsonItems elements(member.value); elements.next();) {
      if (auto added = add(member.name, elements.take()); !added) return added;
    }
  }
  return {};
}

Result<std::string> encode(const Body& body, const std::string& use, std::size_t bytes_max,
                           Encoding encoding) {
  std::string out;
  auto flat = flatten(body, use, bytes_max, [&](const std::string& name, std::string&& value) {
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

Result<std::string> query_of_json(const Body& body, std::size_t bytes_max) {
  return encode(body, "a query string", bytes_max, Encoding::kQuery);
}

Result<std::string> form_of_json(const Body& body, std::size_t bytes_max) {
  return encode(body, "a form", bytes_max, Encoding::kForm);
}

Result<std::vector<FormPart>> fields_of_json(const Body& body, std::size_t bytes_max) {
  std::vector<FormPart> fields;
  std::size_t size = 0;
  auto flat = flatten(body, "a form", bytes_max, [&](const std::string& name, std::string&& value) {
    size += name.size() + value.size() + kFieldOverhead;
    fields.push_back({name, std::move(value)});
    return size;
  });
  if (!flat) return tl::make_unexpected(std::move(flat.error()));
  return fields;
}

}  // namespace rhooks::delivery
