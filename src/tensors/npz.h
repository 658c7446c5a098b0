// NPZ: numpy's format for several named arrays, a ZIP archive of NPY files ("NAME.npy").
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "accel/status.h"
#include "accel/tensor.h"
#include "tensors/zip.h"

namespace accel::tensors {

// The arrays of an archive that numpy.savez or numpy.savez_compressed wrote, in its order, under
// the names given there. Arrays that are stored, aligned and in our order of bytes are views that
// keep `owner` alive; the others are copies. Checksums are verified. The errors of
// read_zip_directory and read_npy, with the array named; INVALID_ARGUMENT for an entry that is no
// array.
Result<NamedTensors> read_npz(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                              const ZipLimits& limits = {});

// Writes `tensors` as numpy.savez does (not compressed, types as in npy.h), each array aligned to
// 64 bytes. `path` appears only when complete; a pipe works too. INVALID_ARGUMENT for a name given
// twice or one that cannot be a file name in an archive; else the errors of AtomicFile.
Status write_npz(const std::filesystem::path& path, const NamedTensors& tensors);

}  // namespace accel::tensors
