#include "models/graph_request.h"

#include <openvino/op/result.hpp>
#include <utility>

namespace accel::models {

std::vector<std::string> wanted_inputs(const GraphRequest& request,
                                       const std::vector<InputSpec>& specs) {
  std::vector<std::string> wanted = request.inputs;
  if (request.sentence) wanted = {"input_ids", "attention_mask"};
  const Needed least = wanted.empty() ? Needed::kUsually : Needed::kAlways;
  for (const InputSpec& spec : specs) {
    if (spec.needed <= least) wanted.emplace_back(spec.name);
  }
  return wanted;
}

std::shared_ptr<ov::Model> finish_graph(const std::vector<NamedOutput>& outputs,
                                        const ov::ParameterVector& parameters,
                                        std::string_view name) {
  ov::ResultVector results;
  for (const NamedOutput& output : outputs) {
    auto result = std::make_shared<ov::op::v0::Result>(output.value);
    result->output(0).set_names({output.name});
    result->set_friendly_name(output.name);
    results.push_back(std::move(result));
  }
  return std::make_shared<ov::Model>(results, parameters, std::string(name));
}

}  // namespace accel::models
