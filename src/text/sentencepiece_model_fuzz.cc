// Hostile SentencePiece models: never a crash, a hang or more memory than the file justifies.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/utf8.h"
#include "text/sentencepiece_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto model = accel::text::parse_sentencepiece_model(
      std::string_view(reinterpret_cast<const char*>(data), size));
  if (!model.ok()) return 0;
  if (model->unknown_id < 0) std::abort();
  if (static_cast<size_t>(model->unknown_id) >= model->pieces.size()) std::abort();
  for (const accel::text::Piece& piece : model->pieces) {
    if (accel::find_invalid_utf8(piece.text) != std::string_view::npos) std::abort();
  }
  return 0;
}
