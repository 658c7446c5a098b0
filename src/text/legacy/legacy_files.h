// LegacyFiles: the files in which a folder keeps its tokenizer when it has no tokenizer.json, as
// the reference library's "slow" tokenizers read them.
//
//   tokenizer_config.json    class, options, special tokens
//   special_tokens_map.json  special tokens, in older folders
//   added_tokens.json        {token: id}, in older folders; since then "added_tokens_decoder"
//   vocab.txt, vocab.json, merges.txt, *.model, *.spm     the vocabulary
//
// The converters (legacy_tokenizers.h) ask it for options. Questions do not fail: a value of a
// wrong type is remembered, and status() tells of it when the converter is done.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "accel/status.h"
#include "base/json.h"
#include "text/sentencepiece_model.h"

namespace accel::text {

using Vocabulary = std::unordered_map<std::string, int32_t>;  // token to id

// How a token is found in a text before the model splits the rest.
struct AddedText {
  std::string content;
  bool lstrip = false;      // takes the spaces before it
  bool rstrip = false;      // and behind it
  bool normalized = false;  // looked for after the normalization
  bool single_word = false;
  bool special = true;
};

class LegacyFiles {
 public:
  // DATA_LOSS for broken JSON; missing files are no error yet.
  static Result<LegacyFiles> open(const std::filesystem::path& folder);

  // "BertTokenizer", without "Fast"; empty when the folder does not say.
  std::string tokenizer_class() const;
  bool has(std::string_view file) const;
  Result<std::string> read(std::string_view file) const;

  bool flag(const char* option, bool fallback);
  std::optional<bool> flag(const char* option);  // none: absent or null
  int64_t number(const char* option, int64_t fallback);
  std::string text(const char* option, std::string fallback);

  // The special token of that role ("cls_token"); none when the files or `fallback` have none.
  std::optional<AddedText> special(const char* role, std::optional<AddedText> fallback);
  std::vector<AddedText> additional_special_tokens();
  // All that were added to the vocabulary, with their ids.
  std::vector<std::pair<int32_t, AddedText>> added_tokens();

  // vocab.txt: a token per line, the id is the line's number.
  Result<Vocabulary> vocabulary_of_lines(std::string_view file) const;
  // vocab.json: {token: id}.
  Result<Vocabulary> vocabulary_of_json(std::string_view file) const;
  // merges.txt: a pair per line, best first.
  Result<std::vector<std::pair<std::string, std::string>>> merges(std::string_view file) const;
  Result<SentencePieceModel> sentencepiece(std::string_view file) const;

  // INVALID_ARGUMENT naming the first option that had a wrong type.
  const Status& status() const { return status_; }

 private:
  LegacyFiles() = default;
  const Json* option(const char* name) const;
  bool names_special(std::string_view token) const;
  void refuse(const char* option, const char* expected);
  AddedText added_text(const Json& entry, AddedText token, const char* option);

  std::filesystem::path folder_;
  Json config_ = Json::object();
  Json special_ = Json::object();
  Json added_ = Json::object();
  Status status_;
};

}  // namespace accel::text
