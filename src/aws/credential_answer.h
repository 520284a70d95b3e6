#pragma once

#include <rhooks/result.h>

#include <string_view>

#include "aws/credentials.h"

// Reads credentials that came from outside. No message quotes any of what was read.
namespace rhooks::aws {

// A JSON object with AccessKeyId, SecretAccessKey, the token by the name that is given
// ("Token" or "SessionToken"; optional) and Expiration (ISO-8601, or epoch seconds; optional).
// Errors: kUnavailable; the message completes "its answer …".
Result<Credentials> read_credentials(std::string_view json, std::string_view token_name);

// The same of a credential_process, whose Version must be 1
// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html).
Result<Credentials> read_process_credentials(std::string_view json);

// The same of a metadata service of an instance, whose Code must be "Success".
Result<Credentials> read_instance_credentials(std::string_view json);

// The same of AssumeRoleWithWebIdentity.
Result<Credentials> read_sts_credentials(std::string_view json);

// The code of an error of STS, such as "ExpiredTokenException"; "" if there is none.
std::string read_sts_error_code(std::string_view json);

// Whether these can go into headers: keys that are there, and nothing in them that would end a
// header. Errors: kUnavailable, as above.
Result<Credentials> checked(Credentials credentials);

}  // namespace rhooks::aws
