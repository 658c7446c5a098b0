#include "engine/task_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "audio/feature_extractor.h"
#include "base/files.h"
#include "base/json.h"
#include "base/try.h"
#include "image/processor.h"
#include "text/ctc.h"

namespace accel::engine {
namespace {

constexpr int64_t kLabelsMax = 1 << 20;
constexpr int64_t kFrameSamplesMax = int64_t{1} << 31;
constexpr uint64_t kPreprocessorBytesMax = uint64_t{16} << 20;

// An empty object where there is no such file.
Result<Json> read_object(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return Json::object();
  ACCEL_ASSIGN(Json json, read_json(path));
  if (!json.is_object()) return invalid_argument(path.string() + ": expected a JSON object");
  return json;
}

std::string text_field(const Json& json, const char* name) {
  const auto it = json.find(name);
  return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// {"0": "NEGATIVE", "1": "POSITIVE"}, or LABEL_0 ... as the reference library names them.
Result<std::vector<std::string>> labels_of(const Json& config) {
  int64_t count = 2;  // the reference library's, where nothing is said
  const auto given = config.find("id2label");
  const auto number = config.find("num_labels");
  if (number != config.end() && number->is_number_integer()) count = number->get<int64_t>();
  std::map<int64_t, std::string> names;
  if (given != config.end() && given->is_object()) {
    count = 0;
    for (const auto& [key, name] : given->items()) {
      char* end = nullptr;
      const int64_t id = std::strtoll(key.c_str(), &end, 10);
      if (key.empty() || *end != '\0' || id < 0 || id >= kLabelsMax) {
        return invalid_argument(fmt::format(
            "id2label: expected numbers below {} as keys, found '{}'", kLabelsMax, key));
      }
      names[id] = name.is_string() ? name.get<std::string>() : name.dump();
      count = std::max(count, id + 1);
    }
  }
  std::vector<std::string> labels;
  for (int64_t id = 0; id < std::clamp<int64_t>(count, 0, kLabelsMax); ++id) {
    const auto it = names.find(id);
    labels.push_back(it == names.end() ? fmt::format("LABEL_{}", id) : it->second);
  }
  return labels;
}

// Which token a role has: "mask_token" as a string, or as an object with its content.
class SpecialTokens {
 public:
  static Result<SpecialTokens> read(const std::filesystem::path& folder,
                                    const text::Tokenizer& tokenizer) {
    SpecialTokens tokens(tokenizer);
    ACCEL_ASSIGN(tokens.config_, read_object(folder / "tokenizer_config.json"));
    ACCEL_ASSIGN(tokens.map_, read_object(folder / "special_tokens_map.json"));
    return tokens;
  }

  const Json& config() const { return config_; }

  // The first of `usual` that the vocabulary has, where the folder does not say.
  std::optional<int32_t> id(const char* role, std::span<const std::string_view> usual) const {
    for (const Json* json : {&config_, &map_}) {
      const auto it = json->find(role);
      if (it == json->end()) continue;
      const std::string token = it->is_object()   ? text_field(*it, "content")
                                : it->is_string() ? it->get<std::string>()
                                                  : std::string();
      if (!token.empty()) return tokenizer_->token_to_id(token);
    }
    for (const std::string_view token : usual) {
      if (const auto id = tokenizer_->token_to_id(token)) return id;
    }
    return std::nullopt;
  }

 private:
  explicit SpecialTokens(const text::Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}
  const text::Tokenizer* tokenizer_;
  Json config_;
  Json map_;
};

// Whether tokens inside a word carry a mark of their own: a non-empty "continuing_subword_prefix"
// of the tokenizer's model. Found by its text, since the whole is large.
bool has_subword_prefix(std::string_view tokenizer_json) {
  constexpr std::string_view kName = "\"continuing_subword_prefix\"";
  const auto blank = [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; };
  size_t at = tokenizer_json.find(kName);
  for (; at != std::string_view::npos; at = tokenizer_json.find(kName, at + 1)) {
    std::string_view rest = tokenizer_json.substr(at + kName.size());
    while (!rest.empty() && blank(rest.front())) rest.remove_prefix(1);
    if (!rest.starts_with(':')) continue;
    rest.remove_prefix(1);
    while (!rest.empty() && blank(rest.front())) rest.remove_prefix(1);
    return rest.starts_with('"') && !rest.starts_with("\"\"");
  }
  return false;
}

Status add_tokenizer(const TaskFolder& folder, const Json& config, pipelines::TaskModel& model) {
  constexpr std::array<std::string_view, 2> kPads = {"[PAD]", "<pad>"};
  constexpr std::array<std::string_view, 2> kMasks = {"[MASK]", "<mask>"};
  constexpr std::array<std::string_view, 2> kBegins = {"[CLS]", "<s>"};
  constexpr std::array<std::string_view, 2> kUnknowns = {"[UNK]", "<unk>"};
  ACCEL_ASSIGN(model.tokenizer, text::Tokenizer::from_json(folder.tokenizer_json));
  ACCEL_ASSIGN(const SpecialTokens tokens, SpecialTokens::read(folder.path, *model.tokenizer));
  const auto pad = config.find("pad_token_id");
  model.pad_id = pad != config.end() && pad->is_number_integer()
                     ? pad->get<int32_t>()
                     : tokens.id("pad_token", kPads).value_or(0);
  model.mask_id = tokens.id("mask_token", kMasks);
  model.cls_id = tokens.id("cls_token", kBegins);
  model.unknown_id = tokens.id("unk_token", kUnknowns);
  model.subword_prefix = has_subword_prefix(folder.tokenizer_json);
  const auto tidy = tokens.config().find("clean_up_tokenization_spaces");
  model.clean_up_spaces = tidy != tokens.config().end() && tidy->is_boolean() && tidy->get<bool>();
  model.second_text_first = text_field(tokens.config(), "padding_side") == "left";
  return {};
}

// A marker that is no token would be read as letters, and no document would be found.
Result<std::optional<int32_t>> marker_id(const pipelines::TaskModel& model,
                                         const std::string& prefix) {
  if (prefix.empty()) return std::optional<int32_t>();
  if (const auto id = model.tokenizer->token_to_id(prefix)) return id;
  return invalid_argument(fmt::format(
      "expected the marker '{}' as a token of its tokenizer, found none; query_prefix and "
      "document_prefix in config_sentence_transformers.json say which it is",
      prefix));
}

Status add_late_interaction(const models::LateInteractionRules& rules,
                            pipelines::TaskModel& model) {
  pipelines::LateInteraction late{.query_tokens = rules.query_length,
                                  .document_tokens = rules.document_length,
                                  .expands = rules.expand_queries,
                                  .attends = rules.attend_to_expansion,
                                  .expansion_id = model.mask_id.value_or(model.pad_id)};
  ACCEL_ASSIGN(late.query_id, marker_id(model, rules.query_prefix));
  ACCEL_ASSIGN(late.document_id, marker_id(model, rules.document_prefix));
  for (const std::string& word : rules.skipped_words) {
    // A mark without a token stands for all of them, as in the reference.
    const auto id = model.tokenizer->token_to_id(word);
    if (id || model.unknown_id) late.skipped.push_back(id ? *id : *model.unknown_id);
  }
  model.late = std::move(late);
  return {};
}

// How the folder wants images and sounds, where the graph takes them and the folder says.
Status add_media(const TaskFolder& folder, std::string_view model_type,
                 pipelines::TaskModel& model) {
  namespace fs = std::filesystem;
  const bool images = model.takes("pixel_values");
  const bool sounds = model.takes("input_values") || model.takes("input_features");
  if (!images && !sounds) return {};
  fs::path path = folder.path / "preprocessor_config.json";
  std::error_code error;
  if (!fs::exists(path, error)) path = folder.path / "processor_config.json";
  if (!fs::exists(path, error)) return {};
  ACCEL_ASSIGN(const std::string text, read_file(path, kPreprocessorBytesMax));
  if (images) {
    auto made = image::ImageProcessor::create(text, model_type);
    if (!made.ok()) return made.status().with_context(path.string());
    if (!made->config().pad_to) std::erase(model.inputs, "pixel_mask");
    model.images = std::make_shared<const image::ImageProcessor>(std::move(*made));
  } else {
    auto made = audio::make_feature_extractor(text, model_type);
    if (!made.ok()) return made.status().with_context(path.string());
    model.sounds = std::move(*made);
  }
  return {};
}

// Lists of equal length, of sizes that a sound could have; of other configs the frames stay
// samples.
pipelines::SoundFrames frames_of(const Json& config) {
  pipelines::SoundFrames frames;
  const auto kernels = config.find("conv_kernel");
  const auto strides = config.find("conv_stride");
  const auto integers = [&](auto it) {
    return it != config.end() && it->is_array() &&
           std::ranges::all_of(*it, [](const Json& one) { return one.is_number_integer(); });
  };
  if (!integers(kernels) || !integers(strides) || kernels->size() != strides->size()) return frames;
  for (size_t layer = kernels->size(); layer > 0; --layer) {
    const auto kernel = (*kernels)[layer - 1].get<int64_t>();
    const auto stride = (*strides)[layer - 1].get<int64_t>();
    const auto sane = [](int64_t size) { return size >= 1 && size <= kFrameSamplesMax; };
    if (!sane(kernel) || !sane(stride) || frames.samples_per_frame > kFrameSamplesMax / stride ||
        frames.samples_min > kFrameSamplesMax / stride) {
      return {};
    }
    frames.samples_min = (frames.samples_min - 1) * stride + kernel;
    frames.samples_per_frame *= stride;
  }
  return frames;
}

// The vocabulary of a model with CTC; none where the folder has no vocab.json.
Status add_transcripts(const TaskFolder& folder, pipelines::TaskModel& model) {
  constexpr std::array<const char*, 4> kFiles = {"vocab.json", "tokenizer_config.json",
                                                 "special_tokens_map.json", "added_tokens.json"};
  std::array<std::string, 4> texts;
  for (size_t i = 0; i < kFiles.size(); ++i) {
    std::error_code error;
    if (!std::filesystem::exists(folder.path / kFiles[i], error)) continue;
    ACCEL_ASSIGN(texts[i], read_file(folder.path / kFiles[i], kPreprocessorBytesMax));
  }
  if (texts[0].empty()) return {};
  auto made = text::CtcDecoder::create({.vocabulary = texts[0],
                                        .config = texts[1],
                                        .special_tokens = texts[2],
                                        .added_tokens = texts[3]});
  if (!made.ok()) return made.status().with_context((folder.path / kFiles[0]).string());
  model.transcripts = std::make_shared<const text::CtcDecoder>(std::move(*made));
  return {};
}

}  // namespace

Result<std::shared_ptr<const pipelines::TaskModel>> read_task_model(const TaskFolder& folder) {
  pipelines::TaskModel model{
      .max_tokens = folder.max_tokens, .vocabulary = folder.vocabulary, .inputs = folder.inputs};
  const std::filesystem::path config_path = folder.path / "config.json";
  ACCEL_ASSIGN(const Json config, read_object(config_path));
  model.problem_type = text_field(config, "problem_type");
  Result<std::vector<std::string>> labels = labels_of(config);
  if (!labels.ok()) return labels.status().with_context(config_path.string());
  model.labels = std::move(*labels);
  if (!folder.tokenizer_json.empty()) {
    const Status added = add_tokenizer(folder, config, model);
    if (!added.ok()) return added.with_context(folder.path.string() + ": its tokenizer");
    if (folder.sentences) {
      auto sentences = std::make_shared<pipelines::EmbeddingModel>(*folder.sentences);
      sentences->tokenizer = model.tokenizer;
      model.sentences = std::move(sentences);
    }
    if (folder.late) {
      const Status late = add_late_interaction(*folder.late, model);
      if (!late.ok()) return late.with_context(folder.path.string());
    }
  }
  const std::string model_type = text_field(config, "model_type");
  if (folder.logit_scale) {
    model.matching = {.scale = std::exp(static_cast<double>(*folder.logit_scale)),
                      .bias = folder.logit_bias,
                      .independent = model_type == "siglip"};
    // It reads what fills its texts up.
    if (model.matching->independent) std::erase(model.inputs, "attention_mask");
  }
  ACCEL_TRY(add_media(folder, model_type, model));
  if (model.takes("input_values")) {
    model.frames = frames_of(config);
    if (folder.speech) ACCEL_TRY(add_transcripts(folder, model));
  }
  return std::make_shared<const pipelines::TaskModel>(std::move(model));
}

}  // namespace accel::engine
