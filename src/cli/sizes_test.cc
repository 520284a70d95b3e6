#include "cli/sizes.h"

#include <gtest/gtest.h>

namespace rhooks::cli {
namespace {

TEST(SizesTest, AreReadAndWritten) {
  for (const char* text : {"1KiB", "512MiB", "1536MiB", "2GiB", "1TiB", "1025KiB"}) {
    const auto size = parse_size(text);
    ASSERT_TRUE(size) << text;
    EXPECT_EQ(format_size(*size), text);
  }
  EXPECT_EQ(parse_size("512MiB"), 512u << 20);
  EXPECT_EQ(format_size(*parse_size("1024MiB")), "1GiB");
}

TEST(SizesTest, WhatIsNoneIsRefused) {
  for (const char* text : {"", "512", "MiB", "512MB", "512mib", "-1MiB", "+1MiB", "1.5GiB", "1 GiB",
                           "1GiB ", "0x1GiB", "99999999999TiB", "99999999999999999999KiB"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace rhooks::cli
