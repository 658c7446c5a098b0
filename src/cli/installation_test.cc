#include "cli/installation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::cli {
namespace {

TEST(Versions, Compare) {
  EXPECT_TRUE(at_least("2026.4.0-21000-abc", "2026.4"));
  EXPECT_TRUE(at_least("2027.0", "2026.4"));
  EXPECT_TRUE(at_least("3.11.2", "3.11.2"));
  EXPECT_FALSE(at_least("2026.3.9", "2026.4"));
  EXPECT_FALSE(at_least("2", "2.1"));
  EXPECT_FALSE(at_least("", "1"));
  EXPECT_TRUE(at_least("g++ 12.2.0", "g++ 12"));
  EXPECT_FALSE(at_least("clang 16", "g++ 12"));
}

// rows 114, 305 and 314 (partial: the engine's CPU plug-in; tests/journey hides it)
TEST(Installation, AMissingPlugInIsToldWithItsRemedy) {
  const std::vector<BackendReport> backends{
      {"openvino", "2026.4.0", false, "cannot open libx.so", "run this"},
      {"reference", "2026.4.0", true, "", ""}};
  const std::vector<Component> parts = components(backends);
  EXPECT_TRUE(parts[0].fine);
  EXPECT_EQ(parts[1].name, "OpenVINO CPU plug-in");
  EXPECT_FALSE(parts[1].fine);
  EXPECT_EQ(parts[1].reason, "cannot open libx.so");
  EXPECT_EQ(parts[1].remedy, "run this");
  EXPECT_EQ(unavailable_text(backends),
            "\nbackend openvino is not available\n  because  cannot open libx.so\n"
            "  remedy   run this\n");
}

TEST(Installation, WhatIsCompiledInIsNewEnough) {
  for (const Component& part : components({})) {
    EXPECT_TRUE(part.fine) << part.name << " " << part.version;
    EXPECT_FALSE(part.version.empty()) << part.name;
    EXPECT_FALSE(part.minimum.empty()) << part.name;
  }
}

// row 115
TEST(Installation, EachOptionalPartSaysWhatIsLost) {
  const std::vector<OptionalPart> parts = optional_parts();
  EXPECT_GE(parts.size(), 4u);
  for (const OptionalPart& part : parts) {
    EXPECT_FALSE(part.without.empty()) << part.name;
    EXPECT_EQ(part.found.starts_with("not found"), !part.present) << part.found;
  }
}

}  // namespace
}  // namespace accel::cli
