// For tests: an engine without plug-ins. A temporary folder holds links to the OpenVINO libraries
// other than its plug-ins; a test program that is run again with that folder first in the loader's
// path finds its engine there. Deleted at the end.
#pragma once

#include <dlfcn.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <openvino/core/version.hpp>
#include <string>
#include <string_view>

namespace accel::backend {

class BareEngine {
 public:
  BareEngine() {
    std::string name = (std::filesystem::temp_directory_path() / "accel-engine-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
    for (const auto& entry : std::filesystem::directory_iterator(in_use())) {
      const std::string file = entry.path().filename().string();
      const bool wanted = file.starts_with("libopenvino") || file.starts_with("libtbb") ||
                          file.starts_with("libhwloc");
      if (wanted && file.find("_plugin.so") == std::string::npos) {
        std::filesystem::create_symlink(entry.path(), path_ / file);
      }
    }
  }
  ~BareEngine() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  BareEngine(const BareEngine&) = delete;
  BareEngine& operator=(const BareEngine&) = delete;

  const std::filesystem::path& path() const { return path_; }

  // The folder from which this process has loaded its engine.
  static std::filesystem::path in_use() {
    Dl_info found{};
    if (::dladdr(reinterpret_cast<const void*>(&ov::get_openvino_version), &found) == 0)
      std::abort();
    return std::filesystem::absolute(found.dli_fname).parent_path();
  }

  struct Outcome {
    int exit_code = -1;  // -1: ended by a signal
    std::string output;  // of both standard streams
  };

  // Runs the tests of this program that match `filter`, disabled ones too, on the bare engine.
  Outcome run_tests(std::string_view filter) const {
    const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
    const std::string command =
        "LD_LIBRARY_PATH='" + path_.string() + "' '" + program +
        "' --gtest_also_run_disabled_tests --gtest_filter=" + std::string(filter) + " 2>&1";
    FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) std::abort();
    Outcome outcome;
    std::array<char, 4096> buffer;
    while (const size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
      outcome.output.append(buffer.data(), count);
    }
    const int status = ::pclose(pipe);
    if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
    return outcome;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace accel::backend
