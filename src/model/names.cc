#include <rhooks/api_key.h>
#include <rhooks/log.h>
#include <rhooks/redrive.h>
#include <rhooks/result.h>
#include <rhooks/schedule.h>
#include <rhooks/secret.h>
#include <rhooks/task.h>

namespace rhooks {

// No `default:`, so that the compiler names the place where a new value is missing.

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kForbidden:
      return "forbidden";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kOverloaded:
      return "overloaded";
    case ErrorCode::kUnknownOutcome:
      return "unknown_outcome";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "invalid";
}

const char* to_string(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kPatch:
      return "PATCH";
    case Method::kDelete:
      return "DELETE";
    case Method::kHead:
      return "HEAD";
  }
  return "invalid";
}

const char* to_string(Status status) {
  switch (status) {
    case Status::kActive:
      return "ACTIVE";
    case Status::kProcessing:
      return "PROCESSING";
    case Status::kDone:
      return "DONE";
    case Status::kFailed:
      return "FAILED";
    case Status::kSuspended:
      return "SUSPENDED";
  }
  return "invalid";
}

const char* to_string(RepeatUnit unit) {
  switch (unit) {
    case RepeatUnit::kSeconds:
      return "seconds";
    case RepeatUnit::kMinutes:
      return "minutes";
    case RepeatUnit::kHours:
      return "hours";
    case RepeatUnit::kDays:
      return "days";
  }
  return "invalid";
}

const char* to_string(Missed missed) {
  switch (missed) {
    case Missed::kLatest:
      return "latest";
    case Missed::kSkip:
      return "skip";
    case Missed::kAll:
      return "all";
  }
  return "invalid";
}

const char* to_string(Occurrence::Kind kind) {
  switch (kind) {
    case Occurrence::Kind::kPlain:
      return "plain";
    case Occurrence::Kind::kGap:
      return "gap";
    case Occurrence::Kind::kFold:
      return "fold";
  }
  return "?";
}

const char* to_string(Overlap overlap) {
  switch (overlap) {
    case Overlap::kWait:
      return "wait";
    case Overlap::kSkip:
      return "skip";
    case Overlap::kCutRetries:
      return "cutRetries";
  }
  return "invalid";
}

const char* to_string(RedriveState state) {
  switch (state) {
    case RedriveState::kRunning:
      return "RUNNING";
    case RedriveState::kDone:
      return "DONE";
    case RedriveState::kCancelled:
      return "CANCELLED";
  }
  return "invalid";
}

const char* to_string(Role role) {
  switch (role) {
    case Role::kRead:
      return "read";
    case Role::kWrite:
      return "write";
    case Role::kAdmin:
      return "admin";
  }
  return "invalid";
}

const char* to_string(SecretType type) {
  switch (type) {
    case SecretType::kHmac:
      return "hmac";
    case SecretType::kEd25519:
      return "ed25519";
    case SecretType::kToken:
      return "token";
    case SecretType::kBasic:
      return "basic";
  }
  return "invalid";
}

const char* to_string(LogStatus status) {
  switch (status) {
    case LogStatus::kSuccess:
      return "SUCCESS";
    case LogStatus::kFail:
      return "FAIL";
  }
  return "invalid";
}

}  // namespace rhooks
