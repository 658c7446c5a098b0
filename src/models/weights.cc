#include "models/weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <openvino/op/broadcast.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/runtime/tensor.hpp>

#include "base/suggestion.h"

namespace accel::models {
namespace {

constexpr size_t kMaxNamed = 10000;  // bounds the message for a hostile header

ov::element::Type element_type(DType dtype) {
  switch (dtype) {
    case DType::kBool: return ov::element::boolean;
    case DType::kU8: return ov::element::u8;
    case DType::kI8: return ov::element::i8;
    case DType::kU16: return ov::element::u16;
    case DType::kI16: return ov::element::i16;
    case DType::kU32: return ov::element::u32;
    case DType::kI32: return ov::element::i32;
    case DType::kU64: return ov::element::u64;
    case DType::kI64: return ov::element::i64;
    case DType::kF8E4M3: return ov::element::f8e4m3;
    case DType::kF8E5M2: return ov::element::f8e5m2;
    case DType::kF16: return ov::element::f16;
    case DType::kBF16: return ov::element::bf16;
    case DType::kF32: return ov::element::f32;
    case DType::kF64: return ov::element::f64;
  }
  return ov::element::dynamic;
}

ov::Shape engine_shape(const Shape& shape) { return {shape.begin(), shape.end()}; }

// Checkpoints converted from the first TensorFlow releases say gamma and beta.
std::string old_name(std::string_view name) {
  const auto ends = [&](std::string_view end) { return name.ends_with(end); };
  if (ends("LayerNorm.weight")) return std::string(name.substr(0, name.size() - 6)) + "gamma";
  if (ends("LayerNorm.bias")) return std::string(name.substr(0, name.size() - 4)) + "beta";
  return {};
}

Output placeholder(const Shape& shape, const ov::element::Type& type = ov::element::f32) {
  return std::make_shared<ov::op::v0::Parameter>(type, engine_shape(shape));
}

// The constant keeps the mapped file alive through the tensor it holds.
Output constant(const Tensor& tensor, const ov::element::Type& type = ov::element::f32) {
  const auto shape = engine_shape(tensor.shape());
  auto owner = std::make_shared<Tensor>(tensor);
  const void* data = tensor.bytes().data();
  Output value = std::make_shared<ov::op::v0::Constant>(element_type(tensor.dtype()), shape, data,
                                                        std::move(owner));
  if (element_type(tensor.dtype()) == type) return value;
  return std::make_shared<ov::op::v0::Convert>(value, type);
}

// A value of that shape that takes no memory.
Output no_numbers(const Shape& shape) {
  return std::make_shared<ov::op::v3::Broadcast>(
      ov::op::v0::Constant::create(ov::element::f32, ov::Shape{}, {0}),
      ov::op::v0::Constant::create(ov::element::i64, ov::Shape{shape.size()}, shape));
}

}  // namespace

Output float_constant(const Tensor& tensor) { return constant(tensor); }

Weights::Weights(std::vector<WeightEntry> entries, bool outline) : outline_(outline) {
  for (WeightEntry& entry : entries) {
    std::string name = entry.name;
    entries_.emplace(std::move(name), std::move(entry));
  }
}

void Weights::choose_prefix(std::span<const std::string_view> prefixes, std::string_view probe) {
  for (const std::string_view prefix : prefixes) {
    if (entries_.contains(std::string(prefix) + std::string(probe))) {
      prefix_ = prefix;
      return;
    }
  }
}

const std::pair<const std::string, WeightEntry>* Weights::lookup(std::string_view name) const {
  const std::string old = old_name(name);
  for (const std::string_view prefix : {std::string_view(prefix_), std::string_view()}) {
    for (const std::string_view candidate : {name, std::string_view(old)}) {
      if (candidate.empty()) continue;
      const auto it = entries_.find(std::string(prefix) + std::string(candidate));
      if (it != entries_.end()) return &*it;
    }
  }
  return nullptr;
}

const WeightEntry* Weights::demand(const std::string& name, const Shape& shape, Kind kind) {
  const auto* entry = lookup(name);
  const bool first = used_.insert(entry == nullptr ? prefix_ + name : entry->first).second;
  if (entry == nullptr) {
    const std::string full = prefix_ + name;
    if (first) {
      problems_.push_back({fmt::format("missing {} {}", full, to_string(shape)), full});
    }
    return nullptr;
  }
  const WeightEntry& found = entry->second;
  if (found.shape() != shape) {
    if (first) {
      problems_.push_back({fmt::format("{}: expected shape {}, found {}", entry->first,
                                       to_string(shape), to_string(found.shape()))});
    }
    return nullptr;
  }
  if (is_integer(found.dtype()) != (kind == Kind::kIntegers)) {
    if (first) {
      problems_.push_back(
          {fmt::format("{}: expected {}, found {}", entry->first,
                       kind == Kind::kIntegers ? "integers" : "floats", to_string(found.dtype()))});
    }
    return nullptr;
  }
  if (first) parameters_ += element_count(shape).value_or(0);
  return &found;
}

Output Weights::derived_value(const WeightEntry& entry) {
  const auto [known, fresh] = derived_.try_emplace(entry.name);
  if (fresh) known->second = outline_ ? no_numbers(entry.shape()) : entry.derived->value();
  return known->second;
}

Output Weights::get(const std::string& name, const Shape& shape) {
  const WeightEntry* entry = demand(name, shape);
  if (entry == nullptr) return placeholder(shape);
  return entry->derived ? derived_value(*entry) : constant(entry->tensor);
}

Output Weights::get_integers(const std::string& name, const Shape& shape) {
  const WeightEntry* entry = demand(name, shape, Kind::kIntegers);
  return entry == nullptr ? placeholder(shape, ov::element::i64)
                          : constant(entry->tensor, ov::element::i64);
}

Output Weights::get_stacked(const std::vector<std::string>& names, const Shape& each) {
  Shape all = each;
  all[0] *= static_cast<int64_t>(names.size());
  std::vector<Tensor> parts;
  for (const std::string& name : names) {
    if (const WeightEntry* entry = demand(name, each)) parts.push_back(entry->numbers());
  }
  const bool complete = parts.size() == names.size();
  const bool uniform = complete && std::ranges::all_of(parts, [&](const Tensor& part) {
                         return part.dtype() == parts.front().dtype();
                       });
  if (!uniform) {
    if (complete)
      problems_.push_back({names.front() + ": expected the same dtype as its siblings"});
    return placeholder(all);
  }
  Tensor stacked = Tensor::allocate(parts.front().dtype(), all);
  std::byte* out = stacked.mutable_data();
  for (const Tensor& part : parts) {
    std::memcpy(out, part.bytes().data(), part.byte_size());
    out += part.byte_size();
  }
  return constant(stacked);
}

Tensor Weights::raw(const std::string& name, const Shape& shape) {
  const WeightEntry* entry = demand(name, shape);
  return entry == nullptr ? Tensor() : entry->numbers();
}

void Weights::skip(std::string_view start) {
  for (const auto& [name, entry] : entries_) {
    std::string_view inner = name;
    if (inner.starts_with(prefix_)) inner.remove_prefix(prefix_.size());
    if (name.starts_with(start) || inner.starts_with(start)) used_.insert(name);
  }
}

std::vector<std::string> Weights::described_problems() const {
  constexpr size_t kMaxHints = 32;  // comparing names takes time
  constexpr size_t kMaxCandidates = 1000;
  std::vector<std::string_view> candidates;
  for (const auto& [name, entry] : entries_) {
    if (!used_.contains(name) && candidates.size() < kMaxCandidates) candidates.push_back(name);
  }
  size_t hints = 0;
  std::vector<std::string> described;
  for (const Problem& problem : problems_) {
    described.push_back(problem.text);
    if (problem.missing.empty() || hints++ >= kMaxHints) continue;
    if (const auto name = nearest(problem.missing, candidates)) {
      described.back() += fmt::format(" (the nearest is {} {})", *name,
                                      to_string(entries_.find(*name)->second.shape()));
    }
  }
  return described;
}

Status Weights::check(std::span<const std::string_view> unused) const {
  std::vector<std::string> problems = described_problems();
  for (const auto& [name, entry] : entries_) {
    // Other heads stand beside the prefix ("cls."), buffers behind it ("bert.embeddings...").
    std::string_view inner = name;
    if (inner.starts_with(prefix_)) inner.remove_prefix(prefix_.size());
    const bool known = std::ranges::any_of(unused, [&](std::string_view start) {
      if (start.starts_with('*')) return name.ends_with(start.substr(1));
      return name.starts_with(start) || inner.starts_with(start);
    });
    if (!known && !used_.contains(name)) {
      problems.push_back(fmt::format("unexpected {} {}", name, to_string(entry.shape())));
    }
  }
  if (problems.empty()) return {};
  const size_t count = problems.size();
  if (count > kMaxNamed) {
    problems.resize(kMaxNamed);
    problems.push_back(fmt::format("and {} more", count - kMaxNamed));
  }
  return invalid_argument(fmt::format(
      "the weights do not fit config.json ({} problem{}): {}; check that both come from the same "
      "checkpoint",
      count, count == 1 ? "" : "s", fmt::join(problems, "; ")));
}

}  // namespace accel::models
