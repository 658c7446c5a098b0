#include "models/gguf/gguf_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "base/try.h"
#include "models/gguf/packed_weight.h"
#include "tensors/convert.h"
#include "tensors/shown.h"

namespace accel::models::gguf {
namespace {

using tensors::GgufFile;
using tensors::GgufTensor;
using tensors::shown;

// "blk.12.attn_q.weight": "blk.#.attn_q", "12" and ".weight".
struct NameParts {
  std::string stem;
  std::string number;
  std::string_view end;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

NameParts split_name(std::string_view name) {
  NameParts parts;
  const size_t dot = name.rfind('.');
  const bool ends = dot != std::string_view::npos;
  parts.stem = name.substr(0, dot);
  parts.end = ends ? name.substr(dot) : std::string_view();
  const size_t block = parts.stem.find("blk.");
  if (block == std::string::npos) return parts;
  const size_t begin = block + 4;
  const size_t end = std::find_if_not(parts.stem.begin() + static_cast<std::ptrdiff_t>(begin),
                                      parts.stem.end(), is_digit) -
                     parts.stem.begin();
  if (end == begin || end == parts.stem.size()) return parts;
  parts.number = parts.stem.substr(begin, end - begin);
  parts.stem.replace(begin, end - begin, "#");
  return parts;
}

std::string with_number(std::string_view name, std::string_view number) {
  std::string result(name);
  if (const size_t at = result.find('#'); at != std::string::npos) result.replace(at, 1, number);
  return result;
}

const TensorRule* find_rule(const Dialect& dialect, const GgufSource& source,
                            std::string_view stem) {
  for (const TensorRule& rule : dialect.tensors) {
    if (rule.stored == stem && (rule.beside.empty() || source.has(rule.beside))) return &rule;
  }
  return nullptr;
}

// How the rows lie, when the change is one of rows.
Result<RowOrder> row_order(const GgufSource& source, const GgufTensor& tensor, Change change) {
  const int64_t rows = tensor.shape.empty() ? 0 : tensor.shape.front();
  const int64_t heads = source.integer("attention.head_count").value_or(0);
  const int64_t kv_heads = source.integer("attention.head_count_kv").value_or(heads);
  int64_t count = 0;  // of what the rows divide into
  if (change == Change::kTurnedQueries) count = 2 * heads;
  if (change == Change::kTurnedKeys) count = 2 * kv_heads;
  if (change == Change::kUnpackedHeads) count = 3 * heads;
  if (count == 0 &&
      (change == Change::kNone || change == Change::kTransposed || change == Change::kPlusOne)) {
    return RowOrder{};
  }
  if (count <= 0 || count > rows || rows % count != 0) {
    return invalid_argument(fmt::format(
        "tensor {}: expected rows of whole heads, found {} rows and {} heads (of keys {})",
        shown(tensor.name), rows, heads, kv_heads));
  }
  const int64_t each = rows / count;
  if (change == Change::kUnpackedHeads) return RowOrder{.a = 3, .b = heads, .run = each};
  return RowOrder{.a = each, .b = 2, .run = 1};
}

Result<std::optional<GgufWeight>> weight_of(const GgufSource& source, const Dialect& dialect,
                                            const GgufTensor& tensor) {
  if (!tensor.format->is_read()) {
    return unimplemented(fmt::format("tensor {}: its type {} is not read; convert the model to "
                                     "another one",
                                     shown(tensor.name), tensor.format->name));
  }
  const NameParts parts = split_name(tensor.name);
  const TensorRule* rule = find_rule(dialect, source, parts.stem);
  GgufWeight weight{.name = std::string(tensor.name),
                    .dtype = tensor.format->plain.value_or(DType::kF32),
                    .shape = tensor.shape,
                    .stored = &tensor};
  if (rule == nullptr) return std::optional(weight);  // which nobody will ask for, and who says so
  if (rule->name.empty()) return std::optional<GgufWeight>();
  weight.name = with_number(rule->name, parts.number) + std::string(parts.end);
  weight.change = rule->change;
  // Of norms, 1 was added to the weights alone; what is no matrix cannot be transposed.
  if (weight.change == Change::kPlusOne && parts.end != ".weight") weight.change = Change::kNone;
  if (weight.change == Change::kTransposed && weight.shape.size() != 2) {
    weight.change = Change::kNone;
  }
  ACCEL_ASSIGN(weight.order, row_order(source, tensor, weight.change));
  if (weight.order.changes() && !tensor.format->plain && tensor.shape.size() < 2) {
    return unimplemented(fmt::format("tensor {}: its type {} is not read of a vector that was put "
                                     "in another order",
                                     shown(tensor.name), tensor.format->name));
  }
  if (weight.change == Change::kPlusOne) weight.dtype = DType::kF32;
  if (weight.change == Change::kTransposed) std::swap(weight.shape[0], weight.shape[1]);
  return std::optional(weight);
}

// --- undoing -------------------------------------------------------------------------------------

Tensor in_order(const Tensor& stored, const RowOrder& order) {
  Tensor result = Tensor::allocate(stored.dtype(), stored.shape());
  const int64_t rows = stored.shape().front();
  const size_t bytes = stored.byte_size() / static_cast<size_t>(rows);
  for (int64_t row = 0; row < rows; ++row) {
    std::memcpy(result.mutable_data() + static_cast<size_t>(row) * bytes,
                stored.bytes().data() + static_cast<size_t>(order.stored(row)) * bytes, bytes);
  }
  return result;
}

Tensor transposed(const Tensor& stored) {
  const auto rows = static_cast<size_t>(stored.shape()[0]);
  const auto columns = static_cast<size_t>(stored.shape()[1]);
  Tensor result = Tensor::allocate(stored.dtype(), {stored.shape()[1], stored.shape()[0]});
  const size_t size = size_of(stored.dtype());
  for (size_t i = 0; i < columns; ++i) {
    for (size_t j = 0; j < rows; ++j) {
      std::memcpy(result.mutable_data() + (i * rows + j) * size,
                  stored.bytes().data() + (j * columns + i) * size, size);
    }
  }
  return result;
}

Tensor less_one(const Tensor& stored) {
  const Result<Tensor> wide = tensors::convert_dtype(stored, DType::kF32);
  if (!wide.ok()) return Tensor::allocate(DType::kF32, stored.shape());  // of integers: refused
  std::vector<float> values(wide->data<float>().begin(), wide->data<float>().end());
  for (float& value : values) value -= 1;
  return Tensor::from<float>(stored.shape(), values);
}

// A tensor that is made of the file's when asked for, as GgufWeights::tensor() does.
class ChangedWeight : public DerivedWeight {
 public:
  ChangedWeight(GgufWeights weights, const GgufWeight& weight)
      : weights_(std::move(weights)), weight_(weight) {}

