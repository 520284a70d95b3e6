#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string_view>

#include "store/store.h"

namespace rhooks::testing {

// A store whose calls fail by a script, before or after they took effect.
//
//   FaultyStore store(real);
//   store.set_script([](std::string_view method) -> std::optional<FaultyStore::Fault> {
//     if (method != "commit") return std::nullopt;
//     return FaultyStore::after_applying();   // kUnknownOutcome, but it is stored
//   });
//
// The script is asked once a call. A fault of a batch fails every item.
// Threads: as the store within; the script is called under a lock.
class FaultyStore final : public store::Store {
 public:
  struct Fault {
    bool applied = false;  // the real store is called, and its answer thrown away
    Error error;
  };
  using Script = std::function<std::optional<Fault>(std::string_view method)>;

  static Fault before_applying();  // kUnavailable
  static Fault after_applying();   // kUnknownOutcome

  explicit FaultyStore(store::Store& real) : real_(real) {}

  void set_script(Script script);

  std::vector<Result<store::PutResult>> put(std::span<const store::TaskRecord> records) override;
  Result<Task> get(const TaskKey& key, TimePoint now) override;
  Result<store::TaskPage> query_tasks(const store::TaskQuery& query) override;
  Result<store::LogPage> query_logs(const store::LogQuery& query) override;
  std::vector<Result<Task>> change(std::span<const TaskKey> keys, const store::Edit& edit,
                                   TimePoint now) override;
  std::vector<Result<Task>> remove(std::span<const TaskKey> keys, TimePoint now) override;
  Result<std::size_t> clear(const std::string& ns, std::size_t limit) override;
  Result<store::ClaimResult> claim_due(const store::ClaimRequest& request) override;
  std::vector<Result<store::CommitOutcome>> commit(std::span<const store::Commit> commits) override;
  Result<void> release(std::span<const store::Lease> leases) override;
  Result<std::optional<TimePoint>> next_due(TimePoint now) override;
  Result<store::DuePage> peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                                  const std::optional<store::DuePosition>& after) override;
  Result<void> check() override;

 private:
  std::optional<Fault> fault_of(std::string_view method);
  template <typename Call>
  auto one(std::string_view method, const Call& call) -> decltype(call());
  template <typename Call>
  auto many(std::string_view method, std::size_t size, const Call& call) -> decltype(call());

  store::Store& real_;
  std::mutex mutex_;
  Script script_;
};

}  // namespace rhooks::testing
