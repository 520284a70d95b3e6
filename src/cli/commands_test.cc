// The commands on both sides: straight on a store, and through a server of the test's own.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>

#include "cli/commands_fixture.h"
#include "cli/rest_client.h"
#include "codec/public_json.h"
#include "testing/test_receiver.h"

namespace rhooks::cli {
namespace {

INSTANTIATE_TEST_SUITE_P(Sides, CommandsTest, ::testing::Bool(), side_name);

TEST_P(CommandsTest, RegisterAndGet) {
  const std::string made = out({"register",
                                "-n",
                                "app",
                                "--id",
                                "a/b c?",
                                "--url",
                                "http://127.0.0.1:9/hook",
                                "--method",
                                "PUT",
                                "--at",
                                "2100-01-31T13:00:00+01:00",
                                "--body",
                                R"({"key": 1.0})",
                                "--header",
                                "X-Team: billing",
                                "--header",
                                "X-Empty:",
                                "--every",
                                "90s",
                                "--max",
                                "7",
                                "--retry-limit",
                                "0",
                                "--timeout",
                                "1m30s"});
  EXPECT_EQ(made,
            "registered a/b c?, ACTIVE, scheduled 2100-01-31 12:00:00.000Z, 7 × every 90 "
            "seconds\n");
  const Task got = task("a/b c?");
  EXPECT_EQ(got.request.method, Method::kPut);
  EXPECT_EQ(got.request.body, Body::json(R"({"key": 1.0})"));
  EXPECT_EQ(got.request.headers, (std::vector<Header>{{"X-Team", "billing"}, {"X-Empty", ""}}));
  EXPECT_EQ(got.repeat, (Repeat{90, 7, RepeatUnit::kSeconds}));
  EXPECT_EQ(got.retry_limit, 0);
  EXPECT_EQ(got.timeout, std::chrono::seconds{90});
  const std::string card = out({"get", "-n", "app", "--id", "a/b c?"});
  EXPECT_NE(card.find("timeout         1m30s\n"), std::string::npos) << card;
  EXPECT_NE(card.find("request         PUT http://127.0.0.1:9/hook\n"), std::string::npos) << card;
}

TEST_P(CommandsTest, GetAndJsonShowTheDescription) {
  out({"register", "-n", "app", "--id", "t", "--url", "http://127.0.0.1:9/", "--at", "+1h",
       "--description", "reminds of invoices"});
  EXPECT_EQ(task("t").description, "reminds of invoices");
  for (const char* command : {"get", "fetch", "suspend"}) {
    std::vector<std::string> line{command, "-n", "app", "--json"};
    if (command != std::string("fetch")) line.insert(line.end(), {"--id", "t"});
    EXPECT_NE(out(line).find(R"("description":"reminds of invoices")"), std::string::npos)
        << command;
  }
  const std::string card = out({"get", "-n", "app", "--id", "t"});
  EXPECT_NE(card.find("description     reminds of invoices\n"), std::string::npos) << card;
  const TestRun longer = run({"register", "-n", "app", "--url", "http://127.0.0.1:9/",
                              "--description", std::string(1025, 'd')});
  EXPECT_EQ(longer.exit_code, kExitFailed);
  EXPECT_NE(longer.err.find("description: has 1025 bytes"), std::string::npos) << longer.err;
}

TEST_P(CommandsTest, ARepetitionWithoutAnEndSaysSo) {
  const auto made = [&](std::vector<std::string> args) {
    std::vector<std::string> line{"register", "-n", "app", "--url", "http://127.0.0.1:9/",
                                  "--at",     "+1h"};
    line.insert(line.end(), args.begin(), args.end());
    const std::string text = out(line);
    return text.substr(text.find("Z, ") + 3);
  };
  EXPECT_EQ(made({"--every", "1h"}), "every hour, for ever; --max N ends it\n");
  EXPECT_EQ(made({"--repeat-interval", "5"}), "every 5 minutes, for ever; --max N ends it\n");
  EXPECT_EQ(made({"--every", "1h", "--max", "0"}), "every hour, for ever\n");
  EXPECT_EQ(made({"--every", "1h", "--max", "1"}), "1 × every hour\n");
}

TEST_P(CommandsTest, Bodies) {
  const std::string file = dir_.sub("body.json");
  std::ofstream(file) << "{ \"from\": \"file\" }\n";
  const auto body = [&](std::vector<std::string> args, const std::string& input = {}) {
    std::vector<std::string> line{"register", "-n",   "app", "--url", "http://127.0.0.1:9/",
                                  "--json",   "--at", "+1h"};
    line.insert(line.end(), args.begin(), args.end());
    return codec::parse_task(out(line, input)).value().request.body;
  };
  EXPECT_EQ(body({"--body", "{}"}), Body::json("{}"));
  EXPECT_EQ(body({"--body", "[1, 2]"}), Body::json("[1, 2]"));
  EXPECT_EQ(body({"--body", "plain"}), Body::text("plain"));
  EXPECT_EQ(body({"--body", "\"a\\nb\""}), Body::text("a\nb"));
  EXPECT_EQ(body({"--body", ""}), Body::text(""));
  EXPECT_EQ(body({"--body", "null"}), Body{});
  EXPECT_EQ(body({"--body", " null\n"}), Body{});
  EXPECT_EQ(body({"--body", "null", "--text"}), Body::text("null"));
  EXPECT_EQ(body({"--body", "{\"a\": 1}", "--text"}), Body::text("{\"a\": 1}"));
  EXPECT_EQ(body({"--body", "@" + file}), Body::json(R"({ "from": "file" })"));
  EXPECT_EQ(body({"--body", "-"}, "{\"from\":\"stdin\"}"), Body::json(R"({"from":"stdin"})"));
  EXPECT_EQ(run({"register", "-n", "app", "--url", "http://127.0.0.1:9/", "--body", "-"},
                std::string(256 * 1024 + 1, 'x'))
                .exit_code,
            kExitUsage);
}

// What begins like JSON and is not is a slip far more often than a text.
TEST_P(CommandsTest, ABodyThatIsNearlyJsonIsNotSentAsText) {
  const std::string file = dir_.sub("bom.json");
  std::ofstream(file) << "\xef\xbb\xbf{\"a\":1}";
  const std::vector<std::string> line{"register", "-n",  "app",  "--url", "http://127.0.0.1:9/",
                                      "--at",     "+1h", "--id", "x"};
  const struct {
    std::string body;
    const char* says;
  } kCases[] = {{"{\"a\":1,}", "line 1, column"},
                {"{key:value}", "line 1, column"},
                {" \n[1, 2", "ends too early"},
                {"{\"a\":1,\"a\":2}", "\"a\" is given twice"},
                {"{\"a\":1}{\"a\":2}", "something follows"},
                {"\"abc", "ends too early"},
                {std::string(65, '[') + std::string(65, ']'), "deeper than 64"},
                {"\xef\xbb\xbf{\"a\":1}", "byte order mark"},
                {"@" + file, "byte order mark"}};
  for (const auto& c : kCases) {
    std::vector<std::string> wrong = line;
    wrong.insert(wrong.end(), {"--body", c.body});
    const TestRun refused = run(wrong);
    EXPECT_EQ(refused.exit_code, kExitUsage) << c.body;
    EXPECT_NE(refused.err.find(c.says), std::string::npos) << refused.err;
    EXPECT_NE(refused.err.find("--text"), std::string::npos) << refused.err;
    EXPECT_EQ(run({"get", "-n", "app", "--id", "x"}).exit_code, kExitFailed);
    wrong.push_back("--text");
    out(wrong);
    EXPECT_EQ(task("x").request.body.kind(), Body::Kind::kText);
    out({"delete", "-n", "app", "--id", "x"});
  }
}

TEST_P(CommandsTest, BytesThatAreNotUtf8AreRefused) {
  for (const char* id : {"caf", "caf\xc3\xa9-1", "caf\xef\xbf\xbd"}) {
    out({"register", "-n", "app", "--id", id, "--url", "http://127.0.0.1:9/", "--at", "+1h"});
  }
  const std::string bytes = "caf\xe9";
  const std::string file = dir_.sub("latin1");
  std::ofstream(file) << bytes;
  const std::vector<std::string> add{"register", "-n", "app", "--url", "http://127.0.0.1:9/"};
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> line = add;
    line.insert(line.end(), more.begin(), more.end());
    return line;
  };
  const std::vector<std::vector<std::string>> lines = {
      with({"--body", bytes}),
      with({"--body", bytes, "--text"}),
      with({"--body", "{\"a\":\"" + bytes + "\"}"}),
      with({"--body", "@" + file}),
      with({"--body", "@" + file, "--text"}),
      with({"--header", "X-Name: " + bytes}),
      with({"--id", bytes}),
      with({"--id-prefix", bytes}),
      with({"--idempotency-key", bytes}),
      {"register", "-n", bytes, "--url", "http://127.0.0.1:9/"},
      {"register", "-n", "app", "--url", "http://127.0.0.1:9/" + bytes},
      {"delete-many", "-n", "app", "--id", bytes, "--yes"},
      {"delete-many", "-n", bytes, "--yes"},
      {"suspend-many", "-n", "app", "--id", bytes},
      {"get", "-n", "app", "--id", bytes},
      {"delete", "-n", "app", "--id", bytes},
      {"suspend", "-n", "app", "--id", bytes},
      {"trigger", "-n", "app", "--id", bytes},
      {"fetch", "-n", "app", "--id", bytes},
      {"logs", "-n", "app", "--task", bytes},
      {"clear", "-n", bytes, "--yes"},
  };
  for (const auto& line : lines) {
    const TestRun refused = run(line);
    std::string shown;
    for (const std::string& word : line) shown += word + ' ';
    EXPECT_EQ(refused.exit_code, kExitUsage) << shown << refused.err;
    EXPECT_NE(refused.err.find("is not UTF-8 (byte "), std::string::npos) << shown << refused.err;
    EXPECT_NE(refused.err.find("0xe9"), std::string::npos) << refused.err;
  }
  EXPECT_EQ(run(with({"--body", "-"}), bytes).exit_code, kExitUsage);
  // Of a file that is an item's error.
  const TestRun import = run({"register", "-n", "app", "--file", "-"},
                             "{\"url\":\"http://127.0.0.1:9/\",\"id\":\"" + bytes + "\"}");
  EXPECT_EQ(import.exit_code, kExitFailed);
  EXPECT_NE(import.err.find("items[0]: "), std::string::npos) << import.err;

