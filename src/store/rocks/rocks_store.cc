// put, get, change, remove, clear and check of the embedded store.

#include "store/rocks/rocks_store.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/check.h"
#include "codec/stored.h"
#include "store/rocks/keys.h"
#include "store/rocks/store_impl.h"
#include "store/shown.h"

namespace rhooks::store {

Result<std::unique_ptr<Store>> open_rocks(const std::string& path, const RocksOptions& options) {
  auto database = rocks::Database::open(path, options);
  if (!database) return fail(database.error());
  return std::make_unique<rocks::RocksStore>(std::move(*database), options);
}

namespace rocks {
namespace {

template <typename T>
std::vector<Result<T>> all_failed(std::size_t count, const Error& error) {
  return std::vector<Result<T>>(count, fail(error));
}

template <typename Items, typename ToKey>
std::vector<std::string> task_keys(const Items& items, const ToKey& to_key) {
  std::vector<std::string> keys;
  keys.reserve(items.size());
  for (const auto& item : items) keys.push_back(task_key(to_key(item)));
  return keys;
}

bool strictly_ascending(const std::vector<std::string>& keys) {
  return std::adjacent_find(keys.begin(), keys.end(), std::greater_equal<>()) == keys.end();
}

// About what the records come to, so that the batch grows once.
std::size_t batch_bytes(std::span<const TaskRecord> records, std::span<const std::string> keys) {
  constexpr std::size_t kFixedBytes = 200;  // of a task's four entries, besides keys and request
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const Request& request = records[i].task.request;
    bytes += kFixedBytes + 4 * keys[i].size() + request.url.size() + request.body.data().size();
    for (const Header& header : request.headers) bytes += header.name.size() + header.value.size();
  }
  return bytes;
}

// Reads keys that mostly follow each other in the order of the store, which costs a third of
// looking each of them up.
class Walk {
 public:
  explicit Walk(rocksdb::Iterator* it) : it_(it) {}

  // The value, until the next call; none where there is no such key, or reading failed.
  std::optional<std::string_view> find(std::string_view key) {
    if (!it_->status().ok()) return std::nullopt;  // a Seek would forget it
    if (last_.empty() || key < last_) {
      it_->Seek(key);
    } else {
      while (it_->Valid() && it_->key().compare(key) < 0) it_->Next();
    }
    last_ = key;
    if (!it_->Valid() || it_->key().compare(key) != 0) return std::nullopt;
    return it_->value().ToStringView();
  }

  rocksdb::Status status() const { return it_->status(); }

 private:
  std::unique_ptr<rocksdb::Iterator> it_;
  std::string last_;
};

}  // namespace

RocksStore::RocksStore(std::unique_ptr<Database> database, const RocksOptions& options)
    : options_(options),
      database_(std::move(database)),
      random_(options.token_seed ? *options.token_seed : Random().next()),
      tokens_(random_) {
  database_->on_reopened([this] {
    leases_.reopened();
    heads_.forget();
    first_end_.lower(kTimeMin);
  });
}

Result<void> RocksStore::write(rocksdb::WriteBatch& batch, LeaseTable::Lock& lock,
                               LeaseTable::Effects effects) {
  auto done = database_->write(batch);
  if (done) {
    lock.effects = std::move(effects);
  } else {
    lock.write_failed(effects);
  }
  return done;
}

std::vector<Result<PutResult>> RocksStore::do_put(std::span<const TaskRecord> records) {
  if (records.empty()) return {};
  const auto use = database_->use();
  if (!use) return all_failed<PutResult>(records.size(), use.error());
  const auto keys =
      task_keys(records, [](const TaskRecord& r) -> const TaskKey& { return r.task.key; });
  // Generated ids ascend, so that no key of a batch can be there twice.
  const bool may_repeat = !strictly_ascending(keys);
  std::vector<Result<PutResult>> results(records.size());
  std::vector<std::size_t> written;
  written.reserve(records.size());
  std::vector<std::size_t> repeats;                            // of keys that are written
  std::vector<std::pair<std::size_t, Task>> expired;           // whose place is taken
  std::unordered_map<std::string_view, std::size_t> first_of;  // key -> its first item
  LeaseTable::Lock lock(leases_, keys);
  LeaseTable::Effects effects;

  std::vector<Stored> stored = read_expecting_none(keys);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const TaskRecord& record = records[i];
    RHOOKS_CHECK(record.task.status != Status::kProcessing);
    if (!stored[i].missing()) {
      auto existing = decode(record.task.key, stored[i]);
      if (!existing) {
        results[i] = fail(existing.error());
        continue;
      }
      if (!model::expired(existing->task, record.task.created_at)) {
        results[i] = PutResult{.created = false, .existing = std::move(*existing)};
        continue;
      }
      expired.emplace_back(i, std::move(existing->task));
      effects.ended.push_back(keys[i]);  // one that a failed write left in doubt
    }
    if (may_repeat) {
      const auto [first, is_first] = first_of.emplace(keys[i], i);
      if (!is_first) {
        results[i] = PutResult{.created = false, .existing = records[first->second]};
        repeats.push_back(i);
        continue;
      }
    }
    written.push_back(i);
  }
  if (written.empty()) return results;

