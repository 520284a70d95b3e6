// What people change: edits, deletions.

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "codec/stored.h"
#include "store/dynamo/store_impl.h"
#include "store/dynamo/time_to_live.h"
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
      if (!task || !*task || model::expired((*task)->record.task, now)) {
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
      const bool kept = stored.record.task.expires_at && !edited.record.task.expires_at;
      if (kept) remove.emplace_back(kTtlAttribute);
      const std::string spec = codec::encode_spec(edited.record);
      // The payload of one that was to expire may be deleted, or be marked for it right now.
      if (spec != codec::encode_spec(stored.record) || (kept && stored.payload)) {
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
    const auto asked = due_.asking();
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
      note(edited.record.task, asked);
      finish(edited);
    }

    auto there = items_now(refused_keys, refusals);
    items = Items();
    for (std::size_t n = 0; n < refused.size(); ++n) {
      Edited& edited = refused[n];
      const bool maybe_ours = refusals[n].maybe_applied_before;
      if (there && (*there)[n] && is_from(*(*there)[n], edited.rev, edited.new_payload)) {
        note_item(refused_keys[n], (*there)[n], asked);  // by an earlier try whose answer was lost
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

// Only what was read is deleted: a request that is sent again because its answer was lost must
// not delete what somebody registered in between.
Call DynamoStore::delete_call(const Item& seen) const {
  const auto rev = uuid_of(seen, "rev");
  Call call{Operation::kDeleteItem,
            {{"TableName", parts_.tables.tasks},
             {"Key", key_item(key_of(seen))},
             {"ConditionExpression", rev ? "rev = :rev" : "attribute_not_exists(rev)"},
             {"ReturnValuesOnConditionCheckFailure", "ALL_OLD"}}};
  if (rev) call.body["ExpressionAttributeValues"] = {{":rev", bytes_value(bytes_view(*rev))}};
  return call;
}

std::vector<Result<Task>> DynamoStore::remove(std::span<const TaskKey> keys, TimePoint now) {
  std::vector<Result<Task>> results;
  for (const TaskKey& key : keys) results.push_back(fail(always_changing(key)));
  std::vector<std::size_t> open(keys.size());
  std::iota(open.begin(), open.end(), std::size_t{0});
  std::map<std::size_t, Result<Task>> maybe_removed;  // by a request whose answer was lost
  std::vector<TaskKey> unused;
  for (int race = 0; race < kRacesMax && !open.empty(); ++race) {
    std::vector<TaskKey> wanted;
    for (const std::size_t i : open) wanted.push_back(keys[i]);
    const auto reading = due_.asking();
    auto items = read_items(wanted);
    auto loaded = items ? with_payloads(*items) : fail(items.error());
    if (!loaded) {
      for (const std::size_t i : open) results[i] = fail(loaded.error());
      break;
    }
    struct Seen {
      std::size_t index;
      Result<Task> task;
      std::optional<TaskKey> payload;
    };
    std::vector<Seen> seen;
    std::vector<Call> calls;
    for (std::size_t n = 0; n < open.size(); ++n) {
      const std::size_t i = open[n];
      const std::optional<Item>& item = (*items)[n];
      Loaded& task = (*loaded)[n];
      if (!item || (task && (!*task || model::expired((*task)->record.task, now)))) {
        const auto lost = maybe_removed.find(i);
        results[i] = lost == maybe_removed.end() ? fail(not_found(keys[i])) : lost->second;
        if (lost != maybe_removed.end()) note_gone(keys[i], reading);
        continue;
      }
      Seen one{i, fail(not_found(keys[i])), std::nullopt};
      if (const auto id = text_of(*item, "pl")) one.payload = payload_key(keys[i], *id);
      if (task) {
        const bool leased = (*task)->leased(now);
        one.task = as_shown(std::move((*task)->record.task), leased);
      } else {
        one.task = fail(task.error());  // unreadable: deleted all the same, and said
      }
      calls.push_back(delete_call(*item));
      seen.push_back(std::move(one));
    }
    open.clear();
    const auto asked = due_.asking();
    auto replies = client_.call_all(std::move(calls));
    for (std::size_t n = 0; n < seen.size(); ++n) {
      Seen& one = seen[n];
      if (replies[n] && replies[n]->condition_failed()) {
        if (replies[n]->maybe_applied_before) {
          maybe_removed.insert_or_assign(one.index, std::move(one.task));
          if (one.payload && !replies[n]->body.contains("Item")) unused.push_back(*one.payload);
        }
        open.push_back(one.index);
        continue;
      }
      if (auto answer = answer_of(std::move(replies[n]), parts_.tables.tasks); !answer) {
        results[one.index] = fail(std::move(answer.error()));
        continue;
      }
      if (one.payload) unused.push_back(*one.payload);
      note_gone(keys[one.index], asked);
      results[one.index] = std::move(one.task);
    }
  }
  drop_payloads(unused);
  return results;
}

Result<std::size_t> DynamoStore::clear(const std::string& ns, std::size_t limit) {
  const auto rows_of = [&](const std::string& table, const char* attributes,
                           std::size_t rows) -> Result<std::vector<Item>> {
    auto answer = answer_of(client_.call({Operation::kQuery,
                                          {{"TableName", table},
                                           {"ConsistentRead", true},
                                           {"KeyConditionExpression", "ns = :ns"},
                                           {"ExpressionAttributeValues", {{":ns", text_value(ns)}}},
                                           {"ProjectionExpression", attributes},
                                           {"Limit", std::max<std::size_t>(rows, 1)}}}),
                            table);
    if (!answer) return fail(std::move(answer.error()));
    std::vector<Item> items;
    const json::value* const list = answer->if_contains("Items");
    if (!list || !list->is_array()) return items;
    for (const json::value& item : list->get_array()) {
      if (item.is_object()) items.push_back(item.get_object());
    }
    return items;
  };
  std::size_t count = 0;
  TaskKey reached;
  for (int idle = 0;; ++idle) {
    auto rows = rows_of(parts_.tables.tasks, "ns, id, pl, rev", limit - count);
    if (!rows) return fail(std::move(rows.error()));
    if (rows->empty()) break;
    if (count == limit) return count;
    // Another that clears as well may be a step ahead every time: then all goes on through it.
    if (TaskKey first = key_of(rows->front()); reached < first) {
      reached = std::move(first);
      idle = 0;
    }
    if (idle == kRacesMax) return fail(always_changing(key_of(rows->front())));
    // One by one, since a batch would not tell who deleted what where two clear at once.
    std::vector<Call> calls;
    for (const Item& row : *rows) calls.push_back(delete_call(row));
    std::optional<Error> error;
    std::vector<TaskKey> unused;
    const auto asked = due_.asking();
    auto replies = client_.call_all(std::move(calls));
    for (std::size_t i = 0; i < replies.size(); ++i) {
      const TaskKey key = key_of((*rows)[i]);
      // Gone by an earlier try whose answer was lost: this call was the one that asked.
      const bool before = replies[i] && replies[i]->condition_failed() &&
                          replies[i]->maybe_applied_before && !replies[i]->body.contains("Item");
      if (replies[i] && replies[i]->condition_failed() && !before) continue;  // changed since
      if (!before) {
        if (auto answer = answer_of(std::move(replies[i]), parts_.tables.tasks); !answer) {
          error = std::move(answer.error());
          continue;
        }
      }
      ++count;
      idle = -1;
      note_gone(key, asked);
      if (const auto id = text_of((*rows)[i], "pl")) unused.push_back(payload_key(key, *id));
    }
    drop_payloads(unused);
    if (error) {
      if (count > 0) return count;
      return fail(std::move(*error));
    }
  }

  // Logs may go on to come while workers end their attempts: what is there in so many rounds.
  constexpr int kLogRoundsMax = 100'000;
  for (int round = 0; round < kLogRoundsMax; ++round) {
    auto rows = rows_of(parts_.tables.logs, "ns, id", parts_.tuning.request_rows_max);
    if (!rows) return fail(std::move(rows.error()));
    if (rows->empty()) break;
    std::vector<TaskKey> keys;
    for (const Item& row : *rows) keys.push_back(key_of(row));
    for (auto& removed : batches_.remove(parts_.tables.logs, keys)) {
      if (!removed) return fail(std::move(removed.error()));
    }
  }
  return count;
}

}  // namespace rhooks::store::dynamo
