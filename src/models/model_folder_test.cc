#include "models/model_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/families/families.h"
#include "models/tiny_bert.h"

namespace accel::models {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    folder_.write("config.json", config_);
    folder_.write_weights("model.safetensors", tiny_bert_weights(config_));
  }
  // What open() refuses.
  Status refused() const {
    const auto folder = ModelFolder::open(folder_.path());
    EXPECT_FALSE(folder.ok());
    return folder.status();
  }
  // What build() refuses.
  Status unbuildable(const GraphRequest& request = {}) const {
    const auto folder = ModelFolder::open(folder_.path());
    EXPECT_TRUE(folder.ok()) << folder.status().to_string();
    return folder.ok() ? (*folder)->build(request).status() : Status();
  }
  void change(const char* name, const Json& value) {
    Json config = config_;
    config[name] = value;
    folder_.write("config.json", config);
  }
  // The weights file with `edit` applied to its bytes.
  template <class Edit>
  void damage(const Edit& edit) {
    const fs::path path = folder_.path() / "model.safetensors";
    std::string bytes = *read_file(path, 1 << 20);
    edit(bytes);
    folder_.write("model.safetensors", std::string_view(bytes));
  }

  ScratchFolder folder_;
  const Json config_ = tiny_bert_config();
};

std::vector<std::string> names_of(const ov::OutputVector& ports) {
  std::vector<std::string> names;
  for (const auto& port : ports) names.push_back(port.get_any_name());
  return names;
}

// --- what is there -----------------------------------------------------------------------------

TEST_F(Folder, OpensWithItsFacts) {
  const auto folder = *ModelFolder::open(folder_.path());
  EXPECT_EQ(folder->family().model_type, "bert");
  EXPECT_EQ(folder->architecture(), "BertModel");
  EXPECT_EQ(folder->facts().hidden_size, 8);
  EXPECT_EQ(folder->facts().layers, 2);
  EXPECT_EQ(folder->facts().vocabulary, 20);
  EXPECT_EQ(folder->max_tokens(), 16);
  EXPECT_TRUE(folder->sentence().pooling_assumed);
}

TEST_F(Folder, TheShorterLimitWins) {
  folder_.write("sentence_bert_config.json", {{"max_seq_length", 5}});
  EXPECT_EQ((*ModelFolder::open(folder_.path()))->max_tokens(), 5);
  folder_.write("sentence_bert_config.json", {{"max_seq_length", 500}});
  EXPECT_EQ((*ModelFolder::open(folder_.path()))->max_tokens(), 16);
}

TEST_F(Folder, BuildsTheGraphThatTheInputsAskFor) {
  const auto folder = *ModelFolder::open(folder_.path());
  const auto plain = folder->build({});
  ASSERT_TRUE(plain.ok()) << plain.status().to_string();
  EXPECT_THAT(names_of(plain->model->inputs()),
              UnorderedElementsAre("input_ids", "attention_mask"));
  EXPECT_THAT(names_of(plain->model->outputs()), ElementsAre("last_hidden_state", "pooler_output"));
  EXPECT_EQ(plain->sources.size(), 1u);
  const uint64_t embeddings = uint64_t{20 + 16 + 2 + 2} * 8;
  const uint64_t layer = 4 * 72 + 16 + 12 * 9 + 8 * 13 + 16;
  EXPECT_EQ(plain->parameters, embeddings + 2 * layer + 72);

  const auto bare = folder->build({.inputs = {"input_ids"}});
  EXPECT_THAT(names_of(bare->model->inputs()), ElementsAre("input_ids"));
  const auto all =
      folder->build({.inputs = {"position_ids", "token_type_ids", "attention_mask", "input_ids"}});
  EXPECT_EQ(all->model->inputs().size(), 4u);
  const auto sentence = folder->build({.inputs = {"input_ids"}, .sentence = true});
  EXPECT_THAT(names_of(sentence->model->inputs()),
              UnorderedElementsAre("input_ids", "attention_mask"));
  EXPECT_THAT(names_of(sentence->model->outputs()), ElementsAre("sentence_embedding"));
}

