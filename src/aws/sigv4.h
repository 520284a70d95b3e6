#pragma once

#include <rhooks/task.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aws/credentials.h"
#include "base/mutex.h"

namespace rhooks::aws {

// A request as it will go over the wire.
struct SigningInput {
  std::string_view method = "POST";
  // As it is to be signed. Services other than S3 want the path that is sent encoded once
  // more; DynamoDB's is always "/".
  std::string_view path = "/";
  std::string_view query = {};         // as sent, without '?'
  const std::vector<Header>& headers;  // all that are to be signed, with Host
  std::string_view body;
};

// The key that signs all requests of one date ("20150830"), region and service. Exported so that
// a test can check what a client signed.
std::array<std::uint8_t, 32> derive_signing_key(std::string_view secret, std::string_view date,
                                                std::string_view region, std::string_view service);

// Signs requests with AWS Signature Version 4
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html).
// The signing key is derived once a day and secret, and kept.
// Threads: every method may be called from any thread. Blocking: none.
class Signer {
 public:
  Signer(std::string region, std::string service);

  // The headers to add: X-Amz-Date, X-Amz-Security-Token where the credentials have a session
  // token, and Authorization.
  std::vector<Header> sign(const SigningInput& input, const Credentials& credentials,
                           TimePoint now);

 private:
  using Digest = std::array<std::uint8_t, 32>;
  Digest signing_key(const std::string& secret, const std::string& date);

  const std::string region_;
  const std::string service_;
  Mutex mutex_;
  std::string cached_for_ RHOOKS_GUARDED_BY(mutex_);  // date and secret of cached_key_
  Digest cached_key_ RHOOKS_GUARDED_BY(mutex_){};
};

}  // namespace rhooks::aws
