#include "models/sentence.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <system_error>
#include <utility>

#include "base/json.h"
#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/pooling.h"
#include "models/checkpoint.h"
#include "models/config_reader.h"

namespace accel::models {
namespace {

namespace fs = std::filesystem;

struct PoolingName {
  Pooling pooling;
  std::string_view flag;  // in the flags of 1_Pooling/config.json
  std::string_view name;  // in its newer "pooling_mode"
};

// Where modules leave what they give to the next.
constexpr std::string_view kSentenceField = "sentence_embedding";
constexpr std::string_view kTokenField = "token_embeddings";

constexpr std::array<PoolingName, 6> kPoolings{{
    {Pooling::kCls, "pooling_mode_cls_token", "cls"},
    {Pooling::kMax, "pooling_mode_max_tokens", "max"},
    {Pooling::kMean, "pooling_mode_mean_tokens", "mean"},
    {Pooling::kMeanSqrtLength, "pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"},
    {Pooling::kWeightedMean, "pooling_mode_weightedmean_tokens", "weightedmean"},
    {Pooling::kLastToken, "pooling_mode_lasttoken", "lasttoken"},
}};

// torch.nn's class names, as Dense modules store them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kTorchActivations{{
    {"GELU", "gelu"},
    {"Identity", "linear"},
    {"Mish", "mish"},
    {"ReLU", "relu"},
    {"ReLU6", "relu6"},
    {"SiLU", "silu"},
    {"Sigmoid", "sigmoid"},
    {"Tanh", "tanh"},
}};

// Whatever cannot be looked at is left to the reader, which says why.
bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error) || (error && error != std::errc::no_such_file_or_directory);
}

// "sentence_transformers.models.Pooling" -> "Pooling"
std::string_view last_part(std::string_view dotted) {
  const size_t dot = dotted.rfind('.');
  return dot == std::string_view::npos ? dotted : dotted.substr(dot + 1);
}

// The newer way to write it: one name, or several in the order of concatenation.
void read_pooling_mode(const Json& mode, ConfigReader& in, std::vector<Pooling>& chosen) {
  const Json list = mode.is_array() ? mode : Json::array({mode});
  for (const Json& name : list) {
    const auto row = std::ranges::find_if(
        kPoolings, [&](const PoolingName& known) { return name == Json(known.name); });
    if (row == kPoolings.end() || chosen.size() == kPoolings.size()) {
      in.problem("pooling_mode: expected some of cls, max, mean, mean_sqrt_len_tokens, "
                 "weightedmean, lasttoken");
      return;
    }
    chosen.push_back(row->pooling);
  }
}

Result<std::vector<Pooling>> read_pooling(const Json& json) {
  ConfigReader in(json);
  std::vector<Pooling> chosen;
  if (json.is_object() && json.contains("pooling_mode")) {
    read_pooling_mode(json["pooling_mode"], in, chosen);
  } else {
    for (const PoolingName& row : kPoolings) {
      if (in.flag_or(row.flag, false)) chosen.push_back(row.pooling);
    }
  }
  in.expect("include_prompt", true, "pooling that leaves out the prompt's tokens is not built");
  ACCEL_TRY(in.status());
  if (chosen.empty()) chosen = {Pooling::kMean};  // as the reference library does
  return chosen;
}

// `field`: what it works on and gives.
Result<DenseModule> read_dense(const fs::path& folder, const Json& json, std::string_view field) {
  ConfigReader in(json);
  DenseModule dense{.folder = folder,
                    .in = in.size_or("in_features", 0),
                    .out = in.size_or("out_features", 0),
                    .bias = in.flag_or("bias", true),
                    .activation = {},
                    .residual = in.flag_or("use_residual", false)};
  const std::string function =
      in.text_or("activation_function", "torch.nn.modules.activation.Tanh");
  for (const auto& [torch, name] : kTorchActivations) {
    if (last_part(function) == torch) dense.activation = name;
  }
  if (dense.activation.empty()) in.problem("activation_function: " + function + " is not known");
  if (dense.in == 0 || dense.out == 0) in.problem("expected in_features and out_features");
  for (const char* end : {"module_input_name", "module_output_name"}) {
    // PyLate's own layers leave it to their class.
    if (const std::string found = in.text_or(end, field);
        found != field && (field != kTokenField || found != kSentenceField)) {
      in.problem(fmt::format("{}: expected {} at this place, found {}", end, field, found));
    }
  }
  ACCEL_TRY(in.status());
  return dense;
}

