#pragma once

#include <rhooks/result.h>

#include <memory>
#include <string_view>

#include "store/store.h"

namespace rhooks::store {

// Opens the store that a URL names: "rocksdb:PATH" or "memory:".
// Errors: kInvalidArgument (field "store"), kUnsupported ("dynamodb:…", in this version), and
// those of opening, such as kUnavailable for a directory that another process has locked.
Result<std::unique_ptr<Store>> open_store(std::string_view url);

}  // namespace rhooks::store
