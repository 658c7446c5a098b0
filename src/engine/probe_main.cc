// accel-probe: compiles and runs a one-layer model on the CPU; see crash_probe.h.
#include "backends/openvino/openvino_backend.h"

int main() {
  const auto backend = accel::backend::make_openvino_backend();
  return backend->devices().empty() ? 1 : 0;
}
