#include "json/writer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/iso8601.h"
#include "base/utf8.h"

namespace rhooks {
namespace {

bool is_plain(char c) {
  static constexpr auto kTable = [] {
    std::array<bool, 256> table{};
    for (unsigned byte = 0x20; byte < 0x80; ++byte) table[byte] = byte != '"' && byte != '\\';
    return table;
  }();
  return kTable[static_cast<unsigned char>(c)];
}

// Appends the character that `text` begins with as it stands in a string, and returns its length.
// 0: it begins with none, and U+FFFD was appended for its first byte.
std::size_t append_character(std::string& out, std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const char c = text.front();
  const std::size_t length = utf8_length(text);
  if (length == 0) {
    out += "\xef\xbf\xbd";
  } else if (length > 1 || is_plain(c)) {
    out += text.substr(0, length);
  } else if (c == '"' || c == '\\') {
    out.push_back('\\');
    out.push_back(c);
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\r') {
    out += "\\r";
  } else if (c == '\t') {
    out += "\\t";
  } else {
    out += "\\u00";
    out.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(kDigits[static_cast<unsigned char>(c) & 0x0f]);
  }
  return length;
}

}  // namespace

// Nothing that ends a value is one of these, so the last character tells where we are.
void JsonWriter::separate() {
  if (out_.empty()) return;
  const char last = out_.back();
  if (last != '{' && last != '[' && last != ':') out_.push_back(',');
}

void JsonWriter::open(char bracket) {
  separate();
  out_.push_back(bracket);
}

void JsonWriter::quoted(std::string_view text) {
  out_.push_back('"');
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain])) ++plain;
    out_ += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;

    const std::size_t length = append_character(out_, text);
    if (length == 0) exact_ = false;
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  out_.push_back('"');
}

void JsonWriter::name(std::string_view name) {
  separate();
  quoted(name);
  out_.push_back(':');
}

void JsonWriter::string(std::string_view text) {
  separate();
  quoted(text);
}

void JsonWriter::integer(std::int64_t value) {
  separate();
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out_.append(digits, static_cast<std::size_t>(end - digits));
}

void JsonWriter::boolean(bool value) {
  separate();
  out_ += value ? "true" : "false";
}

void JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
}

void JsonWriter::string(std::string_view member, std::string_view text) {
  name(member);
  string(text);
}

void JsonWriter::string_if_any(std::string_view member, std::string_view text) {
  if (!text.empty()) string(member, text);
}

void JsonWriter::integer(std::string_view member, std::int64_t value) {
  name(member);
  integer(value);
}

void JsonWriter::boolean(std::string_view member, bool value) {
  name(member);
  boolean(value);
}

void JsonWriter::milliseconds(std::string_view member, std::chrono::microseconds value) {
  const std::int64_t micros = std::max<std::int64_t>(value.count(), 0);
  integer(member, micros / 1000);
  if (micros % 1000 == 0) return;
  const std::string digits = std::to_string(1000 + micros % 1000);  // "1412" of 412
  out_.push_back('.');
  out_.append(digits, 1, digits.find_last_not_of('0'));
}

void JsonWriter::time(std::string_view member, TimePoint t) {
  name(member);
  out_.push_back('"');
  append_time(out_, t);
  out_.push_back('"');
}

void JsonWriter::time(std::string_view member, const std::optional<TimePoint>& t) {
  if (t) time(member, *t);
}

void JsonWriter::begin_object(std::string_view member) {
  name(member);
  begin_object();
}

void JsonWriter::begin_array(std::string_view member) {
  name(member);
  begin_array();
}

std::string_view json_cut(std::string_view text, std::size_t bytes_max) {
  std::string written;
  std::size_t kept = 0;
  while (kept < text.size()) {
    const std::size_t length = append_character(written, text.substr(kept));
    if (written.size() > bytes_max) break;
    kept += std::max<std::size_t>(length, 1);
  }
  return text.substr(0, kept);
}

}  // namespace rhooks
