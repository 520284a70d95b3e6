#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

// What the fuzzers share. libFuzzer calls LLVMFuzzerTestOneInput() with inputs of its own
// making, over and over, on one thread; a property that does not hold ends the process, and
// libFuzzer keeps the input.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

#define FUZZ_EXPECT(condition)                                                            \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)

namespace rhooks::fuzz {

inline std::string_view to_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Takes an input apart from the front; what is not there any more reads as zero.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(to_text(data, size)) {}

  // Highest byte first.
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (; bytes > 0; --bytes) {
      value <<= 8;
      if (rest_.empty()) continue;
      value |= static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
    }
    return value;
  }

  std::string_view text(std::size_t size_max) {
    const std::string_view text = rest_.substr(0, size_max);
    rest_.remove_prefix(text.size());
    return text;
  }

  bool empty() const { return rest_.empty(); }

  // Up to the next `end`, which is dropped.
  std::string_view until(char end) {
    const std::string_view text = rest_.substr(0, rest_.find(end));
    rest_.remove_prefix(std::min(text.size() + 1, rest_.size()));
    return text;
  }

  std::string_view line() { return until('\n'); }

  std::string_view rest() { return text(rest_.size()); }

 private:
  std::string_view rest_;
};

}  // namespace rhooks::fuzz
