// The grids of ggml's IQ formats (ggml-common.h, MIT licence): which combinations of numbers a
// block may hold. Each point of the IQ1 and IQ2 grids is eight numbers of two bits, of the IQ3
// grids four of four bits, the first one lowest; what the bits stand for is in gguf_blocks.cc.
#pragma once

#include <array>
#include <cstdint>

namespace accel::tensors {

extern const std::array<uint16_t, 2048> kIq1SGrid;
extern const std::array<uint16_t, 1024> kIq2SGrid;
extern const std::array<uint16_t, 512> kIq2XsGrid;
extern const std::array<uint16_t, 256> kIq2XxsGrid;
extern const std::array<uint16_t, 512> kIq3SGrid;
extern const std::array<uint16_t, 256> kIq3XxsGrid;

}  // namespace accel::tensors
