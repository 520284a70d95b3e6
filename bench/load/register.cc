// Registering: how many tasks a second are synced and acknowledged, while nothing is delivered.

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

#include "bench/load/suites.h"
#include "bench/load/workload.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {
namespace {

constexpr std::size_t kBatch = 1'000;

// Runs `call(caller)` on a thread for each caller; returns the seconds until all have ended.
double run_callers(std::size_t callers, const std::function<void(std::size_t)>& call) {
  std::vector<std::optional<std::string>> errors(callers);
  std::vector<std::thread> threads;
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&, caller] {
      try {
        call(caller);
      } catch (const std::exception& error) {
        errors[caller] = error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = seconds_since(begin);
  for (const auto& error : errors) {
    if (error) throw std::runtime_error(*error);
  }
  return seconds;
}

// A library call takes its tasks away, so they are made before.
double library_rate(const Receiver& receiver, const Workload& workload, std::size_t callers) {
  testing::TempDir dir("rhooks-bench");
  Hooks hooks(bench_options("rocksdb:" + dir.sub("data"), workload.concurrency));
  const std::size_t batches = workload.count / kBatch / callers;
  std::vector<std::vector<NewTask>> tasks(batches * callers);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    for (std::size_t n = 0; n < kBatch; ++n) {
      tasks[i].push_back(webhook(receiver, workload, i * kBatch + n));
    }
  }
  const double seconds = run_callers(callers, [&](std::size_t caller) {
    for (std::size_t i = caller; i < tasks.size(); i += callers) {
      for (const auto& result : hooks.register_many(std::move(tasks[i]))) {
        if (!result) throw std::runtime_error("not registered: " + result.error().message);
      }
    }
  });
  return static_cast<double>(tasks.size() * kBatch) / seconds;
}

// The records of a task as the store keeps them, by their sizes: nothing of them is computed.
struct RawRecord {
  std::size_t key_bytes;
  std::size_t value_bytes;
};
constexpr RawRecord kRawRecords[] = {{43, 47}, {43, 158}, {51, 8}, {52, 0}};

// RocksDB as it comes, one family, with batches of the same records and bytes as the library's.
double raw_rocksdb_rate(const Workload& workload, std::size_t callers) {
  testing::TempDir dir("rhooks-bench");
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  const auto status = rocksdb::DB::Open(options, dir.sub("raw"), &opened);
  if (!status.ok()) throw std::runtime_error(status.ToString());
  const std::unique_ptr<rocksdb::DB> db(opened);
  const std::size_t batches = workload.count / kBatch / callers;
  const std::string value(kRawRecords[1].value_bytes, 'v');
  const double seconds = run_callers(callers, [&](std::size_t caller) {
    for (std::size_t i = caller; i < batches * callers; i += callers) {
      rocksdb::WriteBatch batch;
      for (std::size_t n = i * kBatch; n < (i + 1) * kBatch; ++n) {
        char key[64] = {};
        for (std::size_t record = 0; record < std::size(kRawRecords); ++record) {
          // As ours: each record in a range of its own, and in it behind the one before.
          key[0] = static_cast<char>('a' + record);
          for (int byte = 0; byte < 8; ++byte) key[8 - byte] = static_cast<char>(n >> (8 * byte));
          (void)batch.Put({key, kRawRecords[record].key_bytes},
                          {value.data(), kRawRecords[record].value_bytes});
        }
      }
      rocksdb::WriteOptions synced;
      synced.sync = true;
      const auto written = db->Write(synced, &batch);
      if (!written.ok()) throw std::runtime_error(written.ToString());
    }
  });
  return static_cast<double>(batches * callers * kBatch) / seconds;
}

void add_library_rows(Report& report, const Extent& extent) {
  const Receiver receiver;  // for its URL; nothing is sent
  for (const std::size_t callers : {1, 2}) {
    const std::string conditions = "batches of 1,000, body 100 B, " + std::to_string(callers) +
                                   (callers == 1 ? " caller" : " callers");
    if (!extent.wants(conditions)) continue;
    Report::progress("register: library, " + conditions);
    Workload workload;
    workload.count = std::max(extent.count(200'000), kBatch * callers);
    report.add(measure_pairs(
        {"register", "library", conditions, 0, "tasks/s", {}}, "raw RocksDB, same bytes",
        extent.pairs, [&] { return raw_rocksdb_rate(workload, callers); },
        [&] { return library_rate(receiver, workload, callers); }));
  }
}

}  // namespace

void run_register(Report& report, const Extent& extent) {
  add_library_rows(report, extent);
  add_rest_rows(report, extent);
}

}  // namespace rhooks::bench
