// `rhooks endpoint` on both sides: straight on a store, and through a server of the test's own.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "cli/commands_fixture.h"
#include "testing/test_receiver.h"

namespace rhooks::cli {
namespace {

using namespace std::chrono_literals;

constexpr const char* kIn = "http://127.0.0.1:9/in";

class EndpointCommandsTest : public CommandsTest {
 protected:
  // `rhooks endpoint` with this action and name, and what follows.
  TestRun endpoint(std::vector<std::string> args, const std::string& input = {}) {
    args.insert(args.begin(), "endpoint");
    args.insert(args.end(), {"-n", "shop"});
    return run(std::move(args), input);
  }
  // Its output, where it must succeed.
  std::string done(std::vector<std::string> args, const std::string& input = {}) {
    const TestRun result = endpoint(std::move(args), input);
    EXPECT_EQ(result.exit_code, kExitDone) << result.err;
    return result.out;
  }
  // What it says of a line that it refuses.
  std::string refused(std::vector<std::string> args) {
    const TestRun result = endpoint(std::move(args));
    EXPECT_EQ(result.exit_code, kExitUsage) << result.out;
    return result.err;
  }
  Endpoint got(const std::string& name) {
    return codec::parse_endpoint(done({"get", name, "--json"})).value_or(Endpoint{});
  }
};

void expect_part(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "\"" << part << "\" is not in\n" << text;
}

INSTANTIATE_TEST_SUITE_P(Sides, EndpointCommandsTest, ::testing::Bool(), side_name);

TEST_P(EndpointCommandsTest, PutMakesAndReplaces) {
  EXPECT_EQ(done({"put",
                  "acme",
                  "--url",
                  kIn,
                  "--header",
                  "X-Shop: 7",
                  "-H",
                  "X-Empty:",
                  "--timeout",
                  "1m30s",
                  "--retry-limit",
                  "0",
                  "--description",
                  "the warehouse",
                  "--concurrency",
                  "10",
                  "--rate",
                  "100/m",
                  "--burst",
                  "5"}),
            "made acme\n");
  const Endpoint made = got("acme");
  EXPECT_EQ(made.ns, "shop");
  EXPECT_EQ(made.url, kIn);
  EXPECT_EQ(made.headers, (std::vector<Header>{{"X-Shop", "7"}, {"X-Empty", ""}}));
  EXPECT_EQ(made.timeout, 90s);
  EXPECT_EQ(made.retry_limit, 0);
  EXPECT_EQ(made.description, "the warehouse");
  EXPECT_EQ(made.concurrency, 10);
  EXPECT_EQ(made.rate, (Rate{100, 1min}));
  EXPECT_EQ(made.burst, 5);

  EXPECT_FALSE(made.ordered);

  EXPECT_EQ(done({"put", "acme", "--url", kIn}), "replaced acme\n");
  const Endpoint replaced = got("acme");
  EXPECT_EQ(replaced.headers, std::vector<Header>{});
  EXPECT_EQ(replaced.timeout, std::nullopt);
  EXPECT_EQ(replaced.created_at, made.created_at);
  EXPECT_NE(replaced.revision, made.revision);

  const auto shown = codec::parse_endpoint(done({"put", "other", "--url", kIn, "--json"}));
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(*shown, got("other"));
}

TEST_P(EndpointCommandsTest, PutSaysWhenItIsRetried) {
  done({"put", "acme", "--url", kIn, "--retry-schedule", "10s,1m,1h30m", "--stop-on",
        "400-403,422"});
  const Endpoint made = got("acme");
  EXPECT_EQ(made.retry_schedule, (std::vector<std::chrono::milliseconds>{10s, 1min, 90min}));
  EXPECT_EQ(made.stop_on, (StatusSet{{400, 403}, {422, 422}}));
  expect_part(done({"get", "acme"}), "retry schedule  10s, 1m, 1h30m\n");

  done({"set", "acme", "--no-retry-schedule", "--retry-max", "10m", "--no-stop-on"});
  const Endpoint changed = got("acme");
  EXPECT_TRUE(changed.retry_schedule.empty());
  EXPECT_EQ(changed.retry_max, 10min);
  EXPECT_TRUE(changed.stop_on.empty());

  expect_part(refused({"set", "acme", "--retry-schedule", "10s,,1m"}), "--retry-schedule: ");
  expect_part(refused({"set", "acme", "--stop-on", "4xx"}), "--stop-on: \"4xx\" names no statuses");
}

TEST_P(EndpointCommandsTest, AnOrderIsGivenAndTakenBack) {
  done({"put", "acme", "--url", kIn, "--ordered"});
  EXPECT_TRUE(got("acme").ordered);
  expect_part(done({"get", "acme"}), "ordered         yes\n");
  done({"set", "acme", "--timeout", "5s"});
  EXPECT_TRUE(got("acme").ordered);
  done({"set", "acme", "--no-ordered"});
  EXPECT_FALSE(got("acme").ordered);
  done({"set", "acme", "--ordered"});
  EXPECT_TRUE(got("acme").ordered);
  expect_part(refused({"get", "acme", "--ordered"}), "it belongs to put and set");
  const TestRun two = endpoint({"set", "acme", "--concurrency", "2"});
  EXPECT_NE(two.exit_code, kExitDone);
  expect_part(two.err, "leave concurrency out");
}

TEST_P(EndpointCommandsTest, PutSaysWhoIsTold) {
  done({"put", "acme", "--url", kIn, "--callback", "ops", "--callback-on",
        "task.failed,task.succeeded"});
  EXPECT_EQ(got("acme").callback, "ops");
  EXPECT_EQ(got("acme").callback_on, (std::vector<std::string>{"task.failed", "task.succeeded"}));
  expect_part(done({"get", "acme"}), "callback        ops, task.failed, task.succeeded\n");
  done({"set", "acme", "--no-callback-on"});
  EXPECT_TRUE(got("acme").callback_on.empty());
  done({"set", "acme", "--callback-on", "task.failed"});
  done({"set", "acme", "--no-callback"});
  EXPECT_EQ(got("acme").callback, "");
  EXPECT_TRUE(got("acme").callback_on.empty());
  done({"set", "acme", "--callback", "ops", "--callback-on", "endpoint.opened,endpoint.closed"});
  EXPECT_EQ(got("acme").callback_on,
            (std::vector<std::string>{"endpoint.opened", "endpoint.closed"}));
  const TestRun own = endpoint({"set", "acme", "--callback", "acme"});
  EXPECT_NE(own.exit_code, kExitDone);
  expect_part(own.err, "endpoint.opened cannot go to the endpoint that it is about");
}

TEST_P(EndpointCommandsTest, ABreakerIsSwitchedOffAndOn) {
  done({"put", "acme", "--url", kIn});
  EXPECT_TRUE(got("acme").breaker);
  done({"put", "acme", "--url", kIn, "--no-breaker"});
  EXPECT_FALSE(got("acme").breaker);
  done({"set", "acme", "--timeout", "15s"});
  EXPECT_FALSE(got("acme").breaker);
  done({"set", "acme", "--breaker"});
  EXPECT_TRUE(got("acme").breaker);
  expect_part(refused({"get", "acme", "--breaker"}), "--breaker and `get` do not go together");
}

TEST_P(EndpointCommandsTest, PutTakesAFile) {
  const std::string file = dir_.sub("acme.json");
  std::ofstream(file) << R"({"url":"http://127.0.0.1:9/in","headers":{"A":["1","2"]},)"
                      << R"("timeout":"15s"})";
  EXPECT_EQ(done({"put", "acme", "--file", file}), "made acme\n");
  EXPECT_EQ(got("acme").headers, (std::vector<Header>{{"A", "1"}, {"A", "2"}}));
  // What get shows can be put.
  EXPECT_EQ(done({"put", "acme", "--file", "-"}, done({"get", "acme", "--json"})),
            "replaced acme\n");
  EXPECT_EQ(got("acme").timeout, 15s);

  std::ofstream(file) << R"({"url":"http://127.0.0.1:9/in","timeOut":"15s"})";
  expect_part(refused({"put", "acme", "--file", file}), "timeOut");
  expect_part(refused({"put", "other", "-f", dir_.sub("none")}), "cannot be read");
  expect_part(refused({"put", "acme", "--file", file, "--url", kIn}),
              "--url and --file exclude each other");
  const TestRun of_another = endpoint({"put", "b", "--file", "-"}, done({"get", "acme", "--json"}));
  EXPECT_EQ(of_another.exit_code, kExitUsage);
  expect_part(of_another.err, "\"acme\" is not \"b\", the name of the call");
}

TEST_P(EndpointCommandsTest, SetKeepsTheRest) {
  done({"put", "acme", "--url", kIn, "-H", "X-Shop: 7", "-H", "X-Old: 1", "--timeout", "15s",
        "--retry-limit", "3", "--description", "d", "--concurrency", "2", "--rate", "50/s"});
  Endpoint wanted = got("acme");
  EXPECT_EQ(done({"set", "acme", "--timeout", "30s", "-H", "x-shop: 8", "--no-header", "x-old",
                  "--no-retry-limit", "--no-description", "--no-concurrency", "--no-rate"}),
            "changed acme\n");
  wanted.timeout = 30s;
  wanted.headers = {{"x-shop", "8"}};
  wanted.retry_limit.reset();
  wanted.description.clear();
  wanted.concurrency.reset();
  wanted.rate.reset();
  Endpoint shown = got("acme");
  EXPECT_NE(shown.revision, wanted.revision);
  wanted.revision = shown.revision;
  wanted.updated_at = shown.updated_at;
  EXPECT_EQ(shown, wanted);

  const auto printed = codec::parse_endpoint(done({"set", "acme", "--no-timeout", "--json"}));
  ASSERT_TRUE(printed) << printed.error().message;
  EXPECT_EQ(printed->timeout, std::nullopt);
  const TestRun none = endpoint({"set", "none", "--timeout", "30s"});
  EXPECT_EQ(none.exit_code, kExitFailed);
  expect_part(none.err, "there is no endpoint 'none' in namespace 'shop'");
}

TEST_P(EndpointCommandsTest, GetListAndDelete) {
  done({"put", "b", "--url", kIn, "--timeout", "15s"});
  done({"put", "a1", "--url", kIn, "--description", "first"});
  done({"put", "a2", "--url", kIn});
  const std::string card = done({"get", "a1"});
  expect_part(card, "name            a1\ndescription     first\nurl             http://127");
  const std::string list = done({"list"});
  EXPECT_LT(list.find("a1"), list.find("a2"));
  EXPECT_LT(list.find("a2"), list.find("15s"));
  const auto page = codec::parse_endpoint_page(done({"list", "--limit", "2", "--json"}));
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->items.size(), 2u);
  EXPECT_EQ(page->items[0], got("a1"));
  const auto rest =
      codec::parse_endpoint_page(done({"list", "--json", "--start-key", page->last_evaluated_key}));
  ASSERT_TRUE(rest) << rest.error().message;
  ASSERT_EQ(rest->items.size(), 1u);
  EXPECT_EQ(rest->items[0].name, "b");
  const std::string all = done({"list", "--prefix", "a", "--limit", "1", "--all", "--json"});
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 2) << all;
  EXPECT_EQ(endpoint({"list", "--prefix", "c"}).err, "no endpoint matches\n");

