// Hostile files of a tokenizer from before tokenizer.json: never a crash, a hang or memory out of
// proportion.
//
// The first byte chooses the class; the rest, split at "\n--\n", is the content of its files and
// then of tokenizer_config.json.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "text/tokenizer.h"
#include "text/tokenizer_files.h"

namespace {

namespace fs = std::filesystem;

struct Kind {
  const char* name;
  std::array<const char*, 3> files;  // null: no more
};
constexpr std::array<Kind, 13> kKinds{{
    {"BertTokenizer", {"vocab.txt"}},
    {"MPNetTokenizer", {"vocab.txt"}},
    {"GPT2Tokenizer", {"vocab.json", "merges.txt"}},
    {"CLIPTokenizer", {"vocab.json", "merges.txt"}},
    {"WhisperTokenizer", {"vocab.json", "merges.txt"}},
    {"Wav2Vec2CTCTokenizer", {"vocab.json"}},
    {"ByT5Tokenizer", {}},
    {"AlbertTokenizer", {"spiece.model"}},
    {"T5Tokenizer", {"spiece.model"}},
    {"XLMRobertaTokenizer", {"sentencepiece.bpe.model"}},
    {"LlamaTokenizer", {"tokenizer.model"}},
    {"GemmaTokenizer", {"tokenizer.model"}},
    {"MarianTokenizer", {"source.spm", "vocab.json", "target.spm"}},
}};

fs::path scratch() {
  // In memory where the system offers it: a busy disk stalls for longer than a unit may take.
  const fs::path memory = "/dev/shm";
  const fs::path parent = fs::exists(memory) ? memory : fs::temp_directory_path();
  std::string pattern = (parent / "accel-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) std::abort();
  static const std::string folder = pattern;
  std::atexit([] { fs::remove_all(folder); });
  return folder;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr std::string_view kBetween = "\n--\n";
  static const fs::path folder = scratch();
  if (size == 0) return 0;
  const Kind& kind = kKinds[data[0] % kKinds.size()];
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto write_next = [&](const char* name) {
    const std::string_view content = rest.substr(0, rest.find(kBetween));
    rest.remove_prefix(std::min(content.size() + kBetween.size(), rest.size()));
    std::ofstream(folder / name, std::ios::binary) << content;
  };
  for (const char* file : kind.files) {
    if (file != nullptr) write_next(file);
  }
  write_next("tokenizer_config.json");
  const auto json = accel::text::read_tokenizer(folder, kind.name);
  for (const auto& entry : fs::directory_iterator(folder)) fs::remove(entry.path());
  if (!json.ok()) return 0;
  const auto tokenizer = accel::text::Tokenizer::from_json(*json);
  if (!tokenizer.ok()) return 0;
  const auto encoding = (*tokenizer)->encode("Two  words, <s> ▁ 東京", {.max_length = 64});
  if (encoding.ok()) (void)(*tokenizer)->decode(encoding->ids);
  return 0;
}
