#include "store/dynamo/table_shape.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <map>

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;

const json::object* object_in(const json::object& parent, std::string_view name) {
  const json::value* const value = parent.if_contains(name);
  return value ? value->if_object() : nullptr;
}

// Empty where it is missing: one loop fits both.
const json::array& array_in(const json::object& parent, std::string_view name) {
  static const json::array none;
  const json::value* const value = parent.if_contains(name);
  const json::array* const array = value ? value->if_array() : nullptr;
  return array ? *array : none;
}

std::string text_in(const json::object& parent, std::string_view name) {
  const json::value* const value = parent.if_contains(name);
  const json::string* const text = value ? value->if_string() : nullptr;
  return text ? std::string(*text) : std::string();
}

std::int64_t number_in(const json::object& parent, std::string_view name) {
  const json::value* const value = parent.if_contains(name);
  const std::int64_t* const number = value ? value->if_int64() : nullptr;
  return number ? *number : 0;
}

using Types = std::map<std::string, std::string>;  // of attributes, by name

Types read_types(const json::object& table) {
  Types types;
  for (const json::value& value : array_in(table, "AttributeDefinitions")) {
    const json::object* const definition = value.if_object();
    if (definition) {
      types[text_in(*definition, "AttributeName")] = text_in(*definition, "AttributeType");
    }
  }
  return types;
}

KeyShape read_key(const json::object& keyed, const Types& types) {
  KeyShape key;
  for (const json::value& value : array_in(keyed, "KeySchema")) {
    const json::object* const element = value.if_object();
    if (!element) continue;
    const std::string name = text_in(*element, "AttributeName");
    const auto type = types.find(name);
    KeyPart& part = text_in(*element, "KeyType") == "HASH" ? key.partition : key.sort;
    part = {name, type == types.end() ? std::string() : type->second};
  }
  return key;
}

IndexShape read_index(const json::object& body, const Types& types) {
  IndexShape index;
  index.name = text_in(body, "IndexName");
  index.key = read_key(body, types);
  if (const json::object* const projection = object_in(body, "Projection")) {
    index.projection = text_in(*projection, "ProjectionType");
    for (const json::value& name : array_in(*projection, "NonKeyAttributes")) {
      if (name.is_string()) index.included.emplace_back(name.get_string());
    }
  }
  index.status = text_in(body, "IndexStatus");
  // It cannot be asked yet, whatever its status: a change of its capacity makes that UPDATING.
  const json::value* const backfilling = body.if_contains("Backfilling");
  if (backfilling && *backfilling == true) index.status += ", backfilling";
  index.items = number_in(body, "ItemCount");
  index.bytes = number_in(body, "IndexSizeBytes");
  return index;
}

json::array key_schema(const KeyShape& key) {
  return {{{"AttributeName", key.partition.name}, {"KeyType", "HASH"}},
          {{"AttributeName", key.sort.name}, {"KeyType", "RANGE"}}};
}

// Of all keys, those of the indexes too.
json::array attribute_definitions(const TableShape& table) {
  Types types;
  const auto note = [&](const KeyShape& key) {
    for (const KeyPart& part : {key.partition, key.sort}) {
      if (!part.name.empty()) types[part.name] = part.type;
    }
  };
  note(table.key);
  for (const IndexShape& index : table.indexes) note(index.key);
  json::array definitions;
  for (const auto& [name, type] : types) {
    definitions.push_back({{"AttributeName", name}, {"AttributeType", type}});
  }
  return definitions;
}

json::object index_body(const IndexShape& index) {
  json::object projection{{"ProjectionType", index.projection}};
  if (!index.included.empty()) {
    projection["NonKeyAttributes"] = json::array(index.included.begin(), index.included.end());
  }
  return {{"IndexName", index.name},
          {"KeySchema", key_schema(index.key)},
          {"Projection", std::move(projection)}};
}

std::string to_string(const KeyPart& part) {
  return part.name.empty() ? "none" : "'" + part.name + "' (" + part.type + ")";
}

void compare_part(const std::string& what, const KeyPart& needed, const KeyPart& found,
                  std::vector<std::string>& differences) {
  if (found == needed) return;
  differences.push_back(what + " " + to_string(found) + ", expected " + to_string(needed));
}

void compare_key(const std::string& what, const KeyShape& needed, const KeyShape& found,
                 std::vector<std::string>& differences) {
  compare_part(what + " has partition key", needed.partition, found.partition, differences);
  compare_part(what + " has sort key", needed.sort, found.sort, differences);
}

const IndexShape* find_index(const TableShape& table, const std::string& name) {
  const auto found = std::find_if(table.indexes.begin(), table.indexes.end(),
                                  [&](const IndexShape& index) { return index.name == name; });
  return found == table.indexes.end() ? nullptr : &*found;
}

void compare_projection(const IndexShape& needed, const IndexShape& found,
                        std::vector<std::string>& differences) {
  if (found.projection == "ALL") return;
  for (const std::string& name : needed.included) {
    if (std::find(found.included.begin(), found.included.end(), name) == found.included.end()) {
      differences.push_back("index '" + needed.name + "' does not project attribute '" + name +
                            "' (its projection is " + found.projection + ")");
    }
  }
}

}  // namespace

