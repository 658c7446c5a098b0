#include "tensors/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <string>
#include <type_traits>
#include <unordered_set>

#include "base/try.h"
#include "tensors/shown.h"

namespace accel::tensors {
namespace {

static_assert(std::endian::native == std::endian::little, "the numbers are little endian");

constexpr uint64_t kMagicBytes = 4;
constexpr uint32_t kMostRank = 4;      // ggml's
constexpr int kDeepest = 8;            // of arrays in arrays
constexpr uint64_t kLeastEntry = 13;   // bytes of an entry: key, type, value
constexpr uint64_t kLeastTensor = 24;  // of a tensor: name, rank, type, offset
constexpr uint64_t kLeastInner = 12;   // of an array in an array: type, number
constexpr uint64_t kUsualAlignment = 32;
constexpr uint64_t kMostAlignment = 1ull << 20;

Status broken_gguf(uint64_t offset, std::string_view message) {
  return {StatusCode::kDataLoss, fmt::format("GGUF: {} at byte {}", message, offset), offset};
}

Status unknown(uint64_t offset, std::string_view message) {
  return {StatusCode::kUnimplemented, fmt::format("GGUF: {} at byte {}", message, offset), offset};
}

// Bytes of one value; 0 for those of no fixed size, none for no type.
std::optional<uint64_t> size_of(GgufType type) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool: return 1;
    case GgufType::kU16:
    case GgufType::kI16: return 2;
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kF32: return 4;
    case GgufType::kU64:
    case GgufType::kI64:
    case GgufType::kF64: return 8;
    case GgufType::kText:
    case GgufType::kArray: return 0;
  }
  return std::nullopt;
}

