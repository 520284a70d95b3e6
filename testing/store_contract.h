#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/uuid.h"
#include "store/store.h"
#include "testing/counting_gate.h"

// The suite that every store passes, from one source. A store joins by one factory:
//
//   INSTANTIATE_STORE_CONTRACT(Memory, memory_factory());
//
// One that asks the gates of claims joins INSTANTIATE_FLOW_CONTRACT as well.
//
// Times: the suite uses times near kT0, and none of a system clock. A store that drops
// expired logs in the background must take its time from a clock that stands at kT0 or before.
namespace rhooks::testing {

inline constexpr TimePoint kT0{std::chrono::milliseconds{1'893'456'000'000}};  // 2030-01-01

// One store, empty at first.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual store::Store& store() = 0;
  // A durable store outlives reopen(): closes it without care and opens it again.
  virtual bool durable() const { return false; }
  virtual void reopen() {}
  // A call takes requests, so the tests of many calls make fewer.
  virtual bool remote() const { return false; }
  // Whether leases are stored, so that they outlive the process that holds them.
  virtual bool leases_outlive_reopen() const { return false; }
  // Tasks that are too many for one call, and not for a test.
  virtual int many() const { return 22 * 800; }
};

struct StoreFactory {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>()> make;
};

// Otherwise the names of the tests, as ctest lists them, would hold the factory's bytes.
inline void PrintTo(const StoreFactory& factory, std::ostream* out) {
  *out << factory.name;
}

inline std::string store_case_name(const ::testing::TestParamInfo<StoreFactory>& info) {
  return info.param.name;
}

model::TaskRecord make_record(const std::string& ns, const std::string& id, TimePoint at);
Log make_log(const TaskKey& key, TimePoint started_at, const std::string& id,
             LogStatus status = LogStatus::kSuccess);

// What a worker commits after a claim: DONE, with a log of the attempt.
store::Commit done(const store::Claim& claim, TimePoint now);
// ACTIVE again, due at `next`.
store::Commit retried(const store::Claim& claim, TimePoint now, TimePoint next);

// With a task that follows from the outcome, made and due at `at`.
store::Commit followed_by(store::Commit commit, const std::string& id, TimePoint at);

// Edits as the engine makes them; each refuses a task that is shown as PROCESSING.
Result<Task> suspend_edit(Task task);
Result<Task> unsuspend_edit(Task task);

// Follows `next` to the end. Fails the test where pages repeat or never end.
std::vector<Task> all_tasks(store::Store& store, store::TaskQuery query);
std::vector<Log> all_logs(store::Store& store, store::LogQuery query);
std::vector<store::DueEntry> all_due(store::Store& store, TimePoint now, TimePoint due_by,
                                     std::size_t limit);
std::vector<store::StoredDocument> all_documents(store::Store& store, store::DocumentQuery query);
std::vector<std::string> ids(const std::vector<Task>& tasks);

// Where a run of calls takes its decisions from: a random generator, or an input of a fuzzer.
class Choices {
 public:
  virtual ~Choices() = default;
  // Whether another call is to be made.
  virtual bool more() = 0;
  // One of 0 to n - 1.
  virtual std::size_t below(std::size_t n) = 0;
};

// Those that the calls of a differential run are about.
const std::vector<std::string>& differential_namespaces();

// Removes all documents that those calls may have left.
void remove_differential_documents(store::Store& store);

// Applies the same calls to both stores and compares every answer; fails the test, and ends,
// at the first that differs. Both stores are empty at first.
void run_differential(StoreUnderTest& subject, store::Store& oracle, Choices& choices);
// With random calls.
void run_differential(StoreUnderTest& subject, store::Store& oracle, std::uint64_t seed, int steps);

// With random calls, claims of which go through a gate.
void run_flow_differential(StoreUnderTest& subject, store::Store& oracle, std::uint64_t seed,
                           int steps);

class StoreContractTest : public ::testing::TestWithParam<StoreFactory> {
 protected:
  void SetUp() override;

  store::Store& store() { return subject_->store(); }
  StoreUnderTest& subject() { return *subject_; }

  // Each fails the test if the call does.
  void put(const model::TaskRecord& record);
  void put(const std::string& ns, const std::string& id, TimePoint at = kT0) {
    put(make_record(ns, id, at));
  }
  std::vector<store::Claim> claim(TimePoint now, std::size_t limit = 100,
                                  std::chrono::milliseconds lease_for = std::chrono::seconds{60});
  // Claims the only due task.
  store::Claim claim_one(TimePoint now,
                         std::chrono::milliseconds lease_for = std::chrono::seconds{60});
  store::CommitOutcome commit(const store::Commit& commit);
  Result<Task> change(const TaskKey& key, const store::Edit& edit, TimePoint now);
  Result<Task> remove(const TaskKey& key, TimePoint now = kT0);
  Status status_of(const TaskKey& key, TimePoint now);
  std::vector<Log> logs(const std::string& ns, TimePoint now = kT0);

 private:
  std::unique_ptr<StoreUnderTest> subject_;
};

// Of calls that several threads make at once.
class StoreRacesTest : public StoreContractTest {};

// Of claims through a gate.
class FlowContractTest : public StoreContractTest {
 protected:
  void put_ten_and_one();
  // Claims until there is no more, or as many as the limit says.
  std::vector<store::Claim> claim_through(CountingGate& gate, store::ClaimRequest request);
  std::vector<store::Claim> claim_through(TimePoint now, std::size_t limit = 100);
  // Claims and completes, again and again, until nothing passes any more. Their ids.
  std::vector<std::string> pass_one_by_one(TimePoint now, std::size_t limit = 100);

  CountingGate gate_;
  bool waits_ = false;  // as the last claim told
};

// Of claims that several threads make through one gate.
class FlowRacesTest : public FlowContractTest {};

// INSTANTIATE_STORE_CONTRACT(NAME, FACTORY...): all of its suites on these stores.
#define INSTANTIATE_STORE_CONTRACT(name, ...)                                       \
  INSTANTIATE_TEST_SUITE_P(name, StoreContractTest, ::testing::Values(__VA_ARGS__), \
                           ::rhooks::testing::store_case_name);                     \
  INSTANTIATE_TEST_SUITE_P(name, StoreRacesTest, ::testing::Values(__VA_ARGS__),    \
                           ::rhooks::testing::store_case_name)

#define INSTANTIATE_FLOW_CONTRACT(name, ...)                                       \
  INSTANTIATE_TEST_SUITE_P(name, FlowContractTest, ::testing::Values(__VA_ARGS__), \
                           ::rhooks::testing::store_case_name);                    \
  INSTANTIATE_TEST_SUITE_P(name, FlowRacesTest, ::testing::Values(__VA_ARGS__),    \
                           ::rhooks::testing::store_case_name)

}  // namespace rhooks::testing
