#include "backends/reference/reference_backend.h"

#include <gtest/gtest.h>

#include "backend/conformance.h"

namespace accel::backend {
namespace {

TEST(Reference, Conforms) {
  const Status status = run_conformance(*make_reference_backend(), {});
  EXPECT_TRUE(status.ok()) << status.message();
}

}  // namespace
}  // namespace accel::backend
