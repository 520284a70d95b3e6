#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "codec/stored.h"
#include "observe/logging.h"
#include "store/dynamo/describe.h"
#include "store/dynamo/share_table.h"
#include "store/dynamo/store_impl.h"
#include "store/shown.h"

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;

constexpr std::size_t kReportedMax = 1'000;

// What the service says of an item that is too large can not be told from other mistakes, so
// it is checked before.
Result<void> check_size(const TaskKey& key, const Item& item) {
  const std::size_t bytes = item_bytes(item);
  if (bytes <= kItemBytesMax) return {};
  return fail(ErrorCode::kInvalidArgument,
              "task '" + key.id + "' takes " + std::to_string(bytes) +
                  " bytes; an item of DynamoDB holds at most " + std::to_string(kItemBytesMax),
              "request");
}

}  // namespace

Error not_found(const TaskKey& key) {
  return Error{
      ErrorCode::kNotFound, "there is no task '" + key.id + "' in namespace '" + key.ns + "'", {}};
}

Error always_changing(const TaskKey& key) {
  return Error{ErrorCode::kUnavailable,
               "task '" + key.id + "' in namespace '" + key.ns +
                   "' is being changed by others all the time; try again",
               {}};
}

Error maybe_done(const TaskKey& key) {
  return Error{ErrorCode::kUnknownOutcome,
               "task '" + key.id + "' in namespace '" + key.ns +
                   "' may have been written by this call, and others have changed or deleted it "
                   "since: an answer of DynamoDB was lost",
               {}};
}

bool is_from(const Item& item, const Uuid& rev, const std::optional<TaskKey>& payload) {
  return uuid_of(item, "rev") == rev || (payload && text_of(item, "pl") == payload->id);
}

std::string_view bytes_view(const Uuid& uuid) {
  return {reinterpret_cast<const char*>(uuid.data()), uuid.size()};
}

Result<json::object> answer_of(Result<Reply> reply, const std::string& table) {
  if (!reply) return fail(std::move(reply.error()));
  if (reply->ok()) return std::move(reply->body);
  return fail(ErrorCode::kUnavailable,
              "DynamoDB: table '" + table + "': " + reply->error +
                  " (was the table deleted? `rhooks store describe` shows what is there)");
}

DynamoStore::DynamoStore(Parts parts, Random& random)
    : parts_(std::move(parts)),
      client_(*parts_.client),
      batches_(client_, random),
      registry_(client_, batches_, parts_.tables.tasks),
      uuids_(random),
      due_(parts_.shards),
      all_shards_(static_cast<std::size_t>(parts_.shards)) {
  std::iota(all_shards_.begin(), all_shards_.end(), 0);
  // What others did with a shard before it came here is not known.
  parts_.share.on_change = [this] { due_.doubt(); };
  share_ =
      std::make_unique<ShardShare>(dynamo_share_table(*parts_.share_client, parts_.tables.tasks),
                                   parts_.shards, random, *parts_.machine_clock, parts_.share);
}

DynamoStore::~DynamoStore() = default;

Uuid DynamoStore::fresh() {
  return uuids_.v7(parts_.machine_clock->now());
}

void DynamoStore::note(const Task& task, DueView::Asked asked) {
  const std::optional<TimePoint> due =
      task.status == Status::kActive ? std::optional(model::due_at(task)) : std::nullopt;
  due_.stored(shard_of(task.key, parts_.shards), task.key, due, asked, parts_.steady());
}

void DynamoStore::note_item(const TaskKey& key, const std::optional<Item>& item,
                            DueView::Asked asked) {
  const auto due = item ? number_of(*item, "due") : std::nullopt;
  if (!due) return note_gone(key, asked);
  const int shard = shard_of(key, parts_.shards);
  if (const auto until = number_of(*item, "lu")) {
    due_.leased_elsewhere({shard, key, from_millis(*due)}, from_millis(*until), asked,
                          parts_.steady());
  } else {
    due_.stored(shard, key, from_millis(*due), asked, parts_.steady());
  }
}

void DynamoStore::note_gone(const TaskKey& key, DueView::Asked asked) {
  due_.stored(shard_of(key, parts_.shards), key, std::nullopt, asked, parts_.steady());
}

void DynamoStore::report_unreadable(const TaskKey& key, const Error& error) {
  std::lock_guard lock(reported_mutex_);
  if (reported_.size() >= kReportedMax || !reported_.insert(key).second) return;
  log::error("a stored task can not be read",
             {{"namespace", key.ns}, {"id", key.id}, {"error", error.message}});
}

