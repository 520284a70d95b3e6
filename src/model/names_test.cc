#include <gtest/gtest.h>
#include <rhooks/log.h>
#include <rhooks/result.h>
#include <rhooks/task.h>

namespace rhooks {
namespace {

TEST(NamesTest, OfErrorCodes) {
  EXPECT_STREQ(to_string(ErrorCode::kInvalidArgument), "invalid_argument");
  EXPECT_STREQ(to_string(ErrorCode::kNotFound), "not_found");
  EXPECT_STREQ(to_string(ErrorCode::kConflict), "conflict");
  EXPECT_STREQ(to_string(ErrorCode::kUnsupported), "unsupported");
  EXPECT_STREQ(to_string(ErrorCode::kUnavailable), "unavailable");
  EXPECT_STREQ(to_string(ErrorCode::kOverloaded), "overloaded");
  EXPECT_STREQ(to_string(ErrorCode::kUnknownOutcome), "unknown_outcome");
  EXPECT_STREQ(to_string(ErrorCode::kCorrupt), "corrupt");
  EXPECT_STREQ(to_string(ErrorCode::kInternal), "internal");
}

TEST(NamesTest, OfMethods) {
  EXPECT_STREQ(to_string(Method::kGet), "GET");
  EXPECT_STREQ(to_string(Method::kPost), "POST");
  EXPECT_STREQ(to_string(Method::kPut), "PUT");
  EXPECT_STREQ(to_string(Method::kPatch), "PATCH");
  EXPECT_STREQ(to_string(Method::kDelete), "DELETE");
  EXPECT_STREQ(to_string(Method::kHead), "HEAD");
}

TEST(NamesTest, OfStatuses) {
  EXPECT_STREQ(to_string(Status::kActive), "ACTIVE");
  EXPECT_STREQ(to_string(Status::kProcessing), "PROCESSING");
  EXPECT_STREQ(to_string(Status::kDone), "DONE");
  EXPECT_STREQ(to_string(Status::kFailed), "FAILED");
  EXPECT_STREQ(to_string(Status::kSuspended), "SUSPENDED");
  EXPECT_STREQ(to_string(LogStatus::kSuccess), "SUCCESS");
  EXPECT_STREQ(to_string(LogStatus::kFail), "FAIL");
}

TEST(NamesTest, OfUnits) {
  EXPECT_STREQ(to_string(RepeatUnit::kSeconds), "seconds");
  EXPECT_STREQ(to_string(RepeatUnit::kMinutes), "minutes");
  EXPECT_STREQ(to_string(RepeatUnit::kHours), "hours");
  EXPECT_STREQ(to_string(RepeatUnit::kDays), "days");
}

}  // namespace
}  // namespace rhooks
