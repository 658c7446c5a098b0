// What files look like from outside, to see whether they have changed.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace accel::cli {

// By path. Of a file its time and size; of a folder those of what it has, and of what that has.
// What is not there looks like nothing else.
using FileLooks = std::map<std::string, std::string>;

FileLooks look_at(const std::vector<std::string>& paths);
// The same paths again.
FileLooks look_again(const FileLooks& looks);

}  // namespace accel::cli
