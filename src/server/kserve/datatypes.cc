#include "server/kserve/datatypes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

namespace accel::server::kserve {
namespace {

struct DatatypeRow {
  std::string_view name;
  Datatype datatype;
};

constexpr std::array<DatatypeRow, 14> kDatatypes{{
    {"BOOL", DType::kBool},
    {"UINT8", DType::kU8},
    {"UINT16", DType::kU16},
    {"UINT32", DType::kU32},
    {"UINT64", DType::kU64},
    {"INT8", DType::kI8},
    {"INT16", DType::kI16},
    {"INT32", DType::kI32},
    {"INT64", DType::kI64},
    {"FP16", DType::kF16},
    {"BF16", DType::kBF16},
    {"FP32", DType::kF32},
    {"FP64", DType::kF64},
    {"BYTES", kBytes},
}};

constexpr size_t kLengthBytes = 4;

uint32_t read_length(std::string_view bytes) {
  uint32_t length = 0;
  for (size_t i = kLengthBytes; i > 0; --i) {
    length = length << 8 | static_cast<unsigned char>(bytes[i - 1]);
  }
  return length;
}

}  // namespace

Result<Datatype> parse_datatype(std::string_view name) {
  std::vector<std::string_view> names;
  for (const DatatypeRow& row : kDatatypes) {
    if (row.name == name) return row.datatype;
    names.push_back(row.name);
  }
  return invalid_argument(
      fmt::format("expected one of {}, found '{}'", fmt::join(names, ", "), name.substr(0, 40)));
}

std::string_view name_of(Datatype datatype) {
  for (const DatatypeRow& row : kDatatypes) {
    if (row.datatype == datatype) return row.name;
  }
  return {};
}

bool fits_json(Datatype datatype) { return datatype != DType::kF16 && datatype != DType::kBF16; }

Result<std::vector<std::string>> parse_strings(std::string_view bytes, uint64_t count) {
  if (count > bytes.size() / kLengthBytes) {
    return invalid_argument(
        fmt::format("expected {} strings, each behind its length of 4 bytes, found {} bytes", count,
                    bytes.size()));
  }
  std::vector<std::string> strings;
  strings.reserve(count);
  std::string_view rest = bytes;
  while (strings.size() < count) {
    const size_t at = bytes.size() - rest.size();
    if (rest.size() < kLengthBytes) {
      return invalid_argument(fmt::format(
          "expected the length of string {} at byte {}, found the end", strings.size(), at));
    }
    const uint32_t length = read_length(rest);
    rest.remove_prefix(kLengthBytes);
    if (length > rest.size()) {
      return invalid_argument(
          fmt::format("expected {} bytes of string {} behind its length at byte {}, found {}",
                      length, strings.size(), at, rest.size()));
    }
    strings.emplace_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  if (!rest.empty()) {
    return invalid_argument(
        fmt::format("expected {} strings, found {} bytes behind them", count, rest.size()));
  }
  return strings;
}

void append_strings(std::span<const std::string> strings, std::string& bytes) {
  bytes.reserve(bytes.size() + size_of_strings(strings));
  for (const std::string& string : strings) {
    for (size_t i = 0; i < kLengthBytes; ++i) {
      bytes += static_cast<char>(string.size() >> (8 * i) & 0xFF);
    }
    bytes += string;
  }
}

uint64_t size_of_strings(std::span<const std::string> strings) {
  uint64_t size = 0;
  for (const std::string& string : strings) size += kLengthBytes + string.size();
  return size;
}

}  // namespace accel::server::kserve
