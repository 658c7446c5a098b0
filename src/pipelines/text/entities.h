// Entities of labelled tokens, grouped by the reference library's rules, so that its published
// models give the entities that they were made for. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "accel/status.h"
#include "accel/task.h"
#include "text/tokenizer.h"

namespace accel::pipelines {

enum class Aggregation : uint8_t { kNone, kSimple, kFirst, kMax, kAverage };

// "simple" where none is named. INVALID_ARGUMENT lists the names.
Result<Aggregation> parse_aggregation(const std::optional<std::string>& name);

// A token of the text and what the model thinks of it.
struct LabelledToken {
  std::string token;
  std::vector<double> scores;  // per label
  int64_t start = 0;           // code points of the text
  int64_t end = 0;
  int64_t index = 0;         // in its window
  bool inside_word = false;  // it goes on with the word of the token before
};

// In the order of the tokens, those labelled "O" left out. `labels` names each score.
Result<Entities> find_entities(std::span<const LabelledToken> tokens,
                               std::span<const std::string> labels, Aggregation aggregation,
                               const text::Tokenizer& tokenizer);

// Of the entities of overlapping windows: of those that lie over each other the longer, then the
// surer one.
Entities without_overlaps(Entities entities);

}  // namespace accel::pipelines
