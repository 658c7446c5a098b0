#include "backends/process/worker.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>
#include <utility>
#include <vector>

#include "accel/version.h"
#include "backend/graph_file.h"
#include "backends/process/channel.h"
#include "backends/process/control_message.h"
#include "backends/process/run_message.h"
#include "backends/process/shared_memory.h"
#include "base/files.h"
#include "base/try.h"
#include "hardware/threads.h"

namespace accel::backend {
namespace {

using ModelPtr = std::shared_ptr<const CompiledModel>;

// The file of a graph or a compiled model, whose pages are let go when the engine has what it
// needs of them.
struct SourceFile {
  std::shared_ptr<const MappedFile> mapped;
  std::atomic<bool> released = false;

  void release() {
    if (!released.exchange(true)) mapped->release_pages();
  }
};

// --- runs --------------------------------------------------------------------------------------

// One session, on its channel, in its own thread.
class SessionServer {
 public:
  SessionServer(Channel channel, std::unique_ptr<Session> session, ModelPtr model,
                std::shared_ptr<SourceFile> source)
      : channel_(std::move(channel)),
        model_(std::move(model)),
        source_(std::move(source)),
        session_(std::move(session)) {}

  // Until the channel ends, or sends what is no message.
  void serve() {
    hardware::name_this_thread("accel-session");
    while (true) {
      Received received = channel_.receive(std::nullopt);
      if (received.arrival != Arrival::kMessage) return;
      const Result<RunMessage> message = decode(received.bytes);
      if (!message.ok()) return;
      Result<RunMessage> reply = answer(*message, std::move(received.file));
      if (!reply.ok()) reply = RunMessage{.kind = RunKind::kFailed, .error = reply.status()};
      if (!channel_.send(encode(*reply))) return;
    }
  }

 private:
  Result<RunMessage> answer(const RunMessage& message, Descriptor file) {
    if (message.kind == RunKind::kRun) {
      if (file.valid()) {
        ACCEL_ASSIGN(in_, SharedMemory::attach(std::move(file), Access::kRead));
      }
      ACCEL_TRY(run(message.tensors));
    } else if (message.kind == RunKind::kRoom && file.valid()) {
      ACCEL_ASSIGN(out_, SharedMemory::attach(std::move(file), Access::kWrite));
    } else {
      return data_loss("expected a run, or memory for its outputs");
    }
    return put_outputs();
  }

  Status run(std::span<const PlacedTensor> placed) {
    const std::vector<Port>& ports = model_->signature().inputs;
    if (placed.size() != ports.size()) return data_loss("expected other inputs");
    if (!placed.empty() && !in_) return data_loss("expected inputs in memory");
    if (in_) ACCEL_TRY(check_places(placed, in_->size()));
    NamedTensors inputs;
    for (size_t i = 0; i < placed.size(); ++i) {
      const PlacedTensor& one = placed[i];
      inputs.push_back(
          {ports[i].name, Tensor::wrap(one.dtype, one.shape, in_->data() + one.offset, in_)});
    }
    outputs_.clear();
    ACCEL_TRY(session_->run(inputs, outputs_));
    source_->release();
    return {};
  }

  // The outputs of the latest run into memory, or how much of it they need.
  Result<RunMessage> put_outputs() {
    RunMessage reply{.kind = RunKind::kDone};
    for (const NamedTensor& output : outputs_) {
      reply.tensors.push_back({output.tensor.dtype(), output.tensor.shape(), 0});
    }
    const std::optional<uint64_t> bytes = place(reply.tensors);
    if (!bytes) return resource_exhausted("the outputs of a run are larger than any memory");
    if (!out_ || out_->size() < *bytes) {
      return RunMessage{.kind = RunKind::kNeedsRoom, .bytes = *bytes};
    }
    for (size_t i = 0; i < outputs_.size(); ++i) {
      std::ranges::copy(outputs_[i].tensor.bytes(), out_->writable() + reply.tensors[i].offset);
    }
    return reply;
  }

  Channel channel_;
  ModelPtr model_;
  std::shared_ptr<SourceFile> source_;
  std::unique_ptr<Session> session_;
  std::shared_ptr<SharedMemory> in_;
  std::shared_ptr<SharedMemory> out_;
  NamedTensors outputs_;
};

struct ServedSession {
  std::thread thread;
  std::shared_ptr<std::atomic<bool>> ended = std::make_shared<std::atomic<bool>>(false);
};

// --- requests ----------------------------------------------------------------------------------

class Worker {
 public:
  explicit Worker(const MakeBackend& make) : make_(make) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    for (ServedSession& session : sessions_) session.thread.join();
  }

