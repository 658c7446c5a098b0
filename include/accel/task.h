// Tasks: what a user gives a model and what comes back, with the names that the Hugging Face Hub's
// pipelines give them.
//
//   auto answers = model->run({{.text = "What a lovely day!"}});
//   if (answers->front().ok()) std::cout << accel::to_json(*answers->front()) << '\n';
//   // [{"label":"POSITIVE","score":0.9998}]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "accel/status.h"
#include "accel/tensor.h"

namespace accel {

// One item. Which parts a task takes stands in TaskReport::inputs; others are refused.
struct TaskInput {
  std::string text = {};                                  // the text, question, query or prompt
  std::optional<std::string> second_text = std::nullopt;  // of a pair; the context of a question
  // Candidate labels, documents to rank, endings of a prompt.
  std::vector<std::string> choices = {};
  // An image or a sound, as its file has it: the bytes of a JPEG, a WAV ...
  std::optional<std::string> media = std::nullopt;
  // Of sentence-embedding, in place of the text: its tokens, taken as they are, special ones
  // included.
  std::optional<std::vector<int32_t>> tokens = std::nullopt;
};

// Unset ones are the task's own choice. One that a task does not have is refused by name.
struct TaskOptions {
  std::optional<int64_t> top_k = std::nullopt;  // answers to keep, the best ones; 0: all
  // How logits become scores: "softmax", "sigmoid" or "none". Unset: what the model's config.json
  // says.
  std::optional<std::string> function = std::nullopt;
  // Each candidate label true or false for itself.
  std::optional<bool> multi_label = std::nullopt;
  // The sentence that a candidate label is put into, at "{}".
  std::optional<std::string> hypothesis = std::nullopt;
  // How tokens become entities: "none" (each token for itself), "simple" (neighbours of one label),
  // or one label per word: that of its "first" token, the surest one ("max") or their "average".
  std::optional<std::string> aggregation = std::nullopt;
  std::optional<int64_t> window_tokens = std::nullopt;  // of a long text cut into windows
  std::optional<int64_t> stride_tokens = std::nullopt;  // by which windows overlap
  std::optional<int64_t> max_answer_tokens = std::nullopt;
  // "No answer" may be the answer.
  std::optional<bool> no_answer = std::nullopt;
  // The only words that may fill a mask.
  std::optional<std::vector<std::string>> targets = std::nullopt;
  std::optional<double> threshold = std::nullopt;  // the least score of an object, from 0 to 1
  // Of a transcript: when its "word"s or "char"acters were said.
  std::optional<std::string> timestamps = std::nullopt;
  // Of features: one vector for the whole, the model's "pooler_output", instead of all states.
  std::optional<bool> pool = std::nullopt;
  // The name of a prompt of the model's folder that goes before the text; of a model with late
  // interaction "query" or "document".
  std::optional<std::string> prompt = std::nullopt;
  // Of an embedding: its first numbers only, brought back to unit length (Matryoshka); 0: all.
  std::optional<int64_t> dimensions = std::nullopt;
  // Of an embedding: false leaves out the normalisation of the model's folder.
  std::optional<bool> normalize = std::nullopt;
  bool strict_utf8 = false;  // invalid UTF-8 is refused instead of replaced
};

struct LabelScore {
  std::string label;
  double score = 0;
};
using Labels = std::vector<LabelScore>;  // best first

struct CandidateLabels {
  std::string sequence;
  Labels labels;  // best first
};

// A token, or neighbouring ones, with a label. Places are code points of the text.
struct Entity {
  std::string entity;  // without "B-" and "I-" when grouped
  bool grouped = false;
  double score = 0;
  int64_t index = 0;  // of the token, when not grouped
  std::string word;
  int64_t start = 0;
  int64_t end = 0;
};
using Entities = std::vector<Entity>;  // in the order of the text

// A span of the context, in code points; empty for "no answer".
struct Answer {
  double score = 0;
  int64_t start = 0;
  int64_t end = 0;
  std::string answer;
};
using Answers = std::vector<Answer>;  // best first

struct MaskFill {
  double score = 0;
  int64_t token = 0;
  std::string token_str;
  std::string sequence;  // the text with it
};
using MaskFills = std::vector<std::vector<MaskFill>>;  // per mask, best first

struct RankedDocument {
  int64_t index = 0;  // in TaskInput::choices
  double score = 0;
  std::string text;
};
using Ranking = std::vector<RankedDocument>;  // best first

// A thing in an image; the edges are pixels of the image as it is seen, and may lie beyond it.
struct DetectedObject {
  double score = 0;
  std::string label;
  int64_t class_id = 0;
  int64_t xmin = 0;
  int64_t ymin = 0;
  int64_t xmax = 0;
  int64_t ymax = 0;
};
using DetectedObjects = std::vector<DetectedObject>;  // in the model's order

// All pixels of one class.
struct Segment {
  std::string label;
  int64_t class_id = 0;
  int64_t area = 0;  // pixels
};
struct Segmentation {
  int64_t width = 0;  // of the image as it is seen
  int64_t height = 0;
  std::vector<uint16_t> classes;  // of each pixel, rows from the top down
  std::vector<Segment> segments;  // of the classes that occur, in their order
};

// A word or character and the seconds in which it was said.
struct TranscriptChunk {
  std::string text;
  double begin = 0;
  double end = 0;
};
struct Transcript {
  std::string text;
  std::optional<std::vector<TranscriptChunk>> chunks;  // where asked for
};

// Numbers that stand for an input, as nested lists of their shape.
struct Features {
  // f32. feature-extraction and its like, as the Hub's: [1, tokens, size], of a convolutional model
  // [1, size, height, width], pooled or compared with others [1, size]. sentence-embedding: [size].
  // multi-vector-embedding: [tokens kept, size].
  Tensor values;
};

// What a text means, as weights of a few words of the vocabulary.
struct WordWeight {
  int64_t token = 0;
  std::string token_str;
  double weight = 0;
};
using SparseEmbedding =
    std::vector<WordWeight>;  // all that are not 0, or the top_k; heaviest first

struct TaskResult {
  std::variant<Labels, CandidateLabels, Entities, Answers, MaskFills, Ranking, DetectedObjects,
               Segmentation, Transcript, Features, SparseEmbedding>
      answer;
  bool truncated = false;  // a part of the input was dropped for the model's limit
  // That ran it, with LoadOptions::rules: "CPU/1#0", of an input in several parts "CPU/1#0+GPU#1".
  // Empty: the report's.
  std::string device = {};
};

// As the Hub's pipelines give it: a single answer of several possible ones as an object, else a
// list. ASCII only where the texts are.
ACCEL_API std::string to_json(const TaskResult& result);

// A part of a task's input.
struct TaskInputPart {
  std::string name;    // the Hub's: "context"
  std::string member;  // of TaskInput: "second_text"
  bool optional = false;
};

// What this build does with models of one kind.
struct TaskReport {
  std::string name;  // "text-classification"
  std::vector<std::string> aliases;
  std::string summary;
  std::vector<TaskInputPart> inputs;
  std::vector<std::string> options;  // members of TaskOptions, in the order there
};

}  // namespace accel
