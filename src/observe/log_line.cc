#include "observe/log_line.h"

#include <cstdint>

#include "base/utf8.h"

namespace rhooks::log {
namespace {

constexpr std::size_t kValueBytesMax = 4096;
constexpr char kHex[] = "0123456789abcdef";

const char* name_of(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarn:
      return "warn";
    case Level::kError:
      return "error";
    case Level::kOff:
      break;
  }
  return "off";
}

// Writes `text` so that it can neither end its quotes nor its line, nor reach a terminal as
// a control sequence. `json` decides how what has no short escape is written.
void append_escaped(std::string& out, std::string_view text, bool json) {
  std::string_view kept = utf8_cut(text, kValueBytesMax);
  // Bytes that are no UTF-8 have no boundary to go back to.
  if (text.size() > kValueBytesMax && kept.size() + 4 <= kValueBytesMax) {
    kept = text.substr(0, kValueBytesMax);
  }
  std::string_view rest = kept;
  while (!rest.empty()) {
    const std::size_t length = utf8_length(rest);
    if (length == 0) {
      const auto byte = static_cast<std::uint8_t>(rest[0]);
      if (json) {
        out += "\\ufffd";
      } else {
        out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 0x0f]};
      }
      rest.remove_prefix(1);
      continue;
    }
    const char32_t code = utf8_code_point(rest, length);
    if (rest[0] == '"' || rest[0] == '\\') {
      out += {'\\', rest[0]};
    } else if (rest[0] == '\n') {
      out += "\\n";
    } else if (rest[0] == '\r') {
      out += "\\r";
    } else if (rest[0] == '\t') {
      out += "\\t";
    } else if (steers_display(code)) {
      out += {'\\',
              'u',
              kHex[code >> 12],
              kHex[code >> 8 & 0x0f],
              kHex[code >> 4 & 0x0f],
              kHex[code & 0x0f]};
    } else {
      out += rest.substr(0, length);
    }
    rest.remove_prefix(length);
  }
  if (kept.size() < text.size()) out += "…";
}

bool needs_quotes(std::string_view value) {
  if (value.empty() || value.find_first_of(" \"=\\") != std::string_view::npos) return true;
  while (!value.empty()) {
    const std::size_t length = utf8_length(value);
    if (length == 0 || steers_display(utf8_code_point(value, length))) return true;
    value.remove_prefix(length);
  }
  return false;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text, true);
  out += '"';
}

}  // namespace

std::string text_line(Level level, std::string_view message, Fields fields) {
  std::string line = name_of(level);
  line.resize(6, ' ');
  append_escaped(line, message, false);
  for (const Field& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    if (needs_quotes(field.value)) {
      line += '"';
      append_escaped(line, field.value, false);
      line += '"';
    } else {
      append_escaped(line, field.value, false);
    }
  }
  return line;
}

std::string json_members(Level level, std::string_view message, Fields fields) {
  std::string line = "\"level\":\"";
  line += name_of(level);
  line += "\",\"msg\":";
  append_json_string(line, message);
  for (const Field& field : fields) {
    line += ',';
    append_json_string(line, field.name);
    line += ':';
    if (field.number) {
      line += field.value;
    } else {
      append_json_string(line, field.value);
    }
  }
  return line;
}

}  // namespace rhooks::log
