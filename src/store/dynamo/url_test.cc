#include "store/dynamo/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace rhooks::store::dynamo {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Error error_of(std::string_view url, const GivenSettings& given = {}) {
  auto settings = settings_of(url, given);
  EXPECT_FALSE(settings) << url;
  return settings ? Error{} : std::move(settings.error());
}

// The field and a part of the message.
void expect_refused(std::string_view url, const std::string& part, const GivenSettings& given = {},
                    const std::string& field = "store") {
  const Error error = error_of(url, given);
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument) << url;
  EXPECT_EQ(error.field, field) << url;
  EXPECT_THAT(error.message, HasSubstr(part)) << url;
}

TEST(DynamoUrlTest, ReadsEveryParameter) {
  const auto settings = settings_of(
      "dynamodb:?region=eu-west-1&tasks=my.tasks&logs=my-logs_2&endpoint=http://127.0.0.1:8000"
      "&create=true&shards=64&profile=night%20shift+");
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->region, "eu-west-1");
  EXPECT_EQ(settings->tasks, "my.tasks");
  EXPECT_EQ(settings->logs, "my-logs_2");
  EXPECT_EQ(settings->endpoint, "http://127.0.0.1:8000");
  EXPECT_TRUE(settings->create);
  EXPECT_EQ(settings->shards, 64);
  EXPECT_EQ(settings->profile, "night shift+");
  const auto encoded = settings_of("dynamodb:?endpoint=http%3A%2F%2F127.0.0.1%3a8000");
  ASSERT_TRUE(encoded);
  EXPECT_EQ(encoded->endpoint, "http://127.0.0.1:8000");
}

TEST(DynamoUrlTest, EverythingHasADefault) {
  for (const char* url : {"dynamodb:", "dynamodb:?", "dynamodb:?create=false"}) {
    const auto settings = settings_of(url);
    ASSERT_TRUE(settings) << settings.error().message;
    EXPECT_EQ(settings->region, "");
    EXPECT_EQ(settings->endpoint, "");
    EXPECT_EQ(settings->profile, "");
    EXPECT_EQ(settings->tasks, "rhooks-tasks");
    EXPECT_EQ(settings->logs, "rhooks-logs");
    EXPECT_FALSE(settings->create);
    EXPECT_EQ(settings->shards, 0);
  }
}

TEST(DynamoUrlTest, RefusesAnotherShape) {
  for (const char* url :
       {"dynamodb", "dynamodb:tasks", "dynamodb://eu-west-1", "dynamodb:/?region=eu-west-1",
        "dynamodb:?region=eu-west-1#x", "DYNAMODB:?region=eu-west-1", "rocksdb:x", ""}) {
    expect_refused(url, "dynamodb:?region=eu-west-1");
  }
}

TEST(DynamoUrlTest, RefusesParametersThatItDoesNotKnowNamingThoseThatItDoes) {
  for (const char* url : {"dynamodb:?colour=blue", "dynamodb:?region=eu-west-1&colour",
                          "dynamodb:?colour=&region=x"}) {
    expect_refused(url, "no parameter colour");
    for (const char* known :
         {"region", "endpoint", "tasks", "logs", "profile", "create", "shards"}) {
      EXPECT_THAT(error_of(url).message, HasSubstr(known));
    }
  }
  expect_refused("dynamodb:?Region=eu-west-1", "no parameter Region");
  expect_refused("dynamodb:?region=eu-west-1&", "a parameter that is not known");
  expect_refused("dynamodb:?region=eu-west-1&&create=true", "a parameter that is not known");
}

TEST(DynamoUrlTest, TakesNoSecretsAndShowsNone) {
  for (const char* name : {"access_key_id", "secret_access_key", "session_token",
                           "aws_access_key_id", "aws_secret_access_key"}) {
    const std::string url = "dynamodb:?region=eu-west-1&" + std::string(name) + "=hush";
    expect_refused(url, "URLs end up in logs");
    EXPECT_THAT(error_of(url).message, HasSubstr(name));
    EXPECT_THAT(error_of(url).message, Not(HasSubstr("hush")));
  }
  for (const char* url : {"dynamodb:?secret_acess_key=hush", "dynamodb:?hu/sh+hush+hush",
                          "dynamodb:?hushhushhushhushhushhushhushhushhush", "dynamodb:hush",
                          "dynamodb:?endpoint=http://user:hush@127.0.0.1"}) {
    EXPECT_THAT(error_of(url).message, Not(HasSubstr("hush"))) << url;
  }
}

