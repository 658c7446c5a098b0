#include "backends/openvino/openvino_backend.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <functional>
#include <memory>
#include <mutex>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/convolution.hpp>
#include <openvino/op/group_conv.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/openvino.hpp>
#include <thread>

#include "backend/compiled_blob.h"
#include "backend/guard.h"
#include "backend/one_layer.h"
#include "backend/signature.h"
#include "backend/tensor_bridge.h"
#include "backends/openvino/engine_threads.h"
#include "backends/openvino/executed_layers.h"
#include "backends/openvino/f64_edges.h"
#include "backends/openvino/lone_graph.h"
#include "backends/openvino/own_kernels.h"
#include "backends/openvino/workarounds.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "kernels/tables.h"

namespace accel::backend {
namespace {

constexpr std::string_view kRemedy =
    "run ./dev setup in the source tree, or install the accel package again";

ov::element::Type element_of_precision(Precision precision) {
  switch (precision) {
    case Precision::kBF16: return ov::element::bf16;
    case Precision::kF16: return ov::element::f16;
    default: return ov::element::f32;
  }
}

std::string text_of(const ov::AnyMap& info, const std::string& key) {
  const auto it = info.find(key);
  return it == info.end() ? std::string() : it->second.as<std::string>();
}

// The precision in which the heavy layers of a compiled graph really run; f32 without any.
Precision executed_precision(const ov::CompiledModel& compiled) {
  for (const auto& node : compiled.get_runtime_model()->get_ordered_ops()) {
    const std::string type = text_of(node->get_rt_info(), "layerType");
    if (type != "FullyConnected" && type != "MatMul" && type != "Convolution") continue;
    const std::string precision = text_of(node->get_rt_info(), "runtimePrecision");
    if (precision == "bf16") return Precision::kBF16;
    if (precision == "f16") return Precision::kF16;
  }
  return Precision::kF32;
}

// What a session needs of its model.
struct SessionParts {
  std::shared_ptr<const CompiledModel> model;  // keeps the graphs, the signature and `clock` alive
  std::shared_ptr<Runs> runs;
  LoneGraph* lone = nullptr;  // null: there will be none
  RunClock* clock = nullptr;  // null: nobody profiles
};

class OpenVinoSession : public Session {
 public:
  OpenVinoSession(SessionParts parts, ov::InferRequest request)
      : parts_(std::move(parts)), request_(std::move(request)) {
    const size_t inputs = parts_.model->signature().inputs.size();
    if (request_.get_compiled_model().inputs().size() > inputs) {
      urgent_input_ = ov::Tensor(ov::element::i32, {1});
    }
  }

  Status run(const NamedTensors& inputs, NamedTensors& outputs) override {
    const Signature& signature = parts_.model->signature();
    ACCEL_TRY(check_inputs(signature, inputs));
    return guarded("running the model", StatusCode::kInternal, [&]() -> Status {
      NamedTensors narrow;  // alive during the run
      const Runs::Run run(*parts_.runs, urgent_);
      const bool alone = parts_.runs->alone();
      ov::InferRequest& request = request_for(alone);
      for (size_t i = 0; i < signature.inputs.size(); ++i) {
        const Tensor* tensor = find(inputs, signature.inputs[i].name);
        if (tensor->dtype() == DType::kF64) {
          ACCEL_ASSIGN(Tensor made, narrow_input(*tensor, signature.inputs[i].name));
          narrow.push_back({.tensor = std::move(made)});
          tensor = &narrow.back().tensor;
        }
        request.set_input_tensor(i, view_as_engine_tensor(*tensor));
      }
      if (urgent_input_) {
        urgent_input_.data<int32_t>()[0] = urgent_ ? 1 : 0;
        request.set_input_tensor(signature.inputs.size(), urgent_input_);
      }
      infer(request, alone);
      outputs.clear();
      for (size_t i = 0; i < signature.outputs.size(); ++i) {
        Tensor found = view_as_tensor(request.get_output_tensor(i));
        if (signature.outputs[i].dtype == DType::kF64) {
          ACCEL_ASSIGN(found, widen_output(found));
        }
        outputs.push_back({signature.outputs[i].name, std::move(found)});
      }
      return {};
    });
  }

