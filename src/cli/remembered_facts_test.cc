#include "cli/remembered_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "store/facts.h"

namespace accel::cli {
namespace {

namespace fs = std::filesystem;

TEST(RememberedFacts, ThoseOfTheStoreAndNothingElse) {
  std::string pattern = (fs::temp_directory_path() / "remembered_facts.XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const fs::path folder = pattern;
  const auto store = store::Facts::create({.folder = folder});
  ASSERT_TRUE(store
                  ->put({.kind = "tuning", .cpu = "this", .engine = "e 1", .model = "m"},
                        {{"latency",
                          {{"precision", "bf16"},
                           {"streams", 1},
                           {"latency_ms", 2.5},
                           {"items_per_sec", 10.4}}}})
                  .ok());
  ASSERT_TRUE(
      store->put({.kind = "crash-probe", .cpu = "other", .engine = "e 1"}, {{"signal", ""}}).ok());
  std::ofstream(folder / "foreign.json") << "[1]";
  std::ofstream(folder / "broken.json") << "{";

  const std::vector<RememberedFact> facts = remembered_facts(folder, "this");
  ASSERT_EQ(facts.size(), 2u);
  EXPECT_EQ(facts[0].kind, "crash-probe");
  EXPECT_FALSE(facts[0].this_cpu);
  EXPECT_EQ(fact_text(facts[0]), "no crash");
  EXPECT_TRUE(facts[1].this_cpu);
  EXPECT_EQ(fact_text(facts[1]), "latency: bf16, 1 streams, 2.50 ms, 10/s");
  EXPECT_EQ(fact_text({.kind = "crash-probe", .value = {{"signal", "Illegal instruction"}}}),
            "crashed: Illegal instruction");
  fs::remove_all(folder);
  EXPECT_TRUE(remembered_facts(folder, "this").empty());
}

}  // namespace
}  // namespace accel::cli
