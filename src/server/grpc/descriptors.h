// What the .proto files beside this one define, for clients that have none of them. Pure.
#pragma once

#include <string_view>
#include <vector>

namespace accel::server::grpc {

// Names of services, "package.Service".
std::vector<std::string_view> described_services();

// Messages FileDescriptorProto: of a file by its name ("grpc_service.proto"), or of the one that
// defines a message, an enum, a service or a method ("package.Service.Method"); behind it the files
// that it imports. Empty: there is none.
std::vector<std::string_view> file_by_name(std::string_view name);
std::vector<std::string_view> file_with_symbol(std::string_view symbol);

}  // namespace accel::server::grpc
