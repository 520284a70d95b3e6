#pragma once

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "store/dynamo/client_fixture.h"
#include "store/dynamo/table_shape.h"
#include "store/dynamo/tables.h"

namespace rhooks::store::dynamo {

// What the emulator does not do: tables that take their time, that are given indexes, and
// TimeToLive.
class ScriptedTablesFixture : public ClientFixture {
 protected:
  static std::string described(const TableShape& shape) {
    boost::json::object table = create_table_body(shape);
    table["TableStatus"] = shape.status;
    table["BillingModeSummary"] = boost::json::object{{"BillingMode", shape.billing}};
    boost::json::array& indexes = table["GlobalSecondaryIndexes"].as_array();
    for (std::size_t i = 0; i < indexes.size(); ++i) {
      indexes[i].as_object()["IndexStatus"] = shape.indexes[i].status;
    }
    return boost::json::serialize(boost::json::object{{"Table", std::move(table)}});
  }
  static TableShape with_status(TableShape shape, const std::string& status,
                                const std::string& index_status) {
    shape.status = status;
    shape.billing = kOnDemand;
    for (IndexShape& index : shape.indexes) index.status = index_status;
    return shape;
  }
  static std::string described(const TableShape& shape, const std::string& status,
                               const std::string& index_status) {
    return described(with_status(shape, status, index_status));
  }
  static TableShape shape_of(const TestRequest& request) {
    const Tables tables;
    const auto body = boost::json::parse(request.body).as_object();
    return body.at("TableName").as_string() == std::string_view(tables.tasks)
               ? tasks_shape(tables.tasks)
               : logs_shape(tables.logs);
  }
  int count(const std::string& operation) {
    int found = 0;
    for (const TestRequest& request : receiver_.requests()) {
      if (request.header("X-Amz-Target").ends_with("." + operation)) ++found;
    }
    return found;
  }
  // Answers by the operation's name; what has no answer here is done.
  void answer_by(std::map<std::string, std::function<TestResponse(const TestRequest&)>> answers) {
    always([answers = std::move(answers)](const TestRequest& request) {
      const std::string target = request.header("X-Amz-Target");
      const auto found = answers.find(target.substr(target.find('.') + 1));
      return found == answers.end() ? ok() : found->second(request);
    });
  }
  static TestResponse active(const TestRequest& request) {
    return ok(described(shape_of(request), "ACTIVE", "ACTIVE"));
  }
  static TestResponse ttl(const std::string& status, const std::string& attribute) {
    return ok(R"({"TimeToLiveDescription":{"TimeToLiveStatus":")" + status +
              R"(","AttributeName":")" + attribute + R"("}})");
  }
  Result<TablesReady> prepare(bool create = true) {
    TablesOptions options;
    options.create = create;
    options.poll_interval = std::chrono::milliseconds(1);
    options.active_timeout = timeout_;
    return prepare_tables(*client_, Tables(), options);
  }

  std::chrono::milliseconds timeout_{60'000};
};

}  // namespace rhooks::store::dynamo
