#include "model/redrive.h"

#include <algorithm>
#include <utility>

#include "base/duration.h"
#include "model/checks.h"
#include "model/refusal.h"
#include "model/transitions.h"

namespace rhooks::model {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kRedrivenASecondMax = 10'000;
// Tasks of one step: a document holds their ids.
constexpr std::int64_t kStepMax = 100;

// Within what arithmetic bears, whatever is stored.
std::int64_t limit_of(const Rate& rate) {
  return std::clamp<std::int64_t>(rate.limit, 1, std::int64_t{1} << 40);
}

std::int64_t in_a_second(const Rate& rate) {
  constexpr milliseconds kSecond = std::chrono::seconds{1};
  return limit_of(rate) * kSecond.count() / std::max<std::int64_t>(rate.period.count(), 1);
}

}  // namespace

Result<void> RedriveRate::check(const Rate& rate, std::string_view field) const {
  if (auto ok = RateRange{}.check(rate, field); !ok) return ok;
  if (rate.limit <= kRedrivenASecondMax * rate.period.count() / 1'000) return {};
  return invalid(
      field, "must be at most 10,000 a second, as in 50/1s or 100/1m, not " + format_rate(rate));
}

Result<void> validate(const Redrive& redrive) {
  if (auto ok = check_fields(redrive, ""); !ok) return ok;
  if (redrive.status && *redrive.status != Status::kFailed) {
    return invalid("status", "only FAILED tasks are run again");
  }
  if (redrive.from && redrive.to && *redrive.to < *redrive.from) {
    return invalid("from", "is later than `to`");
  }
  return {};
}

bool is_meant(const Redrive& redrive, const Task& task) {
  return !redrive.reason.empty() || task.failure_reason != failure::kCancelled;
}

bool takes(const Redrive& redrive, const Task& task) {
  return task.status == Status::kFailed && task.updated_at <= redrive.started_at &&
         is_meant(redrive, task);
}

std::size_t step_max(const StoredRedrive& redrive) {
  std::int64_t most = std::clamp<std::int64_t>(in_a_second(redrive.rate), 1, kStepMax);
  const std::int64_t so_far = std::max<std::int64_t>(redrive.redriven, 0);
  if (redrive.max > 0) most = std::min(most, redrive.max - so_far);
  return static_cast<std::size_t>(std::max<std::int64_t>(most, 0));
}

milliseconds length_of(const StoredRedrive::Step& step, const Rate& rate) {
  const auto tasks = static_cast<std::int64_t>(step.ids.size());
  return milliseconds{(tasks * rate.period.count() + limit_of(rate) - 1) / limit_of(rate)};
}

TimePoint due_of(const StoredRedrive::Step& step, const Redrive& redrive) {
  return std::max(step.at, redrive.started_at + milliseconds{1});
}

Result<Task> redriven(Task task, const Redrive& redrive, const StoredRedrive::Step& step,
                      const schedule::Timetable* times) {
  if (!takes(redrive, task)) return fail(ErrorCode::kConflict, "it is not FAILED any more");
  return run_now(std::move(task), due_of(step, redrive), times);
}

}  // namespace rhooks::model
