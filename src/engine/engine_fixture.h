// The engine over a tiny BERT, for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "models/tiny_bert.h"

namespace accel {

inline const std::string kBert = std::string(ACCEL_TEST_DATA) + "/bert-feature";
inline const std::vector<std::string> kTexts{
    "Hello world!", "", "The licensee may copy the program.", "Café déjà vu 😀",
    "you you you you you you you you you"};

inline std::vector<float> row_of(const Tensor& tensor, size_t row) {
  const auto size = static_cast<size_t>(tensor.shape()[1]);
  const auto values = tensor.data<float>().subspan(row * size, size);
  return {values.begin(), values.end()};
}

// Equal but for the order of sums in batches of other shapes.
inline void expect_near(const std::vector<float>& a, const std::vector<float>& b,
                        float tolerance = 1e-5F) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance) << "element " << i;
}

inline Tensor integers(const Shape& shape, int64_t value) {
  return Tensor::from<int64_t>(shape, std::vector<int64_t>(*element_count(shape), value));
}

class EngineTest : public testing::Test {
 protected:
  // What is tested here is the engine, however the suite is run.
  EngineTest() { ::unsetenv("IPFS_ACCELERATE_ENABLED"); }
  std::unique_ptr<Engine> make_engine(bool probe = false) const {
    return *Engine::create({.cache_dir = cache_.path().string(), .probe = probe});
  }
  std::shared_ptr<Model> load(LoadOptions options = {}) {
    if (options.path == LoadOptions().path) options.path = kBert;
    auto model = engine_->load(options);
    if (!model.ok()) ADD_FAILURE() << model.status().to_string();
    return model.ok() ? *model : nullptr;
  }
  Status refused(LoadOptions options) {
    if (options.path == LoadOptions().path) options.path = kBert;
    const auto model = engine_->load(options);
    EXPECT_FALSE(model.ok());
    return model.status();
  }

  const models::ScratchFolder cache_;
  const std::unique_ptr<Engine> engine_ = make_engine();
};

}  // namespace accel
