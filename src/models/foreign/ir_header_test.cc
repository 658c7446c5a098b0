#include "models/foreign/ir_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace accel::models::foreign {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string ir(std::string_view layers, std::string_view version = "11") {
  return "<?xml version=\"1.0\"?>\n<!-- <net> -->\n<net name='g' version=\"" +
         std::string(version) + "\"><layers>" + std::string(layers) + "</layers></net>\n";
}

constexpr std::string_view kConstant =
    "<layer id=\"1\" name=\"a > b\" type=\"Const\"><data element_type=\"f32\" shape=\"4, 5\" "
    "offset=\"16\" size=\"80\" /></layer>";

TEST(IrHeader, SaysHowManyBytesOfWeightsAreRead) {
  const std::string text = ir(kConstant);
  EXPECT_TRUE(looks_like_ir(text));
  const auto header = parse_ir_header(text);
  ASSERT_TRUE(header.ok()) << header.status().to_string();
  EXPECT_EQ(header->name, "g");
  EXPECT_EQ(header->version, 11);
  EXPECT_EQ(header->layers, 1u);
  EXPECT_EQ(header->weight_bytes, 96u);
}

TEST(IrHeader, WeightsOfAnotherSizeAreRefused) {
  const IrHeader header{.weight_bytes = 96};
  EXPECT_TRUE(check_weight_size(header, 96).ok());
  EXPECT_TRUE(check_weight_size(header, 128).ok());
  for (const uint64_t size : {0, 95, 1 << 20}) {
    const Status status = check_weight_size(header, size);
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << size;
    EXPECT_THAT(status.message(), AllOf(HasSubstr("96"), HasSubstr(std::to_string(size))));
  }
}

TEST(IrHeader, RefusesWhatIsNoIr) {
  const std::string whole = ir(kConstant);
  for (size_t size = 0; size + 2 < whole.size(); ++size) {
    EXPECT_FALSE(parse_ir_header(whole.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(looks_like_ir("<html><net version=\"11\">"));
  EXPECT_FALSE(looks_like_ir("\x08\x07"));
  EXPECT_EQ(parse_ir_header(ir("", "6")).status().code(), StatusCode::kUnimplemented);
  EXPECT_FALSE(parse_ir_header(ir("<data offset=\"-1\" size=\"1\"/>")).ok());
  EXPECT_FALSE(parse_ir_header(ir("<data offset=\"18446744073709551615\" size=\"2\"/>")).ok());
  EXPECT_FALSE(parse_ir_header(ir("<data offset=\"0\" offset=\"9\" size=\"1\"/>")).ok());
  EXPECT_FALSE(parse_ir_header("<!DOCTYPE net [<!ENTITY a \"b\">]>" + whole).ok());
}

}  // namespace
}  // namespace accel::models::foreign
