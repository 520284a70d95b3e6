#include <rhooks/hooks.h>

#include <algorithm>

#include "base/utf8.h"
#include "codec/start_key.h"
#include "hooks/hooks_impl.h"
#include "hooks/namespace_ranges.h"
#include "model/limits.h"
#include "model/new_task.h"
#include "model/rules.h"
#include "model/transitions.h"
#include "observe/logging.h"

// Pages, bulk operations and the dry run: what reads or changes many tasks.
namespace rhooks {
namespace {

// Twice what full pages need: those of tasks that are being attempted are shorter, even empty.
constexpr std::size_t kDryrunPagesMax = 2 * model::kDryrunCountMax / model::kBatchMax;

// How many pages of the store a bulk call looks at until one has tasks to act on. RocksDB and
// DynamoDB end a page after 10,000 rows, so a call looks at 40,000 at most and does not hold others
// up; with fewer a namespace in which little matches would take many calls.
constexpr int kBulkPagesMax = 4;

// Tasks of one write of clear(): with fewer the disk is waited for more often, and with more others
// wait for the write.
constexpr std::size_t kClearAtOnce = 4'000;

Result<void> check_limit(int value, const char* field) {
  if (value >= 1 && value <= model::kPageLimitMax) return {};
  return fail(ErrorCode::kInvalidArgument,
              std::string(field) + " is " + std::to_string(value) + "; it must be 1 to " +
                  std::to_string(model::kPageLimitMax),
              field);
}

// Ranges of time that can hold nothing are mistakes worth telling.
Result<void> check_order(const std::optional<TimePoint>& from, const std::optional<TimePoint>& to) {
  if (!from || !to || *from <= *to) return {};
  return fail(ErrorCode::kInvalidArgument, "from is later than to", "from");
}

Result<void> check_filter(const TaskFilter& filter) {
  if (auto valid = model::validate_namespace(filter.ns); !valid) return valid;
  // A prefix need not be an id that could stand by itself, but cannot be longer than one.
  if (filter.id.size() > model::kIdBytesMax) {
    return fail(ErrorCode::kInvalidArgument,
                "id is longer than " + std::to_string(model::kIdBytesMax) + " bytes", "id");
  }
  if (!is_utf8(filter.id)) {
    return fail(ErrorCode::kInvalidArgument, "id must be valid UTF-8: no id begins so", "id");
  }
  if (!filter.endpoint.empty()) {
    if (auto valid = model::EndpointName{}.check(filter.endpoint, "endpoint"); !valid) return valid;
  }
  if (!filter.reason.empty()) {
    if (auto valid = model::FailureReason{}.check(filter.reason, "reason"); !valid) return valid;
    if (filter.status && *filter.status != Status::kFailed) {
      return fail(
          ErrorCode::kInvalidArgument,
          std::string("reason: only FAILED tasks have one, not ") + to_string(*filter.status),
          "reason");
    }
  }
  if (filter.last_status) {
    const model::Range statuses{model::kStatusMin, model::kStatusMax};
    if (auto valid = statuses.check(*filter.last_status, "lastStatus"); !valid) return valid;
  }
  return check_order(filter.from, filter.to);
}

// Describes a query to the checksum of its start keys: every part, each with its length.
class StartKeyScope {
 public:
  explicit StartKeyScope(std::string_view kind) { add(kind); }