TEST(DynamoUrlTest, RefusesAParameterGivenTwice) {
  expect_refused("dynamodb:?region=eu-west-1&region=eu-west-1", "region twice");
  expect_refused("dynamodb:?create=true&region=eu-west-1&create=false", "create twice");
}

TEST(DynamoUrlTest, RefusesWrongValues) {
  for (const char* url :
       {"dynamodb:?region=", "dynamodb:?region", "dynamodb:?region&create=true"}) {
    expect_refused(url, "region of the dynamodb: URL has no value");
  }
  for (const char* url : {"dynamodb:?profile=a%", "dynamodb:?profile=a%4", "dynamodb:?profile=%zz",
                          "dynamodb:?profile=%-1", "dynamodb:?profile=%00", "dynamodb:?profile=%0a",
                          "dynamodb:?profile=\x7f"}) {
    expect_refused(url, "percent-encoded");
  }
  for (const char* value : {"yes", "1", "TRUE", "True"}) {
    expect_refused("dynamodb:?create=" + std::string(value), "true or false");
  }
  for (const char* value : {"0", "257", "-1", "+1", "1.5", "many", "99999999999", "1%20"}) {
    expect_refused("dynamodb:?shards=" + std::string(value), "1 to 256");
  }
  for (const char* value : {"1", "256"}) {
    EXPECT_TRUE(settings_of("dynamodb:?shards=" + std::string(value)));
  }
  const std::string name255(255, 'a');
  for (const std::string& value : {std::string("abc"), name255}) {
    EXPECT_TRUE(settings_of("dynamodb:?tasks=" + value));
  }
  for (const std::string& value : {std::string("ab"), name255 + "a", std::string("my%20tasks"),
                                   std::string("my/tasks"), std::string("aufg%C3%A4ben")}) {
    expect_refused("dynamodb:?tasks=" + value, "3 to 255 letters");
    expect_refused("dynamodb:?logs=" + value, "3 to 255 letters");
  }
  expect_refused("dynamodb:?tasks=one&logs=one", "a table each");
  for (const char* value : {"EU-WEST-1", "eu_west_1", "eu.west", "-x", "a/b"}) {
    expect_refused("dynamodb:?region=" + std::string(value), "no region");
  }
  for (const char* value : {"127.0.0.1:8000", "ftp://127.0.0.1", "http://a?b", "http://a%23b"}) {
    expect_refused("dynamodb:?endpoint=" + std::string(value), "no endpoint");
  }
}

TEST(DynamoUrlTest, OptionsStandInForParameters) {
  const GivenSettings given{.access_key_id = "AKID",
                            .secret_access_key = "hush",
                            .session_token = "token",
                            .region = "us-east-1",
                            .endpoint = "http://127.0.0.1:8000",
                            .profile = "night",
                            .tasks_table_name = "the-tasks",
                            .logs_table_name = "the-logs",
                            .create_table = true};
  // Beside an empty URL, and beside one that says the same.
  for (const char* url :
       {"dynamodb:",
        "dynamodb:?region=us-east-1&endpoint=http://127.0.0.1:8000&profile=night&tasks=the-tasks"
        "&logs=the-logs&create=true"}) {
    const auto settings = settings_of(url, given);
    ASSERT_TRUE(settings) << settings.error().message;
    EXPECT_EQ(settings->access_key_id, "AKID");
    EXPECT_EQ(settings->secret_access_key, "hush");
    EXPECT_EQ(settings->session_token, "token");
    EXPECT_EQ(settings->region, "us-east-1");
    EXPECT_EQ(settings->endpoint, "http://127.0.0.1:8000");
    EXPECT_EQ(settings->profile, "night");
    EXPECT_EQ(settings->tasks, "the-tasks");
    EXPECT_EQ(settings->logs, "the-logs");
    EXPECT_TRUE(settings->create);
  }
  // Options that are not given leave the URL as it is.
  const auto settings = settings_of("dynamodb:?create=true&logs=the-logs", {.region = "us-east-1"});
  ASSERT_TRUE(settings);
  EXPECT_TRUE(settings->create);
  EXPECT_EQ(settings->logs, "the-logs");
  EXPECT_EQ(settings->tasks, "rhooks-tasks");
  EXPECT_EQ(settings->region, "us-east-1");
}

