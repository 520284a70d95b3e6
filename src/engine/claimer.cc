#include "engine/claimer.h"

#include <algorithm>

#include "model/limits.h"
#include "observe/logging.h"

namespace rhooks::engine {

Result<Claimer::Step> Claimer::step(TimePoint now, TimePoint due_by, store::Scope scope) {
  Step step;
  const std::size_t limit = std::min(slots_.free(), model::kBatchMax);
  if (limit == 0) {
    step.more = true;
    return step;
  }

  auto claimed = store_.claim_due(
      {.now = now, .due_by = due_by, .limit = limit, .lease_for = lease_for_, .scope = scope});
  if (!claimed) return fail(std::move(claimed.error()));
  for (const store::SetAside& aside : claimed->set_aside) {
    metrics_.set_aside();
    log::error("task set aside: its stored bytes can not be read",
               {{"namespace", aside.key.ns}, {"id", aside.key.id}, {"reason", aside.reason}});
  }
  for (store::Claim& claim : claimed->claims) {
    to_send_.push({slots_.take(), std::move(claim.lease), std::move(claim.task), claim.due_at, 0});
  }
  step.claimed = claimed->claims.size();
  step.more = claimed->more;
  if (step.more) return step;

  auto next = store_.next_due(now, scope);
  if (!next) return fail(std::move(next.error()));
  step.next_due = *next;
  return step;
}

}  // namespace rhooks::engine
