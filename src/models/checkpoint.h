// Checkpoint: the weights of a folder, whatever files hold them: safetensors or PyTorch's, one or
// several with an index; or those of a GGUF file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "accel/status.h"
#include "accel/tensor.h"
#include "base/files.h"
#include "models/gguf/gguf_weights.h"
#include "models/weights.h"
#include "tensors/safetensors.h"
#include "tensors/torch_file.h"

namespace accel::models {

// A value: copies share the mappings. Immutable; safe from any thread.
class Checkpoint {
 public:
  // A tensor before it is read.
  struct Entry {
    std::string name;
    DType dtype = DType::kF32;
    Shape shape;
    size_t file = 0;   // in mappings()
    size_t place = 0;  // among the file's tensors
  };

  // The first of these that is in `folder`: model.safetensors, model.safetensors.index.json,
  // pytorch_model.bin, pytorch_model.bin.index.json, model.pt, model.pth, and else the only other
  // .pt or .pth file. Reads headers: no page of a tensor is touched.
  //
  // NOT_FOUND when there is none, or shards are missing; INVALID_ARGUMENT for shards outside the
  // folder (a link into the blobs of the Hub's cache counts as inside), and for shards that
  // contradict their index; else the errors of the formats' readers. Messages name the file.
  static Result<Checkpoint> open(const std::filesystem::path& folder);

  // Whether `folder` has a file that open() would read, or refuse.
  static bool lies_in(const std::filesystem::path& folder);

  // The tensors of a model's GGUF files, under the names of a checkpoint.
  static Checkpoint of(const std::vector<gguf::GgufWeights>& files);

  const std::vector<Entry>& entries() const { return entries_; }

  // A view of the mapping that keeps it alive; a copy where the file has it in another order,
  // packed or not aligned.
  Tensor tensor(const Entry& entry) const;

  // All of them.
  std::vector<WeightEntry> weights() const;

  std::vector<std::shared_ptr<const MappedFile>> mappings() const;

  // Reads the files that have checksums once. DATA_LOSS naming file and entry that differ.
  Status check_checksums() const;

 private:
  using File = std::variant<tensors::SafetensorsFile, tensors::TorchFile, gguf::GgufWeights>;

  Checkpoint() = default;
  static Result<Checkpoint> open_indexed(const std::filesystem::path& index);
  Status add_file(const std::filesystem::path& path);
  void add_entries();  // of the last file

  std::vector<File> files_;
  std::vector<Entry> entries_;
};

}  // namespace accel::models
