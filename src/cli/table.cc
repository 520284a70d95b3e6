#include "cli/table.h"

#include <algorithm>
#include <cstdio>
#include <ostream>

#include "base/check.h"
#include "base/utf8.h"

namespace rhooks::cli {
namespace {

constexpr std::string_view kGap = "  ";

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

std::string hex_escape(unsigned char byte) {
  char text[8];
  std::snprintf(text, sizeof text, "\\x%02x", byte);
  return text;
}

}  // namespace

std::string coloured(std::string_view text, Colour colour) {
  const char* code = "";
  switch (colour) {
    case Colour::kNone:
      return std::string(text);
    case Colour::kGreen:
      code = "32";
      break;
    case Colour::kRed:
      code = "31";
      break;
    case Colour::kYellow:
      code = "33";
      break;
    case Colour::kBlue:
      code = "34";
      break;
    case Colour::kDim:
      code = "2";
      break;
    case Colour::kBold:
      code = "1";
      break;
  }
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

std::string printable(std::string_view text, bool keep_line_breaks) {
  std::string shown;
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      shown += hex_escape(first);
      text.remove_prefix(1);
      continue;
    }
    if (length > 1 && steers_display(utf8_code_point(text, length))) {
      for (std::size_t i = 0; i < length; ++i) {
        shown += hex_escape(static_cast<unsigned char>(text[i]));
      }
    } else if (first == '\n' || first == '\t' || first == '\r') {
      if (keep_line_breaks && first != '\r') {
        shown += text[0];
      } else {
        shown += first == '\n' ? "\\n" : first == '\t' ? "\\t" : "\\r";
      }
    } else if (first < 0x20 || first == 0x7f) {
      shown += hex_escape(first);
    } else {
      shown.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  return shown;
}

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

std::string fit(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return "";
  std::size_t columns = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    if (!is_continuation(text[end]) && ++columns == width) break;
    ++end;
  }
  return std::string(text.substr(0, end)) + "…";
}

Table::Table(std::vector<Column> columns, TableStyle style)
    : columns_(std::move(columns)), style_(style) {}

void Table::add(std::vector<Cell> row) {
  RHOOKS_CHECK(row.size() == columns_.size());
  for (Cell& cell : row) cell.text = printable(cell.text);
  rows_.push_back(std::move(row));
}

void Table::fix_widths() {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = display_width(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[i].text));
    widths_.push_back(width);
  }
  if (!style_.width) return;
  const auto limit = static_cast<std::size_t>(std::max(*style_.width, 20));
  std::size_t total = kGap.size() * (columns_.size() - 1);
  for (const std::size_t width : widths_) total += width;
  // Takes one column at a time off the widest that may shrink, so that they end up alike.
  while (total > limit) {
    std::optional<std::size_t> widest;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::size_t floor = std::max(columns_[i].width_min, display_width(columns_[i].title));
      if (!columns_[i].shrinks || widths_[i] <= floor) continue;
      if (!widest || widths_[i] > widths_[*widest]) widest = i;
    }
    if (!widest) return;
    --widths_[*widest];
    --total;
  }
}

void Table::print_row(std::ostream& out, const std::vector<Cell>& row) const {
  std::string line;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const Column& column = columns_[i];
    std::string text = row[i].text;
    if (style_.width && column.shrinks) text = fit(text, widths_[i]);
    const std::size_t shown = display_width(text);
    const std::string padding(widths_[i] > shown ? widths_[i] - shown : 0, ' ');
    if (style_.colours) text = coloured(text, row[i].colour);
    if (i > 0) line += kGap;
    line += column.right ? padding + text : text;
    if (!column.right && i + 1 < columns_.size()) line += padding;
  }
  while (line.ends_with(' ')) line.pop_back();
  out << line << '\n';
}

void Table::flush(std::ostream& out) {
  if (rows_.empty()) return;
  if (widths_.empty()) {
    fix_widths();
    std::vector<Cell> header;
    for (const Column& column : columns_) header.push_back({column.title, Colour::kBold});
    print_row(out, header);
  }
  for (const auto& row : rows_) print_row(out, row);
  rows_.clear();
}

}  // namespace rhooks::cli
