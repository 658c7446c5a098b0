#include "models/gguf/gguf_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <openvino/runtime/core.hpp>
#include <sstream>

#include "models/gguf/dialects/dialects.h"
#include "models/gguf/vocabulary.h"
#include "models/model_folder.h"
#include "models/tiny_bert.h"
#include "tensors/npz.h"
#include "text/tokenizer.h"
#include "text/tokenizer_files.h"

namespace accel::models {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr float kTolerance = 1e-4F;

fs::path data(const std::string& name) { return fs::path(ACCEL_TEST_DATA) / name; }
fs::path gguf_path(const std::string& name) { return data("gguf") / (name + ".gguf"); }

std::shared_ptr<const ModelFolder> opened(const fs::path& path) {
  auto folder = ModelFolder::open(path);
  EXPECT_TRUE(folder.ok()) << folder.status().to_string();
  return folder.ok() ? *folder : nullptr;
}

// Shared by all tests: the engine takes a while to load.
ov::Core& core() {
  static ov::Core core;
  return core;
}

struct Batch {
  std::vector<int64_t> ids;   // [2, length]
  std::vector<int64_t> mask;  // the second row is padded
  int64_t length = 9;
};

Batch batch_for(const ModelFolder& folder, int64_t padding) {
  Batch batch;
  for (int64_t i = 0; i < 2 * batch.length; ++i) {
    const bool real = i < batch.length + 6;
    batch.ids.push_back(real ? 5 + i * 7 % (folder.facts().vocabulary - 5) : padding);
    batch.mask.push_back(real ? 1 : 0);
  }
  return batch;
}

// The first output, of the rows that `batch` marks as real.
std::vector<float> run(const ModelFolder& folder, Head head, const Batch& batch) {
  const auto built = folder.build({.head = head});
  EXPECT_TRUE(built.ok()) << built.status().to_string();
  if (!built.ok()) return {};
  auto compiled = core().compile_model(built->model, "CPU",
                                       {{"INFERENCE_PRECISION_HINT", "f32"}, {"NUM_STREAMS", "1"}});
  ov::InferRequest request = compiled.create_infer_request();
  const ov::Shape shape{2, static_cast<size_t>(batch.length)};
  for (const auto& input : compiled.inputs()) {
    const bool mask = input.get_any_name().find("mask") != std::string::npos;
    const std::vector<int64_t>& values = mask ? batch.mask : batch.ids;
    ov::Tensor tensor(ov::element::i64, shape);
    std::ranges::copy(values, tensor.data<int64_t>());
    request.set_tensor(input, tensor);
  }
  request.infer();
  const ov::Tensor output = request.get_output_tensor(0);
  const size_t size = output.get_size() / batch.mask.size();
  std::vector<float> rows;
  for (size_t i = 0; i < batch.mask.size(); ++i) {
    const float* row = output.data<float>() + i * size;
    if (batch.mask[i] == 1) rows.insert(rows.end(), row, row + size);
  }
  return rows;
}

float difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size() || a.empty()) return INFINITY;
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const float apart = std::abs(a[i] - b[i]);
    if (!(apart <= largest)) largest = apart;
  }
  return largest;
}

// --- numbers -------------------------------------------------------------------------------------

// A file of tools/make_gguf.py, and the folder that it was made of.
struct Pair {
  const char* file;
  const char* folder;
  Head head = Head::kCausalLm;
  // What the file has otherwise: the case of the folder's golden.json, or fields of its config.
  const char* changed = "";
};

std::string case_name(const testing::TestParamInfo<Pair>& info) {
  std::string name = info.param.file;
  std::ranges::replace(name, '-', '_');
  return name;
}

// What the format cannot say is as it is in the published models.
constexpr const char* kUsualDistance = R"({"relative_attention_max_distance": 128})";
constexpr const char* kUsualEncoder =
    R"({"relative_attention_max_distance": 128, "feed_forward_proj": "relu",)"
    R"("dense_act_fn": "relu"})";

class GgufNumbers : public testing::TestWithParam<Pair> {};
INSTANTIATE_TEST_SUITE_P(
    Gguf, GgufNumbers,
    testing::Values(
        Pair{"llama", "llama-rope"}, Pair{"llama-linear", "llama-rope", Head::kCausalLm, "linear"},
        Pair{"llama-llama3", "llama-rope", Head::kCausalLm, "llama3"},
        Pair{"llama-yarn", "llama-rope", Head::kCausalLm, "yarn"}, Pair{"mistral", "mistral-heads"},
        Pair{"qwen2", "qwen2-heads"}, Pair{"qwen3", "qwen3-heads"}, Pair{"gemma", "gemma-options"},
        Pair{"gemma2", "gemma2-options"}, Pair{"gemma3", "gemma3-text-rope"},
        Pair{"phi3", "phi3-longrope"}, Pair{"gpt2", "gpt2-untied"},
        Pair{"gpt_neox", "gpt-neox-rotary"}, Pair{"bert", "bert-four-types", Head::kBase},
        Pair{"roberta", "roberta-qa", Head::kBase, R"({"hidden_act": "gelu"})"},
        Pair{"nomic-bert", "nomic-bert-seqcls", Head::kBase},
        Pair{"modern-bert", "modernbert-qa", Head::kBase},
        Pair{"t5", "t5-gated-untied", Head::kTextToText, kUsualDistance},
        Pair{"t5-encoder", "t5-encoder", Head::kBase, kUsualEncoder}),
    case_name);

