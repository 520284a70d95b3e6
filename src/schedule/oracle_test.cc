// Random schedules around changes of clocks, against a slow walk that goes by the definition
// (testing/slow_schedule.h).

#include "schedule/test_draw.h"
#include "schedule/test_schedules.h"
#include "testing/slow_schedule.h"
#include "testing/test_seed.h"

namespace rhooks::schedule {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr const char* kZoneNames[] = {
    "Europe/Berlin",   "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham",
    "Pacific/Apia",    "America/Nuuk",     "America/Sao_Paulo",   "America/Santiago",
    "America/Caracas", "Asia/Pyongyang",   "Asia/Tehran",         "Africa/Casablanca",
    "Antarctica/Troll"};

class DrawSchedule : public Draw {
 public:
  using Draw::Draw;

  // "*", "7", "3,9", "5-20", "22-4", "*/7", "3/5".
  std::string field(int low, int high) {
    const auto value = [&] { return std::to_string(between(low, high)); };
    switch (below(6)) {
      case 0:
        return value();
      case 1:
        return value() + "," + value();
      case 2:
        return value() + "-" + value();
      case 3:
        return "*/" + std::to_string(between(2, std::min(high - low + 1, 20)));
      case 4:
        return std::to_string(between(low, (low + high) / 2)) + "/" + std::to_string(between(2, 5));
      default:
        return "*";
    }
  }

  std::string day() {
    static const std::string kDays[] = {"1-20", "L",  "L-2", "LW",   "15W",
                                        "1W,L", "31", "30W", "L-3W", "5,6-9"};
    return one_in(2) ? "*" : one_in(2) ? one_of(kDays) : std::to_string(between(1, 31));
  }

  std::string weekday() {
    static const std::string kDays[] = {"MON-FRI",  "SUN",   "SAT-SUN",     "FRI-MON", "5-7",
                                        "SUN#1",    "SUN#5", "SUNL",        "5#L",     "+SUN",
                                        "+MON-THU", "0,3",   "MON#2,FRI#L", "1-6/2"};
    return one_in(2) ? "*" : one_of(kDays);
  }

  std::string minutes_expression() {
    const std::string hour = one_in(3)   ? "*"
                             : one_in(3) ? std::to_string(between(0, 4))
                                         : field(0, 23);
    return field(0, 59) + " " + hour + " " + day() + " " + (one_in(4) ? field(1, 12) : "*") + " " +
           weekday();
  }

  std::string expression() {
    return one_in(8) ? field(0, 59) + " " + minutes_expression() : minutes_expression();
  }

  std::string date(TimePoint near) {
    return format_time(near + days{between(-4, 4)}).substr(0, 10);
  }

  std::string exclusion(TimePoint near) {
    switch (below(4)) {
      case 0:
        return date(near);
      case 1:
        return date(near) + "/" + format_time(near + days{5}).substr(0, 10);
      case 2:
        return "--" + date(near).substr(5);
      default:
        return "cron:" + minutes_expression();
    }
  }

