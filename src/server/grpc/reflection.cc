// ServerReflectionInfo: what the server's services are, asked for by clients like grpcurl.
#include <fmt/format.h>

#include "base/protobuf.h"
#include "base/try.h"
#include "server/grpc/descriptors.h"
#include "server/grpc/methods.h"
#include "server/server.h"

namespace accel::server {
namespace grpc {
namespace {

// Numbers of fields of reflection.proto.
constexpr uint32_t kHost = 1;
constexpr uint32_t kFileByName = 3;
constexpr uint32_t kFileWithSymbol = 4;
constexpr uint32_t kFileWithExtension = 5;
constexpr uint32_t kExtensionsOfType = 6;
constexpr uint32_t kListServices = 7;

void write_reflection_error(const Status& status, WireWriter& writer) {
  writer.message(7, [&](WireWriter& error) {
    error.integer(1, static_cast<uint64_t>(status.code()));
    error.text(2, status.message());
  });
}

void write_files(const std::vector<std::string_view>& files, std::string_view wanted,
                 WireWriter& writer) {
  if (files.empty()) {
    return write_reflection_error(not_found(fmt::format("'{}' is not defined here", wanted)),
                                  writer);
  }
  writer.message(4, [&](WireWriter& answer) {
    for (const std::string_view file : files) answer.text(1, file);
  });
}

void write_services(WireWriter& writer) {
  writer.message(6, [](WireWriter& list) {
    for (const std::string_view service : described_services()) {
      list.message(1, [&](WireWriter& one) { one.text(1, service); });
    }
  });
}

Result<http::Response> tell_reflection(const Asked& asked, const ServerState&) {
  std::string_view host;
  std::optional<WireField> wanted;  // the last one, of which there should be one
  WireReader reader(asked.body);
  while (const auto field = reader.next()) {
    if (field->type != WireType::kBytes) continue;
    if (field->number == kHost) host = field->bytes;
    if (field->number >= kFileByName && field->number <= kListServices) wanted = field;
  }
  if (reader.broken()) return invalid_argument("expected a message, found other bytes");
  WireWriter writer;
  writer.text(1, host);
  writer.text(2, asked.body);
  switch (wanted ? wanted->number : 0) {
    case kFileByName: write_files(file_by_name(wanted->bytes), wanted->bytes, writer); break;
    case kFileWithSymbol:
      write_files(file_with_symbol(wanted->bytes), wanted->bytes, writer);
      break;
    case kFileWithExtension:
    case kExtensionsOfType:
      write_reflection_error(not_found("there are no extensions here"), writer);
      break;
    case kListServices: write_services(writer); break;
    default: write_reflection_error(invalid_argument("expected a question, found none"), writer);
  }
  return http::Response{.body = writer.take()};
}

std::string reflection_error(const Status& status) {
  WireWriter writer;
  write_reflection_error(status, writer);
  return writer.take();
}

}  // namespace
}  // namespace grpc

Endpoint grpc_reflection_method(std::string_view path) {
  return {.method = "POST",
          .path = path,
          .scope = Scope::kPublic,
          .errors = ErrorShape::kGrpc,
          .answer = grpc::tell_reflection,
          .error_message = grpc::reflection_error};
}

}  // namespace accel::server
