#include "store/rocks/range_scan.h"

#include "store/rocks/keys.h"

namespace rhooks::store::rocks {

KeyRange time_range(std::string prefix, std::optional<TimePoint> from, std::optional<TimePoint> to,
                    const std::string& after, bool desc) {
  KeyRange range;
  range.begin = prefix + (from ? time_bytes(*from) : std::string());
  range.end = to && *to < kTimeMax ? prefix + time_bytes(*to + std::chrono::milliseconds{1})
                                   : after_prefix(prefix);
  if (!after.empty()) {
    if (desc) {
      range.end = std::min(range.end, prefix + after);
    } else {
      range.begin = std::max(range.begin, prefix + after + '\0');
    }
  }
  range.prefix = std::move(prefix);
  return range;
}

}  // namespace rhooks::store::rocks