  StartKeyScope& add(std::string_view part) {
    text_ += std::to_string(part.size());
    text_ += ':';
    text_ += part;
    return *this;
  }
  StartKeyScope& add(const std::optional<TimePoint>& at) {
    return add(at ? std::to_string(to_millis(*at)) : "-");
  }
  StartKeyScope& add(bool flag) {
    return add(flag ? std::string_view("1") : std::string_view("0"));
  }
  StartKeyScope& add(const TaskFilter& f) {
    const std::string_view status = f.status ? to_string(*f.status) : "-";
    const std::string last_status = f.last_status ? std::to_string(*f.last_status) : "-";
    add(f.ns).add(f.id).add(status).add(f.from).add(f.to);
    return add(f.endpoint).add(f.reason).add(last_status);
  }

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string scope_of(const FetchQuery& q) {
  return StartKeyScope("tasks").add(q.filter).add(q.desc).text();
}

std::string scope_of(const FetchLogsQuery& q) {
  return StartKeyScope("logs")
      .add(q.ns)
      .add(q.task_id)
      .add(q.status ? std::string_view(to_string(*q.status)) : std::string_view("-"))
      .add(q.from)
      .add(q.to)
      .add(q.desc)
      .text();
}

std::string scope_of(const NamespacesQuery& q, const std::vector<std::string>& among) {
  StartKeyScope scope("namespaces");
  scope.add(q.prefix);
  for (const std::string& entry : among) scope.add(entry);
  return scope.text();
}

// A place among the tasks that match, as users hold it. The beginning is one, too: a key without
// an id, which no task is.
std::string start_key_of(const std::optional<store::TaskPosition>& after,
                         const std::string& scope) {
  if (!after) return codec::encode_start_key({}, scope);
  return codec::encode_start_key({after->scheduled_date, after->id}, scope);
}

Result<std::optional<store::TaskPosition>> position_of(const std::string& start_key,
                                                       const std::string& scope) {
  if (start_key.empty()) return std::nullopt;
  auto key = codec::decode_start_key(start_key, scope);
  if (!key) return fail(std::move(key.error()));
  if (key->id.empty()) return std::nullopt;
  return store::TaskPosition{key->at, std::move(key->id)};
}

store::TaskQuery task_query(const TaskFilter& filter, std::size_t limit, TimePoint now) {
  store::TaskQuery query;
  query.ns = filter.ns;
  if (!filter.id.empty()) query.id_prefix = filter.id;
  query.status = filter.status;
  query.from = filter.from;
  query.to = filter.to;
  if (!filter.endpoint.empty()) query.endpoint = filter.endpoint;
  if (!filter.reason.empty()) query.reason = filter.reason;
  query.last_status = filter.last_status;
  query.limit = limit;
  query.now = now;
  return query;
}

std::vector<TaskKey> keys_of(const std::vector<Task>& tasks) {
  std::vector<TaskKey> keys;
  keys.reserve(tasks.size());
  for (const Task& task : tasks) keys.push_back(task.key);
  return keys;
}

// Whether a task is passed over for that: it changed between being found and being acted on (gone,
// in another status), or its schedule cannot be read here, whoever asks again.
bool passed_over(const TaskKey& key, const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound:
    case ErrorCode::kConflict:
      return true;
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUnsupported:
      log::warn("a task is passed over, since it cannot be changed here",
                {{"namespace", key.ns}, {"id", key.id}, {"error", error.message}});
      return true;
    default:
      return false;
  }
}

// Acts on the tasks of a page and adds those on which the act took effect. Returns why others were
// not acted on, but for those that are passed over, if there are any.
template <typename Act>
std::optional<Error> act_on(const std::vector<TaskKey>& keys, const Act& act, ManyResult& result) {
  if (keys.empty()) return std::nullopt;
  const auto outcomes = act(keys);
  std::optional<Error> failure;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (outcomes[i]) {
      result.items.push_back(keys[i]);
    } else if (!passed_over(keys[i], outcomes[i].error())) {
      failure = outcomes[i].error();
    }
  }
  result.count = static_cast<std::int64_t>(result.items.size());
  return failure;
}

// Acts on the next chunk of matching tasks on which the act takes effect, with a checked query.
// Where a page has none, or all of its tasks were passed over, the next one is tried, up to a
// bound. Where some failed, the next call looks at their page again: those that were acted on match
// no more.
template <typename Act>
Result<ManyResult> act_on_chunk(store::Store& store, const ManyQuery& query, const char* verb,
                                TimePoint now, const Act& act) {
  const std::string scope = StartKeyScope(verb).add(query.filter).text();
  auto start = position_of(query.start_key, scope);
  if (!start) return fail(std::move(start.error()));
  auto from_store = task_query(query.filter, static_cast<std::size_t>(query.chunk_limit), now);
  from_store.after = std::move(*start);

  ManyResult result;
  for (int pages = 1;; ++pages) {
    auto page = store.query_tasks(from_store);
    if (!page) return fail(std::move(page.error()));
    auto failure = act_on(keys_of(page->items), act, result);
    if (failure && result.count == 0) return fail(std::move(*failure));
    result.more = failure || page->next;
    if (!failure) from_store.after = std::move(page->next);
    if (result.count > 0 || !result.more || pages == kBulkPagesMax) {
      if (result.more) result.last_evaluated_key = start_key_of(from_store.after, scope);
      return result;
    }
  }
}

// Of one range, those after that name. Where a page ends is a name of the range.
Result<store::NamespacePage> namespaces_in(store::Store& store, const NamespaceRange& range,
                                           std::size_t limit,
                                           const std::optional<std::string>& after) {
  const bool goes_on = after && range.contains(*after);
  auto found = store.namespaces(
      {range.prefix, range.only_this ? 1 : limit, goes_on ? after : std::optional<std::string>()});
  if (!found || !range.only_this) return found;
  // Of those that begin so it is the first.
  std::erase_if(found->items, [&](const std::string& name) { return name != range.prefix; });
  found->next.reset();
  return found;
}

// A page of the documents that are meant by a call, each read by `read`. One that cannot be read is
// an error: nobody is to take the page for all there is.
template <typename Page, typename Query, typename Read>
Result<Page> page_of(store::Store& store, store::DocumentQuery from_store, const Query& query,
                     const Read& read) {
  const std::string& ns = *from_store.ns;
  if (auto valid = check_limit(query.limit, "limit"); !valid) return fail(std::move(valid.error()));

  const std::string scope =
      StartKeyScope((from_store.kind + "s").c_str()).add(ns).add(from_store.name_prefix).text();
  from_store.limit = static_cast<std::size_t>(query.limit);
  if (!query.start_key.empty()) {
    auto key = codec::decode_start_key(query.start_key, scope);
    if (!key) return fail(std::move(key.error()));
    from_store.after = store::DocumentPosition{ns, std::move(key->id)};
  }

  auto found = store.list_documents(from_store);
  if (!found) return fail(std::move(found.error()));
  if (!found->damaged.empty()) return fail(store::damaged_document(found->damaged.front()));
  Page page;
  for (const store::StoredDocument& document : found->items) {
    auto one = read(document);
    if (!one) return fail(std::move(one.error()));
    page.items.push_back(std::move(*one));
  }
  if (found->next) {
    page.last_evaluated_key = codec::encode_start_key({{}, found->next->name}, scope);
  }
  return page;
}

// The same of those of a namespace, whose names may be asked for by how they begin.
template <typename Page, typename Query, typename Read>
Result<Page> named_page_of(store::Store& store, store::DocumentQuery from_store, const Query& query,
                           const Read& read) {
  if (auto valid = model::validate_namespace(query.ns); !valid) {
    return fail(std::move(valid.error()));
  }
  const model::Text prefix{model::kEndpointNameBytesMax};
  if (auto valid = prefix.check(query.prefix, "prefix"); !valid) {
    return fail(std::move(valid.error()));
  }
  from_store.name_prefix = query.prefix;
  return page_of<Page>(store, std::move(from_store), query, read);
}

}  // namespace

