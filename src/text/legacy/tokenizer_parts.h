// The parts of a tokenizer.json, and how they become one: what the converters of old files fill.
// The format is that of the crate `tokenizers` (https://docs.rs/tokenizers), its names are kept.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "accel/status.h"
#include "base/json.h"
#include "text/legacy/legacy_files.h"

namespace accel::text {

// Tokens found in a text before the model splits the rest, in the order of their coming.
class AddedTexts {
 public:
  // Appends what is not there yet; a token that is there keeps its place and takes these flags. A
  // token without text is left out.
  void add(const AddedText& token);
  AddedText* find(std::string_view content);  // null: not there
  void clear();

  auto begin() { return tokens_.begin(); }
  auto end() { return tokens_.end(); }
  auto begin() const { return tokens_.begin(); }
  auto end() const { return tokens_.end(); }

 private:
  std::vector<AddedText> tokens_;
  std::unordered_map<std::string, size_t> places_;
};

struct TokenizerParts {
  Json model;
  Vocabulary ids;  // the model's own
  Json normalizer;
  Json pre_tokenizer;
  Json post_processor;
  Json decoder;
  // Those that the model lacks get the ids behind its own, in their order.
  AddedTexts added;

  // The id that `token` has or is going to get; -1 for none.
  int32_t id_of(std::string_view token) const;
};

// What a class calls a special token when the files do not.
struct Role {
  const char* name;  // "cls_token"
  AddedText token;
};

// Fills in `parts.added` from the files: what was added to the vocabulary, then the special tokens
// of all roles. `parts` has its ids, and in `added` what the vocabulary itself marks.
void add_tokens(LegacyFiles& files, std::span<const Role> roles, TokenizerParts& parts);

// The content of that role's token; empty when there is none.
std::string special_text(LegacyFiles& files, std::span<const Role> roles, std::string_view name);

// The content of the tokenizer.json.
std::string tokenizer_json(const TokenizerParts& parts);

// ---- parts ----------------------------------------------------------------------------------

Json sequence(const char* kind, std::vector<Json> steps);  // kind: "normalizers", "decoders" ...

Json replace(std::string_view text, std::string_view by);
Json replace_pattern(std::string_view expression, std::string_view by);  // Oniguruma's
Json metaspace(std::string_view prepend_scheme, bool split = true);
Json byte_level(bool add_prefix_space, bool trim_offsets = true, bool use_regex = true);

// What is put around a text: a token, or one of the texts.
struct Slot {
  std::string token;  // "$A" and "$B" are the texts
  int32_t type_id = 0;
};
// INVALID_ARGUMENT when a token is not in the vocabulary.
Result<Json> template_processing(const TokenizerParts& parts, std::span<const Slot> single,
                                 std::span<const Slot> pair);
// [CLS] A [SEP], and [CLS] A [SEP] B [SEP] with type 1 from B on.
Result<Json> bert_template(const TokenizerParts& parts, const std::string& cls,
                           const std::string& sep);
// <s> A </s>, and <s> A </s> </s> B </s> with type 0 throughout.
Result<Json> roberta_template(const TokenizerParts& parts, const std::string& cls,
                              const std::string& sep);

// [[left, right], ...] and {token: id}: of the model BPE.
Json byte_pairs(const Vocabulary& vocabulary,
                const std::vector<std::pair<std::string, std::string>>& merges);

}  // namespace accel::text
