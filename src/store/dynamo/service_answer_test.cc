#include "store/dynamo/service_answer.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <random>
#include <string>

namespace rhooks::store::dynamo {
namespace {

std::string error_body(const std::string& type) {
  return R"({"__type":")" + type + R"(","message":"m"})";
}

TEST(ServiceAnswerTest, KnowsErrorsByNameAndStatusAlone) {
  struct Case {
    int status;
    const char* type;
    Meaning meaning;
  };
  for (const auto& [status, type, meaning] : {
           Case{400, "ConditionalCheckFailedException", Meaning::kOutcome},
           Case{400, "ThrottlingException", Meaning::kThrottled},
           Case{400, "ProvisionedThroughputExceededException", Meaning::kThrottled},
           Case{400, "RequestLimitExceeded", Meaning::kThrottled},
           Case{429, "", Meaning::kThrottled},
           Case{500, "InternalServerError", Meaning::kServerError},
           // Past a 5xx nothing is known, whatever it is called.
           Case{503, "ThrottlingException", Meaning::kServerError},
           Case{400, "ItemCollectionSizeLimitExceededException", Meaning::kRejected},
           Case{400, "ExpiredTokenException", Meaning::kRefused},
           Case{403, "AccessDeniedException", Meaning::kDenied},
           Case{400, "ValidationException", Meaning::kMalformed},
           Case{400, "", Meaning::kForeign},
           Case{302, "", Meaning::kForeign},
       }) {
    const auto answer = read_answer(status, error_body(type));
    EXPECT_EQ(answer.meaning, meaning) << status << " " << type;
    EXPECT_EQ(answer.type, type);
    EXPECT_EQ(answer.message, "m");
  }
}

TEST(ServiceAnswerTest, FindsTheNameOfAnErrorInItsNameSpace) {
  for (const char* written : {"com.amazonaws.dynamodb.v20120810#ThrottlingException",
                              "com.amazon.coral.service#ThrottlingException", "ThrottlingException",
                              "com.amazon.coral.service#ThrottlingException:http://example.com/",
                              "a#b#ThrottlingException"}) {
    EXPECT_EQ(read_answer(400, error_body(written)).type, "ThrottlingException") << written;
  }
  EXPECT_EQ(read_answer(400, R"({"__type":7,"Message":"M"})").type, "");
  EXPECT_EQ(read_answer(400, R"({"__type":"X","Message":"M"})").message, "M");
}

TEST(ServiceAnswerTest, TakesAnythingThatIsNoObjectForNoAnswer) {
  for (const char* body : {"", "[]", "{", "null", "7", "{}x", "\xff", "<html>"}) {
    EXPECT_EQ(read_answer(200, body).meaning, Meaning::kUnreadable) << body;
    EXPECT_EQ(read_answer(400, body).meaning, Meaning::kForeign) << body;
    EXPECT_EQ(read_answer(500, body).meaning, Meaning::kServerError) << body;
  }
  EXPECT_EQ(read_answer(200, "{}").meaning, Meaning::kDone);
  EXPECT_EQ(read_answer(204, "{}").meaning, Meaning::kUnreadable);
  EXPECT_EQ(read_answer(200, std::string(100'000, '[')).meaning, Meaning::kUnreadable);
}

TEST(ServiceAnswerTest, ReadsItemsAsDeepAsTheyCanBe) {
  std::string value = R"({"S":"x"})";
  for (int depth = 0; depth < 32; ++depth) value = R"({"M":{"a":)" + value + "}}";
  EXPECT_EQ(read_answer(200, R"({"Item":{"a":)" + value + "}}").meaning, Meaning::kDone);
}

TEST(ServiceAnswerTest, KeepsMessagesToOneShortLine) {
  const auto answer =
      read_answer(400, R"({"__type":"X","message":"a\n\u0000b)" + std::string(5'000, 'c') + "\"}");
  EXPECT_TRUE(answer.message.starts_with("a??bccc"));
  EXPECT_LE(answer.message.size(), 512u);
}

TEST(ServiceAnswerTest, GivesTheReasonsOfAThrottle) {
  const auto reasons = [](const std::string& list) {
    return throttling_reasons(
        boost::json::parse(R"({"ThrottlingReasons":)" + list + "}").as_object());
  };
  EXPECT_EQ(reasons(R"([{"reason":"A","resource":"r"},{"reason":"B","resource":"s"}])"),
            "A r, B s");
  EXPECT_EQ(reasons("[]"), "");
  EXPECT_EQ(reasons("7"), "");
  EXPECT_EQ(reasons("[7,[],{}]"), " ");
  EXPECT_EQ(throttling_reasons({}), "");
}

TEST(Crc32Test, IsThatOfZlib) {
  EXPECT_TRUE(crc32_fits("3421780262", "123456789"));  // the check value of CRC-32/ISO-HDLC
  EXPECT_TRUE(crc32_fits("0", ""));
  EXPECT_TRUE(crc32_fits("", "anything"));
  EXPECT_FALSE(crc32_fits("3421780263", "123456789"));
  EXPECT_FALSE(crc32_fits("34217802620000", "123456789"));
  EXPECT_FALSE(crc32_fits("x", "123456789"));
  EXPECT_FALSE(crc32_fits("3421780262 ", "123456789"));
}

}  // namespace
}  // namespace rhooks::store::dynamo
