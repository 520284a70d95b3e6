#pragma once

#include <rhooks/result.h>

#include <boost/json/object.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aws/credentials.h"
#include "base/clock.h"
#include "base/random.h"
#include "observe/metrics.h"

namespace rhooks::store::dynamo {

enum class Operation {
  kGetItem,
  kPutItem,
  kUpdateItem,
  kDeleteItem,
  kQuery,
  kBatchGetItem,
  kBatchWriteItem,
  kCreateTable,
  kDescribeTable,
  kUpdateTable,
  kDescribeTimeToLive,
  kUpdateTimeToLive,
};

const char* to_string(Operation operation);  // "GetItem"
// Whether a lost answer leaves open if something was changed.
bool writes(Operation operation);

// How often a call is tried: as ClientOptions says, or once, where others go on with what it leaves
// and whoever makes it has better to do than to wait.
enum class Tries { kMany, kOne };

// One request of the DynamoDB low-level API, without ReturnConsumedCapacity, which is added
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html).
struct Call {
  Operation operation;
  boost::json::object body;
  Tries tries = Tries::kMany;
};

// What the service answered, where a caller can act on it.
struct Reply {
  // Empty: it was done, and `body` is the answer. Else one of the errors that are answers:
  // ConditionalCheckFailedException, ResourceNotFoundException, ResourceInUseException,
  // UnknownOperationException; `body` is then that of the error (with `Item` after a failed
  // condition, where it was asked for).
  std::string error;
  boost::json::object body;
  // An earlier try of this very call was sent and its answer was lost: it may have been
  // applied, so that a failed condition can be the call's own doing.
  bool maybe_applied_before = false;
  std::string message;  // of an error, in the service's words: one line, cut

  bool ok() const { return error.empty(); }
  bool condition_failed() const { return error == "ConditionalCheckFailedException"; }
};

struct ClientOptions {
  std::string endpoint;  // "https://dynamodb.eu-west-1.amazonaws.com"; no path
  std::string region;
  std::string ca_file;              // PEM, instead of the system's authorities; empty: those
  std::size_t max_in_flight = 128;  // requests on the wire at once; the others wait
  int tries_max = 5;                // of one call (Tries::kMany)
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds request_timeout{10'000};  // of one try
  std::chrono::milliseconds backoff_base{25};
  std::chrono::milliseconds throttle_base{1'000};  // the same after a throttle
  std::chrono::milliseconds backoff_max{20'000};
};

// Makes requests and waits for the answers: the one in production is create()'s, and a
// simulation has another, in a time of its own.
//
// Errors: kUnavailable (not done: throttled, unreachable, no credentials, access denied …; the
// message says what to do), kUnknownOutcome (a write whose answer was lost), kInternal (the
// service calls the request malformed: a defect).
//
// Threads: every method may be called from any thread.
// Blocking: call() and call_all() wait for the answers.
class Client {
 public:
  // A client of the DynamoDB JSON 1.0 protocol: signs (SigV4), keeps connections, has many
  // requests in flight, and repeats what can be repeated. One thread of its own does the I/O.
  // Calls under way end with kUnavailable or kUnknownOutcome where it is destroyed.
  //
  // Retries: ProvisionedThroughputExceededException, ThrottlingException,
  // RequestLimitExceeded (any of them: throttle_base), 5xx and transport errors (backoff_base);
  // full jitter, doubled each time, up to tries_max and as long as the retry quota lasts (a token
  // bucket that all calls share, refilled by successes), so that an outage is not answered with
  // a storm. Writes that are sent again must be safe to repeat or tell by maybe_applied_before.
  // Refused credentials are fetched anew, once a call. A clock that is off is corrected from the
  // service's Date, and the call is signed again, once.
  //
  // `credentials`, `metrics`, `clock` (the machine's, uncorrected) and `random` must outlive it.
  // Errors: kInvalidArgument (endpoint, ca_file), kUnavailable (no descriptors).
  static Result<std::unique_ptr<Client>> create(ClientOptions options,
                                                aws::CredentialsSource& credentials,
                                                Metrics& metrics, const Clock& clock,
                                                Random& random);
  Client() = default;
  virtual ~Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Result<Reply> call(Call call);
  // All at once. Results follow the order of the calls.
  virtual std::vector<Result<Reply>> call_all(std::vector<Call> calls) = 0;

  // Waits so long, between tries.
  virtual void pause(std::chrono::microseconds time) = 0;

  // How far the service's clock is ahead of the machine's, by its latest Date: exact to about
  // a second, and 0 where the difference is less than kClockTolerance.
  virtual std::chrono::milliseconds clock_offset() const = 0;
  static constexpr std::chrono::milliseconds kClockTolerance{5'000};
};

}  // namespace rhooks::store::dynamo
