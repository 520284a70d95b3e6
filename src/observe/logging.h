#pragma once

#include <rhooks/result.h>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

// Structured logs on standard error, as text or as JSON lines.
//
// A message is a fixed sentence; what varies are fields, so that logs can be searched:
//   log::warn("task set aside", {{"namespace", ns}, {"id", id}, {"reason", reason}});
// Never log headers, bodies, URLs' credentials or query strings, or keys: they hold secrets.
// Text:  2026-11-22T10:00:00.123Z warn  task set aside namespace=a id="b c"
// JSON:  {"ts":"2026-11-22T10:00:00.123Z","level":"warn","msg":"task set aside","namespace":"a"}
// Whatever a value holds, it stays within its quotes and its line; values and messages are cut
// to 4 KiB.
//
// Nobody waits for standard error: lines are written by a thread of their own, and what a pipe that
// nobody reads does not take is dropped and counted (observe/line_writer.h). The end of the process
// waits for the last ones, for a second at most.
// Threads: every function may be called from any thread. Blocking: flush() only.
namespace rhooks::log {

enum class Level { kDebug, kInfo, kWarn, kError, kOff };
enum class Format { kText, kJson };

// The level starts at kWarn, the format at kText.
void configure(Level level, Format format);
// Whether a line of this level is written: for callers whose fields cost something to make.
bool enabled(Level level);
Result<Level> parse_level(std::string_view name);    // debug, info, warn, error, off
Result<Format> parse_format(std::string_view name);  // text, json

struct Field {
  std::string_view name;
  std::string value;

  Field(std::string_view n, std::string v) : name(n), value(std::move(v)) {}
  Field(std::string_view n, const char* v) : name(n), value(v) {}
  Field(std::string_view n, std::int64_t v) : name(n), value(std::to_string(v)), number(true) {}
  bool number = false;
};
using Fields = std::initializer_list<Field>;

void debug(std::string_view message, Fields fields = {});
void info(std::string_view message, Fields fields = {});
void warn(std::string_view message, Fields fields = {});
void error(std::string_view message, Fields fields = {});

// Waits until all lines are written, up to `patience`. Returns whether they are.
bool flush(std::chrono::milliseconds patience);
// Lines of this process that standard error did not take.
std::int64_t lines_dropped();

}  // namespace rhooks::log
