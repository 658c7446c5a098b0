// accel_bench_load FOLDER: what it costs to make a model of a checkpoint folder. Prints one JSON
// object: seconds to open the folder and build its graph, how much of the mapped weights that left
// resident, seconds to the first result in f32, and resident and peak memory after it.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "base/try.h"
#include "models/model_folder.h"
#include "process_memory.h"

namespace accel::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kBuilds = 15;
constexpr int64_t kTokens = 16;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// KiB resident of the mappings of `name`.
int64_t resident_part(const std::string& name) {
  std::ifstream file("/proc/self/smaps");
  int64_t total = 0;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    const bool header = line.find('-') < line.find(' ');  // "7f00-7f01 r--p ... FILE"
    if (header) inside = line.ends_with(name);
    if (inside && line.starts_with("Rss:")) total += std::stoll(line.substr(4));
  }
  return total;
}

Result<nlohmann::json> measure(const std::string& path) {
  std::vector<double> seconds;
  nlohmann::json answer;
  for (int i = 0; i < kBuilds; ++i) {
    const auto start = Clock::now();
    ACCEL_ASSIGN(const auto folder, models::ModelFolder::open(path));
    ACCEL_ASSIGN(const models::BuiltGraph graph, folder->build({}));
    seconds.push_back(seconds_since(start));
    answer["parameters"] = graph.parameters;
    answer["weights_resident_kib"] = resident_part(".safetensors");
  }
  std::ranges::sort(seconds);
  answer["build_seconds"] = seconds[kBuilds / 2];
  answer["build_seconds_most"] = seconds.back();
  answer["rss_after_build_kib"] = memory_kib("VmRSS");

  const auto start = Clock::now();
  ACCEL_ASSIGN(const auto engine, Engine::create({.probe = false}));
  ACCEL_ASSIGN(const auto model,
               engine->load({.path = path, .precision = Precision::kF32, .use = Use::kInfer}));
  std::vector<int64_t> ids(kTokens);
  for (int64_t i = 0; i < kTokens; ++i) ids[static_cast<size_t>(i)] = 100 + i;
  const std::vector<int64_t> ones(kTokens, 1);
  ACCEL_ASSIGN(const InferResult result,
               model->infer({{"input_ids", Tensor::from<int64_t>({1, kTokens}, ids)},
                             {"attention_mask", Tensor::from<int64_t>({1, kTokens}, ones)}}));
  answer["first_result_seconds"] = seconds_since(start);
  const auto values = result.outputs.front().tensor.data<float>();
  answer["output"] = std::vector<float>(values.begin(), values.begin() + 8);
  answer["rss_kib"] = memory_kib("VmRSS");
  answer["peak_kib"] = memory_kib("VmHWM");
  return answer;
}

}  // namespace
}  // namespace accel::bench

int main(int count, char** arguments) {
  if (count != 2) {
    fmt::print(stderr, "expected: accel_bench_load FOLDER\n");
    return 2;
  }
  const auto answer = accel::bench::measure(arguments[1]);
  if (!answer.ok()) {
    fmt::print(stderr, "{}\n", answer.status().to_string());
    return 1;
  }
  fmt::print("{}\n", answer->dump(1));
}
