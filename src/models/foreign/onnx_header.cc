#include "models/foreign/onnx_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "base/files.h"
#include "base/protobuf.h"
#include "base/try.h"
#include "models/foreign/onnx_node.h"
#include "models/hub_blobs.h"
#include "tensors/file_name.h"
#include "tensors/shown.h"

namespace accel::models::foreign {
namespace {

namespace fs = std::filesystem;
using tensors::shown;

constexpr int kDeepestGraph = 64;
constexpr int64_t kIrVersionMax = 1000;  // at first sight: ONNX is at 13
constexpr size_t kDataFilesMax = 1 << 16;
constexpr uint32_t kModelFieldsMax = 26;  // ModelProto's largest number, with some to spare

// Numbers of onnx.proto's fields.
constexpr uint32_t kModelIrVersion = 1;
constexpr uint32_t kModelProducer = 2;
constexpr uint32_t kModelProducerVersion = 3;
constexpr uint32_t kModelGraph = 7;
constexpr uint32_t kModelOpset = 8;
constexpr uint32_t kModelFunction = 25;
constexpr uint32_t kOpsetDomain = 1;
constexpr uint32_t kOpsetVersion = 2;
constexpr uint32_t kGraphNode = 1;
constexpr uint32_t kGraphInitializer = 5;
constexpr uint32_t kGraphInput = 11;
constexpr uint32_t kGraphSparse = 15;
constexpr uint32_t kFunctionNode = 7;
constexpr uint32_t kNodeInput = 1;
constexpr uint32_t kNodeOutput = 2;
constexpr uint32_t kNodeName = 3;
constexpr uint32_t kNodeOperation = 4;
constexpr uint32_t kNodeAttribute = 5;
constexpr uint32_t kNodeDomain = 7;
constexpr uint32_t kValueName = 1;
constexpr uint32_t kAttributeName = 1;
constexpr uint32_t kAttributeInteger = 3;
constexpr uint32_t kAttributeText = 4;
constexpr uint32_t kAttributeTensor = 5;
constexpr uint32_t kAttributeGraph = 6;
constexpr uint32_t kAttributeTensors = 10;
constexpr uint32_t kAttributeGraphs = 11;
constexpr uint32_t kAttributeSparse = 22;
constexpr uint32_t kAttributeSparses = 23;
constexpr uint32_t kSparseValues = 1;
constexpr uint32_t kSparseIndices = 2;
constexpr uint32_t kTensorName = 8;
constexpr uint32_t kTensorExternal = 13;
constexpr uint32_t kEntryKey = 1;
constexpr uint32_t kEntryValue = 2;

Status no_model(std::string_view what) {
  return data_loss(fmt::format(
      "expected an ONNX model, found {}; the file is cut off or no ONNX: export or fetch it again",
      what));
}

std::optional<uint64_t> number_of(std::string_view text) {
  uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = read.ec == std::errc() && read.ptr == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

OnnxAttribute attribute_value(std::string_view bytes, std::string_view& name) {
  WireReader reader(bytes);
  OnnxAttribute value;
  while (const auto field = reader.next()) {
    if (field->is(kAttributeName, WireType::kBytes)) name = field->bytes;
    if (field->is(kAttributeText, WireType::kBytes)) value.text = field->bytes;
    if (field->is(kAttributeInteger, WireType::kVarint)) {
      value.integer = static_cast<int64_t>(field->value);
    }
  }
  return value;
}

// The name in a message that describes a tensor.
std::string_view name_field(std::string_view bytes, uint32_t number) {
  WireReader reader(bytes);
  std::string_view name;
  while (const auto field = reader.next()) {
    if (field->is(number, WireType::kBytes)) name = field->bytes;
  }
  return name;
}

class HeaderWalk {
 public:
  Status model(std::string_view bytes);
  OnnxHeader take() { return std::move(header_); }

 private:
  Status opset(std::string_view bytes);
  Status graph(std::string_view bytes, int depth, uint32_t node_field);
  Status node(std::string_view bytes, int depth);
  Status attribute(std::string_view bytes, int depth);
  Status sparse(std::string_view bytes);
  Status tensor(std::string_view bytes);
  Status data_file(std::string_view name, const std::map<std::string, std::string>& entries);

  OnnxHeader header_;
  bool graph_found_ = false;
};

Status HeaderWalk::model(std::string_view bytes) {
  // Opsets may stand behind the nodes that they explain.
  WireReader first(bytes);
  while (const auto field = first.next()) {
    if (field->is(kModelOpset, WireType::kBytes)) ACCEL_TRY(opset(field->bytes));
  }
  WireReader reader(bytes);
  std::string version;
  while (const auto field = reader.next()) {
    if (field->is(kModelIrVersion, WireType::kVarint)) {
      header_.ir_version = static_cast<int64_t>(field->value);
    } else if (field->is(kModelProducer, WireType::kBytes)) {
      header_.producer = field->bytes;
    } else if (field->is(kModelProducerVersion, WireType::kBytes)) {
      version = field->bytes;
    } else if (field->is(kModelGraph, WireType::kBytes)) {
      graph_found_ = true;
      ACCEL_TRY(graph(field->bytes, 0, kGraphNode));
    } else if (field->is(kModelFunction, WireType::kBytes)) {
      ACCEL_TRY(graph(field->bytes, 0, kFunctionNode));
    }
  }
  if (reader.broken()) return no_model("bytes that are no message");
  if (!graph_found_) return no_model("no graph");
  if (!version.empty() && !header_.producer.empty()) header_.producer += " " + version;
  return {};
}

Status HeaderWalk::opset(std::string_view bytes) {
  WireReader reader(bytes);
  std::string domain;
  int64_t version = 0;
  while (const auto field = reader.next()) {
    if (field->is(kOpsetDomain, WireType::kBytes)) domain = field->bytes;
    if (field->is(kOpsetVersion, WireType::kVarint)) version = static_cast<int64_t>(field->value);
  }
  if (reader.broken()) return no_model("an opset that is no message");
  if (domain == "ai.onnx") domain.clear();
  header_.opsets[domain] = version;
  return {};
}

// Of a graph, or of a function, whose nodes have another number.
Status HeaderWalk::graph(std::string_view bytes, int depth, uint32_t node_field) {
  if (depth > kDeepestGraph) {
    return no_model(fmt::format("graphs inside graphs, more than {}", kDeepestGraph));
  }
  const bool function = node_field == kFunctionNode;
  const bool main = depth == 0 && !function;
  std::set<std::string, std::less<>> weights;
  WireReader reader(bytes);
  while (const auto field = reader.next()) {
    if (field->is(node_field, WireType::kBytes)) {
      ACCEL_TRY(node(field->bytes, depth));
    } else if (main && field->is(kGraphInput, WireType::kBytes)) {
      header_.inputs.emplace_back(name_field(field->bytes, kValueName));
    } else if (!function && field->is(kGraphInitializer, WireType::kBytes)) {
      if (main) weights.emplace(name_field(field->bytes, kTensorName));
      ACCEL_TRY(tensor(field->bytes));
    } else if (!function && field->is(kGraphSparse, WireType::kBytes)) {
      ACCEL_TRY(sparse(field->bytes));
    }
  }
  std::erase_if(header_.inputs, [&](const auto& name) { return weights.contains(name); });
  return reader.broken() ? no_model("a graph that is no message") : Status();
}

Status HeaderWalk::node(std::string_view bytes, int depth) {
  ++header_.nodes;
  WireReader reader(bytes);
  OnnxNode node;
  while (const auto field = reader.next()) {
    if (field->is(kNodeInput, WireType::kBytes)) node.inputs.push_back(field->bytes);
    if (field->is(kNodeName, WireType::kBytes)) node.name = field->bytes;
    if (field->is(kNodeOperation, WireType::kBytes)) node.operation = field->bytes;
    if (field->is(kNodeDomain, WireType::kBytes)) node.domain = field->bytes;
    if (!field->is(kNodeAttribute, WireType::kBytes)) continue;
    std::string_view name;
    const OnnxAttribute value = attribute_value(field->bytes, name);
    node.attributes.emplace(name, value);
    ACCEL_TRY(attribute(field->bytes, depth));
  }
  if (reader.broken()) return no_model("a node that is no message");
  header_.operations.emplace(node.operation);
  const auto opset = header_.opsets.find("");
  const auto problem = left_out(node, opset == header_.opsets.end() ? 0 : opset->second);
  if (!problem) return {};
  return unimplemented(fmt::format("{} (at {}) {}", node.operation, shown(node.name), *problem));
}

Status HeaderWalk::attribute(std::string_view bytes, int depth) {
  WireReader reader(bytes);
  while (const auto field = reader.next()) {
    if (field->type != WireType::kBytes) continue;
    switch (field->number) {
      case kAttributeTensor:
      case kAttributeTensors: ACCEL_TRY(tensor(field->bytes)); break;
      case kAttributeGraph:
      case kAttributeGraphs: ACCEL_TRY(graph(field->bytes, depth + 1, kGraphNode)); break;
      case kAttributeSparse:
      case kAttributeSparses: ACCEL_TRY(sparse(field->bytes)); break;
      default: break;
    }
  }
  return reader.broken() ? no_model("an attribute that is no message") : Status();
}

Status HeaderWalk::sparse(std::string_view bytes) {
  WireReader reader(bytes);
  while (const auto field = reader.next()) {
    if (field->is(kSparseValues, WireType::kBytes) || field->is(kSparseIndices, WireType::kBytes)) {
      ACCEL_TRY(tensor(field->bytes));
    }
  }
  return reader.broken() ? no_model("a tensor that is no message") : Status();
}

Status HeaderWalk::tensor(std::string_view bytes) {
  WireReader reader(bytes);
  std::string_view name;
  std::map<std::string, std::string> entries;
  while (const auto field = reader.next()) {
    if (field->is(kTensorName, WireType::kBytes)) name = field->bytes;
    if (!field->is(kTensorExternal, WireType::kBytes)) continue;
    WireReader entry(field->bytes);
    std::string key;
    std::string value;
    while (const auto part = entry.next()) {
      if (part->is(kEntryKey, WireType::kBytes)) key = part->bytes;
      if (part->is(kEntryValue, WireType::kBytes)) value = part->bytes;
    }
    if (entry.broken()) return no_model("a tensor whose place is no message");
    // What is said twice could be read one way here and another way in an engine.
    if (!entries.emplace(key, value).second) {
      return no_model(fmt::format("a tensor {} that gives its {} twice", shown(name), shown(key)));
    }
  }
  if (reader.broken()) return no_model("a tensor that is no message");
  return entries.empty() ? Status() : data_file(name, entries);
}

// Whether or not "data_location" says so: an engine might look at the entries alone.
Status HeaderWalk::data_file(std::string_view name,
                             const std::map<std::string, std::string>& entries) {
  const auto value = [&](const char* key) -> std::optional<std::string> {
    const auto it = entries.find(key);
    return it == entries.end() ? std::nullopt : std::optional(it->second);
  };
  const auto number = [&](const char* key) { return number_of(value(key).value_or("0")); };
  const std::optional<uint64_t> offset = number("offset");
  const std::optional<uint64_t> length = number("length");
  if (!offset || !length || *length > std::numeric_limits<uint64_t>::max() - *offset) {
    return no_model(fmt::format("a tensor {} whose offset or length is no number", shown(name)));
  }
  const auto [it, added] = header_.data_files.try_emplace(value("location").value_or(""));
  if (added) it->second.tensor = name;
  it->second.end = std::max(it->second.end, *offset + *length);
  if (header_.data_files.size() > kDataFilesMax) {
    return no_model(fmt::format("tensors in more than {} files", kDataFilesMax));
  }
  return {};
}

}  // namespace

bool looks_like_onnx(std::string_view bytes) {
  WireReader reader(bytes);
  bool version = false;
  bool graph = false;
  while (const auto field = reader.next()) {
    if (field->number > kModelFieldsMax) return false;
    if (field->number == kModelIrVersion) {
      version = field->type == WireType::kVarint && field->value > 0 &&
                field->value <= static_cast<uint64_t>(kIrVersionMax);
      if (!version) return false;
    }
    if (field->number == kModelGraph) graph = field->type == WireType::kBytes;
  }
  // A file that is cut off has its graph cut, but begins as others do.
  return version && (graph || reader.broken());
}

Result<OnnxHeader> parse_onnx_header(std::string_view bytes) {
  HeaderWalk walk;
  ACCEL_TRY(walk.model(bytes));
  OnnxHeader header = walk.take();
  const auto own = header.opsets.find("");
  if (own == header.opsets.end()) {
    if (header.opsets.empty()) return no_model("no opset");
    return header;
  }
  if (own->second < 1 || own->second > kOnnxOpsetMax) {
    return unimplemented(
        fmt::format("expected an opset of ONNX from 1 to {}, found {}; export the model again with "
                    "one of these (18 suits nearly all)",
                    kOnnxOpsetMax, own->second));
  }
  return header;
}

std::map<std::string, std::string> onnx_node_names(std::string_view bytes) {
  std::map<std::string, std::string> names;
  WireReader model(bytes);
  while (const auto part = model.next()) {
    if (!part->is(kModelGraph, WireType::kBytes)) continue;
    WireReader graph(part->bytes);
    while (const auto node = graph.next()) {
      if (!node->is(kGraphNode, WireType::kBytes)) continue;
      std::string_view output;
      std::string_view name;
      WireReader reader(node->bytes);
      while (const auto field = reader.next()) {
        if (field->is(kNodeName, WireType::kBytes)) name = field->bytes;
        if (field->is(kNodeOutput, WireType::kBytes) && output.empty()) output = field->bytes;
      }
      if (!name.empty() && !output.empty()) names.emplace(output, name);
    }
  }
  return names;
}

Result<std::vector<fs::path>> check_data_files(const OnnxHeader& header, const fs::path& folder) {
  std::vector<fs::path> paths;
  if (header.data_files.empty()) return paths;
  std::error_code error;
  const fs::path real_folder = fs::canonical(folder, error);
  if (error) return errno_status(error.value(), "opening", folder.string());
  for (const auto& [location, file] : header.data_files) {
    if (const Status name = tensors::check_file_name(location); !name.ok()) {
      return name.with_context(fmt::format("the file of the tensor {}", shown(file.tensor)));
    }
    const fs::path path = folder / location;
    const fs::path real = fs::canonical(path, error);
    if (error == std::errc::no_such_file_or_directory) {
      return not_found(fmt::format("expected {} beside the model, where its tensor {} lies, found "
                                   "none; fetch it into the same folder",
                                   shown(location), shown(file.tensor)));
    }
    if (error) return errno_status(error.value(), "opening", path.string());
    if (!may_lie_at(real, real_folder)) {
      return invalid_argument(fmt::format(
          "{}: expected a file of the model's own folder (or a link into the blobs of the Hub's "
          "cache), found a link to {}",
          path.string(), real.string()));
    }
    const uint64_t size = fs::is_regular_file(real, error) ? fs::file_size(real, error) : 0;
    if (error || size < file.end) {
      return data_loss(fmt::format("{}: expected at least {} bytes of tensors, found {}; fetch the "
                                   "file again, or the model that belongs to it",
                                   path.string(), file.end, size));
    }
    paths.push_back(path);
  }
  return paths;
}

}  // namespace accel::models::foreign
