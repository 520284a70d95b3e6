// What is due: finding and lending it in the embedded store, and the queues between the stages.

#include <benchmark/benchmark.h>

#include <optional>
#include <stdexcept>

#include "base/bounded_queue.h"
#include "bench/samples.h"
#include "store/rocks/rocks_store.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {
namespace {

constexpr std::size_t kClaim = 256;
constexpr int kFew = 10'000;
constexpr int kMany = 1'000'000;

// A store with so many due tasks, each due a millisecond after the one before. A benchmark is
// called several times, and all of its calls share one.
struct DueStore {
  explicit DueStore(std::size_t count) {
    auto opened = store::open_rocks(dir.sub("data"));
    if (!opened) throw std::runtime_error(opened.error().message);
    store = std::move(*opened);
    for (std::size_t first = 0; first < count; first += 1'000) {
      std::vector<model::TaskRecord> records;
      for (std::size_t i = first; i < first + 1'000; ++i) {
        records.push_back(sample_record(std::to_string(i)));
        records.back().task.scheduled_date = kNow + std::chrono::milliseconds(i);
      }
      for (const auto& put : store->put(records)) {
        if (!put) throw std::runtime_error(put.error().message);
      }
    }
    now = kNow + std::chrono::milliseconds(count);
  }

  testing::TempDir dir{"rhooks-bench"};
  std::unique_ptr<store::Store> store;
  TimePoint now{};
};

// Each is made after what RocksDB keeps for the whole program, and so ends before that.
DueStore& due_store(std::int64_t count) {
  if (count == kFew) {
    static DueStore few(kFew);
    return few;
  }
  static DueStore many(kMany);
  return many;
}

std::vector<store::Lease> claim(DueStore& due) {
  auto claimed = due.store->claim_due({.now = due.now, .due_by = due.now, .limit = kClaim});
  if (!claimed) throw std::runtime_error(claimed.error().message);
  if (claimed->claims.size() != kClaim) throw std::runtime_error("not all tasks were claimed");
  std::vector<store::Lease> leases;
  for (store::Claim& one : claimed->claims) leases.push_back(std::move(one.lease));
  return leases;
}

// One iteration: the first 256 of so many due tasks are claimed and given back.
void claim_and_release(benchmark::State& state) {
  DueStore& due = due_store(state.range(0));
  for (auto _ : state) {
    if (!due.store->release(claim(due))) return state.SkipWithError("not released");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kClaim));
}
BENCHMARK(claim_and_release)->Arg(kFew)->Arg(kMany)->Unit(benchmark::kMicrosecond);

// Lets nothing pass.
class ClosedGate final : public store::FlowGate {
 public:
  std::optional<Refusal> refuse(const store::Flow& flow) override {
    return Refusal{store::Lane::of(flow)};
  }
  bool passes(const store::Flow&) const override { return false; }
  std::optional<store::Lane> next_open() override { return std::nullopt; }
  void looked_through(const store::Lane&) override {}
  void emptied(const store::Lane&) override {}
  void empty_all() override {}
};

// One iteration: claims pass over so many due tasks, none of which has its turn.
void pass_over_waiting(benchmark::State& state) {
  DueStore& due = due_store(state.range(0));
  for (auto _ : state) {
    ClosedGate gate;  // nothing waits for it yet
    for (bool more = true; more;) {
      const auto claimed =
          due.store->claim_due({.now = due.now, .due_by = due.now, .limit = kClaim, .gate = &gate});
      if (!claimed || !claimed->claims.empty()) return state.SkipWithError("something passed");
      more = claimed->more;
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(pass_over_waiting)->Arg(kFew)->Arg(kMany)->Unit(benchmark::kMillisecond);

// One iteration: when the next of so many tasks is due, while the first 256 are being attempted.
void next_due(benchmark::State& state) {
  DueStore& due = due_store(state.range(0));
  const auto leases = claim(due);
  for (auto _ : state) {
    auto next = due.store->next_due(due.now);
    if (!next || !*next) return state.SkipWithError("nothing is due");
    benchmark::DoNotOptimize(next);
  }
  if (!due.store->release(leases)) state.SkipWithError("not released");
}
BENCHMARK(next_due)->Arg(kFew)->Arg(kMany)->Unit(benchmark::kMicrosecond);

// One iteration: 256 tasks go through a queue between two stages, without waiting.
void bounded_queue(benchmark::State& state) {
  BoundedQueue<Task> queue(kClaim);
  std::vector<Task> tasks(kClaim, sample_record().task);
  for (auto _ : state) {
    for (Task& task : tasks) queue.push(std::move(task));
    tasks = queue.take(kClaim);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kClaim));
}
BENCHMARK(bounded_queue)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace rhooks::bench
