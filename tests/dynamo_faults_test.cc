// Workers on a DynamoDB that throttles, loses answers after it applied a write, lags in its
// indexes and leaves parts of batches undone: nothing is lost, stuck, or done twice beyond the
// promise.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <map>
#include <mutex>
#include <set>

#include "testing/test_receiver.h"
#include "tests/dynamo_fixture.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;

const char* name_of(DynamoFault fault) {
  switch (fault) {
    case DynamoFault::kDropBefore:
      return "dropped before";
    case DynamoFault::kDropAfter:
      return "answers dropped after applying";
    case DynamoFault::kTruncate:
      return "answers cut short";
    case DynamoFault::kErrorBefore:
      return "500 before";
    case DynamoFault::kErrorAfter:
      return "500 after applying";
    case DynamoFault::kThrottle:
      return "throttled";
    case DynamoFault::kDelay:
      return "delayed";
    case DynamoFault::kUnprocessed:
      return "partly unprocessed";
  }
  return "?";
}

// How many tasks of each kind.
struct Mixture {
  int once = 0;       // delivered at the first attempt
  int flaky = 0;      // at the second
  int bad = 0;        // never: two attempts, then FAILED
  int ticks = 0;      // recurring: two occurrences, a second apart
  bool told = false;  // of each end there is a callback
  int total() const { return once + flaky + bad + ticks; }
  int callbacks() const { return told ? total() + ticks : 0; }
};

class DynamoFaultsTest : public ::testing::Test {
 protected:
  static constexpr const char* kNamespace = "faults";

  TestResponse answer(const TestRequest& request) {
    const std::string id = request.target.substr(1);
    const std::lock_guard lock(mutex_);
    ++attempts_[id];
    const int of_occurrence = ++of_occurrence_[id + request.header("webhook-id")];
    if (id.starts_with("bad") || (id.starts_with("flaky") && of_occurrence == 1)) {
      return TestResponse::with_status(500);
    }
    return {};
  }

