// What goes wrong with DynamoDB in practice, as users meet it: by the messages of the real
// binary, and by what becomes of their tasks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <iostream>

#include "rest/test_client.h"
#include "testing/closed_port.h"
#include "testing/patience.h"
#include "testing/test_receiver.h"
#include "tests/dynamo_fixture.h"
#include "tests/running_server.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class DynamoTroublesTest : public ::testing::Test {
 protected:
  std::string url(const std::string& more = {}) const {
    return "dynamodb:?endpoint=" + fixture_.proxy.endpoint() +
           "&tasks=" + fixture_.tables.names().tasks + "&logs=" + fixture_.tables.names().logs +
           more;
  }
  // Nothing of the machine's own setup is used.
  std::vector<std::string> environment(std::vector<std::string> more = {}) const {
    std::vector<std::string> all = {"HOME=" + dir_.path().string(),
                                    "AWS_ACCESS_KEY_ID=",
                                    "AWS_SECRET_ACCESS_KEY=",
                                    "AWS_SESSION_TOKEN=",
                                    "AWS_PROFILE=",
                                    "AWS_REGION=us-east-1",
                                    "AWS_WEB_IDENTITY_TOKEN_FILE=",
                                    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=",
                                    "AWS_CONTAINER_CREDENTIALS_FULL_URI=",
                                    "AWS_SHARED_CREDENTIALS_FILE=" + dir_.sub("credentials"),
                                    "AWS_CONFIG_FILE=" + dir_.sub("config"),
                                    "AWS_EC2_METADATA_DISABLED=true",
                                    "RHOOKS_EGRESS=open"};
    for (std::string& variable : more) {
      const std::string name = variable.substr(0, variable.find('=') + 1);
      std::erase_if(all, [&](const std::string& given) { return given.starts_with(name); });
      all.push_back(std::move(variable));
    }
    return all;
  }
  static std::vector<std::string> keys() {
    return {"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test-secret"};
  }
  // A command that cannot do its work, and what it says about that.
  std::string refusal(const std::string& store, std::vector<std::string> variables, int exit = 1) {
    const Finished done =
        run_program({RHOOKS_BINARY, "fetch", "--namespace", "ns", "--store", store},
                    environment(std::move(variables)));
    EXPECT_EQ(done.exit, exit) << done.output << done.errors;
    EXPECT_THAT(done.errors, Not(HasSubstr("test-secret")));
    std::cout << done.errors;
    return done.errors;
  }

  void write_keys(const std::string& id, const std::string& secret) {
    // As tools do: whole or not at all.
    const std::string next = dir_.sub("credentials.next");
    std::ofstream(next) << "[default]\naws_access_key_id = " << id
                        << "\naws_secret_access_key = " << secret << "\n";
    std::filesystem::rename(next, dir_.sub("credentials"));
  }

  std::unique_ptr<Hooks> open_hooks() {
    Options options = fixture_.user_options(fixture_.proxy.endpoint());
    options.create_table = true;
    auto opened = Hooks::open(options);
    if (!opened) throw std::runtime_error(opened.error().message);
    return std::move(*opened);
  }
  NewTask task(const std::string& id, const TestReceiver& receiver) const {
    NewTask task;
    task.ns = "ns";
    task.id = id;
    task.request.method = Method::kPost;
    task.request.url = receiver.url("/hook");
    return task;
  }
  static bool wait_until(const std::function<bool()>& holds) { return eventually(holds, 20ms); }
  static bool wait_done(Hooks& hooks, const TaskKey& key) {
    return wait_until([&] {
      const auto found = hooks.get(key);
      return found && found->status == Status::kDone;
    });
  }
  static std::size_t log_count(Hooks& hooks, const TaskKey& key) {
    FetchLogsQuery query;
    query.ns = key.ns;
    query.task_id = key.id;
    const auto logs = hooks.fetch_logs(query);
    return logs ? logs->items.size() : 0;
  }

  TempDir dir_;
  DynamoFixture fixture_;
  std::string last_unready_;
};

TEST_F(DynamoTroublesTest, MissingCredentialsNameEveryPlace) {
  EXPECT_THAT(refusal(url(), {}),
              AllOf(HasSubstr("AWS_ACCESS_KEY_ID"), HasSubstr(dir_.sub("credentials")),
                    HasSubstr("AWS_EC2_METADATA_DISABLED")));
}

