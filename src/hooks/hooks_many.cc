#include <rhooks/hooks.h>

#include <algorithm>

#include "base/utf8.h"
#include "codec/start_key.h"
#include "hooks/hooks_impl.h"
#include "model/limits.h"
#include "model/new_task.h"
#include "model/transitions.h"

// Pages, bulk operations and the dry run: what reads or changes many tasks.
namespace rhooks {
namespace {

// Twice what full pages need: those of tasks that are being attempted are shorter, even empty.
constexpr std::size_t kDryrunPagesMax = 2 * model::kDryrunCountMax / model::kBatchMax;

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
  // A prefix need not be an id that could stand by itself, but can not be longer than one.
  if (filter.id.size() > model::kIdBytesMax) {
    return fail(ErrorCode::kInvalidArgument,
                "id is longer than " + std::to_string(model::kIdBytesMax) + " bytes", "id");
  }
  if (!is_utf8(filter.id)) {
    return fail(ErrorCode::kInvalidArgument, "id must be valid UTF-8: no id begins so", "id");
  }
  return check_order(filter.from, filter.to);
}

// Describes a query to the checksum of its start keys: every part, each with its length.
class Scope {
 public:
  explicit Scope(std::string_view kind) { add(kind); }

  Scope& add(std::string_view part) {
    text_ += std::to_string(part.size());
    text_ += ':';
    text_ += part;
    return *this;
  }
  Scope& add(const std::optional<TimePoint>& at) {
    return add(at ? std::to_string(to_millis(*at)) : "-");
  }
  Scope& add(bool flag) { return add(flag ? std::string_view("1") : std::string_view("0")); }

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string scope_of(const FetchQuery& q) {
  return Scope("tasks")
      .add(q.filter.ns)
      .add(q.filter.id)
      .add(q.filter.status ? std::string_view(to_string(*q.filter.status)) : std::string_view("-"))
      .add(q.filter.from)
      .add(q.filter.to)
      .add(q.desc)
      .text();
}

std::string scope_of(const FetchLogsQuery& q) {
  return Scope("logs")
      .add(q.ns)
      .add(q.task_id)
      .add(q.status ? std::string_view(to_string(*q.status)) : std::string_view("-"))
      .add(q.from)
      .add(q.to)
      .add(q.desc)
      .text();
}

std::string scope_of(const NamespacesQuery& q) {
  return Scope("namespaces").add(q.prefix).text();
}

store::TaskQuery task_query(const TaskFilter& filter, std::size_t limit, TimePoint now) {
  store::TaskQuery query;
  query.ns = filter.ns;
  if (!filter.id.empty()) query.id_prefix = filter.id;
  query.status = filter.status;
  query.from = filter.from;
  query.to = filter.to;
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

// Acts on the first chunk of matching tasks on which the act takes effect.
//
// Tasks that changed between being found and being acted on (gone, in another status) are
// passed over; where a whole chunk was, the next one is tried, so that a count of 0 means
// that nothing is left.
template <typename Act>
Result<ManyResult> act_on_chunk(store::Store& store, store::TaskQuery query, const Act& act) {
  ManyResult result;
  while (true) {
    auto page = store.query_tasks(query);
    if (!page) return fail(std::move(page.error()));
    const auto keys = keys_of(page->items);
    std::optional<Error> failure;
    if (!keys.empty()) {
      const auto outcomes = act(keys);
      for (std::size_t i = 0; i < keys.size(); ++i) {
        if (outcomes[i]) {
          result.items.push_back(keys[i]);
        } else if (outcomes[i].error().code != ErrorCode::kNotFound &&
                   outcomes[i].error().code != ErrorCode::kConflict) {
          failure = outcomes[i].error();
        }
      }
    }
    result.count = static_cast<std::int64_t>(result.items.size());
    result.more = page->next.has_value() || failure.has_value();
    if (result.count == 0 && failure) return fail(std::move(*failure));
    if (result.count > 0 || !page->next) return result;
    query.after = page->next;
  }
}

}  // namespace

Result<TaskPage> Hooks::fetch(const FetchQuery& query) {
  if (auto valid = check_filter(query.filter); !valid) return fail(std::move(valid.error()));
  if (auto valid = check_limit(query.limit, "limit"); !valid) return fail(std::move(valid.error()));

  const std::string scope = scope_of(query);
  auto from_store = task_query(query.filter, static_cast<std::size_t>(query.limit), impl_->now());
  from_store.desc = query.desc;
  if (!query.start_key.empty()) {
    auto key = codec::decode_start_key(query.start_key, scope);
    if (!key) return fail(std::move(key.error()));
    from_store.after = store::TaskPosition{key->at, std::move(key->id)};
  }

  auto found = impl_->store().query_tasks(from_store);
  if (!found) return fail(std::move(found.error()));
  TaskPage page{std::move(found->items), {}};
  if (found->next) {
    page.last_evaluated_key =
        codec::encode_start_key({found->next->scheduled_date, found->next->id}, scope);
  }
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

  const std::string scope = scope_of(query);
  store::NamespaceQuery from_store{query.prefix, static_cast<std::size_t>(query.limit), {}};
  if (!query.start_key.empty()) {
    auto key = codec::decode_start_key(query.start_key, scope);
    if (!key) return fail(std::move(key.error()));
    from_store.after = std::move(key->id);
  }

  auto found = impl_->store().namespaces(from_store);
  if (!found) return fail(std::move(found.error()));
  NamespacePage page;
  for (std::string& name : found->items) page.items.push_back({std::move(name)});
  if (found->next) page.last_evaluated_key = codec::encode_start_key({{}, *found->next}, scope);
  return page;
}

Result<ManyResult> Hooks::remove_many(const ManyQuery& query) {
  if (auto valid = check_filter(query.filter); !valid) return fail(std::move(valid.error()));
  if (auto valid = check_limit(query.chunk_limit, "chunkLimit"); !valid) {
    return fail(std::move(valid.error()));
  }
  const TimePoint now = impl_->now();
  return act_on_chunk(
      impl_->store(), task_query(query.filter, static_cast<std::size_t>(query.chunk_limit), now),
      [&](const std::vector<TaskKey>& keys) { return impl_->store().remove(keys, now); });
}

Result<ManyResult> Hooks::Impl::change_many(const ManyQuery& query, Status from, const char* past,
                                            const store::Edit& edit) {
  if (auto valid = check_filter(query.filter); !valid) return fail(std::move(valid.error()));
  if (auto valid = check_limit(query.chunk_limit, "chunkLimit"); !valid) {
    return fail(std::move(valid.error()));
  }
  if (query.filter.status && *query.filter.status != from) {
    return fail(ErrorCode::kInvalidArgument,
                std::string("only ") + to_string(from) + " tasks can be " + past + ", not " +
                    to_string(*query.filter.status),
                "status");
  }
  const TimePoint at = now();
  auto matching = task_query(query.filter, static_cast<std::size_t>(query.chunk_limit), at);
  matching.status = from;
  return act_on_chunk(store(), std::move(matching), [&](const std::vector<TaskKey>& keys) {
    auto changed = store().change(keys, edit, at);
    std::optional<TimePoint> earliest;
    for (const auto& task : changed) {
      if (!task || task->status != Status::kActive) continue;
      earliest = std::min(earliest.value_or(TimePoint::max()), model::due_at(*task));
    }
    if (earliest) runner.notify(*earliest);
    return changed;
  });
}

Result<ManyResult> Hooks::suspend_many(const ManyQuery& query) {
  const TimePoint now = impl_->now();
  return impl_->change_many(query, Status::kActive, "suspended",
                            [now](Task t) { return model::suspend(std::move(t), now); });
}

Result<ManyResult> Hooks::unsuspend_many(const ManyQuery& query) {
  const TimePoint now = impl_->now();
  return impl_->change_many(query, Status::kSuspended, "unsuspended",
                            [now](Task t) { return model::unsuspend(std::move(t), now); });
}

Result<std::int64_t> Hooks::clear(const std::string& ns) {
  if (auto valid = model::validate_namespace(ns); !valid) return fail(std::move(valid.error()));
  std::int64_t count = 0;
  while (true) {
    auto cleared = impl_->store().clear(ns, model::kBatchMax);
    if (!cleared) return fail(std::move(cleared.error()));
    if (*cleared == 0) return count;
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
