// Aligned columns for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace accel::cli {

// Columns a terminal needs for UTF-8 `text`: East Asian wide characters and emoji take two,
// combining marks none.
size_t display_width(std::string_view text);

// `text` with control characters as escapes (\n, \x1b) and invalid UTF-8 as U+FFFD, so that what
// stands in a file cannot drive a terminal.
std::string printable(std::string_view text);

enum class Align : uint8_t { kLeft, kRight };

// Rows of cells; every column is as wide as its widest cell. Cells go through printable().
class Table {
 public:
  // `columns` gives the alignment of each column; further ones are left-aligned.
  explicit Table(std::vector<Align> columns = {}) : columns_(std::move(columns)) {}

  void add(std::vector<std::string> cells);

  // The rows, each with `indent` spaces before it, two spaces between columns, no space at the end
  // and a line feed.
  std::string text(size_t indent = 0) const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// "22,713,216"
std::string with_separators(uint64_t number);

// "86.7 MiB"
std::string human_bytes(uint64_t bytes);

}  // namespace accel::cli
