// ModelFolder's graphs of other frameworks: under their family's names, or their own.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>

#include "base/try.h"
#include "models/model_folder.h"

namespace accel::models {
namespace {

namespace fs = std::filesystem;

constexpr std::array<Architecture, 1> kRawArchitectures{{{"", Head::kBase}}};

// Of a graph without a config.json: nothing is known but what it says itself.
const Family kNoFamily{.model_type = "",
                       .title = "a graph without a family",
                       .reference = "",
                       .architectures = kRawArchitectures,
                       .inputs = {},
                       .unused_weights = {},
                       .facts = nullptr,
                       .build = nullptr};

std::vector<InputSpec> own_inputs(const foreign::ForeignModel& graph) {
  std::vector<InputSpec> specs;
  for (const foreign::GraphPort& port : graph.inputs()) {
    specs.push_back({port.name, port.dtype, port.shape, Needed::kAlways});
  }
  return specs;
}

bool has_input(const std::vector<foreign::MappedInput>& inputs, std::string_view role) {
  return std::ranges::any_of(inputs, [&](const auto& input) { return input.spec.name == role; });
}

}  // namespace

Status ModelFolder::open_foreign(const foreign::ForeignFile& file, const fs::path& settings,
                                 const foreign::GraphMemory* memory) {
  transformer_ = settings;
  std::error_code error;
  if (sentence_.pooling.empty()) {
    ACCEL_ASSIGN(sentence_, read_sentence_modules(settings));
    transformer_ = sentence_.transformer;
  }
  family_ = &kNoFamily;
  const fs::path config_path = transformer_ / "config.json";
  if (fs::exists(config_path, error)) {
    ACCEL_ASSIGN(config_, read_json(config_path));
    const Status known = read_config(config_path);
    // Of a family that is not built here the graph is all there is.
    if (!known.ok() && known.code() != StatusCode::kUnimplemented) return known;
    if (!known.ok()) family_ = &kNoFamily;
  }
  checkpoint_ = Checkpoint::of({});
  ACCEL_ASSIGN(foreign_, foreign::ForeignModel::open(file, memory));
  if (has_family()) return map_foreign().with_context(file.path.string());
  architecture_.clear();
  facts_ = {.index_limits = foreign_->index_limits(),
            .negative_indices = foreign_->format() == foreign::Format::kOnnx,
            .unused_inputs = foreign_->unused_inputs()};
  return {};
}

Status ModelFolder::map_foreign() {
  const Result<Head> wanted = config_head();
  ACCEL_ASSIGN(foreign_head_,
               foreign::fitting_head(foreign_->outputs(), wanted.ok() ? *wanted : Head::kBase));
  ACCEL_ASSIGN(mapped_, foreign::map_inputs(foreign_->inputs(), family_inputs(foreign_head_)));
  for (const auto& [name, rows] : foreign_->index_limits()) {
    const auto input = std::ranges::find_if(mapped_, [&](const foreign::MappedInput& mapped) {
      return foreign_->inputs()[mapped.port].name == name;
    });
    if (input == mapped_.end()) continue;
    const std::string role(input->spec.name);
    const auto known =
        std::ranges::find(facts_.index_limits, role, &std::pair<std::string, int64_t>::first);
    if (known == facts_.index_limits.end()) {
      facts_.index_limits.emplace_back(role, rows);
    } else {
      known->second = std::min(known->second, rows);
    }
  }
  const auto names = foreign::name_outputs(foreign_->outputs(), Head::kBase);
  if (!names.ok()) return {};
  const auto states = std::ranges::find(*names, "last_hidden_state") - names->begin();
  const foreign::GraphPort& port = foreign_->outputs()[static_cast<size_t>(states)];
  // A table of vectors is filled by this size.
  const int64_t size = port.shape.size() == 3 ? port.shape.back() : -1;
  if (size < 0 || size == facts_.hidden_size || !takes_text()) return {};
  return invalid_argument(fmt::format("expected states of {} numbers, as config.json says, found "
                                      "the graph's output {}; take the config.json that belongs to "
                                      "it",
                                      facts_.hidden_size, foreign::describe(port)));
}

std::vector<InputSpec> ModelFolder::inputs(Head head) const {
  if (!foreign_) return family_inputs(head);
  if (!has_family()) return own_inputs(*foreign_);
  std::vector<InputSpec> specs;
  for (const foreign::MappedInput& input : mapped_) specs.push_back(input.spec);
  return specs;
}

bool ModelFolder::embeds_itself() const {
  if (!foreign_ || !takes_text()) return false;
  const bool states = foreign::name_outputs(foreign_->outputs(), Head::kBase).ok();
  const bool follow = !sentence_.pooling_assumed && sentence_.chain.empty();
  return foreign::sentence_output(foreign_->outputs()) && !(states && follow);
}

bool ModelFolder::embeds_text() const {
  if (!foreign_ || !takes_text()) return takes_text();
  const bool states = foreign::name_outputs(foreign_->outputs(), Head::kBase).ok();
  return has_input(mapped_, "input_ids") &&
         (states || foreign::sentence_output(foreign_->outputs()));
}

int64_t ModelFolder::embedding_size() const {
  if (!embeds_text()) return 0;
  if (foreign_ && embeds_itself()) {
    const auto own = foreign::sentence_output(foreign_->outputs());
    if (const int64_t size = foreign_->outputs()[*own].shape.back(); size > 0) return size;
  }
  if (sentence_.kind == EmbeddingKind::kSparse) return facts_.vocabulary;
  return sentence_.embedding_size(facts_.hidden_size);
}

// The outputs' names for `head`: those of the reference library, and their own where the graph
// gives nothing but a sentence's embedding.
Result<std::vector<std::string>> ModelFolder::foreign_names(Head head) const {
  const std::vector<foreign::GraphPort>& ports = foreign_->outputs();
  auto names = foreign::name_outputs(ports, head);
  if (names.ok()) return names;
  if (head != Head::kBase || !foreign::sentence_output(ports)) {
    return names.status().with_context(path_.string());
  }
  std::vector<std::string> own;
  for (const foreign::GraphPort& port : ports) own.push_back(port.name);
  return own;
}

Result<std::vector<foreign::GraphPort>> ModelFolder::foreign_outputs(Head head) const {
  std::vector<foreign::GraphPort> ports = foreign_->outputs();
  if (!has_family()) return ports;
  ACCEL_ASSIGN(const std::vector<std::string> names, foreign_names(head));
  for (size_t i = 0; i < ports.size(); ++i) {
    ports[i].name = names[i];
    if (is_floating(ports[i].dtype)) ports[i].dtype = DType::kF32;
  }
  return ports;
}

Result<BuiltGraph> ModelFolder::build_foreign(const GraphRequest& request,
                                              const SentenceModules& modules, Head head) const {
  BuiltGraph built{.model = nullptr, .parameters = 0, .sources = {}};
  for (const auto& [type, count] : foreign_->numbers()) built.parameters += count;
  if (request.hidden_states) {
    return unimplemented(fmt::format("{}: states between the layers are no outputs of this graph; "
                                     "it has {}",
                                     path_.string(), foreign::describe(foreign_->outputs())));
  }
  ACCEL_ASSIGN(const std::shared_ptr<ov::Model> model, foreign_->graph(request.outline));
  try {
    if (!has_family()) {
      foreign::keep_own_names(*model, foreign_->inputs(), foreign_->outputs());
      built.model = model;
      return built;
    }
    const auto inputs =
        foreign::adapt_inputs(*model, mapped_, wanted_inputs(request, this->inputs(head)));
    if (!inputs.ok()) return inputs.status().with_context(path_.string());
    ACCEL_ASSIGN(const std::vector<NamedOutput> outputs,
                 adapted_outputs(request, modules, head, *model, *inputs, built));
    built.model = finish_graph(outputs, inputs->parameters, family_->model_type);
  } catch (const std::exception& exception) {
    return invalid_argument(fmt::format("{}: giving the graph its family's names failed: {}",
                                        path_.string(), exception.what()));
  }
  return built;
}

Result<std::vector<NamedOutput>> ModelFolder::adapted_outputs(const GraphRequest& request,
                                                              const SentenceModules& modules,
                                                              Head head, const ov::Model& model,
                                                              const foreign::AdaptedInputs& inputs,
                                                              BuiltGraph& built) const {
  const std::vector<Output> values = foreign::f32_outputs(model);
  const std::vector<foreign::GraphPort>& ports = foreign_->outputs();
  const auto own = foreign::sentence_output(ports);
  std::vector<NamedOutput> outputs;
  const bool dense = modules.kind == EmbeddingKind::kDense;
  if (request.sentence && dense && embeds_itself()) {
    if (!request.normalize) {
      return unimplemented(path_.string() + ": the graph makes sentence embeddings itself, as they "
                                            "are; leave out --no-normalize");
    }
    return std::vector<NamedOutput>{{"sentence_embedding", values[*own]}};
  }
  ACCEL_ASSIGN(const std::vector<std::string> names, foreign_names(head));
  for (size_t i = 0; i < ports.size(); ++i) outputs.push_back({names[i], values[i]});
  if (!request.sentence) return outputs;
  const auto mask = inputs.values.find("attention_mask");
  const bool sparse = modules.kind == EmbeddingKind::kSparse;
  const auto states =
      std::ranges::find(outputs, sparse ? "logits" : "last_hidden_state", &NamedOutput::name);
  if (states == outputs.end()) {
    return failed_precondition(fmt::format("{}: expected {} for {}, found {}", path_.string(),
                                           sparse ? "logits" : "states", to_string(modules.kind),
                                           foreign::describe(ports)));
  }
  if (mask == inputs.values.end()) {
    return failed_precondition(
        path_.string() + ": texts of different lengths go through the model together, and this "
                         "graph has no attention_mask; export it with one");
  }
  ACCEL_ASSIGN(NamedOutput embedding, build_embedding(modules, {states->value, mask->second},
                                                      request.normalize, built.sources));
  return std::vector<NamedOutput>{std::move(embedding)};
}

}  // namespace accel::models
