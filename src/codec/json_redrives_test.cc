// Redrives: as they are asked for, shown and stored.

#include <gtest/gtest.h>

#include "codec/public_json.h"
#include "model/redrive.h"

namespace rhooks::codec {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kBegan{std::chrono::milliseconds{1'769'862'896'789}};

Redrive full_redrive() {
  Redrive redrive;
  redrive.ns = "shop";
  redrive.id = "order-";
  redrive.endpoint = "acme";
  redrive.reason = "exhausted";
  redrive.last_status = 503;
  redrive.from = kBegan - 1h;
  redrive.to = kBegan;
  redrive.rate = {100, 1min};
  redrive.max = 1'000;
  redrive.state = RedriveState::kCancelled;
  redrive.redriven = 70;
  redrive.skipped = 2;
  redrive.started_at = kBegan;
  redrive.ended_at = kBegan + 42s;
  return redrive;
}

TEST(RedriveJsonTest, IsShownByItsFields) {
  EXPECT_EQ(to_json(full_redrive()),
            R"({"namespace":"shop","id":"order-","endpoint":"acme","reason":"exhausted",)"
            R"("lastStatus":503,"from":"2026-01-31T11:34:56.789Z","to":"2026-01-31T12:34:56.789Z",)"
            R"("rate":"100/1m","max":1000,"state":"CANCELLED","redriven":70,"skipped":2,)"
            R"("startedAt":"2026-01-31T12:34:56.789Z","endedAt":"2026-01-31T12:35:38.789Z"})");
  Redrive least;
  least.ns = "shop";
  least.started_at = kBegan;
  EXPECT_EQ(to_json(least),
            R"({"namespace":"shop","rate":"50/1s","max":0,"state":"RUNNING","redriven":0,)"
            R"("skipped":0,"startedAt":"2026-01-31T12:34:56.789Z"})");
  for (const Redrive& redrive : {full_redrive(), least}) {
    EXPECT_EQ(parse_redrive(to_json(redrive)), redrive);
  }
}

TEST(RedriveJsonTest, WhatIsAskedForIsSentWithoutWhatTheSchedulerSets) {
  const auto sent = to_start_json(full_redrive());
  ASSERT_TRUE(sent);
  const auto back = parse_new_redrive(*sent, "shop");
  ASSERT_TRUE(back) << back.error().message;
  Redrive given = full_redrive();
  given.state = RedriveState::kRunning;
  given.redriven = given.skipped = 0;
  given.started_at = TimePoint{};
  given.ended_at.reset();
  EXPECT_EQ(*back, given);
  for (const char* json : {"", "{}"}) {
    EXPECT_EQ(parse_new_redrive(json, "shop")->rate, (Rate{50, 1s})) << json;
  }
}

TEST(RedriveJsonTest, NamesTheFieldThatIsWrong) {
  const struct {
    const char* json;
    const char* field;
  } kCases[] = {{"[]", ""},
                {R"({"rate":50})", "rate"},
                {R"({"rate":"50"})", "rate"},
                {R"({"max":"1"})", "max"},
                {R"({"reason":null})", "reason"},  // an unset variable must not mean all tasks
                {R"({"endpoint":""})", "endpoint"},
                {R"({"lastStatus":"503"})", "lastStatus"},
                {R"({"from":"today"})", "from"},
                {R"({"namespace":"other"})", "namespace"},
                {R"({"status":"FAILED"})", "status"},
                {R"({"state":"DONE"})", "state"},
                {R"({"id":"a","id":"b"})", "id"}};
  for (const auto& c : kCases) {
    const auto redrive = parse_new_redrive(c.json, "shop");
    ASSERT_FALSE(redrive) << c.json;
    EXPECT_EQ(redrive.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(redrive.error().field, c.field);
  }
}

TEST(RedriveJsonTest, HowFarItIsComesBackFromAStore) {
  model::StoredRedrive stored;
  static_cast<Redrive&>(stored) = full_redrive();
  stored.ns.clear();  // the name of the document says it
  EXPECT_EQ(parse_stored_redrive(to_stored_json(stored)), stored);
  stored.after = model::StoredRedrive::Position{kBegan, "order-\"17\""};
  stored.step = model::StoredRedrive::Step{kBegan + 1s, {"order-16", "order-\"17\""}};
  EXPECT_EQ(parse_stored_redrive(to_stored_json(stored)), stored);
  // What a newer version added is passed over.
  std::string newer = to_stored_json(stored);
  newer.back() = ',';
  EXPECT_EQ(parse_stored_redrive(newer + R"("later":1})"), stored);
  for (const char* json : {"", "{", R"({"rate":1})", R"({"step":{"ids":[]}})", R"({"after":{}})",
                           R"({"step":{"at":"2026-01-31T12:34:56.789Z","ids":[1]}})"}) {
    const auto refused = parse_stored_redrive(json);
    ASSERT_FALSE(refused) << json;
    EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  }
}

}  // namespace
}  // namespace rhooks::codec
