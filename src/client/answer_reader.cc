#include "client/answer_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "base/try.h"

namespace accel::client {
namespace {

using AnyAnswer = decltype(TaskResult::answer);

// Members of an answer. After one that is missing or of another kind ok is false, and what was read
// means nothing.
struct AnswerReader {
  bool ok = true;

  const Json& member(const Json& object, const char* name) {
    static const Json kNone;
    const auto found = object.find(name);  // the end, where it is no object
    ok = ok && found != object.end();
    return found == object.end() ? kNone : *found;
  }
  std::string text(const Json& value) {
    ok = ok && value.is_string();
    return value.is_string() ? value.get<std::string>() : std::string();
  }
  // JSON has null for what is no number.
  double number(const Json& value) {
    ok = ok && (value.is_number() || value.is_null());
    return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
  }
  int64_t integer(const Json& value) {
    ok = ok && value.is_number_integer();
    return value.is_number_integer() ? value.get<int64_t>() : 0;
  }
  std::string text_of(const Json& object, const char* name) { return text(member(object, name)); }
  double number_of(const Json& object, const char* name) { return number(member(object, name)); }
  int64_t integer_of(const Json& object, const char* name) { return integer(member(object, name)); }

  template <class Read>
  auto list(const Json& value, Read read) {
    std::vector<decltype(read(*this, value))> all;
    ok = ok && value.is_array();
    if (!value.is_array()) return all;
    for (const Json& one : value) all.push_back(read(*this, one));
    return all;
  }
};

LabelScore read_label(AnswerReader& reader, const Json& json) {
  return {reader.text_of(json, "label"), reader.number_of(json, "score")};
}

Entity read_entity(AnswerReader& reader, const Json& json) {
  Entity entity{.grouped = json.contains("entity_group"),
                .score = reader.number_of(json, "score"),
                .word = reader.text_of(json, "word"),
                .start = reader.integer_of(json, "start"),
                .end = reader.integer_of(json, "end")};
  entity.entity = reader.text_of(json, entity.grouped ? "entity_group" : "entity");
  if (!entity.grouped) entity.index = reader.integer_of(json, "index");
  return entity;
}

Answer read_span(AnswerReader& reader, const Json& json) {
  return {.score = reader.number_of(json, "score"),
          .start = reader.integer_of(json, "start"),
          .end = reader.integer_of(json, "end"),
          .answer = reader.text_of(json, "answer")};
}

MaskFill read_fill(AnswerReader& reader, const Json& json) {
  return {.score = reader.number_of(json, "score"),
          .token = reader.integer_of(json, "token"),
          .token_str = reader.text_of(json, "token_str"),
          .sequence = reader.text_of(json, "sequence")};
}

std::vector<MaskFill> read_fills(AnswerReader& reader, const Json& json) {
  return reader.list(json, read_fill);
}

RankedDocument read_ranked(AnswerReader& reader, const Json& json) {
  return {.index = reader.integer_of(json, "index"),
          .score = reader.number_of(json, "score"),
          .text = reader.text_of(json, "text")};
}

DetectedObject read_object(AnswerReader& reader, const Json& json) {
  const Json& box = reader.member(json, "box");
  return {.score = reader.number_of(json, "score"),
          .label = reader.text_of(json, "label"),
          .xmin = reader.integer_of(box, "xmin"),
          .ymin = reader.integer_of(box, "ymin"),
          .xmax = reader.integer_of(box, "xmax"),
          .ymax = reader.integer_of(box, "ymax")};
}

Segment read_segment(AnswerReader& reader, const Json& json) {
  return {.label = reader.text_of(json, "label"), .area = reader.integer_of(json, "area")};
}

WordWeight read_word(AnswerReader& reader, const Json& json) {
  return {.token = reader.integer_of(json, "token"),
          .token_str = reader.text_of(json, "token_str"),
          .weight = reader.number_of(json, "weight")};
}

TranscriptChunk read_chunk(AnswerReader& reader, const Json& json) {
  const std::vector<double> times =
      reader.list(reader.member(json, "timestamp"),
                  [](AnswerReader& inner, const Json& one) { return inner.number(one); });
  reader.ok = reader.ok && times.size() == 2;
  if (!reader.ok) return {};
  return {.text = reader.text_of(json, "text"), .begin = times[0], .end = times[1]};
}

AnyAnswer labels_answer(AnswerReader& reader, const Json& json) {
  return reader.list(json, read_label);
}

AnyAnswer entities_answer(AnswerReader& reader, const Json& json) {
  return reader.list(json, read_entity);
}

AnyAnswer ranking_answer(AnswerReader& reader, const Json& json) {
  return reader.list(json, read_ranked);
}

AnyAnswer objects_answer(AnswerReader& reader, const Json& json) {
  return reader.list(json, read_object);
}

AnyAnswer words_answer(AnswerReader& reader, const Json& json) {
  return reader.list(json, read_word);
}

// A single one of several possible ones is written as an object.
AnyAnswer spans_answer(AnswerReader& reader, const Json& json) {
  if (json.is_object()) return Answers{read_span(reader, json)};
  return reader.list(json, read_span);
}

AnyAnswer fills_answer(AnswerReader& reader, const Json& json) {
  const bool several = json.is_array() && !json.empty() && json.front().is_array();
  if (!several) return MaskFills{read_fills(reader, json)};
  return reader.list(json, read_fills);
}

AnyAnswer candidates_answer(AnswerReader& reader, const Json& json) {
  CandidateLabels found{.sequence = reader.text_of(json, "sequence"), .labels = {}};
  const auto names =
      reader.list(reader.member(json, "labels"),
                  [](AnswerReader& inner, const Json& one) { return inner.text(one); });
  const auto scores =
      reader.list(reader.member(json, "scores"),
                  [](AnswerReader& inner, const Json& one) { return inner.number(one); });
  reader.ok = reader.ok && names.size() == scores.size();
  for (size_t i = 0; reader.ok && i < names.size(); ++i) {
    found.labels.push_back({names[i], scores[i]});
  }
  return found;
}

AnyAnswer segments_answer(AnswerReader& reader, const Json& json) {
  return Segmentation{.segments = reader.list(json, read_segment)};
}

AnyAnswer transcript_answer(AnswerReader& reader, const Json& json) {
  Transcript transcript{.text = reader.text_of(json, "text"), .chunks = {}};
  if (json.contains("chunks")) transcript.chunks = reader.list(json["chunks"], read_chunk);
  return transcript;
}

// The numbers of nested lists of `shape` from `axis` on.
void append_numbers_of(AnswerReader& reader, const Json& json, std::span<const int64_t> shape,
                       std::vector<float>& numbers) {
  if (shape.empty()) {
    numbers.push_back(static_cast<float>(reader.number(json)));
    return;
  }
  reader.ok = reader.ok && json.is_array() && static_cast<int64_t>(json.size()) == shape[0];
  if (!reader.ok) return;
  for (const Json& one : json) append_numbers_of(reader, one, shape.subspan(1), numbers);
}

AnyAnswer features_answer(AnswerReader& reader, const Json& json) {
  Shape shape;
  for (const Json* at = &json; at->is_array(); at = &at->front()) {
    shape.push_back(static_cast<int64_t>(at->size()));
    if (at->empty()) break;
  }
  std::vector<float> numbers;
  append_numbers_of(reader, json, shape, numbers);
  const auto count = element_count(shape);
  reader.ok = reader.ok && !shape.empty() && count == numbers.size();
  if (!reader.ok) return Features{};
  return Features{Tensor::from<float>(shape, numbers)};
}

struct TaskReader {
  std::string_view task;
  AnyAnswer (*read)(AnswerReader& reader, const Json& json);
};

constexpr std::array<TaskReader, 19> kTaskReaders{{
    {"audio-classification", labels_answer},
    {"audio-feature-extraction", features_answer},
    {"automatic-speech-recognition", transcript_answer},
    {"feature-extraction", features_answer},
    {"fill-mask", fills_answer},
    {"image-classification", labels_answer},
    {"image-feature-extraction", features_answer},
    {"image-segmentation", segments_answer},
    {"multi-vector-embedding", features_answer},
    {"multiple-choice", labels_answer},
    {"object-detection", objects_answer},
    {"question-answering", spans_answer},
    {"sentence-embedding", features_answer},
    {"sparse-embedding", words_answer},
    {"text-classification", labels_answer},
    {"text-ranking", ranking_answer},
    {"token-classification", entities_answer},
    {"zero-shot-classification", candidates_answer},
    {"zero-shot-image-classification", labels_answer},
}};

}  // namespace

Result<TaskResult> read_answer(std::string_view task, std::string_view text) {
  const auto known = std::ranges::find(kTaskReaders, task, &TaskReader::task);
  if (known == kTaskReaders.end()) {
    return internal_error(fmt::format("expected a task that is read, found '{}'", task));
  }
  ACCEL_ASSIGN(const Json json, parse_json(text));
  AnswerReader reader;
  TaskResult result{.answer = known->read(reader, json)};
  if (reader.ok) return result;
  return invalid_argument(
      fmt::format("expected an answer of {}, found {}", task, json_quote(text.substr(0, 200))));
}

}  // namespace accel::client
