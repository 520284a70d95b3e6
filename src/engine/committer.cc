#include "engine/committer.h"

#include <algorithm>
#include <new>

#include "model/callback.h"
#include "model/flow.h"
#include "model/outcome.h"
#include "model/record.h"
#include "observe/logging.h"

namespace rhooks::engine {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// Waits between tries while the store refuses: 10 ms, 20 ms, … 1 s.
constexpr milliseconds kRetryWaitMax{1'000};

microseconds retry_wait(int failures) {
  return std::min(milliseconds{10LL << std::min(failures - 1, 7)}, kRetryWaitMax);
}

bool worth_retrying(ErrorCode code) {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kOverloaded ||
         code == ErrorCode::kUnknownOutcome;
}

model::AttemptRules rules_of(const EndedDelivery& ended) {
  auto rules = model::rules_for(ended.delivery.task, endpoint_of(ended.delivery));
  rules.final_reason = ended.final_reason;
  return rules;
}

// What the slots are to know of it. An attempt that was allowed nowhere tells them when it was long
// under way: a name server that answers late takes a slot as a receiver does.
FlowEnding ending_for_slots(const EndedDelivery& ended) {
  if (ended.cancelled || ended.no_way_out) return FlowEnding::kNotMade;
  const FlowEnding ending = ending_of(*ended.outcome);
  return ended.sent || ending != FlowEnding::kQuick ? ending : FlowEnding::kNotMade;
}

// What tells of what it made of its endpoint.
std::optional<model::TaskRecord> event_by(const EndedDelivery& ended) {
  const Endpoint* const endpoint = endpoint_of(ended.delivery);
  const auto& learnt = ended.learnt;
  if (!endpoint || !learnt || !(learnt->opened || learnt->closed)) return std::nullopt;
  return model::follow_up(*endpoint, learnt->breaker, *ended.outcome);
}

}  // namespace

Committer::Committer(store::Store& store, secrets::Redaction& redaction, Slots& slots,
                     EndedQueue& to_commit, Metrics& metrics, Random& random, Options options,
                     OnRecorded on_recorded)
    : store_(store),
      redaction_(redaction),
      slots_(slots),
      to_commit_(to_commit),
      metrics_(metrics),
      random_(random),
      uuids_(random),
      options_(options),
      on_recorded_(std::move(on_recorded)) {
  // What ended is put into these without asking for memory.
  ended_.reserve(options_.batch_max);
  commits_.reserve(options_.batch_max);
  kept_.reserve(options_.batch_max);
  releases_.reserve(options_.batch_max);
  release_slots_.reserve(options_.batch_max);
}

std::optional<microseconds> Committer::step(Clock::Micros now) {
  now_ = std::chrono::floor<milliseconds>(now);
  take_ended();
  metrics_.queue_depth(Metrics::Queue::kToCommit,
                       to_commit_.size() + ended_.size() + commits_.size());
  if (held() == 0) {
    recovered();
    return std::nullopt;
  }

  // Waits that are longer than any that was set: the clock was set back. Then it is time.
  if (const auto left = retry_at_ - now;
      failures_ > 0 && left.count() > 0 && left <= kRetryWaitMax) {
    return left;
  }
  if (!oldest_) oldest_ = now;
  if (const auto age = now - *oldest_;
      commits_.size() < options_.batch_max && age.count() >= 0 && age < options_.linger) {
    return options_.linger - age;
  }

  oldest_.reset();
  const bool released = release();
  const bool committed = commit();
  if (released && committed && ended_.empty()) {
    recovered();
    return microseconds{0};  // others may have ended meanwhile
  }
  ++failures_;
  failing_ = true;
  retry_at_ = now + retry_wait(failures_);
  return retry_at_ - now;
}

void Committer::recovered() {
  failures_ = 0;
  failing_ = false;
}

void Committer::take_ended() {
  for (EndedDelivery& ended :
       to_commit_.take(options_.batch_max - std::min(held(), options_.batch_max))) {
    ended_.push_back(std::move(ended));
  }
  std::erase_if(ended_, [this](EndedDelivery& ended) { return accept(ended); });
  if (!ended_.empty() && failures_ == 0) {
    log::error("there is no memory left for outcomes; trying again, and claiming nothing meanwhile",
               {{"outcomes", static_cast<std::int64_t>(ended_.size())}});
  }
}

Task Committer::applied(Task task, const EndedDelivery& ended, const model::AttemptRules& rules) {
  const model::AttemptOutcome& outcome = *ended.outcome;
  return model::apply_outcome(std::move(task), outcome, outcome.ended_at(), options_.policy, rules,
                              random_.unit(), ended.delivery.times.get());
}

// It is worked out of a copy: there may be no memory for all of it.
std::optional<Committer::Told> Committer::tell_of(const EndedDelivery& ended,
                                                  const model::AttemptRules& rules) {
  if (ended.cancelled) return std::nullopt;
  const Task& task = ended.delivery.task;
  const auto awaited = model::awaited_of(task, endpoint_of(ended.delivery));
  auto event = event_by(ended);
  if (!awaited && !event) return std::nullopt;
  const model::AttemptOutcome& outcome = *ended.outcome;
  Told told{applied(task, ended, rules), {}, {}};
  if (awaited) {
    told.follow_ups = model::follow_ups(*awaited, told.after, outcome, outcome.ended_at());
  }
  if (event) {
    told.follow_ups.push_back(std::move(*event));
    told.event = model::event_of(ended.learnt->breaker);
  }
  return told;
}

// It is stored like an outcome, of no attempt: without a log.
bool Committer::accept_passed_over(EndedDelivery& ended) {
  Delivery& delivery = ended.delivery;
  const std::int64_t skipped_before = delivery.task.execution.skipped;
  try {
    // Of a copy: there may be no memory to look for times.
    Task after =
        model::pass_over(delivery.task, *ended.passed_over_at, options_.policy, *delivery.times);
    metrics_.skipped(after.execution.skipped - skipped_before);
    kept_.push_back({delivery.slot_id, delivery.due_at, false, true, FlowEnding::kNotMade, {}});
    commits_.push_back({std::move(delivery.lease), std::move(after), {}, {}});
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

bool Committer::accept(EndedDelivery& ended) {
  Delivery& delivery = ended.delivery;
  if (ended.passed_over_at) return accept_passed_over(ended);
  if (!ended.outcome) {
    if (ended.passes_at) note_due(*ended.passes_at);
    releases_.push_back(std::move(delivery.lease));
    release_slots_.push_back(delivery.slot_id);
    return true;
  }

  const TimePoint ended_at = ended.outcome->ended_at();
  model::AttemptRules rules = rules_of(ended);
  if (ended.no_way_out) {
    no_way_since_ = std::min(no_way_since_.value_or(ended_at), ended_at);
    const auto wait = model::wait_without_way_out(delivery.task, *no_way_since_, ended_at);
    if (wait) ended.outcome->retry_after = wait;
    rules.counts = !wait;
  } else if (ended.sent && !ended.cancelled) {
    no_way_since_.reset();
  }
  const model::AttemptOutcome& outcome = *ended.outcome;
  // Of a receiver to which nothing was sent nothing is known.
  const bool tells = ended.sent && !ended.cancelled;
  const FlowEnding ending = ending_for_slots(ended);
  std::optional<Log> log;
  std::optional<Told> told;
  try {
    redaction_.redact(*ended.outcome, now_);
    if (tells && !ended.learnt) learn(ended, rules);
    if (ended.learnt) rules.counts = ended.learnt->counts;
    // Without a way out there is one for each task every few minutes, that tells no more than the
    // task itself.
    if (!ended.no_way_out || rules.counts) {
      log = model::make_log(delivery.task, outcome, ended_at, uuids_.v7(outcome.started_at),
                            options_.logs_ttl, rules);
    }
    // What the task will hold of it besides.
    if (outcome.response) {
      delivery.task.execution.last_response_body.reserve(outcome.response->body.size());
    }
    told = tell_of(ended, rules);
  } catch (const std::bad_alloc&) {
    return false;
  }
  const std::int64_t skipped_before = delivery.task.execution.skipped - delivery.skipped;
  // Nothing is known of an attempt that was cut off, so it does not count for the task.
  Task after = told              ? std::move(told->after)
               : ended.cancelled ? std::move(delivery.task)
                                 : applied(std::move(delivery.task), ended, rules);
  metrics_.skipped(after.execution.skipped - skipped_before);
  kept_.push_back({delivery.slot_id, delivery.due_at, outcome.ok(), ended.cancelled, ending,
                   told ? told->event : std::string_view()});
  commits_.push_back({std::move(delivery.lease), std::move(after), std::move(log),
                      told ? std::move(told->follow_ups) : std::vector<model::TaskRecord>()});
  return true;
}

// What the attempt says of its endpoint, and whether it counts for its task.
void Committer::learn(EndedDelivery& ended, const model::AttemptRules& rules) {
  const Task& task = ended.delivery.task;
  const auto& outcome = *ended.outcome;
  const Endpoint* const endpoint = endpoint_of(ended.delivery);
  if (!endpoint || !endpoint->breaker) return;
  const auto learnt =
      slots_.flows().attempted(model::flow_of(task), task, outcome, rules, now_, random_.unit());
  ended.learnt = learnt;
  if (learnt.opened) {
    log::warn("an endpoint does not answer; its tasks wait, and one at a time tries it",
              {{"namespace", task.key.ns},
               {"endpoint", task.endpoint},
               {"error", model::error_text(outcome)}});
  }
  if (learnt.closed) {
    log::info("an endpoint answers again",
              {{"namespace", task.key.ns}, {"endpoint", task.endpoint}});
  }
}

bool Committer::commit() {
  if (commits_.empty()) return true;
  const auto results = store_.commit(commits_);

  std::size_t again = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i]) {
      settle(kept_[i], commits_[i], *results[i]);
    } else if (worth_retrying(results[i].error().code)) {
      if (again == 0 && failures_ == 0) {
        log::error("outcomes cannot be stored; trying again, and claiming nothing meanwhile",
                   {{"error", results[i].error().message}});
      }
      if (again != i) {
        commits_[again] = std::move(commits_[i]);
        kept_[again] = kept_[i];
      }
      ++again;
    } else {
      give_up(commits_[i], results[i].error());
      lose_event(kept_[i], commits_[i]);
      slots_.release(kept_[i].slot_id, kept_[i].ending);
    }
  }
  commits_.resize(again);
  kept_.resize(again);
  return again == 0;
}

