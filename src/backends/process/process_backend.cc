#include "backends/process/process_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <mutex>
#include <openvino/core/model.hpp>
#include <utility>

#include "accel/version.h"
#include "backend/forwarding.h"
#include "backend/graph_file.h"
#include "backend/signature.h"
#include "backends/process/control_message.h"
#include "backends/process/run_message.h"
#include "backends/process/shared_memory.h"
#include "backends/process/supervisor.h"
#include "base/files.h"
#include "base/try.h"
#include "hardware/core_list.h"

namespace accel::backend {
namespace {

Until after(double seconds) {
  if (!(seconds > 0)) return std::nullopt;
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(
                            std::chrono::duration<double>(std::min(seconds, 1e9)));
}

// What came of asking a worker: `reply` with kMessage.
struct Asked {
  Arrival arrival = Arrival::kClosed;
  WorkerReply reply;
};

Asked ask(Channel& channel, const WorkerRequest& request, int file, Until until) {
  Asked asked;
  if (!channel.send(encode(request), file)) return asked;
  const Received received = channel.receive(until);
  asked.arrival = received.arrival;
  if (asked.arrival != Arrival::kMessage) return asked;
  Result<WorkerReply> reply = decode_reply(received.bytes);
  if (reply.ok()) {
    asked.reply = std::move(*reply);
  } else {
    asked.arrival = Arrival::kNonsense;
  }
  return asked;
}

std::string path_of(const Descriptor& file) { return fmt::format("/proc/self/fd/{}", file.get()); }

bool same_ports(const std::vector<Port>& one, const std::vector<Port>& other) {
  return std::ranges::equal(
      one, other, [](const Port& a, const Port& b) { return describe(a) == describe(b); });
}

// What a model's sessions and restarts need of it.
struct Plan {
  ProcessOptions settings;
  WorkerRequest request;  // kCompile or kImport
  Descriptor file;        // the graph, or the compiled model
  Signature signature;    // of the graph; of a compiled model the worker tells it
  std::vector<int> cores;
  std::string what;
};

class ProcessModel;

class ProcessSession : public Session {
 public:
  explicit ProcessSession(std::shared_ptr<const ProcessModel> model) : model_(std::move(model)) {}

  // To the process that runs now, if it is another one than before.
  Status connect();
  Status run(const NamedTensors& inputs, NamedTensors& outputs) override;

 private:
  Status put_inputs(const NamedTensors& inputs);
  Status make_room(uint64_t bytes);
  Result<RunMessage> exchange();
  Result<RunMessage> receive(Until until);
  Status take_outputs(std::span<const PlacedTensor> placed, NamedTensors& outputs) const;
  Status broken(Arrival why);

  std::shared_ptr<const ProcessModel> model_;
  uint64_t start_ = 0;  // of the process that `channel_` leads to
  Channel channel_;
  std::shared_ptr<SharedMemory> in_;
  std::shared_ptr<SharedMemory> out_;  // where the latest outputs lie, too
  bool in_known_ = false;              // to that process
  std::vector<PlacedTensor> placed_;   // inputs of the run
};

class ProcessModel : public CompiledModel, public std::enable_shared_from_this<ProcessModel> {
 public:
  explicit ProcessModel(Plan plan)
      : plan_(std::move(plan)),
        supervisor_({.program = plan_.settings.program,
                     .cores = plan_.cores,
                     .what = plan_.what,
                     .start_seconds = plan_.settings.compile_seconds},
                    [this](Channel& control, Until until) { return prepare(control, until); }) {}

  // Its first start.
  Status start() { return supervisor_.running().status(); }

  const Signature& signature() const override { return plan_.signature; }
  const Executed& executed() const override { return executed_; }
  std::optional<WorkerState> worker() const override { return supervisor_.state(); }

  Result<std::unique_ptr<Session>> create_session() const override {
    auto session = std::make_unique<ProcessSession>(shared_from_this());
    ACCEL_TRY(session->connect());
    return std::unique_ptr<Session>(std::move(session));
  }

  Result<LayersReport> layers() const override {
    ACCEL_ASSIGN(WorkerReply reply, request(Wanted::kLayers, -1, plan_.settings.hang_seconds,
                                            "reading the executed graph"));
    return std::move(reply.layers);
  }

  Status export_to(std::ostream& out) const override;

  // An answer of the process that runs, whose start number comes back in `start`.
  Result<WorkerReply> request(Wanted wanted, int file, double seconds, std::string_view action,
                              uint64_t* start = nullptr) const;
  Supervisor& supervisor() const { return supervisor_; }
  double hang_seconds() const { return plan_.settings.hang_seconds; }

 private:
  Supervisor::Prepared prepare(Channel& control, Until until);

