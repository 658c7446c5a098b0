#include "text/tokenizer_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/files.h"
#include "base/try.h"
#include "text/legacy/legacy_tokenizers.h"

namespace accel::text {
namespace {

using Name = std::string_view;

constexpr std::array<Name, 1> kWords{"vocab.txt"};
constexpr std::array<Name, 2> kPairs{"vocab.json", "merges.txt"};
constexpr std::array<Name, 1> kLetters{"vocab.json"};
constexpr std::array<Name, 1> kPieces{"spiece.model"};
constexpr std::array<Name, 1> kShortPieces{"spm.model"};
constexpr std::array<Name, 1> kFairseqPieces{"sentencepiece.bpe.model"};
constexpr std::array<Name, 1> kTokenizerModel{"tokenizer.model"};
constexpr std::array<Name, 3> kTranslation{"source.spm", "target.spm", "vocab.json"};

// By class; several classes are one under different names.
constexpr std::array kTokenizers{
    LegacyTokenizer{"AlbertTokenizer", kPieces, albert_tokenizer},
    LegacyTokenizer{"BartTokenizer", kPairs, bart_tokenizer},
    LegacyTokenizer{"BertTokenizer", kWords, bert_tokenizer},
    LegacyTokenizer{"ByT5Tokenizer", {}, byt5_tokenizer},
    LegacyTokenizer{"CLIPTokenizer", kPairs, clip_tokenizer},
    LegacyTokenizer{"CamembertTokenizer", kFairseqPieces, camembert_tokenizer},
    LegacyTokenizer{"DebertaV2Tokenizer", kShortPieces, deberta_v2_tokenizer},
    LegacyTokenizer{"DistilBertTokenizer", kWords, bert_tokenizer},
    LegacyTokenizer{"ElectraTokenizer", kWords, bert_tokenizer},
    LegacyTokenizer{"GPT2Tokenizer", kPairs, gpt2_tokenizer},
    LegacyTokenizer{"GemmaTokenizer", kTokenizerModel, gemma_tokenizer},
    LegacyTokenizer{"LlamaTokenizer", kTokenizerModel, llama_tokenizer},
    LegacyTokenizer{"MBartTokenizer", kFairseqPieces, mbart_tokenizer},
    LegacyTokenizer{"MPNetTokenizer", kWords, mpnet_tokenizer},
    LegacyTokenizer{"MT5Tokenizer", kPieces, t5_tokenizer},
    LegacyTokenizer{"MarianTokenizer", kTranslation, marian_tokenizer},
    LegacyTokenizer{"Qwen2Tokenizer", kPairs, qwen2_tokenizer},
    LegacyTokenizer{"RobertaTokenizer", kPairs, roberta_tokenizer},
    LegacyTokenizer{"SiglipTokenizer", kPieces, siglip_tokenizer},
    LegacyTokenizer{"T5Tokenizer", kPieces, t5_tokenizer},
    LegacyTokenizer{"Wav2Vec2CTCTokenizer", kLetters, ctc_tokenizer},
    LegacyTokenizer{"WhisperTokenizer", kPairs, whisper_tokenizer},
    LegacyTokenizer{"XLMRobertaTokenizer", kFairseqPieces, xlm_roberta_tokenizer},
};

Status nothing_there(const std::filesystem::path& folder, std::string_view of_class,
                     std::span<const Name> files) {
  const std::string or_else =
      files.empty() ? "" : fmt::format(", or {} for {}", fmt::join(files, ", "), of_class);
  return not_found(fmt::format("{}: expected a tokenizer beside the model: tokenizer.json{}; found "
                               "none",
                               folder.string(), or_else));
}

}  // namespace

Result<std::string> read_tokenizer(const std::filesystem::path& folder,
                                   std::string_view usual_class) {
  constexpr uint64_t kLimit = 256ull << 20;
  Result<std::string> modern = read_file(folder / "tokenizer.json", kLimit);
  if (modern.ok() || modern.status().code() != StatusCode::kNotFound) return modern;

  ACCEL_ASSIGN(LegacyFiles files, LegacyFiles::open(folder));
  std::string own_class = files.tokenizer_class();
  if (own_class.empty()) own_class = usual_class;
  const auto tokenizer = std::ranges::find(kTokenizers, own_class, &LegacyTokenizer::name);
  if (tokenizer == kTokenizers.end()) {
    if (own_class.empty()) return nothing_there(folder, own_class, {});
    return unimplemented(
        fmt::format("{}: expected tokenizer.json; a {} is not made from other files",
                    folder.string(), own_class));
  }
  if (!std::ranges::all_of(tokenizer->files, [&](Name file) { return files.has(file); })) {
    return nothing_there(folder, own_class, tokenizer->files);
  }
  const Result<TokenizerParts> parts = tokenizer->convert(files);
  const Status& status = parts.ok() ? files.status() : parts.status();
  if (!status.ok()) return status.with_context(fmt::format("{}: {}", folder.string(), own_class));
  return tokenizer_json(*parts);
}

}  // namespace accel::text
