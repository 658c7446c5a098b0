#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/suggestion.h"
#include "base/try.h"
#include "base/utf8.h"
#include "pipelines/audio/audio_tasks.h"
#include "pipelines/image/image_tasks.h"
#include "pipelines/task.h"
#include "pipelines/text/text_tasks.h"

namespace accel::pipelines {
namespace {

using Names = std::span<const std::string_view>;

// What an input of each task has, by the Hub's names.
constexpr std::array kOneText = {InputPart{"text", Part::kText}};
constexpr std::array kTextOrPair = {InputPart{"text", Part::kText},
                                    InputPart{"text_pair", Part::kSecondText, true}};
constexpr std::array kQuestion = {InputPart{"question", Part::kText},
                                  InputPart{"context", Part::kSecondText}};
constexpr std::array kQuery = {InputPart{"query", Part::kText},
                               InputPart{"documents", Part::kChoices}};
constexpr std::array kPrompt = {InputPart{"prompt", Part::kText},
                                InputPart{"choices", Part::kChoices}};
constexpr std::array kCandidates = {InputPart{"text", Part::kText},
                                    InputPart{"candidate_labels", Part::kChoices}};

constexpr std::array kImage = {InputPart{"image", Part::kMedia}};
constexpr std::array kSound = {InputPart{"audio", Part::kMedia}};
constexpr std::array kImageAndCandidates = {InputPart{"image", Part::kMedia},
                                            InputPart{"candidate_labels", Part::kChoices}};

constexpr std::array<std::string_view, 3> kTokens = {"input_ids", "attention_mask",
                                                     "token_type_ids"};
constexpr std::array<std::string_view, 2> kPixels = {"pixel_values", "pixel_mask"};
constexpr std::array<std::string_view, 2> kSamples = {"input_values", "input_features"};
constexpr std::array<Names, 1> kOfText = {kTokens};
constexpr std::array<Names, 1> kOfImage = {kPixels};
constexpr std::array<Names, 1> kOfSound = {kSamples};
constexpr std::array<Names, 2> kOfTextAndImage = {kTokens, kPixels};

constexpr std::array<std::string_view, 1> kSpeech = {"speech-recognition"};
constexpr std::array<std::string_view, 1> kSentiment = {"sentiment-analysis"};
constexpr std::array<std::string_view, 1> kNer = {"ner"};
constexpr std::array<std::string_view, 1> kRerank = {"rerank"};
constexpr std::array<std::string_view, 1> kColbert = {"colbert"};
constexpr std::array<std::string_view, 1> kSplade = {"splade"};

constexpr std::array<std::string_view, 1> kOfMatching = {"zero-shot-image-classification"};

constexpr std::array<std::string_view, 2> kTopAndFunction = {"top_k", "function"};
constexpr std::array<std::string_view, 2> kTopAndTargets = {"top_k", "targets"};
constexpr std::array<std::string_view, 1> kTop = {"top_k"};
constexpr std::array<std::string_view, 5> kSpans = {"top_k", "window_tokens", "stride_tokens",
                                                    "max_answer_tokens", "no_answer"};
constexpr std::array<std::string_view, 3> kGrouping = {"aggregation", "window_tokens",
                                                       "stride_tokens"};
constexpr std::array<std::string_view, 1> kThreshold = {"threshold"};
constexpr std::array<std::string_view, 1> kPool = {"pool"};
constexpr std::array<std::string_view, 1> kPrompts = {"prompt"};
constexpr std::array<std::string_view, 3> kSentences = {"prompt", "dimensions", "normalize"};
constexpr std::array<std::string_view, 2> kTopAndPrompt = {"top_k", "prompt"};
constexpr std::array<std::string_view, 1> kTimestamps = {"timestamps"};
constexpr std::array<std::string_view, 2> kTopAndHypothesis = {"top_k", "hypothesis"};
constexpr std::array<std::string_view, 3> kZeroShot = {"top_k", "multi_label", "hypothesis"};

constexpr std::array<Task, 19> kTasks{{
    {"audio-classification",
     {},
     "a sound to labels",
     "audio-classification",
     kSound,
     kOfSound,
     kTopAndFunction,
     prepare_audio_classification},
    {"audio-feature-extraction",
     {},
     "the model's numbers for each frame of a sound",
     "feature-extraction",
     kSound,
     kOfSound,
     kPool,
     prepare_audio_feature_extraction},
    {"automatic-speech-recognition", kSpeech, "the words of a recording, by models with CTC",
     "automatic-speech-recognition", kSound, kOfSound, kTimestamps, prepare_speech_recognition},
    {"feature-extraction",
     {},
     "the model's numbers for each token of a text",
     "feature-extraction",
     kOneText,
     kOfText,
     kPool,
     prepare_feature_extraction,
     Computes::kHead,
     kOfMatching},
    {"fill-mask",
     {},
     "the words that fit in the place of a mask token",
     "fill-mask",
     kOneText,
     kOfText,
     kTopAndTargets,
     prepare_fill_mask},
    {"image-classification",
     {},
     "an image to labels",
     "image-classification",
     kImage,
     kOfImage,
     kTopAndFunction,
     prepare_image_classification},
    {"image-feature-extraction",
     {},
     "the model's numbers for an image",
     "feature-extraction",
     kImage,
     kOfImage,
     kPool,
     prepare_image_feature_extraction,
     Computes::kHead,
     kOfMatching},
    {"image-segmentation",
     {},
     "a class for each pixel of an image",
     "image-segmentation",
     kImage,
     kOfImage,
     {},
     prepare_image_segmentation},
    {"multi-vector-embedding", kColbert, "a vector per token of a text, for late interaction",
     "feature-extraction", kOneText, kOfText, kPrompts, prepare_multi_vector_embedding,
     Computes::kTokens},
    {"multiple-choice",
     {},
     "which of several endings goes on from a prompt",
     "multiple-choice",
     kPrompt,
     kOfText,
     kTop,
     prepare_multiple_choice},
    {"object-detection",
     {},
     "the things in an image, with boxes",
     "object-detection",
     kImage,
     kOfImage,
     kThreshold,
     prepare_object_detection},
    {"question-answering",
     {},
     "the span of a context that answers a question",
     "question-answering",
     kQuestion,
     kOfText,
     kSpans,
     prepare_question_answering},
    {"sentence-embedding",
     {},
     "one vector for a text",
     "feature-extraction",
     kOneText,
     kOfText,
     kSentences,
     prepare_sentence_embedding,
     Computes::kDense},
    {"sparse-embedding", kSplade, "the words that a text means, with weights", "fill-mask",
     kOneText, kOfText, kTopAndPrompt, prepare_sparse_embedding, Computes::kSparse},
    {"text-classification", kSentiment, "a text, or a pair of texts, to labels",
     "text-classification", kTextOrPair, kOfText, kTopAndFunction, prepare_text_classification},
    {"text-ranking", kRerank, "documents by how well they answer a query", "text-classification",
     kQuery, kOfText, kTopAndFunction, prepare_text_ranking},
    {"token-classification", kNer, "the entities of a text", "token-classification", kOneText,
     kOfText, kGrouping, prepare_token_classification},
    {"zero-shot-classification",
     {},
     "which of your own labels fit a text",
     "text-classification",
     kCandidates,
     kOfText,
     kZeroShot,
     prepare_zero_shot_classification},
    {"zero-shot-image-classification",
     {},
     "which of your own labels fit an image",
     "zero-shot-image-classification",
     kImageAndCandidates,
     kOfTextAndImage,
     kTopAndHypothesis,
     prepare_zero_shot_image_classification},
}};

bool takes(Names names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::string inputs_text(const Task& task) {
  std::vector<std::string> names;
  for (const InputPart& part : task.inputs) {
    names.push_back(fmt::format("{}{}", part.name, part.optional ? " (optional)" : ""));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

// What an input has of a part, in words.
std::string_view found_text(Part part, bool there) {
  switch (part) {
    case Part::kText: return there ? "a text" : "no text";
    case Part::kSecondText: return there ? "a second text" : "one text";
    case Part::kChoices: return there ? "a list of texts" : "no list of texts";
    case Part::kMedia: return there ? "a file" : "no file";
  }
  return {};
}

// The parts that are there are those that the task takes; a text may be empty.
Status check_parts(const Task& task, const TaskInput& input) {
  if (input.tokens && (task.computes != Computes::kDense || !input.text.empty())) {
    return invalid_argument(fmt::format(
        "{}: expected {}, found {}", task.name, inputs_text(task),
        input.text.empty() ? "tokens, which sentence-embedding takes" : "a text and tokens"));
  }
  const std::array<std::pair<Part, bool>, 4> parts{{
      {Part::kText, !input.text.empty()},
      {Part::kSecondText, input.second_text.has_value()},
      {Part::kChoices, !input.choices.empty()},
      {Part::kMedia, input.media.has_value()},
  }};
  for (const auto& [part, there] : parts) {
    const auto it = std::ranges::find(task.inputs, part, &InputPart::part);
    const bool wanted = it != task.inputs.end();
    if (wanted ? there || it->optional || part == Part::kText : !there) continue;
    return invalid_argument(fmt::format("{}: expected {}, found {}", task.name, inputs_text(task),
                                        found_text(part, there)));
  }
  return {};
}

Status repair(std::string& text, bool strict, uint64_t& replaced) {
  const size_t at = find_invalid_utf8(text);
  if (at == std::string::npos) return {};
  if (strict) {
    return Status(StatusCode::kInvalidArgument,
                  fmt::format("expected UTF-8, found an invalid sequence at byte {}; without "
                              "strict_utf8 it is replaced",
                              at),
                  at);
  }
  Utf8Repair repaired = repair_utf8(text);
  replaced += repaired.replaced;
  text = std::move(repaired.text);
  return {};
}

}  // namespace

std::string_view to_string(Part part) {
  constexpr std::array<std::string_view, 4> kMembers = {"text", "second_text", "choices", "media"};
  return kMembers[static_cast<size_t>(part)];
}

std::span<const Task> tasks() { return kTasks; }

Result<const Task*> find_task(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Task& task : kTasks) {
    if (task.name == name || takes(task.aliases, name)) return &task;
    names.push_back(task.name);
  }
  return invalid_argument(fmt::format("unknown task '{}'{}; expected one of: {}", name,
                                      did_you_mean(name, names), fmt::join(names, ", ")));
}

const Task* task_of_head(std::string_view head, std::span<const std::string> inputs) {
  const auto has_inputs = [&](const Task& task) {
    return std::ranges::all_of(task.graphs, [&](Names names) {
      return std::ranges::any_of(inputs, [&](const auto& input) { return takes(names, input); });
    });
  };
  // The task that is called like the head is the usual one, unless the model takes something else.
  const auto named = std::ranges::find(kTasks, head, &Task::name);
  if (named != kTasks.end() && has_inputs(*named)) return &*named;
  for (const Task& task : kTasks) {
    if (task.computes == Computes::kHead && task.serves(head) && has_inputs(task)) return &task;
  }
  return named == kTasks.end() ? nullptr : &*named;
}

const Task& task_of_modules(Computes computes) {
  return *std::ranges::find(kTasks, computes, &Task::computes);
}

TaskReport report_of(const Task& task) {
  TaskReport report{.name = std::string(task.name),
                    .aliases = {task.aliases.begin(), task.aliases.end()},
                    .summary = std::string(task.summary),
                    .options = {task.options.begin(), task.options.end()}};
  for (const InputPart& part : task.inputs) {
    report.inputs.push_back(
        {std::string(part.name), std::string(to_string(part.part)), part.optional});
  }
  return report;
}

Status check_options(const Task& task, const TaskOptions& options) {
  const std::array<std::pair<std::string_view, bool>, 16> given{{
      {"top_k", options.top_k.has_value()},
      {"function", options.function.has_value()},
      {"multi_label", options.multi_label.has_value()},
      {"hypothesis", options.hypothesis.has_value()},
      {"aggregation", options.aggregation.has_value()},
      {"window_tokens", options.window_tokens.has_value()},
      {"stride_tokens", options.stride_tokens.has_value()},
      {"max_answer_tokens", options.max_answer_tokens.has_value()},
      {"no_answer", options.no_answer.has_value()},
      {"targets", options.targets.has_value()},
      {"threshold", options.threshold.has_value()},
      {"timestamps", options.timestamps.has_value()},
      {"pool", options.pool.has_value()},
      {"prompt", options.prompt.has_value()},
      {"dimensions", options.dimensions.has_value()},
      {"normalize", options.normalize.has_value()},
  }};
  for (const auto& [name, set] : given) {
    if (!set || takes(task.options, name)) continue;
    return invalid_argument(fmt::format(
        "{} has no option {}; it has: {}", task.name, name,
        task.options.empty() ? "none" : fmt::format("{}", fmt::join(task.options, ", "))));
  }
  if (options.threshold && !(*options.threshold >= 0 && *options.threshold <= 1)) {
    return invalid_argument(
        fmt::format("threshold: expected 0 to 1, found {}", *options.threshold));
  }
  for (const auto& [name, value] :
       {std::pair{"top_k", options.top_k}, std::pair{"window_tokens", options.window_tokens},
        std::pair{"stride_tokens", options.stride_tokens},
        std::pair{"max_answer_tokens", options.max_answer_tokens},
        std::pair{"dimensions", options.dimensions}}) {
    if (value.value_or(0) < 0) {
      return invalid_argument(fmt::format("{}: expected at least 0, found {}", name, *value));
    }
  }
  return {};
}

Result<Prepared> prepare(const Task& task, const TaskModel& model, TaskInput input,
                         const TaskOptions& options) {
  ACCEL_TRY(check_parts(task, input));
  uint64_t replaced = 0;
  ACCEL_TRY(repair(input.text, options.strict_utf8, replaced));
  if (input.second_text) ACCEL_TRY(repair(*input.second_text, options.strict_utf8, replaced));
  for (std::string& choice : input.choices) {
    ACCEL_TRY(repair(choice, options.strict_utf8, replaced));
  }
  ACCEL_ASSIGN(Prepared prepared, task.prepare(model, input, options));
  prepared.replaced_utf8 = replaced;
  return prepared;
}

}  // namespace accel::pipelines