Result<SparsePooling> read_sparse_pooling(const Json& json) {
  ConfigReader in(json);
  const std::string strategy = in.text_or("pooling_strategy", "max");
  const std::string function = in.text_or("activation_function", "relu");
  if (strategy != "max" && strategy != "sum") {
    in.problem("pooling_strategy: expected max or sum, found " + strategy);
  }
  if (function != "relu" && function != "log1p_relu") {
    in.problem("activation_function: expected relu or log1p_relu, found " + function);
  }
  ACCEL_TRY(in.status());
  return SparsePooling{.sum = strategy == "sum", .twice = function == "log1p_relu"};
}

// A dense layer before any pooling works on each token.
Status read_token_dense(const fs::path& folder, const Json& json, SentenceModules& modules) {
  ACCEL_ASSIGN(DenseModule dense, read_dense(folder, json, kTokenField));
  modules.kind = EmbeddingKind::kTokens;
  modules.chain.emplace_back(std::move(dense));
  return {};
}

// Adds one entry of modules.json.
Status read_module(const fs::path& folder, std::string_view type, SentenceModules& modules) {
  const fs::path config = folder / "config.json";
  if (type == "Transformer" || type == "MLMTransformer") {
    if (!modules.transformer.empty()) return unimplemented("a second Transformer is not built");
    modules.transformer = folder;
    return {};
  }
  if (type == "Normalize") {
    modules.normalize = true;
    return {};
  }
  if (type == "Dropout") return {};  // does nothing at inference
  if (modules.normalize) {
    return unimplemented(fmt::format("a {} module after Normalize is not built", type));
  }
  constexpr std::array<std::string_view, 4> kKnown = {"Pooling", "Dense", "LayerNorm",
                                                      "SpladePooling"};
  if (std::ranges::find(kKnown, type) == kKnown.end()) {
    return unimplemented(
        fmt::format("module type '{}' is not built; known: Transformer, MLMTransformer, Pooling, "
                    "SpladePooling, Dense, LayerNorm, Normalize, Dropout",
                    type));
  }
  const bool first = modules.pooling.empty() && modules.kind != EmbeddingKind::kSparse;
  const bool tokens = type == "Dense" && first;
  const bool pools = type == "Pooling" || type == "SpladePooling";
  const bool behind_tokens = modules.kind == EmbeddingKind::kTokens;
  if (!tokens && (pools != first || behind_tokens || modules.kind == EmbeddingKind::kSparse)) {
    return unimplemented(fmt::format("expected one Pooling module, and Dense and LayerNorm behind "
                                     "it; found {} out of this order",
                                     type));
  }
  modules.files.push_back(config);
  ACCEL_ASSIGN(const Json json, read_json(config));
  if (type == "Pooling") {
    ACCEL_ASSIGN(modules.pooling, read_pooling(json));
  } else if (type == "SpladePooling") {
    modules.kind = EmbeddingKind::kSparse;
    ACCEL_ASSIGN(modules.sparse, read_sparse_pooling(json));
  } else if (tokens) {
    return read_token_dense(folder, json, modules);
  } else if (type == "Dense") {
    ACCEL_ASSIGN(DenseModule dense, read_dense(folder, json, kSentenceField));
    modules.chain.emplace_back(std::move(dense));
  } else {
    ConfigReader in(json);
    modules.chain.emplace_back(LayerNormModule{folder, in.size_or("dimension", 0)});
    ACCEL_TRY(in.status());
  }
  return {};
}

