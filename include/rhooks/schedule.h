#pragma once

#include <rhooks/time.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rhooks {

// What becomes of occurrences whose time has passed while nothing could run them, or while an
// earlier one was under way.
enum class Missed {
  kLatest,  // the latest of them runs, late; those before it are skipped
  kSkip,    // the same, but with a `grace` of a minute where none is given
  kAll,     // each runs, one after the other, from the hundredth latest on
};

// What becomes of an occurrence whose time comes while an earlier one is not over: its attempt is
// under way, or it waits for a retry.
enum class Overlap {
  kWait,        // it runs, or counts as missed, when that one is over
  kSkip,        // it is skipped; not with Missed::kAll
  kCutRetries,  // that one has failed rather than be retried then or later; an attempt goes on
};

// "latest", "wait": the names of the public JSON.
const char* to_string(Missed missed);
const char* to_string(Overlap overlap);

// When something happens again and again. Exactly one of `cron`, `every` and `at` is given.
//
// A schedule is read on the clock of its time zone. Where that clock is changed, a local time that
// the schedule names happens at the first instant at which the clock has reached it: one that is
// left out when clocks are set forward as soon as they are, one that comes twice when it comes
// first. An expression of cron whose hours are all 24 names none, and happens whenever the clock
// reads so.
//
// Nothing happens after the year 2199. docs/schedules.md has all of it with examples.
struct Schedule {
  // Expressions of five fields (minute, hour, day, month, weekday), six (seconds before them) or
  // seven (the year behind them): 1 to 8, each of at most 256 bytes. What any of them matches
  // happens, once.
  std::vector<std::string> cron;
  // A length of 1 s to 100 years from one occurrence to the next, the first of which is at `start`,
  // or at `since` where there is none. 30s, 10m, 6h and 1h30m are elapsed time; 3d, 2w, 1mo and 1y
  // are on the clock of the zone, a day that a month lacks being its last one. ISO 8601 as well:
  // PT10M, P2W.
  std::string every;
  // 1 to 100 times, each of which happens once.
  std::vector<std::string> at;
  // A name of the time zone database (Europe/Berlin), UTC, or an offset such as +02:00.
  std::string timezone = "UTC";
  // The first and the last moment at which something may happen; empty: none. These and `at` are
  // ISO 8601: with an offset or Z that instant, without a local time.
  std::string start;
  std::string end;
  std::int64_t max = 0;  // executions in all; 0: no limit
  // What does not happen, by the local date or time at which it would: a date (2027-12-24), two
  // dates (2027-12-24/2028-01-02, both included), a day of each year (--12-25), or "cron:" and an
  // expression of five fields, which leaves out the minutes that it matches, each as a whole. At
  // most 64, and 4 KiB.
  std::vector<std::string> exclude;
  // Each occurrence is due up to this much later, at most 24 h and never after the next one: how
  // much is the same whenever it is asked for, and differs from task to task.
  std::chrono::milliseconds jitter{0};
  Missed missed = Missed::kLatest;
  // How late an occurrence may begin, 1 s to 365 days, counted from when it is due with its jitter;
  // later than that it is skipped. One with attempts behind it is not: its retries may be later.
  // None: however late, or 1 min with kSkip.
  std::optional<std::chrono::milliseconds> grace;
  Overlap overlap = Overlap::kWait;
  // When it was registered, or its times were changed: it has no occurrence before. An expression
  // of cron without `start` has none at that very moment either. Set by the scheduler.
  TimePoint since{};

  friend bool operator==(const Schedule&, const Schedule&) = default;
};

// One time at which a schedule happens.
struct Occurrence {
  // kGap   the clocks are set forward over the local time that is meant: it happens right then.
  // kFold  the clock reads so twice.
  enum class Kind { kPlain, kGap, kFold };

  TimePoint at{};                // nominal
  std::optional<TimePoint> due;  // with its jitter; none where that depends on a task not given
  std::string local;             // as the clock reads it: "2027-03-29T09:00:00+02:00"
  Kind kind = Kind::kPlain;

  friend bool operator==(const Occurrence&, const Occurrence&) = default;
};

// "plain", "gap", "fold": the names of the public JSON.
const char* to_string(Occurrence::Kind kind);

// What a schedule comes to, for people to check.
struct Preview {
  std::string description;  // in words: "at 09:00, Monday to Friday (Europe/Berlin)"
  std::string timezone;
  std::string tzdata;  // the version of the time zone database it goes by; empty: that is not known
  std::vector<Occurrence> occurrences;
  // How many times its `max` lets it happen yet, those above included; none: there is no limit.
  std::optional<std::int64_t> remaining;
  std::vector<std::string> warnings;  // what may surprise, a sentence each
  bool more = false;                  // there are occurrences behind the last one

  friend bool operator==(const Preview&, const Preview&) = default;
};

}  // namespace rhooks
