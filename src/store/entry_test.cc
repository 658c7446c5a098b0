#include "store/entry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/content_hash.h"

namespace accel::store {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::string entry_of(EntryHeader header, const std::string& payload) {
  header.payload_bytes = payload.size();
  header.payload_digest = content_digest(as_bytes(payload));
  return encode_entry_header(header) + payload;
}

EntryHeader header() {
  EntryHeader header{.key = {.kind = "compiled", .parts = {}},
                     .label = "a model",
                     .note = "a note",
                     .made_s = 1700000000};
  header.key.add("weights", "0123").add("precision", "bf16").add("weights", "again");
  return header;
}

TEST(Entry, GivesBackWhatWasWritten) {
  const std::string file = entry_of(header(), "payload");
  const auto read = parse_entry_header(as_bytes(file), file.size());
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  EXPECT_EQ(read->key, header().key);
  EXPECT_EQ(read->label, "a model");
  EXPECT_EQ(read->note, "a note");
  EXPECT_EQ(read->made_s, 1700000000);
  EXPECT_EQ(read->payload_begin % 4096, 0);
  const auto payload = checked_payload(as_bytes(file), *read);
  ASSERT_TRUE(payload.ok());
  EXPECT_EQ(static_cast<const void*>(payload->data()), file.data() + read->payload_begin);
  EXPECT_EQ(payload->size(), 7);
}

TEST(Entry, TextsOfAnyKindAndLengthAreCarriedOrCut) {
  for (const std::string& text : {std::string(), std::string("\xFF\xFE"), std::string(5000, 'x'),
                                  std::string("a\0b", 3), std::string("日本\n\"")}) {
    EntryHeader odd = header();
    odd.label = odd.note = text;
    const std::string file = entry_of(odd, "");
    EXPECT_TRUE(parse_entry_header(as_bytes(file), file.size()).ok());
  }
}

// Every bit of header, padding and payload, and every truncation.
TEST(Entry, EveryFlippedBitAndEveryTruncationIsRefused) {
  const std::string file = entry_of(header(), "the payload, not long");
  const auto refused = [](const std::string& changed) {
    const auto read = parse_entry_header(as_bytes(changed), changed.size());
    return !read.ok() || !checked_payload(as_bytes(changed), *read).ok();
  };
  ASSERT_FALSE(refused(file));
  for (size_t at = 0; at < file.size(); ++at) {
    std::string changed = file;
    changed[at] = static_cast<char>(changed[at] ^ 1 << at % 8);
    ASSERT_TRUE(refused(changed)) << "bit " << at % 8 << " of byte " << at;
  }
  for (size_t size = 0; size < file.size(); size += 1 + size / 40) {
    ASSERT_TRUE(refused(file.substr(0, size))) << size;
  }
  EXPECT_TRUE(refused(file + '\0'));
}

TEST(Entry, KeysBeyondTheirBoundsAreRefused) {
  CacheKey key{.kind = "graph", .parts = {}};
  EXPECT_TRUE(key.check().ok());
  EXPECT_FALSE(CacheKey{}.check().ok());
  for (size_t i = 0; i < CacheKey::kPartsMax; ++i) key.add("name", "value");
  EXPECT_TRUE(key.check().ok());
  key.add("one", "more");
  EXPECT_FALSE(key.check().ok());
  EXPECT_FALSE((CacheKey{.kind = "graph", .parts = {{"a", "\xFF"}}}).check().ok());
  const std::string most(CacheKey::kBytesMax - 6, '\1');  // six bytes each in JSON
  const CacheKey largest{.kind = "graph", .parts = {{"a", most}}};
  ASSERT_TRUE(largest.check().ok());
  const std::string file = entry_of({.key = largest}, "");
  EXPECT_TRUE(parse_entry_header(as_bytes(file), file.size()).ok());
}

TEST(CacheKey, EveryPartAndItsPlaceCounts) {
  const auto digest = [](const CacheKey& key) { return key.digest(); };
  const CacheKey key = header().key;
  CacheKey other = key;
  EXPECT_EQ(digest(other), digest(key));
  EXPECT_TRUE(is_digest(digest(key)));
  other.kind = "graph";
  EXPECT_NE(digest(other), digest(key));
  other = key;
  std::swap(other.parts[0], other.parts[1]);
  EXPECT_NE(digest(other), digest(key));
  for (size_t i = 0; i < key.parts.size(); ++i) {
    other = key;
    other.parts[i].second += "x";
    EXPECT_NE(digest(other), digest(key));
    EXPECT_THAT(differing_parts(key, other), testing::ElementsAre(key.parts[i].first));
  }
  other = key;
  other.add("streams", "2");
  EXPECT_THAT(differing_parts(key, other), testing::ElementsAre("streams"));
  EXPECT_EQ(key.part("precision"), "bf16");
  EXPECT_EQ(key.part("nothing"), "");
}

}  // namespace
}  // namespace accel::store
