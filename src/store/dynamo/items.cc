#include "store/dynamo/items.h"

#include <algorithm>
#include <chrono>

#include "base/iso8601.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "codec/stored.h"
#include "store/dynamo/schema.h"
#include "store/dynamo/time_to_live.h"

namespace rhooks::store::dynamo {
namespace {

constexpr std::size_t kDateBytes = 24;  // 2026-01-31T12:34:56.789Z
// What moving a spec out saves must be more than the pointer to it costs.
constexpr std::size_t kSpecWorthMoving = 256;
constexpr std::size_t kHashBytes = 8;
constexpr std::uint64_t kUnknownReceiver = 1;
// A claim adds "lu", a time, and "wl", a UUID.
constexpr std::size_t kLeaseBytes = 10 + 18;

tl::unexpected<Error> unreadable(const std::string& what, const Item& item,
                                 const std::string& why) {
  const TaskKey key = key_of(item);
  return fail(ErrorCode::kCorrupt, "the stored " + what + " '" + key.id + "' in namespace '" +
                                       key.ns + "' cannot be read: " + why);
}

// Big-endian.
void append_hash(std::string& bytes, std::uint64_t hash) {
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(hash >> shift & 0xff);
}
std::uint64_t hash_at(const std::string& bytes, std::size_t at) {
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < kHashBytes; ++i) {
    hash = hash << 8 | static_cast<unsigned char>(bytes[at + i]);
  }
  return hash;
}

void cut(std::string& text, std::size_t excess) {
  text.resize(utf8_cut(text, text.size() - std::min(text.size(), excess)).size());
}

// Leaves out so many bytes of a log: of the response's body if it has them, since that says so,
// else of what is longest. What is sent may be a multiple of what was registered: form and query
// encoding make three bytes of one. False: there was nothing to leave out.
bool shorten(Log& log, std::size_t excess) {
  std::string sent = log.request.body.data();
  std::string* longest = &sent;
  if (log.request.url.size() > longest->size()) longest = &log.request.url;
  if (log.response) {
    std::string& body = log.response->body;
    if (body.size() >= excess || body.size() > longest->size()) longest = &body;
    if (longest == &body) log.response->body_truncated = true;
  }
  if (!longest->empty()) {
    cut(*longest, excess);
    // A part of a JSON document is none.
    if (longest == &sent) log.request.body = Body::text(std::move(sent));
    return true;
  }
  if (log.request.headers.empty() && (!log.response || log.response->headers.empty())) return false;
  log.request.headers.clear();
  if (log.response) log.response->headers.clear();
  return true;
}

}  // namespace

int shard_of(const TaskKey& key, const model::Flow& flow, int shards) {
  std::string of_flow;
  if (flow.endpoint != 0) append_hash(of_flow, flow.receiver);
  const Sha256 digest = sha256({key.ns, of_flow.empty() ? key.id : of_flow});
  std::uint32_t head = 0;
  for (std::size_t i = 0; i < 4; ++i) head = head << 8 | digest[i];
  return static_cast<int>(head % static_cast<std::uint32_t>(shards));
}

std::string dated_id(TimePoint at, std::string_view id) {
  return before_date(at).append(id);
}

std::optional<DatedId> parse_dated_id(std::string_view text) {
  if (text.size() < kDateBytes + 1 || text[kDateBytes] != '#') return std::nullopt;
  const auto at = parse_time(text.substr(0, kDateBytes));
  if (!at) return std::nullopt;
  return DatedId{*at, std::string(text.substr(kDateBytes + 1))};
}

std::string before_date(TimePoint at) {
  return format_time(std::clamp(at, kTimeMin, kTimeMax)) + "#";
}

std::string after_date(TimePoint at) {
  return format_time(std::clamp(at, kTimeMin, kTimeMax)) + "$";  // '$' follows '#'
}

Item key_item(std::string_view ns, std::string_view id) {
  Item item;
  item.emplace("ns", text_value(ns));
  item.emplace("id", text_value(id));
  return item;
}

boost::json::object ttl_value(TimePoint expires_at) {
  return number_value(
      std::chrono::ceil<std::chrono::seconds>(expires_at.time_since_epoch()).count());
}

void set_state(Item& item, const model::TaskRecord& record, const Uuid& rev) {
  const Task& task = record.task;
  item["st"] = text_value(to_string(task.status));
  item["sd"] = text_value(dated_id(task.scheduled_date, task.key.id));
  if (task.status == Status::kActive) item["due"] = number_value(to_millis(model::place_of(task)));
  if (task.expires_at) item[kTtlAttribute] = ttl_value(*task.expires_at);
  item["rev"] = uuid_value(rev);
  item["sv"] = bytes_value(codec::encode_state(record));
}

