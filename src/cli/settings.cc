#include "cli/settings.h"

#include <charconv>

#include "base/duration.h"
#include "base/utf8.h"
#include "cli/sizes.h"
#include "model/limits.h"

namespace rhooks::cli {
namespace {

constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kHour = 3'600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;

std::vector<Setting> service_settings() {
  using enum SettingType;
  return {
      {"store", kText, "rocksdb:rhooks-data", "RHOOKS_STORE", "--store",
       "where tasks live: rocksdb:PATH, dynamodb:?region=REGION&... or memory:"},
      {"listen", kText, "127.0.0.1:8090", "RHOOKS_LISTEN", "--listen",
       "address and port of the REST API; port 0 takes a free one"},
      {"admin_listen", kText, "", "RHOOKS_ADMIN_LISTEN", "--admin-listen",
       "another address and port, for /metrics, which is then only there, /healthz and /readyz"},
      {"tls_cert", kText, "", "RHOOKS_TLS_CERT", "--tls-cert",
       "PEM file of the server's certificate, followed by those of its issuers; with it the server "
       "speaks TLS and no plain HTTP"},
      {"tls_key", kText, "", "RHOOKS_TLS_KEY", "--tls-key",
       "PEM file of the key of tls_cert, without a passphrase"},
      {"tls_min", kChoice, "1.2", "RHOOKS_TLS_MIN", "--tls-min",
       "the oldest version of TLS that the server speaks", 0, 0, "1.2|1.3"},
      {"server", kText, "http://127.0.0.1:8090", "RHOOKS_SERVER", "--server",
       "server that the commands talk to"},
      {"namespace", kText, "", "RHOOKS_NAMESPACE", "--namespace",
       "group of tasks that the commands are about, where they name none"},
      {"api_key", kText, "", "RHOOKS_API_KEY", nullptr,
       "key that commands send (Authorization: Bearer KEY), and that may do everything at a server "
       "that is started with it, 16 characters or more; a server that listens on other than "
       "loopback addresses needs it, or keys that `rhooks key create` made",
       0, 0, "", true},
      {"concurrency", kInteger, "256", "RHOOKS_CONCURRENCY", "--concurrency",
       "the most tasks that are attempted at the same time", 1, model::kConcurrencyMax},
      {"memory_max", kSize, "2GiB", "RHOOKS_MEMORY_MAX", "--memory-max",
       "memory that the process may take; what clients, pages, attempts and caches hold follows "
       "from it",
       model::kMemoryMaxLeast, model::kMemoryMaxMost},
      {"max_errors", kInteger, "5", "RHOOKS_MAX_ERRORS", "--max-errors",
       "failed executions in a row that make a recurring task FAILED", 1, 1'000'000},
      {"logs_ttl", kDuration, "30d", "RHOOKS_LOGS_TTL", "--logs-ttl",
       "logs are dropped after so long; 0 keeps them", 0, 36'500 * kDay, "", false, true},
      {"done_ttl", kDuration, "0", "RHOOKS_DONE_TTL", "--done-ttl",
       "tasks are deleted so long after they became DONE; 0 keeps them", 0, 36'500 * kDay, "",
       false, true},
      {"failed_ttl", kDuration, "0", "RHOOKS_FAILED_TTL", "--failed-ttl",
       "tasks are deleted so long after they became FAILED; 0 keeps them", 0, 36'500 * kDay, "",
       false, true},
      {"connect_timeout", kDuration, "10s", "RHOOKS_CONNECT_TIMEOUT", "--connect-timeout",
       "the longest that a connection to a receiver may take", 1, kHour},
      {"request_timeout", kDuration, "30s", "RHOOKS_REQUEST_TIMEOUT", "--request-timeout",
       "the longest that one attempt may take", 1, kHour},
      {"backoff_max", kDuration, "1h", "RHOOKS_BACKOFF_MAX", "--backoff-max",
       "the longest wait between two attempts", 1, 30 * kDay},
      {"drain_timeout", kDuration, "25s", "RHOOKS_DRAIN_TIMEOUT", "--drain-timeout",
       "how long a stop lets attempts end before it cuts them off", 0, kHour},
      {"ca_file", kText, "", "RHOOKS_CA_FILE", "--ca-file",
       "PEM file of certificate authorities to trust instead of the system's"},
      {"zone_dir", kText, "/usr/share/zoneinfo", "RHOOKS_ZONE_DIR", "--zone-dir",
       "directory of the time zone database, for schedules; Debian's is the package tzdata"},
      {"secret_keys", kText, "", "RHOOKS_SECRET_KEYS", nullptr,
       "master keys that secrets are sealed by: 32 bytes in base64 each, with commas between them; "
       "the first seals, all open",
       0, 0, "", true},
      {"secret_key_file", kText, "", "RHOOKS_SECRET_KEY_FILE", "--secret-key-file",
       "in the place of secret_keys: a file with them, one a line, that its owner alone can read"},
  };
}

std::vector<Setting> egress_settings() {
  using enum SettingType;
  return {
      {"egress", kChoice, "auto", "RHOOKS_EGRESS", "--egress",
       "where webhooks may be sent: public, to addresses of the internet; open, everywhere but to "
       "metadata services of clouds; auto, public where the API listens on other than loopback "
       "addresses or the store is shared, else open",
       0, 0, "auto|open|public"},
      {"egress_allow", kText, "", "RHOOKS_EGRESS_ALLOW", "--egress-allow",
       "where they may be sent besides, with commas between: networks, names or *.suffixes, each "
       "with :PORT or :FIRST-LAST where it is for these ports only"},
      {"egress_deny", kText, "", "RHOOKS_EGRESS_DENY", "--egress-deny",
       "where they may not be sent, whatever else is allowed; written as egress_allow is"},
      {"egress_ports", kText, "", "RHOOKS_EGRESS_PORTS", "--egress-ports",
       "ports that they may be sent to, such as 443,8000-8999; otherwise all"},
      {"egress_https_only", kBoolean, "false", "RHOOKS_EGRESS_HTTPS_ONLY", "--egress-https-only",
       "whether webhooks are sent over https:// only"},
      {"egress_nat64", kText, "", "RHOOKS_EGRESS_NAT64", "--egress-nat64",
       "prefixes of this network's own NAT64, with commas between; 64:ff9b::/96 is known"},
      {"egress_proxy", kText, "", "RHOOKS_EGRESS_PROXY", "--egress-proxy",
       "proxy by way of which all webhooks are sent: http://[USER@]HOST:PORT or "
       "socks5://[USER@]HOST:PORT"},
      {"egress_proxy_password", kText, "", "RHOOKS_EGRESS_PROXY_PASSWORD", nullptr,
       "password of that user", 0, 0, "", true},
  };
}

// Those that only stores of one kind have.
std::vector<Setting> store_settings() {
  using enum SettingType;
  return {
      {"region", kText, "", "RHOOKS_REGION", nullptr,
       "dynamodb: store: the AWS region; otherwise AWS_REGION, or that of the profile"},
      {"endpoint", kText, "", "RHOOKS_ENDPOINT", nullptr,
       "dynamodb: store: another address than AWS's own, such as http://127.0.0.1:8000"},
      {"profile", kText, "", "RHOOKS_PROFILE", nullptr,
       "dynamodb: store: profile of AWS's configuration files; otherwise AWS_PROFILE"},
      {"tasks_table_name", kText, "", "RHOOKS_TASKS_TABLE_NAME", nullptr,
       "dynamodb: store: the table of tasks; otherwise rhooks-tasks"},
      {"logs_table_name", kText, "", "RHOOKS_LOGS_TABLE_NAME", nullptr,
       "dynamodb: store: the table of logs; otherwise rhooks-logs"},
      {"create_table", kBoolean, "false", "RHOOKS_CREATE_TABLE", nullptr,
       "dynamodb: store: whether tables and indexes that are missing are made"},
      {"access_key_id", kText, "", "RHOOKS_ACCESS_KEY_ID", nullptr,
       "dynamodb: store: credentials; otherwise from AWS's own places", 0, 0, "", true},
      {"secret_access_key", kText, "", "RHOOKS_SECRET_ACCESS_KEY", nullptr,
       "dynamodb: store: belongs to access_key_id", 0, 0, "", true},
      {"session_token", kText, "", "RHOOKS_SESSION_TOKEN", nullptr,
       "dynamodb: store: belongs to temporary credentials", 0, 0, "", true},
      {"drop_damaged_writes", kBoolean, "false", "RHOOKS_DROP_DAMAGED_WRITES",
       "--drop-damaged-writes",
       "rocksdb: store: open it although its log is damaged, without the writes after that place"},
  };
}

std::vector<Setting> process_settings() {
  using enum SettingType;
  return {
      {"worker", kBoolean, "true", "RHOOKS_WORKER", "--no-worker",
       "whether serve delivers tasks; --no-worker serves the REST API only"},
      {"log_level", kChoice, "info", "RHOOKS_LOG_LEVEL", "--log-level", "what is logged", 0, 0,
       "debug|info|warn|error|off"},
      {"log_format", kChoice, "text", "RHOOKS_LOG_FORMAT", "--log-format",
       "how it is logged, on standard error", 0, 0, "text|json"},
  };
}

}  // namespace

const std::vector<Setting>& settings() {
  static const std::vector<Setting> kSettings = [] {
    std::vector<Setting> all = service_settings();
    for (const auto& more : {egress_settings(), store_settings(), process_settings()}) {
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  }();
  return kSettings;
}

const Setting* find_setting(std::string_view key) {
  for (const Setting& setting : settings()) {
    if (setting.key == key) return &setting;
  }
  return nullptr;
}

std::vector<std::string> choices_of(const Setting& setting) {
  std::vector<std::string> all;
  std::string_view rest = setting.choices;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('|'), rest.size());
    all.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return all;
}

std::string accepted(const Setting& setting) {
  switch (setting.type) {
    case SettingType::kText:
      return "text";
    case SettingType::kBoolean:
      return "true or false";
    case SettingType::kInteger:
      return "a whole number, " + std::to_string(setting.min) + " to " +
             std::to_string(setting.max);
    case SettingType::kDuration:
      return std::string("a length of time such as 500ms, 30s, 5m, 1h or 7d, from ") +
             format_duration(std::chrono::milliseconds(setting.min)) + " to " +
             format_duration(std::chrono::milliseconds(setting.max)) +
             (setting.whole_seconds ? ", in whole seconds" : "");
    case SettingType::kSize:
      return "a size such as 512MiB or 2GiB, from " +
             format_size(static_cast<std::uint64_t>(setting.min)) + " to " +
             format_size(static_cast<std::uint64_t>(setting.max));
    case SettingType::kChoice: {
      std::string text = "one of ";
      const auto all = choices_of(setting);
      for (std::size_t i = 0; i < all.size(); ++i) text += (i == 0 ? "" : ", ") + all[i];
      return text;
    }
  }
  return "text";
}

std::optional<std::string> normalize(const Setting& setting, std::string_view text,
                                     std::string& why) {
  const auto refuse = [&](const std::string& what) {
    why = (setting.secret ? std::string("the value") : "\"" + std::string(text) + "\"") + what +
          "; accepted is " + accepted(setting);
    return std::nullopt;
  };
  switch (setting.type) {
    case SettingType::kText:
      // Nothing else can be written into a TOML file.
      if (!is_utf8(text)) {
        why = "it is not valid UTF-8";
        return std::nullopt;
      }
      for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          why = "it holds a control character, which no value has";
          return std::nullopt;
        }
      }
      return std::string(text);
    case SettingType::kBoolean:
      if (text == "true" || text == "1" || text == "yes" || text == "on") return "true";
      if (text == "false" || text == "0" || text == "no" || text == "off") return "false";
      return refuse(" is neither");
    case SettingType::kInteger: {
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error == std::errc::result_out_of_range) return refuse(" is out of range");
      if (error != std::errc{} || end != text.data() + text.size()) {
        return refuse(" is no whole number");
      }
      if (number < setting.min || number > setting.max) return refuse(" is out of range");
      return std::to_string(number);
    }
    case SettingType::kDuration: {
      const auto duration = parse_duration(text);
      if (!duration) {
        const bool too_long = duration.error().message.find("longer than") != std::string::npos;
        return refuse(too_long ? " is out of range" : " is no length of time");
      }
      if (duration->count() < setting.min || duration->count() > setting.max) {
        return refuse(" is out of range");
      }
      if (setting.whole_seconds && duration->count() % 1'000 != 0) {
        return refuse(" is no number of whole seconds");
      }
      return format_duration(*duration);
    }
    case SettingType::kSize: {
      const auto size = parse_size(text);
      if (!size) return refuse(" is no size");
      if (*size < static_cast<std::uint64_t>(setting.min) ||
          *size > static_cast<std::uint64_t>(setting.max)) {
        return refuse(" is out of range");
      }
      return format_size(*size);
    }
    case SettingType::kChoice:
      for (const std::string& choice : choices_of(setting)) {
        if (choice == text) return choice;
      }
      return refuse(" is none of them");
  }
  return std::nullopt;
}

std::string settings_markdown() {
  std::string text =
      "| key | default | environment | flag | meaning |\n"
      "|---|---|---|---|---|\n";
  for (const Setting& setting : settings()) {
    const std::string value = setting.default_value;
    text += "| `" + std::string(setting.key) + "` | " + (value.empty() ? "" : "`" + value + "`") +
            " | " + (setting.env ? "`" + std::string(setting.env) + "`" : "") + " | " +
            (setting.flag ? "`" + std::string(setting.flag) + "`" : "none") + " | " + setting.help;
    if (setting.type != SettingType::kText) text += " (" + accepted(setting) + ")";
    text += " |\n";
  }
  return text;
}

}  // namespace rhooks::cli
