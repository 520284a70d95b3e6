// The JSON of what a preview is asked for. What is accepted is the same after it was written, to be
// sent, and read again.

#include "codec/public_json.h"
#include "fuzz/fuzz.h"

using namespace rhooks;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto query = codec::parse_preview_query(fuzz::to_text(data, size));
  if (query) {
    const auto sent = codec::to_json(*query);
    FUZZ_EXPECT(sent);
    FUZZ_EXPECT(codec::parse_preview_query(*sent) == *query);
  } else {
    FUZZ_EXPECT(query.error().code == ErrorCode::kInvalidArgument ||
                query.error().code == ErrorCode::kUnsupported);
    FUZZ_EXPECT(!query.error().message.empty());
  }
  return 0;
}