Result<TaskPage> Hooks::fetch(const FetchQuery& query) {
  if (auto valid = check_filter(query.filter); !valid) return fail(std::move(valid.error()));
  if (auto valid = check_limit(query.limit, "limit"); !valid) return fail(std::move(valid.error()));

  const std::string scope = scope_of(query);
  auto from_store = task_query(query.filter, static_cast<std::size_t>(query.limit), impl_->now());
  from_store.desc = query.desc;
  auto start = position_of(query.start_key, scope);
  if (!start) return fail(std::move(start.error()));
  from_store.after = std::move(*start);

  auto found = impl_->store().query_tasks(from_store);
  if (!found) return fail(std::move(found.error()));
  TaskPage page{std::move(found->items), {}};
  for (Task& task : page.items) task = impl_->shown(std::move(task));
  if (found->next) page.last_evaluated_key = start_key_of(found->next, scope);
  return page;
}

Result<LogPage> Hooks::fetch_logs(const FetchLogsQuery& query) {
  if (auto valid = model::validate_namespace(query.ns); !valid) {
    return fail(std::move(valid.error()));
  }
  if (!query.task_id.empty()) {
    if (auto valid = model::validate_id(query.task_id, "taskId"); !valid) {
      return fail(std::move(valid.error()));
    }
  }
  if (auto valid = check_order(query.from, query.to); !valid) return fail(std::move(valid.error()));
  if (auto valid = check_limit(query.limit, "limit"); !valid) return fail(std::move(valid.error()));

  const std::string scope = scope_of(query);
  store::LogQuery from_store;
  from_store.ns = query.ns;
  if (!query.task_id.empty()) from_store.task_id = query.task_id;
  from_store.status = query.status;
  from_store.from = query.from;
  from_store.to = query.to;
  from_store.desc = query.desc;
  from_store.limit = static_cast<std::size_t>(query.limit);
  from_store.now = impl_->now();
  if (!query.start_key.empty()) {
    auto key = codec::decode_start_key(query.start_key, scope);
    if (!key) return fail(std::move(key.error()));
    from_store.after = store::LogPosition{key->at, std::move(key->id)};
  }

  auto found = impl_->store().query_logs(from_store);
  if (!found) return fail(std::move(found.error()));
  LogPage page{std::move(found->items), {}};
  if (found->next) {
    page.last_evaluated_key =
        codec::encode_start_key({found->next->started_at, found->next->id}, scope);
  }
  return page;
}

