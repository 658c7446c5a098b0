// Likeness of two vectors.
#pragma once

#include <span>

namespace accel {

// a.b / (|a| |b|) in double precision, from -1 to 1; 0 when either has no length. Equal sizes.
double cosine_similarity(std::span<const float> a, std::span<const float> b);

}  // namespace accel
