#include "model/endpoint.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/utf8.h"
#include "model/transitions.h"

namespace rhooks::model {
namespace {

using namespace std::chrono_literals;

Endpoint valid_endpoint() {
  Endpoint endpoint;
  endpoint.ns = "shop";
  endpoint.name = "acme";
  endpoint.url = "https://hooks.acme.example/in?token=7";
  return endpoint;
}

Endpoint endpoint_with(const std::function<void(Endpoint&)>& change) {
  Endpoint endpoint = valid_endpoint();
  change(endpoint);
  return endpoint;
}

void expect_valid_endpoint(const Endpoint& endpoint) {
  const auto valid = validate(endpoint);
  EXPECT_TRUE(valid) << valid.error().message;
}

void expect_endpoint_refused(const Endpoint& endpoint, const std::string& field,
                             const std::string& part) {
  const auto valid = validate(endpoint);
  ASSERT_FALSE(valid) << "accepted; expected " << field << ": " << part;
  EXPECT_EQ(valid.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(valid.error().field, field);
  EXPECT_TRUE(valid.error().message.starts_with(field + ": ")) << valid.error().message;
  EXPECT_NE(valid.error().message.find(part), std::string::npos) << valid.error().message;
  EXPECT_FALSE(has_control(valid.error().message));
}

TEST(EndpointTest, AcceptsTheLeastAndTheFullest) {
  expect_valid_endpoint(valid_endpoint());
  expect_valid_endpoint(endpoint_with([](Endpoint& e) {
    e.description = "the warehouse";
    e.headers = {{"X-Shop", "7"}, {"authorization", "Bearer x"}};
    e.timeout = 24h;
    e.retry_limit = 100;
    e.concurrency = 10'000;
    e.rate = Rate{1'000'000, 1s};
    e.burst = 1'000'000;
  }));
  expect_valid_endpoint(endpoint_with([](Endpoint& e) {
    e.timeout = 1ms;
    e.retry_limit = 0;
    e.concurrency = 1;
    e.rate = Rate{1, 1min};
    e.burst = 1;
    e.ordered = true;
  }));
}

TEST(EndpointTest, NamesAreLettersDigitsAndThreeMore) {
  for (const std::string name : {"a", "7", "A.b_c-d", "a..", "acme-2"}) {
    EXPECT_TRUE(EndpointName{}.check(name, "name")) << name;
  }
  EXPECT_TRUE(EndpointName{}.check(std::string(128, 'a'), "name"));
  for (const std::string name :
       {"", ".", "..", "-a", "_a", "a b", "a/b", "a@b", "\xc3\xbc", "a\n"}) {
    expect_endpoint_refused(endpoint_with([&](Endpoint& e) { e.name = name; }), "name",
                            "must be 1 to 128 letters");
  }
  expect_endpoint_refused(endpoint_with([](Endpoint& e) { e.name = std::string(129, 'a'); }),
                          "name", "must be 1 to 128 letters");
  expect_endpoint_refused(endpoint_with([](Endpoint& e) { e.name = "a b"; }), "name",
                          ", not \"a b\"");
}

TEST(EndpointTest, RefusesWhatCannotBeSentTo) {
  expect_endpoint_refused(endpoint_with([](Endpoint& e) { e.url = ""; }), "url", "");
  expect_endpoint_refused(endpoint_with([](Endpoint& e) { e.url = "ftp://a/"; }), "url", "http://");
  expect_endpoint_refused(endpoint_with([](Endpoint& e) { e.url = "https://a/#top"; }), "url",
                          "fragment");
  expect_endpoint_refused(endpoint_with([](Endpoint& e) { e.ns = ""; }), "namespace", "empty");
}

TEST(EndpointTest, ChecksHeadersAsThoseOfATask) {
  const auto refused = [](std::vector<Header> headers, const std::string& part) {
    expect_endpoint_refused(endpoint_with([&](Endpoint& e) { e.headers = std::move(headers); }),
                            "headers", part);
  };
  refused({{"a b", ""}}, "is not a header name");
  refused({{"Host", "a"}}, "must not be set");
  refused({{"Authorization", "a"}, {"authorization", "b"}}, "more than once");
  refused({{"Content-Type", "text/plain"}}, "belongs to the task");
}

TEST(EndpointTest, NamesSecrets) {
  EXPECT_FALSE(needs_secret(endpoint_with([](Endpoint&) {})));
  for (std::string Endpoint::*member : {&Endpoint::signing, &Endpoint::auth}) {
    const Endpoint endpoint = endpoint_with([&](Endpoint& e) { e.*member = "acme-1"; });
    expect_valid_endpoint(endpoint);
    EXPECT_TRUE(needs_secret(endpoint));
    expect_endpoint_refused(endpoint_with([&](Endpoint& e) { e.*member = "a b"; }),
                            member == &Endpoint::auth ? "auth" : "signing",
                            "must be 1 to 128 letters");
  }
  expect_endpoint_refused(endpoint_with([](Endpoint& e) {
                            e.auth = "acme-1";
                            e.headers = {{"AUTHORIZATION", "a"}};
                          }),
                          "auth", "leave that out of headers");
}

TEST(EndpointTest, RefusesWhatIsPastALimit) {
  const auto time = [](std::chrono::milliseconds length) {
    return endpoint_with([=](Endpoint& e) { e.timeout = length; });
  };
  expect_endpoint_refused(time(0ms), "timeout", "must be between 1ms and 1d, not 0");
  expect_endpoint_refused(time(24h + 1ms), "timeout", "not 1d1ms");
  expect_endpoint_refused(time(-1s), "timeout", "not -1s");
  for (const int limit : {-1, 101}) {
    expect_endpoint_refused(endpoint_with([=](Endpoint& e) { e.retry_limit = limit; }),
                            "retryLimit", "between 0 and 100");
  }
  for (const int limit : {-1, 0, 10'001}) {
    expect_endpoint_refused(endpoint_with([=](Endpoint& e) { e.concurrency = limit; }),
                            "concurrency", "between 1 and 10000");
  }
  const auto paced = [](Rate rate, std::optional<int> burst = std::nullopt) {
    return endpoint_with([=](Endpoint& e) {
      e.rate = rate;
      e.burst = burst;
    });
  };
  expect_valid_endpoint(paced({10'080, 7 * 24h}));
  expect_valid_endpoint(paced({10, 1s}, 600));
  expect_endpoint_refused(paced({0, 1s}), "rate", "between 1 and 1000000 in its time, not 0/1s");
  expect_endpoint_refused(paced({1'000'001, 1s}), "rate", "not 1000001/1s");
  expect_endpoint_refused(paced({1, 999ms}), "rate", "between 1s and 7d, not 1/999ms");
  expect_endpoint_refused(paced({1, 7 * 24h + 1ms}), "rate", "not 1/7d1ms");
  expect_endpoint_refused(paced({1, 1min + 1ms}), "rate", "must allow one in 1m at least");
  for (const int burst : {-1, 0, 1'000'001}) {
    expect_endpoint_refused(paced({1'000'000, 1s}, burst), "burst", "between 1 and 1000000");
  }
  expect_endpoint_refused(paced({10, 1s}, 601), "burst", "allows in 1m, 600;");
  expect_endpoint_refused(endpoint_with([](Endpoint& e) { e.burst = 1; }), "burst", "needs a rate");
  expect_endpoint_refused(
      endpoint_with([](Endpoint& e) { e.description = std::string(1025, 'a'); }), "description",
      "has 1025 bytes");
}

TEST(EndpointTest, AttemptsInOrderAreOneAtATime) {
  expect_valid_endpoint(endpoint_with([](Endpoint& e) { e.ordered = true; }));
  expect_endpoint_refused(endpoint_with([](Endpoint& e) {
                            e.ordered = true;
                            e.concurrency = 2;
                          }),
                          "ordered", "leave concurrency out");
}

TEST(EndpointTest, ChecksWhenItIsRetried) {
  const auto waits = [](std::vector<std::chrono::milliseconds> schedule) {
    return endpoint_with([&](Endpoint& e) { e.retry_schedule = schedule; });
  };
  expect_valid_endpoint(waits({0ms}));
  expect_valid_endpoint(waits(std::vector<std::chrono::milliseconds>(100, 30 * 24h)));
  expect_endpoint_refused(waits(std::vector<std::chrono::milliseconds>(101, 1s)), "retrySchedule",
                          "has 101 waits; at most 100");
  expect_endpoint_refused(waits({1s, 30 * 24h + 1ms}), "retrySchedule[1]", "must be between 0 and");
  expect_endpoint_refused(waits({-1ms}), "retrySchedule[0]", "not -1ms");

  for (const auto longest : {std::chrono::milliseconds(1s), std::chrono::milliseconds(30 * 24h)}) {
    expect_valid_endpoint(endpoint_with([=](Endpoint& e) { e.retry_max = longest; }));
  }
  for (const auto longest : {999ms, std::chrono::milliseconds(30 * 24h) + 1ms}) {
    expect_endpoint_refused(endpoint_with([=](Endpoint& e) { e.retry_max = longest; }), "retryMax",
                            "must be between 1s and 30d");
  }
  expect_endpoint_refused(endpoint_with([](Endpoint& e) {
                            e.retry_schedule = {1s};
                            e.retry_limit = 1;
                          }),
                          "retryLimit", "leave one of them out");
  expect_endpoint_refused(endpoint_with([](Endpoint& e) {
                            e.retry_schedule = {1s};
                            e.retry_max = 1s;
                          }),
                          "retryMax", "leave one of them out");
}

TEST(EndpointTest, StopsOnNoSuccess) {
  const auto stops = [](StatusSet statuses) {
    return endpoint_with([&](Endpoint& e) { e.stop_on = statuses; });
  };
  expect_valid_endpoint(stops({{100, 199}, {300, 599}, {404, 404}}));
  expect_endpoint_refused(stops({{200, 200}}), "stopOn", "200 is a success");
  expect_endpoint_refused(stops({{400, 404}, {150, 204}}), "stopOn", "200 is a success");
  expect_endpoint_refused(stops({{250, 300}}), "stopOn", "250 is a success");
  expect_endpoint_refused(stops({{99, 199}}), "stopOn", "not 99-199");
  expect_endpoint_refused(stops({{500, 600}}), "stopOn", "not 500-600");
  expect_endpoint_refused(stops({{404, 403}}), "stopOn", "the lower one first");
  expect_endpoint_refused(stops(StatusSet(101, {404, 404})), "stopOn", "has 101 ranges");
}

TEST(EndpointTest, TellsWhatHoldsForItsFlows) {
  Endpoint endpoint;
  endpoint.url = "https://h.example/in";
  const Limits none = limits_of(endpoint);
  EXPECT_NE(none.address, 0u);
  EXPECT_EQ(none, Limits{.address = none.address});
  endpoint.timeout = 1s;
  EXPECT_EQ(limits_of(endpoint), none);
  endpoint.concurrency = 3;
  EXPECT_EQ(limits_of(endpoint).concurrency, 3u);
  EXPECT_FALSE(limits_of(endpoint).paused);
  endpoint.rate = Rate{100, 1min};
  endpoint.burst = 5;
  EXPECT_EQ(limits_of(endpoint).rate, Gcra::of({100, 1min}, 5));
  endpoint.paused = true;
  EXPECT_TRUE(limits_of(endpoint).paused);
  EXPECT_FALSE(limits_of(endpoint).ordered);
  endpoint.ordered = true;
  EXPECT_TRUE(limits_of(endpoint).ordered);
  endpoint.url = "https://h.example/In";
  EXPECT_NE(limits_of(endpoint).address, none.address);
  Endpoint without_breaker;
  EXPECT_FALSE(limits_of(without_breaker).without_breaker);
  without_breaker.breaker = false;
  EXPECT_TRUE(limits_of(without_breaker).without_breaker);
}

TEST(EndpointTest, ChecksWhoIsTold) {
  expect_valid_endpoint(endpoint_with([](Endpoint& e) {
    e.callback = "acme";
    e.callback_on = {"task.failed"};
  }));
  expect_endpoint_refused(endpoint_with([](Endpoint& e) { e.callback = "a b"; }), "callback",
                          "letters, digits");
  expect_endpoint_refused(endpoint_with([](Endpoint& e) { e.callback_on = {"task.failed"}; }),
                          "callbackOn", "needs a callback");
  expect_endpoint_refused(endpoint_with([](Endpoint& e) {
                            e.callback = "ops";
                            e.callback_on = {""};
                          }),
                          "callbackOn[0]",
                          "must be one of task.succeeded, task.failed, endpoint.opened");
}

TEST(EndpointTest, AnEndpointIsNotToldOfItself) {
  const auto told = [](std::string callback, std::vector<std::string> on) {
    return endpoint_with([&](Endpoint& e) {
      e.name = "acme";
      e.callback = callback;
      e.callback_on = on;
    });
  };
  expect_valid_endpoint(told("ops", {"endpoint.opened", "endpoint.closed", "task.failed"}));
  expect_valid_endpoint(told("acme", {"task.succeeded", "task.failed"}));
  expect_endpoint_refused(told("acme", {"task.failed", "endpoint.closed"}), "callbackOn[1]",
                          "endpoint.closed cannot go to the endpoint that it is about");
  expect_endpoint_refused(told("acme", {"endpoint.opened"}), "callbackOn[0]",
                          "endpoint.opened cannot go to the endpoint that it is about");
}

TEST(HeadersTest, OneTakesThePlaceOfAllThatHaveItsName) {
  const std::vector<Header> headers = {{"X-A", "1"}, {"x-b", "2"}, {"x-a", "3"}};
  EXPECT_EQ(merged(headers, {}), headers);
  EXPECT_EQ(merged(headers, {{"x-A", "4"}, {"X-a", "5"}, {"x-c", "6"}}),
            (std::vector<Header>{{"x-b", "2"}, {"x-A", "4"}, {"X-a", "5"}, {"x-c", "6"}}));
  std::vector<Header> left = headers;
  remove_header(left, "X-a");
  EXPECT_EQ(left, (std::vector<Header>{{"x-b", "2"}}));
}

TEST(EndpointTest, TheTaskSaysHowOftenItIsRetriedOrItsEndpoint) {
  Task task;
  Endpoint endpoint;
  EXPECT_EQ(rules_for(task, nullptr).retry_limit, 3);
  EXPECT_EQ(rules_for(task, &endpoint).retry_limit, 3);
  endpoint.retry_limit = 10;
  EXPECT_EQ(rules_for(task, &endpoint).retry_limit, 10);
  endpoint.retry_limit.reset();
  endpoint.retry_schedule = {1s, 1min, 1h, 1h};
  EXPECT_EQ(rules_for(task, &endpoint).retry_limit, 4);
  EXPECT_EQ(rules_for(task, &endpoint).schedule.size(), 4u);
  task.retry_limit = 3;
  EXPECT_EQ(rules_for(task, &endpoint).retry_limit, 3);
  EXPECT_EQ(rules_for(task, nullptr).retry_limit, 3);
}

}  // namespace
}  // namespace rhooks::model
