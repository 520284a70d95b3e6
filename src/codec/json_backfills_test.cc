#include <gtest/gtest.h>

#include "base/iso8601.h"
#include "codec/public_json.h"

namespace rhooks::codec {
namespace {

const TimePoint kNine = parse_time("2027-01-01T09:00Z").value();
const TimePoint kTen = parse_time("2027-01-01T10:00Z").value();
const TaskKey kSeries{"ns", "report"};

TEST(BackfillJsonTest, QueriesComeBackAsTheyWere) {
  const BackfillQuery query{kSeries, kNine, kTen, 7, true};
  const std::string json = to_json(query);
  EXPECT_EQ(json, R"({"from":"2027-01-01T09:00:00.000Z","to":"2027-01-01T10:00:00.000Z",)"
                  R"("chunkLimit":7,"dryRun":true})");
  EXPECT_EQ(parse_backfill_query(json, kSeries), query);
  const auto plain =
      parse_backfill_query(R"({"from":"2027-01-01T09:00Z","to":"2027-01-01T10:00Z"})", kSeries);
  EXPECT_EQ(plain, (BackfillQuery{kSeries, kNine, kTen}));
}

TEST(BackfillJsonTest, WrongQueriesAreRefusedNamingTheField) {
  const struct {
    const char* json;
    const char* field;
  } cases[] = {
      {R"({"to":"2027-01-01T10:00Z"})", "from"},
      {R"({"from":"2027-01-01T09:00Z"})", "to"},
      {R"({"from":null,"to":"2027-01-01T10:00Z"})", "from"},
      {R"({"from":"yesterday","to":"2027-01-01T10:00Z"})", "from"},
      {R"({"from":"2027-01-01T09:00Z","to":"2027-01-01T10:00Z","dryrun":true})", "dryrun"},
      {R"({"from":"2027-01-01T09:00Z","to":"2027-01-01T10:00Z","chunkLimit":"1"})", "chunkLimit"},
      {R"({"from":"2027-01-01T09:00Z","to":"2027-01-01T10:00Z","dryRun":1})", "dryRun"},
  };
  for (const auto& one : cases) {
    const auto refused = parse_backfill_query(one.json, kSeries);
    ASSERT_FALSE(refused) << one.json;
    EXPECT_EQ(refused.error().field, one.field) << one.json;
  }
}

TEST(BackfillJsonTest, ResultsComeBackAsTheyWere) {
  const BackfillResult result{{{"report@2027-01-01T09:00:00.000Z", kNine, true},
                               {"report@2027-01-01T10:00:00.000Z", kTen, false}},
                              kTen};
  const std::string json = to_json(result);
  EXPECT_EQ(json, R"({"items":[{"id":"report@2027-01-01T09:00:00.000Z",)"
                  R"("scheduledDate":"2027-01-01T09:00:00.000Z","created":true},)"
                  R"({"id":"report@2027-01-01T10:00:00.000Z",)"
                  R"("scheduledDate":"2027-01-01T10:00:00.000Z","created":false}],)"
                  R"("next":"2027-01-01T10:00:00.000Z"})");
  EXPECT_EQ(parse_backfill_result(json), result);
  EXPECT_EQ(parse_backfill_result(R"({"items":[],"newer":1})"), BackfillResult{});
  EXPECT_FALSE(parse_backfill_result(R"({"items":[{"id":"a","created":true}]})"));
}

}  // namespace
}  // namespace rhooks::codec
