#include "store/dynamo/membership_table.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>

#include "store/dynamo/attributes.h"
#include "store/dynamo/items.h"
#include "store/dynamo/schema.h"

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr std::string_view kWorkerPrefix = "worker#";
constexpr std::string_view kShardPrefix = "shard#";
// A reading of so many pages (1 MB each) is not one of control items.
constexpr int kPagesMax = 64;

std::string shard_id(int shard) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*s%02d", static_cast<int>(kShardPrefix.size()),
                kShardPrefix.data(), shard);
  return text;
}

std::string worker_id(const std::string& id) {
  return std::string(kWorkerPrefix) + id;
}

json::object key_of(std::string_view id) {
  return {{"ns", text_value(kControl)}, {"id", text_value(id)}};
}

std::optional<int> shard_of(std::string_view id) {
  id.remove_prefix(kShardPrefix.size());
  int shard = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), shard);
  if (error != std::errc() || end != id.data() + id.size()) return std::nullopt;
  return shard;
}

void add_item(const Item& item, MembershipSnapshot& snapshot) {
  const std::string id = text_of(item, "id").value_or("");
  if (id.starts_with(kShardPrefix)) {
    const auto shard = shard_of(id);
    if (!shard) return;
    snapshot.shards.push_back({.shard = *shard,
                               .owner = text_of(item, "owner").value_or(""),
                               .epoch = number_of(item, "epoch").value_or(0)});
  } else if (id.starts_with(kWorkerPrefix)) {
    snapshot.workers.push_back({.id = id.substr(kWorkerPrefix.size()),
                                .heartbeat = number_of(item, "beat").value_or(0),
                                .life = uuid_of(item, "life").value_or(Uuid{}),
                                .leaving = number_of(item, "leaving").value_or(0) != 0,
                                .host = text_of(item, "host").value_or(""),
                                .pid = number_of(item, "pid").value_or(0),
                                .since_ms = number_of(item, "since").value_or(0)});
  }
}

// Whether a conditional write was done.
Result<bool> done(const Result<Reply>& reply) {
  if (!reply) return fail(reply.error());
  if (reply->ok()) return true;
  if (reply->condition_failed()) return false;
  return fail(ErrorCode::kUnavailable, "sharing work with other workers: DynamoDB answered " +
                                           reply->error + "; is the tasks table still there?");
}

Result<void> all_done(const std::vector<Result<Reply>>& replies) {
  for (const auto& reply : replies) {
    if (auto one = done(reply); !one) return fail(one.error());
  }
  return {};
}

class DynamoMembershipTable final : public MembershipTable {
 public:
  DynamoMembershipTable(Client& client, std::string table)
      : client_(client), table_(std::move(table)) {}

  Result<void> write_heartbeat(const WorkerItem& self) override {
    const auto answer = done(client_.call(beating(self)));
    if (!answer) return fail(answer.error());
    return {};
  }

  Result<MembershipSnapshot> read() override {
    MembershipSnapshot snapshot;
    // In the order of the keys: "shard#…" before "worker#…", as plan_shards() expects.
    json::object query = {{"TableName", table_},
                          {"ConsistentRead", true},
                          {"KeyConditionExpression", "#ns = :ns"},
                          {"ExpressionAttributeNames", {{"#ns", "ns"}}},
                          {"ExpressionAttributeValues", {{":ns", text_value(kControl)}}}};
    for (int page = 0; page < kPagesMax; ++page) {
      const auto reply = client_.call({Operation::kQuery, query});
      if (const auto answer = done(reply); !answer) return fail(answer.error());
      const json::value* const items = reply->body.if_contains("Items");
      if (items && items->is_array()) {
        for (const json::value& item : items->get_array()) {
          if (item.is_object()) add_item(item.get_object(), snapshot);
        }
      }
      const json::value* const last = reply->body.if_contains("LastEvaluatedKey");
      if (!last || !last->is_object()) return snapshot;
      query["ExclusiveStartKey"] = *last;
    }
    return fail(ErrorCode::kCorrupt, "table '" + table_ + "' holds too many control items");
  }

  std::vector<Result<bool>> take(const std::string& me, std::span<const ShardItem> seen) override {
    std::vector<Call> calls;
    for (const ShardItem& shard : seen) {
      json::object names = {{"#owner", "owner"}, {"#epoch", "epoch"}};
      json::object values = {{":me", text_value(me)}, {":next", number_value(shard.epoch + 1)}};
      std::string condition = "attribute_not_exists(#epoch)";
      if (shard.epoch != 0) {
        values[":epoch"] = number_value(shard.epoch);
        condition = "#epoch = :epoch AND ";
        if (shard.owner.empty()) {
          condition += "attribute_not_exists(#owner)";
        } else {
          condition += "#owner = :owner";
          values[":owner"] = text_value(shard.owner);
        }
      }
      calls.push_back({Operation::kUpdateItem,
                       {{"TableName", table_},
                        {"Key", key_of(shard_id(shard.shard))},
                        {"UpdateExpression", "SET #owner = :me, #epoch = :next"},
                        {"ConditionExpression", std::move(condition)},
                        {"ExpressionAttributeNames", std::move(names)},
                        {"ExpressionAttributeValues", std::move(values)}}});
    }
    return all(std::move(calls));
  }

