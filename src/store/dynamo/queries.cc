#include <algorithm>
#include <span>

#include "store/dynamo/row_reader.h"
#include "store/dynamo/store_impl.h"
#include "store/shown.h"
#include "store/shown_bytes.h"

namespace rhooks::store::dynamo {
namespace {

// Rows for a page that filters may thin out: one row more tells whether there is another page.
std::size_t rows_for(std::size_t missing, bool filtered, const DynamoTuning& tuning) {
  const std::size_t rows = filtered ? std::max<std::size_t>(4 * missing, 100) : missing + 1;
  return std::min(rows, tuning.request_rows_max);
}

// Whole tasks, with payloads, that are read at once: 40 MB if all are as large as can be.
constexpr std::size_t kReadAtOnce = 100;

// DONE, FAILED and SUSPENDED are stored as such; PROCESSING is ACTIVE with a lease.
std::string stored_name(Status status) {
  return to_string(status == Status::kProcessing ? Status::kActive : status);
}

// Rows that it leaves out are read, and not sent.
void add_filter(const TaskQuery& query, RowReader::Options& options) {
  if (query.status) {
    options.filter = "st = :st";
    options.filter_values = {{":st", text_value(stored_name(*query.status))}};
  } else if (query.not_ended) {
    options.filter = "st = :st OR st = :su";
    options.filter_values = {{":st", text_value(stored_name(Status::kActive))},
                             {":su", text_value(stored_name(Status::kSuspended))}};
  }
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
  if (!matches(query, task)) return false;
  if (!query.status) return true;
  const bool processing = task.status == Status::kActive && stored.leased(query.now);
  return *query.status == (processing ? Status::kProcessing : task.status);
}

Result<TaskPage> DynamoStore::do_query_tasks(const TaskQuery& query) {
  if (query.limit == 0) return TaskPage{};
  return query.id_prefix ? tasks_by_id(query) : tasks_by_date(query);
}

Result<NamespacePage> DynamoStore::do_namespaces(const NamespaceQuery& query) {
  return registry_.page(query);
}

Result<TaskPage> DynamoStore::tasks_by_id(const TaskQuery& query) {
  RowReader::Options options{.table = parts_.tables.tasks,
                             .index = {},
                             .partition_key = "ns",
                             .partition = query.ns,
                             .sort_key = "id",
                             .range = keys_with(*query.id_prefix),
                             .desc = query.desc};
  if (query.after) options.after = query.after->id;
  add_filter(query, options);
  const bool filtered =
      !options.filter.empty() || query.from || query.to || looks_into_tasks(query);

  return task_page(
      query, RowReader(client_, std::move(options)), "id", filtered,
      [this](std::span<const Item> rows) {
        return with_payloads({rows.begin(), rows.end()});
      },
      [](const std::string& id) {
        return TaskPosition{TimePoint{}, id};
      });
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
  add_filter(query, options);
  const bool filtered = !options.filter.empty() || looks_into_tasks(query);

  return task_page(
      query, RowReader(client_, std::move(options)), "sd", filtered,
      [this](std::span<const Item> rows) {
        std::vector<TaskKey> keys;
        for (const Item& row : rows) keys.push_back(key_of(row));
        return load(keys);
      },
      [](const std::string& row) {
        const DatedId dated = parse_dated_id(row).value_or(DatedId{});
        return TaskPosition{dated.at, dated.id};
      });
}

Result<TaskPage> DynamoStore::task_page(
    const TaskQuery& query, RowReader reader, std::string_view sort_key, bool filtered,
    const std::function<Result<std::vector<Loaded>>(std::span<const Item>)>& read,
    const std::function<TaskPosition(const std::string&)>& position) {
  TaskPage page;
  std::string last_shown;       // its row's sort key
  std::set<std::string> shown;  // a task that moves may have two rows for a moment
  std::size_t bytes = 0;
  // Rows whose task has expired may be many, until the service deletes them.
  bool thinned = filtered;
  const auto full = [&](bool more, const std::string& at) {
    if (more) page.next = position(at);
    return more;
  };
  while (!reader.ended()) {
    auto rows = reader.next(rows_for(query.limit - page.items.size(), thinned, parts_.tuning));
    if (!rows) return fail(std::move(rows.error()));
    for (std::size_t from = 0; from < rows->size(); from += kReadAtOnce) {
      const auto chunk = std::span(*rows).subspan(from, std::min(kReadAtOnce, rows->size() - from));
      auto loaded = read(chunk);
      if (!loaded) return fail(std::move(loaded.error()));
      for (std::size_t i = 0; i < chunk.size(); ++i) {
        const TaskKey key = key_of(chunk[i]);
        Loaded& task = (*loaded)[i];
        if (!task) report_unreadable(key, task.error());
        if (!task || !*task || !shows(query, **task) || shown.contains(key.id)) {
          thinned = true;
          continue;
        }
        if (full(page.items.size() == query.limit, last_shown)) return page;
        last_shown = text_of(chunk[i], sort_key).value_or("");
        shown.insert(key.id);
        const bool leased = (*task)->leased(query.now);
        page.items.push_back(as_shown(std::move((*task)->record.task), leased));
        bytes += shown_bytes(page.items.back());
      }
      const bool more = from + chunk.size() < rows->size() || !reader.ended();
      if (full(more && bytes >= parts_.tuning.page_bytes_max,
               text_of(chunk.back(), sort_key).value_or(""))) {
        return page;
      }
    }
    if (full(!reader.ended() && reader.looked_at() >= parts_.tuning.page_rows_max,
             reader.position().value_or(""))) {
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

Result<LogPage> DynamoStore::do_query_logs(const LogQuery& query) {
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

  std::size_t bytes = 0;
  RowReader reader(client_, std::move(options));
  while (!reader.ended()) {
    const std::size_t wanted = rows_for(query.limit - page.items.size(), filtered, parts_.tuning);
    auto rows = reader.next(failures ? std::min(wanted, kReadAtOnce) : wanted);
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
      bytes += shown_bytes(page.items.back());
    }
    if (!reader.ended() && reader.position() &&
        (reader.looked_at() >= parts_.tuning.page_rows_max ||
         bytes >= parts_.tuning.page_bytes_max)) {
      if (const auto dated = parse_dated_id(*reader.position())) {
        page.next = LogPosition{dated->at, dated->id};
        return page;
      }
    }
  }
  return page;
}

}  // namespace rhooks::store::dynamo
