#include "cli/app.h"

#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "cli/command.h"
#include "cli/test_io.h"
#include "testing/temp_dir.h"

namespace rhooks::cli {
namespace {

void expect_usage(const std::vector<std::string>& args, const std::string& part,
                  const Environment& environment = {}) {
  const TestRun run = run_line(args, environment);
  EXPECT_EQ(run.exit_code, kExitUsage) << run.err;
  EXPECT_NE(run.err.find(part), std::string::npos) << "\"" << part << "\" is not in\n" << run.err;
  EXPECT_TRUE(run.err.starts_with("rhooks: ")) << run.err;
  EXPECT_EQ(run.out, "");
}

TEST(AppTest, HelpAndVersion) {
  EXPECT_EQ(run_line({"--help"}).exit_code, kExitDone);
  EXPECT_NE(run_line({"--help"}).out.find("trigger-dryrun"), std::string::npos);
  EXPECT_EQ(run_line({"--version"}).out, "rhooks " RHOOKS_VERSION "\n");
  const TestRun none = run_line({});
  EXPECT_EQ(none.exit_code, kExitUsage);
  EXPECT_NE(none.err.find("register"), std::string::npos);
}

TEST(AppTest, EveryCommandHasHelpWithExamples) {
  TestIo test;
  Commands commands(test.io);
  add_all(commands);
  int count = 0;
  for (const CLI::App* command : commands.root().get_subcommands({})) {
    const TestRun help = run_line({command->get_name(), "--help"});
    EXPECT_EQ(help.exit_code, kExitDone) << command->get_name();
    EXPECT_NE(help.out.find("Usage: rhooks " + command->get_name()), std::string::npos) << help.out;
    EXPECT_NE(help.out.find("Examples:\n"), std::string::npos) << command->get_name();
    EXPECT_NE(help.out.find("--help"), std::string::npos) << command->get_name();
    ++count;
  }
  EXPECT_EQ(count, 30);
}

// Logs are not found by endpoint: that says how they are.
TEST(AppTest, LogsTellHowThoseOfAnEndpointAreFound) {
  for (const char* command : {"logs", "tail"}) {
    const TestRun help = run_line({command, "--help"});
    EXPECT_NE(help.out.find("list its tasks: rhooks"), std::string::npos) << help.out;
  }
}

TEST(AppTest, UnknownCommandsAndFlagsNameTheNearest) {
  expect_usage({"regster"}, "there is no command regster. Did you mean register?");
  expect_usage({"frobnicate"}, "there is no command frobnicate.\n");
  expect_usage({"get", "-n", "a", "--id", "b", "--jsn"},
               "get has no flag --jsn. Did you mean --json?");
  expect_usage({"serve", "--concurency=5"}, "Did you mean --concurrency?");
  expect_usage({"--store", "memory:", "get"}, "there is no flag --store before the command");
  expect_usage({"get", "-n", "a", "--id", "b", "extra"}, "\"extra\" was not expected");
  expect_usage({"get", "--id", "b"}, "--namespace is missing");
  expect_usage({"get", "-n"}, "--namespace");
}

TEST(AppTest, WrongValues) {
  expect_usage({"fetch", "-n", "a", "--limit", "1001"},
               "--limit: must be a whole number from 1 to 1000, not \"1001\"\n  use --all");
  expect_usage({"fetch", "-n", "a", "--limit", "x"}, "--limit: must be a whole number from 1 to");
  expect_usage({"fetch", "-n", "a", "--last-status", "abc"},
               "--last-status: must be a whole number from 100 to 599, not \"abc\"");
  expect_usage({"register", "-n", "a", "--url", "http://x", "--retry-limit", "many"},
               "--retry-limit: must be a whole number from 0 to 100, not \"many\"");
  expect_usage({"fetch", "-n", "a", "--limit"}, "--limit lacks its value, as in --limit N");
  expect_usage({"fetch", "-n", "a", "--all=most"}, "--all takes no value");
  expect_usage({"fetch", "-n", "a", "--status", "GONE"}, "--status");
  expect_usage({"fetch", "-n", "a", "--from", "yesterday"}, "--from: ");
  expect_usage({"logs", "-n", "a", "--status", "DONE"}, "--status");
  expect_usage({"logs", "-n", "a", "--to", "1h"}, "--to: ");
  expect_usage({"register", "--url", "http://x"}, "--namespace is missing");
  expect_usage({"register", "-n", "a"}, "--url is missing");
  expect_usage({"register", "-n", "a", "--url", "http://x", "--method", "BREW"}, "--method");
  expect_usage({"register", "-n", "a", "--url", "http://x", "--at", "soon"}, "--at: ");
  expect_usage({"register", "-n", "a", "--url", "http://x", "--at", "+5"}, "--at: \"+5\" is no");
  expect_usage({"serve", "--print-config", "--logs-ttl", "36501d"}, "\"36501d\" is out of range");
  expect_usage({"register", "-n", "a", "--url", "http://x", "--every", "500ms"}, "--every: ");
  expect_usage({"register", "-n", "a", "--url", "http://x", "--max", "3"}, "--max needs");
  expect_usage(
      {"register", "-n", "a", "--url", "http://x", "--every", "5m", "--repeat-interval", "1"},
      "exclude each other");
  expect_usage({"register", "-n", "a", "--url", "http://x", "--repeat-unit", "hours"},
               "--repeat-interval");
  expect_usage({"register", "-n", "a", "--url", "http://x", "--header", "broken"}, "Name: value");
  expect_usage({"register", "-n", "a", "--url", "http://x", "--body", "@/does/not/exist"},
               "/does/not/exist cannot be read");
  expect_usage({"register", "-n", "a", "--url", "http://x", "--text"}, "--body");
  expect_usage({"register", "--file", "x.json", "--url", "http://x"}, "--url and --file");
  expect_usage({"register", "--file", "/does/not/exist"}, "cannot be read");
  expect_usage({"register", "--file", "/tmp"}, "/tmp is a directory");
  expect_usage({"trigger", "-n", "a"}, "go together");
  expect_usage({"trigger", "--store", "memory:", "--concurrency", "0"}, "--concurrency: ");
  expect_usage({"trigger-dryrun", "--limit", "0"}, "--limit");
  expect_usage({"delete-many", "-n", "a", "--chunk-limit", "0", "--yes"}, "--chunk-limit");
  expect_usage({"listen", "--port", "70000"}, "--port");
  expect_usage({"listen", "--port", "0", "--status", "99"}, "--status");
  expect_usage({"listen", "--port", "0", "--delay", "5"}, "--delay");
  expect_usage({"listen", "--port", "0", "--address", "no address"}, "address");
  expect_usage({"completion", "fish"}, "no completion for fish");
}

// An unset variable of a shell must not widen what a command acts on.
TEST(AppTest, EmptyValuesAreRefused) {
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"delete-many", "-n", "a", "--yes", "--id", ""},
           {"delete-many", "-n", "a", "--id=", "--yes"},
           {"delete-many", "-n", "a", "--status", "", "--yes"},
           {"suspend-many", "-n", "a", "--from", ""},
           {"fetch", "-n", "a", "--to", ""},
           {"fetch", "-n", "a", "--start-key", ""},
           {"fetch", "-n", "a", "--limit", ""},
           {"logs", "-n", "a", "--task", ""},
           {"logs", "-n", "a", "--status="},
           {"clear", "-n", "", "--yes"},
           {"trigger", "--namespace", "", "--id", ""},
           {"register", "-n", "a", "--url", "http://x", "--idempotency-key", ""},
           {"serve", "--store", "", "--print-config"},
           {"serve", "--config", "", "--print-config"}}) {
    SCOPED_TRACE(args[0] + " " + args[1]);
    expect_usage(args, " is empty");
  }
  expect_usage({"fetch", "-n", "a", "--id", ""}, "the value of --id is empty");
  const TestRun body = run_line(
      {"register", "-n", "a", "--url", "http://x", "--body", "", "--server", "http://127.0.0.1:9"});
  EXPECT_NE(body.err.find("no server answers"), std::string::npos) << body.err;
}

