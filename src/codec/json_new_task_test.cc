#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "base/iso8601.h"
#include "codec/public_json.h"
#include "codec/test_records.h"
#include "json/text.h"

namespace rhooks::codec {
namespace {

constexpr char kUrl[] = "http://example.com/hook";

// A register call with `more` members besides the URL.
std::string with(const std::string& more) {
  return std::string(R"({"url":")") + kUrl + "\"" + (more.empty() ? "" : "," + more) + "}";
}

NewTask parsed(const std::string& json) {
  const auto task = parse_new_task(json, "ns");
  EXPECT_TRUE(task) << json << ": " << task.error().message;
  return task ? *task : NewTask{};
}

void expect_refused(const std::string& json, const std::string& field,
                    const std::string& message = "") {
  const auto task = parse_new_task(json, "ns");
  ASSERT_FALSE(task) << json;
  EXPECT_EQ(task.error().code, ErrorCode::kInvalidArgument) << json;
  EXPECT_EQ(task.error().field, field) << json << ": " << task.error().message;
  EXPECT_NE(task.error().message.find(message), std::string::npos) << task.error().message;
  // A message names its field, and stays readable.
  EXPECT_NE(task.error().message.find(field), std::string::npos) << task.error().message;
  EXPECT_LT(task.error().message.size(), 400u);
}

TEST(ParseNewTaskTest, OnlyTheUrlIsNeeded) {
  NewTask expected;
  expected.ns = "ns";
  expected.request.url = kUrl;
  const NewTask task = parsed(with(""));
  EXPECT_EQ(task.ns, "ns");
  EXPECT_EQ(task.request, expected.request);
  EXPECT_EQ(task.id, "");
  EXPECT_EQ(task.id_prefix, "");
  EXPECT_EQ(task.scheduled_date, std::nullopt);
  EXPECT_EQ(task.repeat, std::nullopt);
  EXPECT_EQ(task.retry_limit, std::nullopt);
  EXPECT_EQ(task.timeout, std::nullopt);
  EXPECT_EQ(task.idempotency_key, "");
  // Whether it needs one is a rule of the model.
  EXPECT_EQ(parsed("{}").request.url, "");
  EXPECT_EQ(parsed(R"({"request":{}})").request.url, "");
  expect_refused(R"({"url":""})", "url", "must not be empty");
  expect_refused(R"({"request":{"uri":"http://a/"}})", "request.uri", "not known");
}

TEST(ParseNewTaskTest, ReadsEveryField) {
  const NewTask task = parsed(R"({
    "namespace": "ns", "id": "i", "idPrefix": "p", "idempotencyKey": "k",
    "request": {"method": "post", "url": "https://example.com/", "headers":
      {"x-a": "1", "x-b": ["2", "3"]}, "body": {"key": [1.50, "v"]}},
    "scheduledDate": "2026-01-31T13:34:56.789+01:00",
    "repeat": {"interval": 5, "max": 0, "unit": "hour"},
    "retryLimit": 7, "timeout": "1m30s", "endpoint": "acme", "flowKey": "customer 42",
    "deliverBefore": "2026-01-31T13:34:57+01:00",
    "callback": "audit", "callbackOn": ["task.failed"]
  })");
  EXPECT_EQ(task.id, "i");
  EXPECT_EQ(task.id_prefix, "p");
  EXPECT_EQ(task.idempotency_key, "k");
  EXPECT_EQ(task.request.method, Method::kPost);
  EXPECT_EQ(task.request.url, "https://example.com/");
  EXPECT_EQ(task.request.headers, (std::vector<Header>{{"x-a", "1"}, {"x-b", "2"}, {"x-b", "3"}}));
  EXPECT_EQ(task.request.body, Body::json(R"({"key": [1.50, "v"]})"));
  ASSERT_TRUE(task.scheduled_date);
  EXPECT_EQ(format_time(*task.scheduled_date), "2026-01-31T12:34:56.789Z");
  EXPECT_EQ(task.repeat, (Repeat{5, 0, RepeatUnit::kHours}));
  EXPECT_EQ(task.retry_limit, 7);
  EXPECT_EQ(task.timeout, std::chrono::seconds{90});
  ASSERT_TRUE(task.deliver_before);
  EXPECT_EQ(format_time(*task.deliver_before), "2026-01-31T12:34:57.000Z");
  EXPECT_EQ(task.endpoint, "acme");
  EXPECT_EQ(task.flow_key, "customer 42");
  EXPECT_EQ(task.callback, "audit");
  EXPECT_EQ(task.callback_on, std::vector<std::string>{"task.failed"});
}

TEST(ParseNewTaskTest, RepeatHasDefaults) {
  EXPECT_EQ(parsed(with(R"("repeat":{"interval":2})")).repeat,
            (Repeat{2, 1, RepeatUnit::kMinutes}));
  const struct {
    const char* name;
    RepeatUnit unit;
  } kUnits[] = {{"second", RepeatUnit::kSeconds}, {"seconds", RepeatUnit::kSeconds},
                {"minute", RepeatUnit::kMinutes}, {"MINUTES", RepeatUnit::kMinutes},
                {"hour", RepeatUnit::kHours},     {"hours", RepeatUnit::kHours},
                {"Day", RepeatUnit::kDays},       {"days", RepeatUnit::kDays}};
  for (const auto& [name, unit] : kUnits) {
    const std::string repeat = std::string(R"("repeat":{"interval":1,"unit":")") + name + R"("})";
    EXPECT_EQ(parsed(with(repeat)).repeat, (Repeat{1, 1, unit})) << name;
  }
}

TEST(ParseNewTaskTest, BodiesOfEveryKind) {
  const auto body = [](const std::string& json) {
    return parsed(with("\"body\":" + json)).request.body;
  };
  EXPECT_EQ(parsed(with("")).request.body, Body{});
  EXPECT_EQ(body("null"), Body{});
  EXPECT_EQ(body("\"\""), Body::text(""));
  EXPECT_EQ(body(R"("a\n\u00e9")"), Body::text("a\né"));
  // As it was given, so that a signature over it fits; what stands around it is not of it.
  EXPECT_EQ(body(" { \"b\" : 1 ,\n \"a\" : 2 } "), Body::json("{ \"b\" : 1 ,\n \"a\" : 2 }"));
  EXPECT_EQ(body("[]"), Body::json("[]"));
  EXPECT_EQ(body("true"), Body::json("true"));
  // No digit is lost.
  for (const char* number : {"12345678901234567890123", "0.10000000000000000001", "1E+2", "-0"}) {
    EXPECT_EQ(body(number), Body::json(number));
  }
}

TEST(ParseNewTaskTest, JsonBodiesAreChecked) {
  EXPECT_TRUE(parsed(with(R"("body":{ "a" : [1] })")).request.body.is_checked());
  EXPECT_TRUE(parsed(with(R"("request":{"body":1})")).request.body.is_checked());
  const auto batch =
      parse_new_tasks(R"({"items":[{"namespace":"ns","url":"http://a/","body":[]}]})");
  ASSERT_TRUE(batch && batch->at(0));
  EXPECT_TRUE(batch->at(0)->request.body.is_checked());
  // It is refused for that, whatever it holds.
  const std::string too_long = "[" + std::string(300'000, ' ') + "]";
  EXPECT_FALSE(parsed(with("\"body\":" + too_long)).request.body.is_checked());
}

TEST(ParseNewTaskTest, RequestFieldsAtEitherPlace) {
  const NewTask outer =
      parsed(R"({"url":"http://a/","method":"PUT","headers":{"x":"1","y":"2"},"body":{"a":1}})");
  const NewTask inner = parsed(
      R"({"request":{"url":"http://a/","method":"PUT","headers":{"x":"1","y":"2"},"body":{"a":1}}})");
  // Of two forms of one body that under "request" is taken.
  const NewTask both = parsed(
      R"({"url":"http://a/","method":"put","headers":{"y":"2","x":"1"},"body":{ "a" : 1 },
      "request":{"url":"http://a/","method":"PUT","headers":{"x":"1","y":"2"},"body":{"a":1}}})");
  const NewTask mixed = parsed(
      R"({"url":"http://a/","body":{"a":1},"request":{"method":"PUT","headers":{"x":"1","y":"2"}}})");
  EXPECT_EQ(outer.request.method, Method::kPut);
  EXPECT_EQ(outer.request, inner.request);
  EXPECT_EQ(outer.request, both.request);
  EXPECT_EQ(outer.request, mixed.request);
}

TEST(ParseNewTaskTest, RefusesConflictsOfTheTwoPlaces) {
  expect_refused(R"({"url":"http://a/","request":{"url":"http://b/"}})", "url", "request.url");
  expect_refused(with(R"("method":"PUT","request":{"method":"POST"})"), "method", "differs");
  expect_refused(with(R"("headers":{"x":"1"},"request":{"headers":{"x":"2"}})"), "headers",
                 "differs");
  expect_refused(with(R"("headers":{},"request":{"headers":{"x":"2"}})"), "headers", "differs");
  expect_refused(with(R"("headers":{"x":["1","2"]},"request":{"headers":{"x":["2","1"]}})"),
                 "headers", "differs");
  expect_refused(with(R"("body":1,"request":{"body":2})"), "body", "differs");
  expect_refused(with(R"("body":"1","request":{"body":1})"), "body", "differs");
  expect_refused(with(R"("idempotencyKey":"","request":{"body":1})"), "idempotencyKey", "empty");
}

TEST(ParseNewTaskTest, NamespaceOfPathAndBody) {
  EXPECT_EQ(parsed(with(R"("namespace":"ns")")).ns, "ns");
  expect_refused(with(R"("namespace":"other")"), "namespace", "\"other\"");
  const auto named = parse_new_task(with(R"("namespace":"own")"), "");
  ASSERT_TRUE(named);
  EXPECT_EQ(named->ns, "own");
  const auto missing = parse_new_task(with(""), "");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().field, "namespace");
}

TEST(ParseNewTaskTest, NamesTheFieldThatIsWrong) {
  const struct {
    const char* members;
    const char* field;
    const char* message;
  } kCases[] = {
      {R"("namespace":1)", "namespace", "must be a string"},
      {R"("id":1)", "id", "must be a string"},
      {R"("id":"")", "id", "must not be empty"},
      {R"("idPrefix":[])", "idPrefix", "must be a string"},
      {R"("idPrefix":"")", "idPrefix", "must not be empty"},
      {R"("method":"FETCH")", "method", "GET, POST, PUT, PATCH, DELETE, HEAD"},
      {R"("method":1)", "method", "must be a string"},
      {R"("request":"x")", "request", "must be an object"},
      {R"("request":{"url":true})", "request.url", "must be a string"},
      {R"("request":{"method":"get it"})", "request.method", "not a method"},
      {R"("request":{"timeout":1})", "request.timeout", "not known"},
      {R"("request":{"headers":[]})", "request.headers", "must be an object"},
      {R"("request":{"headers":{"x":1}})", "request.headers.x", "must be a string"},
      {R"("request":{"headers":{"x":null}})", "request.headers.x", "must be a string"},
      {R"("request":{"headers":{"x":["1",2]}})", "request.headers.x[1]", "must be a string"},
      {R"("request":{"headers":{"x":"1","x":"2"}})", "request.headers.x", "twice"},
      {R"("request":{"body":[{"a":1,"a":1}]})", "request.body[0].a", "twice"},
      {R"("headers":"x")", "headers", "must be an object"},
      {R"("body":{"a":{"b":1,"b":2}})", "body.a.b", "twice"},
      {R"("scheduledDate":1769862896789)", "scheduledDate", "ISO-8601"},
      {R"("scheduledDate":"tomorrow")", "scheduledDate", "\"tomorrow\""},
      {R"("scheduledDate":"2026-02-30T00:00:00Z")", "scheduledDate", "does not exist"},
      {R"("scheduledDate":"2026-02-20T00:00:00")", "scheduledDate", "offset"},
      {R"("repeat":5)", "repeat", "must be an object"},
      {R"("repeat":{})", "repeat.interval", "is required"},
      {R"("repeat":{"interval":"5"})", "repeat.interval", "must be a whole number"},
      {R"("repeat":{"interval":1.5})", "repeat.interval", "must be a whole number"},
      {R"("repeat":{"interval":9223372036854775808})", "repeat.interval", "number from 1 to"},
      {R"("repeat":{"interval":1,"max":-1e99})", "repeat.max", "number from 0 to"},
      {R"("repeat":{"interval":1,"unit":"weeks"})", "repeat.unit", "seconds, minutes, hours, days"},
      {R"("repeat":{"interval":1,"unit":""})", "repeat.unit", "not a unit"},
      {R"("repeat":{"interval":1,"cron":"*"})", "repeat.cron", "interval, max, unit"},
      {R"("retryLimit":"3")", "retryLimit", "must be a whole number"},
      {R"("retryLimit":true)", "retryLimit", "must be a whole number"},
      {R"("retryLimit":2147483648)", "retryLimit", "whole number from 0 to 100"},
      {R"("retryLimit":-2147483649)", "retryLimit", "whole number from 0 to 100"},
      {R"("retryLimit":123456789012345678901234567890)", "retryLimit", "from 0 to 100"},
      {R"("timeout":20)", "timeout", "must be a string"},
      {R"("timeout":"20")", "timeout", "\"20\" is no length of time"},
      {R"("timeout":"")", "timeout", "is no length of time"},
      {R"("timeout":"99999d")", "timeout", "longer than 36500d"},
      {R"("idempotencyKey":7)", "idempotencyKey", "must be a string"},
      {R"("idempotencyKey":"")", "idempotencyKey", "must not be empty"},
      {R"("Url":"x")", "Url", "not known"},
      {R"("callback":"")", "callback", "must not be empty"},
      {R"("callbackOn":"task.failed")", "callbackOn", "must be an array"},
      {R"("callbackOn":[])", "callbackOn", "must have at least one"},
      {R"("callbackOn":["task.failed",null])", "callbackOn[1]", "must be a string"},
      {R"("origin":"x")", "origin", "not known"},
      {R"("status":"ACTIVE")", "status", "not known"},
      {R"("url":"http://b/")", "url", "twice"},
      {R"("u\u0072l":"http://b/")", "url", "twice"},
  };
  for (const auto& c : kCases) expect_refused(with(c.members), c.field, c.message);
}

TEST(ParseNewTaskTest, RefusesOtherDocuments) {
  for (const char* json : {"", "null", "[]", "1", "\"x\"", "{", "{} x", "{\"url\":\"\xff\"}"}) {
    expect_refused(json, "");
  }
  expect_refused(std::string(513, '['), "", "deeper than 512");
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

TEST(ParseNewTaskTest, ABodyIs64DeepWhereverItStands) {
  EXPECT_TRUE(parse_new_task(with("\"body\":" + nested(64)), "ns"));
  EXPECT_TRUE(parse_new_task(with("\"request\":{\"body\":" + nested(64) + "}"), "ns"));
  expect_refused(with("\"body\":" + nested(65)), "body", "deeper than 64");
  expect_refused(with("\"request\":{\"body\":" + nested(65) + "}"), "request.body",
                 "deeper than 64");
}

// As a client's serializer writes what is not set.
TEST(ParseNewTaskTest, NullIsAbsence) {
  const NewTask task = parsed(R"({"namespace":null,"id":null,"idPrefix":null,
      "idempotencyKey":null,"url":"http://a/","method":null,"headers":null,"body":null,
      "request":null,"scheduledDate":null,"repeat":null,"retryLimit":null,"timeout":null,
      "deliverBefore":null,"endpoint":null,"flowKey":null,"callback":null,"callbackOn":null,
      "maxErrors":null,"pauseOnFailure":null})");
  NewTask expected;
  expected.ns = "ns";
  expected.request.url = "http://a/";
  EXPECT_EQ(to_json(task).value(), to_json(expected).value());
  EXPECT_EQ(task.request.body, Body{});

  EXPECT_EQ(parsed(with(R"("request":{"method":null,"headers":null,"body":null})")).request,
            parsed(with("")).request);
  EXPECT_EQ(parsed(with(R"("body":null,"request":{"body":1})")).request.body, Body::json("1"));
  EXPECT_EQ(parsed(with(R"("body":1,"request":{"body":null})")).request.body, Body::json("1"));
  EXPECT_EQ(parsed(with(R"("repeat":{"interval":2,"max":null,"unit":null})")).repeat,
            (Repeat{2, 1, RepeatUnit::kMinutes}));
  // What is required is missing then, and a null within a value is a part of it.
  EXPECT_EQ(parsed(R"({"url":null})").request.url, "");
  expect_refused(with(R"("repeat":{"interval":null})"), "repeat.interval", "is required");
  EXPECT_EQ(parsed(with(R"("body":[null])")).request.body, Body::json("[null]"));
}

TEST(ParseNewTaskTest, LongNamesAreCutInErrors) {
  const std::string name(100'000, 'n');
  const auto task = parse_new_task(with("\"" + name + "\":1"), "ns");
  ASSERT_FALSE(task);
  EXPECT_LT(task.error().field.size(), 100u);
  EXPECT_LT(task.error().message.size(), 400u);
}

TEST(ParseNewTaskTest, WhatAProgramSendsIsWhatAServerReads) {
  const std::uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  TestRecords random(seed);
  random.utf8_only = true;
  for (int i = 0; i < 2000; ++i) {
    const model::TaskRecord record = random.record();
    NewTask task;
    static_cast<Spec&>(task) = record.task;
    if (task.schedule) task.schedule->since = {};  // the scheduler's
    task.ns = record.task.key.ns;
    if (random.coin()) task.id = record.task.key.id;
    random.fill(task.scheduled_date);
    if (random.coin()) task.idempotency_key = "key " + std::to_string(i);
    const std::string json = to_json(task).value();
    const auto back = parse_new_task(json, random.coin() ? task.ns : "");
    ASSERT_TRUE(back) << json << ": " << back.error().message;
    ASSERT_EQ(*back, task) << json;
    ASSERT_EQ(to_json(*back).value(), json);
  }
}

// A server would act on something else.
TEST(ParseNewTaskTest, WhatCanNotBeSentAsItIsIsNotWritten) {
  NewTask good;
  good.ns = "ns";
  good.request.url = kUrl;
  ASSERT_TRUE(to_json(good));
  const std::string bytes = "caf\xe9";
  const std::vector<std::function<void(NewTask&)>> changes = {
      [&](NewTask& t) { t.ns = bytes; },
      [&](NewTask& t) { t.id = bytes; },
      [&](NewTask& t) { t.id_prefix = bytes; },
      [&](NewTask& t) { t.idempotency_key = bytes; },
      [&](NewTask& t) { t.request.url += bytes; },
      [&](NewTask& t) {
        t.request.headers = {{bytes, "v"}};
      },
      [&](NewTask& t) {
        t.request.headers = {{"x", bytes}};
      },
      [&](NewTask& t) { t.request.body = Body::text(bytes); },
      [&](NewTask& t) { t.request.body = Body::json("\"" + bytes + "\""); },
      [&](NewTask& t) { t.request.body = Body::json("{a:1}"); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    NewTask task = good;
    changes[i](task);
    const auto json = to_json(task);
    ASSERT_FALSE(json) << i << ": " << *json;
    EXPECT_EQ(json.error().code, ErrorCode::kInvalidArgument);
  }
  ManyQuery query;
  query.filter.id = bytes;
  EXPECT_FALSE(to_json(query));
}

// Every cut of a valid call is refused, and no changed byte does harm.
TEST(ParseNewTaskTest, DamagedCallsAreBorne) {
  const std::string json = with(
      R"("request":{"headers":{"x":["1"]},"body":{"a":"\ud83d\ude00"}},"repeat":{"interval":1})");
  ASSERT_TRUE(parse_new_task(json, "ns"));
  for (std::size_t size = 0; size < json.size(); ++size) {
    ASSERT_FALSE(parse_new_task(json.substr(0, size), "ns")) << size;
  }
  for (std::size_t i = 0; i < json.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string damaged = json;
      damaged[i] = static_cast<char>(byte);
      const auto task = parse_new_task(damaged, "ns");
      if (task) {
        ASSERT_TRUE(parse_new_task(to_json(*task).value(), "ns"));
      } else {
        ASSERT_EQ(task.error().code, ErrorCode::kInvalidArgument);
      }
    }
  }
}

TEST(ParseNewTasksTest, AnItemThatIsWrongIsAnErrorInItsPlace) {
  const auto tasks = parse_new_tasks(R"({"items":[
    {"namespace":"a","url":"http://a/"},
    {"namespace":"a","url":""},
    {"url":"http://a/"},
    7,
    {"namespace":"a","url":"http://a/","repeat":{"interval":"x"}},
    {"namespace":"a","namespace":"a","url":"http://a/"},
    {"namespace":"a","url":"http://a/","body":{"x":1,"x":2}},
    {"namespace":"b","url":"http://b/","cron":1},
    {"namespace":"b","url":"http://b/"}]})");
  ASSERT_TRUE(tasks) << tasks.error().message;
  const char* const kFields[] = {nullptr,
                                 "items[1].url",
                                 "items[2].namespace",
                                 "items[3]",
                                 "items[4].repeat.interval",
                                 "items[5].namespace",
                                 "items[6].body.x",
                                 "items[7].cron",
                                 nullptr};
  ASSERT_EQ(tasks->size(), std::size(kFields));
  for (std::size_t i = 0; i < tasks->size(); ++i) {
    const auto& task = (*tasks)[i];
    ASSERT_EQ(task.has_value(), kFields[i] == nullptr) << i;
    if (task) continue;
    EXPECT_EQ(task.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(task.error().field, kFields[i]);
  }
  EXPECT_EQ(tasks->back()->ns, "b");
}

TEST(ParseNewTasksTest, ABodyThatIsTooDeepIsOneItemsError) {
  const std::string item = R"({"namespace":"a","url":"http://a/","request":{"body":)";
  std::string json = "{\"items\":[";
  for (const std::size_t depth : {61, 62, 64, 65, 300}) json += item + nested(depth) + "}},";
  json.back() = ']';
  const auto tasks = parse_new_tasks(json + "}");
  ASSERT_TRUE(tasks) << tasks.error().message;
  ASSERT_EQ(tasks->size(), 5u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE((*tasks)[i]) << i;
  EXPECT_EQ((*tasks)[3].error().field, "items[3].request.body");
  EXPECT_EQ((*tasks)[4].error().field, "items[4].request.body");
}

TEST(ParseNewTasksTest, TakesAThousandAtMost) {
  const auto batch = [](int count) {
    std::string json = "{\"items\":[";
    for (int i = 0; i < count; ++i) {
      if (i > 0) json += ',';
      json += R"({"namespace":"n","id":")" + std::to_string(i) + R"(","url":"http://a/"})";
    }
    return json + "]}";
  };
  const auto none = parse_new_tasks(batch(0));
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
  const auto most = parse_new_tasks(batch(1000));
  ASSERT_TRUE(most);
  ASSERT_EQ(most->size(), 1000u);
  for (int i = 0; i < 1000; ++i) {
    const auto& task = (*most)[static_cast<std::size_t>(i)];
    ASSERT_TRUE(task);
    ASSERT_EQ(task->id, std::to_string(i));
  }
  const auto more = parse_new_tasks(batch(1001));
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().field, "items");
  EXPECT_NE(more.error().message.find("at most 1000"), std::string::npos);
}

TEST(ParseNewTasksTest, TheBatchItselfMustBeRight) {
  const struct {
    const char* json;
    const char* field;
  } kCases[] = {{"", ""},
                {"[]", ""},
                {"{}", "items"},
                {R"({"items":{}})", "items"},
                {R"({"items":null})", "items"},
                {R"({"items":[],"count":0})", "count"},
                {R"({"items":[],"items":[]})", "items"}};
  for (const auto& c : kCases) {
    const auto tasks = parse_new_tasks(c.json);
    ASSERT_FALSE(tasks) << c.json;
    EXPECT_EQ(tasks.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(tasks.error().field, c.field);
  }
}

// Lists of what was read take many times the memory of the text, so they are not even made.
TEST(ParseNewTaskTest, ObjectsWithTooManyNamesAreRefusedWithoutBeingRead) {
  std::string names = "{\"items\":[{";
  for (int i = 0; i < 1'001; ++i) names += (i ? ",\"" : "\"") + std::to_string(i) + "\":0";
  const auto tasks = parse_new_tasks(names + "}]}");
  ASSERT_TRUE(tasks);
  ASSERT_EQ(tasks->size(), 1u);
  ASSERT_FALSE((*tasks)[0]);
  EXPECT_EQ((*tasks)[0].error().message, "items[0]: the object has more than 1000 names");
  std::string items = "{\"items\":[0";
  for (int i = 0; i < 100'000; ++i) items += ",0";
  const auto many = parse_new_tasks(items + "]}");
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().message, "items: has 100001 items; at most 1000 are allowed");
}

}  // namespace
}  // namespace rhooks::codec
