// Checks what the documents say where the code can tell: settings, error codes, links.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "cli/settings.h"
#include "codec/public_json.h"
#include "model/endpoint.h"
#include "model/fields.h"
#include "model/redrive.h"

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

TEST(DocsTest, SemanticsListsEveryErrorCode) {
  const std::string page = read(kRoot / "docs/semantics.md");
  for (ErrorCode code : {ErrorCode::kInvalidArgument, ErrorCode::kNotFound, ErrorCode::kConflict,
                         ErrorCode::kUnsupported, ErrorCode::kUnavailable, ErrorCode::kOverloaded,
                         ErrorCode::kUnknownOutcome, ErrorCode::kCorrupt, ErrorCode::kInternal}) {
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
