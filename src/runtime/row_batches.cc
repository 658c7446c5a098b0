#include "runtime/row_batches.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "runtime/token_batches.h"

namespace accel::runtime {
namespace {

constexpr std::string_view kTokens = "input_ids";

bool is_text(const Row& row) {
  const Tensor* ids = find(row.inputs, kTokens);
  return ids != nullptr && ids->shape().size() == 1;
}

void cut_texts(std::span<const Row> rows, const std::vector<uint32_t>& members,
               const RowLimits& limits, std::vector<RowBatch>& batches) {
  std::vector<int32_t> lengths;
  for (const uint32_t row : members) {
    lengths.push_back(static_cast<int32_t>(find(rows[row].inputs, kTokens)->count()));
  }
  const TokenBatches cut =
      cut_token_batches(lengths, {.max_tokens = limits.max_tokens, .workers = limits.workers});
  for (const TokenBatch& batch : cut.batches) {
    RowBatch made;
    for (const uint32_t item : batch.items) made.rows.push_back(members[item]);
    batches.push_back(std::move(made));
  }
}

// Copies `part`, of any shape, into the corner of `out`, of a shape nowhere smaller.
void copy_into(const Tensor& part, const Shape& shape, std::byte* out) {
  const size_t element = size_of(part.dtype());
  const Shape& own = part.shape();
  if (part.count() == 0) return;
  const size_t run = own.empty() ? element : static_cast<size_t>(own.back()) * element;
  const std::byte* from = part.bytes().data();
  std::vector<int64_t> at(own.size(), 0);
  while (true) {
    int64_t place = 0;
    for (size_t axis = 0; axis < own.size(); ++axis) place = place * shape[axis] + at[axis];
    std::memcpy(out + static_cast<size_t>(place) * element, from, run);
    from += run;
    size_t axis = own.size() < 2 ? 0 : own.size() - 1;  // one past the axis to step
    for (; axis > 0; --axis) {
      if (++at[axis - 1] < own[axis - 1]) break;
      at[axis - 1] = 0;
    }
    if (axis == 0) return;
  }
}

}  // namespace

int64_t tokens_of(const Row& row) {
  return is_text(row) ? std::max<int64_t>(find(row.inputs, kTokens)->count(), 1) : 0;
}

std::string kind_of(const Row& row) {
  const bool text = is_text(row);
  std::string kind;
  for (const NamedTensor& input : row.inputs) {
    kind += input.name;
    // The lengths of texts may differ: they are padded.
    kind += text && input.tensor.shape().size() == 1 ? "[]" : to_string(input.tensor.shape());
  }
  return kind;
}

std::vector<RowBatch> cut_row_batches(std::span<const Row> rows, const RowLimits& limits) {
  std::map<std::string, std::vector<uint32_t>> kinds;
  for (uint32_t i = 0; i < rows.size(); ++i) kinds[kind_of(rows[i])].push_back(i);
  std::vector<RowBatch> batches;
  for (const auto& [kind, members] : kinds) {
    if (is_text(rows[members.front()])) {
      cut_texts(rows, members, limits, batches);
      continue;
    }
    const auto most = static_cast<size_t>(std::max<int64_t>(limits.max_rows, 1));
    for (size_t begin = 0; begin < members.size(); begin += most) {
      const size_t end = std::min(members.size(), begin + most);
      batches.push_back({{members.begin() + static_cast<std::ptrdiff_t>(begin),
                          members.begin() + static_cast<std::ptrdiff_t>(end)}});
    }
  }
  return batches;
}

NamedTensors stack_rows(std::span<const Row* const> rows, int32_t pad_id) {
  NamedTensors stacked;
  for (const NamedTensor& first : rows.front()->inputs) {
    Shape shape = first.tensor.shape();
    for (const Row* row : rows) {
      const Shape& own = find(row->inputs, first.name)->shape();
      for (size_t axis = 0; axis < shape.size(); ++axis) {
        shape[axis] = std::max(shape[axis], own[axis]);
      }
    }
    Shape batch = shape;
    batch.insert(batch.begin(), std::ssize(rows));
    Tensor tensor = Tensor::allocate(first.tensor.dtype(), batch);
    if (first.name == kTokens && first.tensor.dtype() == DType::kI64) {
      std::fill_n(reinterpret_cast<int64_t*>(tensor.mutable_data()), tensor.count(), pad_id);
    }
    const size_t stride = tensor.byte_size() / rows.size();
    for (size_t i = 0; i < rows.size(); ++i) {
      copy_into(*find(rows[i]->inputs, first.name), shape, tensor.mutable_data() + i * stride);
    }
    stacked.push_back({first.name, std::move(tensor)});
  }
  return stacked;
}

NamedTensors take_row(const NamedTensors& outputs, int64_t index) {
  NamedTensors row;
  for (const NamedTensor& output : outputs) {
    Shape shape = output.tensor.shape();
    const auto rows = static_cast<size_t>(shape.front());
    shape.erase(shape.begin());
    Tensor copy = Tensor::allocate(output.tensor.dtype(), shape);
    const size_t stride = output.tensor.byte_size() / rows;
    std::memcpy(copy.mutable_data(),
                output.tensor.bytes().data() + static_cast<size_t>(index) * stride, stride);
    row.push_back({output.name, std::move(copy)});
  }
  return row;
}

}  // namespace accel::runtime
