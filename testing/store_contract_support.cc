#include "testing/store_contract.h"

namespace rhooks::testing {

using namespace store;
using std::chrono::milliseconds;

model::TaskRecord make_record(const std::string& ns, const std::string& id, TimePoint at) {
  model::TaskRecord record;
  Task& task = record.task;
  task.key = {ns, id};
  task.request.method = Method::kPost;
  task.request.url = "http://127.0.0.1:1/hook";
  task.request.headers = {{"x-test", "1"}};
  task.request.body = Body::json(R"({"a":1})");
  task.scheduled_date = at;
  task.created_at = kT0;
  task.updated_at = kT0;
  record.fingerprint = {1, 2, 3};
  return record;
}

Log make_log(const TaskKey& key, TimePoint started_at, const std::string& id, LogStatus status) {
  Log log;
  log.id = id;
  log.task = key;
  log.request.method = Method::kPost;
  log.request.url = "http://127.0.0.1:1/hook";
  log.status = status;
  if (status == LogStatus::kSuccess) {
    log.response = Response{.status = 200, .headers = {{"server", "test"}}, .body = "ok"};
  } else {
    log.error = "connection refused";
  }
  log.scheduled_date = started_at - milliseconds{7};
  log.due_date = started_at - milliseconds{2};
  log.started_at = started_at;
  log.duration = std::chrono::microseconds{3'141};
  log.created_at = started_at + milliseconds{3};
  return log;
}

Commit done(const Claim& claim, TimePoint now) {
  Commit commit{claim.lease, claim.task,
                make_log(claim.lease.key, now, to_string(claim.lease.token))};
  commit.task.status = Status::kDone;
  commit.task.execution.count += 1;
  commit.task.execution.successful += 1;
  commit.task.execution.last_response_status = 200;
  commit.task.updated_at = now;
  return commit;
}

Commit retried(const Claim& claim, TimePoint now, TimePoint next) {
  Commit commit{claim.lease, claim.task,
                make_log(claim.lease.key, now, to_string(claim.lease.token), LogStatus::kFail)};
  commit.task.attempt += 1;
  commit.task.next_attempt_date = next;
  commit.task.errors.last_error = "connection refused";
  commit.task.updated_at = now;
  return commit;
}

Commit followed_by(Commit commit, const std::string& id, TimePoint at) {
  auto record = make_record(commit.task.key.ns, id, at);
  record.task.origin = commit.task.key.id;
  record.task.created_at = record.task.updated_at = at;
  commit.follow_ups.push_back(std::move(record));
  return commit;
}

Result<Task> suspend_edit(Task task) {
  if (task.status != Status::kActive) return fail(ErrorCode::kConflict, "the task is not ACTIVE");
  task.status = Status::kSuspended;
  return task;
}

Result<Task> unsuspend_edit(Task task) {
  if (task.status != Status::kSuspended) {
    return fail(ErrorCode::kConflict, "the task is not SUSPENDED");
  }
  task.status = Status::kActive;
  return task;
}

namespace {

// More pages than any test needs: a `next` that does not move fails instead of hanging.
constexpr int kPagesMax = 100'000;

template <typename Item, typename Query, typename Fetch>
std::vector<Item> all_pages(Query query, const Fetch& fetch) {
  std::vector<Item> items;
  for (int pages = 0; pages < kPagesMax; ++pages) {
    auto page = fetch(query);
    if (!page) {
      ADD_FAILURE() << page.error().message;
      return items;
    }
    EXPECT_LE(page->items.size(), query.limit);
    items.insert(items.end(), page->items.begin(), page->items.end());
    if (!page->next) return items;
    query.after = page->next;
  }
  ADD_FAILURE() << "paging does not end";
  return items;
}

}  // namespace

std::vector<Task> all_tasks(Store& store, TaskQuery query) {
  return all_pages<Task>(std::move(query),
                         [&](const TaskQuery& q) { return store.query_tasks(q); });
}

std::vector<Log> all_logs(Store& store, LogQuery query) {
  return all_pages<Log>(std::move(query), [&](const LogQuery& q) { return store.query_logs(q); });
}

std::vector<DueEntry> all_due(Store& store, TimePoint now, TimePoint due_by, std::size_t limit) {
  struct Query {
    std::size_t limit;
    std::optional<DuePosition> after;
  };
  return all_pages<DueEntry>(Query{limit, {}}, [&](const Query& q) {
    return store.peek_due(now, due_by, q.limit, q.after);
  });
}

std::vector<StoredDocument> all_documents(Store& store, DocumentQuery query) {
  return all_pages<StoredDocument>(std::move(query),
                                   [&](const DocumentQuery& q) { return store.list_documents(q); });
}

std::vector<std::string> ids(const std::vector<Task>& tasks) {
  std::vector<std::string> result;
  for (const Task& task : tasks) result.push_back(task.key.id);
  return result;
}

}  // namespace rhooks::testing
