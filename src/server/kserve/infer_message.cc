#include "server/kserve/infer_message.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <limits>

#include "base/protobuf.h"
#include "base/try.h"

namespace accel::server::kserve {
namespace {

constexpr size_t kMessageTensorsMax = 256;

Status broken_message(std::string_view where) {
  return invalid_argument(fmt::format("expected a message in protobuf's encoding, found other "
                                      "bytes in {}",
                                      where));
}

// The field of InferTensorContents that holds values of a type; 0: they come raw only.
uint32_t contents_field(Datatype datatype) {
  if (datatype == kBytes) return 8;
  switch (*datatype) {
    case DType::kBool: return 1;
    case DType::kI8:
    case DType::kI16:
    case DType::kI32: return 2;
    case DType::kI64: return 3;
    case DType::kU8:
    case DType::kU16:
    case DType::kU32: return 4;
    case DType::kU64: return 5;
    case DType::kF32: return 6;
    case DType::kF64: return 7;
    default: return 0;
  }
}

// Whether a varint is a number of the type, as protobuf writes it.
bool fits(DType dtype, uint64_t varint) {
  const auto number = static_cast<int64_t>(varint);
  const auto within = [&](auto type) {
    using T = decltype(type);
    return number >= int64_t{std::numeric_limits<T>::min()} &&
           number <= int64_t{std::numeric_limits<T>::max()};
  };
  switch (dtype) {
    case DType::kBool: return varint <= 1;
    case DType::kI8: return within(int8_t{});
    case DType::kI16: return within(int16_t{});
    case DType::kI32: return within(int32_t{});
    case DType::kU8: return within(uint8_t{});
    case DType::kU16: return within(uint16_t{});
    case DType::kU32: return within(uint32_t{});
    default: return true;
  }
}

// Typed values as they come: of each its bytes, little-endian as this processor's.
class ContentsReader {
 public:
  ContentsReader(Datatype datatype, uint64_t count) : datatype_(datatype), count_(count) {}

  Status read(std::string_view contents);
  Result<TensorData> data(Shape shape);

 private:
  Status add(const WireField& field);
  Status add_packed(std::string_view bytes);
  Status add_varint(uint64_t value);
  Status add_bytes(std::string_view bytes);
  Status too_many() const {
    return invalid_argument(
        fmt::format("contents: expected {} elements, as the shape has, found more", count_));
  }

