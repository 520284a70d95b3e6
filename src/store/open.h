#pragma once

#include <rhooks/result.h>

#include <memory>
#include <string_view>

#include "store/store.h"

namespace rhooks::store {

// Opens the store that a URL names: rocksdb:PATH or memory: (include/rhooks/options.h).
// Errors: kInvalidArgument with field "store" (no such kind of store), kUnsupported
// (dynamodb:), and those of open_rocks().
Result<std::unique_ptr<Store>> open_store(std::string_view url);

}  // namespace rhooks::store
