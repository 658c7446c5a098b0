// deliberate_fault race|overflow|leak|undefined: commits one fault in code of our own, so that the
// sanitizer runs show that they would see it, with the suppressions in force.
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "accel/tensor.h"

namespace accel {
namespace {

struct Counter {
  int value = 0;
};

int race() {
  Counter counter;
  const auto count = [&counter] {
    for (int i = 0; i < 1000; ++i) ++counter.value;
  };
  std::thread other(count);
  count();
  other.join();
  return counter.value;
}

int overflow(int past_the_end) {
  // Sixteen floats: allocations are rounded to 64 bytes.
  const Tensor tensor = Tensor::allocate(DType::kF32, {16});
  return static_cast<int>(tensor.data<float>().data()[15 + past_the_end]);
}

int leak(int size) {
  const auto* forgotten = new std::vector<int>(static_cast<size_t>(size));
  const int first = forgotten->front();
  forgotten = nullptr;
  return first;
}

int undefined(int one) { return std::numeric_limits<int>::max() + one; }

}  // namespace
}  // namespace accel

int main(int argc, char** argv) {
  const std::string fault = argc > 1 ? argv[1] : "";
  if (fault == "race") return accel::race() == 0;
  if (fault == "overflow") return accel::overflow(argc) == 0;
  if (fault == "leak") return accel::leak(argc) != 0;
  if (fault == "undefined") return accel::undefined(argc) == 0;
  return 2;
}
