// What the calls on many tasks take and answer, problems, and names.

#include <gtest/gtest.h>

#include "base/clock.h"
#include "codec/public_json.h"
#include "json/text.h"

namespace rhooks::codec {
namespace {

constexpr TimePoint kEndedAt{std::chrono::milliseconds{1'769'862'896'789}};

constexpr ErrorCode kCodes[] = {
    ErrorCode::kInvalidArgument, ErrorCode::kNotFound,    ErrorCode::kConflict,
    ErrorCode::kUnsupported,     ErrorCode::kUnavailable, ErrorCode::kOverloaded,
    ErrorCode::kUnknownOutcome,  ErrorCode::kCorrupt,     ErrorCode::kInternal};

TEST(NamespacesJsonTest, ComesBackAsItWas) {
  const NamespacePage page{{{"my-app"}, {"a \"b\""}}, "key"};
  const std::string json = to_json(page);
  EXPECT_EQ(json, R"({"items":[{"namespace":"my-app"},{"namespace":"a \"b\""}],"count":2,)"
                  R"("lastEvaluatedKey":"key"})");
  const auto back = parse_namespace_page(json);
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->items.size(), 2u);
  EXPECT_EQ(back->items[1].name, page.items[1].name);
  EXPECT_EQ(back->last_evaluated_key, "key");
  EXPECT_EQ(to_json(page.items[0]), R"({"namespace":"my-app"})");
  EXPECT_FALSE(parse_namespace_page(R"({"items":[{"name":"my-app"}],"count":1})"));
}

TEST(StoreJsonTest, ComesBackAsItWas) {
  const StoreDescription description{
      "dynamodb",
      {{"region", "eu-west-1"}, {"a \"quoted\" name", ""}},
      {{"Shards", {"shard", "owner"}, {{"0", "w-1"}, {"1", ""}}}, {"Workers", {}, {}}}};
  const std::string json = to_json(description);
  EXPECT_EQ(json, R"({"kind":"dynamodb","facts":{"region":"eu-west-1","a \"quoted\" name":""},)"
                  R"("sections":[{"title":"Shards","rows":[{"shard":"0","owner":"w-1"},)"
                  R"({"shard":"1","owner":""}]},{"title":"Workers","rows":[]}]})");
  const auto back = parse_store_description(json);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->kind, description.kind);
  EXPECT_EQ(back->facts, description.facts);
  ASSERT_EQ(back->sections.size(), 2u);
  EXPECT_EQ(back->sections[0].columns, description.sections[0].columns);
  EXPECT_EQ(back->sections[0].rows, description.sections[0].rows);
  EXPECT_TRUE(back->sections[1].rows.empty());
}

TEST(StoreJsonTest, EveryRowHasACellForEachColumn) {
  const auto read = parse_store_description(
      R"({"kind":"k","facts":{},"sections":[{"title":"t","rows":[{"a":"1","b":"2"},{"b":"3"}]}]})");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->sections[0].rows[1], (std::vector<std::string>{"", "3"}));
  for (const char* json :
       {"[]", "{}", R"({"kind":"k","facts":{"a":1},"sections":[]})",
        R"({"kind":"k","facts":{},"sections":[{"title":"t","rows":[{"a":{}}]}]})"}) {
    const auto refused = parse_store_description(json);
    ASSERT_FALSE(refused) << json;
    EXPECT_EQ(refused.error().code, ErrorCode::kInternal);
  }
}

TEST(ManyQueryJsonTest, EverythingIsOptional) {
  for (const char* json : {"", "{}", " { } "}) {
    const auto query = parse_many_query(json, "ns");
    ASSERT_TRUE(query) << json;
    EXPECT_EQ(query->filter.ns, "ns");
    EXPECT_EQ(query->filter.id, "");
    EXPECT_EQ(query->filter.status, std::nullopt);
    EXPECT_EQ(query->filter.from, std::nullopt);
    EXPECT_EQ(query->filter.to, std::nullopt);
    EXPECT_EQ(query->chunk_limit, 1000);
    EXPECT_EQ(query->start_key, "");
  }
}

TEST(ManyQueryJsonTest, ComesBackAsItWas) {
  ManyQuery query;
  query.filter = {
      "ns",        "order#", Status::kFailed, kEndedAt, kEndedAt + std::chrono::hours{1}, "acme",
      "exhausted", 503};
  query.chunk_limit = 7;
  query.start_key = "key";
  const std::string json = to_json(query).value();
  EXPECT_EQ(json, R"({"id":"order#","status":"FAILED","from":"2026-01-31T12:34:56.789Z",)"
                  R"("to":"2026-01-31T13:34:56.789Z","endpoint":"acme","reason":"exhausted",)"
                  R"("lastStatus":503,"chunkLimit":7,"startKey":"key"})");
  const auto back = parse_many_query(json, "ns");
  ASSERT_TRUE(back);
  EXPECT_EQ(back->filter, query.filter);
  EXPECT_EQ(back->chunk_limit, 7);
  EXPECT_EQ(back->start_key, "key");
}

