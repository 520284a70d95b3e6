#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rhooks::cli {

enum class SettingType { kText, kInteger, kDuration, kSize, kBoolean, kChoice };

// One setting, whatever it is set by. The key is its name in the file; the environment
// variable and the flag are derived names kept here so that a reader finds them by search.
struct Setting {
  const char* key;
  SettingType type;
  const char* default_value;  // as it is written on a command line
  const char* env;            // nullptr: not from the environment
  const char* flag;           // nullptr: no flag (secrets show in process lists; URLs say it)
  const char* help;
  std::int64_t min = 0;  // integers; durations in milliseconds; sizes in bytes
  std::int64_t max = 0;
  const char* choices = "";  // separated by '|'
  bool secret = false;
  bool whole_seconds = false;  // durations that are kept in seconds
};

// Every setting there is: this table drives the file, the environment, the flags,
// --print-config and docs/configuration.md.
const std::vector<Setting>& settings();
const Setting* find_setting(std::string_view key);

std::vector<std::string> choices_of(const Setting& setting);
// What is accepted, as an error message or a document says it: "a whole number, 1 to 10000".
std::string accepted(const Setting& setting);

// Checks a value as text and returns its normal spelling ("60s" -> "1m"); otherwise says in
// `why` what is wrong with it.
std::optional<std::string> normalize(const Setting& setting, std::string_view text,
                                     std::string& why);

// The table of docs/configuration.md.
std::string settings_markdown();

}  // namespace rhooks::cli
