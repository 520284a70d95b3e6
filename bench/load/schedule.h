#pragma once

#include <rhooks/hooks.h>

#include <chrono>
#include <cstddef>
#include <vector>

#include "bench/load/receiver.h"

namespace rhooks::bench {

// Webhooks to one receiver, one each `step` from `start` on, each of which tells it when it is due.
struct Schedule {
  TimePoint start{};
  std::size_t count = 0;
  std::chrono::milliseconds step{1};

  TimePoint due(std::size_t number) const;
  NewTask task(const Receiver& receiver, std::size_t number) const;
};

// Registers all of them; throws where one is refused.
void register_schedule(Hooks& hooks, const Receiver& receiver, const Schedule& schedule);

// How late those were that have come, in milliseconds. Throws where one came twice or early, or is
// not of this schedule.
std::vector<double> lateness_ms(Receiver& receiver, const Schedule& schedule);

}  // namespace rhooks::bench
