#include "engine/machine_speed.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <ctime>
#include <functional>
#include <thread>
#include <vector>

#include "base/stopwatch.h"
#include "hardware/limits.h"
#include "hardware/threads.h"
#include "kernels/dense.h"
#include "kernels/tables.h"

namespace accel::engine {
namespace {

// A dense layer as large models have them, whose weights fit into no L1 and most L2 caches.
constexpr int64_t kLayerSize = 1024;
constexpr int64_t kLayerRows = 256;
constexpr uint64_t kLeastBytes = 64U << 20U;
constexpr uint64_t kMostBytes = 1024U << 20U;
constexpr const char* kSpeedKind = "machine-speed";

void run_alone(int tasks, const std::function<void(int)>& task) {
  for (int i = 0; i < tasks; ++i) task(i);
}

// `work(thread)` over and over on `count` threads for so long: runs per second of all together. The
// first run of each is not counted.
double runs_per_second(int count, double seconds, const std::function<void(int)>& work) {
  std::barrier start(count);
  std::atomic<double> rate = 0;
  const auto loop = [&](int thread) {
    work(thread);
    start.arrive_and_wait();
    const auto begin = Clock::now();
    uint64_t runs = 0;
    do {
      work(thread);
      ++runs;
    } while (seconds_since(begin) < seconds);
    rate += static_cast<double>(runs) / seconds_since(begin);
  };
  std::vector<std::jthread> others;
  for (int i = 1; i < count; ++i) {
    others.emplace_back([&loop, i] {
      hardware::name_this_thread("accel-measure");
      loop(i);
    });
  }
  loop(0);
  others.clear();  // joins
  return rate;
}

// GFLOP/s of dense layers on `count` threads, each with rows of its own.
double dense_gflops(const kernels::KernelTable& table, int count, double seconds) {
  constexpr size_t kNumbers = static_cast<size_t>(kLayerRows) * kLayerSize;
  const std::vector<float> weight(static_cast<size_t>(kLayerSize) * kLayerSize, 1.0F / kLayerSize);
  const kernels::DenseLayer layer({.weight = weight.data(),
                                   .in = kLayerSize,
                                   .out = kLayerSize,
                                   .bias = {},
                                   .gamma = {},
                                   .beta = {}},
                                  table, {.count = 1, .run = run_alone});
  const std::vector<float> x(kNumbers, 1.0F);
  std::vector<std::vector<float>> y(static_cast<size_t>(count), std::vector<float>(kNumbers));
  const kernels::DenseCut whole = layer.cut(kLayerRows, 1);
  const double runs = runs_per_second(count, seconds, [&](int thread) {
    layer.run({.x = x.data(), .y = y[static_cast<size_t>(thread)].data(), .rows = kLayerRows},
              whole, 0);
  });
  return runs * 2e-9 * static_cast<double>(kLayerRows * kLayerSize * kLayerSize);
}

// Sums that are independent of each other, so that only memory is waited for.
uint64_t sum_of(const std::vector<uint64_t>& numbers) {
  std::array<uint64_t, 8> sums{};
  for (size_t i = 0; i + sums.size() <= numbers.size(); i += sums.size()) {
    for (size_t lane = 0; lane < sums.size(); ++lane) sums[lane] += numbers[i + lane];
  }
  uint64_t all = 0;
  for (const uint64_t sum : sums) all += sum;
  return all;
}

double memory_gigabytes_per_second(int count, double seconds, uint64_t bytes) {
  const size_t numbers = bytes / static_cast<uint64_t>(count) / sizeof(uint64_t);
  std::vector<std::vector<uint64_t>> parts(static_cast<size_t>(count));
  std::atomic<uint64_t> sink = 0;  // so that nobody leaves the sums out
  const double runs = runs_per_second(count, seconds, [&](int thread) {
    std::vector<uint64_t>& part = parts[static_cast<size_t>(thread)];
    if (part.empty()) part.assign(numbers, 1);  // by the thread that reads it: in its own memory
    sink += sum_of(part);
  });
  return runs * static_cast<double>(numbers * sizeof(uint64_t)) / 1e9;
}

store::FactKey speed_key(const std::string& cpu, int threads) {
  return {.kind = kSpeedKind,
          .cpu = cpu,
          .engine = "accel kernels",
          .model = {},
          .detail = std::to_string(threads) + (threads == 1 ? " thread" : " threads")};
}

double number_in(const Json& value, const char* name) {
  const auto found = value.find(name);
  return found != value.end() && found->is_number() ? found->get<double>() : 0;
}

std::string text_in(const Json& value, const char* name) {
  const auto found = value.find(name);
  return found != value.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

MachineSpeed measure_machine_speed(const MachineSpeedOptions& options) {
  MachineSpeed speed;
  speed.threads = options.threads;
  const kernels::KernelTable* table = kernels::best_kernels(kernels::Operand::kF32);
  if (table != nullptr) {
    speed.kernels = table->name;
    speed.gflops_one = dense_gflops(*table, 1, options.seconds_each);
    speed.gflops_all = options.threads == 1
                           ? speed.gflops_one
                           : dense_gflops(*table, options.threads, options.seconds_each);
  }
  speed.memory_gb_per_s =
      memory_gigabytes_per_second(options.threads, options.seconds_each, options.memory_bytes);
  return speed;
}

MachineSpeed measure_this_machine(const hardware::CpuInfo& processor, int threads) {
  uint64_t caches = 0;
  for (const hardware::CacheInfo& cache : processor.caches) {
    if (cache.level >= 2) caches += cache.size_bytes * static_cast<uint64_t>(cache.count);
  }
  const uint64_t available = hardware::read_memory_limits().available_bytes;
  MachineSpeed speed = measure_machine_speed(
      {.threads = threads, .memory_bytes = bytes_beyond_caches(caches, available)});
  speed.measured_at = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  return speed;
}

uint64_t bytes_beyond_caches(uint64_t cache_bytes, uint64_t available_bytes) {
  const uint64_t wanted = std::clamp(4 * cache_bytes, kLeastBytes, kMostBytes);
  const uint64_t room = available_bytes / 8;
  return room == 0 ? wanted : std::min(wanted, std::max(room, uint64_t{1} << 20U));
}

Result<MachineSpeed> recall_machine_speed(const store::Facts& facts, const std::string& cpu,
                                          int threads) {
  const auto value = facts.get(speed_key(cpu, threads));
  if (!value || !value->is_object() || text_in(*value, "measured_at").empty()) {
    return not_found("the speed of this machine was not measured yet; accel devices measures it");
  }
  MachineSpeed speed;
  speed.threads = threads;
  speed.kernels = text_in(*value, "kernels");
  speed.gflops_one = number_in(*value, "gflops_one");
  speed.gflops_all = number_in(*value, "gflops_all");
  speed.memory_gb_per_s = number_in(*value, "memory_gb_per_s");
  speed.measured_at = text_in(*value, "measured_at");
  speed.remembered = true;
  return speed;
}

void remember_machine_speed(store::Facts& facts, const std::string& cpu, MachineSpeed& speed) {
  const Json value{{"kernels", speed.kernels},
                   {"gflops_one", speed.gflops_one},
                   {"gflops_all", speed.gflops_all},
                   {"memory_gb_per_s", speed.memory_gb_per_s},
                   {"measured_at", speed.measured_at}};
  speed.remembered = facts.put(speed_key(cpu, speed.threads), value).ok();
}

}  // namespace accel::engine
