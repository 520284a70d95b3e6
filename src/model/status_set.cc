#include "model/status_set.h"

#include <algorithm>
#include <optional>

#include "base/ascii.h"
#include "model/refusal.h"

namespace rhooks::model {
namespace {

constexpr std::size_t kDigits = 3;

std::optional<int> status_of(std::string_view text) {
  if (text.size() != kDigits || !std::all_of(text.begin(), text.end(), is_digit)) return {};
  if (text.front() == '0') return {};
  int status = 0;
  for (const char c : text) status = 10 * status + (c - '0');
  return status;
}

// "400", or "400-403".
std::optional<StatusRange> range_of(std::string_view text) {
  const auto first = status_of(text.substr(0, kDigits));
  if (!first) return {};
  if (text.size() == kDigits) return StatusRange{*first, *first};
  const auto last = text[kDigits] == '-' ? status_of(text.substr(kDigits + 1)) : std::nullopt;
  if (!last) return {};
  return StatusRange{*first, *last};
}

}  // namespace

Result<StatusSet> parse_status_set(std::string_view text) {
  StatusSet statuses;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t to = std::min(text.find(',', from), text.size());
    const auto range = range_of(text.substr(from, to - from));
    if (!range) {
      return fail(ErrorCode::kInvalidArgument,
                  quoted(text) + " names no statuses; name them as in 400-403,405,422");
    }
    statuses.push_back(*range);
    from = to + 1;
  }
  return statuses;
}

std::string format_status_set(const StatusSet& statuses) {
  std::string text;
  for (const StatusRange& range : statuses) {
    if (!text.empty()) text += ',';
    text += std::to_string(range.first);
    if (range.last != range.first) text.append("-").append(std::to_string(range.last));
  }
  return text;
}

bool contains(std::span<const StatusRange> statuses, int status) {
  return std::any_of(statuses.begin(), statuses.end(), [&](const StatusRange& range) {
    return range.first <= status && status <= range.last;
  });
}

}  // namespace rhooks::model