  Plan plan_;                                           // never changed after the first start
  Executed executed_ = {.precision = Precision::kF32};  // likewise
  bool prepared_ = false;
  mutable std::mutex control_mutex_;  // one request at a time
  mutable Supervisor supervisor_;     // last: ends before what it uses
};

// --- the model ---------------------------------------------------------------------------------

// On the thread that keeps the process, before anybody can use it.
Supervisor::Prepared ProcessModel::prepare(Channel& control, Until until) {
  Asked asked = ask(control, plan_.request, plan_.file.get(), until);
  if (asked.arrival != Arrival::kMessage || !asked.reply.status.ok()) {
    return {asked.arrival, asked.reply.status};
  }
  Signature& found = asked.reply.signature;
  if (!prepared_) {
    if (plan_.request.wanted == Wanted::kImport) plan_.signature = found;
    executed_ = std::move(asked.reply.executed);
    if (!plan_.cores.empty()) {
      executed_.device += fmt::format("[{}]", hardware::core_list_text(plan_.cores));
    }
    prepared_ = true;
  }
  if (!same_ports(found.inputs, plan_.signature.inputs) ||
      !same_ports(found.outputs, plan_.signature.outputs)) {
    return {Arrival::kMessage,
            unimplemented("the graph has other inputs or outputs when it is read from its file in "
                          "a worker process; use --isolation thread")};
  }
  return {Arrival::kMessage, {}};
}

Result<WorkerReply> ProcessModel::request(Wanted wanted, int file, double seconds,
                                          std::string_view action, uint64_t* start) const {
  ACCEL_ASSIGN(const Supervisor::Running running, supervisor_.running());
  Asked asked;
  {
    const std::lock_guard lock(control_mutex_);
    asked = ask(*running.control, {.wanted = wanted}, file, after(seconds));
  }
  if (asked.arrival != Arrival::kMessage) {
    return supervisor_.failed(running.start, asked.arrival, seconds, action);
  }
  if (!asked.reply.status.ok()) return asked.reply.status;
  if (start != nullptr) *start = running.start;
  return std::move(asked.reply);
}

Status ProcessModel::export_to(std::ostream& out) const {
  ACCEL_ASSIGN(const Descriptor file, create_unnamed_file(plan_.settings.scratch_folder));
  ACCEL_TRY(request(Wanted::kExport, file.get(), plan_.settings.compile_seconds,
                    "exporting the compiled model")
                .status());
  std::ifstream written(path_of(file), std::ios::binary);
  out << written.rdbuf();
  return out && written ? Status() : internal_error("exporting a model: its stream failed");
}

// --- its sessions ------------------------------------------------------------------------------

Status ProcessSession::broken(Arrival why) {
  channel_ = Channel();
  return model_->supervisor().failed(start_, why, model_->hang_seconds(), "running the model");
}

Status ProcessSession::connect() {
  ACCEL_ASSIGN(const Supervisor::Running running, model_->supervisor().running());
  if (running.start == start_) return {};
  ACCEL_ASSIGN(auto ends, Channel::create());
  // What else runs there may hold it up, as long as it may run itself.
  ACCEL_TRY(model_
                ->request(Wanted::kSession, ends.second.get(), model_->hang_seconds(),
                          "creating a session", &start_)
                .status());
  channel_ = std::move(ends.first);
  in_known_ = false;
  return {};
}

Status ProcessSession::put_inputs(const NamedTensors& inputs) {
  placed_.clear();
  for (const Port& port : model_->signature().inputs) {
    const Tensor& tensor = *find(inputs, port.name);
    placed_.push_back({tensor.dtype(), tensor.shape(), 0});
  }
  const std::optional<uint64_t> bytes = place(placed_);
  if (!bytes) return resource_exhausted("the inputs of a run are larger than any memory");
  if (!in_ || in_->size() < *bytes) {
    ACCEL_ASSIGN(in_, SharedMemory::create(*bytes, Access::kWrite));
    in_known_ = false;
  }
  size_t i = 0;
  for (const Port& port : model_->signature().inputs) {
    std::ranges::copy(find(inputs, port.name)->bytes(), in_->writable() + placed_[i++].offset);
  }
  return {};
}

// The outputs of earlier runs may still be looked at where they lie: other memory, not the same.
Status ProcessSession::make_room(uint64_t bytes) {
  if (out_ && out_->size() >= bytes) return {};
  ACCEL_ASSIGN(out_, SharedMemory::create(bytes, Access::kRead));
  return {};
}

Result<RunMessage> ProcessSession::receive(Until until) {
  const Received received = channel_.receive(until);
  if (received.arrival != Arrival::kMessage) return broken(received.arrival);
  Result<RunMessage> message = decode(received.bytes);
  if (!message.ok()) return broken(Arrival::kNonsense);
  return message;
}

// What the run came to: kDone or kFailed.
Result<RunMessage> ProcessSession::exchange() {
  const Until until = after(model_->hang_seconds());
  if (!channel_.send(encode({.kind = RunKind::kRun, .tensors = placed_}),
                     in_known_ ? -1 : in_->file())) {
    return broken(Arrival::kClosed);
  }
  in_known_ = true;
  ACCEL_ASSIGN(RunMessage message, receive(until));
  if (message.kind == RunKind::kNeedsRoom) {
    ACCEL_TRY(make_room(message.bytes));
    if (!channel_.send(encode({.kind = RunKind::kRoom}), out_->file())) {
      return broken(Arrival::kClosed);
    }
    ACCEL_ASSIGN(message, receive(until));
  }
  if (message.kind == RunKind::kDone || message.kind == RunKind::kFailed) return message;
  return broken(Arrival::kNonsense);
}

// DATA_LOSS for outputs that are none of the signature's.
Status ProcessSession::take_outputs(std::span<const PlacedTensor> placed,
                                    NamedTensors& outputs) const {
  const std::vector<Port>& ports = model_->signature().outputs;
  const auto fits = [](const Port& port, const PlacedTensor& tensor) {
    return port.dtype == tensor.dtype;
  };
  if (!std::ranges::equal(ports, placed, fits)) return data_loss("expected other outputs");
  if (!placed.empty() && !out_) return data_loss("expected outputs in memory");
  if (out_) ACCEL_TRY(check_places(placed, out_->size()));
  outputs.clear();
  for (size_t i = 0; i < placed.size(); ++i) {
    const PlacedTensor& one = placed[i];
    outputs.push_back(
        {ports[i].name, Tensor::wrap(one.dtype, one.shape, out_->data() + one.offset, out_)});
  }
  return {};
}

Status ProcessSession::run(const NamedTensors& inputs, NamedTensors& outputs) {
  ACCEL_TRY(check_inputs(model_->signature(), inputs));
  ACCEL_TRY(connect());
  ACCEL_TRY(put_inputs(inputs));
  ACCEL_ASSIGN(const RunMessage message, exchange());
  if (message.kind == RunKind::kFailed) return message.error;
  if (take_outputs(message.tensors, outputs).ok()) return {};
  return broken(Arrival::kNonsense);
}

// --- the backend -------------------------------------------------------------------------------

class ProcessBackend : public ForwardingBackend {
 public:
  ProcessBackend(std::shared_ptr<const Backend> inner, std::string name, ProcessOptions settings)
      : ForwardingBackend(std::move(inner)),
        name_(std::move(name)),
        settings_(std::move(settings)) {}

