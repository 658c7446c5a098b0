// Inside the NPY reader: the Python dict in the header. For users see npy.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accel/status.h"
#include "accel/tensor.h"

namespace accel::tensors {

// The three keys of the dict, as they are written.
struct NpyDict {
  std::string descr;  // "<f4"
  bool fortran_order = false;
  Shape shape;
};

// Reads a Python literal such as "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }".
// Exactly these three keys, in any order, as numpy demands. DATA_LOSS with the byte where it goes
// wrong, counted from `base`; UNIMPLEMENTED when descr is a list (an array of records).
Result<NpyDict> parse_npy_dict(std::string_view text, uint64_t base);

}  // namespace accel::tensors