  rocksdb::WriteBatch batch(batch_bytes(records, keys));
  for (const auto& [i, task] : expired) {
    delete_index(batch, task, keys[i]);
    delete_spec(batch, keys[i], stored[i].spec_beside);
  }
  std::vector<New> tasks;
  tasks.reserve(written.size());
  for (const std::size_t i : written) tasks.push_back({&records[i], &keys[i]});
  put_new(batch, tasks, effects);
  IndexHeads::Adding adding(heads_);
  if (adding.any()) {
    for (const std::size_t i : written) adding.add(date_key(records[i].task));
  }
  if (const auto done = write(batch, lock, std::move(effects)); !done) {
    for (const std::size_t i : written) results[i] = fail(done.error());
    for (const std::size_t i : repeats) results[i] = fail(done.error());
  }
  for (const std::size_t i : written) {
    cleared_.put(keys[i]);
    note_end(records[i].task);
  }
  return results;
}

Result<Task> RocksStore::do_get(const TaskKey& key, TimePoint now) {
  const auto use = database_->use();
  if (!use) return fail(use.error());
  const std::string bytes = task_key(key);
  // The lease first: a task that is committed in between is then shown as committed.
  const bool leased = leases_.is_live(bytes, now);
  const auto stored = read({bytes});
  auto record = decode(key, stored[0], now);
  if (record) return as_shown(std::move(record->task), leased);
  if (record.error().code == ErrorCode::kNotFound) {
    const auto damaged = was_set_aside(bytes);
    if (!damaged) return fail(damaged.error());
    if (*damaged) {
      return fail(ErrorCode::kCorrupt, "the stored task '" + key.id + "' in namespace '" + key.ns +
                                           "' cannot be read, and was set aside");
    }
  }
  return fail(record.error());
}

std::vector<Result<Task>> RocksStore::do_change(std::span<const TaskKey> keys, const Edit& edit,
                                                TimePoint now) {
  if (keys.empty()) return {};
  const auto use = database_->use();
  if (!use) return all_failed<Task>(keys.size(), use.error());
  const auto bytes = task_keys(keys, [](const TaskKey& key) -> const TaskKey& { return key; });
  std::vector<Result<Task>> results(keys.size());
  std::vector<std::size_t> written;
  LeaseTable::Lock lock(leases_, bytes);
  LeaseTable::Effects effects;
  rocksdb::WriteBatch batch;

  const auto stored = read(bytes);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto record = decode(keys[i], stored[i], now);
    if (!record) {
      results[i] = fail(record.error());
      continue;
    }
    results[i] = edit(as_shown(record->task, leases_.is_live(bytes[i], now)));
    if (!results[i]) continue;
    RHOOKS_CHECK(results[i]->key == keys[i]);
    delete_index(batch, record->task, bytes[i]);
    record->task = as_stored(std::move(*results[i]));
    put_index(batch, record->task, bytes[i]);
    (void)batch.Put(family(Family::kTasks), bytes[i], codec::encode_state(*record));
    if (const auto spec = codec::encode_spec(*record); spec != stored[i].spec.ToStringView()) {
      if (stored[i].spec_beside != (spec.size() <= kSpecBesideMax)) {
        delete_spec(batch, bytes[i], stored[i].spec_beside);
      }
      put_spec(batch, bytes[i], spec);
    }
    if (record->task.status == Status::kActive) {
      effects.claimable(due_key(model::place_of(record->task), bytes[i]));
    }
    effects.ended.push_back(bytes[i]);
    written.push_back(i);
    results[i] = std::move(record->task);
  }
  if (written.empty()) return results;
  IndexHeads::Adding adding(heads_);
  for (const std::size_t i : written) adding.add(date_key(*results[i]));
  if (const auto done = write(batch, lock, std::move(effects)); !done) {
    for (const std::size_t i : written) results[i] = fail(done.error());
    return results;
  }
  for (const std::size_t i : written) note_end(*results[i]);
  return results;
}