Call DynamoStore::get_call(const TaskKey& key) const {
  return {Operation::kGetItem,
          {{"TableName", parts_.tables.tasks}, {"Key", key_item(key)}, {"ConsistentRead", true}}};
}

Call DynamoStore::update_call(const TaskKey& key, const Item& set,
                              const std::vector<std::string>& remove, const std::string& condition,
                              json::object values) const {
  std::string expression;
  for (const auto& attribute : set) {
    const std::string name(attribute.key());
    expression.append(expression.empty() ? "SET " : ", ").append(name);
    expression.append(" = :").append(name);
    values[":" + name] = attribute.value();
  }
  for (std::size_t i = 0; i < remove.size(); ++i) {
    expression.append(i > 0 ? ", " : expression.empty() ? "REMOVE " : " REMOVE ");
    expression.append(remove[i]);
  }
  return {Operation::kUpdateItem,
          {{"TableName", parts_.tables.tasks},
           {"Key", key_item(key)},
           {"UpdateExpression", expression},
           {"ConditionExpression", condition},
           {"ReturnValuesOnConditionCheckFailure", "ALL_OLD"},
           {"ExpressionAttributeValues", std::move(values)}}};
}

Call DynamoStore::state_call(const TaskRecord& record, const Uuid& seen, const Uuid& rev, Item more,
                             std::vector<std::string> remove) const {
  set_state(more, record, rev);
  remove.push_back("lu");
  if (record.task.status != Status::kActive) remove.push_back("due");
  return update_call(record.task.key, more, remove, "rev = :seen",
                     {{":seen", bytes_value(bytes_view(seen))}});
}

Result<std::vector<DynamoStore::Loaded>> DynamoStore::with_payloads(Items items) {
  std::vector<Loaded> loaded(items.size(), Loaded(std::nullopt));
  std::vector<std::size_t> again;  // those whose payload was replaced under our eyes
  std::vector<TaskKey> payloads;
  for (int race = 0;; ++race) {
    payloads.clear();
    for (const auto& item : items) {
      if (!item) continue;
      if (const auto payload = text_of(*item, "pl")) {
        payloads.push_back(payload_key(key_of(*item), *payload));
      }
    }
    auto found = batches_.get(parts_.tables.tasks, payloads);
    if (!found) return fail(std::move(found.error()));
    again.clear();
    std::vector<TaskKey> keys;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!items[i]) continue;
      const auto payload = text_of(*items[i], "pl");
      const Item* part = nullptr;
      if (payload) {
        const auto it = found->find(payload_key(key_of(*items[i]), *payload));
        if (it != found->end()) part = &it->second;
      }
      auto task = read_task(*items[i], part);
      if (!task && payload && !part && race < kRacesMax) {
        again.push_back(i);
        keys.push_back(key_of(*items[i]));
        continue;
      }
      loaded[i] = task ? Loaded(std::move(*task)) : Loaded(fail(std::move(task.error())));
      items[i].reset();
    }
    if (again.empty()) return loaded;
    auto current = batches_.get(parts_.tables.tasks, keys);
    if (!current) return fail(std::move(current.error()));
    for (const std::size_t i : again) {
      const auto it = current->find(key_of(*items[i]));
      if (it == current->end()) {
        items[i].reset();
        continue;
      }
      // The same payload as before, and it is not there: it will not come by reading again.
      const bool same = text_of(it->second, "pl") == text_of(*items[i], "pl");
      items[i] = it->second;
      if (same) race = kRacesMax;
    }
  }
}

Result<DynamoStore::Items> DynamoStore::read_items(const std::vector<TaskKey>& keys) {
  auto found = batches_.get(parts_.tables.tasks, keys);
  if (!found) return fail(std::move(found.error()));
  Items items;
  items.reserve(keys.size());
  for (const TaskKey& key : keys) {
    const auto it = found->find(key);
    items.push_back(it == found->end() ? std::nullopt : std::optional(it->second));
  }
  return items;
}

Result<DynamoStore::Items> DynamoStore::items_now(const std::vector<TaskKey>& keys,
                                                  const std::vector<Reply>& refusals) {
  Items items(keys.size());
  std::vector<std::size_t> untold;
  std::vector<TaskKey> untold_keys;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const json::value* const item = refusals[i].body.if_contains("Item");
    if (item && item->is_object() && !item->get_object().empty()) {
      items[i] = item->get_object();
    } else {
      untold.push_back(i);
      untold_keys.push_back(keys[i]);
    }
  }
  auto read = read_items(untold_keys);
  if (!read) return fail(std::move(read.error()));
  for (std::size_t n = 0; n < untold.size(); ++n) items[untold[n]] = std::move((*read)[n]);
  return items;
}

