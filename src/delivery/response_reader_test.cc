#include "delivery/response_reader.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <random>
#include <string>
#include <vector>

#include "model/limits.h"

namespace rhooks::delivery {
namespace {

TEST(ResponseReaderTest, KeepsTheFinalResponse) {
  ResponseReader reader;
  EXPECT_TRUE(reader.header_line("HTTP/1.1 100 Continue\r\n"));
  EXPECT_TRUE(reader.header_line("x-interim: 1\r\n"));
  EXPECT_TRUE(reader.header_line("\r\n"));
  EXPECT_EQ(reader.status(), 0);
  EXPECT_TRUE(reader.header_line("HTTP/2 201 \r\n"));
  EXPECT_TRUE(reader.header_line("A:  b c \r\n"));
  EXPECT_TRUE(reader.header_line("empty:\r\n"));
  EXPECT_TRUE(reader.header_line("no colon\r\n"));
  EXPECT_TRUE(reader.header_line(" folded: x\r\n"));
  EXPECT_EQ(reader.status(), 0) << "the headers are not complete";
  EXPECT_TRUE(reader.header_line("\r\n"));
  EXPECT_EQ(reader.status(), 201);
  EXPECT_TRUE(reader.body_piece("he"));
  EXPECT_TRUE(reader.body_piece("llo"));
  EXPECT_TRUE(reader.header_line("trailer: t\r\n"));
  EXPECT_TRUE(reader.header_line("HTTP/1.1 500 forged in a trailer\r\n"));

  const auto response = reader.take();
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.headers, (std::vector<Header>{{"A", "b c"}, {"empty", ""}}));
  EXPECT_EQ(response.body, "hello");
  EXPECT_FALSE(response.body_truncated);
}

TEST(ResponseReaderTest, StoresTheFirst64KiBOfTheBodyAndReads1MiB) {
  ResponseReader reader;
  reader.header_line("HTTP/1.1 200 OK\r\n");
  reader.header_line("\r\n");
  EXPECT_TRUE(reader.body_piece(std::string(model::kResponseBodyBytesMax - 1, 'a')));
  EXPECT_TRUE(reader.body_piece("b"));
  ResponseReader exact = reader;
  EXPECT_FALSE(exact.take().body_truncated) << "exactly the limit fits";
  EXPECT_TRUE(reader.body_piece("c"));
  EXPECT_TRUE(reader.body_piece(
      std::string(model::kResponseReadBytesMax - model::kResponseBodyBytesMax - 1, 'd')));
  EXPECT_FALSE(reader.body_too_long());
  EXPECT_FALSE(reader.body_piece("e"));
  EXPECT_TRUE(reader.body_too_long());
  const auto response = reader.take();
  EXPECT_TRUE(response.body_truncated);
  EXPECT_EQ(response.body.size(), model::kResponseBodyBytesMax);
  EXPECT_EQ(response.body.back(), 'b');
}

TEST(ResponseReaderTest, UndoesTheContentCodingsOfWhatIsStored) {
  // {"ok":true} in brotli.
  const std::string coded("\x0b\x05\x80\x7b\x22\x6f\x6b\x22\x3a\x74\x72\x75\x65\x7d\x03", 15);
  const auto taken = [&](std::vector<std::string> lines, const std::string& body) {
    ResponseReader reader;
    reader.header_line("HTTP/1.1 200 OK\r\n");
    for (const auto& line : lines) reader.header_line(line + "\r\n");
    reader.header_line("\r\n");
    for (const char c : body) EXPECT_TRUE(reader.body_piece({&c, 1}));
    return reader.take();
  };
  const auto decoded = taken({"Content-ENCODING: br", "X: 1"}, coded);
  EXPECT_EQ(decoded.body, R"({"ok":true})");
  EXPECT_FALSE(decoded.body_truncated);
  EXPECT_EQ(decoded.headers, (std::vector<Header>{{"Content-ENCODING", "br"}, {"X", "1"}}))
      << "as they came";
  EXPECT_EQ(taken({"content-encoding: identity", "content-encoding: br"}, coded).body,
            R"({"ok":true})");

  const auto cut = taken({"content-encoding: br"}, coded.substr(0, 10));
  EXPECT_TRUE(cut.body_truncated);
  const auto foreign = taken({"content-encoding: utf-8"}, "text");
  EXPECT_EQ(foreign.body, "text");
  EXPECT_FALSE(foreign.body_truncated);
  const auto lie = taken({"content-encoding: gzip"}, "text");
  EXPECT_EQ(lie.body, "text");
  EXPECT_FALSE(lie.body_truncated);
  EXPECT_EQ(taken({"content-encoding: gzip"}, "").body, "");
  const auto long_lie = taken({"content-encoding: gzip"}, std::string(100'000, 'a'));
  EXPECT_EQ(long_lie.body, std::string(model::kResponseBodyBytesMax, 'a'));
  EXPECT_TRUE(long_lie.body_truncated);
}

TEST(ResponseReaderTest, ABodyThatHardlyCompressesIsStoredToItsLimit) {
  std::string text(300'000, ' ');
  std::mt19937 random(1);
  for (char& c : text) c = static_cast<char>(' ' + random() % 64);  // six bits of eight
  std::string coded(ZSTD_compressBound(text.size()), '\0');
  coded.resize(ZSTD_compress(coded.data(), coded.size(), text.data(), text.size(), 3));
  ResponseReader reader;
  for (const char* line : {"HTTP/1.1 200 OK\r\n", "content-encoding: zstd\r\n", "\r\n"}) {
    reader.header_line(line);
  }
  ASSERT_TRUE(reader.body_piece(coded));
  const auto response = reader.take();
  EXPECT_EQ(response.body, text.substr(0, model::kResponseBodyBytesMax));
  EXPECT_TRUE(response.body_truncated);
}

TEST(ResponseReaderTest, Keeps64KiBOfHeadersAndReads256KiB) {
  ResponseReader reader;
  reader.header_line("HTTP/1.1 200 OK\r\n");
  const std::string line = "n: " + std::string(1023, 'v') + "\r\n";  // 1 KiB is kept of each
  std::size_t lines = 0;
  while (reader.header_line(line)) ASSERT_LT(++lines, 1000u);
  EXPECT_TRUE(reader.headers_too_long());
  EXPECT_EQ(reader.status(), 0);
  EXPECT_GT(lines, 240u);
  EXPECT_EQ(reader.take().headers.size(), 64u);
}

TEST(ResponseReaderTest, InterimResponsesCountTowardsTheLimit) {
  ResponseReader reader;
  int rounds = 0;
  while (reader.header_line("HTTP/1.1 103 Early Hints\r\n") && reader.header_line("\r\n")) {
    ASSERT_LT(++rounds, 100'000);
  }
  EXPECT_TRUE(reader.headers_too_long());
}

TEST(ResponseReaderTest, SwitchingProtocolsIsFinal) {
  ResponseReader reader;
  reader.header_line("HTTP/1.1 101 Switching Protocols\r\n");
  reader.header_line("\r\n");
  EXPECT_EQ(reader.status(), 101);
}

}  // namespace
}  // namespace rhooks::delivery
