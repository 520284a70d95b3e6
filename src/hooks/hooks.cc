#include <rhooks/hooks.h>

#include <algorithm>

#include "codec/public_json.h"
#include "delivery/request_builder.h"
#include "hooks/hooks_impl.h"
#include "hooks/memory_plan.h"
#include "hooks/previews.h"
#include "json/text.h"
#include "model/limits.h"
#include "model/new_task.h"
#include "model/redaction.h"
#include "model/transitions.h"
#include "observe/logging.h"

namespace rhooks {
namespace {

// Leases of a store that is this process's alone end with the process, so their length is no
// matter of crashes. Long ones outlast a suspended machine or a clock that is set forward,
// which would otherwise have the worker take its own tasks a second time.
constexpr std::chrono::milliseconds kLeaseOfOne = std::chrono::hours{24};
// A stored lease is what the tasks of a crashed worker wait for: as long as an attempt may take,
// and some time to store its outcome.
constexpr std::chrono::milliseconds kLeaseBeyondRequest = std::chrono::seconds{30};

// For a process that starts again, or another one, to be sure that nobody goes on with a redrive.
// At most rates several of its steps.
constexpr std::chrono::milliseconds kRedriveOfOthers = std::chrono::seconds{30};

std::chrono::milliseconds lease_for(const Options& o) {
  if (store_traits(o.store).shared) return o.request_timeout + kLeaseBeyondRequest;
  return std::max(kLeaseOfOne, 2 * o.request_timeout);
}

std::chrono::milliseconds others_have_redrives(const Options& o) {
  return store_traits(o.store).shared ? kRedriveOfOthers : std::chrono::milliseconds{0};
}

model::OutcomePolicy outcome_policy(const Options& o) {
  model::OutcomePolicy policy;
  policy.max_errors = o.max_errors;
  policy.backoff.max = o.backoff_max;
  policy.done_ttl = o.done_ttl;
  policy.failed_ttl = o.failed_ttl;
  return policy;
}

engine::RunnerOptions runner_options(const Hooks::Parts& parts) {
  const Options& o = parts.options;
  engine::RunnerOptions runner;
  runner.zones = parts.zones;
  runner.concurrency = static_cast<std::size_t>(o.concurrency);
  runner.attempt_bytes_max = MemoryPlan(o.memory_max).attempts;
  runner.lease_for = lease_for(o);
  runner.attempt_max = o.request_timeout;
  runner.drain_timeout = o.drain_timeout;
  runner.committer.policy = outcome_policy(o);
  runner.committer.logs_ttl = o.logs_ttl;
  return runner;
}

Hooks::Parts parts_or_throw(Options options) {
  auto parts = make_parts(std::move(options));
  if (!parts) throw HooksError(std::move(parts.error()));
  return std::move(*parts);
}

// JSON is stored and sent as it was given; null is no body, here as in every other field.
Result<void> normalize_body(Body& body) {
  if (body.kind() != Body::Kind::kJson || body.is_checked()) return {};
  const auto refuse = [](const std::string& why) {
    return fail(ErrorCode::kInvalidArgument, "body: " + why, "body");
  };
  const auto json = check_body_json(body.data());
  if (!json) return refuse(json.error().message);
  if (json->kind() == JsonKind::kString) {
    return refuse("a JSON string is a text body: use Body::text");
  }
  body = json->body();
  return {};
}

Error another_content() {
  return {ErrorCode::kConflict, "the idempotency key was used before for a task with other content",
          "idempotencyKey"};
}

std::vector<NewTask> one_of(NewTask task) {
  std::vector<NewTask> one;
  one.push_back(std::move(task));
  return one;
}

}  // namespace

Hooks::Impl::Impl(Parts given)
    : parts(std::move(given)),
      uuids(*parts.random),
      runner(*parts.store, *parts.endpoints, *parts.secrets, *parts.sender, *parts.metrics,
             *parts.clock, *parts.random, runner_options(parts), *parts.runtime),
      redrives(
          *parts.store, *parts.metrics, *parts.clock, parts.zones,
          others_have_redrives(parts.options), [this](TimePoint due_at) { runner.notify(due_at); },
          *parts.runtime) {
  if (!parts.api_keys) {
    parts.api_keys = std::make_shared<store::ApiKeys>(*parts.store, parts.endpoints->max_age());
  }
  if (!parts.share_writes) return;
  batcher.emplace([this](std::vector<NewTask> tasks) { return store_all(std::move(tasks)); });
}

Result<std::unique_ptr<Hooks>> Hooks::open(Options options) {
  auto parts = make_parts(std::move(options));
  if (!parts) return fail(std::move(parts.error()));
  return std::make_unique<Hooks>(std::move(*parts));
}

Hooks::Hooks(Options options) : Hooks(parts_or_throw(std::move(options))) {}
Hooks::Hooks(Parts parts) : impl_(std::make_unique<Impl>(std::move(parts))) {}
Hooks::~Hooks() = default;

Result<Registration> Hooks::Impl::found(const model::TaskRecord& record, bool idempotent,
                                        const Result<store::PutResult>& put) {
  if (!put) return fail(put.error());
  if (!idempotent) {
    return fail(ErrorCode::kConflict,
                "task '" + record.task.key.id + "' exists already in namespace '" +
                    record.task.key.ns + "'; delete it first or choose another id",
                "id");
  }
  if (put->existing->fingerprint != record.fingerprint) {
    return fail(another_content());
  }
  auto first = store().get(record.task.key, now());
  if (!first && first.error().code == ErrorCode::kNotFound) {
    return fail(ErrorCode::kUnavailable,
                "the first task of this idempotency key was deleted, or expired, just now, and no "
                "other was stored; try again");
  }
  if (!first) return fail(std::move(first.error()));
  return Registration{std::move(*first), false};
}

// What is too long is refused before it is looked through.
Result<void> Hooks::Impl::normalize(NewTask& task) {
  if (auto valid = model::validate(task); !valid) return valid;
  if (auto real = model::refuse_redacted(task.request.headers); !real) return real;
  if (auto body = normalize_body(task.request.body); !body) return body;
  return delivery::check_body_fits(task.request);
}

Result<void> Hooks::Impl::check_egress(const std::string& url, const char* field) const {
  if (!parts.egress) return {};
  const egress::Target target = egress::target_of(url);
  const auto why = parts.egress->refuses(target);
  if (!why) return {};
  parts.metrics->egress_refused(Metrics::Egress::kRegister, *why);
  return fail(ErrorCode::kInvalidArgument,
              std::string(field) + ": " + egress::describe(*why, target), field);
}

Result<void> Hooks::Impl::check(NewTask& task) {
  if (auto checked = normalize(task); !checked) return checked;
  if (const auto times = times_from(task, now()); !times) {
    if (const auto first = first_of(task, times.error()); !first) return fail(first.error());
  }
  if (task.endpoint.empty()) {
    if (const auto may = check_egress(task.request.url, "url"); !may) {
      if (const auto first = first_of(task, may.error()); !first) return fail(first.error());
    }
    return {};
  }
  if (const auto endpoint = endpoints().find(task.ns, task.endpoint, now()); !endpoint) {
    if (const auto first = first_of(task, endpoint.error()); !first) return fail(first.error());
  }
  return {};
}

Hooks::Impl::Times Hooks::Impl::times_from(NewTask& task, TimePoint at) {
  if (task.schedule) task.schedule->since = at;
  return schedule::timetable_of(task, *parts.zones);
}

Result<Task> Hooks::Impl::first_of(const NewTask& task, const Error& error) {
  if (task.idempotency_key.empty()) return fail(error);
  auto first = store().get({task.ns, model::id_from_idempotency_key(task)}, now());
  if (!first && first.error().code == ErrorCode::kNotFound) return fail(error);
  return first;
}

Result<Registration> Hooks::register_task(NewTask task) {
  if (auto checked = impl_->check(task); !checked) return fail(std::move(checked.error()));
  if (impl_->batcher) return impl_->batcher->add(std::move(task));
  return std::move(impl_->store_all(one_of(std::move(task))).front());
}

void Hooks::register_task(NewTask task, std::function<void(Result<Registration>)> done) {
  if (auto checked = impl_->check(task); !checked) {
    done(fail(std::move(checked.error())));
  } else if (impl_->batcher) {
    impl_->batcher->add(std::move(task), std::move(done));
  } else {
    done(std::move(impl_->store_all(one_of(std::move(task))).front()));
  }
}

Result<std::vector<Result<Registration>>> Hooks::register_many(std::vector<NewTask> tasks) {
  if (tasks.size() > model::kBatchMax) {
    return fail(ErrorCode::kInvalidArgument,
                "a batch holds at most " + std::to_string(model::kBatchMax) + " tasks", "items");
  }
  std::vector<Result<Registration>> results(tasks.size());
  std::vector<NewTask> valid;
  std::vector<std::size_t> places;  // of each among the tasks given
  valid.reserve(tasks.size());
  places.reserve(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (auto checked = impl_->check(tasks[i]); !checked) {
      results[i] = fail(std::move(checked.error()));
    } else {
      valid.push_back(std::move(tasks[i]));
      places.push_back(i);
    }
  }
  auto stored = impl_->store_all(std::move(valid));
  for (std::size_t i = 0; i < stored.size(); ++i) results[places[i]] = std::move(stored[i]);
  return results;
}

// Of a task that happens no more, but did when it was registered first. Its content is all in what
// is stored of it, so the fingerprint of that tells whether it is the same.
Result<Registration> Hooks::Impl::registered_before(const NewTask& task, const Error& error) {
  auto first = first_of(task, error);
  if (!first) return fail(std::move(first.error()));
  NewTask same = task;
  static_cast<Spec&>(same) = *first;
  if (model::fingerprint(same) != model::fingerprint(task)) return fail(another_content());
  return Registration{std::move(*first), false};
}

std::vector<Result<Registration>> Hooks::Impl::store_all(std::vector<NewTask> tasks) {
  std::vector<Result<Registration>> results(tasks.size());
  if (tasks.empty()) return results;
  // The ids of a batch are made at once, so that they mostly lie together in the store as well.
  const TimePoint at = now();
  const auto ids = uuids.v7(at, tasks.size());
  std::vector<bool> idempotent;
  std::vector<model::TaskRecord> records;
  std::vector<std::size_t> places;  // of each among the results
  records.reserve(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const auto times = times_from(tasks[i], at);
    if (!times) {
      results[i] = registered_before(tasks[i], times.error());
      continue;
    }
    idempotent.push_back(!tasks[i].idempotency_key.empty());
    const bool dated = tasks[i].scheduled_date || tasks[i].schedule;
    records.push_back(model::make_record(std::move(tasks[i]), at, ids[i], times->get()));
    places.push_back(i);
    if (!dated) put_in_order(records.back().task, at);
  }

  const auto puts = store().put(records);
  std::int64_t created = 0;
  TimePoint earliest = TimePoint::max();
  for (std::size_t i = 0; i < puts.size(); ++i) {
    if (!puts[i] || !puts[i]->created) continue;
    ++created;
    earliest = std::min(earliest, model::due_at(records[i].task));
    Task& made = results[places[i]]->task;
    made = std::move(records[i].task);
    // One of the past may go before what others of its flow wait for.
    if (model::due_at(made) < at) runner.look_again(made);
  }
  // Before those that were there are read: that takes time.
  if (created > 0) {
    parts.metrics->registered(created);
    runner.notify(earliest);
  }
  for (std::size_t i = 0; i < puts.size(); ++i) {
    if (puts[i] && puts[i]->created) continue;
    results[places[i]] = found(records[i], idempotent[i], puts[i]);
  }
  for (auto& result : results) {
    if (result) result->task = shown(std::move(result->task));
  }
  return results;
}

// So what was acknowledged before goes before it. The endpoint was looked up just now.
void Hooks::Impl::put_in_order(Task& task, TimePoint at) {
  if (task.endpoint.empty()) return;
  const auto endpoint = endpoints().find(task.key.ns, task.endpoint, at);
  if (!endpoint || !(*endpoint)->ordered) return;
  task.scheduled_date = dates.next(model::flow_of(task), task.key.id, at);
}

Result<Task> Hooks::Impl::stored(const TaskKey& key) {
  if (auto valid = model::validate_namespace(key.ns); !valid) return fail(std::move(valid.error()));
  if (auto valid = model::validate_id(key.id); !valid) return fail(std::move(valid.error()));
  return store().get(key, now());
}

Result<Task> Hooks::get(const TaskKey& key) {
  auto task = impl_->stored(key);
  if (!task) return task;
  return impl_->shown(std::move(*task));
}

Task Hooks::Impl::shown(Task task) {
  const TimePoint at = now();
  const bool may_be_held = !task.endpoint.empty() && task.status == Status::kActive;
  if (may_be_held && model::due_at(task) <= at) task.held = runner.held(task);
  redaction().redact(task.request.headers, at);
  return task;
}

Result<Task> Hooks::remove(const TaskKey& key) {
  if (auto valid = model::validate_namespace(key.ns); !valid) return fail(std::move(valid.error()));
  if (auto valid = model::validate_id(key.id); !valid) return fail(std::move(valid.error()));
  auto removed = std::move(impl_->store().remove({&key, 1}, impl_->now()).front());
  if (!removed) return removed;
  impl_->runner.look_again(*removed);
  return impl_->shown(std::move(*removed));
}

Result<Task> Hooks::Impl::change_one(const TaskKey& key, const store::Edit& edit) {
  if (auto valid = model::validate_namespace(key.ns); !valid) return fail(std::move(valid.error()));
  if (auto valid = model::validate_id(key.id); !valid) return fail(std::move(valid.error()));
  auto changed = std::move(store().change({&key, 1}, edit, now()).front());
  if (!changed) return changed;
  runner.look_again(*changed);
  if (changed->status == Status::kActive) runner.notify(model::due_at(*changed));
  return shown(std::move(*changed));
}

store::Edit Hooks::Impl::with_times(Transition make) const {
  return [make = std::move(make), at = now(), zones = parts.zones](Task task) -> Result<Task> {
    const auto times = schedule::timetable_of(task, *zones);
    if (!times) return fail(times.error());
    return make(std::move(task), at, times->get());
  };
}

store::Edit Hooks::Impl::unsuspending() const {
  return with_times([policy = outcome_policy(parts.options)](Task task, TimePoint at,
                                                             const schedule::Timetable* times) {
    return model::unsuspend(std::move(task), at, times, policy);
  });
}

Result<Task> Hooks::suspend(const TaskKey& key) {
  const TimePoint now = impl_->now();
  return impl_->change_one(key, [now](Task t) { return model::suspend(std::move(t), now); });
}

Result<Task> Hooks::unsuspend(const TaskKey& key) {
  return impl_->change_one(key, impl_->unsuspending());
}

Result<Task> Hooks::cancel(const TaskKey& key) {
  return impl_->change_one(key, impl_->cancelling());
}

Result<Task> Hooks::trigger(const TaskKey& key) {
  return impl_->change_one(key, impl_->with_times(model::run_now));
}

Result<TriggerResult> Hooks::trigger(const Progress& progress) {
  const TimePoint as_of = impl_->now();
  auto result = impl_->runner.trigger(progress);
  // Most triggers leave nothing, and need not ask.
  if (!result || !impl_->runner.any_held()) return result;
  const auto left =
      impl_->store().peek_due(impl_->now(), as_of, model::kHeldCountMax, std::nullopt);
  if (left) {
    result->held = static_cast<std::int64_t>(left->items.size());
  } else {
    log::warn("what waits for its endpoint could not be counted",
              {{"error", left.error().message}});
  }
  return result;
}

Result<Preview> Hooks::preview(const PreviewQuery& query) {
  return preview_of(query, *impl_->parts.zones, impl_->now());
}

Result<Preview> Hooks::preview(const TaskKey& key, const PreviewRange& range) {
  const auto task = get(key);
  if (!task) return fail(task.error());
  return preview_of(*task, range, *impl_->parts.zones, impl_->now());
}

Result<void> Hooks::start() {
  impl_->runner.start();
  impl_->redrives.look_for_all();
  return {};
}

void Hooks::stop() {
  ++impl_->stops;
  impl_->redrives.stop();
  impl_->runner.stop();
}
void Hooks::stop_now() {
  impl_->runner.stop_now();
}

Result<void> Hooks::check() {
  return impl_->store().check();
}
Result<StoreDescription> Hooks::describe_store() {
  return impl_->store().describe();
}
std::string Hooks::metrics() const {
  impl_->parts.metrics->endpoints_age(impl_->endpoints().age(impl_->now()));
  return impl_->parts.metrics->expose();
}

}  // namespace rhooks