void Committer::give_up(const store::Commit& commit, const Error& error) {
  log::error(
      "an outcome was given up; the task is due again when its lease ends",
      {{"namespace", commit.task.key.ns}, {"id", commit.task.key.id}, {"error", error.message}});
  // A task that cannot be read is set aside by the next claim. After any other failure an
  // attempt at once would be followed by another: the lease, long as it is, holds that off.
  if (error.code != ErrorCode::kCorrupt) return;
  if (auto released = store_.release({&commit.lease, 1}); !released) {
    log::warn("a lease could not be given back", {{"error", released.error().message}});
  }
}

// It is told with its outcome or not at all: no outcome waits for it.
void Committer::lose_event(const Kept& kept, const store::Commit& commit) {
  if (kept.event.empty()) return;
  metrics_.event_lost();
  log::warn("an event of an endpoint is not told, since the outcome that made it was not stored",
            {{"namespace", commit.task.key.ns},
             {"endpoint", commit.task.endpoint},
             {"event", std::string(kept.event)}});
}

void Committer::settle(const Kept& kept, const store::Commit& commit,
                       store::CommitOutcome outcome) {
  if (outcome == store::CommitOutcome::kLeaseLost) {
    metrics_.lease_lost();
    log::warn("lease lost: the outcome of an attempt was logged, the task was not changed",
              {{"namespace", commit.task.key.ns}, {"id", commit.task.key.id}});
  } else if (on_recorded_ && !kept.cancelled) {
    on_recorded_(kept.due_at, kept.ok);
  }
  if (outcome == store::CommitOutcome::kApplied) {
    note_applied(kept, commit);
  } else {
    lose_event(kept, commit);
  }
  slots_.release(kept.slot_id, kept.ending);
}

