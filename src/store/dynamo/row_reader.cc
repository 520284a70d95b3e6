#include "store/dynamo/row_reader.h"

#include <algorithm>

#include "store/dynamo/items.h"
#include "store/dynamo/store_impl.h"

namespace rhooks::store::dynamo {

namespace json = boost::json;

KeyRange keys_with(const std::string& prefix, std::size_t bytes_max) {
  KeyRange range{.from = prefix, .to = {}};
  if (prefix.empty()) return range;
  // Nothing that begins with the prefix sorts after it and the last code point, again and again, up
  // to the longest key.
  std::string last = prefix;
  while (last.size() <= bytes_max) last += "\xf4\x8f\xbf\xbf";
  range.to = std::move(last);
  return range;
}

RowReader::RowReader(Client& client, Options options)
    : client_(client), options_(std::move(options)) {
  // A position narrows the range: a key condition takes one bound from each side.
  const auto& [from, to] = options_.range;
  const auto& after = options_.after;
  if (to && *to < from) ended_ = true;
  if (!after) return;
  if (options_.desc ? *after <= from : to && *after >= *to) ended_ = true;
}

json::object RowReader::request(std::size_t looked_at) const {
  std::string from = options_.range.from;
  std::optional<std::string> to = options_.range.to;
  if (options_.after && !options_.desc) from = std::max(from, *options_.after);
  if (options_.after && options_.desc) to = to ? std::min(*to, *options_.after) : *options_.after;

  std::string condition = "#pk = :pk";
  json::object values = options_.filter_values;
  json::object names{{"#pk", options_.partition_key}};
  values[":pk"] = text_value(options_.partition);
  // A key's value may not be empty.
  if (!from.empty() && to) {
    condition += " AND #sk BETWEEN :from AND :to";
  } else if (!from.empty()) {
    condition += " AND #sk >= :from";
  } else if (to) {
    condition += " AND #sk <= :to";
  }
  if (!from.empty()) values[":from"] = text_value(from);
  if (to) values[":to"] = text_value(*to);
  if (!from.empty() || to) names["#sk"] = options_.sort_key;

  json::object request{{"TableName", options_.table},
                       {"KeyConditionExpression", condition},
                       {"ExpressionAttributeNames", std::move(names)},
                       {"ExpressionAttributeValues", std::move(values)},
                       {"ScanIndexForward", !options_.desc},
                       // One more: the position itself is within the range.
                       {"Limit", looked_at + (options_.after ? 1 : 0)}};
  if (options_.index.empty()) {
    request["ConsistentRead"] = true;
  } else {
    request["IndexName"] = options_.index;
  }
  if (!options_.filter.empty()) request["FilterExpression"] = options_.filter;
  if (!start_key_.empty()) request["ExclusiveStartKey"] = start_key_;
  return request;
}

Result<std::vector<Item>> RowReader::next(std::size_t looked_at) {
  std::vector<Item> rows;
  if (ended_) return rows;
  auto answer = answer_of(client_.call({Operation::kQuery, request(looked_at)}), options_.table);
  if (!answer) return fail(std::move(answer.error()));
  if (const auto* const count = answer->if_contains("ScannedCount"); count && count->is_int64()) {
    looked_at_ += static_cast<std::size_t>(std::max<std::int64_t>(count->get_int64(), 0));
  }
  if (json::value* const items = answer->if_contains("Items"); items && items->is_array()) {
    for (json::value& value : items->get_array()) {
      if (!value.is_object()) continue;
      const auto sort_key = text_of(value.get_object(), options_.sort_key);
      if (!sort_key) continue;
      position_ = *sort_key;
      if (sort_key == options_.after) continue;
      rows.push_back(std::move(value.get_object()));
    }
  }
  start_key_ = start_key_after(*answer);
  ended_ = start_key_.empty();
  if (!ended_) position_ = text_of(start_key_, options_.sort_key);
  return rows;
}

}  // namespace rhooks::store::dynamo
