// Fast fingerprints: 128-bit XXH3, written as 32 lower-case hexadecimal digits. Equal bytes give
// equal fingerprints on every machine. They tell accidents apart, not attackers: nothing that is
// trusted because of its hash may use them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel::store {

// Of one piece of bytes.
std::string fingerprint(std::string_view bytes);

// Of several fields in order. Each is hashed with its length, so that {"ab", "c"} differs from
// {"a", "bc"}. One owner, one thread.
class Fingerprinter {
 public:
  Fingerprinter();
  ~Fingerprinter();
  Fingerprinter(const Fingerprinter&) = delete;
  Fingerprinter& operator=(const Fingerprinter&) = delete;

  void add(std::string_view field);
  void add(uint64_t number);
  // Of everything added so far; more may follow.
  std::string digits() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Which model this is, quickly: meant for the keys of remembered facts at every start, so it never
// reads all weights. `path` is a model folder, or a model file (then the files of the same stem
// beside it count too: model.xml with model.bin).
//
// Counted are the model's files in the folder and in its direct subfolders (1_Pooling/), in the
// order of their names; hidden files and other kinds (README.md, pictures) are not.
// * Settings and vocabularies (.json, .txt, .model, .jinja, .xml, up to 64 MiB each): their bytes.
// * Weights (.safetensors, .bin, .onnx, .gguf, .pt ...) and larger files: size, modification time,
//   inode, and the first 64 KiB, where the formats keep their headers.
// So an edited setting, a replaced or touched weight file and a renamed file change the answer; a
// copy of the folder has another one too. A cache whose content must be right needs a hash of all
// content, which is not this one.
//
// NOT_FOUND when there is no such path or no model file in it; INVALID_ARGUMENT for something that
// is neither folder nor regular file; RESOURCE_EXHAUSTED past 4,096 entries.
Result<std::string> model_fingerprint(const std::filesystem::path& path);

}  // namespace accel::store
