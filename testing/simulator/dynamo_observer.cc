#include "testing/simulator/dynamo_observer.h"

#include <algorithm>

#include "store/dynamo/items.h"

namespace rhooks::simulator {
namespace {

using store::dynamo::Item;
using store::dynamo::Operation;
using store::dynamo::StoredTask;
using Change = DynamoService::Change;
namespace dynamo = store::dynamo;

// Whether the request of an update sets this attribute of a task, as DynamoStore writes it.
bool sets(const Change& change, const std::string& value) {
  const auto* const values = change.call.body.if_contains("ExpressionAttributeValues");
  const auto* const update = change.call.body.if_contains("UpdateExpression");
  return update && values && values->as_object().contains(value) &&
         std::string_view(update->as_string()).find(" = " + value) != std::string_view::npos;
}

class ObservedChange {
 public:
  ObservedChange(const DynamoService& service, const Change& change, WorkerLives& lives,
                 Timeline& timeline, StoreObserver& observer)
      : service_(service),
        change_(change),
        lives_(lives),
        timeline_(timeline),
        observer_(observer) {}

  std::string of_log() {
    if (!change_.after || change_.before == change_.after) return "";
    const auto log = dynamo::read_log(*change_.after);
    if (!log) return wrong(log.error().message);
    observer_.logged(*log);
    return "log " + log->task.id;
  }

  std::string of_task() {
    const auto& [call, table, before, after] = change_;
    const TaskKey key = dynamo::key_of(after ? *after : before ? *before : Item());
    if (key.ns == dynamo::kControl) lives_.written(change_, timeline_.now());
    if (key.ns.empty() || key.ns.front() == '\x1f') return "";  // the store's own
    const std::string named = " " + key.ns + "/" + key.id;
    if (before == after) return "";  // the same request once more
    if (!after) {
      observer_.removed(key);
      return "delete" + named;
    }
    const auto task = read(*after);
    if (!task) return wrong(task.error().message);
    if (!before) {
      if (call.operation != Operation::kPutItem) return wrong("a task without a put:" + named);
      observer_.put(task->record.task);
      return "put" + named;
    }
    const auto was = read(*before);
    if (!was) return wrong(was.error().message);
    if (call.operation != Operation::kUpdateItem || was->rev == task->rev) {
      return wrong("an overwritten task:" + named);
    }
    return of_update(*was, *task, key) + named;
  }

 private:
  std::string of_update(const StoredTask& was, const StoredTask& is, const TaskKey& key) {
    if (was.outbox && !sets(change_, ":sv")) return of_outbox(was, is, key);
    if (sets(change_, ":lu")) {
      const auto now =
          dynamo::number_of(change_.call.body.at("ExpressionAttributeValues").as_object(), ":now");
      if (!now || !is.lease_until) return wrong("a claim without its times");
      if (was.leased(from_millis(*now)) && was.lease_life &&
          lives_.may_be_called_dead(*was.lease_life, timeline_.now())) {
        observer_.ended_early({key, was.rev, *was.lease_until});
      }
      observer_.claimed({key, is.rev, *is.lease_until}, is.record.task, from_millis(*now));
      return "claim";
    }
    if (is.lease_until || is.lease_life) return wrong("a change that leaves a lease");
    if (!sets(change_, ":sv")) {
      if (change_.before->contains("due") && !change_.after->contains("due")) {
        return wrong("a task is set aside");
      }
      observer_.released({key, was.rev, was.lease_until.value_or(TimePoint())});
      return "release";
    }
    if (was.outbox && is.outbox) {
      // Other tries of the claim and of this commit, both late: for the claim `due` is as it was.
      if (is.record == was.record && is.outbox == was.outbox) return "commit once more";
      return wrong("a change that leaves what waits with the task");
    }
    // A commit leaves the token of its claim, which was the revision until now if all is well.
    if (is.record.last_token != was.record.last_token) {
      observer_.committed(key, is.record.last_token, is.record.task);
      return std::string("commit ") + to_string(is.record.task.status);
    }
    observer_.edited(is.record.task);
    return std::string("edit ") + to_string(is.record.task.status);
  }

  // Whoever meets something that waits with a task has the task for that alone.
  std::string of_outbox(const StoredTask& was, const StoredTask& is, const TaskKey& key) {
    if (is.record != was.record) return wrong("a change of a task with which something waits");
    if (is.outbox) return "meet an outbox of";
    observer_.goes_on(key);
    return "empty the outbox of";
  }

  Result<StoredTask> read(const Item& item) const {
    std::optional<Item> payload;
    if (const auto id = dynamo::text_of(item, "pl")) {
      payload = service_.item(change_.table,
                              dynamo::key_item(dynamo::payload_key(dynamo::key_of(item), *id)));
    }
    return dynamo::read_task(item, payload ? &*payload : nullptr);
  }

  std::string wrong(std::string what) {
    timeline_.violation("DynamoDB: " + what);
    return what;
  }

  const DynamoService& service_;
  const Change& change_;
  WorkerLives& lives_;
  Timeline& timeline_;
  StoreObserver& observer_;
};

}  // namespace

void WorkerLives::written(const Change& change, Moment now) {
  const Item& item = change.after ? *change.after : *change.before;
  const auto life = dynamo::uuid_of(item, "life");
  if (!life) return;  // not a worker's
  const std::string worker = dynamo::key_of(item).id;
  if (const auto before = shown_.find(worker);
      before != shown_.end() && now - before->second.at >= failure_timeout_) {
    silent_.insert(before->second.life);
  }
  if (change.after) {
    shown_[worker] = {*life, now};
  } else {
    shown_.erase(worker);
  }
}

bool WorkerLives::may_be_called_dead(const Uuid& life, Moment now) const {
  if (silent_.contains(life)) return true;
  return std::any_of(shown_.begin(), shown_.end(), [&](const auto& one) {
    return one.second.life == life && now - one.second.at >= failure_timeout_;
  });
}

std::string observe(const DynamoService& service, const Change& change,
                    const dynamo::Tables& tables, WorkerLives& lives, Timeline& timeline,
                    StoreObserver& observer) {
  ObservedChange observed(service, change, lives, timeline, observer);
  return change.table == tables.logs ? observed.of_log() : observed.of_task();
}

}  // namespace rhooks::simulator
