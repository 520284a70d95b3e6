#include "tests/crash_checker.h"

#include <algorithm>
#include <deque>
#include <map>
#include <sstream>
#include <tuple>

#include "base/iso8601.h"

namespace rhooks::testing {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

// Of late bytes few come in the moment in which the next request is written, unless the machine
// lets the server wait between its look and its write. One that does not look sends more such
// requests than there were late bytes.
constexpr std::size_t kCrossedFew = 5;
constexpr std::size_t kCrossedShare = 2;

std::string text_of(const json::object& object, const char* name) {
  return json::value_to<std::string>(object.at(name));
}
TimePoint time_of(const json::object& object, const char* name) {
  return parse_time(text_of(object, name)).value();
}
std::int64_t number_of(const json::value& object, const char* name) {
  return object.at(name).to_number<std::int64_t>();
}

// Which of the task's occurrences is at that time, counted from 0; none: there is none.
std::optional<std::int64_t> occurrence_at(const LoadTask& task, TimePoint time) {
  if (!task.scheduled || time == *task.scheduled) return 0;
  const auto since = time - *task.scheduled;
  const bool one = task.interval.count() == 0;
  if (one || since.count() < 0 || since % task.interval != since.zero()) return std::nullopt;
  return since / task.interval;
}

struct LoggedAttempt {
  std::int64_t attempt = 0;
  bool success = false;
  TimePoint started{}, ended{};
  bool retry_after = false;
};

// What is known of one occurrence of a task.
struct Occurrence {
  std::vector<Delivery> arrived;
  std::vector<LoggedAttempt> logs;
  std::optional<TimePoint> scheduled;

  std::size_t attempts() const {
    std::int64_t most = 0;
    for (const LoggedAttempt& log : logs) most = std::max(most, log.attempt);
    return static_cast<std::size_t>(most);
  }
  std::size_t may_be_sent_again() const {
    return static_cast<std::size_t>(std::count_if(
        arrived.begin(), arrived.end(), [](const Delivery& d) { return d.may_be_sent_again; }));
  }
  std::size_t successes() const {
    return static_cast<std::size_t>(std::count_if(
        logs.begin(), logs.end(), [](const LoggedAttempt& log) { return log.success; }));
  }
  bool ended(const LoadTask& task) const {
    return std::any_of(logs.begin(), logs.end(), [&](const LoggedAttempt& log) {
      return log.success || log.attempt == task.retry_limit + 1;
    });
  }
};
using Occurrences = std::map<std::string, Occurrence>;  // by webhook-id

class CrashChecker {
 public:
  CrashChecker(const CrashHistory& history, const CheckOptions& options)
      : options_(options), tasks_(history.tasks) {
    occurrences_.resize(tasks_.size());
    for (const std::string& complaint : history.complaints) wrong() << "answer to " << complaint;
    verdict_.deliveries = history.deliveries.size();
    verdict_.late = history.late;
    for (const Delivery& delivery : history.deliveries) {
      if (delivery.crossed) ++verdict_.crossed;
      if (delivery.late_waited > options.crossing_max) {
        wrong() << name(tasks_[delivery.number])
                << ": sent on a connection with late bytes that had "
                << "waited for " << delivery.late_waited->count() << " ms";
      }
      occurrences_.at(delivery.number)[delivery.webhook_id].arrived.push_back(delivery);
    }
    for (const json::object& log : history.stored_logs) take_log(log);
    for (const json::object& task : history.stored_tasks) {
      const auto number = task.at("request").at("body").at("n").to_number<std::size_t>();
      const LoadTask& known = tasks_.at(number);
      if (!stored_.emplace(number, &task).second) wrong() << name(known) << ": twice in the store";
    }
  }