TEST(DynamoUrlTest, OptionsThatDifferFromTheUrlAreRefusedNamingBoth) {
  expect_refused("dynamodb:?region=eu-west-1", "region is us-east-1", {.region = "us-east-1"},
                 "region");
  expect_refused("dynamodb:?region=eu-west-1", "region=eu-west-1", {.region = "us-east-1"},
                 "region");
  expect_refused("dynamodb:?tasks=one",
                 "tasks_table_name is two, but the dynamodb: URL says "
                 "tasks=one",
                 {.tasks_table_name = "two"}, "tasks_table_name");
  expect_refused("dynamodb:?logs=one", "logs=one", {.logs_table_name = "two"}, "logs_table_name");
  expect_refused("dynamodb:?profile=one", "profile=one", {.profile = "two"}, "profile");
  expect_refused("dynamodb:?endpoint=http://a", "http://b", {.endpoint = "http://b"}, "endpoint");
  expect_refused("dynamodb:?create=false", "create=false", {.create_table = true}, "create_table");
}

TEST(DynamoUrlTest, ControlCharactersAreRefusedBesideTheUrlAsInIt) {
  expect_refused("dynamodb:?profile=a%1bb", "percent-encoded");
  expect_refused("dynamodb:", "control character", {.endpoint = "http://h\x1b[2J"}, "endpoint");
  expect_refused("dynamodb:", "control character", {.profile = "a\x7f"}, "profile");
  for (const GivenSettings& given :
       {GivenSettings{.region = "a\x1b"}, GivenSettings{.endpoint = "http://a\x1b"},
        GivenSettings{.profile = "a\x1b"}, GivenSettings{.tasks_table_name = "a\x1b"},
        GivenSettings{.logs_table_name = "a\x1b"}}) {
    for (const char* url :
         {"dynamodb:", "dynamodb:?region=b&endpoint=http://b&profile=b&tasks=bcd&logs=efg"}) {
      EXPECT_THAT(error_of(url, given).message, Not(HasSubstr("\x1b")));
    }
  }
}

TEST(DynamoUrlTest, AnAddressWithAPasswordIsQuotedNowhere) {
  const std::string with = "http://user:hush@127.0.0.1:8000";
  for (const std::string& message :
       {error_of("dynamodb:?endpoint=" + with).message,
        error_of("dynamodb:?endpoint=" + with, {.endpoint = "http://b"}).message,
        error_of("dynamodb:?endpoint=http://b", {.endpoint = with}).message,
        error_of("dynamodb:?region=b&endpoint=" + with, {.region = "c"}).message,
        error_of("dynamodb:", {.endpoint = "https://h/?token=hush"}).message,
        error_of("dynamodb:", {.endpoint = "https://h/#hush"}).message}) {
    EXPECT_THAT(message, Not(HasSubstr("hush")));
    EXPECT_FALSE(message.empty());
  }
}

TEST(DynamoUrlTest, WrongOptionsAreRefusedByTheirName) {
  expect_refused("dynamodb:", "3 to 255", {.tasks_table_name = "x"}, "tasks_table_name");
  expect_refused("dynamodb:", "3 to 255", {.logs_table_name = "x"}, "logs_table_name");
  expect_refused("dynamodb:", "no region", {.region = "Frankfurt"}, "region");
  expect_refused("dynamodb:", "no endpoint", {.endpoint = "localhost"}, "endpoint");
  expect_refused("dynamodb:", "without secret_access_key", {.access_key_id = "AKID"},
                 "secret_access_key");
  expect_refused("dynamodb:", "without access_key_id", {.secret_access_key = "hush"},
                 "access_key_id");
  expect_refused("dynamodb:", "belongs to them", {.session_token = "hush"}, "session_token");
  EXPECT_THAT(error_of("dynamodb:", {.secret_access_key = "hush"}).message, Not(HasSubstr("hush")));
}

}  // namespace
}  // namespace rhooks::store::dynamo
