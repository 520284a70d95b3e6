// The embedded store with its synced writes, in a temporary directory: the numbers are those
// of the disk that TMPDIR is on (on tmpfs, of no disk at all).

#include <benchmark/benchmark.h>

#include "base/uuid.h"
#include "bench/raw_rocks.h"
#include "bench/samples.h"
#include "model/transitions.h"
#include "store/rocks/rocks_store.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {
namespace {

using namespace std::chrono_literals;

// Tasks at once: alone, and as many as batches have.
void sizes(benchmark::internal::Benchmark* each) {
  each->Arg(1)->Arg(100)->Arg(512)->Arg(1000)->Unit(benchmark::kMillisecond)->UseRealTime();
}

// `count` tasks with ids of their own.
std::vector<model::TaskRecord> records(int first, int count) {
  std::vector<model::TaskRecord> made;
  for (int i = first; i < first + count; ++i) made.push_back(sample_record(std::to_string(i)));
  return made;
}

// Why not every record was created; empty if all were.
std::string put_all(store::Store& store, const std::vector<model::TaskRecord>& records) {
  for (const auto& result : store.put(records)) {
    if (!result) return result.error().message;
    if (!result->created) return "a task was there already";
  }
  return "";
}

// One iteration: so many new tasks are put in one call, which one synced write makes durable.
// Making the records is not counted.
void put(benchmark::State& state) {
  const int count = static_cast<int>(state.range(0));
  testing::TempDir dir("rhooks-bench");
  auto store = store::open_rocks(dir.sub("data"));
  if (!store) return state.SkipWithError(store.error().message.c_str());
  int first = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const auto batch = records(first, count);
    first += count;
    state.ResumeTiming();
    const std::string failure = put_all(**store, batch);
    if (!failure.empty()) return state.SkipWithError(failure.c_str());
  }
  state.SetItemsProcessed(state.iterations() * count);
}
BENCHMARK(put)->Apply(sizes);

// The ceiling: the records of as many new tasks, written by RocksDB alone. Making the batch is not
// counted.
void raw_put(benchmark::State& state) {
  const int count = static_cast<int>(state.range(0));
  testing::TempDir dir("rhooks-bench");
  RawRocks raw(dir.sub("data"));
  int first = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto batch = raw.put_batch(records(first, count));
    first += count;
    state.ResumeTiming();
    raw.write(batch);
  }
  state.SetItemsProcessed(state.iterations() * count);
}
BENCHMARK(raw_put)->Apply(sizes);

// The outcome of a successful attempt, as the committer would make it.
store::Commit succeeded(const store::Claim& claim, TimePoint now, const Uuid& log_id) {
  store::Commit commit;
  commit.lease = claim.lease;
  const Task begun = model::begin_attempt(claim.task, now);
  const auto outcome = sample_outcome(begun, now);
  const auto rules = model::rules_for(begun, nullptr);
  commit.log = model::make_log(begun, outcome, now, log_id, 24h, rules);
  commit.task = model::apply_outcome(begun, outcome, now, {}, rules, 0.5);
  return commit;
}

// One iteration: so many due tasks are claimed in one call, and their successes, with a log each,
// committed in another, which one synced write makes durable. The tasks are hourly and time
// moves on by an hour, so each iteration finds all of them due. Making the outcomes (model)
// is counted.
void claim_and_commit(benchmark::State& state) {
  const int count = static_cast<int>(state.range(0));
  testing::TempDir dir("rhooks-bench");
  auto store = store::open_rocks(dir.sub("data"));
  if (!store) return state.SkipWithError(store.error().message.c_str());
  const std::string failure = put_all(**store, records(0, count));
  if (!failure.empty()) return state.SkipWithError(failure.c_str());
  const auto limit = static_cast<std::size_t>(count);
  Random random(1);
  UuidGenerator uuids(random);
  TimePoint now = kNow;
  for (auto _ : state) {
    const auto claimed = (*store)->claim_due({.now = now, .due_by = now, .limit = limit});
    if (!claimed) return state.SkipWithError(claimed.error().message.c_str());
    if (claimed->claims.size() != limit) return state.SkipWithError("not all tasks were due");
    std::vector<store::Commit> commits;
    for (const auto& claim : claimed->claims) {
      commits.push_back(succeeded(claim, now, uuids.v7(now)));
    }
    for (const auto& outcome : (*store)->commit(commits)) {
      if (!outcome) return state.SkipWithError(outcome.error().message.c_str());
      if (*outcome != store::CommitOutcome::kApplied) {
        return state.SkipWithError("an outcome was not applied");
      }
    }
    now += 1h;
  }
  state.SetItemsProcessed(state.iterations() * count);
}
BENCHMARK(claim_and_commit)->Apply(sizes);

// The ceiling: the records of as many successes, written by RocksDB alone. Neither claiming nor
// making the outcomes and the batch is counted.
void raw_commit(benchmark::State& state) {
  const int count = static_cast<int>(state.range(0));
  testing::TempDir dir("rhooks-bench");
  RawRocks raw(dir.sub("data"));
  const auto made = records(0, count);
  auto put = raw.put_batch(made);
  raw.write(put);
  std::vector<Task> tasks;
  for (const auto& record : made) tasks.push_back(record.task);
  Random random(1);
  UuidGenerator uuids(random);
  TimePoint now = kNow;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<store::Commit> commits;
    for (const Task& task : tasks) {
      store::Claim claim;
      claim.lease.key = task.key;
      claim.task = task;
      commits.push_back(succeeded(claim, now, uuids.v7(now)));
    }
    auto batch = raw.commit_batch(tasks, commits);
    for (std::size_t i = 0; i < tasks.size(); ++i) tasks[i] = std::move(commits[i].task);
    now += 1h;
    state.ResumeTiming();
    raw.write(batch);
  }
  state.SetItemsProcessed(state.iterations() * count);
}
BENCHMARK(raw_commit)->Apply(sizes);

}  // namespace
}  // namespace rhooks::bench
