// Previews over REST.

#include <gtest/gtest.h>

#include "rest/test_api.h"

namespace rhooks::rest::test {
namespace {

constexpr const char* kPreview = "/v1/schedule/preview";
constexpr const char* kTasks = "/v1/namespaces/ns/tasks";

std::string text_in(const boost::json::value& object, const char* name) {
  return std::string(object.as_object().at(name).as_string());
}

TEST_F(ApiTest, AScheduleIsPreviewed) {
  const Reply reply = post(kPreview, R"({
    "schedule": {"cron": "0 9 * * MON-FRI", "timezone": "+02:00"},
    "from": "2030-01-04T06:00:00Z", "count": 2})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto shown = json_of(reply);
  EXPECT_EQ(text_in(shown, "description"), "at 09:00, Monday to Friday (+02:00)");
  EXPECT_EQ(text_in(shown, "timezone"), "+02:00");
  EXPECT_TRUE(shown.at("more").as_bool());
  EXPECT_TRUE(shown.at("warnings").as_array().empty());
  const auto& occurrences = shown.at("occurrences").as_array();
  ASSERT_EQ(occurrences.size(), 2u);
  EXPECT_EQ(text_in(occurrences[0], "at"), "2030-01-04T07:00:00.000Z");
  EXPECT_EQ(text_in(occurrences[0], "local"), "2030-01-04T09:00:00+02:00");
  EXPECT_EQ(text_in(occurrences[0], "due"), "2030-01-04T07:00:00.000Z");
  EXPECT_EQ(text_in(occurrences[0], "kind"), "plain");
  EXPECT_EQ(text_in(occurrences[1], "at"), "2030-01-07T07:00:00.000Z");
  EXPECT_EQ(json_of(get(kTasks)).at("count").as_int64(), 0);
}

TEST_F(ApiTest, APreviewWithJitterIsOfATask) {
  const auto first = [&](const std::string& more) {
    const Reply reply =
        post(kPreview, R"({"schedule":{"cron":"@daily","jitter":"1h"},"count":1)" + more + "}");
    EXPECT_EQ(reply.status, 200) << reply.body;
    return json_of(reply).at("occurrences").as_array()[0].as_object();
  };
  EXPECT_FALSE(first("").contains("due"));
  EXPECT_TRUE(first(R"(,"namespace":"ns","id":"report")").contains("due"));
}

TEST_F(ApiTest, ADateAndARepetitionArePreviewed) {
  const auto shown = json_of(post(kPreview, R"({
    "scheduledDate": "2090-01-01T00:00:00Z",
    "repeat": {"interval": 5, "unit": "minutes", "max": 3}, "count": 2})"));
  EXPECT_EQ(text_in(shown, "description"),
            "every 5 minutes from Sun 2090-01-01 00:00 (UTC), 3 times");
  EXPECT_EQ(shown.at("remaining").as_int64(), 3);
  EXPECT_EQ(text_in(shown.at("occurrences").as_array()[1], "at"), "2090-01-01T00:05:00.000Z");
}

TEST_F(ApiTest, WrongPreviewsAreRefusedNamingTheField) {
  const auto refused = [&](const char* body, const char* field) {
    expect_problem(post(kPreview, body), 400, field);
  };
  refused("{}", "schedule");
  refused(R"({"schedule":{}})", "schedule");
  refused(R"({"schedule":{"cron":"0 25 * * *"}})", "schedule.cron");
  refused(R"({"schedule":{"cron":["0 9 * * *","0 9 31 2 *"]}})", "schedule.cron[1]");
  refused(R"({"schedule":{"cron":"0 9 * * *","every":"1h"}})", "schedule");
  refused(R"({"schedule":{"every":"1d12h"}})", "schedule.every");
  refused(R"({"schedule":{"at":["2001-01-01T00:00Z"]},"from":"2030-01-01T00:00:00Z"})",
          "schedule.at");
  refused(R"({"schedule":{"cron":"@daily"},"repeat":{"interval":1}})", "schedule");
  refused(R"({"schedule":{"cron":"@daily"},"count":0})", "count");
  refused(R"({"schedule":{"cron":"@daily"},"count":1001})", "count");
  refused(R"({"schedule":{"cron":"@daily"},"from":"soon"})", "from");
  refused(R"({"schedule":{"cron":"@daily"},"id":"t"})", "namespace");
  refused(R"({"schedule":{"cron":"@daily"},"limit":5})", "limit");
  refused(R"({"repeat":{"interval":0}})", "repeat.interval");
  expect_problem(post(kPreview, std::string(64 * 1024 + 1, ' ')), 413);
  const Reply wrong = post(kPreview, R"({"schedule":{"cron":"0 25 * * *"}})");
  EXPECT_NE(wrong.body.find("hour"), std::string::npos) << wrong.body;
  EXPECT_NE(wrong.body.find("25"), std::string::npos) << wrong.body;
  // What is kept for later versions.
  EXPECT_EQ(
      post(kPreview, R"({"schedule":{"rrule":"FREQ=DAILY"}})").status,
      post(kTasks, R"({"url":"http://127.0.0.1:9/","schedule":{"rrule":"FREQ=DAILY"}})").status);
}

TEST_F(ApiTest, ATaskIsPreviewed) {
  add("daily", R"(,"schedule":{"cron":"0 9 * * *","end":"2090-01-03T12:00:00Z"})");
  const std::string preview = std::string(kTasks) + "/daily/preview";
  const auto shown = json_of(get(preview + "?from=2090-01-01T00:00:00Z&count=2"));
  EXPECT_EQ(shown.at("occurrences").as_array().size(), 2u);
  EXPECT_TRUE(shown.at("more").as_bool());
  const auto last = json_of(get(preview + "?from=2090-01-03T09:00:00Z"));
  ASSERT_EQ(last.at("occurrences").as_array().size(), 1u);
  EXPECT_EQ(text_in(last.at("occurrences").as_array()[0], "at"), "2090-01-03T09:00:00.000Z");
  EXPECT_FALSE(last.at("more").as_bool());
  // The next one is what the task says itself.
  const auto task = json_of(get(std::string(kTasks) + "/daily"));
  EXPECT_EQ(text_in(json_of(get(preview)).at("occurrences").as_array()[0], "at"),
            text_in(task, "scheduledDate"));

  expect_problem(get(preview + "?count=0"), 400, "count");
  expect_problem(get(preview + "?count=1001"), 400, "count");
  expect_problem(get(preview + "?from=soon"), 400, "from");
  expect_problem(get(preview + "?after=soon"), 400, "after");
  expect_problem(get(std::string(kTasks) + "/none/preview"), 404);
}

}  // namespace
}  // namespace rhooks::rest::test
