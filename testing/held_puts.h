#pragma once

#include <condition_variable>
#include <mutex>
#include <vector>

#include "testing/forwarding_store.h"
#include "testing/patience.h"

namespace rhooks::testing {

// A store whose writes of new tasks wait until the test lets them go.
class HeldPuts final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  bool wait_for_one() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [this] { return !sizes_.empty(); });
  }
  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  std::vector<std::size_t> sizes() {
    std::lock_guard lock(mutex_);
    return sizes_;
  }

 private:
  std::vector<Result<store::PutResult>> do_put(
      std::span<const store::TaskRecord> records) override {
    {
      std::unique_lock lock(mutex_);
      sizes_.push_back(records.size());
      changed_.notify_all();
      changed_.wait_for(lock, kPatience, [this] { return open_; });
    }
    return ForwardingStore::do_put(records);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::size_t> sizes_;
  bool open_ = false;
};

}  // namespace rhooks::testing
