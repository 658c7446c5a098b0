// What is asked of a model's graph, and what comes back.
#pragma once

#include <cstdint>
#include <memory>
#include <openvino/core/model.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "models/family.h"
#include "models/sentence.h"

namespace accel::models {

// Which graph to build.
struct GraphRequest {
  // Inputs the graph shall have besides those it cannot do without; empty: the usual ones.
  std::vector<std::string> inputs;
  std::optional<Head> head;    // none: what config.json's "architectures" says, else the base
  bool hidden_states = false;  // also the states before and after each layer, "hidden_states.N"
  bool sentence = false;       // one output, an embedding, instead of the base's own
  // Only for `sentence`:
  std::optional<EmbeddingKind> embedding;  // none: the kind that the folder says
  bool normalize = true;
  // To be looked at, not run: the inputs and outputs are right, packed weights are not unpacked.
  bool outline = false;
};

struct BuiltGraph {
  std::shared_ptr<ov::Model> model;
  uint64_t parameters = 0;  // of the weights the graph holds
  // The mapped files its constants view; their pages can be released once an engine has packed
  // them.
  std::vector<std::shared_ptr<const MappedFile>> sources;
};

// The inputs that the graph shall have, of those in `specs`.
std::vector<std::string> wanted_inputs(const GraphRequest& request,
                                       const std::vector<InputSpec>& specs);

// The graph with these outputs, each output tensor carrying its public name.
std::shared_ptr<ov::Model> finish_graph(const std::vector<NamedOutput>& outputs,
                                        const ov::ParameterVector& parameters,
                                        std::string_view name);

}  // namespace accel::models
