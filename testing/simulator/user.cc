#include "testing/simulator/user.h"

#include <algorithm>
#include <optional>

#include "base/iso8601.h"
#include "testing/simulator/retries.h"

namespace rhooks::simulator {
namespace {

using namespace std::chrono_literals;

constexpr int kTriesMax = 4;
// What was sent longer ago has come to be, or never will.
constexpr Duration kUnderWayMax = 185s;
// Whoever had a redrive in hand has found out by then that it was cancelled.
constexpr Duration kLastStepMax = 40s;

// Whether what was asked for may have happened, or may yet work.
bool worth_asking_again(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kUnknownOutcome ||
         error.code == ErrorCode::kOverloaded;
}

}  // namespace

template <typename T>
std::optional<Result<T>> User::ask(std::function<Result<T>(Hooks&)> what) {
  const auto answer = std::make_shared<std::optional<Result<T>>>();
  const auto done = std::make_shared<Signal>();
  pick_().call([answer, what = std::move(what)](Hooks& hooks) { *answer = what(hooks); }, done);
  timeline_.wait(*done, Moment::max());
  return std::move(*answer);
}

// False: it is one that was asked for before.
bool User::remember(const std::string& id) {
  if (std::find(ids_.begin(), ids_.end(), id) != ids_.end()) return false;
  ids_.push_back(id);
  return true;
}

bool User::has_endpoint(const std::string& name) const {
  return std::find(endpoints_.begin(), endpoints_.end(), name) != endpoints_.end();
}

const std::string& User::any() {
  return ids_[timeline_.dice().below(ids_.size())];
}

void User::act_until(Moment end) {
  Dice& dice = timeline_.dice();
  put_endpoints();
  while (timeline_.now() < end) {
    timeline_.sleep(dice.between(1ms, 3s));
    const std::size_t act = ids_.empty() ? 0 : dice.below(100);
    if (act < (rushes_ ? 20 : 35)) {
      add();
    } else if (act < 45) {
      add_many();
    } else if (act < 54) {
      suspend(any());
    } else if (act < 63) {
      unsuspend(any());
    } else if (act < 71) {
      run_now(any());
    } else if (act < 80) {
      remove(any());
    } else if (act < 83) {
      remove_some();
    } else if (act < 86) {
      suspend_some();
    } else if (act < 87) {
      clear();
    } else if (act < 89) {
      trigger();
    } else if (act < 91) {
      cancel(any());
    } else if (act < 92) {
      cancel_some();
    } else if (act < 93) {
      if (!endpoints_.empty()) put_endpoint(any_endpoint());
    } else if (act < 96) {
      if (endpoints_.empty()) continue;
      if (dice.chance(0.5)) {
        pause(any_endpoint());
      } else {
        resume(any_endpoint());
      }
    } else if (act < 98) {
      redrive();
    } else {
      read();
    }
  }
}

void User::put_endpoints() {
  Dice& dice = timeline_.dice();
  if (dice.chance(0.5)) put_endpoint(kToldEndpoint);
  for (std::size_t left = rushes_ ? 1 + dice.below(3) : dice.below(4); left > 0; --left) {
    const std::string name = "e" + std::to_string(left);
    const std::string told = callback_of(name).to;
    if (told.empty() || has_endpoint(told)) put_endpoint(name);
  }
}

// Once more: it leads to another host, say.
void User::put_endpoint(const std::string& name) {
  Dice& dice = timeline_.dice();
  Endpoint endpoint;
  endpoint.ns = ns_;
  endpoint.name = name;
  endpoint.url = "http://" + hosts_[dice.below(hosts_.size())];
  // Its tasks say more or less.
  const Retries retries = retries_of(name);
  endpoint.retry_schedule = retries.schedule;
  endpoint.retry_max = retries.longest;
  endpoint.stop_on = retries.stop_on;
  endpoint.breaker = retries.breaker;
  const Callback callback = callback_of(name);
  endpoint.callback = callback.to;
  endpoint.callback_on = callback.on;
  if (name == kWatchedEndpoint && has_endpoint(kToldEndpoint)) {
    endpoint.callback = kToldEndpoint;
    endpoint.callback_on = {"endpoint.opened", "endpoint.closed"};
  }
  // Tasks that tell have no retry limit of their own, which the checker would know; and they come
  // on top of all else, so that none of their attempts may take long.
  const bool is_told = name == kToldEndpoint;
  if (retries.schedule.empty() && !is_told) endpoint.retry_limit = static_cast<int>(dice.below(4));
  if (is_told || dice.chance(0.5)) {
    endpoint.timeout = std::chrono::milliseconds{dice.between(2'000, is_told ? 3'000 : 12'000)};
  }
  draw_limits(endpoint);
  for (int i = 0; i < kTriesMax; ++i) {
    checker_.will_put_endpoint(endpoint);
    const auto answer =
        ask<EndpointPut>([endpoint](Hooks& hooks) { return hooks.put_endpoint(endpoint); });
    checker_.will_put_endpoint(endpoint);  // by what was sent and not answered
    if (!answer) continue;
    if (*answer) {
      checker_.acknowledged_endpoint(endpoint);
      if (!has_endpoint(name)) endpoints_.push_back(name);
      std::erase(ordered_, name);
      if (endpoint.ordered && !is_told) ordered_.push_back(name);
      return;
    }
    if (!worth_asking_again(answer->error())) {
      return timeline_.violation("put an endpoint: " + answer->error().message);
    }
  }
}

// Fast enough for all that a user registers to come to its end.
void User::draw_limits(Endpoint& endpoint) {
  Dice& dice = timeline_.dice();
  if (dice.chance(0.3)) {
    endpoint.ordered = true;
  } else if (dice.chance(0.4)) {
    endpoint.concurrency = static_cast<int>(dice.between(1, 3));
  }
  if (!rushes_ && !dice.chance(0.4)) return;
  const std::int64_t limit = dice.between(2, 5);
  endpoint.rate = Rate{limit, std::chrono::milliseconds{limit * dice.between(1'000, 2'500)}};
  if (dice.chance(0.7)) endpoint.burst = static_cast<int>(dice.between(1, limit + 2));
}

const std::string& User::any_endpoint() {
  return endpoints_[timeline_.dice().below(endpoints_.size())];
}

void User::pause(const std::string& endpoint) {
  checker_.will_pause(ns_, endpoint);
  const auto answer = ask<Endpoint>(
      [ns = ns_, endpoint](Hooks& hooks) { return hooks.pause_endpoint(ns, endpoint); });
  if (answer && *answer) {
    checker_.acknowledged_pause(ns_, endpoint);
  } else {
    may_be_paused_yet_ = true;
  }
}

// False: nobody knows whether it was.
bool User::resume(const std::string& endpoint) {
  checker_.will_resume(ns_, endpoint);
  const auto answer = ask<Endpoint>(
      [ns = ns_, endpoint](Hooks& hooks) { return hooks.resume_endpoint(ns, endpoint); });
  if (!answer || !*answer) return false;
  checker_.acknowledged_resume(ns_, endpoint);
  return true;
}

// Hosts by turns. Now and then the one flow in which many tasks are in order.
User::Receiver User::next_receiver() {
  Dice& dice = timeline_.dice();
  if (!ordered_.empty() && dice.chance(0.4)) {
    return {"", ordered_[dice.below(ordered_.size())], ""};
  }
  const double without = rushes_ ? 0.25 : 0.5;
  if (endpoints_.empty() || dice.chance(without)) {
    return {hosts_[ids_.size() % hosts_.size()], "", ""};
  }
  const std::string key = dice.chance(0.5) ? "key" + std::to_string(dice.below(3)) : "";
  return {"", endpoints_[dice.below(endpoints_.size())], key};
}

// Of a few executions within the next minutes, on a clock that is never set.
Schedule User::draw_schedule() {
  Dice& dice = timeline_.dice();
  const auto now = std::chrono::floor<std::chrono::seconds>(timeline_.now());
  const auto second = [&](int from, int to) {
    return format_time(TimePoint(now) + std::chrono::seconds{dice.between(from, to)});
  };
  Schedule schedule;
  schedule.timezone = dice.chance(0.5) ? "UTC" : dice.chance(0.5) ? "+05:45" : "-03:00";
  schedule.max = dice.between(1, 4);
  if (dice.chance(0.3)) {
    for (std::size_t n = 1 + dice.below(4); n > 0; --n) schedule.at.push_back(second(5, 40));
  } else if (dice.chance(0.4)) {
    schedule.every = std::to_string(dice.between(1, 8)) + "s";
    schedule.start = second(-10, 20);
  } else {
    const std::string step = std::to_string(dice.between(2, 20));
    schedule.cron = {"*/" + step + " * * * * *"};
    if (dice.chance(0.3)) schedule.cron.push_back(std::to_string(dice.below(60)) + " * * * * *");
    if (dice.chance(0.3)) schedule.start = second(-10, 20);
    if (dice.chance(0.3)) schedule.exclude = {"cron:*/3 * * * *"};
    if (dice.chance(0.2)) schedule.end = second(60, 180);
  }
  if (dice.chance(0.4)) schedule.missed = dice.chance(0.5) ? Missed::kSkip : Missed::kAll;
  if (dice.chance(0.4)) schedule.grace = std::chrono::seconds{dice.between(5, 40)};
  if (dice.chance(0.25)) schedule.overlap = Overlap::kCutRetries;
  if (schedule.missed != Missed::kAll && dice.chance(0.25)) schedule.overlap = Overlap::kSkip;
  return schedule;
}

NewTask User::draw(const Receiver& receiver) {
  Dice& dice = timeline_.dice();
  NewTask task;
  task.ns = ns_;
  task.id = (dice.chance(0.5) ? "a" : "b") + std::to_string(ids_.size());
  // Also an id that is taken, or was until its task was deleted.
  if (!ids_.empty() && dice.chance(0.15)) task.id = any();
  task.request.method = Method::kPost;
  task.endpoint = receiver.endpoint;
  task.flow_key = receiver.flow_key;
  const std::string base = receiver.endpoint.empty() ? "http://" + receiver.host : "";
  task.request.url = base + "/" + ns_ + "/" + task.id + (dice.chance(0.12) ? "/bad" : "/good");
  task.request.body = Body::json("{}");
  task.retry_limit = static_cast<int>(dice.below(4));
  if (has_endpoint(kToldEndpoint) && dice.chance(0.3)) {
    task.callback = kToldEndpoint;
    if (dice.chance(0.5)) task.callback_on = {dice.chance(0.5) ? "task.failed" : "task.succeeded"};
  }
  if (dice.chance(0.3)) task.timeout = std::chrono::milliseconds{dice.between(2'000, 12'000)};
  if (dice.chance(0.8)) {
    task.scheduled_date = std::chrono::floor<std::chrono::milliseconds>(timeline_.now()) +
                          std::chrono::milliseconds{dice.between(-5'000, 20'000)};
  }
  if (dice.chance(0.2)) task.max_errors = static_cast<int>(dice.below(4));
  task.pause_on_failure = dice.chance(0.1);
  if (dice.chance(0.15)) {
    task.schedule = draw_schedule();
    task.scheduled_date.reset();
  } else if (dice.chance(0.35)) {
    task.repeat = Repeat{dice.between(1, 8), dice.between(1, 4), RepeatUnit::kSeconds};
  } else if (dice.chance(0.2)) {
    const auto now = std::chrono::floor<std::chrono::milliseconds>(timeline_.now());
    task.deliver_before =
        task.scheduled_date.value_or(now) + std::chrono::milliseconds{dice.between(1, 15'000)};
  }
  return task;
}

// An id of the user's own makes it safe to ask again.
void User::add() {
  const NewTask task = draw(next_receiver());
  const bool taken = !remember(task.id);
  for (int i = 0; i < kTriesMax; ++i) {
    const auto answer =
        ask<Registration>([task](Hooks& hooks) { return hooks.register_task(task); });
    if (!answer) continue;  // the server is gone, and perhaps it is done
    if (*answer) return checker_.acknowledged_put((*answer)->task);
    if (answer->error().code == ErrorCode::kConflict && (taken || i > 0)) return;
    // By that server's clock it is over by now.
    if (task.schedule && answer->error().code == ErrorCode::kInvalidArgument) return;
    if (!worth_asking_again(answer->error())) {
      return timeline_.violation("register: " + answer->error().message);
    }
  }
}

// Where there are several receivers, or the endpoint has a rate, a burst for one of them: more than
// may be on their way at once, and due before what others are to get. Where the endpoint is
// ordered, a few that are all due, among those that were registered before.
void User::add_many() {
  Dice& dice = timeline_.dice();
  const Receiver receiver = next_receiver();
  const bool row = std::find(ordered_.begin(), ordered_.end(), receiver.endpoint) != ordered_.end();
  const bool burst = hosts_.size() > 1 || (rushes_ && !receiver.endpoint.empty());
  std::vector<NewTask> tasks;
  for (std::size_t n = 1 + dice.below(row ? 8 : burst ? 16 : 5); n > 0; --n) {
    tasks.push_back(draw(receiver));
    if (row || burst) {
      tasks.back().schedule.reset();
      const auto late = std::chrono::milliseconds{row ? dice.between(0, 5'000) : 5'000};
      tasks.back().scheduled_date =
          std::chrono::floor<std::chrono::milliseconds>(timeline_.now()) - late;
    }
    remember(tasks.back().id);
  }
  using Many = std::vector<Result<Registration>>;
  const auto answer = ask<Many>([&tasks](Hooks& hooks) { return hooks.register_many(tasks); });
  if (!answer || !*answer) return;
  for (const Result<Registration>& one : **answer) {
    if (one) checker_.acknowledged_put(one->task);
  }
}

void User::suspend(const std::string& id) {
  const auto answer = ask<Task>([key = key(id)](Hooks& hooks) { return hooks.suspend(key); });
  if (answer && *answer) checker_.acknowledged_status(key(id), Status::kSuspended);
}

void User::unsuspend(const std::string& id) {
  const auto answer = ask<Task>([key = key(id)](Hooks& hooks) { return hooks.unsuspend(key); });
  if (answer && *answer) checker_.acknowledged_status(key(id), Status::kActive);
}

void User::cancel(const std::string& id) {
  checker_.will_cancel(key(id));
  const auto answer = ask<Task>([key = key(id)](Hooks& hooks) { return hooks.cancel(key); });
  if (answer && *answer) checker_.acknowledged_status(key(id), Status::kFailed);
}

// Tells the checker of all that it may be about, and returns those of which the answer says that it
// was.
std::vector<TaskKey> User::act_on_some(void (InvariantChecker::*will)(const TaskKey&),
                                       Result<ManyResult> (Hooks::*act)(const ManyQuery&)) {
  for (const std::string& id : ids_) {
    if (id.starts_with("b")) (checker_.*will)(key(id));
  }
  const auto answer = ask<ManyResult>([this, act](Hooks& hooks) {
    ManyQuery query;
    query.filter.ns = ns_;
    query.filter.id = "b";
    query.chunk_limit = 3;
    return (hooks.*act)(query);
  });
  return answer && *answer ? (*answer)->items : std::vector<TaskKey>();
}

void User::cancel_some() {
  for (const auto& cancelled : act_on_some(&InvariantChecker::will_cancel, &Hooks::cancel_many)) {
    checker_.acknowledged_status(cancelled, Status::kFailed);
  }
}

void User::run_now(const std::string& id) {
  checker_.will_run_now(key(id));
  ask<Task>([key = key(id)](Hooks& hooks) { return hooks.trigger(key); });
}

void User::remove(const std::string& id) {
  checker_.will_remove(key(id));
  for (int i = 0; i < kTriesMax; ++i) {
    const auto answer = ask<Task>([key = key(id)](Hooks& hooks) { return hooks.remove(key); });
    if (!answer) continue;
    if (*answer || answer->error().code == ErrorCode::kNotFound) {
      return checker_.acknowledged_remove(key(id));
    }
  }
}

void User::remove_some() {
  for (const auto& removed : act_on_some(&InvariantChecker::will_remove, &Hooks::remove_many)) {
    checker_.acknowledged_remove(removed);
  }
}

void User::suspend_some() {
  const auto answer = ask<ManyResult>([this](Hooks& hooks) {
    ManyQuery query;
    query.filter.ns = ns_;
    query.chunk_limit = 3;
    return hooks.suspend_many(query);
  });
  if (!answer || !*answer) return;
  for (const TaskKey& suspended : (*answer)->items) {
    checker_.acknowledged_status(suspended, Status::kSuspended);
  }
}

void User::clear() {
  checker_.will_clear(ns_);
  ask<std::int64_t>([this](Hooks& hooks) { return hooks.clear(ns_); });
}

// Whatever comes of it; its server's worker is held to what it promises.
void User::trigger() {
  const auto done = std::make_shared<Signal>();
  pick_().trigger(done);
  timeline_.wait(*done, Moment::max());
}

void User::read() {
  const auto page = ask<rhooks::TaskPage>([this](Hooks& hooks) {
    FetchQuery query;
    query.filter.ns = ns_;
    query.limit = 5;
    return hooks.fetch(query);
  });
  if (page && *page) {
    for (const Task& task : (*page)->items) {
      if (task.key.ns != ns_) timeline_.violation("a page shows a task of another namespace");
    }
  }
  ask<rhooks::LogPage>([this](Hooks& hooks) {
    FetchLogsQuery query;
    query.ns = ns_;
    query.limit = 5;
    return hooks.fetch_logs(query);
  });
}

// Begins one, or cancels it. Another one may be under way, and it is not known what has come of one
// that a server was asked for before it crashed.
void User::redrive() {
  Dice& dice = timeline_.dice();
  checker_.will_redrive(ns_);
  Redrive redrive;
  redrive.ns = ns_;
  redrive.rate = {dice.between(1, 20), 1s};
  if (dice.chance(0.3)) redrive.max = dice.between(1, 5);
  if (dice.chance(0.5)) redrive.reason = dice.chance(0.5) ? "exhausted" : "cancelled";
  const bool cancels = dice.chance(0.2);
  const auto answer = ask<Redrive>([redrive, cancels](Hooks& hooks) {
    return cancels ? hooks.cancel_redrive(redrive.ns) : hooks.start_redrive(redrive);
  });
  if (!answer || *answer || worth_asking_again(answer->error())) return;
  const ErrorCode expected = cancels ? ErrorCode::kNotFound : ErrorCode::kConflict;
  if (answer->error().code != expected) {
    timeline_.violation("a redrive: " + answer->error().message);
  }
}

// Whoever is asked for it goes on with it, whatever became of the server that had it.
bool User::redrive_is_over() {
  const auto answer = ask<Redrive>([this](Hooks& hooks) { return hooks.redrive(ns_); });
  if (!answer) return false;
  if (!*answer) return answer->error().code == ErrorCode::kNotFound;
  const Redrive& redrive = **answer;
  if (redrive.state == RedriveState::kRunning) return false;
  // Its last step may be carried out yet.
  if (redrive.state == RedriveState::kCancelled) timeline_.sleep(kLastStepMax);
  checker_.redriven(ns_, redrive.redriven);
  return true;
}

void User::resume_all() {
  for (const std::string& id : ids_) {
    for (int i = 0; i < kTriesMax; ++i) {
      const auto answer = ask<Task>([key = key(id)](Hooks& hooks) { return hooks.unsuspend(key); });
      if (answer && (*answer || !worth_asking_again(answer->error()))) break;
    }
  }
  // And what follows from them, whose ids nobody here remembers.
  for (const char* const prefix : {"cb_", "ev_"}) {
    for (int i = 0; i < kTriesMax; ++i) {
      const auto answer = ask<ManyResult>([this, prefix](Hooks& hooks) {
        ManyQuery query;
        query.filter.ns = ns_;
        query.filter.id = prefix;
        return hooks.unsuspend_many(query);
      });
      if (answer && *answer && !(*answer)->more) break;
    }
  }
  // Some are paused for a while in which nothing else happens to their tasks.
  if (!endpoints_.empty() && (may_be_paused_yet_ || timeline_.dice().chance(0.3))) {
    timeline_.sleep(kUnderWayMax);
  }
  for (const std::string& endpoint : endpoints_) {
    while (!resume(endpoint)) timeline_.sleep(1s);
  }
  while (!redrive_is_over()) timeline_.sleep(500ms);
}

void User::unsuspend_paused() {
  for (const TaskKey& paused : checker_.paused(ns_)) unsuspend(paused.id);
}

}  // namespace rhooks::simulator
