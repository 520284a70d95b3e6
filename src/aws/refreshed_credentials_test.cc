#include "aws/refreshed_credentials.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "testing/captured_log.h"
#include "testing/manual_clock.h"

namespace rhooks::aws {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ManualClock;

// A provider whose keys are numbered by their fetches.
struct Provider {
  std::atomic<int> fetches{0};
  std::optional<hours> life = hours{1};
  std::atomic<bool> fails{false};
  bool unchanging = false;
  std::function<void()> during = [] {};

  FetchCredentials fetch() {
    return [this](TimePoint now) -> Result<Credentials> {
      const int number = ++fetches;
      during();
      if (fails) return fail(ErrorCode::kUnavailable, "outage " + std::to_string(number));
      Credentials credentials;
      credentials.access_key_id = "AK" + std::to_string(unchanging ? 0 : number);
      credentials.secret_access_key = "s";
      if (life) credentials.expires_at = now + *life;
      return credentials;
    };
  }
};

class RefreshedCredentialsTest : public ::testing::Test {
 protected:
  std::string get() {
    const auto found = source.get(clock.now());
    return found ? found->access_key_id : found.error().message;
  }

  // While there are valid ones a refresh is seen some time after the call that began it.
  static std::string given_in_time(const std::function<std::string()>& give,
                                   const std::string& id) {
    const auto deadline = std::chrono::steady_clock::now() + seconds{60};
    std::string given = give();
    while (given != id && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(milliseconds{1});
      given = give();
    }
    return given;
  }
  std::string get_in_time(const std::string& id) {
    return given_in_time([this] { return get(); }, id);
  }

