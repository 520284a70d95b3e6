#include "store/dynamo/retrying_call.h"

#include <boost/json/serialize.hpp>
#include <utility>

#include "base/check.h"
#include "observe/logging.h"

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;
using Retry = Metrics::DynamoDbRetry;
using Counted = Metrics::DynamoDb;

bool works_on_items(Operation operation) {
  switch (operation) {
    case Operation::kGetItem:
    case Operation::kPutItem:
    case Operation::kUpdateItem:
    case Operation::kDeleteItem:
    case Operation::kQuery:
    case Operation::kBatchGetItem:
    case Operation::kBatchWriteItem:
      return true;
    default:
      return false;
  }
}

std::string body_of(Call& call) {
  // Asked for unless the caller asks for more (INDEXES).
  if (works_on_items(call.operation) && !call.body.contains("ReturnConsumedCapacity")) {
    call.body.emplace("ReturnConsumedCapacity", "TOTAL");
  }
  return json::serialize(call.body);
}

// The tables that a call is about, for messages.
std::string tables_of(const json::object& body) {
  if (const json::value* const name = body.if_contains("TableName"); name && name->is_string()) {
    return std::string(name->get_string());
  }
  std::string names;
  const json::value* const items = body.if_contains("RequestItems");
  if (items && items->is_object()) {
    for (const auto& entry : items->get_object()) {
      if (!names.empty()) names += ", ";
      names += entry.key();
    }
  }
  return names;
}

}  // namespace

RetryingCall::RetryingCall(ClientParts& parts, Call call)
    : parts_(parts),
      operation_(call.operation),
      body_(body_of(call)),
      table_(tables_of(call.body)),
      tries_max_(call.tries == Tries::kOne ? 1 : parts.options.tries_max) {}

std::optional<aws::WireRequest> RetryingCall::next_request() {
  auto credentials = parts_.credentials.get(parts_.clock.now() + parts_.service_clock.offset());
  if (!credentials) {
    end(credentials.error().code, "no credentials to sign it with: " + credentials.error().message);
    return std::nullopt;
  }
  credentials_ = std::move(*credentials);
  maybe_applied_before_ = maybe_applied_;
  aws::WireRequest request;
  request.body = body_;
  request.headers = [this] { return headers(); };
  request.delay = std::exchange(delay_, {});
  return request;
}

std::vector<Header> RetryingCall::headers() {
  std::vector<Header> headers = {
      {"Host", parts_.host},
      {"Content-Type", "application/x-amz-json-1.0"},
      {"X-Amz-Target", std::string("DynamoDB_20120810.") + to_string(operation_)}};
  signed_ahead_ = parts_.service_clock.offset();
  auto signature = parts_.signer.sign({.headers = headers, .body = body_}, credentials_,
                                      parts_.clock.now() + signed_ahead_);
  for (Header& header : signature) headers.push_back(std::move(header));
  return headers;
}

bool RetryingCall::take(aws::WireResult result) {
  ++tries_;
  // libcurl sent it again by itself: what it sent first may have arrived.
  if (result.sends > 1 && writes(operation_)) maybe_applied_ = maybe_applied_before_ = true;
  if (result.end == aws::WireResult::End::kAnswered) {
    parts_.service_clock.learn(result.date, result.sent_at, result.ended_at);
    if (!crc32_fits(result.crc32, result.body)) {
      result.end = aws::WireResult::End::kFailed;
      result.failure = "the answer was damaged on its way (x-amz-crc32 differs)";
    }
  }
  return result.end == aws::WireResult::End::kAnswered ? take_answer(result) : take_failure(result);
}

bool RetryingCall::take_answer(const aws::WireResult& result) {
  ServiceAnswer answer = read_answer(result.status, result.body);
  for (const auto& [table, units] : consumed_capacity(answer.body)) {
    parts_.metrics.dynamodb_capacity(to_string(operation_), table, writes(operation_), units);
  }
  const std::string status = "HTTP " + std::to_string(result.status);
  const std::string named = answer.type.empty() ? status : answer.type;
  const std::string said = answer.message.empty() ? named : named + ": " + answer.message;
  switch (answer.meaning) {
    case Meaning::kDone:
      count(Counted::kOk, result);
      parts_.quota.succeeded(last_cost_);
      return done(std::move(answer));
    case Meaning::kOutcome:
      count(answer.type == "ConditionalCheckFailedException" ? Counted::kConditionFailed
                                                             : Counted::kFailed,
            result);
      parts_.quota.succeeded(last_cost_);
      return done(std::move(answer));
    case Meaning::kThrottled:
      count(Counted::kThrottled, result);
      log_throttle(answer);
      return again(Retry::kThrottled, "throttled (" + said + ")", aws::RetryQuota::kRetryCost);
    case Meaning::kServerError:
      count(Counted::kServerError, result);
      maybe_applied_ = maybe_applied_ || writes(operation_);
      return again(Retry::kServerError, answer.type.empty() ? status : status + ", " + said,
                   aws::RetryQuota::kRetryCost);
    case Meaning::kUnreadable:
      count(Counted::kServerError, result);
      maybe_applied_ = maybe_applied_ || writes(operation_);
      return again(Retry::kServerError,
                   status + " with an answer that is none of DynamoDB's; check the endpoint",
                   aws::RetryQuota::kRetryCost);
    case Meaning::kRefused:
      count(Counted::kRefused, result);
      return refused(answer);
    case Meaning::kDenied:
      count(Counted::kRefused, result);
      return end(ErrorCode::kUnavailable,
                 "the credentials do not permit dynamodb:" + std::string(to_string(operation_)) +
                     " on it; permit it in the IAM policy (" + said + ")");
    case Meaning::kMalformed:
      count(Counted::kFailed, result);
      return end(ErrorCode::kInternal, "the service calls the request malformed: " + said);
    case Meaning::kRejected:
      count(Counted::kFailed, result);
      return end(ErrorCode::kUnavailable, said);
    case Meaning::kForeign:
      count(Counted::kFailed, result);
      return end(ErrorCode::kUnavailable,
                 status + " without DynamoDB's name for the error; check the endpoint");
  }
  RHOOKS_CHECK(false);
}

