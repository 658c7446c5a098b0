// Task: what one kind of question is to a model. prepare() makes rows of numbers of an input, the
// caller runs them in whatever company, and finish() makes the answer of what comes out. Both are
// functions of their arguments. A new task is one file and one line in tasks.cc.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "accel/task.h"
#include "accel/tensor.h"
#include "runtime/row_batches.h"
#include "text/tokenizer.h"

namespace accel::audio {
class FeatureExtractor;
}
namespace accel::image {
class ImageProcessor;
}
namespace accel::text {
class CtcDecoder;
}

namespace accel::pipelines {

// How embeddings of texts and images become scores: cosine * scale + bias.
struct Matching {
  double scale = 1;
  double bias = 0;
  bool independent = false;  // each text is right or wrong for itself (SigLIP), not one of them
};

// How the frames of a model of sounds follow from samples.
struct SoundFrames {
  int64_t samples_per_frame = 1;
  int64_t samples_min = 1;  // that one frame is made of
};

struct EmbeddingModel;

// How a model with late interaction (ColBERT) reads queries and documents.
struct LateInteraction {
  std::optional<int32_t> query_id;  // the marker behind the first token; none: no marker
  std::optional<int32_t> document_id;
  int64_t query_tokens = 0;  // at most, marker included
  int64_t document_tokens = 0;
  bool expands = false;  // queries are filled up with expansion_id
  bool attends = false;  // and these are attended to
  int32_t expansion_id = 0;
  std::vector<int32_t> skipped;  // tokens of documents that get no vector
};

// What a model's folder says about preparing inputs and naming outputs. Immutable.
struct TaskModel {
  std::shared_ptr<const text::Tokenizer> tokenizer;  // null: the model takes no text
  int64_t max_tokens = 0;                            // special tokens included; 0: no limit
  int64_t vocabulary = 0;                            // ids at or past it are refused
  std::vector<std::string> inputs;                   // names that its graph can take
  std::vector<std::string> labels;                   // by number; never fewer than the logits
  std::string problem_type;                          // of config.json; may be empty
  int32_t pad_id = 0;
  std::optional<int32_t> mask_id = std::nullopt;
  std::optional<int32_t> cls_id = std::nullopt;
  std::optional<int32_t> unknown_id = std::nullopt;
  bool subword_prefix = false;     // tokens inside a word carry a mark ("##ing")
  bool clean_up_spaces = false;    // decoded text loses spaces before punctuation
  bool second_text_first = false;  // of a pair; the tokenizer pads on the left
  std::shared_ptr<const image::ImageProcessor> images = nullptr;    // null: takes no images
  std::shared_ptr<const audio::FeatureExtractor> sounds = nullptr;  // null: takes no sounds
  std::shared_ptr<const text::CtcDecoder> transcripts = nullptr;    // null: has no CTC vocabulary
  SoundFrames frames = {};
  std::optional<Matching> matching = std::nullopt;  // of models that compare texts with images
  std::shared_ptr<const EmbeddingModel> sentences = nullptr;  // null: embeds no texts
  std::optional<LateInteraction> late = std::nullopt;         // none: embeds no single tokens

  bool takes(std::string_view input) const {
    return std::ranges::find(inputs, input) != inputs.end();
  }
};

// An input on its way: rows to run, and the answer made of their outputs, one set per row, in order
// and without the batch axis. Outputs may be longer than the row where it was padded.
struct Prepared {
  std::vector<runtime::Row> rows;
  std::function<Result<TaskResult>(std::span<const NamedTensors> outputs)> finish;
  uint64_t replaced_utf8 = 0;  // invalid sequences replaced by U+FFFD
  // The first rows, that other inputs probably have too: computed once for all.
  size_t recurring_rows = 0;
  double decode_seconds = 0;  // of an image file; for statistics, nothing depends on it
};

// The members of TaskInput.
enum class Part : uint8_t { kText, kSecondText, kChoices, kMedia };
using accel::to_string;                 // hidden by the next, else
std::string_view to_string(Part part);  // the member's name

struct InputPart {
  std::string_view name;  // the Hub's
  Part part;
  bool optional = false;
};

// What the graphs of a task compute.
enum class Computes : uint8_t {
  kHead,    // the head's outputs
  kDense,   // "sentence_embedding", as the folder's modules say
  kSparse,  // "sparse_embedding" of the head's logits
  kTokens,  // "token_embeddings", as the folder's modules say
};

struct Task {
  std::string_view name;  // the Hub's
  std::span<const std::string_view> aliases;
  std::string_view summary;
  // The head that its models have: a task's name, as models::to_string(Head) gives it.
  std::string_view head;
  std::span<const InputPart> inputs;
  // The graphs that its rows run through: of each, the inputs that it has where the model takes
  // them. A row runs through the first of whose inputs it has one.
  std::span<const std::span<const std::string_view>> graphs;
  std::span<const std::string_view> options;  // members of TaskOptions that it has
  Result<Prepared> (*prepare)(const TaskModel& model, const TaskInput& input,
                              const TaskOptions& options);
  Computes computes = Computes::kHead;
  // Further heads whose models have what it needs; their graphs keep their own head.
  std::span<const std::string_view> more_heads = {};

  bool serves(std::string_view of) const {
    return head == of || std::ranges::find(more_heads, of) != more_heads.end();
  }
};

// Sorted by name.
std::span<const Task> tasks();

// By name or alias. INVALID_ARGUMENT with the nearest name for an unknown one.
Result<const Task*> find_task(std::string_view name);

// The task that models with this head and these inputs are for, unless the user wants another;
// null: none.
const Task* task_of_head(std::string_view head, std::span<const std::string> inputs);

// The task that gives what a folder's own modules compute.
const Task& task_of_modules(Computes computes);

TaskReport report_of(const Task& task);

// INVALID_ARGUMENT names what `task` does not take.
Status check_options(const Task& task, const TaskOptions& options);

// prepare(), after checking that the input has the parts that the task takes and no others, and
// valid UTF-8 (replaced and counted, or refused under strict_utf8).
Result<Prepared> prepare(const Task& task, const TaskModel& model, TaskInput input,
                         const TaskOptions& options);

}  // namespace accel::pipelines
