// The simulated service and the emulator of DynamoDB answer the same requests in the same way.

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "store/dynamo/items.h"
#include "store/dynamo/test_tables.h"
#include "testing/simulator/dynamo_service.h"
#include "testing/soak.h"

namespace rhooks::simulator {
namespace {

namespace json = boost::json;
using store::dynamo::Call;
using store::dynamo::Item;
using store::dynamo::key_item;
using store::dynamo::number_value;
using store::dynamo::Operation;
using store::dynamo::Reply;
using store::dynamo::text_value;

// Requests of the shapes that the store sends, on few keys, so that they meet.
class Requests {
 public:
  Requests(Dice& dice, const store::dynamo::Tables& tables) : dice_(dice), tables_(tables) {}

  Call next() {
    switch (dice_.below(12)) {
      case 0:
        return {Operation::kGetItem,
                {{"TableName", table()}, {"Key", key()}, {"ConsistentRead", true}}};
      case 1:
      case 2:
        return put();
      case 3:
      case 4:
        return update();
      case 5:
        return remove();
      case 6:
        return batch_get();
      case 7:
        return batch_write();
      default:
        return query();
    }
  }

 private:
  std::string pick(std::initializer_list<const char*> of) {
    return *(of.begin() + dice_.below(of.size()));
  }
  std::string ns() {
    return pick({"a", "b", "ab",
                 "\x1f"
                 "c"});
  }
  std::string id() { return pick({"1", "2", "20", "3", "\xc3\xa9", "x#1", "z"}); }
  Item key() { return key_item(ns(), id()); }
  bool in_tasks() { return dice_.chance(0.8); }
  std::string table() { return in_tasks() ? tables_.tasks : tables_.logs; }
  json::object number() { return number_value(dice_.between(-3, 12)); }
  // So rarely the same that the order among equals, which no service promises, does not matter.
  json::object due() { return number_value(dice_.between(0, 1'000'000'000'000)); }
  json::object bytes() {
    return store::dynamo::bytes_value(pick({"one", "two", "a\xff", "\x01", "three"}));
  }

