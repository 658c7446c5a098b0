// Ollama's endpoints: what they ask of the service, and how they write its answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "base/json.h"
#include "server/gate.h"
#include "server/ollama/ollama_models.h"
#include "server/server.h"
#include "server/service_double.h"

namespace accel::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class OllamaTest : public testing::Test {
 protected:
  using Events = std::vector<Result<service::Event>>;

  http::Response post(const std::string& path, const std::string& body) {
    return ask(server_, {.method = "POST", .target = path, .body = body});
  }
  std::string refusal(const std::string& path, const std::string& body) {
    const http::Response response = post(path, body);
    EXPECT_EQ(response.status, 400) << response.body;
    EXPECT_TRUE(service_.requests.empty());
    const Json error = *parse_json(response.body);
    EXPECT_EQ(error.size(), 1);
    return error["error"];
  }
  Json get(const std::string& path) {
    const http::Response response = ask(server_, {.target = path});
    EXPECT_EQ(response.status, 200) << response.body;
    return *parse_json(response.body);
  }
  const service::RunItems& asked() const {
    return std::get<service::RunItems>(service_.requests.back());
  }

  // Embeddings, one of a text "long" cut, none of a text "broken".
  static Events answer_items(const service::RunItems& run) {
    Events events = embeddings_of(run);
    for (Result<service::Event>& event : events) {
      auto& item = std::get<service::ItemAnswer>(*event);
      if (run.items[item.item].text == "long") item.result->result.truncated = true;
      if (run.items[item.item].text == "broken") item.result = data_loss("weights are broken");
    }
    return events;
  }
  Events answer_request(const service::Request& request) const {
    if (const auto* run = std::get_if<service::RunItems>(&request)) return answer_items(*run);
    if (const auto* describe = std::get_if<service::Describe>(&request)) {
      if (describe->model.empty()) return {service::Event(models_)};
      if (describe->model != "bert") return {not_found("model 'x' not found")};
      return {service::Event(service::ServedModels{{models_.models[1]}})};
    }
    if (const auto* pull = std::get_if<service::Pull>(&request)) return answer_pull(pull->model);
    return {service::Event(service::Done{})};
  }
  static Events answer_pull(const std::string& model) {
    if (model == "org/forbidden") return {permission_denied("this server pulls no models")};
    Events events;
    events.emplace_back(service::PullStep{.stage = service::PullStage::kListing});
    if (model == "org/gone") {
      events.emplace_back(not_found("there is no org/gone"));
      return events;
    }
    const std::string sha256(64, 'a');
    const std::string sha1(40, 'b');
    events.emplace_back(service::PullStep{service::PullStage::kFile, sha256, 0, 9});
    events.emplace_back(service::PullStep{service::PullStage::kFile, sha1, 3, 3});
    events.emplace_back(service::PullStep{service::PullStage::kFile, sha256, 9, 9});
    events.emplace_back(service::PullStep{.stage = service::PullStage::kVerified});
    events.emplace_back(service::PullStep{.stage = service::PullStage::kAdding});
    events.emplace_back(service::Done{});
    return events;
  }

  service::ServedModels models_{
      {{.state = {.name = "bert", .version = 1}},
       {.state = {.name = "bert", .version = 3, .state = ModelState::kLoaded, .memory_bytes = 900},
        .aliases = {"default", "a:b"},
        .facts = ModelReport{.family = "bert",
                             .source = "gguf",
                             .parameters = 22'565'376,
                             .weights_dtype = "f16",
                             .bytes_on_disk = 4567,
                             .hidden_size = 384,
                             .layers = 6,
                             .vocabulary = 30522,
                             .max_tokens = 512,
                             .embedding_size = 384}},
       {.state = {.name = "graph", .state = ModelState::kLoading}}}};
  ServiceDouble service_{
      [this](const service::Request& request) { return answer_request(request); }};
  std::unique_ptr<Gate> gate_ = make_open_gate();
  Server server_{{.limits = {.items_max = 3}}, {.service = service_, .gate = *gate_}};
};

