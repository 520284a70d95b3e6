#pragma once

#include <chrono>
#include <optional>

#include "model/record.h"
#include "model/transitions.h"

namespace rhooks::model {

// Whether an endpoint answers, as far as its latest attempts tell. While it does not the breaker is
// open: its tasks wait, and one attempt at a time tries it, after a wait that is longer each time.
// Pure: times and chance are arguments.
//
//   an attempt ended with         it opens                    while it is open
//   2xx, 3xx, 4xx but for 429                                 it closes
//   500, 501, 505 to 599          with the fifth in a row     it stays open for longer
//   429, 502, 503, 504, nothing   the same, and see learn()   the same; does not count for the task
//
// A 429 with a Retry-After is none of the five, and ends no row.
struct Breaker {
  int failures = 0;  // in a row
  int openings = 0;  // in a row
  // Nothing may begin before; from then on one at a time. None: it is closed.
  std::optional<TimePoint> open_until;
  std::optional<TimePoint> answered_at;  // the latest answer, with a 500 also; none is known of
  int status = 0;  // of the answer with which it opened last; 0: of none, or it is closed

  bool open() const { return open_until.has_value(); }
  // As if nothing were known of the attempts.
  void close() {
    failures = openings = status = 0;
    open_until.reset();
  }

  friend bool operator==(const Breaker&, const Breaker&) = default;
};

// Tells it how an attempt ended, after all that ended before. `task`: as it was during it. `now`:
// by the clock as it is set, which may have been set back since the attempt. False: the attempt
// does not count for the task (AttemptRules::counts), since nobody is answered.
//
// The last attempt of an occurrence that nothing answers does not count either while the breaker is
// closed, if no attempt of the endpoint was answered since the one before it began; it opens then.
// So no task is given up because its endpoint is away, one that has it for itself included. A retry
// limit of 0 is taken at its word, and so is AttemptRules::stop_on: there each attempt counts.
//
// An opening lasts for 5 s, 10 s, 20 s … 10 min, a fifth more or less by `jitter` (uniform in
// [0, 1)), and at least for the Retry-After of the answer, up to kEndpointRetryAfterMax. What began
// before it is over makes it no longer.
bool learn(Breaker& breaker, const Task& task, const AttemptOutcome& outcome,
           const AttemptRules& rules, TimePoint now, double jitter);

// The most of a Retry-After by which an endpoint goes. Its task goes by more (kRetryAfterMax).
inline constexpr std::chrono::milliseconds kEndpointRetryAfterMax = std::chrono::hours{1};

// Until when the receiver that answered so asks that nothing comes for its endpoint: with a 429 or
// 503 that has a Retry-After (RFC 9110, section 10.2.3; RFC 6585, section 4), counted from the end
// of the attempt, and cut to kEndpointRetryAfterMax. None: it does not ask. `now`: as for learn().
std::optional<TimePoint> asked_until(const AttemptOutcome& outcome, TimePoint now);

}  // namespace rhooks::model
