// Times as users write them. What parses is in range, and is the same time when it is
// formatted and parsed again; every time in range can be formatted and parsed.

#include "base/iso8601.h"

#include "base/clock.h"
#include "fuzz/fuzz.h"

using namespace rhooks;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (const auto parsed = parse_time(fuzz::to_text(data, size))) {
    FUZZ_EXPECT(*parsed >= kTimeMin && *parsed <= kTimeMax);
    const std::string text = format_time(*parsed);
    FUZZ_EXPECT(text.size() == 24);
    FUZZ_EXPECT(parse_time(text) == *parsed);
  } else {
    FUZZ_EXPECT(parsed.error().code == ErrorCode::kInvalidArgument);
  }

  const auto any = from_millis(static_cast<std::int64_t>(fuzz::Input(data, size).number(8)));
  FUZZ_EXPECT(parse_time(format_time(any)) == std::clamp(any, kTimeMin, kTimeMax));
  return 0;
}
