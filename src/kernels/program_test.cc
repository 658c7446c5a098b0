// Programs of several steps, against the same steps run one at a time.
#include "kernels/program.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

#include "kernels/tables.h"

namespace accel::kernels {
namespace {

using Floats = std::vector<float>;

Floats random_values(int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> between(-1, 1);
  Floats values(static_cast<size_t>(count));
  for (float& value : values) value = between(random);
  return values;
}

Threads threads_of(int count) {
  return {.count = count, .run = [](int tasks, const std::function<void(int)>& task) {
            std::vector<std::thread> threads;
            for (int i = 0; i < tasks; ++i) threads.emplace_back(task, i);
            for (std::thread& thread : threads) thread.join();
          }};
}

class ProgramTest : public ::testing::TestWithParam<const KernelTable*> {
 protected:
  static constexpr int64_t kWidth = 64;

  std::shared_ptr<const DenseLayer> layer(int64_t in, int64_t out, unsigned seed, bool norm) const {
    const Floats weight = random_values(in * out, seed);
    DenseParts parts{.weight = weight.data(), .in = in, .out = out};
    parts.bias = random_values(out, seed + 1);
    if (norm) {
      parts.gamma = random_values(out, seed + 2);
      parts.beta = random_values(out, seed + 3);
      parts.epsilon = 1e-5F;
    }
    return std::make_shared<DenseLayer>(std::move(parts), *table_, Threads{});
  }

  // Two encoder layers: input 0, results 1 to 14.
  std::vector<Step> two_encoder_layers() const {
    std::vector<Step> steps;
    for (Value x = 0; x < 12; x += 6) {
      const auto seed = static_cast<unsigned>(x) * 100;
      for (unsigned i = 0; i < 3; ++i) {
        steps.emplace_back(DenseStep{layer(kWidth, kWidth, seed + i * 10, false), x});
      }
      steps.emplace_back(AttentionStep{table_, 4, 0.25F, x + 1, x + 2, x + 3, 0});
      steps.emplace_back(DenseStep{layer(kWidth, kWidth, seed + 40, true), x + 4, x});
      steps.emplace_back(DenseStep{layer(kWidth, kWidth, seed + 50, true), x + 5, x + 5});
    }
    return steps;
  }

  // Each step as a program of its own.
  static std::vector<Floats> one_at_a_time(const std::vector<Step>& steps, const Floats& x,
                                           int64_t batch, int64_t length,
                                           const AttentionMask& mask) {
    std::vector<Floats> values{x};
    for (const Step& step : steps) {
      Step alone = step;
      std::vector<Value> read;
      if (auto* dense = std::get_if<DenseStep>(&alone)) {
        read = {dense->x, dense->residual == kNoValue ? dense->x : dense->residual};
        dense->x = 0;
        if (dense->residual != kNoValue) dense->residual = 1;
      } else {
        auto& attention = std::get<AttentionStep>(alone);
        read = {attention.query, attention.key, attention.value};
        attention.query = 0, attention.key = 1, attention.value = 2;
      }
      ProgramParts parts{.steps = {alone}};
      std::vector<ProgramInput> inputs;
      for (const Value value : read) {
        parts.input_widths.push_back(kWidth);
        inputs.push_back({values[static_cast<size_t>(value)].data(), batch, length});
      }
      parts.outputs = {static_cast<Value>(inputs.size())};
      Floats out(x.size());
      float* const outputs[] = {out.data()};
      Program(std::move(parts)).run({inputs, {&mask, 1}, outputs}, {});
      values.push_back(std::move(out));
    }
    return values;
  }

