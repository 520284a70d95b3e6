// Calls of the store contract, with times, and reopening between them, on the embedded store
// and on the memory store, which is the oracle: every answer is the same, and so is all that
// both hold at the end. The calls are those of the contract suite's random test; here an input
// decides them, so that what leads somewhere new is followed.
//
// The first byte says whether pages end after a few rows. RocksDB keeps its files in memory.

#include <rocksdb/env.h>

#include <stdexcept>

#include "fuzz/fuzz.h"
#include "store/memory/memory_store.h"
#include "store/rocks/rocks_store.h"
#include "testing/manual_clock.h"
#include "testing/store_contract.h"
#include "testing/temp_dir.h"

namespace rhooks {
namespace {

// One byte a decision, two for those of many ways.
class InputChoices final : public testing::Choices {
 public:
  explicit InputChoices(fuzz::Input input) : input_(input) {}

  bool more() override { return !input_.empty() && steps_++ < kStepsMax; }
  std::size_t below(std::size_t n) override { return input_.number(n <= 256 ? 1 : 2) % n; }

 private:
  static constexpr int kStepsMax = 300;

  fuzz::Input input_;
  int steps_ = 0;
};

class RocksInMemory final : public testing::StoreUnderTest {
 public:
  // RocksDB locks `directory`, and keeps nothing else there.
  RocksInMemory(std::string directory, store::RocksOptions options)
      : directory_(std::move(directory)), options_(options) {
    options_.clock = &clock_;
    options_.env = env_.get();
    open();
  }
  store::Store& store() override { return *store_; }
  // Reopening takes as long as hundreds of other calls: an input has two of it.
  bool durable() const override { return reopened_ < 2; }
  void begin_input() { reopened_ = 0; }
  void reopen() override {
    ++reopened_;
    store_.reset();
    open();
  }

 private:
  void open() {
    auto opened = store::open_rocks(directory_, options_);
    if (!opened) throw std::runtime_error(opened.error().message);
    store_ = std::move(*opened);
  }

  const std::string directory_;
  const std::unique_ptr<rocksdb::Env> env_{rocksdb::NewMemEnv(rocksdb::Env::Default())};
  testing::ManualClock clock_{testing::kT0};
  store::RocksOptions options_;
  std::unique_ptr<store::Store> store_;
  int reopened_ = 0;
};

// Opening a new store takes longer than most inputs do, so it is emptied instead; and, now and
// then, made anew, because of what deletions leave behind.
class Subjects {
 public:
  explicit Subjects(const testing::TempDir& dir) : dir_(dir) {}

  // `tight`: every page and claim ends after a few rows.
  RocksInMemory& empty(bool tight) {
    Subject& subject = subjects_[tight ? 1 : 0];
    if (!subject.store || ++subject.inputs % kInputsEach == 0) {
      store::RocksOptions options;
      if (tight) {
        options.page_rows_max = 3;
        options.page_bytes_max = 400;
        options.claim_bytes_max = 900;
      }
      subject.store.reset();
      subject.store = std::make_unique<RocksInMemory>(dir_.sub(tight ? "tight" : "wide"), options);
    }
    for (const std::string& ns : testing::differential_namespaces()) {
      Result<std::size_t> cleared = 1;
      while (cleared && *cleared > 0) cleared = subject.store->store().clear(ns, 1000);
      FUZZ_EXPECT(cleared);
    }
    testing::remove_differential_documents(subject.store->store());
    subject.store->begin_input();
    return *subject.store;
  }

 private:
  static constexpr int kInputsEach = 500;
  struct Subject {
    std::unique_ptr<RocksInMemory> store;
    int inputs = 0;
  };
  const testing::TempDir& dir_;
  Subject subjects_[2];
};

}  // namespace
}  // namespace rhooks

using namespace rhooks;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static rhooks::testing::TempDir dir("rhooks-fuzz");
  // Never deleted: when the process ends, RocksDB's own globals may be gone before.
  static Subjects& subjects = *new Subjects(dir);
  fuzz::Input input(data, size);
  RocksInMemory& subject = subjects.empty(input.number(1) % 2 == 1);
  store::MemoryStore oracle(1);
  InputChoices choices(input);
  rhooks::testing::run_differential(subject, oracle, choices);
  // What differed was printed.
  FUZZ_EXPECT(!::testing::Test::HasFailure());
  return 0;
}
