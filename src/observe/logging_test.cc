#include "observe/logging.h"

#include <gtest/gtest.h>

#include <regex>
#include <sstream>
#include <thread>
#include <vector>

#include "testing/captured_log.h"

namespace rhooks::log {
namespace {

class LoggingTest : public ::testing::Test {
 protected:
  ~LoggingTest() override { configure(Level::kWarn, Format::kText); }

  template <typename Write>
  static std::vector<std::string> lines_of(const Write& write) {
    testing::CapturedLog log;
    write();
    std::istringstream text(log.text());
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }

  static void one_of_each() {
    debug("d");
    info("i");
    warn("w");
    error("e");
  }
};

TEST_F(LoggingTest, WritesTextLinesWithTheTime) {
  configure(Level::kInfo, Format::kText);
  const auto lines = lines_of([] { info("server started", {{"address", "127.0.0.1:8090"}}); });
  ASSERT_EQ(lines.size(), 1u);
  const std::regex form(
      R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info  server started address=127\.0\.0\.1:8090)");
  EXPECT_TRUE(std::regex_match(lines[0], form)) << lines[0];
}

TEST_F(LoggingTest, WritesTheTimeInUtc) {
  configure(Level::kInfo, Format::kText);
  const char* zone = std::getenv("TZ");
  const std::string before = zone != nullptr ? zone : "";
  ::setenv("TZ", "Pacific/Kiritimati", 1);  // UTC+14: another hour, mostly another day
  ::tzset();
  const auto start = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto lines = lines_of([] { info("m"); });
  if (zone != nullptr) {
    ::setenv("TZ", before.c_str(), 1);
  } else {
    ::unsetenv("TZ");
  }
  ::tzset();
  ASSERT_EQ(lines.size(), 1u);
  std::tm utc{};
  ASSERT_NE(::strptime(lines[0].c_str(), "%Y-%m-%dT%H:%M:%S", &utc), nullptr) << lines[0];
  const auto written = std::chrono::system_clock::from_time_t(::timegm(&utc));
  EXPECT_GE(written, start);
  EXPECT_LT(written, start + std::chrono::minutes{5});
}

TEST_F(LoggingTest, WritesJsonLines) {
  configure(Level::kInfo, Format::kJson);
  const auto lines = lines_of([] {
    warn("100% {} %v", {{"id", "a\"b"}, {"tasks", std::int64_t{3}}});
  });
  ASSERT_EQ(lines.size(), 1u);
  const std::regex form(
      R"re(\{"ts":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"warn","msg":"100% \{\} %v","id":"a\\"b","tasks":3\})re");
  EXPECT_TRUE(std::regex_match(lines[0], form)) << lines[0];
}

TEST_F(LoggingTest, LeavesOutWhatIsBelowTheLevel) {
  const std::pair<Level, std::size_t> cases[] = {{Level::kDebug, 4},
                                                 {Level::kInfo, 3},
                                                 {Level::kWarn, 2},
                                                 {Level::kError, 1},
                                                 {Level::kOff, 0}};
  for (const auto& [level, count] : cases) {
    configure(level, Format::kText);
    EXPECT_EQ(lines_of(one_of_each).size(), count);
    EXPECT_EQ(enabled(Level::kDebug), count >= 4);
    EXPECT_EQ(enabled(Level::kError), count >= 1);
    EXPECT_FALSE(enabled(Level::kOff));
  }
}

TEST_F(LoggingTest, ThreadsWriteWholeLinesWhileTheFormatChanges) {
  configure(Level::kInfo, Format::kText);
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  const auto lines = lines_of([] {
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < kEach; ++i) {
          if (t == 0) configure(Level::kInfo, i % 2 == 0 ? Format::kJson : Format::kText);
          info("message", {{"thread", std::int64_t{t}}});
        }
      });
    }
    for (auto& thread : threads) thread.join();
  });
  ASSERT_EQ(lines.size(), static_cast<std::size_t>(kThreads * kEach));
  const std::regex form(
      R"re((\S{24} info  message thread=\d|\{"ts":"\S{24}","level":"info","msg":"message","thread":\d\}))re");
  for (const std::string& line : lines) ASSERT_TRUE(std::regex_match(line, form)) << line;
}

TEST(ParseLevelTest, TakesTheFiveNames) {
  EXPECT_EQ(parse_level("debug").value(), Level::kDebug);
  EXPECT_EQ(parse_level("info").value(), Level::kInfo);
  EXPECT_EQ(parse_level("warn").value(), Level::kWarn);
  EXPECT_EQ(parse_level("error").value(), Level::kError);
  EXPECT_EQ(parse_level("off").value(), Level::kOff);
  for (const char* name : {"", "INFO", "warning", "trace", "info "}) {
    const auto level = parse_level(name);
    ASSERT_FALSE(level.has_value()) << name;
    EXPECT_EQ(level.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(level.error().message.find("debug, info, warn, error and off"), std::string::npos);
  }
}

TEST(ParseFormatTest, TakesTheTwoNames) {
  EXPECT_EQ(parse_format("text").value(), Format::kText);
  EXPECT_EQ(parse_format("json").value(), Format::kJson);
  for (const char* name : {"", "JSON", "logfmt"}) {
    const auto format = parse_format(name);
    ASSERT_FALSE(format.has_value()) << name;
    EXPECT_EQ(format.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(format.error().message.find("text and json"), std::string::npos);
  }
}

}  // namespace
}  // namespace rhooks::log
