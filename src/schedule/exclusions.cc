#include "schedule/exclusions.h"

#include <string_view>

#include "base/iso8601.h"
#include "base/text.h"

namespace rhooks::schedule {
namespace {

using std::chrono::days;
using std::chrono::local_days;

constexpr std::size_t kExcludeMax = 64;
constexpr std::size_t kExcludeBytesMax = 4096;

std::optional<local_days> parse_date(std::string_view text) {
  if (text.size() != 10) return {};
  const auto midnight = parse_time(std::string(text) + "T00:00Z");
  if (!midnight) return {};
  return local_days(std::chrono::floor<days>(*midnight).time_since_epoch());
}

// "--12-25". 29 February is one, of leap years.
std::optional<Cron> parse_day_of_year(std::string_view text) {
  if (text.size() != 7 || !text.starts_with("--")) return {};
  const auto date = parse_date("2000-" + std::string(text.substr(2)));
  if (!date) return {};
  const std::chrono::year_month_day day(*date);
  auto cron = parse_cron("* * * " + std::to_string(static_cast<unsigned>(day.day())) + " " +
                         std::to_string(static_cast<unsigned>(day.month())) + " *");
  return cron ? std::optional(*cron) : std::nullopt;
}

Result<void> add_exclusion(std::string_view text, Exclusions& into) {
  static constexpr std::string_view kCron = "cron:";
  if (text.starts_with(kCron)) {
    auto cron = parse_cron(text.substr(kCron.size()));
    if (!cron) return fail(cron.error());
    if (cron->seconds != 1 || !cron->years.all()) {
      return fail(
          ErrorCode::kInvalidArgument,
          "what is left out are whole minutes: write five fields, without seconds and year");
    }
    into.crons.push_back(*cron);
    return {};
  }
  if (const auto cron = parse_day_of_year(text)) {
    into.crons.push_back(*cron);
    return {};
  }
  const auto slash = text.find('/');
  const auto first = parse_date(text.substr(0, slash));
  const auto last = slash == text.npos ? first : parse_date(text.substr(slash + 1));
  if (!first || !last) {
    return fail(ErrorCode::kInvalidArgument,
                quote(text) +
                    " is no date; write 2027-12-24, 2027-12-24/2028-01-02, --12-25 for "
                    "each year, or an expression of cron");
  }
  if (*last < *first) {
    return fail(ErrorCode::kInvalidArgument, quote(text) + " ends before it begins");
  }
  into.days.push_back({*first, *last});
  return {};
}

}  // namespace

Result<Exclusions> parse_exclusions(const std::vector<std::string>& texts) {
  Exclusions exclusions;
  std::size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size();
  if (texts.size() > kExcludeMax || bytes > kExcludeBytesMax) {
    return fail(ErrorCode::kInvalidArgument, "it may have 64 entries and 4096 bytes", ".exclude");
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (auto added = add_exclusion(texts[i], exclusions); !added) {
      Error error = added.error();
      error.field = ".exclude[" + std::to_string(i) + "]";
      return fail(std::move(error));
    }
  }
  return exclusions;
}

}  // namespace rhooks::schedule
