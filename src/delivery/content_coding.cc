#include "delivery/content_coding.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "model/headers.h"

namespace rhooks::delivery {
namespace {

// Where a decoder writes. One byte more than is kept, which tells whether there is more.
class Output {
 public:
  explicit Output(std::size_t bytes_max) : bytes_max_(bytes_max), bytes_(bytes_max + 1, '\0') {}

  unsigned char* data() { return reinterpret_cast<unsigned char*>(bytes_.data()); }
  std::size_t room() const { return bytes_.size(); }

  // The first `size` bytes were written.
  DecodedContent take(std::size_t size, bool whole) {
    bytes_.resize(std::min(size, bytes_max_));
    return {std::move(bytes_), whole && size <= bytes_max_};
  }

 private:
  std::size_t bytes_max_;
  std::string bytes_;
};

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

constexpr int kGzip = 15 + 16;  // window bits, as inflateInit2 takes them
constexpr int kZlib = 15;
constexpr int kRawDeflate = -15;

DecodedContent inflate_as(int window_bits, std::string_view body, std::size_t bytes_max) {
  z_stream stream{};
  if (inflateInit2(&stream, window_bits) != Z_OK) return {};
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> end(&stream, inflateEnd);
  Output output(bytes_max);
  stream.next_in = const_cast<unsigned char*>(bytes_of(body));  // zlib does not write there
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = output.data();
  stream.avail_out = static_cast<uInt>(output.room());
  bool whole = false;
  for (;;) {
    const int result = inflate(&stream, Z_NO_FLUSH);
    if (result != Z_STREAM_END) {
      if (result != Z_OK || stream.avail_in == 0 || stream.avail_out == 0) break;
      continue;
    }
    // Plain text can look like deflate; that all of it was used says that it is.
    whole = window_bits != kRawDeflate || stream.avail_in == 0;
    // Files of gzip can stand in a row (RFC 1952, section 2.2). What else follows is dropped.
    const bool another = window_bits == kGzip && stream.avail_in >= 2 &&
                         stream.next_in[0] == 0x1f && stream.next_in[1] == 0x8b;
    if (!another || inflateReset(&stream) != Z_OK) break;
    whole = false;
  }
  return output.take(output.room() - stream.avail_out, whole);
}

DecodedContent gunzip(std::string_view body, std::size_t bytes_max) {
  return inflate_as(kGzip, body, bytes_max);
}

DecodedContent undeflate(std::string_view body, std::size_t bytes_max) {
  auto decoded = inflate_as(kZlib, body, bytes_max);
  if (!decoded.bytes.empty() || decoded.whole) return decoded;
  decoded = inflate_as(kRawDeflate, body, bytes_max);
  // Without a header and a sum, the beginning of something else can pass for the same.
  if (!decoded.whole && decoded.bytes.size() < bytes_max) return {};
  return decoded;
}

DecodedContent unbrotli(std::string_view body, std::size_t bytes_max) {
  const std::unique_ptr<BrotliDecoderState, decltype(&BrotliDecoderDestroyInstance)> state(
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), BrotliDecoderDestroyInstance);
  if (!state) return {};
  Output output(bytes_max);
  std::size_t in_left = body.size();
  const unsigned char* in = bytes_of(body);
  std::size_t room_left = output.room();
  unsigned char* out = output.data();
  const auto result =
      BrotliDecoderDecompressStream(state.get(), &in_left, &in, &room_left, &out, nullptr);
  return output.take(output.room() - room_left, result == BROTLI_DECODER_RESULT_SUCCESS);
}

DecodedContent unzstd(std::string_view body, std::size_t bytes_max) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(),
                                                                     ZSTD_freeDCtx);
  constexpr int kWindowLogMax = 23;
  if (!context ||
      ZSTD_isError(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kWindowLogMax))) {
    return {};
  }
  Output output(bytes_max);
  ZSTD_inBuffer in{body.data(), body.size(), 0};
  ZSTD_outBuffer out{output.data(), output.room(), 0};
  bool whole = false;
  while (in.pos < in.size && out.pos < out.size) {  // frames can stand in a row
    const std::size_t in_before = in.pos;
    const std::size_t result = ZSTD_decompressStream(context.get(), &out, &in);
    whole = result == 0;
    if (ZSTD_isError(result) || in.pos == in_before) break;
  }
  return output.take(out.pos, whole);
}

using Decoder = DecodedContent (*)(std::string_view body, std::size_t bytes_max);

Decoder decoder_of(std::string_view coding) {
  static constexpr std::pair<std::string_view, Decoder> kDecoders[] = {{"gzip", gunzip},
                                                                       {"x-gzip", gunzip},
                                                                       {"deflate", undeflate},
                                                                       {"br", unbrotli},
                                                                       {"zstd", unzstd}};
  for (const auto& [name, decoder] : kDecoders) {
    if (equal_in_any_case(coding, name)) return decoder;
  }
  return nullptr;
}

// The decoders in the order in which they are needed: the last coding comes off first. None
// where one is unknown, or there are too many.
std::vector<Decoder> decoders_of(std::string_view codings) {
  constexpr std::size_t kCodingsMax = 4;
  std::vector<Decoder> decoders;
  while (!codings.empty()) {
    const auto comma = codings.rfind(',');
    std::string_view coding = comma == codings.npos ? codings : codings.substr(comma + 1);
    codings = codings.substr(0, comma == codings.npos ? 0 : comma);
    while (coding.starts_with(' ') || coding.starts_with('\t')) coding.remove_prefix(1);
    while (coding.ends_with(' ') || coding.ends_with('\t')) coding.remove_suffix(1);
    if (coding.empty() || equal_in_any_case(coding, "identity")) continue;
    const Decoder decoder = decoder_of(coding);
    if (!decoder || decoders.size() == kCodingsMax) return {};
    decoders.push_back(decoder);
  }
  return decoders;
}

}  // namespace

std::optional<DecodedContent> decode_content(std::string_view codings, std::string_view body,
                                             std::size_t bytes_max) {
  const auto decoders = decoders_of(codings);
  if (decoders.empty() || body.empty()) return std::nullopt;
  DecodedContent decoded{std::string(body), true};
  for (const Decoder decode : decoders) {
    auto next = decode(decoded.bytes, bytes_max);
    if (next.bytes.empty() && !next.whole) return std::nullopt;
    next.whole = next.whole && decoded.whole;
    decoded = std::move(next);
  }
  return decoded;
}

}  // namespace rhooks::delivery
