#include "testing/simulator/invariant_checker.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/iso8601.h"
#include "base/sha256.h"
#include "base/uuid.h"
#include "model/webhook_id.h"
#include "testing/simulator/retries.h"
#include "testing/slow_schedule.h"

namespace rhooks::simulator {
namespace {

std::string name_of(const TaskKey& key) {
  return key.ns + "/" + key.id;
}

// Of what a worker has seen end so soon it expects no harm.
constexpr Duration kQuick = std::chrono::seconds{1};
// Attempts at once at a receiver of which nothing is known yet.
constexpr std::size_t kWindow = 2;
// Where processes share a store, each knows within this time that an endpoint is paused.
constexpr Duration kPauseKnown = std::chrono::seconds{6};
// From what a rate lets through to its start no more passes than a second; and clocks go wrong.
constexpr Duration kStartsLate = std::chrono::milliseconds{1'100};
// After a change of an endpoint nothing is said for so long of what has to be claimed for it: it
// may not be known again at once, and its tasks wait meanwhile; and behind a retry that keeps its
// place they wait for a minute also if it is not ordered any more.
constexpr Duration kEndpointSettles = std::chrono::seconds{90};

// Nothing is said of what has to be claimed for an endpoint until so long after the time for which
// its receiver asked: clocks may be slow, and what waited goes on by turns.
constexpr Duration kAskedSettles = std::chrono::seconds{10};
// The longest that an endpoint waits for that.
constexpr std::chrono::milliseconds kAskedMax = std::chrono::hours{1};
// The longest that an endpoint is not tried, whatever it asked for.
constexpr std::chrono::milliseconds kUntriedMax = std::chrono::minutes{10};
constexpr int kFailuresToOpen = 5;

bool final(Status status) {
  return status == Status::kDone || status == Status::kFailed;
}

std::string webhook_id_of(const Log& log) {
  for (const Header& header : log.request.headers) {
    if (header.name == "webhook-id") return header.value;
  }
  return "";
}

// Whether occurrences of a series itself are left, of which `executed` were.
bool series_left(const Task& task, std::int64_t executed) {
  if (task.schedule) return true;
  return task.repeat && task.repeat->max != 1 &&
         (task.repeat->max == 0 || executed < task.repeat->max);
}

std::int64_t max_of(const Task& task) {
  if (task.schedule) return task.schedule->max;
  return task.repeat ? task.repeat->max : 1;
}

// The zones of the users' schedules are UTC and offsets, whose clocks are never set.
testing::Offsets offsets_of(const std::string& zone) {
  std::chrono::milliseconds offset{0};
  if (zone != "UTC") {
    const auto midnight = parse_time("2030-01-01T00:00" + zone);
    offset = *parse_time("2030-01-01T00:00Z") - *midnight;
  }
  return {{kTimeMin, std::chrono::floor<std::chrono::seconds>(offset)}};
}

// The latest that are attempted where all that was missed is.
constexpr std::int64_t kAllMissed = 100;

// How late an occurrence may begin; none: however late.
std::optional<std::chrono::milliseconds> grace_of(const Schedule& schedule) {
  if (schedule.grace) return schedule.grace;
  if (schedule.missed == Missed::kSkip) return std::chrono::minutes{1};
  return std::nullopt;
}

// What was skipped before the current occurrence, once so many more were.
std::optional<Skipped> skipped_with(const Task& before, std::int64_t more) {
  if (more == 0) return before.skipped_before;
  Skipped skipped = before.skipped_before.value_or(Skipped{.first = before.scheduled_date});
  skipped.late += more;
  return skipped;
}

std::string ms(TimePoint t) {
  return std::to_string(to_millis(t));
}

bool too_late(const Task& task, TimePoint at) {
  return task.deliver_before && at >= *task.deliver_before;
}

// When the next attempt may be planned for, after an attempt of `task` that failed so.
struct RetryTime {
  TimePoint earliest;
  TimePoint latest;
};

// By the waits that the endpoint names, give or take a fifth and no sooner than was asked for; or
// after what was asked for and a random time of up to 1 s, 2 s, 4 s …
RetryTime retry_time(const Task& task, const InvariantChecker::Answer& answer) {
  constexpr std::chrono::milliseconds kRounding{1};
  const Retries retries = retries_of(task.endpoint);
  const TimePoint end = answer.ended_at;
  const auto failed = static_cast<std::size_t>(task.attempt);
  if (!retries.schedule.empty()) {
    const auto wait = retries.schedule[std::min(failed, retries.schedule.size() - 1)];
    return {end + std::max(wait * 4 / 5 - kRounding, answer.retry_after),
            end + std::max(wait * 6 / 5, answer.retry_after)};
  }
  std::chrono::milliseconds window = std::chrono::seconds{1} * (std::int64_t{1} << failed);
  if (retries.longest) window = std::min(window, *retries.longest);
  return {end + answer.retry_after, end + answer.retry_after + window};
}

bool stops(const std::string& endpoint, int status) {
  const StatusSet statuses = retries_of(endpoint).stop_on;
  return std::any_of(statuses.begin(), statuses.end(), [&](const StatusRange& range) {
    return status >= range.first && status <= range.last;
  });
}

// Nobody there took it on.
bool unavailable(int status) {
  return status == 0 || status == 429 || (status >= 502 && status <= 504);
}

// With all that is for its endpoint.
bool asks_to_wait(const InvariantChecker::Answer& answer) {
  const bool may_ask = answer.status == 429 || answer.status == 503;
  return may_ask && !answer.cancelled && answer.retry_after.count() > 0;
}

bool says_when_to_come(const InvariantChecker::Answer& answer) {
  return answer.status == 429 && answer.retry_after.count() > 0;
}

// Why the occurrence fails with this answer, whenever it would be retried; empty: it does not.
std::string_view failed_by(const Task& task, const InvariantChecker::Answer& answer) {
  if (answer.ok) return {};
  if (answer.status == 410) return "gone";
  if (stops(task.endpoint, answer.status)) return "non_retryable";
  return task.attempt < task.retry_limit.value_or(3) ? "" : "exhausted";
}

}  // namespace

void InvariantChecker::violation(const TaskKey& key, const std::string& what) {
  timeline_.violation(name_of(key) + ": " + what);
}

InvariantChecker::Entry* InvariantChecker::find(const TaskKey& key) {
  const auto it = entries_.find(key);
  return it == entries_.end() ? nullptr : &it->second;
}

InvariantChecker::Attempt* InvariantChecker::attempt_of(const model::LeaseToken& token) {
  const auto it = std::find_if(attempts_.rbegin(), attempts_.rend(),
                               [&](const Attempt& attempt) { return attempt.token == token; });
  return it == attempts_.rend() ? nullptr : &*it;
}

InvariantChecker::Flow InvariantChecker::flow_of(const Task& task) {
  if (!task.endpoint.empty()) return {task.key.ns, task.endpoint + '\0' + task.flow_key};
  const std::string& url = task.request.url;
  return {task.key.ns, url.substr(0, url.find('/', std::string_view("http://").size()))};
}

// From now on nobody knows but the store.
void InvariantChecker::change(Entry& entry, const Task& after) {
  ++entry.changes;
  entry.known_at.reset();
  if (model::place_of(entry.task) != model::place_of(after)) entry.placed_at = timeline_.now();
  entry.task = after;
  set_free(entry);
}

// Nobody has a lease on it from now on.
void InvariantChecker::set_free(Entry& entry) {
  entry.lease.reset();
  entry.free_since = timeline_.now();
}

// ---- the store

void InvariantChecker::put(const Task& task) {
  timeline_.note("stored " + name_of(task.key) + " for " + ms(task.scheduled_date));
  Entry entry;
  entry.task = task;
  entry.flow = flow_of(task);
  entry.put_at = timeline_.now();
  entry.free_since = entry.placed_at = entry.put_at;
  entry.first_date = task.scheduled_date;
  if (task.schedule && nth_time(entry, 0, task.scheduled_date) != task.scheduled_date) {
    violation(task.key, "begins at " + ms(task.scheduled_date) + ", which is not its first time");
  }
  if (!entries_.emplace(task.key, std::move(entry)).second) {
    violation(task.key, "registered over a task that is there");
  }
  if (removed_.erase(task.key) > 0) {
    ++rare_.anew;
    if (const auto it = run_again_.find(task.key.ns); it != run_again_.end()) ++it->second;
  }
  if (task.deliver_before) timely_.insert(task.key);
  if (!task.origin.empty()) check_telling(task);
}

void InvariantChecker::claimed(const model::Lease& lease, const Task& task, TimePoint now) {
  timeline_.note("claimed " + name_of(lease.key) + " at " + ms(now) + " until " + ms(lease.until) +
                 " as " + to_string(lease.token));
  Entry* const entry = find(lease.key);
  if (!entry) return violation(lease.key, "claimed, though it is deleted");
  if (entry->task.status != Status::kActive) {
    return violation(lease.key,
                     std::string("claimed, though it is ") + to_string(entry->task.status));
  }
  if (entry->lease && entry->lease->until > now) {
    violation(lease.key, "claimed under a live lease");
  }
  const TimePoint due = model::due_at(entry->task);
  const TimePoint place = model::place_of(entry->task);
  if (now < place) violation(lease.key, "claimed at " + ms(now) + ", before its time " + ms(place));
  if (entry->not_before && now < *entry->not_before && !entry->task.in_order) {
    violation(lease.key, "claimed at " + ms(now) + ", before the time of its retry, " +
                             ms(*entry->not_before));
  }
  if (task != entry->task) violation(lease.key, "claimed in another state than it is in");
  ++entry->claims;
  entry->claimed_at = now;
  entry->waits_since = std::max(entry->free_since, Moment(due));
  if (entry->lease) entry->waits_since = std::max(entry->waits_since, Moment(entry->lease->until));
  entry->lease = lease;
  claimed_at_[lease.token] = timeline_.now();
}

void InvariantChecker::released(const model::Lease& lease) {
  timeline_.note("released " + name_of(lease.key) + " of " + to_string(lease.token));
  Entry* const entry = find(lease.key);
  if (entry && entry->lease && entry->lease->token == lease.token) set_free(*entry);
}

void InvariantChecker::committed(const TaskKey& key, const model::LeaseToken& token,
                                 const Task& after) {
  timeline_.note("committed " + name_of(key) + " of " + to_string(token) + ": " +
                 to_string(after.status) + ", attempt " + std::to_string(after.attempt) +
                 ", executions " + std::to_string(after.execution.count) + ", due " +
                 ms(model::due_at(after)));
  Entry* const entry = find(key);
  if (!entry) return violation(key, "an outcome was taken of a deleted task");
  if (entry->task.status != Status::kActive) {
    violation(key, std::string("an outcome was taken of a task that is ") +
                       to_string(entry->task.status));
  }
  if (!entry->lease || entry->lease->token != token) {
    violation(key, "a stale lease committed: " + to_string(token));
  }
  Attempt* const attempt = attempt_of(token);
  if (!attempt && entry->task.deliver_before) {
    check_too_late(key, *entry, after);
    entry->not_before.reset();
    entry->retried.reset();
  } else if (!attempt && entry->task.schedule) {
    check_passed_over(key, *entry, after);
    entry->not_before.reset();
    entry->retried.reset();
  } else if (!attempt || !attempt->answer) {
    return violation(key, "an outcome was taken of an attempt that was not made");
  } else {
    take_outcome(key, *entry, after, *attempt);
  }
  rare_.skipped +=
      static_cast<std::size_t>(after.execution.skipped - entry->task.execution.skipped);
  expect_told(entry->task, after, attempt);
  entry->last_committed = token;
  change(*entry, after);
}

// Of all times of its schedule, which are known until some minutes behind `seen` and the present
// one at least.
std::optional<TimePoint> InvariantChecker::nth_time(Entry& entry, std::int64_t n, TimePoint seen) {
  constexpr std::chrono::minutes kAhead{5};
  const Schedule& schedule = *entry.task.schedule;
  seen = std::max(seen, entry.task.scheduled_date);
  if (entry.times_until == TimePoint{}) {
    const bool behind = !schedule.cron.empty() && schedule.start.empty();
    entry.times_until = schedule.since - std::chrono::milliseconds{behind ? 0 : 1};
  }
  while (entry.times_until < seen + kAhead) {
    const TimePoint from = entry.times_until + std::chrono::milliseconds{1};
    entry.times_until = std::max(from, seen) + 2 * kAhead;
    for (const TimePoint at : testing::slow_occurrences(schedule, offsets_of(schedule.timezone),
                                                        from, entry.times_until)) {
      if (!schedule.start.empty() && at < *parse_time(schedule.start)) continue;
      if (schedule.end.empty() || at <= *parse_time(schedule.end)) entry.times.push_back(at);
    }
  }
  const auto size = static_cast<std::int64_t>(entry.times.size());
  if (n < 0 || n >= size) return std::nullopt;
  return entry.times[static_cast<std::size_t>(n)];
}

// When the series comes after so many of its occurrences; none: to its end.
std::optional<TimePoint> InvariantChecker::nominal_after(Entry& entry, std::int64_t passed,
                                                         TimePoint seen) {
  const Task& task = entry.task;
  if (task.schedule) return nth_time(entry, entry.times_before + passed, seen);
  if (!task.repeat) return entry.first_date;
  return entry.first_date + passed * model::interval_of(*task.repeat);
}

void InvariantChecker::take_outcome(const TaskKey& key, Entry& entry, const Task& after,
                                    Attempt& attempt) {
  if (!attempt.logged) violation(key, "an outcome was taken before its log was written");
  attempt.committed = true;
  check_skipped(key, entry, after, attempt);
  if (attempt.answer->cancelled) {
    // It counts for nothing, and is made again as if it had not been.
    ++rare_.cancelled;
    Task same = entry.task;
    same.scheduled_date = after.scheduled_date;  // begun with the latest of missed occurrences
    same.next_attempt_date = after.next_attempt_date;
    same.execution.skipped = after.execution.skipped;
    same.skipped_before = after.skipped_before;
    if (after != same) violation(key, "an attempt that was cut off was counted");
    return;
  }
  if (take_uncounted(key, entry, after, attempt)) return;
  check_step(key, entry, after, attempt);
  entry.not_before.reset();
  entry.retried.reset();
  if (after.status == Status::kActive && after.attempt > 0) {
    entry.not_before = attempt.answer->ended_at + attempt.answer->retry_after;
    entry.retried = attempt.webhook_id;
  } else if (std::exchange(entry.extra, false)) {
    ++entry.extras;
  }
}

// Where an execution has ended of which somebody wants to be told: that is stored with it, once.
void InvariantChecker::expect_told(const Task& before, const Task& after, const Attempt* attempt) {
  if (after.execution.count == before.execution.count || !before.origin.empty()) return;
  const Callback callback = before.callback.empty() ? callback_of(before.endpoint)
                                                    : Callback{before.callback, before.callback_on};
  const std::string event = attempt && attempt->answer->ok ? "task.succeeded" : "task.failed";
  const auto& on = callback.on;
  const bool wanted = on.empty() || std::find(on.begin(), on.end(), event) != on.end();
  if (callback.to.empty() || !wanted) return;
  const std::string end = attempt ? attempt->webhook_id : model::webhook_id(before);
  const Sha256 hash = sha256({end, std::to_string(to_millis(before.created_at)), event});
  told_.try_emplace({before.key.ns, "cb_" + to_hex(hash.data(), 16)},
                    Told{callback.to, after.updated_at, end, event});
}

TaskKey InvariantChecker::teller(const std::string& ns, const std::string& webhook_id,
                                 const std::string& event, TimePoint at) const {
  for (const auto& [key, told] : told_) {
    if (key.ns != ns || told.at != at) continue;
    if (told.webhook_id == webhook_id && told.event == event) return key;
  }
  return {ns, "nobody"};
}

// Of an endpoint. Whether that did not answer, or does again, is not looked at.
void InvariantChecker::check_event(const Task& task) {
  ++rare_.events;
  const TimePoint at = task.scheduled_date;
  if (task.key.id != event_id(task.origin, "endpoint.opened", at) &&
      task.key.id != event_id(task.origin, "endpoint.closed", at)) {
    violation(task.key, "tells of an endpoint, and has not the id of its minute");
  }
  if (task.origin != kWatchedEndpoint || task.endpoint != kToldEndpoint) {
    violation(task.key, "tells another of an endpoint, or of one of which nobody asked");
  }
}

void InvariantChecker::check_telling(const Task& task) {
  if (task.key.id.starts_with("ev_")) return check_event(task);
  const auto told = told_.find(task.key);
  if (told == told_.end()) {
    return violation(task.key, "tells of an end that is not stored, or of which nobody asked");
  }
  ++rare_.told;
  if (std::exchange(told->second.stored, true) && !cleared_.contains(task.key.ns)) {
    violation(task.key, "an end is told twice");
  }
  if (task.endpoint != told->second.to || task.scheduled_date != told->second.at) {
    violation(task.key, "an end is told to another, or at another time");
  }
}

// Where nobody was answered the task is as it was, and due again: whether it is.
bool InvariantChecker::take_uncounted(const TaskKey& key, Entry& entry, const Task& after,
                                      const Attempt& attempt) {
  const Task& before = entry.task;
  const Answer& answer = *attempt.answer;
  const TimePoint again = answer.ended_at + answer.retry_after;
  if (attempt.counts == true || too_late(before, again)) return false;
  Task same = before;
  same.scheduled_date = after.scheduled_date;  // begun with the latest of missed occurrences
  same.execution = after.execution;
  same.execution.count = before.execution.count;
  same.execution.successful = before.execution.successful;
  same.execution.failed = before.execution.failed;
  same.execution.extra = before.execution.extra;
  same.skipped_before = after.skipped_before;
  same.errors = after.errors;
  same.errors.count = before.errors.count;
  same.errors.consecutive = before.errors.consecutive;
  same.next_attempt_date = again;
  same.in_order = after.in_order;
  same.updated_at = answer.ended_at;
  if (after != same) {
    if (!attempt.counts) return false;
    violation(key, std::string(final(after.status) ? "given up" : "counted") +
                       ", though its endpoint answers nobody");
    return true;
  }
  check_place(key, after, attempt, true);
  ++rare_.uncounted;
  entry.not_before = again;
  entry.retried.reset();
  if (after.attempt > 0) entry.retried = attempt.webhook_id;
  return true;
}

// Others wait behind a retry where its endpoint is ordered.
void InvariantChecker::check_place(const TaskKey& key, const Task& after, const Attempt& attempt,
                                   bool retry) {
  // Before its date it has none.
  const bool has_place = retry && model::nominal_date(after) <= after.updated_at;
  if (!attempt.ordered || after.in_order == (has_place && *attempt.ordered)) return;
  violation(key, after.in_order ? "it keeps its place, and nobody is to wait for it"
                                : "a retry does not keep its place");
}

// It was too late for an attempt: the task is FAILED without one.
void InvariantChecker::check_too_late(const TaskKey& key, const Entry& entry, const Task& after) {
  ++rare_.expired;
  const Task& before = entry.task;
  if (!before.deliver_before || after.updated_at < *before.deliver_before) {
    violation(key, "given up at " + ms(after.updated_at) + ", before it was too late");
  }
  if (!unsent_.contains({key, after.updated_at})) {
    violation(key, "an outcome was taken before its log was written");
  }
  if (after.status != Status::kFailed || after.failure_reason != "expired" || after.attempt != 0 ||
      after.next_attempt_date || after.execution.count != before.execution.count + 1 ||
      after.execution.failed != before.execution.failed + 1) {
    violation(key, "what came too late did not fail once");
  }
  check_expiry(key, after);
}

void InvariantChecker::check_expiry(const TaskKey& key, const Task& after) {
  const bool expires = final(after.status) && ended_ttl_.count() > 0;
  const auto end = expires ? std::optional(after.updated_at + ended_ttl_) : std::nullopt;
  if (after.expires_at != end) violation(key, "does not expire when it should");
}

// What one attempt makes of a task (docs/semantics.md, "Failed attempts and retries").
void InvariantChecker::check_step(const TaskKey& key, Entry& entry, const Task& after,
                                  const Attempt& attempt) {
  const Task& before = entry.task;
  const bool ok = attempt.answer->ok;
  const RetryTime next = retry_time(before, *attempt.answer);
  std::string_view why = failed_by(before, *attempt.answer);
  if (!ok && why.empty() && before.deliver_before && after.attempt == 0 &&
      next.latest >= *before.deliver_before) {
    why = "expired";
    ++rare_.expired;
  }
  const auto cut = cut_at(entry, after);
  if (!ok && why.empty() && cut && after.attempt == 0 && next.latest >= *cut) {
    why = "cut";
    ++rare_.cut;
  }
  if (why == "exhausted" && attempt.counts != true && after.failure_reason == "expired") {
    why = "expired";  // it did not count, and was due again too late
  }
  const bool retry = !ok && why.empty();
  if (!retry && after.attempt > 0) {
    violation(key, "retried, though it is " + std::string(ok ? "done" : why));
  }
  if (retry && (after.next_attempt_date < next.earliest || after.next_attempt_date > next.latest ||
                too_late(before, model::due_at(after)))) {
    violation(key, "its next attempt is at " + ms(model::due_at(after)) + ", and not between " +
                       ms(next.earliest) + " and " + ms(next.latest));
  }
  if (retry && cut && after.next_attempt_date >= *cut) {
    violation(key, "retried at " + ms(model::due_at(after)) +
                       ", though its next occurrence comes by then");
  }
  check_place(key, after, attempt, retry);
  const std::int64_t executed = retry ? 0 : 1;
  if (after.execution.count != before.execution.count + executed ||
      after.execution.successful != before.execution.successful + (ok ? 1 : 0) ||
      after.execution.failed != before.execution.failed + (executed && !ok ? 1 : 0)) {
    violation(key, "an attempt was not counted once");
  }
  const std::int64_t extra = entry.extra ? executed : 0;
  if (after.execution.extra != before.execution.extra + extra) {
    violation(key, "an extra occurrence was not counted as one, or one of the series was");
  }
  if (after.extra_date != (retry ? before.extra_date : std::nullopt)) {
    violation(key, "an extra occurrence did not end with its attempts");
  }
  if (after.attempt != (retry ? before.attempt + 1 : 0)) {
    violation(key, "attempt " + std::to_string(before.attempt) + " was followed by " +
                       std::to_string(after.attempt));
  }
  if (retry && after.status != Status::kActive) violation(key, "ended with attempts left");
  if (after.updated_at != attempt.answer->ended_at) {
    violation(key, "was changed at another time than its attempt ended");
  }
  check_expiry(key, after);
  check_occurrences(key, entry, after, why);
}

// Of the occurrences that were missed those are attempted that are to be, and what was skipped is
// told.
void InvariantChecker::check_skipped(const TaskKey& key, Entry& entry, const Task& after,
                                     const Attempt& attempt) {
  const Task& before = entry.task;
  const TimePoint at = attempt.started_at;
  const std::int64_t executed = before.execution.count - entry.extras;
  const std::int64_t current = executed + before.execution.skipped;
  const bool stays = before.attempt > 0 || entry.extra || !series_left(before, executed);
  const auto chosen = stays ? std::optional(current) : choice(entry, current, at);
  if (!chosen) return violation(key, "attempted at " + ms(at) + ", though it was too late");
  const std::int64_t next = *chosen + (entry.extra ? 0 : 1);
  const std::int64_t overlap = overlapped(entry, after, next);
  const std::int64_t late = after.execution.skipped - before.execution.skipped - overlap;
  if (current + late < *chosen) {
    violation(key, "a missed occurrence was attempted though a later one was due");
  } else if (current + late > *chosen) {
    violation(key, "an occurrence was skipped that must not be");
  } else if (const auto nominal = nominal_after(entry, *chosen, at);
             late > 0 && (!nominal || *nominal > at)) {
    violation(key, "an occurrence was attempted at " + ms(at) + ", before its time");
  }

  auto told = skipped_with(before, late);
  if (attempt.skipped_before != (entry.extra ? std::nullopt : told)) {
    violation(key, "the log does not tell what was skipped before its occurrence");
  }
  if (after.execution.count > before.execution.count && !entry.extra) told.reset();
  if (overlap > 0) {
    if (!told) told = Skipped{.first = nominal_after(entry, next, after.updated_at).value_or(at)};
    told->overlap += overlap;
    rare_.overlapped += static_cast<std::size_t>(overlap);
  }
  if (after.skipped_before != told) violation(key, "what was skipped is not told");
}

// Whether so many executions have failed in a row with the one that ended with `after` that it is
// FAILED, or paused: that is so after as many more each.
bool InvariantChecker::failed_too_often(const Task& before, const Task& after) const {
  const int limit = before.max_errors.value_or(max_errors_);
  const std::int64_t in_a_row = after.errors.consecutive;
  if (limit == 0 || after.execution.failed == before.execution.failed) return false;
  return before.pause_on_failure ? in_a_row % limit == 0 : in_a_row >= limit;
}

// How many came while an execution was under way that has ended with `after`, and are skipped for
// that. `next`: the number of the first that may be.
std::int64_t InvariantChecker::overlapped(Entry& entry, const Task& after, std::int64_t next) {
  const Task& before = entry.task;
  const bool ended = after.execution.count > before.execution.count;
  if (!ended || !before.schedule || before.schedule->overlap != Overlap::kSkip) return 0;
  const std::int64_t max = max_of(before);
  const bool last = entry.extra ? before.scheduled_date <= *before.extra_date
                                : max != 0 && after.execution.count - entry.extras >= max;
  if (last || (failed_too_often(before, after) && !before.pause_on_failure)) return 0;
  const TimePoint end = after.updated_at;
  const auto first = nominal_after(entry, next, end);
  return first && *first <= end ? latest_due(entry, next, end) - next + 1 : 0;
}

// When the next occurrence comes, where that ends the retries of this one; none: nothing does.
std::optional<TimePoint> InvariantChecker::cut_at(Entry& entry, const Task& after) {
  const Task& before = entry.task;
  if (!before.schedule || before.schedule->overlap != Overlap::kCutRetries) return std::nullopt;
  if (entry.extra) {
    const bool follows = before.scheduled_date > *before.extra_date;
    return follows ? std::optional(before.scheduled_date) : std::nullopt;
  }
  const std::int64_t executed = before.execution.count - entry.extras;
  const std::int64_t max = max_of(before);
  if (max != 0 && executed + 1 >= max) return std::nullopt;
  return nominal_after(entry, executed + after.execution.skipped + 1, after.updated_at);
}

// The number of the latest occurrence that is due, from the current one on.
std::int64_t InvariantChecker::latest_due(Entry& entry, std::int64_t current, TimePoint at) {
  if (entry.task.repeat) {
    const auto interval = model::interval_of(*entry.task.repeat);
    return std::max(current, (at - entry.first_date) / interval);
  }
  for (std::int64_t n = current;; ++n) {
    const auto next = nominal_after(entry, n + 1, at);
    if (!next || *next > at) return n;
  }
}

// The number of the occurrence that is to be attempted; none: it is too late for all of them.
std::optional<std::int64_t> InvariantChecker::choice(Entry& entry, std::int64_t current,
                                                     TimePoint at) {
  const std::int64_t latest = latest_due(entry, current, at);
  if (!entry.task.schedule) return latest;
  const Missed missed = entry.task.schedule->missed;
  const auto grace = grace_of(*entry.task.schedule);
  const auto first = missed == Missed::kAll ? std::max(current, latest - kAllMissed + 1) : latest;
  for (std::int64_t n = first; n <= latest; ++n) {
    const auto nominal = nominal_after(entry, n, at);
    if (nominal && (!grace || at - *nominal <= *grace)) return n;
  }
  return std::nullopt;
}

// Nothing was attempted, since it was too late for all that was due.
void InvariantChecker::check_passed_over(const TaskKey& key, Entry& entry, const Task& after) {
  ++rare_.passed_over;
  const Task& before = entry.task;
  const TimePoint at = after.updated_at;
  const std::int64_t current = before.execution.count - entry.extras + before.execution.skipped;
  if (before.attempt > 0 || entry.extra || choice(entry, current, at)) {
    return violation(key, "passed over at " + ms(at) + ", though it was not too late");
  }
  const std::int64_t latest = latest_due(entry, current, at);
  const auto next = nominal_after(entry, latest + 1, at);
  Task same = before;
  same.execution.skipped += latest + 1 - current;
  same.skipped_before = skipped_with(before, latest + 1 - current);
  same.scheduled_date = next.value_or(nominal_after(entry, latest, at).value_or(at));
  same.next_attempt_date.reset();
  same.in_order = false;
  same.updated_at = at;
  if (!next) {
    same.status = before.errors.consecutive == 0 ? Status::kDone : Status::kFailed;
    if (same.status == Status::kFailed) same.failure_reason = "exhausted";
    same.expires_at = after.expires_at;
  }
  check_expiry(key, after);
  if (after != same) violation(key, "passed over, and is not what it should be then");
}

// Occurrences of a series = its executions + skipped; extra ones do not move it, nor end it.
void InvariantChecker::check_occurrences(const TaskKey& key, Entry& entry, const Task& after,
                                         std::string_view why) {
  const std::int64_t max = max_of(after);
  const bool retrying = after.attempt > 0;
  const std::int64_t executed =
      after.execution.count - entry.extras - (entry.extra && !retrying ? 1 : 0);
  std::int64_t passed = executed + after.execution.skipped;
  const TimePoint seen = std::max(after.scheduled_date, after.updated_at);
  const bool all = (max != 0 && executed >= max) || !nominal_after(entry, passed, seen);
  const bool too_many = failed_too_often(entry.task, after);
  const bool paused = too_many && !all && after.pause_on_failure;
  if ((after.status == Status::kSuspended) != paused || after.note.empty() == paused) {
    violation(key, std::string(to_string(after.status)) + " after " +
                       std::to_string(after.errors.consecutive) + " failures in a row");
  }
  if (paused) ++rare_.paused_itself;
  if (!retrying && final(after.status) != (all || (too_many && !paused))) {
    violation(key, std::string(to_string(after.status)) + " after " + std::to_string(executed) +
                       " of " + std::to_string(max) + " executions");
  }
  const std::string_view reason = all ? why : "max_errors";
  if (after.failure_reason != (after.status == Status::kFailed ? reason : "")) {
    violation(key, std::string(to_string(after.status)) + " because of \"" + after.failure_reason +
                       "\", not of \"" + std::string(reason) + "\"");
  }
  if (final(after.status) && (after.status == Status::kDone) != (after.errors.consecutive == 0)) {
    violation(key, std::string(to_string(after.status)) + " is not how its last execution ended");
  }
  // It stays at its last occurrence, which may have been skipped.
  const bool skipped = after.execution.skipped > entry.task.execution.skipped;
  if (final(after.status) && (!entry.extra || skipped)) --passed;
  // One that was given an extra occurrence at its end has none behind it.
  const bool alone = entry.extra && all && !skipped;
  const auto nominal = alone ? entry.task.scheduled_date : nominal_after(entry, passed, seen);
  if (after.scheduled_date != nominal) {
    violation(key, "executions and skipped occurrences lead to " +
                       (nominal ? ms(*nominal) : "an end") + ", not to " +
                       ms(after.scheduled_date));
  }
}

void InvariantChecker::logged(const Log& log) {
  if (!logs_[log.task].emplace(log.id, log).second) return;
  timeline_.note("logged " + name_of(log.task) + " " + to_string(log.status));
  const std::string webhook_id = webhook_id_of(log);
  if (webhook_id.empty()) {  // nothing was sent
    unsent_.emplace(log.task, log.started_at);
    if (!timely_.contains(log.task)) violation(log.task, "given up without an attempt");
    return;
  }
  const auto attempt = std::find_if(attempts_.rbegin(), attempts_.rend(), [&](const Attempt& made) {
    return made.key == log.task && made.webhook_id == webhook_id && made.answer &&
           made.started_at == log.started_at && !made.logged;
  });
  if (attempt == attempts_.rend()) {
    return violation(log.task, "a log of an attempt that was not made");
  }
  attempt->logged = true;
  attempt->skipped_before = log.skipped_before;
  if ((log.status == LogStatus::kSuccess) != attempt->answer->ok) {
    violation(log.task, "the log tells another outcome than there was");
  }
  if (attempt->counts && log.probe == *attempt->counts) {
    violation(log.task, "the log does not tell whether its attempt counted");
  }
  if (attempt->answer->ok && !attempt->received) {
    violation(log.task, "logged as a success, and nobody received it");
  }
}

void InvariantChecker::edited(const Task& after) {
  timeline_.note("edited " + name_of(after.key) + " to " + to_string(after.status) + ", due " +
                 ms(model::due_at(after)));
  Entry* const entry = find(after.key);
  if (!entry) return violation(after.key, "changed, though it is deleted");
  if (leaves_place(*entry, after)) return change(*entry, after);
  const Task& before = entry->task;
  const bool run_now = after.status == Status::kActive && before.status != Status::kSuspended;
  const bool cancelled = after.status == Status::kFailed;
  const auto redrive = run_again_.find(after.key.ns);
  const bool redrivable = redrive != run_again_.end() && before.status == Status::kFailed;
  if (run_now && !asked_to_run_.contains(after.key) && !redrivable)
    violation(after.key, "run though nobody asked for it");
  if (run_now && redrive != run_again_.end()) ++redrive->second;
  Task same = before;
  same.status = after.status;
  same.updated_at = after.updated_at;
  if (before.status == Status::kSuspended) same.note.clear();
  if (run_now && !final(before.status)) {
    same.next_attempt_date = after.next_attempt_date;
    same.extra_date = after.extra_date;
    check_run_now(after.key, *entry, after);
  }
  if (cancelled) check_cancel(after.key, *entry, after, same);
  if (run_now) entry->not_before.reset();
  if (final(before.status)) {
    if (!run_now) violation(after.key, "left its final state");
    // One more occurrence, from which a series goes on.
    same.scheduled_date = after.scheduled_date;
    same.errors.consecutive = 0;
    same.next_attempt_date.reset();
    same.expires_at.reset();
    same.failure_reason.clear();
    const auto passed = after.execution.count - entry->extras + after.execution.skipped;
    entry->first_date = after.scheduled_date;
    if (after.repeat) entry->first_date -= passed * model::interval_of(*after.repeat);
    if (after.schedule) check_goes_on(*entry, after, passed, same);
  }
  if (after != same) violation(after.key, "an edit changed more than it says");
  change(*entry, after);
}

// A schedule that has ended gets an extra occurrence, and goes on with what it has behind it, and
// behind its own, which is over unless it was cancelled. `same`: what it may have become.
void InvariantChecker::check_goes_on(Entry& entry, const Task& after, std::int64_t passed,
                                     Task& same) {
  const Task& before = entry.task;
  const TimePoint behind = before.scheduled_date -
                           std::chrono::milliseconds{before.failure_reason == "cancelled" ? 1 : 0};
  const TimePoint from = std::max(after.updated_at, behind);
  nth_time(entry, 0, from);
  const auto next = std::upper_bound(entry.times.begin(), entry.times.end(), from);
  entry.times_before = next - entry.times.begin() - passed;
  const std::int64_t max = max_of(after);
  const bool left =
      next != entry.times.end() && (max == 0 || after.execution.count - entry.extras < max);
  // Named behind its own where that is the last, though the clock was set back.
  same.extra_date =
      left ? after.updated_at
           : std::max(after.updated_at, before.scheduled_date + std::chrono::milliseconds{1});
  if (*same.extra_date > after.updated_at) same.next_attempt_date = after.updated_at;
  if (after.scheduled_date != (left ? *next : *same.extra_date)) {
    violation(after.key, "run now has it go on at " + ms(after.scheduled_date));
  }
  entry.extra = true;
  ++rare_.extra;
}

// A worker has a retry keep its place no more once its endpoint is not ordered.
bool InvariantChecker::leaves_place(const Entry& entry, const Task& after) {
  Task same = entry.task;
  same.in_order = false;
  if (!entry.task.in_order || after != same) return false;
  const EndpointState& endpoint = endpoints_[{after.key.ns, after.endpoint}];
  if (calm_from_ && endpoint.limits && endpoint.limits->ordered &&
      std::max(endpoint.limits_at, *calm_from_) + kEndpointSettles < timeline_.now()) {
    violation(after.key, "it leaves its place, and others wait behind it");
  }
  return true;
}

// `same`: what it may have become.
void InvariantChecker::check_cancel(const TaskKey& key, Entry& entry, const Task& after,
                                    Task& same) {
  if (!asked_to_cancel_.contains(key)) violation(key, "cancelled though nobody asked for it");
  same.failure_reason = "cancelled";
  same.attempt = 0;
  same.next_attempt_date.reset();
  same.in_order = false;
  same.extra_date.reset();
  same.expires_at = after.expires_at;
  check_expiry(key, after);
  if (entry.lease) ++rare_.called_off;
  entry.cancelled_at = timeline_.now();
  entry.not_before.reset();
  entry.retried.reset();
  entry.extra = false;
}

// Something is due now, and nothing is lost for it: a series whose next occurrence is yet to come
// gets one more.
void InvariantChecker::check_run_now(const TaskKey& key, Entry& entry, const Task& after) {
  const Task& before = entry.task;
  const TimePoint now = after.updated_at;
  if (model::due_at(after) > now) violation(key, "was to run now, and is not due");
  const bool waits = before.attempt == 0 && !before.next_attempt_date && !entry.extra &&
                     before.scheduled_date > now;
  if (waits && series_left(before, before.execution.count - entry.extras)) {
    if (after.extra_date != now || after.next_attempt_date) {
      violation(key, "run now took an occurrence of its series");
    }
    entry.extra = true;
    ++rare_.extra;
  } else if (after.extra_date != before.extra_date) {
    violation(key, "run now added an occurrence to one that was due");
  }
}

void InvariantChecker::removed(const TaskKey& key) {
  timeline_.note("removed " + name_of(key));
  if (entries_.erase(key) == 0) violation(key, "deleted twice");
  removed_.insert(key);
}

void InvariantChecker::ended_early(const model::Lease& lease) {
  timeline_.note("taken over " + name_of(lease.key) + " of " + to_string(lease.token));
  Entry* const entry = find(lease.key);
  if (!entry || !entry->lease || entry->lease->token != lease.token) return;
  set_free(*entry);
  ++rare_.taken_over;
}

void InvariantChecker::goes_on(const TaskKey& key) {
  const Entry* const source = find(key);
  if (!source) return;
  for (auto& [other_key, other] : entries_) {
    if (other.flow == source->flow && !other.lease) other.free_since = timeline_.now();
  }
}

void InvariantChecker::leases_ended() {
  for (auto& [key, entry] : entries_) set_free(entry);
}

// ---- the workers

void InvariantChecker::begins(Incarnation incarnation, std::size_t slots, Claims claims) {
  IncarnationState& state = incarnations_[incarnation];
  state.slots = slots;
  state.claims = claims;
  state.began = state.works_since = timeline_.now();
}

void InvariantChecker::holds(Incarnation incarnation, const model::Lease& lease, const Task& task,
                             Moment begun) {
  IncarnationState& state = incarnations_[incarnation];
  Flow flow = flow_of(task);
  check_late(state, lease, flow);
  const bool paused = is_paused(state, task, begun);
  if (paused && state.claims.alone) {
    violation(lease.key, "claimed, though its endpoint is paused");
  }
  const Retried retried{task.endpoint, task.attempt, task.retry_limit.value_or(3),
                        task.execution.last_execution_date};
  state.held.push_back({lease, std::move(flow), false, paused, endpoint_of(task), begun, retried});
}

const InvariantChecker::EndpointState* InvariantChecker::endpoint_of(const Task& task) const {
  const auto it = endpoints_.find({task.key.ns, task.endpoint});
  return it == endpoints_.end() ? nullptr : &it->second;
}

// Whether it was for a claim that began then. Who has the store alone knows it at once. Others
// learn it in time, but where the store fails or they are frozen.
bool InvariantChecker::is_paused(const IncarnationState& state, const Task& task,
                                 Moment begun) const {
  const EndpointState* const endpoint = endpoint_of(task);
  if (!endpoint || !endpoint->paused_at || endpoint->unanswered > 0) return false;
  if (state.claims.alone) return begun > *endpoint->paused_at;
  return calm_from_ &&
         begun > std::max({*endpoint->paused_at, *calm_from_, state.works_since}) + kPauseKnown;
}

// Whether its endpoint may have held it since then. Others than who has the store alone may believe
// that for as long as the store fails.
bool InvariantChecker::may_be_held(const IncarnationState& state, const Task& task,
                                   Moment since) const {
  const EndpointState* const endpoint = endpoint_of(task);
  if (!endpoint) return false;
  if (endpoint->paused || endpoint->unanswered > 0 || endpoint->limited) return true;
  if (endpoint->changed_at + kEndpointSettles > since) return true;
  if (may_be_open(state, task, since) || may_be_asked_to_wait(state, task, since)) return true;
  return !state.claims.alone && endpoint->was_paused && (!calm_from_ || since < *calm_from_);
}

// Whether it may not have been tried, or by one attempt at a time, since then.
bool InvariantChecker::may_be_open(const IncarnationState& state, const Task& task,
                                   Moment since) const {
  const auto it = state.breakers.find({task.key.ns, task.endpoint});
  if (it == state.breakers.end()) return false;
  const Breaker& breaker = it->second;
  return !is_known(state, task.key, task.endpoint, breaker) || breaker.opens ||
         breaker.turning > 0 || breaker.turned_at + kEndpointSettles > since;
}

// Whether its receiver may have asked for that, until then or later.
bool InvariantChecker::may_be_asked_to_wait(const IncarnationState& state, const Task& task,
                                            Moment since) const {
  const auto it = state.asked.find({task.key.ns, task.endpoint});
  return it != state.asked.end() && it->second.over_at > since;
}

// A resume makes it as new, and so does another address; who shares the store may learn of them
// whenever it can.
bool InvariantChecker::is_known(const IncarnationState& state, const TaskKey& key,
                                const std::string& endpoint, const Breaker& breaker) const {
  const auto it = endpoints_.find({key.ns, endpoint});
  if (it == endpoints_.end() || it->second.unanswered > 0 || !it->second.limits) return false;
  return breaker.known && (state.claims.alone || !(it->second.was_paused || it->second.was_moved));
}

// Whoever answers quickly has a share of the slots that are free, and so has what waits for one of
// them alone.
bool InvariantChecker::IncarnationState::has_share_for(const Flow& flow, Moment since) const {
  const auto it = seen.find(flow);
  return it != seen.end() && it->second.quick && it->second.let_go_at < since &&
         std::none_of(held.begin(), held.end(), [&](const Held& one) { return one.flow == flow; });
}

// With no faults left, what could be claimed is claimed soon.
void InvariantChecker::check_late(const IncarnationState& state, const model::Lease& lease,
                                  const Flow& flow) {
  const Entry* const entry = find(lease.key);
  if (!entry || !entry->lease || entry->lease->token != lease.token) return;
  if (!calm_from_ || state.slots == 0 || state.stopping || state.crowded()) return;
  const Moment since =
      std::max({*calm_from_, state.works_since, state.room_since, entry->waits_since});
  const Moment late = timeline_.now() - state.claims.within;
  if (since < late && state.has_share_for(flow, late) && !may_be_held(state, entry->task, late)) {
    violation(lease.key, "claimed late: it could have been since " +
                             ms(std::chrono::floor<std::chrono::milliseconds>(since)));
  }
}

// A claim that found all that it may have leaves nothing for which there is a share. What came, or
// got its share, since the one before it found all is left out: a claim may end what that one
// began.
void InvariantChecker::claim_ended(Incarnation incarnation, const store::ClaimRequest& request,
                                   const store::ClaimResult& result) {
  if (result.waits) ++rare_.waited;
  if (result.more) return;
  IncarnationState& state = incarnations_[incarnation];
  const Moment before = std::exchange(state.saw_all_at, timeline_.now());
  const std::size_t free = request.limit - result.claims.size();
  if (!state.claims.see_all || state.slots == 0 || 2 * free < state.slots) return;
  for (const auto& [key, entry] : entries_) {
    if (entry.task.status != Status::kActive || entry.free_since >= before) continue;
    if (model::due_at(entry.task) > request.due_by) continue;
    if (entry.lease && entry.lease->until > request.now) continue;
    if (!state.has_share_for(entry.flow, before)) continue;
    if (may_be_held(state, entry.task, before)) continue;
    violation(key, "left by claims of incarnation " + std::to_string(incarnation) + ", of which " +
                       std::to_string(free) + " of " + std::to_string(state.slots) +
                       " slots are free");
  }
}

void InvariantChecker::settled(Incarnation incarnation, const model::LeaseToken& token) {
  IncarnationState& state = incarnations_[incarnation];
  const auto held = std::find_if(state.held.begin(), state.held.end(),
                                 [&](const Held& one) { return one.lease.token == token; });
  if (held == state.held.end()) return;
  Entry* const entry = find(held->lease.key);
  if (entry && entry->last_committed == token) entry->known_at = timeline_.now();
  Seen& seen = state.seen[held->flow];
  seen.let_go_at = timeline_.now();
  Attempt* const attempt = attempt_of(token);
  if (attempt && attempt->answer && !attempt->answer->cancelled) {
    seen.quick = attempt->answer->took < kQuick;
    settle_breaker(state, *attempt);
  }
  const bool crowded = state.crowded();
  state.held.erase(held);
  if (crowded && !state.crowded()) state.room_since = timeline_.now();
}

void InvariantChecker::returned(Incarnation incarnation, const model::LeaseToken& token) {
  settled(incarnation, token);
  Attempt* const attempt = attempt_of(token);
  if (!attempt) ++rare_.unsent;
  if (!attempt || attempt->committed) return;
  attempt->given_up = true;
  if (!incarnations_[incarnation].stopping)
    violation(attempt->key, "sent, and given back without an outcome");
}

void InvariantChecker::lost(Incarnation incarnation, const model::LeaseToken& token) {
  settled(incarnation, token);
  Attempt* const attempt = attempt_of(token);
  if (!attempt) return;
  attempt->lease_lost = true;
  ++rare_.leases_lost;
  const Entry* const entry = find(attempt->key);
  if (!entry) return;
  if ((entry->lease && entry->lease->token == token) || entry->last_committed == token) {
    violation(attempt->key, "a worker was told that it lost a lease that it had");
  }
}

// From here on outcomes may be given up, and nothing learnt from them.
void InvariantChecker::stopping(Incarnation incarnation) {
  IncarnationState& state = incarnations_[incarnation];
  state.stopping = true;
  for (auto& [endpoint, breaker] : state.breakers) breaker.known = false;
}

void InvariantChecker::resumed(Incarnation incarnation) {
  IncarnationState& state = incarnations_[incarnation];
  state.stopping = false;
  state.works_since = std::max(state.works_since, timeline_.now());
}

void InvariantChecker::frozen(Incarnation incarnation, Moment until) {
  IncarnationState& state = incarnations_[incarnation];
  state.works_since = std::max(state.works_since, until);
}

void InvariantChecker::ended(Incarnation incarnation, bool crashed) {
  IncarnationState& state = incarnations_[incarnation];
  for (const Held& held : state.held) {
    Attempt* const attempt = attempt_of(held.lease.token);
    if (attempt) (crashed ? attempt->at_crash : attempt->given_up) = true;
  }
  state.held.clear();
  // It may know more than was settled: outcomes that it gave up.
  for (auto& [flow, seen] : state.seen) seen.quick = false;
  for (auto& [endpoint, breaker] : state.breakers) breaker.turning = 0;
}

std::size_t InvariantChecker::held_by(Incarnation incarnation) const {
  const auto it = incarnations_.find(incarnation);
  return it == incarnations_.end() ? 0 : it->second.held.size();
}

// ---- the requests

AttemptNumber InvariantChecker::started(Incarnation incarnation, const TaskKey& key,
                                        const std::string& webhook_id, TimePoint at,
                                        std::chrono::milliseconds longest) {
  timeline_.note("incarnation " + std::to_string(incarnation) + " sends " + name_of(key) + " at " +
                 ms(at));
  Attempt attempt;
  attempt.key = key;
  attempt.webhook_id = webhook_id;
  attempt.incarnation = incarnation;
  attempt.started_at = at;
  IncarnationState& state = incarnations_[incarnation];
  auto& held = state.held;
  std::optional<Held> sent;
  const Entry* leased = nullptr;  // as it was claimed
  // A worker may hold an older lease too, one that ran out before it got it: that is not sent.
  const auto claim = std::find_if(held.rbegin(), held.rend(), [&](const Held& one) {
    return one.lease.key == key && !one.begun;
  });
  if (claim == held.rend()) {
    violation(key, "sent without a claim, or twice for one");
  } else {
    claim->begun = true;
    if (claim->paused) violation(key, "sent, though its endpoint is paused");
    attempt.token = claim->lease.token;
    attempt.flow = claim->flow;
    attempt.task = claim->task;
    attempt.claimed_from = claim->claimed_from;
    sent = *claim;
    if (claim->lease.until <= at + longest) {
      violation(key, "sent at " + ms(at) + " though it may outlast its lease, which ends at " +
                         ms(claim->lease.until));
    }
    // A task that is deleted after its claim, and maybe registered anew, or cancelled, is sent once
    // more: the attempt goes on.
    const Moment claimed_at = claimed_at_[claim->lease.token];
    const Entry* const entry = find(key);
    const bool same = entry && entry->put_at <= claimed_at;
    const bool current = same && entry->lease && entry->lease->token == attempt.token;
    const bool cancelled = same && entry->cancelled_at && *entry->cancelled_at >= claimed_at;
    if (current) leased = entry;
    // Of one that is deleted or cancelled nobody knows: it may have been taken over before.
    attempt.stale = !current && clocks_wrong_;
    if (same && too_late(entry->task, at)) {
      violation(key, "sent at " + ms(at) + ", and was to be delivered before " +
                         ms(*entry->task.deliver_before));
    }
    if (same && !current && !cancelled && !clocks_wrong_) {
      violation(key, std::string("sent under a lease that is over; the task is ") +
                         to_string(entry->task.status));
    }
    if (current && entry->not_before && entry->claimed_at < *entry->not_before) {
      violation(key, "sent by a claim at " + ms(entry->claimed_at) +
                         ", before the time of its retry, " + ms(*entry->not_before));
    }
    if (current && entry->retried && *entry->retried != webhook_id) {
      violation(key, "a retry has another webhook-id than the attempt before");
    }
  }
  Seen& seen = state.seen[attempt.flow];
  ++seen.in_flight;
  check_shares(key, state, seen);
  if (sent) check_limits(key, incarnation, *sent, seen.in_flight);
  if (sent) check_probe(key, incarnation, *sent, at);
  if (sent) check_asked(state, key, *sent, at);
  if (sent && order_holds(state, *sent)) {
    attempt.ordered = sent->endpoint->limits->ordered;
    if (*attempt.ordered && leased) check_order(*leased, state, sent->claimed_from);
  }
  attempts_.push_back(std::move(attempt));
  return attempts_.size() - 1;
}

// Whether the limits of its endpoint have to hold for that claim. Who has the store alone knows
// them at once, others as they know of a pause.
bool InvariantChecker::limits_hold(const IncarnationState& state, const Held& claim) const {
  const EndpointState* const endpoint = claim.endpoint;
  if (!endpoint || !endpoint->limits) return false;
  if (state.claims.alone) return claim.claimed_from > endpoint->limits_at;
  return calm_from_ &&
         claim.claimed_from >
             std::max({endpoint->limits_at, *calm_from_, state.works_since}) + kPauseKnown;
}

// Likewise, and also for who read endpoints for the first time since they were acknowledged.
bool InvariantChecker::order_holds(const IncarnationState& state, const Held& claim) const {
  if (!claim.endpoint || !claim.endpoint->limits || clocks_wrong_) return false;
  return limits_hold(state, claim) || state.began > claim.endpoint->limits_at;
}

// Of a flow that is in order none is sent before another that stands before it. Who claims by an
// index that is late knows of those that were there before this one.
void InvariantChecker::check_order(const Entry& sent, const IncarnationState& state,
                                   Moment claimed_from) {
  if (!state.claims.in_order) return;
  const TaskKey& key = sent.task.key;
  const Moment before =
      state.claims.see_all ? claimed_from : std::min(claimed_from, sent.placed_at);
  bool any_behind = false;
  for (const auto& [other_key, other] : entries_) {
    if (other.flow != sent.flow || other_key == key) continue;
    if (other.task.status != Status::kActive || !other.known_at || *other.known_at >= before) {
      continue;
    }
    if (std::pair(model::place_of(other.task), other_key) <
        std::pair(model::place_of(sent.task), key)) {
      violation(key, "sent, though an earlier one of its flow waits: " + other_key.id);
    } else {
      any_behind = true;
    }
  }
  if (any_behind) ++rare_.ordered;
}

// `at_once`: with this one, of its flow and by this worker. Where others share the store, each
// counts by itself.
void InvariantChecker::check_limits(const TaskKey& key, Incarnation incarnation, const Held& claim,
                                    std::size_t at_once) {
  const IncarnationState& state = incarnations_[incarnation];
  if (!limits_hold(state, claim) || !claim.endpoint->limits->any()) return;
  const Limits& limits = *claim.endpoint->limits;
  ++rare_.limited;
  if (limits.concurrency > 0 && at_once > limits.concurrency) {
    violation(key, "sent as one of " + std::to_string(at_once) +
                       ", more at once than its endpoint allows, " +
                       std::to_string(limits.concurrency));
  }
  if (limits.interval.count() > 0) check_rate(key, incarnation, claim);
}

// So many at once, and one more each interval. That is so of any time, however short, and so those
// that began never reach further ahead, at an interval each.
void InvariantChecker::check_rate(const TaskKey& key, Incarnation incarnation, const Held& claim) {
  const Limits& limits = *claim.endpoint->limits;
  // Of what it let through before its clock was set a worker may not know how long ago that was.
  const Moment from = std::max(claim.endpoint->limits_at, clock_set_at_);
  if (claim.claimed_from <= from) return;
  const bool alone = incarnations_[incarnation].claims.alone;
  Paced& paced = paced_[{alone ? 0 : incarnation, claim.flow}];
  if (paced.from != from) paced = {from, from};
  const Moment now = timeline_.now();
  paced.reach = std::max(paced.reach, now) + limits.interval;
  const Duration early = paced.reach - now - limits.burst * limits.interval;
  if (early > kStartsLate) {
    violation(key, "sent " + std::to_string(early.count() / 1'000) +
                       " ms too early, faster than its rate allows");
  }
}

// What is claimed for an endpoint that does not answer tries it at its time, and alone. By a clock
// that was set a worker may have taken another time for that.
void InvariantChecker::check_probe(const TaskKey& key, Incarnation incarnation, const Held& claim,
                                   TimePoint at) {
  const std::string& endpoint = claim.task.endpoint;
  if (endpoint.empty() || !retries_of(endpoint).breaker) return;
  const IncarnationState& state = incarnations_[incarnation];
  Breaker& breaker = incarnations_[incarnation].breakers[{key.ns, endpoint}];
  const std::size_t others = breaker.in_flight++;
  if (!is_known(state, key, endpoint, breaker) || !breaker.opens || !breaker.holds_from) return;
  if (claim.claimed_from <= *breaker.holds_from || clock_set_at_ >= state.began) return;
  ++rare_.probes;
  if (at < *breaker.opens) {
    violation(key, "sent at " + ms(at) +
                       ", though its endpoint does not answer and is not tried before " +
                       ms(*breaker.opens));
  }
  if (others > 0) {
    violation(key, "sent beside " + std::to_string(others) +
                       " others, though its endpoint does not answer");
  }
}

// From the reading of an answer that asks to wait on, nothing is sent to that endpoint before the
// time for which it asked, whatever was claimed by then and whoever else is answered. A clock that
// was set since shows another time; an endpoint that was moved is at another receiver, and a resume
// ends it.
void InvariantChecker::check_asked(const IncarnationState& state, const TaskKey& key,
                                   const Held& claim, TimePoint at) {
  const auto it = state.asked.find({key.ns, claim.task.endpoint});
  if (it == state.asked.end() || clock_set_at_ >= it->second.answered_at) return;
  if (!claim.endpoint || claim.endpoint->was_moved || claim.endpoint->was_paused) return;
  ++rare_.asked;
  if (at < it->second.until) {
    violation(key, "sent at " + ms(at) + ", though its receiver asked that nothing comes before " +
                       ms(it->second.until));
  }
}

// Who reads it knows it at once. The latest time holds.
void InvariantChecker::heed(IncarnationState& state, const Attempt& attempt) {
  const Answer& answer = *attempt.answer;
  if (attempt.task.endpoint.empty() || !asks_to_wait(answer)) return;
  const auto wait = std::min(answer.retry_after, kAskedMax);
  Asked& asked = state.asked[{attempt.key.ns, attempt.task.endpoint}];
  // Of a time by a clock that was set since then nothing is known.
  if (clock_set_at_ >= asked.answered_at) asked.until = TimePoint{};
  asked.until = std::max(asked.until, std::min(answer.ended_at, answer.read_at) + wait);
  asked.answered_at = timeline_.now();
  asked.over_at = std::max(asked.over_at, timeline_.now() + wait + kAskedSettles);
}

// What the end of an attempt says of its endpoint.
void InvariantChecker::learn(IncarnationState& state, Attempt& attempt) {
  const std::string& endpoint = attempt.task.endpoint;
  attempt.counts = true;
  if (endpoint.empty() || !retries_of(endpoint).breaker) return;
  Breaker& breaker = state.breakers[{attempt.key.ns, endpoint}];
  --breaker.in_flight;
  if (state.stopping) breaker.known = false;
  const Answer& answer = *attempt.answer;
  if (answer.cancelled) return;
  attempt.counts = counts(state, attempt, breaker);
  if (!unavailable(answer.status)) {
    breaker.answered_at = std::max(breaker.answered_at.value_or(TimePoint{}), answer.ended_at);
  }
  const bool answers = !unavailable(answer.status) && answer.status < 500;
  if (!answers && !breaker.opens && !says_when_to_come(answer)) ++breaker.failures;
  if (answers) {
    attempt.turned = breaker.opens.has_value();
    breaker.known = !state.stopping;
    breaker.failures = breaker.openings = 0;
    breaker.opens.reset();
    breaker.holds_from.reset();
  } else if (breaker.opens) {
    const bool is_probe = breaker.holds_from && attempt.claimed_from > *breaker.holds_from;
    if (is_probe) open(breaker, attempt);
  } else if (breaker.failures >= kFailuresToOpen || attempt.counts == false) {
    attempt.turned = true;
    breaker.opened_by = attempt.token;
    open(breaker, attempt);
  } else if (!attempt.counts) {
    breaker.known = false;
  }
  if (!attempt.turned) return;
  ++breaker.turning;
  breaker.turned_at = timeline_.now();
}

// Whether the attempt does for its task. What did not end well does not while the endpoint is not
// tried, nor as the last one where nobody was answered since the one before.
std::optional<bool> InvariantChecker::counts(const IncarnationState& state, const Attempt& attempt,
                                             const Breaker& breaker) const {
  const Retried& task = attempt.task;
  const int status = attempt.answer->status;
  if (!unavailable(status) || task.limit == 0 || stops(task.endpoint, status)) return true;
  if (!is_known(state, attempt.key, task.endpoint, breaker)) return std::nullopt;
  if (breaker.opens) return false;
  if (task.attempt < task.limit) return true;
  if (!breaker.answered_at) return false;
  if (clock_set_at_ >= state.began) return std::nullopt;
  return !task.before || *breaker.answered_at >= *task.before;
}

void InvariantChecker::open(Breaker& breaker, const Attempt& attempt) {
  const auto longest = std::min<std::chrono::milliseconds>(
      std::chrono::seconds{5} * (std::int64_t{1} << breaker.openings), kUntriedMax);
  breaker.openings = std::min(breaker.openings + 1, 7);
  breaker.opens =
      attempt.answer->ended_at +
      std::max(longest * 4 / 5 - std::chrono::milliseconds{1}, attempt.answer->retry_after);
}

void InvariantChecker::settle_breaker(IncarnationState& state, Attempt& attempt) {
  if (!std::exchange(attempt.turned, false)) return;
  Breaker& breaker = state.breakers[{attempt.key.ns, attempt.task.endpoint}];
  --breaker.turning;
  breaker.turned_at = timeline_.now();
  if (breaker.opens && breaker.opened_by == attempt.token) breaker.holds_from = timeline_.now();
}

void InvariantChecker::forget_breakers(const std::string& ns, const std::string& name) {
  for (auto& [incarnation, state] : incarnations_) {
    const auto it = state.breakers.find({ns, name});
    if (it != state.breakers.end()) it->second.known = false;
  }
}

// `seen`: of the flow of an attempt that was begun. What no receiver has answered for has parts of
// the slots, in whatever order a claim's attempts begin, and each flow a window that its answers
// open.
void InvariantChecker::check_shares(const TaskKey& key, const IncarnationState& state,
                                    const Seen& seen) {
  if (state.slots == 0) return;
  if (seen.in_flight > kWindow + seen.ended) {
    violation(key, "sent as one of " + std::to_string(seen.in_flight) +
                       " at once to a receiver at which " + std::to_string(seen.ended) + " ended");
  }
  if (seen.responds) return;
  std::size_t untried = 0;
  std::size_t without_answers = 0;
  for (const auto& [flow, other] : state.seen) {
    if (other.responds) continue;
    without_answers += other.in_flight;
    if (other.ended == 0) untried += other.in_flight;
  }
  // Those that were tried have a quarter that others do not take, and each kind a part in any case.
  const std::size_t half = state.slots / 2;
  const std::size_t floor = std::max<std::size_t>(state.slots / 32, 1);
  if (untried > half || without_answers > half + state.slots / 4 + floor) {
    violation(key, "sent as one of " + std::to_string(without_answers) +
                       " at once to receivers that never answered, " + std::to_string(untried) +
                       " of them to ones that were not tried, with " + std::to_string(state.slots) +
                       " slots");
  }
}

void InvariantChecker::answered(AttemptNumber number, const Answer& answer) {
  Attempt& attempt = attempts_.at(number);
  attempt.answer = answer;
  IncarnationState& state = incarnations_[attempt.incarnation];
  learn(state, attempt);
  heed(state, attempt);
  Seen& seen = state.seen[attempt.flow];
  --seen.in_flight;
  if (answer.cancelled) return;
  ++seen.ended;
  seen.responds = seen.responds || answer.status != 0 || answer.took < kQuick;
}

void InvariantChecker::received(AttemptNumber number) {
  attempts_.at(number).received = true;
}

// ---- the users

void InvariantChecker::acknowledged_put(const Task& task) {
  Entry* const entry = find(task.key);
  if (!entry) violation(task.key, "acknowledged, and not stored");
  if (entry && entry->changes == 0) entry->known_at = timeline_.now();
  acknowledged_.insert(task.key);
}

void InvariantChecker::will_remove(const TaskKey& key) {
  acknowledged_.erase(key);
}

void InvariantChecker::acknowledged_remove(const TaskKey& key) {
  if (find(key)) violation(key, "acknowledged as deleted, and still there");
}

void InvariantChecker::acknowledged_status(const TaskKey& key, Status status) {
  Entry* const entry = find(key);
  const bool lasts = status == Status::kSuspended || status == Status::kFailed;
  if (!entry || (entry->task.status != status && lasts)) {
    violation(key, std::string("acknowledged as ") + to_string(status) + ", and it is not");
  } else if (entry->task.status == status) {
    entry->known_at = timeline_.now();
  }
}

void InvariantChecker::will_run_now(const TaskKey& key) {
  // The task may yet come to be: its registration was not answered.
  asked_to_run_.insert(key);
}

void InvariantChecker::will_cancel(const TaskKey& key) {
  asked_to_cancel_.insert(key);
}

void InvariantChecker::will_clear(const std::string& ns) {
  cleared_.insert(ns);
  std::erase_if(acknowledged_, [&](const TaskKey& key) { return key.ns == ns; });
}

InvariantChecker::EndpointState& InvariantChecker::will_change(const std::string& ns,
                                                               const std::string& name) {
  EndpointState& endpoint = endpoints_[{ns, name}];
  endpoint.changed_at = timeline_.now();
  return endpoint;
}

// Those of users allow less than one in a second.
InvariantChecker::Limits InvariantChecker::limits_of(const Endpoint& endpoint) {
  Limits limits;
  limits.ordered = endpoint.ordered;
  limits.concurrency =
      endpoint.ordered ? 1 : static_cast<std::size_t>(endpoint.concurrency.value_or(0));
  if (!endpoint.rate) return limits;
  limits.burst = endpoint.burst.value_or(1);
  limits.interval = Duration{endpoint.rate->period} / endpoint.rate->limit;
  return limits;
}

void InvariantChecker::will_put_endpoint(const Endpoint& given) {
  EndpointState& endpoint = will_change(given.ns, given.name);
  endpoint.limits.reset();
  endpoint.limited = endpoint.limited || limits_of(given).any();
  if (!endpoint.url.empty() && endpoint.url != given.url) endpoint.was_moved = true;
  endpoint.url = given.url;
  if (endpoint.was_moved) forget_breakers(given.ns, given.name);
}

void InvariantChecker::acknowledged_endpoint(const Endpoint& given) {
  EndpointState& endpoint = will_change(given.ns, given.name);
  endpoint.limits = limits_of(given);
  endpoint.limits_at = timeline_.now();
  endpoint.limited = endpoint.limits->any();
}

void InvariantChecker::will_pause(const std::string& ns, const std::string& name) {
  EndpointState& endpoint = will_change(ns, name);
  ++endpoint.unanswered;
  endpoint.paused = endpoint.was_paused = true;
}

void InvariantChecker::acknowledged_pause(const std::string& ns, const std::string& name) {
  timeline_.note("paused " + ns + "/" + name);
  EndpointState& endpoint = will_change(ns, name);
  --endpoint.unanswered;
  if (!endpoint.paused_at) endpoint.paused_at = timeline_.now();
  ++rare_.paused;
}

void InvariantChecker::will_resume(const std::string& ns, const std::string& name) {
  EndpointState& endpoint = will_change(ns, name);
  ++endpoint.unanswered;
  endpoint.paused_at.reset();
  forget_breakers(ns, name);
}

void InvariantChecker::acknowledged_resume(const std::string& ns, const std::string& name) {
  timeline_.note("resumed " + ns + "/" + name);
  EndpointState& endpoint = will_change(ns, name);
  --endpoint.unanswered;
  endpoint.paused = false;
  forget_breakers(ns, name);
}

void InvariantChecker::will_redrive(const std::string& ns) {
  run_again_.emplace(ns, 0);
}

void InvariantChecker::redriven(const std::string& ns, std::int64_t tasks) {
  rare_.redriven += static_cast<std::size_t>(tasks);
  if (tasks > run_again_[ns]) {
    timeline_.violation(ns + ": a redrive counts " + std::to_string(tasks) + " tasks, and " +
                        std::to_string(run_again_[ns]) + " were run again");
  }
}

std::vector<InvariantChecker::Due> InvariantChecker::due_by(TimePoint now, bool alone) const {
  std::vector<Due> due;
  for (const TaskKey& key : acknowledged_) {
    const auto it = entries_.find(key);
    if (it == entries_.end()) continue;
    const Entry& entry = it->second;
    if (entry.task.status != Status::kActive || model::due_at(entry.task) > now) continue;
    if (!alone && entry.lease && entry.lease->until > now) continue;
    due.push_back({key, entry.put_at, timeline_.now(), entry.changes, entry.claims});
  }
  return due;
}

void InvariantChecker::triggered(Incarnation incarnation, const std::vector<Due>& due, bool alone) {
  ++rare_.triggers;
  const IncarnationState& state = incarnations_[incarnation];
  for (const Due& before : due) {
    const Entry* const entry = find(before.key);
    if (!entry || entry->put_at != before.put_at || entry->changes != before.changes) continue;
    if (!alone && entry->claims != before.claims) continue;
    if (may_be_held(state, entry->task, before.asked_at)) continue;
    violation(before.key, "was due when a trigger was called, and not attempted when it came back");
  }
}

std::vector<TaskKey> InvariantChecker::paused(const std::string& ns) const {
  std::vector<TaskKey> keys;
  for (const auto& [key, entry] : entries_) {
    if (key.ns == ns && !entry.task.note.empty()) keys.push_back(key);
  }
  return keys;
}

std::vector<TaskKey> InvariantChecker::unfinished() const {
  std::vector<TaskKey> keys;
  for (const auto& [key, entry] : entries_) {
    if (!final(entry.task.status)) keys.push_back(key);
  }
  return keys;
}

std::vector<TaskKey> InvariantChecker::untold() const {
  std::vector<TaskKey> keys;
  for (const auto& [key, told] : told_) {
    if (!told.stored && !cleared_.contains(key.ns)) keys.push_back(key);
  }
  return keys;
}

}  // namespace rhooks::simulator
