#include "tensors/torch_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "base/try.h"
#include "tensors/pickle.h"
#include "tensors/shown.h"
#include "tensors/state_dict.h"
#include "tensors/zip.h"

namespace accel::tensors {
namespace {

static_assert(std::endian::native == std::endian::little, "the storages are little endian");

using Bytes = std::span<const std::byte>;

// Where a storage's bytes lie in the file.
struct Place {
  uint64_t begin = 0;
  uint64_t size = 0;
};
using Places = std::map<std::string, Place, std::less<>>;  // by key

Status big_endian() {
  return unimplemented(
      "it was written on a big-endian machine, which is not supported; save it again on another");
}

// --- placing tensors -----------------------------------------------------------------------------

// The elements from the first to the last of a view, or nullopt where they cannot be counted.
std::optional<uint64_t> extent(const StoredTensor& tensor) {
  uint64_t last = 0;
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    if (tensor.shape[i] == 0) return 0;
    uint64_t step = 0;
    if (__builtin_mul_overflow(static_cast<uint64_t>(tensor.shape[i] - 1),
                               static_cast<uint64_t>(tensor.strides[i]), &step) ||
        __builtin_add_overflow(last, step, &last)) {
      return std::nullopt;
    }
  }
  return last + 1;
}

bool row_major(const Shape& shape, const std::vector<int64_t>& strides) {
  int64_t expected = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

Result<TorchEntry> place(const StoredTensor& tensor, const Places& places) {
  const StorageReference& storage = tensor.storage;
  const auto found = places.find(storage.key);
  if (found == places.end()) {
    return data_loss(fmt::format("its storage {} is not in the file", shown(storage.key)));
  }
  const uint64_t unit = size_of(storage.dtype);
  if (storage.count > std::numeric_limits<uint64_t>::max() / unit ||
      storage.count * unit != found->second.size) {
    return data_loss(fmt::format("its storage {} is said to have {} elements of {}, and {} bytes "
                                 "of it are in the file",
                                 shown(storage.key), storage.count, to_string(storage.dtype),
                                 found->second.size));
  }
  const uint64_t size = size_of(tensor.dtype);
  const uint64_t there = storage.view_count * unit / size;  // elements
  const std::optional<uint64_t> needed = extent(tensor);
  if (!needed || (*needed > 0 && (*needed > there || tensor.offset > there - *needed))) {
    return data_loss(fmt::format("{} with strides {} from element {} on reaches beyond the {} "
                                 "elements of its storage",
                                 to_string(tensor.shape), to_string(tensor.strides), tensor.offset,
                                 there));
  }
  TorchEntry entry{tensor.name, tensor.dtype, tensor.shape, tensor.strides, 0, true};
  entry.begin = found->second.begin;
  if (*needed > 0) entry.begin += storage.view_begin * unit + tensor.offset * size;
  entry.viewable =
      *needed == 0 || (row_major(tensor.shape, tensor.strides) && entry.begin % size == 0);
  return entry;
}

Result<std::vector<TorchEntry>> place_all(const std::vector<StoredTensor>& tensors,
                                          const Places& places, uint64_t file_size) {
  // A stride of zero, or many views of one storage, could make copies out of nothing. Tied weights
  // in a file whose storages are not aligned are copied more than once.
  const uint64_t copied_most =
      4 * std::min(file_size, std::numeric_limits<uint64_t>::max() / 8) + (uint64_t{1} << 20);
  uint64_t copied = 0;
  std::vector<TorchEntry> entries;
  for (const StoredTensor& tensor : tensors) {
    Result<TorchEntry> entry = place(tensor, places);
    if (!entry.ok()) return entry.status().with_context("tensor " + shown(tensor.name));
    if (!entry->viewable) {
      const uint64_t count = *element_count(entry->shape);
      const uint64_t size = size_of(entry->dtype);
      if (count > copied_most / size || count * size > copied_most - copied) {
        return resource_exhausted(fmt::format(
            "tensor {}: expected tensors that repeat or overlap to take at most {} bytes together, "
            "found more; it may be made to fill the memory",
            shown(tensor.name), copied_most));
      }
      copied += count * size;
    }
    entries.push_back(std::move(*entry));
  }
  return entries;
}

// --- ZIP archives (PyTorch 1.6 and later) --------------------------------------------------------

const ZipEntry* entry_called(const std::vector<ZipEntry>& entries, std::string_view name) {
  const auto found = std::ranges::find(entries, name, &ZipEntry::name);
  return found == entries.end() ? nullptr : &*found;
}

// "archive/", whatever the archive calls it: where data.pkl lies.
Result<std::string> archive_root(const std::vector<ZipEntry>& entries) {
  constexpr std::string_view kPickle = "data.pkl";
  for (const ZipEntry& entry : entries) {
    if (!entry.name.ends_with(kPickle)) continue;
    const std::string root = entry.name.substr(0, entry.name.size() - kPickle.size());
    const bool top = std::ranges::count(root, '/') <= 1 && (root.empty() || root.ends_with('/'));
    if (!top) continue;
    if (entry_called(entries, root + "constants.pkl") != nullptr) {
      return unimplemented(
          "it is a TorchScript program (it has a constants.pkl), not a state dict; save "
          "model.state_dict(), or safetensors");
    }
    return root;
  }
  return data_loss("expected a data.pkl in the archive, found none: PyTorch did not write it");
}

bool is_archive(Bytes bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.starts_with("PK\3\4") || text.starts_with("PK\5\6");
}

// PyTorch may leave checksums out, and then writes 0.
Result<Bytes> read_stored(Bytes bytes, const ZipEntry& entry) {
  if (entry.crc32 == 0) return packed_bytes(bytes, entry);
  std::vector<std::byte> unused;  // nothing is compressed
  return read_zip_entry(bytes, entry, unused);
}

Result<std::vector<TorchEntry>> parse_archive(Bytes bytes) {
  ACCEL_ASSIGN(const std::vector<ZipEntry> entries, read_zip_directory(bytes));
  ACCEL_ASSIGN(const std::string root, archive_root(entries));
  Places places;
  for (const ZipEntry& entry : entries) {
    if (!entry.name.starts_with(root)) continue;
    const std::string_view name = std::string_view(entry.name).substr(root.size());
    constexpr std::string_view kStorageFolder = "data/";
    const bool storage = name.starts_with(kStorageFolder);
    if (entry.deflated && (storage || name == "data.pkl" || name == "byteorder")) {
      return unimplemented(fmt::format("the entry {} is compressed; expected stored ones, as "
                                       "torch.save writes them",
                                       shown(entry.name)));
    }
    if (storage) {
      places[std::string(name.substr(kStorageFolder.size()))] = {entry.data_begin, entry.size};
    }
  }
  if (const ZipEntry* order = entry_called(entries, root + "byteorder")) {
    ACCEL_ASSIGN(const Bytes text, read_stored(bytes, *order));
    constexpr std::string_view kBig = "big";
    if (std::ranges::equal(text, std::as_bytes(std::span(kBig)))) return big_endian();
  }
  ACCEL_ASSIGN(const Bytes text, read_stored(bytes, *entry_called(entries, root + "data.pkl")));
  ACCEL_ASSIGN(const Pickle pickle, read_pickle(text, torch_globals()));
  ACCEL_ASSIGN(const std::vector<StoredTensor> tensors, read_state_dict(pickle));
  return place_all(tensors, places, bytes.size());
}

// --- the files from before -----------------------------------------------------------------------

// Four pickles follow one another: the format's magic number and version, facts of the machine, and
// the state dict; then the keys of the storages, and for each its number of elements and its bytes.
constexpr std::string_view kMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
constexpr int64_t kVersion = 1001;

class OldFile {
 public:
  explicit OldFile(Bytes bytes) : bytes_(bytes) {}

  Result<std::vector<TorchEntry>> parse();

 private:
  Result<Pickle> next() {
    ACCEL_ASSIGN(Pickle pickle, read_pickle(bytes_.subspan(at_), torch_globals()));
    at_ += pickle.size;
    return pickle;
  }
  Status check_start();
  Result<Places> find_storages(const Pickle& state, const Pickle& keys);

  Bytes bytes_;
  size_t at_ = 0;
};

const PickleValue& root_of(const Pickle& pickle) { return pickle.values[pickle.root]; }

Status OldFile::check_start() {
  const Result<Pickle> first = next();
  constexpr std::byte kProtocol{0x80};  // begins what PyTorch writes
  const bool alike = !bytes_.empty() && bytes_.front() == kProtocol;
  if (!first.ok() && !alike && first.status().code() != StatusCode::kPermissionDenied) {
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
    return data_loss(fmt::format(
        "expected a file that torch.save wrote, found {}",
        text.empty() ? "an empty one" : "one that starts with " + shown(text.substr(0, 8))));
  }
  ACCEL_ASSIGN(const Pickle magic, first);
  if (root_of(magic).kind != PickleKind::kBigInt || root_of(magic).text != kMagic) {
    return data_loss("expected a state dict that torch.save wrote, found another pickle");
  }
  ACCEL_ASSIGN(const Pickle version, next());
  if (root_of(version).kind != PickleKind::kInt || root_of(version).integer != kVersion) {
    return unimplemented(
        fmt::format("expected version {} of PyTorch's old format, found another", kVersion));
  }
  ACCEL_ASSIGN(const Pickle machine, next());
  const PickleValue& facts = root_of(machine);
  for (size_t i = 0; facts.kind == PickleKind::kDict && i + 1 < facts.items.size(); i += 2) {
    const PickleValue& value = machine.values[facts.items[i + 1]];
    if (machine.values[facts.items[i]].text == "little_endian" && value.kind == PickleKind::kBool &&
        value.integer == 0) {
      return big_endian();
    }
  }
  return {};
}

// Walks the storages behind the pickles. How large an element is, is known from the first use.
Result<Places> OldFile::find_storages(const Pickle& state, const Pickle& keys) {
  std::map<std::string_view, uint64_t> sizes;
  for (const PickleValue& value : state.values) {
    if (value.kind != PickleKind::kPersistent) continue;
    ACCEL_ASSIGN(const StorageReference storage, read_storage_reference(state, value));
    sizes.emplace(storage.key, size_of(storage.dtype));
  }
  Places places;
  for (const PickleId id : root_of(keys).items) {
    const std::string_view key = keys.values[id].text;
    const auto size = sizes.find(key);
    if (size == sizes.end()) {
      return data_loss(fmt::format("the storage {} belongs to no tensor", shown(key)));
    }
    uint64_t count = 0;
    const uint64_t rest = bytes_.size() - at_;
    if (rest >= sizeof count) std::memcpy(&count, bytes_.data() + at_, sizeof count);
    if (rest < sizeof count || count > (rest - sizeof count) / size->second) {
      return Status(StatusCode::kDataLoss,
                    fmt::format("expected the {} elements of storage {} at byte {}, found the end: "
                                "the file is truncated; fetch it again",
                                count, shown(key), at_),
                    at_);
    }
    const Place place{at_ + sizeof count, count * size->second};
    if (!places.emplace(key, place).second) {
      return data_loss(fmt::format("the storage {} occurs twice", shown(key)));
    }
    at_ = place.begin + place.size;
  }
  return places;
}

Result<std::vector<TorchEntry>> OldFile::parse() {
  ACCEL_TRY(check_start());
  ACCEL_ASSIGN(const Pickle state, next());
  ACCEL_ASSIGN(const std::vector<StoredTensor> tensors, read_state_dict(state));
  ACCEL_ASSIGN(const Pickle keys, next());
  ACCEL_ASSIGN(const Places places, find_storages(state, keys));
  return place_all(tensors, places, bytes_.size());
}

// --- copies --------------------------------------------------------------------------------------

template <size_t kSize>
void gather(const TorchEntry& entry, const std::byte* from, std::byte* to) {
  const Shape& shape = entry.shape;
  Shape index(shape.size(), 0);
  uint64_t source = 0;  // in elements; may wrap around on its way, not where it is used
  const uint64_t count = *element_count(shape);
  for (uint64_t i = 0; i < count; ++i, to += kSize) {
    std::memcpy(to, from + source * kSize, kSize);
    for (size_t d = shape.size(); d-- > 0;) {  // the next index in row-major order
      const auto stride = static_cast<uint64_t>(entry.strides[d]);
      source += stride;
      if (++index[d] < shape[d]) break;
      source -= stride * static_cast<uint64_t>(shape[d]);
      index[d] = 0;
    }
  }
}

}  // namespace

Result<std::vector<TorchEntry>> parse_torch_file(Bytes bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (is_archive(bytes)) return parse_archive(bytes);
  constexpr size_t kTarMagic = 257;
  if (text.size() > kTarMagic && text.substr(kTarMagic).starts_with("ustar")) {
    return unimplemented(
        "it is a tar archive, as PyTorch before 0.1.10 wrote them, which is not supported; load it "
        "with PyTorch and save it again");
  }
  return OldFile(bytes).parse();
}

Status check_torch_checksums(Bytes bytes) {
  if (!is_archive(bytes)) return {};
  ACCEL_ASSIGN(const std::vector<ZipEntry> entries, read_zip_directory(bytes));
  for (const ZipEntry& entry : entries) {
    if (!entry.deflated) ACCEL_TRY(read_stored(bytes, entry).status());
  }
  return {};
}

Result<TorchFile> TorchFile::open(const std::filesystem::path& path) {
  ACCEL_ASSIGN(auto mapping, MappedFile::open(path));
  return open(std::move(mapping));
}

Result<TorchFile> TorchFile::open(std::shared_ptr<const MappedFile> mapping) {
  auto entries = parse_torch_file(mapping->bytes());
  if (!entries.ok()) return entries.status().with_context("reading " + mapping->path().string());
  return TorchFile(std::move(mapping),
                   std::make_shared<const std::vector<TorchEntry>>(std::move(*entries)));
}

Tensor read_torch_tensor(Bytes bytes, const TorchEntry& entry, std::shared_ptr<const void> owner) {
  const std::byte* data = bytes.data() + entry.begin;
  if (entry.viewable) return Tensor::wrap(entry.dtype, entry.shape, data, std::move(owner));
  Tensor copy = Tensor::allocate(entry.dtype, entry.shape);
  std::byte* to = copy.mutable_data();
  if (row_major(entry.shape, entry.strides)) {
    std::memcpy(to, data, copy.byte_size());
    return copy;
  }
  switch (size_of(entry.dtype)) {
    case 1: gather<1>(entry, data, to); break;
    case 2: gather<2>(entry, data, to); break;
    case 4: gather<4>(entry, data, to); break;
    default: gather<8>(entry, data, to); break;
  }
  return copy;
}

}  // namespace accel::tensors