TableShape tasks_shape(const std::string& name) {
  TableShape table;
  table.name = name;
  table.key = {{"ns", "S"}, {"id", "S"}};
  IndexShape due;
  due.name = kDueIndex;
  due.key = {{"sh", "N"}, {"due", "N"}};
  due.projection = "INCLUDE";
  due.included = {"rc"};
  IndexShape by_date;
  by_date.name = kDateIndex;
  by_date.key = {{"ns", "S"}, {"sd", "S"}};
  by_date.projection = "INCLUDE";
  by_date.included = {"st"};
  table.indexes = {due, by_date};
  return table;
}

TableShape logs_shape(const std::string& name) {
  TableShape table;
  table.name = name;
  table.key = {{"ns", "S"}, {"id", "S"}};
  IndexShape failures;
  failures.name = kFailureIndex;
  failures.key = {{"fl", "S"}, {"id", "S"}};
  failures.projection = "KEYS_ONLY";
  table.indexes = {failures};
  return table;
}

json::object create_table_body(const TableShape& shape) {
  json::array indexes;
  for (const IndexShape& index : shape.indexes) indexes.push_back(index_body(index));
  return {{"TableName", shape.name},
          {"BillingMode", kOnDemand},
          {"AttributeDefinitions", attribute_definitions(shape)},
          {"KeySchema", key_schema(shape.key)},
          {"GlobalSecondaryIndexes", std::move(indexes)}};
}

json::object add_index_body(const TableShape& found, const IndexShape& index) {
  TableShape grown = found;
  grown.indexes.push_back(index);
  json::array updates;
  updates.push_back(json::object{{"Create", index_body(index)}});
  return {{"TableName", found.name},
          {"AttributeDefinitions", attribute_definitions(grown)},
          {"GlobalSecondaryIndexUpdates", std::move(updates)}};
}

TableShape read_table(const json::object& reply) {
  TableShape table;
  const json::object* const body = object_in(reply, "Table");
  if (!body) return table;
  const Types types = read_types(*body);
  table.name = text_in(*body, "TableName");
  table.key = read_key(*body, types);
  for (const json::value& value : array_in(*body, "GlobalSecondaryIndexes")) {
    if (value.is_object()) table.indexes.push_back(read_index(value.get_object(), types));
  }
  table.status = text_in(*body, "TableStatus");
  // A table that never was on demand has no summary.
  const json::object* const billing = object_in(*body, "BillingModeSummary");
  table.billing = billing ? text_in(*billing, "BillingMode") : "PROVISIONED";
  table.items = number_in(*body, "ItemCount");
  table.bytes = number_in(*body, "TableSizeBytes");
  return table;
}

std::vector<std::string> differences(const TableShape& needed, const TableShape& found) {
  std::vector<std::string> differences;
  compare_key("it", needed.key, found.key, differences);
  for (const IndexShape& index : needed.indexes) {
    const IndexShape* const same = find_index(found, index.name);
    if (!same) {
      differences.push_back("index '" + index.name + "' (" + to_string(index.key) + ") is missing");
      continue;
    }
    compare_key("index '" + index.name + "'", index.key, same->key, differences);
    compare_projection(index, *same, differences);
  }
  return differences;
}

std::vector<const IndexShape*> missing_indexes(const TableShape& needed, const TableShape& found) {
  std::vector<const IndexShape*> missing;
  for (const IndexShape& index : needed.indexes) {
    if (!find_index(found, index.name)) missing.push_back(&index);
  }
  return missing;
}

std::string change_under_way(const TableShape& found) {
  if (found.status != "ACTIVE") return "the table is " + found.status;
  for (const IndexShape& index : found.indexes) {
    if (index.status != "ACTIVE") return "index '" + index.name + "' is " + index.status;
  }
  return {};
}

bool is_active(const TableShape& needed, const TableShape& found, std::string& waiting_for) {
  // While a table or an index is updated it can be used.
  const auto usable = [](const std::string& status) {
    return status == "ACTIVE" || status == "UPDATING";
  };
  if (!usable(found.status)) {
    waiting_for = "the table is " + found.status;
    return false;
  }
  for (const IndexShape& index : needed.indexes) {
    const IndexShape* const same = find_index(found, index.name);
    if (same && usable(same->status)) continue;
    waiting_for = "index '" + index.name + "' is " + (same ? same->status : "missing");
    return false;
  }
  return true;
}

std::string to_string(const KeyShape& key) {
  std::string text = key.partition.name + " (" + key.partition.type + ")";
  if (!key.sort.name.empty()) text += ", " + key.sort.name + " (" + key.sort.type + ")";
  return text;
}

std::string projection_text(const IndexShape& index) {
  std::string text = index.projection;
  for (const std::string& name : index.included) {
    text += (&name == &index.included.front() ? " " : ", ") + name;
  }
  return text;
}

}  // namespace rhooks::store::dynamo
