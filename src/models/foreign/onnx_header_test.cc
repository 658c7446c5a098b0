#include "models/foreign/onnx_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/foreign/onnx_bytes.h"
#include "models/tiny_bert.h"

namespace accel::models::foreign {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::string node(std::string_view name, std::string_view operation,
                 std::string_view attribute = {}) {
  return bytes_field(1, bytes_field(2, std::string(name) + "_out") + bytes_field(3, name) +
                            bytes_field(4, operation) +
                            (attribute.empty() ? "" : bytes_field(5, attribute)));
}

OnnxHeader parsed(const std::string& bytes) {
  const auto header = parse_onnx_header(bytes);
  EXPECT_TRUE(header.ok()) << header.status().to_string();
  return header.ok() ? *header : OnnxHeader();
}

TEST(OnnxHeader, SaysVersionsNodesAndFiles) {
  const std::string inner =
      bytes_field(6, node("deep", "Add") + bytes_field(5, external_tensor("w2", "b.data")));
  const std::string bytes =
      onnx_model(17, node("a", "Relu") + node("b", "If", inner) +
                         bytes_field(5, external_tensor("w", "a.data", "16", "48")) +
                         bytes_field(5, external_tensor("v", "a.data", "0", "16")));
  EXPECT_TRUE(looks_like_onnx(bytes));
  const OnnxHeader header = parsed(bytes);
  EXPECT_EQ(header.ir_version, 8);
  EXPECT_EQ(header.producer, "a test");
  EXPECT_THAT(header.opsets, ElementsAre(Pair("", 17)));
  EXPECT_EQ(header.nodes, 3u);
  ASSERT_EQ(header.data_files.size(), 2u);
  EXPECT_EQ(header.data_files.at("a.data").end, 64u);
  EXPECT_EQ(header.data_files.at("b.data").tensor, "w2");
  EXPECT_THAT(onnx_node_names(bytes), ElementsAre(Pair("a_out", "a"), Pair("b_out", "b")));
}

TEST(OnnxHeader, RefusesOpsetsThatAreNotKnown) {
  for (const uint64_t opset : {uint64_t{0}, uint64_t{29}, uint64_t{999}}) {
    const Status status = parse_onnx_header(onnx_model(opset, node("a", "Relu"))).status();
    EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
    EXPECT_THAT(status.message(), AllOf(HasSubstr("from 1 to 28"), HasSubstr("export")));
  }
}

TEST(OnnxHeader, RefusesWindowsThatTheFrontEndWouldLeaveOut) {
  const auto attention = [](std::string_view name, uint64_t size) {
    return parse_onnx_header(onnx_model(25, node("self", "Attention",
                                                 bytes_field(1, name) + number_field(3, size))))
        .status();
  };
  const Status refused = attention("left_window_size", 4);
  EXPECT_EQ(refused.code(), StatusCode::kUnimplemented);
  EXPECT_THAT(refused.message(), HasSubstr("\"self\""));
  EXPECT_TRUE(attention("left_window_size", ~uint64_t{0}).ok());  // -1: no window
  EXPECT_TRUE(attention("q_num_heads", 4).ok());
}

TEST(OnnxHeader, RefusesWhatTheFrontEndWouldLeaveOut) {
  const auto text = [](std::string_view name, std::string_view value) {
    return bytes_field(5, bytes_field(1, name) + bytes_field(4, value));
  };
  const auto number = [](std::string_view name, uint64_t value) {
    return bytes_field(5, bytes_field(1, name) + number_field(3, value));
  };
  const auto inputs = [](size_t count) {
    std::string bytes;
    for (size_t i = 0; i < count; ++i) bytes += bytes_field(1, "x");
    return bytes;
  };
  const auto status = [](std::string_view operation, const std::string& rest, uint64_t opset = 20) {
    const std::string node =
        bytes_field(1, bytes_field(3, "here") + bytes_field(4, operation) + rest);
    return parse_onnx_header(onnx_model(opset, node)).status();
  };
  const std::string antialias = number("antialias", 1) + text("mode", "linear");
  const std::string outside = number("exclude_outside", 1) + text("mode", "cubic");
  const std::string ratio = inputs(4) + text("keep_aspect_ratio_policy", "not_larger");
  const std::vector<std::pair<std::string_view, std::string>> refused{
      {"GRU", number("layout", 1)},
      {"RNN", number("layout", 1)},
      {"LSTM", number("layout", 1)},
      {"LSTM", inputs(8)},
      {"Resize", antialias},
      {"Resize", outside},
      {"Resize", ratio},
      {"RoiAlign", text("mode", "max")},
      {"DFT", inputs(3)},
      {"SpaceToDepth", text("mode", "CRD")}};
  for (const auto& [operation, rest] : refused) {
    EXPECT_EQ(status(operation, rest).code(), StatusCode::kUnimplemented) << operation;
    EXPECT_THAT(status(operation, rest).message(),
                AllOf(HasSubstr(std::string(operation) + " (at \"here\")"), HasSubstr("export")));
    EXPECT_TRUE(status(operation, rest + bytes_field(7, "com.acme")).ok()) << operation;
    EXPECT_TRUE(status(operation, "").ok()) << operation;
  }
  EXPECT_TRUE(status("DFT", inputs(3), 17).ok());
}

TEST(OnnxHeader, NamesInputsThatAreNoWeights) {
  const OnnxHeader header = parsed(
      onnx_model(17, bytes_field(11, bytes_field(1, "x")) + bytes_field(11, bytes_field(1, "w")) +
                         node("a", "Relu") + bytes_field(5, external_tensor("w", "a.data"))));
  EXPECT_THAT(header.inputs, ElementsAre("x"));
}

TEST(OnnxHeader, RefusesWhatIsNoModel) {
  const std::string whole = onnx_model(17, node("a", "Relu"));
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(parse_onnx_header(whole.substr(0, size)).status().code(), StatusCode::kDataLoss)
        << size;
  }
  EXPECT_FALSE(looks_like_onnx("<?xml version=\"1.0\"?>"));
  EXPECT_FALSE(looks_like_onnx("{\"json\": true}"));
  std::string nested = node("end", "Relu");
  for (int i = 0; i < 80; ++i) nested = node("n", "If", bytes_field(6, nested));
  EXPECT_THAT(parse_onnx_header(onnx_model(17, nested)).status().message(),
              HasSubstr("graphs inside graphs"));
  const std::string twice = external_tensor("w", "a") +
                            bytes_field(13, bytes_field(1, "location") + bytes_field(2, "../b"));
  EXPECT_THAT(parse_onnx_header(onnx_model(17, bytes_field(5, twice))).status().message(),
              HasSubstr("twice"));
}

