#pragma once

#include <rhooks/hooks.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <random>
#include <string>

#include "bench/load/receiver.h"

namespace rhooks::bench {

// Tasks that wait, due at random times of one year that begins in a month: in no index but
// those of ids do they come in the order in which they were registered.
struct Waiting {
  std::size_t count = 10'000;
  // Of the ids, which are customer-0000000#UUIDv7 and so on, in turns; 0: no prefix.
  std::size_t customers = 0;
  // Every so many-th is suspended; 0: none.
  std::size_t suspend_every = 0;
};

// Registers them, 1,000 a call, and tells `progress` how many there are after each call. Throws
// where one is refused.
void fill_waiting(Hooks& hooks, const Receiver& receiver, const Waiting& waiting,
                  const std::function<void(std::size_t)>& progress);

// A time within that year, as the store keeps it; not in its last tenth.
TimePoint random_date(std::mt19937_64& random);
std::string customer(std::size_t number);

// CPU time by time, of a process, in the next `span`.
double cpu_share(int pid, std::chrono::milliseconds span);
// Until a process has nothing left to do in the background, merging files above all. Throws
// where that takes more than 5 minutes.
void wait_until_idle(int pid);

// Throws where the disk of temporary files has not so much room; `what` needs it.
void check_free_space(std::size_t bytes, const std::string& what);

// "1,000,000"
std::string count_text(std::size_t count);

}  // namespace rhooks::bench
