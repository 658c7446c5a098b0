#include "store/cache_archive.h"

#include <gtest/gtest.h>

#include <utility>

#include "base/files.h"
#include "store/scratch_folder.h"
#include "tensors/zip.h"

namespace accel::store {
namespace {

namespace fs = std::filesystem;

CacheKey archived_key(const std::string& model) {
  return {.kind = "compiled", .parts = {{"model", model}, {"cpu", "Xeon"}}};
}

Status accept_all(const CacheKey& /*key*/) { return {}; }

class CacheArchive : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const std::string name : {"a", "b", "c"}) {
      const Status stored =
          cache_->store(archived_key(name), {.label = name, .note = ""}, [&](std::ostream& out) {
            out << "payload of " << name;
            return Status();
          });
      ASSERT_TRUE(stored.ok()) << stored.to_string();
    }
  }
  static std::string get(const Cache& cache, const CacheKey& key) {
    const CacheLookup found = cache.lookup(key);
    if (!found.entry) return "";
    const auto payload = found.entry->payload;
    return {reinterpret_cast<const char*>(payload.data()), payload.size()};
  }
  // An archive of files under any names.
  void write_archive(const std::vector<std::pair<std::string, std::string>>& files) const {
    const auto out = AtomicFile::create(archive_);
    tensors::ZipWriter zip(**out);
    for (const auto& [name, text] : files) {
      const std::string_view content = text;
      ASSERT_TRUE(zip.add(name, {&content, 1}).ok());
    }
    ASSERT_TRUE(zip.finish().ok());
    ASSERT_TRUE((*out)->commit().ok());
  }
  std::string file_of(const std::string& model) const {
    return read_text(cache_->path_of(archived_key(model).digest()));
  }

  const ScratchFolder folder_;
  const std::unique_ptr<Cache> cache_ = Cache::create({.folder = folder_ / "here"});
  const std::unique_ptr<Cache> other_ = Cache::create({.folder = folder_ / "there"});
  const fs::path archive_ = folder_ / "cache.zip";
};

// row 328 (partial: the refusal of another machine is in graph_cache_test.cc)
TEST_F(CacheArchive, TakesChosenEntriesElsewhere) {
  const std::vector<std::string> chosen{archived_key("a").digest(), archived_key("c").digest()};
  const Status exported = export_entries(*cache_, chosen, archive_);
  ASSERT_TRUE(exported.ok()) << exported.to_string();
  const auto imported = import_entries(*other_, archive_, accept_all);
  ASSERT_TRUE(imported.ok()) << imported.status().to_string();
  EXPECT_EQ(imported->size(), 2);
  EXPECT_EQ(get(*other_, archived_key("a")), "payload of a");
  EXPECT_EQ(get(*other_, archived_key("b")), "");
  EXPECT_EQ(get(*other_, archived_key("c")), "payload of c");
}

TEST_F(CacheArchive, WhatIsOfNoUseIsRefusedWithTheReason) {
  ASSERT_TRUE(
      export_entries(*cache_, {archived_key("a").digest(), archived_key("b").digest()}, archive_)
          .ok());
  const auto imported = import_entries(*other_, archive_, [](const CacheKey& key) {
    return key.part("model") == "a" ? failed_precondition("not here") : Status();
  });
  ASSERT_TRUE(imported.ok());
  for (const ImportedEntry& entry : *imported) {
    const bool refused = entry.header.label == "a";
    EXPECT_EQ(entry.status.ok(), !refused);
    EXPECT_EQ(entry.status.message().find("not here") != std::string::npos, refused);
  }
  EXPECT_EQ(files_in(folder_ / "there"), 1);
}

TEST_F(CacheArchive, ADamagedEntryIsNotExported) {
  const fs::path path = cache_->path_of(archived_key("a").digest());
  std::string text = read_text(path);
  text.back() ^= 1;
  write_text(path, text);
  EXPECT_EQ(export_entries(*cache_, {archived_key("a").digest()}, archive_).code(),
            StatusCode::kDataLoss);
  EXPECT_EQ(export_entries(*cache_, {archived_key("z").digest()}, archive_).code(),
            StatusCode::kNotFound);
  EXPECT_EQ(export_entries(*cache_, {"../b"}, archive_).code(), StatusCode::kNotFound);
  EXPECT_FALSE(fs::exists(archive_));
}

TEST_F(CacheArchive, EveryFlippedByteIsRefusedOrHarmless) {
  ASSERT_TRUE(export_entries(*cache_, {archived_key("a").digest()}, archive_).ok());
  const std::string whole = read_text(archive_);
  size_t refused = 0;
  for (size_t at = 0; at < whole.size(); at += at < 300 || at + 200 > whole.size() ? 1 : 13) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x41);
    const auto read =
        read_cache_archive({reinterpret_cast<const std::byte*>(changed.data()), changed.size()});
    if (!read.ok()) {
      ++refused;
    } else {
      for (const ArchivedEntry& entry : *read) EXPECT_EQ(entry.header.key, archived_key("a")) << at;
    }
  }
  EXPECT_GT(refused, 300);
}

TEST_F(CacheArchive, OtherThingsAreRefusedWhole) {
  const std::string name = archived_key("a").digest() + ".entry";
  const std::vector<std::vector<std::pair<std::string, std::string>>> wrong{
      {{name, file_of("a")}, {"README", "hello"}}, {{name, file_of("b")}},
      {{"below/" + name, file_of("a")}},           {{name, file_of("a")}, {name, file_of("a")}},
      {{name, file_of("a").substr(0, 4000)}},      {{name, ""}},
  };
  for (const auto& files : wrong) {
    write_archive(files);
    EXPECT_FALSE(import_entries(*other_, archive_, accept_all).ok());
    EXPECT_EQ(files_in(folder_ / "there"), 0);
  }
  // Names that leave the folder: written by another program, so the bytes are changed.
  write_archive({{name, file_of("a")}});
  std::string text = read_text(archive_);
  for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
    text.replace(at, 6, "../../");
  }
  write_text(archive_, text);
  const auto imported = import_entries(*other_, archive_, accept_all);
  EXPECT_EQ(imported.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(files_in(folder_ / "there"), 0);
}

TEST_F(CacheArchive, MoreThanTheCacheMayHoldIsRefused) {
  ASSERT_TRUE(
      export_entries(*cache_, {archived_key("a").digest(), archived_key("b").digest()}, archive_)
          .ok());
  const auto small = Cache::create({.folder = folder_ / "small", .bytes_max = 5000});
  const auto imported = import_entries(*small, archive_, accept_all);
  EXPECT_EQ(imported.status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(files_in(folder_ / "small"), 0);
}

}  // namespace
}  // namespace accel::store