TEST_F(DynamoTroublesTest, CredentialsGivenByHalfNameTheOtherHalf) {
  EXPECT_THAT(refusal(url(), {"AWS_ACCESS_KEY_ID=test"}), HasSubstr("AWS_SECRET_ACCESS_KEY"));
  EXPECT_THAT(refusal(url(), {"RHOOKS_ACCESS_KEY_ID=test"}, 2), HasSubstr("secret_access_key"));
}

TEST_F(DynamoTroublesTest, WrongKeysAndWrongRegionsAreRefusedReadably) {
  fixture_.tables.open();
  EXPECT_THAT(refusal(url(), {"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=wrong"}),
              AllOf(HasSubstr("refused the credentials"), HasSubstr("access key")));
  auto variables = keys();
  variables.push_back("AWS_REGION=eu-west-1");
  EXPECT_THAT(refusal(url(), variables), AllOf(HasSubstr("eu-west-1"), HasSubstr("region")));
  variables.back() = "AWS_REGION=";
  EXPECT_THAT(refusal(url(), variables, 2), AllOf(HasSubstr("AWS_REGION"), HasSubstr("region=")));
}

TEST_F(DynamoTroublesTest, MissingTablesAreNotMadeUnasked) {
  EXPECT_THAT(refusal(url(), keys()), AllOf(HasSubstr(fixture_.tables.names().tasks),
                                            HasSubstr("create=true"), HasSubstr("us-east-1")));
}

TEST_F(DynamoTroublesTest, TablesOfAnotherShapeAreRefused) {
  fixture_.tables.open();
  const std::string swapped = "dynamodb:?endpoint=" + fixture_.proxy.endpoint() +
                              "&tasks=" + fixture_.tables.names().logs +
                              "&logs=" + fixture_.tables.names().tasks + "&create=true";
  EXPECT_THAT(refusal(swapped, keys(), 2),
              AllOf(HasSubstr(fixture_.tables.names().logs), HasSubstr("index"), HasSubstr("due")));
}

TEST_F(DynamoTroublesTest, ADeniedActionIsNamed) {
  fixture_.tables.open();
  for (const std::string action : {"DescribeTable", "Query"}) {
    fixture_.proxy.deny(action);
    EXPECT_THAT(refusal(url(), keys()), AllOf(HasSubstr("dynamodb:" + action), HasSubstr("IAM")));
    fixture_.proxy.allow(action);
  }
}

TEST_F(DynamoTroublesTest, NobodyAtTheEndpoint) {
  const ClosedPort nobody;
  const std::string there = nobody.url("");
  EXPECT_THAT(refusal("dynamodb:?region=us-east-1&endpoint=" + there, keys()), HasSubstr(there));
}

TEST_F(DynamoTroublesTest, RotatedCredentialsAreTakenUpWhileItRuns) {
  fixture_.tables.open();
  TestReceiver receiver;
  fixture_.proxy.accept_key("KEY1", "secret-1");
  write_keys("KEY1", "secret-1");
  RunningServer server(dir_, url(), {}, environment());
  const auto deliver = [&](const std::string& id) {
    const Finished done =
        server.run({"register", "--namespace", "ns", "--id", id, "--url", receiver.url("/" + id)});
    EXPECT_EQ(done.exit, 0) << done.errors;
  };
  deliver("before");
  EXPECT_TRUE(receiver.wait_requests(1));

  // Without a restart; the worker, which was at work with the old ones, goes on too.
  fixture_.proxy.accept_key("KEY2", "secret-2");
  write_keys("KEY2", "secret-2");
  fixture_.proxy.expire_key("KEY1");
  deliver("after");
  EXPECT_TRUE(receiver.wait_requests(2)) << server.process().errors();
  EXPECT_THAT(server.process().errors(), Not(HasSubstr("secret-")));
}

