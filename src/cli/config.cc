#include "cli/config.h"

#include <sys/stat.h>
#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string_view>

#include "base/ascii.h"
#include "base/check.h"
#include "base/duration.h"
#include "base/utf8.h"
#include "cli/secret_args.h"
#include "cli/settings.h"
#include "cli/sizes.h"
#include "cli/suggest.h"
#include "egress/proxy.h"
#include "hooks/hooks_parts.h"
#include "rest/access.h"

namespace rhooks::cli {
namespace {

constexpr std::size_t kFileBytesMax = 1024 * 1024;
constexpr std::size_t kMessageBytesMax = 2048;

// What is quoted from a file or variable must not write its own lines on a terminal.
tl::unexpected<Error> refuse(const std::string& message, const std::string& field) {
  return fail(ErrorCode::kInvalidArgument, one_line(message, kMessageBytesMax), field);
}

std::vector<std::string> known_keys() {
  std::vector<std::string> keys;
  for (const Setting& setting : settings()) keys.emplace_back(setting.key);
  return keys;
}

std::string toml_string(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

// A value of the file as text for normalize(); nullopt where its TOML type cannot be meant.
std::optional<std::string> text_of(const Setting& setting, const toml::node& node) {
  switch (setting.type) {
    case SettingType::kInteger:
      if (const auto* v = node.as_integer()) return std::to_string(v->get());
      return std::nullopt;
    case SettingType::kBoolean:
      if (const auto* v = node.as_boolean()) return v->get() ? "true" : "false";
      return std::nullopt;
    case SettingType::kDuration:
      // Only 0 means the same in every unit.
      if (const auto* v = node.as_integer(); v != nullptr && v->get() == 0) return "0";
      [[fallthrough]];
    case SettingType::kText:
    case SettingType::kSize:
    case SettingType::kChoice:
      if (const auto* v = node.as_string()) return v->get();
      return std::nullopt;
  }
  return std::nullopt;
}

// "a, b" as "a" and "b".
std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    if (const auto item = trim(text.substr(0, comma)); !item.empty()) items.emplace_back(item);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return items;
}

std::string type_name(const toml::node& node) {
  std::ostringstream text;
  text << node.type();
  return text.str();
}

}  // namespace

Config::Config() {
  for (const Setting& setting : settings()) {
    values_[setting.key] = {setting.default_value, From::kDefault, "default"};
  }
}

Result<void> Config::set(const std::string& key, const std::string& text, From from,
                         const std::string& source) {
  const Setting* setting = find_setting(key);
  RHOOKS_CHECK(setting != nullptr);
  std::string why;
  auto value = normalize(*setting, text, why);
  if (!value) return refuse(source + ": " + key + ": " + why, key);
  if (key == "store") {
    // Refused before anything can print it: there may be a secret where none belongs.
    if (auto valid = validate_store(*value); !valid) {
      return refuse(source + ": store: " + valid.error().message, key);
    }
  }
  if (key == "egress_proxy") {
    // Likewise.
    if (auto valid = egress::parse_proxy(*value, {}); !valid) {
      return refuse(source + ": " + valid.error().message, key);
    }
  }
  if ((key == "endpoint" || key == "server") && value->find('@') != std::string::npos) {
    return refuse(source + ": " + key +
                      ": it holds an @; a user name or password has no place in it" +
                      (key == "server" ? " (RHOOKS_API_KEY has the key)" : ""),
                  key);
  }
  values_[key] = {std::move(*value), from, source};
  return {};
}

Result<void> Config::load_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return refuse("the configuration file " + path + " cannot be read", "config");
  }
  std::string text(kFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad() || text.size() > kFileBytesMax) {
    return refuse("the configuration file " + path +
                      (file.bad() ? " cannot be read" : " is larger than 1 MiB"),
                  "config");
  }

  toml::table table;
  try {
    table = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    return refuse(path + ":" + std::to_string(error.source().begin.line) +
                      ": this is no valid TOML: " + std::string(error.description()),
                  "config");
  }
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    const std::string source = path + ":" + std::to_string(key.source().begin.line);
    const Setting* setting = find_setting(name);
    if (setting == nullptr) {
      return refuse(
          source + ": there is no setting " + name + "." + did_you_mean(name, known_keys()), name);
    }
    const auto value = text_of(*setting, node);
    if (!value) {
      return refuse(
          source + ": " + name + ": a value of type " + type_name(node) +
              " does not fit; accepted is " + accepted(*setting) +
              (setting->type == SettingType::kDuration || setting->type == SettingType::kSize
                   ? ", in quotes"
                   : ""),
          name);
    }
    if (auto set_result = set(name, *value, From::kFile, source); !set_result) return set_result;
    struct stat of_file {};
    if (setting->secret && !value->empty() && ::stat(path.c_str(), &of_file) == 0 &&
        S_ISREG(of_file.st_mode) && (of_file.st_mode & S_IROTH) != 0) {
      warnings_.push_back(one_line(source + ": every user of this machine can read " + name +
                                       " there; chmod o-r closes the file",
                                   kMessageBytesMax));
    }
  }
  return {};
}