Result<NamespacePage> Hooks::namespaces(const NamespacesQuery& query) {
  return namespaces(query, {"*"});
}

Result<NamespacePage> Hooks::namespaces(const NamespacesQuery& query,
                                        const std::vector<std::string>& among) {
  if (query.prefix.size() > model::kNamespaceBytesMax) {
    return fail(ErrorCode::kInvalidArgument,
                "prefix is longer than " + std::to_string(model::kNamespaceBytesMax) + " bytes",
                "prefix");
  }
  if (!is_utf8(query.prefix)) {
    return fail(ErrorCode::kInvalidArgument, "prefix must be valid UTF-8: no namespace begins so",
                "prefix");
  }
  if (auto valid = check_limit(query.limit, "limit"); !valid) return fail(std::move(valid.error()));

  const std::string scope = scope_of(query, among);
  std::optional<std::string> after;
  if (!query.start_key.empty()) {
    auto key = codec::decode_start_key(query.start_key, scope);
    if (!key) return fail(std::move(key.error()));
    after = std::move(key->id);
  }

  NamespacePage page;
  const auto limit = static_cast<std::size_t>(query.limit);
  for (const NamespaceRange& range : namespace_ranges(among, query.prefix)) {
    if (after && range.is_past(*after)) continue;
    if (page.items.size() == limit) {
      page.last_evaluated_key = codec::encode_start_key({{}, page.items.back().name}, scope);
      break;
    }
    auto found = namespaces_in(impl_->store(), range, limit - page.items.size(), after);
    if (!found) return fail(std::move(found.error()));
    for (std::string& name : found->items) page.items.push_back({std::move(name)});
    if (found->next) {
      page.last_evaluated_key = codec::encode_start_key({{}, *found->next}, scope);
      break;
    }
  }
  return page;
}

Result<EndpointPage> Hooks::endpoints(const EndpointsQuery& query) {
  auto page = named_page_of<EndpointPage>(impl_->store(), store::endpoint_query(query.ns), query,
                                          store::endpoint_of);
  if (!page) return page;
  for (Endpoint& endpoint : page->items) endpoint = impl_->shown(std::move(endpoint));
  return page;
}

Result<SecretPage> Hooks::secrets(const SecretsQuery& query) {
  return named_page_of<SecretPage>(impl_->store(), secrets::secret_query(query.ns), query,
                                   secrets::secret_of);
}

Result<ApiKeyPage> Hooks::api_keys(const ApiKeysQuery& query) {
  return page_of<ApiKeyPage>(impl_->store(), store::api_key_query(), query, store::api_key_of);
}

