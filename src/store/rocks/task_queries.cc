// query_tasks of the embedded store.
//
// Every query looks at candidates in order, a chunk at a time: keys from an index (or states
// from `tasks`, by id), then the tasks of those that may match. It ends at the limit, at the
// end, or at a bound on rows or bytes; then the page goes on after the last candidate.

#include <algorithm>

#include "store/rocks/keys.h"
#include "store/rocks/range_scan.h"
#include "store/rocks/store_impl.h"
#include "store/shown.h"
#include "store/shown_bytes.h"

namespace rhooks::store::rocks {

namespace {

// Tasks read at a time: bounds what a page of large tasks holds beyond its bound.
constexpr std::size_t kChunk = 64;

bool in_range(TimePoint at, const TaskQuery& query) {
  return (!query.from || at >= *query.from) && (!query.to || at <= *query.to);
}

}  // namespace

// A task that may match, by its place in the order.
struct RocksStore::Candidate {
  TaskPosition position;
  bool leased = false;
};

// A page as it fills, and its bounds.
class RocksStore::PageBuilder {
 public:
  PageBuilder(const TaskQuery& query, const RocksOptions& options)
      : query_(query), options_(options) {}

  bool full() const {
    return page.items.size() >= query_.limit || rows_ >= options_.page_rows_max || heavy();
  }
  bool heavy() const { return bytes_ >= options_.page_bytes_max; }
  // How many tasks the next chunk may read.
  std::size_t chunk() const { return std::min(kChunk, query_.limit - page.items.size()); }
  void looked_at() { ++rows_; }
  bool shows(const Task& task) const { return matches(query_, task); }
  bool rows_left() const { return rows_ < options_.page_rows_max; }
  void add(Task task) {
    bytes_ += shown_bytes(task);
    page.items.push_back(std::move(task));
  }

  TaskPage page;

 private:
  const TaskQuery& query_;
  const RocksOptions& options_;
  std::size_t rows_ = 0;
  std::size_t bytes_ = 0;
};

// Reads a chunk of candidates into the page. True: the page ends within the chunk, whose rest
// is looked at again by the next one.
Result<bool> RocksStore::add_chunk(PageBuilder& builder, const std::string& ns,
                                   const std::vector<Candidate>& candidates,
                                   const std::vector<std::string>& keys,
                                   const rocksdb::ReadOptions& options) {
  const auto stored = read(keys, options);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const TaskKey key{ns, candidates[i].position.id};
    auto record = decode(key, stored[i]);
    if (!record) {
      if (record.error().code == ErrorCode::kUnavailable) return fail(record.error());
      report_unreadable(key, record.error());
      continue;
    }
    if (!builder.shows(record->task)) continue;
    builder.add(as_shown(std::move(record->task), candidates[i].leased));
    if (builder.heavy() && i + 1 < candidates.size()) {
      builder.page.next = candidates[i].position;
      return true;
    }
  }
  return false;
}

Result<TaskPage> RocksStore::do_query_tasks(const TaskQuery& query) {
  const auto use = database_->use();
  if (!use) return fail(use.error());
  if (query.status == Status::kProcessing) return query_leased(query);
  return query.id_prefix ? query_by_id(query) : query_by_date(query);
}

// One seek for each namespace, past all of its tasks.
Result<NamespacePage> RocksStore::do_namespaces(const NamespaceQuery& query) {
  const auto use = database_->use();
  if (!use) return fail(use.error());
  const std::string prefix = name_prefix(query.prefix);
  const std::unique_ptr<rocksdb::Iterator> it(
      db().NewIterator(rocksdb::ReadOptions(), family(Family::kTasks)));
  NamespacePage page;
  std::string from = prefix;
  if (query.after) from = std::max(from, after_prefix(name(*query.after)));
  for (it->Seek(from); it->Valid() && it->key().starts_with(prefix); it->Seek(from)) {
    const auto key = parse_task_key(it->key().ToStringView());
    if (!key) {  // no key of a task: damaged
      from = it->key().ToString() + '\0';
      continue;
    }
    if (page.items.size() == query.limit) {
      if (!page.items.empty()) page.next = page.items.back();
      break;
    }
    from = after_prefix(name(key->ns));
    page.items.push_back(key->ns);
  }
  if (!it->status().ok()) return fail(database_->translate(it->status(), "reading namespaces"));
  return page;
}

Result<TaskPage> RocksStore::query_by_date(const TaskQuery& query) {
  // The leases before the snapshot: a task that is committed in between is then shown as
  // committed, never as ACTIVE after it was shown as PROCESSING.
  const std::string ns_prefix = name(query.ns);
  const auto live = leases_.live(ns_prefix, query.now);
  const auto look = heads_.look();
  const ScopedSnapshot snapshot(db());
  rocksdb::ReadOptions read_options;
  read_options.snapshot = snapshot.get();

  const std::string after =
      query.after ? time_bytes(query.after->scheduled_date) + query.after->id : std::string();
  const bool from_head = !query.desc && !query.from && after.empty();
  std::vector<KeyRange> ranges;
  for (const Status status :
       {Status::kActive, Status::kDone, Status::kFailed, Status::kSuspended}) {
    if (query.status && *query.status != status) continue;
    if (query.not_ended && has_ended(status)) continue;
    ranges.push_back(
        time_range(date_prefix(query.ns, status), query.from, query.to, after, query.desc));
    KeyRange& range = ranges.back();
    if (from_head) range.begin = heads_.begin(look, range.prefix);
  }
  Scan scan(db(), family(Family::kByDate), snapshot.get(), std::move(ranges), query.desc);
  if (from_head) {
    scan.tell_first([&](const KeyRange& range, std::string key) {
      if (key != range.begin) heads_.found(look, range.prefix, std::move(key));
    });
  }

  PageBuilder builder(query, options_);
  std::optional<TaskPosition> last;
  while (scan.valid() && !builder.full()) {
    std::vector<Candidate> candidates;
    std::vector<std::string> keys;
    for (; scan.valid() && candidates.size() < builder.chunk() && builder.rows_left();
         scan.next()) {
      builder.looked_at();
      const std::string_view suffix = scan.suffix();
      if (suffix.size() < 8) continue;
      last = TaskPosition{read_time(suffix), std::string(suffix.substr(8))};
      std::string key = ns_prefix + name(last->id);
      const bool leased = live.contains(key);
      if (leased && query.status == Status::kActive) continue;
      candidates.push_back({*last, leased});
      keys.push_back(std::move(key));
    }
    const auto ended = add_chunk(builder, query.ns, candidates, keys, read_options);
    if (!ended) return fail(ended.error());
    if (*ended) return std::move(builder.page);
  }
  if (!scan.status().ok()) return fail(database_->translate(scan.status(), "reading tasks"));
  if (scan.valid()) builder.page.next = std::move(last);
  return std::move(builder.page);
}

