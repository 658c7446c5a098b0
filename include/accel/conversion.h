// Any model to OpenVINO IR.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/load_options.h"
#include "accel/precision.h"
#include "accel/tensor.h"

namespace accel {

// Where the files of a converted model lie.
enum class Layout {
  kFolder,  // OUT/openvino_model.xml and .bin, config.json, tokenizer.json ... as optimum-intel
            // does
  kFlat,    // OUT/NAME.xml and NAME.bin, for OUT's last name; the rest in OUT/.accel/
};

struct ConvertProgress {
  std::string_view step;  // "reading", "weights", "hashing", "check", "finishing"
  double fraction = 0;    // of the step
};

struct ConvertOptions {
  std::string source;  // as LoadOptions::path: whatever can be loaded
  // A folder. Empty: NAME-openvino in the current folder, with "-f16", "-int8" ... for another
  // precision than f32; of the flat layout models/openvino/NAME.
  std::string output;
  // Of the weights. f32: as they are stored, unpacked nothing and rounded nothing. f16 and bf16:
  // weights of f32 rounded. int8: integers with a scale per row. int4: integers with a scale per
  // group, embeddings and last layers in int8. kAuto is refused.
  Precision precision = Precision::kF32;
  bool symmetric = false;    // integers without a zero point
  int64_t group_size = 128;  // of int4; shrinks by halves where it does not fit
  // Fixed sizes of the inputs instead of free ones: the batch, and the length of those with tokens
  // or samples; 0: free.
  int64_t static_batch = 0;
  int64_t static_length = 0;
  Layout layout = Layout::kFolder;
  std::string task;  // as LoadOptions::task
  UseOptimum use_optimum = UseOptimum::kAuto;
  bool check = true;   // runs source and result on the same inputs
  bool force = false;  // replaces a converted model that is there
  // Called often, from the thread of convert(). False stops: CANCELLED, and nothing is left.
  std::function<bool(const ConvertProgress&)> progress;
};

struct ConvertedFile {
  std::string name;  // below the output
  uint64_t bytes = 0;
};

// The weights that are stored in one format.
struct WeightTally {
  std::string format;  // "as stored", "f16", "bf16", "int8", "int4"
  uint64_t tensors = 0;
  uint64_t bytes_before = 0;
  uint64_t bytes = 0;
};

// How far an output of the converted graph is from the source's.
struct OutputError {
  std::string name;
  Shape shape;
  double max_abs = 0;
  double relative = 0;  // max_abs by the largest number of the source's
  double cosine = 1;
};

struct ConvertReport {
  std::string source;
  std::string source_kind;  // "native", "gguf", "onnx" ...
  std::string task;
  std::string path;   // of the output
  std::string graph;  // of the .xml file
  std::string precision;
  std::vector<ConvertedFile> files;
  std::vector<WeightTally> weights;
  uint64_t source_bytes = 0;  // of the files with weights
  uint64_t bytes = 0;         // of the output
  bool checked = false;
  std::vector<OutputError> errors;
  double convert_s = 0;  // everything but the check
  double check_s = 0;
};

}  // namespace accel
