#include "models/sentence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openvino/op/parameter.hpp>

#include "models/tiny_bert.h"

namespace accel::models {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kTransformer = "sentence_transformers.models.Transformer";
constexpr const char* kPooling = "sentence_transformers.models.Pooling";
constexpr const char* kDense = "sentence_transformers.models.Dense";
constexpr const char* kLayerNorm = "sentence_transformers.models.LayerNorm";
constexpr const char* kSplade = "sentence_transformers.sparse_encoder.models.SpladePooling";
constexpr const char* kTokenDense = "pylate.models.Dense.Dense";
constexpr const char* kNormalize = "sentence_transformers.models.Normalize";

struct ModuleLine {
  std::string type;
  std::string path;
};

// A folder as sentence-transformers saves it.
class Sentence : public testing::Test {
 protected:
  void modules(const std::vector<ModuleLine>& lines) {
    Json list = Json::array();
    for (const ModuleLine& line : lines) {
      list.push_back({{"idx", list.size()}, {"type", line.type}, {"path", line.path}});
    }
    folder_.write("modules.json", list);
  }
  void pooled(const Json& pooling) {
    modules({{kTransformer, ""}, {kPooling, "1_Pooling"}});
    folder_.write("1_Pooling/config.json", pooling);
  }
  Result<SentenceModules> read() const { return read_sentence_modules(folder_.path()); }
  // The status of what must fail.
  Status refused() const {
    const Result<SentenceModules> result = read();
    EXPECT_FALSE(result.ok());
    return result.status();
  }