  EXPECT_EQ(done({"delete", "a1"}), "deleted a1\n");
  const TestRun gone = endpoint({"get", "a1"});
  EXPECT_EQ(gone.exit_code, kExitFailed);
  expect_part(gone.err, "there is no endpoint 'a1' in namespace 'shop'");
  EXPECT_EQ(endpoint({"delete", "a1"}).exit_code, kExitFailed);
}

TEST_P(EndpointCommandsTest, PauseAndResume) {
  done({"put", "acme", "--url", kIn});
  EXPECT_EQ(done({"pause", "acme"}), "paused acme\n");
  EXPECT_EQ(done({"pause", "acme"}), "paused acme\n");
  EXPECT_TRUE(got("acme").paused);
  expect_part(done({"get", "acme"}), "\nstate           paused\n");
  expect_part(done({"list"}), "  paused  ");
  EXPECT_EQ(done({"put", "acme", "--url", kIn}), "replaced acme\n");
  EXPECT_EQ(done({"set", "acme", "--timeout", "1s"}), "changed acme\n");
  EXPECT_TRUE(got("acme").paused);
  const auto resumed = codec::parse_endpoint(done({"resume", "acme", "--json"}));
  ASSERT_TRUE(resumed) << resumed.error().message;
  EXPECT_EQ(*resumed, got("acme"));
  EXPECT_EQ(done({"resume", "acme"}), "resumed acme\n");
  EXPECT_EQ(done({"get", "acme"}).find("state"), std::string::npos);
  for (const char* action : {"pause", "resume"}) {
    const TestRun none = endpoint({action, "none"});
    EXPECT_EQ(none.exit_code, kExitFailed);
    expect_part(none.err, "there is no endpoint 'none' in namespace 'shop'");
  }
}

