// What a command says of its run when the answer is out: what was made may still be on its way to
// the cache, and these wait for it.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "accel/engine.h"

namespace accel::cli {

// Resident and peak memory of this process, in MiB.
void add_memory(nlohmann::ordered_json& line);

// What ran: device, precision, backend, kernels, what the graph was made of, streams, threads, and
// whether it is a fallback; what of it came from the cache. Of a server what it tells, and its URL.
void add_report(nlohmann::ordered_json& line, const RunReport& report);

// How often a run fell back; of a model on several devices: what each did.
void add_shares(nlohmann::ordered_json& line, const Model& model);

// Notices of what one should know without asking: which server answered, a fallback, trouble with
// the cache, and that `model` is not what was cached of it.
void notice_report(const RunReport& report, std::string_view model);

}  // namespace accel::cli
