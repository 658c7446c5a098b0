// A second compiled form of a graph, for runs that nothing else runs beside.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <openvino/runtime/compiled_model.hpp>
#include <openvino/runtime/infer_request.hpp>
#include <optional>
#include <thread>

namespace accel::backend {

// A graph of several streams gives a single caller the threads of one of them; this one gives it
// all. It holds the engine's form of the weights once more, and compiling it takes as long as the
// first did. So it is made once the time that lone runs would have saved with it comes to that: who
// hires until the rent has reached the price, and then buys, pays at most twice the least (ski
// rental: Karlin et al., Competitive Snoopy Caching, 1988).
//
// Safe from any thread. Destroying it waits for a compilation under way.
class LoneGraph {
 public:
  using Make = std::function<ov::CompiledModel()>;

  // `make` compiles the graph with one stream, here on a thread of its own; where that fails, runs
  // stay on the graph there is. `make_seconds`: what the first compilation took. `streams`: of it,
  // 2 or more.
  LoneGraph(Make make, double make_seconds, int streams);
  ~LoneGraph();
  LoneGraph(const LoneGraph&) = delete;
  LoneGraph& operator=(const LoneGraph&) = delete;

  // A request of the graph; empty: it is not made yet, or not to be had. Costs nothing to ask then.
  // Throws as the engine does.
  std::optional<ov::InferRequest> request();

  // A run was alone on the graph of several streams, for so long.
  void ran_without(double seconds);

 private:
  void compile();

  const Make make_;
  const double make_seconds_;
  const double share_saved_;  // of a run's time
  std::atomic<bool> ready_ = false;
  ov::CompiledModel graph_;  // written by maker_ before ready_
  std::mutex mutex_;
  double saved_seconds_ = 0;  // guarded by mutex_
  std::thread maker_;         // guarded by mutex_; started once
};

}  // namespace accel::backend
