#include "store/dynamo/tables.h"

#include <algorithm>
#include <optional>
#include <thread>

#include "base/ascii.h"
#include "base/clock.h"
#include "observe/logging.h"
#include "store/dynamo/attributes.h"
#include "store/dynamo/table_shape.h"
#include "store/dynamo/time_to_live.h"

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;
using SteadyClock = std::chrono::steady_clock;

// As those of the embedded store (rocks/keys.h): 'meta' holds the least that a program must know.
constexpr std::int64_t kFormatMin = 3;
constexpr std::int64_t kFormat = 3;
constexpr std::string_view kMetaId = "meta";
constexpr auto kProgressInterval = std::chrono::seconds(10);
constexpr std::string_view kNotFound = "ResourceNotFoundException";
constexpr std::string_view kInUse = "ResourceInUseException";

tl::unexpected<Error> bad_tables(std::string message) {
  return fail(ErrorCode::kInvalidArgument, std::move(message), "store");
}

// A name as the service takes it: 3 to 255 of a-z, A-Z, 0-9, '_', '-', '.' (API_CreateTable).
Result<void> check_name(const std::string& what, const std::string& name) {
  const bool fits =
      name.size() >= 3 && name.size() <= 255 && std::all_of(name.begin(), name.end(), [](char c) {
        return is_alphanumeric(c) || c == '_' || c == '-' || c == '.';
      });
  if (fits) return {};
  return bad_tables(
      "the name of the " + what + " table, '" + name +
      "', cannot be one of DynamoDB: it takes 3 to 255 of a-z, A-Z, 0-9, '_', '-', '.'");
}

Result<void> check_arguments(const Tables& tables, const TablesOptions& options) {
  if (auto checked = check_name("tasks", tables.tasks); !checked) return checked;
  if (auto checked = check_name("logs", tables.logs); !checked) return checked;
  if (tables.tasks == tables.logs) {
    return bad_tables("tasks and logs need a table each, but both are named '" + tables.tasks +
                      "'");
  }
  if (options.shards < 0 || options.shards > kShardsMax) {
    return bad_tables("shards is " + std::to_string(options.shards) + "; it can be 1 to " +
                      std::to_string(kShardsMax));
  }
  return {};
}

// An answer that no caller here can act on.
tl::unexpected<Error> unexpected_answer(const std::string& doing, const Reply& reply) {
  return fail(ErrorCode::kInternal, doing + ": DynamoDB answered " + reply.error);
}

// Makes, checks and waits for tables.
class TableMaker {
 public:
  TableMaker(Client& client, const TablesOptions& options) : client_(client), options_(options) {}

  Result<void> run(const std::vector<TableShape>& needed) {
    const auto started = SteadyClock::now();
    auto report_at = started + kProgressInterval;
    for (;;) {
      bool active = true;
      for (const TableShape& table : needed) {
        const auto ready = look_at(table);
        if (!ready) return fail(ready.error());
        active = active && *ready;
      }
      const auto now = SteadyClock::now();
      if (active) return {};
      if (now - started >= options_.active_timeout) {
        return fail(ErrorCode::kUnavailable,
                    "DynamoDB " + waiting_for_ + " after " +
                        std::to_string(options_.active_timeout.count() / 1000) +
                        " s; try again later, or see the table in the AWS console");
      }
      if (now >= report_at) {
        log::info("waiting for DynamoDB", {{"for", waiting_for_}});
        report_at = now + kProgressInterval;
      }
      std::this_thread::sleep_for(options_.poll_interval);
    }
  }

 private:
  // Whether the table can be worked on now.
  Result<bool> look_at(const TableShape& needed) {
    const auto reply = client_.call({Operation::kDescribeTable, {{"TableName", needed.name}}});
    if (!reply) return fail(reply.error());
    if (reply->error == kNotFound) return make(needed);
    if (!reply->ok()) return unexpected_answer("looking at table '" + needed.name + "'", *reply);

    const TableShape found = read_table(reply->body);
    if (found.status == "DELETING") return wait_for(needed, "the table is DELETING");
    if (auto checked = check_shape(needed, found); !checked) return fail(checked.error());
    std::string what;
    return is_active(needed, found, what) ? Result<bool>(true) : wait_for(needed, what);
  }

  Result<bool> wait_for(const TableShape& needed, const std::string& what) {
    waiting_for_ = "table '" + needed.name + "' cannot be used yet (" + what + ")";
    return false;
  }

  Result<bool> make(const TableShape& needed) {
    if (!options_.create) {
      return fail(ErrorCode::kUnavailable,
                  "there is no DynamoDB table '" + needed.name + "'" +
                      (options_.where.empty() ? std::string() : " (" + options_.where + ")") +
                      "; check region, endpoint and the names of the tables, or add create=true "
                      "to have it made");
    }
    const auto reply = client_.call({Operation::kCreateTable, create_table_body(needed)});
    if (!reply) return fail(reply.error());
    // In use: another process makes it, or one that is being deleted is still there.
    if (!reply->ok() && reply->error != kInUse) {
      return unexpected_answer("making table '" + needed.name + "'", *reply);
    }
    if (reply->ok()) log::info("DynamoDB table is being made", {{"table", needed.name}});
    return wait_for(needed, "it is being made");
  }

