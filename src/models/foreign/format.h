// Models that come as a graph instead of a checkpoint: which formats there are, what a file or
// folder holds, told by its content.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::models::foreign {

enum class Format { kOnnx, kOpenVinoIr, kTensorFlow, kTensorFlowLite, kPaddle };

// "onnx", "openvino-ir", "tensorflow", "tensorflow-lite", "paddle"
std::string_view to_string(Format format);
std::string_view title(Format format);  // "ONNX", "OpenVINO IR" ...

struct ForeignFile {
  Format format = Format::kOnnx;
  std::filesystem::path path;  // of a TensorFlow SavedModel its folder
};

// What the file holds; none: no graph that is known. Errors are those of opening it.
Result<std::optional<Format>> format_of(const std::filesystem::path& file);

// The graph that `file` is, or whose main part it is (saved_model.pb); none: no graph.
// INVALID_ARGUMENT for a SavedModel's part under another name.
Result<std::optional<ForeignFile>> graph_at(const std::filesystem::path& file);

// The graph of a folder, OpenVINO's before ONNX's before the others: under one of the names that
// exporters give (openvino_model.xml, model.onnx, onnx/model.onnx, saved_model.pb ...), else the
// only file of its kind. None when there is no such file; INVALID_ARGUMENT lists the files when
// there are several. `formats`: those looked for; empty: all.
Result<std::optional<ForeignFile>> find_foreign(const std::filesystem::path& folder,
                                                const std::vector<Format>& formats = {});

// The folder beside a graph of `accel convert --layout flat` that holds what is no graph.
constexpr const char* kFlatSettings = ".accel";

// Where config.json, tokenizer.json and the like of a graph lie: beside it, or one folder up where
// exporters put graphs into a folder of their own ("onnx", "openvino").
std::filesystem::path settings_folder(const ForeignFile& file);

}  // namespace accel::models::foreign