TEST(AppTest, StoreAndServerExcludeEachOther) {
  expect_usage(
      {"get", "-n", "a", "--id", "b", "--store", "memory:", "--server", "http://127.0.0.1"},
      "--store and --server exclude each other");
  expect_usage({"get", "-n", "a", "--id", "b", "--store", "floppy:"}, "floppy");
  expect_usage({"get", "-n", "a", "--id", "b", "--server", "127.0.0.1:8090"},
               "write it like http://127.0.0.1:8090");
}

TEST(AppTest, FlagsWithoutEffectAreRefused) {
  expect_usage({"trigger", "--concurrency", "5", "--server", "http://127.0.0.1:9"},
               "--concurrency has no effect on a server");
}

TEST(AppTest, ConfirmationWithoutATerminalNeedsYes) {
  expect_usage({"clear", "-n", "a"}, "--yes");
  expect_usage({"suspend-many", "-n", "a"}, "--yes");
  expect_usage({"unsuspend-many", "-n", "a"}, "--dry-run");
  expect_usage({"delete-many", "-n", "a"}, "--yes");
}

TEST(AppTest, ConfirmationAtATerminal) {
  const testing::TempDir dir;
  const std::string store = "rocksdb:" + dir.sub("store");
  ASSERT_EQ(run_line({"register", "-n", "a", "--url", "http://127.0.0.1:9/", "--at", "+1h",
                      "--store", store})
                .exit_code,
            kExitDone);
  for (const char* answer : {"n\n", "\n", "", "yess\n"}) {
    TestIo test(answer);
    test.io.in_is_terminal = true;
    const TestRun run = test.run({"clear", "-n", "a", "--store", store});
    EXPECT_EQ(run.exit_code, kExitFailed);
    EXPECT_NE(run.err.find("Delete 1 task and all logs of a? [y/N]"), std::string::npos) << run.err;
    EXPECT_NE(run.err.find("nothing was changed"), std::string::npos);
  }
  TestIo test("y\n");
  test.io.in_is_terminal = true;
  const TestRun run = test.run({"clear", "-n", "a", "--store", store});
  EXPECT_EQ(run.exit_code, kExitDone) << run.err;
  EXPECT_EQ(run.out, "cleared 1 task\n");
}

