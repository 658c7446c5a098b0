#include "runtime/fallback.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace accel::runtime {
namespace {

using testing::ElementsAre;

std::vector<std::string> tried(const Candidate& request, bool fallback) {
  std::vector<std::string> all;
  const std::vector<std::string> devices{request.device};
  for (const Candidate& one : load_candidates(request, devices, fallback)) {
    all.push_back(describe(one) + (one.asked ? "" : " (fallback)"));
  }
  return all;
}

TEST(LoadCandidates, WithoutFallbackIsWhatWasAskedFor) {
  EXPECT_THAT(tried({"openvino", "GPU"}, false), ElementsAre("openvino on GPU"));
  EXPECT_THAT(tried({"reference", "CPU"}, false), ElementsAre("reference on CPU"));
}

TEST(LoadCandidates, FallsBackToTheCpuThenToF32ThenToTheReference) {
  EXPECT_THAT(tried({"openvino", "GPU", Precision::kF16}, true),
              ElementsAre("openvino on GPU in f16", "openvino on CPU in f16 (fallback)",
                          "openvino on CPU in f32 (fallback)", "reference on CPU (fallback)"));
  EXPECT_THAT(tried({"openvino", "CPU"}, true),
              ElementsAre("openvino on CPU", "reference on CPU (fallback)"));
  EXPECT_THAT(tried({"reference", "CUDA"}, true),
              ElementsAre("reference on CUDA", "reference on CPU (fallback)"));
}

TEST(LoadCandidates, EachDeviceOfAutoWasAskedFor) {
  const std::vector<std::string> devices{"GPU.0", "CPU"};
  const auto candidates = load_candidates({"openvino", "AUTO"}, devices, true);
  ASSERT_EQ(candidates.size(), 3);
  EXPECT_TRUE(candidates[0].asked && candidates[1].asked);
  EXPECT_EQ(describe(candidates[1]), "openvino on CPU");
  EXPECT_FALSE(candidates[2].asked);
}

TEST(LoadCandidates, TheReferenceStandsInForPyTorchAlways) {
  for (const bool fallback : {false, true}) {
    EXPECT_THAT(tried({"pytorch", "CUDA"}, fallback),
                ElementsAre("pytorch on CUDA", "reference on CPU (fallback)"));
  }
}

TEST(NextCandidate, FollowsErrorsOfTheDeviceAndTheBackendOnly) {
  const auto candidates =
      load_candidates({"openvino", "GPU", Precision::kF32}, std::vector<std::string>{"GPU"}, true);
  for (const StatusCode code :
       {StatusCode::kNotFound, StatusCode::kUnavailable, StatusCode::kUnimplemented,
        StatusCode::kInternal, StatusCode::kUnknown, StatusCode::kResourceExhausted}) {
    EXPECT_EQ(next_candidate(candidates, 0, Status(code, "x")), 1) << to_string(code);
  }
  for (const StatusCode code :
       {StatusCode::kInvalidArgument, StatusCode::kDataLoss, StatusCode::kCancelled,
        StatusCode::kPermissionDenied, StatusCode::kFailedPrecondition}) {
    EXPECT_EQ(next_candidate(candidates, 0, Status(code, "x")), std::nullopt) << to_string(code);
  }
}

TEST(NextCandidate, OnTheCpuWhatIsNotFoundIsTheModel) {
  const auto candidates =
      load_candidates({"openvino", "CPU"}, std::vector<std::string>{"CPU"}, true);
  EXPECT_EQ(next_candidate(candidates, 0, not_found("x")), std::nullopt);
  EXPECT_EQ(next_candidate(candidates, 0, resource_exhausted("x")), std::nullopt);
  EXPECT_EQ(next_candidate(candidates, 0, unavailable("x")), 1);
}

TEST(NextCandidate, TheLastHasNoNext) {
  const auto candidates =
      load_candidates({"openvino", "CPU"}, std::vector<std::string>{"CPU"}, false);
  EXPECT_EQ(next_candidate(candidates, 0, unavailable("x")), std::nullopt);
}

}  // namespace
}  // namespace accel::runtime
