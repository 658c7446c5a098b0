// Requests whose inputs are URLs: what becomes bytes, and what is refused without waiting.
#include "server/inputs/input_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

namespace accel::server {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class InputResolverTest : public testing::Test {
 protected:
  InputResolverTest() {
    std::string name = (fs::temp_directory_path() / "accel-inputs-XXXXXX").string();
    folder_ = fs::canonical(::mkdtemp(name.data()));
    std::ofstream(folder_ / "a.png") << "https://not.read.again/";
  }
  ~InputResolverTest() override { fs::remove_all(folder_); }

  static std::unique_ptr<InputResolver> make(InputOptions options = {}) {
    return InputResolver::create(std::move(options)).value();
  }
  std::unique_ptr<InputResolver> with_files(InputOptions options = {}) {
    options.threads = 1;
    options.files = FileRoot::open(folder_.string()).value();
    options.observer = [this](const InputRecord& record) { records_.push_back(record); };
    return make(std::move(options));
  }
  std::string file() const { return "file://" + (folder_ / "a.png").string(); }
  static service::RunItems run_of(const std::vector<std::string>& media) {
    service::RunItems run{.model = "vit", .items = {}, .how = {}};
    for (const std::string& one : media) run.items.push_back({.media = one});
    return run;
  }
  static Resolution::Outcome outcome_of(InputResolver& inputs, service::RunItems run) {
    const auto resolution = inputs.resolve(std::move(run), {"id", "visitor"});
    std::promise<void> woken;
    resolution->notify([&] { woken.set_value(); });
    woken.get_future().wait();
    auto outcome = resolution->take();
    EXPECT_TRUE(outcome.has_value());
    EXPECT_FALSE(resolution->take().has_value());
    return std::move(*outcome);
  }
  static std::vector<std::string> bytes_of(InputResolver& inputs,
                                           const std::vector<std::string>& media) {
    const auto outcome = outcome_of(inputs, run_of(media));
    std::vector<std::string> bytes;
    if (const auto* refusal = std::get_if<InputRefusal>(&outcome)) {
      ADD_FAILURE() << refusal->why.message();
      return bytes;
    }
    for (const auto& item : std::get<service::RunItems>(outcome).items)
      bytes.push_back(*item.media);
    return bytes;
  }
  static InputRefusal refusal_of(InputResolver& inputs, const std::vector<std::string>& media) {
    const auto outcome = outcome_of(inputs, run_of(media));
    const auto* refusal = std::get_if<InputRefusal>(&outcome);
    if (refusal != nullptr) return *refusal;
    ADD_FAILURE() << "expected a refusal";
    return {};
  }

  fs::path folder_;
  std::vector<InputRecord> records_;
};

TEST_F(InputResolverTest, OnlyUrlsNeedIt) {
  EXPECT_FALSE(InputResolver::needs(run_of({"RIFF", "\x89PNG"})));
  EXPECT_FALSE(InputResolver::needs({.model = "m", .items = {{.text = "https://a"}}, .how = {}}));
  EXPECT_TRUE(InputResolver::needs(run_of({"RIFF", "https://a"})));
}

TEST_F(InputResolverTest, DataUrlsAreAlwaysTaken) {
  const auto inputs = make();
  EXPECT_THAT(bytes_of(*inputs, {"data:;base64,YWI=", "RIFF", "data:,https://a"}),
              ElementsAre("ab", "RIFF", "https://a"));
  EXPECT_EQ(inputs->counts()[static_cast<size_t>(InputScheme::kData)].taken, 2U);
}

TEST_F(InputResolverTest, AllElseIsRefusedByDefault) {
  const auto inputs = make();
  EXPECT_EQ(refusal_of(*inputs, {"https://example.org/"}).status, 403);
  EXPECT_THAT(refusal_of(*inputs, {"https://example.org/"}).why.message(),
              HasSubstr("nothing from https://example.org:443: send the bytes"));
  EXPECT_EQ(refusal_of(*inputs, {file()}).status, 403);
  EXPECT_THAT(refusal_of(*inputs, {"RIFF", file()}).why.message(), HasSubstr("input[1]: "));
  EXPECT_EQ(refusal_of(*inputs, {"http://user@a"}).status, 400);
  EXPECT_EQ(refusal_of(*inputs, {"data:nothing"}).status, 400);
  EXPECT_EQ(inputs->counts()[static_cast<size_t>(InputScheme::kFile)].refused, 2U);
  EXPECT_EQ(inputs->counts()[static_cast<size_t>(InputScheme::kHttp)].failed, 1U);
}

TEST_F(InputResolverTest, FilesComeOnceAndAreNotReadAsUrls) {
  const auto inputs = with_files();
  EXPECT_THAT(bytes_of(*inputs, {file(), "data:,x"}), ElementsAre("https://not.read.again/", "x"));
  ASSERT_EQ(records_.size(), 1U);
  EXPECT_EQ(records_[0].url, file());
  EXPECT_EQ(records_[0].bytes, 23U);
  EXPECT_EQ(records_[0].status, 200);
  EXPECT_EQ(records_[0].asker.visitor, "visitor");
}

TEST_F(InputResolverTest, RefusalsHaveTheirNumbers) {
  const auto inputs = with_files({.bytes_max = 40});
  EXPECT_EQ(refusal_of(*inputs, {file() + "x"}).status, 424);
  EXPECT_EQ(refusal_of(*inputs, {"file:///etc/passwd"}).status, 403);
  EXPECT_EQ(refusal_of(*inputs, {"file://" + folder_.string() + "/"}).status, 400);
  EXPECT_EQ(refusal_of(*inputs, {file(), file()}).status, 413);  // together
  EXPECT_EQ(records_.back().status, 413);
}

TEST_F(InputResolverTest, MemoryIsBoundedAndGivenBack) {
  const auto inputs = with_files({.held_bytes_max = 23});
  const auto held = inputs->resolve(run_of({file()}), {});
  std::promise<void> woken;
  held->notify([&] { woken.set_value(); });
  woken.get_future().wait();
  EXPECT_EQ(refusal_of(*inputs, {file()}).status, 503);
  EXPECT_TRUE(held->take().has_value());
}

TEST_F(InputResolverTest, TheTimeThatIsLeftGoesOn) {
  const auto inputs = with_files();
  auto run = run_of({file()});
  run.how.timeout_ms = 60'000;
  const auto outcome = outcome_of(*inputs, run);
  const double left = *std::get<service::RunItems>(outcome).how.timeout_ms;
  EXPECT_GT(left, 0);
  EXPECT_LT(left, 60'000);
  run.how.timeout_ms = 0;
  EXPECT_EQ(std::get<InputRefusal>(outcome_of(*inputs, run)).status, 504);
}

TEST_F(InputResolverTest, NobodyWaitsForWhatIsNoLongerWanted) {
  const auto inputs = with_files();
  for (int i = 0; i < 100; ++i) inputs->resolve(run_of({file()}), {});
  EXPECT_THAT(bytes_of(*inputs, {file()}), ElementsAre("https://not.read.again/"));
}

}  // namespace
}  // namespace accel::server