TEST_P(EndpointCommandsTest, NothingIsGivenAndTakenBackAtOnce) {
  const std::vector<std::vector<std::string>> pairs{
      {"--ordered", "--no-ordered"}, {"--no-breaker", "--breaker"}, {"--rate", "5/s", "--no-rate"}};
  for (const auto& pair : pairs) {
    std::vector<std::string> line{"set", "acme"};
    line.insert(line.end(), pair.begin(), pair.end());
    expect_part(refused(line), "exclude");
  }
}

TEST_P(EndpointCommandsTest, ABurstGoesWithItsRate) {
  done({"put", "acme", "--url", kIn, "--rate", "95/1m", "--burst", "1"});
  done({"set", "acme", "--no-rate"});
  EXPECT_EQ(got("acme").rate, std::nullopt);
  EXPECT_EQ(got("acme").burst, std::nullopt);
}

TEST_P(EndpointCommandsTest, ATaskOfAPausedEndpointSaysWhatHoldsIt) {
  done({"put", "acme", "--url", kIn});
  done({"pause", "acme"});
  out({"register", "-n", "shop", "--id", "a", "--endpoint", "acme"});
  expect_part(out({"get", "-n", "shop", "--id", "a"}), "status          ACTIVE, held by paused\n");
  expect_part(out({"fetch", "-n", "shop"}), "  ACTIVE, held by paused  ");
  expect_part(out({"get", "-n", "shop", "--id", "a", "--json"}), R"("held":{"by":"paused"})");
  expect_part(out({"trigger", "-n", "shop", "--id", "a"}),
              "a is due now, and waits: ACTIVE, held by paused\n");
  EXPECT_EQ(out({"trigger"}),
            "0 attempts made, 0 failed\n"
            "1 task waits for its endpoint; `rhooks fetch` says what holds them\n");
  EXPECT_EQ(out({"trigger", "--json"}), "{\"processed\":0,\"errors\":0,\"held\":1}\n");
  done({"resume", "acme"});
  const std::string card = out({"get", "-n", "shop", "--id", "a"});
  EXPECT_EQ(card.find("held"), std::string::npos) << card;
}

