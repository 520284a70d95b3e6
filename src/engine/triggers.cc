#include "engine/triggers.h"

#include <algorithm>

#include "base/check.h"

namespace rhooks::engine {

Triggers::Number Triggers::begin(TimePoint as_of) {
  under_way_[++last_].as_of = as_of;
  return last_;
}

Result<TriggerResult> Triggers::end(Number number) {
  auto node = under_way_.extract(number);
  RHOOKS_CHECK(!node.empty());
  Trigger& trigger = node.mapped();
  if (trigger.error) return fail(std::move(*trigger.error));
  return trigger.result;
}

Triggers::Wanted Triggers::wanted(TimePoint now) const {
  Wanted want;
  want.through = last_;
  for (const auto& [number, trigger] : under_way_) {
    if (trigger.done) continue;
    // Where the clock was set back meanwhile, nothing runs before its time.
    const TimePoint due_by = std::min(trigger.as_of, now);
    want.due_by = std::max(want.due_by.value_or(due_by), due_by);
    want.unclaimed = want.unclaimed || !trigger.through;
  }
  return want;
}

bool Triggers::claimed(Number through, TimePoint unclaimed_from, const Slots& slots) {
  bool any = false;
  for (auto& [number, trigger] : under_way_) {
    if (trigger.through || number > through || trigger.as_of >= unclaimed_from) continue;
    trigger.through = slots.last();
    any = settle(trigger, slots) || any;
  }
  return any;
}

bool Triggers::returned(const Slots& slots) {
  bool any = false;
  for (auto& [number, trigger] : under_way_) any = settle(trigger, slots) || any;
  return any;
}

bool Triggers::settle(Trigger& trigger, const Slots& slots) {
  if (trigger.done || !trigger.through || !slots.returned_through(*trigger.through)) return false;
  trigger.done = true;
  return true;
}

void Triggers::recorded(TimePoint due_at, bool ok) {
  for (auto& [number, trigger] : under_way_) {
    if (trigger.done || due_at > trigger.as_of) continue;
    ++trigger.result.processed;
    if (!ok) ++trigger.result.errors;
  }
}

void Triggers::fail_all(const Error& error) {
  for (auto& [number, trigger] : under_way_) {
    if (trigger.done) continue;
    trigger.error = error;
    trigger.done = true;
  }
}

}  // namespace rhooks::engine
