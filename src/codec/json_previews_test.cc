#include <gtest/gtest.h>

#include "base/iso8601.h"
#include "codec/public_json.h"

namespace rhooks::codec {
namespace {

TEST(JsonPreviews, AQueryComesBack) {
  PreviewQuery query;
  query.schedule.emplace().cron = {"0 9 * * *", "0 12 * * SUN"};
  query.schedule->timezone = "Europe/Berlin";
  query.schedule->exclude = {"--12-25", "cron:* * * * SAT"};
  query.schedule->jitter = std::chrono::minutes{10};
  query.key = TaskKey{"ns", "id"};
  query.range = {parse_time("2027-01-01T00:00Z").value(), 7};
  const auto read = parse_preview_query(to_json(query).value());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, query);

  PreviewQuery repeated;
  repeated.scheduled_date = parse_time("2027-01-01T00:00Z").value();
  repeated.repeat = Repeat{5, 3, RepeatUnit::kHours};
  const auto again = parse_preview_query(to_json(repeated).value());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, repeated);
}

TEST(JsonPreviews, RefusalsNameTheMember) {
  const auto field_of = [](const char* json) {
    const auto query = parse_preview_query(json);
    EXPECT_FALSE(query) << json;
    return query ? std::string() : query.error().field;
  };
  EXPECT_EQ(field_of(R"({"schedule":{"cron":5}})"), "schedule.cron");
  EXPECT_EQ(field_of(R"({"schedule":{"cron":"* * * * *","zone":"UTC"}})"), "schedule.zone");
  EXPECT_EQ(field_of(R"({"repeat":{}})"), "repeat.interval");
  EXPECT_EQ(field_of(R"({"scheduledDate":"soon"})"), "scheduledDate");
  EXPECT_EQ(field_of(R"({"namespace":"ns"})"), "id");
  EXPECT_EQ(field_of(R"({"id":"id"})"), "namespace");
  EXPECT_EQ(field_of(R"({"count":"ten"})"), "count");
  EXPECT_EQ(field_of(R"({"from":5})"), "from");
  EXPECT_EQ(field_of(R"({"after":"2027-01-01T00:00Z"})"), "after");
}

TEST(JsonPreviews, APreviewComesBack) {
  Preview preview;
  preview.description = "at 02:30, every day (Europe/Berlin)";
  preview.timezone = "Europe/Berlin";
  const TimePoint at = parse_time("2025-03-30T01:00Z").value();
  preview.occurrences = {{at, at, "2025-03-30T03:00:00+02:00", Occurrence::Kind::kGap},
                         {at, std::nullopt, "2025-10-26T02:30:00+02:00", Occurrence::Kind::kFold}};
  preview.warnings = {"One.", "Another."};
  preview.more = true;
  EXPECT_EQ(parse_preview(to_json(preview)), preview);
  EXPECT_EQ(
      to_json(preview),
      R"j({"description":"at 02:30, every day (Europe/Berlin)","timezone":"Europe/Berlin",)j"
      R"j("occurrences":[{"at":"2025-03-30T01:00:00.000Z","local":"2025-03-30T03:00:00+02:00",)j"
      R"j("due":"2025-03-30T01:00:00.000Z","kind":"gap"},{"at":"2025-03-30T01:00:00.000Z",)j"
      R"j("local":"2025-10-26T02:30:00+02:00","kind":"fold"}],"more":true,)j"
      R"j("warnings":["One.","Another."]})j");
  preview.tzdata = "2026f";
  preview.remaining = 7;
  EXPECT_EQ(parse_preview(to_json(preview)), preview);
  EXPECT_EQ(parse_preview("{}").error().code, ErrorCode::kInternal);
}

}  // namespace
}  // namespace rhooks::codec
