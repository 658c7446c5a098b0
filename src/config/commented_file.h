// A file of options to start from. Pure.
#pragma once

#include <string>

#include "config/option.h"

namespace accel::config {

// Every option, all as comments: with the leading "#" of some lines taken away it is read by
// layer_of_file().
std::string commented_file();

// The name under which commented_file() has it: "backend.openvino.device".
std::string usual_name(const Option& option);

}  // namespace accel::config
