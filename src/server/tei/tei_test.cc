// Text Embeddings Inference's endpoints: what they ask of the service, and how they write answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <limits>

#include "base/json.h"
#include "server/errors.h"
#include "server/gate.h"
#include "server/server.h"
#include "server/service_double.h"

namespace accel::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TeiTest : public testing::Test {
 protected:
  using Events = std::vector<Result<service::Event>>;

  http::Response post(std::string_view path, const std::string& body) {
    return ask(server_, {.method = "POST", .target = std::string(path), .body = body});
  }
  // The answer's body, of a request that is answered.
  std::string answer(std::string_view path, const std::string& body) {
    const http::Response response = post(path, body);
    EXPECT_EQ(response.status, 200) << path << body << response.body;
    return response.body;
  }
  // Why a request is refused, before anything is asked of the service.
  std::string refusal(std::string_view path, const std::string& body, int status = 422) {
    const size_t before = service_.requests.size();
    const http::Response response = post(path, body);
    EXPECT_EQ(response.status, status) << path << body << response.body;
    EXPECT_EQ(service_.requests.size(), before);
    const Json error = *parse_json(response.body);
    EXPECT_EQ(error["error_type"], "Validation");
    EXPECT_EQ(error.size(), 2);
    return error["error"];
  }
  const service::RunItems& asked() const {
    return std::get<service::RunItems>(service_.requests.back());
  }

  // Of every item, the last one first.
  Events answer_items(const service::RunItems& run) const {
    Events events;
    for (size_t i = run.items.size(); i > 0; --i) {
      ItemResult item = embedding_result(i - 1);
      if (result_) item.result.answer = result_->answer;
      item.result.truncated = i - 1 == cut_;
      if (i - 1 == failing_) {
        events.emplace_back(service::ItemAnswer{i - 1, unavailable("the device is gone")});
      } else {
        events.emplace_back(service::ItemAnswer{i - 1, std::move(item)});
      }
    }
    return events;
  }
  Events answer_request(const service::Request& request) const {
    if (const auto* run = std::get_if<service::RunItems>(&request)) return answer_items(*run);
    if (event_) return {*event_};
    return {not_found("no model of this name")};
  }

  static constexpr size_t kNone = std::numeric_limits<size_t>::max();
  std::optional<TaskResult> result_;  // of each item; none: an embedding
  size_t cut_ = kNone;                // the item that was too long
  size_t failing_ = kNone;
  std::optional<service::Event> event_;  // of other requests
  ServiceDouble service_{
      [this](const service::Request& request) { return answer_request(request); }};
  std::unique_ptr<Gate> gate_ = make_open_gate();
  Server server_{{.limits = {.items_max = 3}}, {.service = service_, .gate = *gate_}};
};

TEST_F(TeiTest, TextsBecomeEmbeddingsInTheirOrder) {
  EXPECT_EQ(answer("/embed", R"({"inputs": "a"})"), "[[0,0.5,0.5]]");
  EXPECT_EQ(asked().model, "default");
  EXPECT_EQ(asked().how.task, "sentence-embedding");
  EXPECT_EQ(asked().how.options.normalize, true);
  EXPECT_EQ(asked().how.options.dimensions, std::nullopt);
  EXPECT_EQ(asked().how.options.prompt, std::nullopt);
  EXPECT_EQ(answer("/embed", R"({"inputs": ["a", "b"], "new": {"x": [1]}})"),
            "[[0,0.5,0.5],[1,0.5,0.5]]");
  EXPECT_EQ(asked().items[0].text, "a");
  EXPECT_EQ(asked().items[1].text, "b");
}

TEST_F(TeiTest, EmbedTakesIdsOfTokens) {
  EXPECT_EQ(answer("/embed", R"({"inputs": [101, 7]})"), "[[0,0.5,0.5]]");
  EXPECT_THAT(*asked().items[0].tokens, ElementsAre(101, 7));
  answer("/embed", R"({"inputs": ["a", [1, 2]]})");
  EXPECT_EQ(asked().items[0].text, "a");
  EXPECT_THAT(*asked().items[1].tokens, ElementsAre(1, 2));
}

