// The rules: what registering and each attempt cost in the model.

#include <benchmark/benchmark.h>

#include "bench/samples.h"
#include "model/transitions.h"

namespace rhooks::bench {
namespace {

// One iteration: a new task is checked against every limit.
void validate(benchmark::State& state) {
  const NewTask task = sample_new_task();
  for (auto _ : state) {
    auto valid = model::validate(task);
    if (!valid) return state.SkipWithError(valid.error().message.c_str());
    benchmark::DoNotOptimize(valid);
  }
}
BENCHMARK(validate);

// One iteration: a new task is copied and made a record, with its fingerprint (SHA-256).
void make_record(benchmark::State& state) {
  const NewTask task = sample_new_task();
  for (auto _ : state) {
    auto record = model::make_record(task, kNow, Uuid{});
    benchmark::DoNotOptimize(record);
  }
}
BENCHMARK(make_record);

// One iteration: an attempt of a copied task succeeds, and its next occurrence is planned.
void apply_success(benchmark::State& state) {
  const Task task = model::begin_attempt(sample_record().task, kNow);
  const model::AttemptOutcome outcome = sample_outcome(task, kNow);
  for (auto _ : state) {
    auto after =
        model::apply_outcome(task, outcome, kNow, {}, model::rules_for(task, nullptr), 0.5);
    benchmark::DoNotOptimize(after);
  }
}
BENCHMARK(apply_success);

// One iteration: an attempt of a copied task fails with 503, and its retry is planned.
void apply_failure(benchmark::State& state) {
  const Task task = model::begin_attempt(sample_record().task, kNow);
  model::AttemptOutcome outcome = sample_outcome(task, kNow);
  outcome.response->status = 503;
  for (auto _ : state) {
    auto after =
        model::apply_outcome(task, outcome, kNow, {}, model::rules_for(task, nullptr), 0.5);
    benchmark::DoNotOptimize(after);
  }
}
BENCHMARK(apply_failure);

}  // namespace
}  // namespace rhooks::bench