  const Datatype datatype_;
  const uint64_t count_;
  uint64_t found_ = 0;
  std::string numbers_;
  std::vector<std::string> strings_;
};

Status ContentsReader::read(std::string_view contents) {
  const uint32_t wanted = contents_field(datatype_);
  WireReader reader(contents);
  while (const auto field = reader.next()) {
    if (field->number != wanted) {
      return invalid_argument(
          fmt::format("contents: expected values of {}, found others", name_of(datatype_)));
    }
    ACCEL_TRY(add(*field));
  }
  return reader.broken() ? broken_message("contents") : Status();
}

Status ContentsReader::add(const WireField& field) {
  if (datatype_ == kBytes) {
    if (field.type != WireType::kBytes) return broken_message("contents");
    if (++found_ > count_) return too_many();
    strings_.emplace_back(field.bytes);
    return {};
  }
  if (field.type == WireType::kBytes) return add_packed(field.bytes);
  if (!is_floating(*datatype_)) {
    return field.type == WireType::kVarint ? add_varint(field.value) : broken_message("contents");
  }
  const bool wide = *datatype_ == DType::kF64;
  if (field.type != (wide ? WireType::kFixed64 : WireType::kFixed32)) {
    return broken_message("contents");
  }
  return add_bytes({reinterpret_cast<const char*>(&field.value), size_of(*datatype_)});
}

Status ContentsReader::add_packed(std::string_view bytes) {
  if (is_floating(*datatype_)) {
    if (bytes.size() % size_of(*datatype_) != 0) return broken_message("contents");
    return add_bytes(bytes);
  }
  WireReader reader(bytes);
  while (const auto value = reader.next_varint()) ACCEL_TRY(add_varint(*value));
  return reader.broken() ? broken_message("contents") : Status();
}

Status ContentsReader::add_varint(uint64_t value) {
  if (!fits(*datatype_, value)) {
    return invalid_argument(fmt::format("contents: expected numbers of {}, found {}",
                                        name_of(datatype_), static_cast<int64_t>(value)));
  }
  return add_bytes({reinterpret_cast<const char*>(&value), size_of(*datatype_)});
}

Status ContentsReader::add_bytes(std::string_view bytes) {
  found_ += bytes.size() / size_of(*datatype_);
  if (found_ > count_) return too_many();
  numbers_.append(bytes);
  return {};
}

Result<TensorData> ContentsReader::data(Shape shape) {
  if (found_ != count_) {
    return invalid_argument(fmt::format("contents: expected {} elements, as the shape {} has, "
                                        "found {}",
                                        count_, accel::to_string(shape), found_));
  }
  if (datatype_ == kBytes) return TensorData(Strings{std::move(shape), std::move(strings_)});
  const auto owner = std::make_shared<const std::string>(std::move(numbers_));
  return data_of_bytes(datatype_, std::move(shape), *owner, owner);
}

Result<Parameter> read_parameter_value(std::string_view message) {
  Parameter parameter = false;
  WireReader reader(message);
  while (const auto field = reader.next()) {
    if (field->is(1, WireType::kVarint)) parameter = field->value != 0;
    if (field->is(2, WireType::kVarint)) parameter = static_cast<int64_t>(field->value);
    if (field->is(3, WireType::kBytes)) parameter = std::string(field->bytes);
    if (field->is(4, WireType::kFixed64)) parameter = std::bit_cast<double>(field->value);
    if (field->is(5, WireType::kVarint)) {
      if (field->value > uint64_t{std::numeric_limits<int64_t>::max()}) {
        return invalid_argument(fmt::format("expected at most 2^63 - 1, found {}", field->value));
      }
      parameter = static_cast<int64_t>(field->value);
    }
  }
  if (reader.broken()) return broken_message("parameters");
  return parameter;
}

// Appends the lengths of a shape, packed or one by one.
Status read_shape(const WireField& field, Shape& shape) {
  if (field.type == WireType::kVarint) {
    shape.push_back(static_cast<int64_t>(field.value));
    return {};
  }
  WireReader lengths(field.bytes);
  while (const auto length = lengths.next_varint()) {
    shape.push_back(static_cast<int64_t>(*length));
    ACCEL_TRY(shape.size() > 16 ? count_of(shape).status() : Status());
  }
  return field.type != WireType::kBytes || lengths.broken() ? broken_message("shape") : Status();
}

struct MessageInput {
  std::string name;
  Datatype datatype = kBytes;
  Shape shape;
  uint64_t count = 0;  // of the shape
  std::optional<std::string_view> contents;
};

class InferMessageReader {
 public:
  InferMessageReader(std::string message, const RequestLimits& limits)
      : message_(std::make_shared<const std::string>(std::move(message))), limits_(limits) {}

  Result<InferRequest> read();

 private:
  Status read_field(const WireField& field);
  Status read_input(std::string_view bytes);
  Status check_input(MessageInput& input, std::string_view datatype, const Parameters& parameters);
  Status read_output(std::string_view bytes);
  Result<TensorData> data_of(size_t input);

