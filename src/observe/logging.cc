#include "observe/logging.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <memory>

#include "observe/log_line.h"

namespace rhooks::log {
namespace {

// Read at every call, so that a line that is not wanted costs one load.
std::atomic<Level> g_level{Level::kWarn};
std::atomic<Format> g_format{Format::kText};

std::unique_ptr<spdlog::logger> make_logger(const char* pattern) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  sink->set_formatter(
      std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
  auto logger = std::make_unique<spdlog::logger>("rhooks", std::move(sink));
  logger->set_level(spdlog::level::trace);
  logger->flush_on(spdlog::level::trace);
  return logger;
}

// A logger for each format, its pattern fixed, so that configure() may be called while other
// threads write. Never destroyed: a thread may still log while the process ends.
spdlog::logger& logger(Format format) {
  static spdlog::logger* const text = make_logger("%Y-%m-%dT%H:%M:%S.%eZ %v").release();
  static spdlog::logger* const json = make_logger(R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ",%v})").release();
  return format == Format::kJson ? *json : *text;
}

void write(Level level, std::string_view message, Fields fields) {
  const Format format = g_format.load(std::memory_order_relaxed);
  const std::string line = format == Format::kJson ? json_members(level, message, fields)
                                                   : text_line(level, message, fields);
  logger(format).log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

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
