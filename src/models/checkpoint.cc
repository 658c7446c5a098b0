#include "models/checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/try.h"
#include "models/checkpoint_index.h"
#include "models/hub_blobs.h"
#include "tensors/shown.h"

namespace accel::models {
namespace {

namespace fs = std::filesystem;
using tensors::shown;

constexpr uint64_t kIndexBytesMax = 64ull << 20;
constexpr size_t kMaxNamed = 10;  // in a message

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() != fs::file_type::not_found;
}

// The first of the names that weights usually have.
std::optional<fs::path> usual_file(const fs::path& folder) {
  for (const char* name : {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                           "pytorch_model.bin.index.json", "model.pt", "model.pth"}) {
    if (is_there(folder / name)) return folder / name;
  }
  return std::nullopt;
}

// "a, b, c and 4 more"
std::string listing(const std::vector<std::string>& names) {
  const size_t some = std::min(names.size(), kMaxNamed);
  std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + some, ", "));
  if (names.size() > some) text += fmt::format(" and {} more", names.size() - some);
  return text;
}

// What a clone without its large files has in their place.
Status check_no_pointer(const MappedFile& file) {
  constexpr std::string_view kPointer = "version https://git-lfs";
  const auto bytes = file.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kPointer)) return {};
  return data_loss(fmt::format(
      "{} is a Git LFS pointer, not the file it stands for; run git lfs pull in its folder",
      file.path().string()));
}

// The one .pt or .pth file that may be the model's.
Result<fs::path> find_torch_file(const fs::path& folder) {
  // Of training: the state of everything but the model.
  const std::set<std::string_view> others{"optimizer.pt",  "optimizer.pth", "scheduler.pt",
                                          "scheduler.pth", "scaler.pt",     "rng_state.pth"};
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    const bool torch = name.ends_with(".pt") || name.ends_with(".pth");
    if (torch && !others.contains(name) && !name.starts_with("rng_state")) found.push_back(name);
  }
  std::ranges::sort(found);
  if (found.size() == 1) return folder / found.front();
  if (found.empty()) {
    return not_found(fmt::format(
        "{}: expected model.safetensors (or its index and shards, or pytorch_model.bin, or a .pt "
        "or .pth file) beside config.json, found no weights",
        folder.string()));
  }
  return invalid_argument(fmt::format("{}: expected one file of weights, found {}; name the right "
                                      "one model.pt",
                                      folder.string(), listing(found)));
}

// Checks the files that an index names; their paths by name.
Result<std::map<std::string, fs::path>> find_shards(const fs::path& index_path,
                                                    const CheckpointIndex& index) {
  std::set<std::string> names;
  for (const auto& [tensor, name] : index) names.insert(name);
  std::error_code error;
  const fs::path folder = fs::canonical(index_path.parent_path(), error);
  if (error) return errno_status(error.value(), "opening", index_path.parent_path().string());
  std::map<std::string, fs::path> shards;
  std::vector<std::string> missing;
  for (const std::string& name : names) {
    const fs::path path = index_path.parent_path() / name;
    const fs::path real = fs::canonical(path, error);
    if (error == std::errc::no_such_file_or_directory) {
      missing.push_back(shown(name));
      continue;
    }
    if (error == std::errc::too_many_symbolic_link_levels) {
      return invalid_argument(fmt::format("{}: its symbolic links lead in a circle; fetch the "
                                          "file again",
                                          path.string()));
    }
    if (error) return errno_status(error.value(), "opening", path.string());
    if (!may_lie_at(real, folder)) {
      return invalid_argument(fmt::format(
          "{}: expected a file of the model's own folder (or a link into the blobs of the Hub's "
          "cache), found a link to {}",
          path.string(), real.string()));
    }
    shards.emplace(name, path);
  }
  if (missing.empty()) return shards;
  return not_found(fmt::format("{}: expected {} shards beside it, found {}; missing: {}; fetch the "
                               "rest",
                               index_path.string(), names.size(), names.size() - missing.size(),
                               listing(missing)));
}

// Shards and index must say the same. `places`: where each tensor was found, by file name.
Status compare(const CheckpointIndex& index, const CheckpointIndex& places) {
  std::vector<std::string> lacking;
  std::vector<std::string> elsewhere;
  std::vector<std::string> unlisted;
  for (const auto& [tensor, file] : index) {
    const auto place = places.find(tensor);
    if (place == places.end()) {
      lacking.push_back(fmt::format("{} (in {})", shown(tensor), shown(file)));
    } else if (place->second != file) {
      elsewhere.push_back(fmt::format("{} (in {} instead of {})", shown(tensor),
                                      shown(place->second), shown(file)));
    }
  }
  for (const auto& [tensor, file] : places) {
    if (!index.contains(tensor)) {
      unlisted.push_back(fmt::format("{} (in {})", shown(tensor), shown(file)));
    }
  }
  std::string problems;
  const auto say = [&](std::string_view what, const std::vector<std::string>& tensors) {
    if (tensors.empty()) return;
    if (!problems.empty()) problems += "; ";
    problems += fmt::format("{} {}", what, listing(tensors));
  };
  say("listed, but not there:", lacking);
  say("there, but in another shard:", elsewhere);
  say("there, but not listed:", unlisted);
  if (problems.empty()) return {};
  return invalid_argument(fmt::format("expected the tensors that the index lists in its shards, "
                                      "found others: {}; check that all files come from the same "
                                      "checkpoint",
                                      problems));
}

}  // namespace

