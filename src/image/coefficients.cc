#include "image/coefficients.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace accel::image {
namespace {

double box(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

double bilinear(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double hamming(double x) {
  x = std::abs(x);
  if (x == 0.0) return 1.0;
  if (x >= 1.0) return 0.0;
  // Pillow's constants have the precision of a float.
  x *= std::numbers::pi;
  return std::sin(x) / x * (double{0.54F} + double{0.46F} * std::cos(x));
}

double bicubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * kA;
  return 0.0;
}

double lanczos(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

struct Kernel {
  double (*value)(double x);
  double support;  // half of its width
};

Kernel kernel_of(Filter filter) {
  switch (filter) {
    case Filter::kLanczos: return {lanczos, 3.0};
    case Filter::kBicubic: return {bicubic, 2.0};
    case Filter::kBox: return {box, 0.5};
    case Filter::kHamming: return {hamming, 1.0};
    default: return {bilinear, 1.0};
  }
}

// Pillow's rounding: half up, and towards 0 below it.
int rounded(double position) {
  const double shifted = position + 0.5;
  return static_cast<int>(shifted);
}

int32_t fixed_point(double weight) {
  constexpr double kOne = 1 << kFractionBits;
  return static_cast<int32_t>((weight < 0 ? -0.5 : 0.5) + weight * kOne);
}

}  // namespace

// The order of the operations is Pillow's, so that the last bits are too.
Coefficients coefficients(const Scaling& scaling, Filter filter) {
  const Kernel kernel = kernel_of(filter);
  const double scale = static_cast<double>(scaling.from) / scaling.to;
  const double filter_scale = std::max(scale, 1.0);
  const double support = kernel.support * filter_scale;
  const double inverse = 1.0 / filter_scale;

  Coefficients result;
  const auto count = static_cast<size_t>(scaling.count);
  result.stride = static_cast<size_t>(std::ceil(support)) * 2 + 1;
  result.taps.resize(count);
  result.weights.resize(count * result.stride);
  std::vector<double> weights(result.stride);
  for (size_t i = 0; i < count; ++i) {
    const double center = (scaling.begin + static_cast<int>(i) + 0.5) * scale;
    const int first = std::max(rounded(center - support), 0);
    const int end = std::min(rounded(center + support), scaling.from);
    const int taps = end - first;
    double sum = 0.0;
    for (int x = 0; x < taps; ++x) {
      const double weight = kernel.value((x + first - center + 0.5) * inverse);
      weights[static_cast<size_t>(x)] = weight;
      sum += weight;
    }
    result.taps[i] = {first, taps};
    for (int x = 0; x < taps; ++x) {
      double weight = weights[static_cast<size_t>(x)];
      if (sum != 0.0) weight /= sum;
      result.weights[i * result.stride + static_cast<size_t>(x)] = fixed_point(weight);
    }
  }
  return result;
}

}  // namespace accel::image
