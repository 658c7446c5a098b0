// Named tensors in and out of files, whatever their format.
#pragma once

#include <filesystem>

#include "accel/status.h"
#include "accel/tensor.h"

namespace accel::tensors {

// All tensors of a safetensors, NPZ or NPY file. The format is told by the content, whatever the
// file is called. An NPY file has one tensor without a name; it gets the file's, without its
// suffix. Tensors view the mapped file where they can and keep it alive.
//
// INVALID_ARGUMENT when it is none of the three; else the errors of the format's reader, with the
// path before them.
Result<NamedTensors> read_tensors(const std::filesystem::path& path);

// Writes to `path` in the format of its suffix, in any case: ".safetensors", ".npz", or ".npy" (for
// exactly one tensor, whose name is lost). The file appears only when complete. INVALID_ARGUMENT
// for another suffix or number; else the errors of the format's writer.
Status write_tensors(const std::filesystem::path& path, const NamedTensors& tensors);

}  // namespace accel::tensors
