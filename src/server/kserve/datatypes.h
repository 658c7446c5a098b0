// What the Open Inference Protocol calls element types, and how strings lie in binary data. Pure.
// https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "accel/tensor.h"

namespace accel::server::kserve {

// Numbers of a DType, or kBytes: strings, each of a length of its own.
using Datatype = std::optional<DType>;
inline constexpr Datatype kBytes = std::nullopt;

// "BOOL", "INT64", "FP16", "BF16", "BYTES" ...; INVALID_ARGUMENT lists them.
Result<Datatype> parse_datatype(std::string_view name);
// Empty for f8, which the protocol has no name for.
std::string_view name_of(Datatype datatype);
// Whether elements can be written as JSON: FP16 and BF16 cannot, as in Triton.
bool fits_json(Datatype datatype);

// The strings that `bytes` is: of each its length, four bytes, little-endian, and then its own
// bytes. INVALID_ARGUMENT when they are not exactly `count`.
Result<std::vector<std::string>> parse_strings(std::string_view bytes, uint64_t count);
void append_strings(std::span<const std::string> strings, std::string& bytes);
// How many bytes append_strings() appends.
uint64_t size_of_strings(std::span<const std::string> strings);

}  // namespace accel::server::kserve
