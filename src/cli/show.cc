#include "cli/show.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ostream>
#include <vector>

#include "base/duration.h"
#include "base/iso8601.h"
#include "base/utf8.h"
#include "cli/times.h"
#include "codec/public_json.h"
#include "json/pretty.h"
#include "json/space.h"
#include "model/fields.h"
#include "model/outcome.h"
#include "model/status_set.h"
#include "model/transitions.h"
#include "schedule/preview.h"
#include "schedule/zones.h"

namespace rhooks::cli {
namespace {

Colour colour_of(Status status) {
  switch (status) {
    case Status::kActive:
      return Colour::kBlue;
    case Status::kProcessing:
      return Colour::kYellow;
    case Status::kDone:
      return Colour::kGreen;
    case Status::kFailed:
      return Colour::kRed;
    case Status::kSuspended:
      return Colour::kDim;
  }
  return Colour::kNone;
}

std::string indented(std::string_view text, std::string_view by) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    out += by;
    out += text.substr(0, end);
    out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// Lines of "name  value", the values below each other.
class Card {
 public:
  explicit Card(bool colours) : colours_(colours) {}

  void line(const char* name, const std::string& value, Colour colour = Colour::kNone) {
    if (value.empty()) return;
    std::string title = name;
    title.resize(std::max<std::size_t>(title.size() + 2, 16), ' ');
    text_ += colours_ ? coloured(title, Colour::kDim) : title;
    const std::string shown = printable(value);
    text_ += (colours_ ? coloured(shown, colour) : shown) + "\n";
  }
  void block(const char* name, const std::string& value) {
    if (value.empty()) return;
    text_ += colours_ ? coloured(name, Colour::kDim) : name;
    text_ += "\n" + indented(value, "  ");
  }
  const std::string& text() const { return text_; }

