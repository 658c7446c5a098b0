// Inside the reader of PyTorch files: the state dict in a pickle as a list of tensors, before it is
// known where their storages lie. For users see torch_file.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "accel/tensor.h"
#include "tensors/pickle.h"

namespace accel::tensors {

// What a pickle may name: the parts that tensors, state dicts and notes beside them are made of.
std::span<const std::string_view> torch_globals();

// A persistent id: ('storage', torch.FloatStorage, '7', 'cpu', 12), in old files with a view of it
// behind: ('8', 4, 6).
struct StorageReference {
  std::string_view key;
  DType dtype = DType::kU8;  // of the elements that it counts; u8 where the storage has no type
  uint64_t count = 0;        // elements
  uint64_t view_begin = 0;   // elements
  uint64_t view_count = 0;   // elements; all of them where there is no view
};

// DATA_LOSS for something else than the id of a storage.
Result<StorageReference> read_storage_reference(const Pickle& pickle, const PickleValue& value);

struct StoredTensor {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  std::vector<int64_t> strides;  // per dimension, in elements; not negative
  uint64_t offset = 0;           // elements from the start of the storage
  StorageReference storage;
};

// As parse_torch_file describes it. The numbers are checked to be countable, not against the
// storage.
Result<std::vector<StoredTensor>> read_state_dict(const Pickle& pickle);

}  // namespace accel::tensors
