#pragma once

#include <rhooks/api_key.h>
#include <rhooks/log.h>
#include <rhooks/secret.h>
#include <rhooks/task.h>

#include <array>
#include <cstdint>
#include <optional>

// The numbers of enumerators, wherever they are stored. They are part of every format, and are
// never used again for something else.
namespace rhooks::model {

// An enumerator's position is its number. A position that is kept free is of no enumerator.
template <typename E>
struct Numbers;

template <>
struct Numbers<Method> {
  static constexpr std::array kAll{Method::kGet,   Method::kPost,   Method::kPut,
                                   Method::kPatch, Method::kDelete, Method::kHead};
};
// PROCESSING is not among them: it is ACTIVE with a live lease, and is stored so.
template <>
struct Numbers<Status> {
  static constexpr std::array kAll{Status::kActive, Status::kDone, Status::kFailed,
                                   Status::kSuspended};
};
template <>
struct Numbers<RepeatUnit> {
  static constexpr std::array kAll{RepeatUnit::kSeconds, RepeatUnit::kMinutes, RepeatUnit::kHours,
                                   RepeatUnit::kDays};
};
template <>
struct Numbers<Missed> {
  static constexpr std::array kAll{Missed::kLatest, Missed::kSkip, Missed::kAll};
};
template <>
struct Numbers<Overlap> {
  static constexpr std::array kAll{Overlap::kWait, Overlap::kSkip, Overlap::kCutRetries};
};
template <>
struct Numbers<Body::Kind> {
  static constexpr std::array kAll{Body::Kind::kNone, Body::Kind::kJson, Body::Kind::kText};
};
template <>
struct Numbers<LogStatus> {
  static constexpr std::array kAll{LogStatus::kSuccess, LogStatus::kFail};
};
template <>
struct Numbers<SecretType> {
  static constexpr std::array kAll{SecretType::kHmac, SecretType::kEd25519, SecretType::kToken,
                                   SecretType::kBasic};
};
template <>
struct Numbers<Role> {
  static constexpr std::array kAll{Role::kRead, Role::kWrite, Role::kAdmin};
};

// That of an enumerator that has none is past all others.
template <typename E>
constexpr std::uint8_t number_of(E value) {
  std::uint8_t number = 0;
  for (const E one : Numbers<E>::kAll) {
    if (one == value) break;
    ++number;
  }
  return number;
}

// None: a newer build knows what it is.
template <typename E>
constexpr std::optional<E> from_number(std::uint64_t number) {
  if (number >= Numbers<E>::kAll.size()) return std::nullopt;
  return Numbers<E>::kAll[number];
}

}  // namespace rhooks::model