// The limit of tokenizer_config.json. Saved without one it is a number beyond every size.
Result<int64_t> tokenizer_limit(const fs::path& folder) {
  constexpr double kNone = 1e9;
  const fs::path path = folder / "tokenizer_config.json";
  if (!is_there(path)) return 0;
  ACCEL_ASSIGN(const Json json, read_json(path));
  ConfigReader in(json);
  const double limit = in.number_or("model_max_length", kNone);
  ACCEL_TRY(in.status().with_context(path.string()));
  return limit >= 1 && limit < kNone ? static_cast<int64_t>(limit) : 0;
}

// sentence_bert_config.json beside the transformer: limits and lower-casing.
Status read_limits(SentenceModules& modules) {
  const fs::path path = modules.transformer / "sentence_bert_config.json";
  if (is_there(path)) {
    ACCEL_ASSIGN(const Json json, read_json(path));
    ConfigReader in(json);
    modules.max_tokens = in.count_or("max_seq_length", 0);
    modules.lower_case = in.flag_or("do_lower_case", false);
    ACCEL_TRY(in.status().with_context(path.string()));
  }
  if (modules.max_tokens == 0) {
    ACCEL_ASSIGN(modules.max_tokens, tokenizer_limit(modules.transformer));
  }
  return {};
}

Status read_prompts(const fs::path& folder, SentenceModules& modules) {
  const fs::path path = folder / "config_sentence_transformers.json";
  if (!is_there(path)) return {};
  ACCEL_ASSIGN(const Json json, read_json(path));
  ConfigReader in(json);
  modules.default_prompt = in.text_or("default_prompt_name", "");
  ACCEL_TRY(in.status().with_context(path.string()));
  const Json prompts = json.value("prompts", Json());
  if (!prompts.is_object() && !prompts.is_null()) {
    return invalid_argument(path.string() + ": prompts: expected an object of strings");
  }
  for (const auto& [name, text] : prompts.items()) {
    if (!text.is_string()) {
      return invalid_argument(path.string() + ": prompts: expected an object of strings");
    }
    modules.prompts[name] = text.get<std::string>();
  }
  if (!modules.default_prompt.empty() && !modules.prompts.contains(modules.default_prompt)) {
    return invalid_argument(fmt::format("{}: default_prompt_name '{}' is not among the prompts",
                                        path.string(), modules.default_prompt));
  }
  return {};
}

// A path of modules.json must stay below the folder.
Result<fs::path> module_folder(const fs::path& root, const std::string& relative) {
  const fs::path normal = fs::path(relative).lexically_normal();
  if (normal.is_absolute() || (!normal.empty() && *normal.begin() == "..")) {
    return invalid_argument(fmt::format("path '{}' leaves the model's folder", relative));
  }
  return relative.empty() ? root : root / normal;
}

Status read_module_list(const fs::path& folder, SentenceModules& modules) {
  ACCEL_ASSIGN(const Json list, read_json(folder / "modules.json"));
  if (!list.is_array()) return invalid_argument("expected an array of modules");
  modules.files.push_back(folder / "modules.json");
  for (const Json& item : list) {
    ConfigReader in(item);
    const std::string type = in.text_or("type", "");
    const std::string path = in.text_or("path", "");
    ACCEL_TRY(in.status());
    ACCEL_ASSIGN(const fs::path where, module_folder(folder, path));
    ACCEL_TRY(read_module(where, last_part(type), modules)
                  .with_context(fmt::format("module {} in '{}'", last_part(type), path)));
  }
  if (modules.transformer.empty()) return invalid_argument("expected a Transformer module");
  if (modules.kind == EmbeddingKind::kDense && modules.pooling.empty()) {
    return invalid_argument("expected a Pooling module");
  }
  if (modules.kind == EmbeddingKind::kTokens) {
    ACCEL_ASSIGN(modules.late, read_late_interaction(folder));
  }
  return {};
}

Result<Weights> open_weights(const fs::path& folder,
                             std::vector<std::shared_ptr<const MappedFile>>& sources) {
  ACCEL_ASSIGN(const Checkpoint checkpoint, Checkpoint::open(folder));
  std::ranges::move(checkpoint.mappings(), std::back_inserter(sources));
  return Weights(checkpoint.weights());
}

// What the modules so far give, and the size of its last axis.
struct Embedded {
  Output value;
  int64_t size = 0;
};