TEST_F(TeiTest, EmbedHandsItsOptionsOn) {
  answer("/embed", R"({"inputs": "a", "normalize": false, "dimensions": 2, "prompt_name": "query",
      "model": "bert:2", "truncate": null, "truncation_direction": "Right"})");
  EXPECT_EQ(asked().model, "bert:2");
  EXPECT_EQ(asked().how.options.normalize, false);
  EXPECT_EQ(asked().how.options.dimensions, 2);
  EXPECT_EQ(asked().how.options.prompt, "query");
  answer("/embed", R"({"inputs": "a", "normalize": null, "model": null, "prompt_name": null,
      "truncation_direction": null, "dimensions": null})");
  EXPECT_EQ(asked().model, "default");
  EXPECT_EQ(asked().how.options.normalize, true);
}

TEST_F(TeiTest, WhatIsTooLongIsCutWhereThatIsAllowed) {
  cut_ = 1;
  const http::Response refused = post("/embed", R"({"inputs": ["a", "b"]})");
  EXPECT_EQ(refused.status, 413);
  const Json error = *parse_json(refused.body);
  EXPECT_EQ(error["error_type"], "Validation");
  EXPECT_THAT(std::string(error["error"]), HasSubstr("`inputs[1]` must have no more tokens"));
  EXPECT_EQ(post("/embed", R"({"inputs": ["a", "b"], "truncate": false})").status, 413);
  EXPECT_EQ(post("/embed", R"({"inputs": ["a", "b"], "truncate": true})").status, 200);
  cut_ = 0;
  EXPECT_THAT(post("/embed", R"({"inputs": "a"})").body, HasSubstr("`inputs` must"));
  EXPECT_EQ(
      post("/similarity", R"({"inputs": {"source_sentence": "a", "sentences": ["b"]}})").status,
      413);
  EXPECT_EQ(post("/similarity", R"({"inputs": {"source_sentence": "a", "sentences": ["b"]},
      "parameters": {"truncate": true}})")
                .status,
            200);
}

TEST_F(TeiTest, TheBeginningOfATextIsNotCut) {
  const std::string left = R"({"inputs": "a", "truncation_direction": "Left", "truncate": )";
  EXPECT_THAT(refusal("/embed", left + "true}"), HasSubstr("truncation_direction: expected"));
  EXPECT_EQ(post("/embed", left + "false}").status, 200);  // nothing is cut
  EXPECT_EQ(post("/embed", R"({"inputs": "a", "truncation_direction": "left"})").status, 200);
  EXPECT_THAT(refusal("/embed", R"({"inputs": "a", "truncation_direction": "up"})"),
              HasSubstr("found \"up\""));
}

TEST_F(TeiTest, WhatIsWrongWithInputsIsNamed) {
  EXPECT_THAT(refusal("/embed", "{}"), HasSubstr("inputs: expected a text, found none"));
  EXPECT_THAT(refusal("/embed", R"({"inputs": []})"), HasSubstr("inputs: expected a text"));
  EXPECT_THAT(refusal("/embed", R"({"inputs": null})"), HasSubstr("found null"));
  EXPECT_THAT(refusal("/embed", R"({"inputs": 7})"), HasSubstr("found a number"));
  EXPECT_THAT(refusal("/embed", R"({"inputs": {}})"), HasSubstr("found an object"));
  EXPECT_THAT(refusal("/embed", R"({"inputs": ["a", 7]})"), HasSubstr("not mixed"));
  EXPECT_THAT(refusal("/embed", R"({"inputs": [7, "a"]})"), HasSubstr("not mixed"));
  EXPECT_THAT(refusal("/embed", R"({"inputs": [true]})"), HasSubstr("not mixed"));
  EXPECT_THAT(refusal("/embed", R"({"inputs": [-7]})"), HasSubstr("found -7"));
  EXPECT_THAT(refusal("/embed", R"({"inputs": [[3000000000]]})"), HasSubstr("3000000000"));
  EXPECT_THAT(refusal("/embed", R"({"inputs": ["a", "a", "a", "a"]})", 413),
              HasSubstr("at most 3"));
  EXPECT_THAT(refusal("/embed", R"({"inputs": "a", "dimensions": 0})"), HasSubstr("at least 1"));
  EXPECT_THAT(refusal("/embed", R"({"inputs": "a", "normalize": 1})"), HasSubstr("normalize"));
  EXPECT_THAT(refusal("/embed", R"({"inputs": "a", "truncate": "yes"})"), HasSubstr("truncate"));
  EXPECT_THAT(refusal("/embed", R"({"inputs": "a", "model": 7})"), HasSubstr("model"));
  EXPECT_THAT(refusal("/embed", R"({"inputs": [1, 2], "prompt_name": "query"})"),
              HasSubstr("prompt_name: expected texts"));
  EXPECT_FALSE(refusal("/embed", "").empty());
  EXPECT_FALSE(refusal("/embed", "[]").empty());
}

