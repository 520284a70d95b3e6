// Text and bytes: what a register call, an answer and a store access cost in the codec.

#include <benchmark/benchmark.h>

#include "bench/samples.h"
#include "codec/public_json.h"
#include "codec/stored.h"
#include "model/transitions.h"

namespace rhooks::bench {
namespace {

void count_bytes(benchmark::State& state, std::size_t bytes) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes));
}

// One iteration: the body of one register call is read.
void parse_new_task(benchmark::State& state) {
  const std::string json = codec::to_json(sample_new_task()).value();
  for (auto _ : state) {
    auto task = codec::parse_new_task(json, "shop");
    if (!task) return state.SkipWithError(task.error().message.c_str());
    benchmark::DoNotOptimize(task);
  }
  count_bytes(state, json.size());
}
BENCHMARK(parse_new_task);

// One iteration: one task is written as an answer shows it, after an attempt.
void task_to_json(benchmark::State& state) {
  Task task = sample_record().task;
  task = model::apply_outcome(task, sample_outcome(task, kNow), kNow, {},
                              model::rules_for(task, nullptr), 0.5);
  std::size_t bytes = 0;
  for (auto _ : state) {
    std::string json = codec::to_json(task);
    benchmark::DoNotOptimize(json);
    bytes = json.size();
  }
  count_bytes(state, bytes);
}
BENCHMARK(task_to_json);

// One iteration: the part of one task that an attempt changes is written as stored bytes.
void encode_state(benchmark::State& state) {
  model::TaskRecord record = sample_record();
  record.task = model::apply_outcome(record.task, sample_outcome(record.task, kNow), kNow, {},
                                     model::rules_for(record.task, nullptr), 0.5);
  std::size_t bytes = 0;
  for (auto _ : state) {
    std::string stored = codec::encode_state(record);
    benchmark::DoNotOptimize(stored);
    bytes = stored.size();
  }
  count_bytes(state, bytes);
}
BENCHMARK(encode_state);

// One iteration: one whole task, spec and state, is read from its stored bytes.
void decode_record(benchmark::State& state) {
  const model::TaskRecord record = sample_record();
  const std::string spec = codec::encode_spec(record);
  const std::string stored = codec::encode_state(record);
  for (auto _ : state) {
    auto read = codec::decode_record(record.task.key, spec, stored);
    if (!read) return state.SkipWithError(read.error().message.c_str());
    benchmark::DoNotOptimize(read);
  }
  count_bytes(state, spec.size() + stored.size());
}
BENCHMARK(decode_record);

}  // namespace
}  // namespace rhooks::bench
