#include "tensors/zip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <fmt/format.h>

#include "tensors/fixtures.h"
#include "tensors/zip_format.h"

namespace accel::tensors {
namespace {

using testing::HasSubstr;
using F = ZipFormat;

uint32_t checksum(std::string_view text) {
  return static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
}

std::string deflated(std::string_view text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(text.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// An entry, and what its headers claim where that is not the truth.
struct Entry {
  std::string name = "a";
  std::string packed = "hello";
  uint16_t method = 0;
  uint16_t flags = 0;
  std::optional<uint32_t> size = {};
  std::optional<uint32_t> crc = {};
  std::optional<std::string> local_name = {};
  std::optional<uint16_t> local_method = {};
  std::optional<uint32_t> local_size = {};
  std::optional<uint32_t> header_begin = {};
  std::string extra = {};
};

void put_header(std::string& text, const Entry& entry, uint32_t packed_size) {
  put_zip_number(text, uint32_t{0});  // time and date
  put_zip_number(text, entry.crc.value_or(checksum(entry.packed)));
  put_zip_number(text, packed_size);
  put_zip_number(text, entry.size.value_or(static_cast<uint32_t>(entry.packed.size())));
}

std::string zip_of(const std::vector<Entry>& entries, std::optional<uint16_t> count = {}) {
  std::string text;
  std::string directory;
  for (const Entry& entry : entries) {
    const auto begin = static_cast<uint32_t>(text.size());
    const std::string& local_name = entry.local_name.value_or(entry.name);
    const auto packed_size = static_cast<uint32_t>(entry.packed.size());
    put_zip_number(text, F::kLocal);
    put_zip_number(text, uint16_t{20});
    put_zip_number(text, entry.flags);
    put_zip_number(text, entry.local_method.value_or(entry.method));
    put_header(text, entry, entry.local_size.value_or(packed_size));
    put_zip_number(text, static_cast<uint16_t>(local_name.size()));
    put_zip_number(text, uint16_t{0});
    text += local_name + entry.packed;
    put_zip_number(directory, F::kCentral);
    put_zip_number(directory, uint32_t{20 << 16 | 20});
    put_zip_number(directory, entry.flags);
    put_zip_number(directory, entry.method);
    put_header(directory, entry, packed_size);
    put_zip_number(directory, static_cast<uint16_t>(entry.name.size()));
    put_zip_number(directory, static_cast<uint16_t>(entry.extra.size()));
    directory.append(10, '\0');
    put_zip_number(directory, entry.header_begin.value_or(begin));
    directory += entry.name + entry.extra;
  }
  const auto begin = static_cast<uint32_t>(text.size());
  text += directory;
  put_zip_number(text, F::kEnd);
  put_zip_number(text, uint32_t{0});
  put_zip_number(text, count.value_or(static_cast<uint16_t>(entries.size())));
  put_zip_number(text, count.value_or(static_cast<uint16_t>(entries.size())));
  put_zip_number(text, static_cast<uint32_t>(directory.size()));
  put_zip_number(text, begin);
  put_zip_number(text, uint16_t{0});
  return text;
}

Status directory_status(std::string_view archive, const ZipLimits& limits = {}) {
  return read_zip_directory(as_bytes(archive), limits).status();
}

Result<std::string> content(std::string_view archive, size_t index = 0) {
  const auto entries = read_zip_directory(as_bytes(archive));
  if (!entries.ok()) return entries.status();
  std::vector<std::byte> memory;
  const auto bytes = read_zip_entry(as_bytes(archive), entries->at(index), memory);
  if (!bytes.ok()) return bytes.status();
  return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

TEST(Zip, ReadsStoredAndDeflated) {
  const std::string text(1000, 'x');
  const std::string archive = zip_of({{.name = "plain"},
                                      {.name = "dir/packed",
                                       .packed = deflated(text),
                                       .method = 8,
                                       .size = 1000,
                                       .crc = checksum(text)},
                                      {.name = "dir/", .packed = ""}});
  const auto entries = read_zip_directory(as_bytes(archive));
  ASSERT_TRUE(entries.ok()) << entries.status().to_string();
  ASSERT_EQ(entries->size(), 3U);
  EXPECT_EQ(archive.substr((*entries)[0].data_begin, 5), "hello");
  EXPECT_EQ(*content(archive, 0), "hello");
  EXPECT_EQ(*content(archive, 1), text);
  EXPECT_EQ(*content(archive, 2), "");
  EXPECT_TRUE(directory_status(zip_of({})).ok());
}

TEST(Zip, StoredEntriesAreViews) {
  const std::string archive = zip_of({{}});
  const auto entries = read_zip_directory(as_bytes(archive));
  std::vector<std::byte> memory;
  const auto bytes = read_zip_entry(as_bytes(archive), entries->front(), memory);
  EXPECT_EQ(bytes->data(), as_bytes(archive).data() + entries->front().data_begin);
  EXPECT_TRUE(memory.empty());
}

TEST(Zip, AComment) {
  std::string archive = zip_of({{}});
  archive[archive.size() - 2] = 9;
  archive += "a comment";
  EXPECT_EQ(*content(archive), "hello");
  EXPECT_THAT(directory_status(archive + "x").message(), HasSubstr("expected an end record"));
}

TEST(Zip, RefusesEveryTruncation) {
  for (const char* name : {"all_types.npz", "streamed.npz"}) {
    const std::string whole = file_text(fixture(name));
    ASSERT_TRUE(directory_status(whole).ok()) << directory_status(whole).to_string();
    for (size_t size = 0; size < whole.size(); ++size) {
      const std::string_view part = std::string_view(whole).substr(0, size);
      EXPECT_EQ(directory_status(part).code(), StatusCode::kDataLoss) << name << " " << size;
    }
  }
}

struct BadZip {
  std::string archive;
  std::string message;
  StatusCode code = StatusCode::kDataLoss;
};

void expect_zip_refused(const std::vector<BadZip>& cases, const ZipLimits& limits = {}) {
  for (const BadZip& bad : cases) {
    const Status status = directory_status(bad.archive, limits);
    EXPECT_EQ(status.code(), bad.code) << bad.message << ": " << status.to_string();
    EXPECT_THAT(status.message(), HasSubstr(bad.message));
  }
}

TEST(Zip, RefusesUnsafeNames) {
  constexpr auto kBad = StatusCode::kInvalidArgument;
  expect_zip_refused({
      {zip_of({{.name = ""}}), "is empty", kBad},
      {zip_of({{.name = "/etc/passwd"}}), "\"/etc/passwd\" is absolute", kBad},
      {zip_of({{.name = "C:/x"}}), "is absolute", kBad},
      {zip_of({{.name = "../x"}}), "leaves its folder", kBad},
      {zip_of({{.name = "a/../../x"}}), "leaves its folder", kBad},
      {zip_of({{.name = "a/.."}}), "leaves its folder", kBad},
      {zip_of({{.name = "a\\..\\x"}}), "has a backslash", kBad},
      {zip_of({{.name = "a\nb"}}), "has a control character", kBad},
      {zip_of({{.name = "\xFF"}}), "is not UTF-8", kBad},
  });
  EXPECT_TRUE(check_zip_name("a..b/...").ok());
}

TEST(Zip, RefusesWhatAccelLacks) {
  constexpr auto kBad = StatusCode::kUnimplemented;
  std::string parts = zip_of({{}});
  parts[parts.size() - 18] = 1;
  expect_zip_refused({
      {zip_of({{.flags = 1}}), "entry \"a\" is encrypted", kBad},
      {zip_of({{.flags = 1 << 13}}), "is encrypted", kBad},
      {zip_of({{.method = 12}}), "compression method 12 is not supported", kBad},
      {parts, "archives in several parts are not supported", kBad},
  });
}

TEST(Zip, RefusesLyingHeaders) {
  std::string moved = zip_of({{}});
  moved[moved.size() - 6] ^= 1;
  std::string grown = zip_of({{}});
  grown[grown.size() - 10] ^= 1;
  std::string no_record = zip_of({{}});
  no_record[no_record.size() - 22 - 47] = 'X';
  std::string long_name = zip_of({{}});
  long_name[long_name.size() - 22 - 47 + 28] = 9;
  expect_zip_refused({
      {moved, "expected the directory to end where its end record starts"},
      {grown, "expected the directory to end where its end record starts"},
      {no_record, "expected a directory record, found something else"},
      {long_name, "expected a whole directory record"},
      {zip_of({{}}, 2), "2 entries do not fit"},
      {zip_of({{}, {.name = "b"}}, 1), "expected 1 directory records, found 2"},
      {zip_of({{.size = 6}}), "is stored, but 6 bytes of content take 5"},
      {zip_of({{.local_name = "b"}}), "the local header has another name, \"b\""},
      {zip_of({{.local_method = 8}}), "the local header contradicts the directory"},
      {zip_of({{.local_size = 4}}), "states 4 packed bytes, the directory 5"},
      {zip_of({{.header_begin = 1}}), "expected a local header, found none"},
      {zip_of({{.header_begin = 0xFFFFFFFE}}), "expected a local header, found none"},
      {zip_of({{.header_begin = 0xFFFFFFFF}}), "expected a ZIP64 extra field with 1 number(s)"},
      {zip_of({{.header_begin = 0xFFFFFFFF, .extra = std::string("\1\0\4\0aaaa", 8)}}),
       "expected a ZIP64 extra field with 1 number(s)"},
      {zip_of({{}, {}}), "the entry \"a\" occurs twice"},
  });
}

TEST(Zip, RefusesOverlaps) {
  // Two directory records for one local header, and one header inside another's data.
  expect_zip_refused({{zip_of({{}, {.header_begin = 0}}), "the entries \"a\" and \"a\" overlap"}});
  const std::string inner = zip_of({{.name = "b"}}).substr(0, 36);
  expect_zip_refused({{zip_of({{.packed = inner}, {.name = "b", .header_begin = 31}}),
                       "the entries \"a\" and \"b\" overlap"}});
}

TEST(Zip, RefusesBombs) {
  const std::string text(1 << 20, '\0');
  const Entry zeros{.packed = deflated(text), .method = 8, .size = 1 << 20, .crc = checksum(text)};
  const std::string archive = zip_of({zeros});
  EXPECT_EQ(content(archive)->size(), text.size());
  constexpr auto kBad = StatusCode::kResourceExhausted;
  expect_zip_refused({{archive, "expected at most 100 times as many", kBad}}, {.ratio_max = 100});
  expect_zip_refused({{archive, "expected at most 1048575 bytes after unpacking", kBad}},
                     {.unpacked_bytes_max = text.size() - 1});
  Entry again = zeros;
  again.name = "b";
  const std::string two = zip_of({zeros, again});
  EXPECT_TRUE(directory_status(two, {.unpacked_bytes_max = 2 * text.size()}).ok());
  expect_zip_refused({{two, "found more at entry \"b\"", kBad}},
                     {.unpacked_bytes_max = 2 * text.size() - 1});
  // No deflate stream can hold as much as this one claims.
  expect_zip_refused(
      {{zip_of({{.method = 8, .size = 0xFFFFFFF0}}), "claims 4294967280 bytes", kBad}});
}

TEST(Zip, RefusesDamagedContent) {
  const std::string text = "some text, some text, some text";
  const Entry good{.packed = deflated(text),
                   .method = 8,
                   .size = static_cast<uint32_t>(text.size()),
                   .crc = checksum(text)};
  ASSERT_EQ(*content(zip_of({good})), text);
  const auto message = [](Entry entry) {
    const Status status = content(zip_of({std::move(entry)})).status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss);
    return status.message();
  };
  EXPECT_THAT(message({.crc = 1}), HasSubstr("expected the checksum 00000001, found 3610a686"));
  Entry bad = good;
  bad.crc = 1;
  EXPECT_THAT(message(bad), HasSubstr("expected the checksum"));
  for (const uint32_t size : {*good.size - 1, *good.size + 1, 0U}) {
    bad = good;
    bad.size = size;
    EXPECT_THAT(message(bad), HasSubstr("do not unpack to the")) << size;
  }
  bad = good;
  bad.packed += "behind";
  EXPECT_THAT(message(bad), HasSubstr("are damaged"));
  bad = good;
  bad.packed.pop_back();
  EXPECT_THAT(message(bad), HasSubstr("are damaged"));
  bad = good;
  bad.packed = "\xFF\xFF\xFF";
  EXPECT_THAT(message(bad), HasSubstr("are damaged"));
}

TEST(Zip, WritesWhatItReads) {
  const Folder folder;
  // The lowest limit writes every size and offset in 64 bits.
  for (const uint64_t zip64_from : {uint64_t{0xFFFFFFFF}, uint64_t{0}, uint64_t{100}}) {
    auto file = *AtomicFile::create(folder / "out.zip");
    ZipWriter writer(*file, zip64_from);
    const std::string large(300, 'y');
    ASSERT_TRUE(writer.add("first", std::vector<std::string_view>{"ab", {}, "cd"}).ok());
    ASSERT_TRUE(writer.add("dir/grün", std::vector<std::string_view>{large}).ok());
    ASSERT_TRUE(writer.add("none", {}).ok());
    EXPECT_EQ(writer.add("../x", {}).code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(writer.add(std::string(0xFF01, 'x'), {}).code(), StatusCode::kInvalidArgument);
    ASSERT_TRUE(writer.finish().ok());
    ASSERT_TRUE(file->commit().ok());
    const std::string archive = file_text(folder / "out.zip");
    const auto entries = read_zip_directory(as_bytes(archive));
    ASSERT_TRUE(entries.ok()) << entries.status().to_string();
    ASSERT_EQ(entries->size(), 3U);
    EXPECT_EQ((*entries)[1].name, "dir/grün");
    for (const ZipEntry& entry : *entries) EXPECT_EQ(entry.data_begin % 64, 0U);
    EXPECT_EQ(*content(archive, 0), "abcd");
    EXPECT_EQ(*content(archive, 1), large);
    EXPECT_EQ(*content(archive, 2), "");
  }
}

TEST(Zip, RefusesALyingZip64) {
  const Folder folder;
  auto file = *AtomicFile::create(folder / "out.zip");
  ZipWriter writer(*file, 0);
  ASSERT_TRUE(writer.add("a", std::vector<std::string_view>{"hello"}).ok());
  ASSERT_TRUE(writer.finish().ok() && file->commit().ok());
  const std::string whole = file_text(folder / "out.zip");
  const size_t locator = whole.size() - 22 - 20;
  std::string bad = whole;
  bad[locator + 8] ^= 1;
  std::string far = whole;
  far[locator + 15] = '\x7F';
  std::string parts = whole;
  parts[locator + 16] = 2;
  std::string moved = whole;
  moved[locator - 56 + 48 + 7] = 1;
  expect_zip_refused({
      {bad, "expected a ZIP64 end record at byte"},
      {far, "expected a ZIP64 end record at byte"},
      {parts, "archives in several parts", StatusCode::kUnimplemented},
      {moved, "expected the directory to end where its end record starts"},
  });
}

}  // namespace
}  // namespace accel::tensors