  const auto page = codec::parse_task_page(out({"fetch", "-n", "app", "--json"}));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->items.size(), 3U);
  for (const Task& left : page->items) EXPECT_EQ(left.status, Status::kActive);
}

// Paths are the system's, and may be any bytes.
TEST_P(CommandsTest, PathsMayBeAnyBytes) {
  const std::string file = dir_.sub("caf\xe9");
  std::ofstream(file) << "{}";
  out({"register", "-n", "app", "--url", "http://127.0.0.1:9/", "--at", "+1h", "--body",
       "@" + file});
}

TEST_P(CommandsTest, IdempotencyKey) {
  const std::vector<std::string> line{"register",
                                      "-n",
                                      "app",
                                      "--url",
                                      "http://127.0.0.1:9/",
                                      "--idempotency-key",
                                      "k 1",
                                      "--at",
                                      "2100-01-01T00:00:00Z"};
  const std::string first = out(line);
  EXPECT_TRUE(first.starts_with("registered ")) << first;
  const std::string second = out(line);
  EXPECT_TRUE(second.starts_with("already registered: ")) << second;
  std::vector<std::string> other = line;
  other[4] = "http://127.0.0.1:9/other";
  EXPECT_EQ(run(other).exit_code, kExitFailed);
}

TEST_P(CommandsTest, ErrorsOfTheRequest) {
  out({"register", "-n", "app", "--url", "http://127.0.0.1:9/", "--at", "+1h"});
  const TestRun missing = run({"get", "-n", "app", "--id", "nothing"});
  EXPECT_EQ(missing.exit_code, kExitFailed);
  EXPECT_TRUE(missing.err.starts_with("rhooks: ")) << missing.err;
  EXPECT_NE(missing.err.find("nothing"), std::string::npos) << missing.err;
  const TestRun scheme = run({"register", "-n", "app", "--url", "ftp://127.0.0.1/"});
  EXPECT_EQ(scheme.exit_code, kExitFailed);
  EXPECT_NE(scheme.err.find("url"), std::string::npos) << scheme.err;
  out({"register", "-n", "app", "--id", "x", "--url", "http://127.0.0.1:9/", "--at", "+1h"});
  EXPECT_EQ(run({"register", "-n", "app", "--id", "x", "--url", "http://127.0.0.1:9/"}).exit_code,
            kExitFailed);
  EXPECT_EQ(run({"unsuspend", "-n", "app", "--id", "x"}).exit_code, kExitFailed);
  EXPECT_EQ(run({"fetch", "-n", "app", "--start-key", "tampered"}).exit_code, kExitFailed);
}

