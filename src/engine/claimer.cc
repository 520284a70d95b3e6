#include "engine/claimer.h"

#include <algorithm>

#include "model/endpoint.h"
#include "model/flow.h"
#include "model/limits.h"
#include "model/record.h"
#include "model/transitions.h"
#include "observe/logging.h"

namespace rhooks::engine {
namespace {

// Beside what its task holds an attempt takes a connection, the beginning of the response and the
// records of all three.
constexpr std::size_t kAttemptBytes = 32 * 1024;
// The request is there in the task, as it was built, in libcurl's buffers and in the log.
constexpr std::size_t kRequestCopies = 4;

std::size_t bytes_of(const std::string& url, const std::vector<Header>& headers) {
  std::size_t bytes = url.size();
  for (const Header& header : headers) bytes += header.name.size() + header.value.size();
  return bytes;
}

// One that is not there, or is damaged, is known as that: the next claim goes by it.
bool may_be_known_later(const Error& error) {
  return error.code != ErrorCode::kNotFound && error.code != ErrorCode::kCorrupt;
}

// Whether others wait behind it, as far as is known.
bool keeps_order(const Delivery& delivery) {
  if (!delivery.endpoint) return may_be_known_later(delivery.endpoint.error());
  const Endpoint* const endpoint = endpoint_of(delivery);
  return endpoint && endpoint->ordered;
}

std::size_t memory_of(const Task& task, const Endpoint* endpoint) {
  std::size_t request =
      bytes_of(task.request.url, task.request.headers) + task.request.body.data().size();
  if (endpoint) request += bytes_of(endpoint->url, endpoint->headers);
  return kAttemptBytes + kRequestCopies * request + task.execution.last_response_body.size();
}

}  // namespace

Result<Claimer::Step> Claimer::step(TimePoint now, TimePoint due_by, store::Scope scope) {
  Step step;
  slots_.flows().at(now);
  const std::size_t limit = std::min(slots_.free(), model::kBatchMax);
  if (limit == 0) {
    step.more = true;
    return step;
  }

  apply_endpoints();
  slots_.flows().claim_begins();
  auto claimed = store_.claim_due({.now = now,
                                   .due_by = due_by,
                                   .limit = limit,
                                   .lease_for = lease_for_,
                                   .scope = scope,
                                   .gate = &slots_.flows()});
  if (!claimed) {
    slots_.flows().claim_ended();
    return fail(std::move(claimed.error()));
  }
  // A rate counts what begins from now on, however long the claim took.
  const TimePoint let_through = clock_.now();
  slots_.flows().at(let_through);
  for (const store::SetAside& aside : claimed->set_aside) {
    metrics_.set_aside();
    log::error("task set aside: its stored bytes cannot be read",
               {{"namespace", aside.key.ns}, {"id", aside.key.id}, {"reason", aside.reason}});
  }
  step.claimed = claimed->claims.size();
  auto handed_on = hand_on(std::move(claimed->claims), now, let_through);
  // Others may have the places of what was not handed out.
  const bool places_left = slots_.flows().claim_ended();
  count_held();
  if (!handed_on) return fail(std::move(handed_on.error()));
  step.more = claimed->more || places_left;
  step.waits = claimed->waits;
  if (step.more) return step;

  auto next = store_.next_due(now, scope, &slots_.flows());
  if (!next) return fail(std::move(next.error()));
  step.next_due = *next;
  if (const auto opens_at = slots_.flows().opens_at()) {
    step.next_due = std::min(step.next_due.value_or(*opens_at), *opens_at);
  }
  return step;
}

// Where others change them, only while something waits that they hold: whoever claims a task reads
// them anyway.
Result<bool> Claimer::learn_endpoints(TimePoint now) {
  const bool any_wait = slots_.flows().meets_endpoints();
  // What cannot be read again is logged, and used on.
  if (any_wait && secrets_.shared() && secrets_.in_use()) secrets_.refresh_if_old(now);
  if (any_wait || !endpoints_.shared()) {
    const auto known = endpoints_.refresh_if_old(now);
    if (!known && any_wait) return fail(known.error());
  }
  return apply_endpoints();
}

bool Claimer::apply_endpoints() {
  MutexLock lock(applying_);
  const std::pair versions{endpoints_.version(), secrets_.version()};
  if (versions == applied_) return false;
  // As of these versions, or newer.
  const auto limits =
      endpoints_.limits([this](const Endpoint& endpoint) { return secrets_.lacks(endpoint); });
  if (limits) slots_.flows().set_endpoints(*limits);
  applied_ = versions;
  return true;
}

// All of them, also where it ends with an error.
Result<void> Claimer::hand_on(std::vector<store::Claim> claims, TimePoint now,
                              TimePoint let_through) {
  // To read an endpoint or a secret may take long: what needs none goes first.
  const auto to_read = std::stable_partition(
      claims.begin(), claims.end(),
      [&](const store::Claim& claim) { return waits_for_no_read(claim.task, now); });
  Result<void> done;
  std::vector<TaskKey> for_nobody;  // retries that keep their places
  for (auto claim = claims.begin(); claim != claims.end(); ++claim) {
    if (claim == to_read && wake_sender_) wake_sender_();
    Delivery delivery = acquire(std::move(*claim), now);
    delivery.let_through = let_through;
    if (!delivery.endpoint && may_be_known_later(delivery.endpoint.error())) {
      done = Result<void>(fail(delivery.endpoint.error()));
    }
    if (!delivery.credentials && may_be_known_later(delivery.credentials.error())) {
      done = Result<void>(fail(delivery.credentials.error()));
    }
    if (!delivery.ready && !keeps_order(delivery)) for_nobody.push_back(delivery.task.key);
    to_send_.push(std::move(delivery));
  }
  if (auto left = leave_places(for_nobody, now); !left) return left;
  return done;
}

// So that none of them is claimed again before it is ready. They are given back as others are.
Result<void> Claimer::leave_places(const std::vector<TaskKey>& retries, TimePoint now) {
  if (retries.empty()) return {};
  const auto left = store_.change(
      retries, [now](Task task) { return model::leave_place(std::move(task), now); }, now);
  for (const Result<Task>& one : left) {
    const bool as_it_is =
        one || one.error().code == ErrorCode::kNotFound || one.error().code == ErrorCode::kConflict;
    if (!as_it_is) return fail(one.error());
  }
  return {};
}

bool Claimer::waits_for_no_read(const Task& task, TimePoint now) {
  if (task.endpoint.empty()) return true;
  if (!endpoints_.knows(task.key.ns, task.endpoint, now)) return false;
  const auto endpoint = endpoints_.find(task.key.ns, task.endpoint, now);
  return !endpoint || secrets_.knows_credentials_of(**endpoint, now);
}

Delivery Claimer::acquire(store::Claim claim, TimePoint now) {
  Delivery delivery;
  delivery.lease = std::move(claim.lease);
  delivery.task = std::move(claim.task);
  const Task& task = delivery.task;
  const model::Flow flow = model::flow_of(task);
  delivery.due_at = model::due_at(task);
  delivery.ready = delivery.due_at <= now;
  if (!task.endpoint.empty()) delivery.endpoint = endpoints_.find(task.key.ns, task.endpoint, now);
  if (!delivery.ready && keeps_order(delivery)) slots_.flows().hold(flow, delivery.due_at);
  if (const Endpoint* const endpoint = endpoint_of(delivery)) {
    delivery.credentials = secrets_.credentials_of(*endpoint, now);
    delivery.within_limits = slots_.flows().goes_by(flow, model::limits_of(*endpoint));
  }
  // What is given back, or FAILED since its time is over, takes nothing of what others wait for.
  const bool begins =
      delivery.ready && !waits_for_endpoint(delivery) && !model::too_late(task, now);
  delivery.slot_id = slots_.acquire(memory_of(task, endpoint_of(delivery)), flow, begins);
  return delivery;
}

void Claimer::count_held() {
  const FlowTable::HeldCounts held = slots_.flows().take_held();
  // What cannot be read is not waited for like the others.
  for (std::size_t by = 1; by < held.size(); ++by) metrics_.held(FlowTable::kHeldBy[by], held[by]);
  metrics_.asking_to_wait(slots_.flows().asking_to_wait());
  metrics_.open_breakers(slots_.flows().open_breakers());
  const FlowTable::Turned turned = slots_.flows().take_turned();
  metrics_.breakers_turned(Metrics::Breaker::kOpen, turned.opened);
  metrics_.breakers_turned(Metrics::Breaker::kClosed, turned.closed);
}

}  // namespace rhooks::engine
