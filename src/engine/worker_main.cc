// accel-worker PID: runs a compiled model for the process PID, which started it; see
// backends/process/process_backend.h.
#include <charconv>
#include <string_view>

#include "backends/openvino/openvino_backend.h"
#include "backends/process/worker.h"
#include "backends/reference/reference_backend.h"

namespace {

std::unique_ptr<accel::backend::Backend> make_backend(std::string_view name) {
  if (name == "openvino") return accel::backend::make_openvino_backend();
  if (name == "reference") return accel::backend::make_reference_backend();
  return nullptr;
}

}  // namespace

int main(int count, char** arguments) {
  constexpr int kControl = 3;  // the descriptor of the channel to the parent
  int parent = 0;
  const std::string_view text = count == 2 ? arguments[1] : "";
  const auto read = std::from_chars(text.data(), text.data() + text.size(), parent);
  if (read.ec != std::errc() || !accel::backend::end_with_parent(parent)) return 2;
  accel::backend::serve(accel::backend::Descriptor(kControl), make_backend);
}
