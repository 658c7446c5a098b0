#include "models/late_interaction.h"

#include <system_error>

#include "base/json.h"
#include "base/try.h"
#include "models/config_reader.h"

namespace accel::models {
namespace {

namespace fs = std::filesystem;

// The punctuation of ASCII, each mark a word, as both write it.
std::vector<std::string> punctuation() {
  std::vector<std::string> words;
  for (char c = '!'; c <= '~'; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter) words.emplace_back(1, c);
  }
  return words;
}

// An empty object where there is no such file.
Result<Json> read_late_json(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return Json::object();
  return read_json(path);
}

Status check_lengths(const LateInteractionRules& rules) {
  // A marker, and what the tokenizer adds to every text.
  constexpr int64_t kLeast = 3;
  if (rules.query_length >= kLeast && rules.document_length >= kLeast) return {};
  return invalid_argument("query_length and document_length: expected at least 3 tokens");
}

Result<LateInteractionRules> rules_of(const Json& json) {
  ConfigReader in(json);
  LateInteractionRules rules;
  rules.query_prefix = in.text_or("query_prefix", rules.query_prefix);
  rules.document_prefix = in.text_or("document_prefix", rules.document_prefix);
  rules.query_length = in.size_or("query_length", rules.query_length);
  rules.document_length = in.size_or("document_length", rules.document_length);
  rules.expand_queries = in.flag_or("do_query_expansion", rules.expand_queries);
  rules.attend_to_expansion =
      rules.expand_queries && in.flag_or("attend_to_expansion_tokens", rules.attend_to_expansion);
  rules.skipped_words = in.texts_or("skiplist_words", punctuation());
  ACCEL_TRY(in.status());
  ACCEL_TRY(check_lengths(rules));
  return rules;
}

Result<LateInteractionRules> rules_of_metadata(const Json& json) {
  ConfigReader in(json);
  LateInteractionRules rules;
  rules.query_prefix = in.text_or("query_token_id", "[unused0]");
  rules.document_prefix = in.text_or("doc_token_id", "[unused1]");
  rules.query_length = in.size_or("query_maxlen", rules.query_length);
  rules.document_length = in.size_or("doc_maxlen", rules.document_length);
  rules.attend_to_expansion = in.flag_or("attend_to_mask_tokens", rules.attend_to_expansion);
  if (in.flag_or("mask_punctuation", true)) rules.skipped_words = punctuation();
  ACCEL_TRY(in.status());
  ACCEL_TRY(check_lengths(rules));
  return rules;
}

}  // namespace

Result<LateInteractionRules> read_late_interaction(const fs::path& folder) {
  const fs::path path = folder / "config_sentence_transformers.json";
  ACCEL_ASSIGN(const Json json, read_late_json(path));
  Result<LateInteractionRules> rules = rules_of(json);
  return rules.ok() ? rules : rules.status().with_context(path.string());
}

Result<LateInteractionRules> read_colbert_metadata(const fs::path& folder) {
  const fs::path path = folder / "artifact.metadata";
  ACCEL_ASSIGN(const Json json, read_late_json(path));
  Result<LateInteractionRules> rules = rules_of_metadata(json);
  return rules.ok() ? rules : rules.status().with_context(path.string());
}

}  // namespace accel::models
