#include "store/open.h"

#include <string>

#include "store/memory/memory_store.h"
#include "store/rocks/rocks_store.h"

namespace rhooks::store {

Result<std::unique_ptr<Store>> open_store(std::string_view url) {
  const auto colon = url.find(':');
  const std::string_view kind = url.substr(0, colon);
  const std::string_view rest =
      colon == std::string_view::npos ? std::string_view() : url.substr(colon + 1);
  if (colon != std::string_view::npos) {
    if (kind == "rocksdb" && !rest.empty()) return open_rocks(std::string(rest));
    if (kind == "memory" && rest.empty()) return std::make_unique<MemoryStore>();
    if (kind == "dynamodb") {
      return fail(ErrorCode::kUnsupported,
                  "the DynamoDB store is not part of this version; use rocksdb:PATH", "store");
    }
  }
  return fail(ErrorCode::kInvalidArgument,
              "'" + std::string(url) +
                  "' is no store; it must be rocksdb:PATH (a directory, created if missing) or "
                  "memory: (gone with the process)",
              "store");
}

}  // namespace rhooks::store