Result<ManyResult> Hooks::remove_many(const ManyQuery& query) {
  if (auto valid = check_filter(query.filter); !valid) return fail(std::move(valid.error()));
  if (auto valid = check_limit(query.chunk_limit, "chunkLimit"); !valid) {
    return fail(std::move(valid.error()));
  }
  const TimePoint now = impl_->now();
  return act_on_chunk(impl_->store(), query, "remove", now, [&](const std::vector<TaskKey>& keys) {
    auto removed = impl_->store().remove(keys, now);
    for (const auto& task : removed) {
      if (task) impl_->runner.look_again(*task);
    }
    return removed;
  });
}

Result<ManyResult> Hooks::Impl::change_many(ManyQuery query, Status from, const char* verb,
                                            const store::Edit& edit) {
  if (query.filter.status && *query.filter.status != from) {
    return fail(ErrorCode::kInvalidArgument,
                std::string("only ") + to_string(from) + " tasks can be " + verb + "ed, not " +
                    to_string(*query.filter.status),
                "status");
  }
  query.filter.status = from;
  if (auto valid = check_filter(query.filter); !valid) return fail(std::move(valid.error()));
  if (auto valid = check_limit(query.chunk_limit, "chunkLimit"); !valid) {
    return fail(std::move(valid.error()));
  }
  const TimePoint at = now();
  return act_on_chunk(store(), query, verb, at, [&](const std::vector<TaskKey>& keys) {
    auto changed = store().change(keys, edit, at);
    std::optional<TimePoint> earliest;
    for (const auto& task : changed) {
      if (!task) continue;
      runner.look_again(*task);
      if (task->status != Status::kActive) continue;
      earliest = std::min(earliest.value_or(TimePoint::max()), model::due_at(*task));
    }
    if (earliest) runner.notify(*earliest);
    return changed;
  });
}

Result<ManyResult> Hooks::suspend_many(const ManyQuery& query) {
  const TimePoint now = impl_->now();
  return impl_->change_many(query, Status::kActive, "suspend",
                            [now](Task t) { return model::suspend(std::move(t), now); });
}

Result<ManyResult> Hooks::unsuspend_many(const ManyQuery& query) {
  return impl_->change_many(query, Status::kSuspended, "unsuspend", impl_->unsuspending());
}

store::Edit Hooks::Impl::cancelling() const {
  return [at = now(), ttl = parts.options.failed_ttl](Task task) {
    return model::cancel(std::move(task), at, ttl);
  };
}

Result<ManyResult> Hooks::cancel_many(const ManyQuery& query) {
  const Status status = query.filter.status.value_or(Status::kActive);
  if (status == Status::kDone || status == Status::kFailed) {
    return fail(ErrorCode::kInvalidArgument,
                std::string("only what may still run can be cancelled, not ") + to_string(status),
                "status");
  }
  return impl_->change_many(query, status, "cancel", impl_->cancelling());
}

Result<std::int64_t> Hooks::clear(const std::string& ns) {
  if (auto valid = model::validate_namespace(ns); !valid) return fail(std::move(valid.error()));
  std::int64_t count = 0;
  while (true) {
    auto cleared = impl_->store().clear(ns, kClearAtOnce);
    if (!cleared) return fail(std::move(cleared.error()));
    if (*cleared == 0) return count;
    impl_->runner.look_again_in(ns);
    count += static_cast<std::int64_t>(*cleared);
  }
}

Result<DryrunResult> Hooks::trigger_dryrun(int limit) {
  if (auto valid = check_limit(limit, "limit"); !valid) return fail(std::move(valid.error()));
  const TimePoint now = impl_->now();
  DryrunResult result;
  std::optional<store::DuePosition> after;
  std::size_t left = model::kDryrunCountMax;
  for (std::size_t pages = 0; pages < kDryrunPagesMax && left > 0; ++pages) {
    auto page = impl_->store().peek_due(now, now, std::min(left, model::kBatchMax), after);
    if (!page) return fail(std::move(page.error()));
    left -= page->items.size();
    for (store::DueEntry& entry : page->items) {
      if (result.items.size() == static_cast<std::size_t>(limit)) break;
      result.items.push_back({std::move(entry.key), entry.scheduled_date});
    }
    after = std::move(page->next);
    if (!after) break;
  }
  result.count = static_cast<std::int64_t>(model::kDryrunCountMax - left);
  result.more = after.has_value();
  return result;
}

}  // namespace rhooks
