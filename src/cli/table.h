#pragma once

#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rhooks::cli {

enum class Colour { kNone, kGreen, kRed, kYellow, kBlue, kDim, kBold };

// Wraps text in the colour's escape codes.
std::string coloured(std::string_view text, Colour colour);

// What a terminal may be shown: control characters and malformed UTF-8 of a task, which
// could otherwise move the cursor or retitle the window, become visible escapes.
std::string printable(std::string_view text, bool keep_line_breaks = false);

// Columns that text takes; wide and combining characters count as one.
std::size_t display_width(std::string_view text);
// At most `width` columns, with "…" where something is left out.
std::string fit(std::string_view text, std::size_t width);

struct Column {
  std::string title;
  bool right = false;         // aligned to the right, as numbers are
  bool shrinks = false;       // may be cut to fit the terminal; others never are
  std::size_t width_min = 8;  // what is left of a column that shrinks
};

struct Cell {
  std::string text;
  Colour colour = Colour::kNone;
};

struct TableStyle {
  std::optional<int> width;  // none: lines are as long as they need to be, and never cut
  bool colours = false;
};

// A table that is printed page by page with bounded memory: the widths follow from the
// first page, and what does not fit them later is cut where there is a terminal, or sticks
// out where there is none.
class Table {
 public:
  Table(std::vector<Column> columns, TableStyle style);

  // Cells of a row in the order of the columns.
  void add(std::vector<Cell> row);
  // Prints the rows added since the last flush, the first time below a header.
  void flush(std::ostream& out);

 private:
  void fix_widths();
  void print_row(std::ostream& out, const std::vector<Cell>& row) const;

  const std::vector<Column> columns_;
  const TableStyle style_;
  std::vector<std::size_t> widths_;  // empty until the first flush
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace rhooks::cli