TEST_P(EndpointCommandsTest, TestMakesOneRequest) {
  testing::TestReceiver receiver([](const testing::TestRequest& request) {
    return testing::TestResponse::with_status(request.target == "/in/bad" ? 500 : 200);
  });
  done({"put", "acme", "--url", receiver.url("/in"), "-H", "X-Shop: 7"});
  const std::string log = done({"test", "acme"});
  expect_part(log, "  test  ");
  expect_part(log, "  SUCCESS  ");
  expect_part(log, " 1/1 ");
  done({"test", "acme", "--url", "/ping", "-X", "PUT", "--body", R"({"hello":1})", "-H", "X-A: 1"});
  const TestRun failed = endpoint({"test", "acme", "--url", "/bad", "--body", "null"});
  EXPECT_EQ(failed.exit_code, kExitFailed);
  expect_part(failed.out, "HTTP 500 Internal Server Error");
  const TestRun as_json = endpoint({"test", "acme", "--url", "/bad", "--json"});
  EXPECT_EQ(as_json.exit_code, kExitFailed);
  const auto shown = codec::parse_log(as_json.out);
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(shown->task, (TaskKey{"shop", "test"}));

  const auto requests = receiver.requests();
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].target, "/in");
  EXPECT_EQ(requests[0].body, R"({"test":true})");
  EXPECT_EQ(requests[0].header("content-type"), "application/json");
  EXPECT_EQ(requests[0].header("x-shop"), "7");
  EXPECT_TRUE(requests[0].header("webhook-id").starts_with("msg_"));
  EXPECT_EQ(requests[1].method, "PUT");
  EXPECT_EQ(requests[1].target, "/in/ping");
  EXPECT_EQ(requests[1].body, R"({"hello":1})");
  EXPECT_EQ(requests[1].header("x-a"), "1");
  EXPECT_EQ(requests[2].body, "");

  const TestRun none = endpoint({"test", "none"});
  EXPECT_EQ(none.exit_code, kExitFailed);
  expect_part(none.err, "there is no endpoint 'none' in namespace 'shop'");
  const TestRun elsewhere = endpoint({"test", "acme", "--url", "https://elsewhere.example/"});
  EXPECT_EQ(elsewhere.exit_code, kExitFailed);
  expect_part(elsewhere.err, "url: the endpoint says where it goes");
}