  Verdict check_history() {
    for (const LoadTask& task : tasks_) {
      if (task.acknowledged) ++verdict_.acknowledged;
      const auto stored = stored_.find(task.number);
      if (task.delete_sent) {
        check_deleted(task, stored != stored_.end());
      } else if (stored != stored_.end()) {
        check_final(task, *stored->second);
      } else if (task.acknowledged) {
        ++verdict_.lost;
        wrong() << name(task) << ": acknowledged, and not in the store";
      }
      check_requests(task);
    }
    const auto bounded = [&](const char* what, std::size_t count) {
      if (count > options_.cut_off_max) {
        wrong() << count << ' ' << what << ", and crashes cut off " << options_.cut_off_max
                << " attempts at most";
      }
    };
    if (verdict_.crossed > kCrossedFew + verdict_.late / kCrossedShare) {
      wrong() << verdict_.crossed << " requests on connections with late bytes, which were written "
              << verdict_.late << " times";
    }
    bounded("repeats", verdict_.repeats);
    bounded("requests without a log", verdict_.unlogged);
    bounded("occurrences that the logs tell more of than the tasks", logged_beyond_tasks_);
    for (std::ostringstream& line : wrong_) verdict_.wrong.push_back(line.str());
    return std::move(verdict_);
  }

 private:
  std::ostringstream& wrong() { return wrong_.emplace_back(); }

  static std::string name(const LoadTask& task) {
    std::ostringstream text;
    text << "task " << task.number << " (" << (task.id.empty() ? "no id" : task.id) << ", behavior "
         << static_cast<int>(task.behavior) << ", executions " << task.executions << ")";
    return text.str();
  }

  void take_log(const json::object& log) {
    const auto number = log.at("request").at("body").at("n").to_number<std::size_t>();
    const std::string id =
        json::value_to<std::string>(log.at("request").at("headers").at("webhook-id"));
    LoggedAttempt attempt{number_of(log, "attempt"),
                          text_of(log, "status") == "SUCCESS",
                          time_of(log, "startedAt"),
                          {},
                          false};
    const double duration_ms = log.at("durationMs").to_number<double>();
    attempt.ended = attempt.started + milliseconds{static_cast<std::int64_t>(duration_ms)};
    if (const json::value* const response = log.if_contains("response")) {
      attempt.retry_after = number_of(*response, "status") == 503;
    }
    Occurrence& occurrence = occurrences_.at(number)[id];
    occurrence.logs.push_back(attempt);
    occurrence.scheduled = time_of(log, "scheduledDate");
    if (!occurrence_at(tasks_[number], *occurrence.scheduled)) {
      wrong() << name(tasks_[number]) << ": a log of an occurrence that it does not have";
    }
    if (attempt.started < *occurrence.scheduled && options_.clock_was_steady) {
      wrong() << name(tasks_[number]) << ": the log says that it was attempted before its time";
    }
  }

  void check_deleted(const LoadTask& task, bool there) {
    if (!task.deleted) return void(wrong() << name(task) << ": its delete was never answered");
    ++verdict_.deleted;
    if (there) wrong() << name(task) << ": deleted, and in the store";
    std::size_t later = 0, again = 0;
    for (const auto& [id, occurrence] : occurrences_[task.number]) {
      for (const Delivery& delivery : occurrence.arrived) {
        if (delivery.at <= *task.deleted) continue;
        ++later;
        if (delivery.may_be_sent_again) ++again;
      }
    }
    // The attempt that was under way, which may have sent its request again.
    if (later > (task.attempt_at_delete ? 1 + again : 0)) {
      wrong() << name(task) << ": " << later << " requests after its delete was acknowledged"
              << (task.attempt_at_delete ? " during an attempt" : "");
    }
  }

  // Whether late bytes may have been taken for an answer to it.
  bool crossed(const LoadTask& task) const {
    for (const auto& [id, occurrence] : occurrences_[task.number]) {
      for (const Delivery& delivery : occurrence.arrived) {
        if (delivery.crossed) return true;
      }
    }
    return false;
  }

