// Pages of 100 from a namespace with a million tasks. Each is asked for at another place, so
// that what it reads is seldom in the store's own cache; the system's holds the files.

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>

#include "bench/load/server.h"
#include "bench/load/suites.h"
#include "bench/load/times.h"
#include "bench/load/waiting.h"
#include "bench/load/workload.h"
#include "codec/stored.h"
#include "model/new_task.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {
namespace {

constexpr std::size_t kPages = 1'000;  // of which ten are above the 99th percentile
constexpr double kSecondsMax = 5;      // and so long at most for all of them
constexpr int kLimit = 100;
constexpr std::size_t kCustomerTasks = 1'000;
constexpr std::size_t kSuspended = 3'000;
constexpr std::size_t kDeliveredTasks = 100'000;
constexpr std::size_t kStoredTaskBytes = 1'000;  // on the disk, at most, while files are merged
constexpr const char* kRaw = "raw RocksDB";

// The same number of records of the same size, in order of their keys, without our code.
class RawRecords {
 public:
  RawRecords(const std::string& path, std::size_t count) : count_(count) {
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* db = nullptr;
    check(rocksdb::DB::Open(options, path, &db));
    db_.reset(db);
    NewTask task;
    task.ns = "bench";
    task.request.url = "http://127.0.0.1:12345/hook";
    task.request.body = Body::json(std::string(98, 'x'));
    const auto record = model::make_record(std::move(task), now_ms(), Uuid{});
    const std::string value = codec::encode_spec(record) + codec::encode_state(record);
    for (std::size_t i = 0; i < count;) {
      rocksdb::WriteBatch batch;
      for (std::size_t end = std::min(i + 1'000, count); i < end; ++i) {
        check(batch.Put(key(i), value));
      }
      check(db_->Write({}, &batch));
    }
    check(db_->Flush({}));
  }

  // A page's worth of records; their bytes.
  std::size_t read(std::mt19937_64& random) {
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}));
    std::size_t bytes = 0, rows = 0;
    it->Seek(key(random() % (count_ * 9 / 10)));
    for (; it->Valid() && rows < kLimit; it->Next(), ++rows) {
      bytes += it->key().size() + it->value().size();
    }
    check(it->status());
    return bytes;
  }

 private:
  static void check(const rocksdb::Status& status) {
    if (!status.ok()) throw std::runtime_error(status.ToString());
  }
  // As long as that of a task with a generated id.
  static std::string key(std::size_t number) {
    char text[64];
    std::snprintf(text, sizeof text, "bench-01234567-89ab-7cde-8f01-%012zx", number);
    return text;
  }

  const std::size_t count_;
  std::unique_ptr<rocksdb::DB> db_;
};

struct Times {
  double median = 0;
  double p99 = 0;
};

