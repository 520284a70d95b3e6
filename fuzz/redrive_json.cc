// The JSON of calls that start redrives, and what a store keeps of them. A redrive that is accepted
// is the same after it was written, to be sent, shown or stored, and read again.

#include "codec/public_json.h"
#include "fuzz/fuzz.h"
#include "model/redrive.h"

using namespace rhooks;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view json = fuzz::to_text(data, size);
  if (const auto redrive = codec::parse_new_redrive(json, "app")) {
    const auto sent = codec::to_start_json(*redrive);
    FUZZ_EXPECT(sent);
    FUZZ_EXPECT(codec::parse_new_redrive(*sent, "app") == *redrive);
    FUZZ_EXPECT(codec::parse_redrive(codec::to_json(*redrive)) == *redrive);
  } else {
    FUZZ_EXPECT(redrive.error().code == ErrorCode::kInvalidArgument);
    FUZZ_EXPECT(!redrive.error().message.empty());
  }
  if (const auto stored = codec::parse_stored_redrive(json)) {
    FUZZ_EXPECT(codec::parse_stored_redrive(codec::to_stored_json(*stored)) == *stored);
    FUZZ_EXPECT(model::step_max(*stored) <= 100);
  } else {
    FUZZ_EXPECT(stored.error().code == ErrorCode::kCorrupt);
  }
  return 0;
}
