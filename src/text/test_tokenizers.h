// Private to the tests of src/text: the tokenizers of tests/data and texts for them.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/files.h"
#include "text/tokenizer.h"

namespace accel::text {

using Ids = std::vector<int32_t>;

// The tokenizer that the cases of tests/data/tokenizers/NAME are of; that of a model which is there
// for its numbers lies with it, once.
inline std::string file_of(const std::string& name) {
  const std::filesystem::path data = ACCEL_TEST_DATA;
  for (const auto& folder : {data / "tokenizers" / name, data / "golden" / name, data / name}) {
    if (std::filesystem::exists(folder / "tokenizer.json")) {
      return *read_file(folder / "tokenizer.json", 64 << 20);
    }
  }
  ADD_FAILURE() << "no tokenizer.json of " << name;
  return "";
}

inline std::shared_ptr<const Tokenizer> load(const std::string& name) {
  auto tokenizer = Tokenizer::from_json(file_of(name));
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().to_string();
  return *tokenizer;
}

// Mixed text of about `size` bytes: words, sentences, lines, several scripts.
inline std::string long_text(size_t size, uint32_t seed) {
  static const std::vector<std::string> kWords = {
      "the",     "license",    "of",     "grants.", "permission,", "Café",
      "naïve\n", "東京は日本", "\tif",   "(x_1)",   "can't",       "1,234",
      "<mask>",  "[SEP]",      "Привет", "emoji😀", "…",           "supercalifragilistic",
      "I",       "\r\n\r\n",   "مرحبا",  "a\u0301", "हिन्दी"};
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < size) {
    text += kWords[random() % kWords.size()];
    if (random() % 16 != 0) text += random() % 8 == 0 ? "  " : " ";
  }
  return text;
}

inline const std::vector<std::string> kKinds = {"bert-feature", "gpt2",  "t5",
                                                "llama",        "clip",  "xlm-roberta-feature",
                                                "gemma2",       "qwen2", "deberta-v2-seqcls"};

}  // namespace accel::text
