#include "testing/dynamo_operations.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <utility>

#include "testing/dynamo_answers.h"

namespace rhooks::testing {
namespace {

namespace json = boost::json;

bool is_write(const std::string& operation) {
  return operation == "PutItem" || operation == "UpdateItem" || operation == "DeleteItem";
}

bool is_read(const std::string& operation) {
  return operation == "GetItem" || operation == "BatchGetItem" || operation == "Query" ||
         operation == "Scan";
}

// Sets what the emulator counted right where it is less than a read costs at least, and leaves
// what the caller asked for.
DynamoCost settle_read_capacity(json::object& capacity, const json::object& request,
                                const std::string& wanted) {
  DynamoCost cost;
  const json::value* consistent = request.if_contains("ConsistentRead");
  const double least = consistent && *consistent == true ? 1 : 0.5;
  cost.rcu = std::max(least, capacity.at("CapacityUnits").to_number<double>());
  capacity["CapacityUnits"] = cost.rcu;
  if (wanted == "TOTAL") {
    capacity.erase("Table");
    capacity.erase("GlobalSecondaryIndexes");
  }
  return cost;
}

}  // namespace

struct DynamoOperations::Write {
  std::string operation;
  TablePtr table;
  json::object body;
  std::string wanted_values;    // ReturnValues, as the caller asked
  std::string wanted_capacity;  // ReturnConsumedCapacity
  bool wants_failed_item = false;
  json::object key;
  std::string lock;
  std::optional<json::object> before;
  std::optional<json::object> after;
  Done done;
};

DynamoOperations::DynamoOperations(boost::asio::io_context& io, const std::string& emulator,
                                   std::uint64_t seed, Events events)
    : upstream_(io, emulator),
      lag_(io, upstream_, seed + 1),
      random_(seed + 2),
      events_(std::move(events)) {}

void DynamoOperations::run(const std::string& operation, json::object body, Done done) {
  if (operation.ends_with("TimeToLive")) return time_to_live(operation, body, std::move(done));
  if (is_write(operation)) return write(operation, std::move(body), std::move(done));
  if (operation == "BatchWriteItem") return write_batch(std::move(body), std::move(done));
  if (is_read(operation)) return read(operation, std::move(body), std::move(done));
  if (operation == "DeleteTable") ttl_attributes_.erase(text_of(body, "TableName"));
  if (operation.ends_with("Table") && operation != "DescribeTable") {
    tables_.erase(text_of(body, "TableName"));
  }
  pass(operation, body, std::move(done));
}

void DynamoOperations::pass(const std::string& operation, const json::object& body, Done done) {
  upstream_.call(operation, body, std::move(done));
}

void DynamoOperations::with_table(const std::string& name, std::function<void(TablePtr)> then) {
  if (const auto known = tables_.find(name); known != tables_.end()) return then(known->second);
  upstream_.call("DescribeTable", {{"TableName", name}},
                 [this, name, then = std::move(then)](const DynamoAnswer& answer) {
                   if (!answer.ok()) return then(nullptr);
                   auto table = std::make_shared<const DynamoTable>(
                       table_of(answer.body.at("Table").as_object()));
                   tables_[name] = table;
                   then(table);
                 });
}

void DynamoOperations::lock(const std::string& key, std::function<void()> then) {
  const auto [entry, first] = locks_.try_emplace(key);
  if (first) return then();
  entry->second.push_back(std::move(then));
}

void DynamoOperations::unlock(const std::string& key) {
  const auto entry = locks_.find(key);
  if (entry->second.empty()) {
    locks_.erase(entry);
    return;
  }
  const auto next = std::move(entry->second.front());
  entry->second.pop_front();
  next();
}

void DynamoOperations::read_item(const std::string& table, const json::object& key, Done done) {
  upstream_.call("GetItem", {{"TableName", table}, {"Key", key}, {"ConsistentRead", true}},
                 std::move(done));
}

void DynamoOperations::read(const std::string& operation, json::object body, Done done) {
  if (body.contains("IndexName")) return index_query(operation, std::move(body), std::move(done));
  const std::string wanted = text_of(body, "ReturnConsumedCapacity", "NONE");
  body["ReturnConsumedCapacity"] = "INDEXES";
  upstream_.call(operation, body,
                 [this, operation, body, wanted, done = std::move(done)](DynamoAnswer answer) {
                   if (!answer.ok()) return done(std::move(answer));
                   json::value& consumed = answer.body["ConsumedCapacity"];
                   if (json::array* const tables = consumed.if_array()) {
                     for (json::value& one : *tables) {
                       const std::string table = text_of(one.as_object(), "TableName");
                       const json::object& request = body.at("RequestItems").at(table).as_object();
                       const DynamoCost cost =
                           settle_read_capacity(one.as_object(), request, wanted);
                       events_.cost(operation, table, cost);
                     }
                   } else {
                     events_.cost(operation, text_of(body, "TableName"),
                                  settle_read_capacity(consumed.as_object(), body, wanted));
                   }
                   if (wanted == "NONE") answer.body.erase("ConsumedCapacity");
                   done(std::move(answer));
                 });
}

void DynamoOperations::index_query(const std::string& operation, json::object body, Done done) {
  const std::string table = text_of(body, "TableName");
  lag_.index_table(table, [this, operation, table, body = std::move(body), done = std::move(done)](
                              const std::string& source, bool behind) mutable {
    if (behind) events_.stale_query();
    const std::string wanted = text_of(body, "ReturnConsumedCapacity", "NONE");
    body["TableName"] = source;
    body["ReturnConsumedCapacity"] = "INDEXES";
    upstream_.call(operation, body,
                   [this, operation, table, body, wanted, done](DynamoAnswer answer) {
                     if (!answer.ok()) return done(std::move(answer));
                     json::object& consumed = answer.body["ConsumedCapacity"].as_object();
                     consumed["TableName"] = table;
                     events_.cost(operation, table, settle_read_capacity(consumed, body, wanted));
                     if (wanted == "NONE") answer.body.erase("ConsumedCapacity");
                     done(std::move(answer));
                   });
  });
}

// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html
void DynamoOperations::time_to_live(const std::string& operation, const json::object& body,
                                    Done done) {
  const std::string name = text_of(body, "TableName");
  upstream_.call(
      "DescribeTable", {{"TableName", name}},
      [this, name, operation, body, done = std::move(done)](DynamoAnswer table) {
        if (!table.ok()) return done(std::move(table));
        const auto on = ttl_attributes_.find(name);
        if (operation == "DescribeTimeToLive") {
          json::object description{{"TimeToLiveStatus", "DISABLED"}};
          if (on != ttl_attributes_.end()) {
            description = {{"TimeToLiveStatus", "ENABLED"}, {"AttributeName", on->second}};
          }
          return done({200, {{"TimeToLiveDescription", std::move(description)}}});
        }
        const json::value* given = body.if_contains("TimeToLiveSpecification");
        const json::object* wanted = given ? given->if_object() : nullptr;
        if (!wanted || !wanted->contains("Enabled") || text_of(*wanted, "AttributeName").empty()) {
          return done(validation_error("TimeToLiveSpecification is not complete"));
        }
        const bool enable = wanted->at("Enabled") == true;
        const std::string attribute = text_of(*wanted, "AttributeName");
        if (enable == (on != ttl_attributes_.end())) {
          return done(validation_error(enable ? "TimeToLive is already enabled"
                                              : "TimeToLive is already disabled"));
        }
        if (enable) {
          ttl_attributes_[name] = attribute;
        } else {
          ttl_attributes_.erase(on);
        }
        done({200, {{"TimeToLiveSpecification", *wanted}}});
      });
}

void DynamoOperations::write(const std::string& operation, json::object body, Done done) {
  auto write = std::make_shared<Write>();
  write->operation = operation;
  write->done = std::move(done);
  write->wanted_values = text_of(body, "ReturnValues", "NONE");
  write->wanted_capacity = text_of(body, "ReturnConsumedCapacity", "NONE");
  write->wants_failed_item = text_of(body, "ReturnValuesOnConditionCheckFailure") == "ALL_OLD";
  const std::string table = text_of(body, "TableName");
  write->body = std::move(body);

  with_table(table, [this, write](TablePtr known) {
    const json::value* source =
        write->body.if_contains(write->operation == "PutItem" ? "Item" : "Key");
    const bool values_known = write->operation == "UpdateItem" || write->wanted_values == "NONE" ||
                              write->wanted_values == "ALL_OLD";
    if (known && source && source->is_object() && values_known) {
      write->key = key_of(*known, source->as_object());
    }
    // What is wrong with it the emulator will say.
    if (write->key.empty()) return pass(write->operation, write->body, write->done);
    write->table = known;
    write->lock = known->name + json::serialize(write->key);
    lag_.before_write(known->name, [this, write] {
      lock(write->lock, [this, write] {
        if (write->operation != "UpdateItem") return forward(write);
        read_item(write->table->name, write->key, [this, write](DynamoAnswer answer) {
          write->before = take_object(answer.body, "Item");
          forward(write);
        });
      });
    });
  });
}

// Asks for the image that is not known yet, whatever the caller asked for.
void DynamoOperations::forward(std::shared_ptr<Write> write) {
  json::object body = write->body;
  body.erase("ReturnConsumedCapacity");
  if (write->operation != "UpdateItem") {
    body["ReturnValues"] = "ALL_OLD";
  } else if (!write->wanted_values.starts_with("UPDATED_")) {
    body["ReturnValues"] = "ALL_NEW";
  }
  upstream_.call(write->operation, body, [this, write](DynamoAnswer answer) {
    const bool failed = answer.is_error("ConditionalCheckFailedException");
    const bool update = write->operation == "UpdateItem";
    if (answer.ok() && update && write->wanted_values.starts_with("UPDATED_")) {
      read_item(write->table->name, write->key,
                [this, write, answer = std::move(answer)](DynamoAnswer item) mutable {
                  write->after = take_object(item.body, "Item");
                  finish(write, std::move(answer));
                });
    } else if (failed && !update) {
      read_item(write->table->name, write->key,
                [this, write, answer = std::move(answer)](DynamoAnswer item) mutable {
                  write->before = take_object(item.body, "Item");
                  finish(write, std::move(answer));
                });
    } else {
      if (answer.ok()) conclude(write, answer);
      finish(write, std::move(answer));
    }
  });
}

// Before- and after-image from the answer.
void DynamoOperations::conclude(const std::shared_ptr<Write>& write, const DynamoAnswer& answer) {
  json::object body = answer.body;
  auto attributes = take_object(body, "Attributes");
  if (write->operation == "UpdateItem") {
    write->after = std::move(attributes);
    return;
  }
  write->before = std::move(attributes);
  if (write->operation == "PutItem") write->after = write->body.at("Item").as_object();
}

void DynamoOperations::finish(const std::shared_ptr<Write>& write, DynamoAnswer answer) {
  const json::object* before = write->before ? &*write->before : nullptr;
  const json::object* after = write->after ? &*write->after : nullptr;
  if (answer.ok()) {
    if (write->wanted_values == "NONE") answer.body.erase("Attributes");
    if (write->operation == "UpdateItem" && write->wanted_values == "ALL_OLD") {
      answer.body.erase("Attributes");
      if (before) answer.body["Attributes"] = *before;
    }
    const WriteCost cost = write_cost(*write->table, before, after);
    events_.cost(write->operation, write->table->name, as_cost(cost));
    if (write->wanted_capacity != "NONE") {
      answer.body["ConsumedCapacity"] =
          consumed_capacity(write->table->name, cost, write->wanted_capacity);
    }
    lag_.applied(*write->table, write->key, after);
  } else if (answer.is_error("ConditionalCheckFailedException")) {
    events_.cost(write->operation, write->table->name, as_cost(failed_condition_cost(before)));
    if (write->wants_failed_item && before) answer.body["Item"] = *before;
  }
  unlock(write->lock);
  write->done(std::move(answer));
}

}  // namespace rhooks::testing
