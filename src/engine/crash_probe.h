// The start-up probe: does an engine crash on this CPU? Some builds die of a division fault or an
// illegal instruction inside compile() on some virtual machines; a library cannot catch that, a
// child process can.
#pragma once

#include <string>

#include "accel/status.h"
#include "store/facts.h"

namespace accel::engine {

// Runs the program accel-probe (it compiles and runs a one-layer model) and waits for it. OK when
// the engine works; UNAVAILABLE with the signal's name when it died; OK as well when the program is
// not installed, because then nothing is known against the engine. The answer is remembered in
// `facts` under the CPU and `engine_version`.
Status probe_engine(store::Facts& facts, const std::string& cpu, const std::string& engine_version);

}  // namespace accel::engine