Item task_item(const model::TaskRecord& record, const Uuid& rev, int shards) {
  Item item = key_item(record.task.key);
  const model::Flow flow = model::flow_of(record.task);
  item.emplace("sh", number_value(shard_of(record.task.key, flow, shards)));
  item.emplace("rc", receiver_value(flow));
  set_state(item, record, rev);
  item.emplace("sp", bytes_value(codec::encode_spec(record)));
  return item;
}

bool wants_payload(const Item& item) {
  const auto spec = bytes_of(item, "sp");
  return spec && spec->size() > kSpecWorthMoving && item_bytes(item) + kLeaseBytes > kUnitBytes;
}

Item payload_item(const TaskKey& key, std::string_view payload_id, std::string_view spec) {
  Item item = key_item(payload_key(key, payload_id));
  item.emplace("sp", bytes_value(spec));
  return item;
}

TaskKey payload_key(const TaskKey& key, std::string_view payload_id) {
  return {std::string(kPayloads) + key.ns, std::string(payload_id)};
}

TaskKey key_of(const Item& item) {
  return {text_of(item, "ns").value_or(""), text_of(item, "id").value_or("")};
}

model::Flow flow_of(const Item& item) {
  const std::string bytes = bytes_of(item, "rc").value_or("");
  model::Flow flow{model::namespace_hash(text_of(item, "ns").value_or("")), kUnknownReceiver};
  if (bytes.size() != kHashBytes && bytes.size() != 2 * kHashBytes) return flow;
  if (const auto receiver = hash_at(bytes, 0); receiver != 0) flow.receiver = receiver;
  if (bytes.size() > kHashBytes) flow.endpoint = hash_at(bytes, kHashBytes);
  return flow;
}

boost::json::object receiver_value(const model::Flow& flow) {
  std::string bytes;
  append_hash(bytes, flow.receiver);
  if (flow.endpoint != 0) append_hash(bytes, flow.endpoint);
  return bytes_value(bytes);
}

std::optional<Uuid> uuid_of(const Item& item, std::string_view name) {
  const auto bytes = bytes_of(item, name);
  Uuid uuid{};
  if (!bytes || bytes->size() != uuid.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), uuid.begin());
  return uuid;
}

boost::json::object uuid_value(const Uuid& uuid) {
  return bytes_value({reinterpret_cast<const char*>(uuid.data()), uuid.size()});
}

Result<StoredTask> read_task(const Item& item, const Item* payload) {
  StoredTask stored;
  const auto rev = uuid_of(item, "rev");
  if (!rev) return unreadable("task", item, "it has no revision (rev)");
  stored.rev = *rev;
  if (const auto until = number_of(item, "lu")) stored.lease_until = from_millis(*until);
  stored.lease_life = uuid_of(item, "wl");
  stored.payload = text_of(item, "pl");
  stored.outbox = bytes_of(item, "ob");

  const auto state = bytes_of(item, "sv");
  if (!state) return unreadable("task", item, "it has no state (sv)");
  auto spec = bytes_of(item, "sp");
  if (stored.payload) {
    if (!payload) return unreadable("task", item, "its payload '" + *stored.payload + "' is gone");
    spec = bytes_of(*payload, "sp");
  }
  if (!spec) return unreadable("task", item, "it has no spec (sp)");
  auto record = codec::decode_record(key_of(item), *spec, *state);
  if (!record) return fail(std::move(record.error()));
  stored.record = std::move(*record);
  return stored;
}

bool has_expired(const Item& item, TimePoint now) {
  const auto state = bytes_of(item, "sv");
  const bool may_expire = item.contains(kTtlAttribute) || item.contains("ob");
  if (!may_expire || !state) return false;
  // Its payload may be deleted already, and says nothing of this.
  static const std::string kNoSpec = codec::encode_spec(model::TaskRecord{});
  const auto record = codec::decode_record(key_of(item), kNoSpec, *state);
  return record && model::expired(record->task, now);
}

Item log_item(Log log) {
  Item item = key_item(log.task.ns, dated_id(log.started_at, log.id));
  if (log.status == LogStatus::kFail) item.emplace("fl", text_value(log.task.ns));
  item.emplace("tk", text_value(log.task.id));
  if (log.expires_at) item.emplace(kTtlAttribute, ttl_value(*log.expires_at));
  std::string bytes = codec::encode_log(log);
  const std::size_t room = kItemBytesMax - item_bytes(item) - 2;  // "lg"
  while (bytes.size() > room && shorten(log, bytes.size() - room)) bytes = codec::encode_log(log);
  item.emplace("lg", bytes_value(bytes));
  return item;
}

Result<Log> read_log(const Item& item) {
  const TaskKey key = key_of(item);
  const auto dated = parse_dated_id(key.id);
  const auto bytes = bytes_of(item, "lg");
  if (!dated) return unreadable("log", item, "its key holds no time");
  if (!bytes) return unreadable("log", item, "it has no content (lg)");
  return codec::decode_log(key.ns, dated->at, dated->id, *bytes);
}

}  // namespace rhooks::store::dynamo
