#include "text/ggml_splits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "text/legacy/tokenizer_parts.h"

namespace accel::text {
namespace {

constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
                                    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen35 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N})"
    R"(| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr std::array kSplits{
    GgmlSplit{.name = ""},
    GgmlSplit{.name = "chatglm-bpe", .expression = kLlama3},
    GgmlSplit{.name = "codeshell", .expression = {}, .digits = true},
    GgmlSplit{.name = "command-r", .expression = {}, .digits = true, .composed = true},
    GgmlSplit{.name = "dbrx", .expression = kLlama3},
    GgmlSplit{.name = "deepseek-r1-qwen", .expression = kQwen2, .composed = true},
    GgmlSplit{.name = "default"},
    GgmlSplit{.name = "exaone", .expression = {}, .digits = true},
    GgmlSplit{.name = "exaone4"},
    GgmlSplit{.name = "falcon3", .expression = kLlama3, .whole_words = true, .begins = true},
    GgmlSplit{.name = "gigachat"},
    GgmlSplit{.name = "glm4", .expression = kLlama3},
    GgmlSplit{.name = "gpt-2"},
    GgmlSplit{.name = "gpt-4o", .expression = kGpt4o},
    GgmlSplit{.name = "jais"},
    GgmlSplit{.name = "jina-de"},
    GgmlSplit{.name = "jina-es"},
    GgmlSplit{.name = "jina-v1-en"},
    GgmlSplit{.name = "jina-v2-code"},
    GgmlSplit{.name = "jina-v2-de"},
    GgmlSplit{.name = "jina-v2-es"},
    GgmlSplit{.name = "llama-bpe", .expression = kLlama3, .whole_words = true, .begins = true},
    GgmlSplit{.name = "llama-v3", .expression = kLlama3, .whole_words = true, .begins = true},
    GgmlSplit{.name = "llama3", .expression = kLlama3, .whole_words = true, .begins = true},
    GgmlSplit{.name = "llama4", .expression = kGpt4o},
    GgmlSplit{.name = "megrez", .expression = kQwen2, .composed = true},
    GgmlSplit{.name = "mellum"},
    GgmlSplit{.name = "modern-bert", .expression = {}, .composed = true},
    GgmlSplit{.name = "mpt", .expression = {}, .composed = true},
    GgmlSplit{.name = "olmo", .expression = {}, .composed = true},
    GgmlSplit{.name = "phi-2"},
    GgmlSplit{.name = "pixtral", .expression = kLlama3, .whole_words = true, .begins = true},
    GgmlSplit{.name = "qwen2", .expression = kQwen2, .composed = true},
    GgmlSplit{.name = "qwen35", .expression = kQwen35, .composed = true},
    GgmlSplit{.name = "refact", .expression = {}, .digits = true},
    GgmlSplit{.name = "roberta-bpe"},
    GgmlSplit{.name = "smaug-bpe", .expression = kLlama3},
    GgmlSplit{.name = "smollm", .expression = {}, .digits = true},
    GgmlSplit{.name = "stablelm2", .expression = kQwen2, .composed = true},
    GgmlSplit{.name = "starcoder", .expression = {}, .digits = true},
    GgmlSplit{.name = "tekken", .expression = kTekken, .whole_words = true, .begins = true},
    GgmlSplit{.name = "trillion"},
};

}  // namespace

Result<GgmlSplit> find_split(std::string_view name) {
  const auto split = std::ranges::find(kSplits, name, &GgmlSplit::name);
  if (split != kSplits.end()) return *split;
  std::string known;
  for (const GgmlSplit& each : kSplits) {
    if (!each.name.empty()) known += fmt::format("{}{}", known.empty() ? "" : ", ", each.name);
  }
  return unimplemented(fmt::format(
      "tokenizer.ggml.pre: the way of splitting texts \"{:.80}\" is not known; those that are: {}",
      name, known));
}

Json pre_tokenizer_of(const GgmlSplit& split) {
  std::vector<Json> steps;
  if (split.digits) steps.push_back({{"type", "Digits"}, {"individual_digits", true}});
  if (!split.expression.empty()) {
    steps.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", split.expression}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  }
  steps.push_back(byte_level(false, true, split.expression.empty()));
  return steps.size() == 1 ? steps.front() : sequence("pretokenizers", std::move(steps));
}

}  // namespace accel::text