  ScratchFolder folder_;
};

TEST_F(Sentence, WithoutModulesMeanPoolingIsAssumed) {
  const SentenceModules modules = *read();
  EXPECT_EQ(modules.transformer, folder_.path());
  EXPECT_THAT(modules.pooling, ElementsAre(Pooling::kMean));
  EXPECT_TRUE(modules.pooling_assumed);
  EXPECT_FALSE(modules.normalize);
  EXPECT_EQ(modules.max_tokens, 0);
  EXPECT_EQ(modules.embedding_size(384), 384);
}

TEST_F(Sentence, TheUsualFolder) {
  modules({{kTransformer, ""}, {kPooling, "1_Pooling"}, {kNormalize, "2_Normalize"}});
  folder_.write("1_Pooling/config.json",
                {{"word_embedding_dimension", 384}, {"pooling_mode_mean_tokens", true}});
  folder_.write("sentence_bert_config.json", {{"max_seq_length", 256}, {"do_lower_case", true}});
  const SentenceModules modules = *read();  // 2_Normalize needs no folder
  EXPECT_TRUE(modules.normalize);
  EXPECT_FALSE(modules.pooling_assumed);
  EXPECT_EQ(modules.max_tokens, 256);
  EXPECT_TRUE(modules.lower_case);
}

TEST_F(Sentence, TheTransformerMayHaveAFolderOfItsOwn) {
  modules({{"sentence_transformers.base.modules.Transformer", "0_Transformer"},
           {"sentence_transformers.sentence_transformer.modules.Pooling", "1_Pooling"},
           {"sentence_transformers.models.Dropout", "2_Dropout"}});
  folder_.write("1_Pooling/config.json", Json::object());
  folder_.write("0_Transformer/sentence_bert_config.json", {{"max_seq_length", 12}});
  folder_.write("sentence_bert_config.json", {{"max_seq_length", 99}});
  const SentenceModules modules = *read();
  EXPECT_EQ(modules.transformer, folder_.path() / "0_Transformer");
  EXPECT_EQ(modules.max_tokens, 12);
}

TEST_F(Sentence, EveryPoolingFlag) {
  const std::pair<const char*, Pooling> flags[] = {
      {"pooling_mode_cls_token", Pooling::kCls},
      {"pooling_mode_max_tokens", Pooling::kMax},
      {"pooling_mode_mean_tokens", Pooling::kMean},
      {"pooling_mode_mean_sqrt_len_tokens", Pooling::kMeanSqrtLength},
      {"pooling_mode_weightedmean_tokens", Pooling::kWeightedMean},
      {"pooling_mode_lasttoken", Pooling::kLastToken},
  };
  for (const auto& [flag, way] : flags) {
    Json json{{"word_embedding_dimension", 8}};
    for (const auto& [other, ignored] : flags) json[other] = other == flag;
    pooled(json);
    EXPECT_THAT(read()->pooling, ElementsAre(way)) << flag;
  }
}

TEST_F(Sentence, SeveralFlagsAreConcatenatedInTheReferenceOrder) {
  pooled({{"pooling_mode_lasttoken", true},
          {"pooling_mode_mean_tokens", true},
          {"pooling_mode_cls_token", true}});
  const SentenceModules modules = *read();
  EXPECT_THAT(modules.pooling, ElementsAre(Pooling::kCls, Pooling::kMean, Pooling::kLastToken));
  EXPECT_EQ(modules.embedding_size(10), 30);
}

TEST_F(Sentence, TheNewerPoolingModeNamesOneOrSeveralInOrder) {
  for (const auto& [name, way] : {std::pair{"cls", Pooling::kCls}, std::pair{"max", Pooling::kMax},
                                  std::pair{"mean", Pooling::kMean},
                                  std::pair{"mean_sqrt_len_tokens", Pooling::kMeanSqrtLength},
                                  std::pair{"weightedmean", Pooling::kWeightedMean},
                                  std::pair{"lasttoken", Pooling::kLastToken}}) {
    pooled({{"embedding_dimension", 8}, {"pooling_mode", name}});
    EXPECT_THAT(read()->pooling, ElementsAre(way)) << name;
    EXPECT_EQ(to_string(way), name);
  }
  pooled({{"pooling_mode", {"max", "cls"}}, {"pooling_mode_mean_tokens", true}});
  EXPECT_THAT(read()->pooling, ElementsAre(Pooling::kMax, Pooling::kCls));
}

TEST_F(Sentence, WithoutAnyModeItIsTheMean) {
  pooled({{"word_embedding_dimension", 8}});
  EXPECT_THAT(read()->pooling, ElementsAre(Pooling::kMean));
  pooled({{"pooling_mode_mean_tokens", false}});
  EXPECT_THAT(read()->pooling, ElementsAre(Pooling::kMean));
}

TEST_F(Sentence, BrokenPoolingNamesTheModule) {
  for (const Json& mode : {Json("median"), Json(3), Json{"mean", "median"}, Json(nullptr),
                           Json{"mean", "mean", "mean", "mean", "mean", "mean", "mean"}}) {
    pooled({{"pooling_mode", mode}});
    EXPECT_THAT(refused().message(), HasSubstr("module Pooling in '1_Pooling': pooling_mode:"))
        << mode;
  }
  pooled({{"pooling_mode_mean_tokens", "yes"}});
  EXPECT_THAT(refused().message(), HasSubstr("pooling_mode_mean_tokens: expected true or false"));
  pooled({{"include_prompt", false}});
  EXPECT_THAT(refused().message(), HasSubstr("include_prompt"));
  pooled(Json::array({1, 2}));
  EXPECT_EQ(refused().code(), StatusCode::kInvalidArgument);
  folder_.write("1_Pooling/config.json", std::string_view("{\"pooling_mode\": "));
  EXPECT_THAT(refused().message(), HasSubstr("1_Pooling/config.json"));
  fs::remove(folder_.path() / "1_Pooling/config.json");
  EXPECT_EQ(refused().code(), StatusCode::kNotFound);
}

TEST_F(Sentence, DenseActivationsUnderTorchsNames) {
  for (const auto& [torch, name] : {std::pair{"torch.nn.modules.activation.Tanh", "tanh"},
                                    std::pair{"torch.nn.modules.linear.Identity", "linear"},
                                    std::pair{"torch.nn.modules.activation.GELU", "gelu"},
                                    std::pair{"torch.nn.modules.activation.ReLU", "relu"},
                                    std::pair{"torch.nn.modules.activation.SiLU", "silu"}}) {
    modules({{kTransformer, ""}, {kPooling, "1_Pooling"}, {kDense, "2_Dense"}});
    folder_.write("1_Pooling/config.json", Json::object());
    folder_.write(
        "2_Dense/config.json",
        {{"in_features", 8}, {"out_features", 5}, {"bias", false}, {"activation_function", torch}});
    const SentenceModules modules = *read();
    ASSERT_EQ(modules.chain.size(), 1u);
    const auto& dense = std::get<DenseModule>(modules.chain[0]);
    EXPECT_EQ(dense.activation, name);
    EXPECT_EQ(dense.in, 8);
    EXPECT_FALSE(dense.bias);
    EXPECT_EQ(modules.embedding_size(8), 5);
  }
}

TEST_F(Sentence, DenseDefaultsAndProblems) {
  modules({{kTransformer, ""}, {kPooling, "1_Pooling"}, {kDense, "2_Dense"}});
  folder_.write("1_Pooling/config.json", Json::object());
  folder_.write("2_Dense/config.json", {{"in_features", 8}, {"out_features", 5}});
  const SentenceModules modules = *read();
  EXPECT_EQ(std::get<DenseModule>(modules.chain[0]).activation, "tanh");
  EXPECT_TRUE(std::get<DenseModule>(modules.chain[0]).bias);

  for (const auto& [name, value] :
       {std::pair{"activation_function", Json("torch.nn.modules.activation.Softmax")},
        std::pair{"in_features", Json(0)}, std::pair{"out_features", Json()},
        std::pair{"module_input_name", Json("token_embeddings")}, std::pair{"bias", Json(1)}}) {
    Json json{{"in_features", 8}, {"out_features", 5}};
    json[name] = value;
    folder_.write("2_Dense/config.json", json);
    const Status status = refused();
    EXPECT_THAT(status.message(), HasSubstr("module Dense in '2_Dense'"));
    EXPECT_THAT(status.message(), HasSubstr(name));
  }
}

TEST_F(Sentence, ModulesOutOfOrderOrUnknownAreRefused) {
  folder_.write("1_Pooling/config.json", Json::object());
  folder_.write("2_Dense/config.json", {{"in_features", 8}, {"out_features", 5}});
  const std::pair<std::vector<ModuleLine>, const char*> cases[] = {
      {{{kTransformer, ""}, {"sentence_transformers.models.CNN", "1"}}, "module type 'CNN'"},
      {{{kTransformer, ""}, {kDense, "2_Dense"}, {kPooling, "1_Pooling"}}, "out of this order"},
      {{{kTransformer, ""}, {kPooling, "1_Pooling"}, {kPooling, "1_Pooling"}}, "one Pooling"},
      {{{kTransformer, ""}, {kTransformer, ""}, {kPooling, "1_Pooling"}}, "second Transformer"},
      {{{kTransformer, ""}, {kPooling, "1_Pooling"}, {kNormalize, ""}, {kDense, "2_Dense"}},
       "after Normalize"},
  };
  for (const auto& [lines, expected] : cases) {
    modules(lines);
    EXPECT_EQ(refused().code(), StatusCode::kUnimplemented) << expected;
    EXPECT_THAT(refused().message(), HasSubstr(expected));
    EXPECT_THAT(refused().message(), HasSubstr("modules.json"));
  }
  modules({{kTransformer, ""}});
  EXPECT_THAT(refused().message(), HasSubstr("expected a Pooling module"));
  modules({{kPooling, "1_Pooling"}});
  EXPECT_THAT(refused().message(), HasSubstr("expected a Transformer module"));
}

TEST_F(Sentence, SparsePoolingHasTwoOptions) {
  modules({{"sentence_transformers.sparse_encoder.models.MLMTransformer", ""},
           {kSplade, "1_SpladePooling"}});
  folder_.write("1_SpladePooling/config.json", Json::object());
  EXPECT_EQ(read()->kind, EmbeddingKind::kSparse);
  EXPECT_FALSE(read()->sparse.sum);
  EXPECT_FALSE(read()->sparse.twice);
  folder_.write("1_SpladePooling/config.json",
                {{"pooling_strategy", "sum"}, {"activation_function", "log1p_relu"}});
  EXPECT_TRUE(read()->sparse.sum);
  EXPECT_TRUE(read()->sparse.twice);
  folder_.write("1_SpladePooling/config.json", {{"pooling_strategy", "mean"}});
  EXPECT_THAT(refused().message(), HasSubstr("pooling_strategy: expected max or sum, found mean"));
  folder_.write("1_SpladePooling/config.json", {{"activation_function", "gelu"}});
  EXPECT_THAT(refused().message(), HasSubstr("activation_function"));
  modules({{kTransformer, ""}, {kSplade, "1_SpladePooling"}, {kNormalize, ""}, {kDense, ""}});
  EXPECT_FALSE(read().ok());
}

TEST_F(Sentence, TokensHaveTheRulesOfLateInteraction) {
  modules({{kTransformer, ""}, {kTokenDense, "1_Dense"}});
  folder_.write("1_Dense/config.json",
                {{"in_features", 8}, {"out_features", 5}, {"use_residual", false}});
  SentenceModules modules = *read();
  EXPECT_EQ(modules.kind, EmbeddingKind::kTokens);
  EXPECT_EQ(modules.embedding_size(8), 5);
  EXPECT_EQ(modules.late.query_prefix, "[Q] ");
  EXPECT_EQ(modules.late.document_length, 180);
  EXPECT_EQ(modules.late.skipped_words.size(), 32u);  // string.punctuation
  folder_.write("config_sentence_transformers.json", {{"query_prefix", "q"},
                                                      {"query_length", 9},
                                                      {"do_query_expansion", false},
                                                      {"attend_to_expansion_tokens", true},
                                                      {"skiplist_words", Json::array({"!"})}});
  modules = *read();
  EXPECT_EQ(modules.late.query_prefix, "q");
  EXPECT_EQ(modules.late.query_length, 9);
  EXPECT_FALSE(modules.late.expand_queries);
  EXPECT_FALSE(modules.late.attend_to_expansion);  // there are none
  EXPECT_THAT(modules.late.skipped_words, ElementsAre("!"));
  for (const Json& json : {Json{{"query_length", 2}}, Json{{"document_length", -1}},
                           Json{{"skiplist_words", "!"}}, Json{{"document_prefix", 3}}}) {
    folder_.write("config_sentence_transformers.json", json);
    EXPECT_THAT(refused().message(), HasSubstr("config_sentence_transformers.json")) << json;
  }
}

TEST_F(Sentence, ColbertsOwnMetadata) {
  EXPECT_EQ(read_colbert_metadata(folder_.path())->query_prefix, "[unused0]");
  folder_.write("artifact.metadata", {{"query_maxlen", 24},
                                      {"doc_maxlen", 300},
                                      {"attend_to_mask_tokens", true},
                                      {"mask_punctuation", false},
                                      {"doc_token_id", "[D]"}});
  const LateInteractionRules rules = *read_colbert_metadata(folder_.path());
  EXPECT_EQ(rules.query_length, 24);
  EXPECT_EQ(rules.document_length, 300);
  EXPECT_TRUE(rules.attend_to_expansion);
  EXPECT_TRUE(rules.skipped_words.empty());
  EXPECT_EQ(rules.document_prefix, "[D]");
  folder_.write("artifact.metadata", {{"doc_maxlen", "long"}});
  EXPECT_THAT(read_colbert_metadata(folder_.path()).status().message(),
              HasSubstr("artifact.metadata: doc_maxlen"));
}

TEST_F(Sentence, PathsStayBelowTheFolder) {
  for (const char* path : {"..", "../other", "/etc", "a/../../b", "./../x"}) {
    modules({{kTransformer, path}, {kPooling, "1_Pooling"}});
    EXPECT_EQ(refused().code(), StatusCode::kInvalidArgument) << path;
    EXPECT_THAT(refused().message(), HasSubstr("leaves the model's folder")) << path;
  }
  folder_.write("1_Pooling/config.json", Json::object());
  modules({{kTransformer, "a/.."}, {kPooling, "./1_Pooling/"}});
  EXPECT_TRUE(read().ok());
}

TEST_F(Sentence, PathsThatNoFileSystemTakesAreValuesToo) {
  folder_.write("1_Pooling/config.json", Json::object());
  for (const std::string& path : {std::string(5000, 'a'), std::string("a\0b", 3)}) {
    modules({{kTransformer, path}, {kPooling, "1_Pooling"}});
    const Result<SentenceModules> result = read();
    EXPECT_TRUE(!result.ok() || result->max_tokens == 0);  // nothing was there to be read
    modules({{kTransformer, ""}, {kPooling, path}});
    EXPECT_FALSE(read().ok());
  }
}

TEST_F(Sentence, BrokenModuleListsAreRefused) {
  for (const char* text : {"", "{", "{}", "3", "null", "[3]", "[{\"type\": 3}]", "[null]",
                           "[{\"type\": \"x\", \"path\": 3}]", "[[]]"}) {
    folder_.write("modules.json", std::string_view(text));
    EXPECT_EQ(refused().code(), StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(refused().message(), HasSubstr("modules.json")) << text;
  }
  folder_.write("modules.json", std::string_view(R"([{"idx": 0}])"));
  EXPECT_EQ(refused().code(), StatusCode::kUnimplemented);
}

TEST_F(Sentence, PromptsAndTheirDefault) {
  folder_.write(
      "config_sentence_transformers.json",
      {{"prompts", {{"query", "query: "}, {"document", ""}}}, {"default_prompt_name", "query"}});
  const SentenceModules modules = *read();
  EXPECT_EQ(modules.prompts.at("query"), "query: ");
  EXPECT_EQ(modules.prompts.at("document"), "");
  EXPECT_EQ(modules.default_prompt, "query");

  folder_.write("config_sentence_transformers.json",
                {{"prompts", nullptr}, {"default_prompt_name", nullptr}});
  EXPECT_TRUE(read()->prompts.empty());
}

TEST_F(Sentence, BrokenPromptsAreRefused) {
  for (const Json& json :
       {Json{{"prompts", {{"a", 1}}}}, Json{{"prompts", {"a"}}}, Json{{"prompts", "query: "}},
        Json{{"prompts", Json::object()}, {"default_prompt_name", "query"}},
        Json{{"default_prompt_name", "query"}}, Json{{"default_prompt_name", 3}}, Json(3)}) {
    folder_.write("config_sentence_transformers.json", json);
    EXPECT_EQ(refused().code(), StatusCode::kInvalidArgument) << json;
    EXPECT_THAT(refused().message(), HasSubstr("config_sentence_transformers.json")) << json;
  }
}

TEST_F(Sentence, BrokenLimitsAreRefused) {
  for (const Json& json : {Json{{"max_seq_length", "long"}}, Json{{"max_seq_length", -1}},
                           Json{{"do_lower_case", 1}}, Json::array()}) {
    folder_.write("sentence_bert_config.json", json);
    EXPECT_THAT(refused().message(), HasSubstr("sentence_bert_config.json")) << json;
  }
  folder_.write("sentence_bert_config.json", {{"max_seq_length", nullptr}});
  EXPECT_EQ(read()->max_tokens, 0);
}

TEST_F(Sentence, WithoutALimitTheTokenizersCounts) {
  folder_.write("tokenizer_config.json", {{"model_max_length", 128}});
  EXPECT_EQ(read()->max_tokens, 128);
  folder_.write("sentence_bert_config.json", {{"max_seq_length", 64}});
  EXPECT_EQ(read()->max_tokens, 64);
  folder_.write("sentence_bert_config.json", {{"max_seq_length", nullptr}});
  EXPECT_EQ(read()->max_tokens, 128);
  for (const char* none : {"1000000000000000019884624838656", "1e30", "0", "-1", "null"}) {
    folder_.write("tokenizer_config.json",
                  std::string_view(std::string("{\"model_max_length\": ") + none + "}"));
    EXPECT_EQ(read()->max_tokens, 0) << none;
  }
  folder_.write("tokenizer_config.json", {{"model_max_length", "long"}});
  EXPECT_THAT(refused().message(), HasSubstr("tokenizer_config.json: model_max_length"));
  folder_.write("tokenizer_config.json", std::string_view("{"));
  EXPECT_THAT(refused().message(), HasSubstr("tokenizer_config.json"));
}

// --- what is added to the graph ----------------------------------------------------------------

class SentenceGraph : public Sentence {
 protected:
  void SetUp() override {
    folder_.write("1_Pooling/config.json", Json::object());
    folder_.write("2_Dense/config.json", {{"in_features", 8}, {"out_features", 5}});
    folder_.write("3_LayerNorm/config.json", {{"dimension", 5}});
    modules({{kTransformer, ""},
             {kPooling, "1_Pooling"},
             {kDense, "2_Dense"},
             {kLayerNorm, "3_LayerNorm"},
             {kNormalize, ""}});
    dense({5, 8});
    norm(5);
  }
  void dense(const Shape& shape) {
    folder_.write_weights("2_Dense/model.safetensors",
                          {{"linear.weight", tiny_tensor(shape, "w")},
                           {"linear.bias", tiny_tensor({shape[0]}, "b")}});
  }
  void norm(int64_t size) {
    folder_.write_weights(
        "3_LayerNorm/model.safetensors",
        {{"norm.weight", tiny_tensor({size}, "w")}, {"norm.bias", tiny_tensor({size}, "b")}});
  }
  Result<NamedOutput> build(int64_t hidden) {
    const SentenceModules modules = *read();
    const auto x =
        std::make_shared<ov::op::v0::Parameter>(ov::element::f32, ov::PartialShape{-1, -1, hidden});
    const auto mask =
        std::make_shared<ov::op::v0::Parameter>(ov::element::i64, ov::PartialShape{-1, -1});
    sources_.clear();
    return build_embedding(modules, {x, mask}, true, sources_);
  }

  std::vector<std::shared_ptr<const MappedFile>> sources_;
};

TEST_F(SentenceGraph, DenseAndLayerNormFollowThePooling) {
  const Result<NamedOutput> built = build(8);
  ASSERT_TRUE(built.ok()) << built.status().to_string();
  EXPECT_EQ(built->name, "sentence_embedding");
  EXPECT_EQ(built->value.get_partial_shape(), (ov::PartialShape{-1, 5}));
  EXPECT_EQ(sources_.size(), 2u);
}

TEST_F(SentenceGraph, WithoutPoolingEveryTokenGoesThroughTheDenseLayers) {
  modules({{kTransformer, ""}, {kTokenDense, "2_Dense"}});
  const Result<NamedOutput> built = build(8);
  ASSERT_TRUE(built.ok()) << built.status().to_string();
  EXPECT_EQ(built->name, "token_embeddings");
  EXPECT_EQ(built->value.get_partial_shape(), (ov::PartialShape{-1, -1, 5}));
}

TEST_F(SentenceGraph, ALayerBesideItsInputNeedsAWayForIt) {
  modules({{kTransformer, ""}, {kTokenDense, "2_Dense"}});
  folder_.write("2_Dense/config.json",
                {{"in_features", 8}, {"out_features", 5}, {"use_residual", true}});
  EXPECT_THAT(build(8).status().message(), HasSubstr("residual.weight"));
}

TEST_F(SentenceGraph, SparseEmbeddingsHaveTheSizeOfTheVocabulary) {
  modules({{kTransformer, ""}, {kSplade, "1_SpladePooling"}});
  folder_.write("1_SpladePooling/config.json", Json::object());
  const Result<NamedOutput> built = build(30);
  ASSERT_TRUE(built.ok()) << built.status().to_string();
  EXPECT_EQ(built->name, "sparse_embedding");
  EXPECT_EQ(built->value.get_partial_shape(), (ov::PartialShape{-1, 30}));
}

TEST_F(SentenceGraph, SizesThatDoNotMeetAreNamed) {
  EXPECT_THAT(build(9).status().message(), HasSubstr("expected in_features 9, found 8"));
  dense({5, 7});
  EXPECT_THAT(build(8).status().message(),
              HasSubstr("linear.weight: expected shape [5, 8], found [5, 7]"));
  dense({5, 8});
  norm(6);
  EXPECT_THAT(build(8).status().message(), HasSubstr("3_LayerNorm"));
  fs::remove(folder_.path() / "2_Dense/model.safetensors");
  EXPECT_EQ(build(8).status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace accel::models
