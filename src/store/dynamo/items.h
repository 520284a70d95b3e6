#pragma once

#include <rhooks/log.h>
#include <rhooks/result.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/uuid.h"
#include "model/flow.h"
#include "model/record.h"
#include "store/dynamo/attributes.h"

// Tasks and logs as items of the tables, and back. schema.h names the attributes.
namespace rhooks::store::dynamo {

// An item may be so large that every write of it costs one unit (1 KB); what was registered
// moves to an item of its own before that is passed.
inline constexpr std::size_t kUnitBytes = 1024;
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
inline constexpr std::size_t kItemBytesMax = 400 * 1024;

// A task item as it was read.
struct StoredTask {
  model::TaskRecord record;
  Uuid rev{};
  std::optional<TimePoint> lease_until;
  std::optional<Uuid> lease_life;      // see Lease::life
  std::optional<std::string> payload;  // the id of its payload item, if it has one
  std::optional<std::string> outbox;   // what waits there to be put (outbox.h)

  bool leased(TimePoint now) const { return lease_until && *lease_until > now; }
};

// The shard of the due index that a task belongs to, for ever: a hash of its key, or, where it has
// an endpoint, of its flow, all of which one worker has then.
int shard_of(const TaskKey& key, const model::Flow& flow, int shards);

// The sort key of the date index and of the logs: sorts by time, then by id.
std::string dated_id(TimePoint at, std::string_view id);
// The date and the id in one; none if it is not of that form.
struct DatedId {
  TimePoint at{};
  std::string id;
};
std::optional<DatedId> parse_dated_id(std::string_view text);
// Bounds of a range of dated ids that are not ids themselves: before the first and after the
// last of that moment.
std::string before_date(TimePoint at);
std::string after_date(TimePoint at);

Item key_item(std::string_view ns, std::string_view id);
inline Item key_item(const TaskKey& key) {
  return key_item(key.ns, key.id);
}

// When TimeToLive may delete what expires then. It knows whole seconds and is late by up to days:
// reading hides what has expired.
boost::json::object ttl_value(TimePoint expires_at);
// Everything of a task but what was registered (sp or pl) and its lease.
void set_state(Item& item, const model::TaskRecord& record, const Uuid& rev);
// A whole task item with its spec in it.
Item task_item(const model::TaskRecord& record, const Uuid& rev, int shards);
// Whether the spec of this item belongs into an item of its own.
bool wants_payload(const Item& item);
Item payload_item(const TaskKey& key, std::string_view payload_id, std::string_view spec);
TaskKey payload_key(const TaskKey& key, std::string_view payload_id);

TaskKey key_of(const Item& item);
// Of a task, by its item or its row of the due index. Those that do not tell their receiver have
// one in each namespace that nobody else has.
model::Flow flow_of(const Item& item);
boost::json::object receiver_value(const model::Flow& flow);
std::optional<Uuid> uuid_of(const Item& item, std::string_view name);
boost::json::object uuid_value(const Uuid& uuid);

// `payload`: the item that task_item's `pl` names, where it names one.
// Errors: kCorrupt.
Result<StoredTask> read_task(const Item& item, const Item* payload);

// Whether the task of this item is as if it were not there at `now`.
bool has_expired(const Item& item, TimePoint now);

// A log that would pass kItemBytesMax keeps less of its bodies: of the response's first, which
// then says so.
Item log_item(Log log);
// Errors: kCorrupt.
Result<Log> read_log(const Item& item);

}  // namespace rhooks::store::dynamo
