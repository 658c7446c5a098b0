#include "models/model_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <iterator>
#include <openvino/op/constant.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/shape_of.hpp>

#include "base/try.h"
#include "models/families/families.h"
#include "models/gguf/packed_weight.h"
#include "text/tokenizer_files.h"

namespace accel::models {
namespace {

namespace fs = std::filesystem;

std::string first_architecture(const Json& config) {
  const auto it = config.find("architectures");
  if (it == config.end() || !it->is_array() || it->empty() || !it->front().is_string()) return {};
  return it->front().get<std::string>();
}

// [B * C, 1] to [B, C], of an input [B, C, L].
Output gather_choices(const Output& logits, const Output& input) {
  const auto numbers = [](const std::vector<int64_t>& values) {
    return ov::op::v0::Constant::create(ov::element::i64, ov::Shape{values.size()}, values);
  };
  const auto zero = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {0});
  const auto pattern = std::make_shared<ov::op::v8::Gather>(
      std::make_shared<ov::op::v3::ShapeOf>(input), numbers({0, 1}), zero);
  return std::make_shared<ov::op::v1::Reshape>(logits, pattern, false);
}

// The GGUF file that `path` is or holds; none: it is a folder of another kind.
Result<std::optional<fs::path>> gguf_file(const fs::path& path) {
  std::error_code error;
  if (fs::is_regular_file(path, error)) {
    return path.extension() == ".gguf" ? std::optional(path) : std::nullopt;
  }
  if (fs::exists(path / "config.json", error) || fs::exists(path / "modules.json", error)) {
    return std::optional<fs::path>();
  }
  return gguf::find_gguf(path);
}

}  // namespace

Result<std::shared_ptr<const ModelFolder>> ModelFolder::open(const fs::path& path,
                                                             Exported exported,
                                                             const foreign::GraphMemory* memory) {
  std::shared_ptr<ModelFolder> folder(new ModelFolder());
  folder->path_ = path;
  ACCEL_ASSIGN(const std::optional<fs::path> file, gguf_file(path));
  std::error_code error;
  if (file) {
    ACCEL_TRY(folder->open_gguf(*file));
  } else if (fs::is_directory(path, error)) {
    ACCEL_TRY(folder->open_folder(exported, memory));
  } else if (fs::is_regular_file(path, error)) {
    ACCEL_ASSIGN(const std::optional<foreign::ForeignFile> graph, foreign::graph_at(path));
    if (!graph) {
      return not_found(fmt::format(
          "{}: expected a model folder with config.json, or a .gguf file, or a graph (ONNX, "
          "OpenVINO IR, TensorFlow, TensorFlow Lite, Paddle), found a file that is none of these",
          path.string()));
    }
    ACCEL_TRY(folder->open_foreign(*graph, foreign::settings_folder(*graph), memory));
  } else {
    return not_found(fmt::format("{}: expected a model folder with config.json, or the file of a "
                                 "model, found {}",
                                 path.string(), fs::exists(path, error) ? "neither" : "nothing"));
  }
  return std::shared_ptr<const ModelFolder>(std::move(folder));
}

Status ModelFolder::open_folder(Exported exported, const foreign::GraphMemory* memory) {
  if (std::error_code ignored; fs::is_directory(path_ / foreign::kFlatSettings, ignored)) {
    ACCEL_ASSIGN(const auto graph, foreign::find_foreign(path_, {foreign::Format::kOpenVinoIr}));
    if (graph) return open_foreign(*graph, path_ / foreign::kFlatSettings, memory);
  }
  ACCEL_ASSIGN(sentence_, read_sentence_modules(path_));
  transformer_ = sentence_.transformer;
  const bool leave = exported == Exported::kLeave;
  const auto find_graph = [&] {
    using foreign::Format;
    return foreign::find_foreign(transformer_,
                                 leave ? std::vector{Format::kOnnx, Format::kTensorFlow,
                                                     Format::kTensorFlowLite, Format::kPaddle}
                                       : std::vector<Format>());
  };
  const fs::path config_path = transformer_ / "config.json";
  std::error_code error;
  const bool native = fs::exists(config_path, error) && Checkpoint::lies_in(transformer_);
  if (exported == Exported::kTake || !native) {
    ACCEL_ASSIGN(const auto graph, find_graph());
    if (graph) return open_foreign(*graph, transformer_, memory);
    if (exported == Exported::kTake) {
      return not_found(fmt::format(
          "{}: expected a graph beside the checkpoint (openvino_model.xml, model.onnx), found "
          "none; "
          "export one (optimum-cli export openvino --model {} {}) or leave out --use-optimum",
          transformer_.string(), path_.string(), path_.string()));
    }
  }
  ACCEL_ASSIGN(config_, read_json(config_path));
  const Status known = read_config(config_path);
  if (!known.ok() && known.code() == StatusCode::kUnimplemented) {
    // Not built here; but somebody may have built it already.
    ACCEL_ASSIGN(const auto graph, find_graph());
    if (graph) return open_foreign(*graph, transformer_, memory);
  }
  ACCEL_TRY(known);
  auto checkpoint = Checkpoint::open(transformer_);
  if (leave && checkpoint.status().code() == StatusCode::kNotFound) {
    return checkpoint.status().with_context("--use-optimum false leaves OpenVINO's graphs aside");
  }
  ACCEL_ASSIGN(checkpoint_, std::move(checkpoint));
  return architecture_ == kColbertArchitecture ? read_colbert() : Status();
}