  // Once nothing is left to do.
  void check_final(const LoadTask& task, const json::object& stored) {
    const std::string status = text_of(stored, "status");
    const bool ended_as_answered =
        status == (task.behavior == ReceiverBehavior::kBad ? "FAILED" : "DONE");
    if (!ended_as_answered && !crossed(task)) {
      return void(wrong() << name(task) << " is " << status);
    }
    const json::value& execution = stored.at("execution");
    const std::int64_t count = number_of(execution, "count");
    const std::int64_t skipped = number_of(execution, "skipped");
    if (count != task.executions ||
        count != number_of(execution, "successful") + number_of(execution, "failed")) {
      wrong() << name(task) << ": " << json::serialize(execution);
    }
    const auto last = occurrence_at(task, time_of(stored, "scheduledDate"));
    if (!last) {
      wrong() << name(task) << ": its scheduledDate is not that of an occurrence";
    } else if (*last + 1 != task.executions + skipped) {
      wrong() << name(task) << ": " << *last + 1 << " occurrences, and " << skipped << " skipped";
    }

    std::int64_t delivered = 0, ended = 0, succeeded = 0;
    for (const auto& [id, occurrence] : occurrences_[task.number]) {
      if (!occurrence.arrived.empty()) ++delivered;
      if (occurrence.ended(task)) ++ended;
      if (occurrence.successes() > 0) ++succeeded;
    }
    if (delivered < count) {
      ++verdict_.lost;
      wrong() << name(task) << ": " << count << " executions, and requests of " << delivered;
    }
    // One that a crash cut off after its log was written can be skipped by the one after it.
    if (ended < count || (options_.log_with_outcome && ended > count)) {
      wrong() << name(task) << ": " << count << " executions, and logs of " << ended;
    } else if (options_.log_with_outcome && succeeded != number_of(execution, "successful")) {
      wrong() << name(task) << ": " << json::serialize(execution) << ", and logs of successes of "
              << succeeded;
    }
    logged_beyond_tasks_ += static_cast<std::size_t>(std::max<std::int64_t>(ended - count, 0));
  }

  void check_requests(const LoadTask& task) {
    for (auto& [id, occurrence] : occurrences_[task.number]) {
      const std::size_t requests = occurrence.arrived.size();
      const std::size_t needed = std::max<std::size_t>(occurrence.attempts(), 1);
      const std::size_t again = occurrence.may_be_sent_again();
      if (requests > needed + again) {
        verdict_.repeats += requests - needed - again;
        if (options_.cut_off_max == 0) {
          wrong() << name(task) << ": repeated, " << told(occurrence);
        }
        if (requested_after_success(occurrence)) {
          wrong() << name(task) << ": repeated after its success was stored, " << told(occurrence);
        }
      }
      if (requests > occurrence.logs.size() + again) {
        verdict_.unlogged += requests - occurrence.logs.size() - again;
      }
      if (occurrence.successes() > requests) {
        wrong() << name(task) << ": logs of more successes than there were requests";
      }
      if (options_.log_with_outcome && occurrence.logs.size() != occurrence.attempts()) {
        wrong() << name(task) << ": " << occurrence.logs.size() << " logs of "
                << occurrence.attempts() << " attempts";
      }
      if (occurrence.attempts() > static_cast<std::size_t>(task.retry_limit) + 1) {
        wrong() << name(task) << ": " << occurrence.attempts() << " attempts, retryLimit "
                << task.retry_limit;
      }
      check_success(task, occurrence);
      check_times(task, occurrence);
      check_retry_after(task, occurrence);
    }
  }

  static const LoggedAttempt* success_of(const Occurrence& occurrence) {
    for (const LoggedAttempt& log : occurrence.logs) {
      if (log.success) return &log;
    }
    return nullptr;
  }