  void set_urgent(bool urgent) override { urgent_ = urgent; }

 private:
  // For a run that begins while no other is under way, or beside others.
  ov::InferRequest& request_for(bool alone) {
    if (!alone || parts_.lone == nullptr) return request_;
    if (!lone_request_) lone_request_ = parts_.lone->request();
    return lone_request_ ? *lone_request_ : request_;
  }

  void infer(ov::InferRequest& request, bool alone) {
    const auto began = Clock::now();
    request.infer();
    const double seconds = seconds_since(began);
    if (parts_.clock != nullptr) parts_.clock->add(seconds);
    const bool without = &request == &request_ && parts_.lone != nullptr;
    if (alone && without) parts_.lone->ran_without(seconds);
  }

  SessionParts parts_;
  ov::InferRequest request_;
  std::optional<ov::InferRequest> lone_request_;
  ov::Tensor urgent_input_;  // of graphs with programs of accel's kernels
  bool urgent_ = false;
};

// Whether the engine fused a rotary embedding. Some come back from a file as another rotation
// (2026.4: ONNX's RotaryEmbedding does, those of accel's families do not), and nothing outside
// tells them apart.
bool holds_rotation(const ov::CompiledModel& compiled) {
  const std::shared_ptr<const ov::Model> executed = compiled.get_runtime_model();
  return std::ranges::any_of(executed->get_ops(), [](const std::shared_ptr<ov::Node>& node) {
    const auto type = node->get_rt_info().find("layerType");
    return type != node->get_rt_info().end() && type->second.is<std::string>() &&
           type->second.as<std::string>() == "RoPE";
  });
}

using Another = LoneGraph::Make;

class OpenVinoModel : public CompiledModel, public std::enable_shared_from_this<OpenVinoModel> {
 public:
  // `source` keeps the memory that an imported graph may view. `another` compiles the graph once
  // more, for another session; empty: all sessions share the one there is. `lone` may be null.
  struct Parts {
    BlobHeader made;
    std::shared_ptr<Runs> runs;
    std::shared_ptr<const void> source = nullptr;
    Programs programs = {};
    Another another = {};
    std::unique_ptr<LoneGraph> lone = nullptr;
  };
  OpenVinoModel(ov::CompiledModel compiled, Parts parts)
      : source_(std::move(parts.source)),
        compiled_(std::move(compiled)),
        made_(std::move(parts.made)),
        runs_(std::move(parts.runs)),
        programs_(std::move(parts.programs)),
        another_(std::move(parts.another)),
        lone_(std::move(parts.lone)) {
    if (made_.options.profile) clock_ = std::make_unique<RunClock>();
  }

  const Signature& signature() const override { return made_.signature; }
  const Executed& executed() const override { return made_.executed; }

  Result<std::unique_ptr<Session>> create_session() const override {
    return guarded("creating a session", StatusCode::kUnavailable,
                   [&]() -> Result<std::unique_ptr<Session>> {
                     const bool first = !has_session_.exchange(true);
                     auto compiled = first || !another_ ? compiled_ : another_();
                     return std::unique_ptr<Session>(
                         std::make_unique<OpenVinoSession>(SessionParts{.model = shared_from_this(),
                                                                        .runs = runs_,
                                                                        .lone = lone_.get(),
                                                                        .clock = clock_.get()},
                                                           compiled.create_infer_request()));
                   });
  }

