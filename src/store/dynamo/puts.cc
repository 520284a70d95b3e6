// What is registered: tasks, and the payloads of large ones.

#include "base/check.h"
#include "codec/stored.h"
#include "observe/logging.h"
#include "store/dynamo/store_impl.h"
#include "store/dynamo/time_to_live.h"

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;

// What the service says of an item that is too large cannot be told from other mistakes, so
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

void DynamoStore::expire_payloads(const std::vector<Expiring>& payloads) {
  if (payloads.empty()) return;
  std::vector<Call> calls;
  for (const Expiring& one : payloads) {
    Item set;
    set[kTtlAttribute] = ttl_value(one.at);
    // Not one that was deleted meanwhile.
    calls.push_back(update_call(one.key, set, {}, "attribute_exists(id)", {}));
  }
  for (auto& reply : client_.call_all(std::move(calls))) {
    if (reply && (reply->ok() || reply->condition_failed())) continue;
    log::warn("a payload stays when its task expires",
              {{"error", answer_of(std::move(reply), parts_.tables.tasks).error().message}});
    return;
  }
}

// A task that put() is to store.
struct DynamoStore::New {
  std::size_t index = 0;  // of its record
  Uuid rev{};
  Item item;
  std::optional<TaskKey> payload;
  std::optional<Item> expired;  // what holds its place
};

// `payloads` gets the one of a large task. Errors: kInvalidArgument.
Result<DynamoStore::New> DynamoStore::new_task(const TaskRecord& record, std::size_t index,
                                               std::vector<Item>& payloads) {
  const TaskKey& key = record.task.key;
  New task{.index = index, .rev = fresh(), .item = {}, .payload = {}, .expired = {}};
  task.item = task_item(record, task.rev, parts_.shards);
  std::optional<Item> payload;
  if (wants_payload(task.item)) {
    const std::string id = rhooks::to_string(fresh());
    payload = payload_item(key, id, codec::encode_spec(record));
    task.item.erase("sp");
    task.item["pl"] = text_value(id);
    task.payload = payload_key(key, id);
  }
  auto fits = check_size(key, task.item);
  if (fits && payload) fits = check_size(key, *payload);
  if (!fits) return fail(std::move(fits.error()));
  if (payload) payloads.push_back(std::move(*payload));
  return task;
}

// Before the tasks, so that none is ever without its own. A task whose payload could not be stored
// is taken out of `open`, and `results` says so; `unused` gets what may have been stored all the
// same.
void DynamoStore::put_payloads(std::vector<Item> payloads, std::vector<New>& open,
                               std::vector<Result<PutResult>>& results,
                               std::vector<TaskKey>& unused) {
  if (payloads.empty()) return;
  std::vector<TaskKey> keys;
  for (const Item& item : payloads) keys.push_back(key_of(item));
  std::map<TaskKey, Error> failed;
  const auto stored = batches_.put(parts_.tables.tasks, std::move(payloads));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (stored[i]) continue;
    failed.emplace(keys[i], stored[i].error());
    if (stored[i].error().code == ErrorCode::kUnknownOutcome) unused.push_back(keys[i]);
  }
  std::erase_if(open, [&](const New& task) {
    const auto it = task.payload ? failed.find(*task.payload) : failed.end();
    if (it == failed.end()) return false;
    // The task itself was not written, whatever became of its payload.
    results[task.index] = fail(ErrorCode::kUnavailable, it->second.message);
    return true;
  });
}

// In a place that is free, or that the expired task which was seen there still holds.
Call DynamoStore::put_call(const New& task) const {
  Call call{Operation::kPutItem,
            {{"TableName", parts_.tables.tasks},
             {"Item", task.item},
             {"ConditionExpression", "attribute_not_exists(id)"},
             {"ReturnValuesOnConditionCheckFailure", "ALL_OLD"}}};
  if (task.expired) {
    call.body["ConditionExpression"] = "attribute_not_exists(id) OR rev = :expired";
    call.body["ExpressionAttributeValues"] = {{":expired", task.expired->at("rev")}};
  }
  return call;
}

std::vector<Result<PutResult>> DynamoStore::put(std::span<const TaskRecord> records) {
  std::vector<Result<PutResult>> results(records.size(), Result<PutResult>(PutResult{}));
  // Namespaces first, so that no task is ever in one that is not listed.
  std::set<std::string> namespaces;
  for (const TaskRecord& record : records) namespaces.insert(record.task.key.ns);
  const auto unlisted = registry_.add(namespaces);
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
    auto task = new_task(records[i], i, payloads);
    if (!task) {
      results[i] = fail(std::move(task.error()));
      continue;
    }
    open.push_back(std::move(*task));
  }
  std::vector<TaskKey> unused;
  put_payloads(std::move(payloads), open, results, unused);

  for (int race = 0; !open.empty(); ++race) {
    const auto asked = due_.asking();
    std::vector<Call> calls;
    for (const New& task : open) calls.push_back(put_call(task));
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
      const auto old = task.expired ? text_of(*task.expired, "pl") : std::nullopt;
      if (old) unused.push_back(payload_key(records[task.index].task.key, *old));
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
      } else if (race < kRacesMax && has_expired(*item, records[task.index].task.created_at)) {
        task.expired = std::move(item);
        open.push_back(std::move(task));
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

}  // namespace rhooks::store::dynamo