TEST_P(CommandsTest, FileOfTasksAndPaging) {
  const std::string file = dir_.sub("tasks.json");
  {
    std::ofstream stream(file);
    stream << "[";
    for (int i = 0; i < 2500; ++i) {
      stream << (i > 0 ? ",\n" : "") << "{\"namespace\":\"app\",\"id\":\"t-" << 10'000 + i
             << "\",\"url\":\"http://127.0.0.1:9/\",\"scheduledDate\":\"2100-01-01T00:00:00Z\"}";
    }
    stream << "]";
  }
  EXPECT_EQ(out({"register", "--file", file}), "registered 2500 tasks\n");

  std::set<std::string> ids;
  std::istringstream lines(out({"fetch", "-n", "app", "--all", "--json", "--limit", "700"}));
  for (std::string line; std::getline(lines, line);) {
    ids.insert(codec::parse_task(line).value().key.id);
  }
  EXPECT_EQ(ids.size(), 2500U);

  const TestRun page = run({"fetch", "-n", "app", "--limit", "2"});
  EXPECT_EQ(std::count(page.out.begin(), page.out.end(), '\n'), 3);
  const auto hint = page.err.find("--start-key ");
  ASSERT_NE(hint, std::string::npos) << page.err;
  std::string key = page.err.substr(hint + 12);
  key.pop_back();
  const std::string next =
      out({"fetch", "-n", "app", "--limit", "2", "--start-key", key, "--json"});
  const auto parsed = codec::parse_task_page(next);
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->items.size(), 2U);
  EXPECT_EQ(parsed->items[0].key.id, "t-10002");

  EXPECT_EQ(out({"suspend-many", "-n", "app", "--id", "t-100", "--yes"}), "suspended 100 tasks\n");
  EXPECT_EQ(out({"delete-many", "-n", "app", "--status", "SUSPENDED", "--yes"}),
            "deleted 100 tasks\n");
  EXPECT_EQ(out({"delete-many", "-n", "app", "--yes", "--chunk-limit", "500", "--id", "t-11"}),
            "deleted 1,000 tasks\n");
  EXPECT_EQ(out({"clear", "-n", "app", "--yes"}), "cleared 1,400 tasks\n");
  const TestRun empty = run({"fetch", "-n", "app"});
  EXPECT_EQ(empty.out, "");
  EXPECT_EQ(empty.err, "rhooks: no namespace app\n  there are no tasks in any\n");
  EXPECT_EQ(empty.exit_code, kExitFailed);
}