TEST_F(TeiTest, AFailingItemIsTheErrorOfAll) {
  failing_ = 1;
  const http::Response response = post("/embed", R"({"inputs": ["a", "b"]})");
  EXPECT_EQ(response.status, 503);
  const Json error = *parse_json(response.body);
  EXPECT_EQ(error["error"], "input[1]: the device is gone");
  EXPECT_EQ(error["error_type"], "Unhealthy");
}

// As the router of the reference has them.
TEST_F(TeiTest, StatusesAndTypesOfErrorsAreThoseOfTheReference) {
  struct Row {
    Status status;
    int http;
    std::string type;
  };
  for (const Row& row : std::vector<Row>{{invalid_argument("x"), 422, "Validation"},
                                         {out_of_range("x"), 413, "Validation"},
                                         {failed_precondition("x"), 424, "Backend"},
                                         {unimplemented("x"), 424, "Backend"},
                                         {internal_error("x"), 424, "Backend"},
                                         {data_loss("x"), 424, "Backend"},
                                         {resource_exhausted("x"), 429, "Overloaded"},
                                         {unavailable("x"), 503, "Unhealthy"},
                                         {not_found("x"), 404, "Validation"}}) {
    const http::Response response = error_response(ErrorShape::kTei, row.status);
    EXPECT_EQ(response.status, row.http) << row.status.to_string();
    const Json error = *parse_json(response.body);
    EXPECT_EQ(error["error_type"], row.type) << row.status.to_string();
    EXPECT_EQ(error["error"], "x");
  }
  const http::Response busy = error_response(ErrorShape::kTei, 503, "no place");
  EXPECT_EQ(busy.status, 429);
  EXPECT_EQ(busy.body, R"({"error":"no place","error_type":"Overloaded"})");
  EXPECT_EQ(http::find(busy.headers, "retry-after"), "1");
}

TEST_F(TeiTest, AnswersOfAnotherKindAreOurFault) {
  result_ = TaskResult{.answer = Transcript{}};
  EXPECT_EQ(post("/embed_all", R"({"inputs": "a"})").status, 424);
  EXPECT_EQ(post("/embed_sparse", R"({"inputs": "a"})").status, 424);
  EXPECT_EQ(post("/predict", R"({"inputs": "a"})").status, 424);
  EXPECT_EQ(post("/rerank", R"({"query": "a", "texts": ["b"]})").status, 424);
  event_ = service::Done{};
  EXPECT_EQ(post("/tokenize", R"({"inputs": "a"})").status, 424);
  EXPECT_EQ(post("/decode", R"({"ids": [1]})").status, 424);
  EXPECT_EQ(ask(server_, {.target = "/info"}).status, 424);
}

TEST_F(TeiTest, EmbedAllGivesAVectorForEachToken) {
  const std::vector<float> numbers = {0, 1, 2, 3, 4, 5};
  result_ = TaskResult{.answer = Features{Tensor::from<float>({1, 3, 2}, numbers)}};
  EXPECT_EQ(answer("/embed_all", R"({"inputs": ["a", "b"], "model": "m"})"),
            "[[[0,1],[2,3],[4,5]],[[0,1],[2,3],[4,5]]]");
  EXPECT_EQ(asked().model, "m");
  EXPECT_EQ(asked().how.task, "feature-extraction");
  EXPECT_EQ(asked().items[1].text, "b");
  EXPECT_THAT(refusal("/embed_all", R"({"inputs": [1, 2]})"), HasSubstr("expected a string"));
  EXPECT_THAT(refusal("/embed_all", R"({"inputs": []})"), HasSubstr("inputs: expected"));
  EXPECT_THAT(refusal("/embed_all", R"({"inputs": "a", "prompt_name": "q"})"), HasSubstr("none"));
  EXPECT_EQ(post("/embed_all", R"({"inputs": "a", "prompt_name": null})").status, 200);
  result_ = TaskResult{.answer = Features{Tensor::from<float>({1, 6}, numbers)}};
  EXPECT_EQ(post("/embed_all", R"({"inputs": "a"})").status, 422);  // it was pooled
  cut_ = 0;
  EXPECT_EQ(post("/embed_all", R"({"inputs": "a"})").status, 413);
}

