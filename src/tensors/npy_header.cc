#include "tensors/npy_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "base/try.h"
#include "tensors/npy.h"
#include "tensors/shown.h"

namespace accel::tensors {
namespace {

constexpr uint64_t kMaxDictBytes = 64 << 10;  // a header of 64 dimensions takes less than 2,000

Status broken_npy(std::string message, std::optional<uint64_t> offset = std::nullopt) {
  return {StatusCode::kDataLoss, "NPY header: " + std::move(message), offset};
}

// One pass over the dict. Each read_ function skips blanks before what it reads.
class DictReader {
 public:
  DictReader(std::string_view text, uint64_t base) : text_(text), base_(base) {}

  Result<NpyDict> read();

 private:
  Status read_value(std::string_view key);
  Result<std::string> read_string(std::string_view what);
  Result<bool> read_bool();
  Result<Shape> read_shape();
  Result<int64_t> read_dimension();

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool take(std::string_view token) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  Status expected(std::string_view what) {
    skip_blanks();
    const std::string found = at_ < text_.size() ? shown(text_.substr(at_, 12)) : "its end";
    return broken_npy(fmt::format("expected {} at byte {}, found {}", what, base_ + at_, found),
                      base_ + at_);
  }

  std::string_view text_;
  uint64_t base_;
  size_t at_ = 0;
  NpyDict dict_;
  bool descr_seen_ = false;
  bool order_seen_ = false;
  bool shape_seen_ = false;
};

Result<NpyDict> DictReader::read() {
  if (!take("{")) return expected("a Python dict");
  while (!take("}")) {
    ACCEL_ASSIGN(const std::string key, read_string("a key in quotes, or '}'"));
    if (!take(":")) return expected("':'");
    ACCEL_TRY(read_value(key));
    if (take(",")) continue;
    if (!take("}")) return expected("',' or '}'");
    break;
  }
  skip_blanks();
  if (at_ != text_.size()) return expected("nothing after the dict");
  if (!descr_seen_ || !order_seen_ || !shape_seen_) {
    return broken_npy(
        fmt::format("expected the keys 'descr', 'fortran_order' and 'shape', found no {}",
                    !descr_seen_   ? "'descr'"
                    : !order_seen_ ? "'fortran_order'"
                                   : "'shape'"));
  }
  return std::move(dict_);
}

Status DictReader::read_value(std::string_view key) {
  const auto once = [&](bool& seen) -> Status {
    if (!std::exchange(seen, true)) return {};
    return broken_npy(fmt::format("the key {} occurs twice", shown(key)));
  };
  if (key == "descr") {
    ACCEL_TRY(once(descr_seen_));
    if (take("[")) {
      return unimplemented("NPY header: records (a list in 'descr') are not supported; save each "
                           "field as an array of its own");
    }
    ACCEL_ASSIGN(dict_.descr, read_string("an element type in quotes"));
    return {};
  }
  if (key == "fortran_order") {
    ACCEL_TRY(once(order_seen_));
    ACCEL_ASSIGN(dict_.fortran_order, read_bool());
    return {};
  }
  if (key == "shape") {
    ACCEL_TRY(once(shape_seen_));
    ACCEL_ASSIGN(dict_.shape, read_shape());
    return {};
  }
  return broken_npy(
      fmt::format("expected the keys 'descr', 'fortran_order' and 'shape', found {}", shown(key)));
}

Result<std::string> DictReader::read_string(std::string_view what) {
  skip_blanks();
  const char quote = at_ < text_.size() ? text_[at_] : '\0';
  if (quote != '\'' && quote != '"') return expected(what);
  const size_t end = text_.find(quote, at_ + 1);
  if (end == std::string_view::npos) return expected("a text that ends");
  std::string value(text_.substr(at_ + 1, end - at_ - 1));
  at_ = end + 1;
  return value;
}

Result<bool> DictReader::read_bool() {
  if (take("True")) return true;
  if (take("False")) return false;
  return expected("True or False");
}

Result<Shape> DictReader::read_shape() {
  if (!take("(")) return expected("a tuple of dimensions");
  Shape shape;
  while (!take(")")) {
    if (shape.size() == kNpyRankMax) return expected("at most 64 dimensions");
    ACCEL_ASSIGN(const int64_t dimension, read_dimension());
    shape.push_back(dimension);
    if (take(",")) continue;
    // "(3)" is a number to Python, not a tuple.
    if (shape.size() == 1) return expected("',' after the only dimension");
    if (!take(")")) return expected("',' or ')'");
    break;
  }
  return shape;
}

Result<int64_t> DictReader::read_dimension() {
  skip_blanks();
  const char* begin = text_.data() + at_;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
  if (error != std::errc{} || value < 0) return expected("a dimension from 0 to 2^63-1");
  at_ += static_cast<size_t>(end - begin);
  take("L");  // Python 2 wrote long integers so
  return value;
}

struct DescrRow {
  std::string_view name;  // without the byte order
  DType dtype;
};
constexpr std::array<DescrRow, 12> kDescrs{{
    {"b1", DType::kBool},
    {"u1", DType::kU8},
    {"i1", DType::kI8},
    {"u2", DType::kU16},
    {"i2", DType::kI16},
    {"u4", DType::kU32},
    {"i4", DType::kI32},
    {"u8", DType::kU64},
    {"i8", DType::kI64},
    {"f2", DType::kF16},
    {"f4", DType::kF32},
    {"f8", DType::kF64},
}};

Status read_descr(std::string_view descr, NpyHeader& header) {
  const char order = descr.empty() ? '\0' : descr.front();
  const std::string_view name = descr.empty() ? descr : descr.substr(1);
  const auto row = std::ranges::find(kDescrs, name, &DescrRow::name);
  if (row == kDescrs.end() || std::string_view("<>=|").find(order) == std::string_view::npos) {
    const bool pickled = name == "O";
    return unimplemented(fmt::format(
        "NPY header: the element type {} is not supported{}; expected one of b1, i1, i2, i4, i8, "
        "u1, u2, u4, u8, f2, f4, f8 after the byte order <, >, = or |",
        shown(descr), pickled ? " (objects would run code when loaded)" : ""));
  }
  header.dtype = row->dtype;
  header.big_endian = order == '>';
  return {};
}

uint64_t little_endian(std::span<const std::byte> bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | std::to_integer<uint64_t>(bytes[i]);
  return value;
}

// The dict's text, and where the data begin.
Result<std::string_view> dict_text(std::span<const std::byte> head, uint64_t& data_begin) {
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  if (!text.starts_with(kNpyMagic)) {
    return broken_npy(fmt::format("expected a file that starts with \\x93NUMPY, found {}",
                                  text.empty() ? "an empty file" : shown(text.substr(0, 6))));
  }
  if (text.size() < 8)
    return broken_npy("expected a version, found the end: the file is truncated");
  const auto major = std::to_integer<int>(head[6]);
  const auto minor = std::to_integer<int>(head[7]);
  if (major < 1 || major > 3 || minor != 0) {
    return unimplemented(fmt::format(
        "NPY header: version {}.{} is not supported; expected 1.0, 2.0 or 3.0", major, minor));
  }
  const size_t length_bytes = major == 1 ? 2 : 4;
  const size_t begin = 8 + length_bytes;
  if (text.size() < begin)
    return broken_npy("expected a length, found the end: the file is truncated");
  const uint64_t length = little_endian(head.subspan(8, length_bytes));
  if (length > kMaxDictBytes) {
    return broken_npy(fmt::format("expected a header of at most {} bytes, found a length of {}",
                                  kMaxDictBytes, length));
  }
  if (length > text.size() - begin) {
    return broken_npy(fmt::format("expected {} bytes of header, found {}: the file is truncated",
                                  length, text.size() - begin));
  }
  data_begin = begin + length;
  return text.substr(begin, length);
}

}  // namespace

Result<NpyDict> parse_npy_dict(std::string_view text, uint64_t base) {
  return DictReader(text, base).read();
}

Result<NpyHeader> parse_npy_header(std::span<const std::byte> head, uint64_t size) {
  NpyHeader header;
  head = head.first(std::min<uint64_t>(head.size(), size));
  ACCEL_ASSIGN(const std::string_view text, dict_text(head, header.data_begin));
  ACCEL_ASSIGN(NpyDict dict, parse_npy_dict(text, header.data_begin - text.size()));
  ACCEL_TRY(read_descr(dict.descr, header));
  header.shape = std::move(dict.shape);
  header.fortran_order = dict.fortran_order;
  const std::optional<uint64_t> count = element_count(header.shape);
  const uint64_t element = size_of(header.dtype);
  if (!count || *count > std::numeric_limits<uint64_t>::max() / element) {
    return broken_npy(
        fmt::format("the shape {} has more elements than can be counted", to_string(header.shape)));
  }
  const uint64_t expected = *count * element;
  const uint64_t found = size - header.data_begin;
  if (found != expected) {
    return broken_npy(fmt::format("{} of shape {} takes {} bytes of data, found {}: the file is {}",
                                  to_string(header.dtype), to_string(header.shape), expected, found,
                                  found < expected ? "truncated" : "too long"));
  }
  return header;
}

DType npy_dtype(DType dtype) {
  const bool known = std::ranges::find(kDescrs, dtype, &DescrRow::dtype) != kDescrs.end();
  return known ? dtype : DType::kF32;
}

std::string npy_header(DType dtype, const Shape& shape) {
  const auto* row = std::ranges::find(kDescrs, npy_dtype(dtype), &DescrRow::dtype);
  std::string tuple;
  for (const int64_t dimension : shape) {
    tuple += (tuple.empty() ? "" : ", ") + std::to_string(dimension);
  }
  if (shape.size() == 1) tuple += ',';
  std::string dict = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                 size_of(row->dtype) == 1 ? '|' : '<', row->name, tuple);
  // As numpy: room for the first dimension to grow to the longest 64-bit number and a sign.
  constexpr size_t kDigits = 21;
  if (!shape.empty()) dict.append(kDigits - std::to_string(shape.front()).size(), ' ');
  constexpr size_t kPrefix = 10;
  dict.append(64 - (kPrefix + dict.size() + 1) % 64, ' ');
  dict += '\n';
  std::string header(kNpyMagic);
  header +=
      {'\1', '\0', static_cast<char>(dict.size() & 0xFF), static_cast<char>(dict.size() >> 8)};
  return header + dict;
}

}  // namespace accel::tensors