Json config_of_case(const fs::path& folder, const std::string& name) {
  if (name.starts_with('{')) return *parse_json(name);
  const Json golden = *read_json(folder / "golden.json");
  for (const Json& each : golden["cases"]) {
    if (each["name"] == name) return each["config"];
  }
  return {};
}

TEST_P(GgufNumbers, EqualTheFoldersInF32) {
  const Pair& pair = GetParam();
  ScratchFolder copy;
  const fs::path original = data("golden") / pair.folder;
  fs::copy(original, copy.path(), fs::copy_options::recursive);
  Json config = *read_json(original / "config.json");
  if (*pair.changed != '\0') config.update(config_of_case(original, pair.changed));
  copy.write("config.json", config);
  const auto folder = opened(copy.path());
  const auto file = opened(gguf_path(pair.file));
  ASSERT_TRUE(folder && file);
  EXPECT_EQ(file->facts().layers, folder->facts().layers);
  EXPECT_EQ(file->facts().vocabulary, folder->facts().vocabulary);
  const Json padding = config.value("pad_token_id", Json());
  const Batch batch = batch_for(*file, padding.is_number() ? padding.get<int64_t>() : 0);
  EXPECT_LE(difference(run(*file, pair.head, batch), run(*folder, pair.head, batch)), kTolerance);
}

// Every dialect has its file above.
TEST(Gguf, DialectsAreThoseOfTheTable) {
  std::vector<std::string> names;
  for (const gguf::Dialect* dialect : gguf::dialects()) {
    names.emplace_back(dialect->architecture);
  }
  EXPECT_THAT(
      names, ElementsAre("bert", "gemma", "gemma2", "gemma3", "gpt2", "gptneox", "llama",
                         "modern-bert", "nomic-bert", "phi3", "qwen2", "qwen3", "t5", "t5encoder"));
}

// Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, F16 and BF16 in one file; the logits are the reference library's
// with the numbers that the format's own package unpacks.
TEST(Gguf, PackedNumbersGiveTheReferencesLogits) {
  const auto file = opened(gguf_path("packed"));
  ASSERT_TRUE(file);
  auto mapping = *MappedFile::open(data("gguf") / "packed.npz");
  const auto recorded = tensors::read_npz(mapping->bytes(), mapping);
  ASSERT_TRUE(recorded.ok()) << recorded.status().to_string();
  const auto ids = find(*recorded, "ids")->data<int64_t>();
  Batch batch{.ids = {ids.begin(), ids.end()}, .mask = std::vector<int64_t>(ids.size(), 1)};
  const auto logits = find(*recorded, "logits")->data<float>();
  EXPECT_LE(difference(run(*file, Head::kCausalLm, batch), {logits.begin(), logits.end()}),
            kTolerance);
  std::vector<std::string> types;
  uint64_t unpacked = 0;
  for (const gguf::StoredType& type : file->stored_types()) {
    types.push_back(type.name);
    unpacked += type.unpacked;
  }
  EXPECT_THAT(types, ElementsAre("BF16", "F16", "F32", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"));
  EXPECT_GT(unpacked, 0U);  // rows of 32 are too short to compute with integers
}

// What is only looked at costs no unpacking, and looks the same.
TEST(Gguf, OutlinesHaveTheGraphsPorts) {
  const auto file = opened(gguf_path("packed"));
  ASSERT_TRUE(file);
  const auto outline = file->build({.head = Head::kCausalLm, .outline = true});
  const auto whole = file->build({.head = Head::kCausalLm});
  ASSERT_TRUE(outline.ok() && whole.ok());
  EXPECT_EQ(outline->parameters, whole->parameters);
  EXPECT_EQ(outline->model->output(0).get_partial_shape(),
            whole->model->output(0).get_partial_shape());
}

// --- texts ---------------------------------------------------------------------------------------

using Vocabulary = std::pair<const char*, const char*>;  // the folder and its class

class GgufTexts : public testing::TestWithParam<Vocabulary> {};
INSTANTIATE_TEST_SUITE_P(Gguf, GgufTexts,
                         testing::Values(Vocabulary{"bert-cased", "BertTokenizer"},
                                         Vocabulary{"bert-uncased", "BertTokenizer"},
                                         Vocabulary{"gemma", ""}, Vocabulary{"gpt2", ""},
                                         Vocabulary{"llama", ""}, Vocabulary{"qwen2", ""},
                                         Vocabulary{"roberta", "RobertaTokenizer"},
                                         Vocabulary{"t5", ""}, Vocabulary{"xlm-roberta", ""}),
                         [](const auto& each) {
                           std::string name = each.param.first;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

std::vector<std::string> many_texts(const std::string& folder) {
  std::vector<std::string> texts{"",      " ",     "  two  spaces ", "tab\tand\n\nlines",
                                 "naïve", "naïve", "東京は晴れ",     "1234567 and 3.14",
                                 "<s>",   "🙂🙃",  "don't WE'LL",    "a_b-c/d"};
  const Json golden = *read_json(data("legacy-tokenizers") / folder / "golden.json");
  for (const Json& example : golden["examples"]) {
    if (example.contains("text")) texts.push_back(example["text"]);
  }
  return texts;
}

// What these folders do by options of theirs that no file can say: look for one token in normalized
// texts; leave Chinese words whole.
bool beyond_the_format(std::string_view folder, const std::string& text) {
  if (folder == "llama") return text.find("<unk>") != std::string::npos;
  return folder == "bert-cased" &&
         std::ranges::any_of(text, [](char c) { return c >= '\xE3' && c <= '\xE9'; });
}

TEST_P(GgufTexts, EncodeAsTheFolders) {
  const auto& [name, class_name] = GetParam();
  const fs::path folder = data("legacy-tokenizers") / name;
  const auto expected_json = text::read_tokenizer(folder, class_name);
  ASSERT_TRUE(expected_json.ok()) << expected_json.status().to_string();
  const auto expected = text::Tokenizer::from_json(*expected_json);
  ASSERT_TRUE(expected.ok()) << expected.status().to_string();
  const auto source = tensors::GgufFile::open(gguf_path(std::string("vocabulary-") + name));
  ASSERT_TRUE(source.ok()) << source.status().to_string();
  const auto vocabulary = gguf::read_vocabulary(*gguf::GgufSource::create({*source}));
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.status().to_string();
  const auto json = text::tokenizer_json(*vocabulary);
  ASSERT_TRUE(json.ok()) << json.status().to_string();
  const auto tokenizer = text::Tokenizer::from_json(*json);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().to_string();
  const auto texts = many_texts(name);
  EXPECT_GT(texts.size(), 20U);
  for (const std::string& each : texts) {
    if (beyond_the_format(name, each)) continue;
    const auto found = (*tokenizer)->encode(each, {});
    const auto wanted = (*expected)->encode(each, {});
    ASSERT_TRUE(found.ok() && wanted.ok()) << each;
    EXPECT_EQ(found->ids, wanted->ids) << each;
  }
}

TEST(Gguf, ChatTemplateAndTokenizerAreReachable) {
  const auto file = opened(gguf_path("packed"));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->chat_template(), std::nullopt);
  const auto json = file->tokenizer_json();
  ASSERT_TRUE(json.ok()) << json.status().to_string();
  const auto tokenizer = text::Tokenizer::from_json(*json);
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ((*tokenizer)->encode("Hello", {})->ids.front(), 1);
}

// --- files ---------------------------------------------------------------------------------------

TEST(Gguf, AFolderWithOneFileIsThatModel) {
  ScratchFolder folder;
  fs::copy(gguf_path("llama"), folder.path() / "any.gguf");
  const auto model = opened(folder.path());
  ASSERT_TRUE(model);
  EXPECT_EQ(model->family().model_type, "llama");
  EXPECT_EQ(model->path(), folder.path());
  fs::copy(gguf_path("qwen2"), folder.path() / "other.gguf");
  const Status several = ModelFolder::open(folder.path()).status();
  EXPECT_EQ(several.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(several.message(), HasSubstr("any.gguf, other.gguf"));
}

TEST(Gguf, ArchitecturesThatAreNotReadAreNamed) {
  ScratchFolder folder;
  std::ifstream in(gguf_path("llama"), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  const size_t at = bytes.find("llama");
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, 5, "llaMa");
  folder.write("x.gguf", std::string_view(bytes));
  const Status status = ModelFolder::open(folder.path() / "x.gguf").status();
  EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("\"llaMa\""), HasSubstr("qwen3")));
}

TEST(Gguf, AMissingFileAndAnotherFile) {
  EXPECT_EQ(ModelFolder::open(gguf_path("absent")).status().code(), StatusCode::kNotFound);
  EXPECT_THAT(ModelFolder::open(data("gguf") / "blocks.npz").status().message(),
              HasSubstr("or a .gguf file"));
  const Status vocabulary_only = ModelFolder::open(gguf_path("vocabulary-llama")).status();
  EXPECT_FALSE(vocabulary_only.ok());
}

}  // namespace
}  // namespace accel::models