TEST_F(TeiTest, SparseEmbeddingsAreSortedByToken) {
  result_ = TaskResult{.answer = SparseEmbedding{{9, "x", 2.5}, {4, "y", 0.25}}};
  EXPECT_EQ(answer("/embed_sparse", R"({"inputs": "a", "prompt_name": "query"})"),
            R"([[{"index":4,"value":0.25},{"index":9,"value":2.5}]])");
  EXPECT_EQ(asked().how.task, "sparse-embedding");
  EXPECT_EQ(asked().how.options.prompt, "query");
  result_ = TaskResult{.answer = SparseEmbedding{}};
  EXPECT_EQ(answer("/embed_sparse", R"({"inputs": ["a", "b"]})"), "[[],[]]");
  EXPECT_THAT(refusal("/embed_sparse", R"({"inputs": []})"), HasSubstr("inputs: expected"));
  EXPECT_THAT(refusal("/embed_sparse", R"({"inputs": 7})"), HasSubstr("found a number"));
}

TEST_F(TeiTest, PredictGivesAllLabelsOfATextOrAPair) {
  result_ = TaskResult{.answer = Labels{{"good", 0.75}, {"bad", 0.25}}};
  const std::string labels = R"([{"score":0.75,"label":"good"},{"score":0.25,"label":"bad"}])";
  EXPECT_EQ(answer("/predict", R"({"inputs": "a"})"), labels);
  EXPECT_EQ(asked().how.task, "text-classification");
  EXPECT_EQ(asked().how.options.top_k, 0);
  EXPECT_EQ(asked().how.options.function, std::nullopt);
  EXPECT_EQ(answer("/predict", R"({"inputs": ["a"]})"), labels);
  EXPECT_EQ(asked().items[0].second_text, std::nullopt);
  EXPECT_EQ(answer("/predict", R"({"inputs": ["a", "b"], "raw_scores": true})"), labels);
  ASSERT_EQ(asked().items.size(), 1);  // a pair
  EXPECT_EQ(asked().items[0].second_text, "b");
  EXPECT_EQ(asked().how.options.function, "none");
  EXPECT_EQ(answer("/predict", R"({"inputs": [["a"], ["b", "c"]]})"),
            fmt::format("[{},{}]", labels, labels));
  EXPECT_EQ(asked().items[0].second_text, std::nullopt);
  EXPECT_EQ(asked().items[1].second_text, "c");
  EXPECT_EQ(answer("/predict", R"({"inputs": [["a"]]})"), fmt::format("[{}]", labels));
}

TEST_F(TeiTest, PredictRefusesWhatIsNoTextNorPair) {
  EXPECT_THAT(refusal("/predict", "{}"), HasSubstr("inputs: expected a text, found none"));
  for (const std::string_view inputs :
       {"7", "null", "[7]", R"(["a", "b", "c"])", R"(["a", ["b"]])", R"([["a"], "b"])", "[[]]",
        R"([["a", "b", "c"]])", "[{}]"}) {
    EXPECT_THAT(refusal("/predict", fmt::format(R"({{"inputs": {}}})", inputs)),
                HasSubstr("inputs: expected a text, a pair of texts, or an array"));
  }
  EXPECT_THAT(refusal("/predict", R"({"inputs": []})"), HasSubstr("found none"));
  EXPECT_THAT(refusal("/predict", R"({"inputs": [["a", 7]]})"), HasSubstr("expected a string"));
  EXPECT_THAT(refusal("/predict", R"({"inputs": [["a"], ["a"], ["a"], ["a"]]})", 413),
              HasSubstr("at most 3"));
  EXPECT_THAT(refusal("/predict", R"({"inputs": "a", "raw_scores": 1})"), HasSubstr("raw_scores"));
  result_ = TaskResult{.answer = Labels{{"good", std::numeric_limits<double>::quiet_NaN()}}};
  const http::Response response = post("/predict", R"({"inputs": "a"})");
  EXPECT_EQ(response.status, 424);
  EXPECT_EQ(response.body, R"({"error":"score is NaN","error_type":"Backend"})");
}

