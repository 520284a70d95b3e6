#include "store/dynamo/describe.h"

#include "store/dynamo/table_shape.h"
#include "store/dynamo/time_to_live.h"

namespace rhooks::store::dynamo {

Result<Description> describe_tables(Client& client, const Tables& tables) {
  Description description;
  description.kind = "dynamodb";
  description.facts = {{"tasks table", tables.tasks}, {"logs table", tables.logs}};
  Description::Section all{
      .title = "Tables",
      .columns = {"table", "status", "keys", "items", "bytes", "billing", "time to live"}};
  Description::Section indexes{
      .title = "Indexes",
      .columns = {"table", "index", "status", "keys", "projection", "items", "bytes"}};

  for (const std::string& name : {tables.tasks, tables.logs}) {
    std::vector<Call> calls;
    calls.push_back({Operation::kDescribeTable, {{"TableName", name}}});
    calls.push_back({Operation::kDescribeTimeToLive, {{"TableName", name}}});
    const auto replies = client.call_all(std::move(calls));
    const auto& described = replies.at(0);
    if (!described) return fail(described.error());
    if (!described->ok()) {
      all.rows.push_back(
          {name, described->error == "ResourceNotFoundException" ? "missing" : described->error, "",
           "", "", "", ""});
      continue;
    }
    const TableShape table = read_table(described->body);
    all.rows.push_back({name, table.status, to_string(table.key), std::to_string(table.items),
                        std::to_string(table.bytes), table.billing,
                        time_to_live_text(replies.at(1))});
    for (const IndexShape& index : table.indexes) {
      indexes.rows.push_back({name, index.name, index.status, to_string(index.key),
                              projection_text(index), std::to_string(index.items),
                              std::to_string(index.bytes)});
    }
  }
  description.sections = {std::move(all), std::move(indexes)};
  return description;
}

}  // namespace rhooks::store::dynamo