  Result<void> check_shape(const TableShape& needed, const TableShape& found) {
    const auto all = differences(needed, found);
    if (all.empty()) return {};
    std::string text = "table '" + needed.name + "' is not one that rhooks can work on: ";
    for (const std::string& difference : all) {
      if (&difference != &all.front()) text += ", ";
      text += difference;
    }
    return bad_tables(text + ". Name another table, or delete this one and add create=true");
  }

  Client& client_;
  const TablesOptions& options_;
  std::string waiting_for_;
};

// TimeToLive ------------------------------------------------------------------------------

// Whatever goes wrong here costs storage, and nothing else: no reason not to start.
void see_to_expiry(Client& client, const std::string& table, bool switch_on) {
  const auto describe = [&] {
    return client.call({Operation::kDescribeTimeToLive, {{"TableName", table}}});
  };
  std::string trouble = time_to_live_trouble(describe());
  if (!trouble.empty() && switch_on) {
    const auto updated = client.call(
        {Operation::kUpdateTimeToLive,
         {{"TableName", table},
          {"TimeToLiveSpecification", {{"Enabled", true}, {"AttributeName", kTtlAttribute}}}}});
    if (updated && updated->ok()) return;
    // Another process may have been first, which the service calls an error.
    trouble = time_to_live_trouble(describe());
    if (updated && !trouble.empty())
      trouble += ", and to switch it on was answered by " + updated->error;
  }
  if (trouble.empty()) return;
  // Where others make the tables it may be as they want it, and is not for every command to say.
  const auto say = switch_on ? log::warn : log::info;
  say("TimeToLive of a table is not on: what has expired is not shown, but stays stored",
      {{"table", table}, {"reason", trouble}});
}

// How the tables were made ------------------------------------------------------------------

json::object meta_key() {
  return {{"ns", text_value(kControl)}, {"id", text_value(kMetaId)}};
}

Result<std::optional<Item>> read_meta(Client& client, const std::string& table) {
  const auto reply = client.call(
      {Operation::kGetItem, {{"TableName", table}, {"Key", meta_key()}, {"ConsistentRead", true}}});
  if (!reply) return fail(reply.error());
  if (!reply->ok()) return unexpected_answer("reading how '" + table + "' was made", *reply);
  const json::value* const item = reply->body.if_contains("Item");
  if (!item || !item->is_object()) return std::nullopt;
  return item->get_object();
}

// False: somebody else was first.
Result<bool> write_meta(Client& client, const std::string& table, const TablesOptions& options) {
  Item item = meta_key();
  item["version"] = number_value(kFormat);
  item["shards"] = number_value(options.shards == 0 ? kShardsDefault : options.shards);
  item["created"] = number_value(to_millis(options.now));
  const auto reply = client.call({Operation::kPutItem,
                                  {{"TableName", table},
                                   {"Item", std::move(item)},
                                   {"ConditionExpression", "attribute_not_exists(#id)"},
                                   {"ExpressionAttributeNames", {{"#id", "id"}}}}});
  if (!reply) return fail(reply.error());
  if (!reply->ok() && !reply->condition_failed()) {
    return unexpected_answer("writing how '" + table + "' was made", *reply);
  }
  return reply->ok();
}

Result<TablesReady> check_meta(const Item& item, const std::string& table,
                               const TablesOptions& options) {
  const auto version = number_of(item, "version");
  if (version && (*version < kFormatMin || *version > kFormat)) {
    return fail(ErrorCode::kUnsupported,
                "table '" + table + "' has format " + std::to_string(*version) +
                    "; this rhooks reads format " + std::to_string(kFormat) + ": use the " +
                    (*version > kFormat ? "newer" : "older") + " rhooks that wrote it");
  }
  const auto shards = number_of(item, "shards");
  if (!version || !shards || *shards < 1 || *shards > kShardsMax) {
    return fail(ErrorCode::kCorrupt, "table '" + table + "': the item 'meta' cannot be read");
  }
  if (options.shards != 0 && options.shards != *shards) {
    return bad_tables("table '" + table + "' was made with shards=" + std::to_string(*shards) +
                      ", which cannot be changed to " + std::to_string(options.shards) +
                      "; leave shards out");
  }
  return TablesReady{.shards = static_cast<int>(*shards)};
}

Result<TablesReady> agree_on_meta(Client& client, const std::string& table,
                                  const TablesOptions& options) {
  // A second round where another process, or an earlier try of ours, was first.
  for (int round = 0; round < 2; ++round) {
    const auto item = read_meta(client, table);
    if (!item) return fail(item.error());
    if (*item) return check_meta(**item, table, options);
    const auto written = write_meta(client, table, options);
    if (!written) return fail(written.error());
    if (*written) {
      return TablesReady{.shards = options.shards == 0 ? kShardsDefault : options.shards};
    }
  }
  return fail(ErrorCode::kUnavailable,
              "table '" + table + "': the item 'meta' is written and deleted by others; try again");
}

}  // namespace

Result<TablesReady> prepare_tables(Client& client, const Tables& tables,
                                   const TablesOptions& options) {
  if (auto checked = check_arguments(tables, options); !checked) return fail(checked.error());
  TableMaker maker(client, options);
  const auto made = maker.run({tasks_shape(tables.tasks), logs_shape(tables.logs)});
  if (!made) return fail(made.error());
  for (const std::string& table : {tables.logs, tables.tasks}) {
    see_to_expiry(client, table, options.create);
  }
  return agree_on_meta(client, tables.tasks, options);
}

}  // namespace rhooks::store::dynamo
