#include "cli/table.h"

#include <gtest/gtest.h>

namespace accel::cli {
namespace {

TEST(Table, ColumnsAlign) {
  Table table({Align::kRight});
  table.add({"1", "one", "x"});
  table.add({"20", "", ""});
  table.add({"3", "three"});
  EXPECT_EQ(table.text(2), "   1  one    x\n  20\n   3  three\n");
}

TEST(Table, WidthsAreThoseOfATerminal) {
  EXPECT_EQ(display_width("héllo"), 5u);
  EXPECT_EQ(display_width("e\u0301"), 1u);
  EXPECT_EQ(display_width("東京"), 4u);
  EXPECT_EQ(display_width("😀"), 2u);
}

TEST(Table, NothingDrivesTheTerminal) {
  EXPECT_EQ(printable("a\x1b[2J\n\t\x7f\u0085 ok"), "a\\x1b[2J\\n\\t\\x7f\\x85 ok");
  EXPECT_EQ(printable("\xFF"), "\uFFFD");
  Table table;
  table.add({"\r", "x"});
  EXPECT_EQ(table.text(), "\\r  x\n");
}

TEST(Numbers, ForPeople) {
  EXPECT_EQ(with_separators(0), "0");
  EXPECT_EQ(with_separators(999), "999");
  EXPECT_EQ(with_separators(1000), "1,000");
  EXPECT_EQ(with_separators(22713216), "22,713,216");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(90'868'376), "86.7 MiB");
  EXPECT_EQ(human_bytes(~uint64_t{0}), "16777216.0 TiB");
}

}  // namespace
}  // namespace accel::cli
