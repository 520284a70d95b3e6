#include "cli/show.h"

#include <gtest/gtest.h>

#include <sstream>

#include "cli/test_io.h"

namespace rhooks::cli {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kShownAt{std::chrono::milliseconds{1'700'000'000'000}};

Task example() {
  Task task;
  task.key = {"my-app", "order-17"};
  task.request.method = Method::kPost;
  task.request.url = "http://127.0.0.1:9000/hook";
  task.request.headers = {{"X-Team", "billing"}};
  task.request.body = Body::json(R"({"key":"value","list":[1,{}],"empty":[]})");
  task.scheduled_date = kShownAt + 2s;
  task.created_at = kShownAt;
  task.updated_at = kShownAt;
  return task;
}

TEST(PrettyBodyTest, EscapesControlCharacters) {
  EXPECT_EQ(pretty_body("a\x1b[2Jb\nc"), "a\\x1b[2Jb\nc");
  EXPECT_EQ(pretty_body("[1]"), "[\n  1\n]");
}

TEST(TaskCardTest, ShowsATaskToPeople) {
  TestIo test;
  EXPECT_EQ(task_card(example(), schedule::Zones(), test.io),
            "namespace       my-app\n"
            "id              order-17\n"
            "status          ACTIVE\n"
            "scheduled       2023-11-14 22:13:22.000Z\n"
            "attempts        up to 4\n"
            "request         POST http://127.0.0.1:9000/hook\n"
            "header          X-Team: billing\n"
            "created         2023-11-14 22:13:20.000Z\n"
            "updated         2023-11-14 22:13:20.000Z\n"
            "body\n"
            "  {\n"
            "    \"key\": \"value\",\n"
            "    \"list\": [\n"
            "      1,\n"
            "      {}\n"
            "    ],\n"
            "    \"empty\": []\n"
            "  }\n");
}

TEST(TaskCardTest, ShowsWhatHoldsATask) {
  TestIo test;
  Task task = example();
  task.held = Held{"paused", std::nullopt};
  EXPECT_NE(task_card(task, schedule::Zones(), test.io)
                .find("\nstatus          ACTIVE, held by paused\n"),
            std::string::npos);
  Table table = task_table(test.io);
  add_task(table, task);
  std::ostringstream out;
  table.flush(out);
  EXPECT_NE(out.str().find("  ACTIVE, held by paused  "), std::string::npos) << out.str();
  task.held->until = kShownAt;
  EXPECT_NE(task_card(task, schedule::Zones(), test.io)
                .find(", held by paused until 2023-11-14 22:13:20.000Z\n"),
            std::string::npos);
  task.held = Held{"breaker", kShownAt, 503};
  EXPECT_NE(task_card(task, schedule::Zones(), test.io)
                .find(", held by breaker (HTTP 503) until 2023-11-14 "),
            std::string::npos);
}

TEST(EndpointCardTest, ShowsAnEndpointToPeople) {
  Endpoint endpoint;
  endpoint.ns = "shop";
  endpoint.name = "acme";
  endpoint.description = "the\x1bwarehouse";
  endpoint.url = "https://hooks.acme.example/in";
  endpoint.headers = {{"X-Shop", "7"}};
  endpoint.timeout = 90s;
  endpoint.retry_limit = 0;
  endpoint.concurrency = 10;
  endpoint.rate = Rate{100, 60s};
  endpoint.burst = 5;
  endpoint.revision = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
  endpoint.created_at = kShownAt;
  endpoint.updated_at = kShownAt + 1s;
  TestIo test;
  EXPECT_EQ(endpoint_card(endpoint, test.io),
            "namespace       shop\n"
            "name            acme\n"
            "description     the\\x1bwarehouse\n"
            "url             https://hooks.acme.example/in\n"
            "header          X-Shop: 7\n"
            "timeout         1m30s\n"
            "retry limit     0\n"
            "concurrency     10\n"
            "rate            100/1m\n"
            "burst           5\n"
            "created         2023-11-14 22:13:20.000Z\n"
            "updated         2023-11-14 22:13:21.000Z\n"
            "revision        017f22e2-79b0-7cc3-98c4-dc0c0c07398f\n");
  endpoint.paused = endpoint.ordered = true;
  EXPECT_NE(endpoint_card(endpoint, test.io).find("\nstate           paused\n"), std::string::npos);
  EXPECT_NE(endpoint_card(endpoint, test.io).find("\nordered         yes\n"), std::string::npos);
  endpoint.paused = endpoint.breaker = false;
  endpoint.held = Held{"breaker", kShownAt};
  const auto shows = [&](const char* line) {
    return endpoint_card(endpoint, test.io).find(line) != std::string::npos;
  };
  EXPECT_TRUE(shows("\nstate           no answer, tried again 2023-11-14 22:13:20.000Z\n"));
  EXPECT_TRUE(shows("\nbreaker         off\n"));
  endpoint.held->until.reset();
  EXPECT_TRUE(shows("\nstate           no answer, tried again now\n"));
  Table table = endpoint_table(test.io);
  add_endpoint(table, endpoint);
  std::ostringstream out;
  table.flush(out);
  EXPECT_NE(out.str().find("  no answer  "), std::string::npos) << out.str();
  endpoint.held->status = 503;
  EXPECT_TRUE(shows("\nstate           answers 503 Service Unavailable, tried again now\n"));

  endpoint.held = Held{"retry-after", kShownAt};
  EXPECT_TRUE(shows("\nstate           asks to wait, tried again 2023-11-14 22:13:20.000Z\n"));
  Table asks = endpoint_table(test.io);
  add_endpoint(asks, endpoint);
  asks.flush(out);
  EXPECT_NE(out.str().find("  asks to wait  "), std::string::npos) << out.str();
}

TEST(EndpointTableTest, Golden) {
  Endpoint endpoint;
  endpoint.name = "acme";
  endpoint.url = "https://hooks.acme.example/in";
  endpoint.timeout = 90s;
  endpoint.concurrency = 10;
  endpoint.rate = Rate{100, 60s};
  endpoint.updated_at = kShownAt;
  TestIo test;
  Table table = endpoint_table(test.io);
  add_endpoint(table, endpoint);
  endpoint = {};
  endpoint.name = "b";
  endpoint.url = "http://b/";
  endpoint.retry_schedule = {5s, 90s};
  endpoint.ordered = endpoint.paused = true;
  endpoint.updated_at = kShownAt;
  add_endpoint(table, endpoint);
  std::ostringstream out;
  table.flush(out);
  EXPECT_EQ(out.str(),
            "NAME  URL                            TIMEOUT  RETRIES  LIMITS              STATE   "
            "UPDATED\n"
            "acme  https://hooks.acme.example/in    1m30s        -  10 at once, 100/1m  -       "
            "2023-11-14 22:13:20.000Z\n"
            "b     http://b/                            -        2  ordered             paused  "
            "2023-11-14 22:13:20.000Z\n");
}

TEST(EndpointCardTest, ShowsWhenItIsRetried) {
  Endpoint endpoint;
  endpoint.ns = "shop";
  endpoint.name = "acme";
  endpoint.url = "https://hooks.acme.example/in";
  endpoint.retry_schedule = {5s, 90s};
  endpoint.retry_max = 60s;
  endpoint.stop_on = {{400, 403}, {422, 422}};
  TestIo test;
  const std::string card = endpoint_card(endpoint, test.io);
  EXPECT_NE(card.find("retry schedule  5s, 1m30s\n"
                      "retry max       1m\n"
                      "stop on         400-403,422\n"),
            std::string::npos)
      << card;
}

TEST(TaskCardTest, SaysWhyATaskIsFailed) {
  Task task = example();
  task.status = Status::kFailed;
  task.failure_reason = "gone";
  TestIo test;
  const std::string card = task_card(task, schedule::Zones(), test.io);
  EXPECT_NE(card.find("status          FAILED, gone\n"), std::string::npos) << card;
}

TEST(TaskCardTest, ShowsWhatHappened) {
  TestIo test;
  test.io.out_is_terminal = true;
  test.io.environment["NO_COLOR"] = "1";
  test.io.now = [] { return kShownAt; };
  Task task = example();
  task.extra_date = kShownAt - 2s;
  task.repeat = Repeat{10, 6, RepeatUnit::kMinutes};
  task.attempt = 1;
  task.next_attempt_date = kShownAt + 3s;
  task.execution.count = 3;
  task.execution.successful = 2;
  task.execution.failed = 1;
  task.execution.skipped = 4;
  task.execution.extra = 2;
  task.execution.last_execution_date = kShownAt - 1s;
  task.execution.last_response_status = 500;
  task.execution.last_response_body = "sorry\x1b[31m";
  task.errors.count = 1;
  task.errors.consecutive = 1;
  task.errors.last_error = "HTTP status 500";
  task.errors.last_error_date = kShownAt - 1s;
  const std::string card = task_card(task, schedule::Zones(), test.io);
  for (const char* line :
       {"extra           2023-11-14 22:13:18.000Z  (2 s ago)\n",
        "repeat          6 × every 10 minutes\n",
        "next attempt    2023-11-14 22:13:23.000Z  (in 3 s), after 1 failed of 4\n",
        "executions      2 successful, 1 failed, 2 extra, 4 skipped\n", "last response   500\n",
        "errors          1 failed execution, 1 in a row\n",
        "last error      HTTP status 500  (2023-11-14 22:13:19.000Z)\n",
        "last response body\n  sorry\\x1b[31m\n"}) {
    EXPECT_NE(card.find(line), std::string::npos) << line << "is not in\n" << card;
  }
}

TEST(TaskCardTest, ShowsASchedule) {
  Schedule schedule;
  schedule.cron = {"0 9 * * 1-5"};
  schedule.timezone = "Europe/Berlin";
  EXPECT_EQ(show_schedule(schedule), "cron 0 9 * * 1-5 Europe/Berlin");
  schedule.cron.push_back("0 12 * * 6");
  EXPECT_EQ(show_schedule(schedule), "cron 0 9 * * 1-5 | 0 12 * * 6 Europe/Berlin");
  Schedule every;
  every.every = "2w";
  EXPECT_EQ(show_schedule(every), "every 2w UTC");
  Schedule listed;
  listed.at = {"2030-01-31T09:00", "2030-02-28T09:00", "2030-03-31T09:00"};
  EXPECT_EQ(show_schedule(listed), "at 2030-01-31T09:00 and 2 others UTC");

  TestIo test;
  Task task = example();
  task.schedule = schedule;
  task.schedule->end = "2030-12-31";
  task.schedule->max = 10;
  task.schedule->exclude = {"--12-25", "2030-08-01/2030-08-14"};
  task.schedule->jitter = 10min;
  task.schedule->missed = Missed::kSkip;
  task.schedule->grace = 90s;
  task.schedule->overlap = Overlap::kCutRetries;
  task.skipped_before = Skipped{kShownAt, 3, 1};
  task.execution.count = 4;
  task.execution.extra = 1;
  const std::string card = task_card(task, schedule::Zones(), test.io);
  for (const char* const line :
       {"schedule        cron 0 9 * * 1-5 | 0 12 * * 6 Europe/Berlin\n",
        "ends            2030-12-31\n", "excluded        --12-25, 2030-08-01/2030-08-14\n",
        "jitter          up to 10m\n", "missed          skip\n", "grace           1m30s\n",
        "overlap         cutRetries\n", "left            7 of 10 executions\n",
        "skipped         3 late, 1 overlapping, the first of 2023-11-14 22:13:20.000Z\n"}) {
    EXPECT_NE(card.find(line), std::string::npos) << line << "is not in\n" << card;
  }
}

TEST(TaskCardTest, SaysWhyATaskIsPaused) {
  Task task = example();
  task.status = Status::kSuspended;
  task.max_errors = 3;
  task.pause_on_failure = true;
  task.note = "paused: 3 executions in a row have failed";
  TestIo test;
  const std::string card = task_card(task, schedule::Zones(), test.io);
  for (const char* const line :
       {"status          SUSPENDED\n", "max errors      3\n", "on failure      suspended\n",
        "note            paused: 3 executions in a row have failed\n"}) {
    EXPECT_NE(card.find(line), std::string::npos) << line << "is not in\n" << card;
  }
}

TEST(TaskTableTest, Golden) {
  TestIo test;
  Table table = task_table(test.io);
  Task task = example();
  add_task(table, task);
  task.key.id = "b";
  task.status = Status::kFailed;
  task.repeat = Repeat{1, 0, RepeatUnit::kHours};
  task.execution.successful = 12;
  task.execution.failed = 1;
  task.execution.last_response_status = 503;
  add_task(table, task);
  std::ostringstream out;
  table.flush(out);
  EXPECT_EQ(
      out.str(),
      "ID        STATUS  SCHEDULED                 METHOD  URL                         REPEAT      "
      "OK  FAILED  LAST\n"
      "order-17  ACTIVE  2023-11-14 22:13:22.000Z  POST    http://127.0.0.1:9000/hook  once        "
      " 0       0     -\n"
      "b         FAILED  2023-11-14 22:13:22.000Z  POST    http://127.0.0.1:9000/hook  every hour  "
      "12       1   503\n");
}

TEST(TaskTableTest, ShowsWhenATaskIsRetried) {
  const auto shown = [](const Task& task) {
    TestIo test;
    Table table = task_table(test.io);
    add_task(table, task);
    std::ostringstream out;
    table.flush(out);
    return out.str();
  };
  Task task = example();
  task.next_attempt_date = kShownAt + 3s;
  EXPECT_EQ(shown(task).find("retry"), std::string::npos) << "run now";
  task.attempt = 1;
  EXPECT_NE(shown(task).find("  ACTIVE, retry at 2023-11-14 22:13:23.000Z  "), std::string::npos)
      << shown(task);
  task.held = Held{"rate", std::nullopt};
  EXPECT_NE(shown(task).find("  ACTIVE, held by rate  "), std::string::npos) << shown(task);
  task.held.reset();
  task.status = Status::kProcessing;
  EXPECT_NE(shown(task).find("  PROCESSING  "), std::string::npos) << shown(task);
}

TEST(LogTableTest, Golden) {
  TestIo test;
  Table table = log_table(test.io);
  Log log;
  log.task = {"my-app", "order-17"};
  log.retry_limit = 3;
  log.response = Response{500, {}, "", false};
  log.error = "HTTP status 500";
  log.scheduled_date = kShownAt;
  log.due_date = kShownAt;
  log.started_at = kShownAt + 4ms;
  log.duration = 12'345us;
  add_log(table, log);
  // A retry is late by its own time.
  log.attempt = 2;
  log.due_date = kShownAt + 985ms;
  log.started_at = kShownAt + 1s;
  log.duration = 1'002'003us;
  add_log(table, log);
  log.attempt = 3;
  log.response->status = 200;
  log.error.clear();
  log.status = LogStatus::kSuccess;
  log.due_date = log.started_at;
  log.duration = 412us;
  add_log(table, log);
  log.due_date += 1ms;  // the clock was set back
  log.duration = 0us;
  add_log(table, log);
  log.probe = true;  // and which attempt it is does not matter
  log.response.reset();
  log.error = "refused";
  log.status = LogStatus::kFail;
  add_log(table, log);
  std::ostringstream out;
  table.flush(out);
  EXPECT_EQ(
      out.str(),
      "STARTED                   TASK      ATTEMPT  STATUS   RESPONSE   TOOK  LATE  ERROR\n"
      "2023-11-14 22:13:20.004Z  order-17      1/4  FAIL          500   12ms   4ms  HTTP "
      "status 500\n"
      "2023-11-14 22:13:21.000Z  order-17      2/4  FAIL          500  1s2ms  15ms  HTTP "
      "status 500\n"
      "2023-11-14 22:13:21.000Z  order-17      3/4  SUCCESS       200  412µs   0ms\n"
      "2023-11-14 22:13:21.000Z  order-17      3/4  SUCCESS       200    0µs     -\n"
      "2023-11-14 22:13:21.000Z  order-17    probe  FAIL            -    0µs     -  refused\n");
}

TEST(ShowRepeatTest, Reads) {
  EXPECT_EQ(show_repeat({1, 0, RepeatUnit::kDays}), "every day");
  EXPECT_EQ(show_repeat({2, 5, RepeatUnit::kSeconds}), "5 × every 2 seconds");
}

// A terminal takes U+009B for the beginning of a control sequence, and an override of direction
// makes text read as another one. Programs get what was stored.
TEST(PrintJsonTest, DoesNotSteerATerminal) {
  const std::string json =
      "{\"a\":\"\xc2\x9b\x7f\xe2\x80\xae\xe2\x80\x8f caf\xc3\xa9 \\u0007\",\n\t\"b\":1}";
  TestIo test;
  print_json(test.io, json);
  EXPECT_EQ(test.out.str(), json + "\n");
  test.out.str("");
  test.io.out_is_terminal = true;
  print_json(test.io, json);
  EXPECT_EQ(test.out.str(),
            "{\"a\":\"\\u009b\\u007f\\u202e\\u200f caf\xc3\xa9 \\u0007\",\n\t\"b\":1}\n");
}

}  // namespace
}  // namespace rhooks::cli
