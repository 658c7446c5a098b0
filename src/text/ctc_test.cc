#include "text/ctc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/files.h"
#include "base/json.h"

namespace accel::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<CtcSpan> spans_of(const Json& json) {
  std::vector<CtcSpan> spans;
  for (const Json& each : json) {
    spans.push_back({.text = each[0].get<std::string>(),
                     .begin = each[1].get<uint64_t>(),
                     .end = each[2].get<uint64_t>()});
  }
  return spans;
}

// The texts and offsets of transformers' Wav2Vec2CTCTokenizer (tools/make_audio_fixtures.py).
TEST(Ctc, EqualsTheReference) {
  const auto path = std::filesystem::path(ACCEL_TEST_DATA) / "audio" / "ctc.json";
  const Result<Json> json = read_json(path);
  ASSERT_TRUE(json.ok()) << json.status().to_string();
  size_t cases = 0;
  for (const Json& set : json->at("sets")) {
    const std::string vocabulary = set.at("vocabulary").dump();
    const std::string config = set.at("config").dump();
    const Result<CtcDecoder> decoder =
        CtcDecoder::create({.vocabulary = vocabulary, .config = config});
    ASSERT_TRUE(decoder.ok()) << set.at("name") << decoder.status().to_string();
    for (const Json& each : set.at("cases")) {
      const auto ids = each.at("ids").get<std::vector<int64_t>>();
      const Result<CtcText> found = decoder->decode(ids, {.characters = true, .words = true});
      ASSERT_TRUE(found.ok()) << found.status().to_string();
      EXPECT_EQ(found->text, each.at("text").get<std::string>()) << set.at("name");
      EXPECT_EQ(found->characters, spans_of(each.at("characters"))) << set.at("name");
      EXPECT_EQ(found->words, spans_of(each.at("words"))) << set.at("name");
      EXPECT_EQ(decoder->decode(ids)->text, found->text);
      ++cases;
    }
  }
  EXPECT_GE(cases, 40U);
}

constexpr std::string_view kVocabulary =
    R"({"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4, "A": 5, "L": 6})";

TEST(Ctc, SpellsRunsBetweenBlanks) {
  const CtcDecoder decoder = *CtcDecoder::create({.vocabulary = kVocabulary});
  const std::vector<int64_t> ids{1, 0, 5, 5, 6, 0, 6, 4, 4, 5, 99, 2};
  EXPECT_EQ(decoder.decode(ids)->text, "<s>ALL A<unk></s>");
  const CtcText text =
      *decoder.decode(ids, {.characters = true, .words = true, .skip_special_tokens = true});
  EXPECT_EQ(text.text, "ALL A");
  EXPECT_THAT(text.characters,
              ElementsAre(CtcSpan{"A", 2, 4}, CtcSpan{"L", 4, 5}, CtcSpan{"L", 6, 7},
                          CtcSpan{" ", 7, 9}, CtcSpan{"A", 9, 10}));
  EXPECT_THAT(text.words, ElementsAre(CtcSpan{"ALL", 2, 7}, CtcSpan{"A", 9, 10}));
  EXPECT_EQ(decoder.largest_id(), 6);
}

TEST(Ctc, OlderFoldersKeepSpecialTokensBesideTheVocabulary) {
  const CtcDecoder decoder = *CtcDecoder::create(
      {.vocabulary = R"({"a": 0, "[PAD]": 1, "[UNK]": 2, "|": 3})",
       .special_tokens = R"({"pad_token": "[PAD]", "unk_token": {"content": "[UNK]"}})",
       .added_tokens = R"({"<s>": 4, "</s>": 5})"});
  EXPECT_EQ(decoder.decode(std::vector<int64_t>{4, 0, 1, 0, 2, 5})->text, "<s>aa[UNK]</s>");
  EXPECT_EQ(decoder.largest_id(), 5);
}

TEST(Ctc, BestIds) {
  const std::vector<float> logits{0.1F, 0.9F, 0.2F, 3, 3, -1};
  EXPECT_THAT(*best_ids(logits, 3), ElementsAre(1, 0));
  EXPECT_THAT(*best_ids({}, 3), ElementsAre());
  EXPECT_THAT(best_ids(logits, 4).status().message(), HasSubstr("whole frames of 4 scores"));
  EXPECT_THAT(best_ids(logits, 0).status().message(), HasSubstr("whole frames of 0 scores"));
  const std::vector<float> broken{0, 1, std::nanf(""), 0};
  EXPECT_THAT(best_ids(broken, 2).status().message(), HasSubstr("in frame 1"));
}

struct Bad {
  CtcFiles files;
  std::string_view message;
};

TEST(Ctc, RefusesFilesByName) {
  const std::string_view languages = R"({"eng": {"a": 0}, "fra": {"é": 0}})";
  for (const Bad& bad : std::vector<Bad>{
           {{.vocabulary = ""}, "vocab.json: expected it"},
           {{.vocabulary = "[1]"}, "vocab.json: expected a JSON object, found array"},
           {{.vocabulary = "{"}, "vocab.json: expected valid JSON"},
           {{.vocabulary = R"({"a": -1})"}, "\"a\": expected an id from 0"},
           {{.vocabulary = R"({"a": 18446744073709551615})"}, "\"a\": expected an id from 0"},
           {{.vocabulary = R"({"a": 1, "b": 1})"}, "one token per id, found \"a\" and \"b\""},
           {{.vocabulary = languages}, "found none; there are eng, fra"},
           {{.vocabulary = languages, .language = "deu"}, "found \"deu\"; there are eng, fra"},
           {{.vocabulary = "{}", .config = R"({"do_lower_case": "yes"})"},
            "do_lower_case: expected true or false, found string"},
           {{.vocabulary = "{}", .config = R"({"pad_token": null})"}, "pad_token: expected"},
           {{.vocabulary = "{}", .config = R"({"pad_token": 7})"}, "pad_token: expected a token"},
           {{.vocabulary = "{}", .config = R"({"added_tokens_decoder": {"x": "a"}})"},
            "expected ids as keys, found \"x\""},
           {{.vocabulary = "{}", .config = R"({"target_lang": 3})"}, "target_lang"}}) {
    const Status status = CtcDecoder::create(bad.files).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << bad.message;
    EXPECT_THAT(status.message(), HasSubstr(bad.message));
  }
  const Status other = CtcDecoder::create({.vocabulary = "{}", .config = R"({"tokenizer_class":
                                                        "Wav2Vec2PhonemeCTCTokenizer"})"})
                           .status();
  EXPECT_EQ(other.code(), StatusCode::kUnimplemented);
  EXPECT_EQ(CtcDecoder::create({.vocabulary = languages, .language = "fra"})
                ->decode(std::vector<int64_t>{0})
                ->text,
            "é");
}

}  // namespace
}  // namespace accel::text
