#include <numeric>

#include "observe/logging.h"
#include "store/dynamo/describe.h"
#include "store/dynamo/membership_table.h"
#include "store/dynamo/store_impl.h"
#include "store/dynamo/time_to_live.h"
#include "store/shown.h"

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;

constexpr std::size_t kReportedMax = 1'000;

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

Result<json::object> answer_of(Result<Reply> reply, const std::string& table) {
  if (!reply) return fail(std::move(reply.error()));
  if (reply->ok()) return std::move(reply->body);
  return fail(ErrorCode::kUnavailable,
              "DynamoDB: table '" + table + "': " + reply->error +
                  " (was the table deleted? `rhooks store describe` shows what is there)");
}

json::object start_key_after(const json::object& answer) {
  const json::value* const last = answer.if_contains("LastEvaluatedKey");
  return last && last->is_object() ? last->get_object() : json::object();
}

DynamoStore::DynamoStore(Parts parts, Random& random)
    : parts_(std::move(parts)),
      client_(*parts_.client),
      batches_(client_, random),
      registry_(client_, batches_, parts_.tables.tasks),
      documents_(client_, parts_.tables.tasks, parts_.tuning),
      uuids_(random),
      due_(parts_.shards, parts_.tuning.order_lag),
      all_shards_(static_cast<std::size_t>(parts_.shards)) {
  std::iota(all_shards_.begin(), all_shards_.end(), 0);
  // What others did with a shard before it came here is not known, nor what a dead one has leased.
  parts_.coordinator.on_change = [this] { due_.invalidate(); };
  coordinator_ = std::make_unique<Coordinator>(
      dynamo_membership_table(*parts_.membership_client, parts_.tables.tasks), parts_.shards,
      random, *parts_.machine_clock, parts_.coordinator);
}

DynamoStore::~DynamoStore() = default;

Uuid DynamoStore::fresh() {
  return uuids_.v7(parts_.machine_clock->now());
}

void DynamoStore::note(const Task& task, DueCache::Asked asked) {
  const model::Flow flow = model::flow_of(task);
  std::optional<DueCache::Due> due;
  if (task.status == Status::kActive) due = DueCache::Due{model::place_of(task), flow};
  due_.stored(shard_of(task.key, flow, parts_.shards), task.key, due, asked, parts_.steady());
}

void DynamoStore::note_item(const TaskKey& key, const std::optional<Item>& item,
                            DueCache::Asked asked) {
  const auto due = item ? number_of(*item, "due") : std::nullopt;
  if (!due) return note_gone(key, asked);
  const model::Flow flow = flow_of(*item);
  const int shard = shard_of(key, flow, parts_.shards);
  const auto until = number_of(*item, "lu");
  if (until && !is_dead(uuid_of(*item, "wl"))) {
    due_.leased_elsewhere({shard, key, from_millis(*due), flow}, from_millis(*until), asked,
                          parts_.steady());
  } else {
    due_.stored(shard, key, DueCache::Due{from_millis(*due), flow}, asked, parts_.steady());
  }
}

// Where nothing is known of it, no wrong shard does harm.
int DynamoStore::shard_with(const TaskKey& key) const {
  return due_.shard_with(key).value_or(shard_of(key, {}, parts_.shards));
}

void DynamoStore::note_gone(const TaskKey& key, DueCache::Asked asked) {
  due_.stored(shard_with(key), key, std::nullopt, asked, parts_.steady());
}

