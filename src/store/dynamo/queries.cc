#include <algorithm>

#include "store/dynamo/row_reader.h"
#include "store/dynamo/store_impl.h"
#include "store/shown.h"

namespace rhooks::store::dynamo {
namespace {

// Rows for a page that filters may thin out: one row more tells whether there is another page.
std::size_t rows_for(std::size_t missing, bool filtered, const DynamoTuning& tuning) {
  const std::size_t rows = filtered ? std::max<std::size_t>(4 * missing, 100) : missing + 1;
  return std::min(rows, tuning.request_rows_max);
}

// DONE, FAILED and SUSPENDED are stored as such; PROCESSING is ACTIVE with a lease.
std::string stored_name(Status status) {
  return to_string(status == Status::kProcessing ? Status::kActive : status);
}

KeyRange date_range(const std::optional<TimePoint>& from, const std::optional<TimePoint>& to) {
  KeyRange range;
  if (from) range.from = *from > kTimeMax ? after_date(kTimeMax) : before_date(*from);
  if (to) range.to = *to < kTimeMin ? before_date(kTimeMin) : after_date(*to);
  return range;
}

}  // namespace

bool DynamoStore::shows(const TaskQuery& query, const StoredTask& stored) const {
  const Task& task = stored.record.task;
  if (query.from && task.scheduled_date < *query.from) return false;
  if (query.to && task.scheduled_date > *query.to) return false;
  if (!query.status) return true;
  const bool processing = task.status == Status::kActive && stored.leased(query.now);
  return *query.status == (processing ? Status::kProcessing : task.status);
}

Result<TaskPage> DynamoStore::query_tasks(const TaskQuery& query) {
  if (query.limit == 0) return TaskPage{};
  return query.id_prefix ? tasks_by_id(query) : tasks_by_date(query);
}

Result<TaskPage> DynamoStore::tasks_by_id(const TaskQuery& query) {
  const std::string& prefix = *query.id_prefix;
  RowReader::Options options{.table = parts_.tables.tasks,
                             .index = {},
                             .partition_key = "ns",
                             .partition = query.ns,
                             .sort_key = "id",
                             .range = {.from = prefix, .to = {}},
                             .desc = query.desc};
  if (query.after) options.after = query.after->id;
  if (!prefix.empty()) {
    // Nothing that begins with the prefix sorts after it and the last code point, again and
    // again, up to the longest id.
    std::string last = prefix;
    while (last.size() <= 512) last += "\xf4\x8f\xbf\xbf";
    options.range.to = std::move(last);
  }
  if (query.status) {
    options.filter = "st = :st";
    options.filter_values = {{":st", text_value(stored_name(*query.status))}};
  }
  const bool filtered = query.status || query.from || query.to;

  TaskPage page;
  RowReader reader(client_, std::move(options));
  while (!reader.ended()) {
    auto rows = reader.next(rows_for(query.limit - page.items.size(), filtered, parts_.tuning));
    if (!rows) return fail(std::move(rows.error()));
    std::vector<std::optional<Item>> items;
    std::vector<TaskKey> keys;
    for (Item& row : *rows) {
      keys.push_back(key_of(row));
      items.push_back(std::move(row));
    }
    auto loaded = with_payloads(std::move(items));
    if (!loaded) return fail(std::move(loaded.error()));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      Loaded& task = (*loaded)[i];
      if (!task) report_unreadable(keys[i], task.error());
      if (!task || !*task || !shows(query, **task)) continue;
      if (page.items.size() == query.limit) {
        page.next = TaskPosition{page.items.back().scheduled_date, page.items.back().key.id};
        return page;
      }
      const bool leased = (*task)->leased(query.now);
      page.items.push_back(as_shown(std::move((*task)->record.task), leased));
    }
    if (!reader.ended() && reader.position() && reader.looked_at() >= parts_.tuning.page_rows_max) {
      page.next = TaskPosition{TimePoint{}, *reader.position()};
      return page;
    }
  }
  return page;
}

