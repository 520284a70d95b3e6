#include "cli/log_follower.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace rhooks::cli {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kBegin{1'700'000'000s};

// Logs in the order in which they started, in pages, as every store gives them.
class Logs {
 public:
  Result<LogPage> fetch(const FetchLogsQuery& query) {
    if (failures > 0) {
      --failures;
      return fail(ErrorCode::kUnavailable, "not now");
    }
    std::vector<Log> matching;
    for (const Log& log : logs) {
      if (query.from && log.started_at < *query.from) continue;
      matching.push_back(log);
    }
    std::sort(matching.begin(), matching.end(), [&](const Log& a, const Log& b) {
      return query.desc ? a.started_at > b.started_at : a.started_at < b.started_at;
    });
    LogPage page;
    const std::size_t skipped = query.start_key.empty() ? 0 : std::stoul(query.start_key);
    const std::size_t end =
        std::min(matching.size(), skipped + static_cast<std::size_t>(query.limit));
    for (std::size_t i = skipped; i < end; ++i) page.items.push_back(matching[i]);
    if (end < matching.size()) page.last_evaluated_key = std::to_string(end);
    asked_back = query.from;
    return page;
  }
  LogFollower::Fetch fetching() {
    return [this](const FetchLogsQuery& query) { return fetch(query); };
  }
  void add(const std::string& id, std::chrono::milliseconds at) {
    Log log;
    log.id = id;
    log.started_at = kBegin + at;
    logs.push_back(log);
  }

  std::vector<Log> logs;
  int failures = 0;
  std::optional<TimePoint> asked_back;
};

// Everything that is told until there is nothing more.
std::string told(LogFollower& follower) {
  std::string ids;
  do {
    const auto logs = follower.next();
    EXPECT_TRUE(logs);
    for (const Log& log : logs.value_or(std::vector<Log>{}))
      ids += (ids.empty() ? "" : " ") + log.id;
  } while (follower.more());
  return ids;
}

FetchLogsQuery last(int limit) {
  FetchLogsQuery query;
  query.ns = "app";
  query.limit = limit;
  return query;
}

TEST(LogFollowerTest, BeginsWithTheLatestAndGoesOn) {
  Logs store;
  for (int i = 0; i < 5; ++i) store.add("old" + std::to_string(i), i * 1s);
  LogFollower follower(store.fetching(), last(2));
  EXPECT_EQ(told(follower), "old3 old4");
  EXPECT_EQ(told(follower), "");
  store.add("new0", 6s);
  store.add("new1", 6s);
  EXPECT_EQ(told(follower), "new0 new1");
  EXPECT_EQ(told(follower), "");
}

TEST(LogFollowerTest, TellsTheFirstOfANamespaceThatWasEmpty) {
  Logs store;
  LogFollower follower(store.fetching(), last(10));
  EXPECT_EQ(told(follower), "");
  store.add("a", 0s);
  EXPECT_EQ(told(follower), "a");
}

// An attempt that takes long is logged when it ends, among those that started with it.
TEST(LogFollowerTest, TellsAttemptsThatEndLate) {
  Logs store;
  store.add("first", 100s);
  LogFollower follower(store.fetching(), last(10));
  EXPECT_EQ(told(follower), "first");
  store.add("late", 97s);
  EXPECT_EQ(told(follower), "late");
  store.add("newest", 150s);
  EXPECT_EQ(told(follower), "newest");
  store.add("very late", 40s);
  std::string rest;
  for (int round = 0; round < 10; ++round) rest += told(follower);
  EXPECT_EQ(rest, "very late");
}

TEST(LogFollowerTest, FromAMomentOn) {
  Logs store;
  for (int i = 0; i < 500; ++i) store.add(std::to_string(i), i * 1s);
  FetchLogsQuery query = last(1);
  query.from = kBegin + 498s;
  LogFollower two(store.fetching(), query);
  EXPECT_EQ(told(two), "498 499");
  store.add("before", 497s);
  EXPECT_EQ(told(two), "");
  query.from = kBegin;
  LogFollower all(store.fetching(), query);
  const std::string ids = told(all);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), ' '), 500);
  // Later rounds ask for what is recent.
  EXPECT_EQ(told(all), "");
  EXPECT_EQ(store.asked_back, kBegin + 494s);
}

TEST(LogFollowerTest, AnErrorLosesNothing) {
  Logs store;
  for (int i = 0; i < 450; ++i) store.add(std::to_string(i), i * 1ms);
  FetchLogsQuery query = last(1);
  query.from = kBegin;
  LogFollower follower(store.fetching(), query);
  std::size_t count = 0;
  for (int page = 0; page < 3; ++page) {
    store.failures = 1;
    EXPECT_FALSE(follower.next());
    count += follower.next()->size();
  }
  EXPECT_EQ(count, 450U);
  EXPECT_FALSE(follower.more());
  LogFollower from_the_last(store.fetching(), last(3));
  store.failures = 1;
  EXPECT_FALSE(from_the_last.next());
  EXPECT_EQ(told(from_the_last), "447 448 449");
}

}  // namespace
}  // namespace rhooks::cli
