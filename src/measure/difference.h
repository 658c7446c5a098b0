// How far two runs' answers to the same items are apart. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "accel/engine.h"

namespace accel::measure {

// An item's answer taken apart: its numbers in order, and everything else as one text.
struct Answer {
  std::vector<double> numbers;
  std::string words;
};

// Labels go by their name, not by their score, so that near ones may change places.
Answer answer_of(const TaskResult& result);

// The answers to all items.
Result<std::vector<Answer>> embedded_answers(Model& model, const EmbedOptions& options,
                                             std::span<const TaskInput> items);
Result<std::vector<Answer>> run_answers(Model& model, const RunOptions& options,
                                        std::span<const TaskInput> items);

struct Difference {
  size_t items = 0;
  size_t words_differ = 0;   // items whose words do
  size_t counts_differ = 0;  // items with another number of numbers, which are not compared
  double max_abs = 0;
  double relative = 0;  // max_abs by the largest number of the first run
  double cosine = 1;    // the least of an item; of a single number always 1
};
Difference difference_of(std::span<const Answer> first, std::span<const Answer> second);

// What rounding in that arithmetic does to the answers of a deep model; more is no rounding. f32
// has 24 bits, f16 11, bf16 8, and errors of single operations grow along the layers.
struct Bound {
  double relative = 0;
  double cosine = 1;
};
// Of the coarser of the two.
Bound bound_of(Precision first, Precision second);

bool within(const Difference& difference, const Bound& bound);

}  // namespace accel::measure
