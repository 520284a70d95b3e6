#include "store/dynamo/describe.h"

#include <gmock/gmock.h>

#include "store/dynamo/dynalite_fixture.h"
#include "store/dynamo/time_to_live.h"

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using DescribeTest = DynaliteFixture;

TEST_F(DescribeTest, TellsOfTablesAndIndexes) {
  ASSERT_TRUE(prepare_tables(*client_, tables_, creating()));
  const auto description = describe_tables(*client_, tables_);
  ASSERT_TRUE(description) << description.error().message;
  EXPECT_EQ(description->kind, "dynamodb");
  ASSERT_THAT(description->sections, SizeIs(2));
  for (const auto& section : description->sections) {
    EXPECT_THAT(section.rows, Each(SizeIs(section.columns.size()))) << section.title;
  }
  const auto& tables = description->sections[0].rows;
  ASSERT_THAT(tables, SizeIs(2));
  EXPECT_THAT(tables[0], ElementsAre(tables_.tasks, "ACTIVE", "ns (S), id (S)", ::testing::_,
                                     ::testing::_, "PAY_PER_REQUEST", "DISABLED"));
  EXPECT_EQ(tables[1][0], tables_.logs);

  const auto& indexes = description->sections[1].rows;
  ASSERT_THAT(indexes, SizeIs(3));
  const auto row = [&](const std::string& name) {
    for (const auto& index : indexes) {
      if (index[1] == name) return index;
    }
    return std::vector<std::string>();
  };
  EXPECT_THAT(row("due"), ElementsAre(tables_.tasks, "due", "ACTIVE", "sh (N), due (N)",
                                      "INCLUDE rc", ::testing::_, ::testing::_));
  EXPECT_THAT(row("nsd"), ElementsAre(tables_.tasks, "nsd", "ACTIVE", "ns (S), sd (S)",
                                      "INCLUDE st", ::testing::_, ::testing::_));
  EXPECT_THAT(row("fail"), ElementsAre(tables_.logs, "fail", "ACTIVE", "fl (S), id (S)",
                                       "KEYS_ONLY", ::testing::_, ::testing::_));
}

TEST_F(DescribeTest, MissingTablesAreShownAsSuch) {
  const auto description = describe_tables(*client_, tables_);
  ASSERT_TRUE(description) << description.error().message;
  ASSERT_THAT(description->sections[0].rows, SizeIs(2));
  for (const auto& row : description->sections[0].rows) EXPECT_EQ(row[1], "missing");
  EXPECT_THAT(description->sections[1].rows, IsEmpty());
}

Result<Reply> answer(const std::string& status, const std::string& attribute) {
  Reply reply;
  json::object body;
  if (!status.empty()) body["TimeToLiveStatus"] = status;
  if (!attribute.empty()) body["AttributeName"] = attribute;
  reply.body["TimeToLiveDescription"] = std::move(body);
  return reply;
}

TEST(TimeToLiveTest, IsRead) {
  EXPECT_EQ(time_to_live_trouble(answer("ENABLED", "ttl")), "");
  EXPECT_EQ(time_to_live_trouble(answer("ENABLING", "ttl")), "");
  EXPECT_EQ(time_to_live_trouble(answer("DISABLING", "ttl")), "it is off");
  EXPECT_EQ(time_to_live_trouble(answer("DISABLED", "")), "it is off");
  EXPECT_EQ(time_to_live_trouble(answer("ENABLED", "expires")), "it is on attribute 'expires'");
  EXPECT_EQ(time_to_live_trouble(Reply{}), "it is off");
  EXPECT_EQ(time_to_live_trouble(fail(ErrorCode::kUnavailable, "no way")), "no way");

  EXPECT_EQ(time_to_live_text(answer("ENABLED", "ttl")), "ENABLED on ttl");
  EXPECT_EQ(time_to_live_text(answer("DISABLED", "")), "DISABLED");
  EXPECT_EQ(time_to_live_text(Reply{}), "DISABLED");
  EXPECT_EQ(time_to_live_text(fail(ErrorCode::kUnavailable, "no way")), "not known: no way");
  Reply unknown;
  unknown.error = "UnknownOperationException";
  EXPECT_THAT(time_to_live_text(unknown), HasSubstr("UnknownOperationException"));
}

}  // namespace
}  // namespace rhooks::store::dynamo