  Status export_to(std::ostream& out) const override {
    if (made_.executed.kernels != "engine") {
      return unimplemented(fmt::format("a model that runs on accel's own kernels ({}) has no form "
                                       "in a file",
                                       made_.executed.kernels));
    }
    bool rotates = false;
    ACCEL_TRY(guarded("looking at the compiled model", StatusCode::kUnimplemented, [&]() -> Status {
      rotates = holds_rotation(compiled_);
      return {};
    }));
    if (rotates) {
      return unimplemented("the engine gives a rotary embedding back from a file as another one");
    }
    return write_blob(out, made_, [&](std::ostream& stream) {
      return guarded("exporting the compiled model", StatusCode::kUnimplemented, [&]() -> Status {
        auto compiled = compiled_;  // exporting is no const call
        compiled.export_model(stream);
        return {};
      });
    });
  }

  Result<LayersReport> layers() const override {
    return guarded(
        "reading the executed graph", StatusCode::kUnimplemented, [&]() -> Result<LayersReport> {
          return executed_layers(compiled_, programs_, made_.executed.kernels, clock_.get());
        });
  }

 private:
  std::shared_ptr<const void> source_;  // outlives the graph
  ov::CompiledModel compiled_;
  BlobHeader made_;
  std::shared_ptr<Runs> runs_;
  Programs programs_;
  const Another another_;
  const std::unique_ptr<LoneGraph> lone_;
  mutable std::atomic<bool> has_session_ = false;
  std::unique_ptr<RunClock> clock_;  // null: nobody profiles
};

// What a device tells of itself under `name`; empty where it does not.
std::string told_by(const ov::Core& engine, const std::string& device, const char* name) {
  std::string text;
  const Status ignored = guarded("asking " + device, StatusCode::kUnavailable, [&]() -> Status {
    text = engine.get_property(device, name).as<std::string>();
    return {};
  });
  return text;
}

// Names of properties as the plug-ins of GPU and NPU have them; others do not answer.
void add_particulars(const ov::Core& engine, Device& device) {
  device.architecture = told_by(engine, device.name, ov::device::architecture.name());
  const std::string units = told_by(engine, device.name, "GPU_EXECUTION_UNITS_COUNT");
  std::from_chars(units.data(), units.data() + units.size(), device.units);
  for (const char* name : {"GPU_DRIVER_VERSION", "NPU_DRIVER_VERSION"}) {
    if (device.driver.empty()) device.driver = told_by(engine, device.name, name);
  }
}

class OpenVinoBackend : public Backend {
 public:
  Info info() const override;
  std::vector<Device> devices() const override;
  std::vector<std::string> device_names() const override;
  Result<std::shared_ptr<const CompiledModel>> compile(
      const std::shared_ptr<const ov::Model>& model, const CompileOptions& options) const override;
  Status check(const CompileOptions& options) const override;
  Result<std::shared_ptr<const CompiledModel>> import_compiled(
      const Blob& blob, const CompileOptions& options) const override;

 private:
  Result<std::shared_ptr<ov::Core>> core() const;
  Status check_device(ov::Core& core, const std::string& device) const;
  std::vector<Precision> probe_precisions(const std::string& device) const;