Result<std::vector<DynamoStore::Loaded>> DynamoStore::load(const std::vector<TaskKey>& keys) {
  auto items = read_items(keys);
  if (!items) return fail(std::move(items.error()));
  return with_payloads(std::move(*items));
}

Result<std::string> DynamoStore::put_payload(const TaskKey& key, const std::string& spec) {
  std::string id = rhooks::to_string(fresh());
  const Item item = payload_item(key, id, spec);
  if (auto fits = check_size(key, item); !fits) return fail(std::move(fits.error()));
  if (auto put = batches_.put(parts_.tables.tasks, {item}); !put.front()) {
    if (put.front().error().code == ErrorCode::kUnknownOutcome) drop_payloads({key_of(item)});
    // The task itself was not written, whatever became of its payload.
    return fail(ErrorCode::kUnavailable, put.front().error().message);
  }
  return id;
}

// Payloads that nothing points to any more. One that stays behind costs its storage and
// nothing else, so a failure is no error of the caller's.
void DynamoStore::drop_payloads(const std::vector<TaskKey>& keys) {
  if (keys.empty()) return;
  for (const auto& removed : batches_.remove(parts_.tables.tasks, keys)) {
    if (removed) continue;
    log::warn("a payload that is no longer used could not be deleted",
              {{"error", removed.error().message}});
    return;
  }
}

