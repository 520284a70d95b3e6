#pragma once

#include <rhooks/task.h>

#include <cstddef>
#include <functional>
#include <string>

namespace rhooks::bench {

// What RocksDB alone takes of the records that the embedded store keeps for new tasks: the same
// keys and values, in three families with the options of the store's that writing depends on,
// family by family in one synced batch for each 1,000 tasks. The batches are made before the time
// is taken, nothing is looked up, and nothing of ours runs.
//
// The tasks are those that `task` gives for 0 to `count` - 1, and each caller, a thread, writes its
// share of the batches. How many tasks a second.
double raw_store_rate(std::size_t count, std::size_t callers,
                      const std::function<NewTask(std::size_t)>& task);
inline constexpr const char* kRawStore = "raw RocksDB, same records";

}  // namespace rhooks::bench
