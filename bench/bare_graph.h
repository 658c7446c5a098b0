// The graph that accel runs for a folder, compiled as accel compiles it, for loops without accel.
#pragma once

#include <atomic>
#include <memory>
#include <openvino/openvino.hpp>
#include <thread>
#include <vector>

#include "backends/openvino/own_kernels.h"
#include "hardware/limits.h"
#include "kernels/tables.h"
#include "models/model_folder.h"

namespace accel::bench {

struct BareGraphOptions {
  models::GraphRequest request;
  int streams = 0;  // 0: as many as threads
  bool own_kernels = true;
};

inline Result<ov::CompiledModel> compile_bare(ov::Core& core, const models::ModelFolder& folder,
                                              const BareGraphOptions& options) {
  Result<models::BuiltGraph> built = folder.build(options.request);
  if (!built.ok()) return built.status();
  std::shared_ptr<const ov::Model> graph = built->model;
  const auto tables = kernels::kernel_tables();
  const int threads = hardware::read_cpu_limits().usable;
  if (options.own_kernels && !tables.empty()) {
    graph =
        backend::move_to_own_kernels(graph, *tables.front(), {.threads = {.all = threads}}).model;
  }
  const int streams = options.streams > 0 ? options.streams : threads;
  return core.compile_model(graph, "CPU", ov::hint::inference_precision(ov::element::f32),
                            ov::num_streams(streams), ov::inference_num_threads(threads),
                            ov::hint::enable_cpu_pinning(false));
}

// take(item, request) is called by the thread that ran `item`, one thread per request.
template <class Item, class Feed, class Take>
void run_bare(std::vector<ov::InferRequest>& requests, const std::vector<Item>& items,
              const Feed& feed, const Take& take) {
  std::atomic<size_t> next = 0;
  std::vector<std::thread> threads;
  for (ov::InferRequest& request : requests) {
    threads.emplace_back([&] {
      for (size_t i = next++; i < items.size(); i = next++) {
        feed(items[i], request);
        request.infer();
        take(items[i], request);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace accel::bench
