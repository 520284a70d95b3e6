#include "cli/completion.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>

#include "cli/command.h"
#include "cli/test_io.h"
#include "testing/temp_dir.h"

namespace rhooks::cli {
namespace {

std::string script() {
  return run_line({"completion", "bash"}).out;
}

// Runs the script's function in a real bash, as it would for this line, the last word being
// the one that is completed.
std::string complete(const std::vector<std::string>& words) {
  testing::TempDir dir;
  const std::string path = dir.sub("complete.sh");
  {
    std::ofstream file(path);
    file << script() << "COMP_WORDS=(rhooks";
    for (const std::string& word : words) file << " '" << word << "'";
    file << ")\nCOMP_CWORD=" << words.size() << "\n_rhooks\necho \"${COMPREPLY[*]}\"\n";
  }
  FILE* pipe = popen(("bash --norc --noprofile " + path + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return "(bash did not start)";
  std::string out;
  char buffer[4096];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) out += buffer;
  pclose(pipe);
  return out;
}

TEST(CompletionTest, HasEveryCommandAndFlag) {
  TestIo test;
  Commands commands(test.io);
  add_all(commands);
  const std::string text = script();
  int flags = 0;
  for (const CLI::App* command : commands.root().get_subcommands({})) {
    std::string pattern = command->get_name();
    for (const std::string& alias : command->get_aliases()) pattern += "|" + alias;
    const auto begin = text.find("\n    " + pattern + ")\n");
    ASSERT_NE(begin, std::string::npos) << command->get_name();
    const auto end = text.find("\" ;;\n", text.find("words=\"", begin));
    const std::string part = text.substr(begin, end - begin) + " ";
    const std::string words = part.substr(part.find("words=\""));
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        ++flags;
        EXPECT_TRUE(words.find("--" + name + " ") != std::string::npos)
            << command->get_name() << " --" << name << " is not in " << words;
      }
    }
  }
  EXPECT_GT(flags, 100);
}

TEST(CompletionTest, WorksInBash) {
  EXPECT_EQ(complete({"reg"}), "register\n");
  EXPECT_EQ(complete({"suspend-"}), "suspend-many\n");
  EXPECT_EQ(complete({"unsuspend-"}), "unsuspend-many\n");
  EXPECT_EQ(complete({"cancel-"}), "cancel-many\n");
  EXPECT_EQ(complete({"clear", "--dry"}), "--dry-run\n");
  EXPECT_EQ(complete({"redr"}), "redrive\n");
  EXPECT_EQ(complete({"redrive", "--sho"}), "--show\n");
  EXPECT_EQ(complete({"sho"}), "show\n");
  EXPECT_EQ(complete({"ls", "--status", "S"}), "SUSPENDED\n");
  EXPECT_EQ(complete({"rm", "--names"}), "--namespace\n");
  EXPECT_EQ(complete({"tail", "--status", ""}), "SUCCESS FAIL\n");
  EXPECT_EQ(complete({"register", "--repeat-u"}), "--repeat-unit\n");
  EXPECT_EQ(complete({"fetch", "--status", "S"}), "SUSPENDED\n");
  EXPECT_EQ(complete({"logs", "--status", ""}), "SUCCESS FAIL\n");
  EXPECT_EQ(complete({"register", "--method", "P"}), "POST PUT PATCH\n");
  EXPECT_EQ(complete({"serve", "--log-format", "j"}), "json\n");
  EXPECT_EQ(complete({"register", "--url", "h"}), "\n");
  EXPECT_EQ(complete({"completion", "b"}), "bash\n");
  EXPECT_EQ(complete({"store", "d"}), "describe\n");
  EXPECT_EQ(complete({"egress", "c"}), "check\n");
  EXPECT_EQ(complete({"serve", "--egress", ""}), "auto open public\n");
  EXPECT_EQ(complete({"endpoint", "s"}), "set\n");
  EXPECT_EQ(complete({"endpoint", "p"}), "put pause\n");
  EXPECT_EQ(complete({"endpoint", "t"}), "test\n");
  EXPECT_EQ(complete({"endpoint", "put", "acme", "--no-h"}), "--no-header\n");
  EXPECT_EQ(complete({"sec"}), "secret\n");
  EXPECT_EQ(complete({"secret", "r"}), "rotate\n");
  EXPECT_EQ(complete({"secret", "generate", "--type", "e"}), "ed25519\n");
  EXPECT_EQ(complete({"ke"}), "key\n");
  EXPECT_EQ(complete({"key", "re"}), "revoke\n");
  EXPECT_EQ(complete({"key", "create", "--role", "w"}), "write\n");
  EXPECT_EQ(complete({"verify", "--sig"}), "--signature\n");
  EXPECT_EQ(complete({"sch"}), "schedule\n");
  EXPECT_EQ(complete({"schedule", "p"}), "preview\n");
  EXPECT_EQ(complete({"schedule", "preview", "--cr"}), "--cron\n");
  EXPECT_EQ(complete({"nothing", "--"}), "\n");
}

}  // namespace
}  // namespace rhooks::cli
