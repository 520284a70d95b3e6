// What receivers write into Retry-After. A wait is never negative and never past the bound; a
// number of seconds and a date in each of its forms are understood exactly; and however a wait
// is spelt, the retry that comes of it is neither earlier nor later than it may be.
//
// An input is a time in eight bytes, a wait in five, and the header's value.

#include "delivery/retry_after.h"

#include <ctime>

#include "fuzz/fuzz.h"
#include "model/backoff.h"

using namespace rhooks;
using delivery::kRetryAfterMax;
using delivery::parse_retry_after;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

void check_wait(const std::optional<milliseconds>& wait) {
  if (wait) FUZZ_EXPECT(*wait > milliseconds{0} && *wait <= kRetryAfterMax);
  const model::BackoffPolicy policy;
  for (const int attempt : {1, 5, 1000}) {
    const auto floor =
        std::min<milliseconds>(wait.value_or(milliseconds{0}), model::kRetryAfterMax);
    FUZZ_EXPECT(model::retry_delay(attempt, policy, 0.0, wait) == floor);
    const auto delay = model::retry_delay(attempt, policy, 0.999999, wait);
    FUZZ_EXPECT(delay >= floor && delay <= floor + policy.max);
  }
}

// As one who goes by the C library writes it.
std::string format(TimePoint t, const char* form) {
  const auto since = std::chrono::floor<seconds>(t).time_since_epoch().count();
  const std::time_t at = since;
  std::tm utc{};
  FUZZ_EXPECT(::gmtime_r(&at, &utc) != nullptr);
  char text[64];
  FUZZ_EXPECT(std::strftime(text, sizeof text, form, &utc) > 0);
  return text;
}

void check_date(TimePoint until, TimePoint now, const char* form) {
  const auto wait = parse_retry_after(format(until, form), now);
  const milliseconds exact = std::chrono::floor<seconds>(until) - now;
  if (exact <= milliseconds{0}) {
    FUZZ_EXPECT(!wait);
  } else {
    FUZZ_EXPECT(wait == std::min<milliseconds>(exact, kRetryAfterMax));
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const auto span = static_cast<std::uint64_t>(to_millis(kTimeMax)) + 1;
  const TimePoint now = from_millis(static_cast<std::int64_t>(input.number(8) % span));
  const auto wait = milliseconds{static_cast<std::int64_t>(input.number(5))};
  const std::string_view value = input.rest();

  check_wait(parse_retry_after(value, now));
  // The spaces around a value do not belong to it: the reader of the response has cut them off.
  const auto whole = std::chrono::floor<seconds>(wait);
  const auto read = parse_retry_after(std::to_string(whole.count()), now);
  FUZZ_EXPECT(read.value_or(milliseconds{0}) == std::min<milliseconds>(whole, kRetryAfterMax));

  // About 35 years to either side.
  const TimePoint until = std::clamp(now + wait, kTimeMin, kTimeMax);
  const TimePoint before = std::clamp(now - wait, kTimeMin, kTimeMax);
  for (const char* form : {"%a, %d %b %Y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    check_date(until, now, form);
    check_date(before, now, form);
  }
  check_date(until, now, "%A, %d-%b-%y %H:%M:%S GMT");
  check_date(before, now, "%A, %d-%b-%y %H:%M:%S GMT");

  Response response;
  response.headers = {{"Retry-After", std::string(value)}, {"retry-after", "7"}};
  FUZZ_EXPECT(
      delivery::retry_after_of(response, now) ==
      std::max<milliseconds>(parse_retry_after(value, now).value_or(milliseconds{0}), seconds{7}));
  return 0;
}
