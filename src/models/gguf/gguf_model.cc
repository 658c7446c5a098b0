#include "models/gguf/gguf_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <regex>

#include "base/try.h"
#include "models/gguf/dialects/dialects.h"
#include "models/gguf/vocabulary.h"
#include "text/ggml_vocabulary.h"

namespace accel::models::gguf {
namespace {

namespace fs = std::filesystem;
using tensors::GgufFile;
using tensors::GgufValue;

constexpr int64_t kMostParts = 1000;

// "NAME-00001-of-00003.gguf"; none for another name.
struct Part {
  std::string name;
  int number = 0;
  int count = 0;
};

std::optional<Part> part_of(const fs::path& path) {
  static const std::regex kName(R"((.*)-(\d{5})-of-(\d{5})\.gguf)");
  const std::string file = path.filename().string();
  std::smatch found;
  if (file.size() > 255 || !std::regex_match(file, found, kName)) return std::nullopt;
  return Part{found[1], std::stoi(found[2]), std::stoi(found[3])};
}

std::string file_name(const Part& part, int64_t number) {
  return fmt::format("{}-{:05}-of-{:05}.gguf", part.name, number, part.count);
}

int64_t split_field(const GgufFile& file, std::string_view key, int64_t otherwise) {
  const GgufValue* value = file.find(key);
  return value == nullptr ? otherwise : value->integer().value_or(-1);
}

Result<std::vector<GgufFile>> open_parts(const fs::path& path) {
  ACCEL_ASSIGN(GgufFile first, GgufFile::open(path));
  const int64_t count = split_field(first, "split.count", 1);
  if (count <= 1) return std::vector<GgufFile>{std::move(first)};
  const std::optional<Part> part = part_of(path);
  if (!part || part->count != count || count > kMostParts) {
    return invalid_argument(fmt::format(
        "{}: expected the name NAME-00001-of-{:05}.gguf, since the file is one of so many parts; "
        "give it the name that it had",
        path.string(), count));
  }
  std::vector<GgufFile> files;
  for (int64_t number = 1; number <= count; ++number) {
    const fs::path each = path.parent_path() / file_name(*part, number);
    ACCEL_ASSIGN(GgufFile file, GgufFile::open(each));
    if (split_field(file, "split.count", 1) != count ||
        split_field(file, "split.no", 0) != number - 1) {
      return invalid_argument(fmt::format("{}: expected part {} of {}, found another one",
                                          each.string(), number, count));
    }
    files.push_back(std::move(file));
  }
  size_t tensors = 0;
  for (const GgufFile& file : files) tensors += file.tensors().size();
  const int64_t wanted = split_field(files.front(), "split.tensors.count", -1);
  if (wanted >= 0 && !std::cmp_equal(wanted, tensors)) {
    return invalid_argument(fmt::format("{}: expected {} tensors in all parts, found {}",
                                        path.string(), wanted, tensors));
  }
  return files;
}

// The ids that heads and generation ask a config.json for.
void add_special_ids(const GgufSource& source, Json& config) {
  for (const auto& [key, field] :
       {std::pair{"bos", "bos_token_id"}, {"eos", "eos_token_id"}, {"padding", "pad_token_id"}}) {
    const GgufValue* value = source.find(fmt::format("tokenizer.ggml.{}_token_id", key));
    const auto id = value == nullptr ? std::nullopt : value->integer();
    if (id && *id >= 0 && *id < source.rows("token_embd.weight")) config[field] = *id;
  }
}

Json config_of(const GgufSource& source, const Dialect& dialect) {
  Json config{{"model_type", dialect.model_type}, {"architectures", {dialect.head}}};
  for (const FieldRule& rule : dialect.fields) {
    const GgufValue* value = source.find(fmt::format("{}.{}", dialect.architecture, rule.key));
    if (value == nullptr) continue;
    const bool fraction =
        value->type == tensors::GgufType::kF32 || value->type == tensors::GgufType::kF64;
    if (fraction) {
      if (std::isfinite(*value->number())) config[rule.field] = *value->number();
    } else if (const auto number = source.integer(rule.key)) {
      config[rule.field] = *number;
    }
  }
  add_special_ids(source, config);
  dialect.complete(source, config);
  return config;
}

Result<std::optional<Pooling>> pooling_of(const GgufSource& source) {
  const auto type = source.integer("pooling_type");
  constexpr int64_t kRank = 4;  // a reranker's: its states are not pooled
  if (!type || *type == 0 || *type == kRank) return std::optional<Pooling>();
  if (*type == 1) return std::optional(Pooling::kMean);
  if (*type == 2) return std::optional(Pooling::kCls);
  if (*type == 3) return std::optional(Pooling::kLastToken);
  return unimplemented(
      fmt::format("{}.pooling_type: expected 0 to 4, found {}", source.architecture(), *type));
}

}  // namespace

Result<std::optional<fs::path>> find_gguf(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const fs::path& path = at->path();
    const std::optional<Part> part = part_of(path);
    if (path.extension() == ".gguf" && (!part || part->number == 1)) found.push_back(path);
  }
  if (found.empty()) return std::optional<fs::path>();
  if (found.size() == 1) return std::optional(found.front());
  std::ranges::sort(found);
  constexpr size_t kMostNamed = 10;
  std::vector<std::string> names;
  for (const fs::path& path : found) {
    if (names.size() < kMostNamed) names.push_back(path.filename().string());
  }
  return invalid_argument(fmt::format("{}: expected one .gguf file, found {} ({}{}); name one",
                                      folder.string(), found.size(), fmt::join(names, ", "),
                                      found.size() > kMostNamed ? " ..." : ""));
}

