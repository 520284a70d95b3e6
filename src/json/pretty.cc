#include "json/pretty.h"

#include "json/text.h"

namespace rhooks {
namespace {

void append_pretty(std::string& out, const JsonValue& value, std::size_t depth) {
  const bool is_object = value.kind() == JsonKind::kObject;
  if (!is_object && value.kind() != JsonKind::kArray) {
    out += value.raw();
    return;
  }
  const auto new_line = [&out](std::size_t levels) {
    out += '\n';
    out.append(2 * levels, ' ');
  };
  bool is_empty = true;
  out += is_object ? '{' : '[';
  for (JsonItems in(value); in.next(); is_empty = false) {
    if (!is_empty) out += ',';
    new_line(depth + 1);
    JsonValue item = in.take();
    if (is_object) {
      out += item.raw();
      out += ": ";
      item = in.take_after_colon();
    }
    append_pretty(out, item, depth + 1);
  }
  if (!is_empty) new_line(depth);
  out += is_object ? '}' : ']';
}

}  // namespace

std::string pretty_json(std::string_view text) {
  const auto value = check_body_json(text);
  if (!value) return std::string(text);
  std::string out;
  append_pretty(out, *value, 0);
  return out;
}

}  // namespace rhooks