TEST(AppTest, AMessageIsShownInItsTwoParts) {
  const auto shown = [](const std::string& message) {
    TestIo test;
    report(test.io, message, kExitFailed);
    return test.err.str();
  };
  EXPECT_EQ(shown("it failed; do this; or that"), "rhooks: it failed\n  do this; or that\n");
  EXPECT_EQ(shown("it failed (a: no; b: (c); no); do this"),
            "rhooks: it failed (a: no; b: (c); no)\n  do this\n");
  EXPECT_EQ(shown("it failed (a; b"), "rhooks: it failed (a; b\n");
  EXPECT_EQ(shown("it ) failed; do this"), "rhooks: it ) failed\n  do this\n");
  EXPECT_EQ(shown("it failed;"), "rhooks: it failed;\n");
}

TEST(AppTest, NoServer) {
  // Port 9 of this machine: nothing listens there.
  const TestRun run = run_line({"get", "-n", "a", "--id", "b", "--server", "http://127.0.0.1:9"});
  EXPECT_EQ(run.exit_code, kExitFailed);
  EXPECT_EQ(run.err,
            "rhooks: no server answers at http://127.0.0.1:9\n"
            "  start one with `rhooks serve`, or pass --store to work straight on a store\n");
}

TEST(AppTest, TheServerFlagWinsOverTheStoreOfTheEnvironment) {
  const TestRun run = run_line({"get", "-n", "a", "--id", "b", "--server", "http://127.0.0.1:9"},
                               {{"RHOOKS_STORE", "memory:"}});
  EXPECT_NE(run.err.find("no server answers"), std::string::npos) << run.err;
  const TestRun local =
      run_line({"get", "-n", "a", "--id", "b"}, {{"RHOOKS_STORE", "rocksdb:/does/not/exist"}});
  EXPECT_EQ(local.exit_code, kExitFailed);
  EXPECT_EQ(local.err.find("no server answers"), std::string::npos) << local.err;
}

TEST(AppTest, AMemoryStoreIsNotForOneCommand) {
  expect_usage({"register", "-n", "a", "--url", "http://x", "--store", "memory:"},
               "lives only as long as one command");
  expect_usage({"trigger"}, "lives only as long as one command", {{"RHOOKS_STORE", "memory:"}});
}

