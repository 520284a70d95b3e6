#include "model/breaker.h"

#include <algorithm>
#include <array>

#include "model/backoff.h"
#include "model/status_set.h"

namespace rhooks::model {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr int kFailuresToOpen = 5;
constexpr std::array<milliseconds, 8> kOpenings{seconds{5},   seconds{10}, seconds{20},
                                                seconds{40},  seconds{80}, seconds{160},
                                                seconds{320}, minutes{10}};

enum class Sign {
  kAnswers,
  kFails,        // it answers, and not for want of a sound request
  kUnavailable,  // nobody there took the request on
};

// 0: of no answer.
Sign sign_of(int status) {
  if (status == 0 || status == 429 || (status >= 502 && status <= 504)) return Sign::kUnavailable;
  return status >= 500 ? Sign::kFails : Sign::kAnswers;
}

std::optional<milliseconds> asked_of_endpoint(const AttemptOutcome& outcome) {
  if (!outcome.retry_after) return std::nullopt;
  return std::min(*outcome.retry_after, kEndpointRetryAfterMax);
}

// What ended before the clock was set back would lie in the future.
TimePoint end_of(const AttemptOutcome& outcome, TimePoint now) {
  return std::min(outcome.ended_at(), now);
}

void open(Breaker& breaker, const AttemptOutcome& outcome, TimePoint ended_at, double jitter) {
  breaker.openings = std::min(breaker.openings + 1, static_cast<int>(kOpenings.size()));
  breaker.status = outcome.response ? outcome.response->status : 0;
  breaker.open_until =
      ended_at + scheduled_delay(breaker.openings, kOpenings, jitter, asked_of_endpoint(outcome));
}

// It is there, and said when to come.
bool asks_to_come_later(const AttemptOutcome& outcome, int status) {
  return status == 429 && outcome.retry_after;
}

bool answered_since_attempt_before(const Breaker& breaker, const Task& task) {
  const auto& began = task.execution.last_execution_date;
  return breaker.answered_at && (!began || *breaker.answered_at >= *began);
}

}  // namespace

bool learn(Breaker& breaker, const Task& task, const AttemptOutcome& outcome,
           const AttemptRules& rules, TimePoint now, double jitter) {
  const TimePoint ended_at = end_of(outcome, now);
  const int status = outcome.response ? outcome.response->status : 0;
  const Sign sign = sign_of(status);
  if (sign != Sign::kUnavailable) {
    breaker.answered_at = std::max(breaker.answered_at.value_or(TimePoint{}), ended_at);
  }
  if (sign == Sign::kAnswers) {
    breaker.close();
    return true;
  }

  const bool may_not_count =
      sign == Sign::kUnavailable && rules.retry_limit > 0 && !contains(rules.stop_on, status);
  if (breaker.open()) {
    const bool is_probe = std::min(outcome.started_at, now) >= *breaker.open_until;
    if (is_probe) open(breaker, outcome, ended_at, jitter);
    return !may_not_count;
  }
  const bool spared = may_not_count && task.attempt >= rules.retry_limit &&
                      !answered_since_attempt_before(breaker, task);
  if (!asks_to_come_later(outcome, status)) ++breaker.failures;
  if (breaker.failures >= kFailuresToOpen || spared) {
    open(breaker, outcome, ended_at, jitter);
  }
  return !spared;
}

std::optional<TimePoint> asked_until(const AttemptOutcome& outcome, TimePoint now) {
  const int status = outcome.response ? outcome.response->status : 0;
  if (status != 429 && status != 503) return std::nullopt;
  const auto asked_for = asked_of_endpoint(outcome);
  if (!asked_for) return std::nullopt;
  return end_of(outcome, now) + *asked_for;
}

}  // namespace rhooks::model
