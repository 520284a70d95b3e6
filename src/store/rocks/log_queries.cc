// query_logs of the embedded store: from `logs`, or, for one task or for failures, by the
// references in `log_refs`. Bounded as queries for tasks are.

#include <algorithm>

#include "codec/stored.h"
#include "observe/logging.h"
#include "store/rocks/keys.h"
#include "store/rocks/range_scan.h"
#include "store/rocks/store_impl.h"
#include "store/shown_bytes.h"

namespace rhooks::store::rocks {

Result<LogPage> RocksStore::do_query_logs(const LogQuery& query) {
  const auto use = database_->use();
  if (!use) return fail(use.error());
  const ScopedSnapshot snapshot(db());
  rocksdb::ReadOptions read_options;
  read_options.snapshot = snapshot.get();

  const std::string ns_prefix = name(query.ns);
  const bool by_ref = query.task_id || query.status == LogStatus::kFail;
  const std::string prefix = query.task_id ? task_logs_prefix(query.ns, *query.task_id)
                             : by_ref      ? failures_prefix(query.ns)
                                           : ns_prefix;
  const std::string after =
      query.after ? time_bytes(query.after->started_at) + query.after->id : std::string();
  Scan scan(db(), family(by_ref ? Family::kLogRefs : Family::kLogs), snapshot.get(),
            {time_range(prefix, query.from, query.to, after, query.desc)}, query.desc);

  LogPage page;
  std::optional<LogPosition> last;
  std::size_t rows = 0;
  std::size_t bytes = 0;
  for (; scan.valid(); scan.next()) {
    if (page.items.size() >= query.limit || rows >= options_.page_rows_max ||
        bytes >= options_.page_bytes_max) {
      page.next = std::move(last);
      break;
    }
    ++rows;
    const std::string_view suffix = scan.suffix();
    if (suffix.size() < 8) continue;
    last = LogPosition{read_time(suffix), std::string(suffix.substr(8))};

    std::string_view value = scan.value();
    rocksdb::PinnableSlice referred;
    if (by_ref) {
      const auto ref = parse_ref(value);
      if (!ref || (ref->expires_at && *ref->expires_at <= query.now)) continue;
      if (query.status && ref->failed != (*query.status == LogStatus::kFail)) continue;
      const std::string key = ns_prefix + std::string(suffix);
      const auto status = uninterrupted(
          [&] { return db().Get(read_options, family(Family::kLogs), key, &referred); });
      if (status.IsNotFound()) continue;  // expired and dropped before its reference
      if (!status.ok()) return fail(database_->translate(status, "reading a log"));
      value = referred.ToStringView();
    } else if (is_expired(LogFamily::kLogs, value, query.now)) {
      continue;
    }
    auto log = codec::decode_log(query.ns, last->started_at, last->id, value);
    if (!log) {
      log::error("a stored log cannot be read",
                 {{"namespace", query.ns}, {"log", last->id}, {"reason", log.error().message}});
      continue;
    }
    if (query.status && log->status != *query.status) continue;
    bytes += shown_bytes(*log);
    page.items.push_back(std::move(*log));
  }
  if (!scan.status().ok()) return fail(database_->translate(scan.status(), "reading logs"));
  return page;
}

}  // namespace rhooks::store::rocks