TEST_F(TeiTest, RerankGivesTheBestFirst) {
  result_ = TaskResult{.answer = Ranking{{1, 0.75, "y"}, {0, 0.25, "x"}}};
  EXPECT_EQ(answer("/rerank", R"({"query": "q", "texts": ["x", "y"]})"),
            R"([{"index":1,"score":0.75},{"index":0,"score":0.25}])");
  EXPECT_EQ(asked().how.task, "text-ranking");
  EXPECT_EQ(asked().how.options.function, "sigmoid");
  ASSERT_EQ(asked().items.size(), 1);
  EXPECT_EQ(asked().items[0].text, "q");
  EXPECT_THAT(asked().items[0].choices, ElementsAre("x", "y"));
  EXPECT_EQ(answer("/rerank", R"({"query": "q", "texts": ["x", "y"], "raw_scores": true,
      "return_text": true, "model": "m"})"),
            R"([{"index":1,"text":"y","score":0.75},{"index":0,"text":"x","score":0.25}])");
  EXPECT_EQ(asked().how.options.function, "none");
  EXPECT_EQ(asked().model, "m");
  cut_ = 0;
  EXPECT_EQ(post("/rerank", R"({"query": "q", "texts": ["x"]})").status, 413);
  EXPECT_EQ(post("/rerank", R"({"query": "q", "texts": ["x"], "truncate": true})").status, 200);
}

TEST_F(TeiTest, RerankNamesWhatIsWrong) {
  EXPECT_THAT(refusal("/rerank", R"({"texts": ["x"]})"), HasSubstr("query: expected a text"));
  EXPECT_THAT(refusal("/rerank", R"({"query": "q"})"), HasSubstr("texts: expected a text"));
  EXPECT_THAT(refusal("/rerank", R"({"query": "q", "texts": []})"), HasSubstr("texts: expected"));
  EXPECT_THAT(refusal("/rerank", R"({"query": "q", "texts": "x"})"), HasSubstr("an array"));
  EXPECT_THAT(refusal("/rerank", R"({"query": "q", "texts": [7]})"), HasSubstr("texts[0]"));
  EXPECT_THAT(refusal("/rerank", R"({"query": ["q"], "texts": ["x"]})"), HasSubstr("query"));
  EXPECT_THAT(refusal("/rerank", R"({"query": "q", "texts": ["x", "x", "x", "x"]})", 413),
              HasSubstr("texts: expected at most 3"));
  EXPECT_THAT(refusal("/rerank", R"({"query": "q", "texts": ["x"], "return_text": "no"})"),
              HasSubstr("return_text"));
  result_ = TaskResult{.answer = Ranking{{0, std::numeric_limits<double>::quiet_NaN(), "x"}}};
  EXPECT_EQ(post("/rerank", R"({"query": "q", "texts": ["x"]})").status, 424);
}

TEST_F(TeiTest, SimilarityIsTheCosineToTheSource) {
  const Json cosines = *parse_json(answer("/similarity", R"({"inputs": {"source_sentence": "a",
      "sentences": ["b", "c"], "new": 1}, "parameters": {"prompt_name": "query", "new": 1},
      "model": "m"})"));
  ASSERT_EQ(cosines.size(), 2);
  // Of [0, 0.5, 0.5] with [1, 0.5, 0.5] and with [2, 0.5, 0.5].
  EXPECT_FLOAT_EQ(cosines[0], 0.57735026F);
  EXPECT_FLOAT_EQ(cosines[1], 0.33333334F);
  EXPECT_EQ(asked().model, "m");
  EXPECT_EQ(asked().how.task, "sentence-embedding");
  EXPECT_EQ(asked().how.options.prompt, "query");
  EXPECT_EQ(asked().items[0].text, "a");
  EXPECT_EQ(asked().items[2].text, "c");
  EXPECT_EQ(post("/similarity", R"({"inputs": {"source_sentence": "a", "sentences": ["b"]},
      "parameters": null})")
                .status,
            200);
}

