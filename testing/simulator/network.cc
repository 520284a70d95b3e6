#include "testing/simulator/network.h"

#include <algorithm>
#include <string>

#include "base/check.h"

namespace rhooks::simulator {
namespace {

using namespace std::chrono_literals;

struct Target {
  TaskKey key;
  bool bad = false;
};

// "http://HOST/NAMESPACE/ID/BEHAVIOUR"
Target target_of(const std::string& url) {
  std::vector<std::string> parts;
  std::size_t from = url.find('/', std::string("http://").size());
  while (from != std::string::npos) {
    const std::size_t to = url.find('/', from + 1);
    parts.push_back(url.substr(from + 1, to == std::string::npos ? to : to - from - 1));
    from = to;
  }
  RHOOKS_CHECK(parts.size() == 3);
  return {{parts[0], parts[1]}, parts[2] == "bad"};
}

}  // namespace

void SimulatedSender::start(delivery::HttpRequest request) {
  const Target target = target_of(request.request.url);
  std::string webhook_id;
  for (const Header& header : request.request.headers) {
    if (header.name == "webhook-id") webhook_id = header.value;
  }
  Flight flight;
  flight.started = timeline_.now();
  flight.result.ticket = request.ticket;
  flight.result.outcome.started_at = clock_.now();
  flight.result.outcome.sent = std::move(request.request);
  flight.attempt = ledger_.started(options_.life, target.key, webhook_id,
                                   flight.result.outcome.started_at, options_.time_out);
  draw(flight, target.bad);
  flights_.push_back(std::move(flight));
  if (flights_.size() > options_.concurrency) {
    timeline_.violation("life " + std::to_string(options_.life) + " has " +
                        std::to_string(flights_.size()) + " requests in flight, concurrency is " +
                        std::to_string(options_.concurrency));
  }
}

// How it ends, and when.
void SimulatedSender::draw(Flight& flight, bool bad) {
  Dice& dice = timeline_.dice();
  const Moment out = timeline_.now() + dice.between(1ms, 20ms);
  const Moment time_out = timeline_.now() + options_.time_out;
  auto& outcome = flight.result.outcome;
  flight.ends = out + dice.between(1ms, 20ms);
  if (dice.chance(faults_.unreachable)) {
    outcome.error = "could not connect";
    return;
  }
  if (dice.chance(faults_.unsent_timeout)) {
    outcome.error = "timed out";
    flight.ends = time_out;
    return;
  }
  arrive_at(out, flight.attempt);
  if (dice.chance(faults_.reset)) {
    outcome.error = "connection reset";
    return;
  }
  if (dice.chance(faults_.late_timeout)) {
    outcome.error = "timed out";
    flight.ends = time_out;
    return;
  }
  if (dice.chance(faults_.slow)) {
    flight.ends = std::min(time_out - 1ms, out + dice.between(1ms, options_.time_out));
  }
  Response response;
  response.status = 200;
  if (bad || dice.chance(faults_.server_error)) {
    response.status = 500;
  } else if (dice.chance(faults_.too_many)) {
    response.status = 429;
    outcome.retry_after = std::chrono::seconds{dice.between(1, 30)};
  } else if (dice.chance(faults_.endless)) {
    // What is read of a body is bounded, so it is an answer as any other (docs/semantics.md).
    response.body_truncated = true;
    response.body = std::string(1'000, 'x');
  }
  outcome.response = std::move(response);
}

void SimulatedSender::arrive_at(Moment at, AttemptNumber attempt) {
  timeline_.spawn(kNetwork, [&timeline = timeline_, &ledger = ledger_, at, attempt] {
    timeline.sleep_until(at);
    ledger.received(attempt);
  });
}

std::vector<delivery::HttpResult> SimulatedSender::poll(std::chrono::milliseconds max_wait) {
  const auto next =
      std::min_element(flights_.begin(), flights_.end(),
                       [](const Flight& a, const Flight& b) { return a.ends < b.ends; });
  Moment until = timeline_.now() + max_wait;
  if (next != flights_.end()) until = std::min(until, next->ends);
  timeline_.wait(signal_, until);

  std::vector<delivery::HttpResult> results;
  for (Flight& flight : flights_) {
    if (flight.ends > timeline_.now()) continue;
    auto& outcome = flight.result.outcome;
    const auto end = flight.result.cancelled ? timeline_.now() : flight.ends;
    outcome.duration = std::chrono::floor<std::chrono::microseconds>(end - flight.started);
    Ledger::Answer answer;
    answer.ok = outcome.ok() && !flight.result.cancelled;
    answer.cut_off = flight.result.cancelled;
    answer.ended_at = outcome.ended_at();
    answer.retry_after = outcome.retry_after.value_or(0ms);
    ledger_.answered(flight.attempt, answer);
    results.push_back(std::move(flight.result));
  }
  std::erase_if(flights_, [&](const Flight& flight) { return flight.ends <= timeline_.now(); });
  return results;
}

void SimulatedSender::cancel_all() {
  for (Flight& flight : flights_) {
    flight.result.cancelled = true;
    flight.result.outcome.response.reset();
    flight.result.outcome.retry_after.reset();
    flight.ends = timeline_.now();
  }
  if (!flights_.empty()) signal_.ring();
}

}  // namespace rhooks::simulator
