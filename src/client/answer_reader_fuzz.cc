// Whatever a server answers, it is refused, or it becomes an answer whose JSON reads back the same.
#include <cstdint>
#include <cstdlib>

#include "client/answer_reader.h"
#include "pipelines/task.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto tasks = accel::pipelines::tasks();
  const std::string_view task = tasks[data[0] % tasks.size()].name;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto answer = accel::client::read_answer(task, text);
  if (!answer.ok()) return 0;
  const std::string once = accel::to_json(*answer);
  const auto again = accel::client::read_answer(task, once);
  if (!again.ok() || accel::to_json(*again) != once) std::abort();
  return 0;
}
