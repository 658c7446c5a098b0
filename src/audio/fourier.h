// The power spectrum of real frames, in double precision, for the frame sizes that speech models
// use: 400 and its like are no powers of two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "accel/status.h"

namespace accel::audio {

struct Complex {
  double re = 0;
  double im = 0;
};

// A plan for one size: immutable, so shared freely between threads. Stockham's self-sorting
// algorithm with the radices 2, 3, 4, 5 and 7 (Van Loan, Computational Frameworks for the
// FFT, 1.7); an even size is done as a complex transform of half the size.
class RealFourier {
 public:
  static constexpr size_t kSizeMax = 16'384;

  // INVALID_ARGUMENT unless `size` is from 2 to kSizeMax and a product of 2, 3, 5 and 7.
  static Result<RealFourier> create(size_t size);

  // Memory for one call at a time.
  struct Scratch {
    std::vector<Complex> from;
    std::vector<Complex> to;
  };

  // power[k] = |sum of frame[i] exp(-2 pi i k / size)|^2; `frame` has size() numbers, `power` has
  // bins().
  void power(std::span<const double> frame, std::span<double> power, Scratch& scratch) const;

  size_t size() const { return size_; }
  size_t bins() const { return size_ / 2 + 1; }

 private:
  RealFourier() = default;

  size_t size_ = 0;
  size_t inner_ = 0;             // the size of the complex transform
  std::vector<size_t> radices_;  // their product is inner_
  std::vector<Complex> turns_;   // exp(-2 pi i k / inner_)
  std::vector<Complex> halves_;  // exp(-2 pi i k / size_), for an even size
};

}  // namespace accel::audio
