// Expressions of cron as users write them. What is accepted happens, later than asked each time, at
// a time that it matches itself, in as many steps as there are; what is refused says why. Neither
// takes long, whatever the expression.
//
// An input is a moment in five bytes and an expression.

#include "schedule/cron.h"

#include "fuzz/fuzz.h"
#include "schedule/times.h"
#include "schedule/words.h"

using namespace rhooks;
using namespace rhooks::schedule;

namespace {

bool matches(const Cron& cron, LocalTime local) {
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date(day);
  const auto days = cron.days_of(date.year() / date.month());
  const auto time = std::chrono::duration_cast<std::chrono::seconds>(local - day);
  return (days >> static_cast<unsigned>(date.day()) & 1) != 0 && cron.first_time(time) == time;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const TimePoint from{std::chrono::seconds{input.number(5) % 7'258'118'400}};  // up to 2199
  const std::string_view text = input.rest();
  const auto cron = parse_cron(text);
  if (!cron) {
    FUZZ_EXPECT(!cron.error().message.empty());
    FUZZ_EXPECT(cron.error().code == ErrorCode::kInvalidArgument ||
                cron.error().code == ErrorCode::kUnsupported);
    return 0;
  }
  FUZZ_EXPECT(!cron_in_words(*cron).empty());
  // Letters in any case, and blanks around.
  std::string other = " " + std::string(text) + "\t";
  for (char& c : other) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  FUZZ_EXPECT(text.size() > 254 || parse_cron(other) == *cron);

  const CronTimes times(LocalTimes({*cron}, {}));
  const auto zone = Zone::fixed("+01:00", std::chrono::hours{1});
  FUZZ_EXPECT(times.next(*zone, TimePoint{} - std::chrono::hours{2}, kLastInstant).has_value());
  TimePoint at = from;
  int steps = 0;
  while (const auto next = steps < 20 ? times.next(*zone, at, kLastInstant) : std::nullopt) {
    FUZZ_EXPECT(next->at > at);
    FUZZ_EXPECT(zone->local(next->at) == next->local);
    FUZZ_EXPECT(matches(*cron, next->local));
    at = next->at;
    ++steps;
  }
  constexpr std::chrono::days kFew{1000};
  if (at - from < kFew) FUZZ_EXPECT(times.count(*zone, from, at, kFew.count() + 2) == steps);
  return 0;
}