TEST_P(CommandsTest, FileWithWrongTasks) {
  const TestRun result =
      run({"register", "-n", "app", "--file", "-"},
          "{\"url\":\"http://127.0.0.1:9/\",\"scheduledDate\":\"2100-01-01T00:00:00Z\"}\n"
          "{\"url\":\"http://127.0.0.1:9/\",\"colour\":1}\n"
          "{\"url\":\"ftp://127.0.0.1/\"}\n"
          "{\"url\":");
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_EQ(result.out, "registered 1 task, 2 refused\n");
  for (const char* part : {"items[1].colour: ", "items[2].", "line 4: the file ends"}) {
    EXPECT_NE(result.err.find(part), std::string::npos) << part << " is not in\n" << result.err;
  }
}

TEST_P(CommandsTest, RegistersForAnEndpoint) {
  testing::TestReceiver receiver;
  const std::vector<std::string> order = {"register", "-n",         "app",    "--id",
                                          "e",        "--endpoint", "acme",   "--flow-key",
                                          "k",        "--url",      "/orders"};
  const TestRun refused = run(order);
  EXPECT_EQ(refused.exit_code, kExitFailed);
  EXPECT_NE(refused.err.find("there is no endpoint 'acme' in namespace 'app'"), std::string::npos)
      << refused.err;
  out({"endpoint", "put", "acme", "-n", "app", "--url", receiver.url("/in")});
  out(order);
  const std::string card = out({"get", "-n", "app", "--id", "e"});
  for (const char* line :
       {"endpoint        acme\n", "flow key        k\n", "request         GET /orders\n",
        "attempts        up to what its endpoint allows\n"}) {
    EXPECT_NE(card.find(line), std::string::npos) << line << " is not in\n" << card;
  }
  EXPECT_NE(out({"fetch", "-n", "app", "--endpoint", "acme"}).find("e"), std::string::npos);
  EXPECT_EQ(run({"fetch", "-n", "app", "--endpoint", "other"}).err, "no task matches\n");
  const TestRun used = run({"endpoint", "delete", "acme", "-n", "app"});
  EXPECT_EQ(used.exit_code, kExitFailed);
  EXPECT_NE(used.err.find("endpoint 'acme' is in use: task 'e' names it"), std::string::npos)
      << used.err;
  out({"trigger"});
  EXPECT_EQ(task("e").status, Status::kDone);
  out({"register", "-n", "app", "--endpoint", "acme", "--at", "+1h"});
  EXPECT_EQ(out({"endpoint", "delete", "acme", "-n", "app", "--force"}), "deleted acme\n");
}

