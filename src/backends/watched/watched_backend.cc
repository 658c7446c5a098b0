#include "backends/watched/watched_backend.h"

#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "backend/forwarding.h"
#include "base/try.h"

namespace accel::backend {
namespace {

using CompiledPtr = std::shared_ptr<const CompiledModel>;

// A session and what its thread shares with who waits for a run. The thread keeps it alive as long
// as a run takes, whoever else has left.
struct Desk {
  CompiledPtr model;  // outlives the session
  std::unique_ptr<Session> session;
  bool urgent = false;   // these three belong to the thread
  NamedTensors inputs;   // while a run
  NamedTensors outputs;  // is asked for
  std::mutex mutex;
  std::condition_variable changed;
  // Guarded by mutex:
  Status status;
  bool asked = false;
  bool left = false;  // by who asked; nobody will again
};

void work_at(const std::shared_ptr<Desk>& desk) {
  std::unique_lock lock(desk->mutex);
  while (true) {
    desk->changed.wait(lock, [&] { return desk->asked || desk->left; });
    if (desk->left) return;
    lock.unlock();
    desk->session->set_urgent(desk->urgent);
    Status status = desk->session->run(desk->inputs, desk->outputs);
    lock.lock();
    desk->status = std::move(status);
    desk->asked = false;
    if (desk->left) return;
    desk->changed.notify_all();
  }
}

class Watch {
 public:
  explicit Watch(WatchOptions options) : options_(std::move(options)) {}

  double seconds() const { return options_.hang_seconds; }
  Status gave_up(const std::string& device) const {
    std::string line = fmt::format(
        "a run on {} did not end within {} s and was given up; the engine goes on with it in its "
        "thread, the next run gets a new session (isolation process can end it)",
        device, options_.hang_seconds);
    if (options_.on_hang) options_.on_hang(line);
    return unavailable(std::move(line));
  }

 private:
  const WatchOptions options_;
};

// What a model and its sessions have in common.
struct Watched {
  CompiledPtr inner;
  std::shared_ptr<const Watch> watch;
  std::atomic<uint64_t> hangs = 0;
};

class WatchedSession : public Session {
 public:
  explicit WatchedSession(std::shared_ptr<Watched> model) : model_(std::move(model)) {}
  ~WatchedSession() override {
    if (!desk_) return;
    leave();
    thread_.join();
  }
  WatchedSession(const WatchedSession&) = delete;
  WatchedSession& operator=(const WatchedSession&) = delete;

  // A session and its thread, unless there are.
  Status sit_down() {
    if (desk_) return {};
    auto desk = std::make_shared<Desk>();
    desk->model = model_->inner;
    ACCEL_ASSIGN(desk->session, model_->inner->create_session());
    thread_ = std::thread([desk] { work_at(desk); });
    desk_ = std::move(desk);
    return {};
  }

  Status run(const NamedTensors& inputs, NamedTensors& outputs) override {
    ACCEL_TRY(sit_down());
    desk_->inputs = inputs;  // shares the bytes, and so keeps them
    desk_->urgent = urgent_;
    std::unique_lock lock(desk_->mutex);
    desk_->asked = true;
    desk_->changed.notify_all();
    const std::chrono::duration<double> most(model_->watch->seconds());
    if (!desk_->changed.wait_for(lock, most, [this] { return !desk_->asked; })) {
      lock.unlock();
      return give_up();
    }
    outputs = std::move(desk_->outputs);
    desk_->inputs.clear();
    return desk_->status;
  }

  void set_urgent(bool urgent) override { urgent_ = urgent; }

 private:
  void leave() {
    const std::lock_guard lock(desk_->mutex);
    desk_->left = true;
    desk_->changed.notify_all();
  }

  Status give_up() {
    leave();
    thread_.detach();
    desk_.reset();
    ++model_->hangs;
    return model_->watch->gave_up(model_->inner->executed().device);
  }

  const std::shared_ptr<Watched> model_;
  std::shared_ptr<Desk> desk_;  // null: none yet, or the last was given up
  std::thread thread_;
  bool urgent_ = false;
};

class WatchedModel : public ForwardingModel {
 public:
  WatchedModel(const CompiledPtr& inner, std::shared_ptr<const Watch> watch)
      : ForwardingModel(inner), watched_(std::make_shared<Watched>(inner, std::move(watch))) {}

  Result<std::unique_ptr<Session>> create_session() const override {
    auto session = std::make_unique<WatchedSession>(watched_);
    ACCEL_TRY(session->sit_down());
    return std::unique_ptr<Session>(std::move(session));
  }
  uint64_t hangs() const override { return watched_->hangs; }

 private:
  const std::shared_ptr<Watched> watched_;
};

class WatchedBackend : public ForwardingBackend {
 public:
  WatchedBackend(std::shared_ptr<const Backend> inner, WatchOptions options)
      : ForwardingBackend(std::move(inner)),
        watch_(std::make_shared<const Watch>(std::move(options))) {}

  Result<CompiledPtr> compile(const std::shared_ptr<const ov::Model>& model,
                              const CompileOptions& options) const override {
    return watched(inner().compile(model, options));
  }
  Result<CompiledPtr> import_compiled(const Blob& blob,
                                      const CompileOptions& options) const override {
    return watched(inner().import_compiled(blob, options));
  }

 private:
  Result<CompiledPtr> watched(Result<CompiledPtr> made) const {
    if (!made.ok()) return made;
    return CompiledPtr(std::make_shared<WatchedModel>(*made, watch_));
  }

  const std::shared_ptr<const Watch> watch_;
};

}  // namespace

std::shared_ptr<const Backend> make_watched_backend(std::shared_ptr<const Backend> inner,
                                                    WatchOptions options) {
  return std::make_shared<WatchedBackend>(std::move(inner), std::move(options));
}

}  // namespace accel::backend
