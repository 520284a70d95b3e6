// Commands that act on many tasks, and those that find nothing, on both sides.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "cli/commands_fixture.h"
#include "hooks/hooks_parts.h"
#include "store/memory/memory_store.h"
#include "testing/short_pages.h"
#include "testing/test_receiver.h"

namespace rhooks::cli {
namespace {

class ManyTest : public CommandsTest {};

INSTANTIATE_TEST_SUITE_P(Sides, ManyTest, ::testing::Bool(), side_name);

// All of them ask, with the number of tasks that they are about.
TEST_P(ManyTest, BulkCommandsCountAndAsk) {
  std::string items = "[";
  for (int i = 10'000; i < 11'201; ++i) {
    items += std::string(i == 10'000 ? "" : ",") + R"({"id":"t-)" + std::to_string(i) +
             R"(","url":"http://127.0.0.1:9/","scheduledDate":"2100-01-01T00:00:00Z"})";
  }
  out({"register", "-n", "app", "--file", "-"}, items + "]");
  const auto statuses = [&](const char* status) {
    const std::string all = out({"fetch", "-n", "app", "--status", status, "--all", "--json"});
    return std::count(all.begin(), all.end(), '\n');
  };
  const auto asked = [&](std::vector<std::string> args, const std::string& answer) {
    TestIo test(answer);
    test.io.in_is_terminal = true;
    test.io.environment = environment();
    return test.run(args);
  };

  const struct {
    std::vector<std::string> line;
    std::string question;
    std::string plan;
    std::string done;
    const char* status;
  } cases[] = {
      {{"suspend-many", "-n", "app"},
       "Suspend 1,201 ACTIVE tasks of app? [y/N] ",
       "would suspend 1,201 ACTIVE tasks of app\n",
       "suspended 1,201 tasks\n",
       "ACTIVE"},
      {{"unsuspend-many", "-n", "app", "--id", "t-10"},
       "Unsuspend 1,000 SUSPENDED tasks of app with an id that begins with \"t-10\"? [y/N] ",
       "would unsuspend 1,000 SUSPENDED tasks of app with an id that begins with \"t-10\"\n",
       "unsuspended 1,000 tasks\n",
       "SUSPENDED"},
      {{"delete-many", "-n", "app", "--status", "SUSPENDED", "--from", "+1h"},
       "Delete 201 SUSPENDED tasks of app from +1h? [y/N] ",
       "would delete 201 SUSPENDED tasks of app from +1h\n",
       "deleted 201 tasks\n",
       "SUSPENDED"},
      {{"cancel-many", "-n", "app", "--id", "t-10"},
       "Cancel 1,000 ACTIVE tasks of app with an id that begins with \"t-10\"? [y/N] ",
       "would cancel 1,000 ACTIVE tasks of app with an id that begins with \"t-10\"\n",
       "cancelled 1,000 tasks\n",
       "ACTIVE"},
      {{"clear", "-n", "app"},
       "Delete 1,000 tasks and all logs of app? [y/N] ",
       "would delete 1,000 tasks and all logs of app\n",
       "cleared 1,000 tasks\n",
       "FAILED"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.line[0]);
    const auto before = statuses(c.status);
    auto dry = c.line;
    dry.emplace_back("--dry-run");
    EXPECT_EQ(out(dry), c.plan);
    dry.emplace_back("--json");
    EXPECT_TRUE(out(dry).ends_with(",\"more\":false}\n"));
    const TestRun unasked = run(c.line);
    EXPECT_EQ(unasked.exit_code, kExitUsage);
    EXPECT_NE(unasked.err.find("--yes"), std::string::npos) << unasked.err;
    const TestRun no = asked(c.line, "n\n");
    EXPECT_EQ(no.exit_code, kExitFailed);
    EXPECT_NE(no.err.find(c.question), std::string::npos) << no.err;
    EXPECT_NE(no.err.find("nothing was changed"), std::string::npos) << no.err;
    EXPECT_EQ(statuses(c.status), before);
    const TestRun yes = asked(c.line, "y\n");
    EXPECT_EQ(yes.exit_code, kExitDone) << yes.err;
    EXPECT_EQ(yes.out, c.done);
  }
}

TEST_P(ManyTest, BulkCommandsThatMatchNothingSaySo) {
  out({"register", "-n", "app", "--url", "http://127.0.0.1:9/", "--at", "+1h"});
  for (const char* name : {"delete-many", "suspend-many", "unsuspend-many", "cancel-many"}) {
    SCOPED_TRACE(name);
    const TestRun dry = run({name, "-n", "app", "--id", "none", "--dry-run"});
    EXPECT_EQ(dry.exit_code, kExitDone);
    EXPECT_EQ(dry.out, "");
    EXPECT_EQ(dry.err, "no task matches\n");
    EXPECT_EQ(out({name, "-n", "app", "--id", "none", "--dry-run", "--json"}),
              "{\"count\":0,\"more\":false}\n");
    EXPECT_TRUE(out({name, "-n", "app", "--id", "none", "--yes"}).ends_with("ed 0 tasks\n"));
  }
}

TEST_P(ManyTest, WhatCannotMatchIsNotOffered) {
  for (const char* name : {"suspend-many", "unsuspend-many", "cancel-many"}) {
    const TestRun refused = run({name, "-n", "app", "--reason", "gone", "--dry-run"});
    EXPECT_EQ(refused.exit_code, kExitUsage);
    EXPECT_NE(refused.err.find(std::string(name) + " has no flag --reason"), std::string::npos)
        << refused.err;
  }
  out({"register", "-n", "app", "--url", "http://127.0.0.1:9/", "--at", "+1h"});  // makes the store
  const TestRun fetched = run({"fetch", "-n", "app", "--status", "DONE", "--reason", "gone"});
  EXPECT_EQ(fetched.exit_code, kExitFailed);
  EXPECT_NE(fetched.err.find("reason: only FAILED tasks have one, not DONE"), std::string::npos)
      << fetched.err;
}

TEST_P(ManyTest, WhatHasEndedIsNotCancelled) {
  for (const char* status : {"DONE", "FAILED"}) {
    const TestRun refused = run({"cancel-many", "-n", "app", "--status", status, "--dry-run"});
    EXPECT_EQ(refused.exit_code, kExitUsage);
    EXPECT_NE(refused.err.find(std::string("--status: ") + status + " tasks cannot be cancelled"),
              std::string::npos)
        << refused.err;
  }
}

// What a server answers to bulk calls, one after the other; the last one to all that follow.
class AnsweredBulkCalls {
 public:
  explicit AnsweredBulkCalls(std::vector<std::string> answers) : answers_(std::move(answers)) {}

