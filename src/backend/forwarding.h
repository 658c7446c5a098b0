// A backend, and a compiled model, that are another's: for those that change a part of one.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backend/backend.h"

namespace accel::backend {

class ForwardingBackend : public Backend {
 public:
  Info info() const override { return inner_->info(); }
  std::vector<Device> devices() const override { return inner_->devices(); }
  std::vector<std::string> device_names() const override { return inner_->device_names(); }
  Status check(const CompileOptions& options) const override { return inner_->check(options); }
  Result<std::shared_ptr<const CompiledModel>> compile(
      const std::shared_ptr<const ov::Model>& model, const CompileOptions& options) const override {
    return inner_->compile(model, options);
  }
  Result<std::shared_ptr<const CompiledModel>> import_compiled(
      const Blob& blob, const CompileOptions& options) const override {
    return inner_->import_compiled(blob, options);
  }

 protected:
  explicit ForwardingBackend(std::shared_ptr<const Backend> inner) : inner_(std::move(inner)) {}
  const Backend& inner() const { return *inner_; }

 private:
  const std::shared_ptr<const Backend> inner_;
};

class ForwardingModel : public CompiledModel {
 public:
  const Signature& signature() const override { return inner_->signature(); }
  const Executed& executed() const override { return inner_->executed(); }
  Result<std::unique_ptr<Session>> create_session() const override {
    return inner_->create_session();
  }
  Status export_to(std::ostream& out) const override { return inner_->export_to(out); }
  Result<LayersReport> layers() const override { return inner_->layers(); }
  std::optional<WorkerState> worker() const override { return inner_->worker(); }
  uint64_t hangs() const override { return inner_->hangs(); }

 protected:
  explicit ForwardingModel(std::shared_ptr<const CompiledModel> inner) : inner_(std::move(inner)) {}
  const CompiledModel& inner() const { return *inner_; }

 private:
  const std::shared_ptr<const CompiledModel> inner_;
};

}  // namespace accel::backend
