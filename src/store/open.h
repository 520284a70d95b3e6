#pragma once

#include <rhooks/result.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "observe/metrics.h"
#include "store/dynamo/url.h"
#include "store/store.h"
#include "store/traits.h"

namespace rhooks::store {

using dynamo::GivenSettings;

// What a store may hold in memory, in bytes.
struct StoreMemory {
  std::size_t page_bytes = 8u << 20;           // what a page becomes as JSON, about
  std::size_t claim_bytes = 16u << 20;         // what one claim reads
  std::size_t write_buffer_bytes = 64u << 20;  // of rocksdb:, as its cache
  std::size_t cache_bytes = 64u << 20;
};

// What a store may need besides its URL. The references must outlive it.
struct OpenOptions {
  Metrics& metrics;
  std::shared_ptr<Clock> clock;  // the machine's
  Random& random;
  GivenSettings dynamo = {};         // of dynamodb:
  bool drop_damaged_writes = false;  // of rocksdb:
  StoreMemory memory = {};
  std::chrono::seconds logs_ttl{0};  // of those that will be stored; 0: they are kept
};

struct Opened {
  std::unique_ptr<Store> store;
  // The clock to go by: the one given, or one that a store of several machines puts right. It
  // must not be asked once the store is gone.
  std::shared_ptr<Clock> clock;
};

// Opens the store that a URL names: rocksdb:PATH, memory: or dynamodb:?…
// (include/rhooks/options.h).
// Errors: kInvalidArgument with field "store" (no such kind of store, a wrong parameter) or
// the name of the option that is wrong, and those of opening that store.
Result<Opened> open_store(std::string_view url, const OpenOptions& options);

// Whether a URL is well-formed, and agrees with what was set beside it, without opening what
// it names. Errors: kInvalidArgument, as open_store().
Result<void> check_url(std::string_view url, const GivenSettings& dynamo = {});

// Of a URL that check_url() accepts.
StoreTraits traits_of(std::string_view url);

// What somebody should know of a store that is there, though it keeps nothing from working: a
// directory that other users may enter. A sentence each.
std::vector<std::string> warnings_of(std::string_view url);

}  // namespace rhooks::store
