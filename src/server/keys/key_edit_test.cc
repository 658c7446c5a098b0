#include "server/keys/key_edit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/keys/key_table.h"

namespace accel::server {
namespace {

using testing::HasSubstr;

Key key_named(std::string name, char digit = 'a') {
  return {.name = std::move(name), .hash = std::string(64, digit)};
}

const std::string kTwo = R"(# Ours.
keys:
- name: a   # the first
  hash: sha256:1111111111111111111111111111111111111111111111111111111111111111

# Theirs.
- name: b
  hash: sha256:2222222222222222222222222222222222222222222222222222222222222222
  scopes: [admin]
# The end.
)";

TEST(KeyEdit, AKeyIsAddedAsTheLastAndTheRestStays) {
  const auto changed = with_key(kTwo, "f", key_named("c"));
  ASSERT_TRUE(changed.ok()) << changed.status().to_string();
  EXPECT_EQ(*changed,
            kTwo + "- name: c\n  hash: sha256:" + std::string(64, 'a') + "\n  scopes: [infer]\n");
}

TEST(KeyEdit, EveryMemberIsWrittenAsItIsRead) {
  Key key = key_named("a");
  key.scopes = {Scope::kAdmin, Scope::kMetrics};
  key.models = {"m", "org/name:2", "say \"so\" \\ ", "ünï", "# no comment"};
  key.expires_seconds = 1'900'000'000;
  key.limits = {.requests_per_second = 0.1, .burst = 7, .concurrent = 3, .tokens_per_minute = 1e9};
  key.priority = Priority::kLow;
  key.bulk = true;
  const auto text = with_key("", "f", key);
  ASSERT_TRUE(text.ok()) << text.status().to_string();
  EXPECT_THAT(*text, HasSubstr("keys:\n  - name: a\n    hash: sha256:aaaa"));
  key.line = 3;
  EXPECT_EQ(parse_key_table(*text, "f")->keys()[0], key);
}

TEST(KeyEdit, AFileMayBeginInManyWays) {
  const std::string entry =
      "  - name: a\n    hash: sha256:" + std::string(64, 'a') + "\n    scopes: [infer]\n";
  EXPECT_EQ(*with_key("keys:", "f", key_named("a")), "keys:\n" + entry);
  EXPECT_EQ(*with_key("# mine", "f", key_named("a")), "# mine\nkeys:\n" + entry);
  EXPECT_THAT(*with_key("", "f", key_named("a")), HasSubstr("only their hashes.\nkeys:\n" + entry));
}

TEST(KeyEdit, WhereTheLayoutIsAnotherThePersonDoesIt) {
  for (const char* text : {"keys: []\n", "{\"keys\": []}"}) {
    const auto changed = with_key(text, "f", key_named("a"));
    EXPECT_EQ(changed.status().code(), StatusCode::kFailedPrecondition) << text;
    EXPECT_THAT(changed.status().message(),
                HasSubstr("f: expected a file that ends with its list"));
  }
  const std::string line = "keys: [{name: a, hash: sha256:" + std::string(64, 'a') +
                           "}, {name: b, hash: sha256:" + std::string(64, 'b') + "}]\n";
  EXPECT_THAT(without_keys(line, "f", "a").status().message(),
              HasSubstr("delete the keys of line 1 by hand"));
  EXPECT_EQ(with_key("keys: 3", "f", key_named("a")).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(with_key(kTwo, "f", key_named("c", '1')).status().code(),
            StatusCode::kFailedPrecondition);  // the same key twice
}

TEST(KeyEdit, AKeyIsRevokedAndTheRestStays) {
  const auto changed = without_keys(kTwo, "f", "a");
  ASSERT_TRUE(changed.ok()) << changed.status().to_string();
  EXPECT_EQ(changed->count, 1);
  EXPECT_EQ(changed->text, R"(# Ours.
keys:

# Theirs.
- name: b
  hash: sha256:2222222222222222222222222222222222222222222222222222222222222222
  scopes: [admin]
# The end.
)");
  const auto none = without_keys(changed->text, "f", "b");
  ASSERT_TRUE(none.ok()) << none.status().to_string();
  EXPECT_EQ(none->text, "# Ours.\nkeys:\n\n# Theirs.\n# The end.\n");
  EXPECT_TRUE(with_key(none->text, "f", key_named("a")).ok());
}

TEST(KeyEdit, OfSeveralKeysOfAHolderOneIsRevokedByItsId) {
  std::string text = *with_key(kTwo, "f", key_named("a", '3'));
  EXPECT_EQ(parse_key_table(without_keys(text, "f", "a")->text, "f")->keys().size(), 1);
  const auto changed = without_keys(text, "f", "a", "1111");
  EXPECT_EQ(changed->count, 1);
  const auto left = parse_key_table(changed->text, "f");
  ASSERT_EQ(left->keys().size(), 2);
  EXPECT_EQ(left->keys()[1].hash, std::string(64, '3'));
  text = *with_key(text, "f", {.name = "a", .hash = std::string(4, '1') + std::string(60, '0')});
  EXPECT_THAT(without_keys(text, "f", "a", "1111").status().message(), HasSubstr("fits 2 keys"));
}

TEST(KeyEdit, WhoIsNotThereIsSaid) {
  EXPECT_EQ(without_keys(kTwo, "f", "c").status().code(), StatusCode::kNotFound);
  EXPECT_THAT(
      without_keys(*with_key(kTwo, "f", key_named("team-a")), "f", "team-b").status().message(),
      HasSubstr("there is no key 'team-b'; did you mean team-a?"));
  EXPECT_THAT(without_keys(kTwo, "f", "a", "22").status().message(),
              HasSubstr("no key of 'a' has a hash that begins with '22'"));
}

}  // namespace
}  // namespace accel::server
