// RowOrder: what llama.cpp did to the order of a matrix's rows, and how it is undone.
#pragma once

#include <cstdint>

namespace accel::models::gguf {

// The rows lie as [groups, a, b, run] in the file and are wanted as [groups, b, a, run].
struct RowOrder {
  int64_t a = 1;
  int64_t b = 1;
  int64_t run = 1;

  bool changes() const { return a > 1 && b > 1; }
  // The file's row that is wanted as row number `row`.
  int64_t stored(int64_t row) const {
    const int64_t inside = row % run;
    const int64_t i = row / run % a;
    const int64_t j = row / (run * a) % b;
    const int64_t group = row / (run * a * b);
    return ((group * a + i) * b + j) * run + inside;
  }
};

}  // namespace accel::models::gguf
