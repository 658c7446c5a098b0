#include "models/foreign/front_end.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <stdlib.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <map>
#include <new>
#include <openvino/frontend/manager.hpp>
#include <openvino/op/util/framework_node.hpp>
#include <openvino/op/util/multi_subgraph_base.hpp>
#include <openvino/runtime/core.hpp>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/try.h"
#include "models/foreign/onnx_header.h"
#include "models/foreign/repair.h"
#include "tensors/shown.h"

namespace accel::models::foreign {
namespace {

namespace fs = std::filesystem;
using tensors::shown;

constexpr size_t kReasonBytesMax = 400;
constexpr size_t kNamedNodesMax = 20;  // of one operation, in a message

const char* front_end_name(Format format) {
  switch (format) {
    case Format::kOnnx: return "onnx";
    case Format::kTensorFlow: return "tf";
    case Format::kTensorFlowLite: return "tflite";
    case Format::kPaddle: return "paddle";
    default: return "ir";
  }
}

// The last line of what the engine says: before it come positions in its sources. It may quote the
// file, so only what a terminal can show is kept.
std::string reason_of(const std::exception& exception) {
  std::string_view text = exception.what();
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  const size_t line = text.rfind('\n');
  if (line != std::string_view::npos) text.remove_prefix(line + 1);
  std::string reason;
  for (const char c : text.substr(0, kReasonBytesMax)) {
    reason += c >= ' ' && c <= '~' ? c : '?';
  }
  return reason;
}

// "com.acme.Foo": as the framework calls it.
std::string operation_of(const ov::op::util::FrameworkNode& node) {
  const auto& attributes = node.get_attrs();
  const auto text = [&](const char* key) {
    const auto it = attributes.find(key);
    return it == attributes.end() ? std::string() : it->second;
  };
  const std::string onnx = text("ONNX_META_type");
  if (onnx.empty()) {
    const std::string& type = attributes.get_type_name();
    return type.empty() ? node.get_type_name() : type;
  }
  const std::string domain = text("ONNX_META_domain");
  return domain.empty() ? onnx : domain + "." + onnx;
}

// Names of nodes by operation, of what was left as it was; of graphs inside, too.
void collect_left(const ov::Model& model, std::map<std::string, std::vector<std::string>>& left) {
  for (const auto& node : model.get_ordered_ops()) {
    if (const auto foreign = std::dynamic_pointer_cast<ov::op::util::FrameworkNode>(node)) {
      left[operation_of(*foreign)].push_back(foreign->get_friendly_name());
    }
    const auto graphs = std::dynamic_pointer_cast<ov::op::util::MultiSubGraphOp>(node);
    if (!graphs) continue;
    for (const auto& body : graphs->get_functions()) {
      if (body) collect_left(*body, left);
    }
  }
}

// Nodes by their first output: the engine calls the last nodes of a graph by what they put out.
std::map<std::string, std::string> node_names(const ForeignFile& file) {
  if (file.format != Format::kOnnx) return {};
  const auto mapped = MappedFile::open(file.path);
  if (!mapped.ok()) return {};
  const auto bytes = (*mapped)->bytes();
  return onnx_node_names({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Status unsupported(const ForeignFile& file,
                   const std::map<std::string, std::vector<std::string>>& left) {
  const std::map<std::string, std::string> names = node_names(file);
  std::vector<std::string> parts;
  for (const auto& [operation, nodes] : left) {
    std::vector<std::string> some;
    for (const std::string& node : nodes) {
      if (some.size() == kNamedNodesMax) break;
      const auto named = names.find(node);
      some.push_back(shown(named == names.end() ? node : named->second));
    }
    if (nodes.size() > some.size()) {
      some.push_back(fmt::format("{} more", nodes.size() - some.size()));
    }
    parts.push_back(fmt::format("{} (at {})", operation, fmt::join(some, ", ")));
  }
  return unimplemented(fmt::format(
      "{} {} of the graph {} no conversion: {}; export the model with operations of its format's "
      "own",
      left.size(), left.size() == 1 ? "operation" : "operations", left.size() == 1 ? "has" : "have",
      fmt::join(parts, "; ")));
}

// The file under a name that its front end takes, where it looks at suffixes: a link in a folder of
// its own, removed at the end, when the file is called otherwise.
class SuitableName {
 public:
  explicit SuitableName(const ForeignFile& file) : path_(file.path) {
    std::vector<std::string_view> suffixes;
    if (file.format == Format::kTensorFlowLite) suffixes = {".tflite"};
    if (file.format == Format::kPaddle) suffixes = {".pdmodel", ".pdiparams"};
    if (suffixes.empty() || file.path.extension() == suffixes.front()) return;
    std::string name = (fs::temp_directory_path() / "accel-graph-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) return;  // the front end says what it misses
    folder_ = name;
    std::error_code ignored;
    for (const std::string_view suffix : suffixes) {
      const bool main = suffix == suffixes.front();
      const fs::path target = main ? file.path : fs::path(file.path).replace_extension(suffix);
      const fs::path link = folder_ / ("model" + std::string(suffix));
      fs::create_symlink(fs::absolute(target, ignored), link, ignored);
      if (main) path_ = link;
    }
  }
  ~SuitableName() {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
  }
  SuitableName(const SuitableName&) = delete;
  SuitableName& operator=(const SuitableName&) = delete;

  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
  fs::path folder_;  // empty: the file's own name is good
};

Result<std::shared_ptr<ov::Model>> convert_with(ov::frontend::FrontEnd& front_end,
                                                const ForeignFile& file) {
  const SuitableName name(file);
  const ov::frontend::InputModel::Ptr input = front_end.load(name.path());
  if (!input) return data_loss("its front end cannot read it; export or fetch it again");
  try {
    std::shared_ptr<ov::Model> model = front_end.convert(input);
    if (file.format != Format::kOnnx) return model;
    ACCEL_ASSIGN(const auto mapped, MappedFile::open(file.path));
    ACCEL_ASSIGN(const OnnxHeader header, parse_onnx_header(chars(mapped->bytes())));
    ACCEL_TRY(repair(*model, header));
    return model;
  } catch (const ov::Exception& exception) {
    const std::string reason = reason_of(exception);
    std::map<std::string, std::vector<std::string>> left;
    try {
      const auto partial = front_end.convert_partially(front_end.load(name.path()));
      collect_left(*partial, left);
    } catch (const ov::Exception&) {
      left.clear();  // the first reason is the better one
    }
    if (!left.empty()) return unsupported(file, left);
    return data_loss(fmt::format("its conversion failed: {}", reason));
  }
}

Result<ov::frontend::FrontEnd::Ptr> load_front_end(Format format) {
  ov::frontend::FrontEndManager manager;
  try {
    return manager.load_by_framework(front_end_name(format));
  } catch (const ov::Exception& exception) {
    return unavailable(fmt::format("the engine's front end for {} cannot be loaded ({}); run "
                                   "./dev setup in the source tree, or install the accel package "
                                   "again",
                                   title(format), reason_of(exception)));
  }
}

}  // namespace

Result<std::shared_ptr<ov::Model>> convert(const ForeignFile& file) {
  const bool engines_own = file.format == Format::kOpenVinoIr;
  try {
    if (engines_own) return ov::Core().read_model(file.path.string());
    ACCEL_ASSIGN(const ov::frontend::FrontEnd::Ptr front_end, load_front_end(file.format));
    return convert_with(*front_end, file);
  } catch (const std::bad_alloc&) {
    return resource_exhausted("its conversion ran out of memory");
  } catch (const std::exception& exception) {
    // The engine takes what it has no reader of for a broken file.
    if (engines_own) ACCEL_TRY(load_front_end(file.format).status());
    return data_loss(fmt::format("its front end cannot read it ({}); export or fetch it again",
                                 reason_of(exception)));
  }
}

}  // namespace accel::models::foreign