  Item task(Item item) {
    item["sd"] =
        text_value(pick({"2026", "2027", "2028"}) + "#" + *store::dynamo::text_of(item, "id"));
    if (dice_.chance(0.9)) item["sh"] = number_value(dice_.between(0, 2));
    if (dice_.chance(0.7)) item["due"] = due();
    if (dice_.chance(0.5)) item["lu"] = number();
    if (dice_.chance(0.9)) item["rev"] = bytes();
    item["st"] = text_value(pick({"ACTIVE", "DONE"}));
    if (dice_.chance(0.06)) item["sp"] = text_value(std::string(300'000, 'x'));
    return item;
  }
  Item log(Item item) {
    if (dice_.chance(0.5)) item["fl"] = item.at("ns");
    item["tk"] = text_value(id());
    return item;
  }

  Call put() {
    const bool tasks = in_tasks();
    Call call{Operation::kPutItem,
              {{"TableName", tasks ? tables_.tasks : tables_.logs},
               {"Item", tasks ? task(key()) : log(key())}}};
    if (dice_.chance(0.6)) {
      call.body["ConditionExpression"] = "attribute_not_exists(id)";
    } else if (dice_.chance(0.3)) {
      call.body["ConditionExpression"] = "attribute_not_exists(rev)";
    } else if (dice_.chance(0.3)) {
      call.body["ConditionExpression"] = "rev = :seen";
      call.body["ExpressionAttributeValues"] = json::object{{":seen", bytes()}};
    }
    call.body["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD";
    return call;
  }

  Call update() {
    json::object names, values;
    const auto value = [&](const std::string& name, json::object is) {
      values[":" + name] = std::move(is);
      return ":" + name;
    };
    const auto name = [&](const std::string& of) {
      names["#" + of] = of;
      return "#" + of;
    };
    std::string expression = "SET " + name("rev") + " = " + value("rev", bytes());
    if (dice_.chance(0.5)) expression += ", " + name("lu") + " = " + value("lu", number());
    if (dice_.chance(0.3)) expression += ", " + name("due") + " = " + value("due", due());
    if (dice_.chance(0.3)) expression += ", st = " + value("st", text_value("DONE"));
    std::string removes;
    for (const char* const one : {"lu", "due", "sp"}) {
      if (values.contains(std::string(":") + one) || dice_.chance(0.7)) continue;
      removes += (removes.empty() ? " REMOVE " : ", ") + name(one);
    }
    std::string condition;
    switch (dice_.below(9)) {
      case 0:  // a claim, of what is there
        condition = "due >= " + value("seen", number()) + " AND attribute_not_exists(lu) OR " +
                    name("due") + " >= :seen AND " + name("lu") + " <= " + value("now", number()) +
                    " OR rev = :rev";
        break;
      case 1:  // the same, differently said
        condition = name("due") + " >= " + value("seen", number()) + " AND (attribute_not_exists(" +
                    name("lu") + ") OR " + name("lu") + " <= " + value("now", number()) + " OR " +
                    name("rev") + " = :rev)";
        break;
      case 2:
        condition = name("rev") + " = " + value("token", bytes());
        break;
      case 3:
        condition = "attribute_not_exists(" + name("lu") + ")";
        break;
      case 4:
        condition = name("lu") + " = " + value("epoch", number()) + " AND " + name("rev") + " = " +
                    value("owner", bytes());
        break;
      case 5:
        condition = "attribute_exists(ns) OR lu < " + value("most", number()) + " AND lu > " +
                    value("least", number());
        break;
      case 6:
        condition = "rev > " + value("least", bytes()) + " AND lu BETWEEN " +
                    value("from", number_value(0)) + " AND " + value("to", number_value(5));
        break;
      case 7:  // of another type
        condition = "lu = " + value("text", text_value("2")) + " OR begins_with(st, " +
                    value("begin", text_value("ACT")) + ")";
        break;
      default:
        break;
    }
    Call call{Operation::kUpdateItem,
              {{"TableName", tables_.tasks},
               {"Key", key()},
               {"UpdateExpression", expression + removes},
               {"ExpressionAttributeNames", std::move(names)},
               {"ExpressionAttributeValues", std::move(values)}}};
    if (!condition.empty()) call.body["ConditionExpression"] = condition;
    if (dice_.chance(0.5)) call.body["ReturnValues"] = "ALL_NEW";
    return call;
  }

  Call remove() {
    Call call{Operation::kDeleteItem, {{"TableName", table()}, {"Key", key()}}};
    if (dice_.chance(0.3)) {
      call.body["ConditionExpression"] = "attribute_not_exists(rev)";
    } else if (dice_.chance(0.5)) {
      call.body["ConditionExpression"] = "rev = :rev";
      call.body["ExpressionAttributeValues"] = json::object{{":rev", bytes()}};
    }
    return call;
  }

  // Without one twice.
  std::vector<Item> keys(std::size_t most) {
    std::map<TaskKey, Item> some;
    for (std::size_t n = 1 + dice_.below(most); n > 0; --n) {
      const Item one = key();
      some.emplace(store::dynamo::key_of(one), one);
    }
    std::vector<Item> keys;
    for (const auto& [of, one] : some) keys.push_back(one);
    return keys;
  }
  Call batch_get() {
    json::array wanted;
    for (const Item& one : keys(10)) wanted.emplace_back(one);
    json::object tables;
    tables[table()] = json::object{{"Keys", std::move(wanted)}, {"ConsistentRead", true}};
    return {Operation::kBatchGetItem, {{"RequestItems", std::move(tables)}}};
  }
  Call batch_write() {
    const bool tasks = in_tasks();
    json::array requests;
    for (const Item& one : keys(6)) {
      Item item = tasks ? task(one) : log(one);
      requests.emplace_back(
          dice_.chance(0.7) ? json::object{{"PutRequest", json::object{{"Item", std::move(item)}}}}
                            : json::object{{"DeleteRequest", json::object{{"Key", one}}}});
    }
    json::object tables;
    tables[tasks ? tables_.tasks : tables_.logs] = std::move(requests);
    return {Operation::kBatchWriteItem, {{"RequestItems", std::move(tables)}}};
  }

  Call query() {
    json::object body, values, names;
    std::string condition;
    std::pair<json::object, json::object> range{text_value(id()), text_value(id())};
    std::string sort = "id";
    if (dice_.chance(0.4)) {  // a table
      body["TableName"] = table();
      body["ConsistentRead"] = true;
      condition = "ns = :pk";
      values[":pk"] = text_value(ns());
    } else if (dice_.chance(0.4)) {
      body = {{"TableName", tables_.tasks}, {"IndexName", "due"}};
      condition = "sh = :pk";
      values[":pk"] = number_value(dice_.between(0, 3));
      range = {due(), due()};
      sort = "due";
    } else if (dice_.chance(0.5)) {
      body = {{"TableName", tables_.tasks}, {"IndexName", "nsd"}};
      condition = "#pk = :pk";
      names["#pk"] = "ns";
      values[":pk"] = text_value(ns());
      range = {text_value(pick({"2026", "2026#2", "2027"})), text_value(pick({"2027", "2028#3"}))};
      sort = "sd";
    } else {
      body = {{"TableName", tables_.logs}, {"IndexName", "fail"}};
      condition = "fl = :pk";
      values[":pk"] = text_value(ns());
    }
    if (sort == "id" ? store::dynamo::text_of({{"v", range.second}}, "v") <
                           store::dynamo::text_of({{"v", range.first}}, "v")
                     : store::dynamo::number_of({{"v", range.second}}, "v") <
                           store::dynamo::number_of({{"v", range.first}}, "v")) {
      std::swap(range.first, range.second);
    }
    const std::size_t bounds = dice_.below(4);
    if (bounds != 0) names["#sk"] = sort;
    if (bounds == 1) condition += " AND #sk BETWEEN :from AND :to";
    if (bounds == 2) condition += " AND #sk >= :from";
    if (bounds == 3) condition += " AND #sk <= :to";
    if (bounds == 1 || bounds == 2) values[":from"] = range.first;
    if (bounds == 1 || bounds == 3) values[":to"] = range.second;
    if (dice_.chance(0.3) && body.at("TableName") == json::value(tables_.tasks)) {
      const bool one = dice_.chance(0.5);
      body["FilterExpression"] = one ? "st = :st" : "st = :st OR st = :su";
      values[":st"] = text_value("ACTIVE");
      if (!one) values[":su"] = text_value("SUSPENDED");
    } else if (dice_.chance(0.2) && !body.contains("IndexName") &&
               body.at("TableName") == json::value(tables_.logs)) {
      body["FilterExpression"] = "tk = :tk AND attribute_not_exists(fl)";
      values[":tk"] = text_value(id());
    }
    if (dice_.chance(0.2)) body["ProjectionExpression"] = "ns, id";
    if (dice_.chance(0.4)) body["ScanIndexForward"] = false;
    if (dice_.chance(0.7)) body["Limit"] = dice_.between(1, 4);
    body["KeyConditionExpression"] = condition;
    if (!names.empty()) body["ExpressionAttributeNames"] = std::move(names);
    body["ExpressionAttributeValues"] = std::move(values);
    return {Operation::kQuery, std::move(body)};
  }

  Dice& dice_;
  const store::dynamo::Tables tables_;
};

// What both have to say in the same way.
std::string said(Reply reply) {
  for (const char* const own : {"ConsumedCapacity", "message", "__type"}) reply.body.erase(own);
  if (!reply.ok()) reply.body.clear();  // the emulator does not give the item
  if (auto* const tables = reply.body.if_contains("Responses")) {
    for (auto& table : tables->as_object()) {  // in any order
      auto& items = table.value().as_array();
      std::sort(items.begin(), items.end(), [](const json::value& a, const json::value& b) {
        return store::dynamo::key_of(a.as_object()) < store::dynamo::key_of(b.as_object());
      });
    }
  }
  // Objects have no order either.
  const auto sorted = [](const auto& self, const json::value& value) -> json::value {
    if (const auto* const array = value.if_array()) {
      json::array out;
      for (const auto& one : *array) out.push_back(self(self, one));
      return out;
    }
    const auto* const object = value.if_object();
    if (!object) return value;
    std::map<std::string, json::value> members;
    for (const auto& one : *object) members[std::string(one.key())] = self(self, one.value());
    json::object out;
    for (auto& [name, one] : members) out[name] = std::move(one);
    return out;
  };
  return reply.error + " " + json::serialize(sorted(sorted, reply.body));
}

std::string shortened(const std::string& text) {
  return text.size() < 2'000 ? text : text.substr(0, 2'000) + "…";
}

class Emulated {
 public:
  Emulated() : store_(tables_.open()) {
    auto made = store::dynamo::Client::create(tables_.client_options(), credentials_,
                                              tables_.metrics(), clock_, random_);
    EXPECT_TRUE(made);
    client_ = std::move(*made);
  }
  const store::dynamo::Tables& names() const { return tables_.names(); }
  Result<Reply> run(const Call& call) { return client_->call(call); }

 private:
  testing::TestTables tables_;
  std::unique_ptr<store::Store> store_;  // which made them
  testing::TestCredentials credentials_;
  SystemClock clock_;
  Random random_;
  std::unique_ptr<store::dynamo::Client> client_;
};

TEST(SimulatedDynamoTest, AnswersAsTheEmulatorDoes) {
  testing::Soak soak("dynamodb against its emulator", 1);
  while (soak.more()) {
    Emulated emulated;
    Timeline timeline(soak.seed());
    DynamoService service(timeline, {.tables = emulated.names()});
    Requests requests(timeline.dice(), emulated.names());
    const auto same = [&](const Call& call) -> std::optional<Reply> {
      const auto expected = emulated.run(call);
      EXPECT_TRUE(expected) << expected.error().message << "\n"
                            << shortened(json::serialize(call.body));
      if (!expected) return {};
      const Reply answer = service.run(call, {});
      EXPECT_EQ(shortened(said(answer)), shortened(said(*expected)))
          << to_string(call.operation) << " " << shortened(json::serialize(call.body));
      return ::testing::Test::HasFailure() ? std::nullopt : std::optional(answer);
    };
    std::size_t pages = 0, refused = 0, found = 0;
    for (int i = 0; i < 1'500; ++i) {
      Call call = requests.next();
      auto answer = same(call);
      ASSERT_TRUE(answer);
      if (answer->condition_failed()) ++refused;
      if (const auto* const items = answer->body.if_contains("Items")) {
        found += items->as_array().size();
      }
      while (const auto* const last = answer->body.if_contains("LastEvaluatedKey")) {
        call.body["ExclusiveStartKey"] = *last;
        answer = same(call);
        ASSERT_TRUE(answer);
        ++pages;
      }
    }
    EXPECT_GT(pages, 100u);
    EXPECT_GT(refused, 50u);
    EXPECT_GT(found, 500u);
  }
}

}  // namespace
}  // namespace rhooks::simulator
