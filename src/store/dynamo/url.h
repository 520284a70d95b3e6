#pragma once

#include <rhooks/result.h>

#include <string>
#include <string_view>

namespace rhooks::store::dynamo {

// What a dynamodb: store is opened with. Empty: not given, and looked up where users of AWS
// expect it (environment, shared configuration files, …; docs/dynamodb.md).
struct DynamoSettings {
  std::string region;
  std::string endpoint;
  std::string tasks = "rhooks-tasks";
  std::string logs = "rhooks-logs";
  std::string profile;
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
  bool create = false;
  int shards = 0;  // of tables that are created; 0: the default, or as they were created
};

// What was set beside the URL: the members of rhooks::Options of these names. Empty and
// false: not given.
struct GivenSettings {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
  std::string region;
  std::string endpoint;
  std::string profile;
  std::string tasks_table_name;
  std::string logs_table_name;
  bool create_table = false;
};

// Reads `dynamodb:?region=…&tasks=…&logs=…&endpoint=…&create=true&shards=16&profile=…` and
// puts what was set beside it together with it. Values are percent-decoded; '+' is itself.
// Errors: kInvalidArgument; the field is "store" for the URL, and the name of the option
// where that is wrong or differs from the URL. A message never holds the value of a parameter
// that is not known: it may be a secret.
Result<DynamoSettings> settings_of(std::string_view url, const GivenSettings& given = {});

}  // namespace rhooks::store::dynamo
