// What stands where the OpenVINO backend is left out of the build: models are read and built as
// ever, and the reference backend computes.
#include <openvino/core/version.hpp>

#include "backends/openvino/openvino_backend.h"

namespace accel::backend {
namespace {

constexpr const char* kLeftOutReason =
    "this build leaves the OpenVINO backend out (ACCEL_OPENVINO_BACKEND=OFF)";
constexpr const char* kLeftOutRemedy =
    "--backend reference, or build accel with -DACCEL_OPENVINO_BACKEND=ON";

class LeftOutBackend : public Backend {
 public:
  Info info() const override {
    return {.name = "openvino",
            .version = ov::get_openvino_version().buildNumber,
            .available = false,
            .reason = kLeftOutReason,
            .remedy = kLeftOutRemedy};
  }
  std::vector<Device> devices() const override { return {}; }
  Result<std::shared_ptr<const CompiledModel>> compile(
      const std::shared_ptr<const ov::Model>& /*model*/,
      const CompileOptions& /*options*/) const override {
    return unavailable(std::string(kLeftOutReason) + "; " + kLeftOutRemedy);
  }
  Status check(const CompileOptions& /*options*/) const override {
    return unavailable(std::string(kLeftOutReason) + "; " + kLeftOutRemedy);
  }
};

}  // namespace

std::unique_ptr<Backend> make_openvino_backend() { return std::make_unique<LeftOutBackend>(); }

bool openvino_backend_is_built() { return false; }

}  // namespace accel::backend
