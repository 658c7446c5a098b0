#include "tensors/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "base/json.h"
#include "base/try.h"
#include "tensors/shown.h"

namespace accel::tensors {
namespace {

constexpr uint64_t kTextBegin = 8;  // of the JSON text in the file
constexpr size_t kMaxRank = 64;     // that of numpy and torch; bounds every later loop over a shape

Status broken_header(std::string message) {
  return data_loss("safetensors header: " + std::move(message));
}

// The format spells its types in capitals, and only so.
std::optional<DType> stored_dtype(std::string_view name) {
  if (std::ranges::any_of(name, [](char c) { return c >= 'a' && c <= 'z'; })) return std::nullopt;
  return parse_dtype(name);
}

// Builds the entries straight from the parser's events: no tree of values is made, so a header
// costs one pass. Each event returns whether to go on; if not, status() says why.
class HeaderBuilder {
 public:
  bool null() {
    if (level_ == Level::kRoot && metadata_key_) return true;
    return scalar("null");
  }
  bool boolean(bool value) { return scalar(value ? "true" : "false"); }
  bool number_integer(Json::number_integer_t value) { return scalar(std::to_string(value)); }
  bool number_float(Json::number_float_t, const std::string& text) { return scalar(text); }
  bool binary(Json::binary_t&) { return scalar("binary data"); }
  bool number_unsigned(Json::number_unsigned_t value);
  bool string(std::string& value);
  bool key(std::string& name);
  bool start_object(std::size_t);
  bool end_object();
  bool start_array(std::size_t);
  bool end_array();
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&);

  const Status& status() const { return status_; }
  SafetensorsHeader take() { return std::move(header_); }

 private:
  enum class Level { kStart, kRoot, kMetadata, kTensor, kShape, kOffsets, kUnknownField };
  enum class Field { kDType, kShape, kOffsets, kUnknown };

  bool fail(std::string message) {
    status_ = broken_header(std::move(message));
    return false;
  }
  std::string current() const { return "tensor " + shown(entry_.name); }
  bool scalar(std::string_view found);
  bool mismatch(std::string_view found);
  bool tensor_key(std::string_view name);
  bool finish_tensor();

