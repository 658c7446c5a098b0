#include "backends/openvino/lone_graph.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <openvino/runtime/core.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "backend/conformance_kit.h"
#include "backend/one_layer.h"
#include "backends/openvino/openvino_backend.h"

namespace accel::backend {
namespace {

constexpr double kMakeSeconds = 1;

ov::CompiledModel one_layer() { return ov::Core().compile_model(one_layer_model(), "CPU"); }

bool becomes_true(const std::function<bool()>& condition) {
  for (int i = 0; i < 2000 && !condition(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return condition();
}

TEST(LoneGraph, IsMadeOnceAndNotBeforeItPays) {
  std::atomic<int> made = 0;
  LoneGraph lone(
      [&] {
        ++made;
        return one_layer();
      },
      kMakeSeconds, /*streams=*/4);
  EXPECT_FALSE(lone.request());
  lone.ran_without(1.3);  // three quarters of it would have been saved
  EXPECT_FALSE(lone.request());
  EXPECT_EQ(made, 0);
  lone.ran_without(0.1);
  EXPECT_TRUE(becomes_true([&] { return lone.request().has_value(); }));
  lone.ran_without(5);
  EXPECT_EQ(made, 1);
}

TEST(LoneGraph, WhereItCannotBeCompiledRunsGoOnWithoutIt) {
  std::atomic<int> tried = 0;
  {
    LoneGraph lone(
        [&]() -> ov::CompiledModel {
          ++tried;
          throw std::runtime_error("no more memory");
        },
        kMakeSeconds, /*streams=*/2);
    lone.ran_without(2);
    EXPECT_TRUE(becomes_true([&] { return tried == 1; }));
    lone.ran_without(2);
    EXPECT_FALSE(lone.request());
  }
  EXPECT_EQ(tried, 1);
}

TEST(LoneGraph, ItsDestructorWaitsForACompilationUnderWay) {
  std::atomic<bool> done = false;
  {
    LoneGraph lone(
        [&] {
          std::this_thread::sleep_for(std::chrono::milliseconds(50));
          done = true;
          return one_layer();
        },
        kMakeSeconds, /*streams=*/2);
    lone.ran_without(10);
  }
  EXPECT_TRUE(done);
}

// The sums of the rows of `input` through one_layer_model(), and where they lie.
struct Answer {
  std::vector<float> values;
  const float* place = nullptr;
};

Answer run_one_layer(Session& session, const Numbers& input, const std::string& name) {
  NamedTensors outputs;
  const Status status = session.run({{name, as_f32(input)}}, outputs);
  if (!status.ok()) {
    ADD_FAILURE() << status.message();
    return {};
  }
  const auto values = outputs[0].tensor.data<float>();
  return {{values.begin(), values.end()}, values.data()};
}

TEST(LoneGraph, TakesASingleCallersRunsOver) {
  const auto backend = make_openvino_backend();
  const auto model =
      backend->compile(one_layer_model(), {.streams = 2, .own_kernels = false, .lone_graph = true});
  ASSERT_TRUE(model.ok()) << model.status().message();
  const std::string name = (*model)->signature().inputs[0].name;
  const Numbers input = samples({8, 64}, 1);
  const auto session = (*model)->create_session();
  ASSERT_TRUE(session.ok()) << session.status().message();
  const Answer first = run_one_layer(**session, input, name);
  EXPECT_EQ(run_one_layer(**session, input, name).place, first.place);
  // The outputs of another graph's request lie elsewhere.
  Answer later;
  EXPECT_TRUE(becomes_true([&] {
    for (int i = 0; i < 100; ++i) later = run_one_layer(**session, input, name);
    return later.place != first.place;
  }));
  EXPECT_EQ(later.values, first.values);

  // Callers side by side have a stream each again, and their own results.
  const auto other = (*model)->create_session();
  ASSERT_TRUE(other.ok()) << other.status().message();
  const auto call = [&](Session& mine, uint32_t seed) {
    const Numbers own = samples({4, 64}, seed);
    const Answer expected = run_one_layer(mine, own, name);
    for (int i = 0; i < 200; ++i) {
      ASSERT_EQ(run_one_layer(mine, own, name).values, expected.values);
    }
  };
  std::thread beside([&] { call(**other, 2); });
  call(**session, 3);
  beside.join();
}

}  // namespace
}  // namespace accel::backend