Status Checkpoint::add_file(const fs::path& path) {
  ACCEL_ASSIGN(auto mapping, MappedFile::open(path));
  ACCEL_TRY(check_no_pointer(*mapping));
  if (path.extension() == ".safetensors") {
    ACCEL_ASSIGN(auto file, tensors::SafetensorsFile::open(std::move(mapping)));
    files_.emplace_back(std::move(file));
  } else {
    ACCEL_ASSIGN(auto file, tensors::TorchFile::open(std::move(mapping)));
    files_.emplace_back(std::move(file));
  }
  add_entries();
  return {};
}

void Checkpoint::add_entries() {
  std::visit(
      [&](const auto& file) {
        for (size_t i = 0; i < file.entries().size(); ++i) {
          const auto& entry = file.entries()[i];
          entries_.push_back({entry.name, entry.dtype, entry.shape, files_.size() - 1, i});
        }
      },
      files_.back());
}

Checkpoint Checkpoint::of(const std::vector<gguf::GgufWeights>& files) {
  Checkpoint checkpoint;
  for (const gguf::GgufWeights& file : files) {
    checkpoint.files_.emplace_back(file);
    checkpoint.add_entries();
  }
  return checkpoint;
}

Result<Checkpoint> Checkpoint::open_indexed(const fs::path& path) {
  ACCEL_ASSIGN(const std::string text, read_file(path, kIndexBytesMax));
  const Result<CheckpointIndex> index = parse_checkpoint_index(text);
  if (!index.ok()) return index.status().with_context("reading " + path.string());
  ACCEL_ASSIGN(const auto shards, find_shards(path, *index));
  Checkpoint checkpoint;
  CheckpointIndex places;
  for (const auto& [name, shard] : shards) {
    const size_t begin = checkpoint.entries_.size();
    ACCEL_TRY(checkpoint.add_file(shard));
    for (size_t i = begin; i < checkpoint.entries_.size(); ++i) {
      const std::string& tensor = checkpoint.entries_[i].name;
      const auto [place, fresh] = places.emplace(tensor, name);
      if (fresh) continue;
      return invalid_argument(fmt::format("{}: the tensor {} is in two shards, {} and {}",
                                          path.string(), shown(tensor), shown(place->second),
                                          shown(name)));
    }
  }
  ACCEL_TRY(compare(*index, places).with_context(path.string()));
  return checkpoint;
}

bool Checkpoint::lies_in(const fs::path& folder) {
  return usual_file(folder) || find_torch_file(folder).status().code() != StatusCode::kNotFound;
}

Result<Checkpoint> Checkpoint::open(const fs::path& folder) {
  std::optional<fs::path> path = usual_file(folder);
  if (!path) {
    ACCEL_ASSIGN(path, find_torch_file(folder));
  }
  if (path->extension() == ".json") return open_indexed(*path);
  Checkpoint checkpoint;
  ACCEL_TRY(checkpoint.add_file(*path));
  return checkpoint;
}

Tensor Checkpoint::tensor(const Entry& entry) const {
  return std::visit([&](const auto& file) { return file.tensor(file.entries()[entry.place]); },
                    files_[entry.file]);
}

std::vector<WeightEntry> Checkpoint::weights() const {
  std::vector<WeightEntry> all;
  all.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    const auto* packed = std::get_if<gguf::GgufWeights>(&files_[entry.file]);
    if (packed != nullptr) {
      all.push_back(packed->entry(packed->entries()[entry.place]));
    } else {
      all.push_back({.name = entry.name, .tensor = tensor(entry)});
    }
  }
  return all;
}

std::vector<std::shared_ptr<const MappedFile>> Checkpoint::mappings() const {
  std::vector<std::shared_ptr<const MappedFile>> all;
  for (const File& file : files_) {
    all.push_back(std::visit([](const auto& each) { return each.mapping(); }, file));
  }
  return all;
}

Status Checkpoint::check_checksums() const {
  for (const File& file : files_) {
    const auto* torch = std::get_if<tensors::TorchFile>(&file);
    if (torch == nullptr) continue;
    const MappedFile& mapping = *torch->mapping();
    ACCEL_TRY(tensors::check_torch_checksums(mapping.bytes())
                  .with_context("reading " + mapping.path().string()));
    mapping.release_pages();
  }
  return {};
}

}  // namespace accel::models
