// What a measuring command gives a model to do: inputs, given or made, and the one function that
// asks for their answers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "cli/flags.h"
#include "cli/model_flags.h"
#include "measure/difference.h"
#include "measure/runner.h"

namespace accel::cli {

struct WorkFlags {
  ModelFlags model;
  std::vector<std::string> inputs;
  std::string input;
  bool jsonl = false;
  std::string context;
  std::string labels;
  int64_t items = 0;
  int64_t texts_made = 64;  // for items of 0
  int64_t seed = 1;

  // Declares MODEL, INPUT... and the flags.
  void declare(Flags& flags);
  Status check() const;
};

struct Work {
  std::shared_ptr<Model> model;
  double load_s = 0;
  TaskReport task;  // of a model that embeds sentences, that
  std::vector<TaskInput> items;
  std::string source;   // of the items: "generated", "arguments" or the file
  measure::Call call;   // valid as long as the model
  bool embeds = false;  // the call is embed(), else run()
};

// Loads the model and gets the inputs: the arguments, lines of --input, or made for the task. The
// first item has been tried where it is not certain that it suits.
Result<Work> load_work(Engine& engine, const WorkFlags& flags);

// Without items: only what asks, loaded and compiled for `model.task`.
Result<Work> load_asking(Engine& engine, const ModelFlags& model);

// The same with the items of another.
Result<Work> load_work(Engine& engine, const WorkFlags& flags, const Work& like);

// The answers of the work's call to its items, to be compared with those of another.
Result<std::vector<measure::Answer>> answers_of(const Work& work, const WorkFlags& flags);

// "64 texts made with seed 1"
std::string items_text(const Work& work, int64_t seed);

}  // namespace accel::cli
