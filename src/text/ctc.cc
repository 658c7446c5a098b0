#include "text/ctc.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "base/try.h"
#include "text/case.h"

namespace accel::text {
namespace {

constexpr size_t kTokensMax = 1'000'000;
constexpr int64_t kIdMax = (int64_t{1} << 31) - 1;

// The special tokens and their defaults, in the order in which they are added.
constexpr std::array<std::pair<const char*, const char*>, 4> kRoles{
    {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}, {"pad_token", "<pad>"}}};

Result<Json> parse_object(std::string_view text, const char* file) {
  if (text.empty()) return Json::object();
  Result<Json> json = parse_json(text);
  if (!json.ok()) return json.status().with_context(file);
  if (json->is_object()) return json;
  return invalid_argument(
      fmt::format("{}: expected a JSON object, found {}", file, json->type_name()));
}

const Json* present(const Json& object, std::string_view name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Status mistyped(std::string_view name, std::string_view expected, const Json& found) {
  return invalid_argument(
      fmt::format("{}: expected {}, found {}", name, expected, found.type_name()));
}

Result<bool> flag_or(const Json& config, const char* name, bool fallback) {
  const Json* found = present(config, name);
  if (found == nullptr) return fallback;
  if (!found->is_boolean()) return mistyped(name, "true or false", *found);
  return found->get<bool>();
}

// A token is a text, or an object with "content".
Result<std::string> content_of(const Json& token, std::string_view name) {
  if (token.is_string()) return token.get<std::string>();
  const Json* content = token.is_object() ? present(token, "content") : nullptr;
  if (content != nullptr && content->is_string()) return content->get<std::string>();
  return mistyped(name, "a token, or an object with its \"content\"", token);
}

// Absent: `fallback`; null: empty.
Result<std::string> token_or(const Json& config, const char* name, const char* fallback) {
  const auto found = config.find(name);
  if (found == config.end()) return std::string(fallback);
  if (found->is_null()) return std::string();
  return content_of(*found, name);
}

Result<int64_t> id_of(const Json& number, std::string_view token) {
  if (number.is_number_integer()) {
    const auto id = number.get<int64_t>();  // of unsigned ones beyond int64, negative
    if (id >= 0 && id <= kIdMax) return id;
  }
  return invalid_argument(
      fmt::format("{}: expected an id from 0 to {}", json_quote(token.substr(0, 60)), kIdMax));
}

// The vocabulary itself, or that of one language among several.
Result<const Json*> vocabulary_of(const Json& json, const Json& config, std::string_view language) {
  std::string wanted(language);
  if (const Json* found = present(config, "target_lang"); wanted.empty() && found != nullptr) {
    if (!found->is_string()) return mistyped("target_lang", "a string", *found);
    wanted = found->get<std::string>();
  }
  const bool nested =
      !json.empty() && std::ranges::all_of(json, [](const Json& each) { return each.is_object(); });
  if (!nested) return &json;
  const auto found = json.find(wanted);
  if (found != json.end()) return &*found;
  std::string known;
  size_t listed = 0;
  for (const auto& [name, ignored] : json.items()) {
    if (++listed > 20) break;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", name.substr(0, 20));
  }
  return invalid_argument(fmt::format(
      "vocab.json: expected a language (target_lang) among its {}, found {}; there are {}{}",
      json.size(), wanted.empty() ? "none" : json_quote(wanted.substr(0, 60)), known,
      listed > 20 ? ", ..." : ""));
}

// What Python's str.strip() takes away.
void strip(std::string& text) {
  constexpr std::array<std::string_view, 29> kSpaces{
      "\t",           "\n",           "\v",           "\f",           "\r",
      "\x1C",         "\x1D",         "\x1E",         "\x1F",         " ",
      "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81",
      "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86",
      "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8",
      "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};
  std::string_view rest = text;
  const auto begins = [&](std::string_view space) { return rest.starts_with(space); };
  const auto ends = [&](std::string_view space) { return rest.ends_with(space); };
  const std::string_view* it = nullptr;
  while ((it = std::ranges::find_if(kSpaces, begins)) != kSpaces.end()) {
    rest.remove_prefix(it->size());
  }
  while ((it = std::ranges::find_if(kSpaces, ends)) != kSpaces.end()) {
    rest.remove_suffix(it->size());
  }
  text = std::string(rest);
}

// transformers' clean_up_tokenization: no space before punctuation and in English contractions.
std::string cleaned_up(std::string text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kReplacements{
      {{" .", "."},
       {" ?", "?"},
       {" !", "!"},
       {" ,", ","},
       {" ' ", "'"},
       {" n't", "n't"},
       {" 'm", "'m"},
       {" 's", "'s"},
       {" 've", "'ve"},
       {" 're", "'re"}}};
  for (const auto& [from, to] : kReplacements) {
    std::string replaced;
    size_t at = 0;
    for (size_t found; (found = text.find(from, at)) != std::string::npos; at = found + from.size())
      replaced.append(text, at, found - at).append(to);
    text = replaced.append(text, at);
  }
  return text;
}

}  // namespace

Status CtcDecoder::read_tokens(const Json& vocabulary, const Json& config, const CtcFiles& files) {
  if (vocabulary.size() > kTokensMax) {
    return invalid_argument(fmt::format("vocab.json: expected at most {} tokens, found {}",
                                        kTokensMax, vocabulary.size()));
  }
  std::unordered_set<std::string> known;
  for (const auto& [token, number] : vocabulary.items()) {
    ACCEL_ASSIGN(const int64_t id, id_of(number, token));
    if (!tokens_.try_emplace(id, token).second) {
      return invalid_argument(fmt::format("vocab.json: expected one token per id, found {} and {} "
                                          "with the id {}",
                                          json_quote(tokens_[id]), json_quote(token), id));
    }
    known.insert(token);
  }
  if (const Json* added = present(config, "added_tokens_decoder")) {
    if (!added->is_object()) return mistyped("added_tokens_decoder", "an object", *added);
    for (const auto& [key, entry] : added->items()) {
      int64_t id = -1;
      const auto parsed = std::from_chars(key.data(), key.data() + key.size(), id);
      if (parsed.ptr != key.data() + key.size() || id < 0 || id > kIdMax) {
        return invalid_argument(fmt::format("added_tokens_decoder: expected ids as keys, found {}",
                                            json_quote(key.substr(0, 60))));
      }
      ACCEL_ASSIGN(std::string token, content_of(entry, "added_tokens_decoder"));
      ACCEL_ASSIGN(const bool special,
                   entry.is_object() ? flag_or(entry, "special", false) : Result<bool>(false));
      if (special) special_.insert(token);
      known.insert(token);
      tokens_[id] = std::move(token);
    }
  } else {
    ACCEL_ASSIGN(const Json older, parse_object(files.added_tokens, "added_tokens.json"));
    for (const auto& [token, number] : older.items()) {
      ACCEL_ASSIGN(const int64_t id, id_of(number, token));
      known.insert(token);
      tokens_[id] = token;
    }
  }
  for (const auto& [role, fallback] : kRoles) {
    ACCEL_ASSIGN(std::string token, token_or(config, role, fallback));
    if (token.empty()) continue;
    // Special tokens that the vocabulary lacks come behind it.
    if (known.insert(token).second) tokens_[static_cast<int64_t>(known.size()) - 1] = token;
    special_.insert(std::move(token));
  }
  for (const auto& [id, token] : tokens_) largest_id_ = std::max(largest_id_, id);
  return {};
}

Result<CtcDecoder> CtcDecoder::create(const CtcFiles& files) {
  if (files.vocabulary.empty()) return invalid_argument("vocab.json: expected it, found no text");
  ACCEL_ASSIGN(const Json json, parse_object(files.vocabulary, "vocab.json"));
  ACCEL_ASSIGN(Json config, parse_object(files.config, "tokenizer_config.json"));
  if (present(config, "added_tokens_decoder") == nullptr) {
    ACCEL_ASSIGN(const Json older, parse_object(files.special_tokens, "special_tokens_map.json"));
    for (const auto& [name, token] : older.items()) config[name] = token;
  }
  ACCEL_ASSIGN(const std::string type, token_or(config, "tokenizer_class", ""));
  if (!type.empty() && type != "Wav2Vec2CTCTokenizer" && type != "Wav2Vec2Tokenizer") {
    return unimplemented(fmt::format(
        "tokenizer_class: expected Wav2Vec2CTCTokenizer, found {}, whose text is spelled otherwise",
        json_quote(type.substr(0, 60))));
  }
  ACCEL_ASSIGN(const Json* vocabulary, vocabulary_of(json, config, files.language));
  CtcDecoder decoder;
  ACCEL_ASSIGN(decoder.blank_, token_or(config, "pad_token", "<pad>"));
  ACCEL_ASSIGN(decoder.unknown_, token_or(config, "unk_token", "<unk>"));
  ACCEL_ASSIGN(decoder.delimiter_, token_or(config, "word_delimiter_token", "|"));
  ACCEL_ASSIGN(decoder.space_, token_or(config, "replace_word_delimiter_char", " "));
  ACCEL_ASSIGN(decoder.lower_case_, flag_or(config, "do_lower_case", false));
  ACCEL_ASSIGN(decoder.clean_up_, flag_or(config, "clean_up_tokenization_spaces", false));
  if (decoder.blank_.empty()) {
    return invalid_argument("pad_token: expected the token of the blank, found none");
  }
  ACCEL_TRY(decoder.read_tokens(*vocabulary, config, files));
  decoder.special_.erase(decoder.blank_);
  decoder.special_.erase(decoder.delimiter_);
  return decoder;
}

const std::string& CtcDecoder::token(int64_t id) const {
  const auto found = tokens_.find(id);
  return found == tokens_.end() ? unknown_ : found->second;
}

// Each run of one token that is not the blank, as it stands in the text.
std::vector<CtcSpan> CtcDecoder::spell(std::span<const int64_t> ids,
                                       bool skip_special_tokens) const {
  std::vector<CtcSpan> spans;
  for (size_t begin = 0; begin < ids.size();) {
    const std::string& token = this->token(ids[begin]);
    size_t end = begin + 1;
    while (end < ids.size() && this->token(ids[end]) == token) ++end;
    if (token != blank_ && !(skip_special_tokens && special_.contains(token))) {
      const bool is_delimiter = !delimiter_.empty() && token == delimiter_;
      spans.push_back({.text = is_delimiter ? space_ : token, .begin = begin, .end = end});
    }
    begin = end;
  }
  return spans;
}

std::vector<CtcSpan> CtcDecoder::words_of(std::span<const CtcSpan> characters) const {
  std::vector<CtcSpan> words;
  bool inside = false;
  for (const CtcSpan& character : characters) {
    const bool was_inside = std::exchange(inside, character.text != space_);
    if (!inside) continue;
    if (!was_inside) words.push_back({.begin = character.begin});
    words.back().text += character.text;
    words.back().end = character.end;
  }
  return words;
}

Result<CtcText> CtcDecoder::decode(std::span<const int64_t> ids, const CtcOptions& options) const {
  CtcText result;
  std::vector<CtcSpan> characters = spell(ids, options.skip_special_tokens);
  for (const CtcSpan& character : characters) result.text += character.text;
  strip(result.text);
  if (lower_case_) {
    ACCEL_ASSIGN(result.text, to_lower(result.text));
  }
  if (clean_up_) result.text = cleaned_up(std::move(result.text));
  if (options.words) result.words = words_of(characters);
  if (options.characters) result.characters = std::move(characters);
  return result;
}

Result<std::vector<int64_t>> best_ids(std::span<const float> logits, size_t width) {
  if (width == 0 || logits.size() % width != 0) {
    return invalid_argument(
        fmt::format("expected whole frames of {} scores, found {} scores", width, logits.size()));
  }
  std::vector<int64_t> ids;
  ids.reserve(logits.size() / width);
  for (size_t frame = 0; frame * width < logits.size(); ++frame) {
    const std::span<const float> scores = logits.subspan(frame * width, width);
    if (std::ranges::any_of(scores, [](float score) { return std::isnan(score); })) {
      return invalid_argument(fmt::format(
          "expected a score per token, found one that is no number in frame {}", frame));
    }
    ids.push_back(std::ranges::max_element(scores) - scores.begin());
  }
  return ids;
}

}  // namespace accel::text