TEST_P(EndpointCommandsTest, ALineThatCannotBeMeantIsRefused) {
  expect_part(refused({"make", "acme"}),
              "there is no `rhooks endpoint make`\n  there is put, set, get, list, delete, pause, "
              "resume and test");
  expect_part(refused({"get"}), "the name is missing: rhooks endpoint get NAME");
  expect_part(refused({"list", "acme"}), "`rhooks endpoint get acme`");
  expect_part(refused({"get", "acme", "--timeout", "1s"}),
              "--timeout and `get` do not go together\n  it belongs to put and set");
  expect_part(refused({"put", "acme", "--url", kIn, "--no-timeout"}), "it belongs to set");
  expect_part(refused({"set", "acme", "--file", "-"}), "it belongs to put");
  expect_part(refused({"delete", "acme", "--all"}), "it belongs to list");
  expect_part(refused({"get", "acme", "--force"}), "it belongs to delete");
  expect_part(refused({"pause"}), "the name is missing: rhooks endpoint pause NAME");
  expect_part(refused({"get", "acme", "--body", "{}"}), "it belongs to test");
  expect_part(refused({"get", "acme", "--url", kIn}), "it belongs to put, set and test");
  expect_part(refused({"test", "acme", "--timeout", "1s"}), "it belongs to put and set");
  expect_part(refused({"test", "acme", "--text"}), "--text says what --body is");
  expect_part(refused({"test", "acme", "--body", "{"}), "--body begins like JSON");
  expect_part(refused({"test", "acme", "-X", "FETCH"}), "--method: ");
  expect_part(refused({"set", "acme"}), "nothing is to be changed");
  expect_part(refused({"put", "acme", "--timeout", "1s"}), "--url is missing");
  expect_part(refused({"put", "acme", "--url", kIn, "--timeout", "5"}),
              "--timeout: \"5\" is no length of time");
  expect_part(refused({"set", "acme", "--retry-limit", "1.5"}),
              "--retry-limit: must be a whole number from 0 to 100, not \"1.5\"");
  expect_part(refused({"set", "acme", "--burst", "99999999999"}),
              "--burst: must be a whole number from 1 to 1000000, not \"99999999999\"");
  expect_part(refused({"set", "acme", "--rate", "fast"}),
              "--rate: must be a number and a time, as in 100/1m, not \"fast\"");
  expect_part(refused({"put", "acme", "--url", kIn, "-H", "no header"}), "write 'Name: value'");
  expect_part(refused({"set", "acme", "-H", "X-A: 1", "--no-header", "x-a"}),
              "--header and --no-header x-a exclude each other");
  expect_part(refused({"set", "acme", "--no-header", "X-A: 1"}),
              "--no-header: \"X-A: 1\" is no header name\n  write the name alone");
  expect_part(refused({"test", "acme", "-H", "@-", "--body", "-"}),
              "--header @- and --body - both read standard input");
  expect_part(refused({"set", "acme", "-H", "@-", "-H", "@-"}), "--header @- is given twice");
  expect_part(refused({"list", "--limit", "0"}),
              "--limit: must be a whole number from 1 to 1000, not \"0\"");
  const TestRun rule = endpoint({"put", "acme", "--url", "ftp://a/"});
  EXPECT_EQ(rule.exit_code, kExitFailed);
  expect_part(rule.err, "url: must begin with http:// or https://");
  expect_part(refused({"put", "acme", "--url", kIn, "--concurrency", "0"}),
              "--concurrency: must be a whole number from 1 to 10000, not \"0\"");
}

}  // namespace
}  // namespace rhooks::cli
