#pragma once

#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "aws/environment.h"
#include "testing/temp_dir.h"

// An environment and shared files of a test's own.
namespace rhooks::aws {

class TestAws {
 public:
  // No home of a user's, and no instance to ask: what is set up is what the test sets up.
  TestAws() : variables{{"HOME", home.path().string()}, {"AWS_EC2_METADATA_DISABLED", "true"}} {
    std::filesystem::create_directories(home.path() / ".aws");
  }

  // The variables as they are at this moment.
  Environment environment() const {
    return [copy = variables](std::string_view name) -> std::optional<std::string> {
      const auto found = copy.find(name);
      if (found == copy.end()) return std::nullopt;
      return found->second;
    };
  }

  // Writes a file below the home directory, and gives its path.
  std::string write(const std::string& name, std::string_view text) const {
    const std::string path = home.sub(name);
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  void credentials(std::string_view text) const { write(".aws/credentials", text); }
  void config(std::string_view text) const { write(".aws/config", text); }

  testing::TempDir home;
  std::map<std::string, std::string, std::less<>> variables;
};

}  // namespace rhooks::aws