template <class T>
T read_at(std::span<const std::byte> bytes, uint64_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

// Calls visit(number) with the `index`-th of the numbers at `bytes`; false for no numbers.
template <class Visit>
bool with_number(GgufType type, std::span<const std::byte> bytes, uint64_t index, Visit visit) {
  switch (type) {
    case GgufType::kU8: visit(read_at<uint8_t>(bytes, index)); return true;
    case GgufType::kI8: visit(read_at<int8_t>(bytes, index)); return true;
    case GgufType::kU16: visit(read_at<uint16_t>(bytes, index)); return true;
    case GgufType::kI16: visit(read_at<int16_t>(bytes, index)); return true;
    case GgufType::kU32: visit(read_at<uint32_t>(bytes, index)); return true;
    case GgufType::kI32: visit(read_at<int32_t>(bytes, index)); return true;
    case GgufType::kF32: visit(read_at<float>(bytes, index)); return true;
    case GgufType::kU64: visit(read_at<uint64_t>(bytes, index)); return true;
    case GgufType::kI64: visit(read_at<int64_t>(bytes, index)); return true;
    case GgufType::kF64: visit(read_at<double>(bytes, index)); return true;
    default: return false;
  }
}

std::optional<int64_t> integer_at(GgufType type, std::span<const std::byte> bytes, uint64_t index) {
  std::optional<int64_t> found;
  with_number(type, bytes, index, [&](auto value) {
    if constexpr (std::is_integral_v<decltype(value)>) {
      if (std::in_range<int64_t>(value)) found = static_cast<int64_t>(value);
    }
  });
  return found;
}

// Reads the header from front to back, never past the end.
class HeaderReader {
 public:
  explicit HeaderReader(std::span<const std::byte> file) : file_(file) {}

  Result<GgufHeader> read();

 private:
  uint64_t left() const { return file_.size() - at_; }
  template <class T>
  Result<T> number(std::string_view what);
  Result<std::string_view> text(std::string_view what);
  Result<GgufType> type();
  Result<GgufValue> value(GgufType type);
  Status array(GgufValue& value, int depth);
  Status prologue(uint64_t& tensors, uint64_t& entries);
  Status read_metadata(uint64_t count);
  Status read_tensors(uint64_t count);
  Result<GgufTensor> tensor();
  Result<uint64_t> alignment() const;
  Status place_tensors();
  Status check_overlaps() const;

  std::span<const std::byte> file_;
  uint64_t at_ = 0;
  GgufHeader header_;
};

template <class T>
Result<T> HeaderReader::number(std::string_view what) {
  if (left() < sizeof(T)) {
    return broken_gguf(at_, fmt::format("expected {}, found the end of the file", what));
  }
  const T value = read_at<T>(file_.subspan(at_), 0);
  at_ += sizeof(T);
  return value;
}

Result<std::string_view> HeaderReader::text(std::string_view what) {
  const uint64_t begin = at_;
  ACCEL_ASSIGN(const auto length, number<uint64_t>(what));
  if (length > left()) {
    return broken_gguf(begin, fmt::format("expected {}, found a text of {} bytes where {} are left",
                                          what, length, left()));
  }
  const std::string_view found = chars(file_.subspan(at_, length));
  at_ += length;
  return found;
}

Result<GgufType> HeaderReader::type() {
  const uint64_t begin = at_;
  ACCEL_ASSIGN(const auto id, number<uint32_t>("the type of a value"));
  const auto type = static_cast<GgufType>(id);
  if (size_of(type)) return type;
  return unknown(begin, fmt::format("expected a type of value from 0 to 12, found {},", id));
}

// Elements of a fixed size are stepped over, others read one by one.
Status HeaderReader::array(GgufValue& value, int depth) {
  const uint64_t begin = at_;
  if (depth > kDeepest) {
    return broken_gguf(begin,
                       fmt::format("expected arrays at most {} deep, found deeper ones", kDeepest));
  }
  ACCEL_ASSIGN(value.element, type());
  ACCEL_ASSIGN(value.count, number<uint64_t>("the length of an array"));
  const uint64_t size = *size_of(value.element);
  const uint64_t least = size > 0 ? size : value.element == GgufType::kText ? 8 : kLeastInner;
  if (value.count > left() / least) {
    return broken_gguf(begin,
                       fmt::format("expected an array inside the file, found {} elements where "
                                   "{} bytes are left,",
                                   value.count, left()));
  }
  const uint64_t first = at_;
  if (size > 0) {
    at_ += value.count * size;
  } else {
    for (uint64_t i = 0; i < value.count; ++i) {
      if (value.element == GgufType::kText) {
        ACCEL_TRY(text("a text of an array").status());
      } else {
        GgufValue inner;
        ACCEL_TRY(array(inner, depth + 1));
      }
    }
  }
  value.bytes = file_.subspan(first, at_ - first);
  return {};
}

Result<GgufValue> HeaderReader::value(GgufType type) {
  GgufValue value{.type = type};
  if (type == GgufType::kText) {
    ACCEL_ASSIGN(const std::string_view found, text("a text"));
    value.bytes = std::as_bytes(std::span(found));
  } else if (type == GgufType::kArray) {
    ACCEL_TRY(array(value, 1));
  } else {
    const uint64_t size = *size_of(type);
    if (size > left()) return broken_gguf(at_, "expected a value, found the end of the file");
    value.bytes = file_.subspan(at_, size);
    at_ += size;
  }
  return value;
}

Status HeaderReader::prologue(uint64_t& tensors, uint64_t& entries) {
  const std::string_view magic = chars(file_.first(std::min<size_t>(file_.size(), kMagicBytes)));
  for (const std::string_view old : {"lmgg", "fmgg", "tjgg", "algg"}) {
    if (magic != old) continue;
    return unknown(0, "expected GGUF, found one of the formats before it (ggml, ggmf, ggjt, ggla); "
                      "convert the model anew with llama.cpp. It starts");
  }
  if (magic != "GGUF") return broken_gguf(0, "expected the letters GGUF, found others");
  at_ = kMagicBytes;
  ACCEL_ASSIGN(header_.version, number<uint32_t>("the version"));
  if ((header_.version & 0xFFFF) == 0 && header_.version != 0) {
    return unknown(kMagicBytes, "expected little endian, found a file in big endian; convert the "
                                "model anew without --bigendian. Its version is");
  }
  if (header_.version != 2 && header_.version != 3) {
    return unknown(kMagicBytes, fmt::format("expected version 2 or 3, found {}; convert the model "
                                            "anew with llama.cpp. The version is",
                                            header_.version));
  }
  ACCEL_ASSIGN(tensors, number<uint64_t>("the number of tensors"));
  ACCEL_ASSIGN(entries, number<uint64_t>("the number of metadata entries"));
  if (entries <= left() / kLeastEntry && tensors <= left() / kLeastTensor) return {};
  return broken_gguf(8, fmt::format("expected numbers that fit {} bytes, found {} tensors and {} "
                                    "metadata entries",
                                    left(), tensors, entries));
}

Status HeaderReader::read_metadata(uint64_t count) {
  std::unordered_set<std::string_view> keys;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t begin = at_;
    GgufEntry entry;
    ACCEL_ASSIGN(entry.key, text("a metadata key"));
    if (!keys.insert(entry.key).second) {
      return broken_gguf(begin,
                         fmt::format("the metadata key {} comes a second time", shown(entry.key)));
    }
    Result<GgufType> type = this->type();
    if (!type.ok()) return type.status().with_context("metadata key " + shown(entry.key));
    Result<GgufValue> value = this->value(*type);
    if (!value.ok()) return value.status().with_context("metadata key " + shown(entry.key));
    entry.value = *value;
    header_.metadata.push_back(entry);
  }
  return {};
}

