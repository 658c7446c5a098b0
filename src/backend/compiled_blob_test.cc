#include "backend/compiled_blob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace accel::backend {
namespace {

using ::testing::HasSubstr;

BlobHeader header() {
  return {.engine = "openvino 2026.4.0-1",
          .options = {.device = "GPU.1",
                      .precision = Precision::kBF16,
                      .streams = 3,
                      .threads = 7,
                      .own_kernels = false},
          .signature = {.inputs = {{"input_ids", DType::kI64, {-1, -1}}, {"x\n", DType::kF16, {}}},
                        .outputs = {{"y", DType::kF32, {2, 384}}}},
          .executed = {.device = "GPU.1",
                       .precision = Precision::kF16,
                       .streams = 2,
                       .threads = 5,
                       .kernels = "engine"}};
}

std::string written(const BlobHeader& header, const std::string& engine_bytes) {
  std::ostringstream out;
  const Status status = write_blob(out, header, [&](std::ostream& stream) -> Status {
    stream << engine_bytes;
    return {};
  });
  EXPECT_TRUE(status.ok()) << status.to_string();
  return out.str();
}

Result<OpenedBlob> open(std::string_view text) {
  return open_blob({reinterpret_cast<const std::byte*>(text.data()), text.size()});
}

TEST(CompiledBlob, GivesBackWhatWasWritten) {
  const std::string text = written(header(), "the engine's");
  const auto blob = open(text);
  ASSERT_TRUE(blob.ok()) << blob.status().to_string();
  EXPECT_EQ(blob->engine_bytes.size(), 12);
  EXPECT_EQ(static_cast<const void*>(blob->engine_bytes.data()), text.data());
  EXPECT_EQ(blob->header.engine, "openvino 2026.4.0-1");
  EXPECT_TRUE(check_blob(blob->header, header().engine, header().options).ok());
  ASSERT_EQ(blob->header.signature.inputs.size(), 2);
  EXPECT_EQ(blob->header.signature.inputs[0].shape, (Shape{-1, -1}));
  EXPECT_EQ(blob->header.signature.inputs[1].name, "x\n");
  EXPECT_EQ(blob->header.signature.inputs[1].dtype, DType::kF16);
  EXPECT_EQ(blob->header.signature.outputs[0].shape, (Shape{2, 384}));
  EXPECT_EQ(blob->header.executed.precision, Precision::kF16);
  EXPECT_EQ(blob->header.executed.streams, 2);
  EXPECT_EQ(blob->header.executed.threads, 5);
  EXPECT_EQ(blob->header.executed.kernels, "engine");
}

TEST(CompiledBlob, TheEngineMayGoBackInItsBytes) {
  std::ostringstream out;
  const Status status = write_blob(out, header(), [](std::ostream& stream) -> Status {
    stream << "????, world";
    stream.seekp(0);
    stream << "well";
    return {};
  });
  ASSERT_TRUE(status.ok()) << status.to_string();
  const std::string text = out.str();
  ASSERT_TRUE(open(text).ok());
  EXPECT_EQ(text.substr(0, 11), "well, world");
  EXPECT_EQ(open(text)->engine_bytes.size(), 11);
}

TEST(CompiledBlob, EveryOptionCounts) {
  const BlobHeader made = header();
  EXPECT_THAT(check_blob(made, "openvino 2026.4.1", made.options).message(),
              HasSubstr("made for engine openvino 2026.4.0-1, expected openvino 2026.4.1"));
  const auto refused = [&](const auto& change) {
    CompileOptions options = made.options;
    change(options);
    return check_blob(made, made.engine, options).code() == StatusCode::kFailedPrecondition;
  };
  EXPECT_TRUE(refused([](CompileOptions& options) { options.device = "CPU"; }));
  EXPECT_TRUE(refused([](CompileOptions& options) { options.precision = Precision::kF32; }));
  EXPECT_TRUE(refused([](CompileOptions& options) { options.streams = 1; }));
  EXPECT_TRUE(refused([](CompileOptions& options) { options.threads = 1; }));
  EXPECT_TRUE(refused([](CompileOptions& options) { options.own_kernels = true; }));
}

TEST(CompiledBlob, EveryPrefixAndSuffixIsRefused) {
  const std::string text = written(header(), "the engine's");
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(open(text.substr(0, size)).ok()) << size;
    EXPECT_FALSE(open(text.substr(text.size() - size)).ok()) << size;
  }
  EXPECT_FALSE(open(text + '\0').ok());
}

TEST(CompiledBlob, AFailingWriterIsTold) {
  std::ostringstream out;
  const Status status = write_blob(
      out, header(), [](std::ostream&) { return resource_exhausted("the disk is full"); });
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace accel::backend