Result<Config> Config::load(const std::optional<std::string>& config_flag,
                            const Environment& environment, const Flags& flags) {
  Config config;
  const auto from_environment = [&](const char* name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    if (found == environment.end() || found->second.empty()) return std::nullopt;
    return found->second;
  };

  const auto path = config_flag ? config_flag : from_environment("RHOOKS_CONFIG");
  if (path) {
    if (auto loaded = config.load_file(*path); !loaded) return fail(loaded.error());
  }
  for (const Setting& setting : settings()) {
    if (setting.env == nullptr) continue;
    if (const auto value = from_environment(setting.env)) {
      auto set = config.set(setting.key, *value, From::kEnvironment, setting.env);
      if (!set) return fail(set.error());
    }
  }
  for (const auto& [key, value] : flags) {
    const Setting* setting = find_setting(key);
    RHOOKS_CHECK(setting != nullptr && setting->flag != nullptr);
    if (auto set = config.set(key, value, From::kFlag, setting->flag); !set) {
      return fail(set.error());
    }
  }
  return config;
}

const Config::Value& Config::at(const std::string& key) const {
  const auto found = values_.find(key);
  RHOOKS_CHECK(found != values_.end());
  return found->second;
}

int Config::integer(const std::string& key) const {
  return std::stoi(at(key).text);
}

std::chrono::milliseconds Config::duration(const std::string& key) const {
  return parse_duration(at(key).text).value();
}

std::size_t Config::size(const std::string& key) const {
  return parse_size(at(key).text).value();
}

bool Config::boolean(const std::string& key) const {
  return at(key).text == "true";
}

bool Config::works_on_store() const {
  // A store named in the file is the one that `serve` holds: commands that read the same
  // file talk to that server.
  const From store = at("store").from;
  return at("server").from != From::kFlag && (store == From::kFlag || store == From::kEnvironment);
}

// Behind a listener that others reach callers may be strangers, and a store that processes share
// has tasks that came in at others' listeners.
std::string Config::egress() const {
  if (text("egress") != "auto") return text("egress");
  if (store_traits(text("store")).shared) return "public";
  const auto listen = rest::parse_listen(text("listen"));
  return listen && rest::is_loopback(listen->address) ? "open" : "public";
}

Options Config::options() const {
  Options options;
  options.store = text("store");
  options.concurrency = integer("concurrency");
  options.memory_max = size("memory_max");
  options.max_errors = integer("max_errors");
  const auto seconds = [this](const char* key) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration(key));
  };
  options.logs_ttl = seconds("logs_ttl");
  options.done_ttl = seconds("done_ttl");
  options.failed_ttl = seconds("failed_ttl");
  options.connect_timeout = duration("connect_timeout");
  options.request_timeout = duration("request_timeout");
  options.backoff_max = duration("backoff_max");
  options.drain_timeout = duration("drain_timeout");
  options.ca_file = text("ca_file");
  options.zone_dir = text("zone_dir");
  options.egress = egress();
  options.egress_allow = list_of(text("egress_allow"));
  options.egress_deny = list_of(text("egress_deny"));
  options.egress_ports = list_of(text("egress_ports"));
  options.egress_https_only = boolean("egress_https_only");
  options.egress_nat64 = list_of(text("egress_nat64"));
  options.egress_proxy = text("egress_proxy");
  options.egress_proxy_password = text("egress_proxy_password");
  options.region = text("region");
  options.endpoint = text("endpoint");
  options.profile = text("profile");
  options.tasks_table_name = text("tasks_table_name");
  options.logs_table_name = text("logs_table_name");
  options.create_table = boolean("create_table");
  options.drop_damaged_writes = boolean("drop_damaged_writes");
  options.secret_keys = text("secret_keys");
  options.secret_key_file = text("secret_key_file");
  options.access_key_id = text("access_key_id");
  options.secret_access_key = text("secret_access_key");
  options.session_token = text("session_token");
  return options;
}

std::string Config::print() const {
  std::string out = "# The configuration that takes effect, and where each value came from.\n";
  for (const Setting& setting : settings()) {
    const Value& value = at(setting.key);
    std::string line;
    if (setting.secret) {
      // As a comment, so that the mask is not taken for the key when this is used as a file.
      line = "# " + std::string(setting.key) + " is " +
             (value.text.empty() ? "not set" : "set, and not shown");
    } else {
      const bool bare =
          setting.type == SettingType::kInteger || setting.type == SettingType::kBoolean;
      line = std::string(setting.key) + " = " + (bare ? value.text : toml_string(value.text));
    }
    if (line.size() < 44) line.resize(44, ' ');
    out += line + "  # " + one_line(value.source, kMessageBytesMax) + "\n";
  }
  return out;
}

std::vector<std::string> unknown_environment(const Environment& environment) {
  std::vector<std::string> known{"RHOOKS_CONFIG", kSecretVariable};
  for (const Setting& setting : settings()) {
    if (setting.env != nullptr) known.emplace_back(setting.env);
  }
  std::vector<std::string> notes;
  for (const auto& [name, value] : environment) {
    if (!name.starts_with("RHOOKS_")) continue;
    bool found = false;
    for (const std::string& k : known) found = found || k == name;
    if (!found) {
      notes.push_back("nothing reads the environment variable " + name + "." +
                      did_you_mean(name, known));
    }
  }
  return notes;
}

}  // namespace rhooks::cli
