// The members that every --stats line has.
#pragma once

#include <nlohmann/json.hpp>

#include "accel/engine.h"

namespace accel::cli {

// Resident and peak memory of this process, in MiB.
void add_memory(nlohmann::ordered_json& line);

// What ran: device, precision, backend, kernels, what the graph was made of, streams, threads, and
// whether it is a fallback.
void add_report(nlohmann::ordered_json& line, const RunReport& report);

}  // namespace accel::cli
