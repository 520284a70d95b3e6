#include "aws/profile.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include "base/ascii.h"

namespace rhooks::aws {
namespace {

constexpr std::size_t kFileBytesMax = 1024 * 1024;
constexpr std::string_view kBlanks = " \t\r\n";

// "profile   'my dev'" -> "profile my dev"
std::string section_name(std::string_view text) {
  text = trim(text);
  const auto first_end = text.find_first_of(kBlanks);
  if (first_end == text.npos) return std::string(text);
  std::string_view rest = trim(text.substr(first_end));
  if (rest.size() >= 2 && (rest.front() == '"' || rest.front() == '\'') &&
      rest.back() == rest.front()) {
    rest = rest.substr(1, rest.size() - 2);
  }
  return std::string(text.substr(0, first_end)) + " " + std::string(rest);
}

class Parser {
 public:
  Result<Sections> parse(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    for (int number = 1; !text.empty(); ++number) {
      const auto end = text.find('\n');
      const char* const wrong = take(text.substr(0, end));
      if (wrong) {
        return fail(ErrorCode::kInvalidArgument, "line " + std::to_string(number) + " " + wrong);
      }
      text.remove_prefix(end == text.npos ? text.size() : end + 1);
    }
    return std::move(sections_);
  }

 private:
  // What is wrong with the line, or nothing.
  const char* take(std::string_view line) {
    const std::string_view content = trim(line);
    if (content.empty() || content.front() == '#' || content.front() == ';') return nullptr;
    const std::size_t indent = line.find_first_not_of(kBlanks);
    if (content.front() == '[') return open_section(content);
    if (!section_) return "stands before the first [section]";
    // What is further in than a property belongs to it.
    if (property_ && indent > property_indent_) return take_nested(content);
    const auto equals = content.find('=');
    if (equals == content.npos || equals == 0) return "is neither [section] nor name = value";
    property_ = lower_case(trim(content.substr(0, equals)));
    property_indent_ = indent;
    (*section_)[*property_] = value_of(content.substr(equals + 1), *property_);
    return nullptr;
  }

  const char* open_section(std::string_view content) {
    const auto end = content.find(']');
    if (end == content.npos) return "has no ] for its [";
    const std::string name = section_name(content.substr(1, end - 1));
    if (name.empty()) return "names no section";
    section_ = &sections_[name];
    property_.reset();
    return nullptr;
  }

  const char* take_nested(std::string_view content) {
    std::string& outer = (*section_)[*property_];
    const auto equals = content.find('=');
    if (outer.empty() && equals != content.npos && equals > 0) {
      const std::string name = *property_ + "." + lower_case(trim(content.substr(0, equals)));
      (*section_)[name] = value_of(content.substr(equals + 1), name);
      return nullptr;
    }
    if (outer.empty()) return "is neither a nested name = value nor the rest of a value";
    outer.append("\n").append(content);
    return nullptr;
  }

  // A comment may follow a value, but ';' and '#' belong to the language of a shell command.
  static std::string value_of(std::string_view text, std::string_view name) {
    if (name != "credential_process") {
      for (std::size_t i = 1; i < text.size(); ++i) {
        const bool starts = text[i] == '#' || text[i] == ';';
        if (starts && kBlanks.find(text[i - 1]) != kBlanks.npos) text = text.substr(0, i);
      }
    }
    return std::string(trim(text));
  }

  Sections sections_;
  Properties* section_ = nullptr;
  std::optional<std::string> property_;
  std::size_t property_indent_ = 0;
};

// "" where there is no home directory to begin at.
std::string file_path(const Environment& environment, const char* name, const char* usual) {
  std::string path = variable(environment, name);
  if (path.empty()) path = usual;
  if (!path.starts_with("~/")) return path;
  const std::string home = variable(environment, "HOME");
  return home.empty() ? "" : home + path.substr(1);
}

struct SharedFile {
  std::string path;
  Sections sections;
  bool exists = false;
};

Result<SharedFile> load_file(std::string path) {
  SharedFile file{std::move(path), {}, false};
  if (file.path.empty()) return file;
  const auto text = read_small_file(file.path);
  if (!text && text.error().code == ErrorCode::kNotFound) return file;
  if (!text) {
    return fail(ErrorCode::kInvalidArgument, file.path + ": " + text.error().message, "profile");
  }
  file.exists = true;
  auto sections = parse_shared_file(*text);
  if (!sections) {
    return fail(ErrorCode::kInvalidArgument, file.path + ": " + sections.error().message,
                "profile");
  }
  file.sections = std::move(*sections);
  return file;
}

std::string shown(const SharedFile& file, const char* usual) {
  if (file.path.empty()) return std::string(usual) + " (HOME is not set)";
  return file.path + (file.exists ? "" : " (no such file)");
}

const Properties* section(const SharedFile& file, const std::string& name) {
  const auto found = file.sections.find(name);
  return found == file.sections.end() ? nullptr : &found->second;
}

}  // namespace

Result<std::string> read_small_file(const std::string& path) {
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rbe"), close);
  if (!file) {
    if (errno == ENOENT || errno == ENOTDIR) return fail(ErrorCode::kNotFound, "no such file");
    return fail(ErrorCode::kUnavailable, std::string("cannot be read: ") + std::strerror(errno));
  }
  std::string text(kFileBytesMax + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get())) {
    return fail(ErrorCode::kUnavailable, std::string("cannot be read: ") + std::strerror(errno));
  }
  if (text.size() > kFileBytesMax) {
    return fail(ErrorCode::kUnavailable, "is longer than 1 MiB, and so not what it should be");
  }
  return text;
}

Result<Sections> parse_shared_file(std::string_view text) {
  return Parser().parse(text);
}

std::string Profile::get(std::string_view property) const {
  const auto entry = properties.find(property);
  return entry == properties.end() ? "" : entry->second;
}

Result<Profile> load_profile(const Environment& environment, std::string_view wanted) {
  constexpr char kUsualCredentials[] = "~/.aws/credentials";
  constexpr char kUsualConfig[] = "~/.aws/config";
  auto credentials =
      load_file(file_path(environment, "AWS_SHARED_CREDENTIALS_FILE", kUsualCredentials));
  if (!credentials) return fail(std::move(credentials.error()));
  auto config = load_file(file_path(environment, "AWS_CONFIG_FILE", kUsualConfig));
  if (!config) return fail(std::move(config.error()));

  Profile profile;
  profile.name = std::string(wanted);
  if (profile.name.empty()) profile.name = variable(environment, "AWS_PROFILE");
  const bool named = !profile.name.empty();
  if (!named) profile.name = "default";
  profile.files = shown(*credentials, kUsualCredentials) + ", " + shown(*config, kUsualConfig);

  // Of the three, what comes first holds.
  const Properties* const sources[] = {
      section(*credentials, profile.name),
      section(*config, "profile " + profile.name),
      profile.name == "default" ? section(*config, "default") : nullptr,
  };
  for (const Properties* source : sources) {
    if (!source) continue;
    profile.found = true;
    profile.properties.insert(source->begin(), source->end());
  }
  if (named && !profile.found) {
    return fail(ErrorCode::kInvalidArgument,
                "there is no profile \"" + profile.name + "\" in " + profile.files +
                    "; name one that exists (option profile, or AWS_PROFILE), or make it with "
                    "`aws configure --profile " +
                    profile.name + "`",
                "profile");
  }
  if (const std::string services = profile.get("services"); !services.empty()) {
    if (const Properties* its = section(*config, "services " + services)) profile.services = *its;
  }
  return profile;
}

}  // namespace rhooks::aws
