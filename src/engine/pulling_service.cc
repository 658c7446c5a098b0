#include "engine/pulling_service.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <utility>

#include "base/files.h"
#include "base/try.h"
#include "base/work_queue.h"
#include "engine/shown_errors.h"
#include "hub/file_names.h"
#include "hub/model_name.h"

namespace accel::engine {
namespace {

using service::Event;
using service::EventStream;
using service::PullStage;
using service::PullStep;

Status no_pull_any_more() { return cancelled("the service has ended"); }

// One download, and those who wait for it.
class PullRun {
 public:
  static Result<std::shared_ptr<PullRun>> create(std::string model) {
    const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) return errno_status(errno, "making", "an event");
    return std::shared_ptr<PullRun>(new PullRun(std::move(model), fd));
  }
  ~PullRun() { ::close(stop_fd_); }
  PullRun(const PullRun&) = delete;
  PullRun& operator=(const PullRun&) = delete;

  const std::string& model() const { return model_; }

  // --- of the thread that pulls ---
  int stop_fd() const { return stop_fd_; }  // readable when nobody wants it any more
  bool stopped() const {
    const std::lock_guard lock(mutex_);
    return stopped_;
  }
  void progress(const hub::PullProgress& now) {
    change([&] {
      files_ = now.each;
      if (now.files == now.files_total) stage_ = PullStage::kVerified;
    });
  }
  void enter(PullStage stage) {
    change([&] { stage_ = stage; });
  }
  void end(Status outcome) {
    change([&] {
      ended_ = true;
      outcome_ = std::move(outcome);
    });
  }

  // --- of its readers ---
  // Where one reader is in what there is to tell.
  struct Told {
    std::optional<PullStage> stage;
    std::vector<uint64_t> bytes;  // of each file
    bool all = false;
  };

  // One more reader; false when it is about to be broken off.
  bool join() {
    const std::lock_guard lock(mutex_);
    if (stopped_) return false;
    ++readers_;
    return true;
  }
  void leave(const Told* reader) {
    const std::lock_guard lock(mutex_);
    wakers_.erase(reader);
    if (--readers_ == 0) stop_locked();
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    stop_locked();
  }
  std::optional<Result<Event>> next(Told& told) {
    const std::lock_guard lock(mutex_);
    return next_locked(told);
  }
  void notify(const Told& told, std::function<void()> waker) {
    {
      const std::lock_guard lock(mutex_);
      Told copy = told;
      if (!told.all && !next_locked(copy)) {
        wakers_[&told] = std::move(waker);
        return;
      }
    }
    waker();
  }

 private:
  PullRun(std::string model, int stop_fd) : model_(std::move(model)), stop_fd_(stop_fd) {}

  void stop_locked() {
    stopped_ = true;
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(stop_fd_, &one, sizeof one);
  }

  template <class Change>
  void change(Change what) {
    std::map<const Told*, std::function<void()>> wakers;
    {
      const std::lock_guard lock(mutex_);
      what();
      wakers.swap(wakers_);
    }
    for (const auto& [reader, waker] : wakers) waker();
  }

  // What has become of it, not how: a reader who is slow is told less.
  std::optional<Result<Event>> next_locked(Told& told) const {
    if (told.all) return std::nullopt;
    if (!told.stage) return tell(told, PullStage::kListing);
    told.bytes.resize(files_.size(), kNothingTold);
    for (size_t i = 0; i < files_.size(); ++i) {
      const hub::FileProgress& file = files_[i];
      if (std::exchange(told.bytes[i], file.bytes) == file.bytes) continue;
      return Result<Event>(PullStep{PullStage::kFile, file.hash, file.bytes, file.bytes_total});
    }
    if (*told.stage < PullStage::kVerified && stage_ >= PullStage::kVerified) {
      return tell(told, PullStage::kVerified);
    }
    if (*told.stage < stage_) return tell(told, stage_);
    if (!ended_) return std::nullopt;
    told.all = true;
    if (!outcome_.ok()) return Result<Event>(outcome_);
    return Result<Event>(service::Done{});
  }
  static std::optional<Result<Event>> tell(Told& told, PullStage stage) {
    told.stage = stage;
    return Result<Event>(PullStep{.stage = stage});
  }

  static constexpr uint64_t kNothingTold = ~uint64_t{0};
  const std::string model_;
  const int stop_fd_;

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  PullStage stage_ = PullStage::kListing;
  std::vector<hub::FileProgress> files_;
  bool stopped_ = false;
  bool ended_ = false;
  Status outcome_;
  int readers_ = 0;
  std::map<const Told*, std::function<void()>> wakers_;  // by reader
};

class PullStream : public EventStream {
 public:
  // Of one who has joined.
  explicit PullStream(std::shared_ptr<PullRun> run) : run_(std::move(run)) {}
  ~PullStream() override { run_->leave(&told_); }
  std::optional<Result<Event>> try_next() override { return run_->next(told_); }
  bool ended() const override { return told_.all; }
  void notify(std::function<void()> waker) override { run_->notify(told_, std::move(waker)); }

 private:
  const std::shared_ptr<PullRun> run_;
  PullRun::Told told_;
};

// An error, and no more.
class RefusedPull : public EventStream {
 public:
  explicit RefusedPull(Status why) : why_(std::move(why)) {}
  std::optional<Result<Event>> try_next() override {
    if (std::exchange(told_, true)) return std::nullopt;
    return Result<Event>(why_);
  }
  bool ended() const override { return told_; }
  void notify(std::function<void()> waker) override { waker(); }