Times times_of(const std::function<void()>& page) {
  std::vector<double> times;
  const auto first = std::chrono::steady_clock::now();
  while (times.empty() || (times.size() < kPages && seconds_since(first) < kSecondsMax)) {
    const auto begin = std::chrono::steady_clock::now();
    page();
    times.push_back(seconds_since(begin) * 1'000);
  }
  return {median(times), percentile(times, 0.99)};
}

// What a library row asks for.
struct Pages {
  std::string name;
  std::string conditions;
  std::function<void(FetchQuery&)> aim;
};

class FetchSuite {
 public:
  FetchSuite(Report& report, const Extent& extent, std::size_t count)
      : report_(report), extent_(extent), count_(count) {}

  void run() {
    const std::string all = "of " + count_text(count_);
    const std::string over_rest = all + ", over REST";
    const std::size_t delivered = extent_.count(kDeliveredTasks);
    const Pages head{"by status",
                     all + ", the first after " + count_text(delivered) + " deliveries, at rest",
                     [](FetchQuery& query) { query.filter.status = Status::kActive; }};
    auto rows = library_rows(all);
    std::erase_if(rows, [&](const Pages& row) { return !extent_.wants(row.conditions); });
    const bool wants_rest = extent_.wants(over_rest), wants_head = extent_.wants(head.conditions);
    if (rows.empty() && !wants_rest && !wants_head) return;

    check_free_space(count_ * kStoredTaskBytes, "a namespace of " + count_text(count_) + " tasks");
    Report::progress("fetch: registering " + count_text(count_) + " tasks");
    raw_ = std::make_unique<RawRecords>(dir_.sub("raw"), count_);
    Receiver receiver;
    auto hooks = open();
    fill_waiting(*hooks, receiver,
                 {.count = count_, .customers = customers(), .suspend_every = count_ / kSuspended},
                 [](std::size_t) {});
    wait_until_idle(::getpid());
    for (const Pages& row : rows) library(*hooks, row);
    if (wants_rest) {
      hooks.reset();  // a store is open in one process
      rest(over_rest);
      hooks = open();
    }
    // Last: the deliveries change what the others walk over.
    if (wants_head) {
      delivery_rate(*hooks, receiver, {.count = delivered});
      wait_until_idle(::getpid());
      library(*hooks, head);
    }
  }

 private:
  std::size_t customers() const { return std::max<std::size_t>(count_ / kCustomerTasks, 1); }

  std::unique_ptr<Hooks> open() const {
    return std::make_unique<Hooks>(bench_options(store_, 256));
  }

  std::vector<Pages> library_rows(const std::string& all) {
    return {
        {"by date", all, [this](FetchQuery& query) { query.filter.from = random_date(random_); }},
        {"by date, descending", all,
         [this](FetchQuery& query) {
           query.filter.to = random_date(random_) + std::chrono::hours{24 * 36};
           query.desc = true;
         }},
        {"by status", all + ", ACTIVE",
         [this](FetchQuery& query) {
           query.filter.status = Status::kActive;
           query.filter.from = random_date(random_);
         }},
        {"by status", all + ", " + count_text(kSuspended) + " SUSPENDED",
         [this](FetchQuery& query) {
           query.filter.status = Status::kSuspended;
           query.filter.from = random_date(random_);
         }},
        {"by id prefix", all + ", 1,000 with that prefix",
         [this](FetchQuery& query) { query.filter.id = customer(random_() % customers()) + "#"; }},
    };
  }

  void library(Hooks& hooks, const Pages& row) {
    measure(row.name, row.conditions, [&] {
      FetchQuery query;
      query.filter.ns = "bench";
      query.limit = kLimit;
      row.aim(query);
      const auto page = hooks.fetch(query);
      if (!page) throw std::runtime_error(page.error().message);
      check_full(page->items.size() == kLimit);
    });
  }

  void rest(const std::string& conditions) {
    Server server(store_);
    measure("by date", conditions, [&] {
      const std::string from = format_time(random_date(random_));
      const auto body = server.get("/v1/namespaces/bench/tasks?limit=" + std::to_string(kLimit) +
                                   "&from=" + from);
      check_full(body.find("\"count\":" + std::to_string(kLimit)) != std::string::npos);
    });
    server.stop();
  }

  // Two rows: the median and the 99th percentile, each by that of the raw records.
  void measure(const std::string& name, const std::string& conditions,
               const std::function<void()>& page) {
    std::vector<Times> raw, ours;
    report_.add(measure_pairs(
        {"fetch", name + ", median", conditions, 0, "ms/page", {}}, kRaw, extent_,
        [&] {
          raw.push_back(times_of([&] { read_bytes_ += raw_->read(random_); }));
          return raw.back().median;
        },
        [&] {
          ours.push_back(times_of(page));
          return ours.back().median;
        }));
    std::size_t i = 0, j = 0;
    report_.add(measure_pairs(
        {"fetch", name + ", p99", conditions, 0, "ms/page", {}}, kRaw, extent_,
        [&] { return raw[i++].p99; }, [&] { return ours[j++].p99; }));
  }

  // With 10,000 tasks, the fewest that this is run with, 300 of 3,000 still come after any date.
  static void check_full(bool full) {
    if (!full) throw std::runtime_error("a page of fewer than " + std::to_string(kLimit));
  }

  Report& report_;
  const Extent& extent_;
  const std::size_t count_;
  const testing::TempDir dir_{"rhooks-bench-fetch"};
  const std::string store_ = "rocksdb:" + dir_.sub("data");
  std::unique_ptr<RawRecords> raw_;
  std::size_t read_bytes_ = 0;  // so that reading them is of some use
  std::mt19937_64 random_{2};
};

}  // namespace

void run_fetch(Report& report, const Extent& extent) {
  FetchSuite(report, extent, std::max<std::size_t>(extent.count(1'000'000), 10'000)).run();
}

}  // namespace rhooks::bench
