#include "testing/dynamo_answers.h"

#include <boost/json/value.hpp>
#include <utility>

namespace rhooks::testing {

namespace json = boost::json;

std::string text_of(const json::object& object, std::string_view name, std::string_view otherwise) {
  const json::value* value = object.if_contains(name);
  if (!value || !value->is_string()) return std::string(otherwise);
  return std::string(value->as_string());
}

std::optional<json::object> take_object(json::object& object, std::string_view name) {
  json::value* value = object.if_contains(name);
  if (!value || !value->is_object()) return std::nullopt;
  return std::move(value->as_object());
}

json::object key_of(const DynamoTable& table, const json::object& item) {
  json::object key;
  for (const std::string& name : table.keys) {
    const json::value* value = item.if_contains(name);
    if (!value) return {};
    key[name] = *value;
  }
  return key;
}

DynamoAnswer validation_error(std::string_view message) {
  return {400, {{"__type", "com.amazon.coral.validate#ValidationException"}, {"message", message}}};
}

DynamoCost as_cost(const WriteCost& cost) {
  return {cost.total(), cost.total() - cost.table, 0};
}

json::object consumed_capacity(const std::string& table, const WriteCost& cost,
                               std::string_view wanted) {
  json::object out{{"TableName", table}, {"CapacityUnits", cost.total()}};
  if (wanted != "INDEXES") return out;
  out["Table"] = json::object{{"CapacityUnits", cost.table}};
  if (cost.indexes.empty()) return out;
  json::object indexes;
  for (const auto& [name, units] : cost.indexes) {
    indexes[name] = json::object{{"CapacityUnits", units}};
  }
  out["GlobalSecondaryIndexes"] = std::move(indexes);
  return out;
}

}  // namespace rhooks::testing