 private:
  const Status why_;
  bool told_ = false;
};

class PullingService : public service::InferenceService {
 public:
  PullingService(service::InferenceService& inner, Engine& engine, ModelManager& manager,
                 PullingOptions options)
      : inner_(inner),
        engine_(engine),
        manager_(manager),
        options_(std::move(options)),
        queue_("pull", std::max(options_.pulls_max, 1)) {}

  ~PullingService() override {
    const std::lock_guard lock(mutex_);
    for (const auto& run : runs_) run->stop();
  }

  std::unique_ptr<EventStream> submit(service::Request request) override {
    const auto* pull = std::get_if<service::Pull>(&request);
    if (pull == nullptr) return inner_.submit(std::move(request));
    Result<std::shared_ptr<PullRun>> run = join(pull->model);
    if (!run.ok()) return std::make_unique<RefusedPull>(run.status());
    return std::make_unique<PullStream>(std::move(*run));
  }

 private:
  // The download of a model, with one reader more; begun where none is under way.
  Result<std::shared_ptr<PullRun>> join(const std::string& model) {
    ACCEL_ASSIGN(const hub::ModelName name, hub::parse_model_name(model));
    if (model.find(':') != std::string::npos) {
      return invalid_argument(fmt::format("{}: expected a model's name without ':'", model));
    }
    if (!hub::matches_any(options_.allowed, name.repository)) {
      return permission_denied(
          fmt::format("{}: this server pulls only {}; who runs it may add others to accel serve "
                      "--allow-pull PATTERNS",
                      name.repository, fmt::join(options_.allowed, ", ")));
    }
    const std::lock_guard lock(mutex_);
    for (const auto& run : runs_) {
      if (run->model() == model && run->join()) return run;
    }
    if (runs_.size() >= static_cast<size_t>(std::max(options_.pulls_max, 1))) {
      return resource_exhausted(
          fmt::format("{} models are being pulled, as many as may be at a time; try again later",
                      runs_.size()));
    }
    ACCEL_ASSIGN(std::shared_ptr<PullRun> run, PullRun::create(model));
    run->join();
    runs_.push_back(run);
    if (!queue_.entrance().post([this, run, name] { serve(run, name); })) {
      return no_pull_any_more();
    }
    return run;
  }

  void serve(const std::shared_ptr<PullRun>& run, const hub::ModelName& name) {
    Status outcome = run->stopped() ? no_pull_any_more() : pull(*run, name);
    {
      const std::lock_guard lock(mutex_);
      std::erase(runs_, run);
    }
    run->end(std::move(outcome));
  }

  Status pull(PullRun& run, const hub::ModelName& name) {
    ACCEL_ASSIGN(hub::PullOptions options, options_.hub());
    options.name = name;
    options.stop_fd = run.stop_fd();
    options.progress = [&run](const hub::PullProgress& now) { run.progress(now); };
    std::vector<NamedPath> paths{{options.cache.string(), "the cache of models"}};
    const auto shown = [&](const Status& status) {
      if (status.ok()) return status;
      return Status(status.code(), with_names(status.message(), paths), status.offset());
    };
    const Result<hub::PullReport> report = hub::pull(options);
    if (!report.ok()) return shown(report.status());
    run.enter(PullStage::kAdding);
    paths.push_back({report->folder.string(), run.model()});
    return shown(add(run.model(), report->folder.string()));
  }

  Status add(const std::string& name, const std::string& folder) {
    ACCEL_ASSIGN(LoadOptions load, options_.load(folder));
    const ModelDefinition definition{.name = name, .load = std::move(load)};
    const std::lock_guard lock(adding_mutex_);
    const Result<ModelDefinition> there = manager_.definition(name);
    const auto before = added_.find(name);
    if (there.ok() && (before == added_.end() || *there != before->second)) return {};
    if (there.ok() && *there == definition) return {};
    if (!there.ok() && added_.size() >= options_.models_max) {
      return resource_exhausted(
          fmt::format("{}: its files are here, but {} pulled models are served, as many as may be; "
                      "who runs the server may name it to accel serve",
                      name, added_.size()));
    }
    ACCEL_TRY(engine_.describe(folder, definition.load.use_optimum).status());
    ACCEL_TRY(manager_.change({.define = {definition}}));
    added_.insert_or_assign(name, definition);
    return {};
  }

  service::InferenceService& inner_;
  Engine& engine_;
  ModelManager& manager_;
  const PullingOptions options_;

  std::mutex mutex_;
  std::vector<std::shared_ptr<PullRun>> runs_;  // guarded by mutex_

  std::mutex adding_mutex_;  // held while one model is added, loading it included
  std::map<std::string, ModelDefinition> added_;  // by name; guarded by adding_mutex_

  WorkQueue queue_;  // ends first
};

}  // namespace

std::unique_ptr<service::InferenceService> make_pulling_service(service::InferenceService& inner,
                                                                Engine& engine,
                                                                ModelManager& manager,
                                                                PullingOptions options) {
  return std::make_unique<PullingService>(inner, engine, manager, std::move(options));
}

}  // namespace accel::engine
