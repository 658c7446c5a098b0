#include "models/foreign/roles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace accel::models::foreign {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<InputSpec> kBertInputs{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"token_type_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
};
const std::vector<InputSpec> kImageInputs{{"pixel_values", DType::kF32, {-1, 3, 30, 30}}};

// Role by the graph's name.
std::map<std::string, std::string> roles(const std::vector<GraphPort>& ports,
                                         const std::vector<InputSpec>& specs) {
  const auto mapped = map_inputs(ports, specs);
  EXPECT_TRUE(mapped.ok()) << mapped.status().to_string();
  std::map<std::string, std::string> found;
  if (!mapped.ok()) return found;
  for (const MappedInput& input : *mapped) found[ports[input.port].name] = input.spec.name;
  return found;
}

GraphPort ids(const std::string& name, DType dtype = DType::kI64) {
  return {name, dtype, {-1, -1}};
}

TEST(Roles, InputsAreFoundUnderTheirNamesAndOthers) {
  using Map = std::map<std::string, std::string>;
  EXPECT_EQ(roles({ids("attention_mask"), ids("input_ids", DType::kI32)}, kBertInputs),
            (Map{{"attention_mask", "attention_mask"}, {"input_ids", "input_ids"}}));
  EXPECT_EQ(roles({ids("input_word_ids"), ids("input_mask"), ids("segment_ids")}, kBertInputs),
            (Map{{"input_word_ids", "input_ids"},
                 {"input_mask", "attention_mask"},
                 {"segment_ids", "token_type_ids"}}));
  EXPECT_EQ(roles({ids("serving_default_input_ids:0")}, kBertInputs),
            (Map{{"serving_default_input_ids:0", "input_ids"}}));
  EXPECT_EQ(roles({ids("inputs")}, kBertInputs), (Map{{"inputs", "input_ids"}}));
  EXPECT_EQ(roles({{"inputs", DType::kF32, {-1, 3, -1, -1}}}, kImageInputs),
            (Map{{"inputs", "pixel_values"}}));
  EXPECT_EQ(roles({{"actual_input_1", DType::kF32, {1, 3, 30, 30}}}, kImageInputs),
            (Map{{"actual_input_1", "pixel_values"}}));
  const std::vector<InputSpec> sounds{{"input_values", DType::kF32, {-1, -1}}};
  EXPECT_EQ(roles({{"input_features", DType::kF32, {-1, -1}}}, sounds),
            (Map{{"input_features", "input_values"}}));
}

TEST(Roles, OptionalInputsStaySoWhereTheyCanBeFilled) {
  const auto mapped = map_inputs({ids("input_ids"), ids("token_type_ids")}, kBertInputs);
  ASSERT_TRUE(mapped.ok());
  EXPECT_EQ((*mapped)[0].spec.needed, Needed::kAlways);
  EXPECT_EQ((*mapped)[1].spec.needed, Needed::kOnRequest);
}

TEST(Roles, ShapesAreTheNarrowerOfBoth) {
  const auto mapped = map_inputs({{"x", DType::kF32, {1, -1, -1, 30}}}, kImageInputs);
  ASSERT_TRUE(mapped.ok());
  EXPECT_THAT((*mapped)[0].spec.shape, ElementsAre(1, 3, 30, 30));
}

TEST(Roles, WhatHasNoPlaceIsListed) {
  const Status inputs =
      map_inputs({ids("input_ids"), ids("beam_idx"), {"past", DType::kF32, {1, 2}}}, kBertInputs)
          .status();
  EXPECT_EQ(inputs.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(inputs.message(),
              AllOf(HasSubstr("\"beam_idx\" i64[?, ?] has no role"), HasSubstr("\"past\"")));
  EXPECT_THAT(map_inputs({ids("attention_mask"), ids("mask")}, kBertInputs).status().message(),
              AllOf(HasSubstr("\"mask\""), HasSubstr("no role")));
  EXPECT_THAT(
      map_inputs({{"pixel_values", DType::kF32, {-1, 3, 64, 64}}}, kImageInputs).status().message(),
      HasSubstr("does not fit"));
  EXPECT_THAT(map_inputs({}, kBertInputs).status().message(),
              HasSubstr("no input of the graph is input_ids"));
}

std::vector<std::string> outputs(const std::vector<GraphPort>& ports, Head head) {
  const auto names = name_outputs(ports, head);
  EXPECT_TRUE(names.ok()) << names.status().to_string();
  return names.ok() ? *names : std::vector<std::string>();
}

GraphPort floats(const std::string& name, size_t rank) {
  return {name, DType::kF32, Shape(rank, -1)};
}

TEST(Roles, OutputsGetTheReferencesNames) {
  EXPECT_THAT(
      outputs({floats("token_embeddings", 3), floats("sentence_embedding", 2)}, Head::kBase),
      ElementsAre("last_hidden_state", "sentence_embedding"));
  EXPECT_THAT(outputs({floats("StatefulPartitionedCall:0", 2)}, Head::kSequenceClassification),
              ElementsAre("logits"));
  EXPECT_THAT(
      outputs({floats("end", 2), floats("start", 2), floats("more", 1)}, Head::kQuestionAnswering),
      ElementsAre("end_logits", "start_logits", "more"));
}

TEST(Roles, OutputsThatAreMissingAreListed) {
  const Status status = name_outputs({floats("last_hidden_state", 3)}, Head::kMaskedLm).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("logits"), HasSubstr("\"last_hidden_state\"")));
  EXPECT_FALSE(name_outputs({floats("427", 3)}, Head::kSequenceClassification).ok());
}

TEST(Roles, AGraphOfStatesIsABaseWhateverItsConfigSays) {
  EXPECT_EQ(*fitting_head({floats("last_hidden_state", 3)}, Head::kMaskedLm), Head::kBase);
  EXPECT_EQ(*fitting_head({floats("logits", 3)}, Head::kMaskedLm), Head::kMaskedLm);
  EXPECT_FALSE(fitting_head({floats("logits", 3)}, Head::kQuestionAnswering).ok());
}

}  // namespace
}  // namespace accel::models::foreign