  TestRun delete_all() {
    return run_line({"delete-many", "-n", "app", "--yes", "--server", server_.url("")});
  }
  // The keys that the calls went on from; "-": none.
  std::vector<std::string> start_keys() const {
    std::vector<std::string> keys;
    for (const testing::TestRequest& request : server_.requests()) {
      if (!request.target.ends_with("/delete")) continue;
      const auto query = codec::parse_many_query(request.body, "app");
      keys.push_back(!query                     ? query.error().message
                     : query->start_key.empty() ? "-"
                                                : query->start_key);
    }
    return keys;
  }

 private:
  testing::TestResponse answer() {
    auto response =
        testing::TestResponse::with_status(200, answers_[std::min(next_, answers_.size() - 1)]);
    ++next_;
    response.headers = {{"Content-Type", "application/json"}};
    return response;
  }

  const std::vector<std::string> answers_;
  std::size_t next_ = 0;
  testing::TestReceiver server_{[this](const testing::TestRequest&) { return answer(); }};
};

TEST(ManyRemoteTest, BulkCommandsGoOnWhereTheLastCallEnded) {
  AnsweredBulkCalls calls({R"({"count":0,"items":[],"more":true,"lastEvaluatedKey":"k1"})",
                           R"({"count":0,"items":[],"more":true,"lastEvaluatedKey":"k2"})",
                           R"({"count":1,"items":[{"id":"a","namespace":"app"}],"more":false})"});
  EXPECT_EQ(calls.delete_all().out, "deleted 1 task\n");
  EXPECT_EQ(calls.start_keys(), (std::vector<std::string>{"-", "k1", "k2"}));
}

// A namespace with more tasks than one call looks at.
TEST(ManyRemoteTest, BulkCommandsFindTheLastTask) {
  Options options;
  options.store = "memory:";
  auto parts = make_parts(options).value();
  store::MemoryStore memory(1);
  parts.store = std::make_unique<testing::ShortPages>(memory, 10);
  parts.endpoints = std::make_shared<store::Endpoints>(*parts.store);
  parts.secrets = std::make_shared<secrets::Secrets>(*parts.store, std::nullopt);
  Hooks hooks(std::move(parts));
  rest::Api api(hooks, {.api_key = kKey, .on_request = {}});
  rest::HttpServerOptions server_options;
  api.connect(server_options);
  rest::HttpServer server(server_options, api.handler());
  ASSERT_TRUE(server.start());
  const Environment environment = {{"RHOOKS_SERVER", "http://" + server.endpoint()},
                                   {"RHOOKS_API_KEY", kKey}};

  std::vector<NewTask> tasks;
  for (int i = 100; i < 300; ++i) {
    NewTask task;
    task.ns = "app";
    task.id = "t-" + std::to_string(i);
    task.request.url = "http://127.0.0.1:9/";
    task.scheduled_date = kTimeMax - std::chrono::hours{i == 299 ? 1 : 2};
    tasks.push_back(std::move(task));
  }
  const auto results = hooks.register_many(std::move(tasks)).value();
  for (const auto& result : results) ASSERT_TRUE(result);
  for (const auto& [command, done] :
       std::vector<std::pair<std::string, std::string>>{{"suspend-many", "suspended 1 task\n"},
                                                        {"unsuspend-many", "unsuspended 1 task\n"},
                                                        {"delete-many", "deleted 1 task\n"}}) {
    const std::vector<std::string> line = {
        command, "-n", "app", "--id", "t-", "--from", "9999-12-31T22:30:00Z", "--yes"};
    const TestRun run = run_line(line, environment);
    EXPECT_EQ(run.exit_code, kExitDone) << run.err;
    EXPECT_EQ(run.out, done);
  }
}

// A server without keys begins with the first task each time.
TEST(ManyRemoteTest, BulkCommandsDoWithoutKeysWhereSomethingWasDone) {
  AnsweredBulkCalls calls({R"({"count":1,"items":[{"id":"a","namespace":"app"}],"more":true})",
                           R"({"count":1,"items":[{"id":"b","namespace":"app"}],"more":false})"});
  EXPECT_EQ(calls.delete_all().out, "deleted 2 tasks\n");
  EXPECT_EQ(calls.start_keys(), (std::vector<std::string>{"-", "-"}));
}

TEST(ManyRemoteTest, BulkCommandsEndWhereNothingChanges) {
  AnsweredBulkCalls no_key({R"({"count":0,"items":[],"more":true})"});
  AnsweredBulkCalls same_key({R"({"count":0,"items":[],"more":true,"lastEvaluatedKey":"k"})"});
  for (AnsweredBulkCalls* calls : {&no_key, &same_key}) {
    const TestRun run = calls->delete_all();
    EXPECT_EQ(run.exit_code, kExitFailed);
    EXPECT_NE(run.err.find("not where to go on"), std::string::npos) << run.err;
  }
  EXPECT_EQ(no_key.start_keys(), (std::vector<std::string>{"-"}));
  EXPECT_EQ(same_key.start_keys(), (std::vector<std::string>{"-", "k"}));
}

TEST_P(ManyTest, Namespaces) {
  EXPECT_EQ(run({"namespaces"}).err,
            GetParam() ? "no namespace has tasks\n"
                       : "rhooks: there is no store in " + dir_.sub("store") +
                             "\n  `rhooks register`, `rhooks endpoint put`, `rhooks secret put`, "
                             "`rhooks key create` and `rhooks "
                             "serve` make one\n");
  for (const char* ns : {"my-app", "other", "customer-1", "customer-2"}) {
    for (int i = 0; i < 2; ++i) {
      out({"register", "-n", ns, "--url", "http://127.0.0.1:9/", "--at", "+1h"});
    }
  }
  EXPECT_EQ(out({"namespaces"}), "NAMESPACE\ncustomer-1\ncustomer-2\nmy-app\nother\n");
  EXPECT_EQ(out({"namespaces", "--prefix", "customer-", "--json"}),
            R"({"items":[{"namespace":"customer-1"},{"namespace":"customer-2"}],"count":2})"
            "\n");
  EXPECT_EQ(out({"namespaces", "--all", "--limit", "1", "--prefix", "c", "--json"}),
            "{\"namespace\":\"customer-1\"}\n{\"namespace\":\"customer-2\"}\n");
  const TestRun page = run({"namespaces", "--limit", "3"});
  EXPECT_NE(page.err.find("--start-key "), std::string::npos) << page.err;
}

// A namespace that was mistyped is not one that is empty.
TEST_P(ManyTest, ANamespaceWithNothingInItIsNamedWithANearOne) {
  out({"register", "-n", "my-app", "--id", "a", "--url", "http://127.0.0.1:9/", "--at", "+1h"});
  const std::string near = "rhooks: no namespace my_app\n  near: my-app\n";
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"fetch", "-n", "my_app"},
           {"fetch", "-n", "my_app", "--all", "--json"},
           {"fetch", "-n", "my_app", "--status", "DONE", "--json"},
           {"logs", "-n", "my_app"},
           {"logs", "-n", "my_app", "--json"},
           {"delete-many", "-n", "my_app", "--yes"},
           {"delete-many", "-n", "my_app", "--dry-run"},
           {"suspend-many", "-n", "my_app", "--yes"},
           {"unsuspend-many", "-n", "my_app", "--yes", "--json"},
           {"clear", "-n", "my_app", "--yes"},
           {"clear", "-n", "my_app", "--dry-run"}}) {
    SCOPED_TRACE(args[0]);
    const TestRun missing = run(args);
    EXPECT_EQ(missing.exit_code, kExitFailed) << missing.out;
    if (args.back() == "--json") {
      EXPECT_NE(missing.err.find(R"("status":404,"detail":"no namespace my_app; near: my-app")"),
                std::string::npos)
          << missing.err;
    } else {
      EXPECT_TRUE(missing.err.ends_with(near)) << missing.err;
    }
  }
  EXPECT_EQ(run({"fetch", "-n", "elsewhere"}).err,
            "rhooks: no namespace elsewhere\n  `rhooks namespaces` lists those that have tasks\n");
  // One that holds something is not missing, whatever matches.
  const TestRun none = run({"fetch", "-n", "my-app", "--status", "DONE"});
  EXPECT_EQ(none.exit_code, kExitDone);
  EXPECT_EQ(none.err, "no task matches\n");
  EXPECT_EQ(run({"logs", "-n", "my-app"}).err, "no log matches\n");
}

