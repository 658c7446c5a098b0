#include "engine/conversion_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <thread>

#include "base/cosine.h"
#include "base/try.h"
#include "tensors/convert.h"

namespace accel::engine {
namespace {

// While it lives, pages of mapped files that an engine reads once do not stay resident.
class PageReleaser {
 public:
  explicit PageReleaser(std::vector<std::shared_ptr<const MappedFile>> files)
      : files_(std::move(files)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

 private:
  void run(const std::stop_token& stop) {
    constexpr std::chrono::milliseconds kInterval(20);
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, stop, kInterval, [&] { return stop.stop_requested(); })) {
      if (stop.stop_requested()) break;
      for (const auto& file : files_) file->release_pages();
    }
  }

  const std::vector<std::shared_ptr<const MappedFile>> files_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::jthread thread_;  // the last: it uses the others
};

Result<NamedTensors> run_once(const backend::Backend& backend, const SampleLimits& limits,
                              const std::function<Result<CheckedGraph>()>& make,
                              NamedTensors& inputs) {
  ACCEL_ASSIGN(CheckedGraph graph, make());
  const PageReleaser releaser(graph.sources);
  ACCEL_ASSIGN(const auto compiled, backend.compile(graph.model, {.own_kernels = false}));
  ACCEL_ASSIGN(const auto session, compiled->create_session());
  if (inputs.empty()) {
    ACCEL_ASSIGN(inputs, sample_inputs(compiled->signature(), limits));
  }
  NamedTensors outputs;
  ACCEL_TRY(session->run(inputs, outputs));
  NamedTensors copies;
  for (const NamedTensor& output : outputs) {
    ACCEL_ASSIGN(Tensor wide, tensors::convert_dtype(output.tensor, DType::kF32));
    Tensor copy = Tensor::allocate(DType::kF32, wide.shape());
    std::ranges::copy(wide.bytes(), copy.mutable_data());
    copies.push_back({output.name, std::move(copy)});
  }
  return copies;
}

}  // namespace

OutputError error_of(const NamedTensor& found, const NamedTensor& expected) {
  OutputError error{.name = expected.name, .shape = expected.tensor.shape()};
  const auto a = found.tensor.data<float>();
  const auto b = expected.tensor.data<float>();
  double largest = 0;
  std::vector<float> finite_a;
  std::vector<float> finite_b;
  for (size_t i = 0; i < b.size(); ++i) {
    if (std::isfinite(a[i]) && std::isfinite(b[i])) {
      error.max_abs = std::max(error.max_abs, std::abs(double{a[i]} - b[i]));
      largest = std::max(largest, std::abs(double{b[i]}));
      finite_a.push_back(a[i]);
      finite_b.push_back(b[i]);
    } else if (std::isnan(a[i]) != std::isnan(b[i]) || (!std::isnan(a[i]) && a[i] != b[i])) {
      error.max_abs = std::numeric_limits<double>::infinity();
    }
  }
  error.relative = error.max_abs == 0 ? 0 : error.max_abs / largest;
  error.cosine = error.max_abs == 0 ? 1 : cosine_similarity(finite_a, finite_b);
  return error;
}

Result<std::vector<OutputError>> compare_graphs(
    const backend::Backend& backend, const SampleLimits& limits,
    const std::function<Result<CheckedGraph>()>& source,
    const std::function<Result<CheckedGraph>()>& result) {
  NamedTensors inputs;
  auto expected = run_once(backend, limits, source, inputs);
  if (!expected.ok()) {
    const StatusCode code = expected.status().code();
    if (code != StatusCode::kInternal && code != StatusCode::kInvalidArgument) {
      return expected.status().with_context("running the source");
    }
    return failed_precondition(fmt::format(
        "expected the source to run on made-up inputs, found: {}; --no-check converts it without "
        "comparing",
        expected.status().message()));
  }
  auto found = run_once(backend, limits, result, inputs);
  if (!found.ok()) return found.status().with_context("running the result");
  std::vector<OutputError> errors;
  for (const NamedTensor& output : *expected) {
    const Tensor* same = find(*found, output.name);
    if (same == nullptr || same->shape() != output.tensor.shape()) {
      return data_loss(fmt::format("the output {} {} is not among the result's", output.name,
                                   to_string(output.tensor.shape())));
    }
    errors.push_back(error_of({output.name, *same}, output));
  }
  return errors;
}

}  // namespace accel::engine