  mutable std::mutex mutex_;
  mutable std::shared_ptr<ov::Core> core_;  // guarded by mutex_ while it is made
  const std::shared_ptr<Runs> runs_ = std::make_shared<Runs>();
};

// Made at first use: `version` and `show` answer without it.
Result<std::shared_ptr<ov::Core>> OpenVinoBackend::core() const {
  const std::lock_guard lock(mutex_);
  if (!core_) {
    ACCEL_TRY(guarded("starting OpenVINO", StatusCode::kUnavailable, [&]() -> Status {
      core_ = std::make_shared<ov::Core>();
      return {};
    }));
  }
  return core_;
}

Info OpenVinoBackend::info() const {
  Info info{.name = "openvino", .version = ov::get_openvino_version().buildNumber};
  const Status status = [&]() -> Status {
    ACCEL_ASSIGN(const std::shared_ptr<ov::Core> engine, core());
    return guarded("loading the CPU plug-in", StatusCode::kUnavailable, [&]() -> Status {
      engine->get_property("CPU", ov::device::full_name);
      return {};
    });
  }();
  info.available = status.ok();
  if (!status.ok()) {
    info.reason = status.message();
    info.remedy = kRemedy;
  }
  return info;
}

std::vector<Precision> OpenVinoBackend::probe_precisions(const std::string& device) const {
  std::vector<Precision> found;
  for (const Precision precision : {Precision::kF32, Precision::kBF16, Precision::kF16}) {
    if (runs_one_layer(*this, device, precision)) found.push_back(precision);
  }
  return found;
}

std::vector<Device> OpenVinoBackend::devices() const {
  std::vector<Device> devices;
  const Result<std::shared_ptr<ov::Core>> engine = core();
  if (!engine.ok()) return devices;
  const Status ignored = guarded("listing devices", StatusCode::kUnavailable, [&]() -> Status {
    for (const std::string& name : (*engine)->get_available_devices()) {
      Device device{.name = name,
                    .full_name = (*engine)->get_property(name, ov::device::full_name),
                    .kind = name.substr(0, name.find('.')),
                    .precisions = probe_precisions(name)};
      std::ranges::transform(device.kind, device.kind.begin(),
                             [](unsigned char c) { return std::tolower(c); });
      add_particulars(**engine, device);
      devices.push_back(std::move(device));
    }
    return {};
  });
  return devices;
}

std::vector<std::string> OpenVinoBackend::device_names() const {
  std::vector<std::string> names;
  const Result<std::shared_ptr<ov::Core>> engine = core();
  if (!engine.ok()) return names;
  const Status ignored = guarded("listing devices", StatusCode::kUnavailable, [&]() -> Status {
    names = (*engine)->get_available_devices();
    return {};
  });
  return names;
}

Status OpenVinoBackend::check_device(ov::Core& engine, const std::string& device) const {
  return guarded("looking for device " + device, StatusCode::kUnavailable, [&]() -> Status {
    const std::vector<std::string> present = engine.get_available_devices();
    if (std::ranges::find(present, device) != present.end()) return {};
    if (device.starts_with("HETERO:")) return {};  // of devices that were found
    if (present.empty()) {
      const Info about = info();
      return unavailable(
          fmt::format("no OpenVINO device can be used: {}; {}", about.reason, about.remedy));
    }
    return not_found(fmt::format("device '{}' is not on this machine; expected one of: {}", device,
                                 fmt::join(present, ", ")));
  });
}

// Null: only the engine's kernels compute in this precision.
const kernels::KernelTable* kernels_for(Precision precision) {
  switch (precision) {
    case Precision::kF32: return kernels::best_kernels(kernels::Operand::kF32);
    case Precision::kBF16: return kernels::best_kernels(kernels::Operand::kBF16Pair);
    default: return nullptr;
  }
}

// The graph as it is, or as much of it as is faster on accel's own kernels moved onto them.
OwnKernels choose_kernels(const SharedModel& model, const CompileOptions& options,
                          std::shared_ptr<Runs> runs) {
  const kernels::KernelTable* table = kernels_for(options.precision);
  if (!options.own_kernels || options.device != "CPU" || table == nullptr) return {.model = model};
  const int most = engine_threads().count;
  return move_to_own_kernels(
      model, *table,
      {.threads = {.runs = std::move(runs),
                   .all = options.threads > 0 ? std::min(most, options.threads) : most},
       .timed = options.profile});
}

// The graph as this engine computes it rightly.
SharedModel work_around(SharedModel model, const CompileOptions& options) {
  model = narrow_edges(model);
  if (options.precision == Precision::kF32) return model;
  model = keep_range(model);
  const auto most = static_cast<int>(std::thread::hardware_concurrency());
  const int threads = options.threads > 0 ? std::min(options.threads, most) : most;
  const bool alone = options.device == "CPU" && threads < 2 * options.streams;
  return alone && options.precision == Precision::kBF16 ? part_gated_feed_forward(model) : model;
}

std::string engine_build() {
  return std::string("openvino ") + ov::get_openvino_version().buildNumber;
}

// Weights that the engine would lay out for its own products and convolutions.
bool packs_little(const ov::Model& model) {
  constexpr size_t kLittle = size_t{16} << 20;
  size_t bytes = 0;
  for (const auto& node : model.get_ops()) {
    const bool packs = ov::is_type<ov::op::v0::MatMul>(node) ||
                       ov::is_type<ov::op::v1::Convolution>(node) ||
                       ov::is_type<ov::op::v1::GroupConvolution>(node);
    if (!packs) continue;
    for (const auto& input : node->input_values()) {
      const ov::Node* source = input.get_node();
      if (ov::is_type<ov::op::v0::Convert>(source)) source = source->get_input_node_ptr(0);
      const auto* constant = ov::as_type<const ov::op::v0::Constant>(source);
      if (constant != nullptr) bytes += constant->get_byte_size();
    }
  }
  return bytes <= kLittle;
}

// The settings of a graph of one stream with all threads, beside one of `options`.
CompileOptions options_of_lone_runs(const CompileOptions& options) {
  CompileOptions lone = options;
  lone.streams = 1;
  return lone;
}

// Null where a second graph is not wanted or would be no quicker. `make` compiles with the options
// it is given; `seconds`: what that took with `options`.
std::unique_ptr<LoneGraph> lone_graph(
    const CompileOptions& options, double seconds,
    const std::function<ov::CompiledModel(const CompileOptions&)>& make) {
  if (!options.lone_graph || options.device != "CPU" || options.streams < 2) return nullptr;
  return std::make_unique<LoneGraph>(
      [make, one = options_of_lone_runs(options)] { return make(one); }, seconds, options.streams);
}

// The engine hands a run over to a thread of its own where a model has several streams: two more
// threads for as many cores, and each wakes the next. With one stream it runs on its caller's. So a
// graph of accel's programs, whose weights are shared whoever compiles it, is compiled for each
// session, with the threads of one stream.
CompileOptions options_of_a_session(const CompileOptions& options) {
  const int all = options.threads > 0 ? options.threads : engine_threads().count;
  CompileOptions one = options;
  one.threads = std::max(1, all / options.streams);
  one.streams = 1;
  return one;
}

ov::AnyMap engine_settings(const CompileOptions& options) {
  ov::AnyMap settings{
      ov::hint::inference_precision(element_of_precision(options.precision)),
      ov::num_streams(options.streams),
  };
  if (options.profile) settings.insert(ov::enable_profiling(true));
  if (options.device == "CPU") {
    // Pinning fights with other processes of a shared machine over the same cores.
    settings.insert(ov::hint::enable_cpu_pinning(false));
    if (options.threads > 0) settings.insert(ov::inference_num_threads(options.threads));
  }
  return settings;
}

// What `ready` really does.
Executed read_back(ov::CompiledModel& ready, const CompileOptions& options, std::string kernels,
                   Precision of_programs = Precision::kF32) {
  const Precision engines = executed_precision(ready);
  return {.device = fmt::format("{}", fmt::join(ready.get_property(ov::execution_devices), ",")),
          .precision = of_programs == Precision::kF32 ? engines : of_programs,
          .streams = ready.get_property(ov::num_streams).num,
          .threads = options.device == "CPU" ? ready.get_property(ov::inference_num_threads) : 0,
          .kernels = std::move(kernels)};
}

Result<std::shared_ptr<const CompiledModel>> OpenVinoBackend::compile(
    const std::shared_ptr<const ov::Model>& model, const CompileOptions& options) const {
  if (options.precision == Precision::kI8 || options.precision == Precision::kI4) {
    return unimplemented(fmt::format("precision {} is not available yet; use f32, bf16 or f16",
                                     to_string(options.precision)));
  }
  ACCEL_ASSIGN(const std::shared_ptr<ov::Core> engine, core());
  if (options.device != "CPU") ACCEL_TRY(check_device(*engine, options.device));
  using ResultType = Result<std::shared_ptr<const CompiledModel>>;
  const std::string action = "compiling for " + options.device;
  ResultType compiled = guarded(action, StatusCode::kUnimplemented, [&]() -> ResultType {
    const OwnKernels own = choose_kernels(work_around(model, options), options, runs_);
    const bool apart = options.streams > 1 && own.dense > 0 && packs_little(*own.model);
    const CompileOptions each = apart ? options_of_a_session(options) : options;
    const auto make = [engine, graph = own.model](const CompileOptions& with) {
      return engine->compile_model(graph, with.device, engine_settings(with));
    };
    const auto began = Clock::now();
    ov::CompiledModel ready = make(each);
    std::unique_ptr<LoneGraph> lone = lone_graph(each, seconds_since(began), make);
    Executed executed = read_back(ready, options, own.name, own.precision);
    Another another;
    if (apart) {
      another = [make, each] { return make(each); };
      executed.streams = options.streams;
      executed.threads = each.threads * options.streams;
    }
    return std::shared_ptr<const CompiledModel>(std::make_shared<OpenVinoModel>(
        std::move(ready), OpenVinoModel::Parts{.made = {.engine = engine_build(),
                                                        .options = options,
                                                        .signature = signature_of(*model),
                                                        .executed = std::move(executed)},
                                               .runs = runs_,
                                               .programs = programs_of(*own.model),
                                               .another = std::move(another),
                                               .lone = std::move(lone)}));
  });
  if (compiled.ok()) return compiled;
  // The engine does not tell a missing plug-in from a graph it cannot take.
  ACCEL_TRY(check_device(*engine, options.device));
  return compiled;
}

Status OpenVinoBackend::check(const CompileOptions& options) const {
  ACCEL_ASSIGN(const auto compiled, compile(one_layer_model(), options));
  const Executed& executed = compiled->executed();
  if (executed.precision == options.precision) return {};
  return unavailable(fmt::format("{} does not compute in {} on this machine (it would run {})",
                                 executed.device, to_string(options.precision),
                                 to_string(executed.precision)));
}

Result<std::shared_ptr<const CompiledModel>> OpenVinoBackend::import_compiled(
    const Blob& blob, const CompileOptions& options) const {
  ACCEL_ASSIGN(OpenedBlob opened, open_blob(blob.bytes));
  ACCEL_TRY(check_blob(opened.header, engine_build(), options));
  ACCEL_ASSIGN(const std::shared_ptr<ov::Core> engine, core());
  using ResultType = Result<std::shared_ptr<const CompiledModel>>;
  return guarded("importing for " + options.device, StatusCode::kDataLoss, [&]() -> ResultType {
    const ov::Tensor view(ov::element::u8, ov::Shape{opened.engine_bytes.size()},
                          static_cast<const void*>(opened.engine_bytes.data()));
    const auto make = [engine, view](const CompileOptions& with) {
      return engine->import_model(view, with.device, engine_settings(with));
    };
    const auto began = Clock::now();
    ov::CompiledModel ready = make(options);
    std::unique_ptr<LoneGraph> lone = lone_graph(options, seconds_since(began), make);
    opened.header.executed = read_back(ready, options, opened.header.executed.kernels);
    return std::shared_ptr<const CompiledModel>(std::make_shared<OpenVinoModel>(
        std::move(ready), OpenVinoModel::Parts{.made = std::move(opened.header),
                                               .runs = runs_,
                                               .source = blob.owner,
                                               .lone = std::move(lone)}));
  });
}

}  // namespace

std::unique_ptr<Backend> make_openvino_backend() { return std::make_unique<OpenVinoBackend>(); }

bool openvino_backend_is_built() { return true; }

}  // namespace accel::backend
