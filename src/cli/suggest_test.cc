#include "cli/suggest.h"

#include <gtest/gtest.h>

namespace rhooks::cli {
namespace {

TEST(EditDistanceTest, CountsEdits) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("fecth", "fetch"), 1U);  // neighbours swapped
  EXPECT_EQ(edit_distance("max-errors", "MAX_ERRORS"), 0U);
}

TEST(NearestTest, NamesWhatWasMeant) {
  const std::vector<std::string> known{"register",       "get",        "fetch", "logs", "trigger",
                                       "trigger-dryrun", "concurrency"};
  EXPECT_EQ(nearest("regster", known), "register");
  EXPECT_EQ(nearest("fecth", known), "fetch");
  EXPECT_EQ(nearest("conc", known), "concurrency");
  EXPECT_EQ(nearest("log", known), "logs");
  EXPECT_EQ(nearest("trig", known), "trigger");
}

TEST(NearestTest, StaysSilentWhereNothingIsNear) {
  const std::vector<std::string> known{"register", "get", "fetch"};
  EXPECT_EQ(nearest("banana", known), std::nullopt);
  EXPECT_EQ(nearest("", known), std::nullopt);
  EXPECT_EQ(nearest(std::string(100'000, 'x'), known), std::nullopt);
  EXPECT_EQ(did_you_mean("banana", known), "");
  EXPECT_EQ(did_you_mean("gett", known), " Did you mean get?");
}

}  // namespace
}  // namespace rhooks::cli
