#include "server/keys/key_table.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "server/keys/key_text.h"
#include "server/keys/moment.h"

namespace accel::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::string kHash(64, 'a');

// A file of one key with these further members, each as "name: value".
Result<KeyTable> table_with(const std::string& members) {
  std::string text = "keys:\n  - name: team-a\n    hash: sha256:" + kHash + "\n";
  if (!members.empty()) text += "    " + members + "\n";
  return parse_key_table(text, "keys.yaml");
}

std::string error_of(const std::string& members) {
  const auto table = table_with(members);
  return table.ok() ? "fine" : table.status().message();
}

TEST(KeyTable, AWholeFileIsRead) {
  const auto table = parse_key_table(R"(# Keys of the server.
keys:
  - name: team-a
    hash: sha256:9F86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    scopes: [infer, metrics]
    models: [minilm, "bge:2"]
    expires: 2027-01-31T12:00:01Z
    requests_per_second: 2.5
    burst: 40
    concurrent: 8
    tokens_per_minute: 1e5
    priority: high
    bulk: true
  - {name: operator, scopes: [admin],
     hash: "sha256:0000000000000000000000000000000000000000000000000000000000000000"}
)",
                                     "keys.yaml");
  ASSERT_TRUE(table.ok()) << table.status().to_string();
  ASSERT_EQ(table->keys().size(), 2);
  const Key& key = table->keys()[0];
  EXPECT_EQ(key.name, "team-a");
  EXPECT_THAT(key.hash, StartsWith("9f86d081"));
  EXPECT_EQ(key.id(), "9f86d081");
  EXPECT_THAT(key.scopes, ElementsAre(Scope::kInfer, Scope::kMetrics));
  EXPECT_THAT(key.models, ElementsAre("minilm", "bge:2"));
  EXPECT_EQ(moment_text(key.expires_seconds.value_or(0)), "2027-01-31T12:00:01Z");
  EXPECT_EQ(key.limits.requests_per_second, 2.5);
  EXPECT_EQ(key.limits.burst, 40);
  EXPECT_EQ(key.limits.concurrent, 8);
  EXPECT_EQ(key.limits.tokens_per_minute, 100'000);
  EXPECT_EQ(key.priority, Priority::kHigh);
  EXPECT_TRUE(key.bulk);
  EXPECT_EQ(key.line, 3);
  EXPECT_TRUE(table->keys()[1].allows(Scope::kAdmin));
  EXPECT_FALSE(table->keys()[1].allows(Scope::kInfer));
  EXPECT_EQ(table->keys()[1].line, 14);
}

TEST(KeyTable, WhatIsNotSaidIsUsual) {
  const auto table = table_with("");
  ASSERT_TRUE(table.ok());
  const Key& key = table->keys()[0];
  EXPECT_THAT(key.scopes, ElementsAre(Scope::kInfer));
  EXPECT_THAT(key.models, IsEmpty());
  EXPECT_FALSE(key.expires_seconds);
  EXPECT_EQ(key.limits, KeyLimits());
  EXPECT_EQ(key.priority, Priority::kNormal);
  EXPECT_FALSE(key.bulk);
  EXPECT_EQ(table_with("requests_per_second: 2.5")->keys()[0].limits.burst, 3);
}

TEST(KeyTable, AFileWithoutKeysIsOneThatLetsNobodyIn) {
  for (const char* text : {"", "# nothing\n", "keys:\n", "keys: []\n", "{}"}) {
    const auto table = parse_key_table(text, "keys.yaml");
    ASSERT_TRUE(table.ok()) << text;
    EXPECT_THAT(table->keys(), IsEmpty()) << text;
  }
}

TEST(KeyTable, JsonIsTakenToo) {
  const auto table = parse_key_table(
      fmt::format(R"({{"keys": [{{"name": "a", "hash": "sha256:{}", "bulk": true}}]}})", kHash),
      "keys.json");
  ASSERT_TRUE(table.ok()) << table.status().to_string();
  EXPECT_TRUE(table->keys()[0].bulk);
}

