#include "backends/faulty/fault_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::backend {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(FaultPlan, ReadsAListAndWritesIt) {
  const auto faults =
      parse_faults("openvino:run=fail/3, openvino:compile=throw,reference:run=nan@2");
  ASSERT_TRUE(faults.ok()) << faults.status().message();
  EXPECT_THAT(*faults, ElementsAre(Fault{"openvino", Step::kRun, FaultKind::kFail, 3, 0},
                                   Fault{"openvino", Step::kCompile, FaultKind::kThrow, 1, 0},
                                   Fault{"reference", Step::kRun, FaultKind::kNan, 1, 2}));
  EXPECT_EQ(to_text(faults->at(0)), "openvino:run=fail/3");
  EXPECT_EQ(to_text(faults->at(1)), "openvino:compile=throw");
  EXPECT_EQ(to_text(faults->at(2)), "reference:run=nan@2");
  EXPECT_THAT(*parse_faults("  "), IsEmpty());
}

TEST(FaultPlan, RefusesWhatItCannotMeanAndSaysWhatItCan) {
  for (const char* text :
       {"run=fail", ":run=fail", "openvino:run", "openvino:walk=fail", "openvino:run=sleep",
        "openvino:run=fail/0", "openvino:run=fail/x", "openvino:run=fail@", "openvino:compile=nan",
        "openvino:run=fail,", "openvino=run:fail", "openvino:run=fail/99999999999999999999"}) {
    const Status status = parse_faults(text).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(status.message(), HasSubstr("expected BACKEND:STEP=KIND"));
  }
}

TEST(FaultPlan, StrikesEveryNthCallOrTheNthAlone) {
  const auto struck = [](const Fault& fault) {
    std::vector<uint64_t> calls;
    for (uint64_t call = 1; call <= 6; ++call) {
      if (fault.strikes(call)) calls.push_back(call);
    }
    return calls;
  };
  EXPECT_THAT(struck({.every = 1}), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(struck({.every = 3}), ElementsAre(3, 6));
  EXPECT_THAT(struck({.only = 2}), ElementsAre(2));
}

}  // namespace
}  // namespace accel::backend
