// What people change: edits, deletions.

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "codec/stored.h"
#include "store/dynamo/store_impl.h"
#include "store/dynamo/time_to_live.h"
#include "store/shown.h"

namespace rhooks::store::dynamo {

namespace json = boost::json;

namespace {

// What a batch answers of items that nothing else comes of.
std::vector<Result<Task>> all_changing(std::span<const TaskKey> keys) {
  std::vector<Result<Task>> results;
  for (const TaskKey& key : keys) results.push_back(fail(always_changing(key)));
  return results;
}

std::vector<std::size_t> positions_of(std::span<const TaskKey> keys) {
  std::vector<std::size_t> positions(keys.size());
  std::iota(positions.begin(), positions.end(), std::size_t{0});
  return positions;
}

}  // namespace

class DynamoStore::Changing {
 public:
  Changing(DynamoStore& store, std::span<const TaskKey> keys, const Edit& edit, TimePoint now)
      : store_(store),
        keys_(keys),
        edit_(edit),
        now_(now),
        results_(all_changing(keys)),
        open_(positions_of(keys)),
        items_(store.read_items({keys.begin(), keys.end()})) {}

  std::vector<Result<Task>> run() {
    for (int race = 0; race < kRacesMax && !open_.empty(); ++race) change_open();
    store_.drop_payloads(unused_);
    store_.expire_payloads(expiring_);
    return std::move(results_);
  }

 private:
  struct Edited {
    std::size_t index = 0;
    TaskRecord record;
    Uuid rev{};
    std::optional<TaskKey> old_payload;   // no longer used once this is stored
    std::optional<TaskKey> new_payload;   // not used if it is not
    std::optional<TaskKey> payload = {};  // that the task then has
    std::optional<int> left_shard = {};   // where it lay before
  };

  void change_open() {
    auto loaded =
        items_ ? store_.with_payloads(std::move(*items_)) : fail(std::move(items_.error()));
    items_ = Items();
    if (loaded) put_outboxes(*loaded);
    std::vector<Edited> edits;
    std::vector<Call> calls;
    const auto open = std::exchange(open_, {});
    for (std::size_t n = 0; n < open.size(); ++n) {
      auto one = loaded ? edited(open[n], (*loaded)[n], calls) : fail(loaded.error());
      if (one) {
        edits.push_back(std::move(*one));
      } else {
        results_[open[n]] = fail(std::move(one.error()));
      }
    }
    const auto asked = store_.due_.asking();
    auto written = store_.write_each(
        std::move(calls), [&](std::size_t n) -> const TaskKey& { return keys_[edits[n].index]; });
    for (std::size_t n = 0; n < edits.size(); ++n) {
      Edited& edit = edits[n];
      if (written[n].refused) {
        settle_refused(edit, *written[n].refused, asked);
      } else if (const auto& answer = written[n].answer; !answer) {
        // What may have been stored needs its payload.
        if (edit.new_payload && answer.error().code != ErrorCode::kUnknownOutcome) {
          unused_.push_back(*edit.new_payload);
        }
        results_[edit.index] = fail(answer.error());
      } else {
        store_.note(edit.record.task, asked);
        finish(edit, asked);
      }
    }
  }

  // What waits with a task is put before the task is changed; the change takes it out.
  void put_outboxes(std::vector<Loaded>& loaded) {
    std::vector<Outbox> outboxes;
    std::vector<Loaded*> owners;
    for (Loaded& task : loaded) {
      if (!task || !*task || !(*task)->outbox) continue;
      outboxes.push_back({(*task)->record.task.key, *(*task)->outbox});
      owners.push_back(&task);
    }
    const auto ends = store_.put_outboxes(outboxes, Tries::kMany);
    for (std::size_t n = 0; n < owners.size(); ++n) {
      if (ends[n] == OutboxEnd::kLeft) *owners[n] = fail(not_finished(outboxes[n].task));
    }
  }

