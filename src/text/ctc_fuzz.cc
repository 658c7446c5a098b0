// Arbitrary files and ids for the CTC decoder: vocab.json, tokenizer_config.json and ids, separated
// by zero bytes. Refused, or a text whose pieces lie within the frames, in order.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "text/ctc.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto next = [&] {
    const std::string_view part = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    return part;
  };
  accel::text::CtcFiles files;
  files.vocabulary = next();
  files.config = next();
  const auto decoder = accel::text::CtcDecoder::create(files);
  if (!decoder.ok()) return 0;
  std::vector<int64_t> ids;
  for (const char byte : rest) ids.push_back(static_cast<int8_t>(byte));
  const auto text = decoder->decode(ids, {.characters = true, .words = true});
  if (!text.ok()) std::abort();
  for (const auto* spans : {&text->characters, &text->words}) {
    uint64_t last = 0;
    for (const accel::text::CtcSpan& span : *spans) {
      if (span.begin < last || span.end <= span.begin || span.end > ids.size()) std::abort();
      last = span.end;
    }
  }
  return 0;
}