  // A success whose outcome is stored with it is the end of its occurrence.
  void check_success(const LoadTask& task, const Occurrence& occurrence) {
    const LoggedAttempt* const success = success_of(occurrence);
    if (!options_.log_with_outcome || !success) return;
    if (occurrence.attempts() > static_cast<std::size_t>(success->attempt)) {
      wrong() << name(task) << ": attempted again after a success";
    }
  }
  // Of an occurrence with a repeat: of itself the time of the end can be a bit too early.
  bool requested_after_success(const Occurrence& occurrence) const {
    const LoggedAttempt* const success = success_of(occurrence);
    if (!options_.log_with_outcome || !options_.clock_was_steady || !success) return false;
    constexpr milliseconds kRounded{10};
    return std::any_of(
        occurrence.arrived.begin(), occurrence.arrived.end(),
        [&](const Delivery& delivery) { return delivery.at > success->ended + kRounded; });
  }

  static std::string told(const Occurrence& occurrence) {
    std::ostringstream text;
    text << "requests";
    for (const Delivery& delivery : occurrence.arrived) {
      text << ' ' << format_time(std::chrono::floor<milliseconds>(delivery.at));
    }
    text << ", logs";
    for (const LoggedAttempt& log : occurrence.logs) {
      text << ' ' << log.attempt << (log.success ? " ok " : " failed ") << format_time(log.started)
           << " to " << format_time(log.ended) << ';';
    }
    return text.str();
  }

  void check_times(const LoadTask& task, const Occurrence& occurrence) {
    const auto scheduled = occurrence.scheduled ? occurrence.scheduled : task.scheduled;
    for (const Delivery& delivery : occurrence.arrived) {
      const auto latest = options_.servers_time(delivery.at);
      if (scheduled && latest < *scheduled) {
        wrong() << name(task) << ": a request "
                << std::chrono::duration_cast<milliseconds>(*scheduled - latest).count()
                << " ms before its time";
      }
      const auto within = [&](const LoadTask::Window& window) {
        return window.from < delivery.at && delivery.at < window.to;
      };
      if (std::any_of(task.suspended.begin(), task.suspended.end(), within) ||
          (task.suspended_since && delivery.at > *task.suspended_since)) {
        wrong() << name(task) << ": while it was suspended";
      }
    }
  }

  void check_retry_after(const LoadTask& task, const Occurrence& occurrence) {
    if (!options_.clock_was_steady) return;
    auto logs = occurrence.logs;
    std::sort(logs.begin(), logs.end(), [](const LoggedAttempt& a, const LoggedAttempt& b) {
      return std::tie(a.attempt, a.started) < std::tie(b.attempt, b.started);
    });
    for (std::size_t i = 1; i < logs.size(); ++i) {
      if (logs[i - 1].attempt < logs[i].attempt && logs[i - 1].retry_after &&
          logs[i].started < logs[i - 1].ended + kRetryAfter) {
        wrong() << name(task) << ": attempted again before Retry-After";
      }
    }
  }

  const CheckOptions& options_;
  const std::vector<LoadTask>& tasks_;
  std::vector<Occurrences> occurrences_;  // by the task's number
  std::map<std::size_t, const json::object*> stored_;
  std::size_t logged_beyond_tasks_ = 0;
  std::deque<std::ostringstream> wrong_;
  Verdict verdict_;
};

}  // namespace

Verdict check_history(const CrashHistory& history, const CheckOptions& options) {
  return CrashChecker(history, options).check_history();
}

std::string Verdict::summary() const {
  std::ostringstream text;
  text << acknowledged << " tasks acknowledged, " << deleted << " deleted, " << deliveries
       << " requests, " << late << " times late bytes, crossed " << crossed << ", " << repeats
       << " repeats, " << unlogged << " without a log, lost " << lost;
  return text.str();
}

std::string Verdict::first_wrong() const {
  constexpr std::size_t kShown = 8;
  std::string text = std::to_string(wrong.size()) + " things are wrong:\n";
  for (std::size_t i = 0; i < std::min(kShown, wrong.size()); ++i) text += "  " + wrong[i] + "\n";
  return text;
}

}  // namespace rhooks::testing
