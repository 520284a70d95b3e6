#include "store/open.h"

#include <string>

#include "store/memory/memory_store.h"

namespace rhooks::store {

Result<std::unique_ptr<Store>> open_store(std::string_view url) {
  if (url == "memory:") return std::make_unique<MemoryStore>();
  if (url.starts_with("dynamodb:")) {
    return fail(ErrorCode::kUnsupported,
                "the DynamoDB store is not part of this version; use rocksdb:PATH", "store");
  }
  return fail(ErrorCode::kInvalidArgument,
              "'" + std::string(url) + "' names no store; use rocksdb:PATH or memory:", "store");
}

}  // namespace rhooks::store
