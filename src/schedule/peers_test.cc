// Random expressions of cron, answered by this module and by two packages of npm, in the parts of
// the language and of the night that they mean the same by (testing/cron_peers/).

#include <filesystem>
#include <functional>
#include <sstream>

#include "schedule/test_draw.h"
#include "schedule/test_schedules.h"
#include "testing/child_process.h"
#include "testing/test_seed.h"

namespace rhooks::schedule {
namespace {

using std::chrono::minutes;

struct Question {
  std::string peer, expression, zone;
  TimePoint from;
  int count;
};

std::vector<std::string> answers_of_peers(const std::vector<Question>& questions) {
  if (!std::filesystem::exists(RHOOKS_CRON_PEERS "/node_modules/croner")) {
    throw std::runtime_error(
        "croner and cronosjs are not installed: run scripts/test.sh, which does it, or `npm ci` in "
        "testing/cron_peers/");
  }
  std::string input;
  for (const Question& one : questions) {
    input += one.peer + "\t" + one.expression + "\t" + one.zone + "\t" + format_time(one.from) +
             "\t" + std::to_string(one.count) + "\n";
  }
  testing::ChildProcess node(
      {testing::find_program("node").value(), RHOOKS_CRON_PEERS "/next_runs.js"}, {}, input);
  if (node.wait() != 0) throw std::runtime_error("node: " + node.errors());
  std::vector<std::string> answers;
  std::istringstream lines(node.output());
  for (std::string line; std::getline(lines, line);) answers.push_back(line);
  return answers;
}

std::string answer_of_ours(const Question& question) {
  const auto table =
      Timetable::compile(cron_schedule(question.expression, question.zone), test_zones());
  if (!table) return "refused: " + table.error().message;
  std::string answer;
  auto at = table->next(question.from);
  for (int i = 0; at && i < question.count; ++i, at = table->next(*at)) {
    answer += (i == 0 ? "" : " ") + format_time(*at);
  }
  return answer;
}

class DrawQuestion : public Draw {
 public:
  using Draw::Draw;

  std::string number(int low, int high) { return std::to_string(between(low, high)); }

  std::string list_or_range(int low, int high) {
    if (one_in(3)) return number(low, high) + "," + number(low, high);
    if (one_in(2)) return number(low, high);
    const int first = between(low, high - 1);
    return std::to_string(first) + "-" + number(first + 1, high);
  }

  std::string minute() {
    return one_in(4) ? "*" : one_in(3) ? "*/" + number(2, 30) : list_or_range(0, 59);
  }

  std::string dates() {
    static const std::string kWeekdays[] = {"MON-FRI", "SUN", "0", "sat", "1,3,5", "TUE-THU"};
    const std::string day = one_in(2) ? "*" : list_or_range(1, 28);
    const std::string month = one_in(4) ? list_or_range(1, 12) : "*";
    return day + " " + month + " " + (one_in(2) ? "*" : one_of(kWeekdays));
  }

  std::string special_dates() {
    static const std::string kDates[] = {"L * *",      "15W * *",  "1W * *",    "* * FRI#2",
                                         "* * MON#5",  "* * 5L",   "29 2 *",    "31 * *",
                                         "* 2,7 SUNL", "13 * FRI", "30-31 * *", "1,15,L * *"};
    return one_of(kDates);
  }

  // A moment within 20 hours of a change of this zone's clocks, in years that all know alike.
  TimePoint near_change(const std::string& zone) {
    const auto known = test_zone(zone);
    TimePoint at = time_of("2011-06-01T00:00Z");
    for (int i = between(1, 12); i > 0; --i) at = *known->next_change(at);
    return at - minutes{between(0, 20 * 60)};
  }
};

void expect_same(const std::function<Question(DrawQuestion&)>& ask) {
  DrawQuestion draw(testing::test_seed());
  std::vector<Question> questions;
  for (int i = 0; i < 400; ++i) questions.push_back(ask(draw));
  const std::vector<std::string> answers = answers_of_peers(questions);
  ASSERT_EQ(answers.size(), questions.size());
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const Question& one = questions[i];
    EXPECT_EQ(answer_of_ours(one), answers[i]) << one.peer << ": " << one.expression << " in "
                                               << one.zone << " after " << format_time(one.from);
  }
}

TEST(CronPeersTest, AgreeWhereNoClockIsChanged) {
  expect_same([](DrawQuestion& draw) {
    const std::string hour = draw.one_in(3) ? "*/" + draw.number(2, 12) : draw.list_or_range(0, 23);
    const std::string dates = draw.one_in(2) ? draw.dates() : draw.special_dates();
    const std::string second = draw.one_in(6) ? draw.list_or_range(0, 59) + " " : "";
    const TimePoint from = time_of("2020-01-01T00:00Z") + minutes{draw.below(20 * 365 * 1440)};
    return Question{"croner", second + draw.minute() + " " + hour + " " + dates, "UTC", from, 6};
  });
}

TEST(CronPeersTest, AgreeOnWhatHappensInEachHourOfAChange) {
  static const std::string kZones[] = {"Europe/Berlin",   "America/New_York",
                                       "Europe/London",   "Australia/Lord_Howe",
                                       "Pacific/Chatham", "Antarctica/Troll"};
  expect_same([](DrawQuestion& draw) {
    const std::string zone = draw.one_of(kZones);
    const std::string dates = draw.one_in(3) ? draw.dates() : "* * *";
    return Question{"croner", draw.minute() + " * " + dates, zone, draw.near_change(zone), 12};
  });
}

TEST(CronPeersTest, AgreeOnHoursThatAChangeByAWholeHourTouches) {
  static const std::string kZones[] = {"Europe/Berlin", "America/New_York", "Europe/London"};
  expect_same([](DrawQuestion& draw) {
    const std::string zone = draw.one_of(kZones);
    const std::string hour = draw.one_in(2) ? draw.number(0, 4) : draw.list_or_range(0, 22);
    const std::string dates = draw.one_in(4) ? draw.dates() : "* * *";
    return Question{"cronosjs", draw.list_or_range(0, 59) + " " + hour + " " + dates, zone,
                    draw.near_change(zone), 8};
  });
}

}  // namespace
}  // namespace rhooks::schedule