  Result<WorkerReply> answer(const WorkerRequest& request, Descriptor file);

 private:
  Result<WorkerReply> prepare(const WorkerRequest& request, const Descriptor& file);
  Result<ModelPtr> read_model(const WorkerRequest& request, const Descriptor& file);
  Status open_session(Descriptor channel);
  Status export_to(const Descriptor& file) const;

  const MakeBackend& make_;
  std::unique_ptr<Backend> backend_;
  std::shared_ptr<SourceFile> source_ = std::make_shared<SourceFile>();
  ModelPtr model_;
  std::vector<ServedSession> sessions_;
};

std::string file_path(const Descriptor& file) {
  return fmt::format("/proc/self/fd/{}", file.get());
}

Result<ModelPtr> Worker::read_model(const WorkerRequest& request, const Descriptor& file) {
  ACCEL_ASSIGN(source_->mapped, MappedFile::open(file_path(file)));
  const Blob blob{source_->mapped->bytes(), source_->mapped};
  if (request.wanted == Wanted::kImport) return backend_->import_compiled(blob, request.options);
  const auto graph = read_graph(blob);
  if (!graph.ok()) {
    // This program wrote it: what cannot be read is what a file does not hold.
    return unimplemented("the graph has no form in a file, which a worker process reads: " +
                         graph.status().message());
  }
  return backend_->compile(*graph, request.options);
}

Result<WorkerReply> Worker::prepare(const WorkerRequest& request, const Descriptor& file) {
  if (request.build != kVersion) {
    return unavailable(fmt::format("accel-worker is of accel {}, and this is accel {}; install "
                                   "both together",
                                   kVersion, request.build));
  }
  backend_ = make_(request.backend);
  if (!backend_) return unimplemented("accel-worker has no backend '" + request.backend + "'");
  WorkerReply reply;
  if (request.wanted == Wanted::kCheck) {
    ACCEL_TRY(backend_->check(request.options));
    return reply;
  }
  ACCEL_ASSIGN(model_, read_model(request, file));
  reply.executed = model_->executed();
  reply.signature = model_->signature();
  return reply;
}

Status Worker::open_session(Descriptor channel) {
  std::erase_if(sessions_, [](ServedSession& session) {
    const bool ended = *session.ended;
    if (ended) session.thread.join();
    return ended;
  });
  ACCEL_ASSIGN(auto session, model_->create_session());
  auto server = std::make_unique<SessionServer>(Channel(std::move(channel)), std::move(session),
                                                model_, source_);
  ServedSession served;
  served.thread = std::thread([server = std::move(server), ended = served.ended]() mutable {
    server->serve();
    server.reset();
    *ended = true;
  });
  sessions_.push_back(std::move(served));
  return {};
}

Status Worker::export_to(const Descriptor& file) const {
  std::ofstream out(file_path(file), std::ios::binary);
  ACCEL_TRY(model_->export_to(out));
  out.close();
  return out ? Status() : resource_exhausted("writing a compiled model: no room");
}

Result<WorkerReply> Worker::answer(const WorkerRequest& request, Descriptor file) {
  const bool first = request.wanted == Wanted::kCheck || request.wanted == Wanted::kCompile ||
                     request.wanted == Wanted::kImport;
  if (first == (model_ != nullptr)) return failed_precondition("expected a model once, and first");
  if (first) return prepare(request, file);
  WorkerReply reply;
  switch (request.wanted) {
    case Wanted::kSession: ACCEL_TRY(open_session(std::move(file))); break;
    case Wanted::kLayers: {
      ACCEL_ASSIGN(reply.layers, model_->layers());
      break;
    }
    case Wanted::kExport: ACCEL_TRY(export_to(file)); break;
    default: break;
  }
  return reply;
}

}  // namespace

bool end_with_parent(int parent_pid) {
  return ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == parent_pid;
}

void serve(Descriptor control, const MakeBackend& make) {
  Channel channel(std::move(control));
  Worker worker(make);
  while (true) {
    Received received = channel.receive(std::nullopt);
    // Runs that nobody waits for are not waited for.
    if (received.arrival != Arrival::kMessage) std::_Exit(0);
    const Result<WorkerRequest> request = decode_request(received.bytes);
    if (!request.ok()) std::_Exit(1);
    Result<WorkerReply> reply = worker.answer(*request, std::move(received.file));
    if (!reply.ok()) reply = WorkerReply{.status = reply.status()};
    if (!channel.send(encode(*reply))) std::_Exit(0);
  }
}

}  // namespace accel::backend
