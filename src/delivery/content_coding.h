#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace rhooks::delivery {

struct DecodedContent {
  std::string bytes;
  bool whole = false;  // false: there was more, or the rest is damaged
};

// A body, or the beginning of one, without its content codings (RFC 9110, section 8.4): gzip
// and x-gzip (RFC 1952), deflate (RFC 1950, and without the zlib header, as many send it), br
// (RFC 7932), zstd (RFC 8878, with windows to 8 MiB, RFC 9659). `codings` is the value of
// Content-Encoding, a list in the order in which they were applied; four at most.
//
// At most `bytes_max` bytes are made, whatever the body says that it holds, and it takes time
// and memory for so many: a body cannot be a bomb. Pure. Nothing where there is no coding, an
// unknown one, or a body that is not coded as it says: then it is to be kept as it came.
std::optional<DecodedContent> decode_content(std::string_view codings, std::string_view body,
                                             std::size_t bytes_max);

}  // namespace rhooks::delivery
