#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "measure/bench_file.h"
#include "measure/difference.h"
#include "measure/rounds.h"

namespace accel::measure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(AnswerOf, SortsLabelsAndTellsNumbersFromWords) {
  const Answer a = answer_of({.answer = Labels{{"good", 0.5001}, {"bad", 0.4999}}});
  const Answer b = answer_of({.answer = Labels{{"bad", 0.5001}, {"good", 0.4999}}});
  EXPECT_EQ(a.words, b.words);
  EXPECT_EQ(a.numbers.size(), 2);
  const Difference apart = difference_of(std::vector{a}, std::vector{b});
  EXPECT_NEAR(apart.max_abs, 0.0002, 1e-9);
  EXPECT_EQ(apart.words_differ, 0);
  const Answer spoken = answer_of({.answer = Transcript{.text = "one"}});
  const Answer other = answer_of({.answer = Transcript{.text = "two"}});
  EXPECT_EQ(difference_of(std::vector{spoken}, std::vector{other}).words_differ, 1);
}

TEST(DifferenceOf, GivesTheLargestAndTheLeastLikeItem) {
  const std::vector<Answer> first{{{1, 0}, ""}, {{0, 4}, ""}};
  const std::vector<Answer> second{{{1, 0.5}, ""}, {{0, 4}, ""}};
  const Difference apart = difference_of(first, second);
  EXPECT_EQ(apart.max_abs, 0.5);
  EXPECT_EQ(apart.relative, 0.125);
  EXPECT_NEAR(apart.cosine, 1 / std::sqrt(1.25), 1e-12);
  const Difference same = difference_of(first, first);
  EXPECT_EQ(same.max_abs, 0);
  EXPECT_EQ(same.cosine, 1);
}

TEST(DifferenceOf, TellsWhatCannotBeCompared) {
  const Difference sizes =
      difference_of(std::vector<Answer>{{{1, 2}, ""}}, std::vector<Answer>{{{1, 2, 3}, ""}});
  EXPECT_EQ(sizes.counts_differ, 1);
  EXPECT_FALSE(within(sizes, bound_of(Precision::kF32, Precision::kBF16)));
  const Difference broken =
      difference_of(std::vector<Answer>{{{1, 2}, ""}}, std::vector<Answer>{{{1, NAN}, ""}});
  EXPECT_FALSE(within(broken, bound_of(Precision::kBF16, Precision::kBF16)));
}

TEST(BoundOf, IsThatOfTheCoarserArithmetic) {
  Difference apart{.items = 1, .max_abs = 0.01, .relative = 0.01, .cosine = 0.9999};
  EXPECT_FALSE(within(apart, bound_of(Precision::kF32, Precision::kF32)));
  EXPECT_TRUE(within(apart, bound_of(Precision::kF32, Precision::kBF16)));
  EXPECT_TRUE(within(apart, bound_of(Precision::kF16, Precision::kF32)));
  apart.words_differ = 1;
  EXPECT_FALSE(within(apart, bound_of(Precision::kF32, Precision::kBF16)));
}

TEST(RunPairs, TakesTurnsAndDoesNotCountTheWarmUp) {
  std::string order;
  const auto call = [&](char name) {
    return [&order, name](std::span<const TaskInput> items) -> Result<Reply> {
      order += name;
      order += static_cast<char>('0' + items.size());
      return Reply{.report = {.backend = std::string(1, name)}};
    };
  };
  const std::vector<TaskInput> items(2);
  const auto times = run_pairs({.pairs = 3, .together = true}, items, call('a'), call('b'));
  ASSERT_TRUE(times.ok());
  EXPECT_EQ(order, "a2b2a2b2b2a2a2b2");
  EXPECT_EQ(times->first.size(), 3);
  EXPECT_EQ(times->second.size(), 3);
  EXPECT_EQ(times->second_report.backend, "b");
}

std::string result_file(std::string_view runs) {
  return std::string(R"({"schema":"accel-bench-1","model":"m","task":"t","backend":"b",)") +
         R"("device":"CPU","precision":"f32","kernels":"engine",)" +
         R"("inputs":{"count":4,"source":"generated"},)" +
         R"("machine":{"cpu":"c","usable_threads":2},"runs":)" + std::string(runs) + "}";
}

TEST(BenchFile, TellsRunsOfOneScenarioApart) {
  const auto file = parse_bench_file(
      result_file(R"([{"scenario":"clients","throughput_items_per_sec":5,"latencies_ms":[1.5,2],)"
                  R"("plan":{"clients":16,"seed":1}},)"
                  R"({"scenario":"offline","throughput_items_per_sec":5,"plan":{"seed":1}}])"));
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  ASSERT_EQ(file->runs.size(), 2);
  EXPECT_EQ(file->runs[0].name, "clients 16");
  EXPECT_THAT(file->runs[0].latencies_ms, ElementsAre(1.5, 2));
  EXPECT_TRUE(file->runs[1].latencies_ms.empty());
  EXPECT_EQ(file->inputs, "4, made with seed 1");
  EXPECT_EQ(file->machine, "c, 2 threads");
}

TEST(BenchFile, SaysWhatIsWrong) {
  EXPECT_EQ(parse_bench_file("{").status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(parse_bench_file("[]").status().message(), HasSubstr("accel-bench-1"));
  EXPECT_THAT(parse_bench_file(R"({"schema":"accel-bench-1"})").status().message(),
              HasSubstr("\"model\""));
  EXPECT_THAT(parse_bench_file(result_file("[3]")).status().message(), HasSubstr("plan"));
  EXPECT_THAT(parse_bench_file(result_file(R"([{"scenario":"offline","throughput_items_per_sec":5,)"
                                           R"("plan":{},"latencies_ms":[0]}])"))
                  .status()
                  .message(),
              HasSubstr("seed"));
}

}  // namespace
}  // namespace accel::measure
