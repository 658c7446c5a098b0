#include "hub/hub_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/scratch_folder.h"

namespace accel::hub {
namespace {

namespace fs = std::filesystem;
using store::ScratchFolder;
using store::write_text;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kOld(40, 'a');
const std::string kNew(40, 'b');

class HubCache : public testing::Test {
 protected:
  // A snapshot with a file of its own and one that all share.
  void put(const std::string& commit, const std::string& revision) const {
    fs::create_directories(places_.blobs);
    write_text(places_.blob("own" + commit), "own");
    write_text(places_.blob("shared"), "shared");
    const Status published = publish_snapshot(
        places_, commit, revision, {{"a/config.json", 3, "own" + commit}, {"w.bin", 6, "shared"}});
    ASSERT_TRUE(published.ok()) << published.message();
  }
  ModelName named(const std::string& revision) const { return {name_.repository, revision}; }
  Result<Removal> remove(const std::string& revision) const {
    return remove_model(cache_.path(), named(revision), std::chrono::seconds(0));
  }

  const ScratchFolder cache_;
  const ModelName name_{"org/name", ""};
  const ModelPlaces places_{cache_.path(), name_};
};

TEST(Layout, IsTheHubsClients) {
  const ModelPlaces places("/cache", {"org/name", ""});
  EXPECT_EQ(places.blob("abc"), "/cache/models--org--name/blobs/abc");
  EXPECT_EQ(places.incomplete("abc"), "/cache/models--org--name/blobs/abc.incomplete");
  EXPECT_EQ(places.blob_lock("abc"), "/cache/.locks/models--org--name/abc.lock");
  EXPECT_EQ(places.snapshot("c"), "/cache/models--org--name/snapshots/c");
  EXPECT_EQ(blob_link("config.json", "abc"), "../../blobs/abc");
  EXPECT_EQ(blob_link("a/b/c.json", "abc"), "../../../../blobs/abc");
}

TEST_F(HubCache, PublishesAtOnceAndAddsLater) {
  put(kOld, "main");
  EXPECT_EQ(store::read_text(places_.snapshot(kOld) / "a" / "config.json"), "own");
  EXPECT_EQ(store::read_text(places_.refs / "main"), kOld);
  write_text(places_.blob("more"), "more");
  ASSERT_TRUE(publish_snapshot(places_, kOld, kOld, {{"more.txt", 4, "more"}}).ok());
  EXPECT_EQ(store::read_text(places_.snapshot(kOld) / "more.txt"), "more");
  EXPECT_EQ(store::read_text(places_.snapshot(kOld) / "w.bin"), "shared");
  EXPECT_FALSE(fs::exists(places_.refs / kOld));
  EXPECT_EQ(store::files_in(places_.folder), 3u);  // blobs, refs, snapshots: nothing half made
  // A link that leads elsewhere is replaced.
  ASSERT_TRUE(publish_snapshot(places_, kOld, "main", {{"w.bin", 4, "more"}}).ok());
  EXPECT_EQ(store::read_text(places_.snapshot(kOld) / "w.bin"), "more");
}

TEST_F(HubCache, AFileInTheWayIsTold) {
  fs::create_directories(places_.folder);
  write_text(places_.snapshots, "a file");
  EXPECT_FALSE(publish_snapshot(places_, kOld, "main", {{"w.bin", 6, "shared"}}).ok());
  EXPECT_EQ(store::files_in(places_.folder), 1u);
}

TEST_F(HubCache, FindsSnapshotsByReferenceAndCommit) {
  EXPECT_FALSE(find_snapshot(places_.folder, ""));
  put(kOld, "v1");
  EXPECT_EQ(find_snapshot(places_.folder, ""), places_.snapshot(kOld));  // the only one
  put(kNew, "refs/pr/1");
  EXPECT_FALSE(find_snapshot(places_.folder, ""));
  EXPECT_FALSE(find_snapshot(places_.folder, "main"));
  EXPECT_EQ(find_snapshot(places_.folder, "v1"), places_.snapshot(kOld));
  EXPECT_EQ(find_snapshot(places_.folder, "refs/pr/1"), places_.snapshot(kNew));
  EXPECT_EQ(find_snapshot(places_.folder, kNew), places_.snapshot(kNew));
  EXPECT_EQ(find_snapshot(places_.folder, kNew.substr(0, 7)), places_.snapshot(kNew));
  EXPECT_FALSE(find_snapshot(places_.folder, kNew.substr(0, 6)));
  for (const char* bad : {"..", "../..", "/", "", "../snapshots/"}) {
    EXPECT_FALSE(find_snapshot(places_.folder, bad)) << bad;
  }
  write_text(places_.refs / "main", "../../../../etc");
  EXPECT_FALSE(find_snapshot(places_.folder, "main"));
}

TEST_F(HubCache, CountsEachBlobOnce) {
  put(kOld, "main");
  put(kNew, "main");
  write_text(places_.incomplete("x"), "12345");
  fs::create_directories(cache_ / "datasets--org--name/blobs");
  const auto models = cached_models(cache_.path());
  ASSERT_EQ(models.size(), 1u);
  EXPECT_EQ(models[0].name, "org/name");
  EXPECT_EQ(models[0].bytes, 3u + 3u + 6u + 5u);
  EXPECT_EQ(models[0].bytes_incomplete, 5u);
  ASSERT_EQ(models[0].snapshots.size(), 2u);
  EXPECT_EQ(models[0].snapshots[0].commit, kOld);
  EXPECT_TRUE(models[0].snapshots[0].refs.empty());
  EXPECT_THAT(models[0].snapshots[1].refs, ElementsAre("main"));
  EXPECT_EQ(models[0].snapshots[1].bytes, 9u);
  EXPECT_EQ(models[0].snapshots[1].files, 2u);
  EXPECT_TRUE(cached_models(cache_ / "none").empty());
}

TEST_F(HubCache, RemovesOneRevisionAndKeepsWhatOthersUse) {
  put(kOld, "v1");
  put(kNew, "main");
  const auto removal = remove("v1");
  ASSERT_TRUE(removal.ok()) << removal.status().message();
  EXPECT_THAT(removal->commits, ElementsAre(kOld));
  EXPECT_EQ(removal->bytes, 3u);
  EXPECT_FALSE(removal->whole);
  EXPECT_EQ(store::read_text(places_.snapshot(kNew) / "w.bin"), "shared");
  EXPECT_FALSE(fs::exists(places_.refs / "v1"));
  EXPECT_EQ(remove("v1").status().code(), StatusCode::kNotFound);
  EXPECT_THAT(remove("v1").status().message(), HasSubstr("main"));
  EXPECT_TRUE(remove("main")->whole);
  EXPECT_FALSE(fs::exists(places_.folder));
  EXPECT_EQ(remove("").status().code(), StatusCode::kNotFound);
}

TEST_F(HubCache, RemovesNothingOutsideOfIt) {
  const ScratchFolder outside;
  write_text(outside / "precious", "data");
  put(kOld, "main");
  fs::create_directory_symlink(outside.path(), places_.snapshot(kOld) / "link");
  fs::create_symlink(outside / "precious", places_.blobs / "linked");
  EXPECT_TRUE(remove("")->whole);
  EXPECT_EQ(store::read_text(outside / "precious"), "data");
  EXPECT_FALSE(fs::exists(places_.folder));
}

TEST_F(HubCache, DoesNotRemoveWhatIsBeingPulled) {
  put(kOld, "main");
  const auto lock = lock_model(places_, std::chrono::seconds(0));
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(remove("").status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(fs::exists(places_.snapshot(kOld)));
}

}  // namespace
}  // namespace accel::hub
