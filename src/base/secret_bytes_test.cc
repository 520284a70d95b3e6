#include "base/secret_bytes.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <type_traits>

namespace rhooks {
namespace {

static_assert(!std::is_copy_constructible_v<SecretBytes>);
static_assert(!std::is_copy_assignable_v<SecretBytes>);

TEST(SecretBytesTest, MovesAndIsEmptyThen) {
  SecretBytes first = SecretBytes::copy_of("hush");
  EXPECT_EQ(first.view(), "hush");
  SecretBytes second = std::move(first);
  EXPECT_EQ(second.view(), "hush");
  EXPECT_EQ(first.size(), 0u);  // NOLINT(bugprone-use-after-move): this is what is asked for
  EXPECT_EQ(first.view(), "");
  second = SecretBytes(3);
  EXPECT_EQ(second.view(), std::string_view("\0\0\0", 3));
  EXPECT_EQ(SecretBytes().view(), "");
}

TEST(SecretBytesTest, RandomOnesDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const SecretBytes bytes = SecretBytes::random(16);
    EXPECT_EQ(bytes.size(), 16u);
    seen.emplace(bytes.view());
  }
  EXPECT_EQ(seen.size(), 100u);
}

}  // namespace
}  // namespace rhooks
