#include "delivery/response_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "model/limits.h"

namespace rhooks::delivery {
namespace {

TEST(ResponseReader, KeepsTheFinalResponse) {
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

TEST(ResponseReader, StoresTheFirst64KiBOfTheBodyAndReads1MiB) {
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

TEST(ResponseReader, Keeps64KiBOfHeadersAndReads256KiB) {
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

TEST(ResponseReader, InterimResponsesCountTowardsTheLimit) {
  ResponseReader reader;
  int rounds = 0;
  while (reader.header_line("HTTP/1.1 103 Early Hints\r\n") && reader.header_line("\r\n")) {
    ASSERT_LT(++rounds, 100'000);
  }
  EXPECT_TRUE(reader.headers_too_long());
}

TEST(ResponseReader, SwitchingProtocolsIsFinal) {
  ResponseReader reader;
  reader.header_line("HTTP/1.1 101 Switching Protocols\r\n");
  reader.header_line("\r\n");
  EXPECT_EQ(reader.status(), 101);
}

}  // namespace
}  // namespace rhooks::delivery
