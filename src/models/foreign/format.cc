#include "models/foreign/format.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/files.h"
#include "base/protobuf.h"
#include "base/try.h"
#include "models/foreign/ir_header.h"
#include "models/foreign/onnx_header.h"

namespace accel::models::foreign {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSavedModel = "saved_model.pb";

struct FormatRow {
  Format format;
  std::string_view name;
  std::string_view title;
  std::string_view suffix;                // of files that may be the only one of a folder
  std::array<std::string_view, 4> usual;  // what exporters call it
};

// In the order of preference.
constexpr std::array<FormatRow, 5> kFormats{{
    {Format::kOpenVinoIr,
     "openvino-ir",
     "OpenVINO IR",
     ".xml",
     {"openvino_model.xml", "openvino/openvino_model.xml", "model.xml", ""}},
    {Format::kOnnx, "onnx", "ONNX", ".onnx", {"model.onnx", "onnx/model.onnx", "", ""}},
    {Format::kTensorFlow,
     "tensorflow",
     "TensorFlow",
     ".pb",
     {"saved_model.pb", "saved_model/saved_model.pb", "saved_model/1/saved_model.pb",
      "frozen_graph.pb"}},
    {Format::kTensorFlowLite,
     "tensorflow-lite",
     "TensorFlow Lite",
     ".tflite",
     {"model.tflite", "", "", ""}},
    {Format::kPaddle,
     "paddle",
     "Paddle",
     ".pdmodel",
     {"model.pdmodel", "inference.pdmodel", "", ""}},
}};

const FormatRow& row_of(Format format) {
  return *std::ranges::find(kFormats, format, &FormatRow::format);
}

// The first field of a message, when it is a message itself; empty: it is not.
std::string_view first_message(std::string_view bytes) {
  WireReader reader(bytes);
  const auto field = reader.next();
  return field && field->is(1, WireType::kBytes) ? field->bytes : std::string_view();
}

// tensorflow.GraphDef: nodes with a name and an operation.
bool looks_like_graph_def(std::string_view bytes) {
  WireReader node(first_message(bytes));
  const auto name = node.next();
  const auto operation = node.next();
  return name && name->is(1, WireType::kBytes) && operation && operation->is(2, WireType::kBytes);
}

// tensorflow.SavedModel: a version and a graph with its names.
bool looks_like_saved_model(std::string_view bytes) {
  WireReader reader(bytes);
  const auto version = reader.next();
  const auto graph = reader.next();
  return version && version->is(1, WireType::kVarint) && version->value == 1 && graph &&
         graph->is(2, WireType::kBytes);
}

// paddle.framework.proto.ProgramDesc: blocks with their own and their parent's number.
bool looks_like_program(std::string_view bytes) {
  WireReader block(first_message(bytes));
  const auto own = block.next();
  const auto parent = block.next();
  return own && own->is(1, WireType::kVarint) && own->value == 0 && parent &&
         parent->is(2, WireType::kVarint);
}

bool looks_like_flat_buffer(std::string_view bytes) {
  return bytes.size() >= 8 && bytes.substr(4, 4) == "TFL3";
}

std::optional<Format> format_of_bytes(std::string_view bytes) {
  if (looks_like_flat_buffer(bytes)) return Format::kTensorFlowLite;
  if (looks_like_ir(bytes)) return Format::kOpenVinoIr;
  if (looks_like_saved_model(bytes)) return Format::kTensorFlow;
  if (looks_like_onnx(bytes)) return Format::kOnnx;
  if (looks_like_program(bytes)) return Format::kPaddle;
  if (looks_like_graph_def(bytes)) return Format::kTensorFlow;
  return std::nullopt;
}

bool is_regular(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// A SavedModel is its folder.
ForeignFile file_at(Format format, const fs::path& path) {
  const bool saved = format == Format::kTensorFlow && path.filename() == kSavedModel;
  if (!saved) return {format, path};
  return {format, path.has_parent_path() ? path.parent_path() : fs::path(".")};
}

// The files of `folder` whose names end as those of `row` do.
std::vector<std::string> names_in(const fs::path& folder, const FormatRow& row) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.ends_with(row.suffix) && is_regular(at->path())) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

Result<std::optional<ForeignFile>> find_format(const fs::path& folder, const FormatRow& row) {
  for (const std::string_view usual : row.usual) {
    if (usual.empty() || !is_regular(folder / usual)) continue;
    ACCEL_ASSIGN(const std::optional<Format> found, format_of(folder / usual));
    if (found == row.format) return std::optional(file_at(row.format, folder / usual));
  }
  std::vector<std::string> graphs;
  for (const std::string& name : names_in(folder, row)) {
    ACCEL_ASSIGN(const std::optional<Format> found, format_of(folder / name));
    if (found == row.format) graphs.push_back(name);
  }
  if (graphs.empty()) return std::optional<ForeignFile>();
  if (graphs.size() == 1) return std::optional(file_at(row.format, folder / graphs.front()));
  return invalid_argument(fmt::format("{}: expected one {} graph, found several; give one of {}",
                                      folder.string(), row.title, fmt::join(graphs, ", ")));
}

}  // namespace

std::string_view to_string(Format format) { return row_of(format).name; }
std::string_view title(Format format) { return row_of(format).title; }

Result<std::optional<Format>> format_of(const fs::path& file) {
  ACCEL_ASSIGN(const auto mapped, MappedFile::open(file));
  const auto bytes = mapped->bytes();
  return format_of_bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Result<std::optional<ForeignFile>> graph_at(const fs::path& file) {
  ACCEL_ASSIGN(const auto mapped, MappedFile::open(file));
  const std::string_view bytes(reinterpret_cast<const char*>(mapped->bytes().data()),
                               mapped->bytes().size());
  const std::optional<Format> format = format_of_bytes(bytes);
  if (!format) return std::optional<ForeignFile>();
  if (*format != Format::kTensorFlow || !looks_like_saved_model(bytes)) {
    return std::optional(ForeignFile{*format, file});
  }
  if (file.filename() == kSavedModel) return std::optional(file_at(*format, file));
  return invalid_argument(fmt::format("{}: expected the name {} for this part of a TensorFlow "
                                      "SavedModel, in its folder; give it that name",
                                      file.string(), kSavedModel));
}

Result<std::optional<ForeignFile>> find_foreign(const fs::path& folder,
                                                const std::vector<Format>& formats) {
  for (const FormatRow& row : kFormats) {
    if (!formats.empty() && std::ranges::find(formats, row.format) == formats.end()) continue;
    ACCEL_ASSIGN(std::optional<ForeignFile> found, find_format(folder, row));
    if (found) return found;
  }
  return std::optional<ForeignFile>();
}

fs::path settings_folder(const ForeignFile& file) {
  std::error_code ignored;
  const bool folder = fs::is_directory(file.path, ignored);
  const fs::path beside = file.path.has_parent_path() ? file.path.parent_path() : fs::path(".");
  fs::path own = folder ? file.path : beside;
  const auto has_config = [&](const fs::path& where) {
    return is_regular(where / "config.json") || is_regular(where / "modules.json");
  };
  fs::path where = fs::weakly_canonical(own, ignored);
  if (has_config(own)) return own;
  if (has_config(own / kFlatSettings)) return own / kFlatSettings;
  // "onnx", "openvino", "saved_model/1"
  for (int up = 0; up < 2; ++up) {
    const std::string name = where.filename().string();
    if (name != "onnx" && name != "openvino" && name != "saved_model" && name != "1") break;
    where = where.parent_path();
    if (has_config(where)) return where;
  }
  return own;
}

}  // namespace accel::models::foreign
