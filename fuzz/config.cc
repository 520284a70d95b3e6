// The configuration file, the environment and the flags. What is accepted is in range and, once
// printed, loads again as a file with the same values; what is refused says so in one line; and
// neither shows a secret, however the file goes wrong around it.
//
// An input is the file, then, after a zero byte, lines NAME=VALUE: environment variables, or
// flags by the key of their setting.

#include "cli/config.h"

#include <sys/mman.h>
#include <unistd.h>

#include <iterator>

#include "base/utf8.h"
#include "cli/settings.h"
#include "fuzz/fuzz.h"

using namespace rhooks;
using cli::Config;

namespace {

constexpr std::string_view kHush = "hUsh4711";

// A file in memory that can be opened by its path.
class MemoryFile {
 public:
  MemoryFile() : fd_(::memfd_create("rhooks.toml", MFD_CLOEXEC)) { FUZZ_EXPECT(fd_ >= 0); }

  std::string hold(std::string_view text) {
    FUZZ_EXPECT(::ftruncate(fd_, 0) == 0);
    FUZZ_EXPECT(::pwrite(fd_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    return "/proc/self/fd/" + std::to_string(fd_);
  }

 private:
  const int fd_;
};

Result<Config> load(std::string_view text, const cli::Environment& environment = {},
                    const Config::Flags& flags = {}) {
  static MemoryFile file;
  return Config::load(file.hold(text), environment, flags);
}

void check_refusal(const Error& error) {
  FUZZ_EXPECT(error.code == ErrorCode::kInvalidArgument);
  FUZZ_EXPECT(!error.message.empty());
  FUZZ_EXPECT(is_utf8(error.message) && !has_control(error.message));
  FUZZ_EXPECT(error.message.find(kHush) == std::string::npos);
}

void check_values(const Config& config) {
  for (const cli::Setting& setting : cli::settings()) {
    const std::string& text = config.text(setting.key);
    std::string why;
    FUZZ_EXPECT(cli::normalize(setting, text, why) == text);
    if (setting.type == cli::SettingType::kInteger) {
      FUZZ_EXPECT(config.integer(setting.key) >= setting.min);
      FUZZ_EXPECT(config.integer(setting.key) <= setting.max);
    }
    if (setting.type == cli::SettingType::kDuration) {
      FUZZ_EXPECT(config.duration(setting.key).count() >= setting.min);
      FUZZ_EXPECT(config.duration(setting.key).count() <= setting.max);
    }
  }
  FUZZ_EXPECT(config.options().store == config.text("store"));

  const std::string printed = config.print();
  FUZZ_EXPECT(printed.find(kHush) == std::string::npos);
  const auto again = load(printed);
  FUZZ_EXPECT(again);
  for (const cli::Setting& setting : cli::settings()) {
    if (setting.secret) continue;
    FUZZ_EXPECT(again->text(setting.key) == config.text(setting.key));
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string text(input.until('\0'));
  cli::Environment environment;
  Config::Flags flags;
  while (!input.empty()) {
    const std::string_view line = input.line();
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string name(line.substr(0, equals));
    const std::string value(line.substr(equals + 1));
    const cli::Setting* setting = cli::find_setting(name);
    if (setting == nullptr) {
      environment[name] = value;
    } else if (setting->flag != nullptr) {
      flags[name] = value;
    }
  }
  environment.erase("RHOOKS_CONFIG");
  if (fuzz::to_text(data, size).find(kHush) != std::string_view::npos) return 0;
  for (const std::string& note : cli::unknown_environment(environment)) {
    FUZZ_EXPECT(!note.empty());
  }

  for (const char* secret : {"RHOOKS_API_KEY", "RHOOKS_SECRET_ACCESS_KEY"}) {
    environment[secret] = std::string(kHush);
  }
  const auto config = load(text, environment, flags);
  if (config) {
    check_values(*config);
  } else {
    check_refusal(config.error());
  }

  const std::string hush(kHush);
  const std::string wrong_values[] = {hush, "\"" + hush, "\"" + hush + "\" x", "[\"" + hush + "\"]",
                                      "\"" + hush + "\\x\""};
  const auto wrong =
      load(text + "\nsecret_access_key = " + wrong_values[size % std::size(wrong_values)]);
  FUZZ_EXPECT(!wrong);
  check_refusal(wrong.error());
  return 0;
}
