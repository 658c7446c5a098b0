// ContentRule: which devices of a set take an input, by what the input is.
//
//   engine->load({.path = "all-MiniLM-L6-v2", .device = "MULTI:CPU/1,CPU/3",
//                 .rules = {{.tokens = {.below = 32}, .device = "CPU/1"}, {.device = "CPU/3"}}});
//
// The first rule whose conditions an input meets says where it runs. An input that meets none goes
// wherever there is room, and so does one whose device is not on this machine; notices say so.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel {

// from <= count < below.
struct CountRange {
  int64_t from = 0;
  int64_t below = std::numeric_limits<int64_t>::max();

  bool contains(int64_t count) const { return from <= count && count < below; }
  bool operator==(const CountRange&) const = default;
};

struct ContentRule {
  // Of a text, special tokens included, after truncation; 0: it is no text.
  CountRange tokens = {};
  // That the model makes of the input: the windows of a long text, the documents of a ranking, the
  // texts of one call of embed(). 1 of a text in a stream of texts.
  CountRange rows = {};
  // Of the tensors that a row is: longer sounds have more, images all the same.
  CountRange bytes = {};
  // "text", "vision", "audio", "multimodal"; empty: any.
  std::string modality = {};
  // A member of the set as it stands there: "GPU", "CPU/1"; of one that stands there several times
  // "CPU/1" is all of them and "CPU/1#0" that at the first place of the set.
  std::string device = {};

  bool operator==(const ContentRule&) const = default;
};

// "tokens_below=32 device=CPU/1; modality=vision device=GPU" and back; the conditions are
// tokens_from, tokens_below, rows_from, rows_below, bytes_from, bytes_below and modality.
// INVALID_ARGUMENT shows what is wrong and the right form.
ACCEL_API Result<std::vector<ContentRule>> parse_content_rules(std::string_view text);
ACCEL_API std::string to_string(const ContentRule& rule);
ACCEL_API std::string to_string(std::span<const ContentRule> rules);

}  // namespace accel
