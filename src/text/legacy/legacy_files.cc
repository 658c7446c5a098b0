#include "text/legacy/legacy_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "base/files.h"
#include "base/try.h"
#include "base/utf8.h"

namespace accel::text {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kLimit = 256ull << 20;

// {} when there is no such file.
Result<Json> read_object(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return Json::object();
  ACCEL_ASSIGN(Json json, read_json(path));
  if (!json.is_object()) return data_loss(path.string() + ": expected a JSON object");
  return json;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    if (lines.back().ends_with('\r')) lines.back().remove_suffix(1);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::optional<int32_t> id_of(const Json& number) {
  if (!number.is_number_integer()) return std::nullopt;
  const auto id = number.get<int64_t>();
  const bool fits = id >= 0 && id < std::numeric_limits<int32_t>::max();
  return fits ? std::optional(static_cast<int32_t>(id)) : std::nullopt;
}

}  // namespace

Result<LegacyFiles> LegacyFiles::open(const fs::path& folder) {
  LegacyFiles files;
  files.folder_ = folder;
  ACCEL_ASSIGN(files.config_, read_object(folder / "tokenizer_config.json"));
  ACCEL_ASSIGN(files.special_, read_object(folder / "special_tokens_map.json"));
  ACCEL_ASSIGN(files.added_, read_object(folder / "added_tokens.json"));
  return files;
}

std::string LegacyFiles::tokenizer_class() const {
  const Json* found = option("tokenizer_class");
  if (found == nullptr || !found->is_string()) return {};
  auto name = found->get<std::string>();
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  return name;
}

bool LegacyFiles::has(std::string_view file) const {
  std::error_code error;
  return fs::exists(folder_ / file, error);
}

Result<std::string> LegacyFiles::read(std::string_view file) const {
  ACCEL_ASSIGN(std::string text, read_file(folder_ / file, kLimit));
  return text;
}

const Json* LegacyFiles::option(const char* name) const {
  const auto found = config_.find(name);
  return found == config_.end() || found->is_null() ? nullptr : &*found;
}

void LegacyFiles::refuse(const char* option, const char* expected) {
  if (!status_.ok()) return;
  status_ = invalid_argument(fmt::format(
      "{}: expected {} as \"{}\"", (folder_ / "tokenizer_config.json").string(), expected, option));
}

std::optional<bool> LegacyFiles::flag(const char* option) {
  const Json* found = this->option(option);
  if (found == nullptr) return std::nullopt;
  if (!found->is_boolean()) refuse(option, "true or false");
  return found->is_boolean() && found->get<bool>();
}

bool LegacyFiles::flag(const char* option, bool fallback) {
  return flag(option).value_or(fallback);
}

int64_t LegacyFiles::number(const char* option, int64_t fallback) {
  const Json* found = this->option(option);
  if (found == nullptr) return fallback;
  if (found->is_number_integer()) return found->get<int64_t>();
  refuse(option, "a whole number");
  return fallback;
}

std::string LegacyFiles::text(const char* option, std::string fallback) {
  const Json* found = this->option(option);
  if (found == nullptr) return fallback;
  if (found->is_string()) return found->get<std::string>();
  refuse(option, "a text");
  return fallback;
}

// A token is a text, or an object with "content" and flags.
AddedText LegacyFiles::added_text(const Json& entry, AddedText token, const char* option) {
  if (entry.is_string()) {
    token.content = entry.get<std::string>();
    return token;
  }
  const auto content = entry.is_object() ? entry.find("content") : entry.end();
  if (content == entry.end() || !content->is_string()) {
    refuse(option, "a token, or an object with its \"content\"");
    return token;
  }
  const auto flag = [&](const char* name, bool fallback) {
    const auto found = entry.find(name);
    return found != entry.end() && found->is_boolean() ? found->get<bool>() : fallback;
  };
  return {.content = content->get<std::string>(),
          .lstrip = flag("lstrip", false),
          .rstrip = flag("rstrip", false),
          .normalized = flag("normalized", false),
          .single_word = flag("single_word", false),
          .special = flag("special", true)};
}

std::optional<AddedText> LegacyFiles::special(const char* role, std::optional<AddedText> fallback) {
  for (const Json* file : {&config_, &special_}) {
    const auto found = file->find(role);
    if (found == file->end()) continue;
    if (found->is_null()) return std::nullopt;
    return added_text(*found, fallback.value_or(AddedText()), role);
  }
  return fallback;
}

std::vector<AddedText> LegacyFiles::additional_special_tokens() {
  constexpr const char* kName = "additional_special_tokens";
  std::vector<AddedText> tokens;
  for (const Json* file : {&config_, &special_}) {
    const auto found = file->find(kName);
    if (found == file->end() || !found->is_array()) continue;
    for (const Json& entry : *found) tokens.push_back(added_text(entry, {}, kName));
    break;
  }
  return tokens;
}

bool LegacyFiles::names_special(std::string_view token) const {
  const auto is = [&](const Json& entry) {
    return entry.is_string() ? entry == token
                             : entry.is_object() && entry.value("content", Json()) == token;
  };
  const auto named = [&](const auto& item) {
    const bool list = item.key() == "additional_special_tokens" && item.value().is_array();
    return item.key().ends_with("_token") ? is(item.value())
                                          : list && std::ranges::any_of(item.value(), is);
  };
  for (const Json* file : {&config_, &special_}) {
    for (const auto& item : file->items()) {
      if (named(item)) return true;
    }
  }
  return false;
}

std::vector<std::pair<int32_t, AddedText>> LegacyFiles::added_tokens() {
  std::vector<std::pair<int32_t, AddedText>> tokens;
  if (const Json* decoder = option("added_tokens_decoder"); decoder != nullptr) {
    if (!decoder->is_object()) refuse("added_tokens_decoder", "an object");
    for (const auto& [key, entry] : decoder->items()) {
      int32_t id = -1;
      const auto parsed = std::from_chars(key.data(), key.data() + key.size(), id);
      if (parsed.ptr != key.data() + key.size() || id < 0) {
        refuse("added_tokens_decoder", "ids as keys");
        continue;
      }
      tokens.emplace_back(id, added_text(entry, {}, "added_tokens_decoder"));
    }
  }
  if (tokens.empty()) {
    for (const auto& [token, number] : added_.items()) {
      const std::optional<int32_t> id = id_of(number);
      if (!id) {
        refuse("added_tokens", "ids");
        continue;
      }
      const bool special = names_special(token);
      tokens.emplace_back(*id,
                          AddedText{.content = token, .normalized = !special, .special = special});
    }
  }
  std::ranges::sort(tokens, {}, &std::pair<int32_t, AddedText>::first);
  return tokens;
}

Result<Vocabulary> LegacyFiles::vocabulary_of_lines(std::string_view file) const {
  ACCEL_ASSIGN(const std::string text, read(file));
  if (find_invalid_utf8(text) != std::string::npos) {
    return data_loss((folder_ / file).string() + ": expected UTF-8");
  }
  Vocabulary vocabulary;
  int32_t id = 0;
  for (const std::string_view line : lines_of(text)) {
    vocabulary.insert_or_assign(std::string(line), id++);
  }
  if (vocabulary.empty()) return data_loss((folder_ / file).string() + ": expected tokens");
  return vocabulary;
}

Result<Vocabulary> LegacyFiles::vocabulary_of_json(std::string_view file) const {
  ACCEL_ASSIGN(const Json json, read_json(folder_ / file, kLimit));
  Vocabulary vocabulary;
  for (const auto& [token, number] : json.items()) {
    const std::optional<int32_t> id = json.is_object() ? id_of(number) : std::nullopt;
    if (!id) {
      return data_loss(fmt::format("{}: expected an id for each token, found none for \"{}\"",
                                   (folder_ / file).string(), token));
    }
    vocabulary.emplace(token, *id);
  }
  if (vocabulary.empty()) return data_loss((folder_ / file).string() + ": expected tokens");
  return vocabulary;
}

Result<std::vector<std::pair<std::string, std::string>>> LegacyFiles::merges(
    std::string_view file) const {
  ACCEL_ASSIGN(const std::string text, read(file));
  std::vector<std::pair<std::string, std::string>> merges;
  for (const std::string_view line : lines_of(text)) {
    if (line.empty() || (merges.empty() && line.starts_with("#version"))) continue;
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || find_invalid_utf8(line) != std::string_view::npos) {
      return data_loss(fmt::format("{}: expected pairs of tokens, found a line without a space",
                                   (folder_ / file).string()));
    }
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return merges;
}

Result<SentencePieceModel> LegacyFiles::sentencepiece(std::string_view file) const {
  ACCEL_ASSIGN(const std::string bytes, read(file));
  Result<SentencePieceModel> model = parse_sentencepiece_model(bytes);
  if (!model.ok()) return model.status().with_context((folder_ / file).string());
  return model;
}

}  // namespace accel::text
