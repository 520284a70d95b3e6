// A day on which endpoints do not answer. The stages of a worker are driven by hand, and the clock
// goes on from one thing to do to the next.
#include <gtest/gtest.h>

#include <iostream>

#include "engine/engine_fixture.h"
#include "store/rocks/rocks_store.h"
#include "testing/temp_dir.h"

namespace rhooks::engine {
namespace {

// Few slots are not shared out, and a store in memory has no lanes.
struct OutageWorld {
  const char* name;
  bool on_disk;
  std::size_t at_once;
};

class OutageTest : public ::testing::TestWithParam<OutageWorld> {
 protected:
  static constexpr std::size_t kTasks = 12;
  static constexpr auto kDay = 24h;
  // There is a probe in that time, whenever it begins.
  static constexpr auto kLongestOpening = 15min;

  OutageTest() {
    start_worker();
    store_endpoint(*store_, "ops", R"({"url":"http://ops"})");
    store_endpoint(*store_, "acme",
                   R"({"url":"http://acme","retryLimit":3,"callback":"ops",)"
                   R"("callbackOn":["endpoint.opened","endpoint.closed"]})");
    store_endpoint(*store_, "lone", R"({"url":"http://lone","retryLimit":3})");
    for (std::size_t i = 0; i < kTasks; ++i) {
      put(*store_, {to_endpoint(numbered("t", i), clock_.now(), "acme")});
    }
    put(*store_, {to_endpoint("alone", clock_.now(), "lone")});
    sender_.set_script([this](const delivery::HttpRequest& request) {
      if (clock_.now() >= back_ || is_to_ops(request)) return Reply::status(200);
      return clock_.now() < hangs_from_ ? Reply::failure("refused") : Reply::hold();
    });
  }

  static bool is_to_ops(const delivery::HttpRequest& request) {
    return request.request.url.starts_with("http://ops");
  }
  // What "ops" was told of "acme".
  std::vector<std::string> told() const {
    std::vector<std::string> bodies;
    for (const delivery::HttpRequest& request : sender_.started()) {
      if (is_to_ops(request)) bodies.push_back(request.wire_body);
    }
    return bodies;
  }

  // What another one had under way is lost with it.
  void start_worker() {
    PipelineOptions options;
    options.concurrency = GetParam().at_once;
    options.lease_for = kDay;
    worker_.reset();
    endpoints_.reset();
    secrets_.reset();
    sender_.cancel_all();
    sender_.poll(0ms);
    open_store();
    endpoints_.emplace(*store_);
    secrets_.emplace(*store_, std::nullopt);
    worker_.emplace(*store_, *endpoints_, *secrets_, sender_, metrics_, clock_, random_, options);
  }
  void open_store() {
    if (!GetParam().on_disk) {
      if (!store_) store_ = std::make_unique<store::MemoryStore>(1);
      return;
    }
    store_.reset();
    store::RocksOptions options;
    options.clock = &clock_;
    auto opened = store::open_rocks(dir_.sub("store"), options);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }

  // Does all that is to be done now. Returns when there will be more.
  std::optional<TimePoint> work() {
    while (true) {
      worker_->claimer.learn_endpoints(clock_.now());
      const auto step = worker_->claimer.step(clock_.now(), clock_.now());
      EXPECT_TRUE(step);
      if (!step) return std::nullopt;
      worker_->dispatcher.step(clock_.now(), 0ms);
      worker_->committer.step(clock_.now_micros());
      if (step->claimed == 0 && !step->more && !worker_->slots.flows().any_open()) {
        return step->next_due;
      }
    }
  }

  // Until nothing is left to be done; a worker lives for so long, and may have a probe under way
  // for each endpoint when it dies.
  void live(std::chrono::milliseconds life, bool dies_trying = false) {
    TimePoint ends = clock_.now() + life;
    if (dies_trying) hangs_from_ = ends - kLongestOpening;
    while (const auto next = work()) {
      ASSERT_LT(clock_.now(), back_ + 1h) << "tasks wait for ever";
      clock_.set(std::min(std::max(*next, clock_.now() + 1ms), ends));
      if (clock_.now() < ends) continue;
      if (dies_trying) hung_ += sender_.in_flight();
      start_worker();
      ends = clock_.now() + life;
      if (dies_trying) hangs_from_ = ends - kLongestOpening;
    }
  }

  void expect_all_is_delivered() {
    std::vector<std::string> ids{"alone"};
    for (std::size_t i = 0; i < kTasks; ++i) ids.push_back(numbered("t", i));
    for (const std::string& id : ids) {
      const auto task = store_->get({"ns", id}, clock_.now());
      ASSERT_TRUE(task) << id;
      EXPECT_EQ(task->status, Status::kDone) << id;
      EXPECT_EQ(task->execution.failed, 0) << id;
      EXPECT_GT(*task->execution.last_execution_date, back_ - 1ms) << id;
    }
    EXPECT_LT(clock_.now(), back_ + 13min) << "the longest opening, and what it varies by";
  }

  // Without the deliveries.
  std::size_t failed_attempts(const std::string& endpoint, std::size_t tasks) const {
    const auto started = sender_.started();
    const auto all = std::count_if(started.begin(), started.end(), [&](const auto& request) {
      return request.request.url == "http://" + endpoint + "/orders";
    });
    return static_cast<std::size_t>(all) - tasks;
  }
  // By workers that start anew each hour.
  void expect_so_many_attempts_an_hour() const {
    const std::size_t of_many = failed_attempts("acme", kTasks);
    const std::size_t of_one = failed_attempts("lone", 1);
    std::cout << of_many << " attempts of " << kTasks << " tasks, " << of_one << " of a lone one\n";
    const std::size_t an_hour = 5 + GetParam().at_once - 1 + probes(1h, 0.8);
    EXPECT_LE(of_many, 24 * an_hour);
    EXPECT_LE(of_one, 24 * an_hour);
  }
  // The most and the least that are made in such a time: openings last for 5 s, 10 s, … 10 min, a
  // fifth more or less.
  static std::size_t probes(std::chrono::milliseconds time, double part) {
    std::size_t count = 0;
    std::chrono::milliseconds opening = 5s;
    for (auto passed = 0ms; passed < time; ++count) {
      passed += std::chrono::milliseconds{
          static_cast<std::int64_t>(static_cast<double>(opening.count()) * part)};
      opening = std::min<std::chrono::milliseconds>(2 * opening, 10min);
    }
    return count;
  }

  ManualClock clock_;
  const TimePoint back_ = clock_.now() + kDay;
  TimePoint hangs_from_ = kTimeMax;
  std::size_t hung_ = 0;
  testing::TempDir dir_;
  std::unique_ptr<store::Store> store_;
  ScriptedSender sender_{clock_};
  Metrics metrics_;
  Random random_{1};
  std::optional<store::Endpoints> endpoints_;
  std::optional<secrets::Secrets> secrets_;
  std::optional<Pipeline> worker_;
};

TEST_P(OutageTest, ADayOfRefusalsFailsNoTask) {
  live(2 * kDay);
  expect_all_is_delivered();
  const std::size_t of_many = failed_attempts("acme", kTasks);
  const std::size_t of_one = failed_attempts("lone", 1);
  std::cout << of_many << " attempts of " << kTasks << " tasks, " << of_one << " of a lone one\n";
  // Five, and those that were under way with the fifth.
  EXPECT_LE(of_many, 5 + GetParam().at_once - 1 + probes(kDay, 0.8));
  EXPECT_LE(of_one, 5 + probes(kDay, 0.8));
  EXPECT_GE(std::min(of_many, of_one), probes(kDay, 1.2)) << "it is tried all the time";
  ASSERT_EQ(told().size(), 2u);
  EXPECT_TRUE(told()[0].starts_with(R"({"type":"endpoint.opened",)")) << told()[0];
  EXPECT_TRUE(told()[1].starts_with(R"({"type":"endpoint.closed",)")) << told()[1];
}

TEST_P(OutageTest, NorWithAWorkerThatStartsAnewEachHour) {
  live(1h);
  expect_all_is_delivered();
  expect_so_many_attempts_an_hour();
}

INSTANTIATE_TEST_SUITE_P(Stores, OutageTest,
                         ::testing::Values(OutageWorld{"Memory", false, 4},
                                           OutageWorld{"RocksDB", true, 16}),
                         [](const auto& world) { return std::string(world.param.name); });

// It is over with its leases: their tasks are due again.
class DyingOutageTest : public OutageTest {};

TEST_P(DyingOutageTest, NorWithAWorkerThatDiesWhileItTries) {
  live(1h, true);
  expect_all_is_delivered();
  expect_so_many_attempts_an_hour();
  EXPECT_EQ(hung_, 2u * 24) << "one for each endpoint, in each hour";
}

INSTANTIATE_TEST_SUITE_P(Stores, DyingOutageTest,
                         ::testing::Values(OutageWorld{"RocksDB", true, 16}),
                         [](const auto& world) { return std::string(world.param.name); });

}  // namespace
}  // namespace rhooks::engine
