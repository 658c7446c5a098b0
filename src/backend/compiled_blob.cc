#include "backend/compiled_blob.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/trailer.h"
#include "base/json_members.h"
#include "base/try.h"

namespace accel::backend {
namespace {

constexpr std::string_view kBlobMagic = "accelblb";
constexpr size_t kJsonMax = 1 << 20;
constexpr size_t kPortsMax = 4096;
constexpr size_t kRankMax = 64;

Status broken(std::string_view what) {
  return data_loss(fmt::format("compiled model: {}; delete it, and it is made again", what));
}

Json ports_json(const std::vector<Port>& ports) {
  Json list = Json::array();
  for (const Port& port : ports) list.push_back({port.name, to_string(port.dtype), port.shape});
  return list;
}

Json header_json(const BlobHeader& header) {
  const CompileOptions& options = header.options;
  const Executed& executed = header.executed;
  return {{"engine", header.engine},
          {"options",
           {{"device", options.device},
            {"precision", to_string(options.precision)},
            {"streams", options.streams},
            {"threads", options.threads},
            {"own_kernels", options.own_kernels}}},
          {"executed",
           {{"device", executed.device},
            {"precision", to_string(executed.precision)},
            {"streams", executed.streams},
            {"threads", executed.threads},
            {"kernels", executed.kernels}}},
          {"inputs", ports_json(header.signature.inputs)},
          {"outputs", ports_json(header.signature.outputs)}};
}

std::optional<Port> read_port(const Json& json) {
  if (!json.is_array() || json.size() != 3 || !json[0].is_string() || !json[1].is_string() ||
      !json[2].is_array() || json[2].size() > kRankMax) {
    return std::nullopt;
  }
  const auto dtype = parse_dtype(json[1].get_ref<const std::string&>());
  if (!dtype) return std::nullopt;
  Port port{.name = json[0].get<std::string>(), .dtype = *dtype, .shape = {}};
  for (const Json& size : json[2]) {
    if (!size.is_number_integer() || size.get<int64_t>() < -1) return std::nullopt;
    port.shape.push_back(size.get<int64_t>());
  }
  return port;
}

std::vector<Port> read_ports(const Json& json, bool& ok) {
  std::vector<Port> ports;
  ok = ok && json.is_array() && json.size() <= kPortsMax;
  if (!ok) return ports;
  for (const Json& one : json) {
    std::optional<Port> port = read_port(one);
    ok = ok && port;
    if (port) ports.push_back(std::move(*port));
  }
  return ports;
}

Result<BlobHeader> read_header(std::string_view text) {
  ACCEL_ASSIGN(const Json json, parse_json(text));
  bool ok = true;
  const JsonMembers all{json, ok};
  const JsonMembers options{all.at("options"), ok};
  const JsonMembers executed{all.at("executed"), ok};
  BlobHeader header{.engine = all.text("engine"),
                    .options = {.device = options.text("device"),
                                .precision = options.precision("precision"),
                                .streams = options.number("streams"),
                                .threads = options.number("threads"),
                                .own_kernels = options.flag("own_kernels")},
                    .signature = {.inputs = read_ports(all.at("inputs"), ok),
                                  .outputs = read_ports(all.at("outputs"), ok)},
                    .executed = {.device = executed.text("device"),
                                 .precision = executed.precision("precision"),
                                 .streams = executed.number("streams"),
                                 .threads = executed.number("threads"),
                                 .kernels = executed.text("kernels")}};
  if (!ok) return broken("expected options, ports and what runs in its JSON");
  return header;
}

}  // namespace

Status write_blob(std::ostream& out, const BlobHeader& header,
                  const std::function<Status(std::ostream& out)>& write) {
  ACCEL_TRY(write(out));
  out.seekp(0, std::ios_base::end);
  const auto engine_bytes = static_cast<int64_t>(out.tellp());
  if (!out || engine_bytes < 0) {
    return internal_error("writing a compiled model: expected a stream that can go back, found one "
                          "that failed");
  }
  std::string end = header_json(header).dump(-1, ' ', false, Json::error_handler_t::replace);
  const size_t json_bytes = end.size();
  end += kBlobMagic;
  put(end, static_cast<uint64_t>(engine_bytes));
  put(end, json_bytes);
  out.write(end.data(), static_cast<std::streamsize>(end.size()));
  return out ? Status() : internal_error("writing a compiled model: its stream failed");
}

Result<OpenedBlob> open_blob(std::span<const std::byte> blob) {
  const std::string_view all(reinterpret_cast<const char*>(blob.data()), blob.size());
  if (all.size() < kTrailerBytes) return broken("found no such thing");
  const std::string_view end = all.substr(all.size() - kTrailerBytes);
  const uint64_t content = all.size() - kTrailerBytes;
  const uint64_t engine_bytes = number_at(end, 8);
  const uint64_t json_bytes = number_at(end, 16);
  if (!end.starts_with(kBlobMagic) || engine_bytes > content ||
      json_bytes != content - engine_bytes || json_bytes > kJsonMax) {
    return broken("found no such thing, or one that is cut off");
  }
  ACCEL_ASSIGN(BlobHeader header, read_header(all.substr(engine_bytes, json_bytes)));
  return OpenedBlob{std::move(header), blob.first(engine_bytes)};
}

Status check_blob(const BlobHeader& header, const std::string& engine,
                  const CompileOptions& options) {
  const auto other = [](std::string_view what, const auto& found, const auto& expected) {
    return failed_precondition(fmt::format(
        "compiled model: made for {} {}, expected {}; compile it again", what, found, expected));
  };
  const CompileOptions& made = header.options;
  if (header.engine != engine) return other("engine", header.engine, engine);
  if (made.device != options.device) return other("device", made.device, options.device);
  if (made.precision != options.precision) {
    return other("precision", to_string(made.precision), to_string(options.precision));
  }
  if (made.streams != options.streams) return other("streams", made.streams, options.streams);
  if (made.threads != options.threads) return other("threads", made.threads, options.threads);
  if (made.own_kernels != options.own_kernels) {
    return other("own kernels", made.own_kernels, options.own_kernels);
  }
  return {};
}

}  // namespace accel::backend