void DynamoStore::report_unreadable(const TaskKey& key, const Error& error) {
  MutexLock lock(reported_mutex_);
  if (reported_.size() >= kReportedMax || !reported_.insert(key).second) return;
  log::error("a stored task cannot be read",
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
  json::object names;
  // "ttl" is a reserved word
  // (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html).
  const auto name_of = [&](std::string_view attribute) {
    if (attribute != kTtlAttribute) return std::string(attribute);
    names["#ttl"] = kTtlAttribute;
    return std::string("#ttl");
  };
  for (const auto& attribute : set) {
    const std::string value = ":" + std::string(attribute.key());
    expression.append(expression.empty() ? "SET " : ", ").append(name_of(attribute.key()));
    expression.append(" = ").append(value);
    values[value] = attribute.value();
  }
  for (std::size_t i = 0; i < remove.size(); ++i) {
    expression.append(i > 0 ? ", " : expression.empty() ? "REMOVE " : " REMOVE ");
    expression.append(name_of(remove[i]));
  }
  Call call{Operation::kUpdateItem,
            {{"TableName", parts_.tables.tasks},
             {"Key", key_item(key)},
             {"UpdateExpression", expression},
             {"ConditionExpression", condition},
             {"ReturnValuesOnConditionCheckFailure", "ALL_OLD"}}};
  if (!values.empty()) call.body["ExpressionAttributeValues"] = std::move(values);
  if (!names.empty()) call.body["ExpressionAttributeNames"] = std::move(names);
  return call;
}

bool DynamoStore::is_dead(const std::optional<Uuid>& life) const {
  return life && coordinator_->dead(*life);
}

Call DynamoStore::state_call(const TaskRecord& record, const Uuid& seen, const Uuid& rev, Item more,
                             std::vector<std::string> remove) const {
  set_state(more, record, rev);
  remove.emplace_back("lu");
  remove.emplace_back("wl");
  if (record.task.status != Status::kActive) remove.push_back("due");
  return update_call(record.task.key, more, remove, "rev = :seen", {{":seen", uuid_value(seen)}});
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
      if (payload && !part && items[i]->contains(kTtlAttribute)) {
        items[i].reset();  // it has expired, and the service deletes it
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

std::vector<DynamoStore::Written> DynamoStore::write_each(
    std::vector<Call> calls, const std::function<const TaskKey&(std::size_t)>& key_at) {
  std::vector<Written> written(calls.size());
  std::vector<std::size_t> untold;  // refused without saying by what
  std::vector<TaskKey> untold_keys;
  auto replies = client_.call_all(std::move(calls));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    Result<Reply>& reply = replies[i];
    if (!reply || !reply->condition_failed()) {
      written[i].answer = answer_of(std::move(reply), parts_.tables.tasks);
      continue;
    }
    written[i].refused = Written::Refusal{std::nullopt, reply->maybe_applied_before};
    json::value* const item = reply->body.if_contains("Item");
    if (item && item->is_object() && !item->get_object().empty()) {
      written[i].refused->there = std::optional(std::move(item->get_object()));
    } else {
      untold.push_back(i);
      untold_keys.push_back(key_at(i));
    }
  }
  auto read = read_items(untold_keys);
  for (std::size_t n = 0; n < untold.size(); ++n) {
    Result<std::optional<Item>>& there = written[untold[n]].refused->there;
    there = read ? std::move((*read)[n]) : Result<std::optional<Item>>(fail(read.error()));
  }
  return written;
}

Result<std::vector<DynamoStore::Loaded>> DynamoStore::load(const std::vector<TaskKey>& keys) {
  auto items = read_items(keys);
  if (!items) return fail(std::move(items.error()));
  return with_payloads(std::move(*items));
}

Result<Task> DynamoStore::do_get(const TaskKey& key, TimePoint now) {
  auto answer = answer_of(client_.call(get_call(key)), parts_.tables.tasks);
  if (!answer) return fail(std::move(answer.error()));
  const json::value* const item = answer->if_contains("Item");
  if (!item || !item->is_object()) return fail(not_found(key));
  auto loaded = with_payloads({item->get_object()});
  if (!loaded) return fail(std::move(loaded.error()));
  Loaded& task = loaded->front();
  if (!task) return fail(std::move(task.error()));
  if (!*task || model::expired((*task)->record.task, now)) return fail(not_found(key));
  const bool leased = (*task)->leased(now);
  return as_shown(std::move((*task)->record.task), leased);
}

Result<Revision> DynamoStore::do_put_document(const Document& document, const Replaces& replaces,
                                              TimePoint now) {
  const Revision revision = fresh();
  auto done = documents_.put({document, revision, now}, replaces);
  if (!done) return fail(std::move(done.error()));
  return revision;
}

Result<StoredDocument> DynamoStore::do_get_document(const DocumentKey& key) {
  return documents_.get(key);
}

Result<void> DynamoStore::do_remove_document(const DocumentKey& key,
                                             const std::optional<Revision>& revision) {
  return documents_.remove(key, revision);
}

Result<DocumentPage> DynamoStore::do_list_documents(const DocumentQuery& query) {
  return documents_.page(query);
}

Result<void> DynamoStore::do_check() {
  auto answer =
      answer_of(client_.call(get_call({std::string(kControl), "meta"})), parts_.tables.tasks);
  if (!answer) return fail(std::move(answer.error()));
  return {};
}

Result<Description> DynamoStore::do_describe() {
  auto description = describe_tables(client_, parts_.tables);
  if (!description) return description;
  auto view = coordinator_->view();
  if (!view) return fail(std::move(view.error()));
  for (auto& section : describe_membership(*view))
    description->sections.push_back(std::move(section));
  return description;
}

}  // namespace rhooks::store::dynamo
