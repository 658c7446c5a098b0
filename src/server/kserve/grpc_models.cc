// ModelReady, ModelMetadata, ModelConfig, ModelStatistics and RepositoryIndex: what is known of
// models, as messages.
#include <cmath>

#include "base/protobuf.h"
#include "base/try.h"
#include "server/grpc/methods.h"
#include "server/kserve/datatypes.h"
#include "server/kserve/described_models.h"
#include "server/kserve/infer.h"
#include "server/kserve/ports.h"

namespace accel::server {
namespace kserve {
namespace {

http::Response message_response(WireWriter& writer) { return {.body = writer.take()}; }

// "name" and "version" of a request; what the service calls that model, empty: none is named.
Result<std::string> asked_model(std::string_view message) {
  std::string name;
  std::string version;
  WireReader reader(message);
  while (const auto field = reader.next()) {
    if (field->is(1, WireType::kBytes)) name = field->bytes;
    if (field->is(2, WireType::kBytes)) version = field->bytes;
  }
  if (reader.broken()) return invalid_argument("expected a message, found other bytes");
  if (name.empty()) return name;
  return service_name(name, version);
}

Result<Call> describe_asked(const Asked& asked, bool facts, ModelWriter write) {
  ACCEL_ASSIGN(std::string model, asked_model(asked.body));
  if (model.empty()) return invalid_argument("name: expected the model's name, found none");
  return describe_model(std::move(model), facts, write);
}

Result<const ModelReport*> facts_of(const service::ServedModel& model) {
  if (model.facts) return &*model.facts;
  return internal_error("expected the model's facts, found none");
}

// --- ModelReady ---

Result<http::Response> write_ready_message(const service::ServedModel& model) {
  WireWriter writer;
  writer.flag(1, model.state.state == ModelState::kLoaded);
  return message_response(writer);
}

Result<Call> parse_ready_message(Asked asked) {
  return describe_asked(asked, /*facts=*/false, write_ready_message);
}

// --- ModelMetadata ---

void write_port_messages(WireWriter& writer, uint32_t number, std::span<const PortReport> ports) {
  for (const PortReport& port : ports) {
    if (name_of(port.dtype).empty()) continue;
    writer.message(number, [&](WireWriter& inner) {
      inner.text(1, port.name);
      inner.text(2, name_of(port.dtype));
      inner.packed(3, port.shape);
    });
  }
}

Result<http::Response> write_metadata_message(const service::ServedModel& model) {
  ACCEL_ASSIGN(const ModelReport* const facts, facts_of(model));
  WireWriter writer;
  writer.text(1, model.state.name);
  for (const int version : model.versions) writer.text(2, std::to_string(version));
  writer.text(3, platform_of(*facts));
  write_port_messages(writer, 4, facts->inputs);
  write_port_messages(writer, 5, graph_outputs(*facts));
  return message_response(writer);
}

Result<Call> parse_metadata_message(Asked asked) {
  return describe_asked(asked, /*facts=*/true, write_metadata_message);
}

// --- ModelConfig ---

// The number of model_config.proto's enum DataType.
uint64_t config_type(DType dtype) {
  switch (dtype) {
    case DType::kBool: return 1;
    case DType::kU8: return 2;
    case DType::kU16: return 3;
    case DType::kU32: return 4;
    case DType::kU64: return 5;
    case DType::kI8: return 6;
    case DType::kI16: return 7;
    case DType::kI32: return 8;
    case DType::kI64: return 9;
    case DType::kF16: return 10;
    case DType::kF32: return 11;
    case DType::kF64: return 12;
    case DType::kBF16: return 14;
    default: return 0;
  }
}

// max_batch_size is 0, which is left out: shapes are whole.
void write_config_message(WireWriter& config, const service::ServedModel& model,
                          const ModelReport& facts) {
  config.text(1, model.state.name);
  config.text(2, platform_of(facts));
  for (const PortReport& port : facts.inputs) {
    config.message(5, [&](WireWriter& inner) {
      inner.text(1, port.name);
      inner.integer(2, config_type(port.dtype));
      inner.packed(4, port.shape);
      if (port.optional) inner.flag(8, true);
    });
  }
  for (const PortReport& port : graph_outputs(facts)) {
    config.message(6, [&](WireWriter& inner) {
      inner.text(1, port.name);
      inner.integer(2, config_type(port.dtype));
      inner.packed(3, port.shape);
    });
  }
  config.text(17, "accel");
}

Result<http::Response> write_config_answer(const service::ServedModel& model) {
  ACCEL_ASSIGN(const ModelReport* const facts, facts_of(model));
  WireWriter writer;
  writer.message(1, [&](WireWriter& config) { write_config_message(config, model, *facts); });
  return message_response(writer);
}

Result<Call> parse_config_message(Asked asked) {
  return describe_asked(asked, /*facts=*/true, write_config_answer);
}

// --- ModelStatistics ---

void write_duration_message(WireWriter& writer, uint32_t number, uint64_t count, double seconds) {
  writer.message(number, [&](WireWriter& inner) {
    inner.integer(1, count);
    inner.integer(2, static_cast<uint64_t>(std::llround(seconds * 1e9)));
  });
}

void write_statistics_message(WireWriter& writer, const service::ServedModel& model) {
  const ModelStatistics& done = *model.statistics;
  double worked = 0;
  for (const ModelStatistics::Share& share : done.shares) worked += share.worked_seconds;
  writer.message(1, [&](WireWriter& inner) {
    inner.text(1, model.state.name);
    inner.text(2, version_of(model));
    inner.integer(4, done.rows);
    inner.integer(5, done.batches);
    inner.message(6, [&](WireWriter& stages) {
      write_duration_message(stages, 1, done.rows, 0);
      write_duration_message(stages, 2, done.failed + done.cancelled + done.late + done.refused, 0);
      write_duration_message(stages, 3, done.rows, 0);
      write_duration_message(stages, 4, done.rows, 0);
      write_duration_message(stages, 5, done.rows, worked);
      write_duration_message(stages, 6, done.rows, 0);
    });
  });
}

Result<http::Response> write_statistics_answer(const service::ServedModel& model) {
  if (!model.statistics) {
    return failed_precondition(model.state.name + ": not loaded, so there are no statistics");
  }
  WireWriter writer;
  write_statistics_message(writer, model);
  return message_response(writer);
}

Result<http::Response> write_every_statistics(const service::ServedModels& models) {
  WireWriter writer;
  for (const service::ServedModel& model : models.models) {
    if (model.statistics) write_statistics_message(writer, model);
  }
  return message_response(writer);
}

Result<Call> parse_statistics_message(Asked asked) {
  ACCEL_ASSIGN(std::string model, asked_model(asked.body));
  if (model.empty()) return describe_models(write_every_statistics);
  return describe_model(std::move(model), /*facts=*/false, write_statistics_answer);
}

// --- RepositoryIndex ---

http::Response index_message(const service::ServedModels& models, bool ready_only) {
  WireWriter writer;
  for (const service::ServedModel& model : models.models) {
    if (ready_only && model.state.state != ModelState::kLoaded) continue;
    writer.message(1, [&](WireWriter& inner) {
      inner.text(1, model.state.name);
      inner.text(2, version_of(model));
      inner.text(3, index_state(model.state.state));
      inner.text(4, index_reason(model.state));
    });
  }
  return message_response(writer);
}

Result<http::Response> write_index_message(const service::ServedModels& models) {
  return index_message(models, /*ready_only=*/false);
}

Result<http::Response> write_ready_index_message(const service::ServedModels& models) {
  return index_message(models, /*ready_only=*/true);
}

Result<Call> parse_index_message(Asked asked) {
  bool ready_only = false;
  WireReader reader(asked.body);
  while (const auto field = reader.next()) {
    if (field->is(2, WireType::kVarint)) ready_only = field->value != 0;
  }
  if (reader.broken()) return invalid_argument("expected a message, found other bytes");
  return describe_models(ready_only ? write_ready_index_message : write_index_message);
}

Endpoint model_method(std::string_view path, Result<Call> (*parse)(Asked)) {
  return {.method = "POST", .path = path, .errors = ErrorShape::kGrpc, .parse = parse};
}

}  // namespace
}  // namespace kserve

Endpoint kserve_model_ready_method() {
  return kserve::model_method("/inference.GRPCInferenceService/ModelReady",
                              kserve::parse_ready_message);
}

Endpoint kserve_model_metadata_method() {
  return kserve::model_method("/inference.GRPCInferenceService/ModelMetadata",
                              kserve::parse_metadata_message);
}

Endpoint kserve_model_config_method() {
  return kserve::model_method("/inference.GRPCInferenceService/ModelConfig",
                              kserve::parse_config_message);
}

Endpoint kserve_model_statistics_method() {
  return kserve::model_method("/inference.GRPCInferenceService/ModelStatistics",
                              kserve::parse_statistics_message);
}

Endpoint kserve_repository_index_method() {
  return kserve::model_method("/inference.GRPCInferenceService/RepositoryIndex",
                              kserve::parse_index_message);
}

}  // namespace accel::server