  SafetensorsHeader header_;
  Status status_;
  Level level_ = Level::kStart;
  Field field_ = Field::kUnknown;
  bool metadata_key_ = false;  // the root's current key is __metadata__
  bool metadata_seen_ = false;
  uint64_t unknown_depth_ = 0;  // of the nested value of an unknown field
  std::string metadata_name_;
  TensorEntry entry_;
  std::optional<DType> dtype_;
  bool shape_seen_ = false;
  std::optional<uint64_t> offsets_[2];
  size_t offset_count_ = 0;
};

// A value that fits nowhere but in an unknown field, which is skipped.
bool HeaderBuilder::scalar(std::string_view found) {
  if (level_ == Level::kUnknownField) return true;
  if (level_ == Level::kTensor && field_ == Field::kUnknown) return true;
  return mismatch(found);
}

bool HeaderBuilder::mismatch(std::string_view found) {
  switch (level_) {
    case Level::kStart: return fail(fmt::format("expected a JSON object, found {}", found));
    case Level::kRoot:
      if (metadata_key_) {
        return fail(fmt::format("expected __metadata__ to be an object, found {}", found));
      }
      return fail(fmt::format("expected {} to be an object, found {}", current(), found));
    case Level::kMetadata:
      return fail(fmt::format("expected the metadata {} to be a text, found {}",
                              shown(metadata_name_), found));
    case Level::kShape:
      return fail(fmt::format("{}: expected dimensions from 0 to 2^63-1 in \"shape\", found {}",
                              current(), found));
    case Level::kOffsets:
      return fail(fmt::format("{}: expected two byte counts in \"data_offsets\", found {}",
                              current(), found));
    default: break;
  }
  constexpr std::string_view kExpected[] = {"\"dtype\" to be a text", "\"shape\" to be an array",
                                            "\"data_offsets\" to be an array", "a value"};
  return fail(fmt::format("{}: expected {}, found {}", current(),
                          kExpected[static_cast<size_t>(field_)], found));
}

bool HeaderBuilder::number_unsigned(Json::number_unsigned_t value) {
  if (level_ == Level::kShape && value <= std::numeric_limits<int64_t>::max()) {
    if (entry_.shape.size() == kMaxRank) {
      return fail(
          fmt::format("{}: expected at most {} dimensions, found more", current(), kMaxRank));
    }
    entry_.shape.push_back(static_cast<int64_t>(value));
    return true;
  }
  if (level_ == Level::kOffsets) {
    if (offset_count_ == 2) return mismatch("a third");
    offsets_[offset_count_++] = value;
    return true;
  }
  return scalar(std::to_string(value));
}

bool HeaderBuilder::string(std::string& value) {
  if (level_ == Level::kMetadata) {
    if (!header_.metadata.emplace(metadata_name_, std::move(value)).second) {
      return fail(fmt::format("the metadata {} occurs twice", shown(metadata_name_)));
    }
    return true;
  }
  if (level_ == Level::kTensor && field_ == Field::kDType) {
    dtype_ = stored_dtype(value);
    if (dtype_) return true;
    status_ = unimplemented(fmt::format(
        "safetensors header: {}: the element type {} is not supported; expected BOOL, U8, I8, U16, "
        "I16, U32, I32, U64, I64, F8_E4M3, F8_E5M2, F16, BF16, F32 or F64",
        current(), shown(value)));
    return false;
  }
  return scalar(shown(value));
}

bool HeaderBuilder::key(std::string& name) {
  if (level_ == Level::kRoot) {
    metadata_key_ = name == kMetadataKey;
    entry_ = TensorEntry{.name = std::move(name), .shape = {}};
    if (metadata_key_ && std::exchange(metadata_seen_, true)) {
      return fail("__metadata__ occurs twice");
    }
  } else if (level_ == Level::kMetadata) {
    metadata_name_ = std::move(name);
  } else if (level_ == Level::kTensor) {
    return tensor_key(name);
  }
  return true;
}

bool HeaderBuilder::tensor_key(std::string_view name) {
  bool twice = false;
  field_ = Field::kUnknown;
  if (name == "dtype") {
    field_ = Field::kDType;
    twice = dtype_.has_value();
  } else if (name == "shape") {
    field_ = Field::kShape;
    twice = shape_seen_;
  } else if (name == "data_offsets") {
    field_ = Field::kOffsets;
    twice = offset_count_ > 0;
  }
  return !twice || fail(fmt::format("{}: \"{}\" occurs twice", current(), name));
}

bool HeaderBuilder::start_object(std::size_t) {
  switch (level_) {
    case Level::kStart: level_ = Level::kRoot; return true;
    case Level::kRoot:
      level_ = metadata_key_ ? Level::kMetadata : Level::kTensor;
      dtype_.reset();
      shape_seen_ = false;
      offset_count_ = 0;
      return true;
    case Level::kUnknownField: ++unknown_depth_; return true;
    case Level::kTensor:
      if (field_ != Field::kUnknown) break;
      level_ = Level::kUnknownField;
      unknown_depth_ = 1;
      return true;
    default: break;
  }
  return mismatch("an object");
}

bool HeaderBuilder::end_object() {
  switch (level_) {
    case Level::kUnknownField:
      if (--unknown_depth_ == 0) level_ = Level::kTensor;
      return true;
    case Level::kMetadata: level_ = Level::kRoot; return true;
    case Level::kTensor: level_ = Level::kRoot; return finish_tensor();
    default: return true;
  }
}

bool HeaderBuilder::start_array(std::size_t) {
  if (level_ == Level::kUnknownField) {
    ++unknown_depth_;
    return true;
  }
  if (level_ != Level::kTensor || field_ == Field::kDType) return mismatch("an array");
  if (field_ == Field::kShape) {
    level_ = Level::kShape;
    shape_seen_ = true;
  } else if (field_ == Field::kOffsets) {
    level_ = Level::kOffsets;
  } else {
    level_ = Level::kUnknownField;
    unknown_depth_ = 1;
  }
  return true;
}

bool HeaderBuilder::end_array() {
  if (level_ == Level::kUnknownField) {
    if (--unknown_depth_ == 0) level_ = Level::kTensor;
    return true;
  }
  if (level_ == Level::kOffsets && offset_count_ != 2) {
    return mismatch(offset_count_ == 0 ? "none" : "one");
  }
  level_ = Level::kTensor;
  return true;
}

bool HeaderBuilder::parse_error(std::size_t position, const std::string&,
                                const nlohmann::detail::exception&) {
  const uint64_t at = kTextBegin + (position > 0 ? position - 1 : 0);
  status_ = Status(StatusCode::kDataLoss,
                   fmt::format("safetensors header: expected valid JSON, found an error at byte {} "
                               "of the file",
                               at),
                   at);
  return false;
}

bool HeaderBuilder::finish_tensor() {
  if (!dtype_ || !shape_seen_ || offset_count_ != 2) {
    return fail(fmt::format("{}: expected \"dtype\", \"shape\" and \"data_offsets\", found no {}",
                            current(),
                            !dtype_        ? "dtype"
                            : !shape_seen_ ? "shape"
                                           : "data_offsets"));
  }
  entry_.dtype = *dtype_;
  entry_.begin = *offsets_[0];
  entry_.end = *offsets_[1];
  if (entry_.begin > entry_.end) {
    return fail(fmt::format("{}: expected data_offsets in rising order, found [{}, {}]", current(),
                            entry_.begin, entry_.end));
  }
  const std::optional<uint64_t> count = element_count(entry_.shape);
  const uint64_t size = size_of(entry_.dtype);
  if (!count || *count > std::numeric_limits<uint64_t>::max() / size) {
    return fail(fmt::format("{}: the shape {} has more elements than can be counted", current(),
                            to_string(entry_.shape)));
  }
  if (*count * size != entry_.end - entry_.begin) {
    return fail(fmt::format("{}: {} of shape {} takes {} bytes, but its data_offsets [{}, {}] span "
                            "{}",
                            current(), to_string(entry_.dtype), to_string(entry_.shape),
                            *count * size, entry_.begin, entry_.end, entry_.end - entry_.begin));
  }
  header_.entries.push_back(std::move(entry_));
  return true;
}

// Sorts the entries by offset and checks that they cover `data_size` bytes exactly.
Status check_layout(std::vector<TensorEntry>& entries, uint64_t data_begin, uint64_t data_size) {
  std::ranges::sort(entries, {}, [](const TensorEntry& entry) {
    return std::tuple(entry.begin, entry.end, std::string_view(entry.name));
  });
  uint64_t expected = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    const TensorEntry& entry = entries[i];
    if (entry.end > data_size) {
      return broken_header(fmt::format(
          "tensor {} ends at byte {} of the data, but the file holds only {} bytes of data: it is "
          "truncated or its header lies; fetch the file again",
          shown(entry.name), entry.end, data_size));
    }
    if (entry.begin < expected) {
      return broken_header(
          fmt::format("tensor {} starts at byte {} of the data, inside tensor {}, which "
                      "ends at byte {}: tensors must not overlap",
                      shown(entry.name), entry.begin, shown(entries[i - 1].name), expected));
    }
    if (entry.begin > expected) {
      return broken_header(
          fmt::format("the {} bytes before tensor {}, which starts at byte {} of the "
                      "data, belong to no tensor: the format forbids holes",
                      entry.begin - expected, shown(entry.name), entry.begin));
    }
    expected = entry.end;
  }
  if (expected == data_size) return {};
  return {StatusCode::kDataLoss,
          fmt::format("safetensors header: expected the file to end at byte {} with its last "
                      "tensor, found {} bytes more; fetch the file again",
                      data_begin + expected, data_size - expected),
          data_begin + expected};
}

