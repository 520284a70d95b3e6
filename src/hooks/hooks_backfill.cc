// Making up for past occurrences of a series.

#include <rhooks/hooks.h>

#include <algorithm>

#include "base/iso8601.h"
#include "hooks/hooks_impl.h"
#include "model/limits.h"
#include "model/refusal.h"
#include "model/rules.h"
#include "model/transitions.h"

namespace rhooks {
namespace {

using schedule::kTick;

Result<void> check_backfill(const BackfillQuery& query, TimePoint now) {
  if (query.chunk_limit < 1 || query.chunk_limit > model::kPageLimitMax) {
    return model::invalid("chunkLimit",
                          "must be from 1 to " + std::to_string(model::kPageLimitMax));
  }
  if (auto shown = model::ShownTime{}.check(query.from, "from"); !shown) return shown;
  if (query.from > query.to) return model::invalid("to", "must not be before from");
  if (query.to > now) {
    return model::invalid(
        "to", "must not be in the future: what is to come needs no backfill; now it is " +
                  format_time(now));
  }
  return {};
}

// When a series would have happened, had it been there. An `every` keeps what it counts from, which
// is its `start`, or `since`.
Schedule without_bounds(Schedule schedule, TimePoint from) {
  schedule.end.clear();
  const bool counts = !schedule.every.empty();
  if (counts && schedule.start.empty()) return schedule;
  if (!counts) schedule.start.clear();
  schedule.since = std::min(schedule.since, from - kTick);
  return schedule;
}

// The first nominal times of a series in [from, to], `most` at most.
using Times = std::vector<TimePoint>;

Result<Times> times_of(const Schedule& schedule, const BackfillQuery& query, std::size_t most,
                       const schedule::Zones& zones) {
  const auto table = schedule::Timetable::compile(without_bounds(schedule, query.from), zones);
  if (!table) return fail(table.error());
  Times times;
  for (auto at = table->next(query.from - kTick); at && *at <= query.to && times.size() < most;
       at = table->next(*at)) {
    times.push_back(*at);
  }
  return times;
}

Times times_of(const Task& task, const Repeat& repeat, const BackfillQuery& query,
               std::size_t most) {
  const TimePoint first = task.execution.first_scheduled_date.value_or(task.scheduled_date);
  const std::chrono::milliseconds interval = model::interval_of(repeat);
  const auto behind = std::max(query.from - first, TimePoint::duration{0});
  const std::int64_t passed = (behind + interval - kTick) / interval;
  Times times;
  for (TimePoint at = first + passed * interval; at <= query.to && times.size() < most;
       at += interval) {
    times.push_back(at);
  }
  return times;
}

Result<Times> times_of(const Task& task, const BackfillQuery& query, std::size_t most,
                       const schedule::Zones& zones) {
  if (task.schedule) return times_of(*task.schedule, query, most, zones);
  if (task.repeat) return times_of(task, *task.repeat, query, most);
  return fail(ErrorCode::kConflict,
              "task '" + task.key.id + "' is no series: it happens once; trigger runs it again");
}

NewTask one_shot_of(const Task& series, TimePoint nominal) {
  NewTask task;
  static_cast<Spec&>(task) = series;
  task.repeat.reset();
  task.schedule.reset();
  task.max_errors.reset();
  task.pause_on_failure = false;
  task.id_prefix.clear();
  task.ns = series.key.ns;
  task.id = series.key.id + "@" + format_time(nominal);
  task.scheduled_date = nominal;
  return task;
}

bool exists(const Error& error) {
  return error.code == ErrorCode::kConflict && error.field == "id";
}

}  // namespace

Result<BackfillResult> Hooks::backfill(const BackfillQuery& query) {
  if (auto good = check_backfill(query, impl_->now()); !good) return fail(good.error());
  const auto series = impl_->stored(query.key);
  if (!series) return fail(series.error());
  const auto limit = static_cast<std::size_t>(query.chunk_limit);
  auto times = times_of(*series, query, limit + 1, *impl_->parts.zones);
  if (!times) return fail(times.error());

  BackfillResult result;
  if (times->size() > limit) {
    result.next = times->back();
    times->pop_back();
  }
  std::vector<NewTask> tasks;
  for (const TimePoint nominal : *times) {
    tasks.push_back(one_shot_of(*series, nominal));
    result.items.push_back({tasks.back().id, nominal});
  }
  if (query.dry_run) return result;
  const auto registered = register_many(std::move(tasks));
  if (!registered) return fail(registered.error());
  for (std::size_t i = 0; i < registered->size(); ++i) {
    const auto& one = (*registered)[i];
    if (!one && !exists(one.error())) return fail(one.error());
    result.items[i].created = one.has_value();
  }
  return result;
}

}  // namespace rhooks