TEST_F(OllamaTest, TextsBecomeEmbeddingsInTheirOrder) {
  const auto response = post("/api/embed", R"({"model": "bert:latest", "input": ["a", "b"],
      "options": {"num_ctx": 7}, "keep_alive": "5m", "new": []})");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.body, R"({"model":"bert:latest","embeddings":[[0,0.5,0.5],[1,0.5,0.5]],)"
                           R"("total_duration":3400000,"load_duration":0,"prompt_eval_count":8})");
  EXPECT_EQ(asked().model, "bert");
  EXPECT_EQ(asked().how.task, "sentence-embedding");
  EXPECT_EQ(asked().how.options.normalize, true);
  EXPECT_EQ(asked().how.options.dimensions, std::nullopt);
  EXPECT_EQ(asked().items[1].text, "b");
  EXPECT_EQ(post("/api/embed", R"({"model": "bert:3", "input": "a", "dimensions": 2})").status,
            200);
  EXPECT_EQ(asked().model, "bert:3");
  EXPECT_EQ(asked().how.options.dimensions, 2);
  post("/api/embed", R"({"model": "bert", "input": "a", "dimensions": 0})");
  EXPECT_EQ(asked().how.options.dimensions, std::nullopt);
}

TEST_F(OllamaTest, WithoutATextTheModelIsLoaded) {
  for (const std::string_view input :
       {"", R"(, "input": "")", R"(, "input": [])", R"(, "input": null)"}) {
    const auto response = post("/api/embed", fmt::format(R"({{"model": "m:latest"{}}})", input));
    EXPECT_EQ(response.body, R"({"model":"m:latest","embeddings":[],"total_duration":0,)"
                             R"("load_duration":0,"prompt_eval_count":0})");
    EXPECT_EQ(std::get<service::Load>(service_.requests.back()).model, "m");
  }
  post("/api/embed", R"({"model": "m", "input": [""]})");
  EXPECT_EQ(asked().items.size(), 1);
  EXPECT_EQ(post("/api/embeddings", R"({"model": "m:latest"})").body, R"({"embedding":[]})");
  EXPECT_EQ(std::get<service::Load>(service_.requests.back()).model, "m");
}

TEST_F(OllamaTest, WhatIsTooLongIsCutUnlessThatIsForbidden) {
  EXPECT_EQ(post("/api/embed", R"({"model": "m", "input": ["a", "long"]})").status, 200);
  EXPECT_EQ(post("/api/embed", R"({"model": "m", "input": "long", "truncate": null})").status, 200);
  const auto response =
      post("/api/embed", R"({"model": "m", "input": ["a", "long"], "truncate": false})");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("input[1]: expected no more tokens"));
}

TEST_F(OllamaTest, AFailingItemIsTheErrorOfAll) {
  const auto response = post("/api/embed", R"({"model": "m", "input": ["a", "broken"]})");
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body, R"({"error":"input[1]: weights are broken"})");
  EXPECT_EQ(post("/api/embeddings", R"({"model": "m", "prompt": "broken"})").body,
            R"({"error":"weights are broken"})");
}

TEST_F(OllamaTest, TheOlderEndpointTakesOneText) {
  const auto response =
      post("/api/embeddings", R"({"model": "bert:latest", "prompt": "a", "keep_alive": 0})");
  EXPECT_EQ(response.body, R"({"embedding":[0,0.5,0.5]})");
  EXPECT_EQ(asked().model, "bert");
  EXPECT_EQ(asked().items[0].text, "a");
  EXPECT_EQ(asked().how.options.normalize, std::nullopt);
}