  const KernelTable* table_ = GetParam();
};

TEST_P(ProgramTest, StepsTogetherGiveWhatTheyGiveAlone) {
  const std::vector<Step> steps = two_encoder_layers();
  const Program program({.input_widths = {kWidth}, .steps = steps, .outputs = {6, 12}});
  for (const int threads : {1, 2, 3}) {
    for (const auto& [batch, length] :
         {std::pair<int64_t, int64_t>{1, 1}, {1, 9}, {3, 7}, {8, 40}}) {
      SCOPED_TRACE(::testing::Message() << threads << " threads, " << batch << " x " << length);
      const Floats x = random_values(batch * length * kWidth, 77);
      const Floats mask_row = random_values(length, 78);
      const AttentionMask mask{.data = mask_row.data()};
      const auto expected = one_at_a_time(steps, x, batch, length, mask);
      Floats first(x.size());
      Floats last(x.size());
      float* const outputs[] = {first.data(), last.data()};
      const ProgramInput input{x.data(), batch, length};
      program.run({{&input, 1}, {&mask, 1}, outputs}, threads_of(threads));
      for (size_t i = 0; i < x.size(); ++i) {
        ASSERT_NEAR(first[i], expected[6][i], 1e-5) << "element " << i;
        ASSERT_NEAR(last[i], expected[12][i], 1e-5) << "element " << i;
      }
    }
  }
}

TEST_P(ProgramTest, TimesOfStepsAddUpToNoMoreThanTheRun) {
  const std::vector<Step> steps = two_encoder_layers();
  const Program timed(
      {.input_widths = {kWidth}, .steps = steps, .outputs = {6, 12}, .timed = true});
  const Program plain({.input_widths = {kWidth}, .steps = steps, .outputs = {6, 12}});
  constexpr int64_t kLength = 300;
  const Floats x = random_values(kLength * kWidth, 77);
  const AttentionMask mask;
  const ProgramInput input{x.data(), 1, kLength};
  Floats answers[2][2];
  double seconds = 0;
  for (const Program* program : {&plain, &timed}) {
    Floats* found = answers[program == &timed ? 1 : 0];
    found[0].resize(x.size());
    found[1].resize(x.size());
    float* const outputs[] = {found[0].data(), found[1].data()};
    const auto began = Clock::now();
    program->run({{&input, 1}, {&mask, 1}, outputs}, threads_of(2));
    seconds = seconds_since(began);
  }
  EXPECT_EQ(answers[0][0], answers[1][0]);
  EXPECT_EQ(answers[0][1], answers[1][1]);
  EXPECT_TRUE(plain.step_seconds().empty());
  ASSERT_EQ(timed.step_seconds().size(), steps.size());
  double sum = 0;
  for (const double step : timed.step_seconds()) {
    EXPECT_GT(step, 0);
    sum += step;
  }
  EXPECT_LE(sum, seconds * 1.0001);
}

TEST_P(ProgramTest, CallsAtTheSameTimeDoNotMeet) {
  const std::vector<Step> steps = two_encoder_layers();
  const Program program({.input_widths = {kWidth}, .steps = steps, .outputs = {12}});
  const auto run = [&](unsigned seed, int64_t length) {
    const Floats x = random_values(length * kWidth, seed);
    const AttentionMask mask;
    Floats out(x.size());
    float* const outputs[] = {out.data()};
    const ProgramInput input{x.data(), 1, length};
    program.run({{&input, 1}, {&mask, 1}, outputs}, {});
    return out;
  };
  std::vector<std::thread> callers;
  for (unsigned caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      const Floats alone = run(caller, 5 + caller);
      for (int i = 0; i < 20; ++i) {
        run(caller + 100, 30 - i);  // blocks of memory of other sizes come and go
        EXPECT_EQ(run(caller, 5 + caller), alone);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST_P(ProgramTest, ResultsHaveTheRowsOfWhatTheyBeganWith) {
  const Program program(
      {.input_widths = {16, 16},
       .steps = {DenseStep{layer(16, 32, 1, false), 1}, AttentionStep{table_, 1, 1.0F, 0, 1, 1},
                 DenseStep{layer(16, 48, 2, false), 3}},
       .outputs = {2, 4}});
  EXPECT_EQ(program.rows_from(2), 1);
  EXPECT_EQ(program.rows_from(4), 0);
  EXPECT_EQ(program.width(2), 32);
  EXPECT_EQ(program.width(3), 16);
  EXPECT_EQ(program.width(4), 48);
}

// Every table that this processor can run, not the fastest alone.
INSTANTIATE_TEST_SUITE_P(Tables, ProgramTest, ::testing::ValuesIn(kernel_tables()),
                         [](const auto& table) { return std::string(table.param->name); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ProgramTest);

}  // namespace
}  // namespace accel::kernels
