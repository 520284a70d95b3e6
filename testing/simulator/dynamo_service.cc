#include "testing/simulator/dynamo_service.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <utility>

#include "base/check.h"
#include "store/dynamo/items.h"
#include "testing/simulator/dynamo_expressions.h"

namespace rhooks::simulator {
namespace {

namespace json = boost::json;
using store::dynamo::Call;
using store::dynamo::Item;
using store::dynamo::item_bytes;
using store::dynamo::Operation;
using store::dynamo::Reply;

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
constexpr std::size_t kPageBytes = 1u << 20;
constexpr std::size_t kBatchBytes = 16u << 20;
constexpr std::size_t kBatchGetMax = 100;
constexpr std::size_t kBatchWriteMax = 25;

bool is_true(const json::object& request, std::string_view name, bool otherwise) {
  const json::value* const value = request.if_contains(name);
  return value ? value->as_bool() : otherwise;
}

// Rows of an index whose keys are equal have an order that says nothing.
std::int64_t scattered(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return static_cast<std::int64_t>(hash);
}

void check_fields(const json::object& request, std::initializer_list<std::string_view> known) {
  for (const auto& field : request) {
    RHOOKS_CHECK(std::find(known.begin(), known.end(), field.key()) != known.end());
  }
}

Item only(const Item& item, std::initializer_list<std::string_view> names) {
  Item kept;
  for (const std::string_view name : names) {
    if (const json::value* const value = item.if_contains(name)) kept[name] = *value;
  }
  return kept;
}

}  // namespace

DynamoService::DynamoService(Timeline& timeline, Options options)
    : timeline_(timeline), options_(std::move(options)) {
  using namespace store::dynamo;
  Table tasks{.name = options_.tables.tasks, .rows = {}, .indexes = {}};
  tasks.indexes.push_back(
      {.name = std::string(kDueIndex), .partition = "sh", .sort = "due", .included = {"rc"}});
  tasks.indexes.push_back(
      {.name = std::string(kDateIndex), .partition = "ns", .sort = "sd", .included = {"st"}});
  Table logs{.name = options_.tables.logs, .rows = {}, .indexes = {}};
  logs.indexes.push_back(
      {.name = std::string(kFailureIndex), .partition = "fl", .sort = "id", .included = {}});
  tables_.push_back(std::move(tasks));
  tables_.push_back(std::move(logs));
}

DynamoService::Table& DynamoService::table_named(std::string_view name) {
  const auto it = std::find_if(tables_.begin(), tables_.end(),
                               [&](const Table& table) { return table.name == name; });
  RHOOKS_CHECK(it != tables_.end());
  return *it;
}

DynamoService::Table& DynamoService::table_of(const json::object& request) {
  return table_named(request.at("TableName").as_string());
}

DynamoService::KeyPart DynamoService::key_part(const Item& item, std::string_view name) {
  if (auto text = store::dynamo::text_of(item, name)) {
    RHOOKS_CHECK(!text->empty());
    return std::move(*text);
  }
  const auto number = store::dynamo::number_of(item, name);
  RHOOKS_CHECK(number);
  return *number;
}

DynamoService::RowKey DynamoService::row_key(const Item& item) {
  return {key_part(item, "ns"), key_part(item, "id")};
}

DynamoService::RowKey DynamoService::row_key(const Index& index, const Item& item) {
  const KeyPart ns = key_part(item, "ns");
  const KeyPart id = key_part(item, "id");
  return {key_part(item, index.partition), key_part(item, index.sort),
          scattered(std::get<std::string>(ns) + "\n" + std::get<std::string>(id)), ns, id};
}

// The least that is greater.
DynamoService::KeyPart DynamoService::next_part(const KeyPart& part) {
  if (const auto* const text = std::get_if<std::string>(&part)) return *text + '\0';
  return std::get<std::int64_t>(part) + 1;
}

std::optional<Item> DynamoService::item(const std::string& table, const Item& key) const {
  const std::lock_guard lock(mutex_);
  const Rows& rows = const_cast<DynamoService*>(this)->table_named(table).rows;
  const auto it = rows.find(row_key(key));
  return it == rows.end() ? std::nullopt : std::optional(it->second);
}

Reply DynamoService::run(const Call& call, const Treatment& treatment) {
  const std::lock_guard lock(mutex_);
  switch (call.operation) {
    case Operation::kGetItem:
      return get(call.body);
    case Operation::kPutItem:
    case Operation::kUpdateItem:
    case Operation::kDeleteItem:
      return write_one(call);
    case Operation::kQuery:
      return query(call.body, treatment.indexes_are_late);
    case Operation::kBatchGetItem:
      return batch_get(call.body, treatment.partial);
    case Operation::kBatchWriteItem:
      return batch_write(call, treatment.partial);
    default:
      return {"UnknownOperationException", {}, false};
  }
}

Reply DynamoService::get(const json::object& request) {
  check_fields(request, {"TableName", "Key", "ConsistentRead"});
  RHOOKS_CHECK(is_true(request, "ConsistentRead", false));  // else it might be old
  const Rows& rows = table_of(request).rows;
  const auto it = rows.find(row_key(request.at("Key").as_object()));
  Reply reply;
  if (it != rows.end()) reply.body["Item"] = it->second;
  return reply;
}

Reply DynamoService::write_one(const Call& call) {
  const json::object& request = call.body;
  check_fields(request, {"TableName", "Key", "Item", "UpdateExpression", "ConditionExpression",
                         "ReturnValues", "ReturnValuesOnConditionCheckFailure",
                         "ExpressionAttributeNames", "ExpressionAttributeValues"});
  const bool put = call.operation == Operation::kPutItem;
  const Item& named = request.at(put ? "Item" : "Key").as_object();
  RHOOKS_CHECK(put || named.size() == 2);
  Table& table = table_of(request);
  const RowKey key = row_key(named);
  const auto it = table.rows.find(key);
  const std::optional<Item> before =
      it == table.rows.end() ? std::nullopt : std::optional(it->second);

  std::set<std::string> used;
  const Expression condition(request, "ConditionExpression", used);
  const Expression update(request, "UpdateExpression", used);
  check_all_used(request, used);
  RHOOKS_CHECK(update.empty() == (call.operation != Operation::kUpdateItem));
  if (!condition.holds(before.value_or(Item()))) {
    Reply refused;
    refused.error = "ConditionalCheckFailedException";
    refused.body["message"] = "The conditional request failed";
    if (const auto* const wanted = request.if_contains("ReturnValuesOnConditionCheckFailure")) {
      RHOOKS_CHECK(wanted->as_string() == "ALL_OLD");
      if (before) refused.body["Item"] = *before;
    }
    return refused;
  }

  std::optional<Item> after;
  if (put) {
    after = named;
  } else if (!update.empty()) {
    after = before.value_or(named);
    update.update(*after);
    RHOOKS_CHECK(row_key(*after) == key);
  }
  Reply reply;
  if (const json::value* const wanted = request.if_contains("ReturnValues")) {
    RHOOKS_CHECK(wanted->as_string() == "ALL_NEW" && after);
    reply.body["Attributes"] = *after;
  }
  write(call, table, key, std::move(after));
  return reply;
}

void DynamoService::write(const Call& call, Table& table, const RowKey& key,
                          std::optional<Item> after) {
  RHOOKS_CHECK(!after || item_bytes(*after) <= store::dynamo::kItemBytesMax);
  std::optional<Item> before;
  if (const auto it = table.rows.find(key); it != table.rows.end()) before = it->second;
  if (after) {
    table.rows[key] = *after;
  } else {
    table.rows.erase(key);
  }
  for (Index& index : table.indexes) into_index(index, key, before, after);
  if (options_.on_change) options_.on_change({call, table.name, before, after});
}

void DynamoService::into_index(Index& index, const RowKey& key, const std::optional<Item>& before,
                               const std::optional<Item>& after) {
  const auto row_of = [&](const std::optional<Item>& item) -> std::optional<Item> {
    if (!item || !item->contains(index.partition) || !item->contains(index.sort)) return {};
    Item row = only(*item, {"ns", "id", index.partition, index.sort});
    for (const std::string& name : index.included) {
      if (const json::value* const value = item->if_contains(name)) row[name] = *value;
    }
    return row;
  };
  const auto was = row_of(before);
  const auto is = row_of(after);
  if (was == is) return;
  if (was) index.rows.erase(row_key(index, *was));
  if (is) index.rows[row_key(index, *is)] = *is;

  Moment shows = timeline_.now();
  if (options_.index_lag_max.count() > 0) {
    // Mostly soon, and now and then much later.
    Dice& dice = timeline_.dice();
    const Duration most = options_.index_lag_max / (dice.chance(0.8) ? 20 : 1);
    shows += dice.between(Duration{0}, most);
  }
  Moment& latest = index.latest[key];
  latest = std::max(latest, shows);
  index.coming.emplace(latest, std::pair(key, is));
}

void DynamoService::show(Index& index) {
  while (!index.coming.empty() && index.coming.begin()->first <= timeline_.now()) {
    const auto first = index.coming.begin();
    auto& [key, row] = first->second;
    if (const auto it = index.late_at.find(key); it != index.late_at.end()) {
      index.late.erase(it->second);
      index.late_at.erase(it);
    }
    if (row) {
      const RowKey at = row_key(index, *row);
      index.late_at[key] = at;
      index.late[at] = std::move(*row);
    }
    const auto latest = index.latest.find(key);
    if (latest != index.latest.end() && latest->second <= first->first) index.latest.erase(latest);
    index.coming.erase(first);
  }
}

Reply DynamoService::query(const json::object& request, bool late) {
  check_fields(request,
               {"TableName", "IndexName", "KeyConditionExpression", "FilterExpression",
                "ProjectionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues",
                "ConsistentRead", "Limit", "ExclusiveStartKey", "ScanIndexForward"});
  Table& table = table_of(request);
  Index* index = nullptr;
  if (const json::value* const name = request.if_contains("IndexName")) {
    const auto it = std::find_if(table.indexes.begin(), table.indexes.end(),
                                 [&](const Index& one) { return one.name == name->as_string(); });
    RHOOKS_CHECK(it != table.indexes.end());
    index = &*it;
    show(*index);
  }
  RHOOKS_CHECK(is_true(request, "ConsistentRead", false) == (index == nullptr));
  const Rows& rows = !index ? table.rows : late ? index->late : index->rows;
  const std::string partition_name = index ? index->partition : "ns";
  const std::string sort_name = index ? index->sort : "id";

  std::set<std::string> used;
  const Expression keys(request, "KeyConditionExpression", used);
  const Expression filter(request, "FilterExpression", used);
  const Expression projection(request, "ProjectionExpression", used);
  check_all_used(request, used);
  RHOOKS_CHECK(!filter.speaks_of(partition_name) && !filter.speaks_of(sort_name));
  const KeyPart partition = key_part(Item{{"is", keys.equal_to(partition_name)}}, "is");
  const std::int64_t limit =
      request.contains("Limit") ? request.at("Limit").to_number<std::int64_t>() : 1'000'000;
  RHOOKS_CHECK(limit >= 1);

  // [from, to): the rows of the range, without those up to the start key.
  const bool forward = is_true(request, "ScanIndexForward", true);
  const auto bound = [&](const json::value* value) { return key_part(Item{{"is", *value}}, "is"); };
  const json::value* const least = keys.least(sort_name);
  const json::value* const most = keys.most(sort_name);
  const RowKey first = least ? RowKey{partition, bound(least)} : RowKey{partition};
  const RowKey end =
      most ? RowKey{partition, next_part(bound(most))} : RowKey{next_part(partition)};
  RHOOKS_CHECK(first < end);
  auto from = rows.lower_bound(first);
  auto to = rows.lower_bound(end);
  if (const json::value* const start = request.if_contains("ExclusiveStartKey")) {
    const Item& item = start->as_object();
    const RowKey key = index ? row_key(*index, item) : row_key(item);
    RHOOKS_CHECK(first <= key && key < end);
    (forward ? from : to) = forward ? rows.upper_bound(key) : rows.lower_bound(key);
  }

  Reply reply;
  json::array items;
  std::int64_t scanned = 0;
  std::size_t bytes = 0;
  while (from != to) {
    const auto row = forward ? from++ : --to;
    if (!keys.holds(row->second)) continue;
    ++scanned;
    bytes += item_bytes(row->second);
    if (filter.holds(row->second)) items.emplace_back(projection.projected(row->second));
    if (scanned == limit || bytes >= kPageBytes) {
      reply.body["LastEvaluatedKey"] = only(row->second, {"ns", "id", partition_name, sort_name});
      break;
    }
  }
  reply.body["Count"] = static_cast<std::int64_t>(items.size());
  reply.body["ScannedCount"] = scanned;
  reply.body["Items"] = std::move(items);
  return reply;
}

std::size_t DynamoService::done_of(std::size_t items, double partial) {
  if (items < 2 || partial <= 0 || !timeline_.dice().chance(partial)) return items;
  return 1 + timeline_.dice().below(items - 1);
}

Reply DynamoService::batch_get(const json::object& request, double partial) {
  check_fields(request, {"RequestItems"});
  const json::object& tables = request.at("RequestItems").as_object();
  RHOOKS_CHECK(tables.size() == 1);
  const Rows& rows = table_named(tables.begin()->key()).rows;
  const json::object& wanted = tables.begin()->value().as_object();
  check_fields(wanted, {"Keys", "ConsistentRead"});
  RHOOKS_CHECK(wanted.at("ConsistentRead").as_bool());
  const json::array& keys = wanted.at("Keys").as_array();
  RHOOKS_CHECK(!keys.empty() && keys.size() <= kBatchGetMax);

  std::set<RowKey> seen;
  for (const json::value& key : keys) RHOOKS_CHECK(seen.insert(row_key(key.as_object())).second);
  const std::size_t done = done_of(keys.size(), partial);
  json::array found;
  json::array rest;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto it = rows.find(row_key(keys[i].as_object()));
    const std::size_t more = it == rows.end() ? 0 : item_bytes(it->second);
    if (i >= done || bytes + more > kBatchBytes) {
      rest.push_back(keys[i]);
    } else if (it != rows.end()) {
      bytes += more;
      found.emplace_back(it->second);
    }
  }
  Reply reply;
  reply.body["Responses"] = json::object{{tables.begin()->key(), std::move(found)}};
  json::object unprocessed;
  if (!rest.empty()) {
    unprocessed[tables.begin()->key()] =
        json::object{{"Keys", std::move(rest)}, {"ConsistentRead", true}};
  }
  reply.body["UnprocessedKeys"] = std::move(unprocessed);
  return reply;
}

