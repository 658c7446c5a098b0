#include "server/kserve/infer_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/try.h"
#include "server/json/json_number.h"

namespace accel::server::kserve {
namespace {

constexpr size_t kTensorsMax = 256;
constexpr size_t kJsonPadding = 64;  // read_json() wants it behind its text

Status check_tensor_count(size_t count) {
  if (count < kTensorsMax) return {};
  return invalid_argument(fmt::format("expected at most {} of them, found more", kTensorsMax));
}

// An input while its members are read, in whatever order they come.
struct ReadInput {
  std::string place;  // "inputs[0]"
  std::string name;
  std::optional<Datatype> datatype;
  std::optional<Shape> shape;
  Parameters parameters;
  // "data", as one of these: as it stands, until the datatype is known, or read.
  std::optional<std::string> raw;
  std::optional<std::string> numbers;
  std::optional<std::vector<std::string>> strings;
  // Or behind the JSON.
  std::optional<uint64_t> binary_size;
};

class InferBodyReader {
 public:
  InferBodyReader(std::string body, const RequestLimits& limits)
      : body_(std::move(body)), limits_(limits) {}

  Result<InferBody> read(std::string_view header_length);

 private:
  Status split(std::string_view header_length);
  Status read_root(JsonValue& root);
  Status read_inputs(JsonValue& value);
  Status read_input(JsonValue& value);
  Status read_data(JsonValue& value, ReadInput& input) const;
  Status read_numbers(JsonValue& value, ReadInput& input) const;
  Status complete_input(ReadInput& input);
  Status read_outputs(JsonValue& value);
  Result<TensorData> data_of(ReadInput& input);
  Result<TensorData> data_behind(const ReadInput& input);

