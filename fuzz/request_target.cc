// The target of an HTTP request. What is accepted comes out the same when every byte of it is
// percent-encoded and it is split again.

#include "fuzz/fuzz.h"
#include "rest/http_message.h"

using namespace rhooks;

namespace {

std::string encode(std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kDigits[byte >> 4], kDigits[byte & 0xf]};
  }
  return out;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rest::HttpRequest request;
  request.target = fuzz::to_text(data, size);
  if (const auto parsed = rest::parse_target(request); !parsed) {
    FUZZ_EXPECT(parsed.error().code == ErrorCode::kInvalidArgument);
    return 0;
  }

  rest::HttpRequest again;
  for (const std::string& segment : request.path) again.target += "/" + encode(segment);
  if (again.target.empty()) again.target = "/";
  char before = '?';
  for (const auto& [name, value] : request.query) {
    again.target += before + encode(name) + "=" + encode(value);
    before = '&';
  }
  FUZZ_EXPECT(rest::parse_target(again));
  FUZZ_EXPECT(again.path == request.path);
  FUZZ_EXPECT(again.query == request.query);
  return 0;
}
