#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace rhooks::log {

// Writes lines to a descriptor on a thread of its own, so that whoever logs never waits for it:
// for a pipe that nobody reads, a terminal that was stopped, a disk that hangs.
//
// What waits is bounded. A line that does not fit, or that the descriptor refuses, is dropped and
// counted; once the descriptor takes bytes again, a line in their place says how many they were.
// Threads: every method may be called from any thread. Blocking: flush() only.
class LineWriter {
 public:
  // The line, with its line break, that stands for so many dropped ones.
  using Told = std::function<std::string(std::int64_t dropped)>;

  // `fd` is written to as long as lines wait, also after the end of this object.
  LineWriter(int fd, std::size_t waiting_bytes_max, Told told);
  // Does not wait: what the descriptor does not take is never written.
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // `line` ends in a line break.
  void write(std::string_view line);
  // Waits until nothing waits to be written, up to `patience`. Returns whether that is so.
  bool flush(std::chrono::milliseconds patience);
  // Lines that were dropped so far.
  std::int64_t dropped() const;

 private:
  struct State;
  const std::shared_ptr<State> state_;  // the thread's, too: it may outlive this object
};

}  // namespace rhooks::log
