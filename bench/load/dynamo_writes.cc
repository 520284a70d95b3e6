#include "bench/load/dynamo_writes.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <future>
#include <stdexcept>

#include "bench/load/report.h"
#include "model/new_task.h"
#include "model/transitions.h"
#include "store/dynamo/items.h"
#include "store/dynamo/test_tables.h"
#include "testing/dynalite.h"
#include "testing/dynamo_upstream.h"

namespace rhooks::bench {
namespace {

namespace json = boost::json;
using namespace store::dynamo;

constexpr std::size_t kBatchWriteMax = 25;

// The requests of one delivery, made before the time is taken. What is written differs from
// task to task as little as in the store.
struct Writes {
  Call claim;
  json::object log;  // of a BatchWriteItem
  Call outcome;
};

class RawWrites {
 public:
  RawWrites(const Receiver& receiver, const Workload& workload, const std::string& endpoint)
      : workload_(workload), tables_(endpoint) {
    tables_.open();  // makes the tables
    auto client = Client::create(tables_.client_options(), credentials_, metrics_, clock_, random_);
    if (!client) throw std::runtime_error(client.error().message);
    client_ = std::move(*client);
    std::vector<json::object> tasks;
    const TimePoint now = clock_.now();
    for (std::size_t i = 0; i < workload.count; ++i) {
      auto record = model::make_record(webhook(receiver, workload, i), now, uuids_.v7(now));
      tasks.push_back(
          {{"PutRequest", json::object{{"Item", task_item(record, Uuid{}, kShardsDefault)}}}});
      writes_.push_back(writes_of(std::move(record), now));
    }
    // Not measured: to fill the table.
    write(tables_.names().tasks, std::move(tasks));
  }

  double rate() {
    const auto begin = std::chrono::steady_clock::now();
    auto other = std::async(std::launch::async, [this] { run(0, writes_.size() / 2); });
    run(writes_.size() / 2, writes_.size());
    other.get();
    return static_cast<double>(writes_.size()) / seconds_since(begin);
  }

 private:
  Writes writes_of(model::TaskRecord record, TimePoint now) {
    const Uuid token = uuids_.v7(now);
    const model::AttemptRules rules = model::rules_for(record.task, nullptr);
    model::AttemptOutcome outcome;
    outcome.sent = record.task.request;
    outcome.started_at = now;
    outcome.response = Response{.status = 200, .headers = {}, .body = "ok"};
    const Log log =
        model::make_log(record.task, outcome, now, uuids_.v7(now), std::chrono::hours{24}, rules);
    const json::object due = number_value(to_millis(model::place_of(record.task)));
    Item claimed{{":rev", uuid_value(token)},
                 {":lu", number_value(to_millis(now + std::chrono::minutes{1}))},
                 {":wl", uuid_value(token)},
                 {":seen", due}};
    Call claim = update(record.task.key, "SET rev = :rev, lu = :lu, wl = :wl",
                        "attribute_not_exists(lu) AND due = :seen", std::move(claimed));
    claim.body["ReturnValues"] = "ALL_NEW";

    record.task = model::apply_outcome(std::move(record.task), outcome, now, {}, rules, 0);
    record.last_token = token;
    Item state;
    set_state(state, record, uuids_.v7(now));
    Item values{{":seen", uuid_value(token)}};
    std::string expression;
    for (const auto& attribute : state) {
      const std::string name(attribute.key());
      expression += (expression.empty() ? "SET " : ", ") + name + " = :" + name;
      values[":" + name] = attribute.value();
    }
    return {std::move(claim),
            {{"PutRequest", json::object{{"Item", log_item(log)}}}},
            update(record.task.key, expression + " REMOVE lu, wl, due", "rev = :seen",
                   std::move(values))};
  }

  Call update(const TaskKey& key, const std::string& expression, const std::string& condition,
              Item values) const {
    return {Operation::kUpdateItem,
            {{"TableName", tables_.names().tasks},
             {"Key", key_item(key)},
             {"UpdateExpression", expression},
             {"ConditionExpression", condition},
             {"ExpressionAttributeValues", std::move(values)}}};
  }

  void run(std::size_t from, std::size_t to) {
    const std::size_t step = std::max<std::size_t>(1, workload_.concurrency / 2);
    for (std::size_t at = from; at < to; at += step) {
      std::vector<Call> claims, outcomes;
      std::vector<json::object> logs;
      for (std::size_t i = at; i < std::min(to, at + step); ++i) {
        claims.push_back(std::move(writes_[i].claim));
        logs.push_back(std::move(writes_[i].log));
        outcomes.push_back(std::move(writes_[i].outcome));
      }
      call(std::move(claims));
      write(tables_.names().logs, std::move(logs));
      call(std::move(outcomes));
    }
  }

  void write(const std::string& table, std::vector<json::object> puts) {
    std::vector<Call> calls;
    for (std::size_t at = 0; at < puts.size(); at += kBatchWriteMax) {
      json::array batch;
      for (std::size_t i = at; i < std::min(puts.size(), at + kBatchWriteMax); ++i) {
        batch.push_back(std::move(puts[i]));
      }
      json::object request;
      request[table] = std::move(batch);
      calls.push_back({Operation::kBatchWriteItem, {{"RequestItems", std::move(request)}}});
    }
    call(std::move(calls));
  }

  void call(std::vector<Call> calls) {
    for (const auto& reply : client_->call_all(std::move(calls))) {
      if (!reply) throw std::runtime_error(reply.error().message);
      if (!reply->ok()) throw std::runtime_error("a write was refused: " + reply->error);
    }
  }

  const Workload workload_;
  testing::TestTables tables_;
  const TablesUsed used_{{tables_.names().tasks, tables_.names().logs}};
  testing::TestCredentials credentials_;
  Metrics metrics_;
  SystemClock clock_;
  Random random_;
  UuidGenerator uuids_{random_};
  std::unique_ptr<Client> client_;
  std::vector<Writes> writes_;
};

}  // namespace

Options on_new_tables(const std::string& endpoint, std::size_t concurrency) {
  Random random;
  const std::string unique = to_string(UuidGenerator(random).v7(SystemClock().now()));
  Options options = bench_options("dynamodb:", concurrency);
  options.region = "us-east-1";
  options.endpoint = endpoint;
  options.access_key_id = "bench";
  options.secret_access_key = "bench-secret";
  options.tasks_table_name = "tasks-" + unique;
  options.logs_table_name = "logs-" + unique;
  options.create_table = true;
  return options;
}

TablesUsed::~TablesUsed() {
  // Past any proxy: what it counts is over.
  boost::asio::io_context io;
  testing::DynamoUpstream emulator(io, testing::dynalite_endpoint());
  for (const std::string& name : names_) {
    emulator.call("DeleteTable", {{"TableName", name}},
                  [name](const testing::DynamoAnswer& answer) {
                    if (!answer.ok()) Report::progress("the emulator kept the table " + name);
                  });
  }
  io.run();
}

double raw_writes_rate(const Receiver& receiver, const Workload& workload) {
  return RawWrites(receiver, workload, testing::dynalite_endpoint()).rate();
}

testing::DynamoUse raw_writes_use(const Receiver& receiver, const Workload& workload) {
  testing::DynamoProxy proxy(testing::dynalite_endpoint());
  proxy.accept_key("test", "test-secret");  // testing::TestCredentials
  RawWrites writes(receiver, workload, proxy.endpoint());
  proxy.reset_usage();
  writes.rate();
  return proxy.usage().total();
}

}  // namespace rhooks::bench
