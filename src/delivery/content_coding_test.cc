#include "delivery/content_coding.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <string>

namespace rhooks::delivery {
namespace {

constexpr std::size_t kMax = 64 * 1024;

// Window bits as deflateInit2 takes them: 31 is gzip, 15 zlib, -15 neither.
std::string deflated(const std::string& text, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<unsigned char*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string gzipped(const std::string& text) {
  return deflated(text, 31);
}

std::string zstd_of(const std::string& text, int window_log = 0) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  if (window_log != 0) {
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  }
  std::string out(ZSTD_compressBound(text.size()), '\0');
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  // In two steps, so that the size is not known and the window stays what it was set to.
  ZSTD_inBuffer from{text.data(), text.size(), 0};
  EXPECT_FALSE(ZSTD_isError(ZSTD_compressStream2(context, &to, &from, ZSTD_e_flush)));
  EXPECT_EQ(ZSTD_compressStream2(context, &to, &from, ZSTD_e_end), 0u);
  ZSTD_freeCCtx(context);
  out.resize(to.pos);
  return out;
}

// Made by the reference encoder: three times "one and the same, ..." in 32 bytes, and 200,000
// zeros in 14.
const std::string kSame = [] {
  std::string text;
  for (int i = 0; i < 9; ++i) text += i % 3 == 2 ? "one and the same" : "one and the same, ";
  return text;
}();
const std::string kSameInBrotli(
    "\x1b\x9b\x00\xf8\x8d\x94\x6e\xde\xb4\x06\x09\x2b\x9b\x53\x2c\x6d\x59\x48\x3d\x81\x65\x08\x43"
    "\x3c\xe4\xe8\xe1\x0e\x16\x01",
    30);
const std::string kZerosInBrotli("\x5b\x3f\x0d\x83\x7f\x02\x20\x1e\x0b\x04\xf2\x09\x06\x00", 14);

void expect_decoded(const std::string& codings, const std::string& body, const std::string& text) {
  SCOPED_TRACE(codings);
  const auto decoded = decode_content(codings, body, kMax);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->bytes, text);
  EXPECT_TRUE(decoded->whole);
}

TEST(ContentCodingTest, EachIsUndone) {
  expect_decoded("gzip", gzipped(kSame), kSame);
  expect_decoded("x-gzip", gzipped(kSame), kSame);
  expect_decoded("GZip", gzipped(kSame), kSame);
  expect_decoded("deflate", deflated(kSame, 15), kSame);
  expect_decoded("deflate", deflated(kSame, -15), kSame);
  expect_decoded("br", kSameInBrotli, kSame);
  expect_decoded("zstd", zstd_of(kSame), kSame);
  for (const char* coding : {"gzip", "deflate"}) {
    expect_decoded(coding, deflated("", coding[0] == 'g' ? 31 : 15), "");
  }
}

TEST(ContentCodingTest, SeveralAreUndoneFromTheLastOne) {
  expect_decoded("deflate, gzip", gzipped(deflated(kSame, 15)), kSame);
  expect_decoded("gzip,\t identity ,,zstd,", zstd_of(gzipped(kSame)), kSame);
  EXPECT_FALSE(decode_content("gzip, gzip, gzip, gzip, gzip", gzipped("x"), kMax));
}

TEST(ContentCodingTest, PiecesInARowAreOneBody) {
  expect_decoded("gzip", gzipped("one ") + gzipped("two"), "one two");
  expect_decoded("zstd", zstd_of("one ") + zstd_of("two"), "one two");
  expect_decoded("gzip", gzipped("one") + "\r\n", "one");
}

TEST(ContentCodingTest, WhatIsNotKnownOrNotCodedIsLeftAsItCame) {
  EXPECT_FALSE(decode_content("", "text", kMax));
  EXPECT_FALSE(decode_content("identity", "text", kMax));
  EXPECT_FALSE(decode_content("utf-8", "text", kMax));
  EXPECT_FALSE(decode_content("compress", "\x1f\x9d\x90", kMax));
  EXPECT_FALSE(decode_content("gzip, utf-8", gzipped("text"), kMax));
  for (const char* coding : {"gzip", "deflate", "br", "zstd"}) {
    EXPECT_FALSE(decode_content(coding, "{\"ok\":true}", kMax)) << coding;
    EXPECT_FALSE(decode_content(coding, "", kMax)) << coding;
  }
}

TEST(ContentCodingTest, ADamagedOrShortBodyGivesWhatComesBeforeTheEnd) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += std::to_string(i * 7919 % 10007) + ' ';
  for (const auto& [coding, whole] : {std::pair<std::string, std::string>{"gzip", gzipped(text)},
                                      {"deflate", deflated(text, 15)},
                                      {"zstd", zstd_of(std::string(140'000, 'a') + text)}}) {
    SCOPED_TRACE(coding);
    const auto cut = decode_content(coding, whole.substr(0, whole.size() - 9), 1'000'000);
    ASSERT_TRUE(cut);
    EXPECT_FALSE(cut->whole);
    EXPECT_FALSE(cut->bytes.empty());
  }
  auto damaged = gzipped(text);
  damaged[damaged.size() - 6] = static_cast<char>(damaged[damaged.size() - 6] ^ 0x55);  // its CRC
  const auto decoded = decode_content("gzip", damaged, kMax);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->bytes, text);
  EXPECT_FALSE(decoded->whole);
}

TEST(ContentCodingTest, ABombGivesNoMoreThanIsAskedFor) {
  const std::string zeros(10'000'000, '\0');
  const std::string bombs[][2] = {{"gzip", gzipped(zeros)},
                                  {"deflate", deflated(zeros, 15)},
                                  {"zstd", zstd_of(zeros)},
                                  {"br", kZerosInBrotli},
                                  {"gzip, gzip", gzipped(gzipped(zeros))}};
  for (const auto& [coding, bomb] : bombs) {
    SCOPED_TRACE(coding);
    const auto decoded = decode_content(coding, bomb, 1000);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->bytes, std::string(1000, '\0'));
    EXPECT_FALSE(decoded->whole);
  }
  const auto exact = decode_content("gzip", gzipped(std::string(1000, 'a')), 1000);
  ASSERT_TRUE(exact);
  EXPECT_TRUE(exact->whole) << "exactly the limit fits";
}

TEST(ContentCodingTest, AWindowPastWhatHttpAllowsIsNotAllocated) {
  EXPECT_TRUE(decode_content("zstd", zstd_of("text", 23), kMax));
  EXPECT_FALSE(decode_content("zstd", zstd_of("text", 24), kMax));
}

}  // namespace
}  // namespace rhooks::delivery
