#include "models/gguf/source.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"
#include "tensors/convert.h"
#include "tensors/shown.h"

namespace accel::models::gguf {

using tensors::GgufFile;
using tensors::GgufTensor;
using tensors::GgufType;
using tensors::GgufValue;
using tensors::shown;

Result<GgufSource> GgufSource::create(std::vector<GgufFile> files) {
  GgufSource source;
  source.files_ = std::move(files);
  const GgufValue* name = source.find("general.architecture");
  if (name == nullptr || !name->text()) {
    return invalid_argument(
        "expected a model's architecture as general.architecture in the metadata, found none");
  }
  source.architecture_ = *name->text();
  for (const GgufFile& file : source.files_) {
    for (const GgufTensor& tensor : file.tensors()) {
      if (source.shapes_.emplace(tensor.name, tensor.shape).second) continue;
      return invalid_argument(
          fmt::format("expected each tensor in one part, found {} in two", shown(tensor.name)));
    }
  }
  return source;
}

const GgufValue* GgufSource::own(std::string_view key) const {
  return find(fmt::format("{}.{}", architecture_, key));
}

void GgufSource::refuse(std::string_view key, std::string_view expected) const {
  if (!status_.ok()) return;
  status_ = invalid_argument(
      fmt::format("expected {} as {}.{} in the metadata", expected, shown(architecture_), key));
}

std::optional<int64_t> GgufSource::integer(std::string_view key) const {
  const GgufValue* value = own(key);
  if (value == nullptr) return std::nullopt;
  if (const auto one = value->integer()) return one;
  const auto all = value->integers();
  if (all && !all->empty() && std::ranges::count(*all, all->front()) == std::ssize(*all)) {
    return all->front();
  }
  refuse(key, "a whole number, the same for all layers,");
  return std::nullopt;
}

std::optional<double> GgufSource::number(std::string_view key) const {
  const GgufValue* value = own(key);
  if (value == nullptr) return std::nullopt;
  if (const auto one = value->number()) return one;
  refuse(key, "a number");
  return std::nullopt;
}

std::optional<bool> GgufSource::flag(std::string_view key) const {
  const GgufValue* value = own(key);
  if (value == nullptr) return std::nullopt;
  if (const auto one = value->flag()) return one;
  refuse(key, "true or false");
  return std::nullopt;
}

std::optional<std::string> GgufSource::text(std::string_view key) const {
  const GgufValue* value = own(key);
  if (value == nullptr) return std::nullopt;
  if (const auto one = value->text()) return std::string(*one);
  refuse(key, "a text");
  return std::nullopt;
}

std::optional<std::vector<bool>> GgufSource::flags(std::string_view key) const {
  const GgufValue* value = own(key);
  if (value == nullptr || value->type != GgufType::kArray) return std::nullopt;
  const auto numbers = value->integers();
  if (!numbers) {
    refuse(key, "a list of true and false");
    return std::nullopt;
  }
  std::vector<bool> flags;
  for (const int64_t number : *numbers) flags.push_back(number != 0);
  return flags;
}

int64_t GgufSource::rows(std::string_view tensor) const {
  const auto shape = shapes_.find(std::string(tensor));
  return shape == shapes_.end() || shape->second.empty() ? 0 : shape->second.front();
}

std::vector<float> GgufSource::numbers(std::string_view name) const {
  for (const GgufFile& file : files_) {
    const auto tensor = std::ranges::find(file.tensors(), name, &GgufTensor::name);
    if (tensor == file.tensors().end()) continue;
    if (tensor->format->plain != DType::kF32) {
      refuse(name, "f32 numbers in a tensor, not what is stored");
      return {};
    }
    std::vector<float> values((tensor->end - tensor->begin) / sizeof(float));
    std::ranges::copy(file.bytes(*tensor), std::as_writable_bytes(std::span(values)).begin());
    return values;
  }
  return {};
}

}  // namespace accel::models::gguf
