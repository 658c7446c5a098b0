#include "pipelines/row_memory.h"

#include <gtest/gtest.h>

#include <vector>

namespace accel::pipelines {
namespace {

runtime::Row row(const std::vector<int64_t>& ids) {
  return {{{"input_ids", Tensor::from<int64_t>({std::ssize(ids)}, ids)}}};
}

TEST(RowMemory, KnowsARowByItsNumbers) {
  RowMemory memory;
  memory.keep(RowMemory::key(row({1, 2})),
              {{"embedding", Tensor::from<float>({1}, std::vector<float>{7})}});
  const auto found = memory.find(RowMemory::key(row({1, 2})));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(find(*found, "embedding")->data<float>()[0], 7);
  EXPECT_FALSE(memory.find(RowMemory::key(row({1, 3}))));
  EXPECT_FALSE(memory.find(RowMemory::key(row({1}))));
}

TEST(RowMemory, ForgetsRatherThanGrow) {
  RowMemory memory;
  const Tensor large = Tensor::allocate(DType::kF32, {RowMemory::kBytesMax / 4 / 3});
  for (int64_t i = 0; i < 10; ++i) memory.keep(RowMemory::key(row({i})), {{"x", large}});
  int64_t known = 0;
  for (int64_t i = 0; i < 10; ++i) known += memory.find(RowMemory::key(row({i}))) ? 1 : 0;
  EXPECT_GE(known, 1);
  EXPECT_LE(known, 3);
}

}  // namespace
}  // namespace accel::pipelines