TEST(AppTest, ReadingMakesNoStore) {
  const testing::TempDir dir;
  const std::string path = dir.sub("typo");
  for (std::vector<std::string> args :
       std::vector<std::vector<std::string>>{{"get", "-n", "a", "--id", "b"},
                                             {"fetch", "-n", "a"},
                                             {"logs", "-n", "a"},
                                             {"namespaces"},
                                             {"delete", "-n", "a", "--id", "b"},
                                             {"delete-many", "-n", "a", "--yes"},
                                             {"suspend-many", "-n", "a", "--dry-run"},
                                             {"clear", "-n", "a", "--yes"},
                                             {"endpoint", "list", "-n", "a"},
                                             {"endpoint", "set", "b", "-n", "a", "--no-timeout"},
                                             {"endpoint", "delete", "b", "-n", "a"},
                                             {"endpoint", "pause", "b", "-n", "a"},
                                             {"redrive", "-n", "a", "--yes"},
                                             {"redrive", "-n", "a", "--show"},
                                             {"trigger"},
                                             {"trigger", "-n", "a", "--id", "b"},
                                             {"trigger-dryrun"}}) {
    args.insert(args.end(), {"--store", "rocksdb:" + path});
    const TestRun run = run_line(args);
    EXPECT_EQ(run.exit_code, kExitFailed);
    EXPECT_NE(run.err.find("there is no store in " + path), std::string::npos) << run.err;
    EXPECT_FALSE(std::filesystem::exists(path)) << args[0];
  }
}

TEST(AppTest, ANewStoreIsToldOfAtATerminal) {
  const testing::TempDir dir;
  int stores = 0;
  for (std::vector<std::string> args : std::vector<std::vector<std::string>>{
           {"register", "-n", "a", "--url", "http://127.0.0.1:9/", "--at", "+1h"},
           {"endpoint", "put", "b", "-n", "a", "--url", "http://127.0.0.1:9/"}}) {
    const std::string url = "rocksdb:" + dir.sub("store" + std::to_string(++stores));
    args.insert(args.end(), {"--store", url});
    for (const std::string& told : {"made a new store, " + url + "\n", std::string()}) {
      TestIo test;
      test.io.err_is_terminal = true;
      const TestRun run = test.run(args);
      EXPECT_EQ(run.exit_code, kExitDone) << run.err;
      EXPECT_EQ(run.err, told);
    }
  }
}

TEST(AppTest, AStoreThatMayNotBeEnteredIsNotTakenForNone) {
  const testing::TempDir dir;
  const std::string path = dir.sub("above/store");
  ASSERT_EQ(run_line({"register", "-n", "a", "--url", "http://127.0.0.1:9/", "--at", "+1h",
                      "--store", "rocksdb:" + path})
                .exit_code,
            kExitDone);
  // Root may enter everything, unless its thread is somebody else for the file system.
  constexpr uid_t kNobody = 65'534;
  for (const std::string& closed : {path, dir.sub("above")}) {
    std::filesystem::permissions(closed, std::filesystem::perms::none);
    ::setfsuid(kNobody);
    for (std::vector<std::string> args : std::vector<std::vector<std::string>>{
             {"fetch", "-n", "a"}, {"store", "describe"}, {"trigger"}}) {
      args.insert(args.end(), {"--store", "rocksdb:" + path});
      const TestRun run = run_line(args);
      EXPECT_EQ(run.exit_code, kExitFailed) << args[0];
      EXPECT_EQ(run.err.find("there is no store"), std::string::npos) << run.err;
      EXPECT_NE(run.err.find("Permission denied\n  run rhooks as the user who owns it"),
                std::string::npos)
          << run.err;
    }
    ::setfsuid(::geteuid());
  }
  std::filesystem::permissions(dir.sub("above"), std::filesystem::perms::owner_all);
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
}

