#include "backend/graph_file.h"

#include <openvino/pass/serialize.hpp>
#include <openvino/runtime/core.hpp>
#include <sstream>
#include <string_view>

#include "backend/guard.h"
#include "backend/trailer.h"
#include "base/try.h"

namespace accel::backend {
namespace {

constexpr std::string_view kGraphMagic = "accelgrf";

}  // namespace

Status write_graph(const ov::Model& model, std::ostream& out) {
  std::ostringstream text;
  ACCEL_TRY(guarded("writing a graph", StatusCode::kUnimplemented, [&]() -> Status {
    // A copy, which shares the weights: the pass wants a graph that it may change.
    ov::pass::Serialize(text, out).run_on_model(model.clone());
    return {};
  }));
  const auto weights = static_cast<int64_t>(out.tellp());
  if (!out || weights < 0) return internal_error("writing a graph: its stream failed");
  std::string end = text.str();
  const size_t size = end.size();
  end += kGraphMagic;
  put(end, static_cast<uint64_t>(weights));
  put(end, size);
  out.write(end.data(), static_cast<std::streamsize>(end.size()));
  return out ? Status() : internal_error("writing a graph: its stream failed");
}

Result<std::shared_ptr<const ov::Model>> read_graph(const Blob& blob) {
  const std::string_view all(reinterpret_cast<const char*>(blob.bytes.data()), blob.bytes.size());
  const auto broken = [] { return data_loss("reading a graph: expected one, found other bytes"); };
  if (all.size() < kTrailerBytes) return broken();
  const std::string_view end = all.substr(all.size() - kTrailerBytes);
  const uint64_t content = all.size() - kTrailerBytes;
  const uint64_t weights = number_at(end, 8);
  if (!end.starts_with(kGraphMagic) || weights > content ||
      number_at(end, 16) != content - weights) {
    return broken();
  }
  ACCEL_ASSIGN(std::shared_ptr<const ov::Model> model,
               read_ir(std::string(all.substr(weights, content - weights)),
                       {blob.bytes.first(weights), blob.owner}));
  return model;
}

Result<std::shared_ptr<ov::Model>> read_ir(const std::string& text, const Blob& weights) {
  using ResultType = Result<std::shared_ptr<ov::Model>>;
  return guarded("reading a graph", StatusCode::kDataLoss, [&]() -> ResultType {
    const ov::Tensor view(ov::element::u8, ov::Shape{weights.bytes.size()},
                          static_cast<const void*>(weights.bytes.data()));
    // The copies that the graph's constants hold keep the owner.
    const ov::Tensor owned(view, std::const_pointer_cast<void>(weights.owner));
    return ov::Core().read_model(text, owned);
  });
}

}  // namespace accel::backend