TEST_P(CommandsTest, SuspendAndDelete) {
  out({"register", "-n", "app", "--id", "x", "--url", "http://127.0.0.1:9/", "--at", "+1h"});
  EXPECT_EQ(out({"suspend", "-n", "app", "--id", "x"}), "suspended x\n");
  EXPECT_EQ(task("x").status, Status::kSuspended);
  EXPECT_EQ(run({"suspend", "-n", "app", "--id", "x"}).exit_code, kExitFailed);
  EXPECT_EQ(out({"unsuspend", "-n", "app", "--id", "x"}), "unsuspended x\n");
  EXPECT_EQ(task("x").status, Status::kActive);
  EXPECT_EQ(out({"cancel", "-n", "app", "--id", "x"}), "cancelled x\n");
  EXPECT_EQ(task("x").status, Status::kFailed);
  EXPECT_EQ(task("x").failure_reason, "cancelled");
  EXPECT_EQ(run({"cancel", "-n", "app", "--id", "x"}).exit_code, kExitFailed);
  EXPECT_EQ(out({"delete", "-n", "app", "--id", "x"}), "deleted x\n");
  EXPECT_EQ(run({"get", "-n", "app", "--id", "x"}).exit_code, kExitFailed);
}

TEST_P(CommandsTest, TriggerAndLogs) {
  testing::TestReceiver receiver;
  for (int i = 0; i < 3; ++i) {
    out({"register", "-n", "app", "--id", "d-" + std::to_string(i), "--url", receiver.url("/in"),
         "--body", "{\"n\":1}"});
  }
  out({"register", "-n", "app", "--id", "later", "--url", receiver.url("/in"), "--at", "+1h"});
  EXPECT_NE(out({"trigger-dryrun"}).find("d-2"), std::string::npos);
  EXPECT_EQ(codec::parse_dryrun_result(out({"trigger-dryrun", "--limit", "1", "--json"}))->count,
            3);

  EXPECT_EQ(out({"trigger"}), "3 attempts made, 0 failed\n");
  EXPECT_EQ(receiver.request_count(), 3U);
  EXPECT_EQ(task("d-0").status, Status::kDone);

  EXPECT_EQ(out({"trigger", "-n", "app", "--id", "later"}),
            GetParam()
                ? "later is due now; a worker delivers it\n"
                : "later is due now; run `rhooks trigger --store ...` or `rhooks serve` to deliver "
                  "it\n");
  EXPECT_EQ(out({"trigger", "--json"}), "{\"processed\":1,\"errors\":0}\n");
  EXPECT_EQ(receiver.request_count(), 4U);

  const std::string table = out({"logs", "-n", "app", "--task", "later"});
  EXPECT_TRUE(table.starts_with("STARTED ")) << table;
  EXPECT_NE(table.find("SUCCESS       200"), std::string::npos) << table;
  EXPECT_EQ(
      codec::parse_log_page(out({"logs", "-n", "app", "--json", "--from", "-1h"}))->items.size(),
      4U);
  EXPECT_EQ(run({"logs", "-n", "app", "--status", "FAIL"}).err, "no log matches\n");
}