// What a model is, from its config.json, which is said to lie at `config_path`.
Status ModelFolder::read_config(const fs::path& config_path) {
  const Json& config = config_;
  if (!config.is_object() || !config.contains("model_type") || !config["model_type"].is_string()) {
    return invalid_argument(config_path.string() +
                            ": expected an object with a \"model_type\", found none");
  }
  Result<const Family*> family = find_family(config["model_type"].get<std::string>());
  if (!family.ok()) return family.status().with_context(config_path.string());
  family_ = *family;
  architecture_ = first_architecture(config);
  Result<Facts> facts = family_->facts(config);
  if (!facts.ok()) return facts.status().with_context(config_path.string());
  facts_ = *facts;
  return {};
}

Status ModelFolder::open_gguf(const fs::path& file) {
  transformer_ = file.parent_path();
  ACCEL_ASSIGN(gguf_, gguf::GgufModel::open(file));
  config_ = gguf_->config();
  ACCEL_TRY(read_config(file));
  checkpoint_ = Checkpoint::of(gguf_->weights());
  // llama.cpp pools as the file says and gives vectors of length 1.
  const std::optional<Pooling> pooling = gguf_->pooling();
  sentence_ = {.transformer = transformer_,
               .pooling = {pooling.value_or(Pooling::kMean)},
               .pooling_assumed = !pooling,
               .chain = {},
               .normalize = true,
               .prompts = {},
               .default_prompt = {}};
  return {};
}

// A checkpoint of ColBERT's own code: one more layer, "linear.weight", beside the encoder's.
Status ModelFolder::read_colbert() {
  static constexpr std::array<std::string_view, 1> kEverything{""};
  if (is_for_embeddings()) return {};  // modules.json says more
  for (const Checkpoint::Entry& entry : checkpoint_->entries()) {
    if (entry.name != "linear.weight" || entry.shape.size() != 2) continue;
    sentence_.kind = EmbeddingKind::kTokens;
    sentence_.pooling.clear();
    sentence_.pooling_assumed = false;
    sentence_.chain = {DenseModule{.folder = transformer_,
                                   .in = entry.shape[1],
                                   .out = entry.shape[0],
                                   .bias = false,
                                   .activation = "linear",
                                   .beside = kEverything}};
    ACCEL_ASSIGN(sentence_.late, read_colbert_metadata(transformer_));
    return {};
  }
  return invalid_argument(fmt::format("{}: expected a tensor linear.weight [size, {}] of {}, found "
                                      "none",
                                      path_.string(), facts_.hidden_size, kColbertArchitecture));
}

Result<SentenceModules> ModelFolder::modules_for(std::optional<EmbeddingKind> wanted) const {
  SentenceModules modules = sentence_;
  if (!wanted || *wanted == modules.kind) return modules;
  if (*wanted == EmbeddingKind::kSparse && modules.pooling_assumed) {
    modules.kind = *wanted;
    return modules;
  }
  return failed_precondition(
      fmt::format("{}: expected a folder for {}, found one for {}; accel run makes those",
                  path_.string(), to_string(*wanted), to_string(modules.kind)));
}

Result<Head> ModelFolder::head() const {
  if (foreign_) return foreign_head_;
  return config_head();
}

Result<Head> ModelFolder::config_head() const {
  if (architecture_.empty() || architecture_ == kColbertArchitecture) return Head::kBase;
  std::string known;
  for (const Architecture& architecture : family_->architectures) {
    if (architecture.name == architecture_) return architecture.head;
    known += known.empty() ? "" : ", ";
    known += architecture.name;
  }
  return unimplemented(fmt::format(
      "{}: architecture '{}' is not one that this build makes of {}; known: {}; ask for the states "
      "alone with --task feature-extraction",
      path_.string(), architecture_, family_->title, known));
}

std::string_view ModelFolder::source() const {
  if (foreign_) return foreign::to_string(foreign_->format());
  return gguf_ ? "gguf" : "native";
}

int64_t ModelFolder::max_tokens() const {
  const int64_t own = facts_.max_positions;
  const int64_t wanted = sentence_.max_tokens;
  return wanted > 0 && own > 0 ? std::min(wanted, own) : std::max(wanted, own);
}

Result<std::string> ModelFolder::tokenizer_json() const {
  if (gguf_) return gguf_->tokenizer_json();
  return text::read_tokenizer(transformer_, family_->tokenizer);
}