 private:
  const bool colours_;
  std::string text_;
};

std::string show_length(std::chrono::microseconds length) {
  const auto whole = std::chrono::floor<std::chrono::milliseconds>(length);
  return whole.count() == 0 ? std::to_string(length.count()) + "µs" : format_duration(whole);
}

std::string with_distance(TimePoint t, const Io& io) {
  return show_time(t) + (io.out_is_terminal ? "  (" + show_distance(t, io.now()) + ")" : "");
}

}  // namespace

std::string show_status(const Task& task) {
  std::string text = to_string(task.status);
  if (!task.failure_reason.empty()) text += ", " + task.failure_reason;
  if (!task.held) return text;
  text += ", held by " + task.held->by;
  if (task.held->status) text += " (HTTP " + std::to_string(*task.held->status) + ")";
  return task.held->until ? text + " until " + show_time(*task.held->until) : text;
}

TableStyle table_style(const Io& io) {
  return {io.width, io.colours()};
}

Table task_table(const Io& io) {
  return Table({{"ID", false, true, 16},
                {"STATUS"},
                {"SCHEDULED"},
                {"METHOD"},
                {"URL", false, true, 16},
                {"REPEAT", false, true, 6},
                {"OK", true},
                {"FAILED", true},
                {"LAST", true}},
               table_style(io));
}

// With when it is retried: what was scheduled is over then.
std::string status_in_table(const Task& task) {
  const bool retried = task.status == Status::kActive && task.attempt > 0 && task.next_attempt_date;
  if (!retried || task.held) return show_status(task);
  return show_status(task) + ", retry at " + show_time(*task.next_attempt_date);
}

void add_task(Table& table, const Task& task) {
  const auto& last = task.execution.last_response_status;
  const bool last_ok = last && *last >= 200 && *last < 300;
  table.add({{task.key.id},
             {status_in_table(task), colour_of(task.status)},
             {show_time(task.scheduled_date)},
             {to_string(task.request.method)},
             {task.request.url},
             {task.schedule ? show_schedule(*task.schedule)
              : task.repeat ? show_repeat(*task.repeat)
                            : "once"},
             {std::to_string(task.execution.successful)},
             {std::to_string(task.execution.failed)},
             {last ? std::to_string(*last) : "-", last_ok ? Colour::kGreen : Colour::kRed}});
}

Table log_table(const Io& io) {
  return Table({{"STARTED"},
                {"TASK", false, true, 12},
                {"ATTEMPT", true},
                {"STATUS"},
                {"RESPONSE", true},
                {"TOOK", true},
                {"LATE", true},
                {"ERROR", false, true, 16}},
               table_style(io));
}

void add_log(Table& table, const Log& log) {
  const bool ok = log.status == LogStatus::kSuccess;
  const auto late = log.started_at - log.due_date;
  table.add({{show_time(log.started_at)},
             {log.task.id},
             {log.probe ? "probe"
                        : std::to_string(log.attempt) + "/" + std::to_string(log.retry_limit + 1)},
             {to_string(log.status), ok ? Colour::kGreen : Colour::kRed},
             {log.response ? std::to_string(log.response->status) : "-"},
             {show_length(log.duration)},
             {late.count() > 0    ? format_duration(late)
              : late.count() == 0 ? "0ms"
                                  : "-"},  // the clock was set back
             {log.error}});
}

std::string show_repeat(const Repeat& repeat) {
  std::string unit = to_string(repeat.unit);
  std::string text = repeat.max == 0 ? "" : std::to_string(repeat.max) + " × ";
  text += "every ";
  if (repeat.interval == 1) {
    unit.pop_back();
  } else {
    text += std::to_string(repeat.interval) + " ";
  }
  return text + unit;
}

std::string show_schedule(const Schedule& schedule) {
  std::string text = "every " + schedule.every;
  if (!schedule.cron.empty()) {
    text = "cron";
    for (const std::string& one : schedule.cron) text += (text.size() > 4 ? " | " : " ") + one;
  } else if (!schedule.at.empty()) {
    text = "at " + schedule.at.front();
    const std::size_t others = schedule.at.size() - 1;
    if (others > 0) text += " and " + std::to_string(others) + (others == 1 ? " other" : " others");
  }
  return text + " " + schedule.timezone;
}

std::string schedule_in_words(const Schedule& schedule, const schedule::Zones& zones) {
  const auto table = schedule::Timetable::compile(schedule, zones);
  return table ? schedule::in_words(schedule, *table) : std::string();
}

// What was skipped right before the current occurrence.
std::string show_skipped(const Skipped& skipped) {
  std::string text;
  if (skipped.late > 0) text += std::to_string(skipped.late) + " late, ";
  if (skipped.overlap > 0) text += std::to_string(skipped.overlap) + " overlapping, ";
  return text + "the first of " + show_time(skipped.first);
}

// How many attempts an occurrence may have.
std::string attempts_of(const Task& task) {
  if (!task.retry_limit && !task.endpoint.empty()) return "what its endpoint allows";
  return std::to_string(model::rules_for(task, nullptr).retry_limit + 1);
}

std::string listed(const std::vector<std::string>& texts) {
  std::string text;
  for (const std::string& one : texts) text += (text.empty() ? "" : ", ") + one;
  return text;
}

void add_schedule(Card& card, const Task& task, const schedule::Zones& zones) {
  const Schedule& schedule = *task.schedule;
  card.line("schedule", show_schedule(schedule));
  card.line("in words", schedule_in_words(schedule, zones));
  card.line("starts", schedule.start);
  card.line("ends", schedule.end);
  card.line("excluded", listed(schedule.exclude));
  if (schedule.jitter.count() > 0) card.line("jitter", "up to " + format_duration(schedule.jitter));
  if (schedule.missed != Missed::kLatest) card.line("missed", to_string(schedule.missed));
  if (schedule.grace) card.line("grace", format_duration(*schedule.grace));
  if (schedule.overlap != Overlap::kWait) card.line("overlap", to_string(schedule.overlap));
  if (schedule.max == 0) return;
  const std::int64_t made = task.execution.count - task.execution.extra;
  card.line("left", std::to_string(std::max<std::int64_t>(schedule.max - made, 0)) + " of " +
                        std::to_string(schedule.max) + " executions");
}

// What has come of it so far.
void add_outcome(Card& card, const Task& task, const Io& io) {
  const Execution& execution = task.execution;
  if (execution.count > 0 || execution.skipped > 0) {
    card.line(
        "executions",
        std::to_string(execution.successful) + " successful, " + std::to_string(execution.failed) +
            " failed" +
            (execution.extra > 0 ? ", " + std::to_string(execution.extra) + " extra" : "") +
            (execution.skipped > 0 ? ", " + std::to_string(execution.skipped) + " skipped" : ""));
  }
  if (task.skipped_before) card.line("skipped", show_skipped(*task.skipped_before));
  if (execution.last_execution_date) {
    card.line("last attempt", with_distance(*execution.last_execution_date, io));
  }
  if (execution.last_response_status) {
    const int status = *execution.last_response_status;
    card.line("last response", std::to_string(status),
              status >= 200 && status < 300 ? Colour::kGreen : Colour::kRed);
  }
  if (task.errors.count > 0 || task.errors.last_error_date) {
    card.line("errors",
              std::to_string(task.errors.count) +
                  (task.errors.count == 1 ? " failed execution, " : " failed executions, ") +
                  std::to_string(task.errors.consecutive) + " in a row");
    card.line("last error",
              task.errors.last_error + (task.errors.last_error_date
                                            ? "  (" + show_time(*task.errors.last_error_date) + ")"
                                            : ""),
              Colour::kRed);
  }
}

std::string task_card(const Task& task, const schedule::Zones& zones, const Io& io) {
  Card card(io.colours());
  card.line("namespace", task.key.ns);
  card.line("id", task.key.id, Colour::kBold);
  model::for_each_field<Task>([&]<typename F>(const F& field) {
    if (field.card == nullptr) return;
    if constexpr (std::is_same_v<typename F::Value, std::string>) {
      card.line(field.card, task.*F::kMember);
    } else if constexpr (std::is_same_v<typename F::Value, std::vector<std::string>>) {
      card.line(field.card, listed(task.*F::kMember));
    }
  });
  card.line("status", show_status(task), colour_of(task.status));
  card.line("scheduled", with_distance(task.scheduled_date, io));
  if (task.extra_date) card.line("extra", with_distance(*task.extra_date, io));
  if (task.repeat) card.line("repeat", show_repeat(*task.repeat));
  if (task.schedule) add_schedule(card, task, zones);
  const std::string attempts = attempts_of(task);
  if (task.next_attempt_date) {
    card.line("next attempt", with_distance(*task.next_attempt_date, io) +
                                  (task.attempt > 0 ? ", after " + std::to_string(task.attempt) +
                                                          " failed of " + attempts
                                                    : ""));
  } else {
    card.line("attempts", "up to " + attempts);
  }
  if (task.max_errors) {
    card.line("max errors", *task.max_errors > 0 ? std::to_string(*task.max_errors) : "no limit");
  }
  if (task.pause_on_failure) card.line("on failure", "suspended");
  if (task.deliver_before) card.line("deliver before", with_distance(*task.deliver_before, io));
  if (task.timeout) card.line("timeout", format_duration(*task.timeout));
  if (task.expires_at) card.line("expires", with_distance(*task.expires_at, io));
  const std::string& url = task.request.url;
  card.line("request", to_string(task.request.method) + (url.empty() ? "" : " " + url));
  for (const Header& header : task.request.headers) {
    card.line("header", header.name + ": " + header.value);
  }
  add_outcome(card, task, io);
  card.line("created", with_distance(task.created_at, io));
  card.line("updated", with_distance(task.updated_at, io));
  card.block("body", pretty_body(task.request.body.data()));
  card.block("last response body", pretty_body(task.execution.last_response_body));
  return card.text();
}

// What the endpoint says of how often it is retried.
std::string retries_of(const Endpoint& endpoint) {
  if (!endpoint.retry_schedule.empty()) return std::to_string(endpoint.retry_schedule.size());
  return endpoint.retry_limit ? std::to_string(*endpoint.retry_limit) : "-";
}

std::string schedule_of(const Endpoint& endpoint) {
  std::string text;
  for (const std::chrono::milliseconds wait : endpoint.retry_schedule) {
    text += (text.empty() ? "" : ", ") + format_duration(wait);
  }
  return text;
}

std::string callback_of(const Endpoint& endpoint) {
  const auto& on = endpoint.callback_on;
  return endpoint.callback + (on.empty() ? "" : ", " + listed(on));
}

// "Mon 2027-03-29 09:00:00 +02:00" of "2027-03-29T09:00:00+02:00".
std::string show_local(const std::string& local) {
  static constexpr const char* kDays[] = {"Sun ", "Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat "};
  const auto date = parse_time(local.substr(0, 10) + "T00:00Z");
  const auto offset = local.find_last_of("+-");
  if (!date || offset <= 11) return local;
  const std::chrono::weekday day(std::chrono::floor<std::chrono::days>(*date));
  return kDays[day.c_encoding()] + local.substr(0, 10) + " " + local.substr(11, offset - 11) + " " +
         local.substr(offset);
}

std::string show_kind(Occurrence::Kind kind) {
  switch (kind) {
    case Occurrence::Kind::kGap:
      return "the clocks leave out the time that is meant";
    case Occurrence::Kind::kFold:
      return "the clocks show it twice";
    case Occurrence::Kind::kPlain:
      break;
  }
  return "";
}

Table occurrence_table(const Preview& preview, const Io& io) {
  const auto& occurrences = preview.occurrences;
  const bool jittered =
      std::any_of(occurrences.begin(), occurrences.end(),
                  [](const Occurrence& one) { return one.due && *one.due != one.at; });
  std::vector<Column> columns{{"LOCAL TIME"}, {"UTC"}};
  if (jittered) columns.push_back({"DUE"});
  if (io.out_is_terminal) columns.push_back({"WHEN"});
  columns.push_back({"NOTE", false, true});
  Table table(std::move(columns), table_style(io));
  for (const Occurrence& one : occurrences) {
    std::vector<Cell> row{{show_local(one.local)}, {show_time(one.at)}};
    if (jittered) row.push_back({one.due ? show_time(*one.due) : "-"});
    if (io.out_is_terminal) row.push_back({show_distance(one.at, io.now()), Colour::kDim});
    row.push_back({show_kind(one.kind), Colour::kYellow});
    table.add(std::move(row));
  }
  return table;
}

Table endpoint_table(const Io& io) {
  return Table({{"NAME", false, true, 12},
                {"URL", false, true, 16},
                {"TIMEOUT", true},
                {"RETRIES", true},
                {"LIMITS", false, true, 8},
                {"STATE"},
                {"UPDATED"}},
               table_style(io));
}

// The only ones that are told of a whole endpoint.
Cell held_cell(const Held& held) {
  if (held.by == "secret") return {"no secret", Colour::kRed};
  if (held.by == "retry-after") return {"asks to wait", Colour::kYellow};
  if (!held.status) return {"no answer", Colour::kRed};
  const std::string phrase = model::reason_phrase(*held.status);
  return {"answers " + std::to_string(*held.status) + (phrase.empty() ? "" : " " + phrase),
          Colour::kRed};
}

void add_endpoint(Table& table, const Endpoint& endpoint) {
  std::vector<std::string> limits;
  if (endpoint.concurrency) limits.push_back(std::to_string(*endpoint.concurrency) + " at once");
  if (endpoint.rate) limits.push_back(format_rate(*endpoint.rate));
  if (endpoint.ordered) limits.emplace_back("ordered");
  table.add({{endpoint.name},
             {endpoint.url},
             {endpoint.timeout ? format_duration(*endpoint.timeout) : "-"},
             {retries_of(endpoint)},
             {limits.empty() ? "-" : listed(limits)},
             endpoint.paused ? Cell{"paused", Colour::kYellow}
             : endpoint.held ? held_cell(*endpoint.held)
                             : Cell{"-"},
             {show_time(endpoint.updated_at)}});
}

std::string endpoint_card(const Endpoint& endpoint, const Io& io) {
  Card card(io.colours());
  card.line("namespace", endpoint.ns);
  card.line("name", endpoint.name, Colour::kBold);
  card.line("description", endpoint.description);
  card.line("url", endpoint.url);
  if (endpoint.paused) card.line("state", "paused", Colour::kYellow);
  if (endpoint.held && endpoint.held->by == "secret") {
    card.line("state", "a secret that it names is not there, or cannot be opened", Colour::kRed);
  } else if (endpoint.held) {
    const auto& until = endpoint.held->until;
    const Cell state = held_cell(*endpoint.held);
    card.line("state", state.text + ", tried again " + (until ? with_distance(*until, io) : "now"),
              state.colour);
  }
  for (const Header& header : endpoint.headers) {
    card.line("header", header.name + ": " + header.value);
  }
  if (endpoint.timeout) card.line("timeout", format_duration(*endpoint.timeout));
  if (endpoint.retry_limit) card.line("retry limit", std::to_string(*endpoint.retry_limit));
  card.line("retry schedule", schedule_of(endpoint));
  if (endpoint.retry_max) card.line("retry max", format_duration(*endpoint.retry_max));
  card.line("stop on", model::format_status_set(endpoint.stop_on));
  if (!endpoint.breaker) card.line("breaker", "off");
  if (endpoint.concurrency) card.line("concurrency", std::to_string(*endpoint.concurrency));
  if (endpoint.rate) card.line("rate", format_rate(*endpoint.rate));
  if (endpoint.burst) card.line("burst", std::to_string(*endpoint.burst));
  if (endpoint.ordered) card.line("ordered", "yes");
  card.line("callback", callback_of(endpoint));
  card.line("signing", endpoint.signing);
  card.line("auth", endpoint.auth);
  card.line("created", with_distance(endpoint.created_at, io));
  card.line("updated", with_distance(endpoint.updated_at, io));
  card.line("revision", endpoint.revision);
  return card.text();
}

Table secret_table(const Io& io) {
  return Table({{"NAME", false, true, 12},
                {"TYPE"},
                {"DESCRIPTION", false, true, 16},
                {"ROTATED"},
                {"BEFORE UNTIL"}},
               table_style(io));
}

void add_secret(Table& table, const Secret& secret) {
  table.add({{secret.name},
             {to_string(secret.type)},
             {secret.description},
             {show_time(secret.rotated_at)},
             {secret.previous_until ? show_time(*secret.previous_until) : "-"}});
}

std::string secret_card(const Secret& secret, const Io& io) {
  Card card(io.colours());
  card.line("namespace", secret.ns);
  card.line("name", secret.name, Colour::kBold);
  card.line("type", to_string(secret.type));
  card.line("description", secret.description);
  card.line("public key", secret.public_key);
  card.line("rotated", with_distance(secret.rotated_at, io));
  if (secret.previous_until) {
    card.line("before until", with_distance(*secret.previous_until, io));
    card.line("its public key", secret.previous_public_key);
  }
  card.line("created", with_distance(secret.created_at, io));
  card.line("updated", with_distance(secret.updated_at, io));
  card.line("revision", secret.revision);
  return card.text();
}

namespace {

std::string show_namespaces(const ApiKey& key) {
  std::string text;
  for (const std::string& ns : key.namespaces) text += (text.empty() ? "" : ", ") + ns;
  return text;
}

}  // namespace

Table api_key_table(const Io& io) {
  return Table({{"ID"},
                {"ROLE"},
                {"NAMESPACES", false, true, 12},
                {"DESCRIPTION", false, true, 16},
                {"CREATED"},
                {"EXPIRES"}},
               table_style(io));
}

void add_api_key(Table& table, const ApiKey& key) {
  table.add({{key.id},
             {to_string(key.role)},
             {show_namespaces(key)},
             {key.description},
             {show_time(key.created_at)},
             {key.expires_at ? show_time(*key.expires_at) : "-"}});
}

std::string api_key_card(const ApiKey& key, const Io& io) {
  Card card(io.colours());
  card.line("id", key.id, Colour::kBold);
  card.line("role", to_string(key.role));
  card.line("namespaces", show_namespaces(key));
  card.line("description", key.description);
  if (key.expires_at) {
    const bool expired = *key.expires_at <= io.now();
    card.line(expired ? "expired" : "expires", with_distance(*key.expires_at, io),
              expired ? Colour::kRed : Colour::kNone);
  }
  if (key.rate) card.line("rate", format_rate(*key.rate));
  card.line("created", with_distance(key.created_at, io));
  card.line("updated", with_distance(key.updated_at, io));
  card.line("revision", key.revision);
  return card.text();
}

std::string redrive_card(const Redrive& redrive, const Io& io) {
  Card card(io.colours());
  card.line("namespace", redrive.ns);
  card.line("state", to_string(redrive.state), Colour::kBold);
  card.line("ids", redrive.id.empty() ? "" : redrive.id + "...");
  card.line("endpoint", redrive.endpoint);
  card.line("reason", redrive.reason);
  if (redrive.last_status) card.line("last response", std::to_string(*redrive.last_status));
  if (redrive.from) card.line("from", show_time(*redrive.from));
  if (redrive.to) card.line("to", show_time(*redrive.to));
  card.line("rate", format_rate(redrive.rate));
  if (redrive.max > 0) card.line("max", std::to_string(redrive.max));
  card.line("redriven", std::to_string(redrive.redriven));
  if (redrive.skipped > 0) card.line("skipped", std::to_string(redrive.skipped));
  card.line("started", with_distance(redrive.started_at, io));
  if (redrive.ended_at) card.line("ended", with_distance(*redrive.ended_at, io));
  return card.text();
}

std::string store_card(const StoreDescription& description, const Io& io) {
  Card card(io.colours());
  card.line("store", description.kind, Colour::kBold);
  for (const auto& [name, value] : description.facts) card.line(name.c_str(), value);
  return card.text();
}

void print_json(Io& io, std::string_view json) {
  if (!io.out_is_terminal) {
    io.out << json << '\n';
    return;
  }
  std::string line;
  while (!json.empty()) {
    const std::size_t length = std::max<std::size_t>(1, utf8_length(json));  // JSON is UTF-8
    const char32_t code = utf8_code_point(json, length);
    // Those below are escaped in strings, and white space outside of them.
    if (code >= 0x7f && steers_display(code)) {
      std::array<char, 12> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(code));
      line += escape.data();
    } else {
      line += json.substr(0, length);
    }
    json.remove_prefix(length);
  }
  io.out << line << '\n';
}

std::string json_line(std::string_view json) {
  return without_json_space(json);
}

std::string pretty_body(std::string_view body) {
  return printable(pretty_json(body), true);
}

}  // namespace rhooks::cli
