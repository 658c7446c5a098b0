#include "server/grpc/descriptors.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/protobuf.h"

namespace accel::server::grpc {
namespace {

// A message FileDescriptorSet, which protoc has made of the files (cmake/AccelProto.cmake).
constexpr auto kDescriptorSet = std::to_array<unsigned char>({
#include "grpc_descriptors.inc"
});

struct DescribedFile {
  std::string_view bytes;
  std::string_view name;
  std::string_view package;
  std::vector<std::string_view> imports;
  std::vector<std::string> services;
  std::vector<std::string> symbols;  // services and their methods too
};

// Numbers of fields of descriptor.proto.
constexpr uint32_t kName = 1;

std::string_view name_in(std::string_view message) {
  WireReader reader(message);
  while (const auto field = reader.next()) {
    if (field->is(kName, WireType::kBytes)) return field->bytes;
  }
  return {};
}

// A message, an enum or a service, and what lies in it.
void add_symbols(const std::string& scope, std::string_view message, uint32_t inner_field,
                 std::vector<std::string>& symbols) {
  const std::string symbol = scope + std::string(name_in(message));
  symbols.push_back(symbol);
  WireReader reader(message);
  while (const auto field = reader.next()) {
    if (field->is(inner_field, WireType::kBytes)) {
      add_symbols(symbol + '.', field->bytes, inner_field, symbols);
    }
  }
}

DescribedFile read_file(std::string_view bytes) {
  constexpr uint32_t kPackage = 2;
  constexpr uint32_t kDependency = 3;
  constexpr uint32_t kMessage = 4;
  constexpr uint32_t kEnum = 5;
  constexpr uint32_t kService = 6;
  constexpr uint32_t kNestedMessage = 3;  // of a message; its enums are not looked for
  constexpr uint32_t kMethod = 2;         // of a service
  DescribedFile file{.bytes = bytes};
  WireReader reader(bytes);
  std::string scope;  // stands before everything else
  while (const auto field = reader.next()) {
    if (field->type != WireType::kBytes) continue;
    switch (field->number) {
      case kName: file.name = field->bytes; break;
      case kPackage: scope = std::string(field->bytes) + '.'; break;
      case kDependency: file.imports.push_back(field->bytes); break;
      case kMessage: add_symbols(scope, field->bytes, kNestedMessage, file.symbols); break;
      case kEnum: add_symbols(scope, field->bytes, 0, file.symbols); break;
      case kService:
        file.services.push_back(scope + std::string(name_in(field->bytes)));
        add_symbols(scope, field->bytes, kMethod, file.symbols);
        break;
      default: break;
    }
  }
  return file;
}

const std::vector<DescribedFile>& files() {
  static const std::vector<DescribedFile> kFiles = [] {
    std::vector<DescribedFile> files;
    WireReader reader(
        {reinterpret_cast<const char*>(kDescriptorSet.data()), kDescriptorSet.size()});
    while (const auto field = reader.next()) files.push_back(read_file(field->bytes));
    return files;
  }();
  return kFiles;
}

void add_with_imports(const DescribedFile& file, std::vector<std::string_view>& found) {
  if (std::ranges::find(found, file.bytes) != found.end()) return;
  found.push_back(file.bytes);
  for (const DescribedFile& other : files()) {
    if (std::ranges::find(file.imports, other.name) != file.imports.end()) {
      add_with_imports(other, found);
    }
  }
}

template <class Predicate>
std::vector<std::string_view> first_file(Predicate predicate) {
  std::vector<std::string_view> found;
  const auto file = std::ranges::find_if(files(), predicate);
  if (file != files().end()) add_with_imports(*file, found);
  return found;
}

}  // namespace

std::vector<std::string_view> described_services() {
  std::vector<std::string_view> services;
  for (const DescribedFile& file : files()) {
    services.insert(services.end(), file.services.begin(), file.services.end());
  }
  return services;
}

std::vector<std::string_view> file_by_name(std::string_view name) {
  return first_file([&](const DescribedFile& file) { return file.name == name; });
}

std::vector<std::string_view> file_with_symbol(std::string_view symbol) {
  return first_file([&](const DescribedFile& file) {
    return std::ranges::find(file.symbols, symbol) != file.symbols.end();
  });
}

}  // namespace accel::server::grpc
