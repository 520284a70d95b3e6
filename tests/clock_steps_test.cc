// The system clock is set while the real server runs: forward, back, and at random, on each store.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <thread>

#include "base/iso8601.h"
#include "testing/patience.h"
#include "tests/crash_fixture.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kFew = 10;  // fewer than the slots

// A server whose clock the test sets, and tasks on it.
class ClockFixture : public ::testing::Test {
 protected:
  explicit ClockFixture(const std::string& kind) : store_(make_test_store(kind, dir_)) {
    store_.environment = clock_.environment(store_.environment);
    // Attempts outlast the test, so that no end of one is mistaken for what the clock did.
    worker_ = std::make_unique<CrashWorker>(
        store_, std::vector<std::string>{"--concurrency", "25", "--request-timeout", "2m"});
    worker_->start();
  }

  // A receiver that has answered as often as there are slots may hold all but a few of them.
  void SetUp() override {
    constexpr std::size_t kAnswers = 25;
    for (std::size_t i = 0; i < kAnswers; ++i) add("answers" + std::to_string(i));
    expect_done("answers", kAnswers);
  }

  // Due so long from now by the server's clock; none: at once.
  void add(const std::string& id, std::optional<milliseconds> ahead = {}, json::object more = {}) {
    more["id"] = id;
    more["url"] = receiver_.url("/" + id);
    more["method"] = "POST";
    if (ahead) more["scheduledDate"] = at(*ahead);
    const json::value answer = call("POST", "", json::serialize(more));
    EXPECT_TRUE(answer.as_object().contains("scheduledDate")) << answer;
  }
  void add_few(const std::string& prefix, std::optional<milliseconds> ahead = {}) {
    for (std::size_t i = 0; i < kFew; ++i) add(prefix + std::to_string(i), ahead);
  }
  std::string at(milliseconds ahead) const {
    return format_time(std::chrono::floor<milliseconds>(clock_.now()) + ahead);
  }
  static json::object every(int interval, const char* unit, int max) {
    return {{"repeat", {{"interval", interval}, {"unit", unit}, {"max", max}}}};
  }

  json::value task(const std::string& id) { return call("GET", "/" + id); }
  json::value call(const char* method, const std::string& path,
                   std::optional<std::string> body = {}) {
    cli::RestClient client({.base = worker_->url()});
    const auto answer = client.call({.method = method,
                                     .path = "/v1/namespaces/clock/tasks" + path,
                                     .body = std::move(body),
                                     .timeout = kPatience});
    if (!answer) {
      ADD_FAILURE() << answer.error().message;
      return json::object();
    }
    return json::parse(answer->body);
  }

  // Requests of the tasks whose ids begin so, by id.
  std::map<std::string, std::size_t> requests(const std::string& prefix) const {
    std::map<std::string, std::size_t> counts;
    for (const TestRequest& request : receiver_.requests()) {
      if (request.target.starts_with("/" + prefix)) ++counts[request.target.substr(1)];
    }
    return counts;
  }
  std::size_t sum(const std::string& prefix) const {
    std::size_t sum = 0;
    for (const auto& [id, count] : requests(prefix)) sum += count;
    return sum;
  }
  void expect_each_once(const std::string& prefix, std::size_t tasks = kFew) const {
    const auto counts = requests(prefix);
    EXPECT_EQ(counts.size(), tasks) << prefix;
    for (const auto& [id, count] : counts) EXPECT_EQ(count, 1u) << id;
  }
  void expect_done(const std::string& prefix, std::size_t tasks = kFew) {
    for (std::size_t i = 0; i < tasks; ++i) {
      const std::string id = prefix + std::to_string(i);
      EXPECT_TRUE(soon([&] { return task(id).at("status").as_string() == "DONE"; })) << id;
    }
  }
  static bool soon(const std::function<bool()>& met) { return eventually(met, 10ms); }
  // Time for what must not happen.
  static void linger() { std::this_thread::sleep_for(2s); }

  const TempDir dir_;
  FakeClock clock_;
  TestStore store_;
  TestReceiver receiver_{[](const TestRequest& request) {
    TestResponse response;
    response.hold = request.target.starts_with("/held");
    return response;
  }};
  std::unique_ptr<CrashWorker> worker_;
};

// The machine's clock is all that an embedded store has to go by.
class ClockStepsTest : public ClockFixture {
 protected:
  ClockStepsTest() : ClockFixture("rocksdb") {}
};

TEST_F(ClockStepsTest, ForwardByAnHour) {
  add_few("held");
  ASSERT_TRUE(receiver_.wait_held(kFew));
  for (int i = 0; i < 40; ++i) add("hour" + std::to_string(i), 60s + i * 85s);
  add_few("beyond", 2h);
  add("series", 1min, every(10, "minutes", 10));
  add("steady", 0ms, every(1, "seconds", 0));
  ASSERT_TRUE(soon([&] { return sum("steady") >= 2; }));
  EXPECT_EQ(sum("hour") + sum("beyond") + sum("series"), 0u);

  const auto stepped = steady_clock::now();
  const std::size_t before = sum("steady");
  clock_.step(1h);
  EXPECT_TRUE(soon([&] { return sum("hour") >= 40; })) << sum("hour");
  EXPECT_TRUE(soon([&] { return sum("series") >= 1; }));
  linger();
  expect_each_once("hour", 40);
  // The occurrences that were passed over make no storm: one of the series, and what fell due
  // since.
  expect_each_once("series", 1);
  EXPECT_EQ(task("series").at("execution").at("skipped").to_number<int>(), 5);
  const auto ran = steady_clock::now() - stepped;
  EXPECT_LE(sum("steady"), before + 3 + static_cast<std::size_t>(ran / 1s));
  EXPECT_EQ(sum("beyond"), 0u);
  // What was under way is one attempt still.
  EXPECT_EQ(receiver_.held(), kFew);
  receiver_.release_held();
  expect_done("held");
  expect_done("hour", 40);
  expect_each_once("held");
}

