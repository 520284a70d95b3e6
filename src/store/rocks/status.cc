#include "store/rocks/status.h"

#include <rocksdb/status.h>

namespace rhooks::store::rocks {

bool disk_failed(const rocksdb::Status& status) {
  return !status.ok() && !status.IsNotFound() && !status.IsCorruption();
}

Error translate(const rocksdb::Status& status, std::string_view doing, const std::string& path) {
  using Code = rocksdb::Status::Code;
  std::string message = "the store in '" + path + "' failed at " + std::string(doing) + ": ";
  ErrorCode code = ErrorCode::kInternal;
  switch (status.code()) {
    case Code::kIOError:
    case Code::kTryAgain:
    case Code::kBusy:
    case Code::kTimedOut:
    case Code::kAborted:
    case Code::kIncomplete:
    case Code::kShutdownInProgress:
      code = ErrorCode::kUnavailable;
      break;
    case Code::kCorruption:
      code = ErrorCode::kCorrupt;
      break;
    default:
      break;
  }
  if (status.subcode() == rocksdb::Status::SubCode::kNoSpace) {
    message += "the disk is full; free some space, and it goes on (";
    message += status.ToString() + ")";
  } else {
    message += status.ToString();
  }
  return Error{code, std::move(message), {}};
}

}  // namespace rhooks::store::rocks