void Committer::note_applied(const Kept& kept, const store::Commit& commit) {
  const auto note = [this](const Task& task) {
    if (task.status == Status::kActive) note_due(model::due_at(task));
  };
  if (commit.task.status == Status::kFailed) metrics_.failed(commit.task.failure_reason);
  note(commit.task);
  for (const model::TaskRecord& one : commit.follow_ups) note(one.task);
  const std::size_t events = kept.event.empty() ? 0 : 1;
  metrics_.callbacks(static_cast<std::int64_t>(commit.follow_ups.size() - events));
}

bool Committer::release() {
  if (releases_.empty()) return true;
  if (auto released = store_.release(releases_); !released) {
    if (worth_retrying(released.error().code)) return false;
    log::error("leases could not be given back; their tasks are due again when they run out",
               {{"error", released.error().message}});
  }
  for (const Slots::Number slot : release_slots_) slots_.release(slot, FlowEnding::kNotMade);
  releases_.clear();
  release_slots_.clear();
  return true;
}

void Committer::abandon() {
  for (EndedDelivery& ended : to_commit_.take(slots_.capacity())) {
    ended_.push_back(std::move(ended));
  }
  const auto given_up =
      commits_.size() + static_cast<std::size_t>(std::count_if(
                            ended_.begin(), ended_.end(),
                            [](const EndedDelivery& ended) { return ended.outcome.has_value(); }));
  if (given_up > 0) {
    log::error("outcomes were given up at the stop; their tasks are attempted again",
               {{"count", static_cast<std::int64_t>(given_up)}});
  }
  // The tasks are due again at once where the store takes that, or when the leases run out.
  for (EndedDelivery& ended : ended_) {
    releases_.push_back(std::move(ended.delivery.lease));
    release_slots_.push_back(ended.delivery.slot_id);
  }
  for (std::size_t i = 0; i < commits_.size(); ++i) {
    lose_event(kept_[i], commits_[i]);
    releases_.push_back(std::move(commits_[i].lease));
  }
  if (auto released = store_.release(releases_); !released) {
    log::warn("leases could not be given back; their tasks are due again when they run out",
              {{"error", released.error().message}});
  }
  for (const Kept& kept : kept_) slots_.release(kept.slot_id, kept.ending);
  for (const Slots::Number slot : release_slots_) slots_.release(slot, FlowEnding::kNotMade);
  ended_.clear();
  commits_.clear();
  kept_.clear();
  releases_.clear();
  release_slots_.clear();
  oldest_.reset();
  // The next start tries the store anew.
  recovered();
}

}  // namespace rhooks::engine