TEST_F(ClockStepsTest, BackByAnHour) {
  add_few("held");
  ASSERT_TRUE(receiver_.wait_held(kFew));
  const auto from = steady_clock::now();
  add("steady", 0ms, every(1, "seconds", 0));
  ASSERT_TRUE(soon([&] { return sum("steady") >= 2; }));
  add_few("waits", 30min);

  clock_.step(-1h);
  const std::size_t before = sum("steady");
  add_few("now");
  EXPECT_TRUE(soon([&] { return sum("now") >= kFew; })) << sum("now");
  add("series", 0ms, every(1, "seconds", 3));
  EXPECT_TRUE(soon([&] { return sum("series") >= 3; })) << sum("series");
  linger();
  expect_done("now");
  // Its next occurrence is an hour away; one may have been under way at the step.
  EXPECT_LE(sum("steady"), before + 1);
  EXPECT_EQ(sum("waits"), 0u);
  receiver_.release_held();
  expect_done("held");

  clock_.step(1h);
  EXPECT_TRUE(soon([&] { return sum("steady") > before + 1; }));
  EXPECT_EQ(sum("waits"), 0u);
  clock_.step(1h);
  EXPECT_TRUE(soon([&] { return sum("waits") >= kFew; })) << sum("waits");
  linger();
  for (const char* prefix : {"held", "waits", "now"}) expect_each_once(prefix);
  EXPECT_EQ(sum("series"), 3u);
  // Those of the seconds that have passed, and not of two hours.
  EXPECT_LE(sum("steady"), 10 + static_cast<std::size_t>((steady_clock::now() - from) / 1s));
}

// Workers on shared tables go by the service's time, so that it is nothing to them where one of
// their machines sets its clock.
class ClockStepsOnSharedTablesTest : public ClockFixture,
                                     public ::testing::WithParamInterface<milliseconds> {
 protected:
  ClockStepsOnSharedTablesTest() : ClockFixture("dynamodb") {}
};

TEST_P(ClockStepsOnSharedTablesTest, AreNoTimeThatHasPassed) {
  add_few("held");
  ASSERT_TRUE(receiver_.wait_held(kFew));
  add("steady", 0ms, every(1, "seconds", 0));
  ASSERT_TRUE(soon([&] { return sum("steady") >= 2; }));
  add_few("hour", 30min);
  add("series", 1min, every(10, "minutes", 10));

  const auto stepped = steady_clock::now();
  const std::size_t before = sum("steady");
  clock_.step(GetParam());
  linger();
  // What falls due goes on doing so, and nothing else does.
  EXPECT_TRUE(soon([&] { return sum("steady") >= before + 2; }));
  EXPECT_LE(sum("steady"),
            before + 3 + static_cast<std::size_t>((steady_clock::now() - stepped) / 1s));
  add_few("now");
  EXPECT_TRUE(soon([&] { return sum("now") >= kFew; })) << sum("now");
  EXPECT_EQ(sum("hour") + sum("series"), 0u);
  // What was under way is one attempt still.
  EXPECT_EQ(receiver_.held(), kFew);
  receiver_.release_held();
  expect_done("held");
  expect_done("now");
  expect_each_once("held");
  expect_each_once("now");
}

INSTANTIATE_TEST_SUITE_P(By, ClockStepsOnSharedTablesTest, ::testing::Values(1h, -1h),
                         [](const auto& by) {
                           return std::string(by.param > 0ms ? "forward" : "back");
                         });

class ClockStepsSoakTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ClockStepsSoakTest, AtRandomUnderLoad) {
  const bool shared = GetParam() == "dynamodb";
  Soak soak("clock steps " + GetParam());
  while (soak.more()) {
    std::mt19937_64 random(soak.seed());
    CrashFixture fixture(GetParam(), soak.seed(), shared ? 2 : 1, shared ? 40 : 100,
                         CrashFixture::Time::kSteps);
    fixture.load.start();
    constexpr std::size_t kSteps = 8;
    FakeClock::Offset furthest{0};
    for (std::size_t i = 0; i < kSteps; ++i) {
      std::this_thread::sleep_for(draw_ms(random, 200, 1'500));
      // Small ones as well, which leases and waits are of the same size as.
      const int most_ms = random() % 2 ? 3'600'000 : 40'000;
      fixture.clock.step(draw_ms(random, -most_ms, most_ms));
      furthest = std::max(furthest, fixture.clock.offset());
    }
    fixture.load.stop();
    // In the end it is later than all that waits.
    fixture.clock.step(furthest - fixture.clock.offset() + 2h);
    // Nothing may be repeated: what is under way goes on whatever the clock says.
    fixture.finish(soak, kSteps + 1, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, ClockStepsSoakTest, ::testing::ValuesIn(store_kinds()),
                         [](const auto& kind) { return kind.param; });

}  // namespace
}  // namespace rhooks::testing
