#include "models/foreign/foreign_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/util/gather_base.hpp>
#include <openvino/op/util/multi_subgraph_base.hpp>

#include "base/files.h"
#include "base/protobuf.h"
#include "base/try.h"
#include "models/foreign/front_end.h"
#include "models/foreign/ir_header.h"
#include "models/foreign/onnx_header.h"
#include "tensors/shown.h"

namespace accel::models::foreign {
namespace {

namespace fs = std::filesystem;
using tensors::shown;

constexpr auto kElements =
    std::to_array<std::pair<ov::element::Type_t, DType>>({{ov::element::boolean, DType::kBool},
                                                          {ov::element::u8, DType::kU8},
                                                          {ov::element::i8, DType::kI8},
                                                          {ov::element::u16, DType::kU16},
                                                          {ov::element::i16, DType::kI16},
                                                          {ov::element::u32, DType::kU32},
                                                          {ov::element::i32, DType::kI32},
                                                          {ov::element::u64, DType::kU64},
                                                          {ov::element::i64, DType::kI64},
                                                          {ov::element::f16, DType::kF16},
                                                          {ov::element::bf16, DType::kBF16},
                                                          {ov::element::f32, DType::kF32},
                                                          {ov::element::f64, DType::kF64}});

// Of several names of one tensor the shortest, which is the one that a person gave; without the
// ":0" that TensorFlow puts behind each.
std::string best_name(const ov::Output<const ov::Node>& port) {
  constexpr std::string_view kFirst = ":0";
  const auto& names = port.get_names();
  if (names.empty()) return port.get_node()->get_friendly_name();
  std::string name = *std::ranges::min_element(names, [](const auto& one, const auto& other) {
    return std::pair(one.size(), one) < std::pair(other.size(), other);
  });
  if (name.size() > kFirst.size() && name.ends_with(kFirst)) name.resize(name.size() - 2);
  return name;
}

Result<GraphPort> port_of(const ov::Output<const ov::Node>& port, const char* kind) {
  GraphPort found{.name = best_name(port)};
  const auto type = std::ranges::find(kElements, ov::element::Type_t(port.get_element_type()),
                                      &std::pair<ov::element::Type_t, DType>::first);
  if (type == kElements.end()) {
    return unimplemented(fmt::format("its {} {} has the type {}, which no tensor here has", kind,
                                     shown(found.name), port.get_element_type().to_string()));
  }
  found.dtype = type->second;
  const ov::PartialShape& shape = port.get_partial_shape();
  if (shape.rank().is_dynamic()) {
    if (std::string_view(kind) == "output") return found;
    return unimplemented(fmt::format("its input {} has no rank; export the model with a shape for "
                                     "each input",
                                     shown(found.name)));
  }
  for (const ov::Dimension& size : shape) {
    found.shape.push_back(size.is_static() ? size.get_length() : -1);
  }
  return found;
}

void count_numbers(const ov::Model& model, std::map<std::string, uint64_t>& numbers) {
  for (const auto& node : model.get_ordered_ops()) {
    if (const auto constant = std::dynamic_pointer_cast<ov::op::v0::Constant>(node)) {
      const ov::element::Type& type = constant->get_element_type();
      // Indices and shapes are no weights.
      const bool index = type == ov::element::i64 || type == ov::element::i32 ||
                         type == ov::element::boolean || type == ov::element::string;
      if (!index) numbers[type.to_string()] += ov::shape_size(constant->get_shape());
    }
    const auto graphs = std::dynamic_pointer_cast<ov::op::util::MultiSubGraphOp>(node);
    if (!graphs) continue;
    for (const auto& body : graphs->get_functions()) {
      if (body) count_numbers(*body, numbers);
    }
  }
}

// Rows of the smallest table that `value`, perhaps converted, chooses from; none: of none.
std::optional<int64_t> table_rows(const ov::Output<ov::Node>& value, int depth = 0) {
  constexpr int kDeepest = 4;
  std::optional<int64_t> least;
  const auto take = [&](std::optional<int64_t> rows) {
    if (rows) least = std::min(least.value_or(*rows), *rows);
  };
  for (const ov::Input<ov::Node>& use : value.get_target_inputs()) {
    ov::Node* node = use.get_node();
    if (ov::as_type<ov::op::v0::Convert>(node) != nullptr && depth < kDeepest) {
      take(table_rows(node->output(0), depth + 1));
    }
    const auto* gather = ov::as_type<ov::op::util::GatherBase>(node);
    if (gather == nullptr || use.get_index() != 1) continue;
    const ov::PartialShape& table = gather->get_input_partial_shape(0);
    if (table.rank().is_dynamic() ||
        !ov::is_type<ov::op::v0::Constant>(gather->get_input_node_ptr(2))) {
      continue;
    }
    const int64_t axis = gather->get_axis();
    if (axis < 0 || axis >= table.rank().get_length() || table[axis].is_dynamic()) continue;
    take(table[axis].get_length());
  }
  return least;
}

// The front ends refuse what is cut off, too, but write to standard error and leak about it.
Status check_whole(std::string_view message, Format format) {
  WireReader reader(message);
  while (reader.next()) {
  }
  if (!reader.broken()) return {};
  return data_loss(fmt::format("expected a whole {} graph, found one that is cut off or damaged: "
                               "export or fetch it again",
                               title(format)));
}

// What the header says, before anything is opened; the files that are read, and an ONNX graph's
// inputs.
Result<std::vector<fs::path>> check_header(const ForeignFile& file,
                                           std::vector<std::string>& inputs) {
  std::vector<fs::path> files{file.path};
  std::error_code error;
  if (fs::is_directory(file.path, error)) {
    files = {file.path / "saved_model.pb"};
    ACCEL_ASSIGN(const auto graph, MappedFile::open(files.front()));
    ACCEL_TRY(check_whole(chars(graph->bytes()), file.format));
    fs::directory_iterator at(file.path / "variables", error);
    for (; !error && at != fs::directory_iterator(); at.increment(error)) {
      files.push_back(at->path());
    }
    std::sort(files.begin() + 1, files.end());  // folders list in any order
    return files;
  }
  ACCEL_ASSIGN(const auto mapped, MappedFile::open(file.path));
  const std::string_view bytes = chars(mapped->bytes());
  if (file.format == Format::kTensorFlow || file.format == Format::kPaddle) {
    ACCEL_TRY(check_whole(bytes, file.format));
  }
  if (file.format == Format::kOnnx) {
    ACCEL_ASSIGN(OnnxHeader header, parse_onnx_header(bytes));
    inputs = std::move(header.inputs);
    ACCEL_ASSIGN(const auto data, check_data_files(header, file.path.parent_path().empty()
                                                               ? fs::path(".")
                                                               : file.path.parent_path()));
    files.insert(files.end(), data.begin(), data.end());
  } else if (file.format == Format::kOpenVinoIr) {
    ACCEL_ASSIGN(const IrHeader header, parse_ir_header(bytes));
    const fs::path weights = fs::path(file.path).replace_extension(".bin");
    if (!fs::exists(weights, error)) {
      if (header.weight_bytes == 0) return files;
      return not_found(fmt::format("expected its {} bytes of weights in {}, found none; fetch it "
                                   "into the same folder",
                                   header.weight_bytes, weights.filename().string()));
    }
    const uint64_t size = fs::is_regular_file(weights, error) ? fs::file_size(weights, error) : 0;
    ACCEL_TRY(check_weight_size(header, size).with_context(weights.string()));
    files.push_back(weights);
  } else if (file.format == Format::kPaddle) {
    const fs::path weights = fs::path(file.path).replace_extension(".pdiparams");
    if (fs::exists(weights, error)) files.push_back(weights);
  }
  return files;
}

Result<GraphFacts> facts_of(const ov::Model& model, std::vector<std::string> declared) {
  if (!model.get_variables().empty() || !model.get_sinks().empty()) {
    return unimplemented(
        fmt::format("the graph keeps {} states from one run to the next; export "
                    "it without (optimum-cli: --disable-stateful)",
                    std::max(model.get_variables().size(), model.get_sinks().size())));
  }
  GraphFacts facts;
  for (const auto& input : model.inputs()) {
    ACCEL_ASSIGN(GraphPort port, port_of(input, "input"));
    std::erase(declared, port.name);
    facts.inputs.push_back(std::move(port));
  }
  for (const auto& output : model.outputs()) {
    ACCEL_ASSIGN(GraphPort port, port_of(output, "output"));
    facts.outputs.push_back(std::move(port));
  }
  if (facts.outputs.empty()) return data_loss("expected a graph with outputs, found none");
  count_numbers(model, facts.numbers);
  for (size_t i = 0; i < facts.inputs.size(); ++i) {
    const std::optional<int64_t> rows = table_rows(model.get_parameters()[i]->output(0));
    if (rows) facts.index_limits.emplace_back(facts.inputs[i].name, *rows);
  }
  facts.unused_inputs = std::move(declared);
  return facts;
}

}  // namespace

Result<std::shared_ptr<const ForeignModel>> ForeignModel::open(const ForeignFile& file,
                                                               const GraphMemory* memory) {
  std::shared_ptr<ForeignModel> model(new ForeignModel(file));
  const std::string where = file.path.string();
  std::vector<std::string> declared;
  Result<std::vector<fs::path>> files = check_header(file, declared);
  if (!files.ok()) return files.status().with_context(where);
  model->files_ = std::move(*files);
  std::string content;
  GraphMemory::Known known;
  if (memory != nullptr) {
    ACCEL_ASSIGN(content, memory->content_of(model->files_));
    known = memory->recall(content);
    if (known.facts) {
      model->facts_ = std::move(*known.facts);
      return std::shared_ptr<const ForeignModel>(std::move(model));
    }
  }
  Result<std::shared_ptr<ov::Model>> graph = convert(file);
  if (!graph.ok()) return graph.status().with_context(where);
  Result<GraphFacts> facts = facts_of(**graph, std::move(declared));
  if (!facts.ok()) return facts.status().with_context(where);
  model->facts_ = std::move(*facts);
  if (memory != nullptr) memory->remember(content, model->facts_);
  model->kept_ = std::move(*graph);
  return std::shared_ptr<const ForeignModel>(std::move(model));
}

Result<std::shared_ptr<ov::Model>> ForeignModel::graph(bool only_looked_at) const {
  {
    const std::lock_guard lock(mutex_);
    if (kept_) return only_looked_at ? kept_->clone() : std::exchange(kept_, nullptr);
  }
  Result<std::shared_ptr<ov::Model>> made = convert(file_);
  if (!made.ok()) return made.status().with_context(file_.path.string());
  return made;
}

}  // namespace accel::models::foreign