TEST(ManyQueryJsonTest, NamesTheFieldThatIsWrong) {
  const struct {
    const char* json;
    const char* field;
  } kCases[] = {{"[]", ""},
                {"null", ""},
                {R"({"id":1})", "id"},
                {R"({"id":""})", "id"},  // an unset variable must not mean all tasks
                {R"({"status":"LATE"})", "status"},
                {R"({"status":null})", "status"},  // nor must null
                {R"({"id":null})", "id"},
                {R"({"from":null})", "from"},
                {R"({"from":"today"})", "from"},
                {R"({"to":1})", "to"},
                {R"({"reason":""})", "reason"},
                {R"({"lastStatus":"503"})", "lastStatus"},
                {R"({"chunkLimit":"5"})", "chunkLimit"},
                {R"({"chunkLimit":5000000000})", "chunkLimit"},
                {R"({"startKey":1})", "startKey"},
                {R"({"startKey":null})", "startKey"},
                {R"({"limit":5})", "limit"},
                {R"({"id":"a","id":"b"})", "id"}};
  for (const auto& c : kCases) {
    const auto query = parse_many_query(c.json, "ns");
    ASSERT_FALSE(query) << c.json;
    EXPECT_EQ(query.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(query.error().field, c.field);
  }
}

TEST(ResultJsonTest, ManyResult) {
  const ManyResult result{2, {{"n", "a"}, {"n", "b"}}, true, "key"};
  const std::string json = to_json(result);
  EXPECT_EQ(json, R"({"count":2,"items":[{"id":"a","namespace":"n"},)"
                  R"({"id":"b","namespace":"n"}],"more":true,"lastEvaluatedKey":"key"})");
  const auto back = parse_many_result(json);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->count, 2);
  EXPECT_EQ(back->items, result.items);
  EXPECT_TRUE(back->more);
  EXPECT_EQ(back->last_evaluated_key, "key");
  EXPECT_EQ(to_json(ManyResult{}), R"({"count":0,"items":[],"more":false})");
  const auto wrong = parse_many_result(R"({"count":1,"items":[{"id":"a"}]})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().field, "items[0].namespace");
  EXPECT_FALSE(parse_many_result(R"({"items":[]})"));
}

TEST(ResultJsonTest, TriggerResult) {
  EXPECT_EQ(to_json(TriggerResult{5, 2, 7}), R"({"processed":5,"errors":2,"held":7})");
  EXPECT_EQ(parse_trigger_result(to_json(TriggerResult{5, 2, 7}))->held, 7);
  const std::string json = to_json(TriggerResult{5, 2});
  EXPECT_EQ(json, R"({"processed":5,"errors":2})");
  const auto back = parse_trigger_result(json);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->processed, 5);
  EXPECT_EQ(back->errors, 2);
  EXPECT_FALSE(parse_trigger_result(R"({"processed":5})"));
  EXPECT_FALSE(parse_trigger_result(R"({"processed":5,"errors":"2"})"));
}

TEST(ResultJsonTest, DryrunResult) {
  const std::string json = to_json(DryrunResult{9, {{{"n", "a"}, kEndedAt}}, true});
  EXPECT_EQ(json, R"({"count":9,"items":[{"namespace":"n","id":"a",)"
                  R"("scheduledDate":"2026-01-31T12:34:56.789Z"}],"more":true})");
  const auto back = parse_dryrun_result(json);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->count, 9);
  ASSERT_EQ(back->items.size(), 1u);
  EXPECT_EQ(back->items[0].key, (TaskKey{"n", "a"}));
  EXPECT_EQ(back->items[0].scheduled_date, kEndedAt);
  EXPECT_TRUE(back->more);
  // An older server counts all.
  EXPECT_FALSE(parse_dryrun_result(R"({"count":0,"items":[]})")->more);
  const auto wrong = parse_dryrun_result(R"({"count":9,"items":[{"namespace":"n","id":"a"}]})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().field, "items[0].scheduledDate");
}

TEST(ResultJsonTest, Count) {
  EXPECT_EQ(parse_count(R"({"count":12})").value_or(-1), 12);
  EXPECT_FALSE(parse_count("{}"));
  EXPECT_FALSE(parse_count("12"));
}