  std::vector<Result<bool>> give_up(std::span<const ShardItem> seen) override {
    std::vector<Call> calls;
    for (const ShardItem& shard : seen) calls.push_back(giving_up(shard));
    return all(std::move(calls));
  }

  Result<void> remove(std::span<const WorkerItem> seen) override {
    std::vector<Call> calls;
    for (const WorkerItem& worker : seen) calls.push_back(removing(worker, "#beat = :beat"));
    return all_done(client_.call_all(std::move(calls)));
  }

  Result<void> finish(const WorkerItem& self) override {
    const auto answer = done(client_.call(removing(self, "#beat <= :beat")));
    if (!answer) return fail(answer.error());
    return {};
  }

  Result<void> leave(const WorkerItem& self, std::span<const ShardItem> held) override {
    // All at once: a shard whose owner leaves is free as well.
    std::vector<Call> calls;
    for (const ShardItem& shard : held) calls.push_back(giving_up(shard));
    calls.push_back(beating(self));
    return all_done(client_.call_all(std::move(calls)));
  }

  milliseconds service_ahead() const override { return client_.clock_offset(); }

 private:
  Call beating(const WorkerItem& self) const {
    return {Operation::kUpdateItem,
            {{"TableName", table_},
             {"Key", key_of(worker_id(self.id))},
             {"UpdateExpression",
              "SET #beat = :beat, #life = :life, #leaving = :leaving, #host = :host, #pid = :pid, "
              "#since = :since, #ttl = :ttl"},
             // Not one that was on its way while later ones were written.
             {"ConditionExpression", "attribute_not_exists(#beat) OR #beat < :beat"},
             {"ExpressionAttributeNames",
              {{"#beat", "beat"},
               {"#life", "life"},
               {"#leaving", "leaving"},
               {"#host", "host"},
               {"#pid", "pid"},
               {"#since", "since"},
               {"#ttl", "ttl"}}},
             {"ExpressionAttributeValues",
              {{":beat", number_value(self.heartbeat)},
               {":life", uuid_value(self.life)},
               {":leaving", number_value(self.leaving ? 1 : 0)},
               {":host", text_value(self.host)},
               {":pid", number_value(self.pid)},
               {":since", number_value(self.since_ms)},
               {":ttl", number_value(self.ttl)}}}}};
  }

  Call removing(const WorkerItem& worker, const char* condition) const {
    return {Operation::kDeleteItem,
            {{"TableName", table_},
             {"Key", key_of(worker_id(worker.id))},
             {"ConditionExpression", condition},
             {"ExpressionAttributeNames", {{"#beat", "beat"}}},
             {"ExpressionAttributeValues", {{":beat", number_value(worker.heartbeat)}}}}};
  }

  Call giving_up(const ShardItem& shard) const {
    return {Operation::kUpdateItem,
            {{"TableName", table_},
             {"Key", key_of(shard_id(shard.shard))},
             {"UpdateExpression", "REMOVE #owner"},
             {"ConditionExpression", "#owner = :owner AND #epoch = :epoch"},
             {"ExpressionAttributeNames", {{"#owner", "owner"}, {"#epoch", "epoch"}}},
             {"ExpressionAttributeValues",
              {{":owner", text_value(shard.owner)}, {":epoch", number_value(shard.epoch)}}}}};
  }

  std::vector<Result<bool>> all(std::vector<Call> calls) {
    std::vector<Result<bool>> answers;
    for (const auto& reply : client_.call_all(std::move(calls))) answers.push_back(done(reply));
    return answers;
  }

  Client& client_;
  const std::string table_;
};

}  // namespace

std::unique_ptr<MembershipTable> dynamo_membership_table(Client& client, std::string tasks_table) {
  return std::make_unique<DynamoMembershipTable>(client, std::move(tasks_table));
}

ClientOptions membership_client_options(ClientOptions options) {
  options.tries_max = 2;
  options.connect_timeout = std::min(options.connect_timeout, milliseconds{1'000});
  options.request_timeout = std::min(options.request_timeout, milliseconds{2'000});
  options.throttle_base = std::min(options.throttle_base, milliseconds{250});
  options.backoff_max = std::min(options.backoff_max, milliseconds{500});
  return options;
}

}  // namespace rhooks::store::dynamo
