#include "backends/openvino/openvino_backend.h"

#include <gtest/gtest.h>

#include "backend/conformance.h"

namespace accel::backend {
namespace {

TEST(OpenVino, Conforms) {
  const auto backend = make_openvino_backend();
  const std::vector<Device> devices = backend->devices();
  ASSERT_FALSE(devices.empty()) << backend->info().reason;
  for (const Device& device : devices) {
    for (const Precision precision : device.precisions) {
      const Status status =
          run_conformance(*backend, {.device = device.name, .precision = precision});
      EXPECT_TRUE(status.ok()) << status.message();
    }
  }
}

}  // namespace
}  // namespace accel::backend
