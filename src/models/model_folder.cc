#include "models/model_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <openvino/op/result.hpp>

#include "base/try.h"
#include "models/families/families.h"

namespace accel::models {
namespace {

namespace fs = std::filesystem;

Result<tensors::SafetensorsFile> open_weights(const fs::path& folder) {
  std::error_code ignored;
  const fs::path path = folder / "model.safetensors";
  if (fs::exists(path, ignored)) return tensors::SafetensorsFile::open(path);
  for (const char* other : {"model.safetensors.index.json", "pytorch_model.bin"}) {
    if (fs::exists(folder / other, ignored)) {
      return unimplemented(fmt::format(
          "{}: expected weights in model.safetensors, found only {}, which this build does not "
          "read; save the checkpoint again as one safetensors file",
          folder.string(), other));
    }
  }
  return not_found(fmt::format(
      "{}: expected model.safetensors beside config.json, found no weights", folder.string()));
}

std::string first_architecture(const Json& config) {
  const auto it = config.find("architectures");
  if (it == config.end() || !it->is_array() || it->empty() || !it->front().is_string()) return {};
  return it->front().get<std::string>();
}

// The graph's results, each output tensor carrying its public name.
std::shared_ptr<ov::Model> finish(const std::vector<NamedOutput>& outputs,
                                  const ov::ParameterVector& parameters, std::string_view name) {
  ov::ResultVector results;
  for (const NamedOutput& output : outputs) {
    auto result = std::make_shared<ov::op::v0::Result>(output.value);
    result->output(0).set_names({output.name});
    result->set_friendly_name(output.name);
    results.push_back(std::move(result));
  }
  return std::make_shared<ov::Model>(results, parameters, std::string(name));
}

}  // namespace

Result<std::shared_ptr<const ModelFolder>> ModelFolder::open(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    return not_found(fmt::format("{}: expected a model folder with config.json, found {}",
                                 path.string(), fs::exists(path, error) ? "a file" : "nothing"));
  }
  std::shared_ptr<ModelFolder> folder(new ModelFolder());
  folder->path_ = path;
  ACCEL_ASSIGN(folder->sentence_, read_sentence_modules(path));
  folder->transformer_ = folder->sentence_.transformer;

  const fs::path config_path = folder->transformer_ / "config.json";
  ACCEL_ASSIGN(folder->config_, read_json(config_path));
  const Json& config = folder->config_;
  if (!config.is_object() || !config.contains("model_type") || !config["model_type"].is_string()) {
    return invalid_argument(config_path.string() +
                            ": expected an object with a \"model_type\", found none");
  }
  Result<const Family*> family = find_family(config["model_type"].get<std::string>());
  if (!family.ok()) return family.status().with_context(config_path.string());
  folder->family_ = *family;
  folder->architecture_ = first_architecture(config);
  Result<Facts> facts = folder->family_->facts(config);
  if (!facts.ok()) return facts.status().with_context(config_path.string());
  folder->facts_ = *facts;
  ACCEL_ASSIGN(folder->weights_, open_weights(folder->transformer_));
  return std::shared_ptr<const ModelFolder>(std::move(folder));
}

Result<Head> ModelFolder::head() const {
  if (architecture_.empty()) return Head::kBase;
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

int64_t ModelFolder::max_tokens() const {
  const int64_t own = facts_.max_positions;
  const int64_t wanted = sentence_.max_tokens;
  return wanted > 0 && own > 0 ? std::min(wanted, own) : std::max(wanted, own);
}

Result<std::string> ModelFolder::tokenizer_json() const {
  constexpr uint64_t kLimit = 256ull << 20;
  const fs::path path = transformer_ / "tokenizer.json";
  Result<std::string> text = read_file(path, kLimit);
  if (!text.ok() && text.status().code() == StatusCode::kNotFound) {
    return not_found(path.string() + ": expected a tokenizer beside the model, found none");
  }
  return text;
}

Result<BuiltGraph> ModelFolder::build(const GraphRequest& request) const {
  std::vector<std::string> wanted = request.inputs;
  for (const InputSpec& spec : family_->inputs) {
    const bool masked = request.inputs.empty() || request.sentence;
    if (!spec.optional || (masked && spec.name == "attention_mask")) wanted.emplace_back(spec.name);
  }
  std::vector<WeightEntry> entries;
  for (const tensors::TensorEntry& entry : weights_->entries()) {
    entries.push_back({entry.name, weights_->tensor(entry)});
  }
  Weights weights(std::move(entries));
  GraphInputs inputs(family_->inputs, wanted);
  Head head = request.head.value_or(Head::kBase);
  if (!request.head && !request.sentence) {
    ACCEL_ASSIGN(head, this->head());
  }
  BuildContext context{config_, head, weights, inputs};
  BuiltGraph built;
  built.sources.push_back(weights_->mapping());
  try {
    ACCEL_ASSIGN(std::vector<NamedOutput> outputs, family_->build(context));
    ACCEL_TRY(weights.check(family_->unused_weights).with_context(path_.string()));
    if (request.sentence) {
      ACCEL_ASSIGN(const Output embedding,
                   build_sentence(sentence_, outputs.front().value, *inputs.take("attention_mask"),
                                  request.normalize, built.sources));
      outputs = {{"sentence_embedding", embedding}};
    }
    for (size_t i = 0; request.hidden_states && i < context.hidden_states.size(); ++i) {
      outputs.push_back({fmt::format("hidden_states.{}", i), context.hidden_states[i]});
    }
    built.model = finish(outputs, inputs.parameters(), family_->model_type);
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
