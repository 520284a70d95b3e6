// What people change: edits, deletions.

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "codec/stored.h"
#include "store/dynamo/store_impl.h"
#include "store/shown.h"

namespace rhooks::store::dynamo {

namespace json = boost::json;

std::vector<Result<Task>> DynamoStore::change(std::span<const TaskKey> keys, const Edit& edit,
                                              TimePoint now) {
  std::vector<Result<Task>> results;
  for (const TaskKey& key : keys) results.push_back(fail(always_changing(key)));
  std::vector<std::size_t> open(keys.size());
  std::iota(open.begin(), open.end(), std::size_t{0});

  struct Edited {
    std::size_t index;
    TaskRecord record;
    Uuid rev;
    std::optional<TaskKey> old_payload;  // no longer used once this is stored
    std::optional<TaskKey> new_payload;  // not used if it is not
  };
  std::vector<TaskKey> unused;
  auto items = read_items({keys.begin(), keys.end()});
  for (int race = 0; race < kRacesMax && !open.empty(); ++race) {
    auto loaded = items ? with_payloads(std::move(*items)) : fail(std::move(items.error()));
    std::vector<Edited> edits;
    std::vector<Call> calls;
    for (std::size_t n = 0; n < open.size(); ++n) {
      const std::size_t i = open[n];
      if (!loaded) {
        results[i] = fail(loaded.error());
        continue;
      }
      Loaded& task = (*loaded)[n];
      if (!task || !*task) {
        results[i] = fail(task ? not_found(keys[i]) : task.error());
        continue;
      }
      StoredTask& stored = **task;
      auto changed = edit(as_shown(stored.record.task, stored.leased(now)));
      if (!changed) {
        results[i] = fail(std::move(changed.error()));
        continue;
      }
      RHOOKS_CHECK(changed->key == keys[i]);
      Edited edited{i, stored.record, fresh(), std::nullopt, std::nullopt};
      edited.record.task = as_stored(std::move(*changed));
      Item more;
      std::vector<std::string> remove;
      const std::string spec = codec::encode_spec(edited.record);
      if (spec != codec::encode_spec(stored.record)) {
        if (stored.payload) edited.old_payload = payload_key(keys[i], *stored.payload);
        if (wants_payload(task_item(edited.record, edited.rev, parts_.shards))) {
          auto id = put_payload(keys[i], spec);
          if (!id) {
            results[i] = fail(std::move(id.error()));
            continue;
          }
          edited.new_payload = payload_key(keys[i], *id);
          more["pl"] = text_value(*id);
          remove.push_back("sp");
        } else {
          more["sp"] = bytes_value(spec);
          remove.push_back("pl");
        }
      }
      calls.push_back(
          state_call(edited.record, stored.rev, edited.rev, std::move(more), std::move(remove)));
      edits.push_back(std::move(edited));
    }
    open.clear();

    const auto finish = [&](Edited& edited) {
      if (edited.old_payload) unused.push_back(*edited.old_payload);
      results[edited.index] = std::move(edited.record.task);
    };
    auto replies = client_.call_all(std::move(calls));
    std::vector<Edited> refused;
    std::vector<TaskKey> refused_keys;
    std::vector<Reply> refusals;
    for (std::size_t n = 0; n < edits.size(); ++n) {
      Edited& edited = edits[n];
      if (replies[n] && replies[n]->condition_failed()) {
        refused_keys.push_back(keys[edited.index]);
        refusals.push_back(std::move(*replies[n]));
        refused.push_back(std::move(edited));
        continue;
      }
      if (auto answer = answer_of(std::move(replies[n]), parts_.tables.tasks); !answer) {
        // What may have been stored needs its payload.
        if (edited.new_payload && answer.error().code != ErrorCode::kUnknownOutcome) {
          unused.push_back(*edited.new_payload);
        }
        results[edited.index] = fail(std::move(answer.error()));
        continue;
      }
      note(edited.record.task);
      finish(edited);
    }

    auto there = items_now(refused_keys, refusals);
    items = Items();
    for (std::size_t n = 0; n < refused.size(); ++n) {
      Edited& edited = refused[n];
      const bool maybe_ours = refusals[n].maybe_applied_before;
      if (there && (*there)[n] && is_from(*(*there)[n], edited.rev, edited.new_payload)) {
        note_item(refused_keys[n], (*there)[n]);  // by an earlier try whose answer was lost
        finish(edited);
        continue;
      }
      if (edited.new_payload && !maybe_ours) unused.push_back(*edited.new_payload);
      if (maybe_ours) {
        // Editing again what was edited already might do it twice.
        results[edited.index] = fail(maybe_done(refused_keys[n]));
      } else if (!there) {
        results[edited.index] = fail(there.error());
      } else {
        open.push_back(edited.index);
        items->push_back(std::move((*there)[n]));
      }
    }
  }
  drop_payloads(unused);
  return results;
}

std::vector<Result<Task>> DynamoStore::remove(std::span<const TaskKey> keys, TimePoint now) {
  std::vector<Call> calls;
  for (const TaskKey& key : keys) {
    calls.push_back({Operation::kDeleteItem,
                     {{"TableName", parts_.tables.tasks},
                      {"Key", key_item(key)},
                      {"ReturnValues", "ALL_OLD"}}});
  }
  auto replies = client_.call_all(std::move(calls));
  std::vector<Result<Task>> results;
  std::vector<std::optional<Item>> items(keys.size());
  std::vector<TaskKey> unused;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const bool maybe_before = replies[i] && replies[i]->maybe_applied_before;
    auto answer = answer_of(std::move(replies[i]), parts_.tables.tasks);
    if (!answer) {
      results.push_back(fail(std::move(answer.error())));
      continue;
    }
    const json::value* const item = answer->if_contains("Attributes");
    if (item && item->is_object()) {
      items[i] = item->get_object();
      if (const auto id = text_of(*items[i], "pl")) unused.push_back(payload_key(keys[i], *id));
    }
    due_.stored(shard_of(keys[i], parts_.shards), keys[i], std::nullopt,
                std::chrono::steady_clock::now());
    if (!items[i] && maybe_before) {
      results.push_back(fail(ErrorCode::kUnknownOutcome,
                             "task '" + keys[i].id + "' in namespace '" + keys[i].ns +
                                 "' is not there; this call may have deleted it: an answer of "
                                 "DynamoDB was lost"));
    } else {
      results.push_back(fail(not_found(keys[i])));  // until its content is known, below
    }
  }
  auto loaded = with_payloads(items);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!items[i]) continue;
    if (!loaded) {
      results[i] = fail(
          ErrorCode::kUnknownOutcome,
          "the task was deleted, but its content could not be read: " + loaded.error().message);
      continue;
    }
    Loaded& task = (*loaded)[i];
    if (!task) {
      results[i] = fail(std::move(task.error()));
    } else if (*task) {
      const bool leased = (*task)->leased(now);
      results[i] = as_shown(std::move((*task)->record.task), leased);
    }
  }
  if (loaded) drop_payloads(unused);
  return results;
}

