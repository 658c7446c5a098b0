#include "server/kserve/infer_response.h"

#include <fmt/format.h>

#include "base/try.h"
#include "server/json/json_writer.h"
#include "server/kserve/ports.h"

namespace accel::server::kserve {
namespace {

void write_parameters(JsonWriter& json, const Parameters& parameters) {
  json.object([&] {
    for (const auto& [name, parameter] : parameters) {
      json.name(name);
      std::visit([&](const auto& value) { json.value(value); }, parameter);
    }
  });
}

void write_head(JsonWriter& json, const InferOutput& output) {
  json.member("name", output.name);
  json.member("datatype", name_of(datatype_of(output.data)));
  json.name("shape");
  write_shape(json, shape_of(output.data));
}

void write_data(JsonWriter& json, const TensorData& data) {
  json.name("data");
  if (const auto* tensor = std::get_if<Tensor>(&data)) return json.flat(*tensor);
  json.value(std::span<const std::string>(std::get<Strings>(data).values));
}

bool is_binary(const BinaryOutputs& binary, size_t output) {
  if (output >= binary.own.size()) return binary.by_default;
  return binary.own[output].value_or(binary.by_default);
}

Status check_writable(const InferOutput& output, bool binary) {
  const Datatype datatype = datatype_of(output.data);
  if (name_of(datatype).empty()) {
    return unimplemented(fmt::format("output '{}': {} has no name in this protocol", output.name,
                                     to_string(*datatype)));
  }
  if (!binary && !fits_json(datatype)) {
    return invalid_argument(
        fmt::format("output '{}': {} is sent as binary data only; expected its parameter "
                    "'binary_data', or 'binary_data_output' of the request",
                    output.name, name_of(datatype)));
  }
  return {};
}

}  // namespace

Result<http::Response> format_infer_answer(const InferAnswer& answer, const BinaryOutputs& binary) {
  for (size_t i = 0; i < answer.outputs.size(); ++i) {
    ACCEL_TRY(check_writable(answer.outputs[i], is_binary(binary, i)));
  }
  std::string body;
  JsonWriter json(body);
  uint64_t binary_bytes = 0;
  bool any_binary = false;
  json.object([&] {
    if (!answer.id.empty()) json.member("id", answer.id);
    json.member("model_name", answer.model);
    if (!answer.version.empty()) json.member("model_version", answer.version);
    if (!answer.parameters.empty()) {
      json.name("parameters");
      write_parameters(json, answer.parameters);
    }
    json.name("outputs");
    json.array([&] {
      for (size_t i = 0; i < answer.outputs.size(); ++i) {
        json.object([&] {
          const InferOutput& output = answer.outputs[i];
          write_head(json, output);
          if (!is_binary(binary, i)) return write_data(json, output.data);
          const uint64_t size = byte_size_of(output.data);
          json.name("parameters");
          write_parameters(json, {{"binary_data_size", static_cast<int64_t>(size)}});
          binary_bytes += size;
          any_binary = true;
        });
      }
    });
  });
  if (!any_binary) return json_response(std::move(body));
  http::Headers headers = {{"content-type", "application/octet-stream"},
                           {"inference-header-content-length", std::to_string(body.size())}};
  body.reserve(body.size() + binary_bytes);
  for (size_t i = 0; i < answer.outputs.size(); ++i) {
    if (is_binary(binary, i)) append_bytes(answer.outputs[i].data, body);
  }
  return http::Response{.status = 200, .headers = std::move(headers), .body = std::move(body)};
}

}  // namespace accel::server::kserve
