// What a receiver answers, line by line and piece by piece as the HTTP library hands it over:
// header lines up to an empty one after a final status, then a body, perhaps a compressed one.
// Whatever arrives, what is kept stays within the limits.

#include "base/ascii.h"
#include "delivery/response_reader.h"
#include "fuzz/fuzz.h"
#include "model/limits.h"

using namespace rhooks;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::to_text(data, size);
  delivery::ResponseReader reader;
  while (!rest.empty() && reader.status() == 0) {
    const auto end = std::min(rest.find('\n'), rest.size() - 1) + 1;
    if (!reader.header_line(rest.substr(0, end))) break;
    rest.remove_prefix(end);
  }
  const int status = reader.status();
  FUZZ_EXPECT(status == 0 || status == 101 || (status >= 200 && status <= 999));
  // Pieces grow, so that small inputs reach the limits, too.
  std::string piece(rest);
  std::size_t sent = 0;
  while (!piece.empty()) {
    sent += piece.size();
    if (!reader.body_piece(piece)) break;
    piece += piece;
  }
  FUZZ_EXPECT(reader.body_too_long() == (sent > model::kResponseReadBytesMax));

  const Response response = reader.take();
  FUZZ_EXPECT(status == 0 || response.status == status);
  FUZZ_EXPECT(response.body.size() <= model::kResponseBodyBytesMax);
  const bool coded =
      std::any_of(response.headers.begin(), response.headers.end(),
                  [](auto& header) { return equal_in_any_case(header.name, "content-encoding"); });
  if (!coded) FUZZ_EXPECT(response.body.size() == std::min(sent, model::kResponseBodyBytesMax));
  FUZZ_EXPECT(coded || response.body_truncated == (sent > model::kResponseBodyBytesMax));
  std::size_t kept = 0;
  for (const Header& header : response.headers) {
    FUZZ_EXPECT(!header.name.empty());
    FUZZ_EXPECT((header.name + header.value).find('\n') == std::string::npos);
    kept += header.name.size() + header.value.size();
  }
  FUZZ_EXPECT(kept <= model::kResponseHeaderBytesMax);
  return 0;
}
