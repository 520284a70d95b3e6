#include "testing/dynamo_capacity.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string_view>

namespace rhooks::testing {
namespace {

namespace json = boost::json;

std::string text(const json::value& value) {
  return std::string(value.as_string());
}

// One byte for two significant digits and one more, and one for a minus.
std::size_t number_size(std::string_view number) {
  const bool negative = number.starts_with('-');
  std::string digits;
  for (const char c : number.substr(0, number.find_first_of("eE"))) {
    if (c >= '0' && c <= '9') digits += c;
  }
  const std::size_t first = digits.find_first_not_of('0');
  if (first == digits.npos) return 1;
  const std::size_t significant = digits.find_last_not_of('0') - first + 1;
  return (significant + 1) / 2 + 1 + (negative ? 1 : 0);
}

std::size_t base64_size(std::string_view coded) {
  const std::size_t padding = static_cast<std::size_t>(std::count(
      coded.end() - static_cast<long>(std::min<std::size_t>(2, coded.size())), coded.end(), '='));
  return coded.size() / 4 * 3 - padding;
}

std::size_t value_size(const json::value& value) {
  const auto& [type, content] = *value.as_object().begin();
  if (type == "S") return content.as_string().size();
  if (type == "N") return number_size(content.as_string());
  if (type == "B") return base64_size(content.as_string());
  if (type == "BOOL" || type == "NULL") return 1;
  std::size_t size = 0;
  if (type == "M") {
    for (const auto& [name, member] : content.as_object()) {
      size += 1 + name.size() + value_size(member);
    }
    return 3 + size;
  }
  for (const json::value& element : content.as_array()) {
    if (type == "L") size += 1 + value_size(element);
    if (type == "SS") size += element.as_string().size();
    if (type == "NS") size += number_size(element.as_string());
    if (type == "BS") size += base64_size(element.as_string());
  }
  return type == "L" ? 3 + size : size;
}

double write_units(std::size_t bytes) {
  return static_cast<double>(std::max<std::size_t>(1, (bytes + 1023) / 1024));
}

// The item as the index holds it; none where it lacks one of the index's keys.
std::optional<json::object> entry(const DynamoIndex& index, const json::object* item) {
  if (!item) return std::nullopt;
  for (const std::string& key : index.keys) {
    if (!item->contains(key)) return std::nullopt;
  }
  if (index.all) return *item;
  json::object out;
  for (const std::string& name : index.projected) {
    if (const json::value* value = item->if_contains(name)) out[name] = *value;
  }
  return out;
}

double index_cost(const DynamoIndex& index, const json::object* before, const json::object* after) {
  const auto old_entry = entry(index, before);
  const auto new_entry = entry(index, after);
  if (old_entry == new_entry) return 0;
  if (!old_entry) return write_units(item_size(*new_entry));
  if (!new_entry) return write_units(item_size(*old_entry));
  const bool same_keys =
      std::all_of(index.keys.begin(), index.keys.end(),
                  [&](const std::string& key) { return old_entry->at(key) == new_entry->at(key); });
  const double old_units = write_units(item_size(*old_entry));
  const double new_units = write_units(item_size(*new_entry));
  return same_keys ? std::max(old_units, new_units) : old_units + new_units;
}

std::vector<std::string> key_names(const json::value& schema) {
  std::vector<std::string> names;
  for (const json::value& key : schema.as_array()) {
    names.push_back(text(key.at("AttributeName")));
  }
  return names;
}

}  // namespace

DynamoTable table_of(const json::object& description) {
  DynamoTable table;
  table.name = text(description.at("TableName"));
  table.keys = key_names(description.at("KeySchema"));
  const json::value* indexes = description.if_contains("GlobalSecondaryIndexes");
  if (!indexes) return table;
  for (const json::value& described : indexes->as_array()) {
    DynamoIndex index;
    index.name = text(described.at("IndexName"));
    index.keys = key_names(described.at("KeySchema"));
    const json::object& projection = described.at("Projection").as_object();
    index.all = projection.at("ProjectionType") == "ALL";
    index.projected = index.keys;
    index.projected.insert(index.projected.end(), table.keys.begin(), table.keys.end());
    if (const json::value* names = projection.if_contains("NonKeyAttributes")) {
      for (const json::value& name : names->as_array()) index.projected.push_back(text(name));
    }
    table.indexes.push_back(std::move(index));
  }
  return table;
}

std::size_t item_size(const json::object& item) {
  std::size_t size = 0;
  for (const auto& [name, value] : item) size += name.size() + value_size(value);
  return size;
}

double WriteCost::total() const {
  double sum = table;
  for (const auto& [name, units] : indexes) sum += units;
  return sum;
}

WriteCost write_cost(const DynamoTable& table, const json::object* before,
                     const json::object* after) {
  WriteCost cost;
  cost.table =
      write_units(std::max(before ? item_size(*before) : 0, after ? item_size(*after) : 0));
  for (const DynamoIndex& index : table.indexes) {
    const double units = index_cost(index, before, after);
    if (units > 0) cost.indexes[index.name] = units;
  }
  return cost;
}

WriteCost failed_condition_cost(const json::object* existing) {
  return write_cost({}, existing, nullptr);
}

}  // namespace rhooks::testing