  // Edits a task, and adds the call that stores it.
  Result<Edited> edited(std::size_t index, const Loaded& task, std::vector<Call>& calls) {
    const TaskKey& key = keys_[index];
    if (!task) return fail(task.error());
    if (!*task || model::expired((*task)->record.task, now_)) return fail(not_found(key));
    const StoredTask& stored = **task;
    auto changed = edit_(as_shown(stored.record.task, stored.leased(now_)));
    if (!changed) return fail(std::move(changed.error()));
    RHOOKS_CHECK(changed->key == key);
    Edited edited{index, stored.record, store_.fresh(), std::nullopt, std::nullopt};
    edited.record.task = as_stored(std::move(*changed));
    if (stored.payload) edited.payload = payload_key(key, *stored.payload);
    Item more;
    std::vector<std::string> remove;
    const bool kept = stored.record.task.expires_at && !edited.record.task.expires_at;
    if (kept) remove.emplace_back(kTtlAttribute);
    if (stored.outbox) remove.emplace_back("ob");
    const std::string spec = codec::encode_spec(edited.record);
    // The payload of one that was to expire may be deleted, or be marked for it right now.
    if (spec != codec::encode_spec(stored.record) || (kept && stored.payload)) {
      const model::Flow flow = model::flow_of(edited.record.task);
      more["rc"] = receiver_value(flow);
      const int shard = shard_of(key, flow, store_.parts_.shards);
      const int before = shard_of(key, model::flow_of(stored.record.task), store_.parts_.shards);
      if (shard != before) {
        more["sh"] = number_value(shard);
        edited.left_shard = before;
      }
      edited.old_payload = std::exchange(edited.payload, std::nullopt);
      if (wants_payload(task_item(edited.record, edited.rev, store_.parts_.shards))) {
        auto id = store_.put_payload(key, spec);
        if (!id) return fail(std::move(id.error()));
        edited.payload = edited.new_payload = payload_key(key, *id);
        more["pl"] = text_value(*id);
        remove.push_back("sp");
      } else {
        more["sp"] = bytes_value(spec);
        remove.push_back("pl");
      }
    }
    calls.push_back(store_.state_call(edited.record, stored.rev, edited.rev, std::move(more),
                                      std::move(remove)));
    return edited;
  }

  void finish(Edited& edited, DueCache::Asked asked) {
    if (edited.left_shard) {
      store_.due_.stored(*edited.left_shard, edited.record.task.key, std::nullopt, asked,
                         store_.parts_.steady());
    }
    if (edited.old_payload) unused_.push_back(*edited.old_payload);
    const auto& expires_at = edited.record.task.expires_at;
    if (edited.payload && expires_at) expiring_.push_back({*edited.payload, *expires_at});
    results_[edited.index] = std::move(edited.record.task);
  }

  void settle_refused(Edited& edited, Written::Refusal& refusal, DueCache::Asked asked) {
    const TaskKey& key = keys_[edited.index];
    auto& there = refusal.there;
    if (there && *there && is_from(**there, edited.rev, edited.new_payload)) {
      store_.note_item(key, *there, asked);  // by an earlier try whose answer was lost
      finish(edited, asked);
      return;
    }
    if (edited.new_payload && !refusal.maybe_ours) unused_.push_back(*edited.new_payload);
    if (refusal.maybe_ours) {
      // Editing again what was edited already might do it twice.
      results_[edited.index] = fail(maybe_done(key));
    } else if (!there) {
      results_[edited.index] = fail(std::move(there.error()));
    } else {
      open_.push_back(edited.index);
      items_->push_back(std::move(*there));
    }
  }

  DynamoStore& store_;
  const std::span<const TaskKey> keys_;
  const Edit& edit_;
  const TimePoint now_;
  std::vector<Result<Task>> results_;
  std::vector<std::size_t> open_;
  Result<Items> items_;  // of what is open
  std::vector<TaskKey> unused_;
  std::vector<Expiring> expiring_;
};

std::vector<Result<Task>> DynamoStore::do_change(std::span<const TaskKey> keys, const Edit& edit,
                                                 TimePoint now) {
  return Changing(*this, keys, edit, now).run();
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
  if (rev) call.body["ExpressionAttributeValues"] = {{":rev", uuid_value(*rev)}};
  return call;
}

class DynamoStore::Removing {
 public:
  Removing(DynamoStore& store, std::span<const TaskKey> keys, TimePoint now)
      : store_(store),
        keys_(keys),
        now_(now),
        results_(all_changing(keys)),
        open_(positions_of(keys)),
        asked_(store.due_.asking()),
        items_(store.read_items({keys.begin(), keys.end()})) {}

  std::vector<Result<Task>> run() {
    for (int race = 0; race < kRacesMax && !open_.empty(); ++race) remove_open();
    store_.drop_payloads(unused_);
    return std::move(results_);
  }

 private:
  struct Seen {
    std::size_t index = 0;
    Result<Task> task;  // Error: it cannot be read; deleted all the same, and said
    std::optional<TaskKey> payload;
  };

