#pragma once

#include <string>

#include "aws/environment.h"
#include "aws/profile.h"
#include "aws/refreshed_credentials.h"

// The providers of credentials, each a function that looks anew.
//
// Errors: kNotFound, nothing is set up there: the message completes "NAME: …" in the list of
// providers. kUnavailable, something is, but no credentials come of it; to go on to the next
// provider would be to act as someone else than was meant.
namespace rhooks::aws {

// Where the metadata services are; tests have theirs elsewhere.
struct MetadataAddresses {
  std::string container = "http://169.254.170.2";  // for AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
  std::string instance = "http://169.254.169.254";
};

// What web identity needs to know, from the environment or from a profile.
struct WebIdentity {
  std::string token_file;
  std::string role_arn;
  std::string session_name;  // may be empty
  std::string region;        // of STS; empty: its global endpoint
};

// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
Result<Credentials> environment_credentials(const Environment& environment);

// AssumeRoleWithWebIdentity
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
// Whoever has the token gets the credentials, so no signature is asked for.
Result<Credentials> web_identity_credentials(const WebIdentity& identity,
                                             const Environment& environment);

// AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME: pods of EKS.
Result<Credentials> environment_web_identity(const Environment& environment,
                                             const std::string& region);

// The keys, the web identity or the credential_process of a profile in the shared files.
Result<Credentials> profile_credentials(const Environment& environment, const std::string& wanted,
                                        const std::string& region);

// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or …_FULL_URI: tasks of ECS, pods of EKS
// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html).
Result<Credentials> container_credentials(const Environment& environment,
                                          const MetadataAddresses& addresses);

// The role of an EC2 instance, by version 2 of its metadata service only: version 1 has no
// protection against requests that others make a server send
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html).
Result<Credentials> instance_credentials(const Environment& environment,
                                         const MetadataAddresses& addresses);

}  // namespace rhooks::aws
