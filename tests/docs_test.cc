// Checks what the documents say where the code can tell: settings, error codes, links.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "base/iso8601.h"
#include "cli/settings.h"
#include "cli/test_io.h"
#include "codec/public_json.h"
#include "model/api_key.h"
#include "model/endpoint.h"
#include "model/fields.h"
#include "model/redrive.h"
#include "model/secret.h"

namespace rhooks {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = RHOOKS_SOURCE_DIR;

std::string read(const fs::path& path) {
  std::ifstream stream(path);
  EXPECT_TRUE(stream) << path;
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

TEST(DocsTest, ConfigurationListsEverySetting) {
  const std::string page = read(kRoot / "docs/configuration.md");
  EXPECT_NE(page.find(cli::settings_markdown()), page.npos)
      << "docs/configuration.md has another table than the settings give:\n"
      << cli::settings_markdown();
}

// "| `name` | doc |" for each row that `listed` takes.
template <typename T, typename Listed>
std::string rows_of(Listed listed) {
  std::string rows;
  model::for_each_field<T>([&]<typename F>(const F& field) {
    if (listed(field)) {
      rows += "| `" + std::string(field.name) + "` | " + std::string(field.doc) + " |\n";
    }
  });
  return rows;
}

TEST(DocsTest, SemanticsListsEveryField) {
  const auto any = [](const auto&) { return true; };
  std::string given;
  model::for_each_field<NewTask>([&]<typename F>(const F& field) {
    if constexpr (model::kIs<F, &Spec::request>) given += rows_of<Request>(any);
    given += "| `" + std::string(field.name) + "` | " + std::string(field.doc) + " |\n";
  });
  // Leave out what the first table has.
  const std::string added = rows_of<Task>([]<typename F>(const F& field) {
    return !std::is_same_v<typename F::Owner, Spec> &&
           std::string_view(field.name) != "scheduledDate";
  });
  const std::string page = read(kRoot / "docs/semantics.md");
  for (const std::string& rows : {given, added}) {
    EXPECT_NE(page.find("|---|---|\n" + rows + "\n"), page.npos)
        << "docs/semantics.md has other rows than model/fields.h gives:\n"
        << rows;
  }
}

TEST(DocsTest, SchedulesListsEveryField) {
  const std::string rows = rows_of<Schedule>([](const auto&) { return true; });
  EXPECT_NE(read(kRoot / "docs/schedules.md").find("|---|---|\n" + rows + "\n"), std::string::npos)
      << "docs/schedules.md has other rows than model/fields.h gives:\n"
      << rows;
}

// As a shell reads it, which knows only single quotes.
std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  const std::regex word(R"('([^']*)'|(\S+))");
  for (std::sregex_iterator it(line.begin(), line.end(), word), end; it != end; ++it) {
    words.push_back((*it)[1].matched ? (*it)[1] : (*it)[2]);
  }
  return words;
}

TEST(DocsTest, WhatIsTypedForAScheduleReadsAsThePageSays) {
  const std::string page = read(kRoot / "docs/schedules.md");
  const std::string section = page.substr(page.find("\n## How do I say"));
  const std::regex row(R"(\n\| ([^|]+) \| `([^|`]+)` \| ([^|]+) \|)");
  int rows = 0;
  for (std::sregex_iterator it(section.begin(), section.end(), row), end; it != end; ++it, ++rows) {
    cli::TestIo test;
    test.io.now = [] { return parse_time("2027-01-01T00:00Z").value(); };
    std::vector<std::string> args = words_of((*it)[2]);
    args.insert(args.begin(), {"schedule", "preview"});
    const cli::TestRun run = test.run(args);
    EXPECT_EQ(run.exit_code, cli::kExitDone) << (*it)[1] << ": " << run.err;
    EXPECT_EQ(run.out.substr(0, run.out.find('\n')), (*it)[3]) << (*it)[1];
  }
  EXPECT_GE(rows, 20);
}

// The example is what the command prints.
TEST(DocsTest, ThePreviewOfThePageIsWhatIsPrinted) {
  const std::string page = read(kRoot / "docs/schedules.md");
  const std::regex example(R"(```\n\$ rhooks ([^\n]+)\n([^`]+)```)");
  std::smatch found;
  ASSERT_TRUE(std::regex_search(page, found, example));
  EXPECT_EQ(cli::run_line(words_of(found[1])).out, found[2]);
}

TEST(DocsTest, EndpointsListsEveryField) {
  const std::string page = read(kRoot / "docs/endpoints.md");
  for (const bool read_only : {false, true}) {
    const auto listed = [&](const auto& field) { return field.read_only == read_only; };
    for (const std::string& rows : {rows_of<Endpoint>(listed), rows_of<Redrive>(listed)}) {
      EXPECT_NE(page.find("|---|---|\n" + rows + "\n"), page.npos)
          << "docs/endpoints.md has other rows than model/endpoint.h or model/redrive.h gives:\n"
          << rows;
    }
  }
}

TEST(DocsTest, SecurityListsEveryFieldOfASecret) {
  const auto given = [](const auto& field) { return !field.read_only; };
  const auto shown = [](const auto& field) { return field.read_only; };
  const std::string page = read(kRoot / "docs/security.md");
  for (const std::string& rows :
       {rows_of<NewSecret>(given), rows_of<Secret>(shown), rows_of<SecretRotation>(given)}) {
    EXPECT_NE(page.find("|---|---|\n" + rows + "\n"), page.npos)
        << "docs/security.md has other rows than model/secret.h gives:\n"
        << rows;
  }
}

TEST(DocsTest, SecurityListsEveryFieldOfAnApiKey) {
  const auto given = [](const auto& field) { return !field.read_only; };
  const auto shown = [](const auto& field) { return field.read_only; };
  const std::string page = read(kRoot / "docs/security.md");
  for (const std::string& rows : {rows_of<ApiKeySpec>(given), rows_of<CreatedApiKey>(shown)}) {
    EXPECT_NE(page.find("|---|---|\n" + rows + "\n"), page.npos)
        << "docs/security.md has other rows than model/api_key.h gives:\n"
        << rows;
  }
}

TEST(DocsTest, SemanticsListsEveryErrorCode) {
  const std::string page = read(kRoot / "docs/semantics.md");
  for (ErrorCode code : {ErrorCode::kInvalidArgument, ErrorCode::kNotFound, ErrorCode::kConflict,
                         ErrorCode::kForbidden, ErrorCode::kUnsupported, ErrorCode::kUnavailable,
                         ErrorCode::kOverloaded, ErrorCode::kUnknownOutcome, ErrorCode::kCorrupt,
                         ErrorCode::kInternal}) {
    const std::string row = "\n| `" + std::string(to_string(code)) + "` | " +
                            std::to_string(codec::http_status(code)) + " | ";
    EXPECT_NE(page.find(row), page.npos) << row;
  }
}

TEST(DocsTest, LinksLeadSomewhere) {
  std::vector<fs::path> pages = {kRoot / "README.md", kRoot / "CONTRIBUTING.md",
                                 kRoot / "CHANGELOG.md"};
  for (const auto& entry : fs::directory_iterator(kRoot / "docs")) {
    if (entry.path().extension() == ".md") pages.push_back(entry.path());
  }
  const std::regex link(R"(\]\(([^)#]+)(#[^)]*)?\))");
  int followed = 0;
  for (const fs::path& page : pages) {
    const std::string text = read(page);
    for (std::sregex_iterator it(text.begin(), text.end(), link), end; it != end; ++it) {
      const std::string target = (*it)[1];
      if (target.starts_with("http")) continue;
      ++followed;
      EXPECT_TRUE(fs::exists(page.parent_path() / target)) << page << " links to " << target;
    }
  }
  EXPECT_GT(followed, 8);
}

}  // namespace
}  // namespace rhooks