  void remove_open() {
    auto loaded = items_ ? store_.with_payloads(*items_) : fail(items_.error());
    const auto put = loaded ? put_outboxes() : std::vector<bool>();
    std::vector<Seen> present;
    std::vector<Call> calls;
    const auto open = std::exchange(open_, {});
    for (std::size_t n = 0; n < open.size(); ++n) {
      if (!loaded) {
        results_[open[n]] = not_removed(open[n], loaded.error());
        continue;
      }
      const std::optional<Item>& item = (*items_)[n];
      Loaded& task = (*loaded)[n];
      if (!item || (task && (!*task || model::expired((*task)->record.task, now_)))) {
        answer_gone(open[n]);
      } else if (is_another(open[n], task)) {
        answer_replaced(open[n], *item, task.has_value());
      } else if (!put[n]) {
        results_[open[n]] = not_removed(open[n], not_finished(keys_[open[n]]));
      } else {
        calls.push_back(store_.delete_call(*item));
        present.push_back(seen(open[n], *item, task));
      }
    }
    items_ = Items();
    asked_ = store_.due_.asking();
    auto written = store_.write_each(
        std::move(calls), [&](std::size_t n) -> const TaskKey& { return keys_[present[n].index]; });
    for (std::size_t n = 0; n < present.size(); ++n) settle(present[n], written[n]);
  }

  // For each item whether nothing waits there any more.
  std::vector<bool> put_outboxes() {
    std::vector<bool> put(items_->size(), true);
    std::vector<Outbox> outboxes;
    std::vector<std::size_t> owners;
    for (std::size_t n = 0; n < items_->size(); ++n) {
      const auto& item = (*items_)[n];
      const auto bytes = item ? bytes_of(*item, "ob") : std::nullopt;
      if (!bytes) continue;
      outboxes.push_back({key_of(*item), *bytes});
      owners.push_back(n);
    }
    const auto ends = store_.put_outboxes(outboxes, Tries::kMany);
    for (std::size_t n = 0; n < owners.size(); ++n) put[owners[n]] = ends[n] != OutboxEnd::kLeft;
    return put;
  }

  Seen seen(std::size_t index, const Item& item, Loaded& task) const {
    Seen seen{index, fail(not_found(keys_[index])), std::nullopt};
    if (const auto id = text_of(item, "pl")) seen.payload = payload_key(keys_[index], *id);
    if (task) {
      const bool leased = (*task)->leased(now_);
      seen.task = as_shown(std::move((*task)->record.task), leased);
    } else {
      seen.task = fail(task.error());
    }
    return seen;
  }

  void answer_gone(std::size_t index) {
    const auto lost = maybe_removed_.find(index);
    if (lost == maybe_removed_.end()) {
      results_[index] = fail(not_found(keys_[index]));
    } else {
      results_[index] = std::move(lost->second);
      store_.note_gone(keys_[index], asked_);
    }
  }

  // Whether the task that this call may have removed has made way for one registered since. That
  // one stays: nobody has asked for its removal.
  bool is_another(std::size_t index, const Loaded& task) const {
    const auto lost = maybe_removed_.find(index);
    if (lost == maybe_removed_.end()) return false;
    return !lost->second || !task || lost->second->created_at != (*task)->record.task.created_at;
  }

  void answer_replaced(std::size_t index, const Item& item, bool readable) {
    Result<Task>& lost = maybe_removed_.at(index);
    results_[index] = lost && readable ? std::move(lost) : fail(maybe_done(keys_[index]));
    store_.note_item(keys_[index], item, asked_);
  }

  // What an error comes to where this call may have removed the task before.
  Result<Task> not_removed(std::size_t index, Error error) const {
    return fail(maybe_removed_.contains(index) ? maybe_done(keys_[index]) : std::move(error));
  }

  void settle(Seen& seen, Written& written) {
    if (written.refused) {
      auto& there = written.refused->there;
      if (written.refused->maybe_ours) {
        maybe_removed_.insert_or_assign(seen.index, std::move(seen.task));
        if (there && !is_named(seen, *there)) unused_.push_back(*seen.payload);
      }
      if (there) {
        open_.push_back(seen.index);
        items_->push_back(std::move(*there));
      } else {
        results_[seen.index] = not_removed(seen.index, std::move(there.error()));
      }
    } else if (!written.answer) {
      results_[seen.index] = not_removed(seen.index, std::move(written.answer.error()));
    } else {
      if (seen.payload) unused_.push_back(*seen.payload);
      store_.note_gone(keys_[seen.index], asked_);
      results_[seen.index] = std::move(seen.task);
    }
  }

  // Whether what is there needs the payload that was seen, if there was one.
  bool is_named(const Seen& seen, const std::optional<Item>& there) const {
    if (!seen.payload) return true;
    const auto id = there ? text_of(*there, "pl") : std::nullopt;
    return id && payload_key(keys_[seen.index], *id) == *seen.payload;
  }

