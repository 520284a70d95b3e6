#pragma once

#include <rhooks/result.h>

#include <string>

#include "store/dynamo/client.h"

// The answer of DescribeTimeToLive
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTimeToLive.html).
namespace rhooks::store::dynamo {

// Seconds since 1970, by which the service deletes what has expired.
inline constexpr std::string_view kTtlAttribute = "ttl";

// Why items with kTtlAttribute will not be deleted; empty: they will be.
std::string time_to_live_trouble(const Result<Reply>& described);

// "ENABLED on ttl", "DISABLED", "not known: …"
std::string time_to_live_text(const Result<Reply>& described);

}  // namespace rhooks::store::dynamo
