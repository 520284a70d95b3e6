#include "store/dynamo/client.h"

#include <algorithm>
#include <deque>
#include <thread>
#include <utility>

#include "aws/wire.h"
#include "base/check.h"
#include "base/mutex.h"
#include "store/dynamo/retrying_call.h"

namespace rhooks::store::dynamo {
namespace {

static_assert(Client::kClockTolerance == aws::ServiceClock::kTolerance);

// Calls under way, waiting ones too: what they hold must be bounded when the service is away.
constexpr std::size_t kCallsMax = 10'000;

// Where the I/O thread leaves results for one caller.
class Mailbox {
 public:
  void put(std::size_t index, aws::WireResult result) {
    // Notified under the lock: the caller may be gone right after it.
    const MutexLock lock(mutex_);
    results_.emplace_back(index, std::move(result));
    changed_.notify_one();
  }

  std::pair<std::size_t, aws::WireResult> take() {
    MutexLock lock(mutex_);
    while (results_.empty()) changed_.wait(lock);
    auto first = std::move(results_.front());
    results_.pop_front();
    return first;
  }

 private:
  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<std::pair<std::size_t, aws::WireResult>> results_ RHOOKS_GUARDED_BY(mutex_);
};

// Each caller drives its own calls: it gets credentials, reads answers and decides on retries.
// The wire's thread signs and does the I/O, so that nothing that blocks or computes for long
// holds up the requests of others.
class HttpClient final : public Client {
 public:
  HttpClient(ClientOptions options, std::unique_ptr<aws::Wire> wire,
             aws::CredentialsSource& credentials, Metrics& metrics, const Clock& clock,
             Random& random)
      : parts_{.options = options,
               .endpoint = wire->endpoint(),
               .host = wire->host(),
               .credentials = credentials,
               .metrics = metrics,
               .clock = clock,
               .random = random,
               .signer = aws::Signer(options.region, "dynamodb")},
        wire_(std::move(wire)) {
    parts_.metrics.dynamodb_retry_quota(parts_.quota.left());
  }

  ~HttpClient() override {
    wire_->stop();
    MutexLock lock(mutex_);
    while (calls_ > 0) left_.wait(lock);
  }

  std::vector<Result<Reply>> call_all(std::vector<Call> calls) override {
    const std::size_t admitted = enter(calls.size());
    std::deque<RetryingCall> runs;  // they must not move
    Mailbox mailbox;
    std::size_t open = 0;
    for (std::size_t i = 0; i < admitted; ++i) {
      RetryingCall& run = runs.emplace_back(parts_, std::move(calls[i]));
      if (send(run, i, mailbox)) ++open;
    }
    while (open > 0) {
      auto [i, result] = mailbox.take();
      const bool ended = runs[i].take(std::move(result));
      if (ended || !send(runs[i], i, mailbox)) --open;
    }
    std::vector<Result<Reply>> results;
    results.reserve(calls.size());
    for (RetryingCall& run : runs) results.push_back(run.take_result());
    while (results.size() < calls.size()) {
      results.push_back(
          fail(ErrorCode::kOverloaded, "more than " + std::to_string(kCallsMax) +
                                           " calls to DynamoDB are waiting for an answer"));
    }
    leave(admitted);
    return results;
  }

  void pause(std::chrono::microseconds time) override { std::this_thread::sleep_for(time); }

  std::chrono::milliseconds clock_offset() const override { return parts_.service_clock.offset(); }

 private:
  // How many of so many calls may go on.
  std::size_t enter(std::size_t calls) {
    const MutexLock lock(mutex_);
    const std::size_t admitted = std::min(calls, kCallsMax - calls_);
    calls_ += admitted;
    return admitted;
  }

  void leave(std::size_t calls) {
    // Notified under the lock: the destructor may go on right after it.
    const MutexLock lock(mutex_);
    calls_ -= calls;
    if (calls_ == 0) left_.notify_all();
  }

  // False: the call has ended without a request.
  bool send(RetryingCall& run, std::size_t index, Mailbox& mailbox) {
    auto request = run.next_request();
    if (!request) return false;
    wire_->send(std::move(*request), [&mailbox, index](aws::WireResult result) {
      mailbox.put(index, std::move(result));
    });
    return true;
  }

  ClientParts parts_;
  const std::unique_ptr<aws::Wire> wire_;

  Mutex mutex_;
  ConditionVariable left_;
  std::size_t calls_ RHOOKS_GUARDED_BY(mutex_) = 0;
};

}  // namespace

const char* to_string(Operation operation) {
  switch (operation) {
    case Operation::kGetItem:
      return "GetItem";
    case Operation::kPutItem:
      return "PutItem";
    case Operation::kUpdateItem:
      return "UpdateItem";
    case Operation::kDeleteItem:
      return "DeleteItem";
    case Operation::kQuery:
      return "Query";
    case Operation::kBatchGetItem:
      return "BatchGetItem";
    case Operation::kBatchWriteItem:
      return "BatchWriteItem";
    case Operation::kCreateTable:
      return "CreateTable";
    case Operation::kDescribeTable:
      return "DescribeTable";
    case Operation::kUpdateTable:
      return "UpdateTable";
    case Operation::kDescribeTimeToLive:
      return "DescribeTimeToLive";
    case Operation::kUpdateTimeToLive:
      return "UpdateTimeToLive";
  }
  RHOOKS_CHECK(false);
}

bool writes(Operation operation) {
  switch (operation) {
    case Operation::kPutItem:
    case Operation::kUpdateItem:
    case Operation::kDeleteItem:
    case Operation::kBatchWriteItem:
    case Operation::kCreateTable:
    case Operation::kUpdateTable:
    case Operation::kUpdateTimeToLive:
      return true;
    case Operation::kGetItem:
    case Operation::kQuery:
    case Operation::kBatchGetItem:
    case Operation::kDescribeTable:
    case Operation::kDescribeTimeToLive:
      return false;
  }
  RHOOKS_CHECK(false);
}

Result<std::unique_ptr<Client>> Client::create(ClientOptions options,
                                               aws::CredentialsSource& credentials,
                                               Metrics& metrics, const Clock& clock,
                                               Random& random) {
  if (options.region.empty()) {
    return fail(ErrorCode::kInvalidArgument, "a region is needed to sign requests to DynamoDB",
                "region");
  }
  aws::WireOptions wire_options;
  wire_options.endpoint = options.endpoint;
  wire_options.ca_file = options.ca_file;
  wire_options.max_in_flight = options.max_in_flight;
  wire_options.connect_timeout = options.connect_timeout;
  wire_options.request_timeout = options.request_timeout;
  auto wire = aws::Wire::create(std::move(wire_options), clock);
  if (!wire) return fail(std::move(wire.error()));
  return std::make_unique<HttpClient>(std::move(options), std::move(*wire), credentials, metrics,
                                      clock, random);
}

Result<Reply> Client::call(Call call) {
  std::vector<Call> calls;
  calls.push_back(std::move(call));
  return std::move(call_all(std::move(calls)).front());
}

}  // namespace rhooks::store::dynamo
