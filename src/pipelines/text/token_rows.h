// Texts as rows of tokens: pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "pipelines/task.h"
#include "runtime/row_batches.h"
#include "text/tokenizer.h"

namespace accel::pipelines {

// OUT_OF_RANGE for a token id that a model of `vocabulary` rows lacks.
Status check_ids(const text::Tokenizer& tokenizer, int64_t vocabulary,
                 const std::vector<int32_t>& ids);

// Within the model's limit, where it has one.
Result<text::Encoding> encode(const TaskModel& model, std::string_view text,
                              text::EncodeOptions options = {});
Result<text::Encoding> encode_pair(const TaskModel& model, text::TextPair pair,
                                   text::EncodeOptions options = {});

// input_ids, attention_mask and, where the model takes them, token_type_ids.
runtime::Row token_row(const TaskModel& model, const text::Encoding& encoding);

// input_ids and attention_mask alone, which all that is embedded goes by.
runtime::Row id_row(const std::vector<int32_t>& ids, const std::vector<uint8_t>& attention_mask);

struct TextRow {
  runtime::Row row;  // input_ids first
  bool truncated = false;
};

// `text` as the model was trained to read it: of SigLIP, of one length and without a mask.
// FAILED_PRECONDITION for a model without a tokenizer.
Result<TextRow> text_row(const TaskModel& model, std::string_view text);

// The text behind the prompt that `options` names, or the folder's default one, for embeddings.
// NOT_FOUND lists the prompts there are.
Result<TextRow> prompted_row(const TaskModel& model, const TaskInput& input,
                             const TaskOptions& options);

// A part of an encoding: what stands around the tokens [begin, end) of one text, and these.
struct WindowLimits {
  int64_t tokens = 0;  // of a window, with what stands around; 0: no limit
  int64_t stride = 0;  // tokens that neighbours share
};

// `encoding`, of any length, in windows that have what stands around text number `sequence`
// (special tokens, another text) and a stretch of that text. INVALID_ARGUMENT where nothing of the
// text fits beside the rest, or the stride leaves no way forward.
Result<std::vector<text::Encoding>> cut_windows(const text::Encoding& encoding, int sequence,
                                                const WindowLimits& limits);

// The bytes of the code points [begin, end) of `text`, as far as there are.
std::string_view code_points(std::string_view text, int64_t begin, int64_t end);

// `text`, decoded, as the reference library tidies it when a tokenizer asks for it
// (clean_up_tokenization_spaces): no space before punctuation and English contractions.
std::string without_spaces_before_marks(std::string text);

}  // namespace accel::pipelines
