#pragma once

#include <rhooks/result.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace rhooks::codec {

// A page's position as users hold it (startKey, lastEvaluatedKey): opaque, URL-safe text.
//
// `scope` describes the query that it belongs to (namespace, kind, order, filters); it is
// hashed into a checksum, so that a key that was changed, or used with another query, is
// refused. The checksum is no secret: a forged key reaches nothing that the query itself
// could not.
struct StartKey {
  TimePoint at{};
  std::string id;

  friend bool operator==(const StartKey&, const StartKey&) = default;
};

std::string encode_start_key(const StartKey& key, std::string_view scope);
// Errors: kInvalidArgument, field "startKey".
Result<StartKey> decode_start_key(std::string_view text, std::string_view scope);

}  // namespace rhooks::codec