TEST_F(Folder, TheGraphOutlivesItsFolder) {
  std::shared_ptr<ov::Model> model;
  {
    auto folder = *ModelFolder::open(folder_.path());
    model = folder->build({})->model;
  }
  fs::remove(folder_.path() / "model.safetensors");
  EXPECT_NO_THROW(model->validate_nodes_and_infer_types());
}

TEST_F(Folder, OldCheckpointsWithPrefixBuffersAndOtherHeads) {
  NamedTensors weights = tiny_bert_weights(config_, "bert.");
  for (NamedTensor& weight : weights) {
    const size_t at = weight.name.find("LayerNorm.");
    if (at == std::string::npos) continue;
    weight.name =
        weight.name.substr(0, at + 10) + (weight.name.ends_with("weight") ? "gamma" : "beta");
  }
  weights.push_back({"bert.embeddings.position_ids", Tensor::allocate(DType::kI64, {1, 16})});
  weights.push_back({"cls.predictions.bias", tiny_tensor({20}, "bias")});
  weights.push_back({"cls.seq_relationship.weight", tiny_tensor({2, 8}, "nsp")});
  folder_.write_weights("model.safetensors", weights);
  EXPECT_TRUE(unbuildable().ok()) << unbuildable().message();
}

TEST_F(Folder, RelativePositionsLeaveTheAbsoluteTableUnused) {
  for (const char* kind : {"relative_key", "relative_key_query"}) {
    change("position_embedding_type", kind);
    NamedTensors weights = tiny_bert_weights(config_);
    for (const char* layer : {"0", "1"}) {
      weights.push_back(
          {std::string("encoder.layer.") + layer + ".attention.self.distance_embedding.weight",
           tiny_tensor({31, 4}, "distance")});
    }
    folder_.write_weights("model.safetensors", weights);
    EXPECT_TRUE(unbuildable().ok()) << unbuildable().message();
    EXPECT_TRUE(unbuildable({.inputs = {"input_ids", "position_ids"}}).ok());
  }
}

TEST(Families, AreSortedAndFound) {
  EXPECT_TRUE(std::ranges::is_sorted(families(), {}, &Family::model_type));
  EXPECT_EQ(std::ranges::adjacent_find(families(), {}, &Family::model_type), families().end());
  for (const Family* family : families()) {
    EXPECT_EQ(*find_family(family->model_type), family);
    EXPECT_FALSE(family->inputs.empty());
  }
}

// --- folders and files that are not there --------------------------------------------------------

TEST(ModelFolder, MissingFolder) {
  ScratchFolder scratch;
  const Status missing = ModelFolder::open(scratch.path() / "none").status();
  EXPECT_EQ(missing.code(), StatusCode::kNotFound);
  EXPECT_THAT(missing.message(), AllOf(HasSubstr("none"), HasSubstr("found nothing")));
  scratch.write("file", std::string_view("x"));
  EXPECT_THAT(ModelFolder::open(scratch.path() / "file").status().message(),
              HasSubstr("found a file"));
  const Status empty = ModelFolder::open(scratch.path()).status();
  EXPECT_EQ(empty.code(), StatusCode::kNotFound);
  EXPECT_THAT(empty.message(), HasSubstr("config.json"));
  EXPECT_FALSE(ModelFolder::open("").ok());
  EXPECT_FALSE(ModelFolder::open(std::string(10000, 'x')).ok());
}

TEST_F(Folder, WithoutWeights) {
  fs::remove(folder_.path() / "model.safetensors");
  EXPECT_EQ(refused().code(), StatusCode::kNotFound);
  EXPECT_THAT(refused().message(), HasSubstr("expected model.safetensors"));
  for (const char* other : {"pytorch_model.bin", "model.safetensors.index.json"}) {
    folder_.write(other, std::string_view("x"));
    EXPECT_EQ(refused().code(), StatusCode::kDataLoss);
    EXPECT_THAT(refused().message(), HasSubstr(other));
    fs::remove(folder_.path() / other);
  }
}

