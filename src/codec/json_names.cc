// The names of enumerators in the public JSON.

#include <initializer_list>

#include "base/ascii.h"
#include "base/text.h"
#include "codec/public_json.h"

namespace rhooks::codec {
namespace {

// Finds the value whose name is `name` in any case; `what` names the kind for the message.
template <typename T>
Result<T> find_name(std::string_view name, const char* what, std::initializer_list<T> values) {
  const std::string wanted = lower_case(name);
  std::string names;
  for (const T value : values) {
    if (wanted == lower_case(to_string(value))) return value;
    if (!names.empty()) names += ", ";
    names += to_string(value);
  }
  return fail(ErrorCode::kInvalidArgument,
              quote(name) + " is not a " + what + "; it must be one of " + names);
}

}  // namespace

Result<Method> parse_method(std::string_view name) {
  return find_name(
      name, "method",
      {Method::kGet, Method::kPost, Method::kPut, Method::kPatch, Method::kDelete, Method::kHead});
}

Result<Status> parse_status(std::string_view name) {
  return find_name(
      name, "status",
      {Status::kActive, Status::kProcessing, Status::kDone, Status::kFailed, Status::kSuspended});
}

Result<LogStatus> parse_log_status(std::string_view name) {
  return find_name(name, "log status", {LogStatus::kSuccess, LogStatus::kFail});
}

Result<RedriveState> parse_redrive_state(std::string_view name) {
  return find_name(name, "state of a redrive",
                   {RedriveState::kRunning, RedriveState::kDone, RedriveState::kCancelled});
}

Result<Missed> parse_missed(std::string_view name) {
  return find_name(name, "way to treat what was missed",
                   {Missed::kLatest, Missed::kSkip, Missed::kAll});
}

Result<Overlap> parse_overlap(std::string_view name) {
  return find_name(name, "way to treat overlaps",
                   {Overlap::kWait, Overlap::kSkip, Overlap::kCutRetries});
}

Result<Occurrence::Kind> parse_occurrence_kind(std::string_view name) {
  using Kind = Occurrence::Kind;
  return find_name(name, "kind of occurrence", {Kind::kPlain, Kind::kGap, Kind::kFold});
}

Result<Role> parse_role(std::string_view name) {
  return find_name(name, "role", {Role::kRead, Role::kWrite, Role::kAdmin});
}

Result<SecretType> parse_secret_type(std::string_view name) {
  return find_name(
      name, "type of secret",
      {SecretType::kHmac, SecretType::kEd25519, SecretType::kToken, SecretType::kBasic});
}

Result<RepeatUnit> parse_repeat_unit(std::string_view name) {
  const auto find = [](std::string_view text) {
    return find_name(
        text, "unit",
        {RepeatUnit::kSeconds, RepeatUnit::kMinutes, RepeatUnit::kHours, RepeatUnit::kDays});
  };
  const auto found = find(name);
  if (found) return found;
  const auto plural = find(std::string(name) + 's');
  return plural ? plural : found;
}

}  // namespace rhooks::codec
