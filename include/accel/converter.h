// Converters of the caller's own, for models in a format that accel does not know.
//
//   accel::EngineOptions options;
//   options.converters.push_back(
//       {.name = "legacy",
//        .can_read = [](const std::string& path) { return path.ends_with(".legacy"); },
//        .convert = [](const std::string& path, const std::string& output) {
//          return write_onnx(path, output + "/model.onnx");
//        }});
//   auto engine = accel::Engine::create(options);
//   auto model = (*engine)->load({.path = "old.legacy"});  // converts it, once
//
// What a converter wrote is kept in the cache under the content of its source, the converter's name
// and its version: the same model is converted once, wherever it lies.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "accel/status.h"

namespace accel {

// Its functions are called from whichever thread loads, describes or converts a model; for two
// models at the same time by two threads. An error, and what they throw, fails the call with the
// converter's name.
struct ModelConverter {
  std::string name;  // not empty, and no other's of the same engine
  // What a change of makes accel convert again.
  std::string version = {};
  // Whether it converts the file or folder `path`. Asked only of what accel finds no model in; the
  // first one that says yes is taken. LoadOptions::model_format with its name skips the question.
  std::function<bool(const std::string& path)> can_read;
  // Writes the model as a format that accel knows into the folder `output`, which is there and
  // empty: one file, or what belongs into a model's folder.
  std::function<Status(const std::string& path, const std::string& output)> convert;
};

// A program as converter of everything whose name ends with `suffix` (".h5"), which is its name,
// too. Of `command` the first word is the program, looked up in $PATH; in each word {input} stands
// for the model and {output} for the folder. No shell takes part. It succeeds with exit code 0; the
// end of what it prints is part of the error otherwise. INVALID_ARGUMENT for a suffix without its
// dot, and a command without program, {input} or {output}.
ACCEL_API Result<ModelConverter> program_converter(const std::string& suffix,
                                                   std::vector<std::string> command);

}  // namespace accel
