#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

// The limits that are checked when a task is registered (docs/semantics.md lists them), or an
// endpoint put (docs/endpoints.md).
namespace rhooks::model {

// Of a name of a time zone, a length, a time.
inline constexpr std::size_t kScheduleTextBytesMax = 64;

inline constexpr std::size_t kNamespaceBytesMax = 256;
inline constexpr std::size_t kIdBytesMax = 512;
inline constexpr std::size_t kIdPrefixBytesMax = kIdBytesMax - 1 - 36;  // "#" and a UUID follow
inline constexpr std::size_t kIdempotencyKeyBytesMax = 256;
inline constexpr std::size_t kUrlBytesMax = 8 * 1024;
inline constexpr std::size_t kSentUrlBytesMax = 64 * 1024;  // with a body as its query string
inline constexpr std::size_t kHeadersMax = 64;
inline constexpr std::size_t kHeaderBytesMax = 32 * 1024;  // names and values together
inline constexpr std::size_t kBodyBytesMax = 256 * 1024;
inline constexpr int kRetryLimitMax = 100;
inline constexpr int kRetryLimitDefault = 3;
inline constexpr std::chrono::milliseconds kRetryWaitLongest = std::chrono::days{30};
inline constexpr std::size_t kStatusRangesMax = 100;
inline constexpr int kStatusMin = 100;  // of answers
inline constexpr int kStatusMax = 599;
inline constexpr std::chrono::milliseconds kTimeoutMax = std::chrono::hours{24};
inline constexpr std::size_t kBatchMax = 1000;
inline constexpr int kPageLimitMax = 1000;
inline constexpr int kPageLimitDefault = 100;
inline constexpr int kConcurrencyMax = 10'000;
// What a dry run counts: a million due tasks would keep the store busy for seconds.
inline constexpr std::size_t kDryrunCountMax = 10'000;
// What a trigger counts of what it left: one page, which a store that is paid for reads each time.
inline constexpr std::size_t kHeldCountMax = kBatchMax;

inline constexpr std::int64_t kRateLimitMax = 1'000'000;
inline constexpr std::chrono::milliseconds kRatePeriodMin = std::chrono::seconds{1};
inline constexpr std::chrono::milliseconds kRatePeriodMax = std::chrono::days{7};
inline constexpr int kBurstMax = 1'000'000;
// The longest in which a flow that was as fast as its rate allows earns all of its burst again.
inline constexpr std::chrono::milliseconds kRateRestMax = std::chrono::seconds{60};

inline constexpr std::size_t kFlowKeyBytesMax = 128;
inline constexpr std::size_t kEndpointNameBytesMax = 128;
inline constexpr std::size_t kEndpointBytesMax = 16 * 1024;  // as it is stored
inline constexpr std::size_t kEndpointsMax = 10'000;         // of a store

inline constexpr std::size_t kApiKeysMax = 10'000;       // of a store
inline constexpr std::size_t kApiKeyNamespacesMax = 64;  // of a key

inline constexpr std::size_t kSecretsMax = 10'000;        // of a store
inline constexpr std::size_t kSecretBytesMax = 4 * 1024;  // of a value
inline constexpr std::chrono::milliseconds kOverlapDefault = std::chrono::hours{24};
inline constexpr std::chrono::milliseconds kOverlapMax = std::chrono::days{30};

// Of a response: what is read from the network, and what is stored.
inline constexpr std::size_t kResponseReadBytesMax = 1024 * 1024;
inline constexpr std::size_t kResponseBodyBytesMax = 64 * 1024;
inline constexpr std::size_t kResponseHeaderBytesMax = 64 * 1024;

// What a callback tells of the body of a response, as it stands in JSON: escaped.
inline constexpr std::size_t kCallbackResponseBytesMax = 32 * 1024;

// lastError and a log's error are cut to this.
inline constexpr std::size_t kErrorBytesMax = 1024;

// Memory that a process may be given.
inline constexpr std::size_t kMemoryMaxLeast = std::size_t{256} << 20;
inline constexpr std::size_t kMemoryMaxMost = std::size_t{1} << 40;

}  // namespace rhooks::model
