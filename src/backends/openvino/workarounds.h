// What a graph needs so that this version of the engine computes it rightly. Each function says
// what goes wrong without it. The conformance cases "turned_by_position" and "normalize_l2" and the
// golden suite (GoldenFar, decoders in bf16) fail without them where the processor has what it
// takes.
//
// All are pure: they return the model itself when there is nothing to do, else a changed copy that
// shares its weights.
#pragma once

#include <memory>
#include <openvino/core/model.hpp>

namespace accel::backend {

using SharedModel = std::shared_ptr<const ov::Model>;

// For runs in bf16 and f16: what keeps f32 there.
//
// Cos and Sin with all that they are computed from. They are the rotary embedding's, of angles as
// large as the positions: 257 rounds to 256 in bf16, and a sequence of 1500 tokens gave noise.
//
// NormalizeL2. The engine sums squares in the run's precision: in f16 a vector of length 256
// overflows (65504 is the largest number), one of length 1e-4 is lost, and the epsilon becomes 0.
SharedModel keep_range(const SharedModel& model);

// For runs in bf16 with one thread per stream: holds down(act(gate(x)) * up(x)) apart, of which the
// engine makes one operation on processors with AMX. That operation deals its work out to pairs of
// threads and divides by the number of pairs: with one thread the process ends with SIGFPE, as the
// golden suite's decoders do there without this.
SharedModel part_gated_feed_forward(const SharedModel& model);

}  // namespace accel::backend
