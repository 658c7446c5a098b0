// Texts to sentence embeddings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accel/run_report.h"
#include "accel/status.h"
#include "accel/tensor.h"

namespace accel {

struct EmbedOptions {
  std::string prompt;        // a prompt's name in the model's folder; empty: its default
  int64_t dimensions = 0;    // keep the first N and normalise again (Matryoshka); 0: all
  bool normalize = true;     // false leaves out the folder's normalisation
  bool strict_utf8 = false;  // invalid UTF-8 is refused instead of replaced
  int64_t batch_tokens = 0;  // of a batch of this call; 0: LoadOptions::batch_tokens
};

struct EmbedTimes {  // seconds, summed over threads
  double tokenize = 0;
  double infer = 0;
};

struct EmbedResult {
  Tensor embeddings;            // f32 [texts, size]
  std::vector<int32_t> tokens;  // per text, special tokens included, after truncation
  std::vector<bool> truncated;  // per text
  uint64_t padded_tokens = 0;   // computed and thrown away
  uint64_t replaced_utf8 = 0;   // invalid sequences replaced by U+FFFD
  EmbedTimes times;
  RunReport report;
  std::vector<std::string> devices;  // that ran each text, with LoadOptions::rules; else empty
};

// Texts in, embeddings out in the same order, while memory stays bounded: at most `window_texts`
// texts wait for company, none longer than `window_ms`. A text is tokenised as it is pushed and not
// kept.
struct EmbedStreamOptions {
  EmbedOptions embed;
  int window_texts = 4096;
  int window_ms = 100;
};

class ACCEL_API EmbeddingStream {
 public:
  virtual ~EmbeddingStream() = default;  // cancels what is under way

  // Hands over one text. Blocks while too much is in flight. CANCELLED after an error or cancel();
  // the error itself is told by next().
  virtual Status push(std::string text) = 0;
  // No more texts; what was pushed is still answered.
  virtual void close() = 0;
  // The next texts in input order, at least one; nullopt at the end. Blocks.
  virtual Result<std::optional<EmbedResult>> next() = 0;
  // From any thread: makes push() and next() return CANCELLED soon.
  virtual void cancel() = 0;
  // Texts computed so far, for progress. From any thread.
  virtual uint64_t completed() const = 0;
};

}  // namespace accel
