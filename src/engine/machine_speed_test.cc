#include "engine/machine_speed.h"

#include <gtest/gtest.h>

#include "kernels/tables.h"
#include "models/tiny_bert.h"

namespace accel::engine {
namespace {

constexpr uint64_t kMebibyte = 1U << 20U;

TEST(MachineSpeed, MeasuresWhatTheProcessorReallyDoes) {
  const MachineSpeed speed =
      measure_machine_speed({.threads = 2, .seconds_each = 0.01, .memory_bytes = 8 * kMebibyte});
  EXPECT_EQ(speed.threads, 2);
  EXPECT_GT(speed.memory_gb_per_s, 0.01);
  EXPECT_LT(speed.memory_gb_per_s, 10'000);
  EXPECT_EQ(speed.kernels.empty(), kernels::kernel_tables().empty());
  if (!speed.kernels.empty()) {
    EXPECT_GT(speed.gflops_one, 0.01);
    EXPECT_LT(speed.gflops_one, 10'000);
    EXPECT_GT(speed.gflops_all, 0.01);
  }
}

TEST(MachineSpeed, ReadsMoreThanTheCachesHoldAndLessThanThereIs) {
  EXPECT_EQ(bytes_beyond_caches(32 * kMebibyte, 16'000 * kMebibyte), 128 * kMebibyte);
  EXPECT_EQ(bytes_beyond_caches(0, 16'000 * kMebibyte), 64 * kMebibyte);
  EXPECT_EQ(bytes_beyond_caches(1152 * kMebibyte, 160'000 * kMebibyte), 1024 * kMebibyte);
  EXPECT_EQ(bytes_beyond_caches(32 * kMebibyte, 256 * kMebibyte), 32 * kMebibyte);
  EXPECT_EQ(bytes_beyond_caches(32 * kMebibyte, 0), 128 * kMebibyte);  // not known
}

TEST(MachineSpeed, IsRememberedByProcessorAndThreads) {
  const models::ScratchFolder cache;
  const auto facts = store::Facts::create({.folder = cache.path() / "facts"});
  EXPECT_EQ(recall_machine_speed(*facts, "a cpu", 2).status().code(), StatusCode::kNotFound);
  MachineSpeed speed;
  speed.kernels = "avx2";
  speed.threads = 2;
  speed.gflops_one = 50;
  speed.gflops_all = 90.5;
  speed.memory_gb_per_s = 20.25;
  speed.measured_at = "2026-11-30T09:30:00Z";
  remember_machine_speed(*facts, "a cpu", speed);
  EXPECT_TRUE(speed.remembered);
  const auto found = recall_machine_speed(*facts, "a cpu", 2);
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  EXPECT_EQ(found->kernels, "avx2");
  EXPECT_EQ(found->gflops_one, 50);
  EXPECT_EQ(found->gflops_all, 90.5);
  EXPECT_EQ(found->memory_gb_per_s, 20.25);
  EXPECT_EQ(found->measured_at, "2026-11-30T09:30:00Z");
  EXPECT_TRUE(found->remembered);
  EXPECT_FALSE(recall_machine_speed(*facts, "a cpu", 3).ok());
  EXPECT_FALSE(recall_machine_speed(*facts, "another", 2).ok());
}

}  // namespace
}  // namespace accel::engine