Result<GgufModel> GgufModel::open(const fs::path& path) {
  ACCEL_ASSIGN(std::vector<GgufFile> files, open_parts(path));
  const auto in_file = [&](const Status& status) { return status.with_context(path.string()); };
  Result<GgufSource> source = GgufSource::create(std::move(files));
  if (!source.ok()) return in_file(source.status());
  const Result<const Dialect*> dialect = find_dialect(source->architecture());
  if (!dialect.ok()) return in_file(dialect.status());
  GgufModel model(*std::move(source));
  model.config_ = config_of(model.source_, **dialect);
  Result<std::optional<Pooling>> pooling = pooling_of(model.source_);
  if (!pooling.ok()) return in_file(pooling.status());
  model.pooling_ = *pooling;
  ACCEL_TRY(in_file(model.read_weights(**dialect)));
  ACCEL_TRY(in_file(model.source_.status()));
  model.count_types();
  return model;
}

Status GgufModel::read_weights(const Dialect& dialect) {
  for (const GgufFile& file : source_.files()) {
    ACCEL_ASSIGN(GgufWeights weights, GgufWeights::create(file, source_, dialect));
    weights_.push_back(std::move(weights));
  }
  return {};
}

void GgufModel::count_types() {
  std::map<std::string_view, StoredType> types;
  for (const GgufWeights& file : weights_) {
    for (const GgufWeight& weight : file.entries()) {
      StoredType& type = types[weight.stored->format->name];
      ++type.tensors;
      type.bytes += weight.stored->end - weight.stored->begin;
      if (!weight.stored->format->plain && !weight.stays_packed()) ++type.unpacked;
    }
  }
  for (auto& [name, type] : types) {
    type.name = name;
    stored_types_.push_back(type);
  }
}

Result<std::string> GgufModel::tokenizer_json() const {
  const GgufValue* own = source_.find("tokenizer.huggingface.json");
  if (own != nullptr && own->text()) return std::string(*own->text());
  ACCEL_ASSIGN(const text::GgmlVocabulary vocabulary, read_vocabulary(source_));
  return text::tokenizer_json(vocabulary);
}

std::optional<std::string> GgufModel::chat_template() const {
  const GgufValue* value = source_.find("tokenizer.chat_template");
  if (value == nullptr || !value->text()) return std::nullopt;
  return std::string(*value->text());
}

}  // namespace accel::models::gguf