bool RetryingCall::take_failure(const aws::WireResult& result) {
  if (result.sends > 0) {
    count(Counted::kNoAnswer, result);
    maybe_applied_ = maybe_applied_ || writes(operation_);
  } else if (result.end != aws::WireResult::End::kStopped) {
    count(Counted::kNoAnswer, result);
  }
  switch (result.end) {
    case aws::WireResult::End::kStopped:
      return end(ErrorCode::kUnavailable, "the store is being closed");
    case aws::WireResult::End::kTooLong:
      return end(ErrorCode::kUnavailable, result.failure + "; check the endpoint");
    case aws::WireResult::End::kTimedOut:
      return again(Retry::kNoAnswer, result.failure, aws::RetryQuota::kTimeoutCost);
    default:
      return again(Retry::kNoAnswer, result.failure, aws::RetryQuota::kRetryCost);
  }
}

// The service did not take the signature: its time is off, or the credentials are not (or no
// longer) good. Each is put right once, at once. The service's message is not shown: it quotes
// the headers as signed, and with them the session token.
bool RetryingCall::refused(const ServiceAnswer& answer) {
  const auto off = parts_.service_clock.offset() - signed_ahead_;
  if (!clock_corrected_ &&
      (off >= aws::ServiceClock::kTolerance || off <= -aws::ServiceClock::kTolerance)) {
    clock_corrected_ = true;
    --tries_;
    parts_.metrics.dynamodb_retry(Retry::kClock);
    return false;
  }
  parts_.credentials.refused(credentials_);
  if (!credentials_refetched_) {
    credentials_refetched_ = true;
    --tries_;
    parts_.metrics.dynamodb_retry(Retry::kCredentials);
    return false;
  }
  return end(ErrorCode::kUnavailable,
             "the service refused the credentials (" + answer.type +
                 "), also after they were fetched anew; check that the access key is active, that "
                 "secret and session token belong to it, that the region " +
                 parts_.options.region + " is the endpoint's, and this machine's clock");
}

bool RetryingCall::again(Retry reason, const std::string& what, int cost) {
  if (tries_ >= tries_max_) {
    return end(ErrorCode::kUnavailable, what + "; given up after " + std::to_string(tries_) +
                                            (tries_ == 1 ? " try" : " tries"));
  }
  if (!parts_.quota.take(cost)) {
    return end(ErrorCode::kUnavailable,
               what + "; not tried again, since too many calls fail at the moment");
  }
  last_cost_ = cost;
  parts_.metrics.dynamodb_retry_quota(parts_.quota.left());
  parts_.metrics.dynamodb_retry(reason);
  const auto base =
      reason == Retry::kThrottled ? parts_.options.throttle_base : parts_.options.backoff_base;
  delay_ = aws::backoff(base, parts_.options.backoff_max, tries_ - 1, parts_.random);
  log::debug("request to DynamoDB is sent again",
             {{"operation", to_string(operation_)},
              {"table", table_},
              {"reason", what},
              {"wait_ms", static_cast<std::int64_t>(delay_.count() / 1'000)}});
  return false;
}

bool RetryingCall::done(ServiceAnswer answer) {
  parts_.metrics.dynamodb_retry_quota(parts_.quota.left());
  Reply reply;
  reply.error = std::move(answer.type);
  reply.body = std::move(answer.body);
  reply.maybe_applied_before = maybe_applied_before_;
  reply.message = std::move(answer.message);
  result_ = std::move(reply);
  return true;
}

bool RetryingCall::end(ErrorCode code, const std::string& what) {
  std::string message = std::string("DynamoDB ") + to_string(operation_);
  if (!table_.empty()) message += " on " + table_;
  message += " at " + parts_.endpoint + ": " + what;
  // A request that is malformed was never applied, whatever became of its other tries.
  if (maybe_applied_ && code != ErrorCode::kInternal) {
    code = ErrorCode::kUnknownOutcome;
    message += "; it may have been applied, since an answer was lost";
  }
  result_ = fail(code, std::move(message));
  return true;
}

void RetryingCall::count(Counted result, const aws::WireResult& wire) {
  parts_.metrics.dynamodb_request(to_string(operation_), result, wire.duration);
}

void RetryingCall::log_throttle(const ServiceAnswer& answer) {
  const auto held_back = parts_.throttle_log.pass(std::chrono::steady_clock::now());
  if (!held_back) return;
  log::warn("throttled by DynamoDB", {{"operation", to_string(operation_)},
                                      {"table", table_},
                                      {"error", answer.type},
                                      {"reasons", throttling_reasons(answer.body)},
                                      {"others_not_shown", *held_back}});
}

Result<Reply> RetryingCall::take_result() {
  return std::move(result_);
}

}  // namespace rhooks::store::dynamo