TEST(AppTest, AStoreDescribesItself) {
  const testing::TempDir dir;
  const std::string url = "rocksdb:" + dir.sub("store");
  // Nothing is made to be described.
  const TestRun missing = run_line({"store", "describe", "--store", url});
  EXPECT_EQ(missing.exit_code, kExitFailed);
  EXPECT_NE(missing.err.find("there is no store in"), std::string::npos) << missing.err;

  ASSERT_EQ(run_line({"register", "-n", "a", "--url", "http://127.0.0.1:9/", "--at", "+1h",
                      "--store", url})
                .exit_code,
            kExitDone);
  const TestRun card = run_line({"store", "describe"}, {{"RHOOKS_STORE", url}});
  EXPECT_EQ(card.exit_code, kExitDone) << card.err;
  EXPECT_TRUE(card.out.starts_with("store           rocksdb\npath            " + dir.sub("store")))
      << card.out;
  EXPECT_NE(card.out.find("\nColumn families\nFAMILY     KEYS (ESTIMATE)"), std::string::npos)
      << card.out;

  const TestRun json = run_line({"store", "describe", "--store", url, "--json"});
  EXPECT_EQ(json.exit_code, kExitDone) << json.err;
  EXPECT_TRUE(json.out.starts_with("{\"kind\":\"rocksdb\",\"facts\":{\"path\":\"")) << json.out;
  EXPECT_NE(json.out.find("{\"title\":\"Column families\",\"rows\":[{\"family\":\"tasks\","
                          "\"keys (estimate)\":\"2\","),
            std::string::npos)
      << json.out;

  expect_usage({"store", "explain", "--store", url}, "there is `rhooks store describe`");
  expect_usage({"store"}, "action is missing");
  expect_usage({"store", "describe", "--store", "memory:"}, "lives only as long as one command");
}

TEST(AppTest, AStoreUrlWithASecretIsRefusedAndNotShown) {
  for (const char* url : {"dynamodb:?region=eu-west-1&secret_access_key=hush",
                          "dynamo:?secret_access_key=hush", "dynamodb:?hush=hush"}) {
    const std::vector<std::string> line{"serve", "--print-config"};
    std::vector<std::string> flag = line;
    flag.insert(flag.end(), {"--store", url});
    for (const TestRun& run : {run_line(flag), run_line(line, {{"RHOOKS_STORE", url}})}) {
      EXPECT_EQ(run.exit_code, kExitUsage);
      EXPECT_EQ((run.out + run.err).find("=hush"), std::string::npos) << run.out << run.err;
    }
  }
}

TEST(AppTest, PrintConfig) {
  const TestRun run =
      run_line({"serve", "--print-config", "--logs-ttl", "168h"}, {{"RHOOKS_CONCURRENCY", "100"}});
  EXPECT_EQ(run.exit_code, kExitDone) << run.err;
  EXPECT_NE(run.out.find("logs_ttl = \"7d\""), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("# --logs-ttl\n"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("concurrency = 100"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("# RHOOKS_CONCURRENCY\n"), std::string::npos) << run.out;
  // A flag without a value.
  const TestRun dropping = run_line({"serve", "--print-config", "--drop-damaged-writes"});
  EXPECT_NE(dropping.out.find("drop_damaged_writes = true"), std::string::npos) << dropping.out;
  const TestRun api_only = run_line({"serve", "--print-config", "--no-worker"});
  EXPECT_EQ(api_only.exit_code, kExitDone) << api_only.err;
  EXPECT_NE(api_only.out.find("worker = false"), std::string::npos) << api_only.out;
  EXPECT_NE(api_only.out.find("# --no-worker\n"), std::string::npos) << api_only.out;
  expect_usage({"serve", "--print-config", "--config", "/does/not/exist"}, "/does/not/exist");
}

TEST(AppTest, ServeRefusesWhatItMustNotServe) {
  expect_usage({"serve", "--store", "memory:", "--listen", "0.0.0.0:0"}, "RHOOKS_API_KEY");
  expect_usage({"serve", "--store", "memory:", "--listen", "nowhere"}, "listen");
  expect_usage({"serve", "--store", "memory:", "--admin-listen", "0.0.0.0:0"}, "admin_listen");
  expect_usage({"serve", "--store", "memory:", "--tls-cert", "cert.pem"}, "tls_key is missing");
  expect_usage({"serve", "--store", "memory:", "--tls-key", "key.pem"}, "tls_cert is missing");
  expect_usage({"serve", "--store", "memory:", "--tls-cert", "/no", "--tls-key", "/no"}, "/no");
  expect_usage({"serve", "--store", "memory:", "--tls-min", "1.1"}, "1.2, 1.3");
  expect_usage({"serve", "--store", "floppy:", "--listen", "127.0.0.1:0"}, "floppy");
}

}  // namespace
}  // namespace rhooks::cli