Result<GgufTensor> HeaderReader::tensor() {
  GgufTensor tensor;
  ACCEL_ASSIGN(tensor.name, text("the name of a tensor"));
  const uint64_t rank_at = at_;
  ACCEL_ASSIGN(const auto rank, number<uint32_t>("the rank of a tensor"));
  if (rank > kMostRank) {
    return broken_gguf(rank_at, fmt::format("tensor {}: expected at most {} dimensions, found {}",
                                            shown(tensor.name), kMostRank, rank));
  }
  tensor.shape.resize(rank);
  for (uint32_t i = 0; i < rank; ++i) {
    ACCEL_ASSIGN(const auto size, number<uint64_t>("a size of a tensor"));
    tensor.shape[rank - 1 - i] =
        std::in_range<int64_t>(size) ? static_cast<int64_t>(size) : int64_t{-1};
  }
  const uint64_t type_at = at_;
  ACCEL_ASSIGN(const auto id, number<uint32_t>("the type of a tensor"));
  tensor.format = find_block_format(id);
  if (tensor.format == nullptr) {
    return unknown(type_at,
                   fmt::format("tensor {}: its type {} is not known", shown(tensor.name), id));
  }
  const std::optional<uint64_t> count = element_count(tensor.shape);
  const uint64_t row = rank == 0 ? 1 : static_cast<uint64_t>(tensor.shape.back());
  if (!count || row % tensor.format->elements != 0) {
    return broken_gguf(rank_at,
                       fmt::format("tensor {}: expected rows of a multiple of {} numbers ({}), "
                                   "found shape {}",
                                   shown(tensor.name), tensor.format->elements, tensor.format->name,
                                   to_string(tensor.shape)));
  }
  const uint64_t blocks = *count / tensor.format->elements;
  ACCEL_ASSIGN(tensor.begin, number<uint64_t>("the offset of a tensor"));
  if (blocks > file_.size() / tensor.format->bytes || tensor.begin > file_.size()) {
    return broken_gguf(
        rank_at,
        fmt::format("tensor {}: expected it inside the file, found {} {} of "
                    "type {} at offset {}",
                    shown(tensor.name), *count, "numbers", tensor.format->name, tensor.begin));
  }
  tensor.end = tensor.begin + blocks * tensor.format->bytes;
  return tensor;
}

Status HeaderReader::read_tensors(uint64_t count) {
  std::unordered_set<std::string_view> names;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t begin = at_;
    ACCEL_ASSIGN(GgufTensor found, tensor());
    if (!names.insert(found.name).second) {
      return broken_gguf(begin,
                         fmt::format("the tensor {} comes a second time", shown(found.name)));
    }
    header_.tensors.push_back(std::move(found));
  }
  return {};
}

Result<uint64_t> HeaderReader::alignment() const {
  const auto entry = std::ranges::find(header_.metadata, "general.alignment", &GgufEntry::key);
  if (entry == header_.metadata.end()) return kUsualAlignment;
  const std::optional<int64_t> given = entry->value.integer();
  const auto alignment = static_cast<uint64_t>(given.value_or(0));
  if (given && std::has_single_bit(alignment) && alignment <= kMostAlignment) return alignment;
  return broken_gguf(static_cast<uint64_t>(entry->value.bytes.data() - file_.data()),
                     "general.alignment: expected a power of two up to 2^20, found another value");
}

