// Any bytes as a model in a GGUF file: opened, outlined, its tokenizer made.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "models/model_folder.h"
#include "models/tiny_bert.h"

namespace {

using accel::models::ModelFolder;
using accel::models::ScratchFolder;

const std::filesystem::path& file() {
  // In memory where the system offers it: a busy disk stalls for longer than a unit may take.
  static const bool set = ::setenv("TMPDIR", "/dev/shm", 0) == 0;
  static const ScratchFolder folder;
  static const std::filesystem::path path = folder.path() / "x.gguf";
  if (!set) std::abort();
  return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::ofstream(file(), std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  const auto opened = ModelFolder::open(file());
  if (!opened.ok()) return 0;
  const ModelFolder& folder = **opened;
  const auto head = folder.head();
  if (head.ok()) static_cast<void>(folder.build({.head = *head, .outline = true}).ok());
  static_cast<void>(folder.build({.sentence = true}).ok());
  static_cast<void>(folder.tokenizer_json().ok());
  return 0;
}
