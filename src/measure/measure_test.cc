#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "measure/chart.h"
#include "measure/figures.h"
#include "measure/layer_times.h"
#include "measure/sample_items.h"
#include "measure/scenario.h"
#include "measure/statistics.h"

namespace accel::measure {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<double> up_to(int n) {
  std::vector<double> values(static_cast<size_t>(n));
  std::iota(values.begin(), values.end(), 1.0);
  return values;
}

TEST(Percentile, IsTheValueThatSoManyDoNotExceed) {
  EXPECT_EQ(percentile(up_to(100), 95), 95);
  EXPECT_EQ(percentile(up_to(20), 95), 19);  // 0.95 * 20 is more than 19 in binary
  EXPECT_EQ(percentile(up_to(10), 95), 10);
  EXPECT_EQ(percentile(up_to(10), 50), 5);
  EXPECT_EQ(percentile(up_to(3), 0), 1);
  EXPECT_EQ(percentile(up_to(3), 100), 3);
  EXPECT_EQ(percentile({}, 95), 0);
}

TEST(Summarize, GivesMeanExtremesAndPercentilesOfAnyOrder) {
  const Summary summary = summarize({4, 2, 9, 1, 5, 3, 7, 10, 8, 6});
  EXPECT_EQ(summary.count, 10);
  EXPECT_DOUBLE_EQ(summary.avg, 5.5);
  EXPECT_EQ(summary.min, 1);
  EXPECT_EQ(summary.max, 10);
  EXPECT_EQ(summary.p90, 9);
  EXPECT_EQ(summarize({}).count, 0);
}

TEST(Median, OfAnEvenNumberIsBetweenTheMiddleTwo) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
  EXPECT_EQ(median({}), 0);
}

TEST(PairedRatio, SeesThroughADisturbanceThatMeetsBothOfAPair) {
  std::vector<double> before;
  std::vector<double> after;
  for (int i = 0; i < 21; ++i) {
    const double load = 1 + i % 7;
    const double noise = 1 + 0.01 * (i % 5);
    before.push_back(2 * load * noise);
    after.push_back(load);
  }
  const RatioInterval paired = paired_ratio(before, after);
  EXPECT_THAT(paired.ratio, DoubleNear(2.04, 0.03));
  EXPECT_LE(paired.low, paired.ratio);
  EXPECT_GE(paired.high, paired.ratio);
  EXPECT_LT(paired.high - paired.low, 0.1);
  const RatioInterval unpaired = unpaired_ratio(before, after);
  EXPECT_GT(unpaired.high - unpaired.low, paired.high - paired.low);
  EXPECT_EQ(paired_ratio(before, after).low, paired.low) << "the same each time";
  EXPECT_EQ(paired_ratio({}, {}).ratio, 0);
}

