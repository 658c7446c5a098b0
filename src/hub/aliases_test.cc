#include "hub/aliases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/scratch_folder.h"

namespace accel::hub {
namespace {

using store::ScratchFolder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class AliasFile : public testing::Test {
 protected:
  const ScratchFolder folder_;
  const Aliases aliases_{folder_ / "config/aliases.json"};
};

TEST_F(AliasFile, KeepsWhatWasSet) {
  EXPECT_TRUE(aliases_.read()->empty());
  ASSERT_TRUE(aliases_.set("mini", "org/name").ok());
  ASSERT_TRUE(aliases_.set("path", "/a/\"quoted\"\n/path").ok());
  ASSERT_TRUE(aliases_.set("mini", "org/other@v1").ok());
  EXPECT_THAT(*aliases_.read(),
              ElementsAre(Pair("mini", "org/other@v1"), Pair("path", "/a/\"quoted\"\n/path")));
  EXPECT_EQ(*aliases_.resolve("mini"), "org/other@v1");
  EXPECT_EQ(*aliases_.resolve("none"), "none");
  EXPECT_EQ(*aliases_.resolve("org/name"), "org/name");
  ASSERT_TRUE(aliases_.remove("mini").ok());
  EXPECT_THAT(*aliases_.read(), ElementsAre(Pair("path", testing::_)));
  EXPECT_EQ(store::files_in(folder_ / "config"), 1u);  // neither a lock nor a partial file
}

TEST_F(AliasFile, FollowsChainsAndRefusesCircles) {
  ASSERT_TRUE(aliases_.set("a", "b").ok());
  ASSERT_TRUE(aliases_.set("b", "c").ok());
  ASSERT_TRUE(aliases_.set("c", "org/name").ok());
  EXPECT_EQ(*aliases_.resolve("a"), "org/name");
  const Status circle = aliases_.set("c", "a");
  EXPECT_EQ(circle.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(circle.message(), HasSubstr("leads back"));
  EXPECT_FALSE(aliases_.set("self", "self").ok());
  EXPECT_EQ(*aliases_.resolve("a"), "org/name");  // a refused change changes nothing
}

TEST_F(AliasFile, RefusesWhatIsNoName) {
  for (const char* name : {"", ".", "..", "-x", "_x", "a/b", "a b", "a\n", "../../x", "\xc3\xa4"}) {
    EXPECT_EQ(aliases_.set(name, "org/name").code(), StatusCode::kInvalidArgument) << name;
  }
  EXPECT_FALSE(aliases_.set("a", "").ok());
  EXPECT_FALSE(aliases_.set("a", std::string(5000, 'x')).ok());
  EXPECT_EQ(aliases_.remove("a").code(), StatusCode::kNotFound);
  EXPECT_EQ(Aliases("").set("a", "b").code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(*Aliases("").resolve("a"), "a");
}

}  // namespace
}  // namespace accel::hub
