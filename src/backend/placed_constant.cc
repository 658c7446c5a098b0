#include "backend/placed_constant.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <openvino/core/attribute_visitor.hpp>
#include <openvino/pass/serialize.hpp>
#include <sstream>
#include <string_view>

#include "backend/guard.h"
#include "base/try.h"

namespace accel::backend {
namespace {

// What the engine's serializer is given in place of the bytes: found again in what it wrote.
struct Mark {
  std::array<char, 16> magic;
  uint64_t offset;
  uint64_t bytes;
};
constexpr std::array<char, 16> kMarkMagic{'a', 'c', 'c', 'e', 'l', ' ', 'p', 'l',
                                          'a', 'c', 'e', 'd', 0,   1,   2,   3};

// What no constant reads, but the base class wants an address.
constexpr std::array<std::byte, 8> kNoBytes{};

// Hands the bytes of a visited constant, and nothing else of it, to another visitor.
class OnlyBytes : public ov::AttributeVisitor {
 public:
  explicit OnlyBytes(ov::AttributeVisitor& to) : to_(to) {}
  using ov::AttributeVisitor::on_adapter;
  void on_adapter(const std::string& name, ov::ValueAccessor<void>& adapter) override {
    if (name == "value") to_.on_adapter(name, adapter);
  }

 private:
  ov::AttributeVisitor& to_;
};

// ` NAME="123"` at the front of `text`: takes it away. False: it is not there.
bool take_number(std::string_view& text, std::string_view name, uint64_t& number) {
  if (!text.starts_with(name)) return false;
  const char* begin = text.data() + name.size();
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(begin, end, number);
  if (error != std::errc() || stop == end || *stop != '"') return false;
  text.remove_prefix(static_cast<size_t>(stop + 1 - text.data()));
  return true;
}

std::shared_ptr<ov::op::v0::Constant> mark_of(Place place) {
  const Mark mark{kMarkMagic, place.offset, place.bytes};
  return std::make_shared<ov::op::v0::Constant>(ov::element::u8, ov::Shape{sizeof mark},
                                                static_cast<const void*>(&mark));
}

// The place that the serializer's bytes at [offset, offset + bytes) stand for.
Place real_place(std::string_view written, Place at, uint64_t rest_offset) {
  Mark mark{};
  if (at.bytes == sizeof mark && at.offset <= written.size() &&
      written.size() - at.offset >= sizeof mark) {
    std::memcpy(&mark, written.data() + at.offset, sizeof mark);
    if (mark.magic == kMarkMagic) return {mark.offset, mark.bytes};
  }
  return {rest_offset + at.offset, at.bytes};
}

// The text with the places of its constants: `<data element_type="f32" shape="2,3" offset="0"
// size="24" />`.
std::string with_places(std::string_view text, std::string_view written, uint64_t rest_offset) {
  constexpr std::string_view kTag = "<data element_type=\"";
  constexpr std::string_view kOffset = " offset=\"";
  std::string out;
  out.reserve(text.size() + text.size() / 16);
  while (!text.empty()) {
    const size_t tag = text.find(kTag);
    if (tag == std::string_view::npos) break;
    const size_t end = std::min(text.find('>', tag), text.size());
    const size_t found = text.substr(0, end).find(kOffset, tag);
    const size_t upto = found == std::string_view::npos ? end : found;
    out += text.substr(0, upto);
    text.remove_prefix(upto);
    Place at;
    std::string_view rest = text;
    if (take_number(rest, kOffset, at.offset) && take_number(rest, " size=\"", at.bytes)) {
      const Place place = real_place(written, at, rest_offset);
      out += " offset=\"" + std::to_string(place.offset) + "\" size=\"" +
             std::to_string(place.bytes) + "\"";
      text = rest;
    }
  }
  out += text;
  return out;
}

}  // namespace

PlacedConstant::PlacedConstant(const ov::element::Type& type, const ov::Shape& shape, Place place)
    : Constant(type, shape, kNoBytes.data(), std::shared_ptr<void>()),
      place_(place),
      mark_(mark_of(place)) {}

bool PlacedConstant::visit_attributes(ov::AttributeVisitor& visitor) {
  ov::element::Type type = get_element_type();
  ov::Shape shape = get_shape();
  visitor.on_attribute("element_type", type);
  visitor.on_attribute("shape", shape);
  OnlyBytes bytes(visitor);
  return mark_->visit_attributes(bytes);
}

std::shared_ptr<ov::Node> PlacedConstant::clone_with_new_inputs(
    const ov::OutputVector& /*inputs*/) const {
  return std::make_shared<PlacedConstant>(get_element_type(), get_shape(), place_);
}

Result<PlacedIr> write_placed_ir(const std::shared_ptr<ov::Model>& model, uint64_t rest_offset) {
  std::ostringstream text;
  std::ostringstream constants;
  ACCEL_TRY(guarded("writing the graph", StatusCode::kUnimplemented, [&]() -> Status {
    ov::pass::Serialize(text, constants).run_on_model(model);
    return {};
  }));
  if (!text || !constants) return resource_exhausted("writing the graph: out of memory");
  PlacedIr ir{.text = {}, .rest = std::move(constants).str()};
  ir.text = with_places(std::move(text).str(), ir.rest, rest_offset);
  return ir;
}

}  // namespace accel::backend
