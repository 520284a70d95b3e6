// What is registered: tasks, and the payloads of large ones.

#include <utility>

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
void DynamoStore::drop_payloads(const std::vector<TaskKey>& keys, Tries tries) {
  if (keys.empty()) return;
  for (const auto& removed : batches_.remove(parts_.tables.tasks, keys, tries)) {
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

class DynamoStore::Putting {
 public:
  Putting(DynamoStore& store, std::span<const TaskRecord> records, Tries tries)
      : store_(store),
        records_(records),
        tries_(tries),
        results_(records.size(), Result<PutResult>(PutResult{})) {}

  std::vector<Result<PutResult>> run() {
    prepare();
    put_payloads();
    for (int race = 0; !open_.empty(); ++race) put_open(race < kRacesMax);
    store_.drop_payloads(unused_, tries_);
    answer_repeats();
    return std::move(results_);
  }

 private:
  struct New {
    std::size_t index = 0;  // of its record
    Uuid rev{};
    Item item;
    std::optional<TaskKey> payload;
    std::optional<Item> expired;  // what holds its place
  };

  const TaskKey& key_of_record(std::size_t index) const { return records_[index].task.key; }

  // Namespaces first, so that no task is ever in one that is not listed.
  void prepare() {
    std::set<std::string> namespaces;
    for (const TaskRecord& record : records_) namespaces.insert(record.task.key.ns);
    const auto unlisted = store_.registry_.add(namespaces, tries_);
    for (std::size_t i = 0; i < records_.size(); ++i) {
      const TaskKey& key = key_of_record(i);
      RHOOKS_CHECK(records_[i].task.status != Status::kProcessing);
      if (!first_.emplace(key, i).second) continue;
      if (const auto it = unlisted.find(key.ns); it != unlisted.end()) {
        // The task itself was not written, whatever became of its namespace.
        results_[i] = fail(ErrorCode::kUnavailable, it->second.message);
      } else if (auto task = new_task(i)) {
        open_.push_back(std::move(*task));
      } else {
        results_[i] = fail(std::move(task.error()));
      }
    }
  }

  // Errors: kInvalidArgument.
  Result<New> new_task(std::size_t index) {
    const TaskRecord& record = records_[index];
    const TaskKey& key = record.task.key;
    New task{.index = index, .rev = store_.fresh(), .item = {}, .payload = {}, .expired = {}};
    task.item = task_item(record, task.rev, store_.parts_.shards);
    std::optional<Item> payload;
    if (wants_payload(task.item)) {
      const std::string id = rhooks::to_string(store_.fresh());
      payload = payload_item(key, id, codec::encode_spec(record));
      task.item.erase("sp");
      task.item["pl"] = text_value(id);
      task.payload = payload_key(key, id);
    }
    auto fits = check_size(key, task.item);
    if (fits && payload) fits = check_size(key, *payload);
    if (!fits) return fail(std::move(fits.error()));
    if (payload) payloads_.push_back(std::move(*payload));
    return task;
  }

  // Before the tasks, so that none is ever without its own.
  void put_payloads() {
    if (payloads_.empty()) return;
    std::vector<TaskKey> keys;
    for (const Item& item : payloads_) keys.push_back(key_of(item));
    std::map<TaskKey, Error> failed;
    const auto stored =
        store_.batches_.put(store_.parts_.tables.tasks, std::move(payloads_), tries_);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (stored[i]) continue;
      failed.emplace(keys[i], stored[i].error());
      if (stored[i].error().code == ErrorCode::kUnknownOutcome) unused_.push_back(keys[i]);
    }
    std::erase_if(open_, [&](const New& task) {
      const auto it = task.payload ? failed.find(*task.payload) : failed.end();
      if (it == failed.end()) return false;
      // The task itself was not written, whatever became of its payload.
      results_[task.index] = fail(ErrorCode::kUnavailable, it->second.message);
      return true;
    });
  }

  // In a place that is free, or that the expired task which was seen there still holds.
  Call put_call(const New& task) const {
    Call call{Operation::kPutItem,
              {{"TableName", store_.parts_.tables.tasks},
               {"Item", task.item},
               {"ConditionExpression", "attribute_not_exists(id)"},
               {"ReturnValuesOnConditionCheckFailure", "ALL_OLD"}},
              tries_};
    if (task.expired) {
      call.body["ConditionExpression"] = "attribute_not_exists(id) OR rev = :expired";
      call.body["ExpressionAttributeValues"] = {{":expired", task.expired->at("rev")}};
    }
    return call;
  }

  // `again`: what is refused may be open once more.
  void put_open(bool again) {
    std::vector<New> tasks = std::exchange(open_, {});
    const auto asked = store_.due_.asking();
    std::vector<Call> calls;
    for (const New& task : tasks) calls.push_back(put_call(task));
    auto written = store_.write_each(std::move(calls), [&](std::size_t i) -> const TaskKey& {
      return key_of_record(tasks[i].index);
    });
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      New& task = tasks[i];
      if (written[i].refused) {
        settle_refused(std::move(task), *written[i].refused, again, asked);
      } else if (const auto& answer = written[i].answer; !answer) {
        // What may have been stored needs its payload.
        if (task.payload && answer.error().code != ErrorCode::kUnknownOutcome) {
          unused_.push_back(*task.payload);
        }
        results_[task.index] = fail(answer.error());
      } else {
        store_.note(records_[task.index].task, asked);
        const auto old = task.expired ? text_of(*task.expired, "pl") : std::nullopt;
        if (old) unused_.push_back(payload_key(key_of_record(task.index), *old));
      }
    }
    answer_taken();
  }

  void settle_refused(New task, Written::Refusal& refusal, bool again, DueCache::Asked asked) {
    const TaskKey& key = key_of_record(task.index);
    Result<PutResult>& result = results_[task.index];
    const bool maybe_ours = refusal.maybe_ours;
    if (refusal.there && *refusal.there) {
      Item& item = **refusal.there;
      if (is_from(item, task.rev, task.payload) ||
          (maybe_ours && bytes_of(task.item, "sp") &&
           bytes_of(task.item, "sp") == bytes_of(item, "sp"))) {
        // Stored by an earlier try whose answer was lost; it may have been claimed since.
        store_.note_item(key, *refusal.there, asked);
        return;
      }
      const bool expired = has_expired(item, records_[task.index].task.created_at);
      if (expired && !is_finished(item)) {
        result = fail(not_finished(key));
      } else if (expired && again) {
        task.expired = std::move(item);
        open_.push_back(std::move(task));
        return;
      } else {
        taken_.push_back(task.index);
        holders_.push_back(std::move(item));
      }
    } else if (maybe_ours) {
      // Deleted since, as far as is known. Where this very task was the one, storing it again would
      // bring it back, and without its payload.
      result = fail(maybe_done(key));
    } else if (!refusal.there) {
      result = fail(std::move(refusal.there.error()));
    } else if (again) {  // deleted since: its place is free
      open_.push_back(std::move(task));
      return;
    } else {
      result = fail(always_changing(key));
    }
    if (task.payload && !maybe_ours) unused_.push_back(*task.payload);
  }

  // Whether what follows from the last outcome of this task is stored.
  bool is_finished(const Item& item) {
    const auto outbox = bytes_of(item, "ob");
    if (!outbox) return true;
    return store_.put_outboxes({{key_of(item), *outbox}}, tries_).front() != OutboxEnd::kLeft;
  }

  void answer_taken() {
    if (taken_.empty()) return;
    auto existing = store_.with_payloads(std::exchange(holders_, {}));
    const auto taken = std::exchange(taken_, {});
    for (std::size_t n = 0; n < taken.size(); ++n) {
      Result<PutResult>& result = results_[taken[n]];
      if (!existing) {
        result = fail(existing.error());
      } else if (Loaded& other = (*existing)[n]; !other) {
        result = fail(std::move(other.error()));
      } else if (*other) {
        result = PutResult{.created = false, .existing = std::move((*other)->record)};
      } else {  // deleted while its payload was read
        result = fail(always_changing(key_of_record(taken[n])));
      }
    }
  }

  void answer_repeats() {
    for (std::size_t i = 0; i < records_.size(); ++i) {
      const std::size_t earlier = first_.at(key_of_record(i));
      if (earlier == i) continue;
      const Result<PutResult>& result = results_[earlier];
      if (!result) {
        results_[i] = fail(result.error());
      } else {
        results_[i] = PutResult{.created = false,
                                .existing = result->created ? records_[earlier] : result->existing};
      }
    }
  }

  DynamoStore& store_;
  const std::span<const TaskRecord> records_;
  const Tries tries_;
  std::vector<Result<PutResult>> results_;
  std::map<TaskKey, std::size_t> first_;  // of the records with one key only the first is put
  std::vector<New> open_;
  std::vector<Item> payloads_;
  std::vector<TaskKey> unused_;  // payloads
  // Records whose place others' tasks hold, and these.
  std::vector<std::size_t> taken_;
  Items holders_;
};

std::vector<Result<PutResult>> DynamoStore::do_put(std::span<const TaskRecord> records) {
  return put_tasks(records, Tries::kMany);
}

std::vector<Result<PutResult>> DynamoStore::put_tasks(std::span<const TaskRecord> records,
                                                      Tries tries) {
  return Putting(*this, records, tries).run();
}

}  // namespace rhooks::store::dynamo
