#include "cli/item_reader.h"

#include <string_view>
#include <utility>

namespace rhooks::cli {
namespace {

constexpr int kEnd = std::istream::traits_type::eof();

bool is_space(int c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

}  // namespace

int ItemReader::get() {
  const int c = in_.get();
  if (c == '\n') ++line_;
  return c;
}

void ItemReader::skip_space() {
  while (is_space(peek())) get();
}

tl::unexpected<Error> ItemReader::wrong(const std::string& what) const {
  return fail(ErrorCode::kInvalidArgument, "line " + std::to_string(line_) + ": " + what, "file");
}

// Reads one JSON value up to its end: brackets balanced outside of strings, or up to a
// separator for numbers and words. `text` is what was read of it before.
Result<std::string> ItemReader::value(std::string text, std::size_t depth, bool in_string) {
  while (true) {
    const int c = peek();
    if (c == kEnd) {
      if (in_string || depth > 0) return wrong("the file ends in the middle of a task");
      return text;
    }
    if (text.size() >= kItemBytesMax) return wrong("a task is longer than 4 MiB");
    if (in_string) {
      text += static_cast<char>(get());
      if (c == '\\') {
        if (peek() == kEnd) return wrong("the file ends in the middle of a string");
        text += static_cast<char>(get());
      } else if (c == '"') {
        in_string = false;
        if (depth == 0) return text;
      }
      continue;
    }
    if (depth == 0 && !text.empty() && (is_space(c) || c == ',' || c == ']' || c == '}')) {
      return text;
    }
    if (depth == 0 && text.empty() && (c == ',' || c == ']' || c == '}')) {
      return wrong(std::string("a task is expected before '") + static_cast<char>(c) + "'");
    }
    text += static_cast<char>(get());
    if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (--depth == 0) return text;
    }
  }
}

Result<void> ItemReader::begin() {
  // A byte order mark, as some editors write it, says nothing.
  if (peek() == 0xef) {
    get();
    if (get() != 0xbb || get() != 0xbf) return wrong("this is not UTF-8");
  }
  skip_space();
  if (peek() == '[') {
    get();
    shape_ = Shape::kArray;
    return {};
  }
  shape_ = Shape::kLines;
  if (peek() != '{') return {};
  // An object is {"items":[..]} if its first key is "items", otherwise the first task.
  std::string text(1, static_cast<char>(get()));
  while (is_space(peek())) text += static_cast<char>(get());
  for (const char expected : std::string_view("\"items\"")) {
    if (peek() != expected) break;
    text += static_cast<char>(get());
  }
  if (text.ends_with("\"items\"")) {
    skip_space();
    if (get() != ':') return wrong("':' is expected after \"items\"");
    skip_space();
    if (get() != '[') return wrong("\"items\" is expected to be an array");
    shape_ = Shape::kArray;
    in_object_ = true;
    return {};
  }
  // Inside of a key, unless nothing of one was read.
  const bool in_string = text.back() != '{' && !is_space(static_cast<unsigned char>(text.back()));
  auto first = value(std::move(text), 1, in_string);
  if (!first) return fail(std::move(first.error()));
  pending_ = std::move(*first);
  return {};
}

Result<void> ItemReader::end_of_document() {
  done_ = true;
  skip_space();
  if (in_object_) {
    if (get() != '}') return wrong("only \"items\" is expected in the object");
    skip_space();
  }
  if (peek() != kEnd) return wrong("nothing is expected after the tasks");
  return {};
}

Result<std::optional<std::string>> ItemReader::next() {
  if (done_) return std::nullopt;
  if (shape_ == Shape::kUnknown) {
    if (auto begun = begin(); !begun) return fail(begun.error());
  }
  if (pending_) {
    first_ = false;
    return std::exchange(pending_, std::nullopt);
  }
  skip_space();
  if (shape_ == Shape::kLines) {
    if (peek() == kEnd) {
      done_ = true;
      return std::nullopt;
    }
  } else {
    const bool closed = peek() == ']';
    if (!closed && !first_) {
      if (get() != ',') return wrong("',' or ']' is expected after a task");
      skip_space();
    }
    if (closed) {
      get();
      if (auto ended = end_of_document(); !ended) return fail(ended.error());
      return std::nullopt;
    }
    if (peek() == kEnd) return wrong("the file ends before the array of tasks does");
  }
  first_ = false;
  auto text = value();
  if (!text) return fail(text.error());
  if (text->empty()) return wrong("a task is expected");
  return std::optional<std::string>(std::move(*text));
}

}  // namespace rhooks::cli
