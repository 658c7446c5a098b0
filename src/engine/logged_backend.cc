#include "engine/logged_backend.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <atomic>
#include <utility>

#include "backend/forwarding.h"
#include "base/stopwatch.h"

namespace accel::engine {
namespace {

using CompiledPtr = std::shared_ptr<const backend::CompiledModel>;

std::string described(const backend::CompileOptions& options) {
  return fmt::format("for {} in {}, {} streams, {} threads", options.device,
                     to_string(options.precision), options.streams, options.threads);
}

class LoggedBackend : public backend::ForwardingBackend {
 public:
  LoggedBackend(std::shared_ptr<const backend::Backend> backend, std::shared_ptr<const Log> log)
      : ForwardingBackend(std::move(backend)), log_(std::move(log)) {}

  backend::Info info() const override {
    backend::Info info = inner().info();
    if (!info.available && !told_.exchange(true)) {  // it is asked often
      say(LogLevel::kWarning, fmt::format("{} {} is not available: {}; {}", info.name, info.version,
                                          info.reason, info.remedy));
    }
    return info;
  }
  std::vector<std::string> device_names() const override {
    std::vector<std::string> names = inner().device_names();
    say(LogLevel::kDebug, fmt::format("devices there: {}", fmt::join(names, ", ")));
    return names;
  }
  Status check(const backend::CompileOptions& options) const override {
    Status status = inner().check(options);
    if (!status.ok()) say(LogLevel::kDebug, "refused " + described(options) + told(status));
    return status;
  }
  Result<CompiledPtr> compile(const std::shared_ptr<const ov::Model>& model,
                              const backend::CompileOptions& options) const override {
    const auto began = Clock::now();
    return ended("compiled", options, began, inner().compile(model, options));
  }
  Result<CompiledPtr> import_compiled(const backend::Blob& blob,
                                      const backend::CompileOptions& options) const override {
    const auto began = Clock::now();
    return ended("imported", options, began, inner().import_compiled(blob, options));
  }

 private:
  static std::string told(const Status& status) { return ": " + status.message(); }
  void say(LogLevel level, const std::string& text) const {
    log_->write(level, LogPart::kBackend, text);
  }
  Result<CompiledPtr> ended(std::string_view what, const backend::CompileOptions& options,
                            Clock::time_point began, Result<CompiledPtr> made) const {
    if (!made.ok()) {
      say(LogLevel::kWarning,
          fmt::format("not {} {}{}", what, described(options), told(made.status())));
    } else if (log_->says(LogLevel::kDebug, LogPart::kBackend)) {
      const backend::Executed& executed = (*made)->executed();
      say(LogLevel::kDebug,
          fmt::format("{} {} in {:.1f} ms; runs on {} in {}, kernels {}", what, described(options),
                      1e3 * seconds_since(began), executed.device, to_string(executed.precision),
                      executed.kernels));
    }
    return made;
  }

  const std::shared_ptr<const Log> log_;
  mutable std::atomic<bool> told_ = false;  // that it is not available
};

}  // namespace

std::shared_ptr<const backend::Backend> logged(std::shared_ptr<const backend::Backend> backend,
                                               std::shared_ptr<const Log> log) {
  return std::make_shared<const LoggedBackend>(std::move(backend), std::move(log));
}

}  // namespace accel::engine
