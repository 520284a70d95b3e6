#include "store/dynamo/attributes.h"

#include <charconv>

#include "base/base64.h"

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;

const json::string* value_of(const Item& item, std::string_view name, std::string_view type) {
  const json::value* const attribute = item.if_contains(name);
  const json::object* const typed = attribute ? attribute->if_object() : nullptr;
  const json::value* const value = typed && typed->size() == 1 ? typed->if_contains(type) : nullptr;
  return value ? value->if_string() : nullptr;
}

json::object typed(std::string_view type, std::string_view value) {
  json::object object;
  object.emplace(type, value);
  return object;
}

// 38 significant digits at most, two of them a byte, and one byte more.
std::size_t number_bytes(std::string_view digits) {
  return (digits.size() + 1) / 2 + 1;
}

}  // namespace

json::object text_value(std::string_view text) {
  return typed("S", text);
}
json::object number_value(std::int64_t number) {
  return typed("N", std::to_string(number));
}
json::object bytes_value(std::string_view bytes) {
  return typed("B", to_base64(bytes));
}

std::optional<std::string> text_of(const Item& item, std::string_view name) {
  const json::string* const value = value_of(item, name, "S");
  if (!value) return std::nullopt;
  return std::string(*value);
}

std::optional<std::int64_t> number_of(const Item& item, std::string_view name) {
  const json::string* const value = value_of(item, name, "N");
  if (!value) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (error != std::errc() || end != value->data() + value->size()) return std::nullopt;
  return number;
}

std::optional<std::string> bytes_of(const Item& item, std::string_view name) {
  const json::string* const value = value_of(item, name, "B");
  if (!value) return std::nullopt;
  return from_base64(*value);
}

std::size_t item_bytes(const Item& item) {
  std::size_t bytes = 0;
  for (const auto& attribute : item) {
    bytes += attribute.key().size();
    const json::object* const value = attribute.value().if_object();
    if (!value || value->empty()) continue;
    const auto& [type, data] = *value->begin();
    const json::string* const text = data.if_string();
    if (!text) continue;
    if (type == "N") {
      bytes += number_bytes(*text);
    } else if (type == "B") {
      bytes += from_base64(*text).value_or(std::string()).size();
    } else {
      bytes += text->size();
    }
  }
  return bytes;
}

}  // namespace rhooks::store::dynamo
