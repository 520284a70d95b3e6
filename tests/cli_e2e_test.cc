// End to end with the real binary: a server, a receiver and commands as processes.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rhooks/hooks.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <csignal>
#include <fstream>
#include <iostream>
#include <memory>
#include <regex>

#include "base/clock.h"
#include "base/iso8601.h"
#include "codec/public_json.h"
#include "testing/child_process.h"
#include "testing/patience.h"
#include "testing/slowdown.h"
#include "testing/temp_dir.h"
#include "testing/test_receiver.h"
#include "tests/test_store.h"

namespace rhooks {
namespace {

using std::chrono::milliseconds;
using testing::ChildProcess;
using Args = std::vector<std::string>;

// Between two looks at a state, each of which is a process of its own.
constexpr milliseconds kLookAgain{250};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr milliseconds kLatenessMax{250};
#else
constexpr milliseconds kLatenessMax{20};
#endif

testing::Finished run(Args args, std::vector<std::string> environment = {},
                      std::string input = {}) {
  args.insert(args.begin(), RHOOKS_BINARY);
  return testing::run_program(std::move(args), std::move(environment), std::move(input));
}

std::string port_in(const std::string& line) {
  std::smatch match;
  if (!std::regex_search(line, match, std::regex(R"(http://127\.0\.0\.1:(\d+))"))) return "";
  return match[1];
}

// A server on a port and a store of its own.
class Server {
 public:
  explicit Server(const std::string& store, Args more = {},
                  std::vector<std::string> environment = {}) {
    Args args{"serve", "--store", store, "--listen", "127.0.0.1:0"};
    args.insert(args.end(), more.begin(), more.end());
    args.insert(args.begin(), RHOOKS_BINARY);
    child_ = std::make_unique<ChildProcess>(std::move(args), std::move(environment));
    ready_ = child_->read_line().value_or("");
    url_ = "http://127.0.0.1:" + port_in(ready_);
  }

  testing::Finished run(Args args) const {
    return rhooks::run(std::move(args), {"RHOOKS_SERVER=" + url_});
  }
  Task get(const std::string& id) const {
    const testing::Finished done = run({"get", "-n", "my-app", "--id", id, "--json"});
    EXPECT_EQ(done.exit, 0) << done.errors;
    return codec::parse_task(done.output).value_or(Task{});
  }
  // The task once it has this status; a failed assertion where it does not get it in time.
  Task wait_status(const std::string& id, Status status) const {
    Task task;
    EXPECT_TRUE(testing::eventually([&] { return (task = get(id)).status == status; }, kLookAgain))
        << to_string(task.status);
    return task;
  }
  ChildProcess& child() { return *child_; }
  const std::string& ready() const { return ready_; }
  const std::string& url() const { return url_; }

 private:
  std::unique_ptr<ChildProcess> child_;
  std::string ready_;
  std::string url_;
};

class Listener {
 public:
  explicit Listener(Args more = {}) {
    Args args{"listen", "--port", "0", "--json"};
    args.insert(args.end(), more.begin(), more.end());
    args.insert(args.begin(), RHOOKS_BINARY);
    child_ = std::make_unique<ChildProcess>(std::move(args));
    EXPECT_TRUE(child_->wait_for_errors("listening on "));
    EXPECT_TRUE(child_->wait_for_errors("\n"));
    url_ = "http://127.0.0.1:" + port_in(child_->errors()) + "/hook";
  }
  // When the next request arrived.
  std::optional<TimePoint> arrival() {
    line_ = child_->read_line().value_or("");
    std::smatch match;
    if (!std::regex_search(line_, match, std::regex("\"arrivedAt\":\"([^\"]+)\""))) return {};
    const auto at = parse_time(match[1].str());
    return at ? std::optional(*at) : std::nullopt;
  }
  const std::string& line() const { return line_; }
  const std::string& url() const { return url_; }
  ChildProcess& child() { return *child_; }