Reply DynamoService::batch_write(const Call& call, double partial) {
  check_fields(call.body, {"RequestItems"});
  const json::object& tables = call.body.at("RequestItems").as_object();
  RHOOKS_CHECK(tables.size() == 1);
  Table& table = table_named(tables.begin()->key());
  const json::array& requests = tables.begin()->value().as_array();
  RHOOKS_CHECK(!requests.empty() && requests.size() <= kBatchWriteMax);

  std::vector<std::pair<RowKey, std::optional<Item>>> writes;
  std::set<RowKey> seen;
  for (const json::value& value : requests) {
    const json::object& request = value.as_object();
    RHOOKS_CHECK(request.size() == 1);
    const bool put = request.contains("PutRequest");
    const Item& named = put ? request.at("PutRequest").as_object().at("Item").as_object()
                            : request.at("DeleteRequest").as_object().at("Key").as_object();
    writes.emplace_back(row_key(named), put ? std::optional(named) : std::nullopt);
    RHOOKS_CHECK(seen.insert(writes.back().first).second);
  }
  // Which ones are left is as the service likes.
  const std::size_t done = done_of(requests.size(), partial);
  const std::size_t first = done < writes.size() ? timeline_.dice().below(writes.size()) : 0;
  json::array rest;
  for (std::size_t n = 0; n < writes.size(); ++n) {
    const std::size_t i = (first + n) % writes.size();
    if (n >= done) {
      rest.push_back(requests[i]);
    } else {
      write(call, table, writes[i].first, std::move(writes[i].second));
    }
  }
  Reply reply;
  json::object unprocessed;
  if (!rest.empty()) unprocessed[tables.begin()->key()] = std::move(rest);
  reply.body["UnprocessedItems"] = std::move(unprocessed);
  return reply;
}

}  // namespace rhooks::simulator
