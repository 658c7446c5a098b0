#include "store/hash.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

namespace accel::store {
namespace {

namespace fs = std::filesystem;

class ModelFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "accel-hash-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    write("config.json", R"({"model_type": "bert"})");
    write("tokenizer.json", "{}");
    write("1_Pooling/config.json", R"({"pooling_mode_mean_tokens": true})");
    write("model.safetensors", std::string(200 << 10, 'w'));
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  void write(const fs::path& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::string print() const { return *model_fingerprint(folder_); }

  fs::path folder_;
};

TEST(Fingerprint, IsThePublishedXxh3) {
  // The empty input's value in the algorithm's own sanity tests.
  EXPECT_EQ(fingerprint(""), "99aa06d3014798d86001c324468d497f");
  EXPECT_NE(fingerprint("a"), fingerprint("b"));
  EXPECT_EQ(fingerprint("a"), fingerprint(std::string("a")));
}

TEST(Fingerprinter, FieldsDoNotRunTogether) {
  const auto of = [](std::initializer_list<std::string_view> fields) {
    Fingerprinter print;
    for (const std::string_view field : fields) print.add(field);
    return print.digits();
  };
  const std::set<std::string> all{of({}),          of({""}),    of({"", ""}),   of({"ab", "c"}),
                                  of({"a", "bc"}), of({"abc"}), of({"abc", ""})};
  EXPECT_EQ(all.size(), 7u);
  EXPECT_EQ(of({"ab", "c"}), of({"ab", "c"}));
}

TEST(Fingerprinter, DigitsMayBeAskedInBetween) {
  Fingerprinter print;
  print.add(uint64_t{1});
  const std::string early = print.digits();
  EXPECT_EQ(print.digits(), early);
  print.add(uint64_t{2});
  EXPECT_NE(print.digits(), early);
}

TEST_F(ModelFolder, StaysTheSameUntilAModelFileChanges) {
  const std::string before = print();
  EXPECT_EQ(before.size(), 32u);
  write("README.md", "about");
  write(".cache/state.json", "{}");
  write("onnx/notes.png", "x");
  EXPECT_EQ(print(), before);

  std::set<std::string> seen{before};
  const auto changes = [&](const char* what) { EXPECT_TRUE(seen.insert(print()).second) << what; };
  write("config.json", R"({"model_type": "bart"})");
  changes("a setting of the same length");
  write("1_Pooling/config.json", "{}");
  changes("a setting in a subfolder");
  write("vocab.txt", "");
  changes("a new file");
  fs::rename(folder_ / "vocab.txt", folder_ / "merges.txt");
  changes("a renamed file");
  fs::remove(folder_ / "merges.txt");
  fs::resize_file(folder_ / "model.safetensors", 100 << 10);
  changes("shorter weights");
}

TEST_F(ModelFolder, WeightsAreKnownByHeaderTimeAndInode) {
  const std::string before = print();
  const fs::path weights = folder_ / "model.safetensors";
  const auto time = fs::last_write_time(weights);
  fs::last_write_time(weights, time + std::chrono::nanoseconds(1000));
  EXPECT_NE(print(), before);
  fs::last_write_time(weights, time);
  EXPECT_EQ(print(), before);

  {
    std::fstream file(weights, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1000).put('x');
  }
  fs::last_write_time(weights, time);
  EXPECT_NE(print(), before) << "a changed header with the old time";

  fs::rename(weights, folder_ / "old");
  fs::copy_file(folder_ / "old", weights);
  const std::string copied = print();
  fs::last_write_time(weights, time);
  EXPECT_NE(print(), copied);
}

TEST_F(ModelFolder, LinksAreFollowedAsHubCachesUseThem) {
  const fs::path blob = folder_ / ".blob";
  fs::rename(folder_ / "config.json", blob);
  fs::create_symlink(".blob", folder_ / "config.json");
  const std::string before = print();
  std::ofstream(blob) << "changed";
  EXPECT_NE(print(), before);
  fs::create_symlink("nowhere.json", folder_ / "dangling.json");
  EXPECT_TRUE(model_fingerprint(folder_).ok());
}

TEST_F(ModelFolder, AFileCountsWithItsSiblingsOfTheSameStem) {
  write("net.xml", "<net/>");
  write("net.bin", "weights");
  const std::string before = *model_fingerprint(folder_ / "net.xml");
  EXPECT_NE(before, print());
  write("config.json", "{}");
  EXPECT_EQ(*model_fingerprint(folder_ / "net.xml"), before);
  write("net.bin", "WEIGHTS");
  EXPECT_NE(*model_fingerprint(folder_ / "net.xml"), before);
  write("odd.name", "x");
  EXPECT_TRUE(model_fingerprint(folder_ / "odd.name").ok());
}

TEST_F(ModelFolder, RefusalsSayWhatWasExpected) {
  EXPECT_EQ(model_fingerprint(folder_ / "none").status().code(), StatusCode::kNotFound);
  fs::create_directories(folder_ / "empty");
  const Status empty = model_fingerprint(folder_ / "empty").status();
  EXPECT_EQ(empty.code(), StatusCode::kNotFound);
  EXPECT_NE(empty.message().find("config.json"), std::string::npos);
  EXPECT_EQ(model_fingerprint("/dev/null").status().code(), StatusCode::kInvalidArgument);

  const fs::path crowd = folder_ / "crowd";
  fs::create_directories(crowd);
  for (int i = 0; i <= 4096; ++i) std::ofstream(crowd / (std::to_string(i) + ".json"));
  EXPECT_EQ(model_fingerprint(crowd).status().code(), StatusCode::kResourceExhausted);
}

TEST_F(ModelFolder, APipeAmongTheFilesIsLeftOut) {
  const std::string before = print();
  ASSERT_EQ(::mkfifo((folder_ / "pipe.json").c_str(), 0600), 0);
  EXPECT_EQ(print(), before);
}

}  // namespace
}  // namespace accel::store
