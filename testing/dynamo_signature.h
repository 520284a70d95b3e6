#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "testing/test_receiver.h"

namespace rhooks::testing {

// An error as AWS's JSON 1.0 protocol answers it.
struct AwsError {
  int status = 400;
  std::string type;  // "com.amazon.coral.service#InvalidSignatureException"
  std::string message;
};

// What a server knows of an access key.
struct AwsKey {
  std::string secret;
  std::string token;  // the session token that must come with it; empty: none
  bool expired = false;
};

// Checks a request's Signature Version 4 as the service does: from the request as it arrived,
// with nothing of the project's signer. None: the signature is right.
//
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html; the
// errors: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html.
// A request may be five minutes old or ahead. All x-amz-* headers have to be signed.
std::optional<AwsError> check_signature(const TestRequest& request, const std::string& region,
                                        const std::map<std::string, AwsKey>& keys,
                                        std::int64_t now_seconds,
                                        const std::string& service = "dynamodb");

// "20260131T123456Z"
std::string amz_date(std::int64_t seconds);

}  // namespace rhooks::testing