std::vector<Result<PutResult>> DynamoStore::put(std::span<const TaskRecord> records) {
  std::vector<Result<PutResult>> results(records.size(), Result<PutResult>(PutResult{}));
  // Namespaces first, so that no task is ever in one that is not listed.
  std::set<std::string> namespaces;
  for (const TaskRecord& record : records) namespaces.insert(record.task.key.ns);
  const auto unlisted = registry_.add(namespaces);
  struct New {
    std::size_t index;
    Uuid rev;
    Item item;
    std::optional<TaskKey> payload;
  };
  std::vector<New> open;
  std::map<TaskKey, std::size_t> first;  // of the records with one key only the first is put
  std::vector<Item> payloads;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const TaskKey& key = records[i].task.key;
    RHOOKS_CHECK(records[i].task.status != Status::kProcessing);
    if (!first.emplace(key, i).second) continue;
    if (const auto it = unlisted.find(key.ns); it != unlisted.end()) {
      // The task itself was not written, whatever became of its namespace.
      results[i] = fail(ErrorCode::kUnavailable, it->second.message);
      continue;
    }
    New task{i, fresh(), {}, std::nullopt};
    task.item = task_item(records[i], task.rev, parts_.shards);
    std::optional<Item> payload;
    if (wants_payload(task.item)) {
      const std::string id = rhooks::to_string(fresh());
      payload = payload_item(key, id, codec::encode_spec(records[i]));
      task.item.erase("sp");
      task.item["pl"] = text_value(id);
      task.payload = payload_key(key, id);
    }
    auto fits = check_size(key, task.item);
    if (fits && payload) fits = check_size(key, *payload);
    if (!fits) {
      results[i] = fail(std::move(fits.error()));
      continue;
    }
    if (payload) payloads.push_back(std::move(*payload));
    open.push_back(std::move(task));
  }

  // Payloads first, so that no task is ever without its own.
  std::vector<TaskKey> unused;
  std::map<TaskKey, Error> failed;
  if (!payloads.empty()) {
    std::vector<TaskKey> keys;
    for (const Item& item : payloads) keys.push_back(key_of(item));
    const auto stored = batches_.put(parts_.tables.tasks, std::move(payloads));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (stored[i]) continue;
      failed.emplace(keys[i], stored[i].error());
      if (stored[i].error().code == ErrorCode::kUnknownOutcome) unused.push_back(keys[i]);
    }
  }
  std::erase_if(open, [&](const New& task) {
    const auto it = task.payload ? failed.find(*task.payload) : failed.end();
    if (it == failed.end()) return false;
    // The task itself was not written, whatever became of its payload.
    results[task.index] = fail(ErrorCode::kUnavailable, it->second.message);
    return true;
  });

  for (int race = 0; !open.empty(); ++race) {
    const auto asked = due_.asking();
    std::vector<Call> calls;
    for (const New& task : open) {
      calls.push_back({Operation::kPutItem,
                       {{"TableName", parts_.tables.tasks},
                        {"Item", task.item},
                        {"ConditionExpression", "attribute_not_exists(id)"},
                        {"ReturnValuesOnConditionCheckFailure", "ALL_OLD"}}});
    }
    auto replies = client_.call_all(std::move(calls));
    std::vector<New> taken;
    std::vector<TaskKey> keys;
    std::vector<Reply> refusals;
    for (std::size_t i = 0; i < open.size(); ++i) {
      New& task = open[i];
      if (replies[i] && replies[i]->condition_failed()) {
        keys.push_back(records[task.index].task.key);
        refusals.push_back(std::move(*replies[i]));
        taken.push_back(std::move(task));
        continue;
      }
      if (auto answer = answer_of(std::move(replies[i]), parts_.tables.tasks); !answer) {
        // What may have been stored needs its payload.
        if (task.payload && answer.error().code != ErrorCode::kUnknownOutcome) {
          unused.push_back(*task.payload);
        }
        results[task.index] = fail(std::move(answer.error()));
        continue;
      }
      note(records[task.index].task, asked);
    }
    open.clear();
    if (taken.empty()) break;

    auto there = items_now(keys, refusals);
    std::vector<std::size_t> others;  // positions in `taken`
    std::vector<std::optional<Item>> items;
    for (std::size_t i = 0; i < taken.size(); ++i) {
      New& task = taken[i];
      Result<PutResult>& result = results[task.index];
      const bool maybe_ours = refusals[i].maybe_applied_before;
      if (!there) {
        result = maybe_ours ? fail(maybe_done(keys[i])) : fail(there.error());
      } else if (std::optional<Item>& item = (*there)[i]; !item) {
        // Deleted since: its place is free. Where this very task may have been the one, storing
        // it again would bring it back, and without its payload.
        if (maybe_ours) {
          result = fail(maybe_done(keys[i]));
        } else if (race < kRacesMax) {
          open.push_back(std::move(task));
          continue;
        } else {
          result = fail(always_changing(keys[i]));
        }
      } else if (is_from(*item, task.rev, task.payload) ||
                 (maybe_ours && bytes_of(task.item, "sp") &&
                  bytes_of(task.item, "sp") == bytes_of(*item, "sp"))) {
        // Stored by an earlier try whose answer was lost; it may have been claimed since.
        note_item(keys[i], item, asked);
        continue;
      } else {
        others.push_back(i);
        items.push_back(std::move(item));
      }
      if (task.payload && !maybe_ours) unused.push_back(*task.payload);
    }
    if (others.empty()) continue;
    auto existing = with_payloads(std::move(items));
    for (std::size_t n = 0; n < others.size(); ++n) {
      New& task = taken[others[n]];
      Result<PutResult>& result = results[task.index];
      if (!existing) {
        result = fail(existing.error());
      } else if (Loaded& other = (*existing)[n]; !other) {
        result = fail(std::move(other.error()));
      } else if (*other) {
        result = PutResult{.created = false, .existing = std::move((*other)->record)};
      } else {  // deleted while its payload was read
        result = fail(always_changing(keys[others[n]]));
      }
    }
  }
  drop_payloads(unused);

  for (std::size_t i = 0; i < records.size(); ++i) {
    const std::size_t earlier = first.at(records[i].task.key);
    if (earlier == i) continue;
    const Result<PutResult>& result = results[earlier];
    if (!result) {
      results[i] = fail(result.error());
    } else {
      results[i] = PutResult{.created = false,
                             .existing = result->created ? records[earlier] : result->existing};
    }
  }
  return results;
}

Result<Task> DynamoStore::get(const TaskKey& key, TimePoint now) {
  auto answer = answer_of(client_.call(get_call(key)), parts_.tables.tasks);
  if (!answer) return fail(std::move(answer.error()));
  const json::value* const item = answer->if_contains("Item");
  if (!item || !item->is_object()) return fail(not_found(key));
  auto loaded = with_payloads({item->get_object()});
  if (!loaded) return fail(std::move(loaded.error()));
  Loaded& task = loaded->front();
  if (!task) return fail(std::move(task.error()));
  if (!*task) return fail(not_found(key));
  const bool leased = (*task)->leased(now);
  return as_shown(std::move((*task)->record.task), leased);
}

Result<void> DynamoStore::check() {
  auto answer =
      answer_of(client_.call(get_call({std::string(kControl), "meta"})), parts_.tables.tasks);
  if (!answer) return fail(std::move(answer.error()));
  return {};
}

Result<Description> DynamoStore::describe() {
  auto description = describe_tables(client_, parts_.tables);
  if (!description) return description;
  auto view = share_->view();
  if (!view) return fail(std::move(view.error()));
  for (auto& section : describe_share(*view)) description->sections.push_back(std::move(section));
  return description;
}

}  // namespace rhooks::store::dynamo