  DType dtype() const override { return weight_.dtype; }
  const Shape& shape() const override { return weight_.shape; }
  Output value() const override { return float_constant(tensor()); }
  Tensor tensor() const override { return weights_.tensor(weight_); }

 private:
  GgufWeights weights_;
  GgufWeight weight_;
};

}  // namespace

bool GgufWeight::is_by_rows() const {
  return change != Change::kTransposed && change != Change::kPlusOne;
}

bool GgufWeight::stays_packed() const {
  return is_by_rows() && gguf::stays_packed(*stored->format, shape);
}

Result<GgufWeights> GgufWeights::create(const GgufFile& file, const GgufSource& source,
                                        const Dialect& dialect) {
  std::vector<GgufWeight> entries;
  for (const GgufTensor& tensor : file.tensors()) {
    ACCEL_ASSIGN(std::optional<GgufWeight> weight, weight_of(source, dialect, tensor));
    if (weight) entries.push_back(std::move(*weight));
  }
  return GgufWeights(file, std::move(entries));
}

// A copy where the file's alignment is less than the numbers need.
Tensor GgufWeights::view_of(const GgufTensor& stored, std::span<const std::byte> bytes) const {
  const DType dtype = *stored.format->plain;
  if (stored.begin % size_of(dtype) == 0) {
    return Tensor::wrap(dtype, stored.shape, bytes.data(), mapping());
  }
  Tensor copy = Tensor::allocate(dtype, stored.shape);
  std::memcpy(copy.mutable_data(), bytes.data(), bytes.size());
  return copy;
}

Tensor GgufWeights::tensor(const GgufWeight& weight) const {
  const GgufTensor& stored = *weight.stored;
  const std::span<const std::byte> bytes = file_.bytes(stored);
  if (!stored.format->plain) {
    const Tensor numbers =
        PackedWeight({stored.format, stored.shape, bytes, mapping()}, weight.order).tensor();
    if (weight.change == Change::kTransposed) return transposed(numbers);
    return weight.change == Change::kPlusOne ? less_one(numbers) : numbers;
  }
  const Tensor view = view_of(stored, bytes);
  if (weight.order.changes()) return in_order(view, weight.order);
  if (weight.change == Change::kTransposed) return transposed(view);
  return weight.change == Change::kPlusOne ? less_one(view) : view;
}

WeightEntry GgufWeights::entry(const GgufWeight& weight) const {
  if (weight.as_stored()) return {.name = weight.name, .tensor = tensor(weight)};
  const GgufTensor& stored = *weight.stored;
  if (!stored.format->plain && weight.is_by_rows()) {
    Blocks blocks{stored.format, stored.shape, file_.bytes(stored), mapping()};
    return {.name = weight.name,
            .derived = std::make_shared<PackedWeight>(std::move(blocks), weight.order)};
  }
  return {.name = weight.name, .derived = std::make_shared<ChangedWeight>(*this, weight)};
}

}  // namespace accel::models::gguf
