// Numbers of the reference library (transformers 5.23), of heads of 8 numbers.
#include "models/blocks/rotary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <openvino/core/model.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/parameter.hpp>

namespace accel::models {
namespace {

using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

using Numbers = std::vector<float>;

Json parsed(std::string_view text) { return *parse_json(text); }

Rotary read(std::string_view config, std::string_view layer_type = {}) {
  const Json json = parsed(config);
  ConfigReader in(json);
  Rotary rotary = read_rotary(in, {.head_size = 8, .positions = 32, .layer_type = layer_type});
  EXPECT_TRUE(in.status().ok()) << in.status().to_string();
  return rotary;
}

std::string problems(std::string_view config) {
  const Json json = parsed(config);
  ConfigReader in(json);
  read_rotary(in, {.head_size = 8, .positions = 32});
  return in.status().message();
}

// `value` of a graph over the positions `given`.
Numbers computed(const Output& value, const std::shared_ptr<ov::op::v0::Parameter>& positions,
                 std::vector<int64_t> given) {
  const ov::Model model(ov::OutputVector{value}, ov::ParameterVector{positions});
  const ov::Shape shape = positions->get_partial_shape().size() == 1 ? ov::Shape{given.size()}
                                                                     : ov::Shape{1, given.size()};
  ov::TensorVector outputs(1);
  EXPECT_TRUE(model.evaluate(outputs, {ov::Tensor(ov::element::i64, shape, given.data())}));
  const float* data = outputs[0].data<float>();
  return {data, data + outputs[0].get_size()};
}

std::shared_ptr<ov::op::v0::Parameter> free_positions(size_t rank) {
  return std::make_shared<ov::op::v0::Parameter>(
      ov::element::i64, ov::PartialShape(std::vector<ov::Dimension>(rank)));
}

struct Case {
  std::string config;
  int64_t last;            // position
  Numbers cosines, sines;  // at position 5
};

TEST(Rotary, EveryScalingTurnsLikeTheReference) {
  const std::string dynamic =
      R"({"rope_theta": 500, "rope_scaling": {"rope_type": "dynamic", "factor": 2.5}})";
  const std::string longrope =
      R"({"rope_theta": 500, "original_max_position_embeddings": 16, "rope_scaling":
          {"type": "longrope", "short_factor": [1, 1.5, 2, 2.5], "long_factor": [3, 4, 5, 6]}})";
  const std::vector<Case> cases{
      {R"({"rope_parameters": {"rope_type": "default", "rope_theta": 500}})",
       11,
       {0.2836622F, 0.4911637F, 0.9751040F, 0.9988822F},
       {-0.9589243F, 0.8710673F, 0.2217481F, 0.0472695F}},
      {R"({"rope_theta": 500, "rope_scaling": {"type": "linear", "factor": 3}})",
       11,
       {-0.0957236F, 0.9385273F, 0.9972235F, 0.9998758F},
       {0.9954079F, 0.3452049F, 0.0744666F, 0.0157617F}},
      {dynamic,
       11,
       {0.2836622F, 0.4911637F, 0.9751040F, 0.9988822F},
       {-0.9589243F, 0.8710673F, 0.2217481F, 0.0472695F}},
      {dynamic,
       40,
       {0.2836622F, 0.6329707F, 0.9877335F, 0.9996146F},
       {-0.9589243F, 0.7741758F, 0.1561492F, 0.0277613F}},
      {R"({"rope_theta": 500, "rope_scaling": {"rope_type": "yarn", "factor": 4, "beta_fast": 8,
           "original_max_position_embeddings": 64}})",
       11,
       {0.3229861F, 0.8989098F, 1.1368507F, 1.1385499F},
       {-1.0918595F, 0.6988835F, 0.0636182F, 0.0134603F}},
      {R"({"rope_parameters": {"rope_theta": 500, "rope_type": "yarn", "factor": 4, "mscale": 0.7,
           "mscale_all_dim": 1.2, "truncate": false, "original_max_position_embeddings": 64}})",
       11,
       {0.2668046F, 0.8131778F, 0.9391023F, 0.9405059F},
       {-0.9019369F, 0.4726698F, 0.0525522F, 0.0111190F}},
      {R"({"rope_theta": 500, "rope_scaling": {"rope_type": "llama3", "factor": 8,
           "low_freq_factor": 1, "high_freq_factor": 4,
           "original_max_position_embeddings": 128}})",
       11,
       {0.2836622F, 0.4911637F, 0.9996094F, 0.9999825F},
       {-0.9589243F, 0.8710673F, 0.0279472F, 0.0059109F}},
      {longrope,
       11,
       {0.3171440F, 0.8515698F, 1.1110536F, 1.1178340F},
       {-1.0721099F, 0.7244507F, 0.1247398F, 0.0211462F}},
      {longrope,
       40,
       {-0.1070223F, 1.0791985F, 1.1169161F, 1.1179993F},
       {1.1128999F, 0.2921143F, 0.0499833F, 0.0088113F}},
      {R"({"rope_theta": 500, "partial_rotary_factor": 0.5})",
       11,
       {0.2836622F, 0.9751040F},
       {-0.9589243F, 0.2217481F}},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.config + std::to_string(each.last));
    for (const size_t rank : {1, 2}) {
      const auto positions = free_positions(rank);
      const RotaryTable table = rotary_table(read(each.config), positions);
      ASSERT_EQ(table.size, static_cast<int64_t>(2 * each.cosines.size()));
      const auto row = [&](const Output& value) {
        const Numbers all = computed(value, positions, {0, 5, each.last});
        const auto start = all.begin() + table.size;
        EXPECT_THAT(Numbers(start + table.size / 2, start + table.size),
                    testing::ElementsAreArray(Numbers(start, start + table.size / 2)));
        return Numbers(start, start + table.size / 2);
      };
      EXPECT_THAT(row(table.cosines), Pointwise(FloatNear(2e-6F), each.cosines));
      EXPECT_THAT(row(table.sines), Pointwise(FloatNear(2e-6F), each.sines));
    }
  }
}