TEST_F(Folder, WithoutTokenizer) {
  const auto folder = *ModelFolder::open(folder_.path());
  EXPECT_EQ(folder->tokenizer_json().status().code(), StatusCode::kNotFound);
  EXPECT_THAT(folder->tokenizer_json().status().message(), HasSubstr("tokenizer.json"));
  folder_.write("tokenizer.json", std::string_view("{}"));
  EXPECT_EQ(*folder->tokenizer_json(), "{}");
}

// --- config.json ---------------------------------------------------------------------------------

TEST_F(Folder, UnknownFamilyListsTheKnownOnes) {
  change("model_type", "quokka");
  EXPECT_EQ(refused().code(), StatusCode::kUnimplemented);
  EXPECT_THAT(refused().message(), HasSubstr("'quokka'"));
  for (const Family* family : families()) {
    EXPECT_THAT(refused().message(), HasSubstr(std::string(family->model_type)));
  }
}

TEST_F(Folder, BrokenConfigNamesTheFile) {
  for (const char* text : {"", "{", "[]", "3", "{}", "{\"model_type\": 3}", "\xFF\xFE", "nul",
                           "{\"model_type\": null}", "{\"model_type\": \"bert\"} x"}) {
    folder_.write("config.json", std::string_view(text));
    EXPECT_EQ(refused().code(), StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(refused().message(), HasSubstr("config.json")) << text;
  }
  folder_.write("config.json", std::string_view(std::string(100000, '[')));
  EXPECT_EQ(refused().code(), StatusCode::kInvalidArgument);
}

TEST_F(Folder, OptionsThatContradictOrAreNotBuilt) {
  const std::pair<const char*, Json> cases[] = {
      {"hidden_size", "wide"},
      {"hidden_size", 0},
      {"num_attention_heads", 3},
      {"num_hidden_layers", int64_t{1} << 31},
      {"vocab_size", -5},
      {"max_position_embeddings", 1e300},
      {"layer_norm_eps", "small"},
      {"hidden_act", 3},
      {"position_embedding_type", "rotary"},
      {"is_decoder", true},
      {"add_cross_attention", true},
      {"type_vocab_size", -1},
  };
  for (const auto& [name, value] : cases) {
    change(name, value);
    EXPECT_EQ(refused().code(), StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(refused().message(), AllOf(HasSubstr(name), HasSubstr("config.json"))) << name;
  }
  Json two = config_;
  two["hidden_size"] = "wide";
  two["vocab_size"] = -1;
  folder_.write("config.json", two);
  EXPECT_THAT(refused().message(), AllOf(HasSubstr("hidden_size"), HasSubstr("vocab_size")));
}

TEST_F(Folder, AnUnknownActivationListsTheKnownOnes) {
  change("hidden_act", "wiggle");
  EXPECT_EQ(unbuildable().code(), StatusCode::kUnimplemented);
  EXPECT_THAT(unbuildable().message(),
              AllOf(HasSubstr("'wiggle'"), HasSubstr("gelu"), HasSubstr("silu")));
}

TEST_F(Folder, AbsurdSizesCostNothing) {
  constexpr int64_t kHuge = int64_t{1} << 31;
  for (const char* name : {"hidden_size", "vocab_size", "intermediate_size",
                           "max_position_embeddings", "type_vocab_size", "num_hidden_layers"}) {
    change(name, std::string_view(name) == "num_hidden_layers" ? 1024 : kHuge);
    EXPECT_EQ(unbuildable().code(), StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(unbuildable({.sentence = true}).code(), StatusCode::kInvalidArgument) << name;
  }
  Json all = config_;
  for (const char* name : {"hidden_size", "vocab_size", "intermediate_size",
                           "max_position_embeddings", "type_vocab_size", "num_attention_heads"}) {
    all[name] = kHuge;
  }
  for (const char* kind : {"absolute", "relative_key", "relative_key_query"}) {
    all["position_embedding_type"] = kind;
    folder_.write("config.json", all);
    EXPECT_THAT(unbuildable().message(), HasSubstr("[2147483648, 2147483648]")) << kind;
  }
}

// --- weights -------------------------------------------------------------------------------------

TEST_F(Folder, MissingExtraAndMisshapenWeightsAreAllNamedAtOnce) {
  NamedTensors weights =
      without(without(tiny_bert_weights(config_), "encoder.layer.1.output.dense.bias"),
              "embeddings.word_embeddings.weight");
  for (NamedTensor& weight : weights) {
    if (weight.name == "encoder.layer.0.attention.self.query.weight") {
      weight.tensor = tiny_tensor({8, 9}, "query");
    }
  }
  weights.push_back({"surplus.weight", tiny_tensor({3}, "surplus")});
  folder_.write_weights("model.safetensors", weights);
  for (const bool sentence : {false, true}) {
    const Status status = unbuildable({.sentence = sentence});
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    for (const char* part :
         {"missing embeddings.word_embeddings.weight [20, 8]",
          "missing encoder.layer.1.output.dense.bias [8]",
          "encoder.layer.0.attention.self.query.weight: expected shape [8, 8], found [8, 9]",
          "unexpected surplus.weight [3]", "4 problems"}) {
      EXPECT_THAT(status.message(), HasSubstr(part));
    }
    EXPECT_THAT(status.message(), HasSubstr(folder_.path().string()));
  }
}

TEST_F(Folder, AnIntegerWhereAWeightBelongs) {
  NamedTensors weights = without(tiny_bert_weights(config_), "pooler.dense.bias");
  weights.push_back({"pooler.dense.bias", Tensor::allocate(DType::kI32, {8})});
  folder_.write_weights("model.safetensors", weights);
  EXPECT_THAT(unbuildable().message(), HasSubstr("pooler.dense.bias: expected floats"));
}

TEST_F(Folder, DamagedWeightsAreDataLossAndNamed) {
  const auto cut = [](size_t bytes) {
    return [bytes](std::string& text) { text.resize(text.size() - bytes); };
  };
  const auto header = [](const char* from, const char* to) {
    return [from, to](std::string& text) {
      const size_t at = text.find(from);
      ASSERT_NE(at, std::string::npos);
      text.replace(at, std::string_view(from).size(), to);
    };
  };
  const std::pair<const char*, std::function<void(std::string&)>> cases[] = {
      {"truncated data", cut(1)},
      {"truncated header", [](std::string& text) { text.resize(100); }},
      {"truncated length", [](std::string& text) { text.resize(5); }},
      {"empty", [](std::string& text) { text.clear(); }},
      {"bytes behind the end", [](std::string& text) { text += "more"; }},
      {"oversized header", [](std::string& text) { text[6] = 1; }},
      {"lying shape", header("\"shape\":[20,8]", "\"shape\":[21,8]")},
      {"negative shape", header("\"shape\":[20,8]", "\"shape\":[-2,8]")},
      {"unknown dtype", header("\"F32\"", "\"F3X\"")},
      {"no JSON", [](std::string& text) { text[8] = 'x'; }},
  };
  for (const auto& [name, edit] : cases) {
    folder_.write_weights("model.safetensors", tiny_bert_weights(config_));
    damage(edit);
    const Status status = refused();
    EXPECT_TRUE(status.code() == StatusCode::kDataLoss ||
                status.code() == StatusCode::kUnimplemented)
        << name << ": " << status.to_string();
    EXPECT_THAT(status.message(), HasSubstr("model.safetensors")) << name;
  }
}

TEST(ModelFolderTask, OneThatTheFamilyLacksIsRefused) {
  const ScratchFolder scratch;
  scratch.write("config.json", tiny_bert_config());
  scratch.write_weights("model.safetensors", tiny_bert_weights(tiny_bert_config()));
  const auto folder = ModelFolder::open(scratch.path());
  ASSERT_TRUE(folder.ok()) << folder.status().to_string();
  const Status refused = (*folder)->build({.head = Head::kObjectDetection}).status();
  EXPECT_EQ(refused.code(), StatusCode::kUnimplemented);
  EXPECT_NE(refused.message().find("object-detection"), std::string::npos) << refused.message();
}

}  // namespace
}  // namespace accel::models