TEST_F(DynamoTroublesTest, AWorkerThatMayNotWriteGoesOnWhenItMay) {
  TestReceiver receiver;
  const auto hooks = open_hooks();
  ASSERT_TRUE(hooks->start());
  // Once it has delivered something it has its shards.
  ASSERT_TRUE(hooks->register_task(task("first", receiver)));
  ASSERT_TRUE(wait_done(*hooks, {"ns", "first"}));
  fixture_.proxy.deny("UpdateItem");
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(hooks->register_task(task("t" + std::to_string(i), receiver)));
  }
  ASSERT_TRUE(wait_until([&] { return fixture_.proxy.counts().denied >= 10; }));
  EXPECT_EQ(receiver.request_count(), 1u);
  fixture_.proxy.allow("UpdateItem");
  for (int i = 0; i < 20; ++i) {
    const TaskKey key{"ns", "t" + std::to_string(i)};
    EXPECT_TRUE(wait_done(*hooks, key)) << key.id;
    EXPECT_EQ(log_count(*hooks, key), 1u);
  }
  EXPECT_EQ(receiver.request_count(), 21u);

  // Attempts that are under way when logs and outcomes can no longer be stored.
  TestReceiver::Options holds;
  holds.handler = [](const TestRequest&) {
    TestResponse response;
    response.hold = true;
    return response;
  };
  holds.all_of_loopback = true;
  TestReceiver slow(holds);
  for (int i = 0; i < 5; ++i) {
    NewTask held = task("held" + std::to_string(i), slow);
    held.request.url = slow.url("/hook", "127.0.0." + std::to_string(1 + i));
    ASSERT_TRUE(hooks->register_task(held));
  }
  ASSERT_TRUE(slow.wait_held(5));
  const std::size_t before = fixture_.proxy.counts().denied;
  fixture_.proxy.deny("UpdateItem");
  fixture_.proxy.deny("BatchWriteItem");
  slow.release_held();
  ASSERT_TRUE(wait_until([&] { return fixture_.proxy.counts().denied > before + 3; }));
  fixture_.proxy.allow("BatchWriteItem");
  fixture_.proxy.allow("UpdateItem");
  for (int i = 0; i < 5; ++i) {
    const TaskKey key{"ns", "held" + std::to_string(i)};
    EXPECT_TRUE(wait_done(*hooks, key)) << key.id;
    EXPECT_EQ(log_count(*hooks, key), 1u);
  }
  EXPECT_EQ(slow.request_count(), 5u);
  hooks->stop();
}

