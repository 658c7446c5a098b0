#include "server/kserve/classification.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/small_float.h"
#include "server/kserve/datatypes.h"

namespace accel::server::kserve {
namespace {

// NaN comes last.
bool is_better(double a, double b) { return std::isnan(b) ? !std::isnan(a) : a > b; }

// Of `count` rows; `number(i)` is the element of an index.
template <class Number>
std::vector<std::string> best_of_rows(size_t count, size_t length, size_t classes,
                                      const Number& number) {
  std::vector<std::string> best;
  std::vector<size_t> order(length);
  for (size_t row = 0; row < count; ++row) {
    const size_t first = row * length;
    std::iota(order.begin(), order.end(), size_t{0});
    std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(classes), order.end(),
                      [&](size_t a, size_t b) {
                        const double one = number(first + a);
                        const double other = number(first + b);
                        if (is_better(one, other)) return true;
                        return !is_better(other, one) && a < b;
                      });
    for (size_t i = 0; i < classes; ++i) {
      best.push_back(fmt::format("{:.6f}:{}", number(first + order[i]), order[i]));
    }
  }
  return best;
}

template <class T>
auto elements_of(const Tensor& tensor) {
  return [values = tensor.data<T>()](size_t i) { return static_cast<double>(values[i]); };
}

template <class Format>
auto narrow_elements_of(const Tensor& tensor) {
  return [values = tensor.data<typename Format::Storage>()](size_t i) {
    return Format::decode(values[i]);
  };
}

}  // namespace

Result<Strings> best_classes(const Tensor& tensor, int64_t classes) {
  const Shape& shape = tensor.shape();
  const bool rows = shape.size() > 1;
  const size_t count = rows ? static_cast<size_t>(shape[0]) : 1;
  const size_t length = count == 0 ? 0 : tensor.count() / count;
  const size_t kept = std::min(length, static_cast<size_t>(std::max<int64_t>(classes, 0)));
  Strings best;
  switch (tensor.dtype()) {
    case DType::kF16:
      best.values = best_of_rows(count, length, kept, narrow_elements_of<F16>(tensor));
      break;
    case DType::kBF16:
      best.values = best_of_rows(count, length, kept, narrow_elements_of<BF16>(tensor));
      break;
    case DType::kF32:
      best.values = best_of_rows(count, length, kept, elements_of<float>(tensor));
      break;
    case DType::kF64:
      best.values = best_of_rows(count, length, kept, elements_of<double>(tensor));
      break;
    default:
      return invalid_argument(fmt::format(
          "classification: expected numbers with a fraction, found {}", name_of(tensor.dtype())));
  }
  if (rows) best.shape.push_back(shape[0]);
  best.shape.push_back(static_cast<int64_t>(kept));
  return best;
}

}  // namespace accel::server::kserve
