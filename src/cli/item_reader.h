#pragma once

#include <rhooks/result.h>

#include <cstddef>
#include <istream>
#include <optional>
#include <string>

namespace rhooks::cli {

// Splits a file of tasks into the JSON text of each, reading no more than one at a time:
// an array [..], an object {"items":[..]}, or values one after another (JSON lines).
//
// It finds where an item ends; what is in it is for codec to check.
// Threads: one. Blocking: next(), on the stream.
class ItemReader {
 public:
  static constexpr std::size_t kItemBytesMax = 4 * 1024 * 1024;

  explicit ItemReader(std::istream& in) : in_(in) {}

  // The next item, or none at the end. Errors: kInvalidArgument, naming the line.
  Result<std::optional<std::string>> next();

 private:
  enum class Shape { kUnknown, kArray, kLines };

  int peek() { return in_.peek(); }
  int get();
  void skip_space();
  Result<void> begin();
  Result<std::string> value(std::string text = {}, std::size_t depth = 0, bool in_string = false);
  Result<void> end_of_document();
  tl::unexpected<Error> wrong(const std::string& what) const;

  std::istream& in_;
  std::size_t line_ = 1;
  Shape shape_ = Shape::kUnknown;
  bool in_object_ = false;  // the array is the value of "items"
  bool first_ = true;
  bool done_ = false;
  std::optional<std::string> pending_;  // a first line that begin() had to read
};

}  // namespace rhooks::cli
