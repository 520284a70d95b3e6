#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "aws/retry_quota.h"
#include "aws/service_clock.h"
#include "aws/sigv4.h"
#include "aws/wire.h"
#include "base/random.h"
#include "observe/metrics.h"
#include "store/dynamo/client.h"
#include "store/dynamo/log_rate_limiter.h"
#include "store/dynamo/service_answer.h"

namespace rhooks::store::dynamo {

// What the calls of one client share.
struct ClientParts {
  ClientOptions options;
  std::string endpoint;  // for messages
  std::string host;
  aws::CredentialsSource& credentials;
  Metrics& metrics;
  const Clock& clock;
  Random& random;
  aws::Signer signer;
  aws::ServiceClock service_clock{"DynamoDB"};
  aws::RetryQuota quota{};
  LogRateLimiter throttle_log{};
};

// One call on its way: what to send, what an answer means, whether and when to send it again.
// Knows no I/O. Must not move while a request of it is on the wire.
// Threads: one at a time; the headers of a request are made by the I/O thread, while the call
// waits for it.
class RetryingCall {
 public:
  RetryingCall(ClientParts& parts, Call call);

  RetryingCall(const RetryingCall&) = delete;
  RetryingCall& operator=(const RetryingCall&) = delete;

  // The next request; or none, and the call has ended: there are no credentials.
  std::optional<aws::WireRequest> next_request();
  // Takes in what came of it. True: the call has ended; false: next_request() goes on.
  bool take(aws::WireResult result);

  // Once it has ended.
  Result<Reply> take_result();

 private:
  std::vector<Header> headers();
  bool take_answer(const aws::WireResult& result);
  bool take_failure(const aws::WireResult& result);
  bool refused(const ServiceAnswer& answer);
  bool again(Metrics::DynamoDbRetry reason, const std::string& what, int cost);
  bool done(ServiceAnswer answer);
  bool end(ErrorCode code, const std::string& what);
  void count(Metrics::DynamoDb result, const aws::WireResult& wire);
  void log_throttle(const ServiceAnswer& answer);

  ClientParts& parts_;
  const Operation operation_;
  const std::string body_;
  const std::string table_;
  const int tries_max_;

  int tries_ = 0;                       // that count against tries_max
  int last_cost_ = 0;                   // what the last retry took of the quota
  std::chrono::microseconds delay_{0};  // before the next request
  bool maybe_applied_ = false;          // an answer to a write was lost
  bool maybe_applied_before_ = false;   // likewise, when the latest request went out
  bool credentials_refetched_ = false;
  bool clock_corrected_ = false;
  aws::Credentials credentials_;               // of the latest request
  std::chrono::milliseconds signed_ahead_{0};  // the service clock's offset it was signed with
  Result<Reply> result_;
};

}  // namespace rhooks::store::dynamo