Status HeaderReader::place_tensors() {
  ACCEL_ASSIGN(const uint64_t alignment, this->alignment());
  header_.data_begin = (at_ + alignment - 1) / alignment * alignment;
  if (header_.tensors.empty()) return {};
  if (header_.data_begin > file_.size()) {
    return broken_gguf(at_, "expected the tensors' data, found the end of the file");
  }
  for (GgufTensor& tensor : header_.tensors) {
    if (tensor.begin % alignment != 0) {
      return broken_gguf(
          header_.data_begin + tensor.begin,
          fmt::format("tensor {}: expected an offset that is a multiple of {}, found {}",
                      shown(tensor.name), alignment, tensor.begin));
    }
    tensor.begin += header_.data_begin;
    tensor.end += header_.data_begin;
    if (tensor.end <= file_.size()) continue;
    return broken_gguf(tensor.begin,
                       fmt::format("tensor {}: expected {} bytes, found {} before the end "
                                   "of the file,",
                                   shown(tensor.name), tensor.end - tensor.begin,
                                   file_.size() - std::min(tensor.begin, file_.size())));
  }
  return check_overlaps();
}

Status HeaderReader::check_overlaps() const {
  std::vector<const GgufTensor*> order;
  for (const GgufTensor& tensor : header_.tensors) {
    if (tensor.end > tensor.begin) order.push_back(&tensor);
  }
  std::ranges::sort(order, {}, &GgufTensor::begin);
  for (size_t i = 1; i < order.size(); ++i) {
    if (order[i]->begin >= order[i - 1]->end) continue;
    return broken_gguf(order[i]->begin,
                       fmt::format("expected tensors that do not overlap, found {} inside {}",
                                   shown(order[i]->name), shown(order[i - 1]->name)));
  }
  return {};
}

Result<GgufHeader> HeaderReader::read() {
  uint64_t tensors = 0;
  uint64_t entries = 0;
  ACCEL_TRY(prologue(tensors, entries));
  ACCEL_TRY(read_metadata(entries));
  ACCEL_TRY(read_tensors(tensors));
  ACCEL_TRY(place_tensors());
  return std::move(header_);
}

}  // namespace

std::optional<std::string_view> GgufValue::text() const {
  if (type != GgufType::kText) return std::nullopt;
  return chars(bytes);
}

std::optional<bool> GgufValue::flag() const {
  if (type != GgufType::kBool) return std::nullopt;
  return bytes[0] != std::byte{0};
}

std::optional<int64_t> GgufValue::integer() const { return integer_at(type, bytes, 0); }

std::optional<double> GgufValue::number() const {
  std::optional<double> found;
  with_number(type, bytes, 0, [&](auto value) { found = static_cast<double>(value); });
  return found;
}

std::optional<std::vector<std::string_view>> GgufValue::texts() const {
  if (type != GgufType::kArray || element != GgufType::kText) return std::nullopt;
  std::vector<std::string_view> all;
  all.reserve(count);
  for (uint64_t at = 0; all.size() < count;) {  // lengths were checked when the file was read
    const auto length = read_at<uint64_t>(bytes.subspan(at), 0);
    all.push_back(chars(bytes.subspan(at + 8, length)));
    at += 8 + length;
  }
  return all;
}

std::optional<std::vector<int64_t>> GgufValue::integers() const {
  if (type != GgufType::kArray) return std::nullopt;
  const GgufType each = element == GgufType::kBool ? GgufType::kU8 : element;
  std::vector<int64_t> all;
  for (uint64_t i = 0; i < count; ++i) {
    const std::optional<int64_t> one = integer_at(each, bytes, i);
    if (!one) return std::nullopt;
    all.push_back(*one);
  }
  return all;
}

std::optional<std::vector<double>> GgufValue::numbers() const {
  if (type != GgufType::kArray) return std::nullopt;
  std::vector<double> all;
  const auto keep = [&](auto value) { all.push_back(static_cast<double>(value)); };
  for (uint64_t i = 0; i < count; ++i) {
    if (!with_number(element, bytes, i, keep)) return std::nullopt;
  }
  return all;
}

Result<GgufHeader> parse_gguf(std::span<const std::byte> file) { return HeaderReader(file).read(); }

Result<GgufFile> GgufFile::open(const std::filesystem::path& path) {
  ACCEL_ASSIGN(auto mapping, MappedFile::open(path));
  Result<GgufHeader> header = parse_gguf(mapping->bytes());
  if (!header.ok()) return header.status().with_context("reading " + path.string());
  auto shared = std::make_shared<const GgufHeader>(*std::move(header));
  return GgufFile(std::move(mapping), std::move(shared));
}

const GgufValue* GgufFile::find(std::string_view key) const {
  const auto entry = std::ranges::find(metadata(), key, &GgufEntry::key);
  return entry == metadata().end() ? nullptr : &entry->value;
}

}  // namespace accel::tensors