Result<TaskPage> RocksStore::query_by_id(const TaskQuery& query) {
  const std::string ns_prefix = name(query.ns);
  const auto live = leases_.live(ns_prefix, query.now);
  const ScopedSnapshot snapshot(db());
  rocksdb::ReadOptions read_options;
  read_options.snapshot = snapshot.get();

  KeyRange range;
  range.prefix = ns_prefix;
  range.begin = ns_prefix + name_prefix(*query.id_prefix);
  range.end = after_prefix(range.begin);
  if (query.after) {
    const std::string after = ns_prefix + name(query.after->id);
    if (query.desc) {
      range.end = std::min(range.end, after);
    } else {
      range.begin = std::max(range.begin, after + '\0');
    }
  }
  Scan scan(db(), family(Family::kTasks), snapshot.get(), {std::move(range)}, query.desc);

  PageBuilder builder(query, options_);
  std::optional<TaskPosition> last;
  while (scan.valid() && !builder.full()) {
    std::vector<Candidate> candidates;
    std::vector<std::string> keys;
    for (; scan.valid() && candidates.size() < builder.chunk() && builder.rows_left();
         scan.next()) {
      auto id = parse_name(scan.suffix());
      if (!id) continue;  // the row of a spec
      builder.looked_at();
      last = TaskPosition{TimePoint{}, std::move(*id)};
      const TaskKey key{query.ns, last->id};
      const auto state = decode_state(key, scan.value());
      if (!state) {
        report_unreadable(key, state.error());
        continue;
      }
      last->scheduled_date = state->task.scheduled_date;
      std::string bytes = task_key(key);
      const bool leased = state->task.status == Status::kActive && live.contains(bytes);
      if (!in_range(state->task.scheduled_date, query)) continue;
      if (query.status && (leased || state->task.status != *query.status)) continue;
      if (query.not_ended && has_ended(state->task.status)) continue;
      candidates.push_back({*last, leased});
      keys.push_back(std::move(bytes));
    }
    const auto ended = add_chunk(builder, query.ns, candidates, keys, read_options);
    if (!ended) return fail(ended.error());
    if (*ended) return std::move(builder.page);
  }
  if (scan.valid() && is_spec_row(scan.suffix())) scan.next();
  if (!scan.status().ok()) return fail(database_->translate(scan.status(), "reading tasks"));
  if (scan.valid()) builder.page.next = std::move(last);
  return std::move(builder.page);
}

// PROCESSING is the lease table, in either order.
Result<TaskPage> RocksStore::query_leased(const TaskQuery& query) {
  const std::string ns_prefix = name(query.ns);
  const bool by_id = query.id_prefix.has_value();
  const auto position_of = [by_id](const TaskPosition& position) {
    return std::pair(by_id ? TimePoint{} : position.scheduled_date, std::string_view(position.id));
  };
  std::vector<TaskPosition> candidates;
  for (const auto& [key, lease] : leases_.live(ns_prefix, query.now)) {
    auto task = parse_task_key(key);
    if (!task) continue;  // of a damaged entry, which a claim removes
    TaskPosition position{lease.scheduled_date, std::move(task->id)};
    if (by_id && !position.id.starts_with(*query.id_prefix)) continue;
    if (!in_range(position.scheduled_date, query)) continue;
    if (query.after) {
      const auto after = position_of(*query.after);
      if (query.desc ? position_of(position) >= after : position_of(position) <= after) continue;
    }
    candidates.push_back(std::move(position));
  }
  std::sort(candidates.begin(), candidates.end(),
            [&](const TaskPosition& a, const TaskPosition& b) {
              return query.desc ? position_of(b) < position_of(a) : position_of(a) < position_of(b);
            });

  PageBuilder builder(query, options_);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (builder.full()) {
      builder.page.next = candidates[i - 1];
      break;
    }
    const TaskKey key{query.ns, candidates[i].id};
    const auto stored = read({task_key(key)});
    auto record = decode(key, stored[0]);
    if (!record) {
      if (record.error().code == ErrorCode::kUnavailable) return fail(record.error());
      if (record.error().code == ErrorCode::kCorrupt) report_unreadable(key, record.error());
      continue;
    }
    // Committed since the leases were read: another page will show it as it is now.
    if (record->task.status != Status::kActive || !in_range(record->task.scheduled_date, query)) {
      continue;
    }
    if (!builder.shows(record->task)) continue;
    builder.add(as_shown(std::move(record->task), true));
  }
  return std::move(builder.page);
}

}  // namespace rhooks::store::rocks
