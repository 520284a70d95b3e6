#pragma once

#include <rhooks/result.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "observe/metrics.h"
#include "store/dynamo/url.h"
#include "store/store.h"

namespace rhooks::store {

using dynamo::GivenSettings;

// What a store may need besides its URL. The references must outlive it.
struct OpenOptions {
  Metrics& metrics;
  const Clock& clock;
  Random& random;
  GivenSettings dynamo = {};  // of dynamodb:
  std::string ca_file = {};   // PEM; empty: the system's authorities
};

// Opens the store that a URL names: rocksdb:PATH, memory: or dynamodb:?…
// (include/rhooks/options.h).
// Errors: kInvalidArgument with field "store" (no such kind of store, a wrong parameter) or
// the name of the option that is wrong, and those of opening that store.
Result<std::unique_ptr<Store>> open_store(std::string_view url, const OpenOptions& options);

// Whether a URL is well-formed, and agrees with what was set beside it, without opening what
// it names. Errors: kInvalidArgument, as open_store().
Result<void> check_url(std::string_view url, const GivenSettings& dynamo = {});

}  // namespace rhooks::store
