// Digests: what a webhook costs for its webhook-id, and a request to DynamoDB for its signature.

#include <benchmark/benchmark.h>

#include "base/sha256.h"
#include "bench/samples.h"
#include "delivery/request_builder.h"
#include "store/dynamo/sigv4.h"

namespace rhooks::bench {
namespace {

void count_bytes(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

// One iteration: a request with a body of so many bytes is signed, with the key of the day kept.
void sign(benchmark::State& state) {
  store::dynamo::Signer signer("eu-west-1", "dynamodb");
  const store::dynamo::Credentials credentials{
      "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", {}, {}};
  const std::vector<Header> headers = {{"Host", "dynamodb.eu-west-1.amazonaws.com"},
                                       {"Content-Type", "application/x-amz-json-1.0"},
                                       {"X-Amz-Target", "DynamoDB_20120810.UpdateItem"}};
  const std::string body(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) {
    auto added = signer.sign({.headers = headers, .body = body}, credentials, kNow);
    benchmark::DoNotOptimize(added);
  }
  count_bytes(state);
}
BENCHMARK(sign)->Arg(500)->Arg(16'000);

// One iteration: the webhook-id of one occurrence.
void webhook_id(benchmark::State& state) {
  const TaskKey key{"shop", "01896a6e-7c5d-7aaa-8bbb-0123456789ab"};
  for (auto _ : state) {
    auto id = delivery::webhook_id(key, kNow);
    benchmark::DoNotOptimize(id);
  }
}
BENCHMARK(webhook_id);

// One iteration: the digest of so many bytes.
void sha256(benchmark::State& state) {
  const std::string bytes(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) {
    auto digest = sha256_of_bytes(bytes);
    benchmark::DoNotOptimize(digest);
  }
  count_bytes(state);
}
BENCHMARK(sha256)->Arg(64)->Arg(1'000)->Arg(16'000);

}  // namespace
}  // namespace rhooks::bench
