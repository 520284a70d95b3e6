#include "cli/metrics_text.h"

#include <cstdlib>
#include <string>

namespace rhooks::cli {

std::optional<TriggerResult> attempts_in(std::string_view metrics) {
  constexpr std::string_view kName = "rhooks_attempts_total{";
  TriggerResult sum;
  bool found = false;
  while (!metrics.empty()) {
    const auto end = std::min(metrics.find('\n'), metrics.size());
    const std::string_view line = metrics.substr(0, end);
    metrics.remove_prefix(std::min(end + 1, metrics.size()));
    if (!line.starts_with(kName)) continue;
    const auto brace = line.rfind('}');
    if (brace == line.npos) continue;
    const std::string number(line.substr(brace + 1));
    const auto count = static_cast<std::int64_t>(std::strtod(number.c_str(), nullptr));
    const std::string_view labels = line.substr(kName.size(), brace - kName.size());
    // What was cut off by a stop was not recorded as an attempt.
    if (labels.find("\"cancelled\"") != labels.npos) continue;
    found = true;
    sum.processed += count;
    if (labels.find("\"success\"") == labels.npos) sum.errors += count;
  }
  if (!found) return std::nullopt;
  return sum;
}

}  // namespace rhooks::cli
