// Tokens: how a model reads text.
#pragma once

#include <cstdint>
#include <string>

namespace accel {

struct TextToken {
  int32_t id = 0;
  std::string text;      // as the vocabulary has it: "##ing"
  bool special = false;  // added around the text: [CLS], </s>
  // Where it stands, [begin, end), in code points of the text; 0, 0 for what was added.
  uint32_t begin = 0;
  uint32_t end = 0;
};

}  // namespace accel