TEST_F(OllamaTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(refusal("/api/embed", R"({"input": "a"})"), HasSubstr("model: expected"));
  EXPECT_THAT(refusal("/api/embed", R"({"model": ":latest", "input": "a"})"),
              HasSubstr("model: expected"));
  EXPECT_THAT(refusal("/api/embed", R"({"model": "m", "input": 7})"), HasSubstr("input: expected"));
  EXPECT_THAT(refusal("/api/embed", R"({"model": "m", "input": ["a", 7]})"), HasSubstr("input[1]"));
  EXPECT_THAT(refusal("/api/embed", R"({"model": "m", "input": ["a", "a", "a", "a"]})"),
              HasSubstr("at most 3"));
  EXPECT_THAT(refusal("/api/embed", R"({"model": "m", "input": "a", "dimensions": -1})"),
              HasSubstr("dimensions: expected at least 0"));
  EXPECT_THAT(refusal("/api/embed", R"({"model": "m", "input": "a", "truncate": 1})"),
              HasSubstr("truncate"));
  EXPECT_FALSE(refusal("/api/embed", "").empty());
  EXPECT_THAT(refusal("/api/embeddings", R"({"prompt": "a"})"), HasSubstr("model: expected"));
  EXPECT_THAT(refusal("/api/embeddings", R"({"model": "m", "prompt": ["a"]})"),
              HasSubstr("prompt"));
  EXPECT_THAT(refusal("/api/pull", "{}"), HasSubstr("model: expected"));
  EXPECT_THAT(refusal("/api/pull", R"({"model": "m", "stream": 1})"), HasSubstr("stream"));
  EXPECT_THAT(refusal("/api/show", "{}"), HasSubstr("model: expected"));
  EXPECT_THAT(refusal("/api/show", R"({"model": ":latest"})"), HasSubstr("model: expected"));
  EXPECT_THAT(refusal("/api/show", R"({"model": 7})"), HasSubstr("model"));
}

TEST_F(OllamaTest, TagsListEveryNameWithATag) {
  const Json list = get("/api/tags");
  std::vector<std::string> names;
  for (const Json& model : list["models"]) {
    names.push_back(model["name"]);
    EXPECT_EQ(model["name"], model["model"]);
    EXPECT_EQ(std::string(model["digest"]).size(), 64);
  }
  EXPECT_THAT(names, ElementsAre("bert:1", "bert:latest", "default:latest", "a:b", "graph:latest"));
  EXPECT_TRUE(std::get<service::Describe>(service_.requests.back()).facts);
  const Json& bert = list["models"][1];
  EXPECT_EQ(bert["size"], 4567);
  EXPECT_EQ(bert["details"], *parse_json(R"({"parent_model": "", "format": "gguf", "family": "bert",
      "families": ["bert"], "parameter_size": "22.57M", "quantization_level": "F16"})"));
  const Json& unknown = list["models"][0];
  EXPECT_EQ(unknown["size"], 0);
  EXPECT_EQ(unknown["details"]["parameter_size"], "");
}

