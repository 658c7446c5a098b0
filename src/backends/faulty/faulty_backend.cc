#include "backends/faulty/faulty_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <limits>
#include <new>
#include <stdexcept>
#include <thread>

#include "backend/forwarding.h"
#include "backend/guard.h"
#include "base/try.h"

namespace accel::backend {
namespace {

class FaultCounter {
 public:
  explicit FaultCounter(std::vector<Fault> faults) : faults_(std::move(faults)) {}

  // The fault that strikes the call which is made now, or none.
  const Fault* next(Step step) const {
    const uint64_t call = ++calls_[static_cast<size_t>(step)];
    const auto found = std::ranges::find_if(
        faults_, [&](const Fault& fault) { return fault.step == step && fault.strikes(call); });
    return found == faults_.end() ? nullptr : &*found;
  }

 private:
  const std::vector<Fault> faults_;
  mutable std::array<std::atomic<uint64_t>, 4> calls_{};  // by step
};

// Makes the call unless the fault is another than NaN; behind the guard that real engines stand
// behind.
template <class Call>
auto faulted(const Fault* fault, const Call& call) -> decltype(call()) {
  if (fault == nullptr || fault->kind == FaultKind::kNan) return call();
  const std::string action = fmt::format("simulated fault {}", to_text(*fault));
  return guarded(action, StatusCode::kInternal, [&]() -> decltype(call()) {
    switch (fault->kind) {
      case FaultKind::kThrow: throw std::runtime_error("the engine threw an exception");
      case FaultKind::kMemory: throw std::bad_alloc();
      case FaultKind::kHang:
        while (true) std::this_thread::sleep_for(std::chrono::hours(1));
      case FaultKind::kUnavailable: return unavailable(action + ": the device has gone");
      default: return internal_error(action + ": the engine failed");
    }
  });
}

NamedTensors without_numbers(const NamedTensors& outputs) {
  NamedTensors spoilt;
  for (const NamedTensor& output : outputs) {
    Tensor copy = Tensor::allocate(output.tensor.dtype(), output.tensor.shape());
    std::ranges::copy(output.tensor.bytes(), copy.mutable_data());
    if (copy.dtype() == DType::kF32) {
      std::fill_n(reinterpret_cast<float*>(copy.mutable_data()), *element_count(copy.shape()),
                  std::numeric_limits<float>::quiet_NaN());
    }
    spoilt.push_back({output.name, std::move(copy)});
  }
  return spoilt;
}

using FaultsPtr = std::shared_ptr<const FaultCounter>;
using CompiledPtr = std::shared_ptr<const CompiledModel>;

class FaultySession : public Session {
 public:
  FaultySession(std::unique_ptr<Session> inner, FaultsPtr faults)
      : inner_(std::move(inner)), faults_(std::move(faults)) {}

  Status run(const NamedTensors& inputs, NamedTensors& outputs) override {
    const Fault* const fault = faults_->next(Step::kRun);
    ACCEL_TRY(faulted(fault, [&] { return inner_->run(inputs, outputs); }));
    if (fault != nullptr) outputs = without_numbers(outputs);
    return {};
  }

  void set_urgent(bool urgent) override { inner_->set_urgent(urgent); }

 private:
  const std::unique_ptr<Session> inner_;
  const FaultsPtr faults_;
};

class FaultyModel : public ForwardingModel {
 public:
  FaultyModel(CompiledPtr inner, FaultsPtr faults)
      : ForwardingModel(std::move(inner)), faults_(std::move(faults)) {}

  Result<std::unique_ptr<Session>> create_session() const override {
    ACCEL_ASSIGN(std::unique_ptr<Session> session,
                 faulted(faults_->next(Step::kSession), [&] { return inner().create_session(); }));
    return std::unique_ptr<Session>(std::make_unique<FaultySession>(std::move(session), faults_));
  }

 private:
  const FaultsPtr faults_;
};

class FaultyBackend : public ForwardingBackend {
 public:
  FaultyBackend(std::shared_ptr<const Backend> inner, std::vector<Fault> faults)
      : ForwardingBackend(std::move(inner)),
        faults_(std::make_shared<FaultCounter>(std::move(faults))) {}

  Result<CompiledPtr> compile(const std::shared_ptr<const ov::Model>& model,
                              const CompileOptions& options) const override {
    return made(Step::kCompile, [&] { return inner().compile(model, options); });
  }
  Result<CompiledPtr> import_compiled(const Blob& blob,
                                      const CompileOptions& options) const override {
    return made(Step::kImport, [&] { return inner().import_compiled(blob, options); });
  }

 private:
  template <class Call>
  Result<CompiledPtr> made(Step step, const Call& call) const {
    ACCEL_ASSIGN(CompiledPtr model, faulted(faults_->next(step), call));
    return CompiledPtr(std::make_shared<FaultyModel>(std::move(model), faults_));
  }

  const FaultsPtr faults_;
};

}  // namespace

std::shared_ptr<const Backend> make_faulty_backend(std::shared_ptr<const Backend> inner,
                                                   const std::vector<Fault>& faults) {
  std::vector<Fault> own;
  for (const Fault& fault : faults) {
    if (fault.backend == inner->info().name) own.push_back(fault);
  }
  if (own.empty()) return inner;
  return std::make_shared<FaultyBackend>(std::move(inner), std::move(own));
}

}  // namespace accel::backend