TEST_F(TeiTest, SimilarityNamesWhatIsWrong) {
  EXPECT_THAT(refusal("/similarity", "{}"), HasSubstr("inputs.source_sentence: expected"));
  EXPECT_THAT(refusal("/similarity", R"({"inputs": "a"})"),
              HasSubstr("inputs: expected an object"));
  EXPECT_THAT(refusal("/similarity", R"({"inputs": {"sentences": ["b"]}})"),
              HasSubstr("inputs.source_sentence: expected"));
  EXPECT_THAT(refusal("/similarity", R"({"inputs": {"source_sentence": "a", "sentences": []}})"),
              HasSubstr("inputs.sentences: expected"));
  EXPECT_THAT(refusal("/similarity", R"({"inputs": {"source_sentence": "a", "sentences": "b"}})"),
              HasSubstr("inputs.sentences: expected an array"));
  EXPECT_THAT(refusal("/similarity",
                      R"({"inputs": {"source_sentence": "a", "sentences": ["b", "c", "d"]}})", 413),
              HasSubstr("at most 3"));
  EXPECT_THAT(refusal("/similarity", R"({"inputs": {"source_sentence": "a", "sentences": ["b"]},
      "parameters": {"truncate": true, "truncation_direction": "Left"}})"),
              HasSubstr("truncation_direction"));
}

TEST_F(TeiTest, TokensStandWhereTheTextHasThem) {
  event_ = service::TokenizedTexts{{{{101, "[CLS]", true, 0, 0},
                                     {7, "gr\xc3\xbc", false, 0, 3},
                                     {8, "##\xc3\x9f", false, 3, 4}}}};
  EXPECT_EQ(answer("/tokenize", "{\"inputs\": \"Gr\xc3\xbc\xc3\x9f\", \"model\": \"m\"}"),
            "[[{\"id\":101,\"text\":\"[CLS]\",\"special\":true,\"start\":null,\"stop\":null},"
            "{\"id\":7,\"text\":\"Gr\xc3\xbc\",\"special\":false,\"start\":0,\"stop\":3},"
            "{\"id\":8,\"text\":\"\xc3\x9f\",\"special\":false,\"start\":3,\"stop\":4}]]");
  const auto& asked = std::get<service::Tokenize>(service_.requests.back());
  EXPECT_EQ(asked.model, "m");
  EXPECT_TRUE(asked.special_tokens);
  EXPECT_THAT(asked.texts, ElementsAre("Gr\xc3\xbc\xc3\x9f"));
  event_ = service::TokenizedTexts{{{}, {{7, "b", false, 5, 9}}}};  // places that are not there
  EXPECT_EQ(answer("/tokenize", R"({"inputs": ["", "b"], "add_special_tokens": false})"),
            R"([[],[{"id":7,"text":"","special":false,"start":1,"stop":1}]])");
  EXPECT_FALSE(std::get<service::Tokenize>(service_.requests.back()).special_tokens);
  EXPECT_THAT(refusal("/tokenize", R"({"inputs": []})"), HasSubstr("inputs: expected"));
  EXPECT_THAT(refusal("/tokenize", R"({"inputs": [7]})"), HasSubstr("inputs[0]"));
  EXPECT_THAT(refusal("/tokenize", R"({"inputs": 7})"), HasSubstr("found a number"));
  EXPECT_THAT(refusal("/tokenize", R"({"inputs": ["a", "a", "a", "a"]})", 413),
              HasSubstr("at most 3"));
  EXPECT_THAT(refusal("/tokenize", R"({"inputs": "a", "prompt_name": "q"})"), HasSubstr("none"));
}