TEST_P(CommandsTest, TriggerSaysOnlyOfASeriesThatIsNotOverThatItGoesOn) {
  testing::TestReceiver receiver;
  out({"register", "-n", "app", "--id", "one", "--url", receiver.url("/in"), "--every", "1d",
       "--timezone", "UTC", "--max", "1"});
  out({"register", "-n", "app", "--id", "daily", "--url", receiver.url("/in"), "--every", "1d",
       "--timezone", "UTC"});
  EXPECT_EQ(out({"trigger"}), "2 attempts made, 0 failed\n");
  ASSERT_EQ(task("one").status, Status::kDone);
  EXPECT_TRUE(out({"trigger", "-n", "app", "--id", "one"}).starts_with("one is due now; "));
  EXPECT_TRUE(out({"trigger", "-n", "app", "--id", "daily"})
                  .starts_with("daily is due now, its series goes on at "));
}

TEST_P(CommandsTest, EveryItemOfAFileHasAResult) {
  const std::string url = R"("url":"http://127.0.0.1:9/")";
  const std::string file = "[{\"id\":\"a\"," + url + "},{\"id\":\"b\"},{\"id\":\"c\"," + url +
                           "},{\"id\":\"d\",\"namespace\":\"other\"," + url + "}]";
  const TestRun run_json = run({"register", "-n", "app", "--file", "-", "--json"}, file);
  EXPECT_EQ(run_json.exit_code, kExitFailed);
  const std::string& text = run_json.out;
  std::vector<std::size_t> at;
  for (const char* part : {"\"a\"", "\"error\"", "\"c\"", "the namespace of the call"}) {
    at.push_back(text.find(part));
    EXPECT_NE(at.back(), std::string::npos) << part << " in " << text;
  }
  EXPECT_TRUE(std::is_sorted(at.begin(), at.end())) << text;
}