  std::string body_;
  const RequestLimits limits_;
  uint64_t numbers_left_ = 0;                  // bytes that further numbers in JSON may take
  std::shared_ptr<const std::string> binary_;  // the body, when data lies behind its JSON
  size_t next_ = 0;                            // byte of `binary_` where the next data begins
  std::vector<ReadInput> inputs_;
  InferBody result_;
};

// `body_` becomes the JSON.
Status InferBodyReader::split(std::string_view header_length) {
  if (header_length.empty()) return {};
  uint64_t length = 0;
  const char* const end = header_length.data() + header_length.size();
  const auto [stop, error] = std::from_chars(header_length.data(), end, length);
  if (error != std::errc() || stop != end || length == 0 || length > body_.size()) {
    return invalid_argument(fmt::format(
        "Inference-Header-Content-Length: expected how many bytes of the body are JSON, from 1 to "
        "{}, found '{}'",
        body_.size(), header_length.substr(0, 40)));
  }
  if (length == body_.size()) return {};
  binary_ = std::make_shared<const std::string>(std::move(body_));
  next_ = static_cast<size_t>(length);
  body_ = std::string();
  body_.reserve(next_ + kJsonPadding);
  body_.assign(*binary_, 0, next_);
  return {};
}

// So many numbers the shape has, or if it is not known yet there may be.
Result<uint64_t> count_max(const ReadInput& input, uint64_t bytes_left) {
  const uint64_t most = bytes_left / size_of(**input.datatype);
  if (!input.shape) return most;
  ACCEL_ASSIGN(const uint64_t count, count_of(*input.shape));
  return std::min(count, most);
}

Status InferBodyReader::read_numbers(JsonValue& value, ReadInput& input) const {
  const DType dtype = **input.datatype;
  const Result<uint64_t> most = count_max(input, numbers_left_);
  if (!most.ok()) return most.status().with_context(input.place);
  input.numbers.emplace();
  Status read = value.append_numbers(dtype, *most, *input.numbers, nullptr);
  // Of the request, not of this machine.
  if (read.code() == StatusCode::kResourceExhausted) return invalid_argument(read.message());
  return read;
}

Status too_many_strings(const RequestLimits& limits) {
  return invalid_argument(
      fmt::format("expected at most {} strings in an input, found more", limits.items_max));
}

Status read_strings(JsonValue& value, const RequestLimits& limits,
                    std::vector<std::string>& strings) {
  return value.elements([&](JsonValue& element) -> Status {
    if (element.kind() == JsonKind::kArray) return read_strings(element, limits, strings);
    if (strings.size() >= limits.items_max) return too_many_strings(limits);
    return element.read(strings.emplace_back());
  });
}

// A name that comes twice counts the last time.
Status InferBodyReader::read_data(JsonValue& value, ReadInput& input) const {
  input.raw.reset();
  input.numbers.reset();
  input.strings.reset();
  if (!input.datatype) return value.raw(input.raw.emplace());
  if (*input.datatype == kBytes) return read_strings(value, limits_, input.strings.emplace());
  if (!fits_json(*input.datatype)) {
    return invalid_argument(
        fmt::format("{}.data: {} is taken as binary data only; expected the parameter "
                    "'binary_data_size' and the bytes behind the JSON",
                    input.place, name_of(*input.datatype)));
  }
  return read_numbers(value, input);
}

Status InferBodyReader::read_input(JsonValue& value) {
  ReadInput input{.place = fmt::format("inputs[{}]", inputs_.size())};
  ACCEL_TRY(value.members([&](std::string_view name, JsonValue& member) -> Status {
    if (member.kind() == JsonKind::kNull) return member.skip();
    if (name == "name") return member.read(input.name);
    if (name == "shape") return member.read(input.shape.emplace());
    if (name == "data") return read_data(member, input);
    if (name == "parameters") return read_parameters(member, input.parameters);
    if (name != "datatype") return member.skip();
    std::string text;
    ACCEL_TRY(member.read(text));
    Result<Datatype> datatype = parse_datatype(text);
    if (!datatype.ok()) return datatype.status().with_context(input.place + ".datatype");
    if (input.datatype && *input.datatype != *datatype) {
      return invalid_argument(input.place + ": expected one datatype, found two");
    }
    input.datatype = *datatype;
    return {};
  }));
  ACCEL_TRY(complete_input(input).with_context(input.place));
  inputs_.push_back(std::move(input));
  return {};
}

// What can be said of an input when its JSON has been read.
Status InferBodyReader::complete_input(ReadInput& input) {
  if (input.name.empty()) return invalid_argument("name: expected the input's name, found none");
  if (!input.datatype) return invalid_argument("datatype: expected one, found none");
  if (!input.shape) return invalid_argument("shape: expected one, found none");
  const Result<uint64_t> count = count_of(*input.shape);
  if (!count.ok()) return count.status().with_context("shape");
  if (*input.datatype == kBytes && *count > limits_.items_max) return too_many_strings(limits_);
  ACCEL_TRY(refuse_shared_memory(input.parameters));
  ACCEL_ASSIGN(const std::optional<int64_t> size,
               find_integer(input.parameters, "binary_data_size"));
  if (size.value_or(0) < 0) {
    return invalid_argument(
        fmt::format("parameter 'binary_data_size': expected at least 0, found {}", *size));
  }
  if (size) input.binary_size = static_cast<uint64_t>(*size);
  if (input.raw) {
    std::string raw = std::move(*input.raw);
    const Status read = read_json(raw, [&](JsonValue& data) { return read_data(data, input); });
    ACCEL_TRY(read.with_context("data"));
  }
  const bool data = input.numbers || input.strings;
  if (data == input.binary_size.has_value()) {
    return invalid_argument(
        fmt::format("expected either data or the parameter 'binary_data_size', found {}",
                    data ? "both" : "neither"));
  }
  if (input.numbers) numbers_left_ -= std::min<uint64_t>(numbers_left_, input.numbers->size());
  return {};
}

Status InferBodyReader::read_inputs(JsonValue& value) {
  inputs_.clear();
  numbers_left_ = limits_.tensor_bytes_max;
  return value.elements([&](JsonValue& element) -> Status {
    ACCEL_TRY(check_tensor_count(inputs_.size()).with_context("inputs"));
    return read_input(element);
  });
}

Status complete_output(const Parameters& parameters, WantedOutput& output,
                       std::optional<bool>& binary) {
  if (output.name.empty()) return invalid_argument("name: expected the output's name, found none");
  ACCEL_TRY(refuse_shared_memory(parameters));
  ACCEL_ASSIGN(binary, find_bool(parameters, "binary_data"));
  ACCEL_ASSIGN(const std::optional<int64_t> classes, find_integer(parameters, "classification"));
  output.classes = classes.value_or(0);
  return {};
}

Status InferBodyReader::read_outputs(JsonValue& value) {
  std::vector<WantedOutput>& outputs = result_.request.outputs;
  outputs.clear();
  result_.binary.own.clear();
  return value.elements([&](JsonValue& element) -> Status {
    ACCEL_TRY(check_tensor_count(outputs.size()).with_context("outputs"));
    const std::string place = fmt::format("outputs[{}]", outputs.size());
    WantedOutput& output = outputs.emplace_back();
    Parameters parameters;
    ACCEL_TRY(element.members([&](std::string_view name, JsonValue& member) -> Status {
      if (member.kind() == JsonKind::kNull) return member.skip();
      if (name == "name") return member.read(output.name);
      if (name == "parameters") return read_parameters(member, parameters);
      return member.skip();
    }));
    return complete_output(parameters, output, result_.binary.own.emplace_back())
        .with_context(place);
  });
}

Status InferBodyReader::read_root(JsonValue& root) {
  return root.members([&](std::string_view name, JsonValue& value) -> Status {
    if (value.kind() == JsonKind::kNull) return value.skip();
    if (name == "id") return value.read(result_.request.id);
    if (name == "parameters") return read_parameters(value, result_.request.parameters);
    if (name == "inputs") return read_inputs(value);
    if (name == "outputs") return read_outputs(value);
    return value.skip();
  });
}

// The next bytes behind the JSON.
Result<TensorData> InferBodyReader::data_behind(const ReadInput& input) {
  const size_t left = binary_ == nullptr ? 0 : binary_->size() - next_;
  if (*input.binary_size > left) {
    return invalid_argument(fmt::format(
        "expected {} bytes behind the JSON, found {}{}", *input.binary_size, left,
        binary_ == nullptr ? "; expected the header Inference-Header-Content-Length, too" : ""));
  }
  const auto size = static_cast<size_t>(*input.binary_size);
  const std::string_view bytes =
      binary_ == nullptr ? std::string_view() : std::string_view(*binary_).substr(next_, size);
  next_ += size;
  return data_of_bytes(*input.datatype, *input.shape, bytes, binary_);
}

Result<TensorData> InferBodyReader::data_of(ReadInput& input) {
  if (input.binary_size) return data_behind(input);
  ACCEL_ASSIGN(const uint64_t count, count_of(*input.shape));
  const uint64_t found =
      input.strings ? input.strings->size() : input.numbers->size() / size_of(**input.datatype);
  if (found != count) {
    return invalid_argument(fmt::format("data: expected {} elements, as the shape {} has, found {}",
                                        count, accel::to_string(*input.shape), found));
  }
  if (input.strings) {
    return TensorData(Strings{std::move(*input.shape), std::move(*input.strings)});
  }
  const auto owner = std::make_shared<const std::string>(std::move(*input.numbers));
  return data_of_bytes(*input.datatype, std::move(*input.shape), *owner, owner);
}

Result<InferBody> InferBodyReader::read(std::string_view header_length) {
  ACCEL_TRY(split(header_length));
  ACCEL_TRY(read_json(body_, [&](JsonValue& root) { return read_root(root); }));
  for (ReadInput& input : inputs_) {
    Result<TensorData> data = data_of(input);
    if (!data.ok()) return data.status().with_context(fmt::format("input '{}'", input.name));
    result_.request.inputs.push_back({std::move(input.name), std::move(*data)});
  }
  if (binary_ != nullptr && next_ < binary_->size()) {
    return invalid_argument(
        fmt::format("expected no bytes behind those of the inputs, found {}; is there an input "
                    "without 'binary_data_size'?",
                    binary_->size() - next_));
  }
  ACCEL_ASSIGN(const std::optional<bool> binary,
               find_bool(result_.request.parameters, "binary_data_output"));
  result_.binary.by_default = binary.value_or(false);
  return std::move(result_);
}

}  // namespace

Status read_parameters(JsonValue& value, Parameters& parameters) {
  return value.members([&](std::string_view name, JsonValue& member) -> Status {
    Parameter& parameter = parameters[std::string(name)];
    switch (member.kind()) {
      case JsonKind::kBool: return member.read(parameter.emplace<bool>());
      case JsonKind::kString: return member.read(parameter.emplace<std::string>());
      case JsonKind::kNumber: break;
      case JsonKind::kNull: parameters.erase(std::string(name)); return member.skip();
      default:
        return invalid_argument(
            fmt::format("parameter '{}': expected a string, a number, true or false, found {}",
                        name, to_string(member.kind())));
    }
    std::string number;
    ACCEL_TRY(member.raw(number));
    if (convert_number(number, parameter.emplace<int64_t>())) return {};
    if (convert_number(number, parameter.emplace<double>())) return {};
    return invalid_argument(
        fmt::format("parameter '{}': expected a number that FP64 can hold, found {}", name,
                    number.substr(0, 40)));
  });
}

Result<InferBody> parse_infer_body(std::string body, std::string_view header_length,
                                   const RequestLimits& limits) {
  return InferBodyReader(std::move(body), limits).read(header_length);
}

}  // namespace accel::server::kserve