TEST(ResultJsonTest, RegistrationsKeepTheirOrder) {
  Task task;
  task.key = {"n", "a"};
  std::vector<Result<Registration>> results;
  results.push_back(Registration{task, true});
  results.push_back(fail(ErrorCode::kConflict, "taken", "id"));
  results.push_back(Registration{task, false});
  const std::string shown = to_json(task);
  EXPECT_EQ(to_json(results),
            R"({"items":[{"status":201,"task":)" + shown + R"(},{"status":409,"error":)" +
                to_problem_json(results[1].error()) + R"(},{"status":200,"task":)" + shown + "}]}");
  EXPECT_EQ(to_json(std::vector<Result<Registration>>{}), R"({"items":[]})");
}

TEST(ResultJsonTest, RegistrationsComeBackAsTheyWere) {
  Task task;
  task.key = {"n", "a"};
  task.request.body = Body::json("[1.50]");
  std::vector<Result<Registration>> results;
  results.push_back(Registration{task, true});
  results.push_back(fail(ErrorCode::kConflict, "taken", "id"));
  results.push_back(Registration{task, false});
  const auto back = parse_registrations(to_json(results));
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->size(), 3u);
  ASSERT_TRUE((*back)[0]);
  EXPECT_EQ((*back)[0]->task, task);
  EXPECT_TRUE((*back)[0]->created);
  ASSERT_FALSE((*back)[1]);
  EXPECT_EQ((*back)[1].error().code, ErrorCode::kConflict);
  EXPECT_EQ((*back)[1].error().message, "taken");
  EXPECT_EQ((*back)[1].error().field, "id");
  ASSERT_TRUE((*back)[2]);
  EXPECT_FALSE((*back)[2]->created);

  const auto nothing = parse_registrations("{}");
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().field, "items");
}

// What became of the others is known all the same.
TEST(ResultJsonTest, ARegistrationThatCanNotBeReadIsOneItemsError) {
  Task task;
  task.key = {"n", "a"};
  const std::string good = R"({"status":201,"task":)" + to_json(task) + "}";
  const struct {
    const char* json;
    const char* field;
  } kCases[] = {{"1", "items[1]"},
                {R"({"task":{}})", "items[1].status"},
                {R"({"status":201})", "items[1].task"},
                {R"({"status":201,"task":{}})", "items[1].task.namespace"}};
  for (const auto& c : kCases) {
    const auto back = parse_registrations("{\"items\":[" + good + "," + c.json + "," + good + "]}");
    ASSERT_TRUE(back) << back.error().message;
    ASSERT_EQ(back->size(), 3u);
    EXPECT_TRUE((*back)[0] && (*back)[2]) << c.json;
    ASSERT_FALSE((*back)[1]) << c.json;
    EXPECT_EQ((*back)[1].error().code, ErrorCode::kInternal);
    EXPECT_EQ((*back)[1].error().field, c.field);
  }
}

// Boost's DOM bears 32 levels and rounds numbers; the answer holds both as they were registered.
TEST(ResultJsonTest, BodiesOfRegistrationsAreKeptToTheLetter) {
  const std::string deep = std::string(64, '[') + "12345678901234567890.10" + std::string(64, ']');
  for (const std::string& body :
       {std::string("1e400"), std::string("[1.10,-0,12345678901234567890.10]"), deep}) {
    Task task;
    task.key = {"n", "a"};
    task.request.body = Body::json(body);
    std::vector<Result<Registration>> results;
    results.push_back(Registration{task, true});
    const auto back = parse_registrations(to_json(results));
    ASSERT_TRUE(back) << back.error().message;
    ASSERT_TRUE((*back)[0]) << (*back)[0].error().message;
    EXPECT_EQ((*back)[0]->task, task);
  }
}

TEST(ProblemJsonTest, NamesCodeAndField) {
  EXPECT_EQ(to_problem_json({ErrorCode::kInvalidArgument, "url: is required", "url"}),
            R"({"type":"about:blank","title":"Bad Request","status":400,)"
            R"("detail":"url: is required","code":"invalid_argument","field":"url"})");
  EXPECT_EQ(to_problem_json({ErrorCode::kNotFound, "no such task", ""}),
            R"({"type":"about:blank","title":"Not Found","status":404,)"
            R"("detail":"no such task","code":"not_found"})");
  EXPECT_EQ(to_problem_json({ErrorCode::kInvalidArgument, "too large", ""}, 413),
            R"({"type":"about:blank","title":"Content Too Large","status":413,)"
            R"("detail":"too large","code":"invalid_argument"})");
  EXPECT_TRUE(compact_json(to_problem_json({ErrorCode::kInternal, "\xff\"\n", "\xfe"})));
}

TEST(ProblemJsonTest, EveryErrorComesBack) {
  for (const ErrorCode code : kCodes) {
    const Error error{code, "what \"went\" wrong\n", "items[3].url"};
    const Error back = parse_problem_json(http_status(code), to_problem_json(error));
    EXPECT_EQ(back.code, code);
    EXPECT_EQ(back.message, error.message);
    EXPECT_EQ(back.field, error.field);
  }
}