  DynamoStore& store_;
  const std::span<const TaskKey> keys_;
  const TimePoint now_;
  std::vector<Result<Task>> results_;
  std::vector<std::size_t> open_;
  DueCache::Asked asked_;                              // when items_ were
  Result<Items> items_;                                // of what is open
  std::map<std::size_t, Result<Task>> maybe_removed_;  // by a request whose answer was lost
  std::vector<TaskKey> unused_;
};

std::vector<Result<Task>> DynamoStore::do_remove(std::span<const TaskKey> keys, TimePoint now) {
  return Removing(*this, keys, now).run();
}

Result<std::vector<Item>> DynamoStore::first_rows(const std::string& table, const std::string& ns,
                                                  const char* attributes, std::size_t limit) {
  auto answer = answer_of(client_.call({Operation::kQuery,
                                        {{"TableName", table},
                                         {"ConsistentRead", true},
                                         {"KeyConditionExpression", "ns = :ns"},
                                         {"ExpressionAttributeValues", {{":ns", text_value(ns)}}},
                                         {"ProjectionExpression", attributes},
                                         {"Limit", std::max<std::size_t>(limit, 1)}}}),
                          table);
  if (!answer) return fail(std::move(answer.error()));
  std::vector<Item> rows;
  const json::value* const items = answer->if_contains("Items");
  if (!items || !items->is_array()) return rows;
  for (const json::value& item : items->get_array()) {
    if (item.is_object()) rows.push_back(item.get_object());
  }
  return rows;
}

// One by one, since a batch would not tell who deleted what where two clear at once. `count`
// grows by what this call deleted, also where there is an Error.
Result<void> DynamoStore::delete_rows(const std::vector<Item>& rows, std::size_t& count) {
  std::vector<Call> calls;
  for (const Item& row : rows) calls.push_back(delete_call(row));
  std::optional<Error> error;
  std::vector<TaskKey> unused;
  const auto asked = due_.asking();
  auto replies = client_.call_all(std::move(calls));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Result<Reply>& reply = replies[i];
    if (reply && reply->condition_failed()) {
      // Changed since, or deleted by others. Gone by an earlier try whose answer was lost: this
      // call was the one that asked.
      if (!reply->maybe_applied_before || reply->body.contains("Item")) continue;
    } else if (auto answer = answer_of(std::move(reply), parts_.tables.tasks); !answer) {
      error = std::move(answer.error());
      continue;
    }
    ++count;
    const TaskKey key = key_of(rows[i]);
    note_gone(key, asked);
    if (const auto id = text_of(rows[i], "pl")) unused.push_back(payload_key(key, *id));
  }
  drop_payloads(unused);
  if (error) return fail(std::move(*error));
  return {};
}

// Logs may go on to come while workers end their attempts: what is there in so many rounds.
Result<void> DynamoStore::clear_logs(const std::string& ns) {
  constexpr int kLogRoundsMax = 100'000;
  for (int round = 0; round < kLogRoundsMax; ++round) {
    auto rows = first_rows(parts_.tables.logs, ns, "ns, id", parts_.tuning.request_rows_max);
    if (!rows) return fail(std::move(rows.error()));
    if (rows->empty()) break;
    std::vector<TaskKey> keys;
    for (const Item& row : *rows) keys.push_back(key_of(row));
    for (auto& removed : batches_.remove(parts_.tables.logs, keys)) {
      if (!removed) return removed;
    }
  }
  return {};
}

Result<std::size_t> DynamoStore::do_clear(const std::string& ns, std::size_t limit) {
  std::size_t count = 0;
  TaskKey reached;
  for (int idle = 0;; ++idle) {
    auto rows = first_rows(parts_.tables.tasks, ns, "ns, id, pl, rev", limit - count);
    if (!rows) return fail(std::move(rows.error()));
    if (rows->empty()) break;
    if (count == limit) return count;
    // Another that clears as well may be a step ahead every time: then all goes on through it.
    if (TaskKey first = key_of(rows->front()); reached < first) {
      reached = std::move(first);
      idle = 0;
    }
    if (idle == kRacesMax) return fail(always_changing(key_of(rows->front())));
    const std::size_t before = count;
    if (auto deleted = delete_rows(*rows, count); !deleted) {
      if (count > 0) return count;
      return fail(std::move(deleted.error()));
    }
    if (count > before) idle = -1;
  }
  if (auto cleared = clear_logs(ns); !cleared) return fail(std::move(cleared.error()));
  return count;
}

}  // namespace rhooks::store::dynamo
