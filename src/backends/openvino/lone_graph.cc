#include "backends/openvino/lone_graph.h"

#include <utility>

#include "backend/guard.h"

namespace accel::backend {

LoneGraph::LoneGraph(Make make, double make_seconds, int streams)
    : make_(std::move(make)), make_seconds_(make_seconds), share_saved_(1 - 1.0 / streams) {}

LoneGraph::~LoneGraph() {
  if (maker_.joinable()) maker_.join();
}

std::optional<ov::InferRequest> LoneGraph::request() {
  if (!ready_.load(std::memory_order_acquire)) return std::nullopt;
  return graph_.create_infer_request();
}

void LoneGraph::ran_without(double seconds) {
  const std::lock_guard lock(mutex_);
  saved_seconds_ += share_saved_ * seconds;
  if (saved_seconds_ < make_seconds_ || maker_.joinable()) return;
  // The run that has just ended is none the worse where there is no thread to be had.
  const Status ignored = guarded("starting a thread", StatusCode::kUnavailable, [&] {
    maker_ = std::thread([this] { compile(); });
    return Status();
  });
}

void LoneGraph::compile() {
  const Status ignored = guarded("compiling for single runs", StatusCode::kUnavailable, [&] {
    graph_ = make_();
    ready_.store(true, std::memory_order_release);
    return Status();
  });
}

}  // namespace accel::backend
