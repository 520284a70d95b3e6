#include "testing/scripted_sender.h"

#include <gtest/gtest.h>

#include <thread>

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;
using Reply = ScriptedSender::Reply;

delivery::HttpRequest request(std::uint64_t slot_id, std::string url = "http://h/") {
  delivery::HttpRequest http;
  http.slot_id = slot_id;
  http.request.url = std::move(url);
  return http;
}

TEST(ScriptedSenderTest, AnswersByTheScriptInOrderOfTheirEnds) {
  ManualClock clock;
  ScriptedSender sender(clock, [](const delivery::HttpRequest& http) {
    switch (http.slot_id) {
      case 1:
        return Reply::status(200, 30ms, "slow");
      case 2:
        return Reply::status(500, 10ms);
      case 3:
        return Reply::failure("no route", 30ms);
      default:
        return Reply::hold();
    }
  });
  const auto begin = clock.now();
  for (std::uint64_t i = 1; i <= 4; ++i) sender.start(request(i));
  EXPECT_TRUE(sender.poll(0ms).empty());
  EXPECT_EQ(sender.next_end(), begin + 10ms);
  clock.advance(10ms);
  auto results = sender.poll(0ms);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].slot_id, 2u);
  ASSERT_TRUE(results[0].outcome.response);
  EXPECT_EQ(results[0].outcome.response->status, 500);
  EXPECT_EQ(results[0].outcome.duration, 10ms);
  clock.advance(1h);
  results = sender.poll(0ms);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].slot_id, 1u);
  EXPECT_EQ(results[0].outcome.response->body, "slow");
  EXPECT_EQ(results[0].outcome.duration, 30ms);
  EXPECT_EQ(results[0].outcome.started_at, begin);
  EXPECT_EQ(results[1].slot_id, 3u);
  EXPECT_EQ(results[1].outcome.error, "no route");
  EXPECT_FALSE(results[1].outcome.response);

  EXPECT_EQ(sender.in_flight(), 1u);
  EXPECT_FALSE(sender.release(9, Reply::status(200)));
  EXPECT_TRUE(sender.release(4, Reply::status(204)));
  results = sender.poll(0ms);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_TRUE(results[0].outcome.ok());
  EXPECT_EQ(sender.in_flight(), 0u);
  EXPECT_EQ(sender.max_in_flight(), 4u);
  EXPECT_EQ(sender.started_count(), 4u);
  EXPECT_EQ(sender.started()[3].slot_id, 4u);
}

TEST(ScriptedSenderTest, CancelAllSparesWhatHasEnded) {
  ManualClock clock;
  ScriptedSender sender(clock, [](const delivery::HttpRequest& http) {
    return http.slot_id == 1 ? Reply::status(200) : Reply::hold();
  });
  sender.start(request(1));
  sender.start(request(2));
  sender.cancel_all();
  const auto results = sender.poll(0ms);
  ASSERT_EQ(results.size(), 2u);
  for (const auto& result : results) EXPECT_EQ(result.cancelled, result.slot_id == 2);
  EXPECT_TRUE(sender.poll(0ms).empty());
}

TEST(ScriptedSenderTest, WakesARealThread) {
  ManualClock clock;
  ScriptedSender sender(clock, [](const delivery::HttpRequest&) { return Reply::status(200, 1h); });
  std::thread poller([&] {
    EXPECT_TRUE(sender.poll(10min).empty());  // woken by wake()
    sender.start(request(1));
    EXPECT_EQ(sender.poll(10min).size(), 1u);  // woken by the clock
    sender.set_script([](const delivery::HttpRequest&) { return Reply::hold(); });
    sender.start(request(2));
    EXPECT_EQ(sender.poll(10min).size(), 1u);  // woken by the release
  });
  sender.wake();
  EXPECT_TRUE(sender.wait_started(1));
  clock.advance(1h);
  EXPECT_TRUE(sender.wait_started(2));
  EXPECT_EQ(sender.release_all(Reply::status(200)), 1u);
  poller.join();
}

TEST(ScriptedSenderTest, FollowsTheSystemClockToo) {
  SystemClock clock;
  ScriptedSender sender(clock,
                        [](const delivery::HttpRequest&) { return Reply::status(200, 20ms); });
  sender.start(request(1));
  EXPECT_EQ(sender.poll(10min).size(), 1u);
}

}  // namespace
}  // namespace rhooks::testing
