// One trigger() for very many due tasks, durable and over the wire, in bounded memory.
#include <gtest/gtest.h>
#include <rhooks/hooks.h>
#include <unistd.h>

#include <fstream>
#include <iostream>

#include "testing/soak.h"
#include "testing/temp_dir.h"
#include "testing/test_receiver.h"

namespace rhooks::testing {
namespace {

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

constexpr std::size_t kBodyBytes = 16'384;

void register_due(Hooks& hooks, const std::string& url, int count) {
  for (int i = 0; i < count; i += 1000) {
    std::vector<NewTask> batch(1000);
    for (NewTask& task : batch) {
      task.ns = "bulk";
      task.request.method = Method::kPost;
      task.request.url = url;
      task.request.body = Body::text(std::string(kBodyBytes, 'x'));
    }
    const auto results = hooks.register_many(std::move(batch)).value();
    for (const auto& result : results) ASSERT_TRUE(result);
  }
}

void deliver_in_bounded_memory(int tasks) {
  constexpr int kWarmUp = 5'000;
  constexpr int kConcurrency = 64;
  TempDir dir;
  TestReceiver::Options receives;
  receives.record_max = 0;  // the receiver's own memory is not what is measured
  TestReceiver receiver(receives);
  Hooks hooks(Options{.store = "rocksdb:" + dir.sub("store"), .concurrency = kConcurrency});

  // A first, smaller run fills what is filled once: caches, memtables, allocator pools.
  register_due(hooks, receiver.url("/hook"), kWarmUp);
  ASSERT_EQ(hooks.trigger()->processed, kWarmUp);

  register_due(hooks, receiver.url("/hook"), tasks);
  const std::size_t before = resident_bytes();
  std::size_t highest = before;
  const auto begin = std::chrono::steady_clock::now();
  const auto result = hooks.trigger([&](const TriggerResult& so_far) {
    highest = std::max(highest, resident_bytes());
    EXPECT_LE(so_far.processed, tasks);
  });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, tasks);
  EXPECT_EQ(result->errors, 0);
  EXPECT_EQ(receiver.request_count(), static_cast<std::size_t>(tasks) + kWarmUp);
  EXPECT_LE(receiver.open_connections_max(), static_cast<std::size_t>(kConcurrency));
  EXPECT_EQ(hooks.trigger_dryrun()->count, 0);

  const std::size_t grown = highest - before;
  std::cout << tasks << " tasks in " << took.count() << " s, resident memory " << (before >> 20)
            << " MiB before, " << (grown >> 20) << " MiB more at its highest\n";
  // The embedded store may fill 64 MiB of caches and 64 MiB of writes that wait for the disk,
  // whatever the number of tasks. Held at once, their bodies alone were more than the bound.
  constexpr std::size_t kGrownMax = std::size_t{320} << 20;
  ASSERT_GT(static_cast<std::size_t>(tasks) * kBodyBytes, kGrownMax);
  EXPECT_LT(grown, kGrownMax);
}

// Every day as many as do not fit into the bound; 100,000 in a soak.
TEST(TriggerSoakTest, DeliversAllThatIsDueInBoundedMemory) {
  Soak soak("trigger");
  while (soak.more()) deliver_in_bounded_memory(soak.asked() ? 100'000 : 24'000);
}

}  // namespace
}  // namespace rhooks::testing