 private:
  std::unique_ptr<ChildProcess> child_;
  std::string url_;
  std::string line_;
};

class CliE2eTest : public ::testing::Test {
 protected:
  testing::TempDir dir_{"rhooks-e2e"};
  const std::string store_ = "rocksdb:" + dir_.sub("store");
};

// What holds on each store.
class CliE2eStoresTest : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Server> serve(Args more = {}) const {
    return std::make_unique<Server>(store_.url, std::move(more), store_.environment);
  }
  // A command straight on the store.
  testing::Finished run_on_store(Args args, const std::string& input = {}) const {
    args.insert(args.end(), {"--store", store_.url});
    return run(std::move(args), store_.environment, input);
  }

  testing::TempDir dir_{"rhooks-e2e"};
  const testing::TestStore store_ = testing::make_test_store(GetParam(), dir_);
};

INSTANTIATE_TEST_SUITE_P(Stores, CliE2eStoresTest, ::testing::ValuesIn(testing::store_kinds()),
                         [](const auto& store) { return store.param; });

TEST_F(CliE2eTest, RegisterDeliverShow) {
  Server server(store_, {"--port-file", dir_.sub("port")});
  ASSERT_TRUE(server.ready().starts_with("listening on http://127.0.0.1:"))
      << server.child().errors();
  EXPECT_TRUE(server.ready().ends_with(" (store " + store_ + ")")) << server.ready();
  EXPECT_TRUE(server.child().wait_for_errors("listening address="));
  std::string port;
  std::ifstream(dir_.sub("port")) >> port;
  EXPECT_EQ(port, port_in(server.ready()));

  Listener listener({"--count", "3"});
  // A busy machine can hold any one delivery up, so the best of three counts; none is early.
  testing::Slowdown slowdown;
  milliseconds best = milliseconds::max();
  std::string id;
  for (int i = 0; i < 3; ++i) {
    const testing::Finished made =
        server.run({"register", "--namespace", "my-app", "--url", listener.url(), "--method",
                    "POST", "--at", "+2s", "--body", "{\"key\":\"value\"}", "--json"});
    ASSERT_EQ(made.exit, 0) << made.errors;
    const Task task = codec::parse_task(made.output).value();
    id = task.key.id;
    const auto arrived = listener.arrival();
    ASSERT_TRUE(arrived) << listener.line() << listener.child().errors() << server.child().errors();
    EXPECT_GE(*arrived, task.scheduled_date);
    best = std::min(best, *arrived - task.scheduled_date);
  }
  std::cout << "best lateness: " << best.count() << " ms\n";
  RecordProperty("best_lateness_ms", static_cast<int>(best.count()));
  EXPECT_LE(best, slowdown.stop() * kLatenessMax);
  EXPECT_NE(listener.line().find("\"method\":\"POST\""), std::string::npos) << listener.line();
  EXPECT_NE(listener.line().find("\"path\":\"/hook\""), std::string::npos);
  EXPECT_NE(listener.line().find("\"webhook-id\":\"msg_"), std::string::npos);
  EXPECT_NE(listener.line().find("\"body\":{\"key\":\"value\"}"), std::string::npos);
  EXPECT_EQ(listener.child().wait(), 0);  // --count 3

  const Task done = server.wait_status(id, Status::kDone);
  EXPECT_EQ(done.execution.successful, 1);
  EXPECT_EQ(done.execution.last_response_status, 200);
  const testing::Finished card = server.run({"get", "-n", "my-app", "--id", id});
  EXPECT_NE(card.output.find("status          DONE\n"), std::string::npos) << card.output;
  const testing::Finished logs = server.run({"logs", "-n", "my-app", "--task", id});
  EXPECT_EQ(logs.exit, 0) << logs.errors;
  EXPECT_NE(logs.output.find(id + "      1/4  SUCCESS       200"), std::string::npos)
      << logs.output;

  // The store is the server's own as long as it runs, and anyone's afterwards.
  const testing::Finished locked = run({"get", "-n", "my-app", "--id", id, "--store", store_});
  EXPECT_EQ(locked.exit, 1);
  EXPECT_TRUE(locked.errors.starts_with("rhooks: ")) << locked.errors;
  EXPECT_NE(locked.errors.find("used by another process"), std::string::npos) << locked.errors;
  const testing::Finished second = run({"serve", "--store", store_, "--listen", "127.0.0.1:0"});
  EXPECT_EQ(second.exit, 1);
  server.child().signal(SIGTERM);
  EXPECT_EQ(server.child().wait(), 0) << server.child().errors();
  const testing::Finished local =
      run({"get", "-n", "my-app", "--id", id, "--json"}, {"RHOOKS_STORE=" + store_});
  ASSERT_EQ(local.exit, 0) << local.errors;
  EXPECT_EQ(codec::parse_task(local.output).value(), done);
}

TEST_P(CliE2eStoresTest, FirstSignalDrains) {
  testing::TestReceiver receiver([](const testing::TestRequest&) {
    testing::TestResponse response;
    response.hold = true;
    return response;
  });
  const auto server = serve();
  ASSERT_EQ(
      server->run({"register", "-n", "my-app", "--id", "slow", "--url", receiver.url("/")}).exit,
      0);
  ASSERT_TRUE(receiver.wait_held(1));
  server->child().signal(SIGTERM);
  ASSERT_TRUE(server->child().wait_for_errors("stopping"));
  receiver.release_held();
  EXPECT_EQ(server->child().wait(), 0) << server->child().errors();
  const testing::Finished local = run_on_store({"get", "-n", "my-app", "--id", "slow", "--json"});
  ASSERT_EQ(local.exit, 0) << local.errors;
  EXPECT_EQ(codec::parse_task(local.output).value().status, Status::kDone);
}

TEST_P(CliE2eStoresTest, SecondSignalEndsAtOnce) {
  testing::TestReceiver receiver([](const testing::TestRequest&) {
    testing::TestResponse response;
    response.hold = true;
    return response;
  });
  const auto server = serve({"--drain-timeout", "1h", "--request-timeout", "1h"});
  ASSERT_EQ(
      server->run({"register", "-n", "my-app", "--id", "slow", "--url", receiver.url("/")}).exit,
      0);
  ASSERT_TRUE(receiver.wait_held(1));
  server->child().signal(SIGINT);
  ASSERT_TRUE(server->child().wait_for_errors("stopping"));
  testing::Slowdown slowdown;
  EXPECT_FALSE(server->child().wait(milliseconds{200}));  // it waits for the attempt
  server->child().signal(SIGINT);
  EXPECT_EQ(server->child().wait(), 128 + SIGINT) << server->child().errors();
  const double slower = slowdown.stop();
  // The attempt was cut off, so the task is due again.
  const testing::Finished local = run_on_store({"trigger-dryrun", "--json"});
  ASSERT_EQ(local.exit, 0) << local.errors;
  if (codec::parse_dryrun_result(local.output)->count == 1) return;
  // Unless the process had to end before a busy store answered that the lease is given back: then
  // others take it over once they call the process dead.
  EXPECT_EQ(GetParam(), "dynamodb");
  EXPECT_GT(slower, 1) << "the machine had nothing else to do";
  const auto other = serve();
  EXPECT_TRUE(receiver.wait_requests(2)) << other->child().errors();
}

TEST_P(CliE2eStoresTest, EndpointsOutliveTheServer) {
  auto server = serve();
  const auto endpoint = [&](Args args) {
    args.insert(args.begin(), "endpoint");
    args.insert(args.end(), {"-n", "my-app"});
    return server->run(std::move(args));
  };
  const testing::Finished made =
      endpoint({"put", "acme", "--url", "https://hooks.acme.example/in", "-H", "X-Shop: 7"});
  ASSERT_EQ(made.exit, 0) << made.errors;
  EXPECT_EQ(made.output, "made acme\n");
  ASSERT_EQ(endpoint({"set", "acme", "--timeout", "15s", "--retry-limit", "10"}).exit, 0);
  ASSERT_EQ(endpoint({"put", "other", "--url", "http://127.0.0.1:9/"}).exit, 0);
  ASSERT_EQ(endpoint({"pause", "other"}).exit, 0);
  const testing::Finished before = endpoint({"list", "--json"});
  const auto page = codec::parse_endpoint_page(before.output);
  ASSERT_TRUE(page) << before.output << before.errors;
  ASSERT_EQ(page->items.size(), 2u);
  EXPECT_EQ(page->items[0].headers, (std::vector<Header>{{"X-Shop", "7"}}));
  EXPECT_EQ(page->items[0].timeout, milliseconds{15'000});
  EXPECT_EQ(page->items[0].retry_limit, 10);
  EXPECT_FALSE(page->items[0].paused);
  EXPECT_TRUE(page->items[1].paused);

  server->child().signal(SIGTERM);
  ASSERT_EQ(server->child().wait(), 0) << server->child().errors();
  server = serve();
  EXPECT_EQ(endpoint({"list", "--json"}).output, before.output);
  EXPECT_EQ(endpoint({"delete", "acme"}).output, "deleted acme\n");
  const testing::Finished gone = endpoint({"get", "acme"});
  EXPECT_EQ(gone.exit, 1);
  EXPECT_NE(gone.errors.find("there is no endpoint 'acme'"), std::string::npos) << gone.errors;
  EXPECT_EQ(endpoint({"get", "other"}).exit, 0);
}

// What a receiver gets through an endpoint, while that is changed and deleted.
TEST_P(CliE2eStoresTest, TasksGoWhereTheirEndpointSays) {
  testing::TestReceiver first;
  testing::TestReceiver second;
  const auto server = serve();
  const auto shop = [&](Args args) {
    args.insert(args.end(), {"-n", "my-app"});
    return server->run(std::move(args));
  };
  const auto done = [&](Args args) {
    const testing::Finished result = shop(std::move(args));
    EXPECT_EQ(result.exit, 0) << result.errors;
    return result.output;
  };
  const testing::Finished too_early = shop({"register", "--endpoint", "acme", "--url", "/orders"});
  EXPECT_EQ(too_early.exit, 1);
  EXPECT_NE(too_early.errors.find("there is no endpoint 'acme'"), std::string::npos)
      << too_early.errors;

  done({"endpoint", "put", "acme", "--url", first.url("/in?token=7"), "-H", "X-Shop: 7", "-H",
        "X-Team: all"});
  done({"register", "--id", "now", "--endpoint", "acme", "--url", "/orders?x=2", "-H",
        "x-team: billing", "--body", "{\"order\":17}"});
  ASSERT_TRUE(first.wait_requests(1)) << server->child().errors();
  const testing::TestRequest request = first.requests().front();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/in/orders?token=7&x=2");
  EXPECT_EQ(request.header("X-Shop"), "7");
  EXPECT_EQ(request.header("X-Team"), "billing");
  EXPECT_EQ(std::count_if(request.headers.begin(), request.headers.end(),
                          [](const Header& header) { return header.value == "all"; }),
            0);
  EXPECT_EQ(request.body, "{\"order\":17}");
  server->wait_status("now", Status::kDone);

  // What waits goes to the URL of its moment.
  for (const char* id : {"later", "last"}) {
    done({"register", "--id", id, "--endpoint", "acme", "--at", "+1h"});
  }
  done({"register", "--id", "other", "--url", second.url("/"), "--at", "+1h"});
  done({"endpoint", "set", "acme", "--url", second.url("/new")});
  done({"trigger", "--id", "later"});
  ASSERT_TRUE(second.wait_requests(1)) << server->child().errors();
  EXPECT_EQ(second.requests().front().target, "/new");
  EXPECT_EQ(second.requests().front().header("X-Shop"), "7");
  server->wait_status("later", Status::kDone);
  const auto page = codec::parse_task_page(done({"fetch", "--endpoint", "acme", "--json"}));
  ASSERT_TRUE(page) << page.error().message;
  std::vector<std::string> ids;
  for (const Task& task : page->items) ids.push_back(task.key.id);
  EXPECT_THAT(ids, ::testing::UnorderedElementsAre("now", "later", "last"));

  const testing::Finished refused = shop({"endpoint", "delete", "acme"});
  EXPECT_EQ(refused.exit, 1);
  EXPECT_NE(refused.errors.find("endpoint 'acme' is in use: task 'last' names it"),
            std::string::npos)
      << refused.errors;
  EXPECT_EQ(done({"endpoint", "delete", "acme", "--force"}), "deleted acme\n");
  done({"trigger", "--id", "last"});
  const Task failed = server->wait_status("last", Status::kFailed);
  EXPECT_NE(failed.errors.last_error.find("there is no endpoint 'acme' in namespace 'my-app'"),
            std::string::npos)
      << failed.errors.last_error;
  EXPECT_EQ(failed.execution.failed, 1);
  EXPECT_EQ(first.request_count() + second.request_count(), 2U) << "it was not sent";
}

testing::TestResponse hold(const testing::TestRequest&) {
  testing::TestResponse response;
  response.hold = true;
  return response;
}

// Nothing waits out its patience where all ends at once. A busy machine can hold any one up,
// so the best of three counts.
TEST_F(CliE2eTest, SecondSignalDoesNotWait) {
  testing::Slowdown slowdown;
  milliseconds best = milliseconds::max();
  for (int i = 0; i < 3 && best >= milliseconds{900}; ++i) {
    testing::TestReceiver receiver(hold);
    Server server("memory:", {"--drain-timeout", "1h", "--request-timeout", "1h"});
    ASSERT_EQ(server.run({"register", "-n", "my-app", "--url", receiver.url("/")}).exit, 0);
    ASSERT_TRUE(receiver.wait_held(1));
    server.child().signal(SIGTERM);
    ASSERT_TRUE(server.child().wait_for_errors("stopping"));
    const auto begin = std::chrono::steady_clock::now();
    server.child().signal(SIGTERM);
    EXPECT_EQ(server.child().wait(), 128 + SIGTERM) << server.child().errors();
    best = std::min(
        best, std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin));
  }
  EXPECT_LT(best, slowdown.stop() * milliseconds{900});
}

TEST_F(CliE2eTest, FirstSignalDrainsALocalTrigger) {
  testing::TestReceiver receiver(hold);
  ASSERT_EQ(run({"register", "-n", "my-app", "--id", "slow", "--url", receiver.url("/"), "--store",
                 store_})
                .exit,
            0);
  ChildProcess child({RHOOKS_BINARY, "trigger", "--store", store_, "--json"});
  ASSERT_TRUE(receiver.wait_held(1)) << child.errors();
  child.signal(SIGTERM);
  ASSERT_TRUE(child.wait_for_errors("SIGTERM"));
  EXPECT_FALSE(child.wait(milliseconds{200}));  // it waits for the attempt
  receiver.release_held();
  EXPECT_EQ(child.wait(), 128 + SIGTERM) << child.errors();
  EXPECT_EQ(child.output(), "{\"processed\":1,\"errors\":0}\n");
  const testing::Finished local =
      run({"get", "-n", "my-app", "--id", "slow", "--json", "--store", store_});
  EXPECT_EQ(codec::parse_task(local.output).value().status, Status::kDone);
}

TEST_F(CliE2eTest, SecondSignalEndsALocalTrigger) {
  testing::TestReceiver receiver(hold);
  ASSERT_EQ(run({"register", "-n", "my-app", "--url", receiver.url("/"), "--store", store_}).exit,
            0);
  ChildProcess child({RHOOKS_BINARY, "trigger", "--store", store_, "--json", "--drain-timeout",
                      "1h", "--request-timeout", "1h"});
  ASSERT_TRUE(receiver.wait_held(1)) << child.errors();
  child.signal(SIGINT);
  ASSERT_TRUE(child.wait_for_errors("SIGINT"));
  child.signal(SIGINT);
  EXPECT_EQ(child.wait(), 128 + SIGINT) << child.errors();
  // Printed unless the machine was too busy to come so far within a second.
  EXPECT_THAT(child.output(), ::testing::AnyOf("", "{\"processed\":0,\"errors\":0}\n"));
  const testing::Finished local = run({"trigger-dryrun", "--json", "--store", store_});
  EXPECT_EQ(codec::parse_dryrun_result(local.output)->count, 1);
}

TEST_F(CliE2eTest, ExitCodesAndMessages) {
  EXPECT_EQ(run({}).exit, 2);
  EXPECT_EQ(run({"--help"}).exit, 0);
  EXPECT_EQ(run({"regster"}).exit, 2);
  EXPECT_EQ(run({"serve", "--listen", "0.0.0.0:0", "--store", "memory:"}).exit, 2);
  const testing::Finished missing = run({"get", "-n", "a", "--id", "b", "--store", store_});
  EXPECT_EQ(missing.exit, 1);
  EXPECT_EQ(missing.output, "");

  Server server("memory:");
  const testing::Finished taken =
      run({"serve", "--store", "memory:", "--listen", "127.0.0.1:" + port_in(server.url())});
  EXPECT_EQ(taken.exit, 1);
  EXPECT_NE(taken.errors.find("another program uses it"), std::string::npos) << taken.errors;

  const testing::Finished config = run({"serve", "--print-config"}, {"RHOOKS_CONCURRENCY=7"});
  EXPECT_EQ(config.exit, 0);
  EXPECT_NE(config.output.find("concurrency = 7 "), std::string::npos) << config.output;
}

TEST_P(CliE2eStoresTest, StoreAndCommandsWithoutAServer) {
  testing::TestReceiver receiver;
  const testing::Finished made =
      run_on_store({"register", "-n", "my-app", "--file", "-"},
                   "[{\"id\":\"a\",\"url\":\"" + receiver.url("/a") +
                       "\"},{\"id\":\"b\",\"url\":\"" + receiver.url("/b") + "\"}]");
  EXPECT_EQ(made.output, "registered 2 tasks\n") << made.errors;
  EXPECT_EQ(run_on_store({"trigger"}).output, "2 attempts made, 0 failed\n");
  EXPECT_EQ(receiver.request_count(), 2U);
  const testing::Finished fetched = run_on_store({"fetch", "-n", "my-app", "--all", "--json"});
  EXPECT_EQ(std::count(fetched.output.begin(), fetched.output.end(), '\n'), 2);
  EXPECT_EQ(run_on_store({"clear", "-n", "my-app"}).exit, 2);
  const testing::Finished described = run_on_store({"store", "describe"});
  EXPECT_EQ(described.exit, 0) << described.errors;
  EXPECT_TRUE(described.output.starts_with("store           " + GetParam() + "\n"))
      << described.output;
  EXPECT_EQ(run_on_store({"clear", "-n", "my-app", "--yes"}).output, "cleared 2 tasks\n");
}

// A pipe by a name, that the test goes on writing into.
class Fifo {
 public:
  explicit Fifo(std::string path) : path_(std::move(path)) {
    EXPECT_EQ(mkfifo(path_.c_str(), 0600), 0);
    fd_ = open(path_.c_str(), O_RDWR | O_CLOEXEC);  // does not wait for a reader
    EXPECT_GE(fd_, 0);
  }
  ~Fifo() { close(fd_); }
  Fifo(const Fifo&) = delete;
  Fifo& operator=(const Fifo&) = delete;

  void write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = ::write(fd_, text.data(), text.size());
      ASSERT_GT(written, 0);
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  int fd_ = -1;
};

std::string items(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += R"({"url":"http://127.0.0.1:9/","scheduledDate":"2100-01-01T00:00:00Z"})"
            "\n";
  }
  return text;
}

// While it waits for more input.
TEST_P(CliE2eStoresTest, AnInterruptedImportSaysWhatWasStored) {
  const Fifo fifo(dir_.sub("tasks"));
  ChildProcess import({RHOOKS_BINARY, "register", "-n", "my-app", "--file", fifo.path(), "--json",
                       "--idempotency-key", "import", "--store", store_.url},
                      store_.environment);
  fifo.write(items(1003));
  ASSERT_TRUE(import.read_line()) << import.errors();  // the first chunk is stored
  import.signal(SIGINT);
  EXPECT_EQ(import.wait(), 128 + SIGINT) << import.errors();
  EXPECT_NE(import.errors().find("items[1000] and what follows was not tried"), std::string::npos)
      << import.errors();

  const testing::Finished again = run_on_store(
      {"register", "-n", "my-app", "--file", "-", "--idempotency-key", "import"}, items(1003));
  EXPECT_EQ(again.output, "registered 3 tasks, 1000 registered before\n") << again.errors;
}

// While a chunk is under way: its answer is waited for.
TEST_F(CliE2eTest, AnInterruptedImportWaitsForWhatWasSent) {
  testing::TestReceiver server([](const testing::TestRequest& request) {
    std::vector<Result<Registration>> results;
    const auto tasks = codec::parse_new_tasks(request.body).value();
    for (const auto& task : tasks) {
      Registration made;
      made.task.key = {task->ns, std::to_string(results.size())};
      made.task.request = task->request;
      results.push_back(made);
    }
    testing::TestResponse response =
        testing::TestResponse::with_status(200, codec::to_json(results));
    response.headers.push_back({"Content-Type", "application/json"});
    response.hold = true;
    return response;
  });
  ChildProcess import({RHOOKS_BINARY, "register", "-n", "my-app", "--file", "-", "--server",
                       "http://127.0.0.1:" + std::to_string(server.port())},
                      {}, items(2000));
  ASSERT_TRUE(server.wait_held(1)) << import.errors();
  import.signal(SIGTERM);
  ASSERT_TRUE(import.wait_for_errors("a second signal ends at once"));
  server.release_held();
  EXPECT_EQ(import.wait(), 128 + SIGTERM) << import.errors();
  EXPECT_NE(import.errors().find("items[1000] and what follows was not tried"), std::string::npos)
      << import.errors();
  EXPECT_EQ(import.output(), "registered 1000 tasks\n");
  EXPECT_EQ(server.request_count(), 1U);
}

// The numbers of shards that the workers hold, as `store describe` shows them; sorted.
std::vector<int> shares(const testing::TestStore& store) {
  const testing::Finished described =
      run({"store", "describe", "--json", "--store", store.url}, store.environment);
  EXPECT_EQ(described.exit, 0) << described.errors;
  std::vector<int> held;
  const boost::json::value description = boost::json::parse(described.output);
  for (const boost::json::value& section : description.at("sections").as_array()) {
    if (section.at("title") != "Workers") continue;
    for (const boost::json::value& worker : section.at("rows").as_array()) {
      held.push_back(std::stoi(std::string(worker.at("shards").as_string())));
    }
  }
  std::sort(held.begin(), held.end());
  return held;
}

std::vector<int> wait_shares(const testing::TestStore& store, const std::vector<int>& wanted) {
  std::vector<int> held;
  testing::eventually([&] { return (held = shares(store)) == wanted; }, kLookAgain);
  return held;
}

TEST(CliE2eDynamoTest, ServersShareOneStore) {
  const testing::TempDir dir{"rhooks-e2e"};
  const testing::TestStore store = testing::make_test_store("dynamodb", dir);
  const auto serve = [&] { return std::make_unique<Server>(store.url, Args{}, store.environment); };
  const auto first = serve();
  EXPECT_EQ(wait_shares(store, {16}), std::vector<int>({16}));
  const auto second = serve();
  EXPECT_EQ(wait_shares(store, {8, 8}), std::vector<int>({8, 8}));

  testing::TestReceiver receiver;
  constexpr int kTasks = 16;
  for (int i = 0; i < kTasks; ++i) {
    const std::string id = std::to_string(i);
    const auto& server = i % 2 == 0 ? first : second;
    ASSERT_EQ(
        server->run({"register", "-n", "my-app", "--id", id, "--url", receiver.url("/" + id)}).exit,
        0);
  }
  // Each is seen through the other server, too.
  for (int i = 0; i < kTasks; ++i) {
    (i % 2 == 0 ? second : first)->wait_status(std::to_string(i), Status::kDone);
  }
  EXPECT_EQ(receiver.request_count(), static_cast<std::size_t>(kTasks));  // once each

  first->child().signal(SIGTERM);
  EXPECT_EQ(first->child().wait(), 0) << first->child().errors();
  EXPECT_EQ(wait_shares(store, {16}), std::vector<int>({16}));
}

}  // namespace
}  // namespace rhooks