  Schedule schedule(const std::string& zone, TimePoint near) {
    static const std::string kEvery[] = {"1d", "2d", "1w", "1mo", "1y", "90m", "7h", "24h", "20m"};
    Schedule drawn;
    drawn.timezone = zone;
    const int kind = below(6);
    if (kind == 0) {
      drawn.every = one_of(kEvery);
      const TimePoint start = near - days{between(0, 800)} + minutes{between(0, 1440)};
      drawn.start = format_time(std::chrono::floor<minutes>(start));
      const bool elapsed = drawn.every.back() == 'h' || drawn.every.back() == 'm';
      if (!elapsed) drawn.start.pop_back();
    } else if (kind == 1) {
      for (int i = between(1, 6); i > 0; --i) {
        drawn.at.push_back(format_time(near + minutes{between(-3000, 3000)}));
        if (one_in(2)) drawn.at.back().pop_back();  // a local time
      }
    } else {
      for (int i = one_in(4) ? 3 : 1; i > 0; --i) drawn.cron.push_back(expression());
    }
    for (int i = one_in(3) ? between(1, 3) : 0; i > 0; --i)
      drawn.exclude.push_back(exclusion(near));
    return drawn;
  }
};

std::string shown(const Schedule& schedule) {
  std::string text = schedule.timezone + " every " + schedule.every + " from " + schedule.start;
  for (const auto& one : schedule.cron) text += " [" + one + "]";
  for (const auto& one : schedule.at) text += " at " + one;
  for (const auto& one : schedule.exclude) text += " but " + one;
  return text;
}

std::vector<TimePoint> enumerate(const Timetable& table, TimePoint from, TimePoint to) {
  std::vector<TimePoint> found;
  for (auto at = table.next(from - kTick); at && *at <= to; at = table.next(*at)) {
    if (!found.empty() && *at <= found.back()) throw std::logic_error("it does not go forward");
    found.push_back(*at);
  }
  return found;
}

std::string texts(const std::vector<TimePoint>& times) {
  std::string text;
  for (const TimePoint at : times) text += format_time(at) + "\n";
  return text;
}

void expect_laws(const Timetable& table, const std::vector<TimePoint>& found, TimePoint from,
                 TimePoint to) {
  EXPECT_EQ(table.count(from - kTick, to), std::ssize(found));
  const auto latest = table.latest(to);
  if (!found.empty()) {
    EXPECT_EQ(latest, found.back());
    const TimePoint middle = found[found.size() / 2];
    EXPECT_TRUE(table.contains(middle));
    EXPECT_FALSE(table.contains(middle + kTick));
    EXPECT_EQ(table.count(middle, to), std::ssize(found) - std::ssize(found) / 2 - 1);
    EXPECT_EQ(table.latest(middle), middle);
    const TaskKey key{"ns", "task"};
    TimePoint due{};
    for (const TimePoint at : found) {
      EXPECT_GE(table.due(at, key), at);
      EXPECT_LT(std::exchange(due, table.due(at, key)), table.due(at, key));
      if (at - from > hours{6}) break;
    }
  }
}

TEST(ScheduleOracleTest, RandomSchedulesAgreeWithASlowWalk) {
  DrawSchedule draw(testing::test_seed());
  std::map<std::string, testing::Offsets> offsets;
  int seen = 0;
  int refused = 0;
  for (int round = 0; round < 100; ++round) {
    const std::string zone = draw.one_of(kZoneNames);
    if (!offsets.contains(zone)) offsets[zone] = test_zone_files().offsets(zone);
    // Near a change that the zone has, some of those before 2040.
    const int changes = std::min(24, static_cast<int>(offsets[zone].size()) - 1);
    const auto change = std::next(offsets[zone].begin(), draw.between(1, changes));
    const TimePoint near = std::chrono::floor<minutes>(change->first);
    Schedule schedule = draw.schedule(zone, near);
    schedule.jitter = minutes{draw.below(100)};
    SCOPED_TRACE(shown(schedule));
    const auto table = Timetable::compile(schedule, test_zones());
    if (!table) {
      ++refused;
      EXPECT_FALSE(table.error().message.empty());
      continue;
    }
    const TimePoint from = near - minutes{draw.below(2 * 1440)};
    const TimePoint to = near + minutes{draw.below(2 * 1440)};
    const auto found = enumerate(*table, from, to);
    EXPECT_EQ(texts(found), texts(testing::slow_occurrences(schedule, offsets[zone], from, to)));
    expect_laws(*table, found, from, to);
    if (::testing::Test::HasFailure()) return;
    if (!found.empty()) ++seen;
  }
  EXPECT_GT(seen, 30);
  EXPECT_LT(refused, 50);
}

}  // namespace
}  // namespace rhooks::schedule
