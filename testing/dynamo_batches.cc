// The batch operations of DynamoOperations.

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <set>
#include <utility>

#include "testing/dynamo_answers.h"
#include "testing/dynamo_operations.h"

namespace rhooks::testing {
namespace {

namespace json = boost::json;

const json::object* requests_of(const json::object& body) {
  const json::value* items = body.if_contains("RequestItems");
  return items ? items->if_object() : nullptr;
}

}  // namespace

struct DynamoOperations::Batch {
  struct One {
    TablePtr table;
    json::object key;
    std::string lock;
    std::optional<json::object> before;
    std::optional<json::object> after;
  };

  json::object body;
  Done done;
  std::string wanted_capacity;
  std::vector<std::string> tables;
  std::vector<One> writes;  // in the order of their locks
};

void DynamoOperations::write_batch(json::object body, Done done) {
  auto batch = std::make_shared<Batch>();
  batch->wanted_capacity = text_of(body, "ReturnConsumedCapacity", "NONE");
  batch->done = std::move(done);
  if (const json::object* requests = requests_of(body)) {
    for (const auto& [table, list] : *requests) batch->tables.emplace_back(table);
  }
  batch->body = std::move(body);
  prepare_batch(batch, 0);
}

// Collects the writes, table by table. What is wrong with them the emulator will say.
void DynamoOperations::prepare_batch(std::shared_ptr<Batch> batch, std::size_t at) {
  if (at == batch->tables.size()) {
    std::sort(batch->writes.begin(), batch->writes.end(),
              [](const auto& a, const auto& b) { return a.lock < b.lock; });
    const bool twice = std::adjacent_find(batch->writes.begin(), batch->writes.end(),
                                          [](const auto& a, const auto& b) {
                                            return a.lock == b.lock;
                                          }) != batch->writes.end();
    if (twice || batch->writes.empty()) return pass("BatchWriteItem", batch->body, batch->done);
    return lock_batch(batch, 0);
  }
  with_table(batch->tables[at], [this, batch, at](TablePtr table) {
    const json::value& list = batch->body.at("RequestItems").at(batch->tables[at]);
    if (!table || !list.is_array()) return pass("BatchWriteItem", batch->body, batch->done);
    for (const json::value& entry : list.as_array()) {
      json::object request = entry.is_object() ? entry.as_object() : json::object();
      auto put = take_object(request, "PutRequest");
      auto remove = take_object(request, "DeleteRequest");
      Batch::One one;
      one.table = table;
      if (put) one.after = take_object(*put, "Item");
      if (one.after) one.key = key_of(*table, *one.after);
      if (remove) one.key = take_object(*remove, "Key").value_or(json::object());
      if (remove) one.key = key_of(*table, one.key);
      if (one.key.empty()) return pass("BatchWriteItem", batch->body, batch->done);
      one.lock = table->name + json::serialize(one.key);
      batch->writes.push_back(std::move(one));
    }
    lag_.before_write(table->name, [this, batch, at] { prepare_batch(batch, at + 1); });
  });
}

void DynamoOperations::lock_batch(std::shared_ptr<Batch> batch, std::size_t at) {
  if (at == batch->writes.size()) return forward_batch(batch);
  lock(batch->writes[at].lock, [this, batch, at] { lock_batch(batch, at + 1); });
}

void DynamoOperations::forward_batch(std::shared_ptr<Batch> batch) {
  json::object wanted;
  for (const Batch::One& one : batch->writes) {
    json::object& table =
        wanted.emplace(one.table->name, json::object()).first->value().as_object();
    table["ConsistentRead"] = true;
    table.emplace("Keys", json::array()).first->value().as_array().push_back(one.key);
  }
  read_before(batch, std::move(wanted));
}

// The emulator gives about one megabyte at once, and names the rest.
void DynamoOperations::read_before(std::shared_ptr<Batch> batch, json::object wanted) {
  upstream_.call("BatchGetItem", {{"RequestItems", std::move(wanted)}},
                 [this, batch](DynamoAnswer found) {
                   if (!found.ok()) return finish_batch(batch, std::move(found));
                   for (Batch::One& one : batch->writes) {
                     const json::value* items =
                         found.body.at("Responses").as_object().if_contains(one.table->name);
                     if (!items) continue;
                     for (const json::value& item : items->as_array()) {
                       if (key_of(*one.table, item.as_object()) == one.key) {
                         one.before = item.as_object();
                       }
                     }
                   }
                   auto rest = take_object(found.body, "UnprocessedKeys");
                   if (rest && !rest->empty()) return read_before(batch, std::move(*rest));
                   json::object body = batch->body;
                   body.erase("ReturnConsumedCapacity");
                   upstream_.call("BatchWriteItem", body, [this, batch](DynamoAnswer answer) {
                     finish_batch(batch, std::move(answer));
                   });
                 });
}

void DynamoOperations::finish_batch(const std::shared_ptr<Batch>& batch, DynamoAnswer answer) {
  if (answer.ok()) {
    std::map<std::string, WriteCost> costs;
    for (const Batch::One& one : batch->writes) {
      const json::object* before = one.before ? &*one.before : nullptr;
      const json::object* after = one.after ? &*one.after : nullptr;
      const WriteCost cost = write_cost(*one.table, before, after);
      WriteCost& sum = costs[one.table->name];
      sum.table += cost.table;
      for (const auto& [name, units] : cost.indexes) sum.indexes[name] += units;
      lag_.applied(*one.table, one.key, after);
    }
    json::array consumed;
    for (const auto& [table, cost] : costs) {
      events_.cost("BatchWriteItem", table, as_cost(cost));
      consumed.push_back(consumed_capacity(table, cost, batch->wanted_capacity));
    }
    if (batch->wanted_capacity != "NONE") answer.body["ConsumedCapacity"] = std::move(consumed);
  }
  for (const Batch::One& one : batch->writes) unlock(one.lock);
  batch->done(std::move(answer));
}

json::object DynamoOperations::take_unprocessed(const std::string& operation, json::object& body,
                                                std::size_t* taken) {
  *taken = 0;
  if (!requests_of(body)) return {};
  const bool reads = operation == "BatchGetItem";
  // The list of requests of one table.
  const auto list_of = [reads](json::value& requests) -> json::array* {
    json::value* list = &requests;
    if (reads) list = requests.is_object() ? requests.as_object().if_contains("Keys") : nullptr;
    return list ? list->if_array() : nullptr;
  };
  json::object& tables = body.at("RequestItems").as_object();
  std::size_t total = 0;
  for (auto& table : tables) {
    if (const json::array* list = list_of(table.value())) total += list->size();
  }
  if (total < 2) return {};

  std::size_t left = std::uniform_int_distribution<std::size_t>(1, total - 1)(random_);
  *taken = left;
  json::object unprocessed;
  json::object kept;
  for (auto& table : tables) {
    json::array* const list = list_of(table.value());
    if (!list) return {};
    json::array mine;
    json::array rest;
    for (json::value& request : *list) {
      // Each of the `total` requests to come is as likely among the `left` ones.
      const bool take = std::uniform_int_distribution<std::size_t>(1, total--)(random_) <= left;
      if (take) --left;
      (take ? mine : rest).push_back(request);
    }
    const auto with = [&](json::array requests) -> json::value {
      if (!reads) return requests;
      json::object out = table.value().as_object();
      out["Keys"] = std::move(requests);
      return out;
    };
    if (!mine.empty()) unprocessed[table.key()] = with(std::move(mine));
    if (!rest.empty()) kept[table.key()] = with(std::move(rest));
  }
  tables = std::move(kept);
  return unprocessed;
}

}  // namespace rhooks::testing
