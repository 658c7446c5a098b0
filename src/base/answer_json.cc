// Answers as the Hub's pipelines write them.
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "accel/task.h"
#include "base/float_text.h"

namespace accel {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson json_of(const LabelScore& label) {
  return {{"label", label.label}, {"score", label.score}};
}

OrderedJson json_of(const Entity& entity) {
  OrderedJson json{{entity.grouped ? "entity_group" : "entity", entity.entity},
                   {"score", entity.score}};
  if (!entity.grouped) json["index"] = entity.index;
  json["word"] = entity.word;
  json["start"] = entity.start;
  json["end"] = entity.end;
  return json;
}

OrderedJson json_of(const Answer& answer) {
  return {{"score", answer.score},
          {"start", answer.start},
          {"end", answer.end},
          {"answer", answer.answer}};
}

OrderedJson json_of(const MaskFill& fill) {
  return {{"score", fill.score},
          {"token", fill.token},
          {"token_str", fill.token_str},
          {"sequence", fill.sequence}};
}

OrderedJson json_of(const RankedDocument& document) {
  return {{"index", document.index}, {"score", document.score}, {"text", document.text}};
}

OrderedJson json_of(const DetectedObject& object) {
  return {{"score", object.score},
          {"label", object.label},
          {"box",
           {{"xmin", object.xmin},
            {"ymin", object.ymin},
            {"xmax", object.xmax},
            {"ymax", object.ymax}}}};
}

// The reference gives no score, and the mask as an image; here stands how many pixels it has.
OrderedJson json_of(const Segment& segment) {
  return {{"score", nullptr}, {"label", segment.label}, {"area", segment.area}};
}

OrderedJson json_of(const WordWeight& word) {
  return {{"token", word.token}, {"token_str", word.token_str}, {"weight", word.weight}};
}

OrderedJson json_of(const TranscriptChunk& chunk) {
  return {{"text", chunk.text}, {"timestamp", {chunk.begin, chunk.end}}};
}

template <class T>
OrderedJson list_of(const std::vector<T>& values) {
  OrderedJson list = OrderedJson::array();
  for (const T& value : values) list.push_back(json_of(value));
  return list;
}

// Numbers of an axis, and of those within, from `at` on. They are many: no tree of them is built.
void append_lists(std::string& out, const Shape& shape, size_t axis, const float*& at) {
  if (axis == shape.size()) {
    std::array<char, kFloatTextBytesMax> text;
    const float number = *at++;
    if (!std::isfinite(number)) {
      out += "null";
    } else {
      out.append(text.data(), put_float(text.data(), number));
    }
    return;
  }
  out += '[';
  for (int64_t i = 0; i < shape[axis]; ++i) {
    if (i > 0) out += ',';
    append_lists(out, shape, axis + 1, at);
  }
  out += ']';
}

std::string nested_lists(const Tensor& tensor) {
  std::string text;
  const float* at = tensor.data<float>().data();
  append_lists(text, tensor.shape(), 0, at);
  return text;
}

struct Writer {
  OrderedJson operator()(const Labels& labels) const { return list_of(labels); }
  OrderedJson operator()(const Entities& entities) const { return list_of(entities); }
  OrderedJson operator()(const Ranking& ranking) const { return list_of(ranking); }
  OrderedJson operator()(const SparseEmbedding& words) const { return list_of(words); }
  OrderedJson operator()(const DetectedObjects& objects) const { return list_of(objects); }
  OrderedJson operator()(const Segmentation& map) const { return list_of(map.segments); }

  OrderedJson operator()(const Transcript& transcript) const {
    OrderedJson json{{"text", transcript.text}};
    if (transcript.chunks) json["chunks"] = list_of(*transcript.chunks);
    return json;
  }

  OrderedJson operator()(const CandidateLabels& candidates) const {
    OrderedJson labels = OrderedJson::array();
    OrderedJson scores = OrderedJson::array();
    for (const LabelScore& label : candidates.labels) {
      labels.push_back(label.label);
      scores.push_back(label.score);
    }
    return {{"sequence", candidates.sequence}, {"labels", labels}, {"scores", scores}};
  }

  OrderedJson operator()(const Answers& answers) const {
    return answers.size() == 1 ? json_of(answers.front()) : list_of(answers);
  }

  OrderedJson operator()(const MaskFills& fills) const {
    if (fills.size() == 1) return list_of(fills.front());
    OrderedJson list = OrderedJson::array();
    for (const std::vector<MaskFill>& row : fills) list.push_back(list_of(row));
    return list;
  }
};

}  // namespace

std::string to_json(const TaskResult& result) {
  return std::visit(
      [](const auto& answer) {
        if constexpr (std::is_same_v<std::decay_t<decltype(answer)>, Features>) {
          return nested_lists(answer.values);
        } else {
          return Writer{}(answer).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        }
      },
      result.answer);
}

}  // namespace accel
