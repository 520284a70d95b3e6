#pragma once

#include <rhooks/redrive.h>
#include <rhooks/result.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "model/fields.h"
#include "model/limits.h"
#include "model/rules.h"
#include "schedule/timetable.h"

namespace rhooks::model {

// How many tasks a redrive runs again in what time.
struct RedriveRate {
  Result<void> check(const Rate& rate, std::string_view field) const;
};

// The fields of a redrive. They have no numbers: it is stored as JSON. docs_test prints the rows of
// docs/endpoints.md.
template <>
struct FieldsOf<Redrive> {
  static constexpr std::tuple kAll{
      field<&TaskFilter::ns>({.name = "namespace",
                              .required = true,
                              .doc = "the group of the tasks; over REST it stands in the path"},
                             Name{kNamespaceBytesMax}),
      field<&TaskFilter::id>({.name = "id", .doc = "tasks whose id begins with this"},
                             Text{kIdBytesMax}),
      field<&TaskFilter::endpoint>({.name = "endpoint", .doc = "tasks that name this endpoint"},
                                   EndpointName{}),
      field<&TaskFilter::reason>({.name = "reason",
                                  .doc = "tasks with this `failureReason`; without it all but the "
                                         "`cancelled` ones"},
                                 FailureReason{}),
      field<&TaskFilter::last_status>(
          {.name = "lastStatus", .doc = "tasks whose latest answer had this status"},
          Range{kStatusMin, kStatusMax}),
      field<&TaskFilter::from>(
          {.name = "from", .doc = "tasks with a `scheduledDate` of this time or later"}),
      field<&TaskFilter::to>(
          {.name = "to", .doc = "tasks with a `scheduledDate` of this time or earlier"}),
      field<&Redrive::rate>({.name = "rate",
                             .in_answers = true,
                             .doc = "how many in what time, as in `50/1s` (default) or `100/1m`; "
                                    "at most 10,000 a second, in a time of 1 s to 7 d"},
                            RedriveRate{}),
      field<&Redrive::max>(
          {.name = "max", .in_answers = true, .doc = "so many at most; 0 (default) is all"},
          Range{.min = 0, .least = "0 (all)"}),
      field<&Redrive::state>({.name = "state",
                              .read_only = true,
                              .in_answers = true,
                              .doc = "`RUNNING`, `DONE` or `CANCELLED`"}),
      field<&Redrive::redriven>({.name = "redriven",
                                 .read_only = true,
                                 .in_answers = true,
                                 .doc = "tasks that run again, but for those of the step that is "
                                        "under way"}),
      field<&Redrive::skipped>({.name = "skipped",
                                .read_only = true,
                                .in_answers = true,
                                .doc = "tasks that were deleted just before"}),
      field<&Redrive::started_at>({.name = "startedAt",
                                   .read_only = true,
                                   .in_answers = true,
                                   .doc = "tasks that are FAILED since then are left alone"}),
      field<&Redrive::ended_at>(
          {.name = "endedAt", .read_only = true, .doc = "when it was DONE or CANCELLED"}),
  };
};

// Errors: kInvalidArgument with the field.
Result<void> validate(const Redrive& redrive);

// A redrive as it is stored: with how far it has come.
struct StoredRedrive : Redrive {
  struct Position {
    TimePoint scheduled_date{};
    std::string id;

    friend bool operator==(const Position&, const Position&) = default;
  };
  // Tasks that are about to be run again, or have just been, and do not count yet. It is stored
  // before they are changed. So after a crash it is known which ones they were, and to carry it out
  // once more changes nothing.
  struct Step {
    TimePoint at{};  // when it was begun
    std::vector<std::string> ids;

    friend bool operator==(const Step&, const Step&) = default;
  };
  std::optional<Position> after;  // goes on behind this task; none: from the first one
  std::optional<Step> step;

  // Whether there is something left to do.
  bool goes_on() const { return state == RedriveState::kRunning || step.has_value(); }

  friend bool operator==(const StoredRedrive&, const StoredRedrive&) = default;
};

// Whether a FAILED task that matches is to be run again by such a redrive, whenever it failed.
bool is_meant(const Redrive& redrive, const Task& task);
// Whether the redrive runs the task again, if it is one of those that match.
bool takes(const Redrive& redrive, const Task& task);

// How many tasks one step may take.
std::size_t step_max(const StoredRedrive& redrive);
// How long a step takes, by the rate.
std::chrono::milliseconds length_of(const StoredRedrive::Step& step, const Rate& rate);

// When tasks of a step are due: later than the redrive began, by whatever clock, so that it does
// not take them once more where they fail again.
TimePoint due_of(const StoredRedrive::Step& step, const Redrive& redrive);
// What a step makes of a task: run_now(). Errors: kConflict, where it is not to be run again, or
// has been.
Result<Task> redriven(Task task, const Redrive& redrive, const StoredRedrive::Step& step,
                      const schedule::Timetable* times = nullptr);

}  // namespace rhooks::model
