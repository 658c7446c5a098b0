#include "backends/openvino/executed_layers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "backends/openvino/program_op.h"

namespace accel::backend {
namespace {

std::string fact(const ov::Node& node, const char* key) {
  const auto it = node.get_rt_info().find(key);
  if (it == node.get_rt_info().end() || !it->second.is<std::string>()) return {};
  return it->second.as<std::string>();
}

std::vector<std::string> pieces(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    if (comma > 0) names.emplace_back(list.substr(0, comma));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return names;
}

double microseconds(const std::string& text) {
  int64_t value = 0;  // stays 0 for "not_executed"
  std::from_chars(text.data(), text.data() + text.size(), value);
  return static_cast<double>(value) * 1e-6;
}

std::string_view name_of(kernels::Activation activation) {
  switch (activation) {
    case kernels::Activation::kNone: return "";
    case kernels::Activation::kRelu: return "ReLU";
    case kernels::Activation::kGeluErf:
    case kernels::Activation::kGeluTanh: return "GELU";
    case kernels::Activation::kSilu: return "SiLU";
  }
  return "";
}

std::string_view name_of(kernels::Operand operand) {
  return operand == kernels::Operand::kF32 ? "f32" : "bf16";
}

std::vector<std::string> parts_of(const kernels::DenseStep& step) {
  const kernels::DenseParts& parts = step.layer->parts();
  std::vector<std::string> names{"MatMul"};
  if (!parts.bias.empty()) names.emplace_back("Bias");
  if (parts.activation != kernels::Activation::kNone) names.emplace_back(name_of(parts.activation));
  if (step.residual != kernels::kNoValue) names.emplace_back("Residual");
  if (!parts.gamma.empty()) names.emplace_back("LayerNorm");
  return names;
}

std::vector<LayerReport> steps_of(const kernels::Program& program, const std::string& kernels) {
  const std::vector<kernels::Step>& steps = program.parts().steps;
  const std::vector<double> seconds = program.step_seconds();
  std::vector<LayerReport> reports;
  for (size_t i = 0; i < steps.size(); ++i) {
    LayerReport report{.name = program.parts().names[i],
                       .kernel = kernels,
                       .layout = "abc",
                       .seconds = seconds.empty() ? 0 : seconds[i]};
    if (const auto* dense = std::get_if<kernels::DenseStep>(&steps[i])) {
      report.type = fmt::format("Dense {}x{}", dense->layer->in(), dense->layer->out());
      report.fused = parts_of(*dense);
      report.precision = name_of(dense->layer->operand());
    } else {
      const auto& attention = std::get<kernels::AttentionStep>(steps[i]);
      report.type = fmt::format("Attention of {} heads", attention.heads);
      report.precision = name_of(attention.table->operand);
      report.fused = {"Reshape", "Transpose", "MatMul", "Softmax",
                      "MatMul",  "Transpose", "Reshape"};
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace

Programs programs_of(const ov::Model& model) {
  Programs programs;
  for (const auto& node : model.get_ops()) {
    const auto* op = ov::as_type<const ProgramOp>(node.get());
    if (op != nullptr) programs.emplace(node->get_friendly_name(), op->program());
  }
  return programs;
}

void RunClock::add(double seconds) {
  const std::lock_guard lock(mutex_);
  ++runs_;
  seconds_ += seconds;
}

uint64_t RunClock::runs() const {
  const std::lock_guard lock(mutex_);
  return runs_;
}

double RunClock::seconds() const {
  const std::lock_guard lock(mutex_);
  return seconds_;
}

LayersReport executed_layers(const ov::CompiledModel& compiled, const Programs& programs,
                             const std::string& kernels, const RunClock* clock) {
  LayersReport report;
  if (clock != nullptr) {
    report.runs = clock->runs();
    report.seconds = clock->seconds();
  }
  std::vector<std::pair<int, LayerReport>> ordered;
  for (const auto& node : compiled.get_runtime_model()->get_ops()) {
    LayerReport layer{.name = node->get_friendly_name(),
                      .type = fact(*node, "layerType"),
                      .kernel = fact(*node, "primitiveType"),
                      .precision = fact(*node, "runtimePrecision"),
                      .layout = fact(*node, "outputLayouts"),
                      .fused = pieces(fact(*node, "originalLayersNames"))};
    if (layer.type == "Const") continue;
    layer.layout = layer.layout.substr(0, layer.layout.find(','));
    layer.seconds = microseconds(fact(*node, "execTimeMcs")) * static_cast<double>(report.runs);
    if (const auto program = programs.find(layer.name); program != programs.end()) {
      layer.type = "Program";
      layer.kernel = kernels;
      layer.steps = steps_of(*program->second, kernels);
    }
    int order = 0;
    const std::string place = fact(*node, "execOrder");
    std::from_chars(place.data(), place.data() + place.size(), order);
    ordered.emplace_back(order, std::move(layer));
  }
  std::ranges::stable_sort(ordered, {}, &std::pair<int, LayerReport>::first);
  for (auto& [order, layer] : ordered) report.layers.push_back(std::move(layer));
  return report;
}

}  // namespace accel::backend
