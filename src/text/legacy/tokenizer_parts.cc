#include "text/legacy/tokenizer_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "base/try.h"

namespace accel::text {
namespace {

Json slots_of(std::span<const Slot> slots) {
  Json items = Json::array();
  for (const Slot& slot : slots) {
    const bool text = slot.token == "$A" || slot.token == "$B";
    items.push_back(
        {{text ? "Sequence" : "SpecialToken",
          {{"id", text ? slot.token.substr(1) : slot.token}, {"type_id", slot.type_id}}}});
  }
  return items;
}

}  // namespace

void AddedTexts::add(const AddedText& token) {
  if (token.content.empty()) return;
  const auto [place, added] = places_.try_emplace(token.content, tokens_.size());
  if (added) {
    tokens_.push_back(token);
  } else {
    tokens_[place->second] = token;
  }
}

AddedText* AddedTexts::find(std::string_view content) {
  const auto place = places_.find(std::string(content));
  return place == places_.end() ? nullptr : &tokens_[place->second];
}

void AddedTexts::clear() {
  tokens_.clear();
  places_.clear();
}

int32_t TokenizerParts::id_of(std::string_view token) const {
  if (const auto own = ids.find(std::string(token)); own != ids.end()) return own->second;
  auto next = static_cast<int32_t>(ids.size());
  for (const AddedText& text : added) {
    if (ids.contains(text.content)) continue;
    if (text.content == token) return next;
    ++next;
  }
  return -1;
}

void add_tokens(LegacyFiles& files, std::span<const Role> roles, TokenizerParts& parts) {
  std::set<std::string> from_file;
  for (const auto& [id, token] : files.added_tokens()) {
    parts.added.add(token);
    from_file.insert(token.content);
  }
  std::set<std::string> done;
  const auto add = [&](AddedText token) {
    token.special = true;
    const bool first = done.insert(token.content).second;
    if (!first) return;
    AddedText* known = parts.added.find(token.content);
    if (known == nullptr) {
      parts.added.add(token);
    } else if (from_file.contains(token.content)) {
      known->special = true;  // with the flags that it was added with
    } else {
      token.normalized = known->normalized;  // a control piece is never in a normalized text
      *known = token;
    }
  };
  for (const char* name : {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token",
                           "cls_token", "mask_token"}) {
    const auto role = std::ranges::find(roles, std::string_view(name), &Role::name);
    const auto usual = role == roles.end() ? std::nullopt : std::optional(role->token);
    if (const auto token = files.special(name, usual)) add(*token);
  }
  for (const AddedText& token : files.additional_special_tokens()) add(token);
}

std::string special_text(LegacyFiles& files, std::span<const Role> roles, std::string_view name) {
  const auto role = std::ranges::find(roles, name, &Role::name);
  const auto usual = role == roles.end() ? std::nullopt : std::optional(role->token);
  const auto token = files.special(std::string(name).c_str(), usual);
  return token ? token->content : std::string();
}

std::string tokenizer_json(const TokenizerParts& parts) {
  std::map<int32_t, Json> by_id;
  auto next = static_cast<int32_t>(parts.ids.size());
  for (const AddedText& token : parts.added) {
    const auto own = parts.ids.find(token.content);
    const int32_t id = own == parts.ids.end() ? next++ : own->second;
    by_id[id] = {{"id", id},
                 {"content", token.content},
                 {"single_word", token.single_word},
                 {"lstrip", token.lstrip},
                 {"rstrip", token.rstrip},
                 {"normalized", token.normalized},
                 {"special", token.special}};
  }
  Json tokens = Json::array();
  for (auto& [id, token] : by_id) tokens.push_back(std::move(token));
  const Json json{{"version", "1.0"},
                  {"truncation", nullptr},
                  {"padding", nullptr},
                  {"added_tokens", std::move(tokens)},
                  {"normalizer", parts.normalizer},
                  {"pre_tokenizer", parts.pre_tokenizer},
                  {"post_processor", parts.post_processor},
                  {"decoder", parts.decoder},
                  {"model", parts.model}};
  return json.dump();
}

Json sequence(const char* kind, std::vector<Json> steps) {
  return {{"type", "Sequence"}, {kind, std::move(steps)}};
}

Json replace(std::string_view text, std::string_view by) {
  return {{"type", "Replace"}, {"pattern", {{"String", text}}}, {"content", by}};
}

Json replace_pattern(std::string_view expression, std::string_view by) {
  return {{"type", "Replace"}, {"pattern", {{"Regex", expression}}}, {"content", by}};
}

Json metaspace(std::string_view prepend_scheme, bool split) {
  return {{"type", "Metaspace"},
          {"replacement", "▁"},
          {"prepend_scheme", prepend_scheme},
          {"split", split}};
}

Json byte_level(bool add_prefix_space, bool trim_offsets, bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", add_prefix_space},
          {"trim_offsets", trim_offsets},
          {"use_regex", use_regex}};
}

Result<Json> template_processing(const TokenizerParts& parts, std::span<const Slot> single,
                                 std::span<const Slot> pair) {
  Json tokens = Json::object();
  for (const Slot& slot : pair) {
    if (slot.token == "$A" || slot.token == "$B") continue;
    const int32_t id = parts.id_of(slot.token);
    if (id < 0) {
      return invalid_argument(fmt::format(
          "expected the special token \"{}\" in the vocabulary, found none", slot.token));
    }
    tokens[slot.token] = {{"id", slot.token}, {"ids", {id}}, {"tokens", {slot.token}}};
  }
  return Json{{"type", "TemplateProcessing"},
              {"single", slots_of(single)},
              {"pair", slots_of(pair)},
              {"special_tokens", std::move(tokens)}};
}

Result<Json> bert_template(const TokenizerParts& parts, const std::string& cls,
                           const std::string& sep) {
  const std::array<Slot, 5> slots{{{cls, 0}, {"$A", 0}, {sep, 0}, {"$B", 1}, {sep, 1}}};
  return template_processing(parts, std::span(slots).first(3), slots);
}

Result<Json> roberta_template(const TokenizerParts& parts, const std::string& cls,
                              const std::string& sep) {
  const std::array<Slot, 6> slots{{{cls, 0}, {"$A", 0}, {sep, 0}, {sep, 0}, {"$B", 0}, {sep, 0}}};
  return template_processing(parts, std::span(slots).first(3), slots);
}

Json byte_pairs(const Vocabulary& vocabulary,
                const std::vector<std::pair<std::string, std::string>>& merges) {
  Json pairs = Json::array();
  for (const auto& [left, right] : merges) pairs.push_back({left, right});
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", nullptr},
          {"continuing_subword_prefix", ""},
          {"end_of_word_suffix", ""},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", false},
          {"vocab", vocabulary},
          {"merges", std::move(pairs)}};
}

}  // namespace accel::text
