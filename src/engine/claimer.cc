#include "engine/claimer.h"

#include <algorithm>

#include "model/flow.h"
#include "model/limits.h"
#include "observe/logging.h"

namespace rhooks::engine {
namespace {

// Beside what its task holds an attempt takes a connection, the beginning of the response and the
// records of all three.
constexpr std::size_t kAttemptBytes = 32 * 1024;
// The request is there in the task, as it was built, in libcurl's buffers and in the log.
constexpr std::size_t kRequestCopies = 4;

std::size_t memory_of(const Task& task) {
  std::size_t request = task.request.url.size() + task.request.body.data().size();
  for (const Header& header : task.request.headers) {
    request += header.name.size() + header.value.size();
  }
  return kAttemptBytes + kRequestCopies * request + task.execution.last_response_body.size();
}

}  // namespace

Result<Claimer::Step> Claimer::step(TimePoint now, TimePoint due_by, store::Scope scope) {
  Step step;
  const std::size_t limit = std::min(slots_.free(), model::kBatchMax);
  if (limit == 0) {
    step.more = true;
    return step;
  }

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
  for (const store::SetAside& aside : claimed->set_aside) {
    metrics_.set_aside();
    log::error("task set aside: its stored bytes cannot be read",
               {{"namespace", aside.key.ns}, {"id", aside.key.id}, {"reason", aside.reason}});
  }
  for (store::Claim& claim : claimed->claims) {
    const Slots::Number slot = slots_.acquire(memory_of(claim.task), model::flow_of(claim.task));
    to_send_.push({slot, std::move(claim.lease), std::move(claim.task), claim.due_at, 0});
  }
  // Others may have the places of what was not handed out.
  const bool places_left = slots_.flows().claim_ended();
  step.claimed = claimed->claims.size();
  step.more = claimed->more || places_left;
  step.waits = claimed->waits;
  if (step.more) return step;

  auto next = store_.next_due(now, scope, &slots_.flows());
  if (!next) return fail(std::move(next.error()));
  step.next_due = *next;
  return step;
}

}  // namespace rhooks::engine