TEST(KeyTable, ErrorsNameTheFileTheLineAndTheMember) {
  EXPECT_EQ(
      error_of("priority: hihg"),
      "keys.yaml:4: priority: expected low, normal or high, found 'hihg'; did you mean high?");
  EXPECT_THAT(error_of("scopes: [infer, admn]"),
              HasSubstr(":4: scopes: expected infer, admin or metrics, found 'admn'; did you mean "
                        "admin?"));
  EXPECT_THAT(error_of("scopes: infer"), HasSubstr("expected a list"));
  EXPECT_THAT(error_of("concurent: 8"),
              HasSubstr("keys.yaml:4: expected name, hash, scopes, models, expires, "
                        "requests_per_second, burst, concurrent, tokens_per_minute, priority, "
                        "bulk, found 'concurent'; did you mean concurrent?"));
  EXPECT_THAT(error_of("models: []"), HasSubstr("models: expected a list of models"));
  EXPECT_THAT(error_of("models: [[a]]"), HasSubstr("models: expected the name of a model"));
  EXPECT_THAT(error_of("expires: tomorrow"), HasSubstr("found 'tomorrow'"));
  EXPECT_THAT(error_of("expires: 2027-02-30"), HasSubstr("expires: expected a moment in UTC"));
  for (const char* wrong : {"0", "-1", "nan", "inf", "1e13", "2x", "", "[1]", "many"}) {
    EXPECT_THAT(error_of(fmt::format("requests_per_second: {}", wrong)),
                HasSubstr(":4: requests_per_second: expected a number above 0"))
        << wrong;
  }
  EXPECT_THAT(error_of("concurrent: 1.5"), HasSubstr("a whole number from 1 on, found '1.5'"));
  EXPECT_THAT(error_of("burst: 3"), HasSubstr("burst: expected requests_per_second beside it"));
  EXPECT_THAT(error_of("bulk: yes"), HasSubstr("bulk: expected true or false, found 'yes'"));
  EXPECT_THAT(parse_key_table("kyes: []", "f").status().message(),
              HasSubstr("f:1: expected keys, found 'kyes'; did you mean keys?"));
  EXPECT_THAT(parse_key_table("keys: 3", "f").status().message(),
              HasSubstr("f:1: keys: expected a list"));
  EXPECT_THAT(parse_key_table("keys:\n- a", "f").status().message(), HasSubstr("expected a key"));
  EXPECT_THAT(parse_key_table("keys:\n- name: a", "f").status().message(),
              HasSubstr("f:2: hash: expected one for each key, found none"));
  EXPECT_THAT(parse_key_table("keys:\n- hash: sha256:" + kHash, "f").status().message(),
              HasSubstr("f:2: name: expected one"));
}

TEST(KeyTable, NamesAreShortAndPlain) {
  for (const char* name : {"a", "team-a", "A.b_c-9", "0"}) EXPECT_TRUE(is_key_name(name)) << name;
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("-a"), std::string("anonymous"),
        std::string("ä"), std::string(65, 'a')}) {
    EXPECT_FALSE(is_key_name(name)) << name;
  }
}

// Somebody may have put the key itself where its hash belongs, and messages go to logs.
TEST(KeyTable, WhatStandsForAHashIsNotShown) {
  for (const std::string& hash : {std::string("accel-secret"), "sha256:" + std::string(63, 'a'),
                                  "sha256:" + std::string(64, 'g'), "md5:" + kHash, kHash}) {
    const auto table = parse_key_table("keys:\n- name: a\n  hash: " + hash, "f");
    EXPECT_THAT(table.status().message(), HasSubstr("f:3: hash: expected sha256: and 64"));
    EXPECT_THAT(table.status().message(), Not(HasSubstr(hash)));
  }
}

TEST(KeyTable, OneKeyStandsOnceAndOneNameAsOftenAsWanted) {
  const std::string other(64, 'b');
  const std::string twice = fmt::format(
      "keys:\n- {{name: a, hash: sha256:{0}}}\n- {{name: b, hash: sha256:{0}}}\n", kHash);
  EXPECT_THAT(parse_key_table(twice, "f").status().message(),
              HasSubstr("f:3: hash: this key stands in line 2 already"));
  const auto rotation = parse_key_table(
      fmt::format("keys:\n- {{name: a, hash: sha256:{}}}\n- {{name: a, hash: sha256:{}}}\n", kHash,
                  other),
      "f");
  ASSERT_TRUE(rotation.ok());
  EXPECT_EQ(rotation->find(kHash), &rotation->keys()[0]);
  EXPECT_EQ(rotation->find(other), &rotation->keys()[1]);
  EXPECT_EQ(rotation->find(std::string(64, 'c')), nullptr);
  EXPECT_EQ(rotation->find(""), nullptr);
  EXPECT_EQ(KeyTable().find(kHash), nullptr);
}

TEST(KeyTable, TooManyKeysAreRefused) {
  std::string text = "keys:\n";
  for (size_t i = 0; i <= kKeysMax; ++i) {
    text += fmt::format("- {{name: a, hash: sha256:{:064x}}}\n", i);
  }
  EXPECT_THAT(parse_key_table(text, "f").status().message(), HasSubstr("at most 1000 keys"));
}

TEST(KeyText, KeysAreLongRandomAndTheirHashIsSha256) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const auto key = new_key_text();
    ASSERT_TRUE(key.ok());
    EXPECT_THAT(*key, testing::MatchesRegex("accel-[A-Za-z0-9_-]{43}"));
    EXPECT_TRUE(is_key_hash(key_hash(*key)));
    seen.insert(*key);
  }
  EXPECT_EQ(seen.size(), 100);
  EXPECT_EQ(key_hash("test"), "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
}

TEST(Moment, IsReadAndWritten) {
  EXPECT_EQ(parse_moment("1970-01-01"), 0);
  EXPECT_EQ(parse_moment("2000-02-29T23:59:59Z"), 951868799);
  EXPECT_EQ(moment_text(951868799), "2000-02-29T23:59:59Z");
  EXPECT_EQ(moment_text(parse_moment("9999-12-31").value_or(0)), "9999-12-31T00:00:00Z");
  for (const char* wrong :
       {"", "1969-12-31", "1900-02-29", "2001-02-29", "2000-13-01", "2000-00-01", "2000-01-00",
        "2000-01-01T24:00:00Z", "2000-01-01T00:60:00Z", "2000-01-01T00:00:00", "2000-1-1",
        "2000-01-01T00:00:00+01:00", "2000-01-01 00:00:00Z", "x000-01-01"}) {
    EXPECT_FALSE(parse_moment(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace accel::server
