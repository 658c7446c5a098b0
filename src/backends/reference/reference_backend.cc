#include "backends/reference/reference_backend.h"

#include <fmt/format.h>

#include <openvino/core/version.hpp>
#include <utility>

#include "backend/guard.h"
#include "backend/one_layer.h"
#include "backend/signature.h"
#include "backend/tensor_bridge.h"
#include "backends/reference/decompose.h"
#include "backends/reference/schedule.h"
#include "base/try.h"

namespace accel::backend {
namespace {

constexpr std::string_view kDevice = "CPU";

class ReferenceSession : public Session {
 public:
  // `model` keeps the schedule and the signature alive.
  ReferenceSession(std::shared_ptr<const CompiledModel> model, const Schedule& schedule)
      : model_(std::move(model)), schedule_(schedule) {}

  Status run(const NamedTensors& inputs, NamedTensors& outputs) override {
    const Signature& signature = model_->signature();
    ACCEL_TRY(check_inputs(signature, inputs));
    return guarded("running the model", StatusCode::kInternal, [&]() -> Status {
      std::vector<ov::Tensor> given;
      for (const Port& port : signature.inputs) {
        given.push_back(view_as_engine_tensor(*find(inputs, port.name)));
      }
      std::vector<ov::Tensor> computed;
      ACCEL_TRY(schedule_.run(given, computed));
      outputs.clear();
      for (size_t i = 0; i < computed.size(); ++i) {
        outputs.push_back({signature.outputs[i].name, view_as_tensor(computed[i])});
      }
      return {};
    });
  }

 private:
  std::shared_ptr<const CompiledModel> model_;
  const Schedule& schedule_;
};

class ReferenceModel : public CompiledModel, public std::enable_shared_from_this<ReferenceModel> {
 public:
  ReferenceModel(Schedule schedule, Signature signature, int streams)
      : schedule_(std::move(schedule)),
        signature_(std::move(signature)),
        executed_{.device = std::string(kDevice),
                  .precision = Precision::kF32,
                  .streams = streams,
                  .threads = streams} {}

  const Signature& signature() const override { return signature_; }
  const Executed& executed() const override { return executed_; }

  Result<std::unique_ptr<Session>> create_session() const override {
    return std::unique_ptr<Session>(
        std::make_unique<ReferenceSession>(shared_from_this(), schedule_));
  }

 private:
  Schedule schedule_;
  Signature signature_;
  Executed executed_;
};

class ReferenceBackend : public Backend {
 public:
  Info info() const override {
    return {
        .name = "reference", .version = ov::get_openvino_version().buildNumber, .available = true};
  }

  std::vector<std::string> device_names() const override { return {"CPU"}; }
  std::vector<Device> devices() const override {
    Device device{.name = std::string(kDevice),
                  .full_name = "reference arithmetic on one thread",
                  .kind = "cpu"};
    if (runs_one_layer(*this, device.name, Precision::kF32)) device.precisions = {Precision::kF32};
    return {device};
  }

  Status check(const CompileOptions& options) const override {
    if (options.device != kDevice) {
      return not_found(fmt::format("device '{}' is not on this machine; expected one of: {}",
                                   options.device, kDevice));
    }
    if (options.precision != Precision::kF32) {
      return unimplemented(fmt::format("precision {} is not available in the reference backend; "
                                       "use f32, or the openvino backend",
                                       to_string(options.precision)));
    }
    return {};
  }

  Result<std::shared_ptr<const CompiledModel>> compile(
      const std::shared_ptr<const ov::Model>& model, const CompileOptions& options) const override {
    ACCEL_TRY(check(options));
    using ResultType = Result<std::shared_ptr<const CompiledModel>>;
    return guarded("compiling for the reference backend", StatusCode::kInvalidArgument,
                   [&]() -> ResultType {
                     const std::shared_ptr<ov::Model> evaluable = model->clone();
                     ACCEL_TRY(make_evaluable(*evaluable));
                     return std::shared_ptr<const CompiledModel>(std::make_shared<ReferenceModel>(
                         Schedule(evaluable), signature_of(*model), options.streams));
                   });
  }
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace accel::backend
