#include "hooks/previews.h"

#include <algorithm>

#include "base/clock.h"
#include "model/new_task.h"
#include "model/refusal.h"
#include "model/rules.h"
#include "model/transitions.h"
#include "schedule/local_text.h"
#include "schedule/preview.h"

namespace rhooks {
namespace {

using std::chrono::milliseconds;

constexpr int kCountMax = 1000;
using schedule::kTick;

Result<void> check_part(const PreviewRange& range) {
  if (range.count < 1 || range.count > kCountMax) {
    return model::invalid("count", "must be from 1 to " + std::to_string(kCountMax));
  }
  if (!range.from) return {};
  return model::ShownTime{}.check(*range.from, "from");
}

// As that of a task is checked.
Result<void> check_when(const PreviewQuery& query) {
  if (!query.schedule && !query.scheduled_date && !query.repeat) {
    return model::invalid("schedule", "is required, or scheduledDate, or repeat");
  }
  NewTask task;
  task.ns = query.key ? query.key->ns : "any";
  task.id = query.key ? query.key->id : "any";
  task.request.url = "http://localhost/";
  task.schedule = query.schedule;
  task.scheduled_date = query.scheduled_date;
  task.repeat = query.repeat;
  return model::validate(task);
}

bool has_ended(const Task& task) {
  return task.status == Status::kDone || task.status == Status::kFailed;
}

// With the occurrence that a worker would begin at `now`, or, where it is too late for one, the
// next.
Task as_claimed(const Task& task, TimePoint now, const schedule::Timetable* times) {
  if (has_ended(task)) return task;
  if (model::passes_over(task, now, times)) return model::pass_over(task, now, {}, *times);
  return model::begin_attempt(task, now, times);
}

// Whether no other occurrence follows the extra one that it has: its schedule was at its end.
bool is_extra_alone(const Task& task) {
  return task.schedule && task.extra_date && task.scheduled_date <= *task.extra_date;
}

// How many occurrences are left when `used` more have been. The current one of a task that has not
// ended is, whatever its `max`: run now may have added it.
std::optional<std::int64_t> left_of(const Task& task, std::int64_t max, std::int64_t used) {
  if (has_ended(task) || is_extra_alone(task)) return 0;
  if (max == 0) return std::nullopt;
  const std::int64_t left = max - (task.execution.count - task.execution.extra);
  return std::max<std::int64_t>(std::max<std::int64_t>(left, 1) - used, 0);
}

// How a date and what repeats it read.
std::string words_of(const Task& task, const Repeat& repeat, const schedule::Zone& utc) {
  const auto from = utc.local(task.execution.first_scheduled_date.value_or(task.scheduled_date));
  if (repeat.max == 1) return "once, at " + schedule::format_reading(from) + " (UTC)";
  using Unit = schedule::Length::Unit;
  const schedule::Length length =
      repeat.unit == RepeatUnit::kDays
          ? schedule::Length{repeat.interval, Unit::kDays}
          : schedule::Length{model::interval_of(repeat).count(), Unit::kMilliseconds};
  return schedule::every_in_words(length, from) + " (UTC)" +
         (repeat.max > 0 ? ", " + std::to_string(repeat.max) + " times" : "");
}

// Of a task without a schedule, whose scheduled_date is the occurrence that runs next.
Preview preview_of_series(const Task& task, const PreviewRange& range, const schedule::Zone& utc) {
  const Repeat repeat = task.repeat.value_or(Repeat{});
  const milliseconds interval = model::interval_of(repeat);
  const milliseconds ahead = range.from.value_or(kTimeMin) - task.scheduled_date;
  // As many lie before the first one to show.
  const std::int64_t before = ahead.count() <= 0 ? 0 : (ahead - kTick) / interval + 1;
  Preview preview;
  preview.description = words_of(task, repeat, utc);
  preview.timezone = utc.name();
  preview.remaining = left_of(task, repeat.max, before);
  if (repeat.max != 1 && interval < std::chrono::minutes{1}) {
    preview.warnings.push_back("It happens more often than each minute.");
  }
  const std::int64_t in_time = (kTimeMax - task.scheduled_date) / interval + 1 - before;
  const std::int64_t left = std::min(preview.remaining.value_or(in_time), in_time);
  for (std::int64_t n = 0; n < std::min<std::int64_t>(left, range.count); ++n) {
    const TimePoint at = task.scheduled_date + (before + n) * interval;
    preview.occurrences.push_back({at, at, schedule::format_local(at, utc), {}});
  }
  preview.more = left > range.count;
  return preview;
}

// Of a task with a schedule, whose scheduled_date is the occurrence that runs next. `key`: whose
// jitter it is, if anybody's.
Preview preview_of_schedule(const Task& task, const PreviewRange& range,
                            const schedule::Timetable& table, const TaskKey* key) {
  const TimePoint after = std::max(range.from.value_or(kTimeMin), task.scheduled_date) - kTick;
  // On as many days as its `max` there are as many, and none is left.
  const std::int64_t max = has_ended(task) ? 0 : task.schedule->max;
  const auto days = static_cast<int>(std::min<std::int64_t>(max, schedule::kAllDays));
  const std::int64_t before = max > 0 ? table.count(task.scheduled_date - kTick, after, days) : 0;
  return schedule::preview(*task.schedule, table,
                           {.after = after,
                            .count = range.count,
                            .remaining = left_of(task, task.schedule->max, before),
                            .key = key});
}

Result<Preview> preview_of_series(const Task& task, const PreviewRange& range,
                                  const schedule::Zones& zones) {
  const auto utc = zones.find("UTC");
  if (!utc) return fail(utc.error());
  return preview_of_series(task, range, **utc);
}

}  // namespace

Result<Preview> preview_of(const PreviewQuery& query, const schedule::Zones& zones, TimePoint now) {
  if (auto good = check_part(query.range); !good) return fail(good.error());
  if (auto good = check_when(query); !good) return fail(good.error());
  now = std::min(now, query.range.from.value_or(now));
  Task task;
  task.schedule = query.schedule;
  task.repeat = query.repeat;
  task.scheduled_date = query.scheduled_date.value_or(now);
  if (!task.schedule) return preview_of_series(model::begin_attempt(task, now), query.range, zones);
  task.schedule->since = now;
  const auto table = schedule::timetable_of(task, zones);
  if (!table) return fail(table.error());
  task.scheduled_date = (*table)->first_occurrence();
  Preview preview =
      preview_of_schedule(task, query.range, **table, query.key ? &*query.key : nullptr);
  preview.tzdata = zones.version();
  return preview;
}

Result<Preview> preview_of(const Task& task, const PreviewRange& range,
                           const schedule::Zones& zones, TimePoint now) {
  if (auto good = check_part(range); !good) return fail(good.error());
  const auto table = schedule::timetable_of(task, zones);
  if (!table) return fail(table.error());
  const Task current = as_claimed(task, now, table->get());
  Result<Preview> preview = *table ? preview_of_schedule(current, range, **table, &task.key)
                                   : preview_of_series(current, range, zones);
  if (!preview) return preview;
  if (task.schedule) preview->tzdata = zones.version();
  if (task.status == Status::kSuspended) {
    preview->warnings.push_back("It is SUSPENDED: nothing happens until it is unsuspended.");
  }
  return preview;
}

}  // namespace rhooks
