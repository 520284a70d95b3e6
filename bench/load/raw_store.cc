#include "bench/load/raw_store.h"

#include <algorithm>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/uuid.h"
#include "bench/load/workload.h"
#include "bench/raw_rocks.h"
#include "model/new_task.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {
namespace {

constexpr std::size_t kPutBatch = 1'000;

}  // namespace

double raw_store_rate(std::size_t count, std::size_t callers,
                      const std::function<NewTask(std::size_t)>& task) {
  const testing::TempDir dir("rhooks-bench");
  RawRocks store(dir.sub("raw"));
  Random random;
  UuidGenerator uuids(random);
  std::vector<rocksdb::WriteBatch> batches;
  for (std::size_t first = 0; first < count; first += kPutBatch) {
    std::vector<model::TaskRecord> records;
    for (std::size_t n = first; n < std::min(first + kPutBatch, count); ++n) {
      const TimePoint now = now_ms();
      records.push_back(model::make_record(task(n), now, uuids.v7(now)));
    }
    batches.push_back(store.put_batch(records));
  }
  const double seconds = run_callers(callers, [&](std::size_t caller) {
    for (std::size_t i = caller; i < batches.size(); i += callers) store.write(batches[i]);
  });
  return static_cast<double>(count) / seconds;
}

}  // namespace rhooks::bench
