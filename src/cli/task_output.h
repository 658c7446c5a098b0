// Answers of a task for people and for programs.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "accel/engine.h"
#include "accel/status.h"

namespace accel::cli {

struct TaskRecord {
  uint64_t index = 0;              // of the item, from 0
  nlohmann::ordered_json carried;  // null: none
  std::string shown;               // the item for people: its text or path
  std::string file;                // of a task over files: its path
  std::string drawn = {};          // the path of what was drawn of the answer; empty: nothing
  Result<TaskResult> result;
};

// {"index":0,"status":"OK","result":...} or {"index":0,"status":"INVALID_ARGUMENT","error":...},
// with "drawn" and "truncated":true where it was, "device" where rules chose it, and what was
// carried along between; and a line feed.
std::string json_line(const TaskRecord& record);

// A few lines, the best answers first. `alone`: the only item, whose text need not be repeated.
std::string readable(const TaskRecord& record, bool alone);

}  // namespace accel::cli
