#pragma once

#include <rhooks/options.h>
#include <rhooks/result.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/io.h"

namespace rhooks::cli {

// The values of all settings and where each came from:
// defaults < TOML file < environment < flags.
class Config {
 public:
  enum class From { kDefault, kFile, kEnvironment, kFlag };
  struct Value {
    std::string text;  // in its normal spelling
    From from = From::kDefault;
    std::string source;  // "default", "rhooks.toml:3", "RHOOKS_STORE", "--store"
  };

  // Text of flags by the key of their setting.
  using Flags = std::map<std::string, std::string>;

  // The file is `config_flag`, otherwise RHOOKS_CONFIG, otherwise none. Errors:
  // kInvalidArgument, naming key, source and what is accepted; an unknown key names the
  // nearest known one.
  static Result<Config> load(const std::optional<std::string>& config_flag,
                             const Environment& environment, const Flags& flags);

  const Value& at(const std::string& key) const;
  std::string text(const std::string& key) const { return at(key).text; }
  int integer(const std::string& key) const;
  std::chrono::milliseconds duration(const std::string& key) const;
  std::size_t size(const std::string& key) const;
  bool boolean(const std::string& key) const;

  // What somebody should look at, though it keeps nothing from working: a file that others can read
  // and that has a secret in it.
  const std::vector<std::string>& warnings() const { return warnings_; }

  // Whether commands work straight on a store, in their own process, and not through a server.
  bool works_on_store() const;
  // What the setting of that name comes to: "open" or "public".
  std::string egress() const;
  // What the library is opened with.
  Options options() const;

  // The outcome as TOML that loads again, each line with where its value came from.
  // Secrets are named but not shown.
  std::string print() const;

 private:
  Config();
  Result<void> set(const std::string& key, const std::string& text, From from,
                   const std::string& source);
  Result<void> load_file(const std::string& path);

  std::map<std::string, Value> values_;
  std::vector<std::string> warnings_;
};

// Names in the environment that start with RHOOKS_ and that nothing reads, each with a
// sentence that says so: a misspelt name would otherwise be lost without a word.
std::vector<std::string> unknown_environment(const Environment& environment);

}  // namespace rhooks::cli
