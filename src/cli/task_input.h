// Items for a task: from the arguments of a command, or from lines of a file, plain or JSON.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/engine.h"
#include "accel/status.h"
#include "cli/text_input.h"

namespace accel::cli {

// The members of an output record that an input's own may not be called like.
inline constexpr std::string_view kRecordMembers[] = {"index",  "status",    "error",
                                                      "result", "truncated", "drawn"};

struct TaskItem {
  Result<TaskInput> input;         // or what is wrong with this one
  nlohmann::ordered_json carried;  // a JSON line's other members; null: none
  uint64_t position = 0;           // bytes of the whole input up to here, for progress
  std::string file = {};           // where TaskInput::media is from; empty: the task takes none
};

// What items have that do not say otherwise: given once, for all.
struct TaskDefaults {
  std::optional<std::string> second_text;
  std::vector<std::string> choices;
};

// "a, b" -> {"a", "b"}; empty parts are left out.
std::vector<std::string> split_at_commas(std::string_view text);

// Arguments as the items of `task`: of a task with a list that `defaults` does not give, the first
// is the text or file and the others are the list of one item; else each is the text or file of an
// item, a folder or pattern standing for several (media_files.h).
Result<std::vector<TaskItem>> items_of(const TaskReport& task, std::vector<std::string> arguments,
                                       const TaskDefaults& defaults);

// A line of JSON as an item: an object with the names of the task's parts, a list as an array or
// with commas between, a file as its path. INVALID_ARGUMENT, in the item, says what is missing or
// of the wrong kind.
TaskItem item_of_json(const TaskReport& task, std::string_view line, const TaskDefaults& defaults);

// Gives items with their files read; one that cannot be read is an item with that error. One owner,
// one thread.
class TaskSource {
 public:
  virtual ~TaskSource() = default;
  // nullopt at the end. Fails when there is no going on: CANCELLED, unreadable.
  virtual Result<std::optional<TaskItem>> next() = 0;
  virtual std::optional<uint64_t> size_bytes() const = 0;
};

struct TaskFile {
  std::string path;   // "-": standard input
  bool json = false;  // each line is an object; else it is a text, or the path of a file
  int stop_fd = -1;   // CANCELLED when it becomes readable
};

std::unique_ptr<TaskSource> source_of(std::vector<TaskItem> items);
// `task` and `defaults` outlive the source.
Result<std::unique_ptr<TaskSource>> open_source(const TaskReport& task, const TaskFile& file,
                                                const TaskDefaults& defaults);

}  // namespace accel::cli
