// A model on several devices, and what many callers want at the same time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "accel/engine.h"
#include "base/cosine.h"
#include "models/tiny_bert.h"

namespace accel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kTinyBert = std::string(ACCEL_TEST_DATA) + "/bert-feature";

class DevicesTest : public testing::Test {
 protected:
  std::shared_ptr<Model> load(const std::string& device) {
    auto model = engine_->load({.path = kTinyBert, .device = device, .precision = Precision::kF32});
    if (!model.ok()) ADD_FAILURE() << model.status().message();
    return model.ok() ? *model : nullptr;
  }
  Status refused(const std::string& device) {
    return engine_->load({.path = kTinyBert, .device = device}).status();
  }

  models::ScratchFolder cache_;
  std::unique_ptr<Engine> engine_ =
      *Engine::create({.cache_dir = cache_.path().string(), .probe = false});
};

std::vector<std::string> some_texts(size_t count) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < count; ++i) {
    texts.push_back("text number " + std::to_string(i));
    for (size_t word = 0; word < i % 30; ++word) texts.back() += " word";
  }
  return texts;
}

// Processes that do nothing but keep the processors busy, while it lives.
class Spinners {
 public:
  explicit Spinners(unsigned count) {
    std::array<char*, 4> words{shell_.data(), command_.data(), loop_.data(), nullptr};
    for (unsigned i = 0; i < count; ++i) {
      pid_t pid = 0;
      if (posix_spawn(&pid, words[0], nullptr, nullptr, words.data(), environ) == 0) {
        pids_.push_back(pid);
      }
    }
  }
  ~Spinners() {
    for (const pid_t pid : pids_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }

 private:
  std::string shell_ = "/bin/sh";
  std::string command_ = "-c";
  std::string loop_ = "while :; do :; done";
  std::vector<pid_t> pids_;
};

int64_t largest_batch(Model& model) {
  std::vector<std::unique_ptr<PendingItem>> items;
  for (int i = 0; i < 600; ++i)
    items.push_back(*model.submit({.text = "a text of some words"}, {}));
  int64_t largest = 0;
  for (const auto& item : items) {
    const auto result = item->get();
    EXPECT_TRUE(result.ok());
    if (result.ok()) largest = std::max(largest, result->batch.tokens);
  }
  return largest;
}

// row 266
TEST_F(DevicesTest, BatchesShrinkWhileOtherProcessesTakeTheProcessors) {
  const auto model = load("CPU");
  const Spinners spinners(2 * std::thread::hardware_concurrency());
  // What others take is looked at four times a second.
  const auto looked = std::chrono::steady_clock::now() + std::chrono::milliseconds(700);
  while (std::chrono::steady_clock::now() < looked) largest_batch(*model);
  const int64_t largest = largest_batch(*model);
  EXPECT_GT(largest, 16) << "nothing ran together";
  EXPECT_LT(largest, 240) << "of 320 otherwise";
}

// row 25
TEST_F(DevicesTest, AutoNamesTheDeviceThatRan) {
  const auto model = load("AUTO");
  const auto result = model->embed({"a text"});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->report.device, "CPU");
  EXPECT_FALSE(result->report.fallback);
}

// row 32
TEST_F(DevicesTest, WhatIsNotThereIsLeftOutAndSaid) {
  const auto model = load("MULTI:GPU(1.5),CPU(1.0)");
  const auto result = model->embed({"a text"});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->report.device, "CPU");
  EXPECT_THAT(result->report.notices, ElementsAre(HasSubstr("GPU not on this machine")));
  EXPECT_EQ(refused("MULTI:GPU,NPU").code(), StatusCode::kNotFound);
}

// row 29
TEST_F(DevicesTest, TwoPartsOfTheCpuShareByTheirWeights) {
  const auto model = load("MULTI:CPU/1(2),CPU/1(1)");
  const auto texts = some_texts(6000);
  const auto result = model->embed(texts);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->report.device, "CPU/1+CPU/1");
  const auto shares = model->statistics().shares;
  ASSERT_EQ(shares.size(), 2);
  EXPECT_EQ(shares[0].device, "CPU/1#0");
  EXPECT_NEAR(shares[0].worked_seconds / shares[1].worked_seconds, 2, 0.2);
  EXPECT_EQ(shares[0].rows + shares[1].rows, texts.size());

  const auto plain = load("CPU")->embed(texts);
  ASSERT_TRUE(plain.ok());
  const auto size = static_cast<size_t>(plain->embeddings.shape()[1]);
  for (size_t i = 0; i < texts.size(); i += 151) {
    EXPECT_GT(cosine_similarity(result->embeddings.data<float>().subspan(i * size, size),
                                plain->embeddings.data<float>().subspan(i * size, size)),
              0.999999);
  }
}

TEST_F(DevicesTest, APartOfTheCpuHasItsThreads) {
  const auto model = load("CPU/1");
  const auto result = model->embed({"a text"});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->report.threads, 1);
  EXPECT_EQ(result->report.device, "CPU/1");
}

// Sixteen callers of single texts, by embed() and by submit(), get what they would get alone.
TEST_F(DevicesTest, ManyCallersGetTheirOwnAnswers) {
  const auto model = load("CPU");
  const auto texts = some_texts(64);
  std::vector<std::vector<float>> alone;
  for (const std::string& text : texts) {
    const auto result = model->embed({text});
    ASSERT_TRUE(result.ok());
    const auto values = result->embeddings.data<float>();
    alone.emplace_back(values.begin(), values.end());
  }
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (size_t caller = 0; caller < 16; ++caller) {
    callers.emplace_back([&, caller] {
      for (size_t i = 0; i < 50; ++i) {
        const size_t at = (caller * 7 + i) % texts.size();
        if (i % 2 == 0) {
          const auto result = model->embed({texts[at]});
          if (!result.ok() ||
              cosine_similarity(result->embeddings.data<float>(), alone[at]) < 0.999999) {
            ++wrong;
          }
          continue;
        }
        auto pending = model->submit({.text = texts[at]}, {.task = "sentence-embedding"});
        const auto item = pending.ok() ? (*pending)->get() : Result<ItemResult>(pending.status());
        if (!item.ok() ||
            cosine_similarity(std::get<Features>(item->result.answer).values.data<float>(),
                              alone[at]) < 0.999999) {
          ++wrong;
        }
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
  const ModelStatistics statistics = model->statistics();
  EXPECT_EQ(statistics.submitted, statistics.answered);
  EXPECT_LT(statistics.batches, statistics.rows) << "none ran together";
}

TEST_F(DevicesTest, UnloadingDuringARunLosesNothing) {
  for (int round = 0; round < 10; ++round) {
    const auto model = load("CPU");
    std::atomic<int> ended = 0;
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 8; ++caller) {
      callers.emplace_back([&] {
        for (int i = 0; i < 20; ++i) {
          const auto result = model->embed({"some text"});
          const bool defined = result.ok() || result.status().code() == StatusCode::kCancelled ||
                               result.status().code() == StatusCode::kFailedPrecondition;
          if (defined) ++ended;
        }
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(round));
    EXPECT_TRUE(model->unload().ok());
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(ended, 160);
  }
}

}  // namespace
}  // namespace accel
