#include "audio/fourier.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numbers>
#include <utility>

namespace accel::audio {
namespace {

Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
Complex operator*(Complex a, Complex b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
Complex operator*(double a, Complex b) { return {a * b.re, a * b.im}; }
Complex minus_i(Complex a) { return {a.im, -a.re}; }  // times -i

std::vector<Complex> circle(size_t size) {
  std::vector<Complex> turns(size);
  for (size_t k = 0; k < size; ++k) {
    const double angle = -2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(size);
    turns[k] = {std::cos(angle), std::sin(angle)};
  }
  return turns;
}

// cos and sin of 2 pi i j / P, for i and j from 1 to (P - 1) / 2.
template <size_t P>
struct OddTurns {
  static constexpr size_t kHalf = (P - 1) / 2;
  std::array<std::array<double, kHalf>, kHalf> cos;
  std::array<std::array<double, kHalf>, kHalf> sin;
  OddTurns() {
    for (size_t i = 0; i < kHalf; ++i) {
      for (size_t j = 0; j < kHalf; ++j) {
        const double angle = 2 * std::numbers::pi * static_cast<double>((i + 1) * (j + 1) % P) /
                             static_cast<double>(P);
        cos[i][j] = std::cos(angle);
        sin[i][j] = std::sin(angle);
      }
    }
  }
};

// The transform of P numbers, in place.
template <size_t P>
void small_transform(std::array<Complex, P>& x) {
  static const OddTurns<P> turns;
  constexpr size_t kHalf = (P - 1) / 2;
  std::array<Complex, kHalf> sums;
  std::array<Complex, kHalf> differences;
  const Complex first = x[0];
  for (size_t i = 0; i < kHalf; ++i) {
    sums[i] = x[i + 1] + x[P - 1 - i];
    differences[i] = x[i + 1] - x[P - 1 - i];
    x[0] = x[0] + sums[i];
  }
  for (size_t j = 0; j < kHalf; ++j) {
    Complex even = first;
    Complex odd;
    for (size_t i = 0; i < kHalf; ++i) {
      even = even + turns.cos[i][j] * sums[i];
      odd = odd + turns.sin[i][j] * differences[i];
    }
    odd = minus_i(odd);
    x[j + 1] = even + odd;
    x[P - 1 - j] = even - odd;
  }
}

template <>
void small_transform<2>(std::array<Complex, 2>& x) {
  x = {x[0] + x[1], x[0] - x[1]};
}

template <>
void small_transform<4>(std::array<Complex, 4>& x) {
  const Complex even = x[0] + x[2];
  const Complex even_other = x[0] - x[2];
  const Complex odd = x[1] + x[3];
  const Complex odd_other = minus_i(x[1] - x[3]);
  x = {even + odd, even_other + odd_other, even - odd, even_other - odd_other};
}

// One pass over `stride` interleaved transforms of `length` numbers.
template <size_t P>
void pass(size_t length, size_t stride, const Complex* turns, const Complex* from, Complex* to) {
  const size_t part = length / P;
  for (size_t k = 0; k < part; ++k) {
    for (size_t q = 0; q < stride; ++q) {
      std::array<Complex, P> x;
      for (size_t i = 0; i < P; ++i) x[i] = from[q + stride * (k + part * i)];
      small_transform<P>(x);
      to[q + stride * P * k] = x[0];
      for (size_t j = 1; j < P; ++j) to[q + stride * (P * k + j)] = turns[stride * j * k] * x[j];
    }
  }
}

}  // namespace

Result<RealFourier> RealFourier::create(size_t size) {
  RealFourier plan;
  plan.size_ = size;
  plan.inner_ = size % 2 == 0 ? size / 2 : size;
  size_t rest = plan.inner_;
  for (const size_t radix : {4, 2, 3, 5, 7}) {
    for (; rest > 1 && rest % radix == 0; rest /= radix) plan.radices_.push_back(radix);
  }
  if (size < 2 || size > kSizeMax || rest != 1) {
    return invalid_argument(
        fmt::format("expected a frame of 2 to {} samples whose only prime factors are 2, 3, 5 and "
                    "7, found {}",
                    kSizeMax, size));
  }
  plan.turns_ = circle(plan.inner_);
  if (size % 2 == 0) plan.halves_ = circle(size);
  return plan;
}

void RealFourier::power(std::span<const double> frame, std::span<double> power,
                        Scratch& scratch) const {
  scratch.from.resize(inner_);
  scratch.to.resize(inner_);
  const bool halved = !halves_.empty();
  for (size_t i = 0; i < inner_; ++i) {
    scratch.from[i] = halved ? Complex{frame[2 * i], frame[2 * i + 1]} : Complex{frame[i], 0};
  }
  Complex* from = scratch.from.data();
  Complex* to = scratch.to.data();
  size_t length = inner_;
  size_t stride = 1;
  for (const size_t radix : radices_) {
    switch (radix) {
      case 2: pass<2>(length, stride, turns_.data(), from, to); break;
      case 3: pass<3>(length, stride, turns_.data(), from, to); break;
      case 4: pass<4>(length, stride, turns_.data(), from, to); break;
      case 5: pass<5>(length, stride, turns_.data(), from, to); break;
      default: pass<7>(length, stride, turns_.data(), from, to); break;
    }
    std::swap(from, to);
    length /= radix;
    stride *= radix;
  }
  for (size_t k = 0; k < bins(); ++k) {
    Complex value = from[k == inner_ ? 0 : k];
    if (halved) {  // what even and odd samples are made of, put together
      const Complex mirrored = from[k == 0 ? 0 : inner_ - k];
      const Complex other{mirrored.re, -mirrored.im};
      value = 0.5 * (value + other) + 0.5 * (halves_[k] * minus_i(value - other));
    }
    power[k] = value.re * value.re + value.im * value.im;
  }
}

}  // namespace accel::audio
