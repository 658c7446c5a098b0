// vocab.json and merges.txt: byte pairs over bytes that are written as printable characters
// (Radford et al., "Language Models are Unsupervised Multitask Learners", 2019).
#include <fmt/format.h>

#include "base/try.h"
#include "text/legacy/legacy_tokenizers.h"

namespace accel::text {
namespace {

// A special token that is found after the normalization, as these classes mark theirs.
AddedText normalized(const char* content) { return {.content = content, .normalized = true}; }

Result<TokenizerParts> byte_level_pairs(LegacyFiles& files, std::span<const Role> roles) {
  TokenizerParts parts;
  ACCEL_ASSIGN(parts.ids, files.vocabulary_of_json("vocab.json"));
  ACCEL_ASSIGN(const auto merges, files.merges("merges.txt"));
  parts.model = byte_pairs(parts.ids, merges);
  parts.decoder = byte_level(true);
  add_tokens(files, roles, parts);
  return parts;
}

Result<Json> roberta_processing(const TokenizerParts& parts, const std::string& cls,
                                const std::string& sep, bool trim_offsets, bool add_prefix_space) {
  for (const std::string& token : {cls, sep}) {
    if (parts.id_of(token) >= 0) continue;
    return invalid_argument(
        fmt::format("expected the special token \"{}\" in the vocabulary, found none", token));
  }
  return Json{{"type", "RobertaProcessing"},
              {"sep", {sep, parts.id_of(sep)}},
              {"cls", {cls, parts.id_of(cls)}},
              {"trim_offsets", trim_offsets},
              {"add_prefix_space", add_prefix_space}};
}

Result<TokenizerParts> roberta_like(LegacyFiles& files, const AddedText& mask) {
  const std::array<Role, 7> roles{{{"bos_token", normalized("<s>")},
                                   {"eos_token", normalized("</s>")},
                                   {"unk_token", normalized("<unk>")},
                                   {"sep_token", normalized("</s>")},
                                   {"pad_token", normalized("<pad>")},
                                   {"cls_token", normalized("<s>")},
                                   {"mask_token", mask}}};
  ACCEL_ASSIGN(TokenizerParts parts, byte_level_pairs(files, roles));
  const bool space = files.flag("add_prefix_space", false);
  parts.pre_tokenizer = byte_level(space);
  ACCEL_ASSIGN(parts.post_processor,
               roberta_processing(parts, special_text(files, roles, "cls_token"),
                                  special_text(files, roles, "sep_token"), true, space));
  return parts;
}

}  // namespace

Result<TokenizerParts> roberta_tokenizer(LegacyFiles& files) {
  return roberta_like(files, {.content = "<mask>", .lstrip = true});
}

Result<TokenizerParts> bart_tokenizer(LegacyFiles& files) {
  return roberta_like(files, {.content = "<mask>", .lstrip = true, .normalized = true});
}

Result<TokenizerParts> gpt2_tokenizer(LegacyFiles& files) {
  const std::array<Role, 3> roles{{{"bos_token", normalized("<|endoftext|>")},
                                   {"eos_token", normalized("<|endoftext|>")},
                                   {"unk_token", normalized("<|endoftext|>")}}};
  ACCEL_ASSIGN(TokenizerParts parts, byte_level_pairs(files, roles));
  parts.pre_tokenizer = byte_level(files.flag("add_prefix_space", false));
  parts.post_processor = byte_level(true, false);
  if (files.flag("add_bos_token", false)) {
    const std::array<Slot, 3> slots{
        {{special_text(files, roles, "bos_token"), 0}, {"$A", 0}, {"$B", 1}}};
    ACCEL_ASSIGN(parts.post_processor,
                 template_processing(parts, std::span(slots).first(2), slots));
  }
  return parts;
}

// Lower case, and every word ends in "</w>" (Radford et al., arXiv:2103.00020).
Result<TokenizerParts> clip_tokenizer(LegacyFiles& files) {
  const std::array<Role, 4> roles{{{"bos_token", normalized("<|startoftext|>")},
                                   {"eos_token", normalized("<|endoftext|>")},
                                   {"unk_token", normalized("<|endoftext|>")},
                                   {"pad_token", normalized("<|endoftext|>")}}};
  ACCEL_ASSIGN(TokenizerParts parts, byte_level_pairs(files, roles));
  parts.model["unk_token"] = special_text(files, roles, "unk_token");
  parts.model["end_of_word_suffix"] = "</w>";
  parts.normalizer = sequence(
      "normalizers", {{{"type", "NFC"}}, replace_pattern("\\s+", " "), {{"type", "Lowercase"}}});
  parts.pre_tokenizer = sequence(
      "pretokenizers",
      {{{"type", "Split"},
        {"pattern", {{"Regex", R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)"}}},
        {"behavior", "Removed"},
        {"invert", true}},
       byte_level(false)});
  parts.decoder = sequence(
      "decoders", {byte_level(true), replace("</w>", " "), replace_pattern(R"(\A\s+|\s+\z)", "")});
  ACCEL_ASSIGN(parts.post_processor,
               roberta_processing(parts, special_text(files, roles, "bos_token"),
                                  special_text(files, roles, "eos_token"), false, false));
  return parts;
}

Result<TokenizerParts> qwen2_tokenizer(LegacyFiles& files) {
  const std::array<Role, 3> roles{{{"eos_token", {"<|endoftext|>"}},
                                   {"unk_token", {"<|endoftext|>"}},
                                   {"pad_token", {"<|endoftext|>"}}}};
  ACCEL_ASSIGN(TokenizerParts parts, byte_level_pairs(files, roles));
  parts.normalizer = {{"type", "NFC"}};
  parts.pre_tokenizer =
      sequence("pretokenizers",
               {{{"type", "Split"},
                 {"pattern",
                  {{"Regex", R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
                             R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}}},
                 {"behavior", "Isolated"},
                 {"invert", false}},
                byte_level(files.flag("add_prefix_space", false), true, false)});
  parts.post_processor = byte_level(true, false);
  return parts;
}

// <|startoftranscript|> [language] [task] [<|notimestamps|>] text <|endoftext|> (Radford et al.,
// arXiv:2212.04356).
Result<TokenizerParts> whisper_tokenizer(LegacyFiles& files) {
  const std::array<Role, 3> roles{{{"bos_token", {"<|endoftext|>"}},
                                   {"eos_token", {"<|endoftext|>"}},
                                   {"unk_token", {"<|endoftext|>"}}}};
  ACCEL_ASSIGN(TokenizerParts parts, byte_level_pairs(files, roles));
  parts.pre_tokenizer = byte_level(files.flag("add_prefix_space", false));
  std::vector<Slot> slots{{"<|startoftranscript|>", 0}};
  for (const char* option : {"language", "task"}) {
    const std::string value = files.text(option, "");
    if (!value.empty()) slots.push_back({"<|" + value + "|>", 0});
  }
  if (!files.flag("predict_timestamps", false)) slots.push_back({"<|notimestamps|>", 0});
  slots.push_back({"$A", 0});
  std::vector<Slot> single = slots;
  const std::string end = special_text(files, roles, "eos_token");
  single.push_back({end, 0});
  slots.push_back({"$B", 1});
  slots.push_back({end, 1});
  ACCEL_ASSIGN(parts.post_processor, template_processing(parts, single, slots));
  return parts;
}

}  // namespace accel::text