TEST_F(DynamoTroublesTest, AnItemAsLargeAsTheyGet) {
  // Headers of 60 KB, and a body of 1 MiB of which 64 KiB are kept.
  TestReceiver receiver([](const TestRequest&) {
    auto response = TestResponse::with_status(200, std::string(1 << 20, 'r'));
    for (int i = 0; i < 15; ++i) {
      response.headers.push_back({"X-Large-" + std::to_string(i), std::string(4'000, 'h')});
    }
    return response;
  });
  const auto hooks = open_hooks();
  NewTask large = task("large", receiver);
  large.ns = std::string(256, 'n');
  large.id = std::string(512, 'i');
  large.request.url += "?" + std::string(8'000, 'u');
  for (int i = 0; i < 8; ++i) {
    large.request.headers.push_back({"X-Sent-" + std::to_string(i), std::string(3'900, 's')});
  }
  large.request.body = Body::text(std::string(256 * 1024, 'b'));
  const TaskKey key{large.ns, large.id};
  const auto registered = hooks->register_task(large);
  ASSERT_TRUE(registered) << registered.error().message;
  const auto result = hooks->trigger();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 1);
  EXPECT_EQ(result->errors, 0);
  ASSERT_EQ(receiver.request_count(), 1u);
  EXPECT_EQ(receiver.requests()[0].body, large.request.body.data());

  const auto stored = hooks->get(key);
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_EQ(stored->status, Status::kDone);
  EXPECT_EQ(stored->request, large.request);
  EXPECT_EQ(stored->execution.last_response_body.size(), 64u * 1024);
  FetchLogsQuery query;
  query.ns = key.ns;
  const auto logs = hooks->fetch_logs(query);
  ASSERT_TRUE(logs) << logs.error().message;
  ASSERT_EQ(logs->items.size(), 1u);
  const Log& log = logs->items[0];
  EXPECT_EQ(log.request.body, large.request.body);
  ASSERT_TRUE(log.response);
  EXPECT_TRUE(log.response->body_truncated);
  EXPECT_GE(log.response->headers.size(), 15u);

  // A little larger is refused, and says by what.
  large.id = "larger";
  large.request.body = Body::text(large.request.body.data() + "b");
  const auto refused = hooks->register_task(large);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.error().field, "body");
}

TEST_F(DynamoTroublesTest, AClockThatIsTenMinutesOff) {
  fixture_.tables.open();
  for (const auto offset : {10min, -10min}) {
    SCOPED_TRACE(offset.count());
    fixture_.proxy.set_clock_offset(offset);
    TestReceiver receiver;
    RunningServer server(dir_, url(), {}, environment(keys()));
    const std::string id = offset.count() > 0 ? "ahead" : "behind";
    const Finished done =
        server.run({"register", "--namespace", "ns", "--id", id, "--url", receiver.url()});
    EXPECT_EQ(done.exit, 0) << done.errors;
    EXPECT_TRUE(receiver.wait_requests(1)) << server.process().errors();
    // Another process, whose own clock is as wrong, takes the same time for its logs.
    const auto hooks = open_hooks();
    EXPECT_TRUE(wait_done(*hooks, {"ns", id}));
    FetchLogsQuery query;
    query.ns = "ns";
    query.task_id = id;
    const auto logs = hooks->fetch_logs(query);
    ASSERT_TRUE(logs) << logs.error().message;
    ASSERT_EQ(logs->items.size(), 1u);
    const auto difference = logs->items[0].started_at - (SystemClock().now() + offset);
    EXPECT_LE(std::chrono::abs(difference), 1min);
    EXPECT_GE(logs->items[0].started_at, logs->items[0].scheduled_date);
    EXPECT_THAT(server.process().errors(), HasSubstr("clock differs from DynamoDB's"));
  }
}

TEST_F(DynamoTroublesTest, ANetworkThatIsGoneForSomeSeconds) {
  fixture_.tables.open();
  TestReceiver receiver;
  RunningServer server(dir_, url(), {}, environment(keys()));
  const auto ready = [&] {
    rest::test::Client client(
        static_cast<std::uint16_t>(std::stoi(server.url().substr(server.url().rfind(':') + 1))));
    client.send("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto reply = client.receive();
    if (reply.status == 503) last_unready_ = reply.body;
    return reply.status;
  };
  EXPECT_EQ(ready(), 200);
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(server
                  .run({"register", "--namespace", "ns", "--id", "t" + std::to_string(i), "--url",
                        receiver.url(), "--at", "+2s"})
                  .exit,
              0);
  }
  fixture_.proxy.cut_network(true);
  EXPECT_TRUE(wait_until([&] { return ready() == 503; }));  // an answer is good for a second
  std::cout << last_unready_ << "\n";
  EXPECT_THAT(last_unready_, HasSubstr(fixture_.proxy.endpoint()));
  const Finished refused = server.run({"get", "--namespace", "ns", "--id", "t0"});
  EXPECT_EQ(refused.exit, 1);
  std::cout << refused.errors;
  EXPECT_THAT(refused.errors, HasSubstr(fixture_.proxy.endpoint()));
  // In the middle of claims and outcomes, several times.
  for (int i = 0; i < 3; ++i) {
    fixture_.proxy.cut_network(false);
    std::this_thread::sleep_for(150ms);
    fixture_.proxy.cut_network(true);
    EXPECT_TRUE(wait_until([&] { return ready() == 503; }));
  }
  fixture_.proxy.cut_network(false);
  EXPECT_TRUE(wait_until([&] { return ready() == 200; }));
  const auto observer = fixture_.observer();
  for (int i = 0; i < 10; ++i) {
    const TaskKey key{"ns", "t" + std::to_string(i)};
    ASSERT_TRUE(wait_until([&] { return observer->get(key)->status == Status::kDone; }))
        << server.process().errors();
    EXPECT_GE(log_count(*observer, key), 1u);
  }
  EXPECT_GE(receiver.request_count(), 10u);
}

TEST_F(DynamoTroublesTest, NamesWithOddCharacters) {
  TestReceiver receiver;
  const auto hooks = open_hooks();
  const std::vector<std::string> names = {"a b/c?d=e&f#g%20+",
                                          R"("quoted" \ {"N":"1"} :ns #id)",
                                          "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\xaa\x9d",
                                          "\xc2\xa0\xef\xbf\xbd",
                                          "2026-01-31T12:34:56.789Z#id",
                                          "shard#00",
                                          "meta"};
  for (const std::string& name : names) {
    NewTask odd = task(name, receiver);
    odd.ns = name;
    const auto registered = hooks->register_task(odd);
    ASSERT_TRUE(registered) << name << ": " << registered.error().message;
  }
  const auto result = hooks->trigger();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, static_cast<std::int64_t>(names.size()));
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const TaskKey key{name, name};
    EXPECT_EQ(hooks->get(key)->status, Status::kDone);
    EXPECT_EQ(log_count(*hooks, key), 1u);
    FetchQuery query;
    query.filter.ns = name;
    EXPECT_EQ(hooks->fetch(query)->items.size(), 1u);
    query.filter.id = name.substr(0, 2);
    EXPECT_EQ(hooks->fetch(query)->items.size(), 1u);
    EXPECT_TRUE(hooks->remove(key));
  }
}

}  // namespace
}  // namespace rhooks::testing
