// Digests: what a webhook costs for its webhook-id and its signatures, and a request to DynamoDB
// for its signature.

#include <benchmark/benchmark.h>
#include <openssl/evp.h>

#include <array>
#include <memory>

#include "base/sha256.h"
#include "bench/samples.h"
// `scripts/bench.sh --compare` builds this with older revisions, where these were elsewhere.
#if __has_include("model/webhook_id.h")
#include "model/webhook_id.h"
#else
#include "delivery/request_builder.h"
namespace rhooks::model {
using delivery::webhook_id;
}
#endif
#if __has_include("signing/webhook.h")
#include "signing/webhook.h"
#endif
#if __has_include("aws/sigv4.h")
#include "aws/sigv4.h"
#else
#include "store/dynamo/sigv4.h"
namespace rhooks {
namespace aws = store::dynamo;
}
#endif

namespace rhooks::bench {
namespace {

void count_bytes(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

// One iteration: a request with a body of so many bytes is signed, with the key of the day kept.
void sign(benchmark::State& state) {
  aws::Signer signer("eu-west-1", "dynamodb");
  const aws::Credentials credentials{
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
  Task task;
  task.key = {"shop", "01896a6e-7c5d-7aaa-8bbb-0123456789ab"};
  task.scheduled_date = kNow;
  for (auto _ : state) {
    auto id = model::webhook_id(task);
    benchmark::DoNotOptimize(id);
  }
}
BENCHMARK(webhook_id);

#if __has_include("signing/webhook.h")
// One iteration: the three headers of a webhook with a body of so many bytes, by one secret.
void sign_webhook_by(const signing::Key& key, benchmark::State& state) {
  const std::string id = "msg_0123456789abcdef0123456789abcdef";
  const std::string body(static_cast<std::size_t>(state.range(0)), 'x');
  const auto keys = signing::parse_keys({key.text()}).value();
  for (auto _ : state) {
    auto headers = signing::sign(keys, id, kNow, body);
    benchmark::DoNotOptimize(headers);
  }
  count_bytes(state);
}
void sign_v1(benchmark::State& state) {
  sign_webhook_by(signing::Key::generate_hmac(), state);
}
void sign_v1a(benchmark::State& state) {
  sign_webhook_by(signing::Key::generate_ed25519(), state);
}
BENCHMARK(sign_v1)->Arg(500)->Arg(16'000);
BENCHMARK(sign_v1a)->Arg(500)->Arg(16'000);
#endif

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

// The ceiling of the others: one iteration is OpenSSL's own digest of so many bytes, with all
// that can be kept from one to the next kept.
void openssl_sha256(benchmark::State& state) {
  const std::unique_ptr<EVP_MD, void (*)(EVP_MD*)> algorithm(
      EVP_MD_fetch(nullptr, "SHA256", nullptr), EVP_MD_free);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  const std::string bytes(static_cast<std::size_t>(state.range(0)), 'x');
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  for (auto _ : state) {
    if (EVP_DigestInit_ex2(context.get(), algorithm.get(), nullptr) != 1 ||
        EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) != 1 ||
        EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1) {
      return state.SkipWithError("OpenSSL failed");
    }
    benchmark::DoNotOptimize(digest);
  }
  count_bytes(state);
}
BENCHMARK(openssl_sha256)->Arg(64)->Arg(500)->Arg(1'000)->Arg(16'000);

}  // namespace
}  // namespace rhooks::bench
