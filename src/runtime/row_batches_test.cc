#include "runtime/row_batches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace accel::runtime {
namespace {

Tensor integers(Shape shape, const std::vector<int64_t>& values) {
  return Tensor::from<int64_t>(std::move(shape), values);
}

Row text_row(const std::vector<int64_t>& ids) {
  return {{{"input_ids", integers({std::ssize(ids)}, ids)},
           {"attention_mask", integers({std::ssize(ids)}, std::vector<int64_t>(ids.size(), 1))}}};
}

Row image_row(Shape shape, float value) {
  const std::vector<float> pixels(*element_count(shape), value);
  return {{{"pixel_values", Tensor::from<float>(std::move(shape), pixels)}}};
}

std::vector<int64_t> values_of(const NamedTensors& tensors, std::string_view name) {
  const auto data = find(tensors, name)->data<int64_t>();
  return {data.begin(), data.end()};
}

TEST(RowBatches, ShorterRowsArePaddedAtTheEnd) {
  const Row rows[] = {text_row({7, 8, 9}), text_row({5})};
  const Row* members[] = {&rows[0], &rows[1]};
  const NamedTensors stacked = stack_rows(members, 99);
  EXPECT_EQ(find(stacked, "input_ids")->shape(), (Shape{2, 3}));
  EXPECT_EQ(values_of(stacked, "input_ids"), (std::vector<int64_t>{7, 8, 9, 5, 99, 99}));
  EXPECT_EQ(values_of(stacked, "attention_mask"), (std::vector<int64_t>{1, 1, 1, 1, 0, 0}));
}

TEST(RowBatches, EveryAxisIsPadded) {
  const Row rows[] = {{{{"input_ids", integers({2, 2}, {1, 2, 3, 4})}}},
                      {{{"input_ids", integers({1, 3}, {5, 6, 7})}}}};
  const Row* members[] = {&rows[0], &rows[1]};
  const NamedTensors stacked = stack_rows(members, 0);
  EXPECT_EQ(find(stacked, "input_ids")->shape(), (Shape{2, 2, 3}));
  EXPECT_EQ(values_of(stacked, "input_ids"),
            (std::vector<int64_t>{1, 2, 0, 3, 4, 0, 5, 6, 7, 0, 0, 0}));
}

TEST(RowBatches, EachRowRunsOnceWithItsLike) {
  const std::vector<Row> rows = {image_row({3, 2, 2}, 1), text_row({1, 2}), image_row({3, 4, 2}, 2),
                                 image_row({3, 2, 2}, 3), text_row({3, 4, 5})};
  const auto batches = cut_row_batches(rows, {});
  std::multiset<uint32_t> seen;
  for (const RowBatch& batch : batches) {
    seen.insert(batch.rows.begin(), batch.rows.end());
    std::set<std::string> shapes;
    for (const uint32_t row : batch.rows) {
      const Tensor* pixels = find(rows[row].inputs, "pixel_values");
      shapes.insert(pixels == nullptr ? "text" : to_string(pixels->shape()));
    }
    EXPECT_EQ(shapes.size(), 1U);
  }
  EXPECT_EQ(seen, (std::multiset<uint32_t>{0, 1, 2, 3, 4}));
}

TEST(RowBatches, ImagesComeInSmallBatches) {
  std::vector<Row> rows;
  for (int i = 0; i < 5; ++i) rows.push_back(image_row({3, 2, 2}, 0));
  const auto batches = cut_row_batches(rows, {.max_rows = 2});
  ASSERT_EQ(batches.size(), 3U);
  EXPECT_EQ(batches[2].rows, (std::vector<uint32_t>{4}));
}

TEST(RowBatches, ARowOfTheOutputsIsCutOut) {
  const NamedTensors outputs = {{"logits", integers({2, 3}, {1, 2, 3, 4, 5, 6})}};
  const NamedTensors row = take_row(outputs, 1);
  EXPECT_EQ(row[0].tensor.shape(), (Shape{3}));
  EXPECT_EQ(values_of(row, "logits"), (std::vector<int64_t>{4, 5, 6}));
}

}  // namespace
}  // namespace accel::runtime