Result<Embedded> apply_module(const DenseModule& dense, const Embedded& x,
                              std::vector<std::shared_ptr<const MappedFile>>& sources) {
  if (dense.in != x.size) {
    return invalid_argument(fmt::format("{}: expected in_features {}, found {}",
                                        dense.folder.string(), x.size, dense.in));
  }
  ACCEL_ASSIGN(Weights weights, open_weights(dense.folder, sources));
  Output y = linear(weights, "linear", x.value, dense.in, dense.out, dense.bias);
  ACCEL_ASSIGN(y, activation(dense.activation, y));
  if (dense.residual) {
    const bool same = dense.in == dense.out;
    y = add(y, same ? x.value : linear(weights, "residual", x.value, dense.in, dense.out, false));
  }
  ACCEL_TRY(weights.check(dense.beside).with_context(dense.folder.string()));
  return Embedded{y, dense.out};
}

Result<Embedded> apply_module(const LayerNormModule& norm, const Embedded& x,
                              std::vector<std::shared_ptr<const MappedFile>>& sources) {
  ACCEL_ASSIGN(Weights weights, open_weights(norm.folder, sources));
  // torch.nn.LayerNorm's default epsilon.
  const Output y = layer_norm(weights, "norm", x.value, x.size, 1e-5);
  ACCEL_TRY(weights.check({}).with_context(norm.folder.string()));
  return Embedded{y, x.size};
}

}  // namespace

std::string_view to_string(Pooling pooling) {
  for (const PoolingName& row : kPoolings) {
    if (row.pooling == pooling) return row.name;
  }
  std::abort();
}

std::string_view to_string(EmbeddingKind kind) {
  switch (kind) {
    case EmbeddingKind::kDense: return "sentence-embedding";
    case EmbeddingKind::kSparse: return "sparse-embedding";
    case EmbeddingKind::kTokens: return "multi-vector-embedding";
  }
  std::abort();
}

int64_t SentenceModules::embedding_size(int64_t hidden) const {
  int64_t size =
      kind == EmbeddingKind::kTokens ? hidden : hidden * static_cast<int64_t>(pooling.size());
  for (const SentenceModule& module : chain) {
    if (const auto* dense = std::get_if<DenseModule>(&module)) size = dense->out;
  }
  return size;
}

Result<SentenceModules> read_sentence_modules(const fs::path& folder) {
  SentenceModules modules;
  if (is_there(folder / "modules.json")) {
    if (Status status = read_module_list(folder, modules); !status.ok()) {
      return status.with_context("reading " + (folder / "modules.json").string());
    }
  } else {
    modules.transformer = folder;
    modules.pooling = {Pooling::kMean};
    modules.pooling_assumed = true;
  }
  ACCEL_TRY(read_limits(modules));
  ACCEL_TRY(read_prompts(folder, modules));
  return modules;
}

Result<NamedOutput> build_embedding(const SentenceModules& modules, const EncodedTokens& tokens,
                                    bool normalize,
                                    std::vector<std::shared_ptr<const MappedFile>>& sources) {
  if (modules.kind == EmbeddingKind::kSparse) {
    return NamedOutput{"sparse_embedding",
                       pool_sparse(modules.sparse, tokens.states, tokens.attention_mask)};
  }
  Embedded made{tokens.states, tokens.states.get_partial_shape()[2].get_length()};
  const bool per_token = modules.kind == EmbeddingKind::kTokens;
  if (!per_token) {
    made.value = pool(modules.pooling, tokens.states, tokens.attention_mask);
    made.size *= static_cast<int64_t>(modules.pooling.size());
  }
  for (const SentenceModule& module : modules.chain) {
    ACCEL_ASSIGN(made, std::visit([&](const auto& one) { return apply_module(one, made, sources); },
                                  module));
  }
  // Vectors of tokens are compared by their angle: PyLate and ColBERT do not ask the folder.
  if (per_token) return NamedOutput{std::string(kTokenField), unit_length(made.value)};
  return NamedOutput{std::string(kSentenceField),
                     modules.normalize && normalize ? unit_length(made.value) : made.value};
}

}  // namespace accel::models