TEST_F(OllamaTest, CountsArePutShort) {
  const auto size = [&](uint64_t parameters) -> std::string {
    models_.models[1].facts->parameters = parameters;
    return get("/api/tags")["models"][1]["details"]["parameter_size"];
  };
  EXPECT_EQ(size(0), "0");
  EXPECT_EQ(size(999), "999");
  EXPECT_EQ(size(12'345), "12K");
  EXPECT_EQ(size(137'000'000), "137M");
  EXPECT_EQ(size(7'615'616'512), "7.6B");
  EXPECT_EQ(size(8'000'000'000), "8B");
}

TEST_F(OllamaTest, PsListsWhatIsLoaded) {
  const Json list = get("/api/ps");
  ASSERT_EQ(list["models"].size(), 1);
  const Json& bert = list["models"][0];
  EXPECT_EQ(bert["name"], "bert:latest");
  EXPECT_EQ(bert["size"], 900);
  EXPECT_EQ(bert["size_vram"], 0);
  EXPECT_EQ(bert["context_length"], 512);
  EXPECT_EQ(bert["details"]["family"], "bert");
  models_.models[1].statistics = ModelStatistics{.shares = {{.device = "CPU"}, {.device = "GPU"}}};
  EXPECT_EQ(get("/api/ps")["models"][0]["size_vram"], 450);
}

TEST_F(OllamaTest, ShowTellsWhatAModelIs) {
  const auto response = post("/api/show", R"({"model": "bert:latest", "verbose": true})");
  ASSERT_EQ(response.status, 200) << response.body;
  const Json model = *parse_json(response.body);
  EXPECT_EQ(model["model_info"], *parse_json(R"({"general.architecture": "bert",
      "general.parameter_count": 22565376, "bert.context_length": 512,
      "bert.embedding_length": 384, "bert.block_count": 6, "bert.vocab_size": 30522})"));
  EXPECT_EQ(model["capabilities"], *parse_json(R"(["embedding"])"));
  EXPECT_EQ(model["details"]["format"], "gguf");
  EXPECT_EQ(post("/api/show", R"({"name": "bert"})").status, 200);  // as older clients say it
  models_.models[1].facts->embedding_size = 0;
  models_.models[1].facts->family = "";
  const Json other = *parse_json(post("/api/show", R"({"model": "bert"})").body);
  EXPECT_EQ(other["capabilities"].size(), 0);
  EXPECT_EQ(other["model_info"]["unknown.embedding_length"], 384);
  const auto missing = post("/api/show", R"({"model": "x"})");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.body, R"({"error":"model 'x' not found"})");
}

TEST_F(OllamaTest, APullIsToldLineByLine) {
  const auto response = post("/api/pull", R"({"model": "org/name:latest", "insecure": true})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(http::find(response.headers, "content-type"), "application/x-ndjson");
  const std::string sha256(64, 'a');
  const std::string sha1(40, 'b');
  const auto file = [](std::string_view kind, const std::string& hash, int total, int completed) {
    return fmt::format(R"({{"status":"pulling {}","digest":"{}:{}","total":{},"completed":{}}})"
                       "\n",
                       hash.substr(0, 12), kind, hash, total, completed);
  };
  EXPECT_EQ(response.body, "{\"status\":\"pulling manifest\"}\n" + file("sha256", sha256, 9, 0) +
                               file("sha1", sha1, 3, 3) + file("sha256", sha256, 9, 9) +
                               "{\"status\":\"verifying sha256 digest\"}\n"
                               "{\"status\":\"writing manifest\"}\n"
                               "{\"status\":\"success\"}\n");
  EXPECT_EQ(std::get<service::Pull>(service_.requests.back()).model, "org/name");
  const auto whole = post("/api/pull", R"({"name": "org/name", "stream": false})");
  EXPECT_EQ(whole.body, R"({"status":"success"})");
  EXPECT_EQ(http::find(whole.headers, "content-type"), "application/json");
}

TEST_F(OllamaTest, AnErrorOfAPullIsItsLastLineOrItsStatus) {
  const auto late = post("/api/pull", R"({"model": "org/gone"})");
  EXPECT_EQ(late.status, 200);
  EXPECT_EQ(late.body, "{\"status\":\"pulling manifest\"}\n{\"error\":\"there is no org/gone\"}\n");
  const auto whole = post("/api/pull", R"({"model": "org/gone", "stream": false})");
  EXPECT_EQ(whole.status, 404);
  EXPECT_EQ(whole.body, R"({"error":"there is no org/gone"})");
  for (const char* stream : {"true", "false"}) {
    const auto refused =
        post("/api/pull", fmt::format(R"({{"model": "org/forbidden", "stream": {}}})", stream));
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(refused.body, R"({"error":"this server pulls no models"})");
  }
}

TEST_F(OllamaTest, TheVersionIsOurs) {
  EXPECT_TRUE(get("/api/version")["version"].is_string());
  EXPECT_TRUE(service_.requests.empty());
}

TEST(OllamaModels, LatestIsNoPartOfAName) {
  EXPECT_EQ(ollama_target("bert:latest"), "bert");
  EXPECT_EQ(ollama_target("bert"), "bert");
  EXPECT_EQ(ollama_target("bert:2"), "bert:2");
  EXPECT_EQ(ollama_target("latest"), "latest");
}

}  // namespace
}  // namespace accel::server