Status check_distinct(const std::vector<TensorEntry>& entries) {
  std::vector<std::string_view> names;
  names.reserve(entries.size());
  for (const TensorEntry& entry : entries) names.push_back(entry.name);
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice == names.end()) return {};
  return broken_header(fmt::format("the tensor {} occurs twice", shown(*twice)));
}

// The length of the JSON text, or why there is none.
Result<uint64_t> header_length(std::span<const std::byte> head, uint64_t file_size) {
  if (file_size < kTextBegin || head.size() < kTextBegin) {
    return broken_header(fmt::format("expected at least 8 bytes, found {}: the file is truncated",
                                     std::min<uint64_t>(file_size, head.size())));
  }
  uint64_t length = 0;
  for (size_t i = 0; i < kTextBegin; ++i) length |= std::to_integer<uint64_t>(head[i]) << (8 * i);
  if (length > kSafetensorsHeaderBytesMax) {
    return broken_header(
        fmt::format("expected a header of at most {} bytes, found a length of {}; this "
                    "is no safetensors file, or its start is damaged",
                    kSafetensorsHeaderBytesMax, length));
  }
  const uint64_t there = std::min<uint64_t>(file_size, head.size()) - kTextBegin;
  if (length > there) {
    return broken_header(
        fmt::format("expected {} bytes of header, found {}: the file is truncated; fetch "
                    "it again",
                    length, there));
  }
  return length;
}

}  // namespace

Result<SafetensorsHeader> read_header_text(std::string_view text) {
  // The parser would take a zero byte for the end and leave what follows unread.
  if (const size_t zero = text.find('\0'); zero != std::string_view::npos) {
    return Status(StatusCode::kDataLoss,
                  fmt::format("safetensors header: expected JSON padded with spaces, found a zero "
                              "byte at byte {} of the file",
                              kTextBegin + zero),
                  kTextBegin + zero);
  }
  if (!text.starts_with('{')) {
    return Status(StatusCode::kDataLoss,
                  fmt::format("safetensors header: expected a JSON object, which starts with '{{' "
                              "at byte 8 of the file, found {}",
                              text.empty() ? "an empty header" : shown(text.substr(0, 8))),
                  kTextBegin);
  }
  HeaderBuilder builder;
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) return builder.status();
  return builder.take();
}

Result<SafetensorsHeader> parse_safetensors_header(std::span<const std::byte> head,
                                                   uint64_t file_size) {
  ACCEL_ASSIGN(const uint64_t length, header_length(head, file_size));
  const std::string_view text(reinterpret_cast<const char*>(head.data()) + kTextBegin, length);
  ACCEL_ASSIGN(SafetensorsHeader header, read_header_text(text));
  header.data_begin = kTextBegin + length;
  ACCEL_TRY(check_distinct(header.entries));
  ACCEL_TRY(check_layout(header.entries, header.data_begin, file_size - header.data_begin));
  for (TensorEntry& entry : header.entries) {
    entry.begin += header.data_begin;
    entry.end += header.data_begin;
    entry.aligned = entry.begin % size_of(entry.dtype) == 0;
  }
  return header;
}

}  // namespace accel::tensors