TEST(ProblemJsonTest, StatusesTellWhatToDo) {
  EXPECT_EQ(http_status(ErrorCode::kInvalidArgument), 400);
  EXPECT_EQ(http_status(ErrorCode::kNotFound), 404);
  EXPECT_EQ(http_status(ErrorCode::kConflict), 409);
  EXPECT_EQ(http_status(ErrorCode::kUnsupported), 501);
  EXPECT_EQ(http_status(ErrorCode::kUnavailable), 503);
  EXPECT_EQ(http_status(ErrorCode::kOverloaded), 503);
  EXPECT_EQ(http_status(ErrorCode::kUnknownOutcome), 503);
  EXPECT_EQ(http_status(ErrorCode::kCorrupt), 500);
  EXPECT_EQ(http_status(ErrorCode::kInternal), 500);
}

TEST(ProblemJsonTest, AProblemWithoutAKnownCodeHasThatOfItsStatus) {
  const auto code = [](int status) {
    return parse_problem_json(status, R"({"title":"T","code":"newer"})").code;
  };
  EXPECT_EQ(code(400), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(401), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(404), ErrorCode::kNotFound);
  EXPECT_EQ(code(409), ErrorCode::kConflict);
  EXPECT_EQ(code(429), ErrorCode::kOverloaded);
  EXPECT_EQ(code(500), ErrorCode::kInternal);
  EXPECT_EQ(code(501), ErrorCode::kUnsupported);
  EXPECT_EQ(code(503), ErrorCode::kUnavailable);
  EXPECT_EQ(parse_problem_json(404, R"({"title":"T"})").message, "T");
  EXPECT_EQ(parse_problem_json(404, R"({"title":"T","detail":""})").message, "T");
}

TEST(ProblemJsonTest, WhatIsNoProblemIsAnInternalError) {
  for (const char* text : {"", "<html>502</html>", "[]", "{}", "null", R"({"detail":1})",
                           R"({"detail":"a","detail":"b"})", R"({"code":"not_found"})",
                           R"({"detail":""})", R"({"detail":"","title":""})"}) {
    const Error error = parse_problem_json(502, text);
    EXPECT_EQ(error.code, ErrorCode::kInternal) << text;
    EXPECT_EQ(error.field, "");
    EXPECT_NE(error.message.find("502"), std::string::npos);
    EXPECT_LT(error.message.size(), 200u);
  }
  EXPECT_LT(parse_problem_json(502, std::string(1'000'000, '<')).message.size(), 200u);
}

TEST(NamesTest, AreReadInAnyCase) {
  for (const Method method : {Method::kGet, Method::kPost, Method::kPut, Method::kPatch,
                              Method::kDelete, Method::kHead}) {
    EXPECT_EQ(parse_method(to_string(method)).value(), method);
  }
  EXPECT_EQ(parse_method("pAtCh").value(), Method::kPatch);
  for (const Status status :
       {Status::kActive, Status::kProcessing, Status::kDone, Status::kFailed, Status::kSuspended}) {
    EXPECT_EQ(parse_status(to_string(status)).value(), status);
  }
  EXPECT_EQ(parse_status("done").value(), Status::kDone);
  for (const LogStatus status : {LogStatus::kSuccess, LogStatus::kFail}) {
    EXPECT_EQ(parse_log_status(to_string(status)).value(), status);
  }
  EXPECT_EQ(parse_log_status("Fail").value(), LogStatus::kFail);
  for (const RepeatUnit unit :
       {RepeatUnit::kSeconds, RepeatUnit::kMinutes, RepeatUnit::kHours, RepeatUnit::kDays}) {
    const std::string plural = to_string(unit);
    EXPECT_EQ(parse_repeat_unit(plural).value(), unit);
    EXPECT_EQ(parse_repeat_unit(plural.substr(0, plural.size() - 1)).value(), unit);
  }
}

TEST(NamesTest, OthersAreRefusedWithTheKnownOnes) {
  for (const char* name : {"", "GETT", "GET ", "S", "ss", "minutess", "day s", "FAILED!"}) {
    EXPECT_FALSE(parse_method(name)) << name;
    EXPECT_FALSE(parse_status(name)) << name;
    EXPECT_FALSE(parse_log_status(name)) << name;
    EXPECT_FALSE(parse_repeat_unit(name)) << name;
  }
  const auto status = parse_status("LATE");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(status.error().message.find("ACTIVE, PROCESSING, DONE, FAILED, SUSPENDED"),
            std::string::npos);
}

}  // namespace
}  // namespace rhooks::codec
