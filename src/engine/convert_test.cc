#include "engine/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>

#include "base/files.h"
#include "engine/conversion_check.h"
#include "engine/output_folder.h"
#include "engine/sample_inputs.h"
#include "store/scratch_folder.h"

namespace accel::engine {
namespace {

namespace fs = std::filesystem;

NamedTensor numbers(const std::string& name, const std::vector<float>& values) {
  Tensor tensor = Tensor::allocate(DType::kF32, {static_cast<int64_t>(values.size())});
  std::ranges::copy(std::as_bytes(std::span(values)), tensor.mutable_data());
  return {name, tensor};
}

TEST(ConversionCheck, ErrorsAreOfTheFiniteNumbers) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float none = std::nanf("");
  const NamedTensor expected = numbers("y", {1, -4, infinity, none});
  OutputError error = error_of(expected, expected);
  EXPECT_EQ(error.max_abs, 0);
  EXPECT_EQ(error.cosine, 1);
  error = error_of(numbers("y", {1.5F, -4, infinity, none}), expected);
  EXPECT_DOUBLE_EQ(error.max_abs, 0.5);
  EXPECT_DOUBLE_EQ(error.relative, 0.125);
  EXPECT_NEAR(error.cosine, 17.5 / std::sqrt(17.0 * 18.25), 1e-9);
  for (const auto& wrong :
       {std::vector<float>{1, none, infinity, none}, std::vector<float>{1, -4, -infinity, none},
        std::vector<float>{1, -4, infinity, 0}}) {
    EXPECT_TRUE(std::isinf(error_of(numbers("y", wrong), expected).max_abs));
  }
}

TEST(SampleInputs, FitTheSignatureAndItsLimits) {
  const backend::Signature signature{.inputs = {{"input_ids", DType::kI64, {-1, -1}},
                                                {"attention_mask", DType::kI32, {-1, -1}},
                                                {"pixel_values", DType::kF32, {-1, 3, 8, 9}},
                                                {"frames", DType::kF32, {-1, -1, 80}},
                                                {"fixed", DType::kF16, {1, 4}}},
                                     .outputs = {}};
  const SampleLimits limits{
      .rows = {{"input_ids", 5}}, .shapes = {{"frames", {-1, 50, 80}}}, .longest = 12};
  const auto inputs = sample_inputs(signature, limits);
  ASSERT_TRUE(inputs.ok()) << inputs.status().to_string();
  const Tensor& ids = *find(*inputs, "input_ids");
  EXPECT_EQ(ids.shape(), (Shape{2, 12}));
  for (const int64_t id : ids.data<int64_t>()) EXPECT_TRUE(id >= 0 && id < 5) << id;
  const auto mask = find(*inputs, "attention_mask")->data<int32_t>();
  EXPECT_EQ(std::accumulate(mask.begin(), mask.end(), 0), 12 + 9);
  EXPECT_EQ(find(*inputs, "pixel_values")->shape(), (Shape{2, 3, 8, 9}));
  EXPECT_EQ(find(*inputs, "frames")->shape(), (Shape{2, 50, 80}));
  EXPECT_EQ(find(*inputs, "fixed")->dtype(), DType::kF16);
  const auto again = sample_inputs(signature, limits);
  EXPECT_TRUE(std::ranges::equal(find(*again, "pixel_values")->bytes(),
                                 find(*inputs, "pixel_values")->bytes()));
}

bool always(const fs::path& /*folder*/) { return true; }
bool never(const fs::path& /*folder*/) { return false; }

TEST(OutputFolder, AppearsWhenCommitted) {
  const store::ScratchFolder scratch;
  const fs::path target = scratch.path() / "a" / "b";
  {
    auto folder = OutputFolder::create(target, false, never);
    ASSERT_TRUE(folder.ok()) << folder.status().to_string();
    ASSERT_TRUE((*folder)->write("inner/file", "content").ok());
    EXPECT_FALSE(fs::exists(target));
  }
  EXPECT_TRUE(fs::is_empty(scratch.path()));  // nor the folder above it
  {
    auto folder = OutputFolder::create(target / "", false, never);
    ASSERT_TRUE((*folder)->write("inner/file", "content").ok());
    ASSERT_TRUE((*folder)->commit().ok());
  }
  EXPECT_EQ(*read_file(target / "inner" / "file", 100), "content");
  EXPECT_EQ(OutputFolder::create(target, false, always).status().code(),
            StatusCode::kAlreadyExists);
  EXPECT_EQ(OutputFolder::create(target, true, never).status().code(),
            StatusCode::kFailedPrecondition);
  auto folder = OutputFolder::create(target, true, always);
  ASSERT_TRUE(folder.ok());
  EXPECT_TRUE(fs::exists(target / "inner"));  // until then
  ASSERT_TRUE((*folder)->commit().ok());
  EXPECT_TRUE(fs::is_empty(target));
  EXPECT_EQ(std::distance(fs::directory_iterator(target.parent_path()), {}), 1);
}

TEST(Conversion, OutputsAreNamedAfterTheirSources) {
  const auto name = [](const char* source, Precision precision = Precision::kF32,
                       Layout layout = Layout::kFolder) {
    return default_output({.source = source, .precision = precision, .layout = layout});
  };
  EXPECT_EQ(name("models/MiniLM-L6-v2/"), "MiniLM-L6-v2-openvino");
  EXPECT_EQ(name("org/name", Precision::kI8), "name-openvino-int8");
  EXPECT_EQ(name("a/llama.Q4_K.gguf"), "llama.Q4_K-openvino");
  EXPECT_EQ(name("bert/model.onnx", Precision::kF16), "bert-openvino-f16");
  EXPECT_EQ(name("bert/openvino_model.xml"), "bert-openvino");
  EXPECT_EQ(name("x/gpt2", Precision::kF16, Layout::kFlat), "models/openvino/gpt2");
}

}  // namespace
}  // namespace accel::engine
