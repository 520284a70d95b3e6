// How bulk operations go on from call to call.
#include <gtest/gtest.h>
#include <rhooks/hooks.h>

#include <set>

#include "hooks/test_hooks.h"
#include "testing/faulty_store.h"
#include "testing/short_pages.h"

namespace rhooks {
namespace {

// Tasks "t1000", "t1001", … of namespace "ns", a second apart and all in the future.
void register_series(Hooks& hooks, const ManualClock& clock, int count) {
  std::vector<NewTask> tasks;
  for (int i = 0; i < count; ++i) {
    NewTask task = TestHooks::post("t" + std::to_string(1000 + i));
    task.scheduled_date = clock.now() + std::chrono::hours{1} + std::chrono::seconds{i};
    tasks.push_back(std::move(task));
  }
  const auto results = hooks.register_many(tasks).value();
  for (const auto& result : results) ASSERT_TRUE(result);
}

ManyQuery chunks_of(int limit) {
  ManyQuery query;
  query.filter.ns = "ns";
  query.chunk_limit = limit;
  return query;
}

std::vector<std::string> ids_of(const ManyResult& result) {
  std::vector<std::string> ids;
  for (const TaskKey& key : result.items) ids.push_back(key.id);
  return ids;
}

std::string refused_field(const Result<ManyResult>& result) {
  return result ? "accepted" : result.error().field;
}

TEST(HooksBulkTest, AKeyGoesOnAfterTheTasksThatWereLookedAt) {
  TestHooks t;
  register_series(*t.hooks, *t.clock, 5);
  ManyQuery query = chunks_of(2);
  const auto first = t.hooks->remove_many(query);
  ASSERT_TRUE(first);
  EXPECT_EQ(ids_of(*first), (std::vector<std::string>{"t1000", "t1001"}));
  EXPECT_TRUE(first->more);

  ASSERT_TRUE(t.hooks->register_task(TestHooks::post("earlier")));
  query.start_key = first->last_evaluated_key;
  const auto second = t.hooks->remove_many(query);
  ASSERT_TRUE(second);
  EXPECT_EQ(ids_of(*second), (std::vector<std::string>{"t1002", "t1003"}));
  query.start_key = second->last_evaluated_key;
  const auto last = t.hooks->remove_many(query);
  ASSERT_TRUE(last);
  EXPECT_EQ(ids_of(*last), (std::vector<std::string>{"t1004"}));
  EXPECT_FALSE(last->more);
  EXPECT_EQ(last->last_evaluated_key, "");

  // Without a key a call begins with the first task.
  query.start_key.clear();
  EXPECT_EQ(ids_of(*t.hooks->remove_many(query)), (std::vector<std::string>{"earlier"}));
}

TEST(HooksBulkTest, AKeyOfAnotherCallIsRefused) {
  TestHooks t;
  register_series(*t.hooks, *t.clock, 5);
  ManyQuery query = chunks_of(1);
  query.start_key = t.hooks->suspend_many(query)->last_evaluated_key;
  ASSERT_FALSE(query.start_key.empty());

  EXPECT_EQ(refused_field(t.hooks->remove_many(query)), "startKey");
  EXPECT_EQ(refused_field(t.hooks->unsuspend_many(query)), "startKey");
  ManyQuery other = query;
  other.filter.id = "t";
  EXPECT_EQ(refused_field(t.hooks->suspend_many(other)), "startKey");
  other = query;
  other.filter.ns = "other";
  EXPECT_EQ(refused_field(t.hooks->suspend_many(other)), "startKey");
  other = query;
  other.start_key.back() = other.start_key.back() == 'A' ? 'B' : 'A';
  EXPECT_EQ(refused_field(t.hooks->suspend_many(other)), "startKey");
  FetchQuery fetch;
  fetch.filter = query.filter;
  fetch.start_key = query.start_key;
  EXPECT_EQ(t.hooks->fetch(fetch).error().field, "startKey");

  // The size of a chunk may change, and suspend means ACTIVE tasks with and without a status.
  query.chunk_limit = 3;
  query.filter.status = Status::kActive;
  EXPECT_EQ(t.hooks->suspend_many(query)->count, 3);
}

// They still match, so a key beyond them would lose them.
TEST(HooksBulkTest, TasksThatFailedAreLookedAtAgain) {
  store::MemoryStore memory(1);
  auto faulty = std::make_unique<testing::FaultyStore>(memory);
  testing::FaultyStore& faults = *faulty;
  TestHooks t({}, std::move(faulty));
  register_series(*t.hooks, *t.clock, 7);
  const auto fail_next = [&](const std::string& id) {
    testing::StoreFault fault;
    fault.keys = {{"ns", id}};
    faults.fail_next("remove", fault);
  };

  ManyQuery query = chunks_of(3);
  const auto next = [&](const std::string& failing) {
    if (!failing.empty()) fail_next(failing);
    const auto result = t.hooks->remove_many(query);
    if (!result) return std::vector<std::string>{to_string(result.error().code)};
    EXPECT_EQ(result->more, !result->last_evaluated_key.empty());
    query.start_key = result->last_evaluated_key;
    return ids_of(*result);
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(next("t1001"), (Ids{"t1000", "t1002"}));
  EXPECT_EQ(next(""), (Ids{"t1001", "t1003", "t1004"}));
  // The key is that of the call, not the beginning.
  ASSERT_TRUE(t.hooks->register_task(TestHooks::post("earlier")));
  EXPECT_EQ(next("t1005"), (Ids{"t1006"}));
  EXPECT_EQ(next("t1005"), (Ids{to_string(ErrorCode::kUnavailable)}));
  EXPECT_EQ(next(""), (Ids{"t1005"}));
  EXPECT_EQ(query.start_key, "");
}

// Calls all of `verb` until there is no more, and returns the ids acted on. Each call looks at a
// bounded number of tasks.
std::vector<std::string> follow(Hooks& hooks, const testing::ShortPages& pages, ManyQuery query,
                                Result<ManyResult> (Hooks::*verb)(const ManyQuery&)) {
  std::vector<std::string> ids;
  for (int calls = 1; calls < 100; ++calls) {
    const std::size_t before = pages.rows();
    const auto result = (hooks.*verb)(query);
    if (!result) {
      ADD_FAILURE() << result.error().message;
      return ids;
    }
    EXPECT_LE(pages.rows() - before, 40u);
    for (std::string& id : ids_of(*result)) ids.push_back(std::move(id));
    if (!result->more) return ids;
    EXPECT_NE(result->last_evaluated_key, "");
    query.start_key = result->last_evaluated_key;
  }
  ADD_FAILURE() << "it goes on for ever";
  return ids;
}

TEST(HooksBulkTest, ACallLooksAtABoundedNumberOfTasks) {
  store::MemoryStore memory(1);
  auto short_pages = std::make_unique<testing::ShortPages>(memory, 10);
  const testing::ShortPages& pages = *short_pages;
  TestHooks t({}, std::move(short_pages));
  register_series(*t.hooks, *t.clock, 200);
  const TimePoint last = t.hooks->get({"ns", "t1199"})->scheduled_date;
  using Ids = std::vector<std::string>;

  // Nothing matches, and the first call does not look at all there is.
  ManyQuery query = chunks_of(1000);
  for (const char* id : {"t", "none"}) {
    query.filter.id = id;
    const auto nothing = t.hooks->unsuspend_many(query);
    ASSERT_TRUE(nothing);
    EXPECT_EQ(nothing->count, 0);
    EXPECT_EQ(nothing->more, query.filter.id == "t");
    EXPECT_EQ(follow(*t.hooks, pages, query, &Hooks::unsuspend_many), Ids{});
  }

  // Only the last one matches.
  query = chunks_of(1000);
  query.filter.id = "t";
  query.filter.from = last;
  EXPECT_EQ(follow(*t.hooks, pages, query, &Hooks::suspend_many), Ids{"t1199"});
  EXPECT_EQ(follow(*t.hooks, pages, query, &Hooks::unsuspend_many), Ids{"t1199"});
  EXPECT_EQ(follow(*t.hooks, pages, query, &Hooks::remove_many), Ids{"t1199"});
  // All match: a page is a chunk.
  EXPECT_EQ(follow(*t.hooks, pages, chunks_of(7), &Hooks::remove_many).size(), 199u);
}

}  // namespace
}  // namespace rhooks
