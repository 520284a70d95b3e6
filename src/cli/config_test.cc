#include "cli/config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "cli/settings.h"
#include "testing/temp_dir.h"

namespace rhooks::cli {
namespace {

using namespace std::chrono_literals;

class ConfigTest : public ::testing::Test {
 protected:
  std::string write(const std::string& text) {
    const std::string path = dir_.sub("rhooks.toml");
    std::ofstream(path) << text;
    return path;
  }
  // The error of a file with this text.
  std::string error_of(const std::string& text) {
    const auto config = Config::load(write(text), {}, {});
    return config ? "(no error)" : config.error().message;
  }

  testing::TempDir dir_;
};

TEST_F(ConfigTest, Defaults) {
  const auto config = Config::load({}, {}, {});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->text("store"), "rocksdb:rhooks-data");
  EXPECT_EQ(config->text("listen"), "127.0.0.1:8090");
  EXPECT_EQ(config->integer("concurrency"), 256);
  EXPECT_EQ(config->duration("drain_timeout"), 25s);
  EXPECT_TRUE(config->boolean("worker"));

  // The table and the library agree on every default.
  const Options ours = config->options();
  const Options theirs;
  EXPECT_EQ(ours.store, theirs.store);
  EXPECT_EQ(ours.concurrency, theirs.concurrency);
  EXPECT_EQ(ours.memory_max, theirs.memory_max);
  EXPECT_EQ(ours.max_errors, theirs.max_errors);
  EXPECT_EQ(ours.logs_ttl, theirs.logs_ttl);
  EXPECT_EQ(ours.done_ttl, theirs.done_ttl);
  EXPECT_EQ(ours.failed_ttl, theirs.failed_ttl);
  EXPECT_EQ(ours.connect_timeout, theirs.connect_timeout);
  EXPECT_EQ(ours.request_timeout, theirs.request_timeout);
  EXPECT_EQ(ours.backoff_max, theirs.backoff_max);
  EXPECT_EQ(ours.drain_timeout, theirs.drain_timeout);
  EXPECT_EQ(ours.ca_file, theirs.ca_file);
  EXPECT_EQ(ours.zone_dir, theirs.zone_dir);
  EXPECT_EQ(ours.egress, theirs.egress) << "it listens on loopback";
  EXPECT_EQ(ours.egress_allow, theirs.egress_allow);
  EXPECT_EQ(ours.egress_proxy, theirs.egress_proxy);
  EXPECT_EQ(ours.region, theirs.region);
  EXPECT_EQ(ours.create_table, theirs.create_table);
  EXPECT_EQ(ours.access_key_id, theirs.access_key_id);
}

TEST_F(ConfigTest, OptionsOfDynamo) {
  const std::string path = write(
      "store = \"dynamodb:\"\nregion = \"eu-west-1\"\nendpoint = \"http://127.0.0.1:8000\"\n"
      "profile = \"night\"\ntasks_table_name = \"my-tasks\"\nlogs_table_name = \"my-logs\"\n"
      "create_table = true\naccess_key_id = \"AKID\"\n");
  const auto config = Config::load(
      path, {{"RHOOKS_SECRET_ACCESS_KEY", "hush"}, {"RHOOKS_SESSION_TOKEN", "token"}}, {});
  ASSERT_TRUE(config) << config.error().message;
  const Options options = config->options();
  EXPECT_EQ(options.store, "dynamodb:");
  EXPECT_EQ(options.region, "eu-west-1");
  EXPECT_EQ(options.endpoint, "http://127.0.0.1:8000");
  EXPECT_EQ(options.profile, "night");
  EXPECT_EQ(options.tasks_table_name, "my-tasks");
  EXPECT_EQ(options.logs_table_name, "my-logs");
  EXPECT_TRUE(options.create_table);
  EXPECT_EQ(options.access_key_id, "AKID");
  EXPECT_EQ(options.secret_access_key, "hush");
  EXPECT_EQ(options.session_token, "token");
  const std::string printed = config->print();
  EXPECT_EQ(printed.find("hush"), std::string::npos) << printed;
  EXPECT_EQ(printed.find("AKID"), std::string::npos) << printed;
  EXPECT_EQ(printed.find("\"token"), std::string::npos) << printed;
}

TEST_F(ConfigTest, EgressIsClosedWhereTheApiIsOpen) {
  const auto egress_of = [](const Config::Flags& flags) {
    const auto config = Config::load({}, {}, flags);
    return config ? config->options().egress : config.error().message;
  };
  for (const char* listen : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"}) {
    EXPECT_EQ(egress_of({{"listen", listen}}), "open") << listen;
    EXPECT_EQ(egress_of({{"listen", listen}, {"egress", "public"}}), "public") << listen;
  }
  for (const char* listen : {"0.0.0.0:1", "[::]:1", "192.168.1.1:1", "nonsense"}) {
    EXPECT_EQ(egress_of({{"listen", listen}}), "public") << listen;
    EXPECT_EQ(egress_of({{"listen", listen}, {"egress", "open"}}), "open") << listen;
  }
  EXPECT_EQ(egress_of({{"admin_listen", "0.0.0.0:1"}}), "open");
  // Others may have accepted what this process delivers.
  EXPECT_EQ(egress_of({{"store", "dynamodb:"}}), "public");
  EXPECT_EQ(egress_of({{"store", "dynamodb:"}, {"egress", "open"}}), "open");
  EXPECT_EQ(egress_of({{"store", "memory:"}}), "open");
}

TEST_F(ConfigTest, OptionsOfEgress) {
  const auto config = Config::load(write("egress_allow = \"10.0.0.0/8, *.svc.local:80,, \"\n"
                                         "egress_deny = \"10.0.0.0/24\"\n"
                                         "egress_ports = \"443,8000-8999\"\n"
                                         "egress_https_only = true\n"
                                         "egress_nat64 = \"64:ff9b:1::/96\"\n"
                                         "egress_proxy = \"http://hooks@proxy:3128\"\n"),
                                   {{"RHOOKS_EGRESS_PROXY_PASSWORD", "hush"}}, {});
  ASSERT_TRUE(config) << config.error().message;
  const Options options = config->options();
  EXPECT_EQ(options.egress_allow, (std::vector<std::string>{"10.0.0.0/8", "*.svc.local:80"}));
  EXPECT_EQ(options.egress_deny, std::vector<std::string>{"10.0.0.0/24"});
  EXPECT_EQ(options.egress_ports, (std::vector<std::string>{"443", "8000-8999"}));
  EXPECT_TRUE(options.egress_https_only);
  EXPECT_EQ(options.egress_nat64, std::vector<std::string>{"64:ff9b:1::/96"});
  EXPECT_EQ(options.egress_proxy, "http://hooks@proxy:3128");
  EXPECT_EQ(options.egress_proxy_password, "hush");
  EXPECT_EQ(config->print().find("hush"), std::string::npos);
  const std::string wrong = error_of("egress_proxy = \"http://hooks:hush@proxy:3128\"");
  EXPECT_NE(wrong.find("RHOOKS_EGRESS_PROXY_PASSWORD"), std::string::npos) << wrong;
  EXPECT_EQ(wrong.find("hush"), std::string::npos);
}

TEST_F(ConfigTest, MasterKeysAreNotShown) {
  const auto config = Config::load(write("secret_key_file = \"/etc/rhooks/keys\"\n"),
                                   {{"RHOOKS_SECRET_KEYS", "hush,hush"}}, {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->options().secret_keys, "hush,hush");
  EXPECT_EQ(config->options().secret_key_file, "/etc/rhooks/keys");
  EXPECT_EQ(config->print().find("hush"), std::string::npos) << config->print();
}

TEST_F(ConfigTest, AStoreThatIsNoneNamesWhereItCameFrom) {
  const std::string error = error_of("\nstore = \"dynamodb:?colour=hush\"\n");
  EXPECT_NE(error.find("rhooks.toml:2: store: the dynamodb: URL has no parameter colour"),
            std::string::npos)
      << error;
  EXPECT_EQ(error.find("hush"), std::string::npos) << error;
}

TEST_F(ConfigTest, LaterSourcesWin) {
  const std::string path = write("concurrency = 1\nmax_errors = 2\nlogs_ttl = \"1h\"\n");
  const Environment environment{{"RHOOKS_MAX_ERRORS", "3"}, {"RHOOKS_LOGS_TTL", "2h"}};
  const auto config = Config::load(path, environment, {{"logs_ttl", "3h"}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->integer("concurrency"), 1);
  EXPECT_EQ(config->at("concurrency").source, path + ":1");
  EXPECT_EQ(config->integer("max_errors"), 3);
  EXPECT_EQ(config->at("max_errors").source, "RHOOKS_MAX_ERRORS");
  EXPECT_EQ(config->duration("logs_ttl"), 3h);
  EXPECT_EQ(config->at("logs_ttl").source, "--logs-ttl");
  EXPECT_EQ(config->at("store").source, "default");
}

TEST_F(ConfigTest, FileFromTheEnvironmentAndTheFlagBeforeIt) {
  const std::string named = write("concurrency = 7\n");
  EXPECT_EQ(Config::load({}, {{"RHOOKS_CONFIG", named}}, {})->integer("concurrency"), 7);
  const std::string other = dir_.sub("other.toml");
  std::ofstream(other) << "concurrency = 8\n";
  EXPECT_EQ(Config::load(other, {{"RHOOKS_CONFIG", named}}, {})->integer("concurrency"), 8);
  // An empty variable is no setting.
  EXPECT_EQ(Config::load({}, {{"RHOOKS_CONFIG", ""}, {"RHOOKS_CONCURRENCY", ""}}, {})
                ->integer("concurrency"),
            256);
}

TEST_F(ConfigTest, UnknownKeyNamesTheNearest) {
  const std::string error = error_of("\n\nconcurency = 3\n");
  EXPECT_NE(error.find("rhooks.toml:3"), std::string::npos) << error;
  EXPECT_NE(error.find("no setting concurency. Did you mean concurrency?"), std::string::npos)
      << error;
  EXPECT_NE(error_of("[serve]\nconcurrency = 3\n").find("no setting serve"), std::string::npos);
  EXPECT_EQ(error_of("banana = 1\n").find("Did you mean"), std::string::npos);
}

TEST_F(ConfigTest, WrongValuesNameKeySourceAndWhatIsAccepted) {
  const auto expect = [&](const std::string& text, const std::vector<std::string>& parts) {
    const std::string error = error_of(text);
    for (const std::string& part : parts) {
      EXPECT_NE(error.find(part), std::string::npos) << "\"" << part << "\" is not in: " << error;
    }
  };
  expect("concurrency = \"many\"\n", {"rhooks.toml:1", "concurrency", "string", "1 to 10000"});
  expect("concurrency = 0\n", {"rhooks.toml:1", "out of range", "1 to 10000"});
  expect("concurrency = 10001\n", {"out of range"});
  expect("concurrency = 2.5\n", {"floating-point"});
  expect("store = 5\n", {"store", "text"});
  expect("\nlogs_ttl = 30\n", {"rhooks.toml:2", "logs_ttl", "30s", "in quotes"});
  expect("logs_ttl = \"1500ms\"\n", {"whole seconds"});
  expect("request_timeout = \"2h\"\n", {"out of range", "1ms to 1h"});
  expect("worker = \"yes\"\n", {"true or false"});
  expect("log_level = \"loud\"\n", {"debug, info, warn, error, off"});
  expect("concurrency = \n", {"rhooks.toml:1", "TOML"});
  expect("concurrency = 1\nconcurrency = 2\n", {"rhooks.toml:2", "TOML"});
  expect("store = \"rocksdb:a\\u0007b\"\n", {"store", "control character"});

  const auto environment = Config::load({}, {{"RHOOKS_CONCURRENCY", "1e3"}}, {});
  ASSERT_FALSE(environment);
  EXPECT_EQ(environment.error().message,
            "RHOOKS_CONCURRENCY: concurrency: \"1e3\" is no whole number; accepted is a whole "
            "number, 1 to 10000");
  const auto flag = Config::load({}, {}, {{"logs_ttl", "soon"}});
  ASSERT_FALSE(flag);
  EXPECT_EQ(flag.error().message.substr(0, 12), "--logs-ttl: ");
}

TEST_F(ConfigTest, FileThatCanNotBeRead) {
  const auto missing = Config::load(dir_.sub("missing.toml"), {}, {});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("missing.toml cannot be read"), std::string::npos);
  EXPECT_FALSE(Config::load(dir_.path().string(), {}, {}));
  EXPECT_NE(error_of(std::string(1024 * 1024 + 1, '#')).find("larger than 1 MiB"),
            std::string::npos);
}

TEST_F(ConfigTest, PrintLoadsAgainAndHidesSecrets) {
  const std::string path = write("store = \"rocksdb:C:\\\\data \\\"x\\\"\"\napi_key = \"hush\"\n");
  const auto config = Config::load(path, {{"RHOOKS_WORKER", "no"}}, {{"logs_ttl", "168h"}});
  ASSERT_TRUE(config) << config.error().message;
  const std::string printed = config->print();
  EXPECT_EQ(printed.find("hush"), std::string::npos) << printed;
  EXPECT_NE(printed.find("# api_key is set, and not shown"), std::string::npos) << printed;
  EXPECT_NE(printed.find("# " + path + ":1\n"), std::string::npos) << printed;
  EXPECT_NE(printed.find("# --logs-ttl\n"), std::string::npos) << printed;

  const auto again = Config::load(write(printed), {}, {});
  ASSERT_TRUE(again) << again.error().message;
  for (const Setting& setting : settings()) {
    if (!setting.secret) {
      EXPECT_EQ(again->text(setting.key), config->text(setting.key));
    }
  }
}

TEST_F(ConfigTest, WhatIsNotUtf8IsRefusedSinceNoFileCouldHoldIt) {
  const auto config = Config::load({}, {{"RHOOKS_STORE", "rocksdb:caf\xe9"}}, {});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message, "RHOOKS_STORE: store: it is not valid UTF-8");
}

TEST_F(ConfigTest, ErrorsAreOneLineWhateverIsQuoted) {
  const auto flag = Config::load({}, {}, {{"concurrency", "1\n\x1b[2J\xff"}});
  ASSERT_FALSE(flag);
  EXPECT_EQ(flag.error().message.find_first_of("\n\x1b\xff"), std::string::npos)
      << flag.error().message;
  const std::string key = error_of("\"a\\nb\" = 1\n");
  EXPECT_EQ(key.find('\n'), std::string::npos) << key;
  const std::string value = error_of("log_level = \"" + std::string(100'000, 'x') + "\"\n");
  EXPECT_LT(value.size(), 4096u);
}

TEST_F(ConfigTest, SecretsAreNotInErrors) {
  const auto config = Config::load({}, {{"RHOOKS_API_KEY", "hu\x01sh"}}, {});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message.find("hu"), std::string::npos) << config.error().message;
}

TEST_F(ConfigTest, APasswordInTheServersAddressIsRefusedAndNotRepeated) {
  const auto config = Config::load({}, {}, {{"server", "http://me:hush@127.0.0.1:8090"}});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message.find("hush"), std::string::npos) << config.error().message;
  EXPECT_NE(config.error().message.find("RHOOKS_API_KEY"), std::string::npos);
}

TEST_F(ConfigTest, AFileWithAKeyThatOthersCanReadIsToldOf) {
  const auto warnings = [&](const std::string& text, unsigned mode) {
    const std::string path = write(text);
    std::filesystem::permissions(path, static_cast<std::filesystem::perms>(mode));
    const auto config = Config::load(path, {}, {});
    EXPECT_TRUE(config);
    return config ? config->warnings() : std::vector<std::string>{"refused"};
  };
  const std::string key = "log_level = \"warn\"\napi_key = \"0123456789abcdef\"\n";
  const auto told = warnings(key, 0644);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].find("rhooks.toml:2: every user of this machine can read api_key"),
            std::string::npos)
      << told[0];
  EXPECT_EQ(told[0].find("0123"), std::string::npos) << told[0];
  EXPECT_TRUE(warnings(key, 0640).empty());
  EXPECT_TRUE(warnings(key, 0600).empty());
  EXPECT_TRUE(warnings("log_level = \"warn\"\n", 0644).empty());
}

TEST(SettingsTest, TableIsSound) {
  std::set<std::string> seen;
  for (const Setting& setting : settings()) {
    EXPECT_TRUE(seen.insert(setting.key).second) << setting.key;
    std::string why;
    const auto value = normalize(setting, setting.default_value, why);
    ASSERT_TRUE(value) << setting.key << ": " << why;
    EXPECT_EQ(*value, setting.default_value) << setting.key;
    // A flag would show a secret in the list of processes.
    if (setting.secret) {
      EXPECT_EQ(setting.flag, nullptr) << setting.key;
    }
    EXPECT_NE(settings_markdown().find("| `" + std::string(setting.key) + "` |"),
              std::string::npos);
  }
}

TEST(SettingsTest, UnknownEnvironmentIsNoticed) {
  const auto notes = unknown_environment(
      {{"RHOOKS_CONCURENCY", "5"}, {"RHOOKS_STORE", "memory:"}, {"PATH", "/bin"}});
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0],
            "nothing reads the environment variable RHOOKS_CONCURENCY. Did you mean "
            "RHOOKS_CONCURRENCY?");
}

}  // namespace
}  // namespace rhooks::cli
