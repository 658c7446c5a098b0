// Answers about images, drawn: `accel run --draw`.
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "accel/status.h"
#include "accel/task.h"

namespace accel::cli {

// Whether there is anything to draw of what the task answers.
bool can_draw(const std::string& task);

// Writes a PNG file per image: the image with its objects' boxes, or a map of the classes of its
// pixels in their colours. One owner, one thread.
class Drawing {
 public:
  // `target` is a file when it ends in .png, for the only image; else a folder, made when needed,
  // in which each drawing is called like its image ("cat.png", then "cat-2.png").
  explicit Drawing(std::filesystem::path target) : target_(std::move(target)) {}

  // The path of the drawing of `answer`, which is about the image in `file`. INVALID_ARGUMENT for a
  // second image where the target is a file.
  Result<std::string> draw(const TaskResult& answer, const std::string& file);

 private:
  Result<std::filesystem::path> next_path(const std::filesystem::path& image);

  const std::filesystem::path target_;
  std::set<std::string> taken_;
};

}  // namespace accel::cli
