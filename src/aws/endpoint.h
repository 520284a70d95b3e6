#pragma once

#include <rhooks/result.h>

#include <string>

#include "aws/environment.h"

namespace rhooks::aws {

struct EndpointOptions {
  std::string region;
  std::string endpoint;
  std::string profile;
};

struct ServiceEndpoint {
  std::string region;
  std::string url;  // "https://dynamodb.eu-west-1.amazonaws.com"; no path
};

// The region: the option, AWS_REGION, AWS_DEFAULT_REGION, the profile's `region`.
// Errors: kInvalidArgument, field "region" (there is none, or it is no name) or "profile".
// Blocking: may read the shared files (profile.h).
Result<std::string> resolve_region(const EndpointOptions& options, const Environment& environment);

// "amazonaws.com", or what the region's partition has instead.
std::string dns_suffix(const std::string& region);

// Where a service is, such as "DynamoDB": the option; AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL
// and the profile's endpoint_url (of its `services` section, or its own), unless
// AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true; the region's public endpoint
// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html). `service` is one
// word; its case counts in messages only.
// Plain http to another machine is refused, as anyone between could read and change everything;
// the option alone may insist on it, and is warned of in the log.
// Errors: kInvalidArgument, field "region", "endpoint" or "profile".
// Blocking: may read the shared files.
Result<ServiceEndpoint> resolve_endpoint(const std::string& service, const EndpointOptions& options,
                                         const Environment& environment);

}  // namespace rhooks::aws