// The index tells where to look; what is shown is the task as it is stored now. A row that is
// older than its task shows it at its former place, rather than not at all.
Result<TaskPage> DynamoStore::tasks_by_date(const TaskQuery& query) {
  RowReader::Options options{.table = parts_.tables.tasks,
                             .index = std::string(kDateIndex),
                             .partition_key = "ns",
                             .partition = query.ns,
                             .sort_key = "sd",
                             .range = date_range(query.from, query.to),
                             .desc = query.desc};
  if (query.after) options.after = dated_id(query.after->scheduled_date, query.after->id);
  if (query.status) {
    options.filter = "st = :st";
    options.filter_values = {{":st", text_value(stored_name(*query.status))}};
  }

  TaskPage page;
  std::optional<std::string> shown_through;  // sort key of the last row shown
  std::set<std::string> shown;               // a task that moves may have two rows for a moment
  const auto position = [](const std::string& row) -> std::optional<TaskPosition> {
    const auto dated = parse_dated_id(row);
    if (!dated) return std::nullopt;
    return TaskPosition{dated->at, dated->id};
  };
  RowReader reader(client_, std::move(options));
  while (!reader.ended()) {
    auto rows = reader.next(
        rows_for(query.limit - page.items.size(), query.status.has_value(), parts_.tuning));
    if (!rows) return fail(std::move(rows.error()));
    std::vector<TaskKey> keys;
    for (const Item& row : *rows) keys.push_back(key_of(row));
    auto loaded = load(keys);
    if (!loaded) return fail(std::move(loaded.error()));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      Loaded& task = (*loaded)[i];
      if (!task) report_unreadable(keys[i], task.error());
      if (!task || !*task || !shows(query, **task) || shown.contains(keys[i].id)) continue;
      if (page.items.size() == query.limit) {
        page.next = position(*shown_through);
        return page;
      }
      shown_through = text_of((*rows)[i], "sd");
      shown.insert(keys[i].id);
      const bool leased = (*task)->leased(query.now);
      page.items.push_back(as_shown(std::move((*task)->record.task), leased));
    }
    if (!reader.ended() && reader.position() && reader.looked_at() >= parts_.tuning.page_rows_max) {
      page.next = position(*reader.position());
      return page;
    }
  }
  return page;
}

// Rows of the failure index are keys only: this reads the logs themselves.
Result<std::vector<Item>> DynamoStore::whole_logs(std::vector<Item> rows) {
  std::vector<TaskKey> keys;
  for (const Item& row : rows) keys.push_back(key_of(row));
  auto found = batches_.get(parts_.tables.logs, keys);
  if (!found) return fail(std::move(found.error()));
  std::vector<Item> logs;
  for (const TaskKey& key : keys) {
    const auto it = found->find(key);
    if (it != found->end()) logs.push_back(std::move(it->second));  // else expired meanwhile
  }
  return logs;
}

Result<LogPage> DynamoStore::query_logs(const LogQuery& query) {
  LogPage page;
  if (query.limit == 0) return page;
  const bool failures = query.status == LogStatus::kFail;
  RowReader::Options options{.table = parts_.tables.logs,
                             .index = failures ? std::string(kFailureIndex) : "",
                             .partition_key = failures ? "fl" : "ns",
                             .partition = query.ns,
                             .sort_key = "id",
                             .range = date_range(query.from, query.to),
                             .desc = query.desc};
  if (query.after) options.after = dated_id(query.after->started_at, query.after->id);
  if (!failures && query.task_id) {
    options.filter = "tk = :tk";
    options.filter_values = {{":tk", text_value(*query.task_id)}};
  }
  if (query.status == LogStatus::kSuccess) {
    options.filter +=
        options.filter.empty() ? "attribute_not_exists(fl)" : " AND attribute_not_exists(fl)";
  }
  const bool filtered = query.task_id || query.status == LogStatus::kSuccess;

  RowReader reader(client_, std::move(options));
  while (!reader.ended()) {
    auto rows = reader.next(rows_for(query.limit - page.items.size(), filtered, parts_.tuning));
    if (rows && failures) rows = whole_logs(std::move(*rows));
    if (!rows) return fail(std::move(rows.error()));
    for (const Item& row : *rows) {
      auto log = read_log(row);
      if (!log) {
        report_unreadable(key_of(row), log.error());
        continue;
      }
      if (query.task_id && log->task.id != *query.task_id) continue;
      if (log->expires_at && *log->expires_at <= query.now) continue;
      if (page.items.size() == query.limit) {
        page.next = LogPosition{page.items.back().started_at, page.items.back().id};
        return page;
      }
      page.items.push_back(std::move(*log));
    }
    if (!reader.ended() && reader.position() && reader.looked_at() >= parts_.tuning.page_rows_max) {
      if (const auto dated = parse_dated_id(*reader.position())) {
        page.next = LogPosition{dated->at, dated->id};
        return page;
      }
    }
  }
  return page;
}

}  // namespace rhooks::store::dynamo
