#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rhooks::store::dynamo {

// What an answer of the service means for the call
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html).
enum class Meaning {
  kDone,
  kOutcome,      // an error that the caller can act on: Reply::error
  kThrottled,    // not done; worth another try, later
  kServerError,  // 5xx: not known whether it was done; worth another try
  kUnreadable,   // 2xx that is no answer of DynamoDB's; likewise
  kRefused,      // not done: the signature, its time or the credentials
  kDenied,       // not done: the credentials do not permit the action
  kMalformed,    // not done: the request is wrong
  kRejected,     // not done: any other error
  kForeign,      // not done: an error that is none of DynamoDB's
};

struct ServiceAnswer {
  Meaning meaning = Meaning::kUnreadable;
  std::string type;          // of an error, without its name space: "ThrottlingException"
  std::string message;       // of an error: one line, cut
  boost::json::object body;  // empty where there is none
};

// Reads an answer. Takes any bytes.
ServiceAnswer read_answer(int status, std::string_view body);

// Why a call was throttled, as far as the service says: "reason resource", by commas
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/throttling-diagnosing.html).
std::string throttling_reasons(const boost::json::object& error);

// What a request consumed of one table.
struct ConsumedCapacity {
  std::string table;
  double units = 0;
};
std::vector<ConsumedCapacity> consumed_capacity(const boost::json::object& answer);

// Whether the header x-amz-crc32 is that of the body; true where there is none.
bool crc32_fits(std::string_view header, std::string_view body);

}  // namespace rhooks::store::dynamo
