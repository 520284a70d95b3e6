#pragma once

#include <rhooks/task.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Writes compact JSON text.
//
// A writer of our own, because a request body's JSON goes in as it was given, and because
// what a receiver answered may not be UTF-8: such bytes come out as U+FFFD, and exact() tells.
namespace rhooks {

class JsonWriter {
 public:
  // `bytes`: about how long the text will be.
  explicit JsonWriter(std::size_t bytes = 0) { out_.reserve(bytes); }

  void begin_object() { open('{'); }
  void end_object() { out_.push_back('}'); }
  void begin_array() { open('['); }
  void end_array() { out_.push_back(']'); }

  void name(std::string_view name);

  void string(std::string_view text);
  void integer(std::int64_t value);
  void boolean(bool value);
  // Text that is JSON already.
  void raw(std::string_view json);

  // Members. The optional ones are left out where they are empty.
  void string(std::string_view name, std::string_view text);
  void string_if_any(std::string_view name, std::string_view text);
  void integer(std::string_view name, std::int64_t value);
  void boolean(std::string_view name, bool value);
  // As a number of milliseconds, with a fraction where there is one: 12, 0.412. Below zero: 0.
  void milliseconds(std::string_view name, std::chrono::microseconds value);
  void time(std::string_view name, TimePoint t);
  void time(std::string_view name, const std::optional<TimePoint>& t);
  void begin_object(std::string_view name);
  void begin_array(std::string_view name);

  // Whether all that was written can be read back as it was: where it is an order, and not what
  // is shown to people, nothing else may be sent.
  bool exact() const { return exact_; }
  void set_inexact() { exact_ = false; }

  std::string take() { return std::move(out_); }

 private:
  void open(char bracket);
  void separate();
  void quoted(std::string_view text);

  std::string out_;
  bool exact_ = true;
};

// The longest part at the start of `text` of which a JsonWriter makes at most `bytes_max` bytes,
// without the quotes, and that ends between two characters.
std::string_view json_cut(std::string_view text, std::size_t bytes_max);

}  // namespace rhooks
