#include "tensors/tensor_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/files.h"
#include "base/try.h"
#include "tensors/npy.h"
#include "tensors/npz.h"
#include "tensors/safetensors.h"
#include "tensors/shown.h"

namespace accel::tensors {
namespace {

enum class Format { kSafetensors, kNpz, kNpy, kUnknown };

Format format_of_suffix(const std::filesystem::path& path) {
  std::string suffix = path.extension().string();
  std::ranges::transform(suffix, suffix.begin(), [](unsigned char c) { return std::tolower(c); });
  if (suffix == ".safetensors") return Format::kSafetensors;
  if (suffix == ".npz") return Format::kNpz;
  if (suffix == ".npy") return Format::kNpy;
  return Format::kUnknown;
}

// By the first bytes; by the suffix for a file too broken to show any, whose reader then says what
// is wrong with it.
Format format_of(std::string_view text, const std::filesystem::path& path) {
  if (text.starts_with(kNpyMagic)) return Format::kNpy;
  if (text.starts_with("PK\3\4") || text.starts_with("PK\5\6")) return Format::kNpz;
  if (text.size() > 8 && text[8] == '{') return Format::kSafetensors;
  return format_of_suffix(path);
}

Result<NamedTensors> read_mapped(const std::shared_ptr<const MappedFile>& file, Format format) {
  switch (format) {
    case Format::kNpz: return read_npz(file->bytes(), file);
    case Format::kNpy: {
      ACCEL_ASSIGN(Tensor tensor, read_npy(file->bytes(), file));
      NamedTensors one;
      one.push_back({file->path().stem().string(), std::move(tensor)});
      return one;
    }
    default: break;
  }
  const std::string_view text(reinterpret_cast<const char*>(file->bytes().data()),
                              file->bytes().size());
  return invalid_argument(fmt::format(
      "expected a file of the formats safetensors, npz or npy, found one that starts with {}",
      text.empty() ? "nothing: it is empty" : shown(text.substr(0, 8))));
}

}  // namespace

Result<NamedTensors> read_tensors(const std::filesystem::path& path) {
  ACCEL_ASSIGN(const auto file, MappedFile::open(path));
  const std::string_view text(reinterpret_cast<const char*>(file->bytes().data()),
                              file->bytes().size());
  const Format format = format_of(text, path);
  if (format == Format::kSafetensors) {
    ACCEL_ASSIGN(const SafetensorsFile opened, SafetensorsFile::open(file));
    return opened.tensors();
  }
  Result<NamedTensors> tensors = read_mapped(file, format);
  if (!tensors.ok()) return tensors.status().with_context("reading " + path.string());
  return tensors;
}

Status write_tensors(const std::filesystem::path& path, const NamedTensors& tensors) {
  switch (format_of_suffix(path)) {
    case Format::kSafetensors: return write_safetensors(path, tensors);
    case Format::kNpz: return write_npz(path, tensors);
    case Format::kNpy: break;
    case Format::kUnknown:
      return invalid_argument(fmt::format(
          "writing {}: expected a name that ends in .safetensors, .npz or .npy (one tensor)",
          path.string()));
  }
  if (tensors.size() != 1) {
    return invalid_argument(fmt::format(
        "writing {}: an .npy file holds exactly one tensor, found {}; choose .npz or .safetensors",
        path.string(), tensors.size()));
  }
  return write_npy(path, tensors.front().tensor);
}

}  // namespace accel::tensors