std::vector<Result<Task>> RocksStore::do_remove(std::span<const TaskKey> keys, TimePoint now) {
  if (keys.empty()) return {};
  const auto use = database_->use();
  if (!use) return all_failed<Task>(keys.size(), use.error());
  const auto bytes = task_keys(keys, [](const TaskKey& key) -> const TaskKey& { return key; });
  std::vector<Result<Task>> results(keys.size());
  std::vector<std::size_t> written;
  LeaseTable::Lock lock(leases_, bytes);
  LeaseTable::Effects effects;
  rocksdb::WriteBatch batch;

  const auto stored = read(bytes);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto record = decode(keys[i], stored[i], now);
    if (!record) {
      results[i] = fail(record.error());
      continue;
    }
    delete_index(batch, record->task, bytes[i]);
    (void)batch.Delete(family(Family::kTasks), bytes[i]);
    delete_spec(batch, bytes[i], stored[i].spec_beside);
    effects.ended.push_back(bytes[i]);
    written.push_back(i);
    results[i] = as_shown(std::move(record->task), leases_.is_live(bytes[i], now));
  }
  if (written.empty()) return results;
  if (const auto done = write(batch, lock, std::move(effects)); !done) {
    for (const std::size_t i : written) results[i] = fail(done.error());
  }
  return results;
}

Result<std::size_t> RocksStore::do_clear(const std::string& ns, std::size_t limit) {
  const auto use = database_->use();
  if (!use) return fail(use.error());
  // Where others deleted all that was listed, while there is more, 0 would be a lie: the rest
  // is listed. Each turn is a whole list that others got done.
  for (;;) {
    bool more = false;
    auto count = clear_listed(ns, limit, more);
    if (!count || *count > 0 || !more || limit == 0) return count;
  }
}

// Up to `limit` keys of tasks in all, from `begin` up to `end`; `more`: there are others.
Result<void> RocksStore::list_keys(const std::string& begin, const std::string& end,
                                   std::size_t limit, std::vector<std::string>& keys, bool& more) {
  const rocksdb::Slice end_slice(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &end_slice;
  const std::unique_ptr<rocksdb::Iterator> it(db().NewIterator(options, family(Family::kTasks)));
  for (it->Seek(begin); it->Valid(); it->Next()) {
    if (is_spec_row(it->key().ToStringView())) continue;
    if (keys.size() == limit) {
      more = true;
      break;
    }
    keys.push_back(it->key().ToString());
  }
  if (!it->status().ok()) return fail(database_->translate(it->status(), "reading tasks"));
  return {};
}

// One turn of clear(); `more`: there were more tasks than `limit`.
Result<std::size_t> RocksStore::clear_listed(const std::string& ns, std::size_t limit, bool& more) {
  const std::string prefix = name(ns);
  const std::string end = after_prefix(prefix);
  const std::string begin = cleared_.begin(prefix);

  std::vector<std::string> keys;
  auto listed = list_keys(begin, end, limit, keys, more);
  const std::size_t after_mark = keys.size();
  // Put since then, or passed over then because somebody held them.
  if (listed && !more && begin != prefix) listed = list_keys(prefix, begin, limit, keys, more);
  if (!listed) return fail(listed.error());

  LeaseTable::Lock lock(leases_, keys);
  LeaseTable::Effects effects;
  rocksdb::WriteBatch batch;
  std::size_t count = 0;
  // Again: they may have changed before they were held.
  Walk walk(db().NewIterator({}, family(Family::kTasks)));
  for (const std::string& stored_key : keys) {
    const auto state = walk.find(stored_key);
    if (!state) continue;
    if (const auto key = parse_task_key(stored_key)) {
      // Of one that cannot be read the index entries stay; claims and queries pass over
      // entries without a task, and a claim removes its own.
      const auto record = decode_state(*key, *state);
      if (record) delete_index(batch, record->task, stored_key);
    }
    (void)batch.Delete(family(Family::kTasks), stored_key);
    delete_spec(batch, stored_key, walk.find(spec_row(stored_key)).has_value());
    effects.ended.push_back(stored_key);
    ++count;
  }
  if (!walk.status().ok()) return fail(database_->translate(walk.status(), "reading tasks"));
  if (!more) {
    const rocksdb::Slice end_slice(end);
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &end_slice;
    for (const Family which : {Family::kLogs, Family::kLogRefs, Family::kDamaged}) {
      const std::unique_ptr<rocksdb::Iterator> it(db().NewIterator(options, family(which)));
      it->Seek(prefix);
      if (it->Valid()) (void)batch.DeleteRange(family(which), prefix, end);
    }
  }
  if (batch.Count() > 0) {
    if (auto done = write(batch, lock, std::move(effects)); !done) return fail(done.error());
  }
  if (!more) {
    cleared_.forget(prefix);
  } else if (after_mark > 0) {
    cleared_.set(prefix, keys[after_mark - 1]);
  }
  return count;
}

Result<void> RocksStore::do_check() {
  const auto use = database_->use();
  if (!use) return fail(use.error());
  return database_->check();
}

}  // namespace rocks
}  // namespace rhooks::store
