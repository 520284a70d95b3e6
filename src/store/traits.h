#pragma once

#include <string>

namespace rhooks::store {

// What a kind of store means for those who use it; nobody else looks at a store's URL.
struct StoreTraits {
  // A directory that one process holds at a time. Empty: it has none.
  std::string directory;
  // Whether tasks are there after the process.
  bool outlives_process = true;
  // Whether processes share it. Then leases are stored, and outlive a process that crashed.
  bool shared = false;
  // Whether one write of many tasks costs about as much as one of one. Where items are written
  // one by one, some of a group may be held up.
  bool groups_writes = true;
};

}  // namespace rhooks::store