std::vector<gguf::StoredType> ModelFolder::stored_types() const {
  return gguf_ ? gguf_->stored_types() : std::vector<gguf::StoredType>();
}

std::optional<std::string> ModelFolder::chat_template() const {
  return gguf_ ? gguf_->chat_template() : std::nullopt;
}

Result<ModelFolder::Files> ModelFolder::files() const {
  Files files;
  if (foreign_) {
    files.weights = foreign_->files();
  } else {
    for (const auto& mapped : checkpoint_->mappings()) files.weights.push_back(mapped->path());
  }
  for (const SentenceModule& module : sentence_.chain) {
    const auto& folder =
        std::visit([](const auto& of) -> const fs::path& { return of.folder; }, module);
    if (!foreign_ && folder == transformer_) continue;  // beside the encoder's own
    ACCEL_ASSIGN(const Checkpoint weights, Checkpoint::open(folder));
    for (const auto& mapped : weights.mappings()) files.weights.push_back(mapped->path());
  }
  std::error_code ignored;
  const fs::path config = transformer_ / "config.json";
  if (!gguf_ && fs::is_regular_file(config, ignored)) files.settings.push_back(config);
  files.settings.insert(files.settings.end(), sentence_.files.begin(), sentence_.files.end());
  return files;
}

std::vector<InputSpec> ModelFolder::family_inputs(Head head) const {
  std::vector<InputSpec> specs(family_->inputs.begin(), family_->inputs.end());
  std::erase_if(specs, [&](const InputSpec& spec) {
    return std::ranges::find(facts_.absent_inputs, spec.name) != facts_.absent_inputs.end();
  });
  for (InputSpec& spec : specs) {
    const auto fixed =
        std::ranges::find(facts_.input_shapes, spec.name, &std::pair<std::string, Shape>::first);
    if (fixed != facts_.input_shapes.end()) spec.shape = fixed->second;
    if (head == Head::kMultipleChoice) spec.shape = {-1, -1, -1};
  }
  return specs;
}

bool ModelFolder::takes_text() const {
  return std::ranges::find(family_->inputs, "input_ids", &InputSpec::name) != family_->inputs.end();
}

Result<BuiltGraph> ModelFolder::build(const GraphRequest& request) const {
  ACCEL_ASSIGN(const SentenceModules modules, modules_for(request.embedding));
  Head head = request.head.value_or(Head::kBase);
  if (request.sentence) {
    head = modules.kind == EmbeddingKind::kSparse ? Head::kMaskedLm : Head::kBase;
  } else if (!request.head) {
    ACCEL_ASSIGN(head, this->head());
  }
  if (request.sentence && !embeds_text()) {
    return failed_precondition(
        fmt::format("{}: sentences are embedded by models of text; {} takes none", path_.string(),
                    family_->title));
  }
  if (foreign_) return build_foreign(request, modules, head);
  const bool made = std::ranges::find(family_->architectures, head, &Architecture::head) !=
                    family_->architectures.end();
  if (!made && head != Head::kBase) {
    return unimplemented(fmt::format("{}: task {} is not one that this build makes of {}; accel "
                                     "families lists those that are",
                                     path_.string(), to_string(head), family_->title));
  }
  const std::vector<InputSpec> specs = inputs(head);
  const std::vector<std::string> wanted = wanted_inputs(request, specs);
  Weights weights(checkpoint_->weights(), request.outline);
  GraphInputs graph_inputs(specs, wanted, head == Head::kMultipleChoice);
  BuildContext context{config_, head, weights, graph_inputs};
  BuiltGraph built{.model = nullptr, .parameters = 0, .sources = checkpoint_->mappings()};
  try {
    ACCEL_ASSIGN(std::vector<NamedOutput> outputs, family_->build(context));
    if (architecture_ == kColbertArchitecture) weights.skip("linear.");
    ACCEL_TRY(weights.check(family_->unused_weights).with_context(path_.string()));
    if (request.sentence) {
      const EncodedTokens tokens{outputs.front().value, *graph_inputs.take("attention_mask")};
      ACCEL_ASSIGN(NamedOutput embedding,
                   build_embedding(modules, tokens, request.normalize, built.sources));
      outputs = {std::move(embedding)};
    }
    if (head == Head::kMultipleChoice) {
      outputs.front().value = gather_choices(outputs.front().value, graph_inputs.parameters()[0]);
    }
    if (request.hidden_states) std::ranges::move(context.states, std::back_inserter(outputs));
    built.model = finish_graph(outputs, graph_inputs.parameters(), family_->model_type);
    if (gguf_) gguf::keep_activations(*built.model);
  } catch (const std::exception& exception) {
    // Shapes were checked by Weights, so an operation that refuses its inputs is a contradiction
    // inside config.json that the family did not catch.
    return invalid_argument(fmt::format("{}: building the {} graph failed: {}", path_.string(),
                                        family_->title, exception.what()));
  }
  built.parameters = weights.parameters();
  return built;
}

}  // namespace accel::models
