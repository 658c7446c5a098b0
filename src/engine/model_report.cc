#include "engine/model_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "backend/tensor_bridge.h"
#include "base/try.h"

namespace accel::engine {
namespace {

PortReport port_report(const models::InputSpec& spec) {
  return {std::string(spec.name), spec.dtype, spec.shape, spec.needed != models::Needed::kAlways};
}

PortReport port_report(const ov::Output<const ov::Node>& output) {
  Shape shape;
  for (const ov::Dimension& size : output.get_partial_shape()) {
    shape.push_back(size.is_static() ? size.get_length() : -1);
  }
  return {output.get_any_name(),
          backend::dtype_of_element(output.get_element_type()).value_or(DType::kF32), shape};
}

PortReport embedding_port(const models::SentenceModules& sentence, int64_t size) {
  switch (sentence.kind) {
    case models::EmbeddingKind::kDense: return {"sentence_embedding", DType::kF32, {-1, size}};
    case models::EmbeddingKind::kSparse: return {"sparse_embedding", DType::kF32, {-1, size}};
    case models::EmbeddingKind::kTokens: return {"token_embeddings", DType::kF32, {-1, -1, size}};
  }
  return {};
}

// Of the regular files that can be looked at, or of the one that `folder` is.
uint64_t bytes_below(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  uint64_t bytes = 0;
  std::error_code error;
  if (fs::is_regular_file(folder, error)) {
    const uint64_t size = fs::file_size(folder, error);
    return error ? 0 : size;
  }
  fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    std::error_code ignored;
    const bool regular = at->is_regular_file(ignored);
    const uint64_t size = regular ? at->file_size(ignored) : 0;
    if (!ignored) bytes += size;
  }
  return bytes;
}

uint64_t bytes_of(const std::vector<std::filesystem::path>& files) {
  uint64_t bytes = 0;
  for (const std::filesystem::path& file : files) bytes += bytes_below(file);
  return bytes;
}

// How many numbers the weights are, and of which types.
void add_weights(const models::ModelFolder& folder, ModelReport& report) {
  std::map<std::string, uint64_t> counts;
  for (const models::Checkpoint::Entry& entry : folder.checkpoint().entries()) {
    if (is_integer(entry.dtype)) continue;  // buffers such as position_ids
    counts[std::string(to_string(entry.dtype))] += *element_count(entry.shape);
  }
  if (folder.foreign() != nullptr) counts = folder.foreign()->numbers();
  std::vector<std::string> formats;
  for (const auto& [dtype, count] : counts) {
    report.parameters += count;
    formats.push_back(dtype);
  }
  const std::vector<models::gguf::StoredType> stored_types = folder.stored_types();
  if (!stored_types.empty()) formats.clear();
  for (const models::gguf::StoredType& stored : stored_types) {
    formats.push_back(stored.name);
    report.unpacked_tensors += stored.unpacked;
  }
  report.weights_dtype = fmt::format("{}", fmt::join(formats, "+"));
}

Result<std::vector<PortReport>> outputs_of(const models::ModelFolder& folder, models::Head head) {
  std::vector<PortReport> outputs;
  if (folder.foreign() != nullptr) {
    ACCEL_ASSIGN(const auto ports, folder.foreign_outputs(head));
    for (const models::foreign::GraphPort& port : ports) {
      outputs.push_back({port.name, port.dtype, port.shape});
    }
    return outputs;
  }
  ACCEL_ASSIGN(const models::BuiltGraph graph, folder.build({.head = head, .outline = true}));
  for (const auto& output : std::as_const(*graph.model).outputs()) {
    outputs.push_back(port_report(output));
  }
  return outputs;
}

pipelines::Computes computes_of(models::EmbeddingKind kind) {
  switch (kind) {
    case models::EmbeddingKind::kDense: return pipelines::Computes::kDense;
    case models::EmbeddingKind::kSparse: return pipelines::Computes::kSparse;
    case models::EmbeddingKind::kTokens: return pipelines::Computes::kTokens;
  }
  return pipelines::Computes::kDense;
}

}  // namespace

const pipelines::Task* own_task_of(const models::ModelFolder& folder,
                                   std::optional<models::Head> wanted,
                                   std::span<const PortReport> ports) {
  if (!folder.has_family()) return nullptr;
  if (!wanted && folder.is_for_embeddings()) {
    return &pipelines::task_of_modules(computes_of(folder.sentence().kind));
  }
  const Result<models::Head> own = folder.head();
  if (!wanted && !own.ok()) return nullptr;
  std::vector<std::string> inputs;
  for (const PortReport& port : ports) inputs.push_back(port.name);
  return pipelines::task_of_head(models::to_string(wanted ? *wanted : *own), inputs);
}

Result<ModelReport> report_of(const models::ModelFolder& folder,
                              std::optional<models::Head> wanted) {
  const Result<models::Head> own = folder.head();
  const models::Head head = wanted.value_or(own.ok() ? *own : models::Head::kBase);
  const models::SentenceModules& sentence = folder.sentence();
  ModelReport report{
      .path = folder.path().string(),
      .family = std::string(folder.family().model_type),
      .architecture = folder.architecture(),
      .source = std::string(folder.source()),
      .tasks = {},
      .hidden_size = folder.facts().hidden_size,
      .layers = folder.facts().layers,
      .vocabulary = folder.facts().vocabulary,
      .max_tokens = folder.max_tokens(),
      .embedding_size = folder.embedding_size(),
      .normalized = sentence.normalize,
      .for_embedding = folder.is_for_embeddings() && sentence.kind == models::EmbeddingKind::kDense,
      .lower_case = sentence.lower_case,
  };
  const bool foreign = folder.foreign() != nullptr;
  if (folder.has_family() && (!foreign || head == models::Head::kBase)) {
    report.tasks.emplace_back("feature-extraction");
  }
  for (const models::InputSpec& spec : folder.inputs(head)) {
    report.inputs.push_back(port_report(spec));
  }
  const pipelines::Task* own_task = own_task_of(folder, wanted, report.inputs);
  if (own_task != nullptr) report.own_task = own_task->name;
  ACCEL_ASSIGN(report.outputs, outputs_of(folder, head));
  if (folder.embeds_text()) {
    report.tasks.emplace_back(models::to_string(sentence.kind));
    if (!folder.embeds_itself()) {
      report.outputs.push_back(embedding_port(sentence, report.embedding_size));
    }
  }
  if (head != models::Head::kBase) report.tasks.emplace_back(models::to_string(head));
  add_weights(folder, report);
  if (folder.embeds_itself()) report.pooling = "by the graph";
  for (const models::Pooling way : sentence.pooling) {
    if (folder.embeds_itself()) break;
    if (!report.pooling.empty()) report.pooling += "+";
    report.pooling += models::to_string(way);
  }
  for (const auto& [name, text] : sentence.prompts) report.prompts.push_back(name);
  report.bytes_on_disk = foreign ? bytes_of(folder.foreign()->files()) : bytes_below(folder.path());
  return report;
}

}  // namespace accel::engine