class DataFiles : public testing::Test {
 protected:
  Result<std::vector<fs::path>> check(const std::string& location,
                                      const std::string& length = "16") const {
    return check_data_files(
        parsed(onnx_model(17, bytes_field(5, external_tensor("w", location, "0", length)))),
        folder_.path() / "model");
  }
  void SetUp() override {
    folder_.write("model/w.data", std::string_view("0123456789abcdef"));
    folder_.write("outside.data", std::string_view("0123456789abcdef"));
  }
  const ScratchFolder folder_;
};

TEST_F(DataFiles, AreFoundBesideTheModel) {
  const auto files = check("w.data");
  ASSERT_TRUE(files.ok()) << files.status().to_string();
  EXPECT_THAT(*files, ElementsAre(folder_.path() / "model" / "w.data"));
}

TEST_F(DataFiles, OutsideTheFolderAreRefused) {
  const std::string absolute = (folder_.path() / "outside.data").string();
  for (const std::string& location : {std::string("../outside.data"), absolute, std::string(),
                                      std::string("a/../../outside.data")}) {
    EXPECT_EQ(check(location).status().code(), StatusCode::kInvalidArgument) << location;
  }
  fs::create_symlink("../outside.data", folder_.path() / "model" / "link.data");
  const Status link = check("link.data").status();
  EXPECT_EQ(link.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(link.message(), HasSubstr("found a link to"));
}

TEST_F(DataFiles, OfAHubCacheAreLinksIntoItsBlobs) {
  const fs::path repository = folder_.path() / "models--org--name";
  folder_.write(repository / "blobs" / "abc", std::string_view("0123456789abcdef"));
  fs::create_directories(repository / "snapshots" / "1" / "onnx");
  fs::create_symlink("../../../blobs/abc", repository / "snapshots" / "1" / "onnx" / "w.data");
  const auto files =
      check_data_files(parsed(onnx_model(17, bytes_field(5, external_tensor("w", "w.data")))),
                       repository / "snapshots" / "1" / "onnx");
  EXPECT_TRUE(files.ok()) << files.status().to_string();
}

TEST_F(DataFiles, MissingOrShortAreRefused) {
  const Status missing = check("none.data").status();
  EXPECT_EQ(missing.code(), StatusCode::kNotFound);
  EXPECT_THAT(missing.message(), AllOf(HasSubstr("none.data"), HasSubstr("same folder")));
  const Status short_file = check("w.data", "17").status();
  EXPECT_EQ(short_file.code(), StatusCode::kDataLoss);
  EXPECT_THAT(short_file.message(), AllOf(HasSubstr("17"), HasSubstr("16")));
}

}  // namespace
}  // namespace accel::models::foreign
