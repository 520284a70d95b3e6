#include "store/dynamo/outbox.h"

#include <optional>
#include <utility>

#include "codec/stored.h"
#include "observe/logging.h"
#include "store/dynamo/store_impl.h"
#include "store/dynamo/time_to_live.h"

namespace rhooks::store::dynamo {

namespace json = boost::json;

namespace {

constexpr std::size_t kLengthBytes = 4;

void append_part(std::string& bytes, std::string_view part) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes += static_cast<char>(part.size() >> shift & 0xff);
  }
  bytes += part;
}

// None: there is no whole one.
std::optional<std::string_view> take_part(std::string_view& bytes) {
  if (bytes.size() < kLengthBytes) return std::nullopt;
  std::size_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    length = length << 8 | static_cast<unsigned char>(bytes[i]);
  }
  bytes.remove_prefix(kLengthBytes);
  if (length > bytes.size()) return std::nullopt;
  const std::string_view part = bytes.substr(0, length);
  bytes.remove_prefix(length);
  return part;
}

// Whether to try again may help.
bool may_pass(ErrorCode code) {
  return code != ErrorCode::kInvalidArgument && code != ErrorCode::kCorrupt;
}

}  // namespace

std::string encode_outbox(std::span<const model::TaskRecord> follow_ups) {
  std::string bytes;
  for (const model::TaskRecord& record : follow_ups) {
    append_part(bytes, record.task.key.id);
    append_part(bytes, codec::encode_spec(record));
    append_part(bytes, codec::encode_state(record));
  }
  return bytes;
}

Result<std::vector<model::TaskRecord>> decode_outbox(const TaskKey& task, std::string_view bytes) {
  std::vector<model::TaskRecord> follow_ups;
  while (!bytes.empty()) {
    const auto id = take_part(bytes);
    const auto spec = id ? take_part(bytes) : std::nullopt;
    const auto state = spec ? take_part(bytes) : std::nullopt;
    if (!state || id->empty()) {
      return fail(ErrorCode::kCorrupt, "what follows from an outcome of task '" + task.id +
                                           "' in namespace '" + task.ns + "' cannot be read");
    }
    auto record = codec::decode_record({task.ns, std::string(*id)}, *spec, *state);
    if (!record) return fail(std::move(record.error()));
    follow_ups.push_back(std::move(*record));
  }
  return follow_ups;
}

Error not_finished(const TaskKey& key) {
  return Error{ErrorCode::kUnavailable,
               "what follows from an outcome of task '" + key.id + "' in namespace '" + key.ns +
                   "' could not be stored, and goes before anything else; try again",
               {}};
}

std::vector<DynamoStore::OutboxEnd> DynamoStore::put_outboxes(const std::vector<Outbox>& outboxes,
                                                              Tries tries) {
  std::vector<OutboxEnd> ends(outboxes.size(), OutboxEnd::kPut);
  std::vector<TaskRecord> records;
  std::vector<std::size_t> owners;
  for (std::size_t i = 0; i < outboxes.size(); ++i) {
    auto follow_ups = decode_outbox(outboxes[i].task, outboxes[i].bytes);
    if (!follow_ups) {
      report_unreadable(outboxes[i].task, follow_ups.error());
      ends[i] = OutboxEnd::kUnreadable;
      continue;
    }
    for (TaskRecord& record : *follow_ups) {
      records.push_back(std::move(record));
      owners.push_back(i);
    }
  }
  if (records.empty()) return ends;
  const auto results = put_tasks(records, tries);
  for (std::size_t n = 0; n < results.size(); ++n) {
    if (results[n]) continue;
    const TaskKey& key = records[n].task.key;
    const Error& error = results[n].error();
    if (!may_pass(error.code)) {
      log::warn("what follows from an outcome cannot be stored",
                {{"namespace", key.ns}, {"id", key.id}, {"error", error.message}});
      continue;
    }
    ends[owners[n]] = OutboxEnd::kLeft;
    if (const auto held_back = outbox_log_.pass(parts_.steady())) {
      log::warn("what follows from an outcome is not stored yet; it is tried again",
                {{"namespace", key.ns},
                 {"id", key.id},
                 {"error", error.message},
                 {"others_not_shown", *held_back}});
    }
  }
  return ends;
}

Call DynamoStore::emptied_call(const Item& item, OutboxEnd end) {
  Item set;
  set["rev"] = uuid_value(fresh());
  if (end == OutboxEnd::kUnreadable) set["ou"] = item.at("ob");
  std::vector<std::string> remove{"ob", "lu", "wl"};
  TaskRecord record;
  record.task.key = key_of(item);
  // One that cannot be read stays due, and the next claim sets it aside.
  if (codec::decode_state(bytes_of(item, "sv").value_or(""), record)) {
    if (record.task.status == Status::kActive) {
      set["due"] = number_value(to_millis(model::place_of(record.task)));
    } else {
      remove.emplace_back("due");
    }
    if (record.task.expires_at) set[kTtlAttribute] = ttl_value(*record.task.expires_at);
  }
  Call call = update_call(record.task.key, set, remove, "rev = :seen",
                          {{":seen", uuid_value(uuid_of(item, "rev").value_or(Uuid{}))}});
  call.body["ReturnValues"] = "ALL_NEW";
  return call;
}

std::vector<bool> DynamoStore::finish_outboxes(const std::vector<Item>& items) {
  if (items.empty()) return {};
  std::vector<Outbox> outboxes;
  for (const Item& item : items) {
    outboxes.push_back({key_of(item), bytes_of(item, "ob").value_or("")});
  }
  const auto put = put_outboxes(outboxes, Tries::kOne);
  std::vector<bool> finished(items.size(), false);
  std::vector<std::size_t> sent;
  std::vector<Call> calls;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (put[i] == OutboxEnd::kLeft) continue;
    sent.push_back(i);
    calls.push_back(emptied_call(items[i], put[i]));
  }
  const auto asked = due_.asking();
  const auto written = write_each(
      std::move(calls), [&](std::size_t n) -> const TaskKey& { return outboxes[sent[n]].task; });
  std::vector<Expiring> expiring;
  for (std::size_t n = 0; n < sent.size(); ++n) {
    const TaskKey& key = outboxes[sent[n]].task;
    const auto& [refused, answer] = written[n];
    if (refused) {
      // Others have met it as well, or an earlier try did it.
      finished[sent[n]] = refused->there.has_value();
      if (refused->there) note_item(key, *refused->there, asked);
      continue;
    }
    const json::value* const after = answer ? answer->if_contains("Attributes") : nullptr;
    finished[sent[n]] = answer.has_value();
    if (!after || !after->is_object()) continue;
    const Item& now = after->get_object();
    note_item(key, now, asked);
    const auto payload = text_of(now, "pl");
    const auto ends = number_of(now, kTtlAttribute);
    if (payload && ends) {
      expiring.push_back({payload_key(key, *payload), TimePoint(std::chrono::seconds(*ends))});
    }
  }
  expire_payloads(expiring);
  return finished;
}

}  // namespace rhooks::store::dynamo
