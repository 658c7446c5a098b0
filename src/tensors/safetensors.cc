#include "tensors/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>

#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"
#include "tensors/safetensors_header.h"
#include "tensors/shown.h"

namespace accel::tensors {
namespace {

static_assert(std::endian::native == std::endian::little, "the data is little endian");

std::string upper(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return std::toupper(c); });
  return result;
}

Status check_name(std::string_view what, std::string_view text) {
  if (find_invalid_utf8(text) == std::string_view::npos) return {};
  return invalid_argument(
      fmt::format("writing safetensors: expected {} in UTF-8, found {}", what, shown(text)));
}

// The order in which the tensors are written: each starts at a multiple of its element's size
// because everything before it does.
std::vector<size_t> writing_order(const NamedTensors& tensors) {
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater<>(),
                           [&](size_t i) { return size_of(tensors[i].tensor.dtype()); });
  return order;
}

Status check_names(const NamedTensors& tensors,
                   const std::map<std::string, std::string>& metadata) {
  std::vector<std::string_view> names;
  names.reserve(tensors.size());
  for (const NamedTensor& named : tensors) {
    ACCEL_TRY(check_name("a tensor's name", named.name));
    if (named.name == kMetadataKey) {
      return invalid_argument(
          "writing safetensors: \"__metadata__\" is reserved by the format and cannot name a "
          "tensor; choose another name");
    }
    names.push_back(named.name);
  }
  std::ranges::sort(names);
  if (const auto twice = std::ranges::adjacent_find(names); twice != names.end()) {
    return invalid_argument(
        fmt::format("writing safetensors: expected distinct names, found {} twice", shown(*twice)));
  }
  for (const auto& [key, text] : metadata) {
    ACCEL_TRY(check_name("a metadata key", key));
    ACCEL_TRY(check_name("a metadata text", text));
  }
  return {};
}

std::string header_text(const NamedTensors& tensors, std::span<const size_t> order,
                        const std::map<std::string, std::string>& metadata) {
  std::string text = "{";
  if (!metadata.empty()) {
    text += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      if (text.back() != '{') text += ',';
      text += json_quote(key) + ':' + json_quote(value);
    }
    text += '}';
  }
  uint64_t begin = 0;
  for (const size_t i : order) {
    const Tensor& tensor = tensors[i].tensor;
    if (text.size() > 1) text += ',';
    fmt::format_to(std::back_inserter(text), "{}:{{\"dtype\":\"{}\",\"shape\":[{}],",
                   json_quote(tensors[i].name), upper(to_string(tensor.dtype())),
                   fmt::join(tensor.shape(), ","));
    fmt::format_to(std::back_inserter(text), "\"data_offsets\":[{},{}]}}", begin,
                   begin + tensor.byte_size());
    begin += tensor.byte_size();
  }
  text += '}';
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

}  // namespace

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  ACCEL_ASSIGN(auto mapping, MappedFile::open(path));
  return open(std::move(mapping));
}

Result<SafetensorsFile> SafetensorsFile::open(std::shared_ptr<const MappedFile> mapping) {
  auto header = parse_safetensors_header(mapping->bytes(), mapping->bytes().size());
  if (!header.ok()) return header.status().with_context("reading " + mapping->path().string());
  auto indexed = std::make_shared<Indexed>();
  indexed->header = *std::move(header);
  const std::vector<TensorEntry>& entries = indexed->header.entries;
  indexed->by_name.resize(entries.size());
  std::iota(indexed->by_name.begin(), indexed->by_name.end(), uint32_t{0});
  std::ranges::sort(indexed->by_name, {},
                    [&](uint32_t i) -> const std::string& { return entries[i].name; });
  return SafetensorsFile(std::move(mapping), std::move(indexed));
}

const TensorEntry* SafetensorsFile::find(std::string_view name) const {
  const auto name_of = [&](uint32_t i) -> std::string_view { return entries()[i].name; };
  const auto it = std::ranges::lower_bound(header_->by_name, name, {}, name_of);
  return it != header_->by_name.end() && name_of(*it) == name ? &entries()[*it] : nullptr;
}

Result<Tensor> SafetensorsFile::tensor(std::string_view name) const {
  if (const TensorEntry* entry = find(name)) return tensor(*entry);
  return not_found(fmt::format("{} has no tensor called {}; it has {} others",
                               mapping_->path().string(), shown(name), entries().size()));
}

Tensor SafetensorsFile::tensor(const TensorEntry& entry) const {
  const std::byte* data = mapping_->bytes().data() + entry.begin;
  if (entry.aligned) return Tensor::wrap(entry.dtype, entry.shape, data, mapping_);
  Tensor copy = Tensor::allocate(entry.dtype, entry.shape);
  std::memcpy(copy.mutable_data(), data, copy.byte_size());
  return copy;
}

NamedTensors SafetensorsFile::tensors() const {
  NamedTensors all;
  all.reserve(entries().size());
  for (const TensorEntry& entry : entries()) all.push_back({entry.name, tensor(entry)});
  return all;
}

Status write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                         const std::map<std::string, std::string>& metadata) {
  ACCEL_TRY(check_names(tensors, metadata));
  const std::vector<size_t> order = writing_order(tensors);
  const std::string header = header_text(tensors, order, metadata);
  if (header.size() > kSafetensorsHeaderBytesMax) {
    return invalid_argument(fmt::format(
        "writing {}: the names make a header of {} bytes, and safetensors allows {}; write fewer "
        "tensors to one file",
        path.string(), header.size(), kSafetensorsHeaderBytesMax));
  }
  ACCEL_ASSIGN(auto file, AtomicFile::create(path));
  const uint64_t length = header.size();
  ACCEL_TRY(file->write({reinterpret_cast<const char*>(&length), sizeof length}));
  ACCEL_TRY(file->write(header));
  for (const size_t i : order) {
    const std::span<const std::byte> bytes = tensors[i].tensor.bytes();
    ACCEL_TRY(file->write({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  }
  return file->commit();
}

}  // namespace accel::tensors