TEST_F(TeiTest, IdsBecomeTexts) {
  event_ = service::DecodedTexts{{"a", "b"}};
  EXPECT_EQ(answer("/decode", R"({"ids": [[1, 2], [3]], "skip_special_tokens": false})"),
            R"(["a","b"])");
  const auto& asked = std::get<service::Decode>(service_.requests.back());
  EXPECT_EQ(asked.model, "default");
  EXPECT_FALSE(asked.skip_special_tokens);
  EXPECT_THAT(asked.ids, ElementsAre(ElementsAre(1, 2), ElementsAre(3)));
  answer("/decode", R"({"ids": [1, 2], "model": "m"})");
  const auto& one = std::get<service::Decode>(service_.requests.back());
  EXPECT_EQ(one.model, "m");
  EXPECT_TRUE(one.skip_special_tokens);
  EXPECT_THAT(one.ids, ElementsAre(ElementsAre(1, 2)));
  EXPECT_THAT(refusal("/decode", "{}"), HasSubstr("ids: expected"));
  EXPECT_THAT(refusal("/decode", R"({"ids": []})"), HasSubstr("ids: expected"));
  EXPECT_THAT(refusal("/decode", R"({"ids": "a"})"), HasSubstr("ids: expected an array"));
  EXPECT_THAT(refusal("/decode", R"({"ids": ["a"]})"), HasSubstr("not mixed"));
  EXPECT_THAT(refusal("/decode", R"({"ids": [1, [2]]})"), HasSubstr("not mixed"));
  EXPECT_THAT(refusal("/decode", R"({"ids": [[2], 1]})"), HasSubstr("not mixed"));
  EXPECT_THAT(refusal("/decode", R"({"ids": [1.5]})"), HasSubstr("ids[0]"));
  EXPECT_THAT(refusal("/decode", R"({"ids": [[1], [1], [1], [1]]})", 413), HasSubstr("at most 3"));
}

TEST_F(TeiTest, InfoTellsTheModelAndItsLimits) {
  ModelReport facts{.tasks = {"feature-extraction", "sentence-embedding"},
                    .weights_dtype = "f32",
                    .max_tokens = 256,
                    .embedding_size = 384,
                    .pooling = "mean"};
  const auto info = [&](const std::string& target) {
    event_ = service::ServedModels{{{.state = {.name = "bert"}, .facts = facts}}};
    return *parse_json(ask(server_, {.target = target}).body);
  };
  const Json model = info("/info");
  EXPECT_EQ(model["model_id"], "bert");
  EXPECT_EQ(model["model_dtype"], "float32");
  EXPECT_EQ(model["model_type"]["embedding"]["pooling"], "mean");
  EXPECT_EQ(model["max_input_length"], 256);
  EXPECT_EQ(model["max_client_batch_size"], 3);
  EXPECT_EQ(model["auto_truncate"], false);
  EXPECT_TRUE(model["max_batch_tokens"].is_null());
  EXPECT_TRUE(model["version"].is_string());
  const auto& asked = std::get<service::Describe>(service_.requests.back());
  EXPECT_EQ(asked.model, "default");
  EXPECT_TRUE(asked.facts);

  facts.tasks = {"text-classification"};
  facts.weights_dtype = "Q4_K+F32";
  facts.outputs = {{.name = "logits", .shape = {-1, 2}}};
  EXPECT_TRUE(info("/info?model=m%3A2")["model_type"].contains("classifier"));
  EXPECT_EQ(std::get<service::Describe>(service_.requests.back()).model, "m:2");
  facts.outputs[0].shape = {-1, 1};
  EXPECT_TRUE(info("/info?model=")["model_type"].contains("reranker"));
  EXPECT_EQ(std::get<service::Describe>(service_.requests.back()).model, "default");
  EXPECT_EQ(info("/info")["model_dtype"], "Q4_K+F32");
  facts.tasks = {"sparse-embedding"};
  EXPECT_EQ(info("/info")["model_type"]["embedding"]["pooling"], "splade");
  facts.tasks = {"fill-mask"};
  facts.embedding_size = 0;
  EXPECT_TRUE(info("/info")["model_type"].is_null());

  event_.reset();
  const http::Response missing = ask(server_, {.target = "/info?model=x"});
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.body, R"({"error":"no model of this name","error_type":"Validation"})");
  EXPECT_EQ(ask(server_, {.target = "/info?model=%"}).status, 422);
}

}  // namespace
}  // namespace accel::server