  const std::shared_ptr<const std::string> message_;
  const RequestLimits limits_;
  std::vector<MessageInput> inputs_;
  std::vector<std::string_view> raw_;
  uint64_t typed_bytes_ = 0;
  InferRequest request_;
};

Status InferMessageReader::check_input(MessageInput& input, std::string_view datatype,
                                       const Parameters& parameters) {
  if (input.name.empty()) return invalid_argument("name: expected the input's name, found none");
  ACCEL_TRY(refuse_shared_memory(parameters));
  ACCEL_ASSIGN(input.datatype, parse_datatype(datatype));
  ACCEL_ASSIGN(input.count, count_of(input.shape));
  if (input.datatype == kBytes && input.count > limits_.items_max) {
    return invalid_argument(
        fmt::format("expected at most {} strings in an input, found more", limits_.items_max));
  }
  if (!input.contents) return {};
  const uint64_t size = input.datatype == kBytes ? 0 : size_of(*input.datatype);
  typed_bytes_ += std::min(input.count, limits_.tensor_bytes_max) * size;
  if (typed_bytes_ <= limits_.tensor_bytes_max) return {};
  return invalid_argument(
      fmt::format("expected inputs of at most {} bytes, found more", limits_.tensor_bytes_max));
}

Status InferMessageReader::read_input(std::string_view bytes) {
  if (inputs_.size() == kMessageTensorsMax) {
    return invalid_argument(
        fmt::format("expected at most {} inputs, found more", kMessageTensorsMax));
  }
  MessageInput input;
  std::string_view datatype;
  Parameters parameters;
  WireReader reader(bytes);
  while (const auto field = reader.next()) {
    if (field->is(1, WireType::kBytes)) input.name = field->bytes;
    if (field->is(2, WireType::kBytes)) datatype = field->bytes;
    if (field->number == 3) ACCEL_TRY(read_shape(*field, input.shape));
    if (field->is(4, WireType::kBytes)) ACCEL_TRY(read_parameter_entry(field->bytes, parameters));
    if (field->is(5, WireType::kBytes)) input.contents = field->bytes;
  }
  if (reader.broken()) return broken_message("an input");
  ACCEL_TRY(check_input(input, datatype, parameters));
  inputs_.push_back(std::move(input));
  return {};
}

Status InferMessageReader::read_output(std::string_view bytes) {
  if (request_.outputs.size() == kMessageTensorsMax) {
    return invalid_argument(
        fmt::format("expected at most {} outputs, found more", kMessageTensorsMax));
  }
  WantedOutput& output = request_.outputs.emplace_back();
  Parameters parameters;
  WireReader reader(bytes);
  while (const auto field = reader.next()) {
    if (field->is(1, WireType::kBytes)) output.name = field->bytes;
    if (field->is(2, WireType::kBytes)) ACCEL_TRY(read_parameter_entry(field->bytes, parameters));
  }
  if (reader.broken()) return broken_message("an output");
  if (output.name.empty()) return invalid_argument("name: expected the output's name, found none");
  ACCEL_TRY(refuse_shared_memory(parameters));
  ACCEL_ASSIGN(const std::optional<int64_t> classes, find_integer(parameters, "classification"));
  output.classes = classes.value_or(0);
  return {};
}

Status InferMessageReader::read_field(const WireField& field) {
  if (field.type != WireType::kBytes) return {};
  switch (field.number) {
    case 1: request_.model = field.bytes; return {};
    case 2: request_.version = field.bytes; return {};
    case 3: request_.id = field.bytes; return {};
    case 4: return read_parameter_entry(field.bytes, request_.parameters);
    case 5: return read_input(field.bytes).with_context(fmt::format("inputs[{}]", inputs_.size()));
    case 6:
      return read_output(field.bytes)
          .with_context(fmt::format("outputs[{}]", request_.outputs.size()));
    case 7:
      if (raw_.size() == kMessageTensorsMax) {
        return invalid_argument(
            fmt::format("expected at most {} raw_input_contents, found more", kMessageTensorsMax));
      }
      raw_.push_back(field.bytes);
      return {};
    default: return {};
  }
}

Result<TensorData> InferMessageReader::data_of(size_t input) {
  MessageInput& asked = inputs_[input];
  if (!raw_.empty()) {
    if (asked.contents) {
      return invalid_argument("expected either contents or raw_input_contents, found both");
    }
    return data_of_bytes(asked.datatype, std::move(asked.shape), raw_[input], message_);
  }
  if (contents_field(asked.datatype) == 0) {
    return invalid_argument(
        fmt::format("{} is taken as raw_input_contents only", name_of(asked.datatype)));
  }
  ContentsReader contents(asked.datatype, asked.count);
  ACCEL_TRY(contents.read(asked.contents.value_or(std::string_view())));
  return contents.data(std::move(asked.shape));
}

Result<InferRequest> InferMessageReader::read() {
  WireReader reader(*message_);
  while (const auto field = reader.next()) ACCEL_TRY(read_field(*field));
  if (reader.broken()) return broken_message("the request");
  if (!raw_.empty() && raw_.size() != inputs_.size()) {
    return invalid_argument(
        fmt::format("expected as many raw_input_contents as inputs, which are {}, found {}",
                    inputs_.size(), raw_.size()));
  }
  for (size_t i = 0; i < inputs_.size(); ++i) {
    Result<TensorData> data = data_of(i);
    if (!data.ok()) return data.status().with_context(fmt::format("input '{}'", inputs_[i].name));
    request_.inputs.push_back({std::move(inputs_[i].name), std::move(*data)});
  }
  return std::move(request_);
}

void write_parameter(WireWriter& writer, uint32_t number, const std::string& name,
                     const Parameter& parameter) {
  writer.message(number, [&](WireWriter& entry) {
    entry.text(1, name);
    entry.message(2, [&](WireWriter& value) {
      if (const auto* flag = std::get_if<bool>(&parameter)) value.flag(1, *flag);
      if (const auto* integer = std::get_if<int64_t>(&parameter)) {
        value.integer(2, static_cast<uint64_t>(*integer));
      }
      if (const auto* text = std::get_if<std::string>(&parameter)) value.text(3, *text);
      if (const auto* real = std::get_if<double>(&parameter)) value.real64(4, *real);
    });
  });
}

}  // namespace

Status read_parameter_entry(std::string_view entry, Parameters& parameters) {
  std::string name;
  std::string_view value;
  WireReader reader(entry);
  while (const auto field = reader.next()) {
    if (field->is(1, WireType::kBytes)) name = field->bytes;
    if (field->is(2, WireType::kBytes)) value = field->bytes;
  }
  if (reader.broken()) return broken_message("parameters");
  Result<Parameter> read = read_parameter_value(value);
  if (!read.ok()) return read.status().with_context(fmt::format("parameter '{}'", name));
  parameters[std::move(name)] = std::move(*read);
  return {};
}

Result<InferRequest> parse_infer_message(std::string message, const RequestLimits& limits) {
  return InferMessageReader(std::move(message), limits).read();
}

std::string infer_message_of(const InferAnswer& answer) {
  uint64_t bytes = 256 + answer.id.size();
  for (const InferOutput& output : answer.outputs) bytes += 256 + byte_size_of(output.data);
  WireWriter writer;
  writer.reserve(static_cast<size_t>(bytes));
  writer.text(1, answer.model);
  writer.text(2, answer.version);
  writer.text(3, answer.id);
  for (const auto& [name, parameter] : answer.parameters) {
    write_parameter(writer, 4, name, parameter);
  }
  for (const InferOutput& output : answer.outputs) {
    writer.message(5, [&](WireWriter& inner) {
      inner.text(1, output.name);
      inner.text(2, name_of(datatype_of(output.data)));
      inner.packed(3, shape_of(output.data));
    });
  }
  for (const InferOutput& output : answer.outputs) {
    append_bytes(output.data, writer.text_of(6, static_cast<size_t>(byte_size_of(output.data))));
  }
  return writer.take();
}

}  // namespace accel::server::kserve
