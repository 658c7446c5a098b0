// Parameters of the Open Inference Protocol: scalars by name, as requests, inputs and outputs have
// them, and what those mean that a task knows. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "accel/status.h"
#include "accel/task.h"

namespace accel::server::kserve {

using Parameter = std::variant<bool, int64_t, double, std::string>;
using Parameters = std::map<std::string, Parameter, std::less<>>;

// The parameter `name`, where it is there; INVALID_ARGUMENT when it is of another kind. An integer
// is taken for a double, too.
Result<std::optional<bool>> find_bool(const Parameters& parameters, std::string_view name);
Result<std::optional<int64_t>> find_integer(const Parameters& parameters, std::string_view name);
Result<std::optional<double>> find_double(const Parameters& parameters, std::string_view name);
Result<std::optional<std::string>> find_string(const Parameters& parameters, std::string_view name);

// Those that are called like members of TaskOptions; a list is a string with commas between. Others
// are left alone: the protocol lets clients send what they like.
Result<TaskOptions> task_options_of(const Parameters& parameters);

// Tensors in memory that a client shares with the server are refused.
Status refuse_shared_memory(const Parameters& parameters);

}  // namespace accel::server::kserve
