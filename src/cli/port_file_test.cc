#include "cli/port_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "testing/temp_dir.h"

namespace rhooks::cli {
namespace {

namespace fs = std::filesystem;

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(PortFileTest, IsWholeAndReadableByOthers) {
  const testing::TempDir dir;
  ASSERT_TRUE(write_port_file(dir.sub("port"), 8090));
  ASSERT_TRUE(write_port_file(dir.sub("port"), 65535));
  EXPECT_EQ(text_of(dir.sub("port")), "65535\n");
  EXPECT_EQ(static_cast<unsigned>(fs::status(dir.sub("port")).permissions()), 0644u);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), fs::directory_iterator()), 1)
      << "nothing is left beside it";
}

// In a directory where everybody may write, such as /tmp.
TEST(PortFileTest, FollowsNoLink) {
  const testing::TempDir dir;
  std::ofstream(dir.sub("precious")) << "kept";
  for (const char* prepared : {"port", "port.part"}) {
    fs::create_symlink(dir.sub("precious"), dir.sub(prepared));
  }
  ASSERT_TRUE(write_port_file(dir.sub("port"), 1));
  EXPECT_EQ(text_of(dir.sub("precious")), "kept");
  EXPECT_EQ(text_of(dir.sub("port")), "1\n");
  EXPECT_FALSE(fs::is_symlink(dir.sub("port")));
}

TEST(PortFileTest, AnErrorNamesIt) {
  const testing::TempDir dir;
  const auto written = write_port_file(dir.sub("missing") + "/port", 1);
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find("missing/port"), std::string::npos);
}

}  // namespace
}  // namespace rhooks::cli
