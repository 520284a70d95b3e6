#include <algorithm>
#include <string>

#include "base/ascii.h"
#include "base/text.h"
#include "schedule/cron.h"

namespace rhooks::schedule {
namespace {

// "5 minutes", of rate(): "5m".
std::string length_of_rate(std::string_view rate) {
  const auto digits = std::min(rate.find_first_not_of("0123456789"), rate.size());
  const std::string_view unit = trim(rate.substr(digits));
  if (digits == 0 || unit.empty() || digits > 9) return "5m";
  return std::string(rate.substr(0, digits)) + lower_case(unit.front());
}

std::string_view up_to_blank(std::string_view text) {
  return text.substr(0, text.find_first_of(" \t"));
}

}  // namespace

std::optional<std::string> foreign_spelling(std::string_view given) {
  const std::string_view text = trim(given, " \t");
  const std::string lower = lower_case(text);
  if (lower.starts_with("@every")) {
    const auto length = trim(text.substr(6));
    return "@every is a field here: \"every\": " + quote(length.empty() ? "5m" : length) +
           " instead of \"cron\"";
  }
  if (lower.starts_with("@reboot")) {
    return "there is no reboot here: a task runs at a time, and one without a schedule at once";
  }
  if (lower.starts_with("@at")) return "@at is a field here: \"at\": [\"2030-01-31T09:00\"]";
  for (const std::string_view prefix : {"cron_tz=", "tz="}) {
    if (!lower.starts_with(prefix)) continue;
    const std::string_view zone = up_to_blank(text.substr(prefix.size()));
    return "the time zone is a field here: \"timezone\": " + quote(zone) +
           ", \"cron\": " + quote(trim(text.substr(prefix.size() + zone.size()), " \t"));
  }
  if (lower.starts_with("cron(")) {
    return "write the fields alone, without cron(); six of them begin with the second here and do "
           "not end with the year, and 1 is Monday";
  }
  if (lower.starts_with("rate(")) {
    const auto rate = text.substr(5);
    return "rate() is a field here: \"every\": \"" +
           length_of_rate(trim(rate.substr(0, rate.find(')')))) + "\" instead of \"cron\"";
  }
  if (text.starts_with('#')) return "a comment is no expression; a task has a \"description\"";
  return std::nullopt;
}

}  // namespace rhooks::schedule