Result<std::size_t> DynamoStore::clear(const std::string& ns, std::size_t limit) {
  const auto keys_of = [&](const std::string& table, std::size_t rows) {
    return answer_of(client_.call({Operation::kQuery,
                                   {{"TableName", table},
                                    {"ConsistentRead", true},
                                    {"KeyConditionExpression", "ns = :ns"},
                                    {"ExpressionAttributeValues", {{":ns", text_value(ns)}}},
                                    {"ProjectionExpression", "ns, id"},
                                    {"Limit", std::max<std::size_t>(rows, 1)}}}),
                     table);
  };
  std::size_t count = 0;
  while (count < limit) {
    auto rows = keys_of(parts_.tables.tasks, limit - count);
    if (!rows) return fail(std::move(rows.error()));
    const json::value& items = (*rows)["Items"];
    if (!items.is_array() || items.get_array().empty()) break;
    std::vector<Call> calls;
    std::vector<TaskKey> keys;
    for (const json::value& item : items.get_array()) {
      keys.push_back(key_of(item.as_object()));
      calls.push_back({Operation::kDeleteItem,
                       {{"TableName", parts_.tables.tasks},
                        {"Key", key_item(keys.back())},
                        {"ReturnValues", "ALL_OLD"}}});
    }
    // One by one, since a batch would not tell who deleted what where two clear at once.
    std::optional<Error> error;
    std::vector<TaskKey> unused;
    auto replies = client_.call_all(std::move(calls));
    for (std::size_t i = 0; i < replies.size(); ++i) {
      const bool maybe_before = replies[i] && replies[i]->maybe_applied_before;
      auto answer = answer_of(std::move(replies[i]), parts_.tables.tasks);
      if (!answer) {
        error = std::move(answer.error());
        continue;
      }
      due_.stored(shard_of(keys[i], parts_.shards), keys[i], std::nullopt,
                  std::chrono::steady_clock::now());
      const json::value* const old = answer->if_contains("Attributes");
      // Whose answer was lost is counted, since this call was the one that asked.
      if (old || maybe_before) ++count;
      if (!old || !old->is_object()) continue;
      if (const auto id = text_of(old->get_object(), "pl")) {
        unused.push_back(payload_key(keys[i], *id));
      }
    }
    drop_payloads(unused);
    if (error) {
      if (count > 0) return count;
      return fail(std::move(*error));
    }
  }
  if (count >= limit) {
    auto rest = keys_of(parts_.tables.tasks, 1);
    if (!rest) return count;
    const json::value& items = (*rest)["Items"];
    if (items.is_array() && !items.get_array().empty()) return count;
  }

  while (true) {
    auto rows = keys_of(parts_.tables.logs, parts_.tuning.request_rows_max);
    if (!rows) return fail(std::move(rows.error()));
    const json::value& items = (*rows)["Items"];
    if (!items.is_array() || items.get_array().empty()) return count;
    std::vector<TaskKey> keys;
    for (const json::value& item : items.get_array()) keys.push_back(key_of(item.as_object()));
    for (auto& removed : batches_.remove(parts_.tables.logs, keys)) {
      if (!removed) return fail(std::move(removed.error()));
    }
  }
}

}  // namespace rhooks::store::dynamo
