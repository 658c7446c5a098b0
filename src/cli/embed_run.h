// The work of `accel embed`: texts from an input through a model to a writer, in order, with
// reading, tokenising, computing and writing at the same time and everything in between bounded.
#pragma once

#include <cstdint>
#include <memory>

#include "accel/engine.h"
#include "cli/embedding_output.h"
#include "cli/interrupt.h"
#include "cli/text_input.h"

namespace accel::cli {

// What a run did, for --stats and notices.
struct EmbedTally {
  uint64_t texts = 0;
  uint64_t tokens = 0;
  uint64_t padded_tokens = 0;
  uint64_t replaced_utf8 = 0;
  EmbedTimes times;
  RunReport report;          // of the last result
  bool interrupted = false;  // by a signal; what was written are whole records
};

// Writes the records of `result` and adds it to `tally`. `carried` has the fields of each text, or
// is empty.
Status write_result(const EmbedResult& result, std::span<const std::string> carried,
                    EmbeddingWriter& writer, EmbedTally& tally);

struct EmbedRun {
  EmbeddingStream& stream;
  TextInput& input;
  EmbeddingWriter& writer;
  const Interrupt& interrupt;  // the input stops with it too
  bool progress = false;       // a bar on standard error, if that is a terminal
};

// Runs to the end of the input. An interrupt is no error: it ends the run early, and the tally says
// so. The caller finishes the writer. An error of input, model or writer ends the run; the first of
// them is returned.
Status run_embed_stream(const EmbedRun& run, EmbedTally& tally);

}  // namespace accel::cli