TEST_P(ManyTest, TheNamespaceOfTheEnvironmentIsTheDefault) {
  const auto with = [&](const std::vector<std::string>& args) {
    Environment variables = environment();
    variables["RHOOKS_NAMESPACE"] = "my-app";
    return run_line(args, variables);
  };
  ASSERT_EQ(
      with({"register", "--id", "a", "--url", "http://127.0.0.1:9/", "--at", "+1h"}).exit_code,
      kExitDone);
  EXPECT_EQ(with({"get", "--id", "a", "--json"}).exit_code, kExitDone);
  EXPECT_NE(with({"fetch"}).out.find("a "), std::string::npos);
  EXPECT_EQ(with({"fetch", "-n", "your-app"}).exit_code, kExitFailed);
  EXPECT_EQ(with({"suspend-many", "--dry-run"}).out, "would suspend 1 ACTIVE task of my-app\n");
  EXPECT_EQ(with({"suspend", "--id", "a"}).out, "suspended a\n");
  EXPECT_EQ(with({"unsuspend-many", "--yes"}).out, "unsuspended 1 task\n");

  const std::string file = dir_.sub("rhooks.toml");
  std::ofstream(file) << "namespace = \"my-app\"\n";
  EXPECT_EQ(out({"clear", "--config", file, "--yes"}), "cleared 1 task\n");
  EXPECT_EQ(run({"fetch"}).exit_code, kExitUsage);
}

}  // namespace
}  // namespace rhooks::cli
