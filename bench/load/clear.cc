// How fast a namespace is cleared, by how many tasks it has: deletions must not get in each
// other's way.

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>

#include "bench/load/suites.h"
#include "bench/load/waiting.h"
#include "bench/load/workload.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {
namespace {

constexpr std::array<std::size_t, 2> kCounts = {50'000, 1'000'000};
// What a task has in the store: itself, its request, and a place in two indexes.
constexpr std::size_t kRecordsOfATask = 4;
constexpr std::size_t kAtOnce = 1'000;
constexpr std::size_t kClearedTaskBytes = 1'000;
constexpr const char* kRawDeletions = "raw RocksDB, as many deletions";

void check(const rocksdb::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

// Of as many records as the tasks have, in as many synced batches, by their keys.
double raw_rate(std::size_t count) {
  const testing::TempDir dir{"rhooks-bench-clear"};
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  check(rocksdb::DB::Open(options, dir.sub("raw"), &opened));
  const std::unique_ptr<rocksdb::DB> db(opened);
  const auto each_batch = [&](bool sync, const auto& change) {
    for (std::size_t i = 0; i < count; i += kAtOnce) {
      rocksdb::WriteBatch batch;
      for (std::size_t task = i; task < std::min(i + kAtOnce, count); ++task) {
        for (std::size_t record = 0; record < kRecordsOfATask; ++record) {
          char key[64];
          std::snprintf(key, sizeof key, "%zu-bench-01234567-89ab-7cde-8f01-%012zx", record, task);
          change(batch, key);
        }
      }
      rocksdb::WriteOptions write;
      write.sync = sync;
      check(db->Write(write, &batch));
    }
  };
  const std::string value(150, 'x');
  each_batch(false, [&](auto& batch, const char* key) { check(batch.Put(key, value)); });
  const auto from = std::chrono::steady_clock::now();
  each_batch(true, [](auto& batch, const char* key) { check(batch.Delete(key)); });
  return static_cast<double>(count) / seconds_since(from);
}

double clear_rate(std::size_t count) {
  const testing::TempDir dir{"rhooks-bench-clear"};
  Hooks hooks(bench_options("rocksdb:" + dir.sub("data"), 25));
  NewTask task;
  task.ns = "bench";
  task.request.url = "http://127.0.0.1:9/hook";
  task.request.method = Method::kPost;
  task.request.body = Body::json(std::string(98, '1'));
  task.scheduled_date = now_ms() + std::chrono::hours{24 * 365};
  for (std::size_t i = 0; i < count; i += kAtOnce) {
    register_all(hooks, std::vector<NewTask>(std::min(kAtOnce, count - i), task));
  }
  const auto from = std::chrono::steady_clock::now();
  const auto cleared = hooks.clear("bench");
  const double seconds = seconds_since(from);
  if (!cleared) throw std::runtime_error(cleared.error().message);
  if (*cleared != static_cast<std::int64_t>(count)) throw std::runtime_error("some are left");
  return static_cast<double>(count) / seconds;
}

}  // namespace

void run_clear(Report& report, const Extent& extent) {
  for (const std::size_t full : kCounts) {
    const std::size_t count = std::max(extent.count(full), kAtOnce);
    const std::string conditions = "of " + count_text(count);
    if (!extent.wants(conditions)) continue;
    check_free_space(count * kClearedTaskBytes, "a namespace of " + count_text(count) + " tasks");
    Report::progress("clear: " + conditions);
    report.add(measure_pairs(
        {"clear", "rate", conditions, 0, "tasks/s", {}}, kRawDeletions, extent,
        [&] { return raw_rate(count); }, [&] { return clear_rate(count); }));
  }
}

}  // namespace rhooks::bench
