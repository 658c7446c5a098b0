#include "cli/task_output.h"

#include <fmt/format.h>

#include "cli/table.h"

namespace accel::cli {
namespace {

std::string score_text(double score) { return fmt::format("{:.4f}", score); }

// Each answer as a row of a table.
struct Rows {
  Table& table;

  void operator()(const Labels& labels) const {
    for (const LabelScore& label : labels) table.add({score_text(label.score), label.label});
  }
  void operator()(const CandidateLabels& candidates) const { (*this)(candidates.labels); }
  void operator()(const Entities& entities) const {
    for (const Entity& entity : entities) {
      table.add({score_text(entity.score), entity.entity, entity.word,
                 fmt::format("{}-{}", entity.start, entity.end)});
    }
    if (entities.empty()) table.add({"no entities"});
  }
  void operator()(const Answers& answers) const {
    for (const Answer& answer : answers) {
      if (answer.answer.empty()) {
        table.add({score_text(answer.score), "(no answer)"});
      } else {
        table.add({score_text(answer.score), answer.answer,
                   fmt::format("{}-{}", answer.start, answer.end)});
      }
    }
    if (answers.empty()) table.add({"no answer"});
  }
  void operator()(const MaskFills& fills) const {
    for (const std::vector<MaskFill>& row : fills) {
      for (const MaskFill& fill : row) {
        table.add({score_text(fill.score), fill.token_str, fill.sequence});
      }
    }
  }
  void operator()(const DetectedObjects& objects) const {
    for (const DetectedObject& object : objects) {
      table.add({score_text(object.score), object.label,
                 fmt::format("{},{} - {},{}", object.xmin, object.ymin, object.xmax, object.ymax)});
    }
    if (objects.empty()) table.add({"no objects"});
  }
  void operator()(const Segmentation& map) const {
    const auto pixels = static_cast<double>(map.width * map.height);
    for (const Segment& segment : map.segments) {
      table.add({fmt::format("{:.1f}%", 100 * static_cast<double>(segment.area) / pixels),
                 segment.label});
    }
  }
  void operator()(const Transcript& transcript) const {
    if (!transcript.chunks) {
      table.add({transcript.text});
      return;
    }
    for (const TranscriptChunk& chunk : *transcript.chunks) {
      table.add({fmt::format("{:.2f} - {:.2f}", chunk.begin, chunk.end), chunk.text});
    }
  }
  void operator()(const SparseEmbedding& words) const {
    for (const WordWeight& word : words) {
      table.add({score_text(word.weight), word.token_str});
    }
    if (words.empty()) table.add({"no words"});
  }
  void operator()(const Features& features) const;
  void operator()(const Ranking& ranking) const {
    for (const RankedDocument& document : ranking) {
      table.add({score_text(document.score), std::to_string(document.index), document.text});
    }
  }
};

// The first numbers of the first vectors.
void Rows::operator()(const Features& features) const {
  constexpr size_t kVectors = 8;
  constexpr size_t kNumbers = 6;
  const auto numbers = features.values.data<float>();
  const Shape& shape = features.values.shape();
  table.add({to_string(shape)});
  const auto size = shape.empty() ? 1 : static_cast<size_t>(shape.back());
  for (size_t begin = 0, shown = 0; begin < numbers.size(); begin += size, ++shown) {
    if (shown == kVectors) {
      table.add({"..."});
      break;
    }
    std::vector<std::string> row;
    for (const float number : numbers.subspan(begin, std::min(size, kNumbers))) {
      row.push_back(fmt::format("{:.4f}", number));
    }
    if (size > kNumbers) row.emplace_back("...");
    table.add(std::move(row));
  }
}

}  // namespace

std::string json_line(const TaskRecord& record) {
  nlohmann::ordered_json head{{"index", record.index}};
  if (record.carried.is_object()) head.update(record.carried);
  head["status"] = to_string(record.result.ok() ? StatusCode::kOk : record.result.status().code());
  if (!record.drawn.empty()) head["drawn"] = record.drawn;
  if (!record.result.ok()) {
    head["error"] = record.result.status().message();
  } else if (record.result->truncated) {
    head["truncated"] = true;
  }
  if (record.result.ok() && !record.result->device.empty()) head["device"] = record.result->device;
  std::string line = head.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (record.result.ok()) {
    line.pop_back();
    line += ",\"result\":" + to_json(*record.result) + "}";
  }
  return line + "\n";
}

std::string readable(const TaskRecord& record, bool alone) {
  std::string text = alone ? "" : printable(record.shown) + "\n";
  const size_t indent = alone ? 0 : 2;
  if (!record.result.ok()) {
    return text + std::string(indent, ' ') +
           "failed: " + printable(record.result.status().message()) + "\n";
  }
  Table table({Align::kRight});
  std::visit(Rows{table}, record.result->answer);
  text += table.text(indent);
  if (!record.drawn.empty()) {
    text += std::string(indent, ' ') + "drawn: " + printable(record.drawn) + "\n";
  }
  if (!record.result->device.empty()) {
    text += std::string(indent, ' ') + "(ran on " + printable(record.result->device) + ")\n";
  }
  if (record.result->truncated) {
    text += std::string(indent, ' ') + "(read in part: longer than the model's limit)\n";
  }
  return text;
}

}  // namespace accel::cli
