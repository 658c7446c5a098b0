// Answers of tasks read back from their JSON: the inverse of to_json(TaskResult). Pure, and safe on
// hostile text.
#pragma once

#include <string_view>

#include "accel/status.h"
#include "accel/task.h"

namespace accel::client {

// `task` is the Hub's name of one that this build knows. INVALID_ARGUMENT where the text is no
// answer of it. What the JSON leaves out stays so: the classes of objects and of pixels, the size
// of an image.
Result<TaskResult> read_answer(std::string_view task, std::string_view text);

}  // namespace accel::client