  Status check(const CompileOptions& options) const override;
  Result<std::shared_ptr<const CompiledModel>> compile(
      const std::shared_ptr<const ov::Model>& model, const CompileOptions& options) const override;
  Result<std::shared_ptr<const CompiledModel>> import_compiled(
      const Blob& blob, const CompileOptions& options) const override;

 private:
  Result<Plan> plan(Wanted wanted, const CompileOptions& options) const;
  static Result<std::shared_ptr<const CompiledModel>> start(Plan plan);

  const std::string name_;
  const ProcessOptions settings_;
};

// A file, which a model may need that is large, for it to be started again.
Result<Plan> ProcessBackend::plan(Wanted wanted, const CompileOptions& options) const {
  ACCEL_TRY(hardware::check_cores(options.cores, hardware::allowed_cores()));
  Plan plan{.settings = settings_,
            .request = {.wanted = wanted,
                        .build = std::string(kVersion),
                        .backend = name_,
                        .options = options},
            .cores = options.cores,
            .what = fmt::format("{} on {}", name_, options.device)};
  if (!options.cores.empty()) {
    plan.what += fmt::format("[{}]", hardware::core_list_text(options.cores));
  }
  ACCEL_ASSIGN(plan.file, create_unnamed_file(settings_.scratch_folder));
  return plan;
}

Result<std::shared_ptr<const CompiledModel>> ProcessBackend::start(Plan plan) {
  const auto model = std::make_shared<ProcessModel>(std::move(plan));
  ACCEL_TRY(model->start());
  return std::shared_ptr<const CompiledModel>(model);
}

Status ProcessBackend::check(const CompileOptions& options) const {
  ACCEL_ASSIGN(Plan checking, plan(Wanted::kCheck, options));
  return start(std::move(checking)).status();
}

Result<std::shared_ptr<const CompiledModel>> ProcessBackend::compile(
    const std::shared_ptr<const ov::Model>& model, const CompileOptions& options) const {
  ACCEL_ASSIGN(Plan compiling, plan(Wanted::kCompile, options));
  compiling.signature = signature_of(*model);
  std::ofstream file(path_of(compiling.file), std::ios::binary);
  ACCEL_TRY(write_graph(*model, file).with_context("for a worker process"));
  file.close();
  if (!file) return resource_exhausted("writing a graph for a worker process: no room");
  return start(std::move(compiling));
}

Result<std::shared_ptr<const CompiledModel>> ProcessBackend::import_compiled(
    const Blob& blob, const CompileOptions& options) const {
  ACCEL_ASSIGN(Plan importing, plan(Wanted::kImport, options));
  ACCEL_TRY(write_all(importing.file.get(), chars(blob.bytes), "a file for a worker process"));
  return start(std::move(importing));
}

}  // namespace

std::unique_ptr<Backend> make_process_backend(std::shared_ptr<const Backend> inner,
                                              std::string name, ProcessOptions options) {
  return std::make_unique<ProcessBackend>(std::move(inner), std::move(name), std::move(options));
}

}  // namespace accel::backend
