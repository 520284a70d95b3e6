#include "store/dynamo/tables.h"

#include <algorithm>
#include <map>
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
constexpr std::string_view kDeleting = "DELETING";

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

std::string answer_text(const Reply& reply) {
  return reply.message.empty() ? reply.error : reply.error + ": " + reply.message;
}

// An answer that no caller here can act on.
tl::unexpected<Error> unexpected_answer(const std::string& doing, const Reply& reply) {
  return fail(ErrorCode::kInternal, doing + ": DynamoDB answered " + answer_text(reply));
}

// How the tables were made ------------------------------------------------------------------

json::object meta_key() {
  return {{"ns", text_value(kControl)}, {"id", text_value(kMetaId)}};
}

Result<std::optional<Item>> read_meta(Client& client, const std::string& table) {
  const auto reply = client.call(
      {Operation::kGetItem, {{"TableName", table}, {"Key", meta_key()}, {"ConsistentRead", true}}});
  if (!reply) return fail(reply.error());
  if (reply->error == kNotFound) return std::nullopt;  // as long as it is being made
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

// The tables themselves ----------------------------------------------------------------------

// Makes, checks, completes and waits for tables.
class TableMaker {
 public:
  TableMaker(Client& client, const Tables& tables, const TablesOptions& options)
      : client_(client),
        options_(options),
        needed_{tasks_shape(tables.tasks), logs_shape(tables.logs)} {}

  Result<void> run() {
    const auto started = SteadyClock::now();
    auto report_at = started + kProgressInterval;
    for (;;) {
      const auto active = see_to_all();
      if (!active) return fail(active.error());
      const auto now = SteadyClock::now();
      if (*active) return {};
      if (now - started >= options_.active_timeout) {
        return fail(ErrorCode::kUnavailable,
                    "DynamoDB " + waiting_for_ + " after " +
                        std::to_string(options_.active_timeout.count() / 1000) +
                        " s; it goes on with what it has begun: start again later, which goes on "
                        "from there, or see the table in the AWS console");
      }
      if (now >= report_at) {
        log::info("waiting for DynamoDB", {{"for", waiting_for_}});
        report_at = now + kProgressInterval;
      }
      std::this_thread::sleep_for(options_.poll_interval);
    }
  }

 private:
  // Whether all can be worked on now. All are looked at before one is altered.
  Result<bool> see_to_all() {
    std::vector<std::optional<TableShape>> found;
    for (const TableShape& needed : needed_) {
      auto looked = look_at(needed);
      if (!looked) return fail(std::move(looked.error()));
      found.push_back(std::move(*looked));
    }
    bool active = true;
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto ready = found[i] ? see_to(needed_[i], *found[i]) : make(needed_[i]);
      if (!ready) return fail(ready.error());
      active = active && *ready;
    }
    return active;
  }

  // None: there is no such table.
  Result<std::optional<TableShape>> look_at(const TableShape& needed) {
    const auto reply = client_.call({Operation::kDescribeTable, {{"TableName", needed.name}}});
    if (!reply) return fail(reply.error());
    if (reply->error == kNotFound) return std::nullopt;
    if (!reply->ok()) return unexpected_answer("looking at table '" + needed.name + "'", *reply);
    TableShape found = read_table(reply->body);
    if (found.status != kDeleting) {
      if (auto checked = check_shape(needed, found); !checked) return fail(checked.error());
    }
    return found;
  }

  Result<bool> see_to(const TableShape& needed, const TableShape& found) {
    std::string what = "the table is " + found.status;
    if (found.status == kDeleting) return wait_for(needed, what);
    const auto missing = missing_indexes(needed, found);
    if (!missing.empty()) return add(needed, found, *missing.front());
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

  // One index after the other, as DynamoDB wants it.
  Result<bool> add(const TableShape& needed, const TableShape& found, const IndexShape& index) {
    if (const auto change = change_under_way(found); !change.empty()) {
      asked_.erase(&index);  // what was refused because of it may be done afterwards
      return wait_for(needed, change);
    }
    const auto [asked, first] = asked_.try_emplace(&index);
    if (first) {
      const std::string& tasks = needed_.front().name;
      const auto meta = read_meta(client_, tasks);
      if (!meta) return fail(meta.error());
      if (*meta) {
        if (auto checked = check_meta(**meta, tasks, options_); !checked) {
          return fail(checked.error());
        }
      }
      asked->second = ask_for(found, index);
    } else if (asked->second) {
      // No other process, to which a refusal can be due, has added it either.
      return fail(*asked->second);
    }
    return wait_for(needed, asked->second ? asked->second->message
                                          : "index '" + index.name + "' is being added");
  }

  // The error where it is refused.
  std::optional<Error> ask_for(const TableShape& found, const IndexShape& index) {
    const auto reply = client_.call({Operation::kUpdateTable, add_index_body(found, index)});
    if (reply && reply->ok()) {
      log::info("an index is being added to a DynamoDB table",
                {{"table", found.name}, {"index", index.name}});
      return std::nullopt;
    }
    Error error = reply ? Error{ErrorCode::kUnavailable,
                                "DynamoDB UpdateTable answered " + answer_text(*reply),
                                {}}
                        : reply.error();
    error.message = "index '" + index.name + "' cannot be added to table '" + found.name +
                    "': " + error.message;
    return error;
  }

  // Refuses what no waiting puts right.
  Result<void> check_shape(const TableShape& needed, const TableShape& found) {
    const auto all = differences(needed, found);
    if (all.empty()) return {};
    std::string text = "table '" + needed.name + "' is not one that rhooks can work on: ";
    for (const std::string& difference : all) {
      if (&difference != &all.front()) text += ", ";
      text += difference;
    }
    const auto missing = missing_indexes(needed, found);
    if (all.size() > missing.size() || is_another(needed, found)) {
      return bad_tables(text + ". Name another table, or delete this one and add create=true");
    }
    std::string by_hand;
    for (const IndexShape* index : missing) {
      by_hand += (by_hand.empty() ? "index '" : "; index '") + index->name + "' with the keys " +
                 to_string(index->key) + " and the projection " + projection_text(*index);
    }
    if (!options_.create) {
      return bad_tables(text + ". Add create=true to have it added, or add yourself " + by_hand);
    }
    if (found.billing != kOnDemand) {
      return bad_tables(text +
                        ", and with provisioned capacity it needs some of its own. Switch the "
                        "table to on-demand, or add yourself " +
                        by_hand);
    }
    return {};
  }

  // Named in place of another one, by an index that only that one has.
  bool is_another(const TableShape& needed, const TableShape& found) const {
    return std::any_of(needed_.begin(), needed_.end(), [&](const TableShape& other) {
      return other.name != needed.name &&
             missing_indexes(other, found).size() < other.indexes.size();
    });
  }

  Client& client_;
  const TablesOptions& options_;
  const std::vector<TableShape> needed_;
  // The indexes that DynamoDB was asked for, and the error where it refused.
  std::map<const IndexShape*, std::optional<Error>> asked_;
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

}  // namespace

Result<TablesReady> prepare_tables(Client& client, const Tables& tables,
                                   const TablesOptions& options) {
  if (auto checked = check_arguments(tables, options); !checked) return fail(checked.error());
  TableMaker maker(client, tables, options);
  if (const auto made = maker.run(); !made) return fail(made.error());
  auto ready = agree_on_meta(client, tables.tasks, options);
  if (!ready) return ready;
  for (const std::string& table : {tables.logs, tables.tasks}) {
    see_to_expiry(client, table, options.create);
  }
  return ready;
}

}  // namespace rhooks::store::dynamo