TEST_P(CommandsTest, AFileWithoutTasks) {
  for (const char* input : {"", "[]", " \n"}) {
    const TestRun none = run({"register", "-n", "app", "--file", "-"}, input);
    EXPECT_EQ(none.exit_code, kExitFailed) << input;
    EXPECT_NE(none.err.find("holds no task"), std::string::npos) << none.err;
    EXPECT_EQ(none.out, "");
  }
}

// Through the server as well, which alone may open its store.
TEST_P(CommandsTest, AStoreDescribesItself) {
  out({"register", "-n", "app", "--url", "http://127.0.0.1:9/", "--at", "+1h"});
  const std::string card = out({"store", "describe"});
  EXPECT_TRUE(card.starts_with(GetParam() ? "store           memory\ntasks           1\n"
                                          : "store           rocksdb\npath            "))
      << card;
  EXPECT_EQ(card.find("\nColumn families\nFAMILY     KEYS (ESTIMATE)") != std::string::npos,
            !GetParam())
      << card;
  const std::string json = out({"store", "describe", "--json"});
  EXPECT_TRUE(json.starts_with(GetParam() ? R"({"kind":"memory","facts":{"tasks":"1",)"
                                          : R"({"kind":"rocksdb","facts":{"path":)"))
      << json;
}

// At a terminal a long command tells how far it is, and wipes the line in the end.
TEST_P(CommandsTest, ProgressAtATerminal) {
  testing::TestReceiver receiver;
  out({"register", "-n", "app", "--url", receiver.url("/in"), "--at", "+1h"});
  TestIo test;
  test.io.err_is_terminal = true;
  test.io.environment = environment();
  const TestRun run = test.run({"delete-many", "-n", "app", "--yes"});
  EXPECT_EQ(run.exit_code, kExitDone);
  EXPECT_EQ(run.out, "deleted 1 task\n");
  EXPECT_NE(run.err.find("\r\x1b[Kdeleted 1, 0 s"), std::string::npos) << run.err;
  EXPECT_TRUE(run.err.ends_with("\r\x1b[K")) << run.err;
}

class RemoteTest : public CommandsTest {};
INSTANTIATE_TEST_SUITE_P(Remote, RemoteTest, ::testing::Values(true));

TEST_P(RemoteTest, KeyIsMissingOrWrong) {
  const std::string server = "http://" + server_->endpoint();
  const TestRun missing = run_line({"get", "-n", "a", "--id", "b", "--server", server});
  EXPECT_EQ(missing.exit_code, kExitFailed);
  EXPECT_NE(missing.err.find("set RHOOKS_API_KEY"), std::string::npos) << missing.err;
  const TestRun wrong =
      run_line({"get", "-n", "a", "--id", "b", "--server", server}, {{"RHOOKS_API_KEY", "other"}});
  EXPECT_EQ(wrong.exit_code, kExitFailed);
  EXPECT_NE(wrong.err.find("opens nothing there"), std::string::npos) << wrong.err;
}

TEST_P(RemoteTest, AnotherServerIsToldApart) {
  testing::TestReceiver stranger([](const testing::TestRequest&) {
    return testing::TestResponse::with_status(200, "<html>hello</html>");
  });
  std::string server = stranger.url("/");
  const TestRun run = run_line({"get", "-n", "a", "--id", "b", "--server", server});
  EXPECT_EQ(run.exit_code, kExitFailed);
  EXPECT_NE(run.err.find("which no rhooks server does"), std::string::npos) << run.err;
}