  ManualClock clock;
  Provider provider;
  RefreshedCredentials source{provider.fetch(), milliseconds{0}};
};

TEST_F(RefreshedCredentialsTest, KeptUntilShortlyBeforeTheyExpire) {
  EXPECT_EQ(get(), "AK1");
  clock.advance(minutes{55} - milliseconds{1});
  EXPECT_EQ(get(), "AK1");
  clock.advance(milliseconds{1});
  EXPECT_EQ(get_in_time("AK2"), "AK2");
  EXPECT_EQ(get(), "AK2");
  EXPECT_EQ(provider.fetches, 2);
}

TEST_F(RefreshedCredentialsTest, JitterMovesTheRefreshForward) {
  RefreshedCredentials early(provider.fetch(), seconds{20});
  EXPECT_EQ(early.get(clock.now())->access_key_id, "AK1");
  clock.advance(minutes{55} - seconds{21});
  EXPECT_EQ(early.get(clock.now())->access_key_id, "AK1");
  clock.advance(seconds{1});
  const auto give = [&] { return early.get(clock.now())->access_key_id; };
  EXPECT_EQ(given_in_time(give, "AK2"), "AK2");
}

TEST_F(RefreshedCredentialsTest, LongLivedOnesAreFetchedOnce) {
  provider.life.reset();
  EXPECT_EQ(get(), "AK1");
  clock.advance(hours{100'000});
  EXPECT_EQ(get(), "AK1");
}

TEST_F(RefreshedCredentialsTest, AFailedRefreshIsNoErrorWhileTheOldAreValid) {
  EXPECT_EQ(get(), "AK1");
  provider.fails = true;
  clock.advance(minutes{56});
  testing::CapturedLog log;
  const auto fetches_after_get = [&] {
    EXPECT_EQ(get(), "AK1");
    return std::to_string(provider.fetches);
  };
  EXPECT_EQ(given_in_time(fetches_after_get, "2"), "2");
  EXPECT_EQ(fetches_after_get(), "2") << "a failure is remembered";
  clock.advance(RefreshedCredentials::kPauseWith);
  EXPECT_EQ(given_in_time(fetches_after_get, "3"), "3");
  const std::string logged = log.text();
  EXPECT_NE(logged.find("outage 2"), std::string::npos) << logged;

  clock.advance(minutes{4});  // they expire
  EXPECT_EQ(get_in_time("outage 4"), "outage 4");
  EXPECT_EQ(get(), "outage 4");
  clock.advance(RefreshedCredentials::kPauseWithout);
  provider.fails = false;
  EXPECT_EQ(get(), "AK5");
}

TEST_F(RefreshedCredentialsTest, AFailureIsRememberedForASecond) {
  provider.fails = true;
  EXPECT_EQ(get(), "outage 1");
  clock.advance(milliseconds{999});
  EXPECT_EQ(get(), "outage 1");
  clock.advance(milliseconds{1});
  EXPECT_EQ(get(), "outage 2");
  clock.advance(-hours{1});  // the clock was set back
  EXPECT_EQ(get(), "outage 3");
}

TEST_F(RefreshedCredentialsTest, RefusedOnesAreFetchedAnew) {
  EXPECT_EQ(get(), "AK1");
  const Credentials first = *source.get(clock.now());
  source.refused(first);
  EXPECT_EQ(get(), "AK2");
  source.refused(first);  // of a request that was under way
  EXPECT_EQ(get(), "AK2");
  source.refused(*source.get(clock.now()));
  EXPECT_EQ(get(), "AK2") << "new ones that are refused too are not asked for in a storm";
  clock.advance(RefreshedCredentials::kPauseWithout);
  EXPECT_EQ(get(), "AK3");
}

TEST_F(RefreshedCredentialsTest, RefusedOnesThatDoNotChangeStay) {
  provider.life.reset();
  provider.unchanging = true;
  EXPECT_EQ(get(), "AK0");
  for (int i = 0; i < 10; ++i) {
    source.refused(*source.get(clock.now()));
    EXPECT_EQ(get(), "AK0");
    clock.advance(RefreshedCredentials::kPauseUnchanged / 20);
  }
  EXPECT_EQ(provider.fetches, 2);
  clock.advance(RefreshedCredentials::kPauseUnchanged);
  EXPECT_EQ(get(), "AK0");
  EXPECT_EQ(provider.fetches, 3);
}

TEST_F(RefreshedCredentialsTest, RefusedOnesAreBetterThanNone) {
  EXPECT_EQ(get(), "AK1");
  provider.fails = true;
  source.refused(*source.get(clock.now()));
  testing::CapturedLog log;
  EXPECT_EQ(get(), "AK1");
}

TEST_F(RefreshedCredentialsTest, ShortLivedOnesAreNotFetchedForEachCall) {
  provider.life = hours{0};
  std::atomic<int> fetches{0};
  RefreshedCredentials brief(
      [&](TimePoint now) -> Result<Credentials> {
        ++fetches;
        return Credentials{"A" + std::to_string(fetches), "s", "", now + minutes{4}};
      },
      seconds{30});
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(brief.get(clock.now()));
    clock.advance(seconds{10});
  }
  EXPECT_EQ(fetches, 1);
  const auto give = [&] { return brief.get(clock.now())->access_key_id; };
  EXPECT_EQ(given_in_time(give, "A2"), "A2");
}

// Callers at one moment share one fetch, also if it fails.
TEST_F(RefreshedCredentialsTest, OneCallerFetchesForAll) {
  for (const bool fails : {false, true}) {
    std::promise<void> begun;
    std::promise<void> go_on;
    Provider slow;
    slow.fails = fails;
    slow.during = [&, gate = go_on.get_future().share()] {
      if (slow.fetches == 1) begun.set_value();
      gate.wait();
    };
    RefreshedCredentials shared(slow.fetch(), milliseconds{0});
    std::vector<std::future<Result<Credentials>>> calls;
    calls.push_back(std::async(std::launch::async, [&] { return shared.get(clock.now()); }));
    begun.get_future().wait();
    for (int i = 0; i < 4; ++i) {
      calls.push_back(std::async(std::launch::async, [&] { return shared.get(clock.now()); }));
    }
    go_on.set_value();
    for (auto& call : calls) {
      const auto found = call.get();
      EXPECT_EQ(found ? found->access_key_id : found.error().message, fails ? "outage 1" : "AK1");
    }
    EXPECT_EQ(slow.fetches, 1);
  }
}

// A heartbeat has no time for it, whoever else uses the same credentials.
TEST_F(RefreshedCredentialsTest, NobodyWaitsWhileTheOldAreValid) {
  EXPECT_EQ(get(), "AK1");
  std::promise<void> begun;
  std::promise<void> go_on;
  provider.during = [&] {
    begun.set_value();
    go_on.get_future().wait();
  };
  clock.advance(minutes{56});
  auto first = std::async(std::launch::async, [&] { return get(); });
  begun.get_future().wait();
  EXPECT_EQ(get(), "AK1");
  EXPECT_EQ(first.wait_for(seconds{60}), std::future_status::ready) << "it fetches itself";
  go_on.set_value();
  EXPECT_EQ(first.get(), "AK1");
  EXPECT_EQ(get_in_time("AK2"), "AK2");
  EXPECT_EQ(provider.fetches, 2);
}

}  // namespace
}  // namespace rhooks::aws