TEST(Rotary, LayerTypesHaveParametersOfTheirOwn) {
  constexpr std::string_view kConfig = R"({"rope_parameters": {
      "full_attention": {"rope_type": "linear", "factor": 2, "rope_theta": 16},
      "sliding_attention": {"rope_type": "default", "rope_theta": 81}}})";
  EXPECT_THAT(read(kConfig, "full_attention").frequencies,
              Pointwise(FloatNear(1e-6F), Numbers{0.5F, 0.25F, 0.125F, 0.0625F}));
  EXPECT_THAT(read(kConfig, "sliding_attention").frequencies,
              Pointwise(FloatNear(1e-6F), Numbers{1, 1 / 3.0F, 1 / 9.0F, 1 / 27.0F}));
  EXPECT_THAT(read(kConfig, "another").frequencies[1], FloatNear(0.1F, 1e-6F));
}

TEST(Rotary, ProportionalLeavesTheLastPairsAlone) {
  const Rotary rotary = read(R"({"rope_parameters": {"rope_type": "proportional",
                                 "partial_rotary_factor": 0.5, "rope_theta": 10000}})");
  EXPECT_THAT(rotary.frequencies, Pointwise(FloatNear(1e-6F), Numbers{1, 0.1F, 0, 0}));
}

TEST(Rotary, PairsAreHalvesOrNeighbours) {
  const Numbers values{1, 2, 3, 4, 5, 6};  // one head of 6 numbers, 4 of them turned
  const Output x = ov::op::v0::Constant::create(ov::element::f32, ov::Shape{1, 1, 1, 6}, values);
  Rotary rotary{.frequencies = {1.0F, 0.5F}};
  const auto at_2 = [&](RotaryLayout layout) {
    rotary.layout = layout;
    const auto positions = free_positions(1);
    return computed(turn(x, rotary_table(rotary, positions)), positions, {2});
  };
  const float c = std::cos(2.0F);
  const float s = std::sin(2.0F);
  const float d = std::cos(1.0F);
  const float t = std::sin(1.0F);
  EXPECT_THAT(at_2(RotaryLayout::kHalves),
              Pointwise(FloatNear(1e-6F),
                        Numbers{c - 3 * s, 2 * d - 4 * t, 3 * c + s, 4 * d + 2 * t, 5, 6}));
  EXPECT_THAT(at_2(RotaryLayout::kNeighbours),
              Pointwise(FloatNear(1e-6F),
                        Numbers{c - 2 * s, 2 * c + s, 3 * d - 4 * t, 4 * d + 3 * t, 5, 6}));
}

TEST(Rotary, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(problems(R"({"rope_scaling": {"type": "spiral"}})"),
              HasSubstr("rope_scaling.rope_type: expected default, linear"));
  EXPECT_THAT(problems(R"({"rope_scaling": {"type": "linear"}})"),
              HasSubstr("rope_scaling.factor: expected a number above 0"));
  EXPECT_THAT(problems(R"({"rope_scaling": {"type": "longrope", "short_factor": [1]}})"),
              HasSubstr("short_factor: expected 4 numbers above 0"));
  EXPECT_THAT(problems(R"({"rope_scaling": "large"})"), HasSubstr("expected an object"));
  EXPECT_THAT(problems(R"({"partial_rotary_factor": 0.4})"), HasSubstr("even number of the 8"));
  EXPECT_THAT(problems(R"({"partial_rotary_factor": 1e300})"), HasSubstr("even number of the 8"));
  EXPECT_THAT(problems(R"({"rope_theta": 0})"), HasSubstr("rope_theta: expected more than 0"));
  EXPECT_THAT(problems(R"({"rope_parameters": {"a": {"rope_theta": 3}}})"),
              HasSubstr("expected the same for all layers"));
  EXPECT_THAT(problems(R"({"rope_parameters": {"mrope_section": [1, 2]}})"),
              HasSubstr("mrope_section"));
}

}  // namespace
}  // namespace accel::models