TEST_P(RemoteTest, WhatAProxyAnswersForTheServerIsToldApart) {
  int status = 0;
  std::vector<Header> headers = {{"Content-Type", "text/html"}};
  testing::TestReceiver proxy([&](const testing::TestRequest&) {
    auto response = testing::TestResponse::with_status(status, "<html>sorry</html>");
    response.headers = headers;
    return response;
  });
  const std::string server = proxy.url("");
  const auto message = [&](std::vector<std::string> args) {
    args.insert(args.end(), {"-n", "a", "--id", "b", "--server", server});
    const TestRun run = run_line(std::move(args));
    EXPECT_EQ(run.exit_code, kExitFailed);
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(run.err.find("no rhooks server"), std::string::npos) << run.err;
    return run.err;
  };
  const auto expect_in = [](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  for (const int of_gateway : {502, 503, 504, 520, 524, 530}) {
    status = of_gateway;
    const std::string answered = server + " answered " + std::to_string(status);
    const auto read = message({"get"});
    expect_in(read, answered);
    expect_in(read, "a proxy before the server got no answer from it");
    expect_in(read, "try again");
    const auto changed = message({"suspend"});
    expect_in(changed, answered);
    expect_in(changed, "the request may have been carried out");
  }
  status = 502;
  expect_in(message({"get"}), "502 (Bad Gateway)");
  headers = {{"Content-Type", "application/problem+json"}};
  expect_in(message({"suspend"}), "the request may have been carried out");
  headers.clear();  // not every proxy says what it sends
  expect_in(message({"get"}), "a proxy before the server");

  status = 413;
  expect_in(message({"register", "--url", "http://a/"}),
            "a proxy before the server takes no request of");

  status = 308;
  headers = {{"Location", "https://hooks.example/v1/namespaces/a/tasks/b"}};
  expect_in(message({"get"}), "points to https://hooks.example\n  give that address in --server");
  headers = {{"Location", "/login"}};
  expect_in(message({"get"}), "points to " + server + "/login");
}

TEST_P(RemoteTest, ADryRunThatStoppedCountingSaysAtLeast) {
  const std::string result = R"({"count":10000,"items":[{"namespace":"n","id":"a",)"
                             R"("scheduledDate":"2026-01-31T12:34:56.789Z"}],"more":true})";
  testing::TestReceiver server([&](const testing::TestRequest&) {
    auto response = testing::TestResponse::with_status(200, result);
    response.headers = {{"Content-Type", "application/json"}};
    return response;
  });
  const TestRun shown = run_line({"trigger-dryrun", "--server", server.url("")});
  EXPECT_EQ(shown.exit_code, kExitDone);
  EXPECT_EQ(shown.err, "at least 10000 tasks are due, the first 1 are shown\n");
  EXPECT_EQ(run_line({"trigger-dryrun", "--json", "--server", server.url("")}).out, result + "\n");
}

TEST(RestClientTest, AProxyThatMakesNoTunnelHasSentNothing) {
  testing::TestReceiver proxy([&](const testing::TestRequest&) {
    testing::TestResponse response;
    response.raw = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n";
    return response;
  });
  ::setenv("https_proxy", proxy.url("").c_str(), 1);
  RestClient client({.base = "https://hooks.example"});
  const auto answer = client.call({.method = "POST", .path = "/v1/trigger"});
  ::unsetenv("https_proxy");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable) << answer.error().message;
  EXPECT_NE(answer.error().message.find("502"), std::string::npos) << answer.error().message;
  EXPECT_EQ(proxy.requests().at(0).method, "CONNECT");
}

TEST(RemoteHooksTest, ACaFileWithoutACertificateIsRefusedBeforeACall) {
  testing::TempDir dir;
  const std::string file = dir.sub("ca.pem");
  std::ofstream(file) << "no certificate\n";
  const std::vector<std::string> get = {"get", "-n",        "a",  "--id",
                                        "b",   "--ca-file", file, "--server"};
  auto tls = get;
  tls.push_back("https://127.0.0.1:9");
  const TestRun refused = run_line(tls);
  EXPECT_EQ(refused.exit_code, kExitUsage);
  EXPECT_NE(refused.err.find(file + " has no certificate"), std::string::npos) << refused.err;
  // Nothing is trusted where there is no TLS.
  auto plain = get;
  plain.push_back("http://127.0.0.1:9");
  EXPECT_NE(run_line(plain).err.find("no server answers"), std::string::npos);
}

}  // namespace
}  // namespace rhooks::cli
