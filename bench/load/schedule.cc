#include "bench/load/schedule.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "bench/load/workload.h"

namespace rhooks::bench {

TimePoint Schedule::due(std::size_t number) const {
  return start + step * static_cast<std::int64_t>(number);
}

NewTask Schedule::task(const Receiver& receiver, std::size_t number) const {
  NewTask made = webhook(receiver, {}, number);
  made.scheduled_date = due(number);
  made.request.url =
      receiver.url() + "/due/" + std::to_string(due(number).time_since_epoch().count());
  return made;
}

void register_schedule(Hooks& hooks, const Receiver& receiver, const Schedule& schedule) {
  for (std::size_t i = 0; i < schedule.count;) {
    std::vector<NewTask> tasks;
    for (; tasks.size() < 1'000 && i < schedule.count; ++i) {
      tasks.push_back(schedule.task(receiver, i));
    }
    register_all(hooks, std::move(tasks));
  }
}

std::vector<double> lateness_ms(Receiver& receiver, const Schedule& schedule) {
  const Tally& tally = receiver.tally();
  const std::size_t arrivals = tally.arrival_count.load(std::memory_order_acquire);
  const auto step = static_cast<std::size_t>(schedule.step.count());
  std::vector<double> late;
  late.reserve(arrivals);
  std::vector<bool> came(schedule.count);
  for (std::size_t i = 0; i < arrivals; ++i) {
    const Tally::Arrival& arrival = tally.arrivals[i];
    const auto since =
        static_cast<std::size_t>(arrival.due_ms - schedule.start.time_since_epoch().count());
    const std::size_t number = since / step;
    if (since % step != 0 || number >= schedule.count) {
      throw std::runtime_error("a webhook came that is not of this schedule");
    }
    if (came[number]) {
      throw std::runtime_error("webhook " + std::to_string(number) + " came twice");
    }
    came[number] = true;
    late.push_back(static_cast<double>(arrival.at_us - arrival.due_ms * 1'000) / 1e3);
    // Sender and receiver read one clock, and no time before the due one is read as that one.
    if (late.back() < 0) {
      throw std::runtime_error("webhook " + std::to_string(number) + " came " +
                               std::to_string(-late.back()) + " ms before its time");
    }
  }
  return late;
}

}  // namespace rhooks::bench
