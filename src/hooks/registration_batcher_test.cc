#include "hooks/registration_batcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <new>
#include <string>

#include "testing/patience.h"

namespace rhooks {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

NewTask named(const std::string& id) {
  NewTask task;
  task.id = id;
  return task;
}

// A batcher whose writes wait until the test lets them go. What is written is registered under
// its id; "refused" is refused, and "no memory" throws.
class RegistrationBatcherTest : public ::testing::Test {
 protected:
  ~RegistrationBatcherTest() override {
    open();
    batcher_.reset();
  }

  std::vector<Result<Registration>> write(const std::vector<NewTask>& tasks) {
    std::unique_lock lock(mutex_);
    sizes_.push_back(tasks.size());
    writer_ = std::this_thread::get_id();
    changed_.notify_all();
    changed_.wait_for(lock, testing::kPatience, [this] { return open_; });
    std::vector<Result<Registration>> results(tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      if (tasks[i].id == "no memory") throw std::bad_alloc();
      if (tasks[i].id == "refused") {
        results[i] = fail(ErrorCode::kConflict, "refused");
      } else {
        results[i]->task.key.id = tasks[i].id;
      }
    }
    return results;
  }

  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

  // Registers without waiting; told() has what came of it.
  void add(const std::string& id) {
    batcher_->add(named(id), [this, id](const Result<Registration>& result) {
      std::lock_guard lock(mutex_);
      told_.emplace_back(id, result ? result->task.key.id : to_string(result.error().code));
      changed_.notify_all();
    });
  }

  // One whose write is under way from now on.
  void add_first() {
    add("first");
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, testing::kPatience, [this] { return sizes_.size() == 1; }));
  }

  // What became of each, by the order of the calls of `done`.
  std::vector<std::pair<std::string, std::string>> await_told(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, testing::kPatience, [&] { return told_.size() >= count; }));
    return told_;
  }

  std::vector<std::size_t> sizes() {
    std::lock_guard lock(mutex_);
    return sizes_;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::size_t> sizes_;  // of the writes, in their order
  std::thread::id writer_;          // of the last one
  bool open_ = false;
  std::vector<std::pair<std::string, std::string>> told_;
  std::unique_ptr<RegistrationBatcher> batcher_ = std::make_unique<RegistrationBatcher>(
      [this](const std::vector<NewTask>& tasks) { return write(tasks); });
};

TEST_F(RegistrationBatcherTest, WhoWaitsAndComesAloneWritesItsOwn) {
  open();
  EXPECT_EQ(batcher_->add(named("b"))->task.key.id, "b");
  EXPECT_EQ(batcher_->add(named("refused")).error().code, ErrorCode::kConflict);
  EXPECT_THAT(sizes(), ElementsAre(1, 1));
  EXPECT_EQ(writer_, std::this_thread::get_id());
}

// A handler of a server that waited would hold up all that could share its write.
TEST_F(RegistrationBatcherTest, WhoDoesNotWaitIsNotHeldUpByTheStore) {
  add("a");
  for (const char* id : {"b", "c"}) add(id);
  open();
  EXPECT_EQ(await_told(3).size(), 3u);
  EXPECT_NE(writer_, std::this_thread::get_id());
}

TEST_F(RegistrationBatcherTest, ThoseThatWaitShareAWriteAndEachGetsItsResult) {
  add_first();
  for (const char* id : {"a", "refused", "b"}) add(id);
  open();
  const auto all = await_told(4);
  EXPECT_EQ(all.size(), 4u);
  EXPECT_THAT(sizes(), ElementsAre(1, 3));
  for (const auto& [id, told] : all) EXPECT_EQ(told, id == "refused" ? "conflict" : id);
}

TEST_F(RegistrationBatcherTest, AGroupIsBounded) {
  add_first();
  for (int i = 0; i < 600; ++i) add(std::to_string(i));
  open();
  const auto told = await_told(601);
  EXPECT_THAT(sizes(), ElementsAre(1, 256, 256, 88));
  for (const auto& [id, result] : told) EXPECT_EQ(result, id);
}

TEST_F(RegistrationBatcherTest, LongOnesDoNotComeTogetherAndAreBoundedAsWell) {
  add_first();
  NewTask task = named("long");
  task.request.body = Body::text(std::string(600'000, 'x'));
  int refused = 0;
  int told = 0;
  for (int i = 0; i < 120; ++i) {
    batcher_->add(task, [&](const Result<Registration>& result) {
      std::lock_guard lock(mutex_);
      ++told;
      refused += !result && result.error().code == ErrorCode::kOverloaded;
      changed_.notify_all();
    });
  }
  EXPECT_EQ(told, 120 - 111);  // those that 64 MiB have no room for
  EXPECT_EQ(refused, told);
  open();
  std::unique_lock lock(mutex_);
  EXPECT_TRUE(changed_.wait_for(lock, testing::kPatience, [&] { return told == 120; }));
  EXPECT_EQ(sizes_, std::vector<std::size_t>(112, 1));
}

TEST_F(RegistrationBatcherTest, AWriteThatThrowsIsToldToItsGroupOnly) {
  add_first();
  for (const char* id : {"a", "no memory", "b"}) add(id);
  open();
  for (const auto& [id, result] : await_told(4)) {
    EXPECT_EQ(result, id == "first" ? "first" : "unknown_outcome") << id;
  }
  EXPECT_EQ(batcher_->add(named("no memory")).error().code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(batcher_->add(named("c"))->task.key.id, "c");
}

TEST_F(RegistrationBatcherTest, MoreThanItsBoundAreRefusedAtOnce) {
  add_first();
  constexpr std::size_t kWaiting = 16 * 1024;
  for (std::size_t i = 0; i < kWaiting; ++i) add("waits");
  add("too many");
  EXPECT_THAT(await_told(1), ElementsAre(std::pair("too many", "overloaded")));
  open();
  EXPECT_EQ(await_told(kWaiting + 2).size(), kWaiting + 2);
}

TEST_F(RegistrationBatcherTest, ItsEndWritesWhatWaits) {
  add_first();
  for (int i = 0; i < 3; ++i) add("waits");
  open();
  batcher_.reset();
  EXPECT_EQ(told_.size(), 4u);
}

TEST_F(RegistrationBatcherTest, FromManyThreadsEachIsToldOnceAndOfItsOwn) {
  open();
  std::atomic<int> right{0};
  std::atomic<int> told{0};
  {
    std::vector<std::jthread> callers;
    for (int t = 0; t < 8; ++t) {
      callers.emplace_back([&, t] {
        for (int i = 0; i < 200; ++i) {
          const std::string id = std::to_string(t) + "." + std::to_string(i);
          if (i % 2 == 0) {
            const auto result = batcher_->add(named(id));
            if (result && result->task.key.id == id) ++right;
            ++told;
          } else {
            batcher_->add(named(id), [&right, &told, id](const Result<Registration>& result) {
              if (result && result->task.key.id == id) ++right;
              ++told;
            });
          }
        }
      });
    }
  }
  batcher_.reset();
  EXPECT_EQ(told, 1600);
  EXPECT_EQ(right, 1600);
  std::size_t written = 0;
  for (const std::size_t size : sizes()) written += size;
  EXPECT_EQ(written, 1600u);
}

}  // namespace
}  // namespace rhooks
