// The files that a request of the line protocol names: one text or path per line.
#pragma once

#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "accel/status.h"
#include "base/try.h"

namespace accel::bench {

inline Result<std::vector<std::string>> read_lines(const std::string& path) {
  std::ifstream file(path);
  if (!file) return not_found("expected a file of lines, found nothing readable: " + path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(std::move(line));
  return lines;
}

// Each file is read once.
class LineFiles {
 public:
  Result<const std::vector<std::string>*> of(const std::string& path) {
    auto known = lines_.find(path);
    if (known == lines_.end()) {
      ACCEL_ASSIGN(std::vector<std::string> lines, read_lines(path));
      known = lines_.emplace(path, std::move(lines)).first;
    }
    return &known->second;
  }

 private:
  std::map<std::string, std::vector<std::string>> lines_;
};

}  // namespace accel::bench
