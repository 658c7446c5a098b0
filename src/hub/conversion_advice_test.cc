#include "hub/conversion_advice.h"

#include <gtest/gtest.h>

namespace accel::hub {
namespace {

TEST(ConversionAdvice, TheLineMakesWhatWasAskedFor) {
  EXPECT_EQ(conversion_advice("models/openvino/gpt2/gpt2.xml"), "accel convert gpt2 --layout flat");
  EXPECT_EQ(conversion_advice("./models/openvino/gpt2/"), "accel convert gpt2 --layout flat");
  EXPECT_EQ(conversion_advice("/srv/models/openvino/gpt2/gpt2.xml"),
            "accel convert gpt2 /srv/models/openvino/gpt2 --layout flat");
  EXPECT_EQ(conversion_advice("my models/gpt2/gpt2.xml"),
            "accel convert gpt2 'my models/gpt2' --layout flat");
  EXPECT_EQ(conversion_advice("MiniLM-openvino"), "accel convert MiniLM");
  EXPECT_EQ(conversion_advice("MiniLM-openvino-int8"), "accel convert MiniLM --precision int8");
  EXPECT_EQ(conversion_advice("out/MiniLM-openvino-f16/openvino_model.xml"),
            "accel convert MiniLM out/MiniLM-openvino-f16 --precision f16");
  EXPECT_EQ(conversion_advice("out/openvino_model.xml"), "accel convert SRC out");
}

TEST(ConversionAdvice, OtherNamesGetNone) {
  for (const char* name :
       {"", "gpt2", "org/name", "model.onnx", "a/b.xml", "-openvino", "x-openvino-f64", "/"}) {
    EXPECT_EQ(conversion_advice(name), "") << name;
  }
}

}  // namespace
}  // namespace accel::hub
