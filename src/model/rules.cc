#include "model/rules.h"

#include <algorithm>
#include <string>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/duration.h"
#include "base/utf8.h"
#include "model/limits.h"
#include "model/refusal.h"
#include "model/status_set.h"
#include "model/transitions.h"

namespace rhooks::model {
namespace {

// Far past any use; near enough that no arithmetic on it overflows.
constexpr std::chrono::milliseconds kIntervalMax = std::chrono::days{36'525};

Result<void> check_known(std::string_view name, std::span<const std::string_view> known,
                         std::string_view field) {
  std::string all;
  for (const std::string_view one : known) {
    if (name == one) return {};
    all.append(all.empty() ? "" : ", ").append(one);
  }
  return invalid(field, "must be one of " + all + ", not " + quoted(name));
}

}  // namespace

Result<void> Name::check(std::string_view name, std::string_view field) const {
  if (name.empty()) return invalid(field, "must not be empty");
  if (name.size() > bytes_max) return invalid(field, past_limit(name.size(), bytes_max, "bytes"));
  if (!is_utf8(name)) return invalid(field, "must be valid UTF-8");
  if (has_control(name)) return invalid(field, "must not contain control characters");
  // As a segment of a URL's path these would be taken out on the way, however encoded.
  if (name == "." || name == "..") return invalid(field, "must not be " + quoted(name));
  return {};
}

Result<void> EndpointName::check(std::string_view name, std::string_view field) const {
  const bool fits =
      !name.empty() && name.size() <= kEndpointNameBytesMax && is_alphanumeric(name.front()) &&
      std::all_of(name.begin(), name.end(),
                  [](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
  if (fits) return {};
  return invalid(field,
                 "must be 1 to 128 letters, digits, \".\", \"_\" or \"-\", beginning with a "
                 "letter or digit, not " +
                     quoted(name));
}

Result<void> Text::check(std::string_view text, std::string_view field) const {
  if (text.size() > bytes_max) return invalid(field, past_limit(text.size(), bytes_max, "bytes"));
  if (!is_utf8(text)) return invalid(field, "must be valid UTF-8");
  return {};
}

Result<void> Range::check(std::int64_t value, std::string_view field) const {
  if (value >= min && value <= max) return {};
  const std::string not_it = ", not " + std::to_string(value);
  if (max < std::numeric_limits<std::int64_t>::max()) {
    return invalid(
        field, "must be between " + std::to_string(min) + " and " + std::to_string(max) + not_it);
  }
  if (least != nullptr)
    return invalid(field, "must be " + std::string(least) + " or more" + not_it);
  return invalid(field, "must be at least " + std::to_string(min) + not_it);
}

Result<void> Span::check(std::chrono::milliseconds length, std::string_view field) const {
  if (length >= min && length <= max) return {};
  return invalid(field, "must be between " + format_duration(min) + " and " + format_duration(max) +
                            ", not " + format_duration(length));
}

Result<void> RateRange::check(const Rate& rate, std::string_view field) const {
  if (rate.limit < 1 || rate.limit > kRateLimitMax) {
    return invalid(field, "must allow between 1 and " + std::to_string(kRateLimitMax) +
                              " in its time, not " + format_rate(rate));
  }
  if (rate.period >= kRatePeriodMin && rate.period <= kRatePeriodMax) return {};
  return invalid(field, "must be for a time between " + format_duration(kRatePeriodMin) + " and " +
                            format_duration(kRatePeriodMax) + ", not " + format_rate(rate));
}

Result<void> Waits::check(const std::vector<std::chrono::milliseconds>& waits,
                          std::string_view field) const {
  constexpr std::size_t kMax = kRetryLimitMax;
  if (waits.size() > kMax) return invalid(field, past_limit(waits.size(), kMax, "waits"));
  constexpr Span one{std::chrono::milliseconds{0}, kRetryWaitLongest};
  for (std::size_t i = 0; i < waits.size(); ++i) {
    const std::string path = std::string(field) + "[" + std::to_string(i) + "]";
    if (auto ok = one.check(waits[i], path); !ok) return ok;
  }
  return {};
}

Result<void> FailedStatuses::check(const StatusSet& statuses, std::string_view field) const {
  if (statuses.size() > kStatusRangesMax) {
    return invalid(field, past_limit(statuses.size(), kStatusRangesMax, "ranges"));
  }
  for (const auto& [first, last] : statuses) {
    if (first < 100 || last > 599 || first > last) {
      return invalid(field, "must be within 100 and 599, the lower one first, not " +
                                format_status_set({{first, last}}));
    }
    if (last >= 200 && first <= 299) {
      return invalid(field, std::to_string(std::max(first, 200)) + " is a success");
    }
  }
  return {};
}

Result<void> FailureReason::check(std::string_view reason, std::string_view field) const {
  return check_known(reason, failure::kAll, field);
}

Result<void> Events::check(const std::vector<std::string>& names, std::string_view field) const {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto here = names.begin() + static_cast<std::ptrdiff_t>(i);
    const std::string path = std::string(field) + "[" + std::to_string(i) + "]";
    if (auto ok = check_known(*here, known, path); !ok) return ok;
    if (std::find(names.begin(), here, *here) != here) return invalid(path, "is there already");
  }
  return {};
}

Result<void> Texts::check(const std::vector<std::string>& texts, std::string_view field) const {
  if (texts.size() > count_max)
    return invalid(field, past_limit(texts.size(), count_max, "entries"));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const bool alone = one_alone && texts.size() == 1;
    const std::string path = std::string(field) + (alone ? "" : "[" + std::to_string(i) + "]");
    if (auto ok = Text{bytes_max}.check(texts[i], path); !ok) return ok;
  }
  return {};
}

Result<void> ShownTime::check(TimePoint t, std::string_view field) const {
  if (t >= kTimeMin && t <= kTimeMax) return {};
  return invalid(field, "must lie in the years 1970 to 9999");
}

Result<void> check_callback(std::string_view callback, const std::vector<std::string>& on) {
  if (on.empty() || !callback.empty()) return {};
  return invalid("callbackOn", "needs a callback, which is told of these");
}

Result<void> check_body(const Body& body) {
  constexpr std::string_view field = "body";
  if (body.data().size() > kBodyBytesMax) {
    return invalid(field, past_limit(body.data().size(), kBodyBytesMax, "bytes"));
  }
  switch (body.kind()) {
    case Body::Kind::kNone:
      if (!body.data().empty()) {
        return invalid(field, "has data but no kind; make it with Body::json or Body::text");
      }
      return {};
    case Body::Kind::kJson:
      if (body.data().empty()) return invalid(field, "must be a JSON value, not empty text");
      break;
    case Body::Kind::kText:
      break;
  }
  // It is shown in JSON, by get and in logs.
  if (!body.is_checked() && !is_utf8(body.data())) return invalid(field, "must be valid UTF-8");
  return {};
}

Result<void> check_repeat(const Repeat& repeat) {
  if (interval_of(repeat) <= kIntervalMax) return {};
  return invalid("repeat.interval", "must not be longer than 100 years (36525 days)");
}

Result<void> check_schedule(const Schedule& schedule) {
  // What is stored of it begins with the zone.
  if (schedule.timezone.empty())
    return invalid("schedule.timezone", "must not be empty; UTC is one");
  if (schedule.missed == Missed::kAll && schedule.overlap == Overlap::kSkip) {
    return invalid("schedule.overlap",
                   "skip leaves out what \"missed\": \"all\" has run; give one of them");
  }
  return {};
}

}  // namespace rhooks::model
