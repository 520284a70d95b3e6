// The vectors of testdata/vectors.json: expressions, lengths and times around changes of clocks,
// each with what must come of it, which several independent programs agree on.

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "base/duration.h"
#include "schedule/test_schedules.h"

namespace rhooks::schedule {
namespace {

namespace json = boost::json;

json::array read_vectors() {
  std::ifstream stream(RHOOKS_SCHEDULE_TESTDATA "/vectors.json");
  std::stringstream text;
  text << stream.rdbuf();
  return json::parse(text.str()).as_array();
}

std::string string_of(const json::object& vector, const char* name) {
  const json::value* const value = vector.if_contains(name);
  return value ? json::value_to<std::string>(*value) : std::string();
}

std::vector<TimePoint> times_of_vector(const json::object& vector, const char* name) {
  std::vector<TimePoint> times;
  for (const json::value& text : vector.at(name).as_array()) {
    times.push_back(time_of(json::value_to<std::string>(text)));
  }
  return times;
}

Schedule schedule_of(const json::object& vector) {
  Schedule schedule;
  schedule.timezone = string_of(vector, "tz");
  schedule.start = string_of(vector, "start");
  schedule.every = string_of(vector, "every");
  if (vector.contains("cron")) schedule.cron = {string_of(vector, "cron")};
  if (vector.contains("at"))
    schedule.at = json::value_to<std::vector<std::string>>(vector.at("at"));
  if (vector.contains("jitter")) {
    schedule.jitter = parse_duration(string_of(vector, "jitter")).value();
  }
  return schedule;
}

void expect_times(const json::object& vector, const Timetable& table) {
  TimePoint at = time_of(string_of(vector, "from"));
  std::vector<TimePoint> found;
  const auto expected = times_of_vector(vector, "expect");
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto next = table.next(at);
    ASSERT_TRUE(next) << "after " << format_time(at);
    found.push_back(at = *next);
    EXPECT_TRUE(table.contains(at));
    EXPECT_EQ(format_time(at), format_time(expected[i]));
  }
  const TimePoint from = time_of(string_of(vector, "from"));
  EXPECT_EQ(table.count(from, at), std::ssize(found));
  EXPECT_EQ(table.latest(at), at);
  if (!vector.contains("due")) return;
  const json::object& key = vector.at("key").as_object();
  const auto due = times_of_vector(vector, "due");
  for (std::size_t i = 0; i < due.size(); ++i) {
    const TaskKey task{string_of(key, "namespace"), string_of(key, "id")};
    EXPECT_EQ(format_time(table.due(found[i], task)), format_time(due[i]));
  }
}

TEST(ScheduleVectorsTest, ComeOutAsTheyMust) {
  int accepted = 0;
  int refused = 0;
  for (const json::value& value : read_vectors()) {
    const json::object& vector = value.as_object();
    SCOPED_TRACE(json::serialize(vector));
    const auto table = Timetable::compile(schedule_of(vector), test_zones());
    if (vector.contains("error")) {
      ++refused;
      ASSERT_FALSE(table);
      EXPECT_EQ(table.error().code, ErrorCode::kInvalidArgument);
      EXPECT_EQ(table.error().field, "schedule.cron");
    } else {
      ++accepted;
      ASSERT_TRUE(table) << table.error().message;
      expect_times(vector, *table);
    }
  }
  EXPECT_EQ(accepted, 96);
  EXPECT_EQ(refused, 23);
}

}  // namespace
}  // namespace rhooks::schedule
