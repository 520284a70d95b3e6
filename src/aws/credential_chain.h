#pragma once

#include <rhooks/result.h>

#include <memory>
#include <string>

#include "aws/credential_providers.h"
#include "aws/credentials.h"
#include "aws/environment.h"

namespace rhooks::aws {

struct CredentialOptions {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
  std::string profile;  // that of AWS_PROFILE, or "default", where it is empty
  std::string region;   // for STS; empty: found as in endpoint.h
};

// Looks for credentials where AWS's tools look, and in their order
// (https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html): the options;
// the environment's keys, its web identity; the profile in the shared files; the container's
// endpoint; the instance's metadata. The first provider where something is set up decides, and is
// asked again before its credentials expire. A profile given as an option goes before the
// environment, whose keys are then not looked at.
//
// Errors: kInvalidArgument, field "access_key_id" or "secret_access_key" (one without the other,
// or no key at all by its characters). All else is found by get(), which may block for HTTP, a
// credential_process (30 s) and files.
Result<std::unique_ptr<CredentialsSource>> make_credentials(
    const CredentialOptions& options, Environment environment,
    const MetadataAddresses& addresses = {});

}  // namespace rhooks::aws
