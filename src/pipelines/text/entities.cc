#include "pipelines/text/entities.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/try.h"

namespace accel::pipelines {
namespace {

constexpr std::string_view kOutside = "O";

// A token or word with its one label, before neighbours are grouped.
struct Tagged {
  std::string label;
  double score = 0;
  std::string text;
  int64_t start = 0;
  int64_t end = 0;
  int64_t index = 0;
};

size_t surest(const std::vector<double>& scores) {
  return static_cast<size_t>(std::ranges::max_element(scores) - scores.begin());
}

Tagged tag(const LabelledToken& token, std::span<const std::string> labels) {
  const size_t label = surest(token.scores);
  return {labels[label], token.scores[label], token.token, token.start, token.end, token.index};
}

// The scores that stand for the whole word.
std::vector<double> scores_of_word(std::span<const LabelledToken> word, Aggregation aggregation) {
  if (aggregation == Aggregation::kFirst) return word.front().scores;
  if (aggregation == Aggregation::kMax) {
    return std::ranges::max_element(
               word, {}, [](const LabelledToken& token) { return std::ranges::max(token.scores); })
        ->scores;
  }
  std::vector<double> mean(word.front().scores.size(), 0.0);
  for (const LabelledToken& token : word) {
    for (size_t i = 0; i < mean.size(); ++i) {
      mean[i] += token.scores[i] / static_cast<double>(word.size());
    }
  }
  return mean;
}

Result<std::vector<Tagged>> tag_words(std::span<const LabelledToken> tokens,
                                      std::span<const std::string> labels, Aggregation aggregation,
                                      const text::Tokenizer& tokenizer) {
  std::vector<Tagged> words;
  for (size_t begin = 0, end = 0; begin < tokens.size(); begin = end) {
    end = begin + 1;
    while (end < tokens.size() && tokens[end].inside_word) ++end;
    const auto word = tokens.subspan(begin, end - begin);
    LabelledToken whole = word.front();
    whole.scores = scores_of_word(word, aggregation);
    whole.end = word.back().end;
    std::vector<std::string> pieces;
    for (const LabelledToken& token : word) pieces.push_back(token.token);
    ACCEL_ASSIGN(whole.token, tokenizer.join(pieces));
    words.push_back(tag(whole, labels));
  }
  return words;
}

// "B-PER" begins a "PER", "I-PER" continues it. A label without such a mark continues, too.
std::pair<bool, std::string_view> begins(std::string_view label) {
  if (label.starts_with("B-")) return {true, label.substr(2)};
  if (label.starts_with("I-")) return {false, label.substr(2)};
  return {false, label};
}

Result<Entity> group(std::span<const Tagged> parts, const text::Tokenizer& tokenizer) {
  const std::string& label = parts.front().label;
  const size_t dash = label.find('-');
  Entity entity{.entity = dash == std::string::npos ? label : label.substr(dash + 1),
                .grouped = true,
                .start = parts.front().start,
                .end = parts.back().end};
  std::vector<std::string> words;
  for (const Tagged& part : parts) {
    words.push_back(part.text);
    entity.score += part.score / static_cast<double>(parts.size());
  }
  ACCEL_ASSIGN(entity.word, tokenizer.join(words));
  return entity;
}

Result<Entities> group_neighbours(std::span<const Tagged> parts, const text::Tokenizer& tokenizer) {
  Entities entities;
  for (size_t begin = 0, end = 0; begin < parts.size(); begin = end) {
    end = begin + 1;
    while (end < parts.size()) {
      const auto [starts, name] = begins(parts[end].label);
      if (starts || name != begins(parts[end - 1].label).second) break;
      ++end;
    }
    ACCEL_ASSIGN(Entity entity, group(parts.subspan(begin, end - begin), tokenizer));
    entities.push_back(std::move(entity));
  }
  return entities;
}

}  // namespace

Result<Aggregation> parse_aggregation(const std::optional<std::string>& name) {
  constexpr std::array<std::string_view, 5> kNames = {"none", "simple", "first", "max", "average"};
  if (!name) return Aggregation::kSimple;
  const auto it = std::ranges::find(kNames, *name);
  if (it != kNames.end()) return static_cast<Aggregation>(it - kNames.begin());
  return invalid_argument(
      fmt::format("aggregation: expected none, simple, first, max or average, found '{}'", *name));
}

Result<Entities> find_entities(std::span<const LabelledToken> tokens,
                               std::span<const std::string> labels, Aggregation aggregation,
                               const text::Tokenizer& tokenizer) {
  std::vector<Tagged> tagged;
  if (aggregation > Aggregation::kSimple) {
    ACCEL_ASSIGN(tagged, tag_words(tokens, labels, aggregation, tokenizer));
  } else {
    for (const LabelledToken& token : tokens) tagged.push_back(tag(token, labels));
  }
  Entities entities;
  if (aggregation == Aggregation::kNone) {
    for (Tagged& one : tagged) {
      entities.push_back({.entity = std::move(one.label),
                          .score = one.score,
                          .index = one.index,
                          .word = std::move(one.text),
                          .start = one.start,
                          .end = one.end});
    }
  } else {
    ACCEL_ASSIGN(entities, group_neighbours(tagged, tokenizer));
  }
  std::erase_if(entities, [](const Entity& entity) { return entity.entity == kOutside; });
  return entities;
}

Entities without_overlaps(Entities entities) {
  std::ranges::stable_sort(entities, {}, &Entity::start);
  Entities kept;
  for (Entity& entity : entities) {
    if (kept.empty() || entity.start >= kept.back().end) {
      kept.push_back(std::move(entity));
      continue;
    }
    const auto rank = [](const Entity& one) { return std::pair(one.end - one.start, one.score); };
    if (rank(entity) > rank(kept.back())) kept.back() = std::move(entity);
  }
  return kept;
}

}  // namespace accel::pipelines
