#include "models/gguf/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/try.h"

namespace accel::models::gguf {
namespace {

using tensors::GgufType;
using tensors::GgufValue;

constexpr std::array<std::string_view, 7> kRoles{"bos",     "eos", "unknown", "seperator",
                                                 "padding", "cls", "mask"};

// The keys below "tokenizer.ggml.".
class Reader {
 public:
  explicit Reader(const GgufSource& source) : source_(source) {}

  const GgufValue* find(std::string_view key) const {
    return source_.find(fmt::format("tokenizer.ggml.{}", key));
  }
  std::string text(std::string_view key) {
    const GgufValue* value = find(key);
    if (value == nullptr) return {};
    if (!value->text()) refuse(key, "a text");
    return std::string(value->text().value_or(""));
  }
  std::optional<bool> flag(std::string_view key) {
    const GgufValue* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->flag()) refuse(key, "true or false");
    return value->flag();
  }
  std::vector<std::string> texts(std::string_view key) {
    const GgufValue* value = find(key);
    if (value == nullptr) return {};
    const auto found = value->texts();
    if (!found) refuse(key, "a list of texts");
    return found ? std::vector<std::string>(found->begin(), found->end())
                 : std::vector<std::string>();
  }
  std::vector<double> numbers(std::string_view key) {
    const GgufValue* value = find(key);
    if (value == nullptr) return {};
    const auto found = value->numbers();
    if (!found) refuse(key, "a list of numbers");
    return found.value_or(std::vector<double>());
  }
  // A list of bytes, of either sign.
  std::string bytes(std::string_view key) {
    const GgufValue* value = find(key);
    if (value == nullptr) return {};
    const bool is_bytes = value->type == GgufType::kArray &&
                          (value->element == GgufType::kU8 || value->element == GgufType::kI8);
    if (!is_bytes) refuse(key, "a list of bytes");
    if (!is_bytes) return {};
    return {reinterpret_cast<const char*>(value->bytes.data()), value->bytes.size()};
  }
  void refuse(std::string_view key, std::string_view expected) {
    if (!status_.ok()) return;
    status_ = invalid_argument(fmt::format("{}: expected {} as tokenizer.ggml.{} in the metadata",
                                           source_.files().front().mapping()->path().string(),
                                           expected, key));
  }
  const Status& status() const { return status_; }

 private:
  const GgufSource& source_;
  Status status_;
};

}  // namespace

Result<text::GgmlVocabulary> read_vocabulary(const GgufSource& source) {
  Reader in(source);
  if (in.find("model") == nullptr || in.find("tokens") == nullptr) {
    return not_found(fmt::format("{}: expected a vocabulary (tokenizer.ggml.model and tokens) in "
                                 "the metadata, found none",
                                 source.files().front().mapping()->path().string()));
  }
  text::GgmlVocabulary vocabulary{
      .model = in.text("model"),
      .pre = in.text("pre"),
      .tokens = in.texts("tokens"),
      .scores = {},
      .kinds = {},
      .merges = in.texts("merges"),
      .special = {},
      .add_bos = in.flag("add_bos_token"),
      .add_eos = in.flag("add_eos_token"),
      .add_space_prefix = in.flag("add_space_prefix"),
      .remove_extra_whitespaces = in.flag("remove_extra_whitespaces"),
      .lower_case = in.flag("normalizer.lowercase"),
      .strip_accents = in.flag("normalizer.strip_accents"),
      .charsmap = in.bytes("precompiled_charsmap"),
  };
  for (const double score : in.numbers("scores")) {
    vocabulary.scores.push_back(static_cast<float>(score));
  }
  for (const double kind : in.numbers("token_type")) {
    vocabulary.kinds.push_back(kind >= 0 && kind <= 100 ? static_cast<int32_t>(kind) : 0);
  }
  for (const std::string_view role : kRoles) {
    const std::string key = fmt::format("{}_token_id", role);
    const GgufValue* value = in.find(key);
    if (value == nullptr) continue;
    const std::optional<int64_t> id = value->integer();
    if (!id) in.refuse(key, "a whole number");
    if (!id || *id == -1 || *id == std::numeric_limits<uint32_t>::max()) continue;  // none
    vocabulary.special.emplace(role, std::in_range<int32_t>(*id) ? static_cast<int32_t>(*id) : -1);
  }
  ACCEL_TRY(in.status());
  return vocabulary;
}

}  // namespace accel::models::gguf
