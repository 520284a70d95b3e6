#include "schedule/zones.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <optional>
#include <system_error>
#include <utility>

#include "base/ascii.h"
#include "base/text.h"

namespace rhooks::schedule {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kFileBytesMax = 64 * 1024;
constexpr std::size_t kSuggestionsMax = 5;

// Up to four parts of 1 to 32 letters, digits, "_", "+" and "-", so that no name leads out of the
// directory; none of the files that are no zones of their own.
bool is_zone_name(std::string_view name) {
  if (name.size() > kNameBytesMax) return false;
  for (const std::string_view other : {"localtime", "posixrules", "Factory"}) {
    if (name == other) return false;
  }
  if (name.starts_with("posix/") || name.starts_with("right/")) return false;
  std::size_t part = 0;
  int slashes = 0;
  for (const char c : name) {
    if (c == '/') {
      if (part == 0 || ++slashes > 3) return false;
      part = 0;
    } else if (!(is_alphanumeric(c) || c == '_' || c == '+' || c == '-') || ++part > 32) {
      return false;
    }
  }
  return part > 0;
}

// "+02:00", "-03:30".
std::optional<std::chrono::seconds> fixed_offset(std::string_view text) {
  if (text == "UTC" || text == "Etc/UTC" || text == "Z") return std::chrono::seconds{0};
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return {};
  for (const std::size_t at : {1, 2, 4, 5}) {
    if (!is_digit(text[at])) return {};
  }
  const int hour = (text[1] - '0') * 10 + (text[2] - '0');
  const int minute = (text[4] - '0') * 10 + (text[5] - '0');
  if (hour > 23 || minute > 59) return {};
  return std::chrono::minutes{(text[0] == '-' ? -1 : 1) * (hour * 60 + minute)};
}

// A regular file that begins as RFC 9636 has it, and is no larger than any zone; none: there is no
// such file. Errors: kUnavailable: it cannot be told now.
Result<std::optional<std::string>> read_tzif(const fs::path& path) {
  const auto cannot = [&](const std::error_code& why) {
    return fail(ErrorCode::kUnavailable, "cannot read " + path.string() + ": " + why.message());
  };
  std::error_code failed;
  const fs::file_status status = fs::status(path, failed);
  if (!fs::status_known(status)) return cannot(failed);
  if (!fs::is_regular_file(status)) return std::nullopt;
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rbe"), close);
  if (!file) return cannot({errno, std::generic_category()});
  std::string bytes(kFileBytesMax + 1, '\0');
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file.get()));
  if (std::ferror(file.get()) != 0) return cannot({errno, std::generic_category()});
  if (bytes.size() > kFileBytesMax || !bytes.starts_with("TZif")) return std::nullopt;
  return bytes;
}

// Null: there is no such zone.
Result<std::shared_ptr<const Zone>> load(const std::string& directory, const std::string& name) {
  const auto tzif = read_tzif(fs::path(directory) / name);
  if (!tzif) return fail(tzif.error());
  return *tzif ? Zone::read(name, **tzif) : nullptr;
}

std::vector<std::string> list_names(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code failed;
  fs::recursive_directory_iterator it(directory, failed);
  for (; !failed && it != fs::recursive_directory_iterator(); it.increment(failed)) {
    const std::string name = it->path().lexically_relative(directory).generic_string();
    if (name == "posix" || name == "right") it.disable_recursion_pending();
    std::error_code ignored;
    if (is_zone_name(name) && it->is_regular_file(ignored)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Levenshtein's, of names of at most kNameBytesMax bytes.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t other = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, other});
    }
  }
  return row.back();
}

std::string city_of(std::string_view name) {
  std::string city = lower_case(name.substr(name.rfind('/') + 1));
  std::replace(city.begin(), city.end(), ' ', '_');
  return city;
}

// Those that are spelt nearly so, or are the same city: "Berlin", "europe/berlin".
std::string did_you_mean(std::string_view name, const std::vector<std::string>& known) {
  if (name.size() > kNameBytesMax) return "";
  const std::string city = city_of(name);
  std::string likely;
  std::size_t count = 0;
  for (const std::string& other : known) {
    if (city_of(other) != city && edit_distance(lower_case(name), lower_case(other)) > 2) continue;
    likely += (count == 0 ? "; did you mean " : ", ") + other;
    if (++count == kSuggestionsMax) break;
  }
  return likely;
}

}  // namespace

Zones::Zones(std::string directory) : directory_(std::move(directory)) {}

Result<std::shared_ptr<const Zone>> Zones::find(std::string_view name) const {
  {
    MutexLock lock(mutex_);
    const auto found = zones_.find(name);
    if (found != zones_.end()) return found->second;
  }
  std::shared_ptr<const Zone> zone;
  if (const auto offset = fixed_offset(name)) {
    zone = Zone::fixed(std::string(name), *offset);
  } else if (is_zone_name(name)) {
    auto loaded = load(directory_, std::string(name));
    if (!loaded) return loaded;
    zone = std::move(*loaded);
  }
  if (zone) {
    MutexLock lock(mutex_);
    return zones_.emplace(zone->name(), zone).first->second;
  }
  const std::vector<std::string> known = known_names();
  if (known.empty()) {
    return fail(ErrorCode::kUnsupported,
                "there are no time zones in " + directory_ +
                    ": install the package tzdata; without it there are UTC and offsets (+02:00)");
  }
  const std::string of_version = version().empty() ? "" : " " + version();
  return fail(ErrorCode::kInvalidArgument, quote(name) + " is no time zone of the database" +
                                               of_version + did_you_mean(name, known) +
                                               ". Write one such as Europe/Berlin, UTC or +02:00");
}

std::vector<std::string> Zones::reload() {
  std::map<std::string, std::shared_ptr<const Zone>, std::less<>> before;
  {
    MutexLock lock(mutex_);
    before = zones_;
    known_names_.clear();
  }
  std::vector<std::string> changed;
  for (const auto& [name, zone] : before) {
    if (fixed_offset(name)) continue;
    const auto now = load(directory_, name);
    if (!now || (*now && (*now)->digest() == zone->digest())) continue;
    changed.push_back(name);
    MutexLock lock(mutex_);
    if (*now) {
      zones_.insert_or_assign(name, *now);
    } else {
      zones_.erase(name);
    }
  }
  return changed;
}

std::string Zones::version() const {
  static constexpr std::string_view kBefore = "# version ";
  std::ifstream stream(fs::path(directory_) / "tzdata.zi");
  std::string line;
  std::getline(stream, line);
  return line.starts_with(kBefore) ? line.substr(kBefore.size()) : "";
}

std::vector<std::string> Zones::known_names() const {
  MutexLock lock(mutex_);
  if (known_names_.empty()) known_names_ = list_names(directory_);
  return known_names_;
}

}  // namespace rhooks::schedule
