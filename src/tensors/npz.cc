#include "tensors/npz.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/try.h"
#include "tensors/convert.h"
#include "tensors/npy.h"
#include "tensors/shown.h"

namespace accel::tensors {
namespace {

constexpr std::string_view kSuffix = ".npy";

Result<Tensor> read_array(std::span<const std::byte> archive, const ZipEntry& entry,
                          std::shared_ptr<const void> owner) {
  auto memory = std::make_shared<std::vector<std::byte>>();
  ACCEL_ASSIGN(const auto content, read_zip_entry(archive, entry, *memory));
  if (entry.deflated) owner = std::move(memory);
  return read_npy(content, std::move(owner));
}

}  // namespace

Result<NamedTensors> read_npz(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                              const ZipLimits& limits) {
  ACCEL_ASSIGN(const std::vector<ZipEntry> entries, read_zip_directory(bytes, limits));
  NamedTensors tensors;
  for (const ZipEntry& entry : entries) {
    if (entry.name.ends_with('/')) continue;
    if (!entry.name.ends_with(kSuffix)) {
      return invalid_argument(fmt::format(
          "NPZ: expected only entries that end in .npy, found {}; this may be another kind of ZIP "
          "archive",
          shown(entry.name)));
    }
    Result<Tensor> tensor = read_array(bytes, entry, owner);
    if (!tensor.ok()) return tensor.status().with_context("array " + shown(entry.name));
    const std::string_view name(entry.name);
    tensors.push_back(
        {std::string(name.substr(0, name.size() - kSuffix.size())), *std::move(tensor)});
  }
  return tensors;
}

Status write_npz(const std::filesystem::path& path, const NamedTensors& tensors) {
  std::vector<std::string_view> names;
  for (const NamedTensor& named : tensors) {
    ACCEL_TRY(check_zip_name(named.name + std::string(kSuffix)));
    if (named.tensor.shape().size() > kNpyRankMax) {
      return invalid_argument(fmt::format("writing {}: NPY allows {} dimensions, {} has {}",
                                          path.string(), kNpyRankMax, shown(named.name),
                                          named.tensor.shape().size()));
    }
    names.push_back(named.name);
  }
  std::ranges::sort(names);
  if (const auto twice = std::ranges::adjacent_find(names); twice != names.end()) {
    return invalid_argument(fmt::format("writing {}: expected distinct names, found {} twice",
                                        path.string(), shown(*twice)));
  }
  ACCEL_ASSIGN(auto file, AtomicFile::create(path));
  ZipWriter writer(*file);
  for (const NamedTensor& named : tensors) {
    ACCEL_ASSIGN(const Tensor stored, convert_dtype(named.tensor, npy_dtype(named.tensor.dtype())));
    const std::string header = npy_header(stored.dtype(), stored.shape());
    const std::array<std::string_view, 2> parts{
        header, {reinterpret_cast<const char*>(stored.bytes().data()), stored.byte_size()}};
    ACCEL_TRY(writer.add(named.name + std::string(kSuffix), parts));
  }
  ACCEL_TRY(writer.finish());
  return file->commit();
}

}  // namespace accel::tensors
