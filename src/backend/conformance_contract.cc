#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <openvino/op/add.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/op.hpp>
#include <span>
#include <sstream>
#include <thread>

#include "backend/conformance_kit.h"
#include "backend/signature.h"
#include "base/try.h"

namespace accel::backend {
namespace {

constexpr int64_t kWidth = 64;

// One heavy layer and one light: product = left W, sum = left + right, both [-1, 64].
std::shared_ptr<const ov::Model> layer() {
  const auto left = parameter("left", ov::element::f32, {-1, kWidth});
  const auto right = parameter("right", ov::element::f32, {-1, kWidth});
  const Output product =
      node<ov::op::v0::MatMul>(left, constant(samples({kWidth, kWidth}, 1)), false, true);
  const Output sum = node<ov::op::v1::Add>(left, right);
  return graph({left, right}, {{"product", product}, {"sum", sum}});
}

NamedTensors layer_inputs(int64_t rows, uint32_t seed) {
  return {{"left", as_f32(samples({rows, kWidth}, seed))},
          {"right", as_f32(samples({rows, kWidth}, seed + 1))}};
}

Result<std::unique_ptr<Session>> layer_session(const Backend& backend,
                                               const CompileOptions& options) {
  ACCEL_ASSIGN(const auto model, backend.compile(layer(), options));
  return model->create_session();
}

// Copies that stay when the session runs again.
NamedTensors copied(const NamedTensors& outputs) {
  NamedTensors copies;
  for (const auto& [name, tensor] : outputs) {
    copies.push_back({name, Tensor::from<float>(tensor.shape(), tensor.data<float>())});
  }
  return copies;
}

// OK when `status` has that code and its message holds all of the texts.
Status expect_error(const Status& status, StatusCode code, const std::vector<std::string>& texts) {
  if (status.code() != code) {
    return internal_error(
        fmt::format("expected {}, found {}", to_string(code), status.to_string()));
  }
  for (const std::string& text : texts) {
    if (status.message().find(text) == std::string::npos) {
      return internal_error(
          fmt::format("expected '{}' in the message, found '{}'", text, status.message()));
    }
  }
  return {};
}

// --- inputs ------------------------------------------------------------------------------------

Status wrong_inputs_are_all_named(const Backend& backend, const CompileOptions& options) {
  ACCEL_ASSIGN(const auto compiled, backend.compile(layer(), options));
  ACCEL_ASSIGN(const auto session, compiled->create_session());
  std::vector<std::string> expected;
  for (const Port& port : compiled->signature().inputs) expected.push_back(describe(port));
  const NamedTensors good = layer_inputs(2, 1);
  const Tensor narrow = as_f32(samples({2, kWidth - 1}, 1));
  const Tensor whole = as_i64(samples({2, kWidth}, 1));
  struct Wrong {
    NamedTensors inputs;
    std::vector<std::string> texts;
  };
  const std::vector<Wrong> wrong{
      {{}, {"left", "right"}},
      {{good[0]}, {"right"}},
      {{{"left", whole}, good[1]}, {"left", "i64"}},
      {{{"left", narrow}, good[1]}, {"left", to_string(narrow.shape())}},
      {{good[0], good[1], {"bystander", narrow}}, {"bystander"}},
      {{{"left", whole}, {"bystander", narrow}}, {"left", "i64", "right", "bystander"}},
  };
  NamedTensors outputs;
  for (const Wrong& one : wrong) {
    std::vector<std::string> texts = expected;
    texts.insert(texts.end(), one.texts.begin(), one.texts.end());
    ACCEL_TRY(expect_error(session->run(one.inputs, outputs), StatusCode::kInvalidArgument, texts));
  }
  return session->run(good, outputs).with_context("a right run after wrong ones");
}

// Each input fits by itself, but not with the other.
Status contradictory_shapes_are_an_error(const Backend& backend, const CompileOptions& options) {
  ACCEL_ASSIGN(const auto session, layer_session(backend, options));
  NamedTensors outputs;
  const NamedTensors inputs{layer_inputs(2, 1)[0], layer_inputs(3, 1)[1]};
  if (session->run(inputs, outputs).ok()) {
    return internal_error("2 rows added to 3 rows gave no error");
  }
  return session->run(layer_inputs(2, 1), outputs).with_context("a right run after a wrong one");
}

// --- compiling ---------------------------------------------------------------------------------

Status unknown_device_is_not_found(const Backend& backend, const CompileOptions& options) {
  std::vector<std::string> texts{"NOWHERE"};
  for (const Device& device : backend.devices()) texts.push_back(device.name);
  CompileOptions elsewhere = options;
  elsewhere.device = "NOWHERE";
  return expect_error(backend.compile(layer(), elsewhere).status(), StatusCode::kNotFound, texts);
}

Status small_integers_are_unimplemented(const Backend& backend, const CompileOptions& options) {
  for (const Precision precision : {Precision::kI8, Precision::kI4}) {
    CompileOptions small = options;
    small.precision = precision;
    ACCEL_TRY(expect_error(backend.compile(layer(), small).status(), StatusCode::kUnimplemented,
                           {std::string(to_string(precision)), "f32"}));
  }
  return {};
}

// An operation that no engine knows.
class Unheard : public ov::op::Op {
 public:
  OPENVINO_OP("Unheard", "accel");
  Unheard() = default;
  explicit Unheard(const Output& x) : Op({x}) { constructor_validate_and_infer_types(); }
  void validate_and_infer_types() override {
    set_output_type(0, get_input_element_type(0), get_input_partial_shape(0));
  }
  std::shared_ptr<Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override {
    return std::make_shared<Unheard>(inputs.at(0));
  }
};

Status unknown_operation_is_unimplemented(const Backend& backend, const CompileOptions& options) {
  const auto x = parameter("x", ov::element::f32, {-1});
  const Output y = node<Unheard>(x);
  y.get_node()->set_friendly_name("the_node");
  return expect_error(backend.compile(graph({x}, {{"y", y}}), options).status(),
                      StatusCode::kUnimplemented, {"Unheard", "the_node"});
}

Status compiling_leaves_the_model_alone(const Backend& backend, const CompileOptions& options) {
  const ConformanceCase test = attention_cases().front();
  const size_t before = test.model->get_ops().size();
  ACCEL_TRY(run_case(backend, options, test));
  ACCEL_TRY(run_case(backend, options, test).with_context("the second time"));
  if (test.model->get_ops().size() == before) return {};
  return internal_error(fmt::format("the graph had {} nodes before compiling and has {} after",
                                    before, test.model->get_ops().size()));
}

Status what_runs_is_read_back(const Backend& backend, const CompileOptions& options) {
  for (const int streams : {1, 2}) {
    CompileOptions asked = options;
    asked.streams = streams;
    asked.threads = 2;
    ACCEL_ASSIGN(const auto model, backend.compile(layer(), asked));
    const Executed& executed = model->executed();
    if (executed.device == asked.device && executed.precision == asked.precision &&
        executed.streams == streams && executed.threads <= 2) {
      continue;
    }
    return internal_error(fmt::format(
        "asked for {} {} with {} streams on 2 threads, found {} {} with {} streams on {} threads",
        asked.device, to_string(asked.precision), streams, executed.device,
        to_string(executed.precision), executed.streams, executed.threads));
  }
  return {};
}

// --- exporting ---------------------------------------------------------------------------------

Blob blob_of(std::string_view bytes) {
  auto owner =
      std::make_shared<Tensor>(Tensor::allocate(DType::kU8, {static_cast<int64_t>(bytes.size())}));
  std::ranges::copy(std::as_bytes(std::span(bytes)), owner->mutable_data());
  return {owner->bytes(), owner};
}

// With the engine's own kernels, which is what can be exported, if anything can.
CompileOptions of_the_engine(CompileOptions options) {
  options.own_kernels = false;
  return options;
}

// `test` by a model that went through bytes.
Status same_through_bytes(const Backend& backend, const CompileOptions& options,
                          const ConformanceCase& test) {
  ACCEL_ASSIGN(auto model, backend.compile(test.model, options));
  const std::vector<Port> inputs = model->signature().inputs;
  const Executed executed = model->executed();
  std::ostringstream out;
  ACCEL_TRY(model->export_to(out));
  model.reset();
  Blob blob = blob_of(out.str());
  ACCEL_ASSIGN(const auto again, backend.import_compiled(blob, options));
  blob = {};  // the model keeps what it needs
  if (again->executed().precision != executed.precision ||
      again->executed().device != executed.device ||
      again->executed().streams != executed.streams) {
    return internal_error("what runs after importing is not what ran before exporting");
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::vector<Port>& found = again->signature().inputs;
    if (found.size() == inputs.size() && describe(found[i]) == describe(inputs[i])) continue;
    return internal_error("the inputs after importing are not those before exporting");
  }
  ACCEL_ASSIGN(const auto session, again->create_session());
  NamedTensors outputs;
  for (const ConformanceRun& run : test.runs) {
    ACCEL_TRY(session->run(run.inputs, outputs));
    ACCEL_TRY(compare(outputs, run.expected, test.epsilons * epsilon(options.precision)));
  }
  return {};
}

Status exported_models_come_back(const Backend& backend, const CompileOptions& options) {
  const CompileOptions engine = of_the_engine(options);
  std::vector<std::string> failures;
  for (const ConformanceCase& test : conformance_cases()) {
    const Status status = same_through_bytes(backend, engine, test);
    if (status.code() == StatusCode::kUnimplemented) {
      return expect_error(backend.import_compiled({}, engine).status(), StatusCode::kUnimplemented,
                          {});
    }
    if (!status.ok()) failures.push_back(test.name + ": " + status.message());
  }
  if (failures.empty()) return {};
  return internal_error(fmt::format("{}", fmt::join(failures, "; ")));
}

Status wrong_blobs_are_refused(const Backend& backend, const CompileOptions& options) {
  const CompileOptions engine = of_the_engine(options);
  ACCEL_ASSIGN(const auto model, backend.compile(layer(), engine));
  std::ostringstream out;
  const Status exported = model->export_to(out);
  if (exported.code() == StatusCode::kUnimplemented) return {};
  ACCEL_TRY(exported);
  const std::string whole = out.str();
  std::array<CompileOptions, 4> others{engine, engine, engine, engine};
  others[0].device = "NOWHERE";
  others[1].precision = engine.precision == Precision::kF32 ? Precision::kBF16 : Precision::kF32;
  others[2].streams = engine.streams + 1;
  others[3].threads = engine.threads + 1;
  for (const CompileOptions& other : others) {
    ACCEL_TRY(expect_error(backend.import_compiled(blob_of(whole), other).status(),
                           StatusCode::kFailedPrecondition, {"expected"}));
  }
  const std::string_view text = whole;
  for (const std::string_view part :
       {std::string_view(), text.substr(0, text.size() / 2), text.substr(0, text.size() - 1),
        text.substr(1), std::string_view("no compiled model, but longer than what ends one")}) {
    ACCEL_TRY(expect_error(backend.import_compiled(blob_of(part), engine).status(),
                           StatusCode::kDataLoss, {"compiled model"}));
  }
  return {};
}

// --- sessions ----------------------------------------------------------------------------------

Status outputs_come_in_order_and_stay(const Backend& backend, const CompileOptions& options) {
  ACCEL_ASSIGN(const auto model, backend.compile(layer(), options));
  ACCEL_ASSIGN(const auto session, model->create_session());
  ACCEL_ASSIGN(const auto other, model->create_session());
  NamedTensors outputs;
  ACCEL_TRY(session->run(layer_inputs(3, 1), outputs));
  const Signature& signature = model->signature();
  for (size_t i = 0; i < signature.outputs.size(); ++i) {
    if (outputs.size() == signature.outputs.size() &&
        outputs[i].name == signature.outputs[i].name) {
      continue;
    }
    return internal_error("the outputs are not in the signature's order");
  }
  const NamedTensors before = copied(outputs);
  NamedTensors others;
  ACCEL_TRY(other->run(layer_inputs(3, 7), others));
  return compare(outputs, before, 0).with_context("after a run of another session");
}

Status sessions_outlive_what_made_them(const Backend& backend, const CompileOptions& options) {
  ACCEL_ASSIGN(const auto session, layer_session(backend, options));
  NamedTensors outputs;
  ACCEL_TRY(session->run(layer_inputs(2, 1), outputs));
  const NamedTensors first = copied(outputs);
  ACCEL_TRY(session->run(layer_inputs(2, 1), outputs));
  return compare(outputs, first, 0).with_context("the second run");
}

// Runs `session` over sizes and values that belong to `thread` and compares with `alone`.
Status same_as_alone(Session& session, uint32_t thread, const std::vector<NamedTensors>& alone) {
  NamedTensors outputs;
  for (size_t i = 0; i < alone.size(); ++i) {
    ACCEL_TRY(session.run(layer_inputs(static_cast<int64_t>(i) % 5 + 1, thread + 1), outputs));
    ACCEL_TRY(compare(outputs, alone[i], 0));
  }
  return {};
}

Status two_threads_give_what_one_gives(const Backend& backend, const CompileOptions& options) {
  constexpr size_t kRuns = 20;
  CompileOptions two = options;
  two.streams = 2;
  ACCEL_ASSIGN(const auto model, backend.compile(layer(), two));
  std::array<std::vector<NamedTensors>, 2> alone;
  std::array<std::unique_ptr<Session>, 2> sessions;
  for (uint32_t t = 0; t < 2; ++t) {
    ACCEL_ASSIGN(sessions.at(t), model->create_session());
    for (size_t i = 0; i < kRuns; ++i) {
      NamedTensors outputs;
      ACCEL_TRY(sessions.at(t)->run(layer_inputs(static_cast<int64_t>(i) % 5 + 1, t + 1), outputs));
      alone.at(t).push_back(copied(outputs));
    }
  }
  std::array<Status, 2> found;
  {
    std::array<std::jthread, 2> threads;
    for (uint32_t t = 0; t < 2; ++t) {
      threads.at(t) =
          std::jthread([&, t] { found.at(t) = same_as_alone(*sessions.at(t), t, alone.at(t)); });
    }
  }
  ACCEL_TRY(found[0]);
  return found[1];
}

Status two_threads_compile_at_once(const Backend& backend, const CompileOptions& options) {
  const ConformanceCase test = attention_cases().front();
  std::array<Status, 2> found;
  {
    std::array<std::jthread, 2> threads;
    for (size_t t = 0; t < 2; ++t) {
      threads.at(t) = std::jthread([&, t] { found.at(t) = run_case(backend, options, test); });
    }
  }
  ACCEL_TRY(found[0]);
  return found[1];
}

}  // namespace

std::vector<ContractCheck> contract_checks() {
  return {
      {"compiling leaves the model alone", compiling_leaves_the_model_alone},
      {"contradictory shapes are an error", contradictory_shapes_are_an_error},
      {"exported models come back", exported_models_come_back},
      {"outputs come in order and stay", outputs_come_in_order_and_stay},
      {"sessions outlive what made them", sessions_outlive_what_made_them},
      {"small integers are unimplemented", small_integers_are_unimplemented},
      {"two threads compile at once", two_threads_compile_at_once},
      {"two threads give what one gives", two_threads_give_what_one_gives},
      {"unknown device is not found", unknown_device_is_not_found},
      {"unknown operation is unimplemented", unknown_operation_is_unimplemented},
      {"what runs is read back", what_runs_is_read_back},
      {"wrong blobs are refused", wrong_blobs_are_refused},
      {"wrong inputs are all named", wrong_inputs_are_all_named},
  };
}

}  // namespace accel::backend
