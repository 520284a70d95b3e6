#pragma once

#include <rhooks/verify.h>

#include <span>

#include "signing/key.h"

// What rhooks/verify.h does, with secrets that were parsed once.
namespace rhooks::signing {

inline constexpr std::string_view kIdHeader = "webhook-id";
inline constexpr std::string_view kTimestampHeader = "webhook-timestamp";
inline constexpr std::string_view kSignatureHeader = "webhook-signature";

Result<void> verify(const std::vector<Key>& keys, const std::vector<Header>& headers,
                    std::string_view body, const VerifyOptions& options);

// What the header webhook-signature has, by each of these keys; each can sign. `id` and `timestamp`
// are what the other two have.
std::string signatures(std::span<const Key> keys, std::string_view id, std::string_view timestamp,
                       std::string_view body);

// The seconds of a time, as the header has them.
std::string to_timestamp(TimePoint t);

Result<std::vector<Header>> sign(const std::vector<Key>& keys, std::string_view id,
                                 TimePoint timestamp, std::string_view body);

// The seconds of a webhook-timestamp; none where it is anything but digits, or later than a number
// of 11 digits tells.
std::optional<std::chrono::seconds> read_timestamp(std::string_view text);

}  // namespace rhooks::signing
