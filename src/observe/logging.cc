#include "observe/logging.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "observe/line_writer.h"
#include "observe/log_line.h"

namespace rhooks::log {
namespace {

// Some seconds of a busy server's lines; then standard error does not take them.
constexpr std::size_t kWaitingBytesMax = 1024 * 1024;
// How long the end of the process waits for the last lines.
constexpr std::chrono::milliseconds kPatience{1'000};

// Read at every call, so that a line that is not wanted costs one load.
std::atomic<Level> g_level{Level::kWarn};
std::atomic<Format> g_format{Format::kText};

// 2026-11-22T10:00:00.123Z
std::string now_text() {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  const int ms = static_cast<int>(now.time_since_epoch().count() % 1000);
  std::snprintf(text + size, sizeof text - size, ".%03dZ", ms);
  return text;
}

std::string line_of(Level level, std::string_view message, Fields fields) {
  if (g_format.load(std::memory_order_relaxed) == Format::kJson) {
    return "{\"ts\":\"" + now_text() + "\"," + json_members(level, message, fields) + "}\n";
  }
  return now_text() + " " + text_line(level, message, fields) + "\n";
}

// Made by the first line. Never destroyed: a thread may still log while the process ends.
LineWriter& writer() {
  static LineWriter* const made = [] {
    std::atexit([] { flush(kPatience); });
    return new LineWriter(STDERR_FILENO, kWaitingBytesMax, [](std::int64_t dropped) {
      return line_of(Level::kWarn, "log lines were dropped: standard error did not take them",
                     {{"lines", dropped}});
    });
  }();
  return *made;
}

void write(Level level, std::string_view message, Fields fields) {
  try {
    writer().write(line_of(level, message, fields));
  } catch (const std::bad_alloc&) {  // one line less
  }
}

}  // namespace

bool flush(std::chrono::milliseconds patience) {
  return writer().flush(patience);
}

std::int64_t lines_dropped() {
  return writer().dropped();
}

void configure(Level level, Format format) {
  g_format.store(format, std::memory_order_relaxed);
  g_level.store(level, std::memory_order_relaxed);
}

bool enabled(Level level) {
  return level != Level::kOff && level >= g_level.load(std::memory_order_relaxed);
}

Result<Level> parse_level(std::string_view name) {
  if (name == "debug") return Level::kDebug;
  if (name == "info") return Level::kInfo;
  if (name == "warn") return Level::kWarn;
  if (name == "error") return Level::kError;
  if (name == "off") return Level::kOff;
  return fail(ErrorCode::kInvalidArgument, "\"" + std::string(name) +
                                               "\" is no log level; there are debug, info, warn, "
                                               "error and off");
}

Result<Format> parse_format(std::string_view name) {
  if (name == "text") return Format::kText;
  if (name == "json") return Format::kJson;
  return fail(ErrorCode::kInvalidArgument,
              "\"" + std::string(name) + "\" is no log format; there are text and json");
}

void debug(std::string_view message, Fields fields) {
  if (enabled(Level::kDebug)) write(Level::kDebug, message, fields);
}

void info(std::string_view message, Fields fields) {
  if (enabled(Level::kInfo)) write(Level::kInfo, message, fields);
}

void warn(std::string_view message, Fields fields) {
  if (enabled(Level::kWarn)) write(Level::kWarn, message, fields);
}

void error(std::string_view message, Fields fields) {
  if (enabled(Level::kError)) write(Level::kError, message, fields);
}

}  // namespace rhooks::log