  std::vector<NewTask> tasks_of(const Mixture& mixture) {
    std::vector<NewTask> tasks;
    const auto add = [&](const char* kind, int count) {
      for (int i = 0; i < count; ++i) {
        NewTask task;
        task.ns = kNamespace;
        task.id = kind + std::to_string(i);
        task.request.method = Method::kPost;
        task.request.url = receiver_.url("/" + task.id);
        task.request.body = Body::json(R"({"kind":")" + std::string(kind) + R"("})");
        if (i % 10 == 0) task.request.body = Body::text(std::string(3'000, 'x'));
        task.retry_limit = 1;
        if (mixture.told) task.callback = "audit";
        if (std::string_view(kind) == "tick") {
          task.repeat = Repeat{.interval = 1, .max = 2, .unit = RepeatUnit::kSeconds};
        }
        tasks.push_back(std::move(task));
      }
    };
    add("once", mixture.once);
    add("flaky", mixture.flaky);
    add("bad", mixture.bad);
    add("tick", mixture.ticks);
    return tasks;
  }

  // As callers do: again until it is known to be stored. An id that exists after an answer was
  // lost is the task itself.
  static void register_all(Hooks& hooks, std::vector<NewTask> tasks) {
    for (int tries = 0; !tasks.empty() && tries < 50; ++tries) {
      std::vector<NewTask> again;
      for (std::size_t from = 0; from < tasks.size(); from += 500) {
        const std::vector<NewTask> batch(
            tasks.begin() + static_cast<std::ptrdiff_t>(from),
            tasks.begin() + static_cast<std::ptrdiff_t>(std::min(from + 500, tasks.size())));
        const auto results = hooks.register_many(batch).value();
        for (std::size_t i = 0; i < results.size(); ++i) {
          if (results[i]) continue;
          const ErrorCode code = results[i].error().code;
          if (code == ErrorCode::kConflict && tries > 0) continue;
          ASSERT_TRUE(code == ErrorCode::kUnavailable || code == ErrorCode::kUnknownOutcome)
              << results[i].error().message;
          again.push_back(batch[i]);
        }
      }
      tasks = std::move(again);
    }
    ASSERT_TRUE(tasks.empty());
  }

  static std::vector<Task> all_tasks(Hooks& observer) {
    std::vector<Task> tasks;
    FetchQuery query;
    query.filter.ns = kNamespace;
    query.limit = 1'000;
    do {
      const auto page = observer.fetch(query);
      if (!page) ADD_FAILURE() << page.error().message;
      if (!page) break;
      tasks.insert(tasks.end(), page->items.begin(), page->items.end());
      query.start_key = page->last_evaluated_key;
    } while (!query.start_key.empty());
    return tasks;
  }

  // Until all tasks are listed, which an index that lags may not do for a while, and have come to
  // their end.
  static std::vector<Task> wait_settled(Hooks& observer, std::size_t count,
                                        std::chrono::seconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (true) {
      std::vector<Task> tasks = all_tasks(observer);
      const bool settled = std::all_of(tasks.begin(), tasks.end(), [](const Task& task) {
        return task.status == Status::kDone || task.status == Status::kFailed;
      });
      if ((settled && tasks.size() == count) || std::chrono::steady_clock::now() > deadline)
        return tasks;
      std::this_thread::sleep_for(250ms);
    }
  }

  static std::map<std::string, int> count_logs(Hooks& observer) {
    std::map<std::string, int> logs;
    std::set<std::string> ids;
    FetchLogsQuery query;
    query.ns = kNamespace;
    query.limit = 1'000;
    do {
      const auto page = observer.fetch_logs(query);
      if (!page) ADD_FAILURE() << page.error().message;
      if (!page) break;
      for (const Log& log : page->items) {
        ++logs[log.task.id];
        EXPECT_TRUE(ids.insert(log.id).second) << "a log twice";
      }
      query.start_key = page->last_evaluated_key;
    } while (!query.start_key.empty());
    return logs;
  }

  void check_final(const Task& task, int attempts) {
    const std::string& id = task.key.id;
    SCOPED_TRACE(id);
    if (id.starts_with("bad")) {
      EXPECT_EQ(task.status, Status::kFailed);
      EXPECT_EQ(task.execution.failed, 1);
      EXPECT_EQ(task.errors.last_error, "HTTP 500 Internal Server Error");
      EXPECT_GE(attempts, 2);
      return;
    }
    const int occurrences = id.starts_with("tick") ? 2 : 1;
    EXPECT_EQ(task.status, Status::kDone);
    EXPECT_EQ(task.execution.count, occurrences);
    EXPECT_EQ(task.execution.successful, occurrences);
    EXPECT_EQ(task.errors.count, 0);
    EXPECT_GE(attempts, occurrences + (id.starts_with("flaky") ? 1 : 0));
  }

  void deliver_all(const Mixture& mixture, const DynamoFaults& faults) {
    Options options;
    options.concurrency = 64;
    options.request_timeout = 30s;
    options.backoff_max = 1s;
    fixture_.tables.open();  // makes the tables while all is well
    const auto observer = fixture_.observer();
    Endpoint audit;
    audit.ns = kNamespace;
    audit.name = "audit";
    audit.url = receiver_.url("/audit");
    if (mixture.told) {
      ASSERT_TRUE(observer->put_endpoint(audit));
    }
    fixture_.proxy.faults(faults);
    const auto first = fixture_.hooks(options);
    const auto second = fixture_.hooks(options);
    ASSERT_TRUE(first->start());
    ASSERT_TRUE(second->start());
    register_all(*first, tasks_of(mixture));

    const auto count = static_cast<std::size_t>(mixture.total() + mixture.callbacks());
    const auto tasks = wait_settled(*observer, count, 300s);
    first->stop();
    second->stop();
    print_counts(mixture);

    ASSERT_EQ(tasks.size(), count);
    const auto logs = count_logs(*observer);
    int repeats = 0;
    std::map<std::string, int> told;
    for (const Task& task : tasks) {
      if (!task.origin.empty()) {
        EXPECT_EQ(task.status, Status::kDone) << task.key.id;
        ++told[task.origin];
        continue;
      }
      const std::string& id = task.key.id;
      const int attempts = attempts_[id];
      check_final(task, attempts);
      // Every attempt has its log, whatever became of it.
      EXPECT_EQ(logs.contains(id) ? logs.at(id) : 0, attempts) << id;
      const bool two = id.starts_with("flaky") || id.starts_with("bad") || id.starts_with("tick");
      repeats += std::max(0, attempts - (two ? 2 : 1));
    }
    for (const auto& [id, times] : told) EXPECT_EQ(times, id.starts_with("tick") ? 2 : 1) << id;
    std::cout << "attempts beyond those needed: " << repeats << "\n";
    // At least once: only an attempt whose lease ran out may be made again.
    EXPECT_LE(repeats, mixture.total() / 100);
    EXPECT_EQ(observer->trigger_dryrun()->count, 0);
  }

  void print_counts(const Mixture& mixture) {
    const DynamoCounts counts = fixture_.proxy.counts();
    std::cout << mixture.total() << " tasks, " << receiver_.request_count() << " attempts, "
              << counts.requests << " requests to DynamoDB; injected:\n";
    for (const auto& [fault, count] : counts.injected) {
      std::cout << "  " << count << " " << name_of(fault) << "\n";
    }
    std::cout << "  " << counts.unprocessed << " items left out of batches\n  "
              << counts.stale_queries << " stale index pages\n";
    EXPECT_EQ(counts.emulator_failures, 0u);
  }

  DynamoFixture fixture_;
  std::mutex mutex_;
  std::map<std::string, int> attempts_;       // by task
  std::map<std::string, int> of_occurrence_;  // by task and webhook-id
  TestReceiver receiver_{[this](const TestRequest& request) { return answer(request); }};
};

TEST_F(DynamoFaultsTest, ManyTasksUnderThrottlesLostAnswersAndStaleIndexes) {
  deliver_all({.once = 310, .flaky = 40, .bad = 20, .ticks = 30},
              {.rates = {{DynamoFault::kThrottle, 0.1}, {DynamoFault::kDropAfter, 0.02}},
               .index_lag = DynamoFaults::IndexLag{0ms, 1'000ms}});
  const DynamoCounts counts = fixture_.proxy.counts();
  EXPECT_GT(counts.of(DynamoFault::kThrottle), 80u);
  EXPECT_GT(counts.of(DynamoFault::kDropAfter), 10u);
  EXPECT_GT(counts.stale_queries, 0u);
}

TEST_F(DynamoFaultsTest, EveryEndIsToldOnce) {
  deliver_all({.once = 130, .flaky = 30, .bad = 20, .ticks = 20, .told = true},
              {.rates = {{DynamoFault::kThrottle, 0.1}, {DynamoFault::kDropAfter, 0.02}},
               .index_lag = DynamoFaults::IndexLag{0ms, 1'000ms}});
}

TEST_F(DynamoFaultsTest, EveryKindOfFaultAtOnce) {
  deliver_all({.once = 125, .flaky = 25, .bad = 15, .ticks = 15},
              {.rates = {{DynamoFault::kThrottle, 0.05},
                         {DynamoFault::kDropBefore, 0.02},
                         {DynamoFault::kDropAfter, 0.02},
                         {DynamoFault::kTruncate, 0.02},
                         {DynamoFault::kErrorBefore, 0.02},
                         {DynamoFault::kErrorAfter, 0.02},
                         {DynamoFault::kDelay, 0.05}},
               .of_operation = {{"BatchWriteItem",
                                 {{DynamoFault::kUnprocessed, 0.4},
                                  {DynamoFault::kErrorAfter, 0.05},
                                  {DynamoFault::kDropAfter, 0.05}}},
                                {"BatchGetItem", {{DynamoFault::kUnprocessed, 0.4}}}},
               .delay_max = 200ms,
               .index_lag = DynamoFaults::IndexLag{0ms, 3'000ms}});
  EXPECT_GT(fixture_.proxy.counts().unprocessed, 0u);
}

}  // namespace
}  // namespace rhooks::testing
