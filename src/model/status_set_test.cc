#include "model/status_set.h"

#include <gtest/gtest.h>

namespace rhooks::model {
namespace {

TEST(StatusSetTest, ReadsBackWhatItWrites) {
  EXPECT_EQ(parse_status_set("404").value(), (StatusSet{{404, 404}}));
  EXPECT_EQ(parse_status_set("400-403,405,500-599").value(),
            (StatusSet{{400, 403}, {405, 405}, {500, 599}}));
  for (const char* text : {"404", "400-403,405", "100-199", "599,100"}) {
    EXPECT_EQ(format_status_set(parse_status_set(text).value()), text);
  }
  EXPECT_EQ(format_status_set(parse_status_set("404-404").value()), "404");
  EXPECT_EQ(format_status_set({}), "");
}

TEST(StatusSetTest, RefusesWhatNamesNoStatus) {
  for (const char* text :
       {"", ",", "404,", ",404", "4xx", "40", "4040", "400-", "-400", "400--403", "400-40",
        "400 - 403", "400, 403", "+40", "400-403-405", "404\n", "099", "000-404"}) {
    const auto refused = parse_status_set(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(refused.error().message.find("400-403,405,422"), std::string::npos);
  }
}

TEST(StatusSetTest, HasBothEndsOfARange) {
  const StatusSet statuses = {{400, 403}, {422, 422}};
  for (const int status : {400, 401, 403, 422}) EXPECT_TRUE(contains(statuses, status)) << status;
  for (const int status : {0, 399, 404, 421, 423}) {
    EXPECT_FALSE(contains(statuses, status)) << status;
  }
  EXPECT_FALSE(contains({}, 400));
}

}  // namespace
}  // namespace rhooks::model