TEST(Arrivals, AreThatManyPerSecondAndIndependent) {
  const std::vector<double> moments = poisson_arrivals(100, 20'000, 7);
  EXPECT_THAT(moments.back(), DoubleNear(200, 5));
  // The gaps of a Poisson process are as spread as they are long.
  double square = 0;
  for (size_t i = 1; i < moments.size(); ++i) square += std::pow(moments[i] - moments[i - 1], 2);
  EXPECT_THAT(square / 20'000, DoubleNear(2 * 0.01 * 0.01, 1e-5));
  EXPECT_TRUE(std::ranges::is_sorted(moments));
  EXPECT_EQ(poisson_arrivals(100, 20'000, 7), moments);
  EXPECT_NE(poisson_arrivals(100, 20'000, 8), moments);
}

TEST(Scenarios, AreKnownByName) {
  for (const ScenarioFacts& facts : scenarios()) {
    EXPECT_EQ(*parse_scenario(facts.name), facts.scenario);
  }
  EXPECT_THAT(parse_scenario("serv").status().message(), HasSubstr("server"));
}

Recording made_recording() {
  Recording recording{.wall_s = 2, .items = 6, .tokens = 60, .padded_tokens = 20};
  recording.queries = {
      {.due = 0, .began = 0.1, .ended = 1, .items = 2, .phases = {0.2, 0.1, 0.6, 0.1}},
      {.due = 1, .began = 1, .ended = 2, .items = 4, .phases = {0, 0.4, 0.5, 0.1}}};
  recording.memory = {{0, 100 << 20}, {1, 140 << 20}, {2, 120 << 20}};
  return recording;
}

TEST(Figures, AddUp) {
  const Figures figures = figures_of(made_recording());
  EXPECT_EQ(figures.latency_ms.count, 2);
  EXPECT_DOUBLE_EQ(figures.latency_ms.avg, 1000);
  EXPECT_DOUBLE_EQ(figures.split_ms.sum(), figures.latency_ms.avg);
  EXPECT_DOUBLE_EQ(figures.split_ms.queue, 100);
  EXPECT_EQ(figures.items_per_s, 3);
  EXPECT_EQ(figures.tokens_per_s, 30);
  EXPECT_EQ(figures.padding, 0.25);
  EXPECT_NEAR(figures.slices_items_per_s.avg, figures.items_per_s, 1e-9);
  EXPECT_EQ(figures.slices_items_per_s.count, kSlices);
  EXPECT_EQ(figures.memory_mb.max, 140);
  EXPECT_EQ(figures.steady_mb, 120);
  EXPECT_EQ(figures_of({}).items_per_s, 0);
}

LayersReport made_layers(double scale) {
  LayerReport program{.name = "p", .type = "Program", .kernel = "accel", .seconds = 5 * scale};
  program.steps = {{.type = "Dense 2x2", .kernel = "accel", .seconds = 1 * scale},
                   {.type = "Dense 2x2", .kernel = "accel", .seconds = 3 * scale}};
  return {
      .layers = {{.name = "g", .type = "Gather", .kernel = "ref", .seconds = 2 * scale}, program},
      .runs = static_cast<uint64_t>(scale * 10),
      .seconds = 8 * scale};
}

TEST(LayerTimes, AreThoseBetweenTwoMoments) {
  const LayersReport between = layers_between(made_layers(1), made_layers(3));
  EXPECT_EQ(between.runs, 20);
  EXPECT_EQ(between.seconds, 16);
  EXPECT_EQ(between.layers[0].seconds, 4);
  EXPECT_EQ(between.layers[1].steps[1].seconds, 6);
}

TEST(LayerTimes, SumUpToTheRuns) {
  const std::vector<KindTime> kinds = times_by_kind(made_layers(1));
  double sum = 0;
  for (const KindTime& kind : kinds) sum += kind.seconds;
  EXPECT_EQ(sum, 8);
  EXPECT_EQ(kinds.front().type, "Dense 2x2");
  EXPECT_EQ(kinds.front().layers, 2);
  EXPECT_EQ(kinds.front().seconds, 4);
  EXPECT_EQ(kinds[1].type, "Gather");
  EXPECT_EQ(kinds[2].seconds, 1) << "of the program what is none of its steps'";
  EXPECT_EQ(kinds.back().type, "between layers");
  EXPECT_EQ(kinds.back().seconds, 1);
}

TEST(Chart, ShowsPercentilesAndEscapesNames) {
  const std::string svg = to_svg({{"a <model> & more", "f32", up_to(100)}, {"b", "", {}}});
  EXPECT_THAT(svg, HasSubstr("a &lt;model&gt; &amp; more"));
  EXPECT_THAT(svg, HasSubstr("p90 90 ms"));
  EXPECT_THAT(svg, HasSubstr("</svg>"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(SampleItems, AreTheSameForASeedAndOfManySizes) {
  const std::vector<std::string> texts = sample_texts(64, 3);
  EXPECT_EQ(sample_texts(64, 3), texts);
  EXPECT_NE(sample_texts(64, 4), texts);
  const auto [shortest, longest] = std::ranges::minmax(texts, {}, &std::string::size);
  EXPECT_LT(shortest.size(), 60);
  EXPECT_GT(longest.size(), 500);
}

TEST(SampleItems, HaveThePartsOfTheirTask) {
  const TaskReport answering{.name = "question-answering",
                             .inputs = {{"question", "text"}, {"context", "second_text"}}};
  const auto questions = sample_items(answering, {.count = 3});
  ASSERT_TRUE(questions.ok());
  EXPECT_EQ(questions->size(), 3);
  EXPECT_FALSE(questions->front().text.empty());
  EXPECT_TRUE(questions->front().second_text.has_value());

  const TaskReport seeing{.name = "zero-shot-image-classification",
                          .inputs = {{"image", "media"}, {"candidate_labels", "choices"}}};
  const auto pictures = sample_items(seeing, {.count = 2});
  ASSERT_TRUE(pictures.ok());
  EXPECT_TRUE(pictures->front().media->starts_with("\x89PNG"));
  EXPECT_EQ(pictures->front().choices.size(), 4);
  EXPECT_TRUE(pictures->front().text.empty());

  const TaskReport hearing{.name = "audio-classification", .inputs = {{"audio", "media"}}};
  const auto sounds = sample_items(hearing, {.count = 1});
  ASSERT_TRUE(sounds.ok());
  EXPECT_TRUE(sounds->front().media->starts_with("RIFF"));

  const TaskReport unknown{.name = "video", .inputs = {{"video", "media"}}};
  EXPECT_EQ(sample_items(unknown, {.count = 1}).status().code(), StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace accel::measure
