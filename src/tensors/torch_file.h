// Tensors out of the files that torch.save writes: "pytorch_model.bin", ".pt", ".pth".
//
// Read are the ZIP archives of PyTorch 1.6 and later (a pickle, data.pkl, and one stored entry per
// storage) and the files from before (several pickles, and the storages behind them), little
// endian. Nothing in a pickle is executed (see pickle.h). Refused by name: programs of TorchScript,
// whole modules, sparse and quantised tensors, and the tar archives of PyTorch 0.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "accel/status.h"
#include "accel/tensor.h"
#include "base/files.h"

namespace accel::tensors {

// Where one tensor lies.
struct TorchEntry {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  std::vector<int64_t> strides;  // per dimension, in elements; not negative
  uint64_t begin = 0;            // of its first element, from the start of the file
  // Whether its elements lie row-major, without holes and aligned; else it is copied when read.
  bool viewable = true;
};

// The tensors of the state dict in a file of these bytes, in its order. The state dict is the
// outermost dict, or the one under "state_dict", "model_state_dict", "model" or "module" in it; a
// start that all names share because training wrapped the model ("module.", "_orig_mod.") is cut
// off. What is no tensor is passed over. Tensors may share bytes: tied weights are stored once.
//
// DATA_LOSS for what is truncated, damaged or contradicts itself; PERMISSION_DENIED for names that
// have no place in a file of tensors; UNIMPLEMENTED for what is known and not read;
// RESOURCE_EXHAUSTED where copies would take many times the file.
Result<std::vector<TorchEntry>> parse_torch_file(std::span<const std::byte> bytes);

// The tensor of an entry of parse_torch_file(bytes): a view that keeps `owner` alive where it is
// viewable, else a row-major copy.
Tensor read_torch_tensor(std::span<const std::byte> bytes, const TorchEntry& entry,
                         std::shared_ptr<const void> owner);

// Reads the file once and compares the checksums that it has; parse_torch_file does so only of the
// pickle. DATA_LOSS naming the entry that differs.
Status check_torch_checksums(std::span<const std::byte> bytes);

// An open file. A value: copies share the mapping, and each tensor that views it keeps it alive by
// itself. Immutable, so safe to read from several threads.
class TorchFile {
 public:
  // Maps the file and reads its pickles; no page of a storage is touched. Errors name the file.
  static Result<TorchFile> open(const std::filesystem::path& path);
  static Result<TorchFile> open(std::shared_ptr<const MappedFile> mapping);

  const std::vector<TorchEntry>& entries() const { return *entries_; }
  const std::shared_ptr<const MappedFile>& mapping() const { return mapping_; }

  // One of this file's own entries: a view of the mapping, or a row-major copy.
  Tensor tensor(const TorchEntry& entry) const {
    return read_torch_tensor(mapping_->bytes(), entry, mapping_);
  }

 private:
  TorchFile(std::shared_ptr<const MappedFile> mapping,
            std::shared_ptr<const std::vector<TorchEntry>> entries)
      : mapping_(std::move(mapping)), entries_(std::move(entries)) {}

  std::shared_ptr<const MappedFile> mapping_;
  std::shared_ptr<const std::vector<TorchEntry>> entries_;
};

}  // namespace accel::tensors
