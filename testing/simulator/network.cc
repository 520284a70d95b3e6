#include "testing/simulator/network.h"

#include <algorithm>
#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/iso8601.h"
#include "testing/simulator/retries.h"

namespace rhooks::simulator {
namespace {

using namespace std::chrono_literals;

struct Target {
  std::string host;
  TaskKey key;
  bool bad = false;
};

// Of what tells of another task, or of an endpoint, by what it tells.
TaskKey teller_by(const std::string& body, const InvariantChecker& checker) {
  const auto told = boost::json::parse(body);
  const auto text = [](const boost::json::value& of, const char* name) {
    return boost::json::value_to<std::string>(of.at(name));
  };
  const auto& data = told.at("data");
  const std::string ns = text(data, "namespace");
  const std::string type = text(told, "type");
  const auto at = parse_time(text(told, "timestamp"));
  RHOOKS_CHECK(at);
  if (type.starts_with("endpoint.")) return {ns, event_id(text(data, "endpoint"), type, *at)};
  return checker.teller(ns, text(data, "webhookId"), type, *at);
}

// "http://HOST/NAMESPACE/ID/BEHAVIOUR", or "http://HOST/" of what tells.
Target target_of(const Request& request, const InvariantChecker& checker) {
  const std::string& url = request.url;
  constexpr std::size_t kHost = std::string_view("http://").size();
  std::vector<std::string> parts;
  std::size_t from = url.find('/', kHost);
  const std::string host = url.substr(kHost, from - kHost);
  while (from != std::string::npos) {
    const std::size_t to = url.find('/', from + 1);
    parts.push_back(url.substr(from + 1, to == std::string::npos ? to : to - from - 1));
    from = to;
  }
  if (parts.size() == 1 && parts[0].empty()) {
    return {host, teller_by(request.body.data(), checker), false};
  }
  RHOOKS_CHECK(parts.size() == 3);
  return {host, {parts[0], parts[1]}, parts[2] == "bad"};
}

}  // namespace

void SimulatedSender::start(delivery::HttpRequest request) {
  const Target target = target_of(request.request, checker_);
  std::string webhook_id;
  for (const Header& header : request.request.headers) {
    if (header.name == "webhook-id") webhook_id = header.value;
  }
  Transfer transfer;
  transfer.started = timeline_.now();
  transfer.result.slot_id = request.slot_id;
  transfer.result.outcome.started_at = clock_.now();
  transfer.longest = std::min(request.timeout.value_or(options_.time_out), options_.time_out);
  transfer.result.outcome.sent = std::move(request.request);
  transfer.attempt = checker_.started(options_.incarnation, target.key, webhook_id,
                                      transfer.result.outcome.started_at, transfer.longest);
  draw(transfer, target.host, target.bad);
  transfers_.push_back(std::move(transfer));
  if (transfers_.size() > options_.concurrency) {
    timeline_.violation("incarnation " + std::to_string(options_.incarnation) + " has " +
                        std::to_string(transfers_.size()) + " requests in flight, concurrency is " +
                        std::to_string(options_.concurrency));
  }
}

// How it ends, and when.
void SimulatedSender::draw(Transfer& transfer, const std::string& host, bool bad) {
  Dice& dice = timeline_.dice();
  const bool dead = faults_.by_host && host.starts_with("dead");
  const bool down = faults_.by_host && host.starts_with("down");
  const bool slow = faults_.by_host && host.starts_with("slow");
  const Moment out = timeline_.now() + dice.between(1ms, 20ms);
  const Moment time_out = timeline_.now() + transfer.longest;
  auto& outcome = transfer.result.outcome;
  transfer.ends = out + dice.between(1ms, 20ms);
  if (down || (!dead && dice.chance(faults_.unreachable))) {
    outcome.error = "could not connect";
    return;
  }
  if (dead || dice.chance(faults_.unsent_timeout)) {
    outcome.error = "timed out";
    transfer.ends = time_out;
    return;
  }
  arrive_at(out, transfer.attempt);
  if (dice.chance(faults_.reset)) {
    outcome.error = "connection reset";
    return;
  }
  if (dice.chance(faults_.late_timeout)) {
    outcome.error = "timed out";
    transfer.ends = time_out;
    return;
  }
  if (slow || dice.chance(faults_.slow)) {
    const auto least = slow ? 1'000ms : 1ms;
    transfer.ends = std::min(time_out - 1ms, out + dice.between(least, transfer.longest));
  }
  Response response;
  response.status = 200;
  if (bad) {
    response.status = 400;
  } else if (dice.chance(faults_.server_error)) {
    response.status = 500;
  } else if (dice.chance(faults_.too_many)) {
    const auto wait = dice.between(1, 30);
    response.status = wait % 3 == 0 ? 503 : 429;
    outcome.retry_after = std::chrono::seconds{wait};
  } else if (dice.chance(faults_.gone)) {
    response.status = 410;
  } else if (dice.chance(faults_.endless)) {
    // What is read of a body is bounded, so it is an answer as any other (docs/semantics.md).
    response.body_truncated = true;
    response.body = std::string(1'000, 'x');
  }
  outcome.response = std::move(response);
}

void SimulatedSender::arrive_at(Moment at, AttemptNumber attempt) {
  timeline_.spawn(kNetwork, [&timeline = timeline_, &checker = checker_, at, attempt] {
    timeline.sleep_until(at);
    checker.received(attempt);
  });
}

std::vector<delivery::HttpResult> SimulatedSender::poll(std::chrono::milliseconds max_wait) {
  const auto next =
      std::min_element(transfers_.begin(), transfers_.end(),
                       [](const Transfer& a, const Transfer& b) { return a.ends < b.ends; });
  Moment until = timeline_.now() + max_wait;
  if (next != transfers_.end()) until = std::min(until, next->ends);
  timeline_.wait(signal_, until);

  std::vector<delivery::HttpResult> results;
  for (Transfer& transfer : transfers_) {
    if (transfer.ends > timeline_.now()) continue;
    auto& outcome = transfer.result.outcome;
    const auto end = transfer.result.cancelled ? timeline_.now() : transfer.ends;
    outcome.duration = std::chrono::floor<std::chrono::microseconds>(end - transfer.started);
    InvariantChecker::Answer answer;
    answer.ok = outcome.ok() && !transfer.result.cancelled;
    answer.cancelled = transfer.result.cancelled;
    if (outcome.response) answer.status = outcome.response->status;
    answer.took = outcome.duration;
    answer.ended_at = outcome.ended_at();
    answer.read_at = clock_.now();
    answer.retry_after = outcome.retry_after.value_or(0ms);
    checker_.answered(transfer.attempt, answer);
    results.push_back(std::move(transfer.result));
  }
  std::erase_if(transfers_,
                [&](const Transfer& transfer) { return transfer.ends <= timeline_.now(); });
  return results;
}

void SimulatedSender::cancel_all() {
  for (Transfer& transfer : transfers_) {
    transfer.result.cancelled = true;
    transfer.result.outcome.response.reset();
    transfer.result.outcome.retry_after.reset();
    transfer.ends = timeline_.now();
  }
  if (!transfers_.empty()) signal_.ring();
}

}  // namespace rhooks::simulator
