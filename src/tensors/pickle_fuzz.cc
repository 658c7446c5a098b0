// Whatever the bytes, the pickle is refused or its values refer to values, within the limits; as a
// state dict it gives tensors or a status.
#include "tensors/pickle.h"

#include <cstdint>
#include <cstdlib>

#include "tensors/state_dict.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using accel::tensors::PickleKind;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const accel::tensors::PickleLimits limits{.values_max = 1000, .bytes_max = 1 << 16};
  const auto pickle = accel::tensors::read_pickle(bytes, accel::tensors::torch_globals(), limits);
  if (!pickle.ok()) return 0;
  const size_t count = pickle->values.size();
  if (pickle->size > size || count > limits.values_max || pickle->root >= count) std::abort();
  size_t items = 0;
  for (const accel::tensors::PickleValue& value : pickle->values) {
    for (const accel::tensors::PickleId id : value.items) {
      if (id >= count) std::abort();
    }
    items += value.items.size();
    if (value.kind == PickleKind::kCall && value.items.size() < 2) std::abort();
  }
  if (items > 4 * limits.values_max + size) std::abort();
  const auto tensors = accel::tensors::read_state_dict(*pickle);
  if (!tensors.ok()) return 0;
  for (const accel::tensors::StoredTensor& tensor : *tensors) {
    if (tensor.shape.size() != tensor.strides.size()) std::abort();
    if (!accel::element_count(tensor.shape)) std::abort();
  }
  return 0;
}
